/**
 * What is sent to a client, and when: the one place of the delivered QoS, of
 * the order of messages, of flow control, and of what waits (4.3, 4.6, 4.9).
 *
 * Writing is the connection's part, seen from here as a `Downlink`; whose
 * deliveries they are and whether they are kept is the session's.
 */

import { type Packet, type Qos, ReasonCode } from "../codec/mod.ts";
import { Backlog, type Replay, type Waiting } from "./_backlog.ts";
import type { Held } from "./_held.ts";
import type { Limits } from "./limits.ts";
import type { Hooks } from "./_hooks.ts";
import { Inflight, type Owner } from "./_inflight.ts";
import type { Memory } from "./_memory.ts";
import type { Message } from "./message.ts";
import type { Metrics } from "./metrics.ts";
import type { ClientInfo } from "./plugin.ts";
import type { Retained } from "./_retained.ts";
import type { Queues, QueueSummary } from "./store.ts";

/** The parts of the broker that deliveries use. */
export interface DeliveryHost {
  readonly limits: Limits;
  readonly hooks: Hooks;
  readonly metrics: Metrics;
  readonly retained: Retained;
  readonly held: Held;
  readonly memory: Memory;
  /** The store's, if it can do without memory for what waits. */
  readonly queues: Queues | undefined;
  /** Gives a message that came by this shared subscription to another member. */
  readonly giveOn: (
    message: Message,
    shared: string,
    from: Recipient,
  ) => boolean;
  /** The time in milliseconds. */
  readonly now: () => number;
}

/** Whose deliveries they are. */
export interface Recipient extends Owner {
  readonly client: ClientInfo;
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

/** Why messages are dropped, and clients that do not keep up disconnected. */
const QUEUE_FULL = "the queue of the session is full";
const QUEUES_FULL = "the queues of all sessions together are full";

export class Deliveries {
  readonly #broker: DeliveryHost;
  readonly #to: Recipient;
  /** Sent and not settled. */
  readonly inflight: Inflight;
  #downlink: Downlink | undefined;
  #lastId = 0;
  /** Whether anything came by a shared subscription. */
  #shares = false;
  readonly #backlog: Backlog;
  /** The connection that is about to be ended for its full queue. */
  #disconnecting: Downlink | undefined;
  /** Whether the session is over. */
  #ended = false;

  constructor(broker: DeliveryHost, to: Recipient) {
    this.#broker = broker;
    this.#to = to;
    const { limits, held, queues } = broker;
    this.inflight = new Inflight(to, limits.queuedBytes, held);
    const source = queues === undefined || !to.persistent ? undefined : {
      queues,
      clientId: to.clientId,
      failed: (error: unknown) => this.#unreadable(error),
    };
    this.#backlog = new Backlog(limits, held, source);
  }

  get downlink(): Downlink | undefined {
    return this.#downlink;
  }

  /** QoS 1 and 2 messages that wait to be sent. */
  get queued(): number {
    return this.#backlog.messages;
  }

  /** Whether a message would be sent or kept, not dropped. */
  takes(message: Message, granted: Qos): boolean {
    const { writable } = this.#downlink ?? { writable: false };
    if (deliveredQos(message, granted) === 0) return writable;
    return (writable && this.inflight.ready && !this.backlogged) ||
      (this.#backlog.hasRoom(message) && !this.#refused);
  }

  /** Whether nothing more is kept, because the client is away and memory short. */
  get #refused(): boolean {
    return this.#downlink === undefined && this.#broker.memory.critical;
  }

  /** Whether `pump` may have something to send. */
  get backlogged(): boolean {
    return this.#backlog.size > 0 || this.inflight.unsent;
  }

