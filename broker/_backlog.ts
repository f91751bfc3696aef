/**
 * What waits to be sent to one client, in the order in which it is to be sent:
 * messages of QoS 1 and 2, and retained messages for new subscriptions.
 *
 * Messages are bounded by what may be queued, in this session and in all.
 * Retained messages are there already and cost a reference each; their bound is
 * so wide that only somebody who subscribes again and again without reading
 * meets it. The two have queues of their own, so that the oldest message is at
 * hand when it has to make room: retained messages stand behind the message
 * that came before them.
 */

import { type Qos, Queue } from "../codec/mod.ts";
import type { Held } from "./_held.ts";
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

/** Retained messages and their place. */
interface Placed {
  readonly replay: Replay;
  /** How many messages were put in before. */
  readonly after: number;
}

/** Milliseconds between two looks for what has expired. */
const LOOK_INTERVAL = 400;

export class Backlog {
  readonly #limits: Limits;
  readonly #held: Held;
  readonly #messages = new Queue<Waiting>();
  /** Made by the first: most sessions never have any. */
  #replays: Queue<Placed> | undefined;
  /** How many messages were put in, and how many have gone. */
  #pushed = 0;
  #gone = 0;
  #bytes = 0;
  #replayed = 0;
  /** Nothing expires before: nobody needs to look. */
  #nextExpiry = Infinity;
  /** Nobody looks before: a full queue is not gone through for each message. */
  #nextLook = -Infinity;

  constructor(limits: Limits, held: Held) {
    this.#limits = limits;
    this.#held = held;
  }

  /** How much waits. */
  get size(): number {
    return this.#messages.size + (this.#replays?.size ?? 0);
  }

  /** How many messages of QoS 1 and 2 wait. */
  get messages(): number {
    return this.#messages.size;
  }

  /** Whether there is room for a message, here and in all. */
  hasRoom(message: Message): boolean {
    return this.#fits(message.size) && this.#held.hasRoom(message);
  }

  #fits(size: number): boolean {
    const { queuedMessages, queuedBytes } = this.#limits;
    return this.#messages.size < queuedMessages &&
      this.#bytes + size <= queuedBytes;
  }

  /**
   * Takes out what has waited longest, as far as a message needs its room.
   *
   * @returns What was taken out: nothing if that would be of no use.
   */
  makeRoom(message: Message): Waiting[] {
    const { size } = message;
    const { queuedMessages, queuedBytes } = this.#limits;
    const out: Waiting[] = [];
    if (queuedMessages === 0 || size > queuedBytes) return out;
    while (!this.#fits(size)) out.push(this.#shiftMessage()!);
    return out;
  }

  /** Adds a message; ask `hasRoom` before, unless it was there before. */
  push(waiting: Waiting): void {
    const { message } = waiting;
    const { size, expiresAt } = message;
    this.#pushed++;
    this.#bytes += size;
    this.#held.add(message, size);
    this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
    this.#messages.push(waiting);
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
    this.#replays ??= new Queue();
    this.#replays.push({ replay, after: this.#pushed });
  }

  peek(): Waiting | Replay | undefined {
    return this.#firstReplay() ?? this.#messages.peek();
  }

  shift(): Waiting | Replay | undefined {
    const replay = this.#firstReplay();
    if (replay === undefined) return this.#shiftMessage();
    this.#replays!.shift();
    this.#replayed -= replay.messages.length;
    return replay;
  }

  /** Retained messages, if no message stands before them. */
  #firstReplay(): Replay | undefined {
    const placed = this.#replays?.peek();
    if (placed === undefined || placed.after > this.#gone) return undefined;
    return placed.replay;
  }

  #shiftMessage(): Waiting | undefined {
    const first = this.#messages.shift();
    if (first === undefined) return undefined;
    const { message } = first;
    const { size } = message;
    this.#gone++;
    this.#bytes -= size;
    this.#held.remove(message, size);
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
    for (let left = this.size; left > 0; left--) {
      const first = this.shift()!;
      if ("messages" in first) this.pushReplay(first);
      else if (holds(first)) out.push(first);
      else this.push(first);
    }
    return out;
  }
}
