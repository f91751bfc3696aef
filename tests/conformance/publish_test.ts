/** PUBLISH (5.0 and 3.1.1: section 3.3), but for what is retained. */

import { assertEquals, assertFalse } from "@std/assert";
import {
  type Properties,
  properties,
  publish,
  text,
  varint,
} from "../_raw_client.ts";
import {
  assertDisconnected,
  Bench,
  every,
  old,
  test,
  testIn,
} from "./_bench.ts";

testIn(
  every,
  "broker answers PUBLISH as its QoS asks [MQTT-3.3.4-1] [MQTT-2.2.1-5] [MQTT-4.3.2-4] [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT311-3.3.4-1] [MQTT311-2.3.1-6]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe({ filter: "a", qos: 2 });
    client.send(publish(version, { topic: "a", payload: "0" }));
    assertEquals(await client.drain(), []);
    client.send(
      publish(version, { topic: "a", payload: "1", qos: 1, packetId: 0xfffe }),
    );
    const puback = await client.next("puback");
    assertEquals([puback.packetId, puback.code], [0xfffe, 0]);
    client.send(
      publish(version, { topic: "a", payload: "2", qos: 2, packetId: 0x0100 }),
    );
    const pubrec = await client.next("pubrec");
    assertEquals([pubrec.packetId, pubrec.code], [0x0100, 0]);
    client.acknowledge("pubrel", 0x0100);
    const pubcomp = await client.next("pubcomp");
    assertEquals([pubcomp.packetId, pubcomp.code], [0x0100, 0]);
    assertEquals(await client.drain(), []);
    assertEquals(
      (await watcher.collect()).map(({ payload, qos }) => [payload, qos]),
      [["0", 0], ["1", 1], ["2", 2]],
    );
  },
);

testIn(
  every,
  "broker answers PUBLISH that nobody gets in the same way [MQTT-3.3.4-1] [MQTT311-3.3.4-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    for (const qos of [1, 2]) {
      const { code } = (await client.publish({ topic: "nobody", qos }))!;
      // "no matching subscribers" is as good in 5.0
      assertEquals(version === 5 ? code & ~0x10 : code, 0);
    }
  },
);

testIn(
  every,
  "broker does not pass DUP on [MQTT-3.3.1-3] [MQTT-4.3.2-2] [MQTT-4.3.3-2] [MQTT311-3.3.1-3]",
  async (bench, version) => {
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe({ filter: "a", qos: 2 });
    const client = await bench.connect(version, "client");
    for (const qos of [1, 2]) {
      await client.publish({ topic: "a", qos, dup: true });
      const [message] = await watcher.collect();
      assertEquals([message!.qos, message!.dup], [qos, false]);
    }
  },
);

testIn(
  every,
  "broker delivers any payload as it is [MQTT-4.5.0-1] [MQTT311-4.5.0-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a", qos: 1 });
    for (
      const size of [0, 1, 100, 127, 128, 3000, 16_384, 100_000, 2_000_000]
    ) {
      const payload = new Uint8Array(size).map((_, at) => at * 7 + (at >> 8));
      for (const qos of [0, 1]) {
        client.send(publish(version, { topic: "a", payload, qos }));
        for (const packet of await client.drain()) {
          if (packet.type === "puback") continue;
          if (packet.type !== "publish") throw new Error(packet.type);
          assertEquals(packet.content.length, size);
          assertEquals(packet.content.toHex(), payload.toHex());
          if (qos > 0) client.acknowledge("puback", packet.packetId);
        }
      }
    }
    assertEquals(bench.broker.metrics.publishSent, 18);
  },
);

testIn(
  every,
  "broker takes packets in pieces of any size and gives them so [MQTT-4.2.0-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client", {}, {
      longestWrite: 3,
    });
    await client.subscribe({ filter: "a/b", qos: 2 });
    const bytes = publish(version, {
      topic: "a/b",
      payload: "x".repeat(300),
      qos: 1,
      packetId: 9,
    });
    for (const size of [1, 2, 3, 7, 299]) {
      for (let at = 0; at < bytes.length; at += size) {
        client.send(bytes.subarray(at, at + size));
      }
      await client.answer("puback", 9);
      const { payload, packetId } = await client.next("publish");
      assertEquals(payload, "x".repeat(300));
      client.acknowledge("puback", packetId);
    }
    client.send(bytes, bytes, bytes);
    const kinds = (await client.drain()).map(({ type }) => type);
    assertEquals(kinds.filter((kind) => kind === "puback").length, 3);
    assertEquals(kinds.filter((kind) => kind === "publish").length, 3);
  },
);

