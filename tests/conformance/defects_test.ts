/** Defects that were measured in other brokers: none of them is in this one. */

import { assertEquals } from "@std/assert";
import { type Change, MemoryStore } from "../../broker/mod.ts";
import { connect, publish, subscribe } from "../_raw_client.ts";
import {
  assertDisconnected,
  assertRefused,
  Bench,
  every,
  test,
  testIn,
} from "./_bench.ts";

const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };

testIn(
  every,
  "broker upgrades no message above the QoS it was published with, nor above the granted one, by wildcards either [MQTT-3.8.4-8] [MQTT311-3.8.4-6]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    for (const filter of ["a/b", "a/+", "a/#", "#", "$share/g/a/b"]) {
      for (const granted of [0, 1, 2]) {
        const client = await bench.connect(version, "client");
        await client.subscribe({ filter, qos: granted });
        for (const qos of [0, 1, 2]) {
          await publisher.publish({
            topic: "a/b",
            qos,
            retain: true,
            payload: "x",
          });
          assertEquals(
            (await client.collect()).map((one) => one.qos),
            [Math.min(qos, granted)],
            filter,
          );
        }
        await publisher.publish({ topic: "a/b", retain: true });
      }
    }
  },
);

testIn(
  every,
  "broker matches sport with sport/# [MQTT-4.7.1-1] [MQTT311-4.7.1-2]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.publish({ topic: "sport", payload: "kept", retain: true });
    await client.subscribe("sport/#");
    await client.publish({ topic: "sport", payload: "live" });
    assertEquals(await client.payloads(), ["kept", "live"]);
  },
);

testIn(
  every,
  "broker delivers nothing after UNSUBSCRIBE [MQTT-3.10.4-2] [MQTT311-3.10.4-2]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    const filters = ["a", "a/#", "+", "#", "$share/g/a", "+/#"];
    await client.subscribe(...filters.map((filter) => ({ filter, qos: 1 })));
    await client.unsubscribe(...filters);
    const publisher = await bench.connect(version, "publisher");
    for (const qos of [0, 1, 2]) await publisher.publish({ topic: "a", qos });
    assertEquals(await client.payloads(), []);
  },
);

testIn(
  every,
  "broker wraps packet identifiers around to 1, not to 0 [MQTT-2.2.1-4] [MQTT311-2.3.1-4]",
  async (_, version) => {
    /** A session whose last delivery had the highest identifier. */
    class Prepared extends MemoryStore {
      override *load(): Iterable<Change> {
        yield {
          type: "session",
          clientId: "client",
          client: {
            clientId: "client",
            username: undefined,
            protocolVersion: version,
            address: undefined,
            listener: "memory",
            certificate: undefined,
          },
          expiryInterval: 0xffff_ffff,
          expiresAt: undefined,
        };
        yield {
          type: "enqueue",
          clientId: "client",
          id: 1,
          message: kept,
          qos: 1,
          retain: false,
          identifiers: undefined,
          shared: undefined,
          packetId: 65_535,
        };
      }
    }
    let kept!: Extract<Change, { type: "enqueue" }>["message"];
    {
      // a Message as the broker makes it
      await using bench = await Bench.start({
        plugins: [{
          name: "catcher",
          transform: (_client, message) => {
            kept = message;
            message.keep();
            return undefined;
          },
        }],
      });
      const client = await bench.connect(version, "client");
      await client.publish({ topic: "a", payload: "x", qos: 1 });
    }
    await using bench = await Bench.start({ store: new Prepared() });
    const client = await bench.connect(version, "client", { clean: false });
    assertEquals((await client.next("publish")).packetId, 65_535);
    await client.subscribe({ filter: "a", qos: 2 });
    const publisher = await bench.connect(version, "publisher");
    for (const expected of [1, 2]) {
      await publisher.publish({ topic: "a", qos: 1 });
      assertEquals((await client.next("publish")).packetId, expected);
    }
  },
);

testIn(
  every,
  "broker accepts no truncated PUBLISH of QoS 1 [MQTT-4.13.1-1] [MQTT311-4.8.0-1]",
  async (bench, version) => {
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("#");
    for (
      const notation of ["32 02 0001", "32 03 0001 'a'", "32 04 0001 'a' 00"]
    ) {
      const client = await bench.connect(version, "client");
      client.send(notation);
      await assertDisconnected(client, 0x81);
    }
    assertEquals(await watcher.drain(), []);
  },
);

testIn(
  every,
  "broker leaves the clients of another broker in the process alone",
  async (bench, version) => {
    await using other = await Bench.start();
    const here = await bench.connect(version, "client");
    const there = await other.connect(version, "client");
    assertEquals(await here.drain(), []);
    assertEquals(await there.drain(), []);
    for (const { broker } of [bench, other]) {
      assertEquals(broker.metrics.clientsConnected, 1);
      assertEquals(broker.metrics.takeovers, 0);
    }
  },
);

testIn(
  every,
  "broker takes a PUBLISH of 3,000 bytes, and one of a megabyte, by default",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe("a");
    for (const size of [3000, 1_000_000]) {
      client.send(publish(version, { topic: "a", payload: "x".repeat(size) }));
      assertEquals((await client.next("publish")).content.length, size);
    }
  },
);

