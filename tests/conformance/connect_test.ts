/** CONNECT (5.0 and 3.1.1: section 3.1). */

import { assertEquals, assertNotEquals } from "@std/assert";
import type { Plugin } from "../../broker/mod.ts";
import {
  connect,
  field,
  hex,
  join,
  packet,
  pingreq,
  publish,
  type RawClient,
  subscribe,
  u16,
  type Version,
} from "../_raw_client.ts";
import {
  assertDisconnected,
  assertRefused,
  Bench,
  every,
  old,
  test,
  testIn,
} from "./_bench.ts";

/** CONNECT from its parts, for those that `connect` does not build. */
function connectOf(
  version: Version,
  flags: number,
  ...payload: Uint8Array[]
): Uint8Array {
  return packet(
    0x10,
    field(version === 3 ? "MQIsdp" : "MQTT"),
    [version, flags],
    u16(0),
    version === 5 ? [0] : [],
    ...payload,
  );
}

for (
  const [name, bytes] of [
    ["PUBLISH", publish(4, { topic: "a", payload: "x" })],
    ["PUBLISH of QoS 1", publish(4, { topic: "a", qos: 1 })],
    ["PUBACK", hex("40 02 0001")],
    ["PUBREL", hex("62 02 0001")],
    ["SUBSCRIBE", subscribe(4, 1, ["a"])],
    ["UNSUBSCRIBE", hex("a2 05 0001 0001 'a'")],
    ["PINGREQ", pingreq],
    ["DISCONNECT", hex("e0 00")],
    ["AUTH", hex("f0 00")],
    ["CONNACK", hex("20 02 00 00")],
    ["packet type 0", hex("00 00")],
    ["HTTP request", hex("'GET / HTTP/1.1' 0d0a 0d0a")],
    ["TLS greeting", hex("16 03 01 00 05 01 00 00 01 00")],
  ] as const
) {
  test(
    `broker closes without a word when the first packet is no CONNECT but a ${name} [MQTT-3.1.0-1] [MQTT-3.14.0-1] [MQTT311-3.1.0-1]`,
    async (bench) => {
      const other = await bench.connect(5, "other");
      await other.subscribe("#");
      const client = bench.open(5);
      client.send(bytes, connect(5, { clientId: "client" }));
      assertEquals(await client.untilClosed(), []);
      assertEquals(await other.drain(), []);
      assertEquals(bench.broker.metrics.clientsConnected, 1);
    },
  );
}

testIn(
  every,
  "broker ends the connection at a second CONNECT [MQTT-3.1.0-2] [MQTT311-3.1.0-2]",
  async (bench, version) => {
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("will");
    const client = await bench.connect(version, "client", {
      will: { topic: "will", payload: "gone" },
    });
    client.send(connect(version, { clientId: "client" }));
    await assertDisconnected(client, 0x82);
    assertEquals((await watcher.next("publish")).payload, "gone");
    assertEquals(bench.broker.metrics.clientsConnected, 1);
  },
);

testIn(
  every,
  "broker ends the connection at a second CONNECT of whatever version [MQTT-3.1.0-2] [MQTT311-3.1.0-2]",
  async (bench, version) => {
    const seconds = [
      ...every.map((other) => connect(other, { clientId: "client" })),
      hex("10 0d | 0004 'MQTT' 06 02 0000 00 0000"),
      hex("10 0c | 0004 'MQTX' 04 02 0000 0000"),
      hex("10 00"),
    ];
    for (const second of seconds) {
      const client = await bench.connect(version, "client");
      client.send(second);
      const code = (await client.disconnected())?.code;
      if (version !== 5) assertEquals(code, undefined);
      else assertEquals(code === 0x81 || code === 0x82, true, `${code}`);
    }
    await bench.connect(version, "client");
    assertEquals(bench.broker.metrics.clientsConnected, 1);
  },
);

for (
  const [name, notation] of [
    ["another name", "10 0c | 0004 'MQTX' 04 02 0000 0000"],
    ["another name in 5.0", "10 0d | 0004 'MQTX' 05 02 0000 00 0000"],
    ["the name in small letters", "10 0c | 0004 'mqtt' 04 02 0000 0000"],
    ["an empty name", "10 08 | 0000 04 02 0000 0000"],
  ] as const
) {
  test(
    `broker refuses a protocol name that is ${name} [MQTT-3.1.2-1] [MQTT311-3.1.2-1]`,
    async (bench) => {
      const client = bench.open();
      client.send(notation);
      await assertUnsupported(client);
    },
  );
}

