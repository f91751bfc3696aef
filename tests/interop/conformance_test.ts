/**
 * `ambermq test` with a broker that is not ours, mosquitto: what it asks for is
 * what others understand too.
 */

import { assertEquals, assertGreater } from "@std/assert";
import {
  checks,
  runCases,
  select,
  type Target,
} from "../../cli/conformance/mod.ts";
import { dial } from "../../mod.ts";
import { Process } from "../_process.ts";

/** Where Debian has it, which is not in everybody's path. */
const program = ["mosquitto", "/usr/sbin/mosquitto"].find((path) => {
  try {
    new Deno.Command(path, { args: ["-h"] }).outputSync();
    return true;
  } catch {
    return false;
  }
});

/** What mosquitto 2.0 does otherwise: see docs/conformance.md. */
const otherwise = [
  / with flags that are not its own /,
  /^(SUBACK|UNSUBACK|PINGRESP) from a client /,
  /^properties of CONNECT that are wrong /,
  /^DISCONNECT 0x8?9?\d has the will published /,
  /^a session that ends with its connection /,
  /^a new session in place of the old one /,
  /^overlapping subscriptions /,
  /^a subscription identifier in a client's PUBLISH /,
  /^DISCONNECT with a code that is not its own /,
  /^a Response Topic with wildcards /,
  /^not more than Receive Maximum /,
  /^more messages than the broker's Receive Maximum /,
  /^the filter \$share\//,
  /^No Local with a shared subscription /,
  /^retained messages are not sent for a shared /,
  /^a text frame ends /,
];

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** Runs mosquitto. */
async function start(
  folder: string,
): Promise<{ process: Process; port: number; webSocketPort: number }> {
  const [port, webSocketPort] = [freePort(), freePort()];
  const file = `${folder}/mosquitto.conf`;
  const lines = [
    `listener ${port} 127.0.0.1`,
    `listener ${webSocketPort} 127.0.0.1`,
    "protocol websockets",
    "allow_anonymous true",
  ];
  await Deno.writeTextFile(file, `${lines.join("\n")}\n`);
  const process = new Process(program!, ["-c", file]);
  await process.stderr.find(/mosquitto version .* running/);
  return { process, port, webSocketPort };
}

/** Runs checks; gives how many passed and which failed, and why. */
async function run(
  target: Pick<Target, "dial" | "webSocket">,
  filter: string,
): Promise<{ passed: number; failed: string[] }> {
  const cases = select(checks, { versions: [3, 4, 5], slow: false, filter })
    .filter(({ check }) =>
      !otherwise.some((pattern) => pattern.test(check.title))
    );
  const failed: string[] = [];
  let passed = 0;
  const results = runCases(cases, {
    ...target,
    patience: 10_000,
    wait: () => Promise.resolve(),
  }, new AbortController().signal);
  for await (const { outcome, title, version, expected, actual } of results) {
    if (outcome === "passed") passed++;
    if (outcome !== "failed") continue;
    failed.push(`${title} (${version}): ${expected}, not ${actual}`);
  }
  return { passed, failed };
}

Deno.test({
  name: program === undefined
    ? "skipped: mosquitto is not installed: ambermq test with mosquitto"
    : "mosquitto passes the checks of ambermq test, but for those it is known to fail",
  ignore: program === undefined,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const { process, port, webSocketPort } = await start(folder);
    try {
      const tcp = `mqtt://127.0.0.1:${port}`;
      const all = await run({ dial: () => dial(tcp) }, "");
      assertEquals(all.failed, []);
      assertGreater(all.passed, 320);
      const url = new URL(`ws://127.0.0.1:${webSocketPort}/mqtt`);
      const some = await run({
        dial: () => dial(url),
        webSocket: { url, dial: () => dial(`mqtt://${url.host}`) },
      }, "WebSocket:");
      assertEquals(some.failed, []);
      assertGreater(some.passed, 10);
    } finally {
      await process[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
