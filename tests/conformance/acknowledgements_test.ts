/** PUBACK, PUBREC, PUBREL, PUBCOMP (5.0 and 3.1.1: sections 3.4 to 3.7). */

import { assertEquals, assertLessOrEqual } from "@std/assert";
import {
  acknowledge,
  type Packet,
  type Properties,
  publish,
  subscribe,
  unsubscribe,
} from "../_raw_client.ts";
import { assertDisconnected, every, test, testIn } from "./_bench.ts";

const explained: Properties = {
  reasonString: "because",
  userProperty: [["a", "b"], ["a", "b"]],
};

test("broker takes acknowledgements in all their forms [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]", async (bench) => {
  const client = await bench.connect(5, "client", {
    properties: { receiveMaximum: 1 },
  });
  await client.subscribe({ filter: "a", qos: 2 });
  const publisher = await bench.connect(5, "publisher");
  const forms: ((
    type: "puback" | "pubrec" | "pubrel" | "pubcomp",
    id: number,
  ) => Uint8Array)[] = [
    (type, id) => acknowledge(type, id),
    (type, id) => acknowledge(type, id, 0),
    (type, id) => acknowledge(type, id, 0, {}),
    (type, id) => acknowledge(type, id, 0, explained),
    (type, id) =>
      acknowledge(type, id, /pubac|pubrec/.test(type) ? 0x10 : 0, explained),
  ];
  for (const form of forms) {
    await publisher.publish({ topic: "a", qos: 1, payload: "1" });
    await publisher.publish({ topic: "a", qos: 2, payload: "2" });
    const first = await client.next("publish");
    assertEquals(await client.drain(), []);
    client.send(form("puback", first.packetId));
    const second = await client.next("publish");
    client.send(form("pubrec", second.packetId));
    const pubrel = await client.next("pubrel");
    assertEquals([pubrel.packetId, pubrel.code], [second.packetId, 0]);
    client.send(form("pubcomp", second.packetId));
    // and of the client's own
    client.send(publish(5, { topic: "b", qos: 2, packetId: 9 }));
    await client.next("pubrec");
    client.send(form("pubrel", 9));
    assertEquals((await client.next("pubcomp")).code, 0);
    assertEquals(await client.drain(), []);
  }
});

testIn(
  every,
  "broker answers PUBREL with PUBCOMP also when it knows no such message [MQTT-3.7.2-1] [MQTT-4.3.3-11] [MQTT311-4.3.3-2]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    for (let round = 0; round < 2; round++) {
      client.acknowledge("pubrel", 0x1234);
      const { packetId, code } = await client.next("pubcomp");
      assertEquals([packetId, code], [0x1234, version === 5 ? 0x92 : 0]);
    }
    assertEquals(await client.drain(), []);
  },
);

testIn(
  every,
  "broker answers PUBREC with PUBREL also when it knows no such message [MQTT-3.6.2-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    client.acknowledge("pubrec", 0x1234);
    const packets = await client.drain();
    assertEquals(
      packets.map((
        { type, properties: _p, bytes: _b, ...rest },
      ) => [type, rest]),
      [["pubrel", { packetId: 0x1234, code: version === 5 ? 0x92 : 0 }]],
    );
  },
);

testIn(
  every,
  "broker ignores PUBACK and PUBCOMP of messages that it does not know",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a", qos: 1 });
    for (const id of [1, 2, 0xffff]) {
      client.acknowledge("puback", id).acknowledge("pubcomp", id);
    }
    assertEquals(await client.drain(), []);
    const publisher = await bench.connect(version, "publisher");
    await publisher.publish({ topic: "a", qos: 1 });
    assertEquals((await client.collect()).length, 1);
  },
);

