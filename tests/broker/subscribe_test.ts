import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import type { AccessRequest } from "../../broker/mod.ts";
import type { Peer } from "../../broker/_peer.ts";
import { handleSubscribe } from "../../broker/_subscribe.ts";
import type { SubackPacket, SubscribePacket } from "../../codec/mod.ts";
import { subscribe } from "../_raw_client.ts";
import { Bench, every, test, testIn } from "../conformance/_bench.ts";
import { Parts, plugin, request } from "./_parts.ts";

const asked: AccessRequest[] = [];

testIn(
  every,
  "plugins are asked about each filter, without its share name, and in its order [MQTT-3.8.4-5]",
  async (bench, version) => {
    asked.splice(0);
    const client = await bench.connect(version, "client");
    const codes = await client.subscribe(
      "a/#",
      { filter: "$share/group/secret/+", qos: 1 },
      { filter: "b", qos: 2 },
      { filter: "secret", qos: 2 },
    );
    const action = "subscribe" as const;
    assertEquals(asked, [
      { action, topic: "a/#", qos: 0 },
      { action, topic: "secret/+", qos: 1 },
      { action, topic: "b", qos: 2 },
      { action, topic: "secret", qos: 2 },
    ]);
    // [MQTT-3.9.3-1]
    const no = version === 5 ? 0x87 : 0x80;
    assertEquals(codes, [0, no, 2, no]);
    assertEquals(bench.broker.metrics.subscriptionsRefused, 2);
    await client.publish({ topic: "secret", qos: 1 });
    await client.publish({ topic: "secret/x", qos: 1 });
    await client.publish({ topic: "b", qos: 1 });
    assertEquals((await client.collect()).map(({ topic }) => topic), ["b"]);
  },
  () => ({
    plugins: [plugin({
      authorize: (_, request) => {
        if (request.action === "publish") return undefined;
        asked.push(request);
        // Some answers come later.
        return request.qos === 2
          ? Promise.resolve(!request.topic.startsWith("secret"))
          : !request.topic.startsWith("secret");
      },
    })],
  }),
);

const lines: string[] = [];

testIn(
  every,
  "events tell of each subscription that is made or ended, and of no other",
  async (bench, version) => {
    lines.splice(0);
    const client = await bench.connect(version, "client");
    await client.subscribe(
      { filter: "a", qos: 1 },
      "$share/x/b",
      "forbidden",
    );
    await client.unsubscribe("a", "never", "$share/x/b", "forbidden");
    await client.subscribe("c");
    // The end of the session is no UNSUBSCRIBE.
    await client.disconnect();
    assertEquals(lines, [
      "+ client a 1",
      "+ client $share/x/b 0",
      "- client a",
      "- client $share/x/b",
      "+ client c 0",
    ]);
  },
  () => ({
    plugins: [plugin({
      authorize: (_, { topic }) => topic !== "forbidden",
      on: {
        broker_client_subscribed: ({ clientId, topic, qos }) =>
          lines.push(`+ ${clientId} ${topic} ${qos}`),
        broker_client_unsubscribed: ({ clientId, topic }) =>
          lines.push(`- ${clientId} ${topic}`),
      },
    })],
  }),
);

Deno.test("client that is gone when a plugin has allowed its subscription gets none", async () => {
  const answer = Promise.withResolvers<boolean>();
  const lines: string[] = [];
  await using bench = await Bench.start({
    plugins: [plugin({
      authorize: (_, { topic }) => topic === "slow" ? answer.promise : true,
      on: { broker_client_subscribed: ({ topic }) => lines.push(topic) },
    })],
  });
  const other = await bench.connect(5, "other");
  const client = await bench.connect(5, "client");
  client.send(subscribe(5, 1, ["before", "slow", "after"]));
  await other.drain();
  await bench.connect(5, "client");
  answer.resolve(true);
  await other.drain();
  assertEquals(lines, ["before"]);
  const { code } = (await other.publish({ topic: "slow", qos: 1 }))!;
  assertEquals(code, 0x10);
});

test(
  "filter that the session has takes no room among its subscriptions",
  async (bench) => {
    const client = await bench.connect(5, "client");
    assertEquals(await client.subscribe("a", "b"), [0, 0]);
    assertEquals(await client.subscribe("c", "a", "b"), [0x97, 0, 0]);
    await client.unsubscribe("a");
    assertEquals(await client.subscribe("c"), [0]);
    assertEquals(bench.broker.metrics.subscriptionsRefused, 1);
  },
  () => ({ limits: { subscriptions: 2 } }),
);

