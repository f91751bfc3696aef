/** Shared subscriptions (5.0: section 4.8.2). */

import { assert, assertEquals } from "@std/assert";
import {
  publish,
  type RawClient,
  subscribe,
  unsubscribe,
} from "../_raw_client.ts";
import { Bench, every, test, testIn } from "./_bench.ts";

const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };

function numbers(length: number): string[] {
  return Array.from({ length }, (_, at) => `${at}`);
}

/** What each of the clients gets. */
async function shares(clients: readonly RawClient[]): Promise<string[][]> {
  const all: string[][] = [];
  for (const client of clients) all.push(await client.payloads());
  return all;
}

testIn(
  every,
  "broker gives each message to one member of a shared subscription [MQTT-4.8.2-1] [MQTT-3.3.2-3]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const members: RawClient[] = [];
    for (let count = 0; count < 4; count++) {
      const member = await bench.connect(version, `member ${count}`);
      await member.subscribe({ filter: "$share/g/a/+", qos: 2 });
      members.push(member);
    }
    for (const qos of [0, 1, 2]) {
      for (const payload of numbers(40)) {
        await publisher.publish({ topic: "a/b", payload, qos });
      }
      const got = await shares(members);
      assertEquals(
        got.flat().toSorted((a, b) => Number(a) - Number(b)),
        numbers(40),
      );
      for (const share of got) {
        assert(share.length > 0, "a member gets nothing");
      }
    }
  },
);

testIn(
  every,
  "broker serves groups and other subscriptions side by side [MQTT-4.8.2-1]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const filters = [
      "$share/one/a",
      "$share/one/a",
      "$share/two/a",
      "$share/one/+",
      "a",
    ];
    const clients: RawClient[] = [];
    for (const [at, filter] of filters.entries()) {
      const client = await bench.connect(version, `client ${at}`);
      await client.subscribe({ filter, qos: 1 });
      clients.push(client);
    }
    for (const payload of numbers(10)) {
      await publisher.publish({ topic: "a", payload, qos: 1 });
    }
    const [first, second, ...others] = await shares(clients);
    assertEquals([...first!, ...second!].length, 10);
    assertEquals(new Set([...first!, ...second!]).size, 10);
    for (const other of others) assertEquals(other, numbers(10));
  },
);

testIn(
  every,
  "broker gives a client that subscribed both ways both copies [MQTT-4.8.2-1]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "$share/g/a", qos: 1 }, "a");
    await publisher.publish({ topic: "a", qos: 1 });
    assertEquals(
      (await client.collect()).map(({ qos }) => qos).toSorted(),
      [0, 1],
    );
    await client.unsubscribe("a");
    await publisher.publish({ topic: "a", qos: 1 });
    assertEquals((await client.collect()).map(({ qos }) => qos), [1]);
  },
);

testIn(
  every,
  "broker respects the QoS granted to the member it chooses [MQTT-4.8.2-3]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const members: RawClient[] = [];
    for (const qos of [0, 1, 2]) {
      const member = await bench.connect(version, `member ${qos}`);
      await member.subscribe({ filter: "$share/g/a", qos });
      members.push(member);
    }
    for (const qos of [0, 1, 2]) {
      for (let count = 0; count < 12; count++) {
        await publisher.publish({ topic: "a", qos });
      }
      let total = 0;
      for (const [granted, member] of members.entries()) {
        for (const message of await member.collect()) {
          assertEquals(message.qos, Math.min(granted, qos));
          total++;
        }
      }
      assertEquals(total, 12);
    }
  },
);

testIn(
  every,
  "broker matches the filter behind the ShareName, wildcards and all [MQTT-4.8.2-2] [MQTT-4.7.2-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe("$share/g/#", "$share/h//a");
    for (const topic of ["a", "b/c", "/a", "$own/a", "g/a"]) {
      client.send(publish(version, { topic }));
    }
    assertEquals(
      (await client.collect()).map(({ topic }) => topic).toSorted(),
      ["/a", "/a", "a", "b/c", "g/a"],
    );
  },
);

