/**
 * A small model of a broker, and clients that behave as the specification asks:
 * they do something at random, and what they receive is compared with what the
 * model says they have to.
 *
 * The model is about who gets what, how often and in which order. It matches
 * topics by comparing levels, and knows of no queue, turn or buffer.
 */

import { assert, assertEquals } from "@std/assert";
import {
  type AcknowledgementType,
  type Packet,
  type Publish,
  publish,
  type RawClient,
  subscribe,
  unsubscribe,
  type Version,
} from "../_raw_client.ts";
import type { Random } from "../_random.ts";
import type { Bench } from "./_bench.ts";

const topics = ["a", "a/b", "a/c", "b", "b/b/c", "$d", "/", "a/"];
const filters = [
  "a",
  "a/+",
  "a/#",
  "#",
  "+/b/#",
  "+",
  "b/b/c",
  "$d",
  "$d/#",
  "/",
];

/** Whether a topic matches a filter: sections 4.7.1 and 4.7.2. */
function matches(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  if (topic.startsWith("$") && /^[#+]/.test(filter)) return false;
  for (const [at, level] of wanted.entries()) {
    if (level === "#") return true;
    if (at >= levels.length) return false;
    if (level !== "+" && level !== levels[at]) return false;
  }
  return wanted.length === levels.length;
}

interface Subscription {
  readonly qos: number;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly identifier: number | undefined;
}

interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** What a client has to receive. */
interface Expected {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  /** RETAIN, or either where subscriptions differ in it. */
  readonly retain: readonly boolean[];
  readonly identifiers: readonly number[];
  readonly replay: boolean;
  /** It may have been lost with a connection, or replaced. */
  optional: boolean;
}

/** One client with its session. */
class Actor {
  readonly id: string;
  client: RawClient | undefined;
  version: Version = 5;
  /** Whether there is a session that outlives the connection. */
  persistent = false;
  readonly subscriptions = new Map<string, Subscription>();
  expected: Expected[] = [];
  /** Acknowledgements that the client owes on its connection. */
  owed: [type: AcknowledgementType, packetId: number][] = [];
  /** The client's half of the session: QoS 2 received and not released. */
  readonly unreleased = new Map<number, string>();
  /** QoS 1 received, unless the broker is known to have the PUBACK. */
  readonly unacknowledged = new Map<number, string>();
  /** Of those, what PUBACK was sent for on this connection. */
  acknowledged: number[] = [];

  constructor(id: string) {
    this.id = id;
  }

  forget(): void {
    this.subscriptions.clear();
    this.expected = [];
    this.unreleased.clear();
    this.unacknowledged.clear();
    this.persistent = false;
  }

  /** The connection is gone, with what was not received on it. */
  disconnected(): void {
    this.client = undefined;
    this.owed = [];
    this.acknowledged = [];
    for (const one of this.expected) if (one.qos === 0) one.optional = true;
    if (!this.persistent) this.forget();
  }

  /** Receives what the broker sent so far; returns whether there was any. */
  async receive(): Promise<boolean> {
    const packets = await this.client!.drain();
    for (const id of this.acknowledged.splice(0)) {
      this.unacknowledged.delete(id);
    }
    this.#handle(packets);
    return packets.length > 0;
  }

  /** Sends an acknowledgement that is owed. */
  acknowledge(at: number): void {
    const [owed] = this.owed.splice(at, 1);
    const [type, id] = owed!;
    if (type === "puback") this.acknowledged.push(id);
    this.client!.acknowledge(type, id);
  }

  #handle(packets: readonly Packet[]): void {
    for (const packet of packets) {
      if (packet.type === "pubrel") {
        assertEquals(packet.code, 0);
        this.unreleased.delete(packet.packetId);
        this.owed.push(["pubcomp", packet.packetId]);
      } else if (packet.type === "publish") this.#receive(packet);
      else throw new Error(`${this.id} got a ${packet.type}`);
    }
  }

  #receive(message: Publish): void {
    const { qos, packetId, payload, dup } = message;
    if (qos > 0) this.owed.push([qos === 1 ? "puback" : "pubrec", packetId]);
    const known = qos === 1 ? this.unacknowledged : this.unreleased;
    if (qos > 0 && dup && known.get(packetId) === payload) return;
    if (qos === 2) {
      // exactly once: a new message never has the identifier of another
      assert(!known.has(packetId), `${this.id}: identifier ${packetId} in use`);
    }
    if (qos > 0) known.set(packetId, payload);
    this.#match(message);
  }

  #match({ topic, payload, qos, retain, properties }: Publish): void {
    const identifiers = (properties.subscriptionIdentifier ?? []).toSorted();
    const candidates = this.expected.filter((one) =>
      one.topic === topic && one.payload === payload && one.qos === qos &&
      one.retain.includes(retain) &&
      (this.version < 5 || `${one.identifiers}` === `${identifiers}`)
    );
    const inTurn = candidates.filter((one) => this.#isInTurn(one));
    // what has to come goes before what may have been lost
    const found = inTurn.find(({ optional }) => !optional) ?? inTurn[0];
    if (found !== undefined) {
      this.expected.splice(this.expected.indexOf(found), 1);
      return;
    }
    const what = JSON.stringify([topic, payload, qos, retain, identifiers]);
    const why = candidates.length > 0 ? "out of turn" : "unexpectedly";
    throw new Error(
      `${this.id} got ${what} ${why}: ${JSON.stringify(this.expected)}`,
    );
  }

  /** [MQTT-4.6.0-5] Whether what came before on its topic and QoS is there. */
  #isInTurn(one: Expected): boolean {
    const { topic, qos, replay } = one;
    return replay || !this.expected.slice(0, this.expected.indexOf(one))
      .some((earlier) =>
        !earlier.optional && !earlier.replay && earlier.topic === topic &&
        earlier.qos === qos
      );
  }
}

