/**
 * The broker's connection state machine: clients that do anything in any order,
 * valid or not, on two brokers. One gets a packet at a time, and its answers are
 * compared with a model; the other gets the same bytes in other pieces, and has
 * to answer the same.
 */

import { assert, assertEquals } from "@std/assert";
import {
  MemoryStore,
  type Plugin,
  type PluginContext,
} from "../../broker/mod.ts";
import { Random } from "../_random.ts";
import type { MemoryConnection } from "../_memory_transport.ts";
import {
  acknowledge,
  connect,
  disconnect,
  hex,
  join,
  PacketReader,
  pingreq,
  type Properties,
  publish,
  subscribe,
  unsubscribe,
  type Version,
} from "../_raw_packets.ts";
import { badPackets } from "../codec/_bad_packets.ts";
import { Bench } from "../conformance/_bench.ts";
import { fewer } from "./_shrink.ts";
import type { Target } from "./_target.ts";
import { BrokerModel, type ConnectionModel, limits } from "./_machine_model.ts";
import { ids, SLOTS, someStep, type Step, topics } from "./_steps.ts";

interface Input {
  readonly seed: number;
  readonly steps: readonly Step[];
}

/** What is done to a broker, whatever it answers. */
type Act =
  | { do: "open"; connection: number }
  | { do: "send"; connection: number; bytes: Uint8Array }
  | { do: "leave"; connection: number; how: "drop" | "reset" | "end" }
  | { do: "pass"; seconds: number }
  | { do: "restart" };

type StepOf<Do extends Step["do"]> = Extract<Step, { do: Do }>;

/** A broker in memory, and what it has answered on each connection. */
class Stage {
  readonly bench: Bench;
  readonly store: MemoryStore;
  readonly connections: MemoryConnection[] = [];
  readonly answers: Uint8Array[][] = [];
  readonly #probe: { context: PluginContext | undefined };

  private constructor(
    bench: Bench,
    store: MemoryStore,
    probe: { context: PluginContext | undefined },
  ) {
    this.bench = bench;
    this.store = store;
    this.#probe = probe;
  }

  static async start(): Promise<Stage> {
    const store = new MemoryStore();
    const probe: { context: PluginContext | undefined } = {
      context: undefined,
    };
    const plugin: Plugin = {
      name: "probe",
      start: (context) => {
        probe.context = context;
      },
    };
    const bench = await Bench.start({ limits, store, plugins: [plugin] });
    return new Stage(bench, store, probe);
  }

  get context(): PluginContext {
    return this.#probe.context!;
  }

  async act(act: Act): Promise<void> {
    switch (act.do) {
      case "open":
        this.connections[act.connection] = this.bench.listener.connect();
        this.answers[act.connection] = [];
        break;
      case "send":
        this.connections[act.connection]!.send(act.bytes);
        break;
      case "leave": {
        const connection = this.connections[act.connection]!;
        if (act.how === "reset") connection.reset();
        else if (act.how === "end") connection.end();
        else connection.close();
        break;
      }
      case "pass":
        this.bench.pass(act.seconds);
        break;
      case "restart":
        for (const connection of this.connections) connection.close();
        await this.bench.restart();
        return;
    }
  }

