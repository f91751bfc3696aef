/** What the broker lets its peers make it keep or do: each limit, reached. */

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { connect, publish, type RawClient, subscribe } from "../_raw_client.ts";
import {
  assertDisconnected,
  assertRefused,
  Bench,
  every,
  old,
  test,
  testIn,
} from "./_bench.ts";

const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };

testIn(
  every,
  "broker refuses connections above the limit connections, and takes others when some have gone",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { connections: 3 } });
    const clients: RawClient[] = [];
    for (const id of ["a", "b"]) clients.push(await bench.connect(version, id));
    const silent = bench.open(version);
    const one = bench.open(version);
    one.send(connect(version, { clientId: "c" }));
    assertEquals(await one.untilClosed(), []);
    assertEquals(bench.broker.metrics.connectionsRefused, 1);
    for (const client of clients) assertEquals(await client.drain(), []);
    silent.drop();
    await clients[0]!.drain();
    await bench.connect(version, "c");
    const again = bench.open(version);
    assertEquals(await again.untilClosed(), []);
    assertEquals(bench.broker.metrics.connectionsOpen, 3);
  },
);

testIn(
  every,
  "broker closes a connection without CONNECT after connectTimeout",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { connectTimeout: 5 } });
    const client = await bench.connect(version, "client");
    const silent = bench.open(version);
    const half = bench.open(version);
    half.send(connect(version, { clientId: "half" }).subarray(0, 9));
    await client.drain();
    bench.pass(4.9);
    half.send(connect(version, { clientId: "half" }).subarray(9, 10));
    await client.drain();
    assertEquals(bench.broker.metrics.connectionsOpen, 3);
    bench.pass(0.2);
    assertEquals(await silent.untilClosed(), []);
    assertEquals(await half.untilClosed(), []);
    bench.pass(100);
    assertEquals(await client.drain(), []);
    assertEquals(bench.broker.metrics.connectionsOpen, 1);
  },
);

testIn(
  every,
  "broker ends the connection at a packet above maximumPacketSize, before it is there [MQTT-3.2.2-15] [MQTT-4.13.1-1]",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { maximumPacketSize: 1000 },
    });
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("a");
    const client = await bench.connect(version, "client");
    const header = version === 5 ? 7 : 6;
    const fits = publish(version, {
      topic: "a",
      payload: "x".repeat(1000 - header),
    });
    assertEquals(fits.length, 1000);
    client.send(fits);
    await client.drain();
    assertEquals((await watcher.payloads())[0]!.length, 1000 - header);
    const large = publish(version, {
      topic: "a",
      payload: "x".repeat(1001 - header),
    });
    client.send(large.subarray(0, 3));
    await assertDisconnected(client, 0x95);
    assertEquals(await watcher.payloads(), []);
    // and so for CONNECT
    const other = bench.open(version);
    other.send(connect(version, { clientId: "c".repeat(1000) }));
    // before it is read nobody knows its version
    await assertRefused(other, undefined);
  },
);

testIn(
  every,
  "broker refuses topics and filters above topicLevels and topicLength [MQTT-3.4.2-1] [MQTT-3.9.3-2]",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { topicLevels: 4, topicLength: 20 },
    });
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("#");
    const client = await bench.connect(version, "client");
    const good = [
      "a/b/c/d",
      "///",
      "12345678901234567890",
      "\u{e4}".repeat(10),
    ];
    const bad = [
      "a/b/c/d/e",
      "////",
      "123456789012345678901",
      "\u{e4}".repeat(10) + "x",
    ];
    for (const [topics, isGood] of [[good, true], [bad, false]] as const) {
      for (const topic of topics) {
        const answer = await client.publish({ topic, qos: 1, payload: "x" });
        assertEquals(answer!.code, isGood || version !== 5 ? 0 : 0x90, topic);
        const [code] = await client.subscribe({ filter: topic, qos: 1 });
        const refusal = version === 5 ? [0x8f, 0x97] : [0x80];
        if (isGood) assertEquals(code, 1);
        else if (version !== 3) assert(refusal.includes(code!), `${code}`);
      }
    }
    assertEquals((await watcher.collect()).map(({ topic }) => topic), good);
  },
);

