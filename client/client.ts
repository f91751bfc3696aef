/**
 * The client.
 *
 * @module
 */

import {
  type ConnackPacket,
  type ProtocolVersion,
  type PublishPacket,
  type Qos,
  ReasonCode,
} from "../codec/mod.ts";
import {
  bytesOf,
  checkPublishProperties,
  filterOptions,
  listOf,
} from "./_arguments.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Connection } from "./_connection.ts";
import { Attempt, connectPacket, randomClientId } from "./_connect.ts";
import { dial } from "./dial.ts";
import { ConnectError, ConnectionLostError } from "./error.ts";
import type { ApplicationMessage } from "./message.ts";
import type {
  CallOptions,
  ClientOptions,
  ConnectOptions,
  DeliverOptions,
  DisconnectOptions,
  FilterOptions,
  PublishOptions,
  PublishResult,
  SubscribeOptions,
  UnsubscribeOptions,
} from "./options.ts";
import { attempt } from "./_pending.ts";
import { Session } from "./_session.ts";
import { parseBrokerUrl } from "./_url.ts";

/**
 * A client of an MQTT broker.
 *
 * One object has one session and one connection at a time. When the connection
 * is lost every promise that waits is rejected with a
 * {@linkcode ConnectionLostError}, and {@linkcode MQTTClient.closed} tells why:
 * promises of `publish`, `subscribe`, `unsubscribe` and `ping` that nobody
 * looks at are no unhandled rejections then. After that `connect` may be called
 * again: with `cleanStart: false`, messages of QoS 1 and 2 that were not
 * acknowledged are sent again [MQTT-4.4.0-1].
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
  readonly #version: ProtocolVersion;
  readonly #clock: Clock;
  readonly #session: Session;
  #clientId: string;
  /** Whether the broker may have a session with the client's identifier. */
  #known: boolean;
  /** What led, or is to lead, to the connection there is. */
  #attempt: Attempt | undefined;
  #connection: Connection | undefined;
  /** Whether `#closed` is settled. */
  #ended = false;
  #closed = Promise.withResolvers<Error | undefined>();

  /**
   * Makes a client, without connecting it.
   *
   * @param options What it is to be like.
   * @throws {TypeError} If an option is not of its type, or two do not go
   * together.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(options: ClientOptions = {}) {
    const { protocolVersion = 4, clientId, properties = {} } = options;
    if (![3, 4, 5].includes(protocolVersion)) {
      throw new RangeError(
        `Cannot make a client: protocolVersion ${protocolVersion} is not 3, 4 or 5`,
      );
    }
    const { receiveQueueLimit = 1000 } = options;
    if (!Number.isInteger(receiveQueueLimit) || receiveQueueLimit < 1) {
      throw new RangeError(
        `Cannot make a client: receiveQueueLimit ${receiveQueueLimit} is not 1 or more`,
      );
    }
    this.#options = options;
    this.#version = protocolVersion;
    this.#clock = options.clock ?? systemClock;
    this.#clientId = clientId ?? randomClientId();
    this.#known = clientId !== undefined && clientId !== "";
    const announced = protocolVersion === 5 ? properties : {};
    this.#session = new Session({
      version: protocolVersion,
      receiveQueueLimit,
      receiveMaximum: announced.receiveMaximum ?? 65_535,
      topicAliasMaximum: announced.topicAliasMaximum ?? 0,
    });
  }

  /** The client identifier; after `connect` the one that the broker assigned. */
  get clientId(): string {
    return this.#clientId;
  }

  /** Whether there is a connection now. */
  get connected(): boolean {
    return this.#connection?.connected ?? false;
  }

  /**
   * Settles when the connection has ended, or could not be made; before
   * `connect` it waits for that. Never rejects.
   *
   * @returns What went wrong; `undefined` after `disconnect`.
   */
  get closed(): Promise<Error | undefined> {
    return this.#closed.promise;
  }

  /** How many messages of QoS 0 came while the application was behind and lost. */
  get dropped(): number {
    return this.#session.subscriber.dropped;
  }

  /**
   * Connects to the broker.
   *
   * @example
   * ```ts
   * import { ConnectError, MQTTClient } from "@ambermq/mqtt/client";
   * import { assertRejects } from "@std/assert";
   *
   * const client = new MQTTClient();
   * await assertRejects(
   *   () => client.connect("mqtt://127.0.0.1:1"),
   *   ConnectError,
   *   "Cannot connect to 127.0.0.1:1",
   * );
   * ```
   *
   * @param url The URL of the broker, if not the one in the client's options.
   * @param options Clean start, signal.
   * @returns CONNACK: whether the broker had a session, and its properties.
   * @throws {ConnectError} If no connection comes about: the broker cannot be
   * reached, refuses, or does not answer in time.
   * @throws {TypeError} If the client is connected, or an option is wrong.
   * @throws {RangeError} If a number is out of range.
   */
  connect(
    url: string | URL,
    options?: ConnectOptions,
  ): Promise<ConnackPacket>;
  /**
   * Connects to the broker that the options name.
   *
   * @param options URL, clean start, signal.
   * @returns CONNACK: whether the broker had a session, and its properties.
   * @throws {ConnectError} If no connection comes about: the broker cannot be
   * reached, refuses, or does not answer in time.
   * @throws {TypeError} If the client is connected, or an option is wrong.
   * @throws {RangeError} If a number is out of range.
   */
  connect(options?: ConnectOptions): Promise<ConnackPacket>;
  async connect(
    first: string | URL | ConnectOptions = {},
    rest: ConnectOptions = {},
  ): Promise<ConnackPacket> {
    const options: ConnectOptions =
      typeof first === "string" || first instanceof URL
        ? { ...rest, url: first }
        : first;
    options.signal?.throwIfAborted();
    if (this.#attempt !== undefined) {
      throw new TypeError("Cannot connect: the client is connected already");
    }
    const broker = parseBrokerUrl(
      options.url ?? this.#options.url ?? "mqtt://localhost",
    );
    const next = new Attempt({
      broker,
      packet: connectPacket(
        this.#clientId,
        this.#version,
        broker,
        this.#options,
        options,
      ),
      known: this.#known,
      session: this.#session,
      client: this.#options,
      dial: this.#options.dial ?? dial,
      clock: this.#clock,
      signal: options.signal,
    });
    // Nothing is wrong with the arguments: `closed` is about this attempt now.
    this.#attempt = next;
    if (this.#ended) this.#closed = Promise.withResolvers();
    this.#ended = false;
    try {
      const { connection, connack, ended } = await next.run();
      this.#known = true;
      this.#clientId = connack.properties?.assignedClientIdentifier ??
        this.#clientId;
      this.#connection = connection;
      ended.then((error) => this.#end(error));
      return connack;
    } catch (error) {
      this.#session.stop(error as Error);
      this.#end(error as Error);
      throw error;
    }
  }

  /** The connection has ended, or none came about. */
  #end(error: Error | undefined): void {
    this.#attempt = undefined;
    this.#connection = undefined;
    this.#ended = true;
    this.#closed.resolve(error);
  }

  /**
   * Disconnects: sends what was published so far, then DISCONNECT. It does not
   * wait for acknowledgements; who does awaits `publish`. Without a connection
   * it does nothing.
   *
   * @param options Reason and properties of DISCONNECT, signal.
   * @throws {TypeError} If the reason or a property is not one of DISCONNECT.
   */
  async disconnect(options: DisconnectOptions = {}): Promise<void> {
    const { reasonCode = ReasonCode.NormalDisconnection, properties, signal } =
      options;
    signal?.throwIfAborted();
    if (this.#attempt === undefined) return;
    const connection = this.#connection;
    connection?.disconnect(reasonCode, undefined, properties);
    this.#attempt.giveUp(
      new ConnectError("Cannot connect: disconnect was called"),
    );
    const abort = () => connection?.close();
    signal?.addEventListener("abort", abort);
    await this.closed;
    signal?.removeEventListener("abort", abort);
    signal?.throwIfAborted();
  }

  /** Disconnects, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  /**
   * Asks the broker for a sign of life and waits for it.
   *
   * @param options The signal.
   * @throws {ConnectionLostError} If the connection is lost, or there is none.
   */
  ping(options: CallOptions = {}): Promise<void> {
    return attempt(() => {
      options.signal?.throwIfAborted();
      return this.#session.ping(options.signal);
    });
  }

  /**
   * Publishes a message.
   *
   * It is copied before the call returns. At QoS 0 the promise is resolved at
   * once, or, if much waits to be sent, when the transport has taken it: who
   * awaits it cannot be faster than the network. At QoS 1 and 2 it is resolved
   * when the broker has taken over; in 5.0, if the broker takes no more at the
   * time, messages wait in their order.
   *
   * @param topic The topic name.
   * @param payload The payload. Text is encoded as UTF-8.
   * @param options QoS, retain, properties, signal.
   * @returns How it ended.
   * @throws {RequestError} If the broker refuses the message, or does not
   * support its QoS, its size or RETAIN.
   * @throws {ConnectionLostError} If the connection is lost, or there is none.
   * @throws {TypeError} If an argument is not what it should be.
   * @throws {RangeError} If a number is out of range.
   */
  publish(
    topic: string,
    payload: Uint8Array | string,
    options: PublishOptions = {},
  ): Promise<PublishResult> {
    // Not an async function: at QoS 0 its promise would cost more than the rest.
    return attempt(() => {
      const { qos = 0, retain = false, properties, signal } = options;
      signal?.throwIfAborted();
      if (properties !== undefined) checkPublishProperties(properties);
      const packet: PublishPacket = {
        type: "publish",
        topic,
        payload: bytesOf(payload),
        qos,
        retain,
        dup: false, // [MQTT-4.3.1-1] [MQTT-4.3.2-2] [MQTT-4.3.3-2]
      };
      if (properties !== undefined) packet.properties = properties;
      return this.#session.publish(packet, signal);
    });
  }

  /**
   * Subscribes to topic filters, in one request.
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
   * @throws {ConnectionLostError} If the connection is lost, or there is none.
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
      const { signal, allowFailures = false, properties, ...rest } = options;
      signal?.throwIfAborted();
      const subscriptions = listOf(filters).map((one) => ({
        qos: 0 as const,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0 as const,
        ...rest,
        ...filterOptions(one),
      }));
      const packet = { type: "subscribe" as const, subscriptions };
      return this.#session.subscribe(
        properties === undefined ? packet : { ...packet, properties },
        allowFailures,
        signal,
      );
    });
  }

  /**
   * Ends subscriptions, in one request.
   *
   * @param filters The filter or filters, as they were subscribed to.
   * @param options Properties, signal.
   * @returns For each filter 0, or 0x11 if there was no such subscription
   * (before 5.0 always 0).
   * @throws {RequestError} If the broker refuses one of them.
   * @throws {ConnectionLostError} If the connection is lost, or there is none.
   * @throws {TypeError} If an argument is not what it should be.
   */
  unsubscribe(
    filters: string | readonly string[],
    options: UnsubscribeOptions = {},
  ): Promise<ReasonCode[]> {
    return attempt(() => {
      const { signal, properties } = options;
      signal?.throwIfAborted();
      const packet = {
        type: "unsubscribe" as const,
        filters: listOf(filters),
      };
      return this.#session.unsubscribe(
        properties === undefined ? packet : { ...packet, properties },
        signal,
      );
    });
  }

  /**
   * Waits for the next message. Each message is delivered once: to one of
   * those who wait for it, here or in `messages`. One of QoS 2 is delivered
   * when the broker has released it.
   *
   * @param options How long to wait, signal.
   * @returns The message.
   * @throws {DOMException} A `TimeoutError` if none came in time.
   * @throws {ConnectionLostError} If the connection is lost or was ended, and
   * all messages are taken.
   */
  async deliverMessage(
    options: DeliverOptions = {},
  ): Promise<ApplicationMessage> {
    const { timeout, signal } = options;
    signal?.throwIfAborted();
    const message = timeout === undefined
      ? await this.#session.inbox.take(signal)
      : await this.#takeWithin(timeout, signal);
    if (message !== undefined) return message;
    throw new ConnectionLostError(
      "Cannot deliver a message: the client has disconnected",
    );
  }

  async #takeWithin(
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<ApplicationMessage | undefined> {
    const late = new AbortController();
    const timer = this.#clock.setTimeout(() =>
      late.abort(
        new DOMException(
          `Cannot deliver a message: none came within ${timeout} s`,
          "TimeoutError",
        ),
      ), timeout * 1000);
    try {
      return await this.#session.inbox.take(
        signal === undefined
          ? late.signal
          : AbortSignal.any([late.signal, signal]),
      );
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  /**
   * The messages as they come, until the client disconnects.
   *
   * @param options The signal.
   * @returns The messages, for `for await`.
   * @throws {ConnectionLostError} If the connection is lost, when all messages
   * are taken.
   */
  async *messages(
    options: CallOptions = {},
  ): AsyncGenerator<ApplicationMessage, void, undefined> {
    const { signal } = options;
    for (;;) {
      signal?.throwIfAborted();
      const message = await this.#session.inbox.take(signal);
      if (message === undefined) return;
      yield message;
    }
  }
}