for (
  const [name, notation] of [
    ["level 0", "10 0c | 0004 'MQTT' 00 02 0000 0000"],
    ["level 1", "10 0c | 0004 'MQTT' 01 02 0000 0000"],
    ["level 6", "10 0d | 0004 'MQTT' 06 02 0000 00 0000"],
    ["level 3 with the name of 3.1.1", "10 0c | 0004 'MQTT' 03 02 0000 0000"],
    ["level 4 with the name of 3.1", "10 0e | 0006 'MQIsdp' 04 02 0000 0000"],
    ["level 0x84 of a bridge", "10 0c | 0004 'MQTT' 84 02 0000 0000"],
    ["level 255", "10 0c | 0004 'MQTT' ff 02 0000 0000"],
  ] as const
) {
  test(
    `broker answers ${name} with a CONNACK that says so, and closes [MQTT-3.1.2-2] [MQTT311-3.1.2-2]`,
    async (bench) => {
      const client = bench.open();
      client.send(notation);
      const answer = await assertUnsupported(client);
      assertNotEquals(answer, "", "no CONNACK");
    },
  );
}

/** "Unsupported protocol version", as 5.0 or as 3.1.1 says it, and the end. */
async function assertUnsupported(client: RawClient): Promise<string> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = await client.connection.receive();
    if (chunk === null) break;
    chunks.push(chunk);
  }
  const answer = join(...chunks).toHex();
  assertEquals(["", "20020001", "2003008400"].includes(answer), true, answer);
  return answer;
}

type BadConnect = readonly [
  versions: readonly Version[],
  what: string,
  flags: number,
  ...payload: string[],
];

/** What breaks the format; `P` stands for no properties in 5.0. */
// deno-fmt-ignore: a table
const badConnects: readonly BadConnect[] = [
  [[4, 5], "the reserved flag is set [MQTT-3.1.2-3] [MQTT311-3.1.2-3]", 0x03, "0001 'i'"],
  [every, "there is a will QoS without will [MQTT-3.1.2-11] [MQTT311-3.1.2-11] [MQTT311-3.1.2-13]", 0x0a, "0001 'i'"],
  [every, "there is a will QoS 3 [MQTT-3.1.2-12] [MQTT311-3.1.2-14]", 0x1e, "0001 'i'", "P 0001 'w' 0000"],
  [every, "there is a will retain without will [MQTT-3.1.2-13] [MQTT311-3.1.2-15]", 0x22, "0001 'i'"],
  [every, "the announced will is not there [MQTT-3.1.2-9] [MQTT311-3.1.2-9]", 0x06, "0001 'i'"],
  [every, "the announced will payload is not there [MQTT-3.1.2-9] [MQTT311-3.1.2-9]", 0x06, "0001 'i'", "P 0001 'w'"],
  [[4, 5], "the announced user name is not there [MQTT-3.1.2-17] [MQTT311-3.1.2-19]", 0x82, "0001 'i'"],
  [[4], "the announced password is not there [MQTT311-3.1.2-21]", 0xc2, "0001 'i'", "0001 'u'"],
  [[5], "the announced password is not there [MQTT-3.1.2-19]", 0x42, "0001 'i'"],
  [every, "there is a user name unannounced [MQTT-3.1.2-16] [MQTT311-3.1.2-18]", 0x02, "0001 'i'", "0001 'u'"],
  [every, "there is a password unannounced [MQTT-3.1.2-18] [MQTT311-3.1.2-20]", 0x82, "0001 'i'", "0001 'u' 0001 'p'"],
  [old, "there is a password without user name [MQTT311-3.1.2-22]", 0x42, "0001 'i'", "0001 'p'"],
  [every, "there is no client identifier [MQTT-3.1.3-3] [MQTT311-3.1.3-3]", 0x02],
  [every, "the client identifier is not UTF-8 [MQTT-3.1.3-4] [MQTT-1.5.4-1] [MQTT311-3.1.3-4] [MQTT311-1.5.3-1]", 0x02, "0002 c328"],
  [every, "the client identifier has a surrogate [MQTT-1.5.4-1] [MQTT311-1.5.3-1]", 0x02, "0003 eda080"],
  [every, "the client identifier has U+0000 [MQTT-1.5.4-2] [MQTT311-1.5.3-2]", 0x02, "0003 'a' 00 'b'"],
  [every, "the will topic is not UTF-8 [MQTT-3.1.3-11] [MQTT311-3.1.3-10]", 0x06, "0001 'i'", "P 0001 ff 0000"],
  [every, "the will topic has a wildcard [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT311-4.7.1-1]", 0x06, "0001 'i'", "P 0003 'a/#' 0000"],
  [every, "the will topic is empty [MQTT-4.7.3-1] [MQTT311-4.7.3-1]", 0x06, "0001 'i'", "P 0000 0000"],
  [every, "the user name is not UTF-8 [MQTT-3.1.3-12] [MQTT311-3.1.3-11]", 0x82, "0001 'i'", "0002 c080"],
];

