/**
 * What waits to be sent to one client, in the order in which it is to be sent:
 * messages of QoS 1 and 2, and retained messages for new subscriptions.
 *
 * Messages are bounded by what may be queued. Retained messages are there
 * already and cost a reference each; their bound is so wide that only somebody
 * who subscribes again and again without reading meets it.
 */

import { type Qos, Queue } from "../codec/mod.ts";
import type { Limits } from "./limits.ts";
import type { Message } from "./message.ts";

/** A message that waits. */
export interface Waiting {
  /** Names the delivery in the store. */
  readonly id: number;
  readonly message: Message;
  readonly qos: 1 | 2;
  readonly retain: boolean;
  readonly identifiers: readonly number[] | undefined;
  /** The filter of the shared subscription that it came by, if it did. */
  readonly shared: string | undefined;
}

/** Retained messages that wait for a new subscription. */
export interface Replay {
  readonly messages: readonly Message[];
  /** Index of the next one. */
  next: number;
  /** The QoS granted. */
  readonly granted: Qos;
  readonly identifiers: readonly number[] | undefined;
}

/** Milliseconds between two looks for what has expired. */
const LOOK_INTERVAL = 400;

export class Backlog {
  readonly #limits: Limits;
  #queue = new Queue<Waiting | Replay>();
  #messages = 0;
  #bytes = 0;
  #replayed = 0;
  /** Nothing expires before: nobody needs to look. */
  #nextExpiry = Infinity;
  /** Nobody looks before: a full queue is not gone through for each message. */
  #nextLook = -Infinity;

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

  /** Whether there is room for a message. */
  hasRoom({ size }: Message): boolean {
    const { queuedMessages, queuedBytes } = this.#limits;
    return this.#messages < queuedMessages &&
      this.#bytes + size <= queuedBytes;
  }

  /** Adds a message; ask `hasRoom` before, unless it was there before. */
  push(waiting: Waiting): void {
    const { size, expiresAt } = waiting.message;
    this.#messages++;
    this.#bytes += size;
    this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
    this.#queue.push(waiting);
  }

  /** Whether retained messages wait for a new subscription. */
  get replays(): boolean {
    return this.#replayed > 0;
  }

  /** For how many retained messages there is room. */
  get room(): number {
    if (this.#replayed === 0) return Infinity;
    return 2 * this.#limits.retainedMessages - this.#replayed;
  }

  /** Adds retained messages; look at `room` before. */
  pushReplay(replay: Replay): void {
    this.#replayed += replay.messages.length;
    this.#queue.push(replay);
  }

  peek(): Waiting | Replay | undefined {
    return this.#queue.peek();
  }

  shift(): Waiting | Replay | undefined {
    const first = this.#queue.shift();
    if (first === undefined) return undefined;
    if ("messages" in first) {
      this.#replayed -= first.messages.length;
    } else {
      this.#messages--;
      this.#bytes -= first.message.size;
    }
    return first;
  }

  /** Takes out the messages that have expired, unless it did just now. */
  expire(now: number): Waiting[] {
    if (now < this.#nextExpiry || now < this.#nextLook) return [];
    this.#nextExpiry = Infinity;
    this.#nextLook = now + LOOK_INTERVAL;
    return this.withdraw(({ message }) => message.expiresAt <= now);
  }

  /** Takes out the messages of which that holds. */
  withdraw(holds: (waiting: Waiting) => boolean): Waiting[] {
    const out: Waiting[] = [];
    // Once around: what stays goes to the end, one behind the other.
    for (let left = this.#queue.size; left > 0; left--) {
      const first = this.shift()!;
      if ("messages" in first) this.pushReplay(first);
      else if (holds(first)) out.push(first);
      else this.push(first);
    }
    return out;
  }
}
