/**
 * The client's side of a session, and what the packets of its connection mean.
 *
 * A session outlives connections: unsettled messages stay in publisher and
 * subscriber, received ones in the inboxes. What waits for an answer waits on
 * while another connection is to come, and is told when none is.
 */

import {
  type ConnackPacket,
  type DisconnectPacket,
  type Packet,
  ProtocolError,
  type ProtocolVersion,
  ReasonCode,
  type ReasonProperties,
} from "../codec/mod.ts";
import type { Authentication } from "./_authentication.ts";
import { Calls } from "./_calls.ts";
import { Capabilities } from "./_capabilities.ts";
import type { Connection, ConnectionHandler } from "./_connection.ts";
import { ConnectionLostError } from "./error.ts";
import type { Events } from "./_guard.ts";
import { Crowd, Inbox } from "./_inbox.ts";
import { Inquiries, type InquiryOptions } from "./_inquiries.ts";
import type { OfflineQueueOptions } from "./options.ts";
import { type Pending, PendingSet } from "./_pending.ts";
import { Publisher } from "./_publisher.ts";
import { describeReason } from "./_reason.ts";
import { Requests } from "./_requests.ts";
import { type ReceiveOptions, Subscriber } from "./_subscriber.ts";
import { Subscriptions } from "./_subscriptions.ts";

/** What is the same for all connections of a session. */
export interface SessionOptions extends ReceiveOptions, InquiryOptions {
  readonly version: ProtocolVersion;
  readonly receiveQueueLimit: number;
  readonly offlineQueue: OfflineQueueOptions | undefined;
  readonly resubscribe: boolean;
  readonly maxInflight: number | undefined;
  readonly topicAliases: boolean;
  /** Whether the client wants no reasons with failures. */
  readonly terse: boolean;
  readonly events: Events;
}

/** What CONNECT said that matters to CONNACK. */
export interface Greeting {
  /** In seconds. */
  readonly keepAlive: number;
  /** Whether the session may be one that the broker has. */
  readonly resumable: boolean;
  /** The method of enhanced authentication. */
  readonly method: string | undefined;
  /** Where the client has an exchange by that method. */
  readonly authentication: Authentication | undefined;
  /** Is told that the connection is open, before anything is sent over it. */
  opened(connack: ConnackPacket): void;
}

export class Session implements ConnectionHandler {
  readonly inbox: Inbox;
  readonly subscriber: Subscriber;
  readonly calls: Calls;
  readonly inquiries: Inquiries;

  readonly #options: SessionOptions;
  readonly #promises = new PendingSet(() => this.#resume?.());
  readonly #crowd = new Crowd(() => this.#resume?.());
  readonly #requests: Requests;
  readonly #publisher: Publisher;
  readonly #subscriptions: Subscriptions;
  #connection: Connection | undefined;
  #greeting: Greeting & { pending: Pending<ConnackPacket> } | undefined;
  /** Goes on reading. */
  #resume: (() => void) | undefined;

  /** @throws {RangeError} If a limit is none. */
  constructor(options: SessionOptions) {
    const { version, events } = options;
    this.#options = options;
    this.#requests = new Requests(version, () => this.#publisher.nextId());
    this.#publisher = new Publisher(
      version,
      this.#promises,
      this.#requests,
      options.offlineQueue,
    );
    this.inbox = new Inbox(options.receiveQueueLimit, this.#crowd);
    this.#subscriptions = new Subscriptions(
      this.inbox,
      this.#requests,
      (filter, error) => events.subscriptionLost?.(filter, error),
    );
    this.subscriber = new Subscriber(
      (message) => this.#subscriptions.inboxesOf(message),
      options,
    );
    this.calls = new Calls({
      version,
      promises: this.#promises,
      crowd: this.#crowd,
      publisher: this.#publisher,
      requests: this.#requests,
      subscriptions: this.#subscriptions,
    });
    this.inquiries = new Inquiries(options, this.calls, this.#promises);
  }

  /** A connection is to come: who calls waits for it. */
  expect(): void {
    this.calls.expected = true;
    this.inbox.open();
  }

  /** The client is about to leave: no other connection is to come. */
  leave(): void {
    this.calls.expected = false;
  }

  /** A connection begins: waits for CONNACK. */
  greet(
    connection: Connection,
    greeting: Greeting,
    signal: AbortSignal,
  ): Promise<ConnackPacket> {
    this.#connection = connection;
    const pending = this.#promises.open<ConnackPacket>(signal);
    this.#greeting = { ...greeting, pending };
    return pending.promise;
  }

  /**
   * Authenticates again.
   *
   * @throws {ConnectionLostError} If there is no connection.
   * @throws {TypeError} If it has no method, or is doing that already.
   */
  reauthenticate(signal: AbortSignal | undefined): Promise<void> {
    const action = "Cannot authenticate again";
    if (this.#connection?.connected !== true) {
      throw new ConnectionLostError(`${action}: the client is not connected`);
    }
    const { authentication } = this.#greeting!;
    if (authentication === undefined) {
      throw new TypeError(
        `${action}: the client has no option authentication`,
      );
    }
    const pending = this.#promises.open<void>(signal);
    try {
      authentication.again(pending);
    } catch (error) {
      pending.reject(error);
      throw error;
    }
    return pending.promise;
  }

