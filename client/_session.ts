/**
 * The client's side of a session, and what the packets of its connection mean.
 *
 * A session outlives connections: unsettled messages stay in publisher and
 * subscriber, received ones in the inbox. What waits for an answer does not.
 */

import {
  type ConnackPacket,
  type ConnackProperties,
  type DisconnectPacket,
  type Packet,
  ProtocolError,
  type ProtocolVersion,
  type PublishPacket,
  Queue,
  ReasonCode,
  reasonName,
  type SubscribePacket,
  type SubscribeProperties,
  type UnsubscribePacket,
} from "../codec/mod.ts";
import type { Connection, ConnectionHandler } from "./_connection.ts";
import { ConnectionLostError, RequestError } from "./error.ts";
import { Inbox } from "./_inbox.ts";
import type { PublishResult } from "./options.ts";
import { type Pending, PendingSet } from "./_pending.ts";
import { Publisher } from "./_publisher.ts";
import { describeReason } from "./_reason.ts";
import { Requests } from "./_requests.ts";
import { type ReceiveLimits, Subscriber } from "./_subscriber.ts";

/** What is the same for all connections of a session. */
export interface SessionOptions extends ReceiveLimits {
  readonly version: ProtocolVersion;
  readonly receiveQueueLimit: number;
}

/** What CONNECT said that matters to CONNACK. */
export interface Greeting {
  /** In seconds. */
  readonly keepAlive: number;
  /** Whether the session may be one that the broker has. */
  readonly resumable: boolean;
}

const sent: Promise<PublishResult> = Promise.resolve(
  Object.freeze({ reasonCode: ReasonCode.Success }),
);

export class Session implements ConnectionHandler {
  readonly inbox: Inbox;
  readonly subscriber: Subscriber;

  readonly #version: ProtocolVersion;
  readonly #promises: PendingSet;
  readonly #publisher: Publisher;
  readonly #requests: Requests;
  readonly #drains = new Queue<Pending<PublishResult>>();
  #connection: Connection | undefined;
  #greeting: Greeting & { pending: Pending<ConnackPacket> } | undefined;
  /** What the broker can do, as CONNACK says. */
  #broker: ConnackProperties = {};
  /** Goes on reading. */
  #resume: (() => void) | undefined;

