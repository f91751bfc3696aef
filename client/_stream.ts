/** The application's end of a subscription with messages of its own. */

import type { Qos } from "../codec/mod.ts";
import type { UnsubscribeOptions } from "./call_options.ts";
import { RequestError } from "./error.ts";
import type { Inbox, Taker } from "./_inbox.ts";
import type { IncomingApplicationMessage } from "./message.ts";
import type { CallOptions } from "./options.ts";
import { attempt, overlook } from "./_pending.ts";
import type { Subscription } from "./subscription.ts";

type Messages = AsyncGenerator<IncomingApplicationMessage, void, undefined>;
type Result = IteratorResult<IncomingApplicationMessage, void>;

export class Stream implements Subscription {
  readonly filter: string;
  readonly inbox: Inbox;
  qos: Qos = 0;
  readonly #leave: (
    stream: Stream,
    options: UnsubscribeOptions,
  ) => Promise<unknown>;

  /** @param leave Ends the subscription, unless others have it too. */
  constructor(
    filter: string,
    inbox: Inbox,
    leave: (stream: Stream, options: UnsubscribeOptions) => Promise<unknown>,
  ) {
    this.filter = filter;
    this.inbox = inbox;
    this.#leave = leave;
  }

  messages({ signal }: CallOptions = {}): Messages {
    return messagesOf(this.inbox, signal);
  }

  [Symbol.asyncIterator](): Messages {
    return this.messages();
  }

  unsubscribe(options: UnsubscribeOptions = {}): Promise<void> {
    return attempt(() =>
      this.inbox.ended
        ? Promise.resolve()
        : overlook(this.#leave(this, options).then(() => {}))
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.unsubscribe();
    } catch (error) {
      // With the connection the subscription is lost too.
      if (error instanceof RequestError) throw error;
    }
  }
}

/** The messages of an inbox, until its end. */
export function messagesOf(
  inbox: Inbox,
  signal: AbortSignal | undefined,
): Messages {
  return new InboxMessages(inbox, signal);
}

/** Not a generator: the `return` of those waits for the next message. */
class InboxMessages implements Messages {
  readonly #inbox: Inbox;
  readonly #signal: AbortSignal | undefined;
  /** Calls of `next` that wait. */
  readonly #takers = new Set<Taker>();
  #done = false;

  constructor(inbox: Inbox, signal: AbortSignal | undefined) {
    this.#inbox = inbox;
    this.#signal = signal;
  }

  async next(): Promise<Result> {
    if (this.#done) return { done: true, value: undefined };
    try {
      this.#signal?.throwIfAborted();
      const value = await this.#inbox.take(this.#signal, this.#takers);
      if (value !== undefined) return { done: false, value };
    } catch (error) {
      this.#done = true;
      throw error;
    }
    this.#done = true;
    return { done: true, value: undefined };
  }

  return(): Promise<Result> {
    this.#done = true;
    for (const taker of [...this.#takers]) taker.resolve(undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  async throw(error: unknown): Promise<Result> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
