/**
 * A turn: all that the broker does between two waits for the network.
 *
 * Whatever arrived in one round of the event loop is handled in one turn. At
 * its end, in a microtask behind all handlers, the store commits, and then each
 * connection that has something to send writes it with one call. So nothing
 * leaves the broker before what it confirms is durable, and a busy broker pays
 * for one commit and one write where it would pay for hundreds.
 */

import type { Hooks } from "./_hooks.ts";
import type { Metrics } from "./metrics.ts";
import type { Store } from "./store.ts";

/** What a turn needs of a connection. */
interface Flushable {
  /** Writes what was sent in the turn. */
  flush(): void;
  /** Ends the connection without writing anything more. */
  abort(reason: string): void;
}

export class Turn {
  readonly #store: Store;
  readonly #metrics: Metrics;
  readonly #hooks: Hooks;
  #woken: Flushable[] = [];
  #scheduled = false;

  constructor(store: Store, metrics: Metrics, hooks: Hooks) {
    this.#store = store;
    this.#metrics = metrics;
    this.#hooks = hooks;
  }

  /** Has a connection flushed at the end of the turn: once, it keeps count. */
  wake(connection: Flushable): void {
    this.#woken.push(connection);
    this.schedule();
  }

  /** Has the turn end, also where only the store has something to do. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#end);
  }

  readonly #end = (): void => {
    const woken = this.#woken;
    this.#woken = [];
    this.#scheduled = false;
    try {
      this.#store.commit();
    } catch (error) {
      // The changes stay with the store and go with the next commit: until one
      // succeeds nobody is told anything.
      this.#metrics.storeFailures++;
      this.#hooks.emit("broker_store_failed", { error });
      const reason = `the store failed: ${error}`;
      for (const connection of woken) connection.abort(reason);
      return;
    }
    for (const connection of woken) connection.flush();
  };
}
