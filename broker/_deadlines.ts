/**
 * Waiting for plugins, but not for ever. All waits of a broker are equally long:
 * the oldest is the first to end, and a look at it in each sweep is enough.
 */

interface Wait {
  readonly dueAt: number;
  giveUp(): void;
}

export class Deadlines {
  readonly #seconds: number;
  readonly #now: () => number;
  readonly #waits = new Set<Wait>();

  /** @param now The time in milliseconds. */
  constructor(seconds: number, now: () => number) {
    this.#seconds = seconds;
    this.#now = now;
  }

  /** What a promise comes to; a rejection if it does not settle in time. */
  within<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait: Wait = {
        dueAt: this.#now() + this.#seconds * 1000,
        giveUp: () =>
          reject(new Error(`there was no answer within ${this.#seconds} s`)),
      };
      this.#waits.add(wait);
      promise.then((value) => {
        this.#waits.delete(wait);
        resolve(value);
      }, (error) => {
        this.#waits.delete(wait);
        reject(error);
      });
    });
  }

  /** Gives up what has waited too long. */
  tick(now: number): void {
    for (const wait of this.#waits) {
      if (now < wait.dueAt) break;
      this.#waits.delete(wait);
      wait.giveUp();
    }
  }
}
