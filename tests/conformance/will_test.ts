/** Wills (5.0 and 3.1.1: section 3.1.2.5). */

import { assertEquals } from "@std/assert";
import type { RawClient, Version, WillFields } from "../_raw_client.ts";
import { assertDisconnected, Bench, every, test, testIn } from "./_bench.ts";

/** Ways in which a connection ends without DISCONNECT. */
const abrupt: Record<string, (client: RawClient) => void> = {
  "the client closes the connection": (client) => client.drop(),
  "the network fails": (client) => client.connection.reset(),
  "the client breaks the protocol": (client) => {
    client.send("f3 00");
  },
  "a packet is cut off": (client) => {
    client.send("30 10 00");
    client.drop();
  },
};

/** A client with the will, and one that sees all there is. */
async function pair(
  bench: Bench,
  version: Version,
  will: WillFields = { topic: "will", payload: "gone" },
  sessionExpiryInterval = 0,
): Promise<[client: RawClient, watcher: RawClient]> {
  const watcher = await bench.connect(version, "watcher");
  await watcher.subscribe({ filter: "#", qos: 2 });
  const client = await bench.connect(version, "client", {
    will,
    properties: { sessionExpiryInterval },
  });
  return [client, watcher];
}

for (const [how, end] of Object.entries(abrupt)) {
  testIn(
    every,
    `broker publishes the will when ${how} [MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT-3.1.2-10] [MQTT311-3.1.2-8] [MQTT311-3.1.2-10]`,
    async (bench, version) => {
      const [client, watcher] = await pair(bench, version);
      end(client);
      const { topic, payload, retain } = await watcher.next("publish");
      assertEquals([topic, payload, retain], ["will", "gone", false]);
      // once
      bench.pass(1000);
      assertEquals(await watcher.drain(), []);
      const again = await bench.connect(version, "client");
      again.drop();
      await watcher.drain();
      assertEquals(await watcher.drain(), []);
      assertEquals(bench.broker.metrics.willsPublished, 1);
    },
  );
}

testIn(
  every,
  "broker publishes the will of a session that goes on once, whatever comes after [MQTT-3.1.2-10] [MQTT311-3.1.2-10]",
  async (bench, version) => {
    const kept = {
      clean: false,
      properties: { sessionExpiryInterval: 10_000 },
    };
    const will = { topic: "will", payload: "gone" };
    const client = await bench.connect(version, "client", { ...kept, will });
    const watcher = await bench.connect(version, "watcher", kept);
    await watcher.subscribe({ filter: "will", qos: 2 });
    client.drop();
    assertEquals((await watcher.next("publish")).payload, "gone");
    for (let i = 0; i < 3; i++) bench.pass(10);
    assertEquals(await watcher.drain(), []);
    await bench.restart();
    const watching = await bench.connect(version, "watcher", kept);
    bench.pass(10);
    const again = await bench.connect(version, "client", kept);
    again.drop();
    const last = await bench.connect(version, "client");
    last.drop();
    bench.pass(20_000);
    assertEquals(await watching.drain(), []);
    assertEquals(bench.broker.metrics.willsPublished, 0);
  },
);

testIn(
  every,
  "broker discards the will at DISCONNECT [MQTT-3.1.2-8] [MQTT-3.1.2-10] [MQTT-3.14.4-3] [MQTT311-3.1.2-10] [MQTT311-3.14.4-3]",
  async (bench, version) => {
    const [client, watcher] = await pair(bench, version);
    await client.disconnect();
    bench.pass(1000);
    assertEquals(await watcher.drain(), []);
    // also when the connection is cut in the same moment
    const other = await bench.connect(version, "client", {
      will: { topic: "will" },
    });
    other.send("e0 00").drop();
    bench.pass(1000);
    await watcher.drain();
    assertEquals(await watcher.drain(), []);
    assertEquals(bench.broker.metrics.willsPublished, 0);
  },
);

