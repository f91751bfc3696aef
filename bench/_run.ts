/**
 * One run of the load generator: what all its parts share.
 */

import { Turn } from "./_turn.ts";

/** What has been found wrong, and the end of all waiting when something is. */
export class Run {
  readonly turn = new Turn();
  /** Things gone wrong; deliveries are counted elsewhere. */
  errors = 0;
  /** The first of them. */
  error = "";
  timedOut = false;
  readonly #broken = Promise.withResolvers<void>();

  /** @param seconds After that long it is given up. */
  constructor(seconds: number) {
    const timer = setTimeout(() => {
      this.timedOut = true;
      this.fail(`not done after ${seconds} s`);
    }, seconds * 1000);
    Deno.unrefTimer(timer);
  }

  /** Whether there is no point in going on. */
  get broken(): boolean {
    return this.errors > 0;
  }

  /** Notes that something has gone wrong, which ends the run. */
  fail(message: string): void {
    if (this.errors++ === 0) this.error = message;
    this.#broken.resolve();
  }

  /** Waits, but not for a run that is broken. */
  async sleep(milliseconds: number): Promise<void> {
    await this.orBroken(delay(milliseconds));
  }

  /** Waits for something, but not for a run that is broken. */
  async orBroken(promise: Promise<void>): Promise<void> {
    await Promise.race([promise, this.#broken.promise]);
  }

  /**
   * Waits until `done`, or until `progress` has not changed for so long.
   *
   * @returns Whether it is done.
   */
  async until(
    done: () => boolean,
    progress: () => number,
    patience: number,
  ): Promise<boolean> {
    let last = progress();
    let since = performance.now();
    while (!done()) {
      if (this.broken) return false;
      await this.sleep(5);
      const now = performance.now();
      const at = progress();
      if (at !== last) [last, since] = [at, now];
      else if (now - since > patience) return done();
    }
    return true;
  }
}

/** Waits. */
export function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
