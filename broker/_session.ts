/**
 * A session: what the broker knows of a client, connected or not (4.1).
 *
 * It decides what is sent when: the one place of the delivered QoS, of the
 * order of messages, of flow control, and of what waits. Writing is the
 * connection's part, seen from here as a `Downlink`.
 */

import {
  type Delivery,
  type Packet,
  type PubrelPacket,
  type Qos,
  ReasonCode,
  Receiver,
  Sender,
} from "../codec/mod.ts";
import { Backlog, type Replay, type Waiting } from "./_backlog.ts";
import type { Limits } from "./limits.ts";
import { Filters } from "./_filters.ts";
import type { Hooks } from "./_hooks.ts";
import type { Message } from "./message.ts";
import type { Metrics } from "./metrics.ts";
import type { ClientInfo } from "./plugin.ts";
import type { Retained } from "./_retained.ts";
import type { Change, Store, StoredWill } from "./store.ts";

/** The parts of the broker that sessions use. */
export interface SessionHost {
  readonly limits: Limits;
  readonly hooks: Hooks;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly retained: Retained;
  /** The time in milliseconds. */
  readonly now: () => number;
}

/** What a session needs of its connection. */
export interface Downlink {
  /** Whether the peer keeps up: more may be sent. */
  readonly writable: boolean;
  /** The client's Receive Maximum. */
  readonly receiveMaximum: number;
  /**
   * Sends a PUBLISH.
   *
   * @returns `false` if it is larger than the client accepts.
   */
  publish(
    message: Message,
    qos: Qos,
    retain: boolean,
    dup: boolean,
    packetId: number,
    identifiers: readonly number[] | undefined,
  ): boolean;
  /** Sends another packet. */
  send(packet: Packet): void;
  /** Ends the connection: the client gets the reason if it can. */
  disconnect(reasonCode: ReasonCode, reason: string): void;
}

/** The session expiry interval that stands for ever. */
export const FOREVER = 0xffff_ffff;

export class Session {
  readonly clientId: string;
  /** Who it is: of the newest connection. */
  client: ClientInfo;
  /** Seconds that it outlives its connection. */
  expiryInterval: number;
  /** When it ends, in milliseconds; `Infinity` while connected or for ever. */
  expiresAt = Infinity;
  /** The will of the connection, and when it is due once that is lost. */
  will: StoredWill | undefined;
  /** The filters that it subscribed with. */
  readonly filters = new Filters();
  /** QoS 2 messages that a plugin has not decided about, by packet identifier. */
  deciding: Map<number, Promise<Packet | undefined>> | undefined;
  readonly receiver = new Receiver();

  readonly #broker: SessionHost;
  readonly #sender = new Sender<Waiting>();
  /** Ids of deliveries whose message the sender has let go: for the store. */
  #released: Map<number, number> | undefined;
  #downlink: Downlink | undefined;
  /** Whether the store knows of the session. */
  #stored = false;
  #lastId = 0;
  /** From an earlier connection: to be sent again before anything else. */
  #resend: Delivery<Waiting>[] = [];
  /** What `#sender` keeps, in bytes. */
  #inflightBytes = 0;
  #backlog: Backlog;

  constructor(broker: SessionHost, client: ClientInfo, expiryInterval: number) {
    this.#broker = broker;
    this.clientId = client.clientId;
    this.client = client;
    this.expiryInterval = expiryInterval;
    this.#backlog = new Backlog(broker.limits);
  }

  /** Whether it outlives its connection, and so is in the store. */
  get persistent(): boolean {
    return this.expiryInterval > 0;
  }

  /** Notes a change in the store, if the session is one that it has. */
  record(change: Change): void {
    if (this.#stored) this.#broker.store.record(change);
  }

  get downlink(): Downlink | undefined {
    return this.#downlink;
  }

  /** Sent and not settled. */
  get inflight(): number {
    return this.#sender.size;
  }

  /** QoS 1 and 2 messages that wait to be sent. */
  get queued(): number {
    return this.#backlog.messages;
  }

  /** Whether the client takes another QoS 1 or 2 message now. */
  get #ready(): boolean {
    if (!this.#sender.ready) return false;
    // One always goes, also where nothing may be queued.
    return this.#inflightBytes === 0 ||
      this.#inflightBytes < this.#broker.limits.queuedBytes;
  }