// deno-fmt-ignore: a table
const bad: readonly [filter: string, why: string][] = [
  ["$share/", "no ShareName [MQTT-4.8.2-1]"],
  ["$share//a", "an empty ShareName [MQTT-4.8.2-1]"],
  ["$share/g", "no filter [MQTT-4.8.2-2]"],
  ["$share/g/", "an empty filter [MQTT-4.8.2-2]"],
  ["$share/+/a", "+ as its ShareName [MQTT-4.8.2-2]"],
  ["$share/a#/a", "# in its ShareName [MQTT-4.8.2-2]"],
  ["$share/a+b/a", "+ in its ShareName [MQTT-4.8.2-2]"],
  ["$share/g/a#", "a filter that is none [MQTT-4.7.1-1]"],
];

for (const [filter, why] of bad) {
  test(
    `broker ends the connection at a shared filter with ${why}`,
    async (bench) => {
      for (const request of [subscribe, unsubscribe]) {
        const client = await bench.connect(5, "client");
        client.send(request(5, 1, [filter]));
        const code = (await client.disconnected())?.code;
        assertEquals([0x81, 0x82, 0x8f].includes(code!), true, `${code}`);
      }
    },
  );
}

testIn(
  every,
  "broker ends a share by UNSUBSCRIBE and with the session [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT311-3.10.4-1]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const members: RawClient[] = [];
    for (const name of ["stays", "unsubscribes", "leaves"]) {
      const member = await bench.connect(version, name);
      await member.subscribe({ filter: "$share/g/a", qos: 1 });
      members.push(member);
    }
    const [stays, unsubscribes, leaves] = members;
    const { codes } = await unsubscribes!.unsubscribe("$share/g/a");
    if (version === 5) assertEquals(codes, [0]);
    await leaves!.disconnect();
    for (const payload of numbers(20)) {
      await publisher.publish({ topic: "a", payload, qos: 1 });
    }
    assertEquals(await stays!.payloads(), numbers(20));
    assertEquals(await unsubscribes!.payloads(), []);
    await stays!.unsubscribe("$share/g/a");
    await publisher.publish({ topic: "a", qos: 1 });
    assertEquals(await stays!.payloads(), []);
  },
);

testIn(
  every,
  "broker sends no retained messages for a shared subscription [MQTT-3.3.1-9]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.publish({ topic: "a", payload: "x", retain: true });
    await client.subscribe({ filter: "$share/g/a", qos: 1 });
    assertEquals(await client.payloads(), []);
  },
);

testIn(
  every,
  "broker finishes a QoS 2 delivery with the same member when it comes back [MQTT-4.8.2-4]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const first = await bench.connect(version, "first", kept);
    await first.subscribe({ filter: "$share/g/a", qos: 2 });
    await publisher.publish({ topic: "a", payload: "x", qos: 2 });
    await publisher.publish({ topic: "a", payload: "y", qos: 2 });
    const ids = [
      (await first.next("publish")).packetId,
      (await first.next("publish")).packetId,
    ];
    first.acknowledge("pubrec", ids[0]!);
    await first.next("pubrel");
    first.drop();
    const second = await bench.connect(version, "second");
    await second.subscribe({ filter: "$share/g/a", qos: 2 });
    assertEquals(await second.drain(), []);
    const again = await bench.connect(version, "first", kept);
    const packets = await again.drain();
    assertEquals(
      packets.map((one) => [one.type, "packetId" in one && one.packetId]),
      [["pubrel", ids[0]!], ["publish", ids[1]!]],
    );
    again.acknowledge("pubcomp", ids[0]!).acknowledge("pubrec", ids[1]!);
    await again.next("pubrel");
    again.acknowledge("pubcomp", ids[1]!);
    assertEquals(await again.drain(), []);
    assertEquals(await second.drain(), []);
  },
);

