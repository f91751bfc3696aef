/** M10: plugins: events, decisions, the context, modules of users. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  Broker,
  type BrokerEventName,
  type BrokerEvents,
  ConnectError,
  MQTTClient,
  type Opinion,
  type Plugin,
  type PluginContext,
  RequestError,
} from "../../mod.ts";
import { ConfiguredBroker, refusal, run, until } from "./_stage.ts";

/** Starts a broker with plugins, and keeps what it logs. */
async function start(
  ...plugins: Plugin[]
): Promise<{ broker: Broker; url: string; log: string[] }> {
  const log: string[] = [];
  const keep = (line: string): void => void log.push(line);
  const broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
    plugins,
    logger: { debug: keep, info: keep, warn: keep, error: keep },
  });
  await broker.start();
  const { port } = broker.addresses[0]!;
  return { broker, url: `mqtt://127.0.0.1:${port}`, log };
}

type Seen = [name: BrokerEventName, event: Record<string, unknown>];

/** Sees the events of these names. */
function witness(names: readonly BrokerEventName[], seen: Seen[]): Plugin {
  const entries = names.map((name) => [
    name,
    (event: BrokerEvents[typeof name]) =>
      seen.push([name, { ...event } as Record<string, unknown>]),
  ]);
  return { name: "witness", on: Object.fromEntries(entries) };
}

Deno.test("M10: the events of a client's life come in order, with their arguments", async () => {
  const seen: Seen[] = [];
  const { broker, url } = await start(
    witness([
      ...["broker_pre_start", "broker_post_start"] as const,
      ...["broker_client_connected", "broker_client_disconnected"] as const,
      ...["broker_client_subscribed", "broker_client_unsubscribed"] as const,
      ...["broker_message_received", "broker_message_broadcast"] as const,
      ...["broker_retained_message", "broker_pre_shutdown"] as const,
      ...["broker_post_shutdown"] as const,
    ], seen),
  );
  const client = new MQTTClient("c", { url, cleanStart: false });
  await client.connect();
  await client.subscribe([["a/#", 1], ["b", 2]]);
  await client.publish("x", "hello", { qos: 1, retain: true });
  await client.unsubscribe("b");
  await client.disconnect();
  await until("its end", () => broker.metrics.clientsConnected === 0);
  await using other = new MQTTClient("other", { url });
  await other.connect();
  await other.publish("a/1", "kept for c", { qos: 1 });
  await other.publish("x", "", { qos: 1, retain: true });
  await other.disconnect();
  await until("its end", () => broker.metrics.clientsConnected === 0);
  await broker.shutdown();
  const shown = seen.map(
    ([name, { clientId, topic, qos, message, client }]) => {
      const { topic: about, payload } = (message ?? {}) as {
        topic?: string;
        payload?: Uint8Array;
      };
      const parts = [
        clientId,
        topic,
        qos,
        about,
        payload && JSON.stringify(new TextDecoder().decode(payload)),
        client && (client as { clientId: string }).clientId,
      ].filter((one) => one !== undefined);
      return [name.replace("broker_", ""), ...parts].join(" ");
    },
  );
  assertEquals(shown, [
    "pre_start",
    "post_start",
    "client_connected c c",
    "client_subscribed c a/# 1",
    "client_subscribed c b 2",
    'message_received c x "hello"',
    'message_broadcast c x "hello"',
    'retained_message x "hello"',
    "client_unsubscribed c b",
    "client_disconnected c c",
    "client_connected other other",
    'message_received other a/1 "kept for c"',
    'message_broadcast other a/1 "kept for c"',
    'retained_message c a/1 "kept for c"',
    'message_received other x ""',
    'message_broadcast other x ""',
    'retained_message x ""',
    "client_disconnected other other",
    "pre_shutdown",
    "post_shutdown",
  ]);
});

Deno.test("M10: each packet is an event; before CONNECT there is no client", async () => {
  const seen: Seen[] = [];
  const { broker, url } = await start(
    witness(["mqtt_packet_received", "mqtt_packet_sent"], seen),
  );
  await using _ = broker;
  const client = new MQTTClient("c", { url });
  await client.connect();
  await client.subscribe("a", { qos: 2 });
  await client.publish("a", "x", { qos: 2 });
  await client.deliverMessage(10);
  await client.ping();
  await client.disconnect();
  await until("its end", () => broker.metrics.clientsConnected === 0);
  const count: Record<string, number> = {};
  for (const [name, { clientId, packet }] of seen) {
    const { type } = packet as { type: string };
    const key = `${name.replace("mqtt_packet_", "")} ${type} '${clientId}'`;
    count[key] = (count[key] ?? 0) + 1;
  }
  const both = ["publish", "pubrec", "pubrel", "pubcomp"];
  assertEquals(count, {
    "received connect ''": 1,
    "sent connack 'c'": 1,
    "received subscribe 'c'": 1,
    "sent suback 'c'": 1,
    ...Object.fromEntries(both.flatMap((type) => [
      [`received ${type} 'c'`, 1],
      [`sent ${type} 'c'`, 1],
    ])),
    "received pingreq 'c'": 1,
    "sent pingresp 'c'": 1,
    "received disconnect 'c'": 1,
  });
});

