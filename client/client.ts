/**
 * The client.
 *
 * @module
 */

import type { ConnackPacket, Qos, ReasonCode } from "../codec/mod.ts";
import {
  checkMaxInflight,
  checkQos,
  checkQueueLimit,
  checkRequest,
  checkResponsePrefix,
  checkSeconds,
  checkVersion,
  checkWill,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from "./_arguments.ts";
import { checkAuthentication } from "./_authentication.ts";
import type {
  ConnectOptions,
  DeliverOptions,
  DisconnectOptions,
  FilterOptions,
  PublishOptions,
  ReconnectOptions,
  RequestOptions,
  SubscribeOptions,
  SubscriptionOptions,
  UnsubscribeOptions,
} from "./call_options.ts";
import { type Clock, systemClock } from "./clock.ts";
import { randomClientId } from "./_connect.ts";
import { dial } from "./dial.ts";
import { deliver } from "./_deliver.ts";
import { guardEvents } from "./_guard.ts";
import { responseTo } from "./_inquiries.ts";
import { Link } from "./_link.ts";
import type {
  IncomingApplicationMessage,
  OutgoingApplicationMessage,
} from "./message.ts";
import type { CallOptions, ClientOptions } from "./options.ts";
import { attempt } from "./_pending.ts";
import { Session } from "./_session.ts";
import { messagesOf } from "./_stream.ts";
import type { Subscription } from "./subscription.ts";

/**
 * A client of an MQTT broker.
 *
 * One object has one session and one connection at a time. When the connection
 * is lost it connects again, unless the option `autoReconnect` is `false`, and
 * so it does when the first connection cannot be made:
 *
 * - `publish`, `subscribe`, `unsubscribe` and `ping` wait for the connection.
 *   What may wait to be published is bounded by the option `offlineQueue`.
 * - Messages of QoS 1 and 2 that were not acknowledged are sent again
 *   [MQTT-4.4.0-1]; where the broker has lost the session, anew. One of QoS 0 is
 *   sent once, and may be lost with the connection.
 * - Where the broker has lost the session, subscriptions are made again.
 *
 * When that is given up, every promise that waits is rejected, with a
 * `ConnectionLostError`, or a `ConnectError` if there never was a connection, and
 * {@linkcode MQTTClient.closed} tells why. No promise that a broker or a network
 * has rejected is an unhandled rejection: who does not look at it misses it.
 *
 * All times are in seconds, as those of the protocol are.
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { MQTTClient } from "@ambermq/mqtt/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using broker = new Broker({
 *   listeners: { default: { bind: "127.0.0.1:0" } },
 * });
 * await broker.start();
 * const { port } = broker.addresses[0]!;
 *
 * await using client = new MQTTClient({ url: `mqtt://127.0.0.1:${port}` });
 * await client.connect();
 * await client.subscribe("home/#", { qos: 1 });
 * await client.publish("home/kitchen/light", "on", { qos: 1 });
 * for await (const message of client.messages()) {
 *   assertEquals(message.topic, "home/kitchen/light");
 *   assertEquals(message.text(), "on");
 *   break;
 * }
 * ```
 */
export class MQTTClient implements AsyncDisposable {
  readonly #options: ClientOptions;
  readonly #clock: Clock;
  readonly #session: Session;
  readonly #link: Link;

  /**
   * Makes a client with an identifier, without connecting it.
   *
   * @param clientId The client identifier; `undefined`: a random one.
   * @param options What else it is to be like.
   * @throws {RangeError} If a number is out of range.
   * @throws {TypeError} If the will has no topic, or the authentication cannot be
   * used.
   */
  constructor(clientId: string | undefined, options?: ClientOptions);
  /**
   * Makes a client, without connecting it.
   *
   * @param options What it is to be like.
   * @throws {RangeError} If a number is out of range.
   * @throws {TypeError} If the will has no topic, or the authentication cannot be
   * used.
   */
  constructor(options?: ClientOptions);
  constructor(
    first: string | ClientOptions = {},
    rest: ClientOptions = {},
  ) {
    const options = typeof first === "string"
      ? { ...rest, clientId: first }
      : { ...first, ...rest };
    const { protocolVersion: version = 4, properties = {} } = options;
    checkVersion(version);
    const {
      receiveQueueLimit = 1000,
      requestLimit = 1000,
      responsePrefix = "ambermq/responses",
    } = options;
    checkQueueLimit("make a client", "receiveQueueLimit", receiveQueueLimit);
    checkQueueLimit("make a client", "requestLimit", requestLimit);
    checkResponsePrefix(responsePrefix);
    for (
      const name of ["connectTimeout", "pingTimeout", "pingDelay"] as const
    ) {
      checkSeconds("make a client", name, options[name]);
    }
    checkQos(options);
    checkWill(options.will);
    checkAuthentication(options, version);
    const { maxInflight } = options;
    if (maxInflight !== undefined) checkMaxInflight(maxInflight);
    const announced = version === 5 ? properties : {};
    const events = guardEvents(options.on);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#session = new Session({
      version,
      receiveQueueLimit,
      receiveMaximum: announced.receiveMaximum ?? 65_535,
      topicAliasMaximum: announced.topicAliasMaximum ?? 0,
      manualAck: options.manualAck ?? false,
      offlineQueue: options.offlineQueue,
      resubscribe: options.resubscribe ?? true,
      maxInflight,
      topicAliases: options.topicAliases ?? true,
      terse: announced.requestProblemInformation === false,
      requestLimit,
      responsePrefix,
      clock: this.#clock,
      events,
    });
    this.#link = new Link({
      client: options,
      clientId: options.clientId ?? randomClientId(),
      version,
      session: this.#session,
      dial: options.dial ?? dial,
      clock: this.#clock,
      events,
    });
  }

  /** The client identifier; after `connect` the one that the broker assigned. */
  get clientId(): string {
    return this.#link.clientId;
  }

  /** Whether there is a connection now. */
  get connected(): boolean {
    return this.#link.connected;
  }

  /**
   * Settles when there is no connection, and none is to come; before `connect`
   * it waits for that. Never rejects.
   *
   * @returns What went wrong; `undefined` after `disconnect`.
   */
  get closed(): Promise<Error | undefined> {
    return this.#link.closed;
  }

  /** How many responses came that no `request` waited for (any more). */
  get strayResponses(): number {
    return this.#session.inquiries.strays;
  }

  /** How many messages of QoS 0 came while the application was behind and lost. */
  get dropped(): number {
    return this.#session.subscriber.dropped;
  }

  /**
   * Connects to the broker. With the option `autoReconnect` (the default) it is
   * tried again where that may help, as the option `reconnectRetries` says.
   *
   * @example
   * ```ts
   * import { ConnectError, MQTTClient } from "@ambermq/mqtt/client";
   * import { assertRejects } from "@std/assert";
   *
   * const client = new MQTTClient({ autoReconnect: false });
   * await assertRejects(
   *   () => client.connect("mqtt://127.0.0.1:1"),
   *   ConnectError,
   *   "Cannot connect to 127.0.0.1:1",
   * );
   * ```
   *
   * @param url The URL of the broker, if not the one in the client's options.
   * @param options Clean start, files, headers, signal.
   * @returns CONNACK: whether the broker had a session, and its properties.
   * @throws {ConnectError} If no connection comes about: the broker cannot be
   * reached, refuses, or does not answer in time.
   * @throws {TypeError} If the client is connected, or an option is wrong.
   * @throws {RangeError} If a number is out of range.
   */
  connect(url: string | URL, options?: ConnectOptions): Promise<ConnackPacket>;
  /**
   * Connects to the broker that the options name.
   *
   * @param options URL, clean start, files, headers, signal.
   * @returns CONNACK: whether the broker had a session, and its properties.
   * @throws {ConnectError} If no connection comes about: the broker cannot be
   * reached, refuses, or does not answer in time.
   * @throws {TypeError} If the client is connected, or an option is wrong.
   * @throws {RangeError} If a number is out of range.
   */
  connect(options?: ConnectOptions): Promise<ConnackPacket>;
  connect(
    first: string | URL | ConnectOptions = {},
    rest: ConnectOptions = {},
  ): Promise<ConnackPacket> {
    return attempt(() =>
      this.#link.connect(
        typeof first === "string" || first instanceof URL
          ? { ...rest, url: first }
          : first,
      )
    );
  }

  /**
   * Connects again to the broker of the last `connect`, also with the option
   * `autoReconnect` off; where that is waiting for its next attempt, at once.
   * With a connection there is nothing to do. Unlike `connect` it keeps what was
   * subscribed to, and subscribes again if the broker has no session.
   *
   * @param options Clean start, signal.
   * @returns CONNACK: whether the broker had a session, and its properties.
   * @throws {ConnectError} If `reconnectRetries` attempts more have failed than
   * one, or one failed for a reason that does not pass.
   * @throws {TypeError} If the client was never connected, or is disconnecting.
   */
  reconnect(options: ReconnectOptions = {}): Promise<ConnackPacket> {
    return attempt(() => this.#link.reconnect(options));
  }

  /**
   * Disconnects: sends what was published so far, then DISCONNECT. It does not
   * wait for acknowledgements; who does awaits `publish`. Where a connection is
   * only to come, none comes. Without one it does nothing.
   *
   * @param options Reason and properties of DISCONNECT, signal.
   * @throws {ConnectionLostError} If the network took nothing for 5 seconds, so
   * that some of what was published at QoS 0 may be lost.
   * @throws {RequestError} If DISCONNECT is larger than the broker takes: the
   * connection goes on.
   * @throws {RangeError} If the reason is not one that a client may give.
   * @throws {TypeError} If a property is not one that a client may send.
   */
  disconnect(options: DisconnectOptions = {}): Promise<void> {
    return attempt(() => this.#link.disconnect(options));
  }

  /** Disconnects, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  /**
   * Asks the broker for a sign of life and waits for it.
   *
   * @param options The signal.
   * @throws {ConnectionLostError} If the connection is lost for good, or there
   * is none.
   */
  ping(options: CallOptions = {}): Promise<void> {
    return attempt(() => {
      options.signal?.throwIfAborted();
      return this.#session.calls.ping(options.signal);
    });
  }

  /**
   * Authenticates again, by the method of the option `authentication`, and waits
   * until the broker is content: before what it was told expires, for example.
   * Everything else goes on meanwhile. A broker that is not content ends the
   * connection. A new connection authenticates by itself.
   *
   * @param options The signal.
   * @throws {ConnectionLostError} If there is no connection, or it is lost.
   * @throws {TypeError} If there is no option `authentication`, or the client is
   * doing that already.
   */
  reauthenticate(options: CallOptions = {}): Promise<void> {
    return attempt(() => {
      options.signal?.throwIfAborted();
      return this.#session.reauthenticate(options.signal);
    });
  }

  /**
   * Publishes a message.
   *
   * It is copied before the call returns. At QoS 0 the promise is resolved at
   * once, or, if much waits to be sent, when the transport has taken it: who
   * awaits it cannot be faster than the network. At QoS 1 and 2 it is resolved
   * when the broker has taken over; where the option `maxInflight`, or in 5.0 the
   * broker, allows no more at a time, messages wait in their order.
   *
   * @param topic The topic name.
   * @param payload The payload. Text is encoded as UTF-8.
   * @param options QoS, retain, properties, signal.
   * @returns The message, with its packets and the broker's reason code.
   * @throws {RequestError} If the broker refuses the message, or does not
   * support its QoS, its size or RETAIN.
   * @throws {QueueFullError} If there is no connection at the time, and too much
   * waits for it already.
   * @throws {ConnectionLostError} If the connection is lost for good, or there
   * is none; at QoS 0 also if it was lost with the message on its way.
   * @throws {TypeError} If an argument is not what it should be.
   * @throws {RangeError} If a number is out of range.
   */
  publish(
    topic: string,
    payload: Uint8Array | string,
    options: PublishOptions = {},
  ): Promise<OutgoingApplicationMessage> {
    // Not an async function: at QoS 0 its promise would cost more than the rest.
    return attempt(() => {
      const { signal } = options;
      signal?.throwIfAborted();
      return this.#session.calls.publish(
        publishPacket(topic, payload, options, this.#options),
        signal,
      );
    });
  }

  /**
   * Publishes a request and waits for its response (5.0): the first message to
   * its Response Topic with its Correlation Data. Both are the client's affair;
   * all requests share one subscription.
   *
   * @example
   * ```ts
   * import { Broker } from "@ambermq/mqtt/broker";
   * import { MQTTClient } from "@ambermq/mqtt/client";
   * import { assertEquals } from "@std/assert";
   *
   * await using broker = new Broker({
   *   listeners: { default: { bind: "127.0.0.1:0" } },
   * });
   * await broker.start();
   * const url = `mqtt://127.0.0.1:${broker.addresses[0]!.port}`;
   *
   * await using client = new MQTTClient({ url, protocolVersion: 5 });
   * await client.connect();
   * await using questions = await client.subscription("square");
   * const response = client.request("square", "7");
   * for await (const question of questions) {
   *   await client.respond(question, String(Number(question.text()) ** 2));
   *   break;
   * }
   * assertEquals((await response).text(), "49");
   * ```
   *
   * @param topic The topic name.
   * @param payload The payload. Text is encoded as UTF-8.
   * @param options How long to wait, QoS, whether to retain the request,
   * properties, signal.
   * @returns The response.
   * @throws {DOMException} A `TimeoutError` if none came in time.
   * @throws {RequestError} If nobody answers, as the broker says for QoS 1 and 2
   * (0x10); if it refuses the request, or the subscription to the response, or
   * its Response Information is no beginning of a topic (0x90).
   * @throws {QueueFullError} If too many requests wait already.
   * @throws {ConnectionLostError} If the connection is lost for good, or there
   * is none; if there is another whose broker has another Response Information.
   * @throws {TypeError} If an argument is not what it should be, or the protocol
   * version is not 5.
   * @throws {RangeError} If a number is out of range.
   */
  request(
    topic: string,
    payload: Uint8Array | string,
    options: RequestOptions = {},
  ): Promise<IncomingApplicationMessage> {
    return attempt(() => {
      const { signal, timeout, properties, retain = false } = options;
      signal?.throwIfAborted();
      checkRequest(properties, this.#options.protocolVersion ?? 4);
      checkSeconds("request", "timeout", timeout);
      return this.#session.inquiries.ask(
        publishPacket(topic, payload, { ...options, retain }, this.#options),
        options,
      );
    });
  }

  /**
   * Publishes the response to a request (5.0), to where that says.
   *
   * @param request The request: a message with a Response Topic.
   * @param payload The payload. Text is encoded as UTF-8.
   * @param options QoS, by default that of the request; whether to retain it, by
   * default `false`; properties, signal.
   * @returns The message, as that of `publish`.
   * @throws {TypeError} If the message has no Response Topic.
   * @throws {RequestError} As `publish` does, and all else that it throws.
   */
  respond(
    request: IncomingApplicationMessage,
    payload: Uint8Array | string,
    options: PublishOptions = {},
  ): Promise<OutgoingApplicationMessage> {
    return attempt(() => {
      const [topic, publishOptions] = responseTo(request, options);
      return this.publish(topic, payload, publishOptions);
    });
  }

  /**
   * Subscribes to topic filters, in one request. The messages are for
   * `deliverMessage` and `messages`.
   *
   * @example
   * ```ts
   * import { Broker } from "@ambermq/mqtt/broker";
   * import { MQTTClient } from "@ambermq/mqtt/client";
   * import { assertEquals } from "@std/assert";
   *
   * await using broker = new Broker({
   *   listeners: { default: { bind: "127.0.0.1:0" } },
   * });
   * await broker.start();
   * const url = `mqtt://127.0.0.1:${broker.addresses[0]!.port}`;
   *
   * await using client = new MQTTClient({ url, protocolVersion: 5 });
   * await client.connect();
   * const granted = await client.subscribe([
   *   "a/+",
   *   ["b/#", 2],
   *   { filter: "c", retainHandling: 2 },
   * ], { qos: 1 });
   * assertEquals(granted, [1, 2, 1]);
   * ```
   *
   * @param filters The filter or filters: each by itself, with options, or, in
   * a list, with its QoS: `[["a/#", 1], ["b/+", 2]]`.
   * @param options QoS and whatever else is not with a filter, signal.
   * @returns For each filter the QoS granted, or with `allowFailures` a reason
   * code of 0x80 or more.
   * @throws {RequestError} If the broker refuses one of them. The others are
   * subscribed to: `reasonCodes` of the error says which.
   * @throws {ConnectionLostError} If the connection is lost for good, or there
   * is none.
   * @throws {TypeError} If an argument is not what it should be.
   * @throws {RangeError} If a number is out of range.
   */
  subscribe(
    filters:
      | string
      | FilterOptions
      | readonly (string | FilterOptions | readonly [string, Qos])[],
    options: SubscribeOptions = {},
  ): Promise<ReasonCode[]> {
    return attempt(() => {
      const { signal, allowFailures = false } = options;
      signal?.throwIfAborted();
      return this.#session.calls.subscribe(
        subscribePacket(filters, options),
        allowFailures,
        signal,
      );
    });
  }

  /**
   * Subscribes to a topic filter, or to a shared one (`$share/name/filter`),
   * for messages of its own.
   *
   * A message goes to every such subscription that it is for, and only if there
   * is none to `deliverMessage` and `messages`. With MQTT 5.0 the broker says
   * which those are; before, they are those whose filter matches: there, a broker
   * that sends a message once for each overlapping subscription makes
   * duplicates. The messages that wait to be taken are bounded: see
   * `receiveQueueLimit` for what happens then. Who does not take the messages of
   * one subscription holds up all, since they come over one connection.
   *
   * @example
   * ```ts
   * import { Broker } from "@ambermq/mqtt/broker";
   * import { MQTTClient } from "@ambermq/mqtt/client";
   * import { assertEquals } from "@std/assert";
   *
   * await using broker = new Broker({
   *   listeners: { default: { bind: "127.0.0.1:0" } },
   * });
   * await broker.start();
   * const url = `mqtt://127.0.0.1:${broker.addresses[0]!.port}`;
   *
   * await using client = new MQTTClient({ url });
   * await client.connect();
   * await using temperatures = await client.subscription("+/temperature");
   * await client.publish("kitchen/temperature", "21");
   * for await (const message of temperatures) {
   *   assertEquals(message.text(), "21");
   *   break;
   * }
   * ```
   *
   * @param filter The topic filter.
   * @param options QoS, the limit of its queue, and so on; signal.
   * @returns The subscription.
   * @throws {RequestError} If the broker refuses it.
   * @throws {ConnectionLostError} If the connection is lost for good, or there
   * is none.
   * @throws {TypeError} If an argument is not what it should be.
   * @throws {RangeError} If a number is out of range.
   */
  subscription(
    filter: string,
    options: SubscriptionOptions = {},
  ): Promise<Subscription> {
    return attempt(() => {
      const { receiveQueueLimit = 1000 } = this.#options;
      const { signal, queueLimit = receiveQueueLimit } = options;
      signal?.throwIfAborted();
      checkQueueLimit("subscribe", "queueLimit", queueLimit);
      return this.#session.calls.subscription(
        subscribePacket(filter, options),
        queueLimit,
        signal,
      );
    });
  }

  /**
   * Ends subscriptions, in one request.
   *
   * @param filters The filter or filters, as they were subscribed to. Those of
   * `subscription` end too.
   * @param options Properties, signal.
   * @returns For each filter 0, or 0x11 if there was no such subscription
   * (before 5.0 always 0).
   * @throws {RequestError} If the broker refuses one of them.
   * @throws {ConnectionLostError} If the connection is lost for good, or there
   * is none.
   * @throws {TypeError} If an argument is not what it should be.
   */
  unsubscribe(
    filters: string | readonly string[],
    options: UnsubscribeOptions = {},
  ): Promise<ReasonCode[]> {
    return attempt(() => {
      const { signal } = options;
      signal?.throwIfAborted();
      return this.#session.calls.unsubscribe(
        unsubscribePacket(filters, options),
        signal,
      );
    });
  }

  /**
   * Waits for the next message. Each message is delivered once: to one of
   * those who wait for it, here or in `messages`. One of QoS 2 is delivered
   * when the broker has released it.
   *
   * @param options How long to wait, signal; or only how long, in seconds.
   * @returns The message.
   * @throws {DOMException} A `TimeoutError` if none came in time.
   * @throws {RangeError} If the time is negative.
   * @throws {ConnectionLostError} If the connection is lost for good or was
   * ended, and all messages are taken.
   */
  deliverMessage(
    options: number | DeliverOptions = {},
  ): Promise<IncomingApplicationMessage> {
    return attempt(() =>
      deliver(
        this.#session.inbox,
        typeof options === "number" ? { timeout: options } : options,
        this.#clock,
      )
    );
  }

  /**
   * The messages as they come, until the client disconnects.
   *
   * @param options The signal.
   * @returns The messages, for `for await`.
   * @throws {ConnectionLostError} If the connection is lost for good, when all
   * messages are taken.
   */
  messages(
    options: CallOptions = {},
  ): AsyncGenerator<IncomingApplicationMessage, void, undefined> {
    return messagesOf(this.#session.inbox, options.signal);
  }
}