  /**
   * Gives a message to the session.
   *
   * @param granted The QoS granted by the subscription.
   * @param retain The RETAIN flag to send it with.
   * @param shared The filter of the shared subscription it comes by, if it does.
   * @returns `false` if the client may not have it, or cannot take its size and
   * another member may.
   */
  deliver(
    message: Message,
    granted: Qos,
    retain: boolean,
    identifiers: readonly number[] | undefined,
    shared?: string,
  ): boolean {
    const { hooks, metrics } = this.#broker;
    if (!hooks.authorizeDelivery(this.#to.client, message)) {
      metrics.deliveriesDenied++;
      return false;
    }
    const qos = deliveredQos(message, granted);
    const downlink = this.#downlink;
    if (qos === 0) {
      if (downlink === undefined) return true;
      if (downlink.writable) {
        return downlink.publish(message, 0, retain, false, 0, identifiers) ||
          shared === undefined;
      }
      if (this.#broker.memory.short) metrics.droppedMemory++;
      else metrics.droppedSlow++;
      return true;
    }
    if (shared !== undefined) this.#shares = true;
    const outgoing = {
      id: ++this.#lastId,
      message,
      qos,
      retain,
      identifiers,
      shared,
    };
    // Nothing overtakes what waits [MQTT-4.6.0-6].
    if (
      downlink !== undefined && downlink.writable && this.inflight.ready &&
      !this.backlogged
    ) {
      return this.#send(outgoing, downlink, true) || shared === undefined;
    }
    this.#enqueue(outgoing);
    return true;
  }

  /**
   * Takes out what came by shared subscriptions and went to another member.
   *
   * @param give Gives a message that came by this filter to another member;
   * returns whether there is one.
   */
  withdraw(give: (message: Message, shared: string) => boolean): void {
    if (!this.#shares) return;
    const gone = ({ message, shared }: Waiting): boolean =>
      shared !== undefined && give(message, shared);
    const out = [
      ...this.inflight.withdraw(gone),
      ...this.#backlog.withdraw(gone),
    ];
    for (const { id } of out) this.#settled(id);
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
      const sent = this.inflight.unsent
        ? this.#resendNext(downlink)
        : this.#sendNext(downlink);
      if (!sent) return;
    }
  }

  #resendNext(downlink: Downlink): boolean {
    return this.inflight.resendNext((outgoing, packetId) => {
      if (outgoing === undefined) {
        downlink.send({ type: "pubrel", packetId, reasonCode: 0 });
        return;
      }
      // [MQTT-3.3.1-1]
      const dup = true;
      const { message, qos, retain, identifiers } = outgoing;
      if (!downlink.publish(message, qos, retain, dup, packetId, identifiers)) {
        // [MQTT-3.1.2-25] as if it had been delivered
        this.inflight.cancel(packetId, outgoing);
        this.#settled(outgoing.id);
      }
    });
  }

  /** Sends the first that waits; returns `false` if it has to wait on. */
  #sendNext(downlink: Downlink): boolean {
    const first = this.#backlog.peek();
    if (first === undefined) return false;
    if ("messages" in first) return this.#replayNext(first, downlink);
    if (!this.inflight.ready) return false;
    this.#backlog.shift();
    if (this.#expired(first.message)) this.#settled(first.id);
    else this.#send(first, downlink, false);
    return true;
  }

  #replayNext(replay: Replay, downlink: Downlink): boolean {
    const { messages, granted, identifiers } = replay;
    const message = messages[replay.next]!;
    const qos = deliveredQos(message, granted);
    if (qos > 0 && !this.inflight.ready) return false;
    if (++replay.next === messages.length) this.#backlog.shift();
    if (!this.#replayable(message)) return true;
    // [MQTT-3.3.1-8] sent for a subscription: RETAIN 1
    const retain = true;
    if (qos === 0) {
      downlink.publish(message, 0, retain, false, 0, identifiers);
    } else {
      const id = ++this.#lastId;
      const shared = undefined;
      const outgoing = { id, message, qos, retain, identifiers, shared };
      this.#send(outgoing, downlink, true);
    }
    return true;
  }

  #replayable(message: Message): boolean {
    const { hooks, metrics, retained } = this.#broker;
    // Replaced, removed or expired meanwhile: what came later counts.
    if (retained.get(message.topic) !== message) return false;
    if (this.#expired(message)) return false;
    if (hooks.authorizeDelivery(this.#to.client, message)) return true;
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

  /** Returns `false` if the client does not accept the size. */
  #send(outgoing: Waiting, downlink: Downlink, fresh: boolean): boolean {
    const { message, qos, retain, identifiers, id } = outgoing;
    message.keep();
    const packetId = this.inflight.add(outgoing);
    // [MQTT-3.3.1-3]
    if (
      !downlink.publish(message, qos, retain, false, packetId, identifiers)
    ) {
      // [MQTT-3.1.2-25] as if it had been delivered
      this.inflight.cancel(packetId, outgoing);
      if (!fresh) this.#settled(id);
      return false;
    }
    const { clientId } = this.#to;
    if (fresh) this.#recordEnqueue(outgoing, packetId);
    else this.#to.record({ type: "send", clientId, id, packetId });
    return true;
  }

  #enqueue(outgoing: Waiting): void {
    const { metrics, hooks, held } = this.#broker;
    const { message } = outgoing;
    if (this.#ended) return;
    if (this.#refused) {
      metrics.droppedMemory++;
      return this.#dropped(message, "the broker is short of memory");
    }
    if (!this.#makeRoom(message)) {
      metrics.droppedQueueFull++;
      const reason = held.hasRoom(message) ? QUEUE_FULL : QUEUES_FULL;
      return this.#dropped(message, reason);
    }
    message.keep();
    this.#backlog.push(outgoing);
    this.#recordEnqueue(outgoing, undefined);
    if (
      this.#downlink === undefined && hooks.watches("broker_retained_message")
    ) {
      const { clientId } = this.#to;
      hooks.emit("broker_retained_message", { clientId, message });
    }
  }

  /** Makes room for a message as far as the policy says; returns whether it did. */
  #makeRoom(message: Message): boolean {
    const { limits, held, metrics, now } = this.#broker;
    const backlog = this.#backlog;
    if (backlog.hasRoom(message)) return true;
    this.dropExpired(now());
    if (backlog.hasRoom(message)) return true;
    // What others keep does not get less by what this session does.
    if (!held.hasRoom(message)) return false;
    if (
      limits.queueFull === "disconnect" &&
      this.#disconnectSoon(ReasonCode.QuotaExceeded, QUEUE_FULL)
    ) metrics.queueDisconnects++;
    if (limits.queueFull !== "drop-oldest") return false;
    for (const oldest of backlog.makeRoom(message)) this.#displace(oldest);
    return backlog.hasRoom(message);
  }

  /** Lets go of what has waited longest: to another member, if it is shared. */
  #displace({ id, message, shared }: Waiting): void {
    this.#settled(id);
    const { giveOn, metrics } = this.#broker;
    if (shared !== undefined && giveOn(message, shared, this.#to)) return;
    metrics.droppedQueueFull++;
    this.#dropped(message, QUEUE_FULL);
  }

  /** The store cannot be read: whoever comes next may have more luck. */
  #unreadable(error: unknown): void {
    const { metrics, hooks } = this.#broker;
    metrics.storeFailures++;
    hooks.emit("broker_store_failed", { error });
    this.#disconnectSoon(ReasonCode.UnspecifiedError, "the store failed");
  }

  /** Not at once: others are being served in the same call. */
  #disconnectSoon(reasonCode: ReasonCode, reason: string): boolean {
    const downlink = this.#downlink;
    if (downlink === undefined || this.#disconnecting === downlink) {
      return false;
    }
    this.#disconnecting = downlink;
    queueMicrotask(() => {
      if (this.#downlink !== downlink) return;
      downlink.disconnect(reasonCode, reason);
    });
    return true;
  }

  #dropped(message: Message, reason: string): void {
    const { hooks } = this.#broker;
    if (!hooks.watches("broker_message_dropped")) return;
    const { clientId } = this.#to;
    hooks.emit("broker_message_dropped", { clientId, message, reason });
  }

  #recordEnqueue(outgoing: Waiting, packetId: number | undefined): void {
    if (!this.#to.persistent) return;
    // One by one: a spread would show in a profile.
    this.#to.record({
      type: "enqueue",
      clientId: this.#to.clientId,
      id: outgoing.id,
      message: outgoing.message,
      qos: outgoing.qos,
      retain: outgoing.retain,
      identifiers: outgoing.identifiers,
      shared: outgoing.shared,
      packetId,
    });
  }