test("broker gives a QoS 2 delivery that has begun to nobody else when the session ends [MQTT-4.8.2-5]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const first = await bench.connect(5, "first", kept);
  await first.subscribe({ filter: "$share/g/a", qos: 2 });
  await publisher.publish({ topic: "a", payload: "x", qos: 2 });
  await first.next("publish");
  const second = await bench.connect(5, "second");
  await second.subscribe({ filter: "$share/g/a", qos: 2 });
  first.drop();
  await second.drain();
  bench.pass(2000);
  assertEquals(bench.broker.metrics.sessionsExpired, 1);
  assertEquals(await second.drain(), []);
  await publisher.publish({ topic: "a", payload: "y", qos: 2 });
  assertEquals(await second.payloads(), ["y"]);
});

test("broker drops a message that the member refuses [MQTT-4.8.2-6]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const members: RawClient[] = [];
  for (const name of ["first", "second"]) {
    const member = await bench.connect(5, name);
    await member.subscribe({ filter: "$share/g/a", qos: 2 });
    members.push(member);
  }
  for (const qos of [1, 2]) {
    for (let count = 0; count < 4; count++) {
      await publisher.publish({ topic: "a", qos });
    }
    let refused = 0;
    for (const member of members) {
      for (const message of await member.drain()) {
        if (message.type !== "publish") throw new Error(message.type);
        const type = qos === 1 ? "puback" : "pubrec";
        member.acknowledge(type, message.packetId, 0x97);
        refused++;
      }
    }
    assertEquals(refused, 4);
    assertEquals(await shares(members), [[], []]);
  }
});

testIn(
  every,
  "broker prefers members that are connected, and keeps messages for one that comes back",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const away = await bench.connect(version, "away", kept);
    await away.subscribe({ filter: "$share/g/a", qos: 1 });
    await away.disconnect();
    const here = await bench.connect(version, "here", kept);
    await here.subscribe({ filter: "$share/g/a", qos: 1 });
    for (const payload of numbers(10)) {
      await publisher.publish({ topic: "a", payload, qos: 1 });
    }
    assertEquals(await here.payloads(), numbers(10));
    await here.disconnect();
    for (const payload of numbers(10)) {
      await publisher.publish({ topic: "a", payload, qos: 1 });
    }
    const back = [
      await bench.connect(version, "away", kept),
      await bench.connect(version, "here", kept),
    ];
    assertEquals(
      (await shares(back)).flat().toSorted((a, b) => Number(a) - Number(b)),
      numbers(10),
    );
  },
);

testIn(
  every,
  "broker prefers members that read what they get",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { outboundBytes: 2000 } });
    const publisher = await bench.connect(version, "publisher");
    const members: RawClient[] = [];
    for (const name of ["stalled", "reads", "reads too"]) {
      const member = await bench.connect(version, name);
      await member.subscribe({ filter: "$share/g/a", qos: 1 });
      members.push(member);
    }
    const [stalled, ...others] = members;
    stalled!.connection.stall();
    const received: string[] = [];
    for (const payload of numbers(60)) {
      await publisher.publish({
        topic: "a",
        payload: payload.padEnd(500),
        qos: 1,
      });
      received.push(...(await shares(others)).flat());
    }
    stalled!.connection.resume();
    const rest = await stalled!.payloads();
    assert(rest.length > 0 && rest.length < 8, `${rest.length}`);
    assertEquals(
      [...received, ...rest].map(Number).toSorted((a, b) => a - b),
      numbers(60).map(Number),
    );
  },
);

test("broker sends the subscription identifier of a shared subscription [MQTT-3.3.4-3]", async (bench) => {
  const client = await bench.connect(5, "client");
  await client.subscribeWith({ subscriptionIdentifier: [9] }, "$share/g/a");
  client.send(publish(5, { topic: "a" }));
  const { properties } = await client.next("publish");
  assertEquals(properties, { subscriptionIdentifier: [9] });
});

testIn(
  every,
  "broker keeps the order of what one member gets [MQTT-4.6.0-5]",
  async (_, version) => {
    await using bench = await Bench.start();
    const publisher = await bench.connect(version, "publisher");
    const members: RawClient[] = [];
    for (const name of ["first", "second", "third"]) {
      const member = await bench.connect(version, name);
      await member.subscribe({ filter: "$share/g/#", qos: 1 });
      members.push(member);
    }
    publisher.send(
      ...numbers(60).map((payload, at) =>
        publish(version, { topic: "a", payload, qos: 1, packetId: at + 1 })
      ),
    );
    await publisher.drain();
    for (const share of await shares(members)) {
      assertEquals(share, share.toSorted((a, b) => Number(a) - Number(b)));
    }
  },
);