  /** When the session ends if its client is lost now. */
  expiryFrom(now: number): number {
    return this.expiryInterval === FOREVER
      ? Infinity
      : now + this.expiryInterval * 1000;
  }

  /** Whether a message would be sent or kept, not dropped. */
  takes(message: Message, granted: Qos): boolean {
    const { writable } = this.#downlink ?? { writable: false };
    if (deliveredQos(message, granted) === 0) return writable;
    return (writable && this.#ready && !this.backlogged) ||
      this.#backlog.hasRoom(message);
  }

  /** Whether `pump` may have something to send. */
  get backlogged(): boolean {
    return this.#backlog.size > 0 || this.#resend.length > 0;
  }

  /**
   * Gives a message to the session.
   *
   * @param granted The QoS granted by the subscription.
   * @param retain The RETAIN flag to send it with.
   */
  deliver(
    message: Message,
    granted: Qos,
    retain: boolean,
    identifiers: readonly number[] | undefined,
  ): void {
    const { hooks, metrics } = this.#broker;
    if (!hooks.authorizeDelivery(this.client, message)) {
      metrics.deliveriesDenied++;
      return;
    }
    const qos = deliveredQos(message, granted);
    const downlink = this.#downlink;
    if (qos === 0) {
      if (downlink === undefined) return;
      if (!downlink.writable) metrics.droppedSlow++;
      else downlink.publish(message, 0, retain, false, 0, identifiers);
      return;
    }
    const outgoing = {
      id: ++this.#lastId,
      message,
      qos,
      retain,
      identifiers,
    };
    // Nothing overtakes what waits [MQTT-4.6.0-6].
    if (
      downlink !== undefined && downlink.writable && this.#ready &&
      !this.backlogged
    ) {
      this.#send(outgoing, downlink, true);
    } else {
      this.#enqueue(outgoing);
    }
  }

  /** For how many more retained messages there is room. */
  get room(): number {
    return this.#backlog.room;
  }

  /**
   * Sends retained messages for a new subscription, after what is sent now.
   *
   * @returns `false` if too much waits already.
   */
  replay(
    messages: readonly Message[],
    granted: Qos,
    identifiers: readonly number[] | undefined,
  ): boolean {
    if (messages.length === 0) return true;
    if (messages.length > this.#backlog.room) return false;
    this.#backlog.pushReplay({ messages, next: 0, granted, identifiers });
    return true;
  }

  /** Sends what waits, as far as the client keeps up. */
  pump(): void {
    const downlink = this.#downlink;
    if (downlink === undefined) return;
    while (downlink.writable) {
      const sent = this.#resend.length > 0
        ? this.#resendNext(downlink)
        : this.#sendNext(downlink);
      if (!sent) return;
    }
  }

  #resendNext(downlink: Downlink): boolean {
    const delivery = this.#resend[0]!;
    const { message: outgoing, packetId, qos } = delivery;
    if (this.#sender.get(packetId) !== delivery) {
      // It was acknowledged while it waited.
    } else if (outgoing === undefined) {
      // The message is not settled before PUBCOMP: [MQTT-3.3.4-9].
      this.#sender.resent();
      downlink.send({ type: "pubrel", packetId, reasonCode: 0 });
    } else {
      if (!this.#sender.ready) return false;
      this.#sender.resent();
      // [MQTT-3.3.1-1]
      const { message, retain, identifiers, id } = outgoing;
      if (
        !downlink.publish(message, qos, retain, true, packetId, identifiers)
      ) {
        // [MQTT-3.1.2-25] as if it had been delivered
        this.#cancel(packetId, message);
        this.#settled(id);
      }
    }
    this.#resend.shift();
    return true;
  }

  /** Sends the first that waits; returns `false` if it has to wait on. */
  #sendNext(downlink: Downlink): boolean {
    const first = this.#backlog.peek();
    if (first === undefined) return false;
    if ("messages" in first) return this.#replayNext(first, downlink);
    if (!this.#ready) return false;
    this.#backlog.shift();
    if (this.#expired(first.message)) this.#settled(first.id);
    else this.#send(first, downlink, false);
    return true;
  }

  #replayNext(replay: Replay, downlink: Downlink): boolean {
    const { messages, granted, identifiers } = replay;
    const message = messages[replay.next]!;
    const qos = deliveredQos(message, granted);
    if (qos > 0 && !this.#ready) return false;
    if (++replay.next === messages.length) this.#backlog.shift();
    if (!this.#replayable(message)) return true;
    // [MQTT-3.3.1-8] sent for a subscription: RETAIN 1
    const retain = true;
    if (qos === 0) {
      downlink.publish(message, 0, retain, false, 0, identifiers);
    } else {
      const id = ++this.#lastId;
      this.#send({ id, message, qos, retain, identifiers }, downlink, true);
    }
    return true;
  }

  #replayable(message: Message): boolean {
    const { hooks, metrics, retained } = this.#broker;
    // Replaced, removed or expired meanwhile: what came later counts.
    if (retained.get(message.topic) !== message) return false;
    if (this.#expired(message)) return false;
    if (hooks.authorizeDelivery(this.client, message)) return true;
    metrics.deliveriesDenied++;
    return false;
  }

  #expired(message: Message): boolean {
    // [MQTT-3.3.2-5]
    if (message.expiresAt === Infinity) return false;
    if (message.expiresAt > this.#broker.now()) return false;
    this.#broker.metrics.droppedExpired++;
    return true;
  }

  #send(outgoing: Waiting, downlink: Downlink, fresh: boolean): void {
    const { message, qos, retain, identifiers, id } = outgoing;
    message.keep();
    this.#inflightBytes += message.size;
    const { packetId } = this.#sender.send(outgoing, qos);
    // [MQTT-3.3.1-3]
    if (
      !downlink.publish(message, qos, retain, false, packetId, identifiers)
    ) {
      // [MQTT-3.1.2-25] as if it had been delivered
      this.#cancel(packetId, message);
      if (!fresh) this.#settled(id);
      return;
    }
    const { clientId } = this;
    if (fresh) this.#recordEnqueue(outgoing, packetId);
    else this.record({ type: "send", clientId, id, packetId });
  }

  #cancel(packetId: number, message: Message): void {
    this.#sender.cancel(packetId);
    this.#inflightBytes -= message.size;
  }

  #enqueue(outgoing: Waiting): void {
    const { metrics, hooks } = this.#broker;
    const { message } = outgoing;
    if (!this.#backlog.hasRoom(message)) this.dropExpired(this.#broker.now());
    if (!this.#backlog.hasRoom(message)) {
      metrics.droppedQueueFull++;
      if (hooks.watches("broker_message_dropped")) {
        const { clientId } = this;
        const reason = "the queue of the session is full";
        hooks.emit("broker_message_dropped", { clientId, message, reason });
      }
      return;
    }
    message.keep();
    this.#backlog.push(outgoing);
    this.#recordEnqueue(outgoing, undefined);
  }

  #recordEnqueue(outgoing: Waiting, packetId: number | undefined): void {
    const { clientId } = this;
    if (!this.persistent) return;
    this.record({ type: "enqueue", clientId, ...outgoing, packetId });
  }

  #settled(id: number): void {
    const { clientId } = this;
    this.record({ type: "settle", clientId, id });
  }

