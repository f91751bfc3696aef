/**
 * What the client has subscribed to: which inboxes a message is for, and what to
 * subscribe to again where the broker has lost the session.
 */

import {
  matches,
  type ReasonCode,
  reasonName,
  type SubscribePacket,
  type SubscribeProperties,
  type SubscriptionRequest,
  type UnsubscribePacket,
} from "../codec/mod.ts";
import type { Capabilities } from "./_capabilities.ts";
import { Entry } from "./_entry.ts";
import { RequestError } from "./error.ts";
import type { Inbox } from "./_inbox.ts";
import type { IncomingApplicationMessage } from "./message.ts";
import type { Asker, Requests } from "./_requests.ts";
import type { Stream } from "./_stream.ts";

type Subscribe = Omit<SubscribePacket, "packetId">;
type Unsubscribe = Omit<UnsubscribePacket, "packetId">;

/** So many filters are subscribed to again with one packet. */
const BATCH = 100;

/** Subscription identifiers count down from here: applications begin with 1. */
const LAST_IDENTIFIER = 268_435_455;

/** Nobody waits for the answer. */
const nobody: Asker = { settled: false, resolve() {}, reject() {} };

export class Subscriptions {
  readonly #entries = new Map<string, Entry>();
  /** Those with streams, or that have just lost them. */
  readonly #streaming = new Set<Entry>();
  readonly #all: readonly Inbox[];
  readonly #requests: Requests;
  readonly #lost: (filter: string, error: RequestError) => void;
  #identifier = LAST_IDENTIFIER;

  /**
   * @param inbox Where messages go that are for no stream.
   * @param lost Is told of what the broker does not grant again.
   */
  constructor(
    inbox: Inbox,
    requests: Requests,
    lost: (filter: string, error: RequestError) => void,
  ) {
    this.#all = [inbox];
    this.#requests = requests;
    this.#lost = lost;
  }

