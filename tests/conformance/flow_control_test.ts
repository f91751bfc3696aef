/** Flow control (5.0: sections 3.3.4, 4.9). */

import { assertEquals, assertLessOrEqual } from "@std/assert";
import {
  publish,
  type RawClient,
  subscribe,
  unsubscribe,
} from "../_raw_client.ts";
import { assertDisconnected, Bench, old, test, testIn } from "./_bench.ts";

for (const receiveMaximum of [1, 2, 10, 99]) {
  test(
    `broker has no more than ${receiveMaximum} unacknowledged messages where the client says so [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2]`,
    async (bench) => {
      const client = await bench.connect(5, "client", {
        properties: { receiveMaximum },
      });
      await client.subscribe({ filter: "a", qos: 2 });
      const publisher = await bench.connect(5, "publisher");
      const total = receiveMaximum * 2 + 3;
      for (let at = 0; at < total; at++) {
        await publisher.publish({
          topic: "a",
          qos: 1 + at % 2,
          payload: `${at}`,
        });
      }
      const waiting: {
        id: number;
        state: "publish" | "pubrel";
        qos: number;
      }[] = [];
      const received: string[] = [];
      let most = 0;
      for (
        let step = 0;
        received.length < total || waiting.length > 0;
        step++
      ) {
        for (const packet of await client.drain()) {
          if (packet.type === "pubrel") continue;
          if (packet.type !== "publish") throw new Error(packet.type);
          received.push(packet.payload);
          waiting.push({
            id: packet.packetId,
            state: "publish",
            qos: packet.qos,
          });
        }
        most = Math.max(most, waiting.length);
        assertLessOrEqual(waiting.length, receiveMaximum);
        const [one] = waiting.splice(step % waiting.length, 1);
        if (one!.qos === 1) client.acknowledge("puback", one!.id);
        else if (one!.state === "pubrel") {
          client.acknowledge("pubcomp", one!.id);
        } else {
          // PUBREC alone frees no place
          client.acknowledge("pubrec", one!.id);
          waiting.push({ ...one!, state: "pubrel" });
        }
      }
      assertEquals(most, receiveMaximum);
      assertEquals(
        received.toSorted((a, b) => Number(a) - Number(b)),
        Array.from({ length: total }, (_, at) => `${at}`),
      );
    },
  );
}

test("broker holds nothing else back at a quota of 0 [MQTT-3.3.4-10] [MQTT-4.9.0-3]", async (bench) => {
  const client = await bench.connect(5, "client", {
    properties: { receiveMaximum: 1 },
  });
  await client.subscribe({ filter: "a", qos: 2 });
  const publisher = await bench.connect(5, "publisher");
  for (const payload of ["1", "2"]) {
    await publisher.publish({ topic: "a", qos: 2, payload });
  }
  const { packetId } = await client.next("publish");
  client.send(subscribe(5, 1, ["b"]));
  await client.next("suback");
  client.send(unsubscribe(5, 2, ["b"]));
  await client.next("unsuback");
  for (const qos of [1, 2]) await client.publish({ topic: "b", qos });
  assertEquals(await client.drain(), []);
  client.acknowledge("pubrec", packetId);
  await client.next("pubrel");
  assertEquals(await client.drain(), []);
  client.acknowledge("pubcomp", packetId);
  assertEquals(await client.payloads(), ["2"]);
});

test("broker frees a place for a PUBREC of 0x80 or more [MQTT-4.9.0-1]", async (bench) => {
  const client = await bench.connect(5, "client", {
    properties: { receiveMaximum: 1 },
  });
  await client.subscribe({ filter: "a", qos: 2 });
  const publisher = await bench.connect(5, "publisher");
  for (const payload of ["1", "2"]) {
    await publisher.publish({ topic: "a", qos: 2, payload });
  }
  client.acknowledge("pubrec", (await client.next("publish")).packetId, 0x80);
  assertEquals(await client.payloads(), ["2"]);
});

