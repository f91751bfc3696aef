/**
 * What all sessions keep for their clients, sent or not: its bytes, each
 * message counted once, however many sessions it waits in.
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
}