  /** Where a message goes. */
  inboxesOf(message: IncomingApplicationMessage): readonly Inbox[] {
    if (this.#streaming.size === 0) return this.#all;
    const inboxes: Inbox[] = [];
    let late = false;
    for (const entry of this.#streaming) {
      if (!entry.isFor(message)) continue;
      if (entry.streams.size === 0) late = true;
      for (const { inbox } of entry.streams) inboxes.push(inbox);
    }
    if (inboxes.length > 0) return inboxes;
    // Of a subscription that is about to end: for nobody.
    return late && !this.#isForAll(message) ? [] : this.#all;
  }

  #isForAll({ topic }: IncomingApplicationMessage): boolean {
    return this.#entries.values().some(({ plain, pattern }) =>
      plain && matches(pattern, topic)
    );
  }

  /** Subscribes, for `deliverMessage`. */
  subscribe(packet: Subscribe, allowFailures: boolean, asker: Asker): void {
    const { subscriptions, properties } = packet;
    this.#requests.ask({
      question(capabilities) {
        capabilities.checkSubscribe(packet);
        return packet;
      },
      answered: (filter, reasonCode) => {
        if (reasonCode >= 0x80) return;
        const request = subscriptions.find((one) => one.filter === filter)!;
        const entry = this.#entry(request);
        entry.request = request;
        entry.properties = properties;
        entry.identifier = undefined;
        entry.plain = true;
        entry.confirm();
      },
      allowFailures,
      asker,
      lasting: true,
    });
  }

  /** Subscribes, for a stream; it gets messages from now on. */
  open(
    stream: Stream,
    request: SubscriptionRequest,
    properties: SubscribeProperties | undefined,
    asker: Asker,
  ): void {
    const entry = this.#entry(request);
    entry.streams.add(stream);
    this.#streaming.add(entry);
    this.#requests.ask({
      question: (capabilities) => {
        entry.request = request;
        entry.properties = properties;
        return this.#question([entry], capabilities);
      },
      answered: (_, reasonCode) => {
        if (reasonCode >= 0x80) return this.close(stream);
        entry.confirm();
        stream.qos = reasonCode as Stream["qos"];
        // Nobody waits for it any more, and nobody else asked for it.
        const { filter } = request;
        const other = this.#entries.get(filter) ?? entry;
        if (asker.settled && other === entry) {
          this.#end(entry, { asker: nobody });
        }
      },
      allowFailures: false,
      asker,
      lasting: true,
    });
  }

  /** A stream gets no more messages. */
  close(stream: Stream, error?: Error): void {
    stream.inbox.end(error);
    stream.inbox.leave();
    for (const entry of this.#streaming) {
      if (!entry.streams.delete(stream) || entry.streams.size > 0) continue;
      if (entry.plain || !entry.wanted) this.#streaming.delete(entry);
      if (!entry.plain && !entry.wanted) this.#forget(entry);
    }
  }

  /** Ends the subscription of a stream, unless others have it too. */
  leave(
    stream: Stream,
    properties: UnsubscribePacket["properties"],
    asker: Asker,
  ): void {
    const entry = this.#entries.get(stream.filter);
    this.close(stream);
    if (entry === undefined) return asker.resolve([0]);
    this.#end(entry, { asker, properties });
  }

  /** Unsubscribes from what nobody has any more. */
  #end(
    entry: Entry,
    { asker, properties }: {
      asker: Asker;
      properties?: UnsubscribePacket["properties"];
    },
  ): void {
    if (entry.plain || entry.streams.size > 0) return asker.resolve([0]);
    const { filter } = entry.request;
    // What comes before the answer is for nobody; who subscribes anew begins anew.
    this.#entries.delete(filter);
    this.#streaming.add(entry);
    this.#requests.ask({
      question: () => ({
        type: "unsubscribe",
        filters: [filter],
        ...(properties === undefined ? {} : { properties }),
      }),
      answered: () => this.#streaming.delete(entry),
      allowFailures: false,
      // Who gives up waiting has left all the same: the broker is told.
      asker: {
        settled: false,
        resolve: (reasonCodes) => asker.resolve(reasonCodes),
        reject: (error) => asker.reject(error),
      },
      lasting: true,
    });
  }

  /** Unsubscribes, whoever has subscribed. */
  unsubscribe(packet: Unsubscribe, asker: Asker): void {
    this.#requests.ask({
      question: () => packet,
      answered: (filter, reasonCode) => {
        const entry = this.#entries.get(filter);
        if (entry?.wanted && reasonCode < 0x80) this.#forget(entry);
      },
      allowFailures: false,
      asker,
      lasting: true,
    });
  }

  /** The broker has no session any more: it has none of them. */
  lose(): void {
    for (const entry of this.#entries.values()) entry.confirmed = false;
  }

  /** Subscribes to what is wanted and the broker's session may not have. */
  reconcile(): void {
    const missing = [...this.#entries.values()].filter((one) =>
      one.wanted && !one.confirmed
    );
    const single = (entry: Entry) =>
      entry.properties !== undefined || entry.streams.size > 0;
    for (const entry of missing.filter(single)) this.#again([entry]);
    const others = missing.filter((entry) => !single(entry));
    for (let n = 0; n < others.length; n += BATCH) {
      this.#again(others.slice(n, n + BATCH));
    }
  }

  #again(entries: readonly Entry[]): void {
    this.#requests.ask({
      question: (capabilities) => this.#question(entries, capabilities),
      answered: (filter, reasonCode) => {
        const entry = entries.find(({ request }) => request.filter === filter)!;
        if (reasonCode < 0x80) entry.confirm();
        else this.#lose(entry, lostBy(filter, reasonCode));
      },
      allowFailures: true,
      asker: {
        ...nobody,
        reject: (error) => {
          const [entry] = entries;
          if (entries.length === 1) return this.#lose(entry!, error);
          // One of them is not possible, or all are too much for one packet.
          const half = entries.length >> 1;
          this.#again(entries.slice(0, half));
          this.#again(entries.slice(half));
        },
      },
      lasting: false,
    });
  }

  #lose(entry: Entry, error: Error): void {
    this.#forget(entry, error);
    this.#lost(entry.request.filter, error as RequestError);
  }

  /** All are over: why, if it is an error. */
  end(error: Error | undefined): void {
    for (const entry of this.#entries.values()) {
      if (entry.plain) this.#endStreams(entry, error);
      else this.#forget(entry, error);
    }
    this.#streaming.clear();
  }

  /** Forgets all, because the session is over and is not to be made again. */
  clear(error: Error): void {
    for (const entry of this.#entries.values()) {
      if (entry.wanted) this.#forget(entry, error);
    }
  }

  #forget(entry: Entry, error?: Error): void {
    this.#entries.delete(entry.request.filter);
    this.#endStreams(entry, error);
  }

  #endStreams(entry: Entry, error: Error | undefined): void {
    this.#streaming.delete(entry);
    entry.end(error);
  }

  /** The subscription to a filter, made if there is none. */
  #entry(request: SubscriptionRequest): Entry {
    const { filter } = request;
    const known = this.#entries.get(filter);
    if (known !== undefined) return known;
    const entry = new Entry(request);
    this.#entries.set(filter, entry);
    return entry;
  }

  /** SUBSCRIBE for entries that have the same properties. */
  #question(
    entries: readonly Entry[],
    capabilities: Capabilities,
  ): Subscribe {
    const [first] = entries;
    let { properties } = first!;
    if (first!.streams.size > 0) {
      const own = properties?.subscriptionIdentifiers?.[0];
      first!.identifier = capabilities.subscriptionIdentifiers
        ? own ?? first!.identifier ?? this.#identifier--
        : undefined;
      if (first!.identifier !== undefined) {
        properties = {
          ...properties,
          subscriptionIdentifiers: [first!.identifier],
        };
      }
    }
    const packet: Subscribe = {
      type: "subscribe",
      subscriptions: entries.map(({ request }) => request),
      ...(properties === undefined ? {} : { properties }),
    };
    capabilities.checkSubscribe(packet);
    return packet;
  }
}

function lostBy(filter: string, reasonCode: ReasonCode): RequestError {
  return new RequestError(
    `Cannot subscribe to ${JSON.stringify(filter)} again: ${
      reasonName(reasonCode)
    }`,
    [reasonCode],
  );
}
