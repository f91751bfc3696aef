/**
 * Requests to other clients, each with its response (5.0, section 4.10).
 *
 * All have one response topic, which nobody guesses, and one subscription to it.
 * What tells their responses apart is the Correlation Data: 16 random bytes for
 * each. The promise of a request belongs to the session, whose end rejects it.
 */

import {
  type PublishPacket,
  ReasonCode,
  topicNameError,
} from "../codec/mod.ts";
import type { PublishOptions, RequestOptions } from "./call_options.ts";
import type { Calls } from "./_calls.ts";
import type { Clock } from "./clock.ts";
import { ConnectionLostError, QueueFullError, RequestError } from "./error.ts";
import type {
  IncomingApplicationMessage,
  OutgoingApplicationMessage,
} from "./message.ts";
import { overlook, type Pending, type PendingSet } from "./_pending.ts";
import { describeReason } from "./_reason.ts";
import type { Stream } from "./_stream.ts";

/** How many bytes of Correlation Data nobody guesses. */
const CORRELATION = 16;

/** Characters of a topic: what is longer as UTF-8 is refused with the request. */
const LONGEST = 65_535;

/** What an application says about its requests. */
export interface InquiryOptions {
  readonly clock: Clock;
  /** How many may wait for their responses. */
  readonly requestLimit: number;
  /** What their response topic begins with, where the broker does not say. */
  readonly responsePrefix: string;
}

type Inquiry = Pending<IncomingApplicationMessage>;

export class Inquiries {
  /** Messages to the response topic that no request waited for. */
  strays = 0;

  readonly #options: InquiryOptions;
  readonly #calls: Calls;
  readonly #promises: PendingSet;
  /** By Correlation Data. */
  readonly #waiting = new Map<string, Inquiry>();
  /** What response topics begin with now, once CONNACK has come. */
  #base: string;
  /** Takes back the subscription to a response topic that begins otherwise. */
  #change: AbortController | undefined;
  /** The subscription to the response topic, as long as there is one. */
  #stream: Promise<Stream> | undefined;
  /** The same, once the broker has granted it. */
  #granted: Stream | undefined;

  /** @param promises Where those of requests belong. */
  constructor(options: InquiryOptions, calls: Calls, promises: PendingSet) {
    this.#options = options;
    this.#base = options.responsePrefix;
    this.#calls = calls;
    this.#promises = promises;
  }