for (const [versions, what, flags, ...payload] of badConnects) {
  testIn(
    versions,
    `broker closes when in a CONNECT ${what} [MQTT-3.1.4-1] [MQTT311-3.1.4-1] [MQTT311-3.2.2-6]`,
    async (bench, version) => {
      const none = version === 5 ? "00" : "";
      const client = bench.open(version);
      client.send(connectOf(
        version,
        flags,
        ...payload.map((part) => hex(part.replace("P", none))),
      ));
      await assertRefused(client, version === 5 ? 0x81 : undefined);
      assertEquals(bench.broker.metrics.clientsConnected, 0);
    },
  );
}

/** What is wrong with properties, and the code it is refused with. */
// deno-fmt-ignore: a table
const badProperties: readonly [code: number, what: string, notation: string][] = [
  [0x82, "Session Expiry Interval twice", "11 00000001 11 00000002"],
  [0x82, "Receive Maximum 0", "21 0000"],
  [0x82, "Receive Maximum twice", "21 0001 21 0001"],
  [0x82, "Maximum Packet Size 0", "27 00000000"],
  [0x82, "Maximum Packet Size twice", "27 00000064 27 00000064"],
  [0x82, "Topic Alias Maximum twice", "22 0001 22 0001"],
  [0x82, "Request Response Information 2", "19 02"],
  [0x82, "Request Response Information twice", "19 01 19 01"],
  [0x82, "Request Problem Information 2", "17 02"],
  [0x82, "Request Problem Information twice", "17 01 17 01"],
  [0x82, "Authentication Data without a method", "16 0001 'd'"],
  [0x81, "a property of PUBLISH", "23 0001"],
  [0x81, "a property of the server", "24 01"],
  [0x81, "an unknown property", "7f 00"],
  [0x81, "a property that is cut off", "11 0000"],
  [0x81, "a property name that is not UTF-8 [MQTT-1.5.7-1]", "26 0001 ff 0001 'v'"],
  [0x81, "a property value that is not UTF-8 [MQTT-1.5.7-1]", "26 0001 'n' 0001 80"],
  [0x81, "a property value with U+0000 [MQTT-1.5.7-1]", "26 0001 'n' 0001 00"],
];

for (const [code, what, notation] of badProperties) {
  test(
    `broker refuses CONNECT with ${what} [MQTT-3.1.4-1] [MQTT-4.13.1-1]`,
    async (bench) => {
      const client = bench.open();
      client.send(connect(5, { clientId: "i", properties: hex(notation) }));
      await assertRefused(client, code);
    },
  );
}

test("broker takes a password without user name in 5.0 [MQTT-3.1.2-16] [MQTT-3.1.2-19]", async () => {
  const seen: unknown[] = [];
  await using bench = await Bench.start({
    plugins: [{
      name: "looker",
      authenticate: ({ username }, password) => {
        seen.push([username, password && new TextDecoder().decode(password)]);
        return true;
      },
    }],
  });
  await bench.connect(5, "client", { password: "secret" });
  assertEquals(seen, [[undefined, "secret"]]);
});

