/** Message Expiry Interval (5.0: 3.3.2.3.3). */

import { assertEquals } from "@std/assert";
import type { Publish } from "../_raw_client.ts";
import { test } from "./_bench.ts";

const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };

function expiry({ properties }: Publish): number | undefined {
  return properties.messageExpiryInterval;
}

test("broker passes the Message Expiry Interval on less the time waited in a queue [MQTT-3.3.2-6] [MQTT-3.3.2-5]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const client = await bench.connect(5, "client", kept);
  await client.subscribe({ filter: "a", qos: 2 });
  await client.disconnect();
  for (const seconds of [100, 10, 30, 31, 4_000_000_000]) {
    for (const qos of [1, 2]) {
      await publisher.publish({
        topic: "a",
        payload: `${seconds}`,
        qos,
        properties: { messageExpiryInterval: seconds },
      });
    }
  }
  await publisher.publish({ topic: "a", payload: "never", qos: 1 });
  bench.pass(30);
  const again = await bench.connect(5, "client", kept);
  assertEquals(
    (await again.collect()).map((one) => [one.payload, expiry(one)]),
    [
      ["100", 70],
      ["100", 70],
      ["31", 1],
      ["31", 1],
      ["4000000000", 3_999_999_970],
      ["4000000000", 3_999_999_970],
      ["never", undefined],
    ],
  );
  assertEquals(bench.broker.metrics.droppedExpired, 4);
});

test("broker passes the Message Expiry Interval on at once as it is [MQTT-3.3.2-6]", async (bench) => {
  const client = await bench.connect(5, "client");
  await client.subscribe({ filter: "a", qos: 2 });
  for (const seconds of [1, 60, 0xffff_ffff]) {
    for (const qos of [0, 1, 2]) {
      const properties = { messageExpiryInterval: seconds, contentType: "c" };
      await client.publish({ topic: "a", qos, properties });
      assertEquals((await client.collect()).map(({ properties: p }) => p), [
        properties,
      ]);
    }
  }
});

test("broker keeps other properties when it counts the interval down [MQTT-3.3.2-6] [MQTT-3.3.2-17] [MQTT-3.3.2-18]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const properties = {
    messageExpiryInterval: 100,
    contentType: "c",
    userProperty: [["b", "1"], ["a", "2"], ["b", "0"]] as [string, string][],
  };
  await publisher.publish({
    topic: "a",
    retain: true,
    payload: "x",
    properties,
  });
  for (const left of [60, 20]) {
    bench.pass(40);
    const client = await bench.connect(5, "client");
    await client.subscribe("a");
    const [message] = await client.collect();
    assertEquals(message!.properties, {
      ...properties,
      messageExpiryInterval: left,
    });
  }
});

test("broker forgets an expired retained message [MQTT-3.3.2-5] [MQTT-3.3.2-6]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  for (const [topic, seconds] of [["a", 10], ["b", 20]] as const) {
    await publisher.publish({
      topic,
      payload: "x",
      retain: true,
      properties: { messageExpiryInterval: seconds },
    });
  }
  const seen = async (): Promise<unknown[]> => {
    const client = await bench.connect(5, "client");
    await client.subscribe("#");
    return (await client.collect())
      .map((one) => [one.topic, expiry(one)]).toSorted();
  };
  bench.pass(9);
  assertEquals(await seen(), [["a", 1], ["b", 11]]);
  bench.pass(2);
  assertEquals(await seen(), [["b", 9]]);
  bench.pass(10);
  assertEquals(await seen(), []);
  assertEquals(bench.broker.metrics.retainedExpired, 2);
});

test("broker drops an expired message that waits for the receiver's quota, also for 3.x [MQTT-3.3.2-5]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  for (const version of [4, 5] as const) {
    const client = await bench.connect(version, "client", {
      properties: { receiveMaximum: 1 },
    });
    await client.subscribe({ filter: "a", qos: 1 });
    // 3.x has no Receive Maximum: the broker's own limit is the quota
    const window = version === 5 ? 1 : 100;
    for (let at = 0; at < window; at++) {
      await publisher.publish({ topic: "a", qos: 1, payload: "first" });
    }
    for (const [payload, seconds] of [["short", 5], ["long", 50]] as const) {
      await publisher.publish({
        topic: "a",
        qos: 1,
        payload,
        properties: { messageExpiryInterval: seconds },
      });
    }
    bench.pass(6);
    const payloads = await client.payloads();
    assertEquals(payloads.length, window + 1);
    assertEquals(payloads.at(-1), "long");
    client.drop();
  }
});

test("broker sends again with the time that is left what was sent before it expired [MQTT-3.3.2-6] [MQTT-4.3.3-7]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const client = await bench.connect(5, "client", kept);
  await client.subscribe({ filter: "a", qos: 2 });
  for (const qos of [1, 2]) {
    const properties = { messageExpiryInterval: 100 };
    await publisher.publish({ topic: "a", qos, payload: `${qos}`, properties });
  }
  assertEquals(
    (await client.next("publish")).properties.messageExpiryInterval,
    100,
  );
  client.drop();
  bench.pass(40);
  const again = await bench.connect(5, "client", kept);
  const messages = await again.collect();
  assertEquals(messages.map(({ payload, dup }) => [payload, dup]), [
    ["1", true],
    ["2", true],
  ]);
  for (const message of messages) assertEquals(expiry(message)! <= 100, true);
});

test("broker takes an interval of 0 as a message for those who are there [MQTT-3.3.2-5]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const client = await bench.connect(5, "client", kept);
  await client.subscribe({ filter: "a", qos: 1 });
  client.drop();
  const properties = { messageExpiryInterval: 0 };
  await publisher.publish({ topic: "a", qos: 1, payload: "x", properties });
  bench.pass(1);
  const again = await bench.connect(5, "client", kept);
  assertEquals(await again.payloads(), []);
});

test("broker sends nothing whose time is over between two of its looks at the clock [MQTT-3.3.2-5]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const away = await bench.connect(5, "away", kept);
  await away.subscribe({ filter: "a", qos: 1 });
  await away.disconnect();
  const slow = await bench.connect(5, "slow", {
    properties: { receiveMaximum: 1 },
  });
  await slow.subscribe({ filter: "a", qos: 1 });
  const properties = { messageExpiryInterval: 10 };
  for (const payload of ["first", "second"]) {
    const message = { topic: "a", payload, qos: 1, properties };
    await publisher.publish({ ...message, retain: true });
  }
  const [first] = await slow.drain();
  bench.time += 11_000; // and no sweep
  slow.acknowledge("puback", (first as Publish).packetId);
  assertEquals(await slow.drain(), []);
  const again = await bench.connect(5, "away", kept);
  assertEquals(await again.payloads(), []);
  await again.subscribe({ filter: "#", qos: 1 });
  assertEquals(await again.payloads(), []);
  assertEquals(bench.broker.metrics.droppedExpired, 3);
});
