/** One message out of an inbox, in time. */

import { checkSeconds } from "./_arguments.ts";
import type { DeliverOptions } from "./call_options.ts";
import type { Clock } from "./clock.ts";
import { ConnectionLostError } from "./error.ts";
import type { Inbox } from "./_inbox.ts";
import type { IncomingApplicationMessage } from "./message.ts";
import { overlook } from "./_pending.ts";

/**
 * Waits for the next message.
 *
 * @throws {RangeError} If the time is negative.
 * @throws {ConnectionLostError} If none comes any more.
 * @throws {DOMException} If none came in time.
 */
export function deliver(
  inbox: Inbox,
  { timeout, signal }: DeliverOptions,
  clock: Clock,
): Promise<IncomingApplicationMessage> {
  signal?.throwIfAborted();
  checkSeconds("deliver a message", "timeout", timeout);
  const taken = timeout === undefined
    ? inbox.take(signal)
    : takeWithin(inbox, timeout, signal, clock);
  return overlook(taken.then((message) => {
    if (message !== undefined) return message;
    throw new ConnectionLostError(
      "Cannot deliver a message: the client has disconnected",
    );
  }));
}

async function takeWithin(
  inbox: Inbox,
  timeout: number,
  signal: AbortSignal | undefined,
  clock: Clock,
): Promise<IncomingApplicationMessage | undefined> {
  const late = new AbortController();
  const timer = clock.setTimeout(() =>
    late.abort(
      new DOMException(
        `Cannot deliver a message: none came within ${timeout} s`,
        "TimeoutError",
      ),
    ), timeout * 1000);
  try {
    return await inbox.take(
      signal === undefined
        ? late.signal
        : AbortSignal.any([late.signal, signal]),
    );
  } finally {
    clock.clearTimeout(timer);
  }
}