testIn(
  every,
  "broker reads what a CONNECT carries in its order [MQTT-3.1.3-1] [MQTT-3.1.2-9] [MQTT-3.1.2-17] [MQTT-3.1.2-19] [MQTT311-3.1.3-1] [MQTT311-3.1.2-9] [MQTT311-3.1.2-19] [MQTT311-3.1.2-21]",
  async (_, version) => {
    const seen: unknown[] = [];
    await using bench = await Bench.start({
      plugins: [{
        name: "looker",
        authenticate: ({ clientId, username, protocolVersion }, password) => {
          const given = password && new TextDecoder().decode(password);
          seen.push([clientId, username, given, protocolVersion]);
          return true;
        },
      }],
    });
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe({ filter: "will/topic", qos: 2 });
    const client = await bench.connect(version, "client", {
      will: { topic: "will/topic", payload: "will payload", qos: 1 },
      username: "name",
      password: "secret",
    });
    assertEquals(seen, [
      ["watcher", undefined, undefined, version],
      ["client", "name", "secret", version],
    ]);
    client.drop();
    const { topic, payload, qos } = await watcher.next("publish");
    assertEquals([topic, payload, qos], ["will/topic", "will payload", 1]);
  },
);

testIn(
  every,
  "broker accepts client identifiers of 1 to 23 digits and letters [MQTT-3.1.3-5] [MQTT311-3.1.3-5]",
  async (bench, version) => {
    const characters =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const ids = [...characters];
    for (let length = 2; length <= 23; length++) {
      ids.push(characters.repeat(2).slice(length, 2 * length));
    }
    ids.push(...["0123456789abcdefghijklm", "nopqrstuvwxyzABCDEFGHIJ"]);
    for (const id of ids) await bench.connect(version, id);
    assertEquals(bench.broker.metrics.clientsConnected, new Set(ids).size);
  },
);

testIn(
  every,
  "broker tells client identifiers apart by every byte [MQTT-3.1.3-2] [MQTT-1.5.4-3] [MQTT311-3.1.3-2] [MQTT311-1.5.3-3]",
  async (bench, version) => {
    const ids = [
      "a",
      "A",
      "\u{e4}",
      "a\u{308}",
      "\u{feff}a",
      "a ",
      "#/+",
      "__proto__",
    ];
    for (const id of ids) await bench.connect(version, id);
    assertEquals(bench.broker.metrics.clientsConnected, ids.length);
    assertEquals(bench.broker.metrics.takeovers, 0);
  },
);

testIn(
  [4, 5],
  "broker gives a client without identifier a unique one [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] [MQTT311-3.1.3-6]",
  async (bench, version) => {
    const clients: RawClient[] = [];
    const assigned = new Set<unknown>();
    for (let count = 0; count < 20; count++) {
      const client = await bench.connect(version, "");
      clients.push(client);
      assigned.add(client.connack!.properties.assignedClientIdentifier);
    }
    for (const client of clients) assertEquals(await client.drain(), []);
    if (version === 5) {
      assertEquals(assigned.size, 20);
      assertEquals(assigned.has(undefined) || assigned.has(""), false);
    }
  },
);

test("broker names a session by the assigned identifier [MQTT-3.1.3-7] [MQTT-3.2.2-16]", async (bench) => {
  const properties = { sessionExpiryInterval: 100 };
  const first = await bench.connect(5, "", { clean: false, properties });
  const clientId = first.connack!.properties.assignedClientIdentifier!;
  await first.disconnect();
  const again = await bench.connect(5, clientId, { clean: false });
  assertEquals(again.connack!.sessionPresent, true);
  assertEquals(again.connack!.properties.assignedClientIdentifier, undefined);
});

test("broker gives a client no identifier that a session has [MQTT-3.2.2-16]", async (bench) => {
  const taken = await bench.connect(5, "");
  const id = taken.connack!.properties.assignedClientIdentifier!;
  for (let count = 0; count < 100; count++) {
    const { properties } = (await bench.connect(5, "")).connack!;
    assertNotEquals(properties.assignedClientIdentifier, id);
  }
  assertEquals(bench.broker.metrics.takeovers, 0);
});

