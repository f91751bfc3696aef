import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import {
  Broker,
  type BrokerEventName,
  type BrokerEvents,
  type ClientInfo,
  Message,
} from "../../broker/mod.ts";
import { eventLogger } from "../../plugins/mod.ts";
import { MemoryListener } from "../_memory_transport.ts";
import { RawClient, subscribe, text } from "../_raw_client.ts";
import { contextWith, type Level, RecordingLogger } from "./_log.ts";

/** What the plugin logs for an event. */
function logged<Name extends BrokerEventName>(
  name: Name,
  event: BrokerEvents[Name],
): [level: Level, line: string][] {
  const logger = new RecordingLogger();
  const { on, start } = eventLogger({ messages: true });
  start?.({ ...contextWith(logger), every: () => {} });
  on?.[name]?.(event);
  return logger.entries;
}

const client: ClientInfo = {
  clientId: "one",
  username: "user",
  protocolVersion: 5,
  address: { hostname: "10.0.0.1", port: 1234 },
  listener: "default",
  certificate: undefined,
};
const message = new Message({ topic: "a/b", payload: text("x") }, 0);

/** Events, and the line for each. */
const table: readonly [
  line: string,
  lines: () => [level: Level, line: string][],
][] = [
  [
    'INFO Connected: 10.0.0.1:1234 client "one" user "user" MQTT 5.0 by listener default',
    () => logged("broker_client_connected", { clientId: "one", client }),
  ],
  [
    'INFO Disconnected: 10.0.0.1:1234 client "one" user "user" MQTT 5.0 by listener default: the client disconnected',
    () =>
      logged("broker_client_disconnected", {
        clientId: "one",
        client,
        reasonCode: 0,
        reason: "the client disconnected",
      }),
  ],
  [
    'WARNING Disconnected: 10.0.0.1:1234 client "one" user "user" MQTT 5.0 by listener default: nothing came for 15 s',
    () =>
      logged("broker_client_disconnected", {
        clientId: "one",
        client,
        reasonCode: 0x8d,
        reason: "nothing came for 15 s",
      }),
  ],
  [
    "WARNING Memory short: 101 MiB are in use, limits.memory is 100 MiB",
    () =>
      logged("broker_overloaded", {
        level: "high",
        used: 101 * 2 ** 20,
        limit: 100 * 2 ** 20,
      }),
  ],
  [
    'WARNING Refused: [::1]:1883 client "one" user "u": it is banned, Banned (0x8a)',
    () =>
      logged("broker_connection_refused", {
        address: { hostname: "::1", port: 1883 },
        clientId: "one",
        username: "u",
        reasonCode: 0x8a,
        reason: "it is banned",
      }),
  ],
  [
    "WARNING Refused: 10.0.0.1:1234: it is late, Unspecified error (0x80)",
    () =>
      logged("broker_connection_refused", {
        address: client.address,
        clientId: undefined,
        username: undefined,
        reasonCode: 0x80,
        reason: "it is late",
      }),
  ],
  [
    "WARNING Refused: unknown address: it is late, Unspecified error (0x80)",
    () =>
      logged("broker_connection_refused", {
        address: undefined,
        clientId: undefined,
        username: undefined,
        reasonCode: 0x80,
        reason: "it is late",
      }),
  ],
  [
    "WARNING Refused: /run/broker.sock: it is late, Unspecified error (0x80)",
    () =>
      logged("broker_connection_refused", {
        address: { path: "/run/broker.sock" },
        clientId: undefined,
        username: undefined,
        reasonCode: 0x80,
        reason: "it is late",
      }),
  ],
  [
    "WARNING Banned: 192.0.2.1 for 20 s: too many bad attempts, the last: no CONNECT",
    () =>
      logged("broker_address_banned", {
        address: "192.0.2.1",
        seconds: 20,
        reason: "no CONNECT",
      }),
  ],
  [
    'DEBUG Subscribed: client "one" filter "a/#" QoS 2',
    () =>
      logged("broker_client_subscribed", {
        clientId: "one",
        topic: "a/#",
        qos: 2,
      }),
  ],
  [
    'DEBUG Unsubscribed: client "one" filter "a/#"',
    () =>
      logged("broker_client_unsubscribed", { clientId: "one", topic: "a/#" }),
  ],
  [
    'WARNING Dropped: message to client "one" topic "a/b": the queue is full',
    () =>
      logged("broker_message_dropped", {
        clientId: "one",
        message,
        reason: "the queue is full",
      }),
  ],
];

for (const [expected, lines] of table) {
  Deno.test(`event logger writes ${expected}`, () => {
    assertEquals(lines().map((one) => one.join(" ")), [expected]);
  });
}

for (
  const [version, name] of [[3, "3.1"], [4, "3.1.1"], [5, "5.0"]] as const
) {
  Deno.test(`event logger calls protocol level ${version} MQTT ${name}`, () => {
    const [[, line] = []] = logged("broker_client_connected", {
      clientId: "one",
      client: { ...client, protocolVersion: version },
    });
    assertMatch(line!, new RegExp(` MQTT ${name.replaceAll(".", "\\.")} by`));
  });
}