test("broker publishes the will at DISCONNECT with any code but 0 [MQTT-3.14.4-3] [MQTT-3.1.2-8] [MQTT-3.1.2-10]", async (bench) => {
  const codes = [
    0x04,
    0x80,
    0x81,
    0x82,
    0x83,
    0x90,
    0x93,
    0x94,
    0x95,
    0x96,
    0x97,
    0x98,
    0x99,
  ];
  const watcher = await bench.connect(5, "watcher");
  await watcher.subscribe("will");
  for (const code of codes) {
    const client = await bench.connect(5, "client", {
      will: { topic: "will" },
    });
    await client.disconnect(code);
    assertEquals((await watcher.next("publish")).topic, "will");
  }
  const client = await bench.connect(5, "client", { will: { topic: "will" } });
  await client.disconnect(0);
  assertEquals(await watcher.drain(), []);
});

testIn(
  every,
  "broker publishes the will when another connection takes the session over [MQTT-3.1.4-3] [MQTT-3.1.2-8] [MQTT311-3.1.4-2]",
  async (bench, version) => {
    const [client, watcher] = await pair(bench, version);
    await bench.connect(version, "client");
    await assertDisconnected(client, 0x8e);
    assertEquals((await watcher.next("publish")).topic, "will");
  },
);

testIn(
  every,
  "broker publishes no will that there is none of [MQTT311-3.1.2-12] [MQTT-3.1.2-11] [MQTT-3.1.2-13]",
  async (bench, version) => {
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("#");
    (await bench.connect(version, "client")).drop();
    bench.pass(100);
    await watcher.drain();
    assertEquals(await watcher.drain(), []);
  },
);

testIn(
  every,
  "broker publishes the will with its QoS and RETAIN [MQTT-3.1.2-12] [MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT311-3.1.2-9] [MQTT311-3.1.2-14] [MQTT311-3.1.2-16] [MQTT311-3.1.2-17]",
  async (bench, version) => {
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe({ filter: "will/#", qos: 2 });
    for (const qos of [0, 1, 2]) {
      for (const retain of [false, true]) {
        const topic = `will/${qos}/${retain}`;
        const client = await bench.connect(version, "client", {
          will: { topic, payload: "x", qos, retain },
        });
        client.drop();
        const live = await watcher.next("publish");
        assertEquals([live.topic, live.qos, live.retain], [topic, qos, false]);
        if (qos > 0) {
          watcher.acknowledge(qos === 1 ? "puback" : "pubrec", live.packetId);
        }
        await watcher.collect();
        const late = await bench.connect(version, "late");
        await late.subscribe({ filter: topic, qos: 2 });
        assertEquals(
          (await late.collect()).map((one) => [one.qos, one.retain]),
          retain ? [[qos, true]] : [],
        );
      }
    }
  },
);

testIn(
  every,
  "broker removes a retained message by an empty retained will [MQTT-3.3.1-6] [MQTT311-3.3.1-10]",
  async (bench, version) => {
    const [client, watcher] = await pair(bench, version, {
      topic: "status",
      retain: true,
    });
    await client.publish({ topic: "status", payload: "on", retain: true });
    client.drop();
    assertEquals((await watcher.next("publish")).payload, "on");
    assertEquals((await watcher.next("publish")).payload, "");
    const late = await bench.connect(version, "late");
    await late.subscribe("status");
    assertEquals(await late.payloads(), []);
  },
);

test("broker publishes the will with its properties, in their order [MQTT-3.1.3-10] [MQTT-3.1.2-9] [MQTT-3.3.2-4]", async (bench) => {
  const properties = {
    payloadFormatIndicator: 1,
    messageExpiryInterval: 77,
    contentType: "text/plain",
    responseTopic: "answers",
    correlationData: Uint8Array.of(9, 0, 9),
    userProperty: [["b", "1"], ["a", "2"], ["b", "1"]] as [string, string][],
  };
  const [client, watcher] = await pair(bench, 5, {
    topic: "will",
    payload: "x",
    properties: { willDelayInterval: 0, ...properties },
  });
  client.drop();
  assertEquals((await watcher.next("publish")).properties, properties);
});

