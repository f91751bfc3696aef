/**
 * A model of what a broker answers: what sessions and connections are to the
 * specification, without bytes, buffers, turns or queues.
 *
 * Who is told of each step knows, of each connection, which answers come in
 * which order, which messages come at all, and whether and why it is closed.
 * Which member of a shared subscription gets a message is the broker's affair.
 */

import { assert, assertEquals } from "@std/assert";
import type { Packet, Publish, Version } from "../_raw_packets.ts";
import type { Will } from "./_steps.ts";

/** Limits that the broker has to be configured with. */
export const limits = {
  receiveMaximum: 3,
  topicAliasMaximum: 2,
  connectTimeout: 10,
};

const FOREVER = 0xffff_ffff;

/** What a client subscribed with. */
export interface Subscription {
  readonly filter: string;
  readonly qos: number;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly identifier: number | undefined;
}

/** An application message. */
export interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** A message that a session has to send. */
interface Wanted extends Omit<Message, "retain"> {
  /** RETAIN, or either where subscriptions differ in it. */
  readonly retain: readonly boolean[];
  readonly identifiers: readonly number[];
  readonly replay: boolean;
  optional: boolean;
}

/** A message that was sent and not settled. */
export interface Sent {
  readonly packetId: number;
  readonly message: Publish;
  /** Whether PUBREC has come. */
  released: boolean;
  /** It may have gone to another member of its shared subscription. */
  moved: boolean;
}

/** A message that goes to one member of each of some shared subscriptions. */
interface Shared {
  readonly message: Message;
  readonly groups: readonly Group[];
  /** Who got it, not counting repetitions. */
  readonly got: string[];
  /** How often it may go on to another member: one was lost that had it. */
  moves: number;
}

/** The members of a shared subscription. */
interface Group {
  readonly filter: string;
  readonly members: ReadonlySet<string>;
  /** Whether one of them has to get the message at once. */
  readonly due: boolean;
}

/** A session as section 4.1 has it. */
export interface SessionModel {
  readonly id: string;
  expiry: number;
  expiresAt: number;
  readonly subscriptions: Map<string, Subscription>;
  wanted: Wanted[];
  sent: Sent[];
  /** QoS 2 messages that the client has not released. */
  readonly received: Set<number>;
  will: Will | undefined;
  willText: string;
  willDue: number;
  connection: ConnectionModel | undefined;
}

/** What comes on a connection: one of these codes, if it has one. */
interface Answer {
  readonly type: Packet["type"];
  readonly packetId?: number;
  readonly codes?: readonly number[];
  readonly sessionPresent?: boolean;
}

/** A connection. */
export interface ConnectionModel {
  version: Version;
  session: SessionModel | undefined;
  /** Answers that have to come, in their order. */
  answers: Answer[];
  /** Whether the broker closes it. */
  closed: boolean;
  /** What a CONNECT that is no CONNECT may be answered with. */
  mayRefuse: number | undefined;
  keepAlive: number;
  asked: number;
  active: boolean;
  activeAt: number;
  receiveMaximum: number;
  /** Messages that may be sent before one is acknowledged. */
  quota: number;
  /** Messages of earlier connections that come first. */
  resend: Sent[];
  readonly aliases: Map<number, string>;
  readonly ownAliases: Map<number, string>;
}

/** The broker. */
export class BrokerModel {
  now: number;
  /** Violations since the start. */
  violations = 0;
  readonly sessions = new Map<string, SessionModel>();
  /** In the order in which they were opened. */
  readonly connections = new Set<ConnectionModel>();
  readonly #retained = new Map<string, Message>();
  #shared: Shared[] = [];
  #restarted = false;

  constructor(now: number) {
    this.now = now;
  }

  open(): ConnectionModel {
    const connection: ConnectionModel = {
      version: 4,
      session: undefined,
      answers: [],
      closed: false,
      mayRefuse: undefined,
      keepAlive: 0,
      asked: 0,
      active: false,
      activeAt: this.now,
      receiveMaximum: 65_535,
      quota: 0,
      resend: [],
      aliases: new Map(),
      ownAliases: new Map(),
    };
    this.connections.add(connection);
    return connection;
  }

