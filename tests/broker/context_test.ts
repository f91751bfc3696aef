import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Broker,
  type BrokerConfig,
  type BrokerEvents,
  type Logger,
  MemoryStore,
  type Plugin,
  type PluginContext,
} from "../../broker/mod.ts";
import type { Qos } from "../../codec/mod.ts";
import { Bench } from "../conformance/_bench.ts";
import { publish, text } from "../_raw_client.ts";
import { plugin } from "./_parts.ts";

/** A broker with a plugin whose context is at hand. */
async function start(
  config: BrokerConfig & { plugins?: readonly Plugin[] } = {},
): Promise<{ bench: Bench; context: PluginContext }> {
  let context: PluginContext | undefined;
  const probe = plugin({
    start: (given) => {
      context = given;
    },
  });
  const plugins = [probe, ...config.plugins ?? []];
  const bench = await Bench.start({ ...config, plugins });
  return { bench, context: context! };
}

Deno.test("context gives the configuration, which nobody can change", async () => {
  const limits = { inflight: 7 };
  const { bench, context } = await start({ limits });
  await using _ = bench;
  assertEquals(context.config.limits, limits);
  assert(Object.isFrozen(context.config));
});

Deno.test("context gives the broker's logger and its clock", async () => {
  const logger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
  const { bench, context } = await start({ logger });
  await using _ = bench;
  assertStrictEquals(context.logger, logger);
  assertEquals(context.now(), bench.time);
});

Deno.test("context has a logger that takes warnings and errors where none is given", async () => {
  // Not a bench: that one has a logger.
  let context: PluginContext | undefined;
  const probe = plugin({ start: (given) => void (context = given) });
  await using broker = new Broker({ listeners: {}, plugins: [probe] });
  await broker.start();
  const levels = ["debug", "info", "warn", "error"] as const;
  assertEquals(
    levels.filter((level) => context?.logger.enabled?.(level)),
    ["warn", "error"],
  );
});

Deno.test("context gives what the broker has counted, as a copy", async () => {
  const { bench, context } = await start();
  await using _ = bench;
  const before = context.metrics;
  await bench.connect(5, "one");
  assertEquals(before.clientsConnected, 0);
  assertEquals(context.metrics.clientsConnected, 1);
  assertThrows(() => {
    (context.metrics as { clientsConnected: number }).clientsConnected = 9;
  }, TypeError);
  assertEquals(bench.broker.metrics.clientsConnected, 1);
});

Deno.test("context shows sessions, connected or not, as they are", async () => {
  const { bench, context } = await start();
  await using _ = bench;
  const keep = { properties: { sessionExpiryInterval: 100 } };
  const one = await bench.connect(5, "one", { username: "u", ...keep });
  await one.subscribe({ filter: "a/#", qos: 1 }, { filter: "b", qos: 2 });
  const session = context.getSession("one")!;
  assertEquals(session.clientId, "one");
  assertEquals(session.client.username, "u");
  assertEquals(session.connected, true);
  assertEquals(session.expiryInterval, 100);
  assertEquals(session.expiresAt, Infinity);
  assertEquals(session.subscriptions.size, 2);
  assertEquals([...session.subscriptions], [
    { clientId: "one", filter: "a/#", qos: 1 },
    { clientId: "one", filter: "b", qos: 2 },
  ]);
  context.publish({ topic: "b", payload: text("x"), qos: 2 });
  await one.next("publish");
  assertEquals([session.inflightOut, session.queued], [1, 0]);
  one.send(publish(5, { topic: "c", qos: 2, packetId: 9 }));
  await one.next("pubrec");
  assertEquals(session.inflightIn, 1);
  one.drop();
  await one.untilClosed();
  context.publish({ topic: "b", payload: text("x"), qos: 2 });
  assertEquals(session.connected, false);
  assertEquals(session.expiresAt, bench.time + 100_000);
  assertEquals([session.inflightOut, session.queued], [1, 1]);
  assertEquals(context.getSession("two"), undefined);
});

Deno.test("context's sessions and subscriptions can be iterated while clients come and go", async () => {
  const { bench, context } = await start();
  await using _ = bench;
  for (const name of ["one", "two", "three"]) {
    const client = await bench.connect(5, name);
    await client.subscribe({ filter: "a" }, { filter: `$share/g/${name}` });
  }
  assertEquals([context.sessions.size, context.subscriptions.size], [3, 6]);
  const seen: string[] = [];
  for (const { clientId } of context.sessions) {
    seen.push(clientId);
    // A new one is not one of those that there were.
    if (seen.length < 9) context.addSubscription(`${clientId}+`, "a");
    await bench.connect(5, "two", { clean: true });
  }
  assertEquals(seen, ["one", "two", "three"]);
  const filters: string[] = [];
  for (const { clientId, filter } of context.subscriptions) {
    filters.push(`${clientId} ${filter}`);
    bench.broker.publish({ topic: "a", payload: text("") });
    context.addSubscription("one", "more");
  }
  assertEquals(filters, [
    "one a",
    "one $share/g/one",
    "three a",
    "three $share/g/three",
    "one+ a",
    "two+ a",
    "three+ a",
  ]);
});

