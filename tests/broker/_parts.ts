/** Parts of a broker without the rest of it, for tests of single files. */

import {
  type Change,
  type ClientInfo,
  type Limits,
  Message,
  type MessageInit,
  Metrics,
  type Plugin,
  type Store,
} from "../../broker/mod.ts";
import { defaultCapabilities } from "../../broker/capabilities.ts";
import { defaultLimits } from "../../broker/limits.ts";
import { Deadlines } from "../../broker/_deadlines.ts";
import { Held } from "../../broker/_held.ts";
import { Hooks } from "../../broker/_hooks.ts";
import { Memory } from "../../broker/_memory.ts";
import { Retained } from "../../broker/_retained.ts";
import type { Downlink } from "../../broker/_deliveries.ts";
import { Rounds } from "../../broker/_rounds.ts";
import { giveOn } from "../../broker/_router.ts";
import { Session } from "../../broker/_session.ts";
import type { BrokerState } from "../../broker/_state.ts";
import { SubscriptionTree } from "../../broker/_subscription_tree.ts";
import { Throttles } from "../../broker/_throttle.ts";
import { Turn } from "../../broker/_turn.ts";
import { Networks } from "../../broker/_address.ts";
import { Visitors } from "../../broker/_visitors.ts";
import type { Packet, Qos, SubscriptionRequest } from "../../codec/mod.ts";
import { text } from "../_raw_packets.ts";

/** A store that shows what it was told. */
export class RecordingStore implements Store {
  /** All that was recorded, committed or not. */
  readonly changes: Change[] = [];
  /** How often a turn was committed. */
  commits = 0;
  /** What `commit` throws, if anything. */
  failure: Error | undefined;
  /** Called with each commit. */
  onCommit: () => void = () => {};

  load(): Change[] {
    return [];
  }

  record(change: Change): void {
    this.changes.push(change);
  }

  commit(): void {
    if (this.failure !== undefined) throw this.failure;
    this.commits++;
    this.onCommit();
  }

  close(): void {}

  /** The types of what was recorded since the last call. */
  types(): string[] {
    return this.changes.splice(0).map(({ type }) => type);
  }
}

/** The shared parts of a broker, with a clock that stands still. */
export class Parts implements BrokerState {
  readonly limits: Limits;
  readonly capabilities = defaultCapabilities;
  readonly metrics = new Metrics();
  readonly store = new RecordingStore();
  readonly hooks: Hooks;
  readonly retained: Retained;
  readonly subscriptions = new SubscriptionTree();
  readonly sessions: BrokerState["sessions"] = new Map();
  readonly connections: BrokerState["connections"] = new Set();
  readonly held: Held;
  readonly queues: undefined;
  readonly memory: Memory;
  /** Bytes of memory in use, as the broker sees it. */
  used = 0;
  readonly giveOn: BrokerState["giveOn"] = (message, shared, from) =>
    giveOn(this, message, shared, from);
  readonly visitors: Visitors;
  readonly throttles = new Throttles(this);
  readonly rounds = new Rounds();
  readonly turn: Turn;
  readonly timeoutDisconnectDelay: undefined;
  time = 1_700_000_000_000;
  readonly now = () => this.time;

  constructor(
    limits: Partial<Limits> = {},
    plugins: readonly Plugin[] = [],
  ) {
    this.limits = { ...defaultLimits, ...limits };
    this.hooks = new Hooks(
      plugins,
      true,
      this.metrics,
      new Deadlines(this.limits.pluginTimeout, this.now),
    );
    this.visitors = new Visitors(this, new Networks([]));
    this.retained = new Retained(this.limits, this.store, this.metrics);
    this.held = new Held(this.limits, this.metrics);
    this.memory = new Memory(this.limits, this.metrics, this.hooks, {
      used: () => this.used,
      collect: () => {},
    });
    this.turn = new Turn(this.store, this.metrics, this.hooks);
  }

  /** A session that is in the broker; by default it ends with its connection. */
  session(clientId: string, expiryInterval = 0): Session {
    const session = new Session(this, clientOf(clientId), expiryInterval);
    this.sessions.set(clientId, session);
    return session;
  }

  /** A message at this time. */
  message(topic: string, init: Partial<MessageInit> = {}): Message {
    return message(topic, init, this.time);
  }
}

/** A client as plugins see it. */
export function clientOf(clientId: string): ClientInfo {
  return {
    clientId,
    username: undefined,
    protocolVersion: 5,
    address: undefined,
    listener: "test",
    certificate: undefined,
  };
}

/** A message with a payload, unless another is given. */
export function message(
  topic: string,
  init: Partial<MessageInit> = {},
  now = 0,
): Message {
  return new Message({ topic, payload: text(`of ${topic}`), ...init }, now);
}

/** What one asks for with a filter, and nothing special. */
export function request(
  filter: string,
  options: Partial<SubscriptionRequest> = {},
): SubscriptionRequest {
  return {
    filter,
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    ...options,
  };
}

/** What a session had sent. */
export interface Sent {
  readonly topic: string;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly packetId: number;
  readonly identifiers: readonly number[] | undefined;
}

/** A connection that writes down what it is to send. */
export class Paper implements Downlink {
  writable = true;
  receiveMaximum = 65_535;
  /** Messages on these topics are too large. */
  tooLarge: readonly string[] = [];
  /** What was sent since the last look: messages in full, packets by type. */
  sent: (Sent | Packet)[] = [];
  disconnected: [reasonCode: number, reason: string] | undefined;

  publish(
    { topic }: Message,
    qos: Qos,
    retain: boolean,
    dup: boolean,
    packetId: number,
    identifiers: readonly number[] | undefined,
  ): boolean {
    if (this.tooLarge.includes(topic)) return false;
    this.sent.push({ topic, qos, retain, dup, packetId, identifiers });
    return true;
  }

  send(packet: Packet): void {
    this.sent.push(packet);
  }

  disconnect(reasonCode: number, reason: string): void {
    this.disconnected = [reasonCode, reason];
  }

  /** What was sent, in short: the topics of messages, the types of packets. */
  take(): string[] {
    return this.sent.splice(0).map((one) =>
      "type" in one ? one.type : one.topic
    );
  }

  /** The messages that were sent. */
  messages(): Sent[] {
    return this.sent.splice(0).filter((one) => !("type" in one)) as Sent[];
  }
}

/** A plugin with only these hooks. */
export function plugin(hooks: Partial<Plugin>, name = "test"): Plugin {
  return { name, ...hooks };
}