  /** CONNECT is let in. */
  connect(
    connection: ConnectionModel,
    { id, clean, expiry, will, willText }: {
      id: string;
      clean: boolean;
      expiry: number;
      will: Will | undefined;
      willText: string;
    },
  ): void {
    let session = this.sessions.get(id);
    const other = session?.connection;
    if (other !== undefined) {
      this.#finish(other, 0x8e); // [MQTT-3.1.4-3]
      this.#lose(session!, 0x8e);
      session = this.sessions.get(id);
    }
    // [MQTT-3.1.2-4]
    if (session !== undefined && clean) {
      this.#end(session);
      session = undefined;
    }
    const sessionPresent = session !== undefined;
    session ??= {
      id,
      expiry,
      expiresAt: Infinity,
      subscriptions: new Map(),
      wanted: [],
      sent: [],
      received: new Set(),
      will: undefined,
      willText: "",
      willDue: Infinity,
      connection: undefined,
    };
    this.sessions.set(id, session);
    Object.assign(session, { expiry, expiresAt: Infinity, will, willText });
    session.willDue = Infinity;
    session.connection = connection;
    connection.session = session;
    connection.asked = expiry;
    connection.quota = connection.receiveMaximum;
    connection.answers.push({
      type: "connack",
      codes: [0],
      sessionPresent: sessionPresent && connection.version > 3,
    });
    // [MQTT-4.4.0-1]
    for (const { packetId, released } of session.sent) {
      if (!released) continue;
      connection.quota--;
      connection.answers.push({ type: "pubrel", packetId, codes: [0] });
    }
    connection.resend = session.sent.filter(({ released }) => !released);
  }

  /** The client broke the rules [MQTT-4.13.1-1]. */
  violate(connection: ConnectionModel, code: number): void {
    this.violations++;
    this.#finish(connection, code);
    if (connection.session !== undefined) this.#lose(connection.session, code);
  }

  /** The connection is over, by DISCONNECT (0) or without one. */
  leave(connection: ConnectionModel, code: number): void {
    this.#finish(connection, undefined);
    if (connection.session !== undefined) this.#lose(connection.session, code);
  }

  /** CONNECT is refused. */
  refuse(connection: ConnectionModel, code: number | undefined): void {
    if (code !== undefined) {
      connection.answers.push({
        type: "connack",
        codes: [code],
        sessionPresent: false,
      });
    }
    this.#finish(connection, undefined);
  }

  subscribe(
    connection: ConnectionModel,
    packetId: number,
    subscription: Subscription,
    retainHandling: number,
  ): void {
    const { filter, qos, identifier } = subscription;
    const session = connection.session!;
    connection.answers.push({ type: "suback", packetId, codes: [qos] });
    const isNew = !session.subscriptions.has(filter);
    session.subscriptions.set(filter, subscription);
    if (filter.startsWith("$share/")) return;
    if (retainHandling === 2 || (retainHandling === 1 && !isNew)) return;
    for (const message of this.#retained.values()) {
      if (!matches(filter, message.topic)) continue;
      session.wanted.push({
        topic: message.topic,
        payload: message.payload,
        qos: Math.min(qos, message.qos),
        retain: [true],
        identifiers: identifier === undefined ? [] : [identifier],
        replay: true,
        optional: false,
      });
    }
  }

  unsubscribe(
    connection: ConnectionModel,
    packetId: number,
    filter: string,
  ): void {
    const { version, session } = connection;
    const had = session!.subscriptions.delete(filter);
    const codes = version === 5 ? [had ? 0 : 0x11] : [];
    connection.answers.push({ type: "unsuback", packetId, codes });
  }

  /** Routes a message; the codes that PUBACK or PUBREC may have. */
  publish(message: Message, from: SessionModel | undefined): number[] {
    if (message.retain) this.#retain(message);
    let certain = false;
    let possible = false;
    for (const session of this.sessions.values()) {
      const matching = [...session.subscriptions.values()].filter((one) =>
        !one.filter.startsWith("$share/") && matches(one.filter, message.topic)
      );
      if (matching.length > 0) possible = true;
      const heard = matching.filter((one) => !one.noLocal || session !== from);
      if (heard.length === 0) continue;
      certain = true;
      this.#want(session, message, heard);
    }
    const groups = [...this.#groups()].filter(([filter]) =>
      matches(filter.split("/").slice(2).join("/"), message.topic)
    );
    if (groups.length > 0) {
      certain = true;
      this.#share(message, groups);
    }
    return certain ? [0] : possible ? [0, 0x10] : [0x10];
  }

