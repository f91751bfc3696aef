/** Defects that reviews found: each has its test, by what a client sees. */

import { assertEquals, assertThrows } from "@std/assert";
import {
  Broker,
  type Listener,
  MemoryStore,
  type MessageInit,
  type Plugin,
} from "../../broker/mod.ts";
import { connect, hex, publish, text, within } from "../_raw_client.ts";
import { assertDisconnected, Bench, every, test, testIn } from "./_bench.ts";

/** For a session that outlives its connection, in every version. */
const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };

/** A store that fails when it is told to, as a full disk does. */
class FailingStore extends MemoryStore {
  broken = false;
  closed = 0;

  override commit(): void {
    if (this.broken) throw new Error("the disk is full");
    super.commit();
  }

  override close(): void {
    this.closed++;
    super.close();
  }
}

/** Answers of a plugin that a test gives: one after the other. */
class Answers<T> {
  #asked: PromiseWithResolvers<T>[] = [];
  #arrived: (() => void) | undefined;

  readonly ask = (): Promise<T> => {
    const answer = Promise.withResolvers<T>();
    this.#asked.push(answer);
    this.#arrived?.();
    return answer.promise;
  };

  /** Answers so many questions, once they are asked. */
  async give(value: T, count = 1): Promise<void> {
    await this.asked(count);
    for (const one of this.#asked.splice(0, count)) one.resolve(value);
  }

  /** Waits for so many questions without answering them. */
  async asked(count = 1): Promise<void> {
    while (this.#asked.length < count) {
      const arrived = new Promise<void>((resolve) => this.#arrived = resolve);
      await within(arrived, "a question for the plugin");
    }
  }
}

test("broker survives a second CONNECT of a version that nobody knows [MQTT-3.1.0-2]", async (bench) => {
  const other = await bench.connect(5, "other");
  const client = await bench.connect(5, "client");
  client.send("10 0d | 0004 'MQTT' 63 02 0000 00 0000");
  await assertDisconnected(client, 0x82);
  assertEquals(await other.drain(), []);
  await bench.connect(5, "client");
  assertEquals(bench.broker.metrics.protocolErrors, 1);
});

test("session of two that connect at once with a slow authentication survives the loser's end [MQTT-3.1.4-3]", async () => {
  const answers = new Answers<true>();
  await using bench = await Bench.start({
    plugins: [{ name: "slow", authenticate: answers.ask }],
  });
  const clients = [bench.open(5), bench.open(5)] as const;
  for (const client of clients) {
    client.send(connect(5, { ...kept, clientId: "client" }));
  }
  await answers.give(true, 2);
  const [loser, winner] = clients;
  assertEquals((await loser.next("connack")).code, 0);
  assertEquals((await winner.next("connack")).sessionPresent, true);
  await assertDisconnected(loser, 0x8e);
  loser.drop();
  bench.pass(20);
  await winner.subscribe({ filter: "a", qos: 1 });
  bench.broker.publish({ topic: "a", payload: text("x"), qos: 1 });
  assertEquals(await winner.payloads(), ["x"]);
  assertEquals(bench.broker.metrics.clientsConnected, 1);
  await winner.disconnect();
  const back = bench.open(5).send(
    connect(5, { ...kept, clientId: "client" }),
  );
  await answers.give(true);
  assertEquals((await back.next("connack")).sessionPresent, true);
});

/** What no packet can say, in what a program publishes. */
const unspeakable: readonly [what: string, init: Partial<MessageInit>][] = [
  ["NUL in a user property", {
    properties: { userProperties: [["name", "a\0"]] },
  }],
  ["a lone surrogate in its content type", {
    properties: { contentType: "\ud800" },
  }],
  ["a wildcard in its response topic", {
    properties: { responseTopic: "a/#" },
  }],
  ["a content type that is a number", {
    properties: { contentType: 7 as unknown as string },
  }],
  ["an expiry below 0", { properties: { messageExpiryInterval: -1 } }],
  ["a topic alias", { properties: { topicAlias: 1 } as object }],
  ["QoS 3", { qos: 3 as 2 }],
  ["a topic with a wildcard", { topic: "a/+" }],
];

for (const [what, init] of unspeakable) {
  test(`broker.publish() throws at ${what}, and disturbs nobody`, async (bench) => {
    const client = await bench.connect(5, "client");
    await client.subscribe({ filter: "#", qos: 2 });
    const payload = text("x");
    assertThrows(() => {
      bench.broker.publish({ topic: "a", payload, retain: true, ...init });
    });
    assertEquals(await client.drain(), []);
    const late = await bench.connect(5, "late");
    await late.subscribe("#");
    assertEquals(await late.drain(), []);
  });

  test(`broker refuses what a plugin transforms to ${what}, counts it and disturbs nobody`, async () => {
    await using bench = await Bench.start({
      plugins: [{
        name: "careless",
        transform: (_, { topic }) => topic === "bad" ? init : undefined,
      }],
    });
    const watcher = await bench.connect(5, "watcher");
    await watcher.subscribe({ filter: "#", qos: 2 });
    const client = await bench.connect(5, "client");
    for (const qos of [1, 2]) {
      const answer = await client.publish({ topic: "bad", qos, retain: true });
      assertEquals(answer?.code, 0x80);
    }
    assertEquals(bench.broker.metrics.pluginFailures, 2);
    await client.publish({ topic: "good", qos: 1, payload: "x" });
    assertEquals(await watcher.payloads(), ["x"]);
  });
}

testIn(
  every,
  "broker acknowledges a repeated QoS 2 message only when its delivery is committed [MQTT-4.3.3-10]",
  async (_, version) => {
    const store = new FailingStore();
    await using bench = await Bench.start({ store });
    const away = await bench.connect(version, "away", kept);
    await away.subscribe({ filter: "a", qos: 2 });
    await away.disconnect();
    const client = await bench.connect(version, "client", kept);
    const message = { topic: "a", qos: 2, packetId: 7, payload: "x" };
    store.broken = true;
    client.send(publish(version, message));
    assertEquals(await client.untilClosed(), []);
    // Until a commit succeeds nobody is told anything.
    const early = bench.open(version).send(
      connect(version, { ...kept, clientId: "client" }),
      publish(version, { ...message, dup: true }),
    );
    assertEquals(await early.untilClosed(), []);
    store.broken = false;
    const back = await bench.connect(version, "client", kept);
    back.send(publish(version, { ...message, dup: true }));
    assertEquals((await back.next("pubrec")).code, 0);
    back.acknowledge("pubrel", 7);
    assertEquals((await back.next("pubcomp")).code, 0);
    assertEquals(bench.broker.metrics.storeFailures >= 2, true);
    // What was committed is what another broker loads.
    await bench.restart();
    const receiver = await bench.connect(version, "away", kept);
    assertEquals(await receiver.payloads(), ["x"]);
  },
);

test("retained message counts its user properties", async () => {
  await using bench = await Bench.start({ limits: { retainedBytes: 10_000 } });
  const client = await bench.connect(5, "client");
  const large = Array.from(
    { length: 20 },
    (_, i): [string, string] => [`${i}`, "x".repeat(1000)],
  );
  for (
    const [userProperty, code] of [[large, 0x97], [[], 0x10]] as [
      [string, string][],
      number,
    ][]
  ) {
    const answer = await client.publish({
      topic: "a",
      payload: "x",
      qos: 1,
      retain: true,
      properties: { userProperty },
    });
    assertEquals(answer?.code, code);
  }
});

testIn(
  every,
  "keep alive does not run while a plugin decides [MQTT-3.1.2-22]",
  async (_, version) => {
    const answers = new Answers<true>();
    await using bench = await Bench.start({
      plugins: [{ name: "slow", authorize: answers.ask }],
    });
    const client = await bench.connect(version, "client", { keepAlive: 10 });
    client.send(publish(version, { topic: "a", qos: 1, packetId: 1 }));
    await answers.asked();
    for (let count = 0; count < 10; count++) bench.pass(10);
    await answers.give(true);
    await client.next("puback");
    assertEquals(await client.drain(), []);
    // It runs again.
    bench.pass(16);
    await assertDisconnected(client, 0x8d);
    assertEquals(bench.broker.metrics.keepAliveTimeouts, 1);
  },
);

test("expired messages make room in a full queue [MQTT-3.3.2-5]", async () => {
  await using bench = await Bench.start({ limits: { queuedMessages: 2 } });
  const client = await bench.connect(5, "client", kept);
  await client.subscribe({ filter: "a", qos: 1 });
  await client.disconnect();
  const say = (payload: string, messageExpiryInterval: number): void =>
    bench.broker.publish({
      topic: "a",
      payload: text(payload),
      qos: 1,
      properties: { messageExpiryInterval },
    });
  for (const payload of ["one", "two"]) say(payload, 10);
  bench.time += 11_000; // and no sweep
  for (const payload of ["three", "four"]) say(payload, 100);
  const back = await bench.connect(5, "client", kept);
  assertEquals(await back.payloads(), ["three", "four"]);
  const { droppedExpired, droppedQueueFull } = bench.broker.metrics;
  assertEquals([droppedExpired, droppedQueueFull], [2, 0]);
});

Deno.test("shutdown ends though a listener and a plugin never do, and closes the store", async () => {
  const store = new FailingStore();
  const never = new Promise<never>(() => {});
  const listener: Listener = { accept: () => never, close: () => {} };
  const broker = new Broker({
    listeners: {},
    store,
    limits: { shutdownTimeout: 0 },
    plugins: [{ name: "stuck", stop: () => never }],
  });
  await broker.start();
  broker.serve(listener); // never settles
  await within(broker.shutdown(), "the end of the broker");
  assertEquals([broker.status, store.closed], ["stopped", 1]);
});

Deno.test("broker that cannot start closes the store", async () => {
  const store = new FailingStore();
  const failing: Plugin = {
    name: "failing",
    start: () => {
      throw new Error("no");
    },
  };
  const broker = new Broker({ listeners: {}, store, plugins: [failing] });
  await broker.start().catch(() => {});
  assertEquals([broker.status, store.closed], ["not_started", 1]);
});

for (const [allowed, code] of [[true, 0], [false, 0x87]] as const) {
  test(`repetition of an undecided QoS 2 message on a new connection gets its verdict ${code} [MQTT-4.3.3-9] [MQTT-4.3.3-10]`, async () => {
    const answers = new Answers<boolean>();
    await using bench = await Bench.start({
      plugins: [{
        name: "slow",
        authorize: ({ clientId }) =>
          clientId === "client" ? answers.ask() : undefined,
      }],
    });
    const watcher = await bench.connect(5, "watcher");
    await watcher.subscribe("a");
    const message = { topic: "a", qos: 2, packetId: 7, payload: "x" };
    const client = await bench.connect(5, "client", kept);
    client.send(publish(5, message));
    await answers.asked();
    client.drop();
    const back = await bench.connect(5, "client", kept);
    back.send(publish(5, { ...message, dup: true }));
    for (let round = 0; round < 5; round++) {
      assertEquals(await watcher.drain(), []);
    }
    assertEquals(back.connection.unreceived, 0, "acknowledged already");
    await answers.give(allowed);
    assertEquals((await back.next("pubrec")).code, code);
    assertEquals(await watcher.payloads(), allowed ? ["x"] : []);
  });
}

testIn(
  [3, 4],
  "client that knows no Receive Maximum may have any number of QoS 2 messages unreleased",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    for (let packetId = 1; packetId <= 1500; packetId++) {
      client.send(publish(version, { topic: "a", qos: 2, packetId }));
      await client.next("pubrec");
    }
    assertEquals(await client.drain(), []);
  },
);

testIn(
  every,
  "broker publishes no will while it shuts down, however long a client takes",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { shutdownTimeout: 1 } });
    const { broker } = bench;
    for (const [name, fields] of [["brief", {}], ["kept", kept]] as const) {
      const client = await bench.connect(version, name, {
        ...fields,
        will: { topic: "will", payload: name },
      });
      await client.subscribe("a");
      client.connection.stall();
    }
    broker.publish({ topic: "a", payload: text("x") });
    await Promise.resolve();
    const done = broker.shutdown();
    for (let count = 0; count < 3; count++) bench.pass(2000);
    await done;
    assertEquals(broker.metrics.willsPublished, 0);
  },
);

