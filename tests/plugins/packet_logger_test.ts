import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { Packet } from "../../codec/mod.ts";
import { SettingsError } from "../../codec/mod.ts";
import { packetLogger } from "../../plugins/mod.ts";
import { Bench } from "../conformance/_bench.ts";
import { text } from "../_raw_client.ts";
import { contextWith, RecordingLogger } from "./_log.ts";

/** The line for a packet. */
function lineOf(packet: Packet, clientId = "one"): string | undefined {
  const logger = new RecordingLogger();
  const { on, start } = packetLogger();
  start!(contextWith(logger));
  on!.mqtt_packet_sent!({ clientId, packet });
  return logger.take()[0];
}

Deno.test("packet logger tells of each packet, in and out", async () => {
  const logger = new RecordingLogger();
  await using bench = await Bench.start({ logger, plugins: [packetLogger()] });
  const client = await bench.connect(4, "one", {
    username: "u",
    password: "geheim",
    keepAlive: 5,
  });
  await client.subscribe({ filter: "a/#", qos: 1 });
  await client.publish({ topic: "a/b", payload: "geheim", qos: 1 });
  const lines = logger.take();
  assertEquals(lines.map((line) => line.split(" ").slice(0, 4).join(" ")), [
    "DEBUG - <-in-- CONNECT",
    'DEBUG "one" -out-> CONNACK',
    'DEBUG "one" <-in-- SUBSCRIBE',
    'DEBUG "one" -out-> SUBACK',
    'DEBUG "one" <-in-- PUBLISH',
    'DEBUG "one" -out-> PUBLISH',
    'DEBUG "one" -out-> PUBACK',
  ]);
  for (const line of lines) assertEquals(line.includes("geheim"), false, line);
  assertMatch(lines[0]!, /clientId="one".*username="u"/);
  assertMatch(lines[2]!, /subscriptions=\[\{filter="a\/#" qos=1 /);
  assertMatch(lines[4]!, /topic="a\/b" payload=<6 bytes>/);
});

Deno.test("packet logger shortens what is long, and lets nobody forge a line", () => {
  const line = lineOf({
    type: "publish",
    topic: `x\n\u001b[2J${"y".repeat(300)}`,
    payload: text("x"),
    qos: 0,
    retain: false,
    dup: false,
    properties: {
      userProperties: Array.from({ length: 20 }, () => ["a", "b"]),
    },
  }, 'one"\r\nroot');
  // deno-lint-ignore no-control-regex -- these are what is looked for
  assertEquals(/[\u0000-\u001f]/.test(line!), false);
  assertMatch(line!, /^DEBUG "one\\"\\r\\nroot" -out-> PUBLISH topic="x\\n/);
  assertMatch(line!, /\["a", "b"\], … 20 in all\]\}$/);
  assertEquals(line!.length < 700, true, line);
});

Deno.test("packet logger makes no lines that nobody wants", () => {
  const logger = new RecordingLogger();
  logger.verbose = false;
  const { on, start } = packetLogger();
  on!.mqtt_packet_sent!({ clientId: "", packet: { type: "pingresp" } });
  start!(contextWith(logger));
  on!.mqtt_packet_sent!({ clientId: "", packet: { type: "pingresp" } });
  assertEquals(logger.take(), []);
});

Deno.test("packet logger has no options", () => {
  assertThrows(
    () => packetLogger({ level: "debug" } as Record<never, never>),
    SettingsError,
  );
});
