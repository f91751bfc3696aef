/** Session state (5.0: 3.1.2, 4.1, 4.4; 3.1.1: the same). */

import { assertEquals } from "@std/assert";
import { type ConnectFields, publish, subscribe } from "../_raw_client.ts";
import {
  assertDisconnected,
  Bench,
  every,
  old,
  test,
  testIn,
} from "./_bench.ts";

const kept: ConnectFields = {
  clean: false,
  properties: { sessionExpiryInterval: 1000 },
};

testIn(
  every,
  "broker keeps subscriptions and queues QoS 1 and 2 for a client that is away [MQTT-3.1.2-5] [MQTT-3.1.2-23] [MQTT-4.1.0-1] [MQTT-4.5.0-1] [MQTT311-3.1.2-4] [MQTT311-3.1.2-5] [MQTT311-4.1.0-1] [MQTT311-4.5.0-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client", kept);
    await client.subscribe({ filter: "a/+", qos: 1 }, { filter: "b", qos: 2 });
    await client.disconnect();
    const publisher = await bench.connect(version, "publisher");
    const expected: [string, number][] = [];
    for (let at = 0; at < 40; at++) {
      const qos = at % 3;
      const topic = at % 2 === 0 ? "a/x" : "b";
      await publisher.publish({ topic, qos, payload: `${at}` });
      const granted = Math.min(qos, at % 2 === 0 ? 1 : 2);
      if (granted > 0) expected.push([`${at}`, granted]);
    }
    await publisher.publish({ topic: "c", qos: 2, payload: "not for it" });
    const again = await bench.connect(version, "client", kept);
    const messages = await again.collect();
    assertEquals(
      messages.filter(({ qos }) => qos > 0)
        .map(({ payload, qos, dup }) => [payload, qos, dup]),
      expected.map(([payload, qos]) => [payload, qos, false]),
    );
    await publisher.publish({ topic: "b", payload: "live" });
    assertEquals(await again.payloads(), ["live"]);
  },
);

testIn(
  every,
  "broker discards the session at Clean Start 1 [MQTT-3.1.2-4] [MQTT-3.2.2-2] [MQTT311-3.1.2-6]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const client = await bench.connect(version, "client", kept);
    await client.subscribe({ filter: "a", qos: 2 });
    await publisher.publish({ topic: "a", qos: 1, payload: "in flight" });
    await client.next("publish");
    client.drop();
    await publisher.publish({ topic: "a", qos: 2, payload: "queued" });
    const fresh = await bench.connect(version, "client", {
      ...kept,
      clean: true,
    });
    await publisher.publish({ topic: "a", qos: 2, payload: "live" });
    assertEquals(await fresh.payloads(), []);
    fresh.drop();
    const again = await bench.connect(version, "client", kept);
    assertEquals(await again.payloads(), []);
  },
);

testIn(
  old,
  "broker ends a CleanSession 1 session with its connection, and not before [MQTT311-3.1.2-6] [MQTT311-4.1.0-2]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a", qos: 1 });
    const publisher = await bench.connect(version, "publisher");
    bench.pass(1e9);
    await publisher.publish({ topic: "a", qos: 1, payload: "x" });
    assertEquals(await client.payloads(), ["x"]);
    await client.disconnect();
    await publisher.publish({ topic: "a", qos: 1 });
    const again = await bench.connect(version, "client", { clean: false });
    assertEquals(again.connack!.sessionPresent, false);
    await publisher.publish({ topic: "a", qos: 1 });
    assertEquals(await again.payloads(), []);
  },
);

testIn(
  old,
  "broker keeps a CleanSession 0 session for any time [MQTT311-3.1.2-4] [MQTT311-4.1.0-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client", { clean: false });
    await client.subscribe({ filter: "a", qos: 1 });
    client.drop();
    bench.pass(10 * 365 * 86_400);
    const publisher = await bench.connect(version, "publisher");
    await publisher.publish({ topic: "a", qos: 1, payload: "x" });
    const again = await bench.connect(version, "client", { clean: false });
    assertEquals(again.connack!.sessionPresent, version === 4);
    assertEquals(await again.payloads(), ["x"]);
  },
);

