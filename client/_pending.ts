/**
 * The promises that the application holds: each settles, once, whatever
 * happens to the connection.
 */

/** A pending promise, whatever it is for. */
interface Waiter {
  reject(reason: unknown): void;
}

/** A promise that is settled from outside, or by an `AbortSignal`. */
export class Pending<T> implements Waiter {
  readonly promise: Promise<T>;
  /** Whether it is over: nothing more can be told to who waits. */
  settled = false;

  readonly #resolve: (value: T) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #over: ((waiter: Waiter) => void) | undefined;
  readonly #abort = () => this.reject(this.#signal!.reason);

  /**
   * @param signal Gives up waiting; it has not fired yet.
   * @param over Is called when the promise is settled.
   */
  constructor(
    signal: AbortSignal | undefined,
    over?: (waiter: Waiter) => void,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#over = over;
    signal?.addEventListener("abort", this.#abort);
  }

  resolve(value: T): void {
    if (this.#settle()) this.#resolve(value);
  }

  reject(reason: unknown): void {
    if (!this.#settle()) return;
    overlook(this.promise);
    this.#reject(reason);
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#over?.(this);
    return true;
  }
}

/** The pending promises of one connection. */
export class PendingSet {
  readonly #waiters = new Set<Waiter>();
  readonly #opened: () => void;
  readonly #over = (waiter: Waiter) => this.#waiters.delete(waiter);

  /** @param opened Is called when the application begins to wait. */
  constructor(opened: () => void) {
    this.#opened = opened;
  }

  /** How many promises the application waits for. */
  get size(): number {
    return this.#waiters.size;
  }

  /**
   * @param signal Gives up waiting; it has not fired yet.
   * @param settled Is called when the promise is settled.
   */
  open<T>(signal?: AbortSignal, settled?: () => void): Pending<T> {
    const pending = new Pending<T>(
      signal,
      settled === undefined ? this.#over : (waiter) => {
        this.#over(waiter);
        settled();
      },
    );
    this.#waiters.add(pending);
    this.#opened();
    return pending;
  }

  /** Rejects all, because the connection is lost. */
  lose(reason: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.reject(reason);
  }
}

/**
 * Does something that fails at once or later: in both cases the promise does.
 * Only a mistake of the caller is an unhandled rejection where nobody looks.
 */
export function attempt<T>(action: () => Promise<T>): Promise<T> {
  try {
    return action();
  } catch (error) {
    const failure = Promise.reject(error);
    const mistake = error instanceof TypeError || error instanceof RangeError;
    return mistake ? failure : overlook(failure);
  }
}

/**
 * A broker or a network that fails rejects many promises at once, and `closed`
 * tells of it too. A promise that nobody looks at is no unhandled rejection
 * then, which would end the program.
 */
export function overlook<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