Deno.test("context shows retained messages with payloads of their own", async () => {
  const { bench, context } = await start();
  await using _ = bench;
  const correlationData = text("id");
  bench.broker.publish({
    topic: "a",
    payload: text("of a"),
    qos: 1,
    retain: true,
    properties: { correlationData, messageExpiryInterval: 10 },
  });
  context.retain({ topic: "$SYS/x", payload: text("of x") });
  assertEquals(context.retainedMessages.size, 2);
  bench.time += 4000;
  const [a, x, ...more] = context.retainedMessages;
  assertEquals(more, []);
  assertEquals(a, {
    topic: "a",
    payload: text("of a"),
    qos: 1,
    retain: true,
    properties: { correlationData, messageExpiryInterval: 6 },
  });
  assertEquals(x?.topic, "$SYS/x");
  x!.payload.fill(0);
  a!.properties!.correlationData!.fill(0);
  const [again, x2] = context.retainedMessages;
  assertEquals(again!.properties!.correlationData, correlationData);
  assertEquals(x2!.payload, text("of x"));
  assertNotStrictEquals(x2!.payload, x!.payload);
  bench.time += 6000; // the sweep has not come by yet
  assertEquals([...context.retainedMessages].length, 1);
});

Deno.test("context retains without sending, publishes without asking", async () => {
  const denying = plugin({ authorize: ({ clientId }) => clientId === "one" });
  const { bench, context } = await start({ plugins: [denying] });
  await using _ = bench;
  const one = await bench.connect(5, "one");
  await one.subscribe({ filter: "#", qos: 2 });
  context.retain({ topic: "a", payload: text("kept") });
  context.publish({ topic: "b", payload: text("sent"), qos: 1 });
  assertEquals((await one.next("publish")).topic, "b");
  await one.subscribe({ filter: "a" });
  const replayed = await one.next("publish");
  assertEquals([replayed.topic, replayed.retain], ["a", true]);
  context.retain({ topic: "a", payload: text("") });
  assertEquals(context.retainedMessages.size, 0);
  assertThrows(
    () => context.retain({ topic: "a/+", payload: text("") }),
    TypeError,
  );
  assertThrows(
    () => context.publish({ topic: "", payload: text("") }),
    TypeError,
  );
});

Deno.test("context subscribes a connected client, retained messages included", async () => {
  const events: unknown[] = [];
  const watching = plugin({
    on: { broker_client_subscribed: (event) => void events.push(event) },
  });
  const { bench, context } = await start({ plugins: [watching] });
  await using _ = bench;
  context.retain({ topic: "a", payload: text("kept"), qos: 2 });
  const one = await bench.connect(5, "one");
  context.addSubscription("one", "a", 1);
  assertEquals(events, [{ clientId: "one", topic: "a", qos: 1 }]);
  const kept = await one.next("publish");
  assertEquals([kept.topic, kept.qos, kept.retain], ["a", 1, true]);
  context.publish({ topic: "a", payload: text("new") });
  assertEquals((await one.next("publish")).topic, "a");
});

Deno.test("context subscribes who has just connected, from the event", async () => {
  let context: PluginContext | undefined;
  const greeter = plugin({
    start: (given) => {
      context = given;
    },
    on: {
      broker_client_connected: ({ clientId }) =>
        context!.addSubscription(clientId, `to/${clientId}`),
    },
  });
  await using bench = await Bench.start({ plugins: [greeter] });
  const one = await bench.connect(4, "one");
  bench.broker.publish({ topic: "to/one", payload: text("welcome") });
  assertEquals((await one.next("publish")).topic, "to/one");
});

Deno.test("context makes a session that waits for its client, and is in the store", async () => {
  const store = new MemoryStore();
  const { bench, context } = await start({ store });
  await using _ = bench;
  context.retain({ topic: "a", payload: text("kept"), qos: 1 });
  context.addSubscription("later", "a", 1);
  context.addSubscription("later", "b", 2);
  context.publish({ topic: "b", payload: text("queued"), qos: 1 });
  const session = context.getSession("later")!;
  assertEquals(session.client, {
    clientId: "later",
    username: undefined,
    protocolVersion: 5,
    address: undefined,
    listener: "internal",
    certificate: undefined,
  });
  assertEquals([session.connected, session.queued], [false, 2]);
  await bench.restart();
  const client = await bench.connect(4, "later", { clean: false });
  assertEquals(client.connack?.sessionPresent, true);
  const first = await client.next("publish");
  const second = await client.next("publish");
  assertEquals(
    [first.topic, first.retain, second.topic, second.retain],
    ["a", true, "b", false],
  );
});