testIn(
  every,
  "broker refuses more subscriptions of a session than the limit subscriptions [MQTT-3.9.3-2]",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { subscriptions: 3 } });
    const client = await bench.connect(version, "client", kept);
    const full = version === 5 ? 0x97 : 0x80;
    const refused = (codes: readonly number[]): boolean[] =>
      codes.map((code) => code === full);
    assertEquals(
      refused(await client.subscribe("a", "b", "$share/g/c", "d", "a")),
      [false, false, false, true, false],
    );
    await client.publish({ topic: "d", payload: "x" });
    assertEquals(await client.payloads(), []);
    await client.unsubscribe("b");
    assertEquals(refused(await client.subscribe("d", "e")), [false, true]);
    await client.disconnect();
    const again = await bench.connect(version, "client", kept);
    assertEquals(refused(await again.subscribe("f", "d")), [true, false]);
    // another session has its own
    const other = await bench.connect(version, "other");
    assertEquals(refused(await other.subscribe("f")), [false]);
    assertEquals(bench.broker.metrics.subscriptionsRefused, 3);
  },
);

testIn(
  every,
  "broker keeps no more messages for a session than queuedMessages",
  async (_, version) => {
    const dropped: unknown[] = [];
    await using bench = await Bench.start({
      limits: { queuedMessages: 5, inflight: 2 },
      plugins: [{
        name: "watcher",
        on: {
          broker_message_dropped: ({ clientId, message }) =>
            void dropped.push([clientId, message.topic]),
        },
      }],
    });
    const publisher = await bench.connect(version, "publisher");
    const other = await bench.connect(version, "other", kept);
    await other.subscribe({ filter: "#", qos: 1 });
    const client = await bench.connect(version, "client", kept);
    await client.subscribe({ filter: "#", qos: 2 });
    const send = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at++) {
        await publisher.publish({
          topic: "a",
          qos: 1 + at % 2,
          payload: `${at}`,
        });
        // the other keeps up
        assertEquals(await other.payloads(), [`${at}`]);
      }
    };
    // connected: two are on their way, five wait
    await send(10);
    assertEquals(bench.broker.metrics.droppedQueueFull, 3);
    assertEquals(await client.payloads(), ["0", "1", "2", "3", "4", "5", "6"]);
    // away
    await client.disconnect();
    await send(8);
    assertEquals(bench.broker.metrics.droppedQueueFull, 6);
    const again = await bench.connect(version, "client", kept);
    assertEquals(await again.payloads(), ["0", "1", "2", "3", "4"]);
    assertEquals(dropped, Array.from({ length: 6 }, () => ["client", "a"]));
    await send(3);
    assertEquals(await again.payloads(), ["0", "1", "2"]);
  },
);

testIn(
  every,
  "broker keeps no more bytes for a session than queuedBytes",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { queuedBytes: 10_000 } });
    const publisher = await bench.connect(version, "publisher");
    const client = await bench.connect(version, "client", kept);
    await client.subscribe({ filter: "#", qos: 1 });
    for (let round = 0; round < 2; round++) {
      const session = await bench.connect(version, "client", kept);
      await session.disconnect();
      for (let at = 0; at < 30; at++) {
        const payload = "x".repeat(1000);
        await publisher.publish({ topic: "a", qos: 1, payload });
      }
      await publisher.publish({ topic: "a", qos: 1, payload: "small" });
      const again = await bench.connect(version, "client", kept);
      const bytes = (await again.collect())
        .map(({ content }) => content.length).reduce((a, b) => a + b, 0);
      assertLessOrEqual(bytes, 10_000);
      assert(bytes >= 5_000, `${bytes}`);
    }
  },
);

testIn(
  every,
  "broker counts against queuedBytes what waits, and not what has gone",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { queuedBytes: 10_000, inflight: 1 },
    });
    const publisher = await bench.connect(version, "publisher");
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "#", qos: 2 });
    for (let round = 0; round < 20; round++) {
      for (let at = 0; at < 4; at++) {
        const payload = "x".repeat(1000);
        await publisher.publish({ topic: "a", qos: 1 + at % 2, payload });
      }
      assertEquals((await client.collect()).length, 4);
    }
    assertEquals(bench.broker.metrics.droppedQueueFull, 0);
  },
);

