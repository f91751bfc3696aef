/** Attacks by clients: packets that cost the broker more than them. */

import { assert, assertEquals } from "@std/assert";
import {
  acknowledge,
  field,
  hex,
  join,
  packet,
  pingreq,
  publish,
  subscribe,
  u16,
  varint,
} from "../_raw_client.ts";
import { growth, ROOM, Siege } from "./_siege.ts";

/** Properties of these bytes, so many times. */
function repeated(bytes: Uint8Array, count: number): Uint8Array {
  const all = new Uint8Array(bytes.length * count);
  for (let i = 0; i < count; i++) all.set(bytes, i * bytes.length);
  return join(varint(all.length), all);
}

/** The shortest user property there is. */
const USER_PROPERTY = hex("26 00 00 00 00");

const alias = (topicAlias: number, topic = "a"): Uint8Array =>
  publish(5, { topic, properties: { topicAlias } });

/** What a client may not send, and the DISCONNECT that it gets. */
const violations: readonly [what: string, bytes: Uint8Array, code: number][] = [
  ["a PUBLISH of 256 MB", hex("30 ff ff ff 7f"), 0x95],
  ["a remaining length of five bytes", hex("30 ff ff ff ff 01"), 0x81],
  [
    "a second CONNECT",
    hex("10 0d 00 04 4d 51 54 54 05 02 00 00 00 00 00"),
    0x82,
  ],
  ["the topic alias 0", alias(0), 0x94],
  ["a topic alias above the maximum", alias(33), 0x94],
  ["a topic alias that stands for nothing", alias(7, ""), 0x82],
  ["a topic that is not UTF-8", packet(0x30, hex("00 02 c3 28 00")), 0x81],
  ["a topic with a surrogate", packet(0x30, hex("00 03 ed a0 80 00")), 0x81],
  ["a topic with U+0000", packet(0x30, hex("00 01 00 00")), 0x81],
  ["a topic with a wildcard", publish(5, { topic: "a/#" }), 0x81],
  ["QoS 3", packet(0x36, hex("00 01 61 00 01 00")), 0x81],
  ["a packet that only the broker sends", hex("d0 00"), 0x82],
  ["a packet of the reserved type", hex("00 00"), 0x81],
  [
    "properties longer than the packet",
    packet(0x30, hex("00 01 61 ff 7f")),
    0x81,
  ],
  ["a property twice", packet(0x30, hex("00 01 61 04 01 00 01 00")), 0x82],
];

for (const [what, bytes, code] of violations) {
  Deno.test(`hostile: a client that sends ${what} is told 0x${code.toString(16)} and closed`, async () => {
    await using siege = await Siege.lay();
    const attacker = await siege.client({ clientId: "attacker" });
    await attacker.send(bytes);
    assertEquals(await attacker.verdict(), code);
    assertEquals(siege.reasons.length, 1);
    assertEquals(siege.broker.metrics.protocolErrors, 1);
  });
}

Deno.test("hostile: clients that announce 256 MB get no memory for it, and those that announce 2 MiB as it comes", async () => {
  await using siege = await Siege.lay();
  const grown = await growth(async () => {
    for (let i = 0; i < 100; i++) {
      const attacker = await siege.client({ clientId: `256 MB ${i}` });
      await attacker.send(hex("32 ff ff ff 7f 00 01 61"));
      assertEquals(await attacker.verdict(), 0x95);
      const patient = await siege.client({ clientId: `2 MB ${i}` });
      await patient.send(hex("32 f0 ff 7f 00 01 61"));
    }
    await siege.peace(2);
  });
  assert(grown < 50, `${grown} MB`);
});

Deno.test("hostile: a packet a byte at a time keeps no connection alive", async () => {
  await using siege = await Siege.lay();
  const attacker = await siege.client({ clientId: "drip", keepAlive: 10 });
  const bytes = publish(5, { topic: "a", payload: "x".repeat(1000) });
  for (let i = 0; i < 15; i++) {
    await attacker.send(bytes.slice(i, i + 1));
    await siege.peace(3); // it has arrived
    siege.pass(1.01);
  }
  assertEquals(await attacker.verdict(), 0x8d);
  assertEquals(siege.broker.metrics.keepAliveTimeouts, 1);
});

Deno.test("hostile: a large packet that comes slowly, but does, is taken", async () => {
  await using siege = await Siege.lay();
  const sender = await siege.client({ clientId: "slow", keepAlive: 10 });
  const payload = "x".repeat(40_000);
  const bytes = publish(5, { topic: "a", payload, qos: 1, packetId: 1 });
  for (let i = 0; i < bytes.length; i += 2000) {
    await sender.send(bytes.slice(i, i + 2000));
    await siege.peace(3); // it has arrived
    siege.pass(9);
  }
  await sender.until("puback");
});

