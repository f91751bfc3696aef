import { assertEquals, assertThrows } from "@std/assert";
import type { BrokerConfig } from "../../broker/mod.ts";
import { SettingsError } from "../../codec/mod.ts";
import { topicAcl, type TopicAclOptions } from "../../plugins/mod.ts";
import { Bench } from "../conformance/_bench.ts";
import type { RawClient, Version } from "../_raw_client.ts";
import { RecordingLogger } from "./_log.ts";

function start(
  options: TopicAclOptions,
  config: BrokerConfig = {},
): Promise<Bench> {
  return Bench.start({
    logger: new RecordingLogger(),
    ...config,
    plugins: [topicAcl(options)],
  });
}

/** A client of a user: its name is that of its user. */
function connect(
  bench: Bench,
  username: string | undefined,
  version: Version = 5,
): Promise<RawClient> {
  return bench.connect(version, username ?? "nobody", {
    ...(username === undefined ? {} : { username }),
  });
}

const DENIED = 0x87;

/** What users may subscribe to, and the codes that they get. */
const subscriptions: readonly [
  user: string | undefined,
  filter: string,
  code: number,
][] = [
  ["alice", "home/kitchen", 0],
  ["alice", "home", 0],
  ["alice", "home/#", 0],
  ["alice", "home/+/light", 0],
  ["alice", "#", DENIED],
  ["alice", "+/kitchen", DENIED],
  ["alice", "$share/group/home/kitchen", 0],
  ["alice", "$share/group/garden", DENIED],
  ["alice", "$SYS/broker/uptime", DENIED],
  ["bob", "rooms/1", 0],
  ["bob", "rooms/+", 0],
  ["bob", "rooms/#", DENIED],
  ["bob", "rooms", DENIED],
  ["root", "#", 0],
  ["root", "$SYS/broker/uptime", DENIED],
  ["monitor", "$SYS/broker/uptime", 0],
  ["empty", "home", DENIED],
  ["unknown", "home", DENIED],
  ["constructor", "home", DENIED],
  [undefined, "public/1", 0],
  [undefined, "home/kitchen", DENIED],
  ["", "public/1", 0],
];

const acl = {
  alice: ["home/#"],
  bob: ["rooms/+"],
  root: ["#"],
  monitor: ["$SYS/#"],
  empty: [],
  anonymous: ["public/+"],
};

for (const [user, filter, code] of subscriptions) {
  Deno.test(`topic_acl ${code === 0 ? "lets" : "does not let"} ${JSON.stringify(user) ?? "nobody"} subscribe to ${filter}`, async () => {
    for (const options of [{ acl }, { subscribeAcl: acl }]) {
      await using bench = await start(options);
      const client = await connect(bench, user);
      assertEquals(await client.subscribe(filter), [code]);
    }
  });
}

for (const version of [4, 5] as const) {
  Deno.test(`topic_acl refuses what is not allowed in the words of ${version}`, async () => {
    await using bench = await start({ acl, publishAcl: acl });
    const alice = await connect(bench, "alice", version);
    assertEquals(await alice.subscribe("home/1", "garden", "home/2"), [
      0,
      version === 5 ? DENIED : 0x80,
      0,
    ]);
    const answer = await alice.publish({ topic: "garden", qos: 1 });
    assertEquals(answer?.code, version === 5 ? DENIED : 0);
    assertEquals(bench.broker.metrics.publishRefused, 1);
  });
}

Deno.test("topic_acl lets everybody publish where there is no publish-acl, and warns", async () => {
  const logger = new RecordingLogger();
  await using bench = await start({ acl }, { logger });
  assertEquals(logger.take(), [
    "WARNING topic_acl: there is no publish-acl: everybody may publish everything",
  ]);
  const root = await connect(bench, "root");
  await root.subscribe("#");
  const unknown = await connect(bench, "unknown");
  await unknown.publish({ topic: "garden", payload: "x" });
  assertEquals(await root.payloads(), ["x"]);
});

Deno.test("topic_acl lets nobody subscribe where only publish-acl is there, and warns", async () => {
  const logger = new RecordingLogger();
  await using bench = await start({ publishAcl: acl }, { logger });
  assertEquals(logger.take(), [
    "WARNING topic_acl: there is no acl: nobody may subscribe",
  ]);
  const root = await connect(bench, "root");
  assertEquals(await root.subscribe("#"), [DENIED]);
});