testIn(
  every,
  "broker refuses more retained messages than retainedMessages [MQTT-3.3.1-5]",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { retainedMessages: 3 } });
    const client = await bench.connect(version, "client");
    const retain = async (topic: string, payload: string): Promise<number> =>
      (await client.publish({ topic, payload, qos: 1, retain: true }))!.code;
    const ok = (code: number): boolean => code < 0x80;
    for (const topic of ["a", "b", "c"]) assert(ok(await retain(topic, "1")));
    assertEquals(await retain("d", "1"), version === 5 ? 0x97 : 0);
    assert(ok(await retain("a", "2")));
    assert(ok(await retain("b", "")));
    assert(ok(await retain("e", "1")));
    const late = await bench.connect(version, "late");
    await late.subscribe("#");
    assertEquals(
      (await late.collect()).map(({ topic, payload }) => topic + payload)
        .toSorted(),
      ["a2", "c1", "e1"],
    );
  },
);

testIn(
  every,
  "broker refuses more bytes of retained messages than retainedBytes [MQTT-3.3.1-5]",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { retainedBytes: 10_000 },
    });
    const client = await bench.connect(version, "client");
    const retain = async (topic: string, size: number): Promise<number> =>
      (await client.publish({
        topic,
        payload: "x".repeat(size),
        qos: 1,
        retain: true,
      }))!.code;
    const full = version === 5 ? 0x97 : 0;
    // what is replaced counts no more
    for (let at = 0; at < 20; at++) assert(await retain("one", 3000) < 0x80);
    await retain("one", 0);
    assertEquals(await retain("large", 10_001), full);
    for (let at = 0; at < 20; at++) await retain(`a/${at}`, 1000);
    for (let at = 0; at < 20; at++) {
      assertEquals(await retain("a/0", 5000 + at) >= 0x80, full >= 0x80);
    }
    for (let at = 1; at < 20; at++) await retain(`a/${at}`, 0);
    assert(await retain("a/0", 8000) < 0x80);
    const late = await bench.connect(version, "late");
    await late.subscribe("#");
    assertEquals((await late.collect()).map(({ content }) => content.length), [
      8000,
    ]);
  },
);

test("broker keeps no more sessions that outlive their connection than the limit sessions", async () => {
  for (const version of every) {
    await using bench = await Bench.start({ limits: { sessions: 2 } });
    for (const id of ["a", "b"]) {
      await (await bench.connect(version, id, kept)).disconnect();
    }
    for (const clean of [true, false]) {
      const third = bench.open(version);
      third.send(connect(version, { clientId: "c", ...kept, clean }));
      // before 5.0 a clean session does not outlive its connection
      if (clean && version !== 5) await third.next("connack");
      else await assertRefused(third, version === 5 ? 0x97 : 3);
      third.drop();
    }
    // those that end with their connection are no matter
    for (const id of ["d", "e", "f"]) await bench.connect(version, id);
    // nor are those that are there already
    await (await bench.connect(version, "a", kept)).disconnect();
    await (await bench.connect(version, "a")).disconnect();
    await bench.connect(version, "c", kept);
  }
});

testIn(
  old,
  "broker ends sessions of 3.x clients after the limit sessionExpiryInterval",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { sessionExpiryInterval: 100 },
    });
    const publisher = await bench.connect(version, "publisher");
    for (const [away, lives] of [[99, true], [101, false]] as const) {
      const client = await bench.connect(version, "client", { clean: false });
      await client.subscribe({ filter: "a", qos: 1 });
      await client.disconnect();
      bench.pass(away);
      await publisher.publish({ topic: "a", qos: 1, payload: "x" });
      const again = await bench.connect(version, "client", { clean: false });
      assertEquals(await again.payloads(), lives ? ["x"] : []);
      await again.disconnect();
    }
  },
);

testIn(
  every,
  "broker refuses connections above maxConnections of a listener",
  async (_, version) => {
    await using bench = await Bench.start({
      listeners: {
        default: { maxConnections: 2 },
        tcp: { bind: "127.0.0.1:0" },
      },
    });
    const { port } = bench.broker.addresses[0]!;
    const buffer = new Uint8Array(100);
    const open = async (): Promise<Deno.TcpConn> =>
      await Deno.connect({ hostname: "127.0.0.1", port });
    using first = await open();
    using second = await open();
    for (const [at, one] of [first, second].entries()) {
      await one.write(connect(version, { clientId: `${at}` }));
      assert(await one.read(buffer) !== null);
    }
    using third = await open();
    const end = await third.read(buffer).catch(() => null);
    assertEquals(end, null);
    assertEquals(bench.broker.metrics.connectionsRefused, 1);
    // other listeners do not count
    await bench.connect(version, "memory");
  },
);

