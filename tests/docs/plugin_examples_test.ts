/** The examples of plugins in docs/examples/plugins, each in a broker. */

import { assertEquals, assertRejects } from "@std/assert";
import { createHmac } from "node:crypto";
import { Broker, type BrokerConfig } from "../../broker/mod.ts";
import { Bench } from "../conformance/_bench.ts";
import { RecordingLogger } from "../plugins/_log.ts";

/** A broker with an example, named as a configuration names it. */
function start(
  example: string,
  options: Record<string, unknown>,
  config: BrokerConfig = {},
): Promise<Bench> {
  return Bench.start({
    logger: new RecordingLogger(),
    ...config,
    plugins: [{ [`./docs/examples/plugins/${example}.ts`]: options }],
  });
}

Deno.test("example of authentication lets devices in by their tokens", async () => {
  await using bench = await start("authentication", { secret: "geheim" });
  const token = createHmac("sha256", "geheim").update("device").digest("hex");
  const code = async (fields: { username?: string; password?: string }) =>
    (await bench.open(4).connect({ clientId: "device", ...fields })).code;
  assertEquals(await code({ username: "device", password: token }), 0);
  assertEquals(await code({ username: "other", password: token }), 4);
  assertEquals(await code({ username: "device", password: "x" }), 4);
  assertEquals(
    await code({ username: "device", password: "z".repeat(64) }),
    4,
  );
  assertEquals(await code({ username: "device" }), 4);
  assertEquals(await code({}), 5);
  assertEquals(bench.broker.metrics.pluginFailures, 0);
});

Deno.test("example of authentication needs its secret", async () => {
  const broker = new Broker({
    listeners: {},
    logger: new RecordingLogger(),
    plugins: ["./docs/examples/plugins/authentication.ts"],
  });
  await assertRejects(() => broker.start(), Error, "there is no secret");
});

Deno.test("example of topics keeps users in their rooms", async () => {
  await using bench = await start("topics", { shared: ["weather/#"] });
  const alice = await bench.connect(5, "alice", { username: "alice" });
  const bob = await bench.connect(5, "bob", { username: "bob" });
  const evil = await bench.connect(5, "evil", { username: "+" });
  assertEquals(await alice.subscribe("#"), [0]);
  assertEquals(await evil.subscribe("users/+/x"), [0x87]);
  const answer = await bob.publish({ topic: "users/alice/x", qos: 1 });
  assertEquals(answer?.code, 0x87);
  await alice.publish({ topic: "users/alice/x", payload: "mine" });
  await bob.publish({ topic: "users/bob/x", payload: "his" });
  for (const topic of ["weather/today", "news"]) {
    bench.broker.publish({ topic, payload: new TextEncoder().encode(topic) });
  }
  assertEquals(await alice.payloads(), ["mine", "weather/today"]);
});

Deno.test("example of an observer tells who is there, and how busy the broker was", async () => {
  const logger = new RecordingLogger();
  await using bench = await start("observer", { interval: 10 }, { logger });
  logger.take();
  const watcher = await bench.connect(5, "watcher");
  await watcher.subscribe("presence/+");
  const one = await bench.connect(5, "one");
  await one.publish({ topic: "a", payload: "x" });
  await one.disconnect();
  assertEquals(
    (await watcher.collect()).map(({ topic, payload }) => [topic, payload]),
    [
      ["presence/watcher", "online"],
      ["presence/one", "online"],
      ["presence/one", "offline"],
    ],
  );
  await bench.connect(5, "a/b");
  assertEquals(await watcher.collect(), []);
  bench.pass(10);
  assertEquals(logger.take(), [
    "INFO observer: 2 clients, 1 messages in 10 s",
  ]);
});