Deno.test("event logger tells what a plugin or the broker threw", () => {
  for (const thrown of [new Error("the cause"), "the cause"]) {
    const failed = { plugin: "auth", hook: "authenticate", error: thrown };
    const [[level, line] = []] = logged("broker_plugin_failed", failed);
    assertEquals(level, "ERROR");
    assertMatch(
      line!,
      /^Plugin auth failed in authenticate: (Error: )?the cause/,
    );
    const [[level2, line2] = []] = logged("broker_internal_error", {
      clientId: "one",
      error: thrown,
    });
    assertEquals(level2, "ERROR");
    assertMatch(
      line2!,
      /^Internal error, please report it: client "one": (Error: )?the cause/,
    );
  }
});

/** Texts of clients, and how the log shows them. */
const quoted: readonly [text: string, shown: string][] = [
  ["a\u0000\u001b[2J", '"a\\u0000\\u001b[2J"'],
  ["a\u007f\u0085\u009b2J\u009f", '"a\\u007f\\u0085\\u009b2J\\u009f"'],
  ["a\u2028b\u2029", '"a\\u2028b\\u2029"'],
  ["\u00a0é\u2027\u2030", '"\u00a0é\u2027\u2030"'],
  ["x".repeat(256), `"${"x".repeat(256)}"`],
  ["x".repeat(257), `"${"x".repeat(256)}…"`],
  ["\u009b".repeat(65_535), `"${"\\u009b".repeat(256)}…"`],
];

for (const [clientId, shown] of quoted) {
  Deno.test(`event logger shows ${shown.slice(0, 40)} for what a client sent`, () => {
    const event = { clientId, topic: clientId };
    assertEquals(logged("broker_client_unsubscribed", event), [
      ["DEBUG", `Unsubscribed: client ${shown} filter ${shown}`],
    ]);
  });
}

/** What ends a line or means something to a terminal. */
// deno-lint-ignore no-control-regex -- these are what is looked for
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

Deno.test("event logger writes one line for an error, with all of its stack", () => {
  const error = new Error("the cause\nand more");
  const failed = { plugin: "auth", hook: "authenticate", error };
  const [[, line] = [], ...more] = logged("broker_plugin_failed", failed);
  assertEquals(more, []);
  assertNotMatch(line!, unsafe);
  assertMatch(line!, /the cause.*and more.*event_logger_test\.ts/);
});

Deno.test("event logger lets nobody forge a line", async () => {
  const logger = new RecordingLogger();
  const broker = new Broker({
    listeners: {},
    logger,
    plugins: [
      eventLogger(),
      {
        name: "guard",
        authenticate: (_, password) => password === undefined,
      },
    ],
    limits: { queuedMessages: 0, inflight: 1 },
  });
  await broker.start();
  const listener = new MemoryListener();
  const serving = broker.serve(listener);
  const forged = 'x"\n\r\u2028\u009b0mINFO Connected: "root';
  const open = async (fields: object) => {
    const client = new RawClient(5, listener.connect());
    await client.connect({ clientId: forged, ...fields });
    return client;
  };
  await open({ username: forged, password: "bad" });
  await open({ properties: { authenticationMethod: forged } });
  const client = await open({ username: forged });
  await client.subscribe({ filter: forged, qos: 1 });
  await client.unsubscribe(forged);
  await client.subscribe({ filter: forged, qos: 1 });
  for (let i = 0; i < 2; i++) {
    broker.publish({ topic: forged, payload: text("x"), qos: 1 });
  }
  // Reasons quote what was wrong.
  client.send(subscribe(5, 1, [`#${forged}`]));
  await client.untilClosed();
  await broker.shutdown();
  await serving;
  const { lines } = logger;
  const kinds = lines.map((line) => line.split(":")[0]);
  assertEquals(kinds, [
    "DEBUG Started",
    "WARNING Refused",
    "WARNING Refused",
    "INFO Connected",
    "DEBUG Subscribed",
    "DEBUG Unsubscribed",
    "DEBUG Subscribed",
    "WARNING Dropped",
    "WARNING Disconnected",
    "DEBUG Stopping",
    "DEBUG Stopped",
  ]);
  for (const line of lines) assertNotMatch(line, unsafe);
});

Deno.test("event logger tells a hundred refusals in ten seconds, and how many more there were", () => {
  const logger = new RecordingLogger();
  const tasks: [seconds: number, task: () => unknown][] = [];
  const { on, start, stop } = eventLogger();
  start!({
    ...contextWith(logger),
    every: (seconds, task) => void tasks.push([seconds, task]),
  });
  const refuse = (times: number): void => {
    for (let i = 0; i < times; i++) {
      on!.broker_connection_refused!({
        address: { hostname: "192.0.2.1", port: i },
        clientId: undefined,
        username: undefined,
        reasonCode: 0x8a,
        reason: "it is banned",
      });
    }
  };
  const [[seconds, task] = []] = tasks;
  assertEquals(seconds, 10);
  refuse(100_000);
  on!.broker_message_dropped!({ clientId: "one", message, reason: "full" });
  assertEquals(logger.take().length, 101);
  task!();
  assertEquals(logger.take(), [
    "WARNING Refused: 99900 more in 10 s, not told",
  ]);
  refuse(100);
  task!();
  assertEquals(logger.take().length, 100);
  refuse(101);
  stop!();
  assertEquals(logger.take().slice(100), [
    "WARNING Refused: 1 more in 10 s, not told",
  ]);
});