test(
  "subscription whose retained messages are too many to wait is refused, and not made",
  async (bench) => {
    const publisher = await bench.connect(5, "publisher");
    for (const topic of ["a", "b"]) {
      await publisher.publish({ topic, retain: true, qos: 1, payload: topic });
    }
    const client = await bench.connect(5, "client", {
      properties: { receiveMaximum: 1 },
    });
    // The first message is not acknowledged; all others wait.
    const codes: number[] = [];
    for (const filter of ["#", "+", "+/#", "a"]) {
      codes.push(...await client.subscribe({ filter, qos: 1 }));
    }
    assertEquals(codes, [1, 1, 0x97, 0x97]);
    assertEquals(bench.broker.metrics.subscriptionsRefused, 2);
    assertEquals((await client.collect()).length, 4);
    await client.unsubscribe("#", "+");
    await publisher.publish({ topic: "a", qos: 1, payload: "nobody's" });
    assertEquals(await client.collect(), []);
  },
  () => ({ limits: { retainedMessages: 2 } }),
);

/** Filters of 10 levels. */
const long = Array.from({ length: 10 }, (_, i) => `${"a/".repeat(9)}${i}`);

test(
  "filters of a session take no more bytes than the limit, and free them",
  async (bench) => {
    const client = await bench.connect(5, "client");
    const codes = await client.subscribe(...long);
    const granted = codes.filter((code) => code === 0).length;
    assert(granted > 1 && granted < 10, `${granted}`);
    assertEquals(codes, long.map((_, i) => i < granted ? 0 : 0x97));
    // Again is no more.
    assertEquals(await client.subscribe(long[0]!), [0]);
    await client.unsubscribe(long[0]!);
    assertEquals(await client.subscribe(...long.slice(-2)), [0, 0x97]);
  },
  () => ({ limits: { subscriptionBytes: 10_000 } }),
);

test(
  "filters of a session take their bytes after a restart too",
  async (bench) => {
    const kept = { clean: false, properties: { sessionExpiryInterval: 100 } };
    const client = await bench.connect(5, "client", kept);
    const codes = await client.subscribe(...long);
    await bench.restart();
    const again = await bench.connect(5, "client", kept);
    assertEquals(again.connack?.sessionPresent, true);
    assertEquals(await again.subscribe(...long), codes);
  },
  () => ({ limits: { subscriptionBytes: 10_000 } }),
);

for (
  const [handling, first, again] of [[0, 1, 1], [1, 1, 0], [2, 0, 0]] as const
) {
  test(`retained message is sent ${first} and ${again} times for a new and a repeated subscription with Retain Handling ${handling} [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]`, async (bench) => {
    const client = await bench.connect(5, "client");
    await client.publish({ topic: "a", retain: true, payload: "x" });
    const filter = { filter: "a", retainHandling: handling };
    for (const expected of [first, again]) {
      await client.subscribe(filter);
      assertEquals((await client.collect()).length, expected);
    }
    // never for a shared one
    const shared = { ...filter, filter: "$share/x/a" };
    await client.subscribe(shared);
    assertEquals(await client.collect(), []);
  });
}

Deno.test("search for retained messages lets others have their turn when it is long", async () => {
  for (const ends of [false, true]) {
    const parts = new Parts();
    for (let i = 0; i < 3; i++) parts.retained.update(parts.message(`${i}/a`));
    const session = parts.session("client");
    const peer = { session, client: session.client, ended: false };
    const packet = {
      type: "subscribe",
      packetId: 1,
      subscriptions: ["+/a", "+/b", "+/c"].map((filter) => request(filter)),
    } as const;
    const subscribing = (): unknown =>
      handleSubscribe(
        parts,
        peer as unknown as Peer,
        packet as unknown as SubscribePacket,
      );
    // Few nodes are searched at once.
    const suback = subscribing();
    assertEquals((suback as SubackPacket).reasonCodes, [0, 0, 0]);
    // As if the first filter had met very many.
    const visited = [0, 1_000_000];
    parts.retained.takeVisited = () => visited.shift() ?? 0;
    session.filters.clear();
    const waiting = subscribing();
    assertInstanceOf(waiting, Promise);
    assertEquals([...session.filters], ["+/a"]);
    peer.ended = ends;
    const { reasonCodes } = await waiting as SubackPacket;
    assertEquals(reasonCodes, ends ? [0] : [0, 0, 0]); // nobody gets it
    assertEquals(session.filters.size, ends ? 1 : 3);
  }
});

Deno.test("filter that waits for another's search is handled in its next turn, however much others search meanwhile", async () => {
  const parts = new Parts();
  parts.retained.takeVisited = () => 1_000_000;
  const session = parts.session("client");
  const connection = { session, ended: false } as unknown as Peer;
  const packet: SubscribePacket = {
    type: "subscribe",
    packetId: 1,
    subscriptions: ["a", "b", "c"].map((filter) => request(filter)),
  };
  const answer = await handleSubscribe(parts, connection, packet);
  assertEquals((answer as SubackPacket).reasonCodes, [0, 0, 0]);
});
