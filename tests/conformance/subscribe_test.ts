/** SUBSCRIBE and SUBACK (5.0 and 3.1.1: sections 3.8, 3.9). */

import { assertEquals } from "@std/assert";
import { publish, subscribe } from "../_raw_client.ts";
import { assertDisconnected, Bench, every, test, testIn } from "./_bench.ts";

testIn(
  every,
  "broker answers SUBSCRIBE with SUBACK of its identifier [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.2.1-6] [MQTT311-3.8.4-1] [MQTT311-3.8.4-2] [MQTT311-2.3.1-7]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    for (const packetId of [1, 0x00ff, 0xff00, 0xffff, 1]) {
      client.send(subscribe(version, packetId, ["a"]));
      const suback = await client.next("suback");
      assertEquals([suback.packetId, suback.codes], [packetId, [0]]);
    }
    assertEquals(await client.drain(), []);
  },
);

testIn(
  every,
  "broker grants each filter its QoS, in their order [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT311-3.8.4-4] [MQTT311-3.8.4-5] [MQTT311-3.9.3-1] [MQTT311-3.9.3-2]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    const asked = [2, 0, 1, 1, 0, 2, 2, 0];
    assertEquals(
      await client.subscribe(
        ...asked.map((qos, at) => ({ filter: `a/${at}`, qos })),
      ),
      asked,
    );
    const publisher = await bench.connect(version, "publisher");
    for (const [at, granted] of asked.entries()) {
      for (const qos of [0, 1, 2]) {
        await publisher.publish({ topic: `a/${at}`, qos });
        // [MQTT-3.8.4-8] [MQTT311-3.8.4-6]
        assertEquals(
          (await client.collect()).map((message) => message.qos),
          [Math.min(qos, granted)],
        );
      }
    }
  },
);

testIn(
  every,
  "broker delivers with the lower of the published and the granted QoS [MQTT-3.8.4-8] [MQTT-4.5.0-1] [MQTT311-3.8.4-6] [MQTT311-4.5.0-1]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const clients = [];
    for (const qos of [0, 1, 2]) {
      const client = await bench.connect(version, `client ${qos}`);
      assertEquals(await client.subscribe({ filter: "a/+", qos }), [qos]);
      clients.push(client);
    }
    for (const qos of [0, 1, 2]) {
      await publisher.publish({ topic: "a/b", qos, payload: `${qos}` });
      for (const [granted, client] of clients.entries()) {
        assertEquals(
          (await client.collect()).map((one) => [one.payload, one.qos]),
          [[`${qos}`, Math.min(qos, granted)]],
        );
      }
    }
  },
);

testIn(
  every,
  "broker takes many filters in one SUBSCRIBE [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT311-3.8.4-4]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    const filters = Array.from({ length: 2000 }, (_, at) => `many/${at}`);
    assertEquals(await client.subscribe(...filters), filters.map(() => 0));
    for (const topic of ["many/0", "many/1999", "many/2000", "many/777"]) {
      client.send(publish(version, { topic }));
    }
    assertEquals(
      (await client.collect()).map(({ topic }) => topic),
      ["many/0", "many/1999", "many/777"],
    );
  },
);

testIn(
  every,
  "broker takes the same filter twice in one SUBSCRIBE as two SUBSCRIBEs [MQTT-3.8.4-5] [MQTT311-3.8.4-4]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    assertEquals(
      await client.subscribe({ filter: "a", qos: 2 }, { filter: "a", qos: 1 }),
      [2, 1],
    );
    const publisher = await bench.connect(version, "publisher");
    await publisher.publish({ topic: "a", qos: 2 });
    assertEquals((await client.collect()).map(({ qos }) => qos), [1]);
  },
);

testIn(
  every,
  "broker refuses the filters that policy denies, and only those [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT311-3.8.4-5] [MQTT311-3.9.3-1] [MQTT311-3.9.3-2]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    const publisher = await bench.connect(version, "publisher");
    const codes = await client.subscribe("a", "denied", {
      filter: "b",
      qos: 1,
    });
    assertEquals(codes[0], 0);
    assertEquals(codes[2], 1);
    // 3.1 has no code for it: whatever it says, nothing is delivered
    if (version !== 3) assertEquals(codes[1], version === 5 ? 0x87 : 0x80);
    for (const topic of ["denied", "a", "b"]) {
      await publisher.publish({ topic, qos: 1 });
    }
    assertEquals((await client.collect()).map(({ topic }) => topic), [
      "a",
      "b",
    ]);
    assertEquals(bench.broker.metrics.subscriptionsRefused, 1);
  },
  () => ({
    plugins: [{
      name: "acl",
      authorize: (_, { action, topic }) =>
        action === "publish" || topic !== "denied",
    }],
  }),
);

testIn(
  every,
  "broker replaces a subscription to the same filter [MQTT-3.8.4-3] [MQTT311-3.8.4-3]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    const publisher = await bench.connect(version, "publisher");
    for (const filter of ["a/b", "a/+", "#"]) {
      for (const qos of [1, 2, 0, 1]) {
        assertEquals(await client.subscribe({ filter, qos }), [qos]);
        await publisher.publish({ topic: "a/b", qos: 2 });
        assertEquals((await client.collect()).map((one) => one.qos), [qos]);
      }
      await client.unsubscribe(filter);
    }
  },
);

