/** What the application asks of a session: now, or as soon as it can be. */

import {
  encode,
  type Packet,
  type ProtocolVersion,
  type PublishPacket,
  Queue,
  type ReasonCode,
  type SubscribePacket,
  type UnsubscribePacket,
} from "../codec/mod.ts";
import type { UnsubscribeOptions } from "./call_options.ts";
import type { Connection } from "./_connection.ts";
import { ConnectionLostError } from "./error.ts";
import { type Crowd, Inbox } from "./_inbox.ts";
import { OutgoingApplicationMessage } from "./message.ts";
import { overlook, type Pending, type PendingSet } from "./_pending.ts";
import type { Publisher } from "./_publisher.ts";
import type { Requests } from "./_requests.ts";
import { Stream } from "./_stream.ts";
import type { Subscriptions } from "./_subscriptions.ts";

/** The parts of the session that do it. */
export interface CallParts {
  readonly version: ProtocolVersion;
  readonly promises: PendingSet;
  readonly crowd: Crowd;
  readonly publisher: Publisher;
  readonly requests: Requests;
  readonly subscriptions: Subscriptions;
}

type Publishing = Pending<OutgoingApplicationMessage>;

export class Calls {
  /** Whether there is, or is to be, a connection. */
  expected = false;

  readonly #parts: CallParts;
  /** QoS 0 messages that the transport has not taken. */
  readonly #drains = new Queue<[Publishing, OutgoingApplicationMessage]>();
  #connection: Connection | undefined;

  constructor(parts: CallParts) {
    this.#parts = parts;
  }

  /** A connection is open. */
  start(connection: Connection): void {
    this.#connection = connection;
  }

  /** It is gone. */
  stop(error: Error): void {
    this.#connection = undefined;
    // At most once: nobody knows how much of them has left.
    while (this.#drains.size > 0) this.#drains.shift()![0].reject(error);
  }

  /**
   * Waits for a connection, if there is none.
   *
   * @throws {ConnectionLostError} If none is to come.
   */
  async connection(action: string): Promise<void> {
    if (this.#open(action) === undefined) await this.ping(undefined);
  }

  publish(
    packet: PublishPacket,
    signal: AbortSignal | undefined,
  ): Promise<OutgoingApplicationMessage> {
    const connection = this.#open("publish");
    const capabilities = connection?.capabilities;
    if (connection === undefined || packet.qos > 0) {
      return this.#parts.publisher.publish(packet, capabilities, signal);
    }
    const refusal = connection.capabilities.flagsRefusal(packet);
    if (refusal !== undefined) throw refusal;
    connection.publish(packet);
    const message = new OutgoingApplicationMessage(packet);
    if (!connection.congested) return Promise.resolve(message);
    const pending: Publishing = this.#parts.promises.open(signal);
    this.#drains.push([pending, message]);
    return pending.promise;
  }

  subscribe(
    packet: Omit<SubscribePacket, "packetId">,
    allowFailures: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ReasonCode[]> {
    this.#open("subscribe");
    this.#check({ ...packet, packetId: 1 });
    const pending = this.#parts.promises.open<ReasonCode[]>(signal);
    this.#parts.subscriptions.subscribe(packet, allowFailures, pending);
    return pending.promise;
  }

  /** Subscribes to one filter, for messages of its own. */
  subscription(
    packet: Omit<SubscribePacket, "packetId">,
    queueLimit: number,
    signal: AbortSignal | undefined,
  ): Promise<Stream> {
    this.#open("subscribe");
    this.#check({ ...packet, packetId: 1 });
    const request = packet.subscriptions[0]!;
    const stream = new Stream(
      request.filter,
      new Inbox(queueLimit, this.#parts.crowd),
      this.#leave,
    );
    const pending = this.#parts.promises.open<ReasonCode[]>(signal);
    this.#parts.subscriptions.open(stream, request, packet.properties, pending);
    return overlook(
      pending.promise.then(() => stream, (error) => {
        this.#parts.subscriptions.close(stream, error);
        throw error;
      }),
    );
  }

  readonly #leave = (
    stream: Stream,
    { properties, signal }: UnsubscribeOptions,
  ): Promise<unknown> => {
    signal?.throwIfAborted();
    const pending = this.#parts.promises.open<ReasonCode[]>(signal);
    this.#parts.subscriptions.leave(stream, properties, pending);
    return pending.promise;
  };

  unsubscribe(
    packet: Omit<UnsubscribePacket, "packetId">,
    signal: AbortSignal | undefined,
  ): Promise<ReasonCode[]> {
    this.#open("unsubscribe");
    this.#check({ ...packet, packetId: 1 });
    const pending = this.#parts.promises.open<ReasonCode[]>(signal);
    this.#parts.subscriptions.unsubscribe(packet, pending);
    return pending.promise;
  }

  ping(signal: AbortSignal | undefined): Promise<void> {
    this.#open("ping");
    const pending = this.#parts.promises.open<void>(signal);
    this.#parts.requests.ping(pending);
    return pending.promise;
  }

  /** The connection, if there is one; if none is to come either, it fails. */
  #open(action: string): Connection | undefined {
    const connection = this.#connection;
    if (connection?.connected) return connection;
    if (this.expected) return undefined;
    throw new ConnectionLostError(
      `Cannot ${action}: the client is not connected`,
    );
  }

  /** A mistake is told at once, even if there is no connection. */
  #check(packet: Packet): void {
    encode(packet, this.#parts.version);
  }

  /** The transport has taken what waited for it. */
  drained(): void {
    for (;;) {
      const drain = this.#drains.shift();
      if (drain === undefined) return;
      const [pending, message] = drain;
      pending.resolve(message);
    }
  }
}
