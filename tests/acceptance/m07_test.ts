/** M7: `topic-check`: who may publish, subscribe to and receive what. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { MQTTClient } from "../../mod.ts";
import { ConfiguredBroker, refusal, run } from "./_stage.ts";

const open = `
listeners: {default: {bind: "127.0.0.1:0"}}
auth: {allow-anonymous: true}
`;

/** A client of this user; without a name it is anonymous. */
async function clientOf(
  broker: ConfiguredBroker,
  username?: string,
  more: object = {},
): Promise<MQTTClient> {
  const client = new MQTTClient({
    url: broker.url(),
    autoReconnect: false,
    protocolVersion: 5,
    ...(username === undefined ? {} : { username, password: "any" }),
    ...more,
  });
  await client.connect();
  return client;
}

/** Which of these filters a user may subscribe to. */
async function granted(
  broker: ConfiguredBroker,
  username: string | undefined,
  filters: readonly string[],
): Promise<string[]> {
  await using client = await clientOf(broker, username);
  const codes = await client.subscribe(filters, { allowFailures: true });
  return filters.filter((_, i) => codes[i]! < 0x80);
}

/** Whether the broker takes a message. */
async function publishes(client: MQTTClient, topic: string): Promise<boolean> {
  try {
    await client.publish(topic, "x", { qos: 1 });
    return true;
  } catch {
    return false;
  }
}

/** The texts that came before a message to oneself. */
async function received(client: MQTTClient): Promise<string[]> {
  const texts: string[] = [];
  const end = `end of ${client.clientId}`;
  await client.publish("end", end, { qos: 1 });
  for (;;) {
    const text = (await client.deliverMessage(10)).text();
    if (text === end) return texts;
    if (!text.startsWith("end of ")) texts.push(text);
  }
}

const acl = `
topic-check:
  enabled: true
  plugins: ['topic_acl']
  acl:
    username1: ['repositories/+/master', 'calendar/#', 'data/memes']
    username2: ['+', 'own/#']
    system: ['$SYS/#']
    anonymous: []
`;

Deno.test("M7: acl allows the filters that lie within its own, by user", async () => {
  await using broker = await ConfiguredBroker.start(open + acl);
  const asked = [
    ...["repositories/a/master", "repositories/+/master", "repositories/a/b"],
    ...["repositories/#", "repositories/+/+", "calendar", "calendar/2026/#"],
    ...["calendar/+", "calendar/#", "data/memes", "data/+", "data", "#", "+"],
    ...["$SYS/broker/uptime", "a", "a/b", "own", "own/a/+", "+/+"],
  ];
  assertEquals(await granted(broker, "username1", asked), [
    ...["repositories/a/master", "repositories/+/master"],
    ...["calendar", "calendar/2026/#", "calendar/+", "calendar/#"],
    "data/memes",
  ]);
  // `+` is not `#`, and matches all topics of one level.
  assertEquals(
    await granted(broker, "username2", asked),
    ["calendar", "data", "+", "a", "own", "own/a/+"],
  );
  assertEquals(await granted(broker, "system", asked), ["$SYS/broker/uptime"]);
  assertEquals(await granted(broker, undefined, asked), []);
  assertEquals(await granted(broker, "not-in-the-list", asked), []);
  // A share name changes nothing.
  const shared = ["$share/g/calendar/a", "$share/g/data/x"];
  assertEquals(await granted(broker, "username1", shared), [shared[0]]);
  // The warning that anybody publishes anything.
  assert(broker.log.some((line) => line.includes("publish-acl")));
});

for (
  const [what, section] of [
    ["absent", ""],
    ["not enabled", acl.replace("enabled: true", "enabled: False")],
    ["not said to be enabled", acl.replace("  enabled: true\n", "")],
  ] as const
) {
  Deno.test(`M7: topic-check that is ${what} filters nothing`, async () => {
    await using broker = await ConfiguredBroker.start(open + section);
    const filters = ["#", "prohibited", "calendar/#", "x"];
    assertEquals(await granted(broker, undefined, filters), filters);
    assertEquals(await granted(broker, "username1", filters), filters);
    await using client = await clientOf(broker, "username1");
    assert(await publishes(client, "top-secret"));
  });
}

const all = `
topic-check:
  enabled: on
  plugins: [topic_acl]
  subscribe-acl:
    ann: ['#']
    bob: ['#']
    anonymous: ['public/#']
  publish-acl:
    ann: ['ann/#', 'shared', end, 'w/#']
    bob: [shared, end, bob]
  receive_acl:
    ann: ['#']
    bob: [shared, end]
`;