testIn(
  every,
  "broker does not answer a flood of SUBSCRIBEs with more retained messages than its limits allow",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { retainedMessages: 20 } });
    const publisher = await bench.connect(version, "publisher");
    for (let at = 0; at < 20; at++) {
      await publisher.publish({
        topic: `a/${at}`,
        payload: "x",
        qos: 1,
        retain: true,
      });
    }
    const client = await bench.connect(version, "client");
    const request = subscribe(version, 1, [{ filter: "#", qos: 1 }]);
    client.send(...Array.from({ length: 50 }, () => request));
    let messages = 0;
    let refused = 0;
    for (let packets; (packets = await client.drain()).length > 0;) {
      for (const packet of packets) {
        if (packet.type === "suback" && packet.codes[0]! > 2) refused++;
        if (packet.type !== "publish") continue;
        messages++;
        client.acknowledge("puback", packet.packetId);
      }
    }
    // those on their way, and those that wait: not a thousand
    assertLessOrEqual(messages, 200);
    assert(messages >= 20 && refused > 0);
    assertEquals(await publisher.drain(), []);
  },
);

testIn(
  every,
  "broker refuses a client identifier longer than clientIdLength [MQTT-3.1.3-8] [MQTT311-3.1.3-9]",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { clientIdLength: 30 } });
    await bench.connect(version, "c".repeat(30));
    const client = bench.open(version);
    client.send(connect(version, { clientId: "c".repeat(31), ...kept }));
    await assertRefused(client, version === 5 ? 0x85 : 2);
    assertEquals(bench.broker.metrics.clientsConnected, 1);
  },
);

testIn(
  [4, 5],
  "broker refuses filters that take more than subscriptionBytes, until others are gone [MQTT-3.9.3-2]",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { subscriptionBytes: 50_000 },
    });
    const client = await bench.connect(version, "client");
    const filter = (at: number): string => `${at}`.padEnd(10_000, "x");
    const refusal = version === 5 ? 0x97 : 0x80;
    const codes = await client.subscribe(...[0, 1, 2, 3, 4, 5].map(filter));
    const granted = codes.indexOf(refusal);
    assert(granted > 0 && granted < 6, `${codes}`);
    // again is not more
    for (let round = 0; round < 5; round++) {
      assertEquals(await client.subscribe(filter(0)), [0]);
    }
    assertEquals(await client.subscribe(filter(granted)), [refusal]);
    await client.unsubscribe(filter(0));
    assertEquals(await client.subscribe(filter(granted)), [0]);
    assertEquals(await client.subscribe(filter(0)), [refusal]);
  },
);

testIn(
  every,
  "broker closes a connection that has read nothing for stallTimeout, and no other",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { stallTimeout: 30 } });
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("will");
    const publisher = await bench.connect(version, "publisher");
    const clients: RawClient[] = [];
    for (const name of ["stalled", "slow", "idle"]) {
      const client = await bench.connect(version, name, {
        will: { topic: "will", payload: name },
      });
      await client.subscribe(name === "idle" ? "b" : "a");
      client.connection.stall();
      clients.push(client);
    }
    const [stalled, slow, idle] = clients;
    for (let round = 0; round < 5; round++) {
      await publisher.publish({ topic: "a", payload: "x" });
      bench.pass(20);
      slow!.connection.resume();
      await slow!.next("publish");
      slow!.connection.stall();
    }
    assertEquals(await watcher.payloads(), ["stalled"]);
    assertEquals(stalled!.connection.closedByBroker, true);
    assertEquals(bench.broker.metrics.stalled, 1);
    for (const client of [slow!, idle!]) {
      client.connection.resume();
      assertEquals(await client.drain(), []);
    }
  },
);

testIn(
  every,
  "broker serves the others while it looks through many retained messages for one client",
  async (bench, version) => {
    const topics = 30_000;
    for (let at = 0; at < topics; at++) {
      const payload = new Uint8Array(1);
      bench.broker.publish({ topic: `many/${at}`, payload, retain: true });
    }
    const client = await bench.connect(version, "client");
    const other = await bench.connect(version, "other");
    const filters = Array.from({ length: 20 }, (_, at) => `many/+/${at}`);
    client.send(
      subscribe(version, 1, filters),
      publish(version, { topic: "many/0/0", payload: "behind" }),
    );
    for (let round = 0; round < 3; round++) {
      assertEquals(await other.drain(), []);
      assertEquals(client.connection.unreceived, 0, "answered already");
    }
    assertEquals((await client.next("suback")).codes, filters.map(() => 0));
    assertEquals((await client.next("publish")).payload, "behind");
  },
);