  /** Drops what waited longer than it may. */
  dropExpired(now: number): void {
    for (const { id } of this.#backlog.expire(now)) {
      this.#broker.metrics.droppedExpired++;
      this.#settled(id);
    }
  }

  /** PUBACK has come. */
  puback(packetId: number): void {
    const delivery = this.#sender.puback(packetId);
    if (delivery === undefined) return;
    const { id, message } = delivery.message!;
    this.#inflightBytes -= message.size;
    this.#settled(id);
  }

  /** PUBREC has come; returns the PUBREL to answer with. */
  pubrec(packetId: number, reasonCode: ReasonCode): PubrelPacket | undefined {
    const failed = reasonCode >= 0x80;
    const outgoing = this.#sender.get(packetId)?.message;
    if (this.#sender.pubrec(packetId, failed) === undefined) {
      const reasonCode = ReasonCode.PacketIdentifierNotFound;
      return failed ? undefined : { type: "pubrel", packetId, reasonCode };
    }
    if (outgoing !== undefined) {
      const { clientId } = this;
      const { id, message } = outgoing;
      this.#inflightBytes -= message.size;
      if (failed) {
        this.#settled(id);
      } else if (this.persistent) {
        (this.#released ??= new Map()).set(packetId, id);
        this.record({ type: "release", clientId, id });
      }
    } else if (failed) {
      this.#settleReleased(packetId);
    }
    // [MQTT-4.3.3-4]
    return failed ? undefined : { type: "pubrel", packetId, reasonCode: 0 };
  }

  /** PUBCOMP has come. */
  pubcomp(packetId: number): void {
    if (this.#sender.pubcomp(packetId)) this.#settleReleased(packetId);
  }

  #settleReleased(packetId: number): void {
    const id = this.#released?.get(packetId);
    if (id === undefined) return;
    this.#released!.delete(packetId);
    this.#settled(id);
  }

  /** A connection was accepted for the session, new or not. */
  resume(expiryInterval: number): void {
    this.expiryInterval = expiryInterval;
    this.expiresAt = Infinity;
    // A session that was kept and is not to be kept any longer ends there.
    if (!this.persistent) this.recordEnd();
    else this.recordState();
  }

  /** Tells the store how long the session lives. */
  recordState(): void {
    const { clientId, client, expiryInterval, expiresAt } = this;
    this.#stored = true;
    this.#broker.store.record({
      type: "session",
      clientId,
      client,
      expiryInterval,
      expiresAt: expiresAt === Infinity ? undefined : expiresAt,
    });
  }