  /** Until the broker has nothing more to do. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 2; quiet++) {
      for (let turn = 0; turn < 40; turn++) await undefined;
      for (const [at, connection] of this.connections.entries()) {
        if (connection.unread > 0 && !connection.closedByBroker) quiet = -1;
        while (connection.unreceived > 0) {
          const bytes = await connection.receive();
          if (bytes === null) break;
          this.answers[at]!.push(bytes.slice());
          quiet = -1;
        }
      }
    }
  }
}

/** What is refused whatever the broker is asked, by version and state. */
function violations(
  version: Version | undefined,
): { bytes: Uint8Array; code: number }[] {
  const rows = badPackets.filter((one) => one.version === version)
    .map(({ bytes, reasonCode }) => ({ bytes, code: reasonCode }));
  if (version === undefined) return rows;
  const five = version === 5;
  return [
    ...rows,
    { bytes: connect(version, { clientId: "again" }), code: 0x82 },
    { bytes: hex(five ? "20 03 00 00 00" : "20 02 00 00"), code: 0x82 },
    { bytes: hex(five ? "90 04 0001 00 00" : "90 03 0001 00"), code: 0x82 },
    { bytes: hex("d0 00"), code: 0x82 },
    ...five
      ? [{ bytes: hex("f0 00"), code: 0x82 }, {
        bytes: publish(5, {
          topic: "a",
          properties: { subscriptionIdentifier: [1] },
        }),
        code: 0x82,
      }]
      : [],
  ];
}

/** A history: what is done to the first broker, and what it has to answer. */
class History {
  readonly acts: Act[] = [];
  readonly #stage: Stage;
  readonly #model: BrokerModel;
  /** The connection of each slot, by its number. */
  readonly #slots: (number | undefined)[] = Array(SLOTS).fill(undefined);
  readonly #models: ConnectionModel[] = [];
  readonly #readers: PacketReader[] = [];
  #read: number[] = [];
  #count = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#model = new BrokerModel(stage.bench.time);
  }

  async step(step: Step): Promise<void> {
    const done = this.#do(step);
    if (done) await this.#compare();
  }

  /** Everybody leaves for good: nothing may be left. */
  async finish(): Promise<void> {
    for (let slot = 0; slot < SLOTS; slot++) {
      await this.step({ do: "leave", slot, how: "drop" });
    }
    const last = {
      do: "connect",
      slot: 0,
      version: 5,
      clean: true,
      expiry: 0,
      receiveMaximum: 65_535,
      keepAlive: 0,
      aliases: 0,
      will: undefined,
    } as const;
    for (const id of ids) {
      await this.step({ ...last, id });
      for (const topic of [...topics, ...ids.map((one) => `will/${one}`)]) {
        await this.step({
          do: "publish",
          slot: 0,
          topic,
          qos: 0,
          retain: true,
          empty: true,
          dup: false,
          packetId: 1,
          alias: undefined,
          bare: false,
        });
      }
      await this.step({
        do: "disconnect",
        slot: 0,
        code: 0,
        expiry: undefined,
      });
    }
    await this.step({ do: "pass", seconds: 1000 });
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    const { context, store, bench } = this.#stage;
    const { sessions, subscriptions, retainedMessages, metrics } = context;
    const { connectionsOpen, clientsConnected, internalErrors } = metrics;
    assertEquals({
      sessions: [...sessions].map(({ clientId }) => clientId),
      subscriptions: subscriptions.size,
      retained: retainedMessages.size,
      connectionsOpen,
      clientsConnected,
      internalErrors,
      stored: [...store.load()],
    }, {
      sessions: [],
      subscriptions: 0,
      retained: 0,
      connectionsOpen: 0,
      clientsConnected: 0,
      internalErrors: 0,
      stored: [],
    }, "what is left when all have gone");
    const { protocolErrors } = bench.broker.metrics;
    assertEquals(protocolErrors, this.#model.violations, "violations");
  }

  /** Compares what has come on each connection with the model. */
  async #compare(): Promise<void> {
    const stage = this.#stage;
    for (const act of this.acts.slice(this.#read.length)) {
      await stage.act(act);
      await stage.settle();
      this.#read.push(0);
    }
    for (const [at, model] of this.#models.entries()) {
      const reader = this.#readers[at]!;
      const chunks = stage.answers[at]!;
      const taken = this.#taken[at] ?? 0;
      for (const bytes of chunks.slice(taken)) reader.push(bytes);
      this.#taken[at] = chunks.length;
      for (let one; (one = reader.next()) !== undefined;) {
        this.#model.take(model, one);
      }
      assert(!reader.midPacket, "A packet is not whole");
      this.#model.settled(model);
      const { closedByBroker } = stage.connections[at]!;
      assertEquals(closedByBroker, model.closed, `connection ${at} is closed`);
    }
    this.#model.allSettled();
    for (const [slot, at] of this.#slots.entries()) {
      if (at !== undefined && this.#models[at]!.closed) {
        this.#slots[slot] = undefined;
      }
    }
  }

  /** How many chunks of each connection were read. */
  readonly #taken: number[] = [];

  #open(slot: number, version: Version): ConnectionModel {
    const connection = this.#models.length;
    this.#slots[slot] = connection;
    this.#models.push(this.#model.open());
    this.#readers.push(new PacketReader(version));
    this.acts.push({ do: "open", connection });
    return this.#models[connection]!;
  }

