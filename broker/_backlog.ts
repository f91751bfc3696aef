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
 *
 * Where the store can give messages back one by one, memory lets go of those
 * that it has: of all while the client is away, of those behind the first ones
 * while it is there. The queue is then in three pieces: what was read again,
 * what only the store has, and what is not with it yet.
 */

import { type Qos, Queue } from "../codec/mod.ts";
import type { Held } from "./_held.ts";
import type { Limits } from "./limits.ts";
import type { Message } from "./message.ts";
import { type Gone, type QueueSource, StoredQueue } from "./_stored_queue.ts";
import type { QueuedMessage, QueueSummary } from "./store.ts";

/** A message that waits, as the store has it. */
export type Waiting = QueuedMessage;

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
  /** The last message that was put in before. */
  readonly after: number;
}

/** Milliseconds between two looks for what has expired. */
const LOOK_INTERVAL = 400;

/** What nothing is put into. */
const none = new Queue<Waiting>();

export class Backlog {
  readonly #limits: Limits;
  readonly #held: Held;
  #source: QueueSource | undefined;
  /** What came first, read again: made with `#stored`. */
  #first = none;
  #stored: StoredQueue | undefined;
  /** What came last: all, where the store cannot give it back. */
  #messages = new Queue<Waiting>();
  /** Made by the first: most sessions never have any. */
  #replays: Queue<Placed> | undefined;
  /** How many messages there are, wherever. */
  #count = 0;
  #bytes = 0;
  #replayed = 0;
  /** The last message that was put in. */
  #lastId = 0;
  /** The last that the store can give back. */
  #storedUpTo = 0;
  #away = true;
  /** Nothing in memory expires before: nobody needs to look. */
  #nextExpiry = Infinity;
  /** Nobody looks before: a full queue is not gone through for each message. */
  #nextLook = -Infinity;

  constructor(limits: Limits, held: Held, source?: QueueSource) {
    this.#limits = limits;
    this.#held = held;
    this.#source = source;
  }

  /** How much waits. */
  get size(): number {
    return this.#count + (this.#replays?.size ?? 0);
  }

  /** How many messages of QoS 1 and 2 wait. */
  get messages(): number {
    return this.#count;
  }

  /** Whether there is room for a message, here and in all. */
  hasRoom(message: Message): boolean {
    return this.#fits(message.size) && this.#held.hasRoom(message);
  }