  /** Tells the store that the session is over, if it knows of it. */
  recordEnd(): void {
    if (!this.#stored) return;
    this.#stored = false;
    const { clientId } = this;
    this.#broker.store.record({ type: "session_end", clientId });
  }

  /** A connection begins: CONNACK was sent on it, and nothing else yet. */
  attach(downlink: Downlink): void {
    this.#downlink = downlink;
    const { inflight } = this.#broker.limits;
    this.#sender.restart(Math.min(downlink.receiveMaximum, inflight));
    // [MQTT-4.4.0-1], those first that no quota holds back [MQTT-3.3.4-10]
    const unsettled = [...this.#sender.unsettled()];
    this.#resend = [
      ...unsettled.filter(({ message }) => message === undefined),
      ...unsettled.filter(({ message }) => message !== undefined),
    ];
  }

  /** The connection is over: nothing more is sent. */
  detach(): void {
    this.#downlink = undefined;
    this.#resend = [];
    const backlog = this.#backlog;
    this.#backlog = new Backlog(this.#broker.limits);
    for (let first; (first = backlog.shift()) !== undefined;) {
      if ("messages" in first) this.#keepReplay(first);
      else this.#backlog.push(first);
    }
  }

  /** What a subscription was promised waits like any other message. */
  #keepReplay({ messages, next, granted, identifiers }: Replay): void {
    if (!this.persistent) return;
    for (const message of messages.slice(next)) {
      const qos = deliveredQos(message, granted);
      if (qos === 0 || !this.#replayable(message)) continue;
      const id = ++this.#lastId;
      this.#enqueue({ id, message, qos, retain: true, identifiers });
    }
  }

  /** Marks the session as one that the store has. */
  restored(): void {
    this.#stored = true;
  }

  /** Puts a delivery in that the store already has. */
  restore(outgoing: Waiting, packetId: number | undefined): void {
    this.#lastId = Math.max(this.#lastId, outgoing.id);
    if (packetId === undefined) {
      this.#backlog.push(outgoing);
    } else {
      const { qos } = outgoing;
      this.#inflightBytes += outgoing.message.size;
      this.#sender.restore({ packetId, qos, message: outgoing });
    }
  }

  /** Marks a delivery as released that the store has so. */
  restoreReleased(id: number): void {
    for (const delivery of this.#sender.unsettled()) {
      if (delivery.message?.id !== id) continue;
      this.#inflightBytes -= delivery.message.message.size;
      delivery.message = undefined;
      (this.#released ??= new Map()).set(delivery.packetId, id);
      return;
    }
  }
}

/** [MQTT-3.8.4-8] The one place of the QoS that a message is delivered with. */
function deliveredQos(message: Message, granted: Qos): Qos {
  return message.qos < granted ? message.qos : granted;
}
