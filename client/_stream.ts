/** The application's end of a subscription with messages of its own. */

import type { Qos } from "../codec/mod.ts";
import type { UnsubscribeOptions } from "./call_options.ts";
import { RequestError } from "./error.ts";
import type { Inbox } from "./_inbox.ts";
import type { IncomingApplicationMessage } from "./message.ts";
import type { CallOptions } from "./options.ts";
import { attempt, overlook } from "./_pending.ts";
import type { Subscription } from "./subscription.ts";

type Messages = AsyncGenerator<IncomingApplicationMessage, void, undefined>;

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
export async function* messagesOf(
  inbox: Inbox,
  signal: AbortSignal | undefined,
): Messages {
  for (;;) {
    signal?.throwIfAborted();
    const message = await inbox.take(signal);
    if (message === undefined) return;
    yield message;
  }
}
