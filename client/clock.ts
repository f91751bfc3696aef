/**
 * Where a client takes the time from.
 *
 * @module
 */

/** A clock with timers, so that tests can let time pass without waiting. */
export interface Clock {
  /**
   * The time.
   *
   * @returns Milliseconds since some moment; never less than before.
   */
  now(): number;

  /**
   * Starts a timer.
   *
   * @param callback What to do then.
   * @param delay After how many milliseconds; `Infinity`: never.
   * @returns What {@linkcode Clock.clearTimeout} takes.
   */
  setTimeout(callback: () => void, delay: number): unknown;

  /**
   * Stops a timer, if it has not run yet.
   *
   * @param timer What {@linkcode Clock.setTimeout} returned.
   */
  clearTimeout(timer: unknown): void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  // What is longer the machine takes for nothing: 24 days are for ever.
  setTimeout: (callback, delay) =>
    delay < 2 ** 31 ? setTimeout(callback, delay) : undefined,
  clearTimeout: (timer) => clearTimeout(timer as number | undefined),
};