/** Every property that belongs to a message. */
const messageProperties: Properties = {
  payloadFormatIndicator: 1,
  contentType: "text/plain; charset=\u{feff}utf-8",
  responseTopic: "answers/here",
  correlationData: Uint8Array.of(0, 255, 0xd8, 0),
  userProperty: [["b", "2"], ["a", "1"], ["b", "2"], ["", ""], ["a", "0"]],
};

test("broker passes the properties of a message on unaltered and in their order [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] [MQTT-1.5.4-3]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const watcher = await bench.connect(5, "watcher");
  await watcher.subscribe({ filter: "a", qos: 2 });
  for (const qos of [0, 1, 2]) {
    for (const some of [messageProperties, { payloadFormatIndicator: 0 }, {}]) {
      await publisher.publish({
        topic: "a",
        payload: "x",
        qos,
        properties: some,
      });
      const [message] = await watcher.collect();
      assertEquals(message!.properties, some);
    }
  }
});

test("broker passes properties to 5.0 and the message to 3.x [MQTT-2.2.2-1]", async (bench) => {
  const watchers = [];
  for (const version of every) {
    const watcher = await bench.connect(version, `watcher ${version}`);
    await watcher.subscribe({ filter: "a", qos: 1 });
    watchers.push(watcher);
  }
  for (const from of every) {
    const publisher = await bench.connect(from, "publisher");
    await publisher.publish({
      topic: "a",
      payload: "x",
      qos: 1,
      properties: messageProperties,
    });
    for (const watcher of watchers) {
      const [message] = await watcher.collect();
      assertEquals(message!.payload, "x");
      assertEquals(
        message!.properties,
        from === 5 && watcher.version === 5 ? messageProperties : {},
      );
    }
  }
});

test("broker passes on user properties beyond 64 KiB [MQTT-3.3.2-17]", async (bench) => {
  const client = await bench.connect(5, "client");
  await client.subscribe("a");
  const userProperty = Array.from(
    { length: 300 },
    (_, at): [string, string] => [`name ${at}`, "v".repeat(300)],
  );
  client.send(publish(5, { topic: "a", properties: { userProperty } }));
  const message = await client.next("publish");
  assertEquals(message.properties, { userProperty });
});

test("broker knows the topic aliases of a client up to its maximum [MQTT-3.3.2-12] [MQTT-3.3.2-7]", async () => {
  await using bench = await Bench.start({ limits: { topicAliasMaximum: 3 } });
  const watcher = await bench.connect(5, "watcher");
  await watcher.subscribe("#");
  const client = await bench.connect(5, "client");
  const other = await bench.connect(5, "other");
  const send = async (
    from: typeof client,
    topic: string,
    topicAlias: number,
  ): Promise<void> => {
    await from.publish({ topic, payload: "x", properties: { topicAlias } });
  };
  const topics = async (): Promise<string[]> =>
    (await watcher.collect()).map(({ topic, properties }) => {
      assertEquals(properties, {});
      return topic;
    });
  for (const alias of [1, 2, 3]) await send(client, `a${alias}`, alias);
  for (const alias of [3, 1, 2]) await send(client, "", alias);
  assertEquals(await topics(), ["a1", "a2", "a3", "a3", "a1", "a2"]);
  await send(client, "anew", 2);
  await send(other, "others", 2);
  for (const alias of [2, 1]) await send(client, "", alias);
  assertEquals(await topics(), ["anew", "others", "anew", "a1"]);
});

test("broker forgets topic aliases with the connection [MQTT-3.3.2-7]", async (bench) => {
  const fields = { clean: false, properties: { sessionExpiryInterval: 100 } };
  const first = await bench.connect(5, "client", fields);
  await first.publish({ topic: "a", properties: { topicAlias: 1 } });
  await first.disconnect();
  const again = await bench.connect(5, "client", fields);
  again.send(publish(5, { topic: "", properties: { topicAlias: 1 } }));
  await assertDisconnected(again, 0x82);
});

for (
  const [code, what, topic, alias] of [
    [0x94, "topic alias 0 [MQTT-3.3.2-8]", "a", 0],
    [
      0x94,
      "a topic alias above the maximum [MQTT-3.2.2-17] [MQTT-3.3.2-9]",
      "a",
      33,
    ],
    [0x82, "a topic alias that means nothing", "", 5],
    [0x82, "neither a topic nor an alias", "", undefined],
  ] as const
) {
  test(
    `broker ends the connection at a PUBLISH with ${what} [MQTT-4.13.1-1]`,
    async (bench) => {
      for (const qos of [0, 1, 2]) {
        const client = await bench.connect(5, "client");
        const some = alias === undefined ? {} : { topicAlias: alias };
        client.send(publish(5, { topic, qos, properties: some }));
        await assertDisconnected(client, code);
      }
    },
  );
}

