/** Attacks by subscriptions: what makes the broker look for long. */

import { assert, assertEquals } from "@std/assert";
import {
  acknowledge,
  join,
  packet,
  pingreq,
  publish,
  subscribe,
  unsubscribe,
} from "../_raw_client.ts";
import { type Attacker, growth, ROOM, Siege } from "./_siege.ts";

/** Waits until all that was sent is handled. */
async function handled(attacker: Attacker): Promise<void> {
  await attacker.send(pingreq);
  await attacker.until("pingresp");
}

/** Subscribes; returns the codes of the SUBACK. */
async function codesOf(
  attacker: Attacker,
  filters: readonly string[],
): Promise<readonly number[]> {
  await attacker.send(subscribe(5, 1, filters));
  const suback = await attacker.until("suback");
  assert(suback.type === "suback");
  return suback.codes;
}

const levels = (level: string, count: number): string =>
  Array(count).fill(level).join("/");

Deno.test("hostile: filters with more levels than the limit are refused with 0x8f, those with as many are not", async () => {
  await using siege = await Siege.lay();
  const attacker = await siege.client({ clientId: "attacker" });
  const filters = [
    levels("+", 200),
    `${levels("+", 199)}/#`,
    levels("+", 201),
    `${levels("+", 200)}/#`,
    levels("", 65_536),
  ];
  assertEquals(await codesOf(attacker, filters), [0, 0, 0x8f, 0x8f, 0x8f]);
  assertEquals(siege.broker.metrics.subscriptionsRefused, 3);
  await attacker.send(publish(5, { topic: levels("a", 200) }));
  await attacker.until("publish");
});

Deno.test("hostile: a SUBSCRIBE of 2 MiB with half a million filters holds nobody up", async () => {
  await using siege = await Siege.lay();
  const attacker = await siege.client({ clientId: "attacker" });
  const count = 500_000;
  const body = new Uint8Array(3 + count * 4);
  body[1] = 1;
  for (let i = 0; i < count; i++) {
    body.set([0, 1, 0x41 + i % 26, 0], 3 + i * 4);
  }
  const before = siege.exchanged;
  await attacker.send(packet(0x82, body));
  const suback = await attacker.until("suback");
  assert(suback.type === "suback");
  assertEquals(suback.codes.length, count);
  // Others have had their turn in between, again and again.
  assert(siege.exchanged - before > 20, `${siege.exchanged - before}`);
  await attacker.send(packet(
    0xa2,
    body.subarray(0, 3),
    ...Array(1)
      .fill(join(...Array.from({ length: 100_000 }, () => [0, 1, 0x41]))),
  ));
  const unsuback = await attacker.until("unsuback");
  assert(unsuback.type === "unsuback");
  assertEquals(unsuback.codes.length, 100_000);
  assertEquals(new Set(unsuback.codes.slice(1)), new Set([0x11]));
});

Deno.test("hostile: above the limit on subscriptions of a session they are refused with 0x97", async () => {
  await using siege = await Siege.lay({ limits: { subscriptions: 1000 } });
  const attacker = await siege.client({ clientId: "attacker" });
  const filters = Array.from({ length: 5000 }, (_, i) => `f/${i}`);
  const codes = await codesOf(attacker, filters);
  assertEquals(codes.filter((code) => code === 0x97).length, 4000);
  assertEquals(siege.broker.metrics.subscriptionsRefused, 4000);
});

Deno.test("hostile: thousands of filters that all match a topic, and topics of which none comes back", async () => {
  await using siege = await Siege.lay();
  const attackers = [
    await siege.client({ clientId: "one" }),
    await siege.client({ clientId: "two" }),
    await siege.client({ clientId: "three" }),
  ];
  // Each level as it is, or a wildcard: 4,096 filters for 12 levels.
  const filters = Array.from(
    { length: 4096 },
    (_, i) =>
      Array.from({ length: 12 }, (_, bit) => i >> bit & 1 ? "+" : "a")
        .join("/"),
  );
  for (const one of attackers) await codesOf(one, filters);
  const topic = levels("a", 11);
  const flood = join(...Array.from(
    { length: 600 },
    (_, i) => publish(5, { topic: `${topic}/${i}` }),
  ));
  await Promise.all(attackers.map(async (one) => {
    await one.send(flood);
    for (let i = 0; i < 600; i++) await one.until("publish");
  }));
});

