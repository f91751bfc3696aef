/** Randomness that can be repeated, for tests of properties. */

/** The generator mulberry32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 up to, but not including, 1. */
  number(): number {
    this.#state = this.#state + 0x6d2b79f5 >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ mixed >>> 15, mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  }

  /** An integer, both ends included. */
  integer(minimum: number, maximum: number): number {
    return minimum + Math.floor(this.number() * (maximum - minimum + 1));
  }

  /** True in so many of 100 cases. */
  percent(chance: number): boolean {
    return this.number() * 100 < chance;
  }

  boolean(): boolean {
    return this.percent(50);
  }

  pick<T>(list: ArrayLike<T>): T {
    return list[this.integer(0, list.length - 1)]!;
  }

  /** An array of so many values. */
  array<T>(length: number, make: () => T): T[] {
    return Array.from({ length }, make);
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.integer(0, 255));
  }

  /** Cuts bytes into pieces, some of them empty. */
  chunks(bytes: Uint8Array, longest: number): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (let start = 0; start < bytes.length;) {
      const end = start + this.integer(0, longest);
      pieces.push(bytes.subarray(start, end));
      start = end;
    }
    return pieces;
  }
}

/**
 * Runs a test with one seed after the other; a failure names its seed. The
 * environment variable AMBERMQ_SEED has other seeds than the usual ones used.
 */
export function withSeeds(count: number, run: (random: Random) => void): void {
  const first = Number(Deno.env.get("AMBERMQ_SEED") ?? 1);
  for (let seed = first; seed < first + count; seed++) {
    try {
      run(new Random(seed));
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`With AMBERMQ_SEED=${seed}: ${message}`, { cause });
    }
  }
}
