/**
 * The part of a session's queue that only the store has. Memory knows how much
 * it is, and between which deliveries it lies; it reads what comes first when
 * the turn of that has come.
 */

import type { Held } from "./_held.ts";
import type { QueuedMessage, Queues, QueueSummary } from "./store.ts";

/** Where a session's queue is stored. */
export interface QueueSource {
  readonly queues: Queues;
  readonly clientId: string;
  /** Is told if it cannot be read. */
  failed(error: unknown): void;
}

/** A message that has left the queue without having been read. */
export interface Gone {
  readonly id: number;
  readonly size: number;
}

/** Milliseconds between two looks for what has expired: each reads it all. */
const LOOK_INTERVAL = 20_000;

/** A file that others have written to. */
const MISSING = "Cannot read a queue: messages are missing";

export class StoredQueue {
  /** How many messages there are. */
  count = 0;

  readonly #source: QueueSource;
  readonly #held: Held;
  /** What `#held` counts for them. */
  #charge = 0;
  /** They are later than the first of these deliveries, up to the second. */
  #after = 0;
  #upTo = 0;
  #nextExpiry = Infinity;
  #nextLook = -Infinity;

  constructor(source: QueueSource, held: Held) {
    this.#source = source;
    this.#held = held;
  }

  /** What the store had when it was loaded. */
  restore({ messages, bytes, lastId, expiresAt }: QueueSummary): void {
    this.count = messages;
    this.#upTo = lastId;
    this.#charge = this.#held.restore(messages, bytes);
    this.#nextExpiry = expiresAt;
  }

  /** Adds a message at the end; memory lets it go. */
  push(waiting: QueuedMessage): void {
    if (this.count === 0) this.#after = waiting.id - 1;
    this.#upTo = waiting.id;
    this.#take(waiting);
  }

  /** Puts messages back that were the first to be read. */
  putBack(first: readonly QueuedMessage[]): void {
    this.#after = first[0]!.id - 1;
    for (const waiting of first) this.#take(waiting);
  }

  #take({ message }: QueuedMessage): void {
    this.count++;
    this.#charge += this.#held.store(message, message.size);
    this.#nextExpiry = Math.min(this.#nextExpiry, message.expiresAt);
  }

  /**
   * Takes the first messages out, into memory.
   *
   * @returns The messages; none if there are none; `undefined` if they cannot
   * be read now.
   */
  shift(): QueuedMessage[] | undefined {
    const page = this.#page(this.#after);
    if (page === undefined) return undefined;
    const last = page.at(-1);
    if (last === undefined) {
      if (this.count > 0) this.#source.failed(new Error(MISSING));
      this.clear();
    } else {
      this.#after = last.id;
      this.#letGo(page.length);
    }
    return page;
  }

  /**
   * Takes out the messages of which that holds.
   *
   * @param after Only those that are later are looked at.
   */
  withdraw(
    holds: (waiting: QueuedMessage) => boolean,
    after = 0,
  ): QueuedMessage[] {
    const out: QueuedMessage[] = [];
    if (this.count === 0) return out;
    after = Math.max(after, this.#after);
    for (;;) {
      const page = this.#page(after);
      if (page === undefined || page.length === 0) break;
      after = page.at(-1)!.id;
      for (const waiting of page) if (holds(waiting)) out.push(waiting);
    }
    this.#letGo(out.length);
    return out;
  }

  #page(after: number): QueuedMessage[] | undefined {
    const { queues, clientId, failed } = this.#source;
    try {
      return queues.read(clientId, after, this.#upTo);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  /** Takes out the messages that have expired, unless it did just now. */
  expire(now: number): readonly Gone[] {
    if (this.count === 0 || now < this.#nextExpiry || now < this.#nextLook) {
      return [];
    }
    this.#nextLook = now + LOOK_INTERVAL;
    const { queues, clientId, failed } = this.#source;
    try {
      const { expired, next } = queues.expired(
        clientId,
        this.#after,
        this.#upTo,
        now,
      );
      this.#nextExpiry = next;
      this.#letGo(expired.length);
      return expired;
    } catch (error) {
      failed(error);
      return [];
    }
  }

  /** Takes all out, unread. */
  clear(): void {
    this.#letGo(this.count);
  }

  #letGo(count: number): void {
    if (count === 0) return;
    const part = count >= this.count
      ? this.#charge
      : Math.round(this.#charge * count / this.count);
    this.#charge -= part;
    this.#held.release(part);
    this.count = Math.max(0, this.count - count);
    if (this.count === 0) this.#nextExpiry = Infinity;
  }
}