testIn(
  every,
  "session that was loaded still has its user name when plugins are asked about it",
  async (_, version) => {
    await using bench = await Bench.start({
      plugins: [{
        name: "by user",
        authorizeDelivery: ({ username }) => username === "alice",
      }],
    });
    const users = { alice: ["x"], bob: [] };
    for (const username of Object.keys(users)) {
      const client = await bench.connect(version, username, {
        ...kept,
        username,
        password: "",
      });
      await client.subscribe({ filter: "a", qos: 1 });
      await client.disconnect();
    }
    await bench.restart();
    bench.broker.publish({ topic: "a", payload: text("x"), qos: 1 });
    for (const [username, expected] of Object.entries(users)) {
      const credentials = { username, password: "" };
      const back = await bench.connect(version, username, {
        ...kept,
        ...credentials,
      });
      assertEquals(await back.payloads(), expected);
    }
  },
);

testIn(
  every,
  "overlapping subscriptions get all retained messages that there may be, each",
  async (_, version) => {
    const count = 500;
    await using bench = await Bench.start({
      limits: { retainedMessages: count },
    });
    for (let i = 0; i < count; i++) {
      bench.broker.publish({
        topic: `a/${i}`,
        payload: text("x"),
        qos: 1,
        retain: true,
      });
    }
    const client = await bench.connect(version, "client");
    const filters = ["a/#", "#"].map((filter) => ({ filter, qos: 1 }));
    assertEquals(await client.subscribe(...filters), [1, 1]);
    assertEquals((await client.collect()).length, 2 * count);
  },
);

