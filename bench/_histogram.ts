/**
 * Counts of durations, in buckets that grow with the value.
 *
 * A run has millions of latencies, from microseconds to seconds: to keep them
 * all would cost the generator more than the broker pays for the messages.
 */

/** Bits of the mantissa that tell buckets apart: 64 to a power of two. */
const SUB_BITS = 6;

/** What is above the bits that matter in the upper word of a double. */
const SHIFT = 20 - SUB_BITS;

/** The number of the bucket of 1, which is the first. */
const FIRST = 1023 << SUB_BITS;

/** Powers of two that are told apart: up to 2^32 µs, more than an hour. */
const POWERS = 32;

const BUCKETS = POWERS << SUB_BITS;

/**
 * A histogram of values from 1, whose buckets are 1/64 of their value wide:
 * quantiles are less than 1 % off.
 */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  // The bits of a double are its logarithm and the linear part below it, so
  // the number of the bucket is cut out of them and never worked out.
  readonly #value = new Float64Array(1);
  readonly #words = new Uint32Array(this.#value.buffer);
  #count = 0;
  #sum = 0;
  #maximum = 0;

  /** How many values were added. */
  get count(): number {
    return this.#count;
  }

  /** The arithmetic mean; 0 without values. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** The largest value, as it was added. */
  get maximum(): number {
    return this.#maximum;
  }

  /** Adds a value; what is below 1 counts as 1. */
  add(value: number): void {
    this.#value[0] = value;
    // Little-endian, as all that Deno runs on: the upper word is the second.
    let bucket = (this.#words[1]! >>> SHIFT) - FIRST;
    if (!(value >= 1)) bucket = 0;
    else if (bucket >= BUCKETS) bucket = BUCKETS - 1;
    this.#counts[bucket]!++;
    this.#count++;
    this.#sum += value;
    if (value > this.#maximum) this.#maximum = value;
  }

  /**
   * The value that the share `q` of all values does not exceed, for example
   * 0.99: the middle of its bucket. 0 without values.
   */
  quantile(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen < rank) continue;
      const middle = (this.#lowest(bucket) + this.#lowest(bucket + 1)) / 2;
      return Math.min(middle, this.#maximum);
    }
    return this.#maximum;
  }

  #lowest(bucket: number): number {
    this.#words[0] = 0;
    this.#words[1] = (bucket + FIRST) << SHIFT;
    return this.#value[0]!;
  }
}