test("broker ends a session when its expiry interval is over, and not before [MQTT-4.1.0-2] [MQTT-3.1.2-23] [MQTT-4.1.0-1]", async (bench) => {
  const cases: [interval: number | undefined, away: number, lives: boolean][] =
    [
      [undefined, 0, false],
      [0, 0, false],
      [1, 0.9, true],
      [1, 1.1, false],
      [100, 99, true],
      [100, 101, false],
      [0xffff_fffe, 4_000_000_000, true],
      [0xffff_fffe, 5_000_000_000, false],
      [0xffff_ffff, 5_000_000_000, true],
    ];
  const publisher = await bench.connect(5, "publisher");
  for (const [interval, away, lives] of cases) {
    const fields = {
      clean: true,
      properties: interval === undefined
        ? {}
        : { sessionExpiryInterval: interval },
    };
    for (const orderly of [true, false]) {
      const client = await bench.connect(5, "client", fields);
      await client.subscribe({ filter: "a", qos: 1 });
      // it does not run while the connection is there
      bench.pass(1000);
      await publisher.publish({ topic: "a", qos: 1 });
      assertEquals((await client.collect()).length, 1);
      if (orderly) await client.disconnect();
      else client.drop();
      // the broker has seen the end of the connection
      await publisher.drain();
      bench.pass(away);
      await publisher.publish({ topic: "a", qos: 1 });
      const again = await bench.connect(5, "client", {
        ...fields,
        clean: false,
      });
      const what = `${interval} after ${away}`;
      assertEquals(again.connack!.sessionPresent, lives, what);
      assertEquals((await again.collect()).length, lives ? 1 : 0, what);
    }
  }
});

test("broker notices the end of a session by itself [MQTT-4.1.0-2]", async (bench) => {
  const client = await bench.connect(5, "client", kept);
  await client.subscribe({ filter: "a", qos: 1 });
  await client.disconnect();
  bench.pass(999);
  assertEquals(bench.broker.metrics.sessionsExpired, 0);
  bench.pass(2);
  assertEquals(bench.broker.metrics.sessionsExpired, 1);
});

test("broker takes a new expiry interval from DISCONNECT [MQTT-4.1.0-2]", async (bench) => {
  const change = async (
    before: number,
    after: number,
  ): Promise<(away: number) => Promise<boolean>> => {
    const client = await bench.connect(5, "client", {
      properties: { sessionExpiryInterval: before },
    });
    await client.disconnect(0, { sessionExpiryInterval: after });
    return async (away) => {
      bench.pass(away);
      const again = await bench.connect(5, "client", { clean: false });
      return again.connack!.sessionPresent;
    };
  };
  assertEquals(await (await change(10, 1000))(999), true);
  assertEquals(await (await change(1000, 10))(11), false);
  assertEquals(await (await change(1000, 0))(0), false);
  assertEquals(await (await change(10, 0xffff_ffff))(1e9), true);
});

test("broker refuses to revive a session expiry of 0 by DISCONNECT", async (bench) => {
  for (const properties of [{}, { sessionExpiryInterval: 0 }]) {
    const client = await bench.connect(5, "client", { properties });
    client.send("e0 07 | 00 05 11 00000064");
    await assertDisconnected(client, 0x82);
    // 0 again is no change
    const other = await bench.connect(5, "other", { properties });
    await other.disconnect(0, { sessionExpiryInterval: 0 });
  }
});

test("broker takes a session expiry in DISCONNECT where CONNECT had one that it did not grant", async () => {
  await using bench = await Bench.start({
    limits: { sessionExpiryInterval: 0 },
  });
  const client = await bench.connect(5, "client", kept);
  assertEquals(client.connack!.properties.sessionExpiryInterval, 0);
  await client.disconnect(0, { sessionExpiryInterval: 100 });
  const again = await bench.connect(5, "client", kept);
  assertEquals(again.connack!.sessionPresent, false);
});

testIn(
  every,
  "broker sends again what was not acknowledged, with its identifier and DUP, in its order [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1] [MQTT311-4.4.0-1] [MQTT311-4.6.0-1] [MQTT311-3.3.1-1]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    let client = await bench.connect(version, "client", kept);
    await client.subscribe({ filter: "a", qos: 2 });
    const ids: number[] = [];
    for (let at = 0; at < 12; at++) {
      await publisher.publish({
        topic: "a",
        qos: 1 + at % 2,
        payload: `${at}`,
      });
      ids.push((await client.next("publish")).packetId);
    }
    client.acknowledge("puback", ids[4]!);
    for (const at of [9, 3, 5]) {
      client.acknowledge("pubrec", ids[at]!);
      await client.next("pubrel");
    }
    client.acknowledge("pubcomp", ids[5]!);
    await client.drain();
    for (let round = 0; round < 3; round++) {
      if (round === 2) await client.disconnect();
      else client.drop();
      client = await bench.connect(version, "client", kept);
      const packets = await client.drain();
      assertEquals(
        packets.flatMap((one) =>
          one.type === "publish" ? [[one.payload, one.packetId, one.dup]] : []
        ),
        [0, 1, 2, 6, 7, 8, 10, 11].map((at) => [`${at}`, ids[at], true]),
      );
      assertEquals(
        packets.flatMap((one) => one.type === "pubrel" ? [one.packetId] : [])
          .toSorted(),
        [ids[3], ids[9]].toSorted(),
      );
      assertEquals(packets.length, 10);
    }
  },
);