testIn(
  every,
  "share group with an absent QoS 0 member loses no QoS 1 message [MQTT-4.8.2-3]",
  async (bench, version) => {
    const absent = await bench.connect(version, "absent", kept);
    await absent.subscribe({ filter: "$share/g/a", qos: 0 });
    await absent.disconnect();
    const client = await bench.connect(version, "client", kept);
    await client.subscribe({ filter: "$share/g/a", qos: 1 });
    const sent = Array.from({ length: 10 }, (_, i) => `${i}`);
    const say = (payload: string): void =>
      bench.broker.publish({ topic: "a", payload: text(payload), qos: 1 });
    for (const payload of sent) say(payload);
    assertEquals(await client.payloads(), sent);
    // Not connected either, but with a queue.
    await client.disconnect();
    for (const payload of sent) say(payload);
    const back = await bench.connect(version, "client", kept);
    assertEquals(await back.payloads(), sent);
  },
);

testIn(
  every,
  "remaining length that is longer than it needs to be is not passed on",
  async (bench, version) => {
    const receiver = await bench.connect(version, "receiver");
    await receiver.subscribe("a");
    const publisher = await bench.connect(4, "publisher");
    for (const notation of ["30 84 00", "30 84 80 00", "30 84 80 80 00"]) {
      publisher.send(`${notation} 0001 'ax'`);
      const { bytes } = await receiver.next("publish");
      assertEquals(
        bytes,
        hex(version === 5 ? "30 05 0001 'a' 00 'x'" : "30 04 0001 'ax'"),
      );
    }
  },
);

test("subscriptions that were loaded count against subscriptionBytes", async () => {
  await using bench = await Bench.start({
    limits: { subscriptionBytes: 15_000 },
  });
  const [one, two] = ["1", "2"].map((name) => name.padEnd(5000, "x"));
  const client = await bench.connect(5, "client", kept);
  assertEquals(await client.subscribe(one!, two!), [0, 0x97]);
  await client.disconnect();
  await bench.restart();
  const back = await bench.connect(5, "client", kept);
  assertEquals(await back.subscribe(two!), [0x97]);
  await back.unsubscribe(one!);
  assertEquals(await back.subscribe(two!, one!), [0, 0x97]);
});
