/**
 * Publications that wait to be sent, in their order: until the broker takes
 * more, or until there is a connection.
 */

import { type Frame, type PublishPacket, Queue } from "../codec/mod.ts";
import { QueueFullError } from "./error.ts";
import type { Exchange, OutgoingApplicationMessage } from "./message.ts";
import type { OfflineQueueOptions } from "./options.ts";
import type { Pending } from "./_pending.ts";

/** A message on its way out. */
export interface Publication {
  readonly packet: PublishPacket;
  readonly frame: Frame;
  /** QoS and RETAIN, as in the fixed header. */
  readonly flags: number;
  readonly exchange: Exchange;
  readonly pending: Pending<OutgoingApplicationMessage>;
  /** Whether it is in the backlog. */
  waiting: boolean;
}

export class Backlog {
  #queue = new Queue<Publication>();
  #size = 0;
  #bytes = 0;
  readonly #messageLimit: number;
  readonly #byteLimit: number;

  /** @throws {RangeError} If a limit is none. */
  constructor(
    { messages = 1000, bytes = 16_777_216 }: OfflineQueueOptions = {},
  ) {
    for (const [name, limit] of Object.entries({ messages, bytes })) {
      if (limit >= 0) continue;
      throw new RangeError(
        `Cannot make a client: offlineQueue.${name} ${limit} is not 0 or more`,
      );
    }
    this.#messageLimit = messages;
    this.#byteLimit = bytes;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Fails where there is no room to wait for a connection.
   *
   * @throws {QueueFullError} If there is none.
   */
  check(frame: Frame): void {
    if (this.#size >= this.#messageLimit) {
      throw new QueueFullError(
        `Cannot publish: there is no connection, and ${this.#size} messages ` +
          "wait for one",
      );
    }
    if (this.#bytes + frame.bytes.length > this.#byteLimit) {
      throw new QueueFullError(
        "Cannot publish: there is no connection, and with " +
          `${frame.bytes.length} more than ${this.#byteLimit} bytes would ` +
          "wait for one",
      );
    }
  }

  push(publication: Publication): void {
    publication.waiting = true;
    this.#size++;
    this.#bytes += publication.frame.bytes.length;
    this.#queue.push(publication);
  }

  /** Takes one out that nobody waits for any more, if it is here. */
  drop(publication: Publication): void {
    if (!publication.waiting) return;
    this.#leave(publication);
    // Those that left are only marked: no more of them than of the others.
    if (this.#queue.size > 2 * this.#size + 16) this.#replace(this.#drain());
  }

  /** The next, which leaves. */
  shift(): Publication | undefined {
    for (;;) {
      const publication = this.#queue.shift();
      if (publication === undefined) return undefined;
      if (!publication.waiting) continue;
      this.#leave(publication);
      return publication;
    }
  }

  /** Puts some in front of all. */
  restore(first: readonly Publication[]): void {
    if (first.length > 0) this.#replace([...first, ...this.#drain()]);
  }

  clear(): void {
    this.#drain();
  }

  #leave(publication: Publication): void {
    publication.waiting = false;
    this.#size--;
    this.#bytes -= publication.frame.bytes.length;
  }

  #drain(): Publication[] {
    const all: Publication[] = [];
    for (;;) {
      const publication = this.shift();
      if (publication === undefined) return all;
      all.push(publication);
    }
  }

  #replace(all: readonly Publication[]): void {
    this.#queue = new Queue();
    for (const publication of all) this.push(publication);
  }
}