testIn(
  every,
  "broker acknowledges a message when it is decided on and in its sessions, not before [MQTT-4.5.0-1] [MQTT-4.3.2-4] [MQTT311-4.5.0-1]",
  async (_, version) => {
    for (const hook of ["authorize", "transform"] as const) {
      for (const qos of [1, 2]) {
        const gate = Promise.withResolvers<undefined>();
        await using bench = await Bench.start({
          plugins: [{
            name: "slow",
            [hook]: ({ clientId }: { clientId: string }) =>
              clientId === "publisher" ? gate.promise : undefined,
          }],
        });
        const away = await bench.connect(version, "away", kept);
        await away.subscribe({ filter: "a", qos: 2 });
        await away.disconnect();
        const publisher = await bench.connect(version, "publisher");
        publisher.send(publish(version, { topic: "a", qos, payload: "x" }));
        const other = await bench.connect(version, "other");
        for (let round = 0; round < 10; round++) await other.drain();
        assertEquals(publisher.connection.unreceived, 0, "acknowledged");
        gate.resolve(undefined);
        await publisher.next(qos === 1 ? "puback" : "pubrec");
        const back = await bench.connect(version, "away", kept);
        assertEquals(await back.payloads(), ["x"]);
      }
    }
  },
);

test("broker asks policy about the topic that an alias stands for", async () => {
  const asked: string[] = [];
  await using bench = await Bench.start({
    plugins: [{
      name: "acl",
      authorize: (_, { topic, ...request }) => {
        asked.push(topic);
        if (request.action === "publish") {
          assertEquals(request.message.topic, topic);
        }
        return topic !== "secret";
      },
      transform: (_, { topic }) => {
        asked.push(topic);
        return undefined;
      },
    }],
  });
  const watcher = await bench.connect(5, "watcher");
  await watcher.subscribe("#");
  const client = await bench.connect(5, "client");
  for (const topic of ["open", "secret"]) {
    for (const named of [topic, ""]) {
      const answer = await client.publish({
        topic: named,
        qos: 1,
        properties: { topicAlias: 1 },
      });
      assertEquals(answer!.code, topic === "secret" ? 0x87 : 0);
    }
  }
  assertEquals((await watcher.collect()).map(({ topic }) => topic), [
    "open",
    "open",
  ]);
  assertEquals(asked, [
    "#",
    "open",
    "open",
    "open",
    "open",
    "secret",
    "secret",
  ]);
});

testIn(
  every,
  "broker lets nobody with bad credentials kick a client or wipe a session [MQTT-3.1.4-2]",
  async (_, version) => {
    await using bench = await Bench.start({
      plugins: [{
        name: "passwords",
        authenticate: async (_client, password) => {
          await Promise.resolve();
          return password !== undefined &&
            new TextDecoder().decode(password) === "right";
        },
      }],
    });
    const right = { ...kept, username: "user", password: "right" };
    const victim = await bench.connect(version, "victim", right);
    await victim.subscribe({ filter: "a", qos: 1 });
    const attack = async (): Promise<void> => {
      for (const password of ["wrong", undefined]) {
        for (const clean of [true, false]) {
          const client = bench.open(version);
          client.send(connect(version, {
            clientId: "victim",
            clean,
            username: "user",
            ...(password === undefined ? {} : { password }),
            will: { topic: "a", payload: "forged" },
          }));
          await assertRefused(client, version === 5 ? 0x86 : 4);
        }
      }
    };
    await attack();
    assertEquals(await victim.drain(), []);
    await victim.disconnect();
    await attack();
    const publisher = await bench.connect(version, "publisher", right);
    await publisher.publish({ topic: "a", qos: 1, payload: "x" });
    await attack();
    const back = await bench.connect(version, "victim", right);
    if (version > 3) assertEquals(back.connack!.sessionPresent, true);
    assertEquals(await back.payloads(), ["x"]);
    assertEquals(bench.broker.metrics.takeovers, 0);
  },
);

testIn(
  every,
  "broker gives retained messages to nobody who did not subscribe [MQTT-3.3.2-3]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const bystander = await bench.connect(version, "bystander", kept);
    await bystander.subscribe({ filter: "other", qos: 2 });
    for (const topic of ["a", "a/b", "$own"]) {
      await publisher.publish({ topic, qos: 1, payload: "x", retain: true });
    }
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a/+", qos: 1 });
    assertEquals((await client.collect()).map(({ topic }) => topic), ["a/b"]);
    await bystander.disconnect();
    const back = await bench.connect(version, "bystander", kept);
    assertEquals(await back.payloads(), []);
    assertEquals(await publisher.drain(), []);
    const fresh = await bench.connect(version, "fresh", kept);
    assertEquals(await fresh.payloads(), []);
  },
);

testIn(
  every,
  "broker delivers to all whatever filters some of them have",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "a", qos: 1 });
    const strange = [
      "(a",
      "[",
      "*",
      "a\\",
      "^a$",
      "(a*)*$",
      "a{1000000}",
      "\u{d7ff}\u{e000}",
      "%s%n",
      "../../etc/passwd",
      " ",
      "a".repeat(60_000),
      "/".repeat(150),
      "+/".repeat(90) + "#",
      "__proto__",
      "$",
      "$$/x",
      "\u{202e}",
      "a b\tc\n",
      "NaN",
      "null",
    ];
    const other = await bench.connect(version, "other");
    for (const filter of strange) {
      await other.subscribe(filter);
      await client.publish({ topic: "a", qos: 1, payload: "x" });
      assertEquals(await client.payloads(), ["x"], filter.slice(0, 20));
    }
    // a broken one ends its own connection at the most
    for (const filter of ["a#", "#/a", "a+", ""]) {
      const bad = await bench.connect(version, "bad");
      bad.send(subscribe(version, 1, [filter]));
      await bad.untilClosed();
      await client.publish({ topic: "a", qos: 1, payload: "y" });
      assertEquals(await client.payloads(), ["y"]);
    }
    assertEquals(bench.broker.metrics.clientsConnected, 2);
  },
);
