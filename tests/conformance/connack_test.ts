/** CONNACK (5.0 and 3.1.1: section 3.2). */

import {
  assertEquals,
  assertFalse,
  assertGreater,
  assertLessOrEqual,
} from "@std/assert";
import type { Plugin } from "../../broker/mod.ts";
import { connect, type Properties, text } from "../_raw_client.ts";
import { assertRefused, Bench, every, old, test, testIn } from "./_bench.ts";

const long: Properties = { sessionExpiryInterval: 1000 };

testIn(
  every,
  "broker accepts a valid CONNECT with CONNACK 0, once [MQTT-3.2.2-1] [MQTT-3.1.4-5] [MQTT-3.2.0-2] [MQTT311-3.1.4-4] [MQTT311-3.2.0-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    assertEquals(client.connack!.sessionPresent, false);
    if (version !== 5) {
      assertEquals(client.connack!.bytes.toHex(), "20020000");
    }
    assertEquals(await client.drain(), []);
  },
);

testIn(
  [4, 5],
  "broker says whether it had the session [MQTT-3.2.2-2] [MQTT-3.2.2-3] [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.1.4-4] [MQTT311-3.2.2-1] [MQTT311-3.2.2-2] [MQTT311-3.2.2-3] [MQTT311-3.1.4-3]",
  async (bench, version) => {
    const present: boolean[] = [];
    for (const clean of [false, false, true, false, true, true]) {
      const client = await bench.connect(version, "client", {
        clean,
        properties: clean && version === 5 ? {} : long,
      });
      present.push(client.connack!.sessionPresent);
      await client.disconnect();
    }
    assertEquals(present, [false, true, false, false, false, false]);
  },
);

testIn(
  [3],
  "broker keeps sessions in 3.1 without a word about them",
  async (bench, version) => {
    const first = await bench.connect(version, "client", { clean: false });
    await first.subscribe({ filter: "a", qos: 1 });
    await first.disconnect();
    const other = await bench.connect(version, "other");
    await other.publish({ topic: "a", payload: "kept", qos: 1 });
    const again = await bench.connect(version, "client", { clean: false });
    assertEquals(again.connack!.bytes.toHex(), "20020000");
    assertEquals(await again.payloads(), ["kept"]);
  },
);

test("broker sends CONNACK before what waited in the session [MQTT-3.2.0-1] [MQTT311-3.2.0-1]", async (bench) => {
  for (const version of every) {
    const fields = { clean: false, properties: long };
    const client = await bench.connect(version, "client", fields);
    await client.subscribe({ filter: "#", qos: 2 });
    client.drop();
    const other = await bench.connect(version, "other");
    for (const qos of [1, 2]) await other.publish({ topic: "a", qos });
    // `connect` takes no other packet than CONNACK as the first
    const again = await bench.connect(version, "client", fields);
    assertEquals((await again.collect()).length, 2);
    await again.unsubscribe("#");
    again.drop();
  }
});

/** Refusals: whose fault, the code in 5.0, the code before. */
testIn(
  every,
  "broker refuses bad credentials, with no session present, and closes [MQTT-3.2.2-8] [MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-3.1.4-2] [MQTT-4.13.2-1] [MQTT311-3.2.2-4] [MQTT311-3.2.2-5]",
  async (_, version) => {
    let allowed = true;
    await using bench = await Bench.start({
      plugins: [{ name: "doorman", authenticate: () => allowed }],
    });
    const fields = { clientId: "client", clean: false, properties: long };
    await (await bench.connect(version, "client", fields)).disconnect();
    allowed = false;
    const client = bench.open(version);
    client.send(connect(version, { ...fields, username: "u", password: "p" }));
    await assertRefused(client, version === 5 ? 0x86 : 4);
    assertEquals(bench.broker.metrics.authenticationFailures, 1);
    allowed = true;
    const again = await bench.connect(version, "client", fields);
    assertEquals(again.connack!.sessionPresent, version !== 3);
  },
);