test("broker ends a delivery that the client refuses [MQTT-4.4.0-2]", async (bench) => {
  const fields = {
    clean: false,
    properties: { sessionExpiryInterval: 100, receiveMaximum: 1 },
  };
  const publisher = await bench.connect(5, "publisher");
  const client = await bench.connect(5, "client", fields);
  await client.subscribe({ filter: "a", qos: 2 });
  const codes = [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
  for (const qos of [1, 2]) {
    for (const code of codes) {
      await publisher.publish({ topic: "a", qos, payload: "refused" });
      await publisher.publish({ topic: "a", qos, payload: "next" });
      const { packetId } = await client.next("publish");
      client.acknowledge(qos === 1 ? "puback" : "pubrec", packetId, code);
      // no PUBREL, and the place is free for the next
      assertEquals(await client.payloads(), ["next"]);
    }
  }
  client.drop();
  const again = await bench.connect(5, "client", fields);
  assertEquals(again.connack!.sessionPresent, true);
  assertEquals(await again.drain(), []);
});

/** Requests that are refused, each with the answer it gets. */
const refused: readonly [Packet["type"], string, Uint8Array][] = [
  [
    "puback",
    "[MQTT-3.4.2-2] [MQTT-3.4.2-3]",
    publish(5, { topic: "denied", qos: 1, packetId: 1 }),
  ],
  [
    "pubrec",
    "[MQTT-3.5.2-2] [MQTT-3.5.2-3]",
    publish(5, { topic: "denied", qos: 2, packetId: 2 }),
  ],
  ["pubcomp", "[MQTT-3.7.2-2] [MQTT-3.7.2-3]", acknowledge("pubrel", 3)],
  ["pubrel", "[MQTT-3.6.2-2] [MQTT-3.6.2-3]", acknowledge("pubrec", 4)],
  ["suback", "[MQTT-3.9.2-1] [MQTT-3.9.2-2]", subscribe(5, 5, ["denied"])],
  ["unsuback", "[MQTT-3.11.2-1] [MQTT-3.11.2-2]", unsubscribe(5, 6, ["none"])],
  [
    "disconnect",
    "[MQTT-3.14.2-3] [MQTT-3.14.2-4]",
    publish(5, { topic: "a", properties: { topicAlias: 0 } }),
  ],
];

for (const [type, ids, request] of refused) {
  test(
    `broker makes no ${type.toUpperCase()} larger than the client takes [MQTT-3.1.2-24] ${ids}`,
    async (bench) => {
      for (
        let maximumPacketSize = 20;
        maximumPacketSize < 80;
        maximumPacketSize++
      ) {
        const client = await bench.connect(5, "client", {
          properties: { maximumPacketSize },
        });
        client.send(request);
        const packet = await client.next(type);
        assertLessOrEqual(packet.bytes.length, maximumPacketSize);
      }
    },
    () => ({
      plugins: [{
        name: "acl",
        authorize: (_, { topic }) => topic !== "denied",
      }],
    }),
  );
}

test("broker sends no answer at all that is larger than the client takes [MQTT-3.1.2-24]", async (bench) => {
  const client = await bench.connect(5, "client", {
    properties: { maximumPacketSize: 20 },
  });
  const filters = Array.from({ length: 50 }, (_, at) => `filter/${at}`);
  client.send(subscribe(5, 1, filters));
  for (const packet of await client.untilClosed()) {
    assertLessOrEqual(packet.bytes.length, 20);
  }
});

testIn(
  every,
  "broker ends the connection for an acknowledgement of another kind than is due [MQTT-4.13.1-1] [MQTT311-4.8.0-1]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const wrong: [0 | 1 | 2, ...("puback" | "pubrec" | "pubcomp")[]][] = [
      [1, "pubrec"],
      [1, "pubcomp"],
      [2, "puback"],
      [2, "pubcomp"],
      [2, "pubrec", "puback"],
    ];
    for (const [qos, ...types] of wrong) {
      const client = await bench.connect(version, `for ${qos} ${types}`);
      await client.subscribe({ filter: "a", qos });
      await publisher.publish({ topic: "a", qos, payload: "m" });
      const { packetId } = await client.next("publish");
      for (const type of types) client.acknowledge(type, packetId);
      if (types.length > 1) await client.next("pubrel");
      await assertDisconnected(client, 0x82);
    }
  },
);