testIn(
  [4],
  "broker refuses no identifier with CleanSession 0 [MQTT311-3.1.3-9] [MQTT311-3.1.3-8] [MQTT311-3.1.3-7]",
  async (bench, version) => {
    const client = bench.open(version);
    client.send(connect(version, { clean: false }));
    await assertRefused(client, 2);
  },
);

testIn(
  every,
  "broker disconnects the client whose identifier another connects with [MQTT-3.1.4-3] [MQTT311-3.1.4-2]",
  async (bench, version) => {
    const first = await bench.connect(version, "client");
    const second = await bench.connect(version, "client");
    await assertDisconnected(first, 0x8e);
    assertEquals(await second.drain(), []);
    assertEquals(bench.broker.metrics.clientsConnected, 1);
    assertEquals(bench.broker.metrics.takeovers, 1);
  },
);

/** Who refuses "client" but nobody else. */
const doorman: Plugin = {
  name: "doorman",
  authenticate: ({ clientId }) => clientId !== "client",
};

testIn(
  every,
  "broker handles nothing after a refused CONNECT [MQTT-3.1.4-2] [MQTT-3.1.4-6] [MQTT-3.2.2-7] [MQTT311-3.1.4-5] [MQTT311-3.2.2-5]",
  async (bench, version) => {
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("#");
    const client = bench.open(version);
    client.send(
      connect(version, {
        clientId: "client",
        will: { topic: "will", payload: "x" },
        username: "user",
        password: "guess",
      }),
      publish(version, { topic: "a", payload: "x" }),
      publish(version, { topic: "b", payload: "x", qos: 1, retain: true }),
      pingreq,
    );
    client.send(publish(version, { topic: "c", payload: "x" }));
    await assertRefused(client, version === 5 ? 0x86 : 4);
    assertEquals(await watcher.drain(), []);
    assertEquals(await watcher.subscribe("b"), [0]);
    assertEquals(await watcher.drain(), []);
  },
  () => ({ plugins: [doorman] }),
);

testIn(
  every,
  "broker handles what follows a CONNECT at once after its CONNACK [MQTT-3.1.4-5] [MQTT-3.2.0-1] [MQTT311-3.1.4-4] [MQTT311-3.2.0-1]",
  async (bench, version) => {
    const gate = Promise.withResolvers<boolean>();
    await using slow = await Bench.start({
      plugins: [{ name: "slow", authenticate: () => gate.promise }],
    });
    for (const one of [bench, slow]) {
      const client = one.open(version);
      client.send(
        connect(version, { clientId: "client" }),
        subscribe(version, 1, ["a"]),
        publish(version, { topic: "a", payload: "x", qos: 1, packetId: 2 }),
      );
      if (one === slow) gate.resolve(true);
      await client.next("connack");
      await client.next("suback");
      const [first, second] = await client.drain();
      assertEquals([first!.type, second!.type].sort(), ["puback", "publish"]);
    }
  },
);

testIn(
  every,
  "broker lets one of several connect that are decided on at the same time [MQTT-3.1.4-3] [MQTT311-3.1.4-2]",
  async (_, version) => {
    const gates: PromiseWithResolvers<boolean>[] = [];
    await using bench = await Bench.start({
      plugins: [{
        name: "slow",
        authenticate: () => {
          const gate = Promise.withResolvers<boolean>();
          gates.push(gate);
          return gate.promise;
        },
      }],
    });
    for (const clean of [true, false]) {
      const clients: RawClient[] = [];
      for (let count = 0; count < 4; count++) {
        const client = bench.open(version);
        client.send(connect(version, {
          clientId: "client",
          clean,
          properties: { sessionExpiryInterval: clean ? 0 : 100 },
        }));
        clients.push(client);
      }
      while (gates.length < 4) await Promise.resolve();
      for (const gate of gates.splice(0)) gate.resolve(true);
      for (const client of clients) await client.next("connack");
      const last = clients.pop()!;
      for (const client of clients) await assertDisconnected(client, 0x8e);
      await last.subscribe({ filter: "a", qos: 1 });
      await last.publish({ topic: "a", qos: 1, payload: "x" });
      assertEquals(await last.payloads(), ["x"]);
      assertEquals(bench.broker.metrics.clientsConnected, 1);
      await last.disconnect();
    }
  },
);