test("broker ends the connection at any topic alias where it takes none [MQTT-3.2.2-18]", async () => {
  await using bench = await Bench.start({ limits: { topicAliasMaximum: 0 } });
  const client = await bench.connect(5, "client");
  assertEquals(client.connack!.properties.topicAliasMaximum ?? 0, 0);
  client.send(publish(5, { topic: "a", properties: { topicAlias: 1 } }));
  await assertDisconnected(client, 0x94);
});

test("broker ends the connection at a subscription identifier in a client's PUBLISH [MQTT-3.3.4-6]", async (bench) => {
  const client = await bench.connect(5, "client");
  const some = { subscriptionIdentifier: [1] };
  client.send(publish(5, { topic: "a", properties: some }));
  await assertDisconnected(client, 0x82);
});

testIn(
  every,
  "broker acknowledges a PUBLISH that is not allowed, with the code that says so in 5.0 [MQTT311-3.3.5-2] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-4.3.3-9]",
  async (bench, version) => {
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("#");
    const client = await bench.connect(version, "client");
    await client.publish({ topic: "denied", payload: "x" });
    for (const qos of [1, 2]) {
      const answer = await client.publish({
        topic: "denied",
        qos,
        packetId: 7,
        retain: true,
        payload: "x",
      });
      assertEquals(answer!.code, version === 5 ? 0x87 : 0);
    }
    assertEquals(await watcher.payloads(), []);
    const late = await bench.connect(version, "late");
    await late.subscribe("#");
    assertEquals(await late.payloads(), []);
    // the identifier is free again
    await client.publish({
      topic: "allowed",
      qos: 2,
      packetId: 7,
      payload: "y",
    });
    assertEquals(await watcher.payloads(), ["y"]);
    assertEquals(bench.broker.metrics.publishRefused, 3);
  },
  () => ({
    plugins: [{ name: "acl", authorize: (_, { topic }) => topic !== "denied" }],
  }),
);

testIn(
  every,
  "broker respects the highest QoS of overlapping subscriptions, with one copy [MQTT-3.3.4-2] [MQTT311-3.3.5-1]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const client = await bench.connect(version, "client");
    for (const [granted, ...filters] of [[2, 0, 2, 1], [1, 1, 0, 0]]) {
      for (const [at, qos] of filters.entries()) {
        await client.subscribe({ filter: ["a/b", "a/+", "#"][at]!, qos });
      }
      for (const qos of [0, 1, 2]) {
        await publisher.publish({ topic: "a/b", qos });
        const messages = await client.collect();
        assertEquals(
          messages.map((message) => message.qos),
          [Math.min(qos, granted!)],
        );
      }
    }
  },
);

test("broker sends the subscription identifiers of all matching subscriptions [MQTT-3.3.4-3] [MQTT-3.3.4-4]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const client = await bench.connect(5, "client");
  const identifiers = [1, 268_435_455, 128];
  for (const [at, filter] of ["a/b", "a/+", "#"].entries()) {
    await client.subscribeWith(
      { subscriptionIdentifier: [identifiers[at]!] },
      { filter, qos: 1 },
    );
  }
  await client.subscribe({ filter: "+/b", qos: 1 });
  for (
    const [topic, expected] of [
      ["a/b", identifiers],
      ["a/c", [268_435_455, 128]],
      ["c", [128]],
    ] as const
  ) {
    for (const qos of [0, 1]) {
      await publisher.publish({ topic, qos });
      const messages = await client.collect();
      assertEquals(messages.length, 1);
      assertEquals(
        messages[0]!.properties.subscriptionIdentifier!.toSorted(),
        expected.toSorted(),
      );
    }
  }
});

test("broker sends no subscription identifier for a subscription without [MQTT-3.3.4-3]", async (bench) => {
  const client = await bench.connect(5, "client");
  await client.subscribeWith({ subscriptionIdentifier: [5] }, "a");
  const publisher = await bench.connect(5, "publisher");
  const identifiers = async () => {
    await publisher.publish({ topic: "a" });
    return (await client.collect())[0]!.properties.subscriptionIdentifier;
  };
  assertEquals(await identifiers(), [5]);
  await client.subscribeWith({ subscriptionIdentifier: [6] }, "a");
  assertEquals(await identifiers(), [6]);
  await client.subscribe("a");
  assertEquals(await identifiers(), undefined);
});