/** A plugin that has an opinion about everybody. */
function judge(opinion: () => Opinion | Promise<Opinion>): Plugin {
  return { name: "judge", authenticate: opinion };
}

const yes = judge(() => true);
const later = judge(() => Promise.resolve(true));
const no = judge(() => false);
const noLater = judge(() => Promise.resolve(false));
const nothing = judge(() => null);
const nothingToo = judge(() => undefined);
const broken = judge(() => {
  throw new TypeError("out of order");
});
const brokenLater = judge(() => Promise.reject(new Error("out of order")));

for (
  const [what, plugins, allowed] of [
    ["one approval", [yes], true],
    ["one approval, later", [later], true],
    ["approval and no opinion", [nothing, yes, nothingToo], true],
    ["no opinion at all", [nothing, nothingToo], false],
    ["a denial before an approval", [no, yes], false],
    ["a denial after an approval", [yes, noLater], false],
    ["an exception and an approval", [yes, broken], false],
    ["a rejection and an approval", [brokenLater, yes], false],
  ] as const
) {
  Deno.test(`M10: ${what} ${allowed ? "lets in" : "refuses"}`, async () => {
    const { broker, url, log } = await start(...plugins);
    await using _ = broker;
    await using client = new MQTTClient({ url, autoReconnect: false });
    if (allowed) await client.connect();
    else {
      const error = await assertRejects(() => client.connect(), ConnectError);
      assertEquals(error.returnCode, 5);
      const failures = what.startsWith("a rejection") ||
          what.startsWith("an exception")
        ? 1
        : 0;
      assertEquals(broker.metrics.pluginFailures, failures);
      // Without the event logger somebody has to say so.
      if (failures > 0) assertStringIncludes(log.join("\n"), "out of order");
    }
  });
}

/** A plugin that has an opinion about topics. */
function librarian(opinion: (topic: string) => Opinion): Plugin {
  return {
    name: "librarian",
    authorize: (_client, { topic }) => opinion(topic),
    authorizeDelivery: (_client, { topic }) => opinion(topic),
  };
}

for (
  const [what, plugins, allowed] of [
    ["no opinion", [librarian(() => null), librarian(() => undefined)], true],
    ["an approval", [librarian(() => true)], true],
    ["a denial among others", [
      librarian(() => true),
      librarian(() => false),
      librarian(() => null),
    ], false],
    ["an exception", [
      librarian(() => true),
      librarian(() => {
        throw new Error("out of order");
      }),
    ], false],
  ] as const
) {
  Deno.test(`M10: ${what} about a topic ${allowed ? "allows" : "denies"} it`, async () => {
    const { broker, url } = await start(...plugins);
    await using _ = broker;
    await using client = new MQTTClient({ url, protocolVersion: 5 });
    await client.connect();
    const codes = await client.subscribe("a", { allowFailures: true });
    assertEquals(codes[0]! < 0x80, allowed);
    const publishing = client.publish("a", "x", { qos: 1 });
    if (allowed) {
      await publishing;
      assertEquals((await client.deliverMessage(10)).text(), "x");
    } else await assertRejects(() => publishing, RequestError);
  });
}

Deno.test("M10: a plugin is told the action, and may forbid to receive alone", async () => {
  const asked: string[] = [];
  const { broker, url } = await start({
    name: "clerk",
    authorize: ({ username }, request) => {
      asked.push(`${username} ${request.action} ${request.topic}`);
      return undefined;
    },
    authorizeDelivery: ({ username }, { topic }) => {
      asked.push(`${username} receive ${topic}`);
      return topic !== "secret";
    },
  });
  await using _ = broker;
  await using client = new MQTTClient({ url, username: "ann", password: "x" });
  await client.connect();
  await client.subscribe("#", { qos: 1 });
  await client.publish("secret", "hidden", { qos: 1 });
  await client.publish("open", "shown", { qos: 1 });
  assertEquals((await client.deliverMessage(10)).text(), "shown");
  assertEquals(asked, [
    "ann subscribe #",
    "ann publish secret",
    "ann receive secret",
    "ann publish open",
    "ann receive open",
  ]);
});

