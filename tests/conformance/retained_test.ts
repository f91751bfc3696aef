/** Retained messages (5.0: 3.3.1.3, 3.8.3.1; 3.1.1: 3.3.1.3). */

import { assertEquals } from "@std/assert";
import type { FilterFields, Publish } from "../_raw_client.ts";
import { Bench, every, test, testIn } from "./_bench.ts";

const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };

function shown({ topic, payload, qos, retain }: Publish): unknown[] {
  return [topic, payload, qos, retain];
}

testIn(
  every,
  "broker gives a new subscription the last retained message of each topic, with RETAIN 1 [MQTT-3.3.1-5] [MQTT-3.3.1-9] [MQTT311-3.3.1-5] [MQTT311-3.3.1-6] [MQTT311-3.3.1-7] [MQTT311-3.3.1-8]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    for (const qos of [1, 0, 2]) {
      for (const topic of ["a/0", "a/1", "a/2", "b"]) {
        const payload = `${topic} with ${qos}`;
        await publisher.publish({ topic, payload, qos, retain: true });
        if (topic === `a/${qos}`) break;
      }
    }
    for (const granted of [0, 1, 2]) {
      const client = await bench.connect(version, "client");
      await client.subscribe({ filter: "a/+", qos: granted });
      assertEquals((await client.collect()).map(shown).toSorted(), [
        ["a/0", "a/0 with 2", Math.min(2, granted), true],
        ["a/1", "a/1 with 2", Math.min(2, granted), true],
        ["a/2", "a/2 with 2", Math.min(2, granted), true],
      ]);
      await client.subscribe("b", "c");
      assertEquals(await client.payloads(), []);
    }
    // a retained QoS 0 message replaces one of QoS 2
    await publisher.publish({ topic: "a/1", payload: "0", retain: true });
    const late = await bench.connect(version, "late");
    await late.subscribe({ filter: "a/1", qos: 2 });
    assertEquals((await late.collect()).map(shown), [["a/1", "0", 0, true]]);
  },
);

testIn(
  every,
  "broker forwards a retained message with RETAIN 0 to established subscriptions [MQTT-3.3.1-12] [MQTT311-3.3.1-9]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a", qos: 2 });
    for (const qos of [0, 1, 2]) {
      for (const retain of [true, false]) {
        await publisher.publish({ topic: "a", payload: "x", qos, retain });
        assertEquals((await client.collect()).map(shown), [
          ["a", "x", qos, false],
        ]);
      }
    }
  },
);

test("broker forwards RETAIN as it came where Retain As Published is 1 [MQTT-3.3.1-13] [MQTT-3.3.1-12]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const client = await bench.connect(5, "client");
  const other = await bench.connect(5, "other");
  await client.subscribe({ filter: "a", qos: 2, retainAsPublished: true });
  await other.subscribe({ filter: "a", qos: 2 });
  for (const qos of [0, 1, 2]) {
    for (const retain of [true, false]) {
      await publisher.publish({ topic: "a", payload: "x", qos, retain });
      assertEquals((await client.collect()).map(shown), [
        ["a", "x", qos, retain],
      ]);
      assertEquals((await other.collect()).map(shown), [
        ["a", "x", qos, false],
      ]);
    }
  }
  // also out of the queue of a client that was away
  const first = await bench.connect(5, "away", kept);
  await first.subscribe({ filter: "a", qos: 2, retainAsPublished: true });
  await first.collect();
  await first.disconnect();
  await publisher.publish({ topic: "a", payload: "y", qos: 1, retain: true });
  const again = await bench.connect(5, "away", kept);
  assertEquals((await again.collect()).map(shown), [["a", "y", 1, true]]);
});

test("broker sends retained messages as Retain Handling says [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.8.4-4]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  await publisher.publish({ topic: "a", payload: "x", retain: true });
  for (const handling of [0, 1, 2]) {
    const client = await bench.connect(5, "client");
    const filter: FilterFields = { filter: "a", retainHandling: handling };
    const counts: number[] = [];
    for (let round = 0; round < 3; round++) {
      await client.subscribe(filter);
      counts.push((await client.collect()).length);
    }
    await client.unsubscribe("a");
    await client.subscribe(filter);
    counts.push((await client.collect()).length);
    assertEquals(
      counts,
      [[1, 1, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0]][handling],
    );
  }
});

test("broker counts a subscription of the session as one that exists for Retain Handling 1 [MQTT-3.3.1-10]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  await publisher.publish({ topic: "a", payload: "x", retain: true });
  const filter: FilterFields = { filter: "a", retainHandling: 1 };
  const first = await bench.connect(5, "client", kept);
  await first.subscribe(filter);
  assertEquals(await first.payloads(), ["x"]);
  await first.disconnect();
  const again = await bench.connect(5, "client", kept);
  await again.subscribe(filter);
  assertEquals(await again.payloads(), []);
  const fresh = await bench.connect(5, "client", { ...kept, clean: true });
  await fresh.subscribe(filter);
  assertEquals(await fresh.payloads(), ["x"]);
});

testIn(
  every,
  "broker sends retained messages again when the subscription is repeated [MQTT-3.8.4-4] [MQTT311-3.8.4-3]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.publish({ topic: "a", payload: "x", retain: true });
    for (let round = 0; round < 3; round++) {
      await client.subscribe({ filter: "a", qos: round });
      assertEquals((await client.collect()).map(shown), [["a", "x", 0, true]]);
    }
  },
);

