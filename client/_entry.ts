/** A subscription to a topic filter, and who has it. */

import {
  matches,
  parseSharedFilter,
  type SubscribeProperties,
  type SubscriptionRequest,
} from "../codec/mod.ts";
import type { IncomingApplicationMessage } from "./message.ts";
import type { Stream } from "./_stream.ts";

export class Entry {
  request: SubscriptionRequest;
  properties: SubscribeProperties | undefined;
  /** The filter without its share name. */
  readonly pattern: string;
  /** What messages for its streams carry; `undefined`: nothing. */
  identifier: number | undefined;
  /** Who gets its messages; none: they are for all. */
  readonly streams: Set<Stream> = new Set();
  /** Whether `subscribe` made it too. */
  plain = false;
  /** Whether it was granted, and is to be had from every session. */
  wanted = false;
  /** Whether the session that the broker has now has it. */
  confirmed = false;

  constructor(request: SubscriptionRequest) {
    this.request = request;
    this.pattern = parseSharedFilter(request.filter).filter;
  }

  /** Whether a message came because of it, for its streams. */
  isFor({ topic, properties }: IncomingApplicationMessage): boolean {
    const { identifier, pattern } = this;
    if (
      identifier !== undefined &&
      !properties?.subscriptionIdentifiers?.includes(identifier)
    ) return false;
    // An identifier may be that of an earlier program, whose session it was.
    return matches(pattern, topic);
  }

  /** The broker has granted it. */
  confirm(): void {
    this.wanted = this.confirmed = true;
  }

  /** Its streams get no more messages. */
  end(error: Error | undefined): void {
    for (const { inbox } of this.streams) {
      inbox.end(error);
      inbox.leave();
    }
    this.streams.clear();
  }
}
