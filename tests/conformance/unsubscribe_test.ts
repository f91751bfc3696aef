/** UNSUBSCRIBE and UNSUBACK (5.0 and 3.1.1: sections 3.10, 3.11). */

import { assertEquals } from "@std/assert";
import { unsubscribe } from "../_raw_client.ts";
import { every, test, testIn } from "./_bench.ts";

testIn(
  every,
  "broker answers UNSUBSCRIBE with UNSUBACK, whether or not it deletes anything [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-2.2.1-6] [MQTT-3.11.3-2] [MQTT311-3.10.4-4] [MQTT311-3.10.4-5] [MQTT311-2.3.1-7]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe("a");
    for (
      const [packetId, code] of [
        [0xffff, 0],
        [1, 0x11],
        [0x0100, 0x11],
      ] as const
    ) {
      client.send(unsubscribe(version, packetId, ["a"]));
      const unsuback = await client.next("unsuback");
      assertEquals(unsuback.packetId, packetId);
      assertEquals(unsuback.codes, version === 5 ? [code] : []);
      if (version !== 5) assertEquals(unsuback.bytes.length, 4);
    }
    assertEquals(await client.drain(), []);
  },
);

testIn(
  every,
  "broker compares filters character by character [MQTT-3.10.4-1] [MQTT311-3.10.4-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe("a/+", "A", "\u{e4}");
    const others = ["a/b", "a/#", "#", "+/+", "a/+/", "/a/+", "a", "a\u{308}"];
    for (const other of others) {
      const { codes } = await client.unsubscribe(other);
      if (version === 5) assertEquals(codes, [0x11], other);
    }
    const publisher = await bench.connect(version, "publisher");
    for (const topic of ["a/b", "A", "\u{e4}"]) {
      await publisher.publish({ topic });
      assertEquals((await client.collect()).map((one) => one.topic), [topic]);
    }
    const { codes } = await client.unsubscribe("a/+");
    if (version === 5) assertEquals(codes, [0]);
    await publisher.publish({ topic: "a/b" });
    assertEquals(await client.payloads(), []);
  },
);

testIn(
  every,
  "broker takes several filters in one UNSUBSCRIBE, in their order [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT311-3.10.4-6]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe("a", "b", "c", "d");
    const { codes } = await client.unsubscribe("c", "x", "a", "b", "a");
    if (version === 5) assertEquals(codes, [0, 0x11, 0, 0, 0x11]);
    const publisher = await bench.connect(version, "publisher");
    for (const topic of ["a", "b", "c", "d"]) {
      await publisher.publish({ topic });
    }
    assertEquals((await client.collect()).map(({ topic }) => topic), ["d"]);
  },
);

testIn(
  every,
  "broker delivers nothing new after UNSUBACK, from whichever subscription [MQTT-3.10.4-2] [MQTT311-3.10.4-2]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    const publisher = await bench.connect(version, "publisher");
    for (const filter of ["a/b", "a/+", "+/b", "#", "a/#", "a/b/#"]) {
      for (const qos of [0, 1, 2]) {
        await client.subscribe({ filter, qos });
        await publisher.publish({ topic: "a/b", qos: 2, payload: "1" });
        assertEquals(await client.payloads(), ["1"], filter);
        await client.unsubscribe(filter);
        await publisher.publish({ topic: "a/b", qos: 2, payload: "2" });
        assertEquals(await client.payloads(), [], filter);
      }
    }
  },
);

testIn(
  every,
  "broker goes on by another subscription that matches [MQTT-3.10.4-1] [MQTT311-3.10.4-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    const publisher = await bench.connect(version, "publisher");
    await client.subscribe({ filter: "a/b", qos: 2 }, {
      filter: "a/+",
      qos: 1,
    });
    await client.unsubscribe("a/b");
    await publisher.publish({ topic: "a/b", qos: 2 });
    assertEquals((await client.collect()).map(({ qos }) => qos), [1]);
  },
);

testIn(
  every,
  "broker finishes the deliveries that have begun [MQTT-3.10.4-3] [MQTT311-3.10.4-3]",
  async (bench, version) => {
    const fields = {
      clean: false,
      properties: { sessionExpiryInterval: 100 },
    };
    const client = await bench.connect(version, "client", fields);
    const publisher = await bench.connect(version, "publisher");
    await client.subscribe({ filter: "a", qos: 2 });
    for (const qos of [1, 2, 2]) await publisher.publish({ topic: "a", qos });
    const ids: number[] = [];
    for (let count = 0; count < 3; count++) {
      ids.push((await client.next("publish")).packetId);
    }
    client.acknowledge("pubrec", ids[2]!);
    await client.next("pubrel");
    await client.unsubscribe("a");
    client.drop();
    const again = await bench.connect(version, "client", fields);
    const packets = await again.drain();
    assertEquals(
      packets.map((one) => [
        one.type,
        "packetId" in one && one.packetId,
        one.type === "publish" && one.dup,
      ]),
      [
        ["pubrel", ids[2], false],
        ["publish", ids[0], true],
        ["publish", ids[1], true],
      ],
    );
    again.acknowledge("puback", ids[0]!).acknowledge("pubrec", ids[1]!);
    assertEquals((await again.next("pubrel")).packetId, ids[1]);
    again.acknowledge("pubcomp", ids[1]!).acknowledge("pubcomp", ids[2]!);
    assertEquals(await again.drain(), []);
  },
);

test("broker takes user properties in UNSUBSCRIBE", async (bench) => {
  const client = await bench.connect(5, "client");
  client.send(
    unsubscribe(5, 7, ["a"], { userProperty: [["a", ""], ["a", ""]] }),
  );
  assertEquals((await client.next("unsuback")).codes, [0x11]);
});