testIn(
  every,
  "broker forgets a CONNECT whose connection it gave up before it was decided on [MQTT-3.1.4-2] [MQTT-3.1.4-3]",
  async (_, version) => {
    const gate = Promise.withResolvers<boolean>();
    let slow = false;
    await using bench = await Bench.start({
      limits: { connectTimeout: 10 },
      plugins: [{
        name: "slow",
        authenticate: () => slow ? gate.promise : true,
      }],
    });
    const client = await bench.connect(version, "client");
    slow = true;
    const other = bench.open(version);
    other.send(connect(version, {
      clientId: "client",
      will: { topic: "will", payload: "x" },
    }));
    await client.subscribe("will");
    bench.pass(11);
    assertEquals(await other.untilClosed(), []);
    gate.resolve(true);
    for (let round = 0; round < 5; round++) {
      assertEquals(await client.drain(), []);
    }
    assertEquals(bench.broker.metrics.takeovers, 0);
    assertEquals(bench.broker.metrics.clientsConnected, 1);
  },
);

test("broker says nothing more than CONNACK needs where no problem information is wanted [MQTT-3.1.2-29]", async (_) => {
  await using bench = await Bench.start({
    plugins: [{
      name: "nobody",
      authorize: (_client, { topic }) => topic !== "denied",
    }],
  });
  const client = await bench.connect(5, "client", {
    properties: { requestProblemInformation: 0 },
  });
  const puback = await client.publish({ topic: "denied", qos: 1 });
  assertEquals(puback!.properties, {});
  const pubrec = await client.publish({ topic: "denied", qos: 2 });
  assertEquals(pubrec!.properties, {});
  const suback = await client.subscribeWith({}, "denied");
  assertEquals(suback.properties, {});
  assertEquals((await client.unsubscribe("none")).properties, {});
  client.acknowledge("pubrel", 99);
  assertEquals((await client.next("pubcomp")).properties, {});
});

test("broker sends no Response Information that was not requested [MQTT-3.1.2-28]", async (bench) => {
  for (const some of [{}, { requestResponseInformation: 0 }]) {
    const { connack } = await bench.connect(5, "client", { properties: some });
    assertEquals(connack!.properties.responseInformation, undefined);
  }
});

test("broker sends no more topic aliases than the client takes [MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-11]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  for (const maximum of [undefined, 0, 2]) {
    const client = await bench.connect(5, "client", {
      properties: maximum === undefined ? {} : { topicAliasMaximum: maximum },
    });
    await client.subscribe({ filter: "#", qos: 1 });
    const sent: string[] = [];
    for (let round = 0; round < 5; round++) {
      for (const name of ["b", "c", "b", "d"]) {
        const topic = `a/rather/long/topic/${name}`;
        sent.push(topic);
        await publisher.publish({ topic, payload: "x", qos: round % 2 });
      }
    }
    const topics = new Map<number, string>();
    const received: string[] = [];
    let left = 0;
    for (const { topic, properties } of await client.collect()) {
      const alias = properties.topicAlias;
      if (alias === undefined) {
        received.push(topic);
        continue;
      }
      assertEquals(alias >= 1 && alias <= maximum!, true);
      if (topic === "") left++;
      else topics.set(alias, topic);
      received.push(topics.get(alias)!);
    }
    assertEquals(received, sent);
    assertEquals(left > 0, maximum === 2, "names that were left out");
    // they end with the connection, which the next client's CONNECT takes over
  }
});

test("broker sends a message with an alias whose name it is left without only if it fits [MQTT-3.1.2-24]", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const client = await bench.connect(5, "client", {
    properties: { topicAliasMaximum: 5, maximumPacketSize: 60 },
  });
  await client.subscribe("#");
  const topic = "a/rather/long/topic";
  const sizes = [37, 36, 34, 5, 37, 52, 53];
  for (const size of sizes) {
    await publisher.publish({ topic, payload: "x".repeat(size) });
  }
  assertEquals(
    (await client.collect()).map(({ topic, properties, payload }) => [
      topic,
      properties.topicAlias,
      payload.length,
    ]),
    [
      // 37 is too large with the name, 36 and 34 with the name and an alias
      [topic, undefined, 36],
      [topic, undefined, 34],
      [topic, 1, 5],
      ["", 1, 37],
      ["", 1, 52],
    ],
  );
});
