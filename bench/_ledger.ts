/**
 * What has arrived, so that nothing lost, doubled or out of order goes unseen.
 */

/** What a delivery turned out to be. */
export type Verdict = "fresh" | "late" | "duplicate";

/**
 * Keeps for each track, a row of messages numbered from 0, which of the latest
 * numbers have arrived.
 */
export class Ledger {
  /** A ring of bits for each track, one after the other. */
  readonly #seen: Uint32Array;
  readonly #next: Uint32Array;
  readonly #span: number;
  /** Deliveries seen for the first time. */
  received = 0;
  /** Deliveries seen before. */
  duplicates = 0;
  /** Deliveries that came after one with a higher number. */
  late = 0;
  /** Times that numbers were skipped; they may come late. */
  gaps = 0;

  /**
   * @param tracks The number of tracks.
   * @param span How far back numbers are remembered, a power of two of at
   *   least 32. What is older counts as a duplicate.
   */
  constructor(tracks: number, span = 64) {
    this.#span = span;
    this.#seen = new Uint32Array(tracks * (span >>> 5));
    this.#next = new Uint32Array(tracks);
  }

  /** Enters a delivery. */
  enter(track: number, number: number): Verdict {
    const next = this.#next[track]!;
    if (number >= next) {
      if (number > next) this.#skip(track, next, number);
      this.#set(track, number);
      this.#next[track] = number + 1;
      this.received++;
      return "fresh";
    }
    if (next - number > this.#span || this.#has(track, number)) {
      this.duplicates++;
      return "duplicate";
    }
    this.#set(track, number);
    this.received++;
    this.late++;
    return "late";
  }

  /** Forgets what has arrived, but not the counts. */
  rewind(): void {
    this.#seen.fill(0);
    this.#next.fill(0);
  }

  // The ring still has the bits of the round before. A number in order needs
  // no clearing: its own bit is set anyway.
  #skip(track: number, from: number, to: number): void {
    this.gaps++;
    const start = Math.max(from, to - this.#span);
    for (let number = start; number < to; number++) {
      this.#seen[this.#word(track, number)]! &= ~(1 << (number & 31));
    }
  }

  #word(track: number, number: number): number {
    const words = this.#span >>> 5;
    return track * words + (number >>> 5 & words - 1);
  }

  #has(track: number, number: number): boolean {
    return (this.#seen[this.#word(track, number)]! >>> (number & 31) & 1) === 1;
  }

  #set(track: number, number: number): void {
    this.#seen[this.#word(track, number)]! |= 1 << (number & 31);
  }
}