  #send(slot: number, bytes: Uint8Array): void {
    const connection = this.#slots[slot]!;
    this.#models[connection]!.active = true;
    this.acts.push({ do: "send", connection, bytes });
  }

  /** Notes what is done, and tells the model; returns whether it is anything. */
  #do(step: Step): boolean {
    if (step.do === "pass") {
      this.acts.push(step);
      this.#model.pass(step.seconds);
      return true;
    }
    if (step.do === "restart") {
      this.acts.push(step);
      this.#model.restart();
      for (const model of this.#models) model.closed = true;
      this.#slots.fill(undefined);
      return true;
    }
    const { slot } = step;
    const at = this.#slots[slot];
    const connection = at === undefined ? undefined : this.#models[at]!;
    if (step.do === "open") {
      if (connection === undefined) this.#open(slot, 5);
      return connection === undefined;
    }
    if (step.do === "connect") {
      if (connection?.session !== undefined) return false;
      // Wills go by the identifier, which the broker would have to tell first.
      const will = step.id === "" ? undefined : step.will;
      this.#connect({ ...step, will }, connection);
      return true;
    }
    if (connection === undefined) return false;
    if (step.do === "leave") {
      this.acts.push({ do: "leave", connection: at!, how: step.how });
      this.#model.leave(connection, 0x80);
      return true;
    }
    if (step.do === "violate") {
      this.#violate(step, connection);
      return true;
    }
    if (connection.session === undefined) return false;
    return this.#request(step, connection);
  }

  #connect(
    step: StepOf<"connect">,
    opened: ConnectionModel | undefined,
  ): void {
    const { slot, version, id, clean, receiveMaximum, keepAlive } = step;
    const connection = opened ?? this.#open(slot, version);
    this.#readers[this.#slots[slot]!] = new PacketReader(version);
    connection.version = version;
    connection.keepAlive = keepAlive;
    const five = version === 5;
    const willText = `will ${++this.#count}`;
    this.#send(slot, this.#connectBytes(step, willText));
    if (id === "" && (version === 3 || (version === 4 && !clean))) {
      return this.#model.refuse(connection, 2);
    }
    // The broker makes an identifier up: let it be its own session.
    const own = id === "" ? `auto ${this.#count}` : id;
    connection.receiveMaximum = Math.min(five ? receiveMaximum : 65_535, 100);
    const will = step.will &&
      { ...step.will, delay: five ? step.will.delay : 0 };
    this.#model.connect(connection, {
      id: own,
      clean,
      expiry: id === "" ? 0 : five ? step.expiry : clean ? 0 : 0xffff_ffff,
      will,
      willText,
    });
  }

  #connectBytes(
    { version, id, clean, expiry, receiveMaximum, keepAlive, aliases, will }:
      StepOf<"connect">,
    payload: string,
  ): Uint8Array {
    return connect(version, {
      clientId: id,
      clean,
      keepAlive,
      properties: {
        sessionExpiryInterval: id === "" ? 0 : expiry,
        ...(receiveMaximum === 65_535 ? {} : { receiveMaximum }),
        ...(aliases === 0 ? {} : { topicAliasMaximum: aliases }),
      },
      ...(will === undefined ? {} : {
        will: {
          topic: `will/${id}`,
          payload,
          qos: will.qos,
          retain: will.retain,
          properties: { willDelayInterval: will.delay },
        },
      }),
    });
  }

  #violate(
    { slot, which }: StepOf<"violate">,
    connection: ConnectionModel,
  ): void {
    const connected = connection.session !== undefined;
    const rows = violations(connected ? connection.version : undefined);
    const { bytes, code } = rows[which % rows.length]!;
    if (!connected) {
      const refused = new TextDecoder("latin1").decode(bytes);
      // Behind the fixed header, and the length of the name.
      const at = refused.indexOf("MQTT\u0005");
      const five = bytes[0] === 0x10 && at >= 4 && at <= 7;
      // A version that there is not is refused in the words of 3.1.1.
      const unknown = code === 0x84;
      connection.version = five && !unknown ? 5 : 4;
      this.#readers[this.#slots[slot]!] = new PacketReader(connection.version);
      if (unknown) {
        connection.answers.push({
          type: "connack",
          codes: [1],
          sessionPresent: false,
        });
      } else if (five) connection.mayRefuse = code;
    }
    this.#send(slot, bytes);
    this.#model.violate(connection, code);
  }

  #request(step: Step, connection: ConnectionModel): boolean {
    const { version } = connection;
    const session = connection.session!;
    switch (step.do) {
      case "subscribe": {
        const five = version === 5;
        const { slot, filter, qos } = step;
        const noLocal = five && step.noLocal;
        const retainAsPublished = five && step.retainAsPublished;
        const retainHandling = five ? step.retainHandling : 0;
        const identifier = five ? step.identifier : undefined;
        const options = { filter, qos, noLocal, retainAsPublished };
        this.#send(
          slot,
          subscribe(
            version,
            77,
            [{ ...options, retainHandling }],
            identifier === undefined
              ? {}
              : { subscriptionIdentifier: [identifier] },
          ),
        );
        const subscription = { ...options, identifier };
        this.#model.subscribe(connection, 77, subscription, retainHandling);
        return true;
      }
      case "unsubscribe":
        this.#send(step.slot, unsubscribe(version, 78, [step.filter]));
        this.#model.unsubscribe(connection, 78, step.filter);
        return true;
      case "publish":
        this.#publish(step, connection);
        return true;
      case "release": {
        const known = session.received.delete(step.packetId);
        this.#send(step.slot, acknowledge("pubrel", step.packetId));
        connection.answers.push({
          type: "pubcomp",
          packetId: step.packetId,
          codes: [known ? 0 : 0x92],
        });
        return true;
      }
      case "acknowledge":
        return this.#acknowledge(step, connection);
      case "stray": {
        const { slot, type, packetId } = step;
        if (session.sent.some((one) => one.packetId === packetId)) return false;
        this.#send(slot, acknowledge(type, packetId));
        if (type === "pubrec") {
          connection.answers.push({ type: "pubrel", packetId, codes: [0x92] });
        }
        return true;
      }
      case "ping":
        this.#send(step.slot, pingreq);
        connection.answers.push({ type: "pingresp" });
        return true;
      case "disconnect":
        this.#disconnect(step, connection);
        return true;
      default:
        return false;
    }
  }

  #publish(
    { slot, topic, qos, retain, empty, dup, packetId, alias, bare }: StepOf<
      "publish"
    >,
    connection: ConnectionModel,
  ): void {
    const { version, aliases } = connection;
    const session = connection.session!;
    const properties: Properties = version === 5 && alias !== undefined
      ? { topicAlias: alias }
      : {};
    const { topicAlias } = properties;
    const omitted = topicAlias !== undefined && bare;
    const payload = empty && retain ? "" : `message ${++this.#count}`;
    this.#send(
      slot,
      publish(version, {
        topic: omitted ? "" : topic,
        payload,
        qos,
        retain,
        dup: dup && qos > 0,
        packetId,
        properties,
      }),
    );
    let named = topic;
    if (topicAlias !== undefined) {
      if (topicAlias > limits.topicAliasMaximum) {
        return this.#model.violate(connection, 0x94); // [MQTT-3.3.2-9]
      }
      if (!omitted) aliases.set(topicAlias, topic);
      const known = aliases.get(topicAlias);
      if (known === undefined) return this.#model.violate(connection, 0x82);
      named = known;
    }
    const type = qos === 1 ? "puback" : "pubrec";
    if (qos === 2) {
      const { received } = session;
      if (received.has(packetId)) {
        connection.answers.push({ type, packetId, codes: [0] });
        return;
      }
      // Section 3.3.4
      if (version === 5 && received.size >= limits.receiveMaximum) {
        return this.#model.violate(connection, 0x93);
      }
      received.add(packetId);
    }
    const message = { topic: named, payload, qos, retain };
    const codes = this.#model.publish(message, session);
    if (qos > 0) connection.answers.push({ type, packetId, codes });
  }

  #acknowledge(
    { slot, which, fails }: StepOf<"acknowledge">,
    connection: ConnectionModel,
  ): boolean {
    const open = connection.session!.sent.filter(({ moved }) => !moved);
    if (open.length === 0) return false;
    const sent = open[which % open.length]!;
    const { packetId, message, released } = sent;
    const failed = fails && connection.version === 5 && !released;
    const type = message.qos === 1 ? "puback" : released ? "pubcomp" : "pubrec";
    this.#send(slot, acknowledge(type, packetId, failed ? 0x80 : undefined));
    this.#model.acknowledged(connection, sent, failed);
    return true;
  }

  #disconnect(
    { slot, code, expiry }: StepOf<"disconnect">,
    connection: ConnectionModel,
  ): void {
    const session = connection.session!;
    if (connection.version < 5) {
      this.#send(slot, disconnect());
      return this.#model.leave(connection, 0);
    }
    this.#send(
      slot,
      disconnect(
        code,
        expiry === undefined ? {} : { sessionExpiryInterval: expiry },
      ),
    );
    if (expiry !== undefined) {
      // Section 3.14.2.2.2
      if (connection.asked === 0 && expiry > 0) {
        return this.#model.violate(connection, 0x82);
      }
      session.expiry = expiry;
    }
    this.#model.leave(connection, code);
  }
}

