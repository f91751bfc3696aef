/**
 * When to send, where messages are sent at a rate.
 *
 * Timers of the event loop are a millisecond late, which is more than a message
 * takes. To wait on memory that nobody writes to is good for 0.1 ms, but blocks
 * the thread: hence a worker, which is this same module.
 */

/** Ticks are no closer than that, in milliseconds: each costs some 20 µs. */
const CLOSEST = 0.1;

/** And no further apart, so that the first ones tell soon what they are worth. */
const FURTHEST = 5;

/** Ticks before the first message. */
const TRIAL = 20;

/** Calls back for each message at its time, and says when that was. */
export class Pacer {
  readonly #worker: Worker;

  /**
   * @param period Milliseconds from one message to the next.
   * @param send Called with the time a message was due, however late it is,
   *   and the time it is.
   */
  constructor(period: number, send: (due: number, now: number) => void) {
    const every = period > FURTHEST
      ? period / Math.ceil(period / FURTHEST)
      : Math.max(period, CLOSEST);
    let ticks = -TRIAL;
    let count = 0;
    // The clocks of two threads differ by more than a tick takes from one to
    // the other, so the schedule is by the tick that came fastest of all.
    let origin = Infinity;
    this.#worker = new Worker(import.meta.url, { type: "module" });
    this.#worker.onmessage = () => {
      const now = performance.now();
      const at = ticks++ * every;
      origin = Math.min(origin, now - at);
      if (at < 0) return;
      for (; count * period <= at; count++) send(origin + count * period, now);
    };
    this.#worker.postMessage(every);
  }

  /** Ends it. */
  stop(): void {
    this.#worker.terminate();
  }
}

/** The worker's side of things, which the types of the main thread lack. */
interface WorkerScope {
  onmessage: (event: MessageEvent<number>) => void;
  postMessage(message: null): void;
}

function tick(scope: WorkerScope, every: number): never {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const start = performance.now();
  for (let count = 0;; count++) {
    const wait = start + count * every - performance.now();
    if (wait > 0) Atomics.wait(cell, 0, 0, wait);
    scope.postMessage(null);
  }
}

if (import.meta.main) {
  const scope = self as unknown as WorkerScope;
  scope.onmessage = ({ data }) => tick(scope, data);
}