  #fits(size: number): boolean {
    const { queuedMessages, queuedBytes } = this.#limits;
    return this.#count < queuedMessages && this.#bytes + size <= queuedBytes;
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
    while (!this.#fits(size)) {
      const oldest = this.#shiftMessage();
      if (oldest === undefined) break; // it cannot be read now
      out.push(oldest);
    }
    return out;
  }

  /** Adds a message; ask `hasRoom` before, unless it was there before. */
  push(waiting: Waiting): void {
    const { id, message } = waiting;
    const { size } = message;
    this.#lastId = id;
    this.#count++;
    this.#bytes += size;
    this.#keep(waiting, size);
    this.#messages.push(waiting);
  }

  /** A message is in memory from here on. */
  #keep({ message }: Waiting, size: number): void {
    this.#held.add(message, size);
    this.#nextExpiry = Math.min(this.#nextExpiry, message.expiresAt);
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
    this.#replays.push({ replay, after: this.#lastId });
  }

  /** What comes first, unless it cannot be read now. */
  peek(): Waiting | Replay | undefined {
    return this.#firstReplay() ?? this.#next()?.peek();
  }

  shift(): Waiting | Replay | undefined {
    const replay = this.#firstReplay();
    if (replay === undefined) return this.#shiftMessage();
    this.#shiftReplay();
    return replay;
  }

  #shiftReplay(): Placed | undefined {
    const placed = this.#replays?.shift();
    if (placed !== undefined) this.#replayed -= placed.replay.messages.length;
    return placed;
  }

  /** Retained messages, if no message stands before them. */
  #firstReplay(): Replay | undefined {
    const placed = this.#replays?.peek();
    if (placed === undefined) return undefined;
    if (this.#count > 0) {
      const next = this.#next()?.peek();
      if (next === undefined || next.id <= placed.after) return undefined;
    }
    return placed.replay;
  }

  /** The piece that has the first message, if that can be read now. */
  #next(): Queue<Waiting> | undefined {
    const stored = this.#stored;
    if (stored === undefined) return this.#messages;
    if (this.#first.size === 0 && stored.count > 0 && !this.#read(stored)) {
      return undefined;
    }
    return this.#first.size > 0 ? this.#first : this.#messages;
  }

  /** Reads what only the store has; returns `false` if that fails. */
  #read(stored: StoredQueue): boolean {
    const before = stored.count;
    const page = stored.shift();
    if (page === undefined) return false;
    this.#count -= before - stored.count - page.length;
    for (const waiting of page) {
      this.#keep(waiting, waiting.message.size);
      this.#first.push(waiting);
    }
    return true;
  }

  #shiftMessage(): Waiting | undefined {
    const first = this.#next()?.shift();
    if (first !== undefined) this.#gone(first.message);
    return first;
  }

  /** A message of those in memory has been taken out. */
  #gone(message: Message): void {
    const { size } = message;
    this.#held.remove(message, size);
    this.#removed(1, size);
  }

  #removed(count: number, size: number): void {
    this.#count -= count;
    this.#bytes = this.#count === 0 ? 0 : this.#bytes - size;
  }

  /** Takes out the messages that have expired, unless it did just now. */
  expire(now: number): readonly { readonly id: number }[] {
    const gone: readonly Gone[] = this.#stored?.expire(now) ?? [];
    for (const { size } of gone) this.#removed(1, size);
    if (now < this.#nextExpiry || now < this.#nextLook) return gone;
    this.#nextExpiry = Infinity;
    this.#nextLook = now + LOOK_INTERVAL;
    const expired = ({ message: { expiresAt } }: Waiting): boolean => {
      if (expiresAt <= now) return true;
      this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
      return false;
    };
    return [...gone, ...this.#filterFirst(expired), ...this.#filter(expired)];
  }

  /**
   * Takes out the messages of which that holds.
   *
   * @param after Of what only the store has, those later than this.
   * @returns The messages in their order.
   */
  withdraw(holds: (waiting: Waiting) => boolean, after = 0): Waiting[] {
    const first = this.#filterFirst(holds);
    const stored = this.#stored?.withdraw(holds, after) ?? [];
    for (const { message } of stored) this.#removed(1, message.size);
    return [...first, ...stored, ...this.#filter(holds)];
  }

  #filterFirst(holds: (waiting: Waiting) => boolean): Waiting[] {
    if (this.#first.size === 0) return [];
    const old = this.#first;
    this.#first = new Queue();
    const [out, rest] = this.#split(old, holds);
    // Something may have been read in meanwhile: that is behind it.
    this.#first = joined(rest, this.#first);
    return out;
  }

  #filter(holds: (waiting: Waiting) => boolean): Waiting[] {
    if (this.#messages.size === 0) return [];
    const old = this.#messages;
    this.#messages = new Queue();
    const [out, rest] = this.#split(old, holds);
    this.#messages = joined(rest, this.#messages);
    return out;
  }

  #split(
    queue: Queue<Waiting>,
    holds: (waiting: Waiting) => boolean,
  ): [Waiting[], Queue<Waiting>] {
    const out: Waiting[] = [];
    const rest = new Queue<Waiting>();
    for (let one; (one = queue.shift()) !== undefined;) {
      if (!holds(one)) rest.push(one);
      else {
        this.#gone(one.message);
        out.push(one);
      }
    }
    return [out, rest];
  }

  /**
   * Takes out all from the first of the retained messages on.
   *
   * @returns It, in its order.
   */
  takeReplays(): (Waiting | Replay)[] {
    const first = this.#replays?.peek();
    if (first === undefined) return [];
    const behind = this.withdraw(({ id }) => id > first.after, first.after);
    const out: (Waiting | Replay)[] = [];
    let next = 0;
    for (let placed; (placed = this.#shiftReplay()) !== undefined;) {
      while (next < behind.length && behind[next]!.id <= placed.after) {
        out.push(behind[next++]!);
      }
      out.push(placed.replay);
    }
    return [...out, ...behind.slice(next)];
  }

  /** The client is there: what comes first stays in memory. */
  enter(): void {
    this.#away = false;
  }

  /** The client is away: memory needs none of it. */
  leave(): void {
    this.#away = true;
    if (this.#first.size > 0) {
      const first = [...taken(this.#first)];
      if (this.#stored!.count === 0) {
        const all = new Queue<Waiting>();
        for (const waiting of first) all.push(waiting);
        this.#messages = joined(all, this.#messages);
      } else this.#stored!.putBack(first);
    }
    this.#letGo();
  }

  /** The store can give back all messages up to this. */
  stored(id: number): void {
    this.#storedUpTo = id;
    const { queues } = this.#source ?? {};
    if (queues === undefined) return;
    if (this.#away || this.#count > queues.window) this.#letGo();
  }

  /** Lets go of what the store has. */
  #letGo(): void {
    const source = this.#source;
    const messages = this.#messages;
    if (source === undefined || !this.#isStored(messages.peek())) return;
    if (this.#stored === undefined) {
      this.#stored = new StoredQueue(source, this.#held);
      this.#first = new Queue();
    }
    if (!this.#away && this.#stored.count === 0) {
      const { window } = source.queues;
      while (this.#first.size < window && messages.size > 0) {
        this.#first.push(messages.shift()!);
      }
    }
    while (this.#isStored(messages.peek())) {
      this.#stored.push(messages.shift()!);
    }
  }

  #isStored(waiting: Waiting | undefined): boolean {
    return waiting !== undefined && waiting.id <= this.#storedUpTo;
  }

  /** Puts in what only the store has; nothing else is there yet. */
  restore(summary: QueueSummary): void {
    this.#stored = new StoredQueue(this.#source!, this.#held);
    this.#first = new Queue();
    this.#stored.restore(summary);
    this.#count = summary.messages;
    this.#bytes = summary.size;
    this.#lastId = this.#storedUpTo = summary.lastId;
  }

  /**
   * Reads all that only the store has: it will not have it any longer.
   *
   * @throws {Error} If that fails.
   */
  readAll(): void {
    const stored = this.#stored;
    while (stored !== undefined && stored.count > 0) {
      if (!this.#read(stored)) {
        throw new Error("Cannot read what waits for the session");
      }
    }
    this.#source = undefined;
  }

  /** Takes all out, unread. */
  clear(): void {
    for (const queue of [this.#first, this.#messages]) {
      for (const { message } of taken(queue)) this.#gone(message);
    }
    this.#stored?.clear();
    this.#replays = undefined;
    this.#count = this.#bytes = this.#replayed = 0;
  }
}

/** Takes all out of a queue. */
function* taken(queue: Queue<Waiting>): Iterable<Waiting> {
  for (let one; (one = queue.shift()) !== undefined;) yield one;
}

/** One queue behind the other. */
function joined(
  queue: Queue<Waiting>,
  behind: Queue<Waiting>,
): Queue<Waiting> {
  for (const waiting of taken(behind)) queue.push(waiting);
  return queue;
}