/** What cannot be subscribed, with which limits, and why not. */
const refusals: readonly [
  clientId: string,
  filter: string,
  limits: NonNullable<BrokerConfig["limits"]>,
  error: typeof TypeError | typeof RangeError,
  message: string,
][] = [
  ["one", "a/#/b", {}, TypeError, "# is not its last level"],
  ["", "a", {}, TypeError, "has 1 to 1024 characters"],
  ["long", "a", { clientIdLength: 3 }, TypeError, "has 1 to 3 characters"],
  ["x", "a", { sessions: 0 }, RangeError, "no more sessions may wait"],
  [
    "x",
    "a",
    { sessionExpiryInterval: 0 },
    RangeError,
    "no more sessions may wait",
  ],
  ["one", "b", { subscriptions: 1 }, RangeError, "a limit on subscriptions"],
  ["one", "a/b", { topicLevels: 1 }, RangeError, "a limit on subscriptions"],
];

for (const [clientId, filter, limits, error, message] of refusals) {
  Deno.test(`context does not subscribe ${JSON.stringify(clientId)} to ${filter} with the limits ${JSON.stringify(limits)}`, async () => {
    const { bench, context } = await start({ limits });
    await using _ = bench;
    const one = await bench.connect(5, "one");
    await one.subscribe({ filter: "a" });
    assertThrows(
      () => context.addSubscription(clientId, filter, 1 as Qos),
      error,
      `Cannot subscribe "${clientId}" to "${filter}": `,
    );
    assertThrows(() => context.addSubscription(clientId, filter), message);
    assertEquals(context.sessions.size, 1);
    assertEquals(context.subscriptions.size, 1);
  });
}

Deno.test("context repeats a task by the broker's clock until the broker stops", async () => {
  const calls: string[] = [];
  const failures: Partial<BrokerEvents["broker_plugin_failed"]>[] = [];
  const ticking = plugin({
    start: (context) => {
      context.every(2, () => void calls.push("tick"));
      context.every(3, () => {
        throw new Error("it broke");
      });
    },
    stop: () => void calls.push("stop"),
    on: { broker_plugin_failed: (event) => void failures.push(event) },
  }, "ticking");
  const bench = await Bench.start({ plugins: [ticking] });
  bench.pass(1);
  assertEquals(calls, []);
  bench.pass(1);
  bench.pass(2);
  assertEquals(calls, ["tick", "tick"]);
  const [{ plugin: name, hook, error } = {}, ...more] = failures;
  assertEquals([name, hook, String(error), more], [
    "ticking",
    "every",
    "Error: it broke",
    [],
  ]);
  await bench[Symbol.asyncDispose]();
  bench.pass(10);
  assertEquals(calls, ["tick", "tick", "stop"]);
});

Deno.test("context's tasks do not outlive a start that fails", async () => {
  let time = 0;
  let calls = 0;
  let broken = true;
  const broker = new Broker({
    listeners: {},
    now: () => time,
    plugins: [
      plugin({ start: (context) => context.every(1, () => void calls++) }),
      plugin({
        start: () => {
          if (broken) throw new Error("not today");
        },
      }),
    ],
  });
  await broker.start().catch(() => {});
  broken = false;
  await broker.start();
  time += 1000;
  broker.sweep();
  assertEquals(calls, 1);
  await broker.shutdown();
});

Deno.test("context may be taken apart", async () => {
  const { bench, context } = await start();
  await using _ = bench;
  const { publish, retain, addSubscription, getSession, every } = context;
  publish({ topic: "a", payload: text("x") });
  retain({ topic: "b", payload: text("y") });
  addSubscription("away", "b");
  assertEquals(getSession("away")?.clientId, "away");
  every(1, () => {});
});

Deno.test("context subscribes with what the broker offers", async () => {
  const { bench, context } = await start({ capabilities: { maximumQos: 1 } });
  await using _ = bench;
  context.addSubscription("away", "b", 2);
  const [subscription] = [...context.getSession("away")!.subscriptions];
  assertEquals(subscription?.qos, 1);
});

Deno.test("session that a plugin has made is of whoever comes first", async () => {
  const { bench, context } = await start();
  await using _ = bench;
  context.addSubscription("device", "a", 1);
  context.publish({ topic: "a", payload: text("x"), qos: 1 });
  const fields = { clean: false, username: "alice", password: "x" };
  const client = await bench.connect(4, "device", fields);
  assertEquals(client.connack!.sessionPresent, true);
  assertEquals(await client.payloads(), ["x"]);
});