testIn(
  every,
  "broker refuses those whom nobody approves where anonymous access is off [MQTT-3.1.4-2] [MQTT-3.2.2-7] [MQTT311-3.2.2-5]",
  async (_, version) => {
    const abstainers: Plugin[] = [
      { name: "none", on: {} },
      { name: "now", authenticate: () => undefined },
      { name: "later", authenticate: () => Promise.resolve(undefined) },
    ];
    for (const plugin of abstainers) {
      await using bench = await Bench.start({
        auth: { allowAnonymous: false },
        plugins: [plugin],
      });
      const client = bench.open(version);
      client.send(connect(version, { clientId: "client" }));
      await assertRefused(client, version === 5 ? 0x87 : 5);
    }
  },
);

testIn(
  every,
  "broker refuses when a plugin fails [MQTT-3.1.4-2] [MQTT311-3.2.2-5]",
  async (_, version) => {
    for (
      const authenticate of [
        () => {
          throw new Error("broken");
        },
        () => Promise.reject(new Error("broken")),
      ]
    ) {
      await using bench = await Bench.start({
        plugins: [{ name: "broken", authenticate }],
      });
      const client = bench.open(version);
      client.send(connect(version, { clientId: "client" }));
      const [packet] = await client.untilClosed();
      if (packet?.type !== "connack") throw new Error("no CONNACK");
      assertGreater(packet.code, 0);
      assertEquals(bench.broker.metrics.pluginFailures, 1);
    }
  },
);

test("broker announces its limits and no lack of a feature [MQTT-3.2.2-9] [MQTT-3.2.2-10]", async () => {
  await using bench = await Bench.start({
    limits: {
      maximumPacketSize: 5000,
      receiveMaximum: 7,
      topicAliasMaximum: 3,
    },
  });
  const { properties } = (await bench.connect(5, "client")).connack!;
  assertEquals(properties.maximumPacketSize, 5000);
  assertEquals(properties.receiveMaximum, 7);
  assertEquals(properties.topicAliasMaximum, 3);
  assertEquals(properties.maximumQos, undefined);
  for (
    const name of [
      "retainAvailable",
      "wildcardSubscriptionAvailable",
      "subscriptionIdentifierAvailable",
      "sharedSubscriptionAvailable",
    ] as const
  ) assertEquals(properties[name] ?? 1, 1, name);
});

test("broker says which session expiry holds if it is not the one asked for [MQTT-3.1.2-23]", async () => {
  await using bench = await Bench.start({
    limits: { sessionExpiryInterval: 100 },
  });
  for (
    const [asked, said] of [
      [0, undefined],
      [50, undefined],
      [100, undefined],
      [101, 100],
      [0xffff_ffff, 100],
    ]
  ) {
    const client = await bench.connect(5, "client", {
      properties: { sessionExpiryInterval: asked! },
    });
    const { properties } = client.connack!;
    assertEquals(
      properties.sessionExpiryInterval ?? asked,
      said ?? asked,
      `asked for ${asked}`,
    );
  }
});

test("broker sends no CONNACK larger than the client takes [MQTT-3.1.2-24] [MQTT-3.2.2-19] [MQTT-3.2.2-20]", async (bench) => {
  for (
    let maximumPacketSize = 1;
    maximumPacketSize <= 80;
    maximumPacketSize++
  ) {
    const client = bench.open();
    client.send(connect(5, { properties: { maximumPacketSize } }));
    const packet = await client.nextOrEnd();
    assertLessOrEqual(packet?.bytes.length ?? 0, maximumPacketSize);
    if (packet === undefined) continue;
    if (packet.type !== "connack") throw new Error(`A ${packet.type}`);
    if (packet.code === 0) assertEquals(await client.drain(), []);
  }
});