test("broker counts what it sends again against the Receive Maximum of the new connection [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.4.0-1]", async (bench) => {
  const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };
  const first = await bench.connect(5, "client", kept);
  await first.subscribe({ filter: "a", qos: 2 });
  const publisher = await bench.connect(5, "publisher");
  for (let at = 0; at < 6; at++) {
    await publisher.publish({ topic: "a", qos: 1 + at % 2, payload: `${at}` });
    await first.next("publish");
  }
  first.drop();
  const again = await bench.connect(5, "client", {
    clean: false,
    properties: { sessionExpiryInterval: 1000, receiveMaximum: 2 },
  });
  const payloads: string[] = [];
  for (;;) {
    const packets = await again.drain();
    if (packets.length === 0) break;
    const messages = packets.filter((one) => one.type === "publish");
    assertLessOrEqual(messages.length, 2);
    for (const packet of packets) {
      if (packet.type === "pubrel") {
        again.acknowledge("pubcomp", packet.packetId);
      }
      if (packet.type !== "publish") continue;
      assertEquals(packet.dup, true);
      payloads.push(packet.payload);
      again.acknowledge(
        packet.qos === 1 ? "puback" : "pubrec",
        packet.packetId,
      );
    }
  }
  assertEquals(payloads, ["0", "1", "2", "3", "4", "5"]);
});

testIn(
  [5],
  "broker disconnects a client that exceeds the Receive Maximum it announced [MQTT-3.3.4-7]",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { receiveMaximum: 3 } });
    const client = await bench.connect(version, "client");
    assertEquals(client.connack!.properties.receiveMaximum, 3);
    for (let packetId = 1; packetId <= 3; packetId++) {
      client.send(publish(version, { topic: "a", qos: 2, packetId }));
      await client.next("pubrec");
    }
    // again, at QoS 1 or after a release: that is none too many
    client.send(
      publish(version, { topic: "a", qos: 2, packetId: 2, dup: true }),
    );
    await client.next("pubrec");
    client.acknowledge("pubrel", 2);
    await client.next("pubcomp");
    client.send(publish(version, { topic: "a", qos: 2, packetId: 4 }));
    await client.next("pubrec");
    client.send(publish(version, { topic: "a", qos: 2, packetId: 5 }));
    await assertDisconnected(client, 0x93);
  },
);

testIn(
  old,
  "broker has no Receive Maximum for those whom it cannot tell of it",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { receiveMaximum: 3 } });
    const client = await bench.connect(version, "client");
    for (let packetId = 1; packetId <= 10; packetId++) {
      client.send(publish(version, { topic: "a", qos: 2, packetId }));
      await client.next("pubrec");
    }
    for (let packetId = 1; packetId <= 10; packetId++) {
      client.acknowledge("pubrel", packetId);
      await client.next("pubcomp");
    }
  },
);

testIn(
  old,
  "broker has no more unacknowledged messages with a 3.x client than the limit inflight",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { inflight: 5 } });
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a", qos: 1 });
    const publisher = await bench.connect(version, "publisher");
    for (let at = 0; at < 12; at++) {
      await publisher.publish({ topic: "a", qos: 1, payload: `${at}` });
    }
    assertEquals((await client.drain()).length, 5);
    assertEquals(await client.drain(), []);
  },
);

test("broker has no more unacknowledged messages than the limit inflight though the client takes more", async () => {
  await using bench = await Bench.start({ limits: { inflight: 5 } });
  const client = await bench.connect(5, "client", {
    properties: { receiveMaximum: 1000 },
  });
  await client.subscribe({ filter: "a", qos: 1 });
  const publisher = await bench.connect(5, "publisher");
  for (let at = 0; at < 12; at++) {
    await publisher.publish({ topic: "a", qos: 1, payload: `${at}` });
  }
  assertEquals((await client.drain()).length, 5);
});

test("broker treats what has become too large to send again as delivered [MQTT-3.1.2-24] [MQTT-3.1.2-25] [MQTT-4.9.0-1]", async (bench) => {
  const fields = (maximumPacketSize: number) => ({
    clean: false,
    properties: {
      sessionExpiryInterval: 1000,
      receiveMaximum: 1,
      maximumPacketSize,
    },
  });
  const publisher = await bench.connect(5, "publisher");
  for (const qos of [1, 2]) {
    const first = await bench.connect(5, "client", fields(1000));
    await first.subscribe({ filter: "a", qos: 2 });
    await publisher.publish({ topic: "a", qos, payload: "x".repeat(200) });
    await first.next("publish");
    first.drop();
    await publisher.publish({ topic: "a", qos, payload: "small" });
    const again = await bench.connect(5, "client", fields(100));
    assertEquals(await again.payloads(), ["small"]);
    again.drop();
  }
});