Deno.test("M7: publish-acl and receive-acl hold for messages, wills and retained ones", async () => {
  await using broker = await ConfiguredBroker.start(open + all);
  await using ann = await clientOf(broker, "ann");
  await using bob = await clientOf(broker, "bob");
  await ann.subscribe("#", { qos: 1 });
  await bob.subscribe("#", { qos: 1 });
  // Publishing.
  assertEquals(await publishes(ann, "ann/1"), true);
  assertEquals(await publishes(ann, "ann"), true);
  assertEquals(await publishes(ann, "bob"), false);
  assertEquals(await publishes(bob, "ann/1"), false);
  await using anonymous = await clientOf(broker);
  assertEquals(await publishes(anonymous, "public/1"), false);
  // Receiving.
  await ann.publish("shared", "to both", { qos: 1 });
  await ann.publish("ann/2", "to herself", { qos: 1 });
  assertEquals(await received(ann), ["x", "x", "to both", "to herself"]);
  assertEquals(await received(bob), ["to both"]);
  // Retained messages, of which some are not for everybody.
  await ann.publish("ann/kept", "kept", { qos: 1, retain: true });
  await ann.publish("shared", "kept too", { qos: 1, retain: true });
  await using bobAgain = await clientOf(broker, "bob");
  await bobAgain.subscribe("#", { qos: 1 });
  assertEquals(await received(bobAgain), ["kept too"]);
  assertEquals(await publishes(bob, "ann/kept"), false);
});

Deno.test("M7: a will is published only where its client may publish", async () => {
  await using broker = await ConfiguredBroker.start(open + all);
  await using ann = await clientOf(broker, "ann");
  await ann.subscribe(["w/#", "bob", "shared"], { qos: 1 });
  const leaves = async (username: string, topic: string): Promise<void> => {
    const payload = `will of ${username} to ${topic}`;
    const will = { topic, payload, qos: 1 as const };
    const client = await clientOf(broker, username, { will });
    // 4: disconnect with will.
    await client.disconnect({ reasonCode: 4 });
  };
  await leaves("bob", "w/bob");
  await leaves("ann", "bob");
  await leaves("bob", "shared");
  await leaves("ann", "w/ann");
  const got = [
    (await ann.deliverMessage(10)).text(),
    (await ann.deliverMessage(10)).text(),
  ];
  assertEquals(got.sort(), ["will of ann to w/ann", "will of bob to shared"]);
});

Deno.test("M7: topic_taboo keeps its topics for admin", async () => {
  await using broker = await ConfiguredBroker.start(
    `${open}topic-check: {enabled: true, plugins: [topic_taboo]}\n`,
  );
  const filters = ["prohibited", "top-secret", "data/classified", "data/open"];
  assertEquals(await granted(broker, "ann", filters), ["data/open"]);
  assertEquals(await granted(broker, undefined, filters), ["data/open"]);
  assertEquals(await granted(broker, "admin", filters), filters);
});

Deno.test("M7: a refused subscription is 0x80 in 3.1.1, and sub says so", async () => {
  await using broker = await ConfiguredBroker.start(open + acl);
  await using client = await clientOf(broker, "username1", {
    protocolVersion: 4,
  });
  const codes = await client.subscribe(["calendar/#", "#"], {
    allowFailures: true,
  });
  assertEquals(codes, [0, 0x80]);
  const { code, stderr } = await run([
    ...["sub", "-p", `${broker.port()}`, "-t", "#", "-u", "username1"],
  ]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, 'ambermq sub: Cannot subscribe to "#": ');
});

for (
  const [section, line, problem] of [
    ["  acl: {u: ['a/#/b']}\n", "6:", "acl.u[0]"],
    ["  acl: {u: a}\n", "6:", "topic-check.acl.u"],
    ["  plugins: [topic_akl]\n", "6:", "there is no plugin topic_akl"],
    ["  acl: {u: [a]}\n  subscribe-acl: {u: [a]}\n", "6:", "subscribe-acl"],
    ["  username1: [a]\n", "6:", "there is no topic-check.username1"],
  ] as const
) {
  Deno.test(`M7: topic-check with ${section.trim()} does not start`, async () => {
    const { code, stderr } = await refusal(
      `${open}topic-check:\n  enabled: true\n${section}`,
    );
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, `DIR/broker.yaml:${line}`);
    assertStringIncludes(stderr, problem);
  });
}