Deno.test("topic_acl lets users publish what publish-acl says", async () => {
  const publishAcl = {
    alice: ["home/alice/#", "a/+/c"],
    anonymous: ["public"],
  };
  await using bench = await start({ acl, publishAcl });
  const root = await connect(bench, "root");
  await root.subscribe("#");
  const alice = await connect(bench, "alice");
  const nobody = await connect(bench, undefined);
  for (
    const topic of ["home/alice", "home/alice/1", "home/bob", "a/b/c", "a/b"]
  ) await alice.publish({ topic, payload: topic, qos: 1 });
  for (const topic of ["public", "public/1", "home/alice"]) {
    await nobody.publish({ topic, payload: `nobody ${topic}` });
  }
  await root.publish({ topic: "home/alice", payload: "root" });
  assertEquals(await root.payloads(), [
    "home/alice",
    "home/alice/1",
    "a/b/c",
    "nobody public",
  ]);
});

Deno.test("topic_acl asks about wills too", async () => {
  const publishAcl = { alice: ["status/alice"] };
  await using bench = await start({ acl, publishAcl });
  const root = await connect(bench, "root");
  await root.subscribe("#");
  for (const topic of ["status/alice", "status/bob"]) {
    const alice = await bench.connect(5, "alice", {
      username: "alice",
      will: { topic, payload: topic },
    });
    await alice.send("f3 00").untilClosed(); // no packet
  }
  assertEquals(await root.payloads(), ["status/alice"]);
});

Deno.test("topic_acl lets users receive what receive-acl says, retained messages too", async () => {
  const receiveAcl = { root: ["#"], alice: ["home/+"] };
  await using bench = await start({
    acl: { ...acl, alice: ["#"] },
    receiveAcl,
  });
  const root = await connect(bench, "root");
  await root.publish({ topic: "home/1", payload: "kept 1", retain: true });
  await root.publish({ topic: "home/1/2", payload: "kept 2", retain: true });
  await root.subscribe({ filter: "#", qos: 0, retainHandling: 2 });
  const alice = await connect(bench, "alice");
  await alice.subscribe({ filter: "#", qos: 1 });
  const bob = await connect(bench, "bob");
  await bob.subscribe("rooms/+");
  assertEquals(await alice.payloads(), ["kept 1"]);
  for (const topic of ["home/1", "home/1/2", "rooms/1"]) {
    await root.publish({ topic, payload: topic, qos: 1 });
  }
  assertEquals(await alice.payloads(), ["home/1"]);
  assertEquals(await bob.payloads(), []); // not in the list
  assertEquals(await root.payloads(), ["home/1", "home/1/2", "rooms/1"]);
  assertEquals(bench.broker.metrics.deliveriesDenied, 4);
});

Deno.test("topic_acl has nothing to say of deliveries without receive-acl", () => {
  assertEquals(topicAcl({ acl }).authorizeDelivery, undefined);
});

Deno.test("topic_acl is what topic-check of a configuration asks for", async () => {
  await using bench = await Bench.start({
    logger: new RecordingLogger(),
    "topic-check": {
      enabled: true,
      plugins: ["topic_acl"],
      "acl": acl,
      "publish-acl": { root: ["#"] },
    },
  } as BrokerConfig);
  const alice = await connect(bench, "alice");
  assertEquals(await alice.subscribe("home/+", "garden"), [0, DENIED]);
  assertEquals(
    (await alice.publish({ topic: "home/1", qos: 1 }))?.code,
    DENIED,
  );
});

/** Options that are not right, and why not. */
const wrong: readonly [options: unknown, message: string][] = [
  [{ acl, subscribeAcl: acl }, "acl and subscribe-acl are the same"],
  [{ acl: { alice: "home" } }, 'acl.alice is "home", not a list'],
  [{ acl: { alice: ["a/#/b"] } }, '"a/#/b": # is not its last level'],
  [{ publishAcl: { bob: ["a", ""] } }, 'publishAcl.bob[1] is "": it is empty'],
  [{ acl: { bob: ["$share/g/a"] } }, "has filters without share names"],
  [{ acls: {} }, "there is no acls; did you mean acl?"],
  [{ acl: ["a"] }, "acl is a list, not an object with keys"],
];

for (const [options, message] of wrong) {
  Deno.test(`topic_acl does not take ${JSON.stringify(options).slice(0, 60)}`, () => {
    assertThrows(
      () => topicAcl(options as TopicAclOptions),
      SettingsError,
      message,
    );
  });
}