testIn(
  every,
  "broker loses nothing when a subscription is replaced [MQTT-3.8.4-4] [MQTT311-3.8.4-3]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a", qos: 2 });
    const publisher = await bench.connect(version, "publisher");
    const payloads = Array.from({ length: 50 }, (_, at) => `${at}`);
    for (const [at, payload] of payloads.entries()) {
      publisher.send(
        publish(version, { topic: "a", payload, qos: 1, packetId: at + 1 }),
      );
      if (at % 10 === 5) {
        client.send(
          subscribe(version, 100 + at, [{ filter: "a", qos: 1 + at % 2 }]),
        );
      }
      await publisher.next("puback");
    }
    const received: string[] = [];
    for (;;) {
      const packets = await client.drain();
      for (const packet of packets) {
        if (packet.type === "suback") continue;
        if (packet.type !== "publish") {
          if (packet.type === "pubrel") {
            client.acknowledge("pubcomp", packet.packetId);
          }
          continue;
        }
        received.push(packet.payload);
        client.acknowledge(
          packet.qos === 1 ? "puback" : "pubrec",
          packet.packetId,
        );
      }
      if (packets.length === 0) break;
    }
    assertEquals(received, payloads);
  },
);

testIn(
  every,
  "broker delivers by a subscription from its SUBACK on",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    client.send(
      publish(version, { topic: "a", payload: "before" }),
      subscribe(version, 1, ["a"]),
      publish(version, { topic: "a", payload: "after" }),
    );
    await client.next("suback");
    assertEquals(await client.payloads(), ["after"]);
  },
);

test("broker sends nothing back to its publisher where No Local is 1 [MQTT-3.8.3-3]", async (bench) => {
  const client = await bench.connect(5, "client");
  const other = await bench.connect(5, "other");
  await client.subscribe({ filter: "a/#", qos: 2, noLocal: true });
  await other.subscribe({ filter: "a/#", qos: 2 });
  for (const qos of [0, 1, 2]) {
    await client.publish({ topic: "a/b", payload: "own", qos });
    await other.publish({ topic: "a/b", payload: "other's", qos });
    assertEquals(await client.payloads(), ["other's"]);
    assertEquals(await other.payloads(), ["own", "other's"]);
  }
  // by another subscription it comes
  await client.subscribe({ filter: "a/+", qos: 1 });
  await client.publish({ topic: "a/b", payload: "own", qos: 2 });
  assertEquals(
    (await client.collect()).map(({ payload, qos }) => [payload, qos]),
    [["own", 1]],
  );
});

test("broker knows a publisher by its client identifier for No Local, also after a reconnection [MQTT-3.8.3-3]", async (bench) => {
  const fields = { clean: false, properties: { sessionExpiryInterval: 100 } };
  const first = await bench.connect(5, "client", fields);
  await first.subscribe({ filter: "a", qos: 1, noLocal: true });
  await first.disconnect();
  const again = await bench.connect(5, "client", fields);
  await again.publish({ topic: "a", qos: 1, payload: "own" });
  assertEquals(await again.payloads(), []);
});

test("broker ends the connection at No Local on a shared subscription [MQTT-3.8.3-4]", async (bench) => {
  const client = await bench.connect(5, "client");
  client.send(subscribe(5, 1, [{ filter: "$share/g/a", noLocal: true }]));
  await assertDisconnected(client, 0x82);
});

test("broker ends the connection at subscription identifier 0 and at two of them", async (bench) => {
  for (const subscriptionIdentifier of [[0], [1, 2]]) {
    const client = await bench.connect(5, "client");
    client.send(subscribe(5, 1, ["a"], { subscriptionIdentifier }));
    await assertDisconnected(client, 0x82);
  }
});

test("broker takes user properties in SUBSCRIBE and UNSUBSCRIBE", async (bench) => {
  const client = await bench.connect(5, "client");
  const userProperty: [string, string][] = [["a", "b"], ["a", "b"]];
  assertEquals((await client.subscribeWith({ userProperty }, "a")).codes, [0]);
});

test("broker waits for the policy with what a client sends behind a SUBSCRIBE [MQTT-4.6.0-5]", async () => {
  const gate = Promise.withResolvers<boolean>();
  await using bench = await Bench.start({
    plugins: [{
      name: "slow",
      authorize: (_, { action }) =>
        action === "subscribe" ? gate.promise : undefined,
    }],
  });
  const client = await bench.connect(5, "client");
  const other = await bench.connect(5, "other");
  client.send(
    subscribe(5, 1, ["a"]),
    publish(5, { topic: "a", payload: "x", qos: 1, packetId: 2 }),
  );
  // the others do not wait
  assertEquals(await other.drain(), []);
  await other.publish({ topic: "a", payload: "early", qos: 1 });
  gate.resolve(true);
  assertEquals((await client.next("suback")).codes, [0]);
  const rest = await client.drain();
  assertEquals(rest.map(({ type }) => type).toSorted(), ["puback", "publish"]);
});

test(
  "broker answers with the reason code that a plugin refuses with, where the packet may have it [MQTT-3.9.3-2] [MQTT-3.4.2-1]",
  async (bench) => {
    const client = await bench.connect(5, "client");
    for (const version of [5, 4] as const) {
      const client = await bench.connect(version, `of ${version}`);
      const codes = await client.subscribe("80", "97", "90", "00", "a");
      assertEquals(
        codes,
        version === 5
          ? [0x80, 0x97, 0x87, 0x87, 0]
          : [0x80, 0x80, 0x80, 0x80, 0],
      );
    }
    const answers: (number | undefined)[] = [];
    for (const topic of ["80", "97", "90", "00", "8f", "a"]) {
      const answer = await client.publish({ topic, qos: 1 });
      answers.push(answer!.code);
    }
    assertEquals(answers, [0x80, 0x97, 0x90, 0x87, 0x87, 0x87]);
  },
  () => ({
    plugins: [{
      name: "by topic",
      authorize: (_, { topic, action }) =>
        topic !== "a" ? parseInt(topic, 16) : action === "subscribe",
    }],
  }),
);