testIn(
  every,
  "broker goes on with the session of a client that it disconnects for a new connection [MQTT-3.1.4-3] [MQTT-4.4.0-1] [MQTT311-3.1.4-2]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const client = await bench.connect(version, "client", kept);
    await client.subscribe({ filter: "a", qos: 2 });
    await publisher.publish({ topic: "a", qos: 2, payload: "1" });
    const { packetId } = await client.next("publish");
    const again = await bench.connect(version, "client", kept);
    const resent = await again.next("publish");
    assertEquals([resent.packetId, resent.dup], [packetId, true]);
    await assertDisconnected(client, 0x8e);
    await publisher.publish({ topic: "a", qos: 1, payload: "2" });
    again.acknowledge("pubrec", packetId);
    assertEquals(await again.payloads(), ["2"]);
  },
);

test("broker hands a session on between protocol versions [MQTT-3.1.3-2] [MQTT311-3.1.3-2]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const first = await bench.connect(4, "client", { clean: false });
  await first.subscribe({ filter: "a", qos: 2 });
  first.drop();
  const properties = { contentType: "text" };
  for (const version of [5, 3, 4, 5] as const) {
    await publisher.publish({ topic: "a", qos: 2, payload: "x", properties });
    const client = await bench.connect(version, "client", kept);
    const [message, ...rest] = await client.collect();
    assertEquals(message!.payload, "x");
    assertEquals(message!.properties, version === 5 ? properties : {});
    assertEquals(rest, []);
    client.drop();
  }
});

test("broker makes a session of Clean Start 1 that outlives its connection [MQTT-3.1.2-4] [MQTT-3.1.2-23]", async (bench) => {
  const client = await bench.connect(5, "client", { ...kept, clean: true });
  await client.subscribe({ filter: "a", qos: 1 });
  client.drop();
  const again = await bench.connect(5, "client", kept);
  assertEquals(again.connack!.sessionPresent, true);
});

test("broker forgets the session of a client that comes back without expiry when it goes [MQTT-4.1.0-2]", async (bench) => {
  await (await bench.connect(5, "client", kept)).disconnect();
  const second = await bench.connect(5, "client", { clean: false });
  assertEquals(second.connack!.sessionPresent, true);
  await second.disconnect();
  const third = await bench.connect(5, "client", { clean: false });
  assertEquals(third.connack!.sessionPresent, false);
});

testIn(
  every,
  "broker keeps retained messages when sessions end [MQTT311-3.1.2-7]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.publish({ topic: "a", payload: "kept", retain: true });
    await client.disconnect();
    const other = await bench.connect(version, "client");
    await other.subscribe("a");
    assertEquals(await other.payloads(), ["kept"]);
  },
);

testIn(
  every,
  "broker keeps the sessions of two brokers in one process apart",
  async (bench, version) => {
    await using other = await Bench.start();
    const here = await bench.connect(version, "client", kept);
    const there = await other.connect(version, "client", kept);
    await here.subscribe("a");
    for (const client of [here, there]) {
      client.send(publish(version, { topic: "a", payload: "x" }));
    }
    assertEquals(await here.payloads(), ["x"]);
    assertEquals(await there.payloads(), []);
  },
);

testIn(
  every,
  "broker keeps what it accepted in one piece with the end of the connection [MQTT-4.1.0-1] [MQTT311-4.1.0-1]",
  async (bench, version) => {
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe({ filter: "#", qos: 1 });
    const client = await bench.connect(version, "client", kept);
    client.send(
      subscribe(version, 1, [{ filter: "a", qos: 1 }]),
      publish(version, { topic: "b", payload: "last", qos: 1 }),
      "e0 00",
    );
    client.connection.end();
    await client.untilClosed();
    assertEquals(await watcher.payloads(), ["last"]);
    const again = await bench.connect(version, "client", kept);
    await watcher.publish({ topic: "a", payload: "x", qos: 1 });
    assertEquals(await again.payloads(), ["x"]);
  },
);