/**
 * A session with QoS 2 deliveries 0 to 4, of which PUBREC has come for some,
 * and a connection that goes on with it.
 */
async function resumed(
  bench: Bench,
  released: readonly number[],
  receiveMaximum: number,
): Promise<[again: RawClient, ids: number[]]> {
  const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };
  const first = await bench.connect(5, "client", kept);
  await first.subscribe({ filter: "a", qos: 2 });
  const publisher = await bench.connect(5, "publisher");
  const ids: number[] = [];
  for (let at = 0; at < 5; at++) {
    await publisher.publish({ topic: "a", qos: 2, payload: `${at}` });
    ids.push((await first.next("publish")).packetId);
  }
  for (const at of released) {
    first.acknowledge("pubrec", ids[at]!);
    await first.next("pubrel");
  }
  first.drop();
  const again = await bench.connect(5, "client", {
    clean: false,
    properties: { ...kept.properties, receiveMaximum },
  });
  return [again, ids];
}

test("broker holds no PUBREL back that is to be sent again [MQTT-3.3.4-10] [MQTT-4.9.0-3] [MQTT-4.4.0-1]", async (bench) => {
  const [again, ids] = await resumed(bench, [3, 4], 1);
  const packets = await again.drain();
  assertEquals(
    packets.flatMap((one) => one.type === "pubrel" ? [one.packetId] : []),
    [ids[3], ids[4]],
  );
});

test("broker counts what was released before the reconnection as unacknowledged until PUBCOMP [MQTT-3.3.4-9]", async (bench) => {
  const [again, ids] = await resumed(bench, [0, 1, 2], 2);
  for (const at of [0, 1, 2]) {
    assertEquals((await again.next("pubrel")).packetId, ids[at]);
  }
  /** PUBLISHes received and not settled on this connection. */
  let open = (await again.drain()).length;
  assertLessOrEqual(open, 2);
  for (const at of [0, 1, 2]) {
    again.acknowledge("pubcomp", ids[at]!);
    open += (await again.drain()).length;
    assertLessOrEqual(open, 2);
  }
  const publisher = await bench.connect(5, "publisher");
  await publisher.publish({ topic: "a", qos: 2, payload: "one too many" });
  assertEquals(open + (await again.drain()).length, 2);
});

test("broker does not send again what is acknowledged while it waits to be sent again [MQTT-4.4.0-1] [MQTT-4.9.0-1]", async (bench) => {
  const [again, ids] = await resumed(bench, [], 1);
  assertEquals((await again.next("publish")).packetId, ids[0]);
  // the answers to what the connection before had brought
  for (const at of [1, 3]) {
    again.acknowledge("pubrec", ids[at]!, 0x80);
  }
  again.acknowledge("pubrec", ids[0]!);
  assertEquals(
    (await again.collect()).map(({ packetId }) => packetId),
    [ids[2], ids[4]],
  );
  const publisher = await bench.connect(5, "publisher");
  await publisher.publish({ topic: "a", qos: 2, payload: "new" });
  assertEquals(await again.payloads(), ["new"]);
});

test("broker takes acknowledgements of what it has not sent again for no more quota than there is [MQTT-4.9.0-1]", async (bench) => {
  const [again, ids] = await resumed(bench, [], 2);
  // nothing is on its way any more, and much was acknowledged
  for (const at of [4, 3, 2, 1, 0]) {
    again.acknowledge("pubrec", ids[at]!, 0x80);
  }
  await again.drain();
  const publisher = await bench.connect(5, "publisher");
  for (let at = 0; at < 5; at++) {
    await publisher.publish({ topic: "a", qos: 1 });
  }
  assertEquals((await again.drain()).length, 2);
});