Deno.test("hostile: SUBSCRIBE and UNSUBSCRIBE without end make others' messages no slower", async () => {
  await using siege = await Siege.lay();
  const attacker = await siege.client({ clientId: "attacker" });
  const round = join(
    subscribe(5, 1, ["innocent/+", "+/#", "a/b/c"]),
    unsubscribe(5, 2, ["innocent/+", "+/#", "a/b/c"]),
  );
  const grown = await growth(async () => {
    const sending = attacker.send(join(...Array(5000).fill(round)));
    for (let i = 0; i < 5000; i++) await attacker.until("unsuback");
    await sending;
  });
  assert(grown < ROOM, `${grown} MB`);
});

Deno.test("hostile: shared subscriptions by the thousand, each of a group of its own", async () => {
  await using siege = await Siege.lay();
  const attacker = await siege.client({ clientId: "attacker" });
  const filters = Array.from({ length: 5000 }, (_, i) => `$share/g${i}/#`);
  await codesOf(attacker, filters);
  await siege.peace(20);
  const publisher = await siege.client({ clientId: "publisher" });
  const flood = Array.from(
    { length: 200 },
    (_, i) => publish(5, { topic: `t/${i}` }),
  );
  await publisher.send(join(...flood));
  await handled(publisher);
  // It reads nothing: what it does not take is dropped, and counted.
  assert(siege.broker.metrics.droppedSlow > 500_000);
});

Deno.test("hostile: a member of a large shared subscription that comes and goes with a full queue", async () => {
  await using siege = await Siege.lay();
  const properties = { sessionExpiryInterval: 1000 };
  const filters = [{ filter: "$share/g/t", qos: 1 }];
  const lost = { clientId: "lost", clean: false, properties };
  const first = await siege.client(lost);
  await first.send(subscribe(5, 1, filters));
  await first.until("suback");
  first[Symbol.dispose]();
  const publisher = await siege.client({ clientId: "publisher" });
  for (let i = 0; i < 10_000; i += 1000) {
    const some = Array.from(
      { length: 1000 },
      (_, k) => publish(5, { topic: "t", qos: 1, packetId: k + 1 }),
    );
    await publisher.send(join(...some));
    for (let k = 0; k < 1000; k++) await publisher.until("puback");
  }
  for (let i = 0; i < 500; i++) {
    const clientId = `member ${i}`;
    const member = await siege.client({ clientId, properties });
    await member.send(subscribe(5, 1, filters));
    await member.until("suback");
    member[Symbol.dispose]();
  }
  for (let i = 0; i < 100; i++) {
    const again = await siege.client(lost);
    again[Symbol.dispose]();
  }
  await siege.until(
    "all have gone",
    () => siege.broker.metrics.clientsConnected === 3,
  );
});

Deno.test("hostile: subscribing to all retained messages again and again without reading them", async () => {
  await using siege = await Siege.lay({ limits: { retainedMessages: 20_000 } });
  const publisher = await siege.client({ clientId: "publisher" });
  for (let i = 0; i < 20_000; i += 1000) {
    const some = Array.from(
      { length: 1000 },
      (_, k) =>
        publish(5, { topic: `r/${i + k}/a/b`, payload: "x", retain: true }),
    );
    await publisher.send(join(...some));
  }
  await handled(publisher);
  const attacker = await siege.client({ clientId: "attacker" });
  const grown = await growth(async () => {
    const packets = Array.from(
      { length: 300 },
      (_, i) => subscribe(5, i + 1, ["#", "+/#", "r/+/a/+", "r/#"]),
    );
    await attacker.send(join(...packets));
    await siege.peace(50);
  });
  assert(grown < ROOM, `${grown} MB`);
  assert(siege.broker.metrics.subscriptionsRefused > 0);
});

Deno.test("hostile: a reader that never reads loses QoS 0, keeps QoS 1 within its queue, and is closed when it stalls", async () => {
  await using siege = await Siege.lay({
    limits: { queuedMessages: 100, outboundBytes: 100_000 },
  });
  const attacker = await siege.client({ clientId: "attacker" });
  await attacker.send(subscribe(5, 1, [{ filter: "t", qos: 1 }]));
  await attacker.until("suback");
  const publisher = await siege.client({ clientId: "publisher" });
  const payload = "x".repeat(10_000);
  const { metrics } = siege.broker;
  let id = 0;
  while (metrics.droppedSlow < 100 || metrics.droppedQueueFull < 100) {
    const zero = publish(5, { topic: "t", payload });
    const packetId = id++ % 60_000 + 1;
    await publisher.send(
      zero,
      publish(5, { topic: "t", payload, qos: 1, packetId }),
    );
    await publisher.until("puback");
  }
  siege.pass(1);
  siege.pass(61);
  assertEquals(metrics.stalled, 1);
  assertEquals(siege.reasons, ["the client has read nothing for 60 s"]);
  await publisher.send(acknowledge("pubrel", 1));
  await publisher.until("pubcomp");
});