Deno.test("hostile: 400,000 user properties in a packet, again and again, are no more than a packet", async () => {
  await using siege = await Siege.lay();
  const attacker = await siege.client({ clientId: "attacker" });
  const many = repeated(USER_PROPERTY, 400_000);
  const bytes = packet(0x32, field("a"), u16(1), many);
  const grown = await growth(async () => {
    for (let i = 0; i < 5; i++) {
      await attacker.send(bytes);
      await attacker.until("puback");
    }
  });
  assert(grown < ROOM, `${grown} MB`);
});

Deno.test("hostile: user properties by the ten thousand to a hundred queues are counted once", async () => {
  await using siege = await Siege.lay();
  const properties = { sessionExpiryInterval: 1000 };
  for (let i = 0; i < 100; i++) {
    const one = await siege.client({ clientId: `away ${i}`, properties });
    await one.send(hex("82 07 00 01 00 00 01 61 01"));
    await one.until("suback");
    one[Symbol.dispose]();
  }
  const attacker = await siege.client({ clientId: "attacker" });
  const many = repeated(USER_PROPERTY, 50_000);
  for (let id = 1; id <= 4; id++) {
    await attacker.send(packet(0x32, field("a"), u16(id), many));
    await attacker.until("puback");
  }
  // 6.4 MB each, as they are counted: two of them fit into 16 MiB.
  assertEquals(siege.broker.metrics.droppedQueueFull, 200);
});

Deno.test("hostile: 32 topic aliases with topics of 64 KB, assigned again and again, stand for the last 32", async () => {
  await using siege = await Siege.lay();
  const attacker = await siege.client({ clientId: "attacker" });
  const topicOf = (round: number, i: number): string =>
    `${round}/${i}/`.padEnd(65_535, "x");
  for (let round = 0; round < 8; round++) {
    for (let i = 1; i <= 32; i++) {
      await attacker.send(alias(i, topicOf(round, i)));
    }
  }
  await attacker.send(subscribe(5, 1, ["#"]), alias(7, ""));
  const message = await attacker.until("publish");
  assertEquals(message.type === "publish" && message.topic, topicOf(7, 7));
});

Deno.test("hostile: a flood of PINGREQ is answered as fast as the answers are read", async () => {
  await using siege = await Siege.lay({
    limits: { outboundBytes: 100_000, maximumPacketSize: 100_000 },
  });
  const attacker = await siege.client({ clientId: "attacker" });
  const pings = repeated(pingreq, 32_768).subarray(3);
  // Nobody reads: at some time nothing more is taken.
  let sent = 0;
  const sending = (async () => {
    for (; sent < 1000 && await attacker.send(pings); sent++);
  })();
  await siege.until(
    "nothing is taken",
    () => siege.broker.metrics.packetsReceived > 100_000,
  );
  let before = -1;
  await siege.until("nothing more is handled", () => {
    const now = siege.broker.metrics.packetsReceived - siege.exchanged * 3;
    const still = Math.abs(now - before) < 100;
    before = now;
    return still;
  });
  assert(sent < 1000);
  siege.pass(1);
  siege.pass(61);
  await sending;
  assertEquals(siege.reasons, ["the client has read nothing for 60 s"]);
  assertEquals(siege.broker.metrics.stalled, 1);
});

Deno.test("hostile: acknowledgements of what was never sent are answered or ignored, and cost nothing", async () => {
  await using siege = await Siege.lay();
  const attacker = await siege.client({ clientId: "attacker" });
  const all: Uint8Array[] = [];
  for (let id = 1; id <= 20_000; id++) {
    all.push(acknowledge("pubrel", id));
    all.push(acknowledge("puback", id), acknowledge("pubcomp", id));
  }
  const sending = attacker.send(join(...all));
  for (let id = 1; id <= 20_000; id++) {
    const answer = await attacker.next();
    assert(answer?.type === "pubcomp");
    assertEquals([answer.packetId, answer.code], [id, 0x92]);
  }
  await sending;
});

Deno.test("hostile: more QoS 2 messages that are not released than the Receive Maximum are too many: 0x93", async () => {
  await using siege = await Siege.lay({ limits: { receiveMaximum: 100 } });
  const attacker = await siege.client({ clientId: "attacker" });
  const fields = { topic: "a", qos: 2 };
  const all = Array.from(
    { length: 101 },
    (_, i) => publish(5, { ...fields, packetId: i + 1 }),
  );
  await attacker.send(...all);
  assertEquals(await attacker.verdict(), 0x93);
});

Deno.test("hostile: before 5.0 the packet identifiers bound the QoS 2 messages that are not released", async () => {
  await using siege = await Siege.lay();
  const attacker = await siege.client({ clientId: "attacker" }, 4);
  const fields = { topic: "a", qos: 2 };
  const grown = await growth(async () => {
    for (let round = 0; round < 2; round++) {
      const all: Uint8Array[] = [];
      for (let id = 1; id <= 65_535; id++) {
        all.push(publish(4, { ...fields, packetId: id }));
      }
      const sending = attacker.send(join(...all));
      for (let id = 1; id <= 65_535; id++) await attacker.until("pubrec");
      await sending;
    }
  });
  assert(grown < ROOM, `${grown} MB`);
});
