/** When to try again, and whether. */

import type { ReconnectPolicy } from "./options.ts";

/** In seconds: what a timer can wait at the longest. */
const LONGEST = 2_147_483;

export class BackOff {
  readonly #retries: number;
  /** In seconds. */
  readonly #longest: number;
  readonly #chance: () => number;
  /** Failures since there was a connection that was none. */
  #failures = 0;
  /** The same with connections that did not last. */
  #exponent = 0;
  #opened = 0;

  /**
   * @param policy The options about it.
   * @param chance Makes numbers from 0 to 1.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(policy: ReconnectPolicy, chance: () => number) {
    const { reconnectRetries = 2, reconnectMaxInterval = 10 } = policy;
    if (!Number.isInteger(reconnectRetries)) {
      throw new RangeError(
        `Cannot make a client: reconnectRetries ${reconnectRetries} is not a whole number`,
      );
    }
    if (!(reconnectMaxInterval >= 0)) {
      throw new RangeError(
        `Cannot make a client: reconnectMaxInterval ${reconnectMaxInterval} is not 0 or more`,
      );
    }
    this.#retries = reconnectRetries;
    this.#longest = Math.min(reconnectMaxInterval, LONGEST);
    this.#chance = chance;
  }

  /** Which attempt the next one is, since there was such a connection. */
  get attempt(): number {
    return this.#failures + 1;
  }

  /** Nothing has failed yet. */
  begin(): void {
    this.#failures = this.#exponent = 0;
  }

  /**
   * There is a connection.
   *
   * @param now The time in milliseconds.
   */
  opened(now: number): void {
    this.#opened = now;
  }

  /**
   * It is lost.
   *
   * @param now The time in milliseconds.
   * @param broken Whether the broker broke the protocol: it would again, so that
   * it counts as a failure, unless the connection has lasted.
   * @returns In how many seconds to try again; `undefined`: not any more.
   */
  lost(now: number, broken: boolean): number | undefined {
    const lasted = now - this.#opened >= this.#longest * 1000;
    if (lasted) this.#exponent = 0;
    if (lasted || !broken) this.#failures = 0;
    if (!lasted && broken) return this.failed();
    if (!lasted) this.#exponent++;
    return this.#delay();
  }

  /**
   * An attempt failed.
   *
   * @returns In how many seconds to try again; `undefined`: not any more.
   */
  failed(): number | undefined {
    this.#failures++;
    this.#exponent++;
    const last = this.#retries >= 0 && this.#failures > this.#retries;
    return last ? undefined : this.#delay();
  }

  #delay(): number {
    const longest = Math.min(this.#longest, 2 ** this.#exponent);
    return longest * (1 - this.#chance() / 2);
  }
}
