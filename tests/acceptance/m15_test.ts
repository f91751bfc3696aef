/** M15: URLs of brokers: schemes, ports, users, hosts. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ConnectError, MQTTClient } from "../../mod.ts";
import { Everywhere, isSecure, schemes } from "./_everywhere.ts";
import { testWith } from "./_foreign.ts";
import { ConfiguredBroker, run, until } from "./_stage.ts";

for (
  const [url, address] of [
    ["mqtt://broker.example", "broker.example:1883"],
    ["mqtts://broker.example", "broker.example:8883"],
    ["ws://broker.example", "broker.example:80"],
    ["wss://broker.example", "broker.example:443"],
    ["wss://broker.example/mqtt?x=1", "broker.example:443"],
    ["MQTT://broker.example", "broker.example:1883"],
    ["mqtt://user:password@broker.example:1884", "broker.example:1884"],
    ["mqtt://[::1]", "[::1]:1883"],
    ["mqtts://[2001:db8::1]:1", "[2001:db8::1]:1"],
  ] as const
) {
  Deno.test(`M15: ${url} is ${address}`, async () => {
    let dialled: URL | undefined;
    const client = new MQTTClient({
      autoReconnect: false,
      dial: (to) => {
        dialled = to;
        return Promise.reject(new Error("no road"));
      },
    });
    const error = await assertRejects(() => client.connect(url), ConnectError);
    assertEquals(error.message, `Cannot connect to ${address}: no road`);
    assertStringIncludes(url.toLowerCase(), dialled!.protocol);
  });
}

/** A user and a password in which everything is odd. */
const user = "ann@home:7/x";
const password = "p@ss:w/ö#rd?%&+ ";
const encoded = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;

/** Says who comes, with what password. */
const door = `
export function plugin() {
  let logger;
  return {
    name: "door",
    start: (context) => { logger = context.logger; },
    authenticate: ({ username }, password) => {
      const text = password && new TextDecoder().decode(password);
      logger.info("DOOR " + JSON.stringify([username ?? null, text ?? null]));
      return true;
    },
  };
}
`;

for (const scheme of schemes) {
  Deno.test(`M15: a broker is reached by ${scheme}://, with a user and a password that are percent-encoded`, async () => {
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(file, door);
    try {
      await using stage = await Everywhere.start(`plugins: [${file}]\n`);
      const { broker, certificates: { ca } } = stage;
      const where = `localhost:${broker.port(scheme)}`;
      const trust = isSecure(scheme) ? ["--ca-file", ca.file] : [];
      for (
        const [credentials, expected] of [
          ["", [null, null]],
          [`${encoded}@`, [user, password]],
          ["user:password@", ["user", "password"]],
          ["user@", ["user", null]],
        ] as const
      ) {
        const url = `${scheme}://${credentials}${where}`;
        const { code, stderr } = await run([
          ...["pub", "--url", url, "-t", "a", "-m", "x", ...trust],
        ]);
        assertEquals([code, stderr], [0, ""], url);
        const told = `DOOR ${JSON.stringify(expected)}`;
        await until(told, () => broker.log.some((line) => line.endsWith(told)));
        await using client = new MQTTClient({
          url,
          autoReconnect: false,
          ...(isSecure(scheme) ? { cafile: ca.file } : {}),
        });
        await client.connect();
        await client.ping();
      }
    } finally {
      await Deno.remove(file);
    }
  });
}

const ipv6 = (() => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
})();

testWith("IPv6", ipv6, "M15: hosts may be IPv6 addresses", async () => {
  await using broker = await ConfiguredBroker.start(`
listeners:
  tcp: {bind: "[::1]:0"}
  ws: {bind: "[::1]:0", type: ws}
`);
  for (const [scheme, name] of [["mqtt", "tcp"], ["ws", "ws"]] as const) {
    const url = `${scheme}://[::1]:${broker.port(name)}`;
    const { code, stderr } = await run([
      ...["pub", "--url", url, "-t", "a", "-m", "x"],
    ]);
    assertEquals([code, stderr], [0, ""]);
  }
  // As mosquitto_pub has it.
  const { code } = await run([
    ...["pub", "-h", "::1", "-p", `${broker.port("tcp")}`],
    ...["-t", "a", "-m", "x"],
  ]);
  assertEquals(code, 0);
});

for (
  const [url, problem] of [
    ["localhost", "without a scheme such as in mqtt://host:1883"],
    ["localhost:1883", "without a scheme such as in mqtt://host:1883"],
    ["http://localhost", "its scheme is none of mqtt, mqtts, ws and wss"],
    ["mqtt://", "it has no host"],
    ["mqtt://localhost:0", "with a port that is not from 1 to 65535"],
    ["mqtt://localhost:70000", "with a port that is not from 1 to 65535"],
    ["mqtt://u:p#w@localhost", "it has"],
    ["mqtt://u:100%@localhost", "a % in it is not followed by two"],
  ] as const
) {
  Deno.test(`M15: ${url} is none, and the password is not shown`, async () => {
    const { code, stderr } = await run([
      ...["sub", "--url", url, "-t", "a"],
    ]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, `ambermq sub: `);
    if (!url.includes("#")) assertStringIncludes(stderr, problem);
    assert(!/p#w|100%@/.test(stderr), stderr);
  });
}
