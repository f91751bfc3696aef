/** M2: listeners: `default` and named ones, inheritance, `bind`, types, TLS. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { Broker, BrokerError, MQTTClient } from "../../mod.ts";
import { makeCertificates } from "../_certificates.ts";
import { testWith } from "./_foreign.ts";
import { ConfiguredBroker, Folder, refusal, run } from "./_stage.ts";

/** Publishes to itself. */
async function works(url: string, cafile?: string): Promise<void> {
  await using client = new MQTTClient({
    url,
    autoReconnect: false,
    ...(cafile === undefined ? {} : { cafile }),
  });
  await client.connect();
  await client.subscribe("a");
  await client.publish("a", "x");
  assertEquals((await client.deliverMessage(10)).text(), "x");
}

/** Whether this machine has an address. */
function hasAddress(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

const ipv6 = hasAddress("::1");

Deno.test("M2: named listeners take from default what they do not say, and can take it back", async () => {
  await using certificates = await makeCertificates();
  const { ca, server: { certfile, keyfile } } = certificates;
  await using broker = await ConfiguredBroker.start(`
listeners:
  default:
    type: ws
    max-connections: 50000
    ssl: on
    certfile: ${certfile}
    keyfile: ${keyfile}
  as-default:
    bind: 127.0.0.1:0
  plain-ws:
    bind: 127.0.0.1:0
    ssl: off
  secure-tcp:
    bind: 127.0.0.1:0
    type: tcp
    max-connections: 1000
  plain-tcp:
    bind: 127.0.0.1:0
    type: tcp
    ssl: off
    max-connections: 0
`);
  // The template has no bind: it is none of them.
  const bound = broker.log.filter((line) => line.includes(" bind to "));
  assertEquals(
    bound.map((line) => line.replace(/^.*INFO - /, "").replace(/:\d+ /, ": ")),
    [
      "Listener 'as-default' bind to 127.0.0.1: (max_connections=50000)",
      "Listener 'plain-ws' bind to 127.0.0.1: (max_connections=50000)",
      "Listener 'secure-tcp' bind to 127.0.0.1: (max_connections=1000)",
      "Listener 'plain-tcp' bind to 127.0.0.1: (max_connections=-1)",
    ],
  );
  await works(broker.url("as-default", "wss"), ca.file);
  await works(broker.url("plain-ws", "ws"));
  await works(broker.url("secure-tcp", "mqtts"), ca.file);
  await works(broker.url("plain-tcp", "mqtt"));
});

Deno.test("M2: default with a bind is a listener itself, and the template of others", async () => {
  await using broker = await ConfiguredBroker.start(`
listeners:
  default: {type: tcp, bind: "127.0.0.1:0", max_connections: 7}
  other: {bind: "127.0.0.1:0"}
`);
  for (const name of ["default", "other"]) {
    await broker.find(
      new RegExp(`Listener '${name}' bind to .* \\(max_connections=7\\)$`),
    );
    await works(broker.url(name));
  }
});

for (
  const [bind, host, shown] of [
    ["127.0.0.1:0", "127.0.0.1", "127.0.0.1"],
    ["0.0.0.0:0", "127.0.0.1", "0.0.0.0"],
    [":0", "127.0.0.1", "0.0.0.0"],
    ["0", "127.0.0.1", "0.0.0.0"],
    ["localhost:0", "localhost", undefined],
    ["[::1]:0", "[::1]", "[::1]"],
    ["[::]:0", "[::1]", "[::]"],
  ] as const
) {
  testWith(
    "IPv6",
    ipv6 || !bind.startsWith("["),
    `M2: bind: "${bind}" is listened on`,
    async () => {
      await using broker = await ConfiguredBroker.start(
        `listeners: {default: {bind: "${bind}"}}\n`,
      );
      await works(`mqtt://${host}:${broker.port()}`);
      const line = await broker.find(/ bind to /);
      if (shown !== undefined) {
        assertStringIncludes(line, `'default' bind to ${shown}:`);
      }
    },
  );
}

Deno.test("M2: a port alone need not be quoted", async () => {
  await using broker = await ConfiguredBroker.start(
    "listeners: {default: {bind: 0}}\n",
  );
  await works(broker.url());
});

for (
  const [setting, problem] of [
    ["bind: 127.0.0.1:x", 'listeners.one.bind is "127.0.0.1:x", not '],
    ["bind: 127.0.0.1:70000", 'listeners.one.bind is "127.0.0.1:70000", not '],
    ["bind: ::1:1883", 'listeners.one.bind is "::1:1883", not '],
    ["type: udp", 'listeners.one.type is "udp", not "tcp" or "ws"'],
    ["max-connections: many", 'listeners.one.max-connections is "many", not '],
  ] as const
) {
  Deno.test(`M2: ${setting} stops the start and says where and why`, async () => {
    const { code, stderr } = await refusal(
      `listeners:\n  one:\n    ${setting}\n`,
    );
    assertEquals(code, 1);
    assertStringIncludes(stderr, `DIR/broker.yaml:3:5: ${problem}`);
  });
}

Deno.test("M2: a port that is in use ends the program, and frees what was bound", async () => {
  using occupied = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = occupied.addr;
  const { code, stderr } = await refusal(
    `listeners:\n  one: {bind: "127.0.0.1:0"}\n` +
      `  two: {bind: "127.0.0.1:${port}"}\n`,
  );
  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    `Cannot listen on 127.0.0.1:${port} (listener two): the port is in use`,
  );
  // Nobody is told that the first one listens: it does not.
  assert(!stderr.includes("Listener 'one' bind to"), stderr);
  const broker = new Broker({
    listeners: {
      one: { bind: "127.0.0.1:0" },
      two: { bind: `127.0.0.1:${port}` },
    },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  let message = "";
  await broker.start().catch((error) => {
    assert(error instanceof BrokerError);
    message = error.message;
  });
  assertStringIncludes(message, "the port is in use");
  assertEquals(broker.addresses, []);
});

Deno.test("M2: config explain says what holds for each listener, and where it is from", async () => {
  await using folder = await Folder.make({
    "broker.yaml": "listeners:\n  default:\n    max-connections: 50\n" +
      "  one:\n    bind: 127.0.0.1:0\n",
  });
  const file = folder.file("broker.yaml");
  const { code, stdout } = await run(["config", "explain", file]);
  assertEquals(code, 0);
  const one = stdout.slice(stdout.indexOf("  one:"));
  assertMatch(one, /bind: "?127\.0\.0\.1:0"? +# .*broker\.yaml:5:5/);
  assertMatch(one, /max-connections: 50 +# .*(default|:3:5)/);
  assertMatch(one, /type: tcp +# default/);
});
