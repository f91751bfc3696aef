/**
 * A subscription with messages of its own.
 *
 * @module
 */

import type { Qos } from "../codec/mod.ts";
import type { UnsubscribeOptions } from "./call_options.ts";
import type { IncomingApplicationMessage } from "./message.ts";
import type { CallOptions } from "./options.ts";

/**
 * A subscription to one topic filter, whose messages are for it alone: what
 * `client.subscription` makes. `for await` takes them; leaving such a loop does
 * not end the subscription, `unsubscribe` and `await using` do.
 */
export interface Subscription
  extends AsyncIterable<IncomingApplicationMessage>, AsyncDisposable {
  /** The topic filter. */
  readonly filter: string;

  /** The quality of service that the broker granted. */
  readonly qos: Qos;

  /**
   * The messages as they come, until the subscription ends or the client
   * disconnects.
   *
   * @param options The signal.
   * @returns The messages, for `for await`.
   * @throws {ConnectionLostError} If the connection is lost for good, when all
   * messages are taken.
   * @throws {RequestError} If the broker refuses the subscription after a
   * reconnection, when all messages are taken.
   */
  messages(
    options?: CallOptions,
  ): AsyncGenerator<IncomingApplicationMessage, void, undefined>;

  /**
   * Ends the subscription. Messages that have come can still be taken. UNSUBSCRIBE
   * is sent unless the client has subscribed to the filter otherwise too.
   *
   * @param options Properties, signal.
   * @throws {RequestError} If the broker refuses.
   * @throws {ConnectionLostError} If the connection is lost for good.
   */
  unsubscribe(options?: UnsubscribeOptions): Promise<void>;
}