testIn(
  every,
  "broker keeps the will whatever the client sends after it [MQTT-3.1.2-7] [MQTT311-3.1.2-8]",
  async (bench, version) => {
    const payload = new Uint8Array(50_000).fill(7);
    const correlationData = new Uint8Array(5000).fill(8);
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("will");
    const client = await bench.connect(version, "client", {
      will: { topic: "will", payload, properties: { correlationData } },
    });
    for (let round = 0; round < 10; round++) {
      await client.publish({ topic: "other", payload: "x".repeat(60_000) });
    }
    client.drop();
    const message = await watcher.next("publish");
    assertEquals(message.content.toHex(), payload.toHex());
    assertEquals(
      message.properties,
      version === 5 ? { correlationData } : {},
    );
  },
);

test("broker waits for the will delay [MQTT-3.1.2-8] [MQTT-3.1.3-9]", async (bench) => {
  const properties = { willDelayInterval: 60, messageExpiryInterval: 10 };
  const [client, watcher] = await pair(
    bench,
    5,
    { topic: "will", payload: "gone", properties },
    1000,
  );
  client.drop();
  await watcher.drain();
  bench.pass(59);
  assertEquals(await watcher.drain(), []);
  bench.pass(2);
  const message = await watcher.next("publish");
  assertEquals(message.payload, "gone");
  // its expiry counts from its publication, and the delay is not the receivers'
  assertEquals(message.properties, { messageExpiryInterval: 10 });
  bench.pass(2000);
  assertEquals(await watcher.drain(), []);
});

test("broker publishes a delayed will when the session ends first [MQTT-3.1.2-8]", async (bench) => {
  for (const [expiry, delay] of [[10, 60], [0, 60]] as const) {
    const [client, watcher] = await pair(
      bench,
      5,
      { topic: "will", properties: { willDelayInterval: delay } },
      expiry,
    );
    client.drop();
    if (expiry > 0) {
      assertEquals(await watcher.drain(), []);
      bench.pass(expiry - 1);
      assertEquals(await watcher.drain(), []);
      bench.pass(2);
    }
    assertEquals((await watcher.next("publish")).topic, "will");
    bench.pass(100);
    assertEquals(await watcher.drain(), []);
  }
});

test("broker does not publish a delayed will when the client comes back in time [MQTT-3.1.3-9] [MQTT-3.1.2-8]", async (bench) => {
  const will = { topic: "will", properties: { willDelayInterval: 60 } };
  const [client, watcher] = await pair(bench, 5, will, 1000);
  client.drop();
  await watcher.drain();
  bench.pass(50);
  const again = await bench.connect(5, "client", {
    clean: false,
    properties: { sessionExpiryInterval: 1000 },
  });
  bench.pass(1000);
  assertEquals(await watcher.drain(), []);
  // the new connection has no will
  again.drop();
  await watcher.drain();
  bench.pass(2000);
  assertEquals(await watcher.drain(), []);
});

test("broker publishes a delayed will when a Clean Start ends the session [MQTT-3.1.2-8] [MQTT-3.1.2-4]", async (bench) => {
  const will = { topic: "will", properties: { willDelayInterval: 60 } };
  const [client, watcher] = await pair(bench, 5, will, 1000);
  client.drop();
  await watcher.drain();
  await bench.connect(5, "client");
  assertEquals((await watcher.next("publish")).topic, "will");
});