test("broker keeps nothing of a client that cannot take CONNACK [MQTT-3.1.2-24] [MQTT-3.1.4-2]", async (bench) => {
  const watcher = await bench.connect(5, "watcher");
  await watcher.subscribe("#");
  for (const sessionExpiryInterval of [0, 100]) {
    const client = bench.open();
    client.send(connect(5, {
      clientId: "client",
      will: { topic: "will" },
      properties: { maximumPacketSize: 4, sessionExpiryInterval },
    }));
    assertEquals(await client.untilClosed(), []);
    assertEquals(await watcher.drain(), []);
  }
  assertEquals(bench.broker.metrics.clientsConnected, 1);
  bench.pass(1000);
  assertEquals(await watcher.drain(), []);
  const again = await bench.connect(5, "client", { clean: false });
  assertEquals(again.connack!.sessionPresent, false);
});

test("broker sends no refusal larger than the client takes [MQTT-3.1.2-24] [MQTT-3.2.2-19]", async () => {
  await using bench = await Bench.start({ auth: { allowAnonymous: false } });
  for (
    let maximumPacketSize = 1;
    maximumPacketSize <= 80;
    maximumPacketSize++
  ) {
    const client = bench.open();
    client.send(connect(5, { properties: { maximumPacketSize } }));
    for (const packet of await client.untilClosed()) {
      assertLessOrEqual(packet.bytes.length, maximumPacketSize);
    }
  }
});

test("broker leaves the keep alive to the client [MQTT-3.2.2-22]", async (bench) => {
  const client = await bench.connect(5, "client", { keepAlive: 10 });
  assertEquals(client.connack!.properties.serverKeepAlive, undefined);
  bench.pass(14);
  assertEquals(await client.drain(), []);
  bench.pass(16);
  assertEquals((await client.disconnected())?.code, 0x8d);
});

testIn(
  every,
  "broker ends a connection that was silent for 1.5 times the keep alive [MQTT-3.1.2-22] [MQTT311-3.1.2-24]",
  async (bench, version) => {
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("will");
    const client = await bench.connect(version, "client", {
      keepAlive: 10,
      will: { topic: "will", payload: "gone" },
    });
    const never = await bench.connect(version, "never", { keepAlive: 0 });
    bench.pass(14.9);
    assertEquals(await client.drain(), []);
    bench.pass(14.9);
    assertFalse(client.connection.closedByBroker);
    bench.pass(0.2);
    assertEquals(
      (await client.disconnected())?.code,
      version === 5 ? 0x8d : undefined,
    );
    assertEquals((await watcher.next("publish")).payload, "gone");
    assertEquals(bench.broker.metrics.keepAliveTimeouts, 1);
    bench.pass(1_000_000);
    assertEquals(await never.drain(), []);
  },
);

testIn(
  every,
  "broker counts any packet of a client as a sign of life, but not what it sends [MQTT-3.1.2-22] [MQTT311-3.1.2-24]",
  async (bench, version) => {
    const other = await bench.connect(version, "other");
    const client = await bench.connect(version, "client", { keepAlive: 10 });
    await client.subscribe("a");
    for (let round = 0; round < 3; round++) {
      bench.pass(14);
      await client.publish({ topic: "b", payload: text("x"), qos: 1 });
    }
    for (let round = 0; round < 3; round++) {
      bench.pass(5.1);
      await other.publish({ topic: "a", payload: "for the client" });
    }
    const packets = await client.untilClosed();
    assertEquals(
      packets.filter(({ type }) => type === "publish").length,
      2,
    );
  },
);

testIn(
  old,
  "broker adds timeoutDisconnectDelay to the keep alive instead where it is configured",
  async (bench, version) => {
    const client = await bench.connect(version, "client", { keepAlive: 10 });
    bench.pass(11.9);
    assertEquals(await client.drain(), []);
    bench.pass(12.1);
    assertEquals(await client.untilClosed(), []);
  },
  () => ({ timeoutDisconnectDelay: 2 }),
);