  /** Time passes: what is due becomes so, first now and then later. */
  pass(seconds: number): void {
    this.#tick();
    this.now += seconds * 1000;
    this.#tick();
  }

  /** The broker is stopped and another one started with its store. */
  restart(): void {
    for (const connection of [...this.connections]) {
      this.connections.delete(connection);
      if (connection.session !== undefined) {
        this.#lose(connection.session, 0x8b);
      }
    }
    this.violations = 0;
    this.#restarted = true;
  }

  /** A packet that has come on a connection. */
  take(connection: ConnectionModel, packet: Packet): void {
    if (packet.type === "publish") return this.#takePublish(connection, packet);
    const answer = connection.answers.shift();
    const { mayRefuse } = connection;
    if (answer === undefined && packet.type === "connack") {
      assertEquals(packet.code, mayRefuse, "the code of a refusal");
      return;
    }
    assert(answer !== undefined, `Unexpected: ${JSON.stringify(packet)}`);
    const { type, packetId, codes, sessionPresent } = answer;
    assertEquals(packet.type, type);
    if (packetId !== undefined) {
      assertEquals("packetId" in packet ? packet.packetId : 0, packetId);
    }
    if (type === "suback" || type === "unsuback") {
      assertEquals("codes" in packet ? packet.codes : [], codes);
    } else if (codes !== undefined && "code" in packet) {
      const known = connection.version === 5 || type === "connack";
      const fine = (known ? codes : [0]).includes(packet.code);
      assert(fine, `${type} has ${packet.code}, not ${codes}`);
    }
    if (packet.type === "connack") {
      assertEquals(packet.sessionPresent, sessionPresent, "session present");
    }
  }

  /** Nothing more comes: whether anything is missing. */
  settled(connection: ConnectionModel): void {
    assertEquals(connection.answers, [], "answers that did not come");
    const { session, quota, resend } = connection;
    if (connection.closed || session === undefined) return;
    const missing = session.wanted.filter((one) =>
      !one.optional && (quota > 0 || (one.qos === 0 && !one.replay))
    );
    assertEquals(missing, [], "messages that did not come");
    const unsent = resend.filter(({ moved }) => !moved);
    if (quota > 0) assertEquals(unsent, [], "messages not sent again");
  }

  /** Nothing more comes on any connection. */
  allSettled(): void {
    for (const { groups, got, message } of this.#shared) {
      const due = groups.filter((one) => one.due).length;
      assert(got.length >= due, `Only ${got} got ${message.payload}`);
    }
    // Those of old cost time and say nothing.
    if (this.#shared.length > 50) this.#shared.splice(0, 20);
  }

  /** PUBACK, PUBREC or PUBCOMP for a message that was sent. */
  acknowledged(
    connection: ConnectionModel,
    sent: Sent,
    fails: boolean,
  ): void {
    const { session, resend } = connection;
    const { packetId, message, released } = sent;
    if (message.qos === 2 && !released && !fails) {
      sent.released = true;
      const at = resend.indexOf(sent);
      if (at >= 0) {
        resend.splice(at, 1);
        connection.quota--;
      }
      connection.answers.push({ type: "pubrel", packetId, codes: [0] });
      return;
    }
    session!.sent = session!.sent.filter((one) => one !== sent);
    connection.resend = resend.filter((one) => one !== sent);
    connection.quota = Math.min(
      connection.quota + 1,
      connection.receiveMaximum,
    );
  }

  #takePublish(connection: ConnectionModel, packet: Publish): void {
    const session = connection.session;
    const shown = JSON.stringify({ ...packet, bytes: 0, content: 0 });
    assert(session !== undefined, `Not connected, but got ${shown}`);
    const message = { ...packet, topic: topicOf(connection, packet) };
    if (packet.qos > 0) {
      connection.quota--;
      assert(connection.quota >= 0, `Beyond Receive Maximum: ${shown}`);
    }
    // When the broker stopped, what others left may have gone to a connection
    // that was not read any more.
    const unread = this.#restarted &&
      !session.sent.some(({ packetId }) => packetId === packet.packetId);
    if (packet.dup && !unread) {
      const { resend } = connection;
      while (resend[0]?.moved && resend[0].packetId !== packet.packetId) {
        resend.shift();
      }
      const first = resend.shift();
      assert(first !== undefined, `Not sent before: ${shown}`);
      first.moved = false;
      const { packetId, topic, payload, qos, retain } = first.message;
      assertEquals(
        [message.packetId, message.topic, message.payload, message.qos],
        [packetId, topic, payload, qos],
        "what is sent again",
      );
      assertEquals(message.retain, retain);
      return;
    }
    const { packetId, qos } = packet;
    if (qos > 0) {
      const taken = session.sent.some((one) =>
        one.packetId === packetId && !one.moved
      );
      assert(!taken, `Packet identifier ${packetId} is in use: ${shown}`);
      session.sent.push({ packetId, message, released: false, moved: false });
    }
    if (!this.#isWanted(session, connection, message)) {
      this.#takeShared(session, message, shown);
    }
  }

