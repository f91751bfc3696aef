/** What a store in a file tells of itself. */

import type { StoreMetrics } from "./metrics.ts";

export class SqliteMetrics implements StoreMetrics {
  commits = 0;
  commitTimeLast = 0;
  commitTimeMaximum = 0;

  readonly #file: string;
  readonly #pending: () => number;
  #time = 0;

  /** @param pending How much is in the journal only. */
  constructor(file: string, pending: () => number) {
    this.#file = file;
    this.#pending = pending;
  }

  get commitTimeMean(): number {
    return this.commits === 0 ? 0 : this.#time / this.commits;
  }

  get fileBytes(): number {
    return sizeOf(this.#file);
  }

  get logBytes(): number {
    return sizeOf(`${this.#file}-wal`);
  }

  get pending(): number {
    return this.#pending();
  }

  /** The time, to pass to `committed`. */
  begin(): number {
    return performance.now();
  }

  /** A commit has succeeded. */
  committed(since: number): void {
    const time = performance.now() - since;
    this.commits++;
    this.commitTimeLast = time;
    this.#time += time;
    if (time > this.commitTimeMaximum) this.commitTimeMaximum = time;
  }
}

function sizeOf(file: string): number {
  try {
    return Deno.statSync(file).size;
  } catch {
    return 0; // it is not there yet, or not any more
  }
}