testIn(
  every,
  "broker gives what a lost member has not acknowledged to another that is connected",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const fields = version === 5
      ? { ...kept, properties: { ...kept.properties, receiveMaximum: 2 } }
      : { clean: false };
    const lost = await bench.connect(version, "lost", fields);
    await lost.subscribe({ filter: "$share/g/a", qos: 2 });
    for (const payload of ["1", "2", "3", "4"]) {
      await publisher.publish({ topic: "a", payload, qos: 1 });
    }
    const first = await lost.next("publish");
    lost.acknowledge("puback", first.packetId!);
    await lost.drain();
    const other = await bench.connect(version, "other");
    await other.subscribe({ filter: "$share/g/a", qos: 2 });
    lost.drop();
    assertEquals(await other.payloads(), ["2", "3", "4"]);
    const again = await bench.connect(version, "lost", fields);
    assertEquals(await again.payloads(), []);
  },
);

test("broker keeps what a lost member has not acknowledged when no other is there", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  for (const name of ["lost", "away"]) {
    const member = await bench.connect(5, name, kept);
    await member.subscribe({ filter: "$share/g/a", qos: 1 });
    if (name === "away") await member.disconnect();
    else {
      await publisher.publish({ topic: "a", payload: "x", qos: 1 });
      await member.next("publish");
      member.drop();
    }
  }
  const again = await bench.connect(5, "lost", kept);
  assertEquals(await again.payloads(), ["x"]);
});

test("broker gives the messages of a session that ends to the other members, connected or not", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const away = await bench.connect(5, "away", kept);
  await away.subscribe({ filter: "$share/g/a", qos: 2 });
  await away.disconnect();
  const member = await bench.connect(5, "member");
  await member.subscribe({ filter: "$share/g/a", qos: 1 });
  for (const payload of ["1", "2"]) {
    await publisher.publish({ topic: "a", payload, qos: 1 });
  }
  assertEquals((await member.drain()).length, 2);
  member.drop();
  const again = await bench.connect(5, "away", kept);
  assertEquals(await again.payloads(), ["1", "2"]);
});

test("broker offers a message to the next member when one may not have it", async () => {
  await using bench = await Bench.start({
    plugins: [{
      name: "not for all",
      authorizeDelivery: ({ clientId }) => clientId !== "second",
    }],
  });
  const publisher = await bench.connect(5, "publisher");
  const members: RawClient[] = [];
  for (const name of ["first", "second", "third"]) {
    const member = await bench.connect(5, name);
    await member.subscribe({ filter: "$share/g/a", qos: 1 });
    members.push(member);
  }
  for (const payload of numbers(6)) {
    await publisher.publish({ topic: "a", payload });
  }
  const got = await shares(members);
  assertEquals(got.flat().toSorted(), numbers(6));
  assertEquals(got[1], []);
});

test("broker keeps the messages of a lost member that another would have no room for", async () => {
  await using bench = await Bench.start({ limits: { queuedMessages: 1 } });
  const publisher = await bench.connect(5, "publisher");
  const fields = {
    clean: false,
    properties: { sessionExpiryInterval: 1000, receiveMaximum: 1 },
  };
  const members: RawClient[] = [];
  for (const name of ["lost", "full"]) {
    const member = await bench.connect(5, name, fields);
    await member.subscribe({ filter: "$share/g/a", qos: 1 });
    members.push(member);
  }
  // One on its way to each, and one that waits for each.
  for (const payload of numbers(4)) {
    await publisher.publish({ topic: "a", payload, qos: 1 });
  }
  members[0]!.drop();
  const full = await members[1]!.payloads();
  assertEquals(bench.broker.metrics.droppedQueueFull, 0);
  const again = await bench.connect(5, "lost", fields);
  const got = [...full, ...await again.payloads()];
  assertEquals(got.toSorted(), numbers(4));
});