test("broker publishes a delayed will at a takeover only if the session ends by it [MQTT-3.1.3-9] [MQTT-3.1.2-8]", async (bench) => {
  for (const clean of [false, true]) {
    const will = { topic: "will", properties: { willDelayInterval: 60 } };
    const [client, watcher] = await pair(bench, 5, will, 1000);
    const again = await bench.connect(5, "client", { clean });
    await assertDisconnected(client, 0x8e);
    const messages = await watcher.drain();
    assertEquals(messages.length, clean ? 1 : 0);
    await again.disconnect();
    bench.pass(100);
    assertEquals(await watcher.drain(), []);
  }
});

test("broker publishes a delayed will though DISCONNECT comes with it asked for [MQTT-3.14.4-3]", async (bench) => {
  const will = { topic: "will", properties: { willDelayInterval: 60 } };
  const [client, watcher] = await pair(bench, 5, will, 1000);
  await client.disconnect(0x04);
  assertEquals(await watcher.drain(), []);
  bench.pass(61);
  assertEquals((await watcher.next("publish")).topic, "will");
});

test("broker publishes a delayed will when DISCONNECT ends the session [MQTT-3.1.2-8]", async (bench) => {
  const will = { topic: "will", properties: { willDelayInterval: 60 } };
  const [client, watcher] = await pair(bench, 5, will, 1000);
  await client.disconnect(0x04, { sessionExpiryInterval: 0 });
  assertEquals((await watcher.next("publish")).topic, "will");
});

testIn(
  every,
  "broker asks policy about the will before it publishes it",
  async (_, version) => {
    await using bench = await Bench.start({
      plugins: [{
        name: "acl",
        authorize: (_client, { action, topic }) =>
          action === "subscribe" || topic !== "secret",
      }],
    });
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("#");
    for (const topic of ["secret", "open"]) {
      const client = bench.open(version);
      const { code } = await client.connect({
        clientId: "client",
        will: { topic, payload: "x" },
      });
      if (code === 0) client.drop();
    }
    assertEquals((await watcher.next("publish")).topic, "open");
    assertEquals(await watcher.drain(), []);
  },
);

testIn(
  every,
  "broker delivers the will to a client that is away [MQTT-4.5.0-1] [MQTT311-4.5.0-1]",
  async (bench, version) => {
    const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };
    const away = await bench.connect(version, "away", kept);
    await away.subscribe({ filter: "will", qos: 1 });
    await away.disconnect();
    const [client, watcher] = await pair(bench, version, {
      topic: "will",
      payload: "gone",
      qos: 1,
    });
    client.drop();
    await watcher.next("publish");
    const again = await bench.connect(version, "away", kept);
    assertEquals(await again.payloads(), ["gone"]);
  },
);

testIn(
  every,
  "broker does not publish wills when it shuts down",
  async (bench, version) => {
    const [client, watcher] = await pair(bench, version);
    const { metrics } = bench.broker;
    await bench.broker.shutdown();
    for (const one of [client, watcher]) {
      const packets = await one.untilClosed();
      assertEquals(
        packets.map((packet) => packet.type === "disconnect" && packet.code),
        version === 5 ? [0x8b] : [],
      );
    }
    assertEquals(metrics.willsPublished, 0);
  },
);

testIn(
  every,
  "broker publishes the will of a session that it kept when it starts again, unless the client comes back [MQTT-3.1.2-8] [MQTT-3.1.3-9]",
  async (bench, version) => {
    const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };
    const watcher = await bench.connect(version, "watcher", kept);
    await watcher.subscribe({ filter: "will/+", qos: 1 });
    for (const name of ["stays away", "comes back"]) {
      await bench.connect(version, name, {
        ...kept,
        will: { topic: `will/${name}`, qos: 1 },
      });
    }
    const { metrics } = bench.broker;
    await bench.restart();
    assertEquals(metrics.willsPublished, 0);
    const back = await bench.connect(version, "comes back", kept);
    bench.pass(1);
    const again = await bench.connect(version, "watcher", kept);
    assertEquals((await again.collect()).map(({ topic }) => topic), [
      "will/stays away",
    ]);
    assertEquals(await back.drain(), []);
  },
);
