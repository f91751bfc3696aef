/** DISCONNECT (5.0 and 3.1.1: section 3.14). */

import { assertEquals, assertFalse } from "@std/assert";
import { connect, publish } from "../_raw_client.ts";
import { Bench, every, test, testIn } from "./_bench.ts";

testIn(
  every,
  "broker closes the connection at DISCONNECT and handles nothing behind it [MQTT-3.14.4-1] [MQTT-3.14.4-2]",
  async (bench, version) => {
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("#");
    const client = await bench.connect(version, "client");
    client.send(
      publish(version, { topic: "a", payload: "before" }),
      "e0 00",
      publish(version, { topic: "a", payload: "behind" }),
      "c0 00",
    );
    client.send(publish(version, { topic: "a", payload: "later" }));
    assertEquals(await client.untilClosed(), []);
    assertEquals(await watcher.payloads(), ["before"]);
    assertEquals(bench.broker.metrics.clientsConnected, 1);
    assertEquals(bench.broker.metrics.protocolErrors, 0);
  },
);

test("broker takes DISCONNECT in all its forms [MQTT-3.14.2-1]", async (bench) => {
  const forms = [
    "e0 00",
    "e0 01 00",
    "e0 02 00 00",
    "e0 01 04",
    "e0 07 00 05 11 00000000",
    "e0 0b 80 09 1f 0001 'r' 26 0000 0000",
  ];
  for (const form of forms) {
    const client = await bench.connect(5, "client");
    client.send(form);
    assertEquals(await client.untilClosed(), [], form);
  }
  assertEquals(bench.broker.metrics.protocolErrors, 0);
});

testIn(
  every,
  "broker says that it shuts down, to 5.0, and closes all connections [MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-4.13.2-1]",
  async (_, version) => {
    await using bench = await Bench.start();
    const clients = [];
    for (let count = 0; count < 5; count++) {
      const client = await bench.connect(version, `client ${count}`);
      await client.subscribe({ filter: "a", qos: 1 });
      clients.push(client);
    }
    const silent = bench.open(version);
    // what was handled before is still written
    clients[0]!.send(publish(version, { topic: "a", payload: "last" }));
    await clients[0]!.next("publish");
    await bench.broker.shutdown();
    assertEquals(await silent.untilClosed(), []);
    for (const [at, client] of clients.entries()) {
      const packets = (await client.untilClosed()).map((one) =>
        one.type === "disconnect" ? one.code : one.type
      );
      assertEquals(packets, [
        ...(at === 0 ? [] : ["publish"]),
        ...(version === 5 ? [0x8b] : []),
      ]);
    }
    assertEquals(bench.broker.metrics.connectionsOpen, 0);
  },
);

testIn(
  every,
  "broker sends no DISCONNECT to who is not connected yet [MQTT-3.14.0-1]",
  async (_, version) => {
    const gate = Promise.withResolvers<boolean>();
    await using bench = await Bench.start({
      plugins: [{ name: "slow", authenticate: () => gate.promise }],
    });
    const client = bench.open(version);
    client.send(connect(version, { clientId: "client" }));
    const end = client.untilClosed();
    const stopped = bench.broker.shutdown();
    gate.resolve(true);
    await stopped;
    for (const { type } of await end) assertEquals(type, "connack");
  },
);

testIn(
  every,
  "broker sees a client go that only stops to send",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    client.connection.end();
    assertEquals(await client.untilClosed(), []);
    assertEquals(bench.broker.metrics.clientsConnected, 0);
    assertFalse(bench.broker.metrics.connectionsOpen > 0);
  },
);
