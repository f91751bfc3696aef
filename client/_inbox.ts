/**
 * Messages between their arrival and the application: a queue of both, since
 * either may wait for the other.
 */

import { Queue } from "../codec/mod.ts";
import type { IncomingApplicationMessage } from "./message.ts";
import { Pending } from "./_pending.ts";

type Message = IncomingApplicationMessage;

/** Who waits for a message; gets `undefined` where none comes. */
export type Taker = Pending<Message | undefined>;

/** What acknowledges a message once there is room behind it. */
export interface Receipt {
  /** An inbox has no room for it yet. */
  hold(): void;
  /** Now it has. */
  release(): void;
}

/** The inboxes that are too full to read on. */
export class Crowd {
  readonly #inboxes = new Set<Inbox>();
  readonly #dispersed: () => void;

  /** @param dispersed Is called when there is none any more. */
  constructor(dispersed: () => void) {
    this.#dispersed = dispersed;
  }

  get size(): number {
    return this.#inboxes.size;
  }

  add(inbox: Inbox): void {
    this.#inboxes.add(inbox);
  }

  delete(inbox: Inbox): void {
    if (this.#inboxes.delete(inbox) && this.size === 0) this.#dispersed();
  }
}

export class Inbox {
  readonly #messages = new Queue<Message>();
  /** Of the last messages: those for which there was no room. */
  readonly #receipts = new Queue<Receipt>();
  /** Applications that wait: only while there is no message. */
  readonly #takers = new Queue<Taker>();
  readonly #limit: number;
  readonly #crowd: Crowd;
  /** No more messages come: why, if it is an error. */
  #ended: { error: Error | undefined } | undefined;

  /**
   * @param limit From how many messages on the application is behind.
   * @param crowd Where this is while it is behind, until it has taken half.
   */
  constructor(limit: number, crowd: Crowd) {
    this.#limit = limit;
    this.#crowd = crowd;
  }

  get size(): number {
    return this.#messages.size;
  }

  get full(): boolean {
    return this.#messages.size >= this.#limit;
  }

  /** Whether no more messages come. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * A message has come.
   *
   * @param receipt What to hold as long as there is no room for it.
   */
  push(message: Message, receipt?: Receipt): void {
    for (;;) {
      const taker = this.#takers.shift();
      if (taker === undefined) break;
      if (taker.settled) continue; // gave up waiting
      return taker.resolve(message);
    }
    if (this.full && receipt !== undefined) {
      receipt.hold();
      this.#receipts.push(receipt);
    }
    this.#messages.push(message);
    if (this.full) this.#crowd.add(this);
  }

  /**
   * The next message; `undefined` after an orderly end.
   *
   * @param signal Gives up waiting.
   * @param waiting Where who takes it is as long as it waits.
   */
  take(
    signal?: AbortSignal,
    waiting?: Set<Taker>,
  ): Promise<Message | undefined> {
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#receipts.shift()?.release();
      // Now it has caught up enough to go on reading.
      if (this.size * 2 <= this.#limit) this.#crowd.delete(this);
      return Promise.resolve(message);
    }
    if (this.#ended !== undefined) {
      const { error } = this.#ended;
      return error === undefined
        ? Promise.resolve(undefined)
        : Promise.reject(error);
    }
    const taker: Taker = new Pending(signal, () => waiting?.delete(taker));
    waiting?.add(taker);
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
      else taker.reject(error);
    }
  }

  /** What is here holds nothing up any more, whether or not it is taken. */
  leave(): void {
    for (;;) {
      const receipt = this.#receipts.shift();
      if (receipt === undefined) break;
      receipt.release();
    }
    this.#crowd.delete(this);
  }
}
