/**
 * What waits to be sent to one client, in the order in which it is to be sent:
 * messages of QoS 1 and 2, and retained messages for new subscriptions.
 *
 * Both are bounded, each by its own limit: messages by what may be queued,
 * retained ones by how many there may be at all.
 */

import { type Qos, Queue } from "../codec/mod.ts";
import type { Limits } from "./config.ts";
import type { Message } from "./message.ts";

/** A message that waits. */
export interface Waiting {
  /**
   * Names the delivery in the store; 0 for a retained message that waits for
   * a new subscription: what is retained already need not be kept again.
   */
  readonly id: number;
  readonly message: Message;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly identifiers: readonly number[] | undefined;
}

export class Backlog {
  readonly #limits: Limits;
  readonly #queue = new Queue<Waiting>();
  #messages = 0;
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** How much waits. */
  get size(): number {
    return this.#queue.size;
  }

  /** How many messages of QoS 1 and 2 wait. */
  get messages(): number {
    return this.#messages;
  }

  /** Adds a message; returns `false` if there is no room for it. */
  push(waiting: Waiting): boolean {
    const { queuedMessages, queuedBytes } = this.#limits;
    const { size } = waiting.message;
    if (
      this.#messages >= queuedMessages || this.#bytes + size > queuedBytes
    ) return false;
    this.restore(waiting);
    return true;
  }

  /** Adds a message that was within the limits before. */
  restore(waiting: Waiting): void {
    this.#messages++;
    this.#bytes += waiting.message.size;
    this.#queue.push(waiting);
  }

  /** Whether there is room for so many retained messages. */
  accepts(retained: number): boolean {
    const replayed = this.#queue.size - this.#messages;
    return replayed + retained <= this.#limits.retainedMessages;
  }

  /** Adds a retained message; ask `accepts` before. */
  pushRetained(waiting: Waiting): void {
    this.#queue.push(waiting);
  }

  peek(): Waiting | undefined {
    return this.#queue.peek();
  }

  shift(): Waiting | undefined {
    const waiting = this.#queue.shift();
    if (waiting !== undefined && waiting.id !== 0) {
      this.#messages--;
      this.#bytes -= waiting.message.size;
    }
    return waiting;
  }
}