// Queues, rates and memory.

testIn(
  every,
  "broker drops the oldest that waits where queueFull says so, across a restart too",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { queuedMessages: 3, inflight: 1, queueFull: "drop-oldest" },
    });
    const publisher = await bench.connect(version, "publisher");
    const client = await bench.connect(version, "client", kept);
    await client.subscribe({ filter: "a", qos: 1 });
    await client.disconnect();
    for (let at = 0; at < 5; at++) {
      await publisher.publish({ topic: "a", qos: 1, payload: `${at}` });
    }
    assertEquals(bench.broker.metrics.droppedQueueFull, 2);
    await bench.restart();
    assertEquals(bench.broker.metrics.queuedBytes > 0, true);
    const again = await bench.connect(version, "client", kept);
    assertEquals(await again.payloads(), ["2", "3", "4"]);
    assertEquals(bench.broker.metrics.queuedBytes, 0);
  },
);

testIn(
  every,
  "broker disconnects who does not keep up where queueFull says so, and nobody else",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { queuedMessages: 2, inflight: 1, queueFull: "disconnect" },
    });
    const publisher = await bench.connect(version, "publisher");
    const slow = await bench.connect(version, "slow", kept);
    const quick = await bench.connect(version, "quick");
    for (const one of [slow, quick]) {
      await one.subscribe({ filter: "a", qos: 1 });
    }
    for (let at = 0; at < 4; at++) {
      await publisher.publish({ topic: "a", qos: 1, payload: `${at}` });
      assertEquals(await quick.payloads(), [`${at}`]);
    }
    assertEquals((await slow.next("publish")).payload, "0");
    await assertDisconnected(slow, 0x97);
    assertEquals(bench.broker.metrics.queueDisconnects, 1);
    // What waited is there when it comes back; away it is not disconnected.
    await publisher.publish({ topic: "a", qos: 1, payload: "lost" });
    const again = await bench.connect(version, "slow", kept);
    assertEquals(await again.payloads(), ["0", "1", "2"]);
    assertEquals(bench.broker.metrics.clientsConnected, 3);
  },
);

testIn(
  every,
  "broker keeps no more for all sessions together than totalQueuedBytes, and tells publishers that can be told",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { totalQueuedBytes: 10_000 },
    });
    const publisher = await bench.connect(version, "publisher");
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe({ filter: "a", qos: 1 });
    for (const id of ["one", "two"]) {
      const client = await bench.connect(version, id, kept);
      await client.subscribe({ filter: id, qos: 1 }, { filter: "a", qos: 1 });
      await client.disconnect();
    }
    const payload = "x".repeat(1000);
    const codes: number[] = [];
    for (let at = 0; at < 10; at++) {
      const topic = at % 2 === 0 ? "one" : "two";
      const answer = await publisher.publish({ topic, qos: 1, payload });
      codes.push(answer!.code);
    }
    const { metrics } = bench.broker;
    const refused = codes.filter((code) => code === 0x97).length;
    assertLessOrEqual(metrics.queuedBytes, 10_000);
    if (version === 5) {
      assertEquals([refused > 0, metrics.droppedQueueFull], [true, 0]);
      assertEquals(metrics.publishRefused, refused);
    } else {
      assertEquals([refused, metrics.droppedQueueFull > 0], [0, true]);
    }
    // A refused message goes to nobody; what others do not keep goes through.
    await publisher.publish({ topic: "a", qos: 1, payload });
    assertEquals((await watcher.payloads()).length, version === 5 ? 0 : 1);
    await watcher.subscribe({ filter: "b", qos: 1 });
    const answer = await publisher.publish({ topic: "b", qos: 1 });
    assertEquals(answer!.code, 0);
    assertEquals((await watcher.payloads()).length, 1);
    // There is room again when who was away comes back.
    for (const id of ["one", "two"]) {
      await (await bench.connect(version, id, kept)).collect();
    }
    assertEquals(metrics.queuedBytes, 0);
  },
);

