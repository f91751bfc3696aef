/** Our `sub -F` and that of mosquitto_sub, each with the same format. */

import { assertEquals } from "@std/assert";
import { Broker, MQTTClient } from "../../mod.ts";

/** Whether a program is there. */
function has(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["--help"] }).outputSync();
    return true;
  } catch {
    return false;
  }
}

const installed = has("mosquitto_sub");

const own = [
  ...[Deno.execPath(), "run", "--quiet", "-A"],
  ...["cli/ambermq_sub.ts"],
];

/** What a program writes: two retained messages, from a to z. */
async function written(
  command: readonly string[],
  args: readonly string[],
): Promise<string> {
  const [program, ...rest] = [...command, ...args];
  const { code, stdout } = await new Deno.Command(program!, {
    args: rest,
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  assertEquals(code, 0);
  return new TextDecoder("latin1").decode(stdout);
}

/**
 * Arguments for both. 2.0.11 cuts hexadecimal that has a width, and has none
 * for a response topic that is not there.
 */
const cases: readonly (readonly string[])[] = [
  [],
  ["-v"],
  ["-N"],
  ["-v", "-N"],
  ["-F", "%t|%p|%l|%q|%r|%x|%X", "-v"],
  ["-F", "%m %t", "-N"],
  ["-F", "%C|%D|%F|%P|%R|%S|%A"],
  ["-F", "[%12C][%-12C][%.4C][%12.4C][%.2R]"],
  ["-F", "[%5F][%-5F][%05F][%10P][%10D][%5S][%05S][%5A]"],
  ["-F", "[%20t][%-20t][%.1t][%3.1t][%020t][%.t][%4.t]"],
  ["-F", "[%20p][%-20p][%.2p][%020p][%-020p]"],
  ["-F", "[%6l][%06l][%-6l][%-06l][%4m][%04m][%4q][%4r]"],
  ["-F", "\\a\\e\\n\\r\\t\\v\\\\\\0|%%|@@|%5%"],
  ["-F", "@Q@1@+@E@O@t@n@%"],
  ["-T", "f/bytes", "-F", "%t[%8R][%-8R]"],
  [
    ...["-D", "subscribe", "subscription-identifier", "300"],
    ...["-F", "%t[%S][%5S][%05S][%-5S]"],
  ],
  ["-F", "%A%E%t", "-D", "connect", "topic-alias-maximum", "0"],
  [
    ...["-D", "connect", "receive-maximum", "1", "-F", "%t %p"],
    ...["-D", "connect", "user-property", "a", "b", "-x", "7"],
    ...["-D", "subscribe", "user-property", "c", "d"],
  ],
];

Deno.test({
  name: installed
    ? "sub -F writes what mosquitto_sub -F writes"
    : "skipped: mosquitto-clients is not installed: sub -F writes what " +
      "mosquitto_sub -F writes",
  ignore: !installed,
  fn: async () => {
    await using broker = new Broker({
      listeners: { default: { bind: "127.0.0.1:0" } },
    });
    await broker.start();
    const port = String(broker.addresses[0]!.port);
    await using client = new MQTTClient({
      url: `mqtt://127.0.0.1:${port}`,
      protocolVersion: 5,
    });
    await client.connect();
    await client.publish("f/text", 'a "text"\\', {
      qos: 1,
      retain: true,
      properties: {
        contentType: "text/plain",
        userProperties: [["a", "1"], ["b", "2"], ["a", "3"]],
        responseTopic: "re/x",
        payloadFormatIndicator: true,
        correlationData: new TextEncoder().encode("id"),
      },
    });
    await client.publish("f/bytes", new Uint8Array([0, 255, 13, 10, 65]), {
      qos: 1,
      retain: true,
    });
    const common = ["-h", "127.0.0.1", "-p", port, "-V", "mqttv5", "-q", "1"];
    for (const args of cases) {
      const all = [...common, "-t", "f/#", ...args];
      const end = args.includes("-T") ? ["-C", "1"] : ["-C", "2"];
      const [ours, theirs] = await Promise.all([
        written(own, [...all, ...end]),
        written(["mosquitto_sub"], [...all, ...end]),
      ]);
      assertEquals(ours, theirs, args.join(" "));
    }
  },
});

Deno.test({
  name: installed
    ? "sub -F %j and %J write the JSON that mosquitto_sub writes"
    : "skipped: mosquitto-clients is not installed: sub -F %j and %J write " +
      "the JSON that mosquitto_sub writes",
  ignore: !installed,
  fn: async () => {
    await using broker = new Broker({
      listeners: { default: { bind: "127.0.0.1:0" } },
    });
    await broker.start();
    const port = String(broker.addresses[0]!.port);
    await using client = new MQTTClient({
      url: `mqtt://127.0.0.1:${port}`,
      protocolVersion: 5,
    });
    await client.connect();
    await client.publish("j", '{"a": [1.50, "é"], "b": {}}', {
      qos: 1,
      retain: true,
      properties: {
        contentType: "application/json",
        userProperties: [["a", "1"], ["b", '"'], ["a", "3"]],
        responseTopic: "re/x",
        payloadFormatIndicator: true,
        correlationData: new TextEncoder().encode("id"),
      },
    });
    for (const version of ["mqttv311", "mqttv5"]) {
      for (const format of ["%j", "%J"]) {
        const args = [
          ...["-h", "127.0.0.1", "-p", port, "-V", version, "-q", "1"],
          ...["-t", "j", "-C", "1", "-F", format],
        ];
        const [ours, theirs] = await Promise.all([
          written(own, args),
          written(["mosquitto_sub"], args),
        ]);
        // Each has a time of its own, which 2.0.11 does not write as it says.
        const rest = (text: string) => text.replace(/^\{"tst":"[^"]*",/, "");
        assertEquals(rest(ours), rest(theirs), `${version} ${format}`);
      }
    }
  },
});