  #settled(id: number): void {
    const { clientId } = this.#to;
    this.#to.record({ type: "settle", clientId, id });
  }

  /** Drops what waited longer than it may. */
  dropExpired(now: number): void {
    for (const { id } of this.#backlog.expire(now)) {
      this.#broker.metrics.droppedExpired++;
      this.#settled(id);
    }
  }

  /** A connection begins: CONNACK was sent on it, and nothing else yet. */
  attach(downlink: Downlink): void {
    this.#downlink = downlink;
    this.#backlog.enter();
    const { inflight } = this.#broker.limits;
    this.inflight.restart(Math.min(downlink.receiveMaximum, inflight));
  }

  /** The connection is over: nothing more is sent. */
  detach(): void {
    this.#downlink = undefined;
    this.#disconnecting = undefined;
    this.inflight.pause();
    this.#keepReplays();
    this.#backlog.leave();
  }

  /** What a subscription was promised waits like any other message. */
  #keepReplays(): void {
    if (!this.#backlog.replays) return;
    for (const one of this.#backlog.takeReplays()) {
      if ("messages" in one) this.#keepReplay(one);
      else {
        // The store gives them back by their ids: it stays behind.
        this.#settled(one.id);
        const moved = { ...one, id: ++this.#lastId };
        this.#backlog.push(moved);
        this.#recordEnqueue(moved, undefined);
      }
    }
  }

  /** The session is over: nothing is kept for it. */
  end(): void {
    this.#ended = true;
    this.inflight.end();
    this.#backlog.clear();
  }

  #keepReplay({ messages, next, granted, identifiers }: Replay): void {
    if (!this.#to.persistent) return;
    for (const message of messages.slice(next)) {
      const qos = deliveredQos(message, granted);
      if (qos === 0 || !this.#replayable(message)) continue;
      const id = ++this.#lastId;
      const shared = undefined;
      this.#enqueue({ id, message, qos, retain: true, identifiers, shared });
    }
  }

  /** Puts a delivery in that the store already has. */
  restore(outgoing: Waiting, packetId: number | undefined): void {
    this.#lastId = Math.max(this.#lastId, outgoing.id);
    if (outgoing.shared !== undefined) this.#shares = true;
    if (packetId === undefined) this.#backlog.push(outgoing);
    else this.inflight.restore(outgoing, packetId);
  }

  /** What waits for the session is in the store, and stays there for now. */
  restoreQueue(summary: QueueSummary): void {
    this.#lastId = Math.max(this.#lastId, summary.lastId);
    if (summary.shared) this.#shares = true;
    this.#backlog.restore(summary);
  }

  /** The store can give back what was queued up to this. */
  stored(id: number): void {
    this.#backlog.stored(id);
  }

  /**
   * The store is about to forget the session, which goes on.
   *
   * @throws {Error} If what waits cannot be read.
   */
  leaveStore(): void {
    this.#backlog.readAll();
  }
}

/** [MQTT-3.8.4-8] The one place of the QoS that a message is delivered with. */
function deliveredQos(message: Message, granted: Qos): Qos {
  return message.qos < granted ? message.qos : granted;
}