  constructor(options: SessionOptions) {
    const { version } = options;
    this.#version = version;
    this.#promises = new PendingSet(() => this.#resume?.());
    this.#requests = new Requests(version);
    this.#publisher = new Publisher(
      version,
      this.#promises,
      this.#requests,
    );
    this.inbox = new Inbox(options.receiveQueueLimit, () => {
      this.subscriber.taken();
      if (this.inbox.low) this.#resume?.();
    });
    this.subscriber = new Subscriber(this.inbox, options);
  }

  /** A connection begins: waits for CONNACK. */
  greet(
    connection: Connection,
    greeting: Greeting,
    signal: AbortSignal,
  ): Promise<ConnackPacket> {
    this.#connection = connection;
    this.inbox.open();
    const pending = this.#promises.open<ConnackPacket>(signal);
    this.#greeting = { ...greeting, pending };
    return pending.promise;
  }

  /** The connection is gone. */
  stop(error: Error | undefined): void {
    this.#connection = undefined;
    this.#publisher.stop();
    this.subscriber.stop();
    this.#requests.clear();
    this.#drains.clear();
    this.#promises.lose(
      error ?? new ConnectionLostError("Connection lost: the client left"),
    );
    this.inbox.end(error);
  }

  /** Forgets what is unsettled. */
  clear(): void {
    this.#publisher.clear();
    this.subscriber.clear();
  }

  publish(
    packet: PublishPacket,
    signal: AbortSignal | undefined,
  ): Promise<PublishResult> {
    const connection = this.#connected("publish");
    const { maximumQos, retainAvailable = true } = this.#broker;
    // [MQTT-3.2.2-11]
    if (maximumQos !== undefined && packet.qos > maximumQos) {
      throw new RequestError(
        `Cannot publish: the broker has QoS ${maximumQos} at most`,
        [ReasonCode.QosNotSupported],
      );
    }
    // [MQTT-3.2.2-14]
    if (packet.retain && !retainAvailable) {
      throw new RequestError(
        "Cannot publish: the broker does not retain messages",
        [ReasonCode.RetainNotSupported],
      );
    }
    if (packet.qos > 0) return this.#publisher.publish(packet, signal);
    connection.send(packet);
    if (!connection.congested) return sent;
    const pending = this.#promises.open<PublishResult>(signal);
    this.#drains.push(pending);
    return pending.promise;
  }

  subscribe(
    packet: Omit<SubscribePacket, "packetId">,
    allowFailures: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ReasonCode[]> {
    const connection = this.#connected("subscribe");
    const filters = packet.subscriptions.map(({ filter }) => filter);
    for (const filter of filters) {
      const reasonCode = this.#unavailable(filter, packet.properties);
      if (reasonCode === undefined) continue;
      throw new RequestError(
        `Cannot subscribe to ${JSON.stringify(filter)}: ${
          reasonName(reasonCode)
        }`,
        [reasonCode],
      );
    }
    const packetId = this.#publisher.nextId();
    connection.send({ ...packet, packetId });
    const pending = this.#promises.open<ReasonCode[]>(signal);
    this.#requests.add(packetId, {
      type: "suback",
      filters,
      allowFailures,
      pending,
    });
    return pending.promise;
  }

  /** What CONNACK said the broker cannot do: it would end the connection. */
  #unavailable(
    filter: string,
    properties: SubscribeProperties | undefined,
  ): ReasonCode | undefined {
    const broker = this.#broker;
    if (
      broker.subscriptionIdentifiersAvailable === false &&
      properties?.subscriptionIdentifiers !== undefined
    ) return ReasonCode.SubscriptionIdentifiersNotSupported;
    if (
      broker.sharedSubscriptionAvailable === false &&
      filter.startsWith("$share/")
    ) return ReasonCode.SharedSubscriptionsNotSupported;
    if (
      broker.wildcardSubscriptionAvailable === false && /[#+]/.test(filter)
    ) return ReasonCode.WildcardSubscriptionsNotSupported;
    return undefined;
  }

  unsubscribe(
    packet: Omit<UnsubscribePacket, "packetId">,
    signal: AbortSignal | undefined,
  ): Promise<ReasonCode[]> {
    const connection = this.#connected("unsubscribe");
    const packetId = this.#publisher.nextId();
    connection.send({ ...packet, packetId });
    const pending = this.#promises.open<ReasonCode[]>(signal);
    this.#requests.add(packetId, {
      type: "unsuback",
      filters: packet.filters,
      allowFailures: false,
      pending,
    });
    return pending.promise;
  }

  ping(signal: AbortSignal | undefined): Promise<void> {
    const connection = this.#connected("ping");
    const pending = this.#promises.open<void>(signal);
    this.#requests.ping(pending);
    connection.ping();
    return pending.promise;
  }

  #connected(action: string): Connection {
    const connection = this.#connection;
    if (connection?.connected) return connection;
    throw new ConnectionLostError(
      `Cannot ${action}: the client is not connected`,
    );
  }

  // What a connection has its handler for:

  handle(packet: Packet): void {
    switch (packet.type) {
      case "connack":
        return this.#connack(packet);
      case "publish":
        return this.subscriber.publish(packet);
      case "puback":
        return this.#publisher.puback(packet);
      case "pubrec":
        return this.#publisher.pubrec(packet);
      case "pubrel":
        return this.subscriber.pubrel(packet.packetId);
      case "pubcomp":
        return this.#publisher.pubcomp(packet);
      case "suback":
      case "unsuback":
        return this.#requests.answer(packet);
      case "pingresp":
        return this.#requests.pingresp();
      case "disconnect":
        return this.#connection!.close(lostBy(packet));
      default:
        // [MQTT-4.12.0-7] nothing was said about authentication
        throw new ProtocolError(`${packet.type} was not to be expected`);
    }
  }

  #connack(packet: ConnackPacket): void {
    const connection = this.#connection!;
    const { pending, keepAlive, resumable } = this.#greeting!;
    const { sessionPresent, properties = {} } = packet;
    // [MQTT-4.13.2-1]
    if (packet.reasonCode !== ReasonCode.Success) {
      pending.resolve(packet);
      return connection.close(
        new ConnectionLostError("Connection lost: the broker refused it"),
      );
    }
    if (sessionPresent && !resumable) {
      // [MQTT-3.2.2-4]
      throw new ProtocolError(
        "the broker goes on with a session that the client does not have",
      );
    }
    // [MQTT-3.2.2-5] MQTT 3.1 cannot say it
    if (!sessionPresent && this.#version > 3) this.clear();
    this.#broker = properties;
    connection.maximumPacketSize = properties.maximumPacketSize ?? Infinity;
    // [MQTT-3.1.2-21] [MQTT-3.2.2-21]
    connection.open(properties.serverKeepAlive ?? keepAlive);
    this.subscriber.start(connection);
    this.#publisher.start(connection, properties.receiveMaximum ?? 65_535);
    pending.resolve(packet);
  }

  room(): Promise<void> | undefined {
    // Who waits for an answer cannot take messages: reading has to go on.
    if (!this.inbox.full || this.#promises.size > 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = resolve;
    return promise;
  }

  pinged(): void {
    this.#requests.ping(undefined);
  }

  drained(): void {
    while (this.#drains.size > 0) {
      this.#drains.shift()!.resolve({ reasonCode: ReasonCode.Success });
    }
  }

  closing(): void {
    this.#resume?.();
  }
}

/** The broker has left, in 5.0: why. */
function lostBy(packet: DisconnectPacket): ConnectionLostError {
  const { reasonCode, properties } = packet;
  return new ConnectionLostError(
    `Connection lost: the broker ended it, ${
      describeReason(reasonCode, properties)
    }`,
    { reasonCode, ...(properties === undefined ? {} : { properties }) },
  );
}