  /** The connection is gone; another one may come. */
  lose(
    error: Error = new ConnectionLostError("Connection lost: the client left"),
  ): void {
    this.#connection = undefined;
    this.#greeting?.pending.reject(error);
    this.#greeting?.authentication?.stop(error);
    this.#publisher.pause();
    this.subscriber.stop();
    this.#requests.pause();
    this.calls.stop(error);
  }

  /** No other connection comes: why, if it is an error. */
  end(error: Error | undefined): void {
    this.calls.expected = false;
    this.#promises.lose(
      error ?? new ConnectionLostError("Connection lost: the client left"),
    );
    this.#publisher.stop();
    this.#requests.stop();
    this.#subscriptions.end(error);
    this.inbox.end(error);
  }

  /** Forgets what was subscribed to. */
  forget(): void {
    this.#subscriptions.clear(
      new ConnectionLostError("Connection lost: a new session has begun"),
    );
  }

  /** The session is over. */
  clear(): void {
    this.#publisher.clear();
    this.subscriber.clear();
  }

  // What a connection has its handler for:

  handle(packet: Packet): void {
    if (this.#options.terse) checkTerse(packet);
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
        return this.subscriber.pubrel(packet);
      case "pubcomp":
        return this.#publisher.pubcomp(packet);
      case "suback":
      case "unsuback":
        return this.#requests.answer(packet);
      case "pingresp":
        return this.#requests.pingresp();
      case "disconnect":
        return this.#connection!.close(lostBy(packet));
      case "auth":
        if (this.#greeting!.authentication !== undefined) {
          return this.#greeting!.authentication.receive(packet);
        }
        // [MQTT-4.12.0-6] [MQTT-4.12.0-7]
        throw new ProtocolError("AUTH came, but CONNECT had no method");
      default:
        throw new ProtocolError(`${packet.type} was not to be expected`);
    }
  }

  #connack(packet: ConnackPacket): void {
    const connection = this.#connection!;
    const { pending, keepAlive, resumable, method, authentication, opened } =
      this.#greeting!;
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
    // [MQTT-4.12.0-5] [MQTT-4.12.0-6]
    if (properties.authenticationMethod !== method) {
      throw new ProtocolError("CONNACK has another method than CONNECT");
    }
    authentication?.accept(packet);
    const { version, resubscribe, events } = this.#options;
    this.inquiries.greeted(properties.responseInformation);
    // [MQTT-3.2.2-5] MQTT 3.1 cannot say it
    if (!sessionPresent && version > 3) this.clear();
    const capabilities = new Capabilities(version, properties, this.#options);
    // [MQTT-3.1.2-21] [MQTT-3.2.2-21]
    connection.open(capabilities, properties.serverKeepAlive ?? keepAlive);
    pending.resolve(packet);
    opened(packet);
    this.calls.start(connection);
    this.subscriber.start(connection);
    this.#requests.start(connection, capabilities);
    if (!sessionPresent) {
      if (resubscribe) this.#subscriptions.lose();
      else this.forget();
    }
    this.#subscriptions.reconcile();
    this.#requests.resume();
    this.#publisher.start(connection, capabilities);
    events.connected?.(packet);
  }

  room(): Promise<void> | undefined {
    // Who waits for an answer cannot take messages: reading has to go on.
    if (this.#crowd.size === 0 || this.#promises.size > 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = resolve;
    return promise;
  }

  pinged(): void {
    this.#requests.pinged();
  }

  drained(): void {
    this.calls.drained();
  }

  closing(): void {
    this.#resume?.();
  }
}

/**
 * Request Problem Information 0: reasons are for CONNACK and DISCONNECT only, and
 * anything else a protocol error (section 3.1.2.11.7).
 */
function checkTerse(packet: Packet): void {
  const { type } = packet;
  if (type === "publish" || type === "connack" || type === "disconnect") return;
  const { reasonString, userProperties } =
    (packet as { properties?: ReasonProperties }).properties ?? {};
  if (reasonString === undefined && userProperties === undefined) return;
  throw new ProtocolError(
    `${type} has problem information, which was not asked for`,
  );
}

/** The broker has left, in 5.0: why. */
function lostBy(packet: DisconnectPacket): ConnectionLostError {
  const { reasonCode, properties } = packet;
  const elsewhere = properties?.serverReference;
  return new ConnectionLostError(
    `Connection lost: the broker ended it, ${
      describeReason(reasonCode, properties)
    }` + (elsewhere === undefined ? "" : `; use ${elsewhere}`),
    { reasonCode, ...(properties === undefined ? {} : { properties }) },
  );
}
