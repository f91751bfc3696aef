/**
 * Messages between their arrival and the application: a queue of both, since
 * either may wait for the other.
 */

import { Queue } from "../codec/mod.ts";
import type { ApplicationMessage } from "./message.ts";
import { Pending } from "./_pending.ts";

type Taker = Pending<ApplicationMessage | undefined>;

export class Inbox {
  readonly #messages = new Queue<ApplicationMessage>();
  /** Applications that wait: only while there is no message. */
  readonly #takers = new Queue<Taker>();
  readonly #limit: number;
  readonly #taken: () => void;
  /** No more messages come: why, if it is an error. */
  #ended: { error: Error | undefined } | undefined;

  /**
   * @param limit From how many messages on the application is behind.
   * @param taken Is called when a message has left the queue.
   */
  constructor(limit: number, taken: () => void) {
    this.#limit = limit;
    this.#taken = taken;
  }

  get size(): number {
    return this.#messages.size;
  }

  get full(): boolean {
    return this.#messages.size >= this.#limit;
  }

  /** Whether the application has caught up enough to go on reading. */
  get low(): boolean {
    return this.#messages.size * 2 <= this.#limit;
  }

  push(message: ApplicationMessage): void {
    for (;;) {
      const taker = this.#takers.shift();
      if (taker === undefined) return this.#messages.push(message);
      if (taker.settled) continue; // gave up waiting
      return taker.resolve(message);
    }
  }

  /** The next message; `undefined` after an orderly end. */
  take(signal?: AbortSignal): Promise<ApplicationMessage | undefined> {
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#taken();
      return Promise.resolve(message);
    }
    if (this.#ended !== undefined) {
      const { error } = this.#ended;
      return error === undefined
        ? Promise.resolve(undefined)
        : Promise.reject(error);
    }
    const taker: Taker = new Pending(signal);
    this.#takers.push(taker);
    return taker.promise;
  }

  /** A connection begins: messages may come. */
  open(): void {
    this.#ended = undefined;
  }

  /** No more messages come. Those that are there can still be taken. */
  end(error: Error | undefined): void {
    this.#ended = { error };
    for (;;) {
      const taker = this.#takers.shift();
      if (taker === undefined) return;
      if (error === undefined) taker.resolve(undefined);
      else taker.lose(error);
    }
  }
}