/** A broker with clients, and the model of what they are to receive. */
export class Model {
  readonly #bench: Bench;
  readonly #random: Random;
  readonly #actors: readonly Actor[];
  readonly #retained = new Map<string, { payload: string; qos: number }>();
  #count = 0;
  /** What was done, for the messages of failures. */
  readonly log: string[] = [];

  constructor(bench: Bench, random: Random, clients: number) {
    this.#bench = bench;
    this.#random = random;
    this.#actors = Array.from(
      { length: clients },
      (_, at) => new Actor(`client ${at}`),
    );
  }

  /** Does something. */
  async step(): Promise<void> {
    const random = this.#random;
    const actor = random.pick(this.#actors);
    if (random.percent(1)) return await this.#restart();
    if (actor.client === undefined) {
      // those who are away stay so for a while
      if (random.percent(40)) await this.#connect(actor, random.percent(15));
      return;
    }
    const chance = random.integer(1, 100);
    if (chance <= 40) await this.#publish(actor);
    else if (chance <= 45 && actor.persistent) await this.#interrupted(actor);
    else if (chance <= 55) await this.#subscribe(actor);
    else if (chance <= 60) await this.#unsubscribe(actor);
    else if (chance <= 68) await this.#disconnect(actor);
    else if (chance <= 80) await actor.receive();
    else if (chance <= 85) await this.#settle(actor);
    else this.#acknowledge(actor);
  }

  /** Everybody comes back and receives the rest. */
  async finish(): Promise<void> {
    for (const actor of this.#actors) {
      if (actor.client === undefined) await this.#connect(actor, false);
      await this.#settle(actor);
    }
  }

  /** Receives and acknowledges everything; then nothing may be missing. */
  async #settle(actor: Actor): Promise<void> {
    this.log.push(`${actor.id} settles`);
    while (await actor.receive() || actor.owed.length > 0) {
      while (actor.owed.length > 0) actor.acknowledge(0);
    }
    assertEquals(actor.expected.filter(({ optional }) => !optional), []);
    actor.expected = [];
  }

  #acknowledge(actor: Actor): void {
    for (let count = this.#random.integer(0, 4); count > 0; count--) {
      const most = actor.owed.length - 1;
      if (most < 0) return;
      const at = this.#random.integer(0, most);
      this.log.push(`${actor.id} ${actor.owed[at]}`);
      actor.acknowledge(at);
    }
  }

  async #connect(
    actor: Actor,
    clean: boolean,
    persistent = this.#random.percent(75),
  ): Promise<void> {
    const random = this.#random;
    const version = random.pick([3, 4, 5] as const);
    this.log.push(`${actor.id} connects ${version} ${clean} ${persistent}`);
    const had = actor.persistent && !clean;
    if (!had) actor.forget();
    actor.version = version;
    // before 5.0 a session that is gone on with goes on after the connection
    actor.persistent = version === 5 ? persistent : !clean;
    const client = await this.#bench.connect(version, actor.id, {
      clean,
      properties: {
        sessionExpiryInterval: persistent ? 1000 : 0,
        ...(random.boolean() ? { receiveMaximum: random.integer(1, 5) } : {}),
      },
    });
    if (version > 3) assertEquals(client.connack!.sessionPresent, had);
    actor.client = client;
  }

  async #disconnect(actor: Actor): Promise<void> {
    const client = actor.client!;
    if (this.#random.boolean()) await actor.receive();
    const how = this.#random.pick(["disconnect", "drop", "reset"] as const);
    this.log.push(`${actor.id} ${how}`);
    if (how === "disconnect") client.send("e0 00");
    if (how === "reset") client.connection.reset();
    else client.drop();
    actor.disconnected();
  }

  async #restart(): Promise<void> {
    this.log.push("restart");
    for (const actor of this.#actors) actor.disconnected();
    await this.#bench.restart();
  }

  async #subscribe(actor: Actor): Promise<void> {
    const random = this.#random;
    const { version, subscriptions } = actor;
    const client = actor.client!;
    const five = version === 5;
    const filter = random.pick(filters);
    const qos = random.integer(0, 2);
    const subscription: Subscription = {
      qos,
      noLocal: five && random.percent(20),
      retainAsPublished: five && random.percent(30),
      identifier: five && random.percent(40)
        ? random.integer(1, 200)
        : undefined,
    };
    const handling = five ? random.integer(0, 2) : 0;
    this.log.push(`${actor.id} subscribes ${filter} ${qos} ${handling}`);
    const { noLocal, retainAsPublished, identifier } = subscription;
    const id = client.nextPacketId();
    client.send(subscribe(
      version,
      id,
      [{ filter, qos, noLocal, retainAsPublished, retainHandling: handling }],
      identifier === undefined ? {} : { subscriptionIdentifier: [identifier] },
    ));
    assertEquals((await client.answer("suback", id)).codes, [qos]);
    const isNew = !subscriptions.has(filter);
    subscriptions.set(filter, subscription);
    if (handling === 2 || (handling === 1 && !isNew)) return;
    for (const [topic, message] of this.#retained) {
      if (!matches(filter, topic)) continue;
      actor.expected.push({
        topic,
        payload: message.payload,
        qos: Math.min(message.qos, qos),
        retain: [true],
        identifiers: identifier === undefined ? [] : [identifier],
        replay: true,
        optional: false,
      });
    }
  }

  async #unsubscribe(actor: Actor): Promise<void> {
    const client = actor.client!;
    const filter = this.#random.pick(filters);
    this.log.push(`${actor.id} unsubscribes ${filter}`);
    const id = client.nextPacketId();
    client.send(unsubscribe(actor.version, id, [filter]));
    const { codes } = await client.answer("unsuback", id);
    const had = actor.subscriptions.delete(filter);
    if (actor.version === 5) assertEquals(codes, [had ? 0 : 0x11]);
  }

  /** A message, and what the model makes of it. */
  #message(publisher: Actor, qos: number): Message {
    const random = this.#random;
    const topic = random.pick(topics);
    const retain = random.percent(30);
    const payload = retain && random.percent(20) ? "" : `${++this.#count}`;
    const message = { topic, payload, qos, retain };
    this.log.push(`${publisher.id} publishes ${JSON.stringify(message)}`);
    if (retain) this.#retain(topic, payload, qos);
    for (const actor of this.#actors) this.#deliver(actor, publisher, message);
    return message;
  }

  #retain(topic: string, payload: string, qos: number): void {
    if (payload === "") this.#retained.delete(topic);
    else this.#retained.set(topic, { payload, qos });
    // what is replaced need not be sent any more
    for (const { expected } of this.#actors) {
      for (const one of expected) {
        if (one.replay && one.topic === topic) one.optional = true;
      }
    }
  }

  #deliver(
    actor: Actor,
    publisher: Actor,
    { topic, payload, qos, retain }: Message,
  ): void {
    const matching = [...actor.subscriptions].filter(([filter, { noLocal }]) =>
      matches(filter, topic) && !(noLocal && actor === publisher)
    ).map(([, subscription]) => subscription);
    if (matching.length === 0) return;
    const delivered = Math.min(
      qos,
      Math.max(...matching.map((one) => one.qos)),
    );
    if (delivered === 0 && actor.client === undefined) return;
    actor.expected.push({
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

  async #publish(actor: Actor): Promise<void> {
    const qos = this.#random.integer(0, 2);
    await actor.client!.publish(this.#message(actor, qos));
  }

  /** A QoS 2 exchange that the connection is lost in. */
  async #interrupted(actor: Actor): Promise<void> {
    const random = this.#random;
    const packetId = 60_000;
    const message = this.#message(actor, 2);
    let dup = false;
    for (let released = false;;) {
      const client = actor.client!;
      const answered = random.percent(60);
      if (!released) {
        client.send(publish(actor.version, { ...message, packetId, dup }));
        dup = true;
        if (answered) {
          await client.answer("pubrec", packetId);
          released = true;
        }
      } else {
        client.acknowledge("pubrel", packetId);
        if (answered) {
          await client.answer("pubcomp", packetId);
          return;
        }
      }
      if (answered && random.boolean()) continue;
      this.log.push(`${actor.id} is interrupted`);
      client.drop();
      actor.disconnected();
      await this.#connect(actor, false, true);
    }
  }
}