testIn(
  every,
  "broker reads no more PUBLISH packets from a client than messageRate, loses none, and does not mind its silence [MQTT-3.1.2-24]",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { messageRate: 5 } });
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("a");
    const client = await bench.connect(version, "client", { keepAlive: 2 });
    const payloads = Array.from({ length: 30 }, (_, at) => `${at}`);
    client.send(
      ...payloads.map((payload) => publish(version, { topic: "a", payload })),
    );
    assertEquals(await watcher.payloads(), payloads.slice(0, 5));
    bench.pass(0.2);
    assertEquals(await watcher.payloads(), payloads.slice(5, 6));
    // More than a second's worth is never let through at once.
    const rest: string[] = [];
    while (rest.length < 24) {
      bench.pass(4); // beyond the keep alive
      const some = await watcher.payloads();
      assertLessOrEqual(some.length, 5);
      assert(some.length > 0);
      rest.push(...some);
    }
    assertEquals(rest, payloads.slice(6));
    assertEquals(bench.broker.metrics.keepAliveTimeouts, 0);
    assert(bench.broker.metrics.throttled > 0);
    // When nobody holds it back its silence counts again.
    await watcher.drain();
    bench.pass(1);
    bench.pass(4);
    assertEquals(bench.broker.metrics.keepAliveTimeouts, 1);
  },
);

testIn(
  every,
  "broker reads no more bytes from a client than byteRate, and others go on",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { byteRate: 1000 } });
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("a");
    const client = await bench.connect(version, "client");
    const payload = "x".repeat(300);
    client.send(
      ...Array.from(
        { length: 10 },
        () => publish(version, { topic: "a", payload }),
      ),
    );
    const before = (await watcher.payloads()).length;
    assert(before >= 2 && before <= 3, `${before}`);
    const { unread } = client.connection;
    assert(unread > 1500, `${unread} bytes are left to the transport`);
    bench.pass(1);
    assertEquals(Math.abs((await watcher.payloads()).length - 3) <= 1, true);
    assert(client.connection.unread < unread);
    for (let at = 0; at < 4; at++) {
      bench.pass(1);
      await watcher.drain();
    }
    assertEquals(client.connection.unread, 0);
  },
);

testIn(
  every,
  "client that is held back can be taken over, and closed at the shutdown",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { messageRate: 1 } });
    const client = await bench.connect(version, "client");
    const message = publish(version, { topic: "a", payload: "x" });
    client.send(message, message, message);
    assertEquals(await (await bench.connect(version, "client")).drain(), []);
    await assertDisconnected(client, 0x8e);
    const other = await bench.connect(version, "other");
    other.send(message, message, message);
    await (await bench.connect(version, "watcher")).drain();
    assert(bench.broker.metrics.throttled >= 2);
  },
);

testIn(
  every,
  "broker short of memory refuses new clients, and lets in who comes back for what waits [MQTT-3.2.2-7]",
  async (_, version) => {
    let used = 0;
    const events: string[] = [];
    await using bench = await Bench.start({
      limits: { memory: 1000 },
      memoryUsed: () => used,
      plugins: [{
        name: "watcher",
        on: { broker_overloaded: ({ level }) => void events.push(level) },
      }],
    });
    const away = await bench.connect(version, "away", kept);
    await away.subscribe({ filter: "a", qos: 1 });
    await away.disconnect();
    const client = await bench.connect(version, "client");
    await client.publish({ topic: "a", qos: 1, payload: "before" });
    used = 1050;
    bench.pass(1);
    const stranger = bench.open(version);
    stranger.send(connect(version, { clientId: "new" }));
    await assertRefused(stranger, version === 5 ? 0x89 : 3);
    // Above the first mark only: messages still wait for who is away.
    const kept1 = await client.publish({ topic: "a", qos: 1, payload: "high" });
    assertEquals(kept1!.code, 0);
    used = 1200;
    bench.pass(1);
    const code = version === 5 ? 0x97 : 0;
    const refused = await client.publish({ topic: "a", qos: 1, payload: "x" });
    assertEquals(refused!.code, code);
    const twice = await client.publish({ topic: "a", qos: 2, payload: "x" });
    assertEquals(twice?.code ?? 0, code);
    assertEquals(await client.subscribe("b"), [version === 5 ? 0x97 : 0x80]);
    const retained = { topic: "r", qos: 1, payload: "x", retain: true };
    assertEquals((await client.publish(retained))!.code, code);
    const again = await bench.connect(version, "away", kept);
    assertEquals(await again.payloads(), ["before", "high"]);
    used = 800;
    bench.pass(1);
    await bench.connect(version, "new");
    assertEquals(events, ["high", "critical", "normal"]);
    const { metrics } = bench.broker;
    assertEquals(metrics.overloads, 1);
    assertEquals(metrics.droppedMemory, version === 5 ? 0 : 2);
  },
);