test("broker sends different identifiers to different clients [MQTT-3.3.4-3]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const clients = [];
  for (let id = 1; id <= 4; id++) {
    const client = await bench.connect(5, `client ${id}`);
    const some = id === 4 ? {} : { subscriptionIdentifier: [id] };
    await client.subscribeWith(some, { filter: "a", qos: id % 2 });
    clients.push(client);
  }
  for (const qos of [0, 1, 2]) {
    await publisher.publish({ topic: "a", qos, payload: "x" });
    const found = [];
    for (const client of clients) {
      const [message] = await client.collect();
      found.push(message!.properties.subscriptionIdentifier?.[0]);
    }
    assertEquals(found, [1, 2, 3, undefined]);
  }
});

testIn(
  [5],
  "broker drops a PUBLISH too large for a client as if it had been delivered [MQTT-3.1.2-24] [MQTT-3.1.2-25]",
  async (bench, version) => {
    const client = await bench.connect(version, "client", {
      properties: { maximumPacketSize: 100, receiveMaximum: 1 },
    });
    const other = await bench.connect(version, "other");
    for (const one of [client, other]) {
      await one.subscribe({ filter: "a", qos: 2 });
    }
    const publisher = await bench.connect(version, "publisher");
    for (const qos of [0, 1, 2]) {
      const overhead = 2 + 3 + (qos > 0 ? 2 : 0) + 1;
      for (const size of [101, 5000, 100, 20, 101, 99]) {
        const payload = "x".repeat(size - overhead);
        await publisher.publish({ topic: "a", qos, payload });
      }
      assertEquals(
        (await client.collect()).map(({ bytes }) => bytes.length),
        [100, 20, 99],
      );
      assertEquals((await other.collect()).length, 6);
    }
    assertEquals(bench.broker.metrics.droppedTooLarge, 9);
  },
);

test("broker drops a PUBLISH that its properties make too large for a client [MQTT-3.1.2-24] [MQTT-3.1.2-25]", async (bench) => {
  const client = await bench.connect(5, "client", {
    properties: { maximumPacketSize: 60 },
  });
  const old = await bench.connect(4, "old");
  for (const one of [client, old]) await one.subscribe("a");
  await client.subscribeWith({ subscriptionIdentifier: [1000] }, "a");
  const publisher = await bench.connect(5, "publisher");
  for (let length = 30; length < 60; length++) {
    await publisher.publish({
      topic: "a",
      properties: { contentType: "c".repeat(length) },
    });
  }
  // 2 of header, 3 of topic, 1 of property length, 3 of each of the two
  assertEquals(
    (await client.collect()).map(({ bytes }) => bytes.length),
    [
      42,
      43,
      44,
      45,
      46,
      47,
      48,
      49,
      50,
      51,
      52,
      53,
      54,
      55,
      56,
      57,
      58,
      59,
      60,
    ],
  );
  assertEquals((await old.collect()).length, 30);
});

testIn(
  old,
  "broker delivers to 3.x a message whose properties are large [MQTT-3.3.2-17]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a", qos: 1 });
    const publisher = await bench.connect(5, "publisher");
    const some = properties({ correlationData: text("c".repeat(60_000)) });
    const length = varint(60_003).length;
    publisher.send(publish(5, {
      topic: "a",
      qos: 1,
      payload: "x",
      properties: some.subarray(length),
    }));
    await publisher.next("puback");
    const [message] = await client.collect();
    assertEquals(message!.payload, "x");
    assertEquals(message!.bytes.length, 8);
  },
);

testIn(
  every,
  "broker delivers a client's message to itself too [MQTT-4.5.0-1] [MQTT311-4.5.0-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe("a");
    client.send(publish(version, { topic: "a", payload: "own" }));
    assertEquals((await client.next("publish")).payload, "own");
  },
);

test("broker publishes what its host program publishes", async (bench) => {
  const client = await bench.connect(5, "client");
  await client.subscribe({ filter: "a/#", qos: 2 });
  const payload = text("x");
  bench.broker.publish({ topic: "a", payload });
  bench.broker.publish({ topic: "a/b", payload, qos: 2, retain: true });
  assertEquals(
    (await client.collect()).map((
      { topic, qos, retain },
    ) => [topic, qos, retain]),
    [["a", 0, false], ["a/b", 2, false]],
  );
  assertFalse(client.connection.closedByBroker);
});