  /**
   * Publishes a request and waits for its response.
   *
   * @param packet The request, but for what makes it one.
   * @throws {QueueFullError} If too many wait already.
   */
  ask(
    packet: PublishPacket,
    { timeout = 30, signal }: RequestOptions,
  ): Promise<IncomingApplicationMessage> {
    const { clock, requestLimit } = this.#options;
    if (this.#waiting.size >= requestLimit) {
      throw new QueueFullError(
        `Cannot request: ${requestLimit} requests wait for their responses`,
      );
    }
    const correlationData = crypto.getRandomValues(new Uint8Array(CORRELATION));
    const key = keyOf(correlationData);
    const over = new AbortController();
    const inquiry: Inquiry = this.#promises.open(signal, () => {
      this.#waiting.delete(key);
      clock.clearTimeout(timer);
      over.abort();
    });
    this.#waiting.set(key, inquiry);
    const timer = clock.setTimeout(() => {
      const reason = `no response came within ${timeout} s`;
      inquiry.reject(
        new DOMException(`${cannot(packet)}: ${reason}`, "TimeoutError"),
      );
    }, timeout * 1000);
    this.#send(packet, correlationData, over.signal).then(
      (sent) => unanswered(sent, inquiry),
      (error) => inquiry.reject(error),
    );
    return inquiry.promise;
  }

  /** @param signal Takes the request back, if it has not left. */
  async #send(
    packet: PublishPacket,
    correlationData: Uint8Array,
    signal: AbortSignal,
  ): Promise<OutgoingApplicationMessage> {
    const { filter: responseTopic } = await this.#subscribed();
    signal.throwIfAborted();
    const properties = { ...packet.properties, responseTopic, correlationData };
    return await this.#calls.publish({ ...packet, properties }, signal);
  }

  #subscribed(): Promise<Stream> {
    const known = this.#stream;
    if (known !== undefined) return known;
    const stream = overlook(this.#subscribe());
    stream.then(
      (one) => this.#receive(one),
      () => {
        if (this.#stream === stream) this.#stream = undefined;
      },
    );
    this.#stream = stream;
    return stream;
  }

  /** CONNACK has come: where responses may come may be another place now. */
  greeted(responseInformation: string | undefined): void {
    const base = responseInformation || this.#options.responsePrefix;
    if (base === this.#base) return;
    this.#base = base;
    if (this.#change === undefined) return; // nothing was subscribed to
    const error = new ConnectionLostError(
      "Cannot request: the Response Information of the broker is another now",
    );
    this.#change.abort(error);
    this.#granted?.unsubscribe();
    this.#change = this.#stream = this.#granted = undefined;
    for (const inquiry of [...this.#waiting.values()]) inquiry.reject(error);
  }

  /**
   * The client leaves, and its session stays: without a subscription to a topic
   * that nobody asks with any more.
   */
  leave(): void {
    this.#granted?.unsubscribe();
  }

  async #subscribe(): Promise<Stream> {
    // Only CONNACK says what the topic begins with.
    await this.#calls.connection("request");
    const base = this.#base;
    const filter = `${base}${base.endsWith("/") ? "" : "/"}${randomLevel()}`;
    const wrong = topicNameError(base) ??
      (filter.length > LONGEST ? "it is too long" : undefined);
    if (wrong !== undefined) {
      throw new RequestError(
        "Cannot request: the broker's Response Information is " +
          `${JSON.stringify(base.slice(0, 60))}, but ${wrong}`,
        [ReasonCode.TopicNameInvalid],
      );
    }
    this.#change = new AbortController();
    const options = {
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 2,
    } as const;
    return await this.#calls.subscription(
      { type: "subscribe", subscriptions: [{ filter, ...options }] },
      Infinity, // they are taken as they come
      this.#change.signal,
    );
  }

  /** Takes responses, until the subscription ends: then none comes any more. */
  async #receive(stream: Stream): Promise<void> {
    this.#granted = stream;
    let error: unknown = new ConnectionLostError(
      "Cannot request: the subscription to the responses has ended",
    );
    try {
      for await (const message of stream) {
        message.ack();
        const { correlationData } = message.properties ?? {};
        const inquiry = correlationData?.length === CORRELATION
          ? this.#waiting.get(keyOf(correlationData))
          : undefined;
        if (inquiry === undefined) this.strays++;
        else inquiry.resolve(message);
      }
    } catch (cause) {
      error = cause;
    }
    if (this.#granted !== stream) return; // another has taken its place
    // Who is told may ask again, at once.
    this.#change = this.#stream = this.#granted = undefined;
    for (const inquiry of [...this.#waiting.values()]) inquiry.reject(error);
  }
}

/**
 * Where the response to a request goes, and what goes with it.
 *
 * @throws {TypeError} If the message is no request.
 */
export function responseTo(
  request: IncomingApplicationMessage,
  options: PublishOptions,
): [topic: string, options: PublishOptions] {
  const { responseTopic, correlationData } = request.properties ?? {};
  if (responseTopic === undefined) {
    throw new TypeError(
      `Cannot respond: the message to ${
        JSON.stringify(request.topic)
      } names no response topic`,
    );
  }
  const properties: PublishOptions["properties"] = { ...options.properties };
  if (correlationData !== undefined) {
    properties.correlationData = correlationData;
  }
  const { qos = request.qos, retain = false } = options;
  return [responseTopic, { ...options, qos, retain, properties }];
}

/** The broker may know that nobody gets the request. */
function unanswered(sent: OutgoingApplicationMessage, inquiry: Inquiry): void {
  const { reasonCode, reasonProperties } = sent;
  if (reasonCode !== ReasonCode.NoMatchingSubscribers) return;
  inquiry.reject(
    new RequestError(
      `${cannot(sent)}: nobody answers, ${
        describeReason(reasonCode, reasonProperties)
      }`,
      [reasonCode],
      reasonProperties === undefined ? {} : { properties: reasonProperties },
    ),
  );
}

function cannot({ topic }: { readonly topic: string }): string {
  return `Cannot request ${JSON.stringify(topic)}`;
}

function keyOf(correlationData: Uint8Array): string {
  return String.fromCharCode(...correlationData);
}

/** A level of a topic that nobody guesses. */
function randomLevel(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
