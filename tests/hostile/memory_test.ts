/** Attacks on what the broker keeps for others: sessions, wills, messages. */

import { assert, assertEquals } from "@std/assert";
import { connect, join, pingreq, publish, subscribe } from "../_raw_client.ts";
import { type Attacker, growth, ROOM, Siege } from "./_siege.ts";

const forever = { sessionExpiryInterval: 0xffff_ffff };

async function handled(attacker: Attacker): Promise<void> {
  await attacker.send(pingreq);
  await attacker.until("pingresp");
}

Deno.test("hostile: retained messages stop at their number, with 0x97, and replacing them goes on", async () => {
  await using siege = await Siege.lay({ limits: { retainedMessages: 500 } });
  const attacker = await siege.client({ clientId: "attacker" });
  const codes: number[] = [];
  for (let id = 1; id <= 1000; id++) {
    const fields = { topic: `r/${id}`, payload: "x", qos: 1, retain: true };
    await attacker.send(publish(5, { ...fields, packetId: id }));
    const puback = await attacker.until("puback");
    codes.push(puback.type === "puback" ? puback.code : -1);
  }
  assertEquals(codes.slice(0, 500).includes(0x97), false);
  assertEquals(new Set(codes.slice(500)), new Set([0x97]));
  assertEquals(siege.broker.metrics.publishRefused, 500);
  const fields = { topic: "r/1", payload: "y", qos: 1, retain: true };
  await attacker.send(publish(5, fields));
  const puback = await attacker.until("puback");
  assert(puback.type === "puback" && puback.code < 0x80);
});

Deno.test("hostile: retained messages stop at their bytes, deep topics counted", async () => {
  await using siege = await Siege.lay({ limits: { retainedBytes: 1_000_000 } });
  const attacker = await siege.client({ clientId: "attacker" });
  const grown = await growth(async () => {
    for (let i = 0; i < 2000; i++) {
      // 200 levels and not a byte in them.
      const topic = `${i}${"/".repeat(199)}`;
      await attacker.send(publish(5, { topic, payload: "x", retain: true }));
    }
    await attacker.send(publish(5, {
      topic: "large",
      payload: "x".repeat(1_000_000),
      retain: true,
    }));
    await handled(attacker);
  });
  assert(grown < ROOM, `${grown} MB`);
  assert(siege.broker.metrics.publishRefused > 1970);
});

for (const version of [4, 5] as const) {
  Deno.test(`hostile: sessions that are kept for ever stop at their number, others do not (version ${version})`, async () => {
    await using siege = await Siege.lay({ limits: { sessions: 100 } });
    const greeting = (i: number) =>
      connect(version, {
        clientId: `session ${i}`,
        clean: version === 5,
        ...(version === 5 ? { properties: forever } : {}),
      });
    const code = async (bytes: Uint8Array): Promise<number> => {
      using attacker = await siege.open(version);
      await attacker.send(bytes);
      const connack = await attacker.until("connack");
      assert(connack.type === "connack");
      return connack.code;
    };
    const { metrics } = siege.broker;
    for (let i = 0; i < 100; i++) {
      assertEquals(await code(greeting(i)), 0);
      await siege.until("it has gone", () => metrics.clientsConnected === 2);
    }
    const refused = version === 5 ? 0x97 : 3;
    for (let i = 100; i < 200; i++) {
      assertEquals(await code(greeting(i)), refused);
    }
    assertEquals(await code(connect(version, { clientId: "passing" })), 0);
    assertEquals(await code(greeting(7)), 0); // one that is there
    assertEquals(metrics.connectionsRefused, 100);
  });
}

Deno.test("hostile: five hundred clients are lost at once, each with a will for all of them", async () => {
  await using siege = await Siege.lay();
  const watcher = await siege.client({ clientId: "watcher" });
  await watcher.send(subscribe(5, 1, ["wills"]));
  await watcher.until("suback");
  const attackers: Attacker[] = [];
  for (let i = 0; i < 500; i++) {
    const will = { topic: "wills", payload: `${i}` };
    const one = await siege.client({ clientId: `will ${i}`, will });
    await one.send(subscribe(5, 1, ["wills"]));
    attackers.push(one);
  }
  for (const one of attackers) one[Symbol.dispose]();
  for (let i = 0; i < 500; i++) await watcher.until("publish");
  assertEquals(siege.broker.metrics.willsPublished, 500);
});

Deno.test("hostile: the same client identifier by many at once is one session, and one connection", async () => {
  await using siege = await Siege.lay();
  const { metrics } = siege.broker;
  const clientId = "twin";
  await Promise.all(Array.from({ length: 200 }, async () => {
    const attacker = await siege.open();
    await attacker.send(connect(5, { clientId, properties: forever }));
    await attacker.until("connack");
  }));
  assertEquals(metrics.clientsConnected, 3);
  assertEquals(metrics.takeovers, 199);
});

Deno.test("hostile: messages that expire one after the other in full queues cost no more than others", async () => {
  await using siege = await Siege.lay();
  for (let i = 0; i < 20; i++) {
    const away = { clientId: `away ${i}`, properties: forever };
    const one = await siege.client(away);
    await one.send(subscribe(5, 1, [{ filter: "t", qos: 1 }]));
    await one.until("suback");
    one[Symbol.dispose]();
  }
  const attacker = await siege.client({ clientId: "attacker" });
  const bytes = publish(5, {
    topic: "t",
    qos: 1,
    properties: { messageExpiryInterval: 1 },
  });
  const many = join(...Array(100).fill(bytes));
  for (let i = 0; i < 200; i++) {
    await attacker.send(many);
    for (let k = 0; k < 100; k++) await attacker.until("puback");
    siege.skip(0.008);
  }
  const { droppedExpired, droppedQueueFull } = siege.broker.metrics;
  assert(droppedExpired + droppedQueueFull >= 200_000);
});