testIn(
  every,
  "broker sends retained messages for each filter of a SUBSCRIBE [MQTT-3.8.4-5] [MQTT311-3.8.4-4]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.publish({ topic: "a/b", payload: "x", qos: 1, retain: true });
    await client.subscribe({ filter: "a/b", qos: 1 }, "a/#");
    const messages = await client.collect();
    assertEquals(new Set(messages.map(({ qos }) => qos)).has(1), true);
    for (const message of messages) assertEquals(message.retain, true);
  },
);

testIn(
  every,
  "broker sends no retained message that was replaced or removed while it waited [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT311-3.3.1-6]",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { inflight: 1 } });
    const publisher = await bench.connect(version, "publisher");
    const retain = (topic: string, payload: string) =>
      publisher.publish({ topic, payload, qos: 1, retain: true });
    for (const topic of ["a", "b", "c", "d"]) await retain(topic, "old");
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "#", qos: 1 });
    const first = await client.next("publish");
    assertEquals(shown(first), ["a", "old", 1, true]);
    await retain("b", "new");
    await retain("c", "");
    client.acknowledge("puback", first.packetId);
    assertEquals((await client.collect()).map(shown), [
      ["d", "old", 1, true],
      ["b", "new", 1, false],
      ["c", "", 1, false],
    ]);
  },
);

test("broker sends retained messages with the subscription identifier [MQTT-3.3.4-3]", async (bench) => {
  const client = await bench.connect(5, "client");
  await client.publish({ topic: "a", payload: "x", retain: true });
  await client.subscribe("#");
  await client.collect();
  await client.subscribeWith({ subscriptionIdentifier: [7] }, "a");
  const [message] = await client.collect();
  assertEquals(message!.properties, { subscriptionIdentifier: [7] });
});

testIn(
  every,
  "broker delivers an empty retained message and removes what was retained [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT311-3.3.1-10] [MQTT311-3.3.1-11]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a/+", qos: 2 });
    for (const qos of [0, 1, 2]) {
      const retain = true;
      await publisher.publish({ topic: "a/b", payload: "x", retain });
      await publisher.publish({ topic: "a/c", payload: "y", retain });
      await publisher.publish({ topic: "a/b", payload: "", qos, retain });
      assertEquals((await client.collect()).map(shown), [
        ["a/b", "x", 0, false],
        ["a/c", "y", 0, false],
        ["a/b", "", qos, false],
      ]);
      const late = await bench.connect(version, "late");
      await late.subscribe("a/#");
      assertEquals((await late.collect()).map(shown), [["a/c", "y", 0, true]]);
    }
    // of a topic where nothing is retained
    await publisher.publish({ topic: "a/d", payload: "", retain: true });
    assertEquals((await client.collect()).map(shown), [["a/d", "", 0, false]]);
    const late = await bench.connect(version, "late");
    await late.subscribe("a/d");
    assertEquals(await late.payloads(), []);
  },
);

testIn(
  every,
  "broker neither stores nor removes anything at RETAIN 0 [MQTT-3.3.1-8] [MQTT311-3.3.1-12]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    await publisher.publish({ topic: "a", payload: "x", retain: true });
    for (const payload of ["y", ""]) {
      for (const topic of ["a", "b"]) {
        await publisher.publish({ topic, payload });
      }
    }
    const late = await bench.connect(version, "late");
    await late.subscribe("#");
    assertEquals((await late.collect()).map(shown), [["a", "x", 0, true]]);
  },
);

testIn(
  every,
  "broker retains a message that nobody subscribed to, and its properties [MQTT-3.3.1-5] [MQTT311-3.3.1-5]",
  async (bench, version) => {
    const properties = {
      contentType: "text",
      correlationData: Uint8Array.of(1, 2),
      userProperty: [["b", "1"], ["a", "2"]] as [string, string][],
    };
    const publisher = await bench.connect(version, "publisher");
    publisher.connection.send(new Uint8Array());
    await publisher.publish({
      topic: "a",
      payload: "x",
      qos: 2,
      retain: true,
      properties,
    });
    // the bytes of the packet are overwritten by what follows
    await publisher.publish({ topic: "b", payload: "z".repeat(60_000) });
    const late = await bench.connect(version, "late");
    await late.subscribe({ filter: "a", qos: 1 });
    const [message] = await late.collect();
    assertEquals(shown(message!), ["a", "x", 1, true]);
    assertEquals(message!.properties, version === 5 ? properties : {});
  },
);

testIn(
  every,
  "broker gives a client what it is allowed to receive of the retained messages only",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    for (const topic of ["open/a", "secret/a", "open/b"]) {
      await publisher.publish({ topic, payload: topic, retain: true });
    }
    const client = await bench.connect(version, "client");
    await client.subscribe("#");
    assertEquals((await client.payloads()).toSorted(), ["open/a", "open/b"]);
    await publisher.publish({ topic: "secret/a", payload: "live" });
    assertEquals(await client.payloads(), []);
    assertEquals(bench.broker.metrics.deliveriesDenied, 2);
  },
  () => ({
    plugins: [{
      name: "secrets",
      authorizeDelivery: (_, { topic }) => !topic.startsWith("secret/"),
    }],
  }),
);