Deno.test("M10: the context has what section 1.7 lists", async () => {
  let context: PluginContext | undefined;
  let stopped = 0;
  const { broker, url, log } = await start({
    name: "guest",
    start: (given) => {
      context = given;
    },
    stop: () => void stopped++,
  });
  const it = context!;
  const bytes = (text: string) => new TextEncoder().encode(text);
  await using client = new MQTTClient("c", { url });
  await client.connect();
  await client.subscribe("a/#", { qos: 1 });
  // Broadcast and retain.
  it.publish({ topic: "a/1", payload: bytes("from a plugin"), qos: 1 });
  const { topic, qos } = await client.deliverMessage(10);
  assertEquals([topic, qos], ["a/1", 1]);
  it.retain({ topic: "r", payload: bytes("kept") });
  const kept = [...it.retainedMessages].map((message) => message.topic);
  assertEquals([kept, it.retainedMessages.size], [["r"], 1]);
  await client.subscribe("r");
  assertEquals((await client.deliverMessage(10)).retain, true);
  it.retain({ topic: "r", payload: bytes("") });
  assertEquals(it.retainedMessages.size, 0);
  // Sessions and subscriptions.
  assertEquals([...it.sessions].map(({ clientId }) => clientId), ["c"]);
  const session = it.getSession("c");
  assertEquals([session?.connected, session?.subscriptions.size], [true, 2]);
  assertEquals(it.getSession("nobody"), undefined);
  assertEquals(
    [...it.subscriptions].map(({ clientId, filter, qos }) =>
      `${clientId} ${filter} ${qos}`
    ),
    ["c a/# 1", "c r 0"],
  );
  // A subscription for somebody else, and for somebody to come.
  it.addSubscription("c", "b", 1);
  it.addSubscription("to-come", "b", 1);
  it.publish({ topic: "b", payload: bytes("for both"), qos: 1 });
  assertEquals((await client.deliverMessage(10)).text(), "for both");
  assertEquals(it.getSession("to-come")?.connected, false);
  await using late = new MQTTClient("to-come", { url, cleanStart: false });
  assertEquals((await late.connect()).sessionPresent, true);
  assertEquals((await late.deliverMessage(10)).text(), "for both");
  // Configuration, logger, and the end.
  assert("listeners" in it.config);
  it.logger.info("a word of the guest");
  assert(log.some((line) => line.includes("a word of the guest")));
  await broker.shutdown();
  assertEquals(stopped, 1);
});

const mine = `
export const options = {
  greeting: { type: "text", description: "What to say.", default: "hello" },
};
export function plugin({ greeting = "hello" }) {
  let logger;
  return {
    name: "mine",
    start: (context) => { logger = context.logger; },
    on: {
      broker_client_connected: ({ clientId }) =>
        logger.info(greeting + " " + clientId),
    },
  };
}
`;

const listener = 'listeners: {default: {bind: "127.0.0.1:0"}}\n';

Deno.test("M10: a configuration names a module, with options that are checked", async () => {
  for (
    const [plugins, greeting] of [
      ["plugins: [./mine.ts]\n", "hello"],
      ["plugins: {./mine.ts: {greeting: welcome}}\n", "welcome"],
      ["plugins:\n  - ./mine.ts: {greeting: welcome}\n", "welcome"],
      ["plugins: [$DIR/mine.ts]\n", "hello"],
    ] as const
  ) {
    await using broker = await ConfiguredBroker.start(listener + plugins, {
      "mine.ts": mine,
    });
    const args = ["pub", "--url", broker.url(), "-i", "it", "--clean-session"];
    assertEquals((await run([...args, "-t", "a", "-m", "x"])).code, 0);
    await broker.find(new RegExp(`INFO - ${greeting} it$`));
    assertEquals(await broker.stop(), 0);
  }
});

Deno.test("M10: a module in auth.plugins authenticates", async () => {
  await using broker = await ConfiguredBroker.start(
    `${listener}auth: {plugins: [./door.ts]}\n`,
    {
      "door.ts": `export function plugin() {
        return {
          name: "door",
          authenticate: ({ username }, password) =>
            username === "ann" && new TextDecoder().decode(password) === "pw",
        };
      }\n`,
    },
  );
  const pub = (...args: string[]) =>
    run(["pub", "--url", broker.url(), "-t", "a", "-m", "x", ...args]);
  assertEquals((await pub("-u", "ann", "-P", "pw")).code, 0);
  assertEquals((await pub("-u", "ann", "-P", "no")).code, 4);
  assertEquals((await pub()).code, 5);
});

for (
  const [what, plugins, module, problem] of [
    ["that is not there", "[./none.ts]", "", "./none.ts"],
    ["without a factory", "[./mine.ts]", "export const a = 1;", "./mine.ts"],
    ["that throws", "[./mine.ts]", "throw new Error('broken');", "broken"],
    ["that is no program", "[./mine.ts]", "export function (", "./mine.ts"],
    [
      "with an option that it does not have",
      "{./mine.ts: {greetign: x}}",
      mine,
      "greetign; did you mean greeting?",
    ],
    [
      "with an option of the wrong type",
      "{./mine.ts: {greeting: [x]}}",
      mine,
      "not a text",
    ],
  ] as const
) {
  Deno.test(`M10: a module ${what} stops the start`, async () => {
    const { code, stderr } = await refusal(
      `${listener}plugins: ${plugins}\n`,
      { "mine.ts": module },
    );
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "DIR/broker.yaml:2:");
    assertStringIncludes(stderr, problem);
    assert(!stderr.includes(" bind to "));
    assert(
      !/ at (?!file:.*mine\.ts)/.test(stderr),
      `a stack trace:\n${stderr}`,
    );
  });
}