/** Does the same to another broker, in other pieces. */
async function replay(
  acts: readonly Act[],
  stage: Stage,
  random: Random,
): Promise<void> {
  let waiting: Uint8Array[] = [];
  let to = -1;
  const flush = async (): Promise<void> => {
    const longest = random.pick([1, 3, 20, 500]);
    for (const bytes of random.chunks(join(...waiting), longest)) {
      if (bytes.length > 0) stage.connections[to]!.send(bytes);
    }
    waiting = [];
    await stage.settle();
  };
  for (const act of acts) {
    const goesOn = act.do === "send" && act.connection === to;
    if (waiting.length > 0 && (!goesOn || random.percent(30))) await flush();
    if (act.do === "send") {
      to = act.connection;
      waiting.push(act.bytes);
      continue;
    }
    await stage.act(act);
    await stage.settle();
  }
  if (waiting.length > 0) await flush();
}

/** What one broker answered, without what it made up. */
function comparable({ answers }: Stage): string[] {
  return answers.map((chunks) =>
    new TextDecoder("latin1").decode(join(...chunks))
      .replaceAll(/auto-[\da-f-]{36}/g, "auto-")
  );
}

async function check({ seed, steps }: Input): Promise<void> {
  const first = await Stage.start();
  const second = await Stage.start();
  await using _first = first.bench;
  await using _second = second.bench;
  const history = new History(first);
  for (const [at, step] of steps.entries()) {
    try {
      await history.step(step);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`In step ${at}: ${message}`, { cause });
    }
  }
  await history.finish();
  await replay(history.acts, second, new Random(seed));
  const [expected, actual] = [comparable(first), comparable(second)];
  for (const [at, answers] of expected.entries()) {
    assertEquals(actual[at], answers, `connection ${at}, in other pieces`);
  }
}

/** The broker, from CONNECT to DISCONNECT. */
export const machine: Target<Input> = {
  name: "machine",
  about: "histories of clients, right and wrong, against a model and twice",
  generate: (random) => ({
    seed: random.integer(0, 0xffff_ffff),
    steps: random.array(random.integer(1, 120), () => someStep(random)),
  }),
  check,
  *shrink({ seed, steps }) {
    for (const some of fewer(steps)) yield { seed, steps: some };
  },
  show: ({ steps }) =>
    steps.map((step, at) => `${at} ${JSON.stringify(step)}`).join("\n"),
};
