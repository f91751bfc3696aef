/** Message ordering (5.0 and 3.1.1: section 4.6). */

import { assertEquals } from "@std/assert";
import { publish, type RawClient, subscribe } from "../_raw_client.ts";
import { Random } from "../_random.ts";
import { Bench, every, testIn } from "./_bench.ts";

const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };

function numbers(length: number): string[] {
  return Array.from({ length }, (_, at) => `${at}`);
}

testIn(
  every,
  "broker keeps the order of one publisher, topic and QoS [MQTT-4.6.0-5] [MQTT-4.6.0-6] [MQTT311-4.6.0-5] [MQTT311-4.6.0-6]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    for (const granted of [0, 1, 2]) {
      const client = await bench.connect(version, `client ${granted}`);
      await client.subscribe({ filter: "a", qos: granted });
      for (const qos of [0, 1, 2]) {
        for (const payload of numbers(150)) {
          await publisher.publish({ topic: "a", qos, payload });
        }
        assertEquals(await client.payloads(), numbers(150));
      }
    }
  },
);

testIn(
  every,
  "broker keeps the order of what comes in one piece, each QoS for itself [MQTT-4.6.0-5] [MQTT311-4.6.0-6]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "#", qos: 2 });
    const publisher = await bench.connect(version, "publisher");
    publisher.send(
      ...numbers(300).map((payload, at) =>
        publish(version, {
          topic: `topic/${at % 5}`,
          payload,
          qos: at % 3,
          packetId: at + 1,
        })
      ),
    );
    const messages = await client.collect();
    assertEquals(messages.length, 300);
    for (let which = 0; which < 15; which++) {
      assertEquals(
        messages.filter(({ topic, qos }) =>
          topic === `topic/${which % 5}` && qos === which % 3
        ).map(({ payload }) => payload),
        numbers(300).filter((_, at) => at % 15 === which),
      );
    }
  },
);

testIn(
  every,
  "broker answers in the order of the requests [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4] [MQTT311-4.6.0-2] [MQTT311-4.6.0-3] [MQTT311-4.6.0-4]",
  async (bench, version) => {
    const random = new Random(1);
    const client = await bench.connect(version, "client");
    const ids = numbers(60).map((_, at) => at + 1);
    ids.sort(() => random.number() - 0.5);
    for (const qos of [1, 2]) {
      client.send(
        ...ids.map((packetId) =>
          publish(version, { topic: "a", qos, packetId })
        ),
      );
      for (const packetId of ids) {
        const answer = await client.next(qos === 1 ? "puback" : "pubrec");
        assertEquals(answer.packetId, packetId);
      }
    }
    for (const packetId of ids.toReversed()) {
      client.acknowledge("pubrel", packetId);
    }
    for (const packetId of ids.toReversed()) {
      assertEquals((await client.next("pubcomp")).packetId, packetId);
    }
  },
);

testIn(
  every,
  "broker sends PUBRELs in the order of the PUBRECs [MQTT-4.6.0-4] [MQTT311-4.6.0-4]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a", qos: 2 });
    const publisher = await bench.connect(version, "publisher");
    const ids: number[] = [];
    for (let count = 0; count < 20; count++) {
      await publisher.publish({ topic: "a", qos: 2 });
      ids.push((await client.next("publish")).packetId);
    }
    ids.sort((a, b) => a * 7 % 20 - b * 7 % 20);
    for (const id of ids) client.acknowledge("pubrec", id);
    for (const id of ids) {
      assertEquals((await client.next("pubrel")).packetId, id);
    }
  },
);

testIn(
  every,
  "broker keeps the order through a queue, a reconnection and what comes then [MQTT-4.6.0-1] [MQTT-4.6.0-5] [MQTT311-4.6.0-1] [MQTT311-4.6.0-6]",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { inflight: 3 } });
    let client = await bench.connect(version, "client", kept);
    await client.subscribe({ filter: "a", qos: 2 });
    const publisher = await bench.connect(version, "publisher");
    const payloads = numbers(120);
    const first = new Set<string>();
    const received: string[] = [];
    const random = new Random(7);
    let at = 0;
    const publishSome = async (count: number): Promise<void> => {
      for (; count > 0 && at < payloads.length; count--) {
        await publisher.publish({
          topic: "a",
          qos: 1,
          payload: payloads[at++]!,
        });
      }
    };
    const receive = (message: { payload: string }): void => {
      if (first.has(message.payload)) return;
      first.add(message.payload);
      received.push(message.payload);
    };
    while (at < payloads.length) {
      await publishSome(random.integer(1, 8));
      for (const packet of await client.drain()) {
        if (packet.type !== "publish") throw new Error(packet.type);
        receive(packet);
        // those behind a gap come again
        if (random.percent(70)) client.acknowledge("puback", packet.packetId);
      }
      if (random.percent(50)) {
        client.drop();
        await publishSome(random.integer(0, 8));
        client = await bench.connect(version, "client", kept);
      }
    }
    client.drop();
    client = await bench.connect(version, "client", kept);
    for (const message of await client.collect()) receive(message);
    assertEquals(received, payloads);
  },
);

testIn(
  every,
  "broker keeps the order of a client whose messages wait for a policy [MQTT-4.6.0-5] [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT311-4.6.0-6] [MQTT311-4.6.0-2]",
  async (_, version) => {
    const waiting: (() => void)[] = [];
    await using bench = await Bench.start({
      plugins: [{
        name: "slow",
        authorize: (client, { action, topic }) => {
          if (action !== "publish" || client.clientId !== "slow") return true;
          if (topic === "now") return true;
          return new Promise((resolve) => waiting.push(() => resolve(true)));
        },
      }],
    });
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe({ filter: "#", qos: 1 });
    const slow = await bench.connect(version, "slow");
    const fast = await bench.connect(version, "fast");
    slow.send(
      publish(version, { topic: "later", payload: "1", qos: 1, packetId: 1 }),
      publish(version, { topic: "now", payload: "2", qos: 1, packetId: 2 }),
      publish(version, { topic: "later", payload: "3", qos: 2, packetId: 3 }),
      subscribe(version, 4, ["now"]),
      publish(version, { topic: "now", payload: "4" }),
    );
    await fast.publish({ topic: "now", payload: "fast", qos: 1 });
    assertEquals(await watcher.payloads(), ["fast"]);
    const answers: string[] = [];
    while (answers.length < 5) {
      waiting.shift()?.();
      answers.push((await slow.nextOrEnd())!.type);
    }
    assertEquals(answers, ["puback", "puback", "pubrec", "suback", "publish"]);
    assertEquals(await watcher.payloads(), ["1", "2", "3", "4"]);
  },
);

testIn(
  every,
  "broker keeps the orders of many publishers apart [MQTT-4.6.0-5] [MQTT311-4.6.0-6]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a/+", qos: 1 });
    const publishers: RawClient[] = [];
    for (let count = 0; count < 8; count++) {
      publishers.push(await bench.connect(version, `publisher ${count}`));
    }
    for (const payload of numbers(30)) {
      for (const [which, publisher] of publishers.entries()) {
        publisher.send(publish(version, {
          topic: `a/${which}`,
          payload,
          qos: 1,
          packetId: Number(payload) + 1,
        }));
      }
    }
    for (const publisher of publishers) {
      assertEquals((await publisher.drain()).length, 30);
    }
    const messages = await client.collect();
    for (const which of publishers.keys()) {
      assertEquals(
        messages.filter(({ topic }) => topic === `a/${which}`)
          .map(({ payload }) => payload),
        numbers(30),
      );
    }
  },
);
