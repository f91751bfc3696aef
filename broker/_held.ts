/**
 * What all sessions keep for their clients, sent or not: its bytes, each
 * message counted once, however many sessions it waits in.
 *
 * A message that only the store has is counted where it was last in memory: if
 * it is over there it is not counted any more, even if it waits for others yet,
 * but for its places in their queues.
 */

import type { Limits } from "./limits.ts";
import type { Message } from "./message.ts";
import type { Metrics } from "./metrics.ts";

/** Roughly what a place in a queue takes beside its message, in bytes. */
const PLACE = 128;

export class Held {
  readonly #limits: Limits;
  /** Has the sum: who watches the broker is to see it. */
  readonly #metrics: Metrics;

  constructor(limits: Limits, metrics: Metrics) {
    this.#limits = limits;
    this.#metrics = metrics;
  }

  /** Whether one more session may keep a message. */
  hasRoom(message: Message): boolean {
    const more = message.holders === 0 ? PLACE + message.size : PLACE;
    return this.#metrics.queuedBytes + more <= this.#limits.totalQueuedBytes;
  }

  /** A session keeps a message of this size from here on. */
  add(message: Message, size: number): void {
    this.#metrics.queuedBytes += message.holders++ === 0 ? PLACE + size : PLACE;
  }

  /** A session keeps it no longer. */
  remove(message: Message, size: number): void {
    this.#metrics.queuedBytes -= --message.holders === 0 ? PLACE + size : PLACE;
  }

  /**
   * A session keeps it in the store only from here on.
   *
   * @returns For how much that counts.
   */
  store(message: Message, size: number): number {
    return --message.holders === 0 ? PLACE + size : PLACE;
  }

  /**
   * So many messages, of so many bytes, are in the store.
   *
   * @returns For how much that counts.
   */
  restore(messages: number, bytes: number): number {
    const charge = PLACE * messages + bytes;
    this.#metrics.queuedBytes += charge;
    return charge;
  }

  /** What is counted for so much is gone. */
  release(charge: number): void {
    this.#metrics.queuedBytes -= charge;
  }
}