  #isWanted(
    session: SessionModel,
    { version }: ConnectionModel,
    { topic, payload, qos, retain, properties }: Publish,
  ): boolean {
    const identifiers = (properties.subscriptionIdentifier ?? []).toSorted();
    const candidates = session.wanted.filter((one) =>
      one.topic === topic && one.payload === payload && one.qos === qos &&
      one.retain.includes(retain) &&
      (version < 5 || `${one.identifiers}` === `${identifiers}`)
    );
    const found = candidates.find(({ optional }) => !optional) ?? candidates[0];
    if (found === undefined) return false;
    // [MQTT-4.6.0-5]
    const earlier = session.wanted.slice(0, session.wanted.indexOf(found));
    const overtaken = found.replay
      ? []
      : earlier.filter((one) =>
        !one.optional && !one.replay && one.topic === topic && one.qos === qos
      );
    assertEquals(overtaken, [], `what ${payload} has overtaken`);
    session.wanted = session.wanted.filter((one) => one !== found);
    return true;
  }

  #takeShared(session: SessionModel, message: Publish, shown: string): void {
    const { id, subscriptions } = session;
    const candidates = this.#shared.filter((one) =>
      one.message.payload === message.payload &&
      one.message.topic === message.topic
    );
    // Those without a payload look alike: the last one is the likeliest.
    const found =
      candidates.findLast(({ got, groups }) => canHave([...got, id], groups)) ??
        // Who joins later may get what another member has lost.
        candidates.findLast(({ got, groups, moves }) =>
          got.length < groups.length + moves &&
          groups.some(({ filter, members }) =>
            members.has(id) || subscriptions.has(filter)
          )
        );
    const why = JSON.stringify(session.wanted);
    assert(found !== undefined, `${id} got ${shown}; it wants ${why}`);
    found.got.push(id);
  }

  #want(
    session: SessionModel,
    { topic, payload, qos, retain }: Message,
    matching: readonly Subscription[],
  ): void {
    const granted = Math.max(...matching.map((one) => one.qos));
    const delivered = Math.min(qos, granted);
    if (delivered === 0 && session.connection === undefined) return;
    session.wanted.push({
      topic,
      payload,
      qos: delivered,
      retain: matching.map((one) => one.retainAsPublished && retain),
      identifiers: matching.flatMap(({ identifier }) => identifier ?? [])
        .toSorted(),
      replay: false,
      optional: false,
    });
  }

  #retain(message: Message): void {
    const { topic, payload } = message;
    if (payload === "") this.#retained.delete(topic);
    else this.#retained.set(topic, message);
    // What is replaced need not be sent any more.
    for (const { wanted } of this.sessions.values()) {
      for (const one of wanted) {
        if (one.replay && one.topic === topic) one.optional = true;
      }
    }
  }

  #groups(): Map<string, SessionModel[]> {
    const groups = new Map<string, SessionModel[]>();
    for (const session of this.sessions.values()) {
      for (const filter of session.subscriptions.keys()) {
        if (!filter.startsWith("$share/")) continue;
        groups.set(filter, [...groups.get(filter) ?? [], session]);
      }
    }
    return groups;
  }

  #share(
    message: Message,
    groups: readonly [filter: string, members: SessionModel[]][],
  ): void {
    this.#shared.push({
      message,
      groups: groups.map(([filter, members]) => ({
        filter,
        members: new Set(members.map(({ id }) => id)),
        // Somebody is there and takes it at once.
        due: members.some(({ connection, wanted }) =>
          connection !== undefined && connection.quota > groups.length &&
          wanted.length === 0
        ),
      })),
      got: [],
      moves: 0,
    });
  }

  /** The broker's end is closed; a client of 5.0 is told why. */
  #finish(connection: ConnectionModel, code: number | undefined): void {
    connection.closed = true;
    this.connections.delete(connection);
    if (code === undefined || connection.version < 5) return;
    if (connection.session === undefined) return;
    connection.answers.push({ type: "disconnect", codes: [code] });
  }

  /** A session is without its connection. */
  #lose(session: SessionModel, code: number): void {
    const { will } = session;
    session.connection = undefined;
    for (const one of session.wanted) if (one.qos === 0) one.optional = true;
    if (code === 0) session.will = undefined; // [MQTT-3.14.4-3]
    else if (will !== undefined) {
      session.willDue = this.now + will.delay * 1000;
    }
    if (session.expiry === 0) {
      // Section 3.1.2.5: a broker that stops publishes no wills.
      if (code === 0x8b) session.will = undefined;
      return this.#end(session);
    }
    this.#mayMove(session);
    session.expiresAt = session.expiry === FOREVER
      ? Infinity
      : this.now + session.expiry * 1000;
    if (code !== 0x8b) this.#sweep(session);
  }

  /** What it had of shared subscriptions goes to others, if it can. */
  #mayMove({ id, sent }: SessionModel): void {
    for (const one of this.#shared) {
      const has = one.got.includes(id) ||
        one.groups.some(({ members }) => members.has(id));
      if (has) one.moves += one.groups.length;
    }
    for (const one of sent) {
      const { payload, qos } = one.message;
      const shared = this.#shared.some(({ message }) =>
        message.payload === payload
      );
      if (shared && qos === 1) one.moved = true;
    }
  }

  #end(session: SessionModel): void {
    session.subscriptions.clear();
    if (this.sessions.get(session.id) === session) {
      this.sessions.delete(session.id);
    }
    this.#mayMove(session);
    this.#publishWill(session);
  }

  #publishWill(session: SessionModel): void {
    const { will, willText, id } = session;
    if (will === undefined) return;
    session.will = undefined; // [MQTT-3.1.2-10]
    const { qos, retain } = will;
    const topic = `will/${id}`;
    this.publish({ topic, payload: willText, qos, retain }, session);
  }

  #sweep(session: SessionModel): void {
    if (session.connection !== undefined) return;
    if (session.expiresAt <= this.now) this.#end(session);
    else if (session.willDue <= this.now) this.#publishWill(session);
  }

  #tick(): void {
    for (const connection of [...this.connections]) {
      const { session, keepAlive, active, activeAt } = connection;
      const silent = (this.now - activeAt) / 1000;
      if (session === undefined) {
        if (silent > limits.connectTimeout) this.#finish(connection, undefined);
      } else if (active) {
        connection.active = false;
        connection.activeAt = this.now;
      } else if (keepAlive > 0 && silent > keepAlive * 1.5) {
        this.#finish(connection, 0x8d); // [MQTT-3.1.2-22]
        this.#lose(session, 0x8d);
      }
    }
    for (const session of [...this.sessions.values()]) this.#sweep(session);
  }
}

/** Whether each of them can have got it by a group of its own. */
function canHave(got: readonly string[], groups: readonly Group[]): boolean {
  const [id, ...others] = got;
  if (id === undefined) return true;
  return groups.some((group) =>
    group.members.has(id) &&
    canHave(others, groups.filter((one) => one !== group))
  );
}

/** The topic of a PUBLISH that may have an alias instead. */
function topicOf(
  { ownAliases }: ConnectionModel,
  { topic, properties }: Publish,
): string {
  const alias = properties.topicAlias;
  if (alias === undefined) return topic;
  if (topic !== "") ownAliases.set(alias, topic);
  const known = ownAliases.get(alias);
  assert(known !== undefined, `Alias ${alias} stands for nothing`);
  return known;
}

/** Section 4.7.1 and 4.7.2. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && /^[#+]/.test(filter)) return false;
  const wanted = filter.split("/");
  const levels = topic.split("/");
  for (const [at, level] of wanted.entries()) {
    if (level === "#") return true;
    if (level !== "+" && level !== levels[at]) return false;
    if (at >= levels.length) return false;
  }
  return wanted.length === levels.length;
}
