import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { dashed, Metrics } from "../../broker/mod.ts";
import { SettingsError } from "../../codec/mod.ts";
import { brokerSys } from "../../plugins/mod.ts";
import { Bench } from "../conformance/_bench.ts";
import { newStore } from "../_sqlite_stores.ts";
import { publish, type RawClient } from "../_raw_client.ts";

const names = [
  "load/bytes/received",
  "load/bytes/sent",
  "messages/received",
  "messages/sent",
  "messages/publish/received",
  "messages/publish/sent",
  "time",
  "uptime",
  "uptime/formatted",
  "uptime/formated",
  "clients/connected",
  "clients/disconnected",
  "clients/maximum",
  "clients/total",
  "messages/inflight",
  "messages/inflight/in",
  "messages/inflight/out",
  "messages/inflight/stored",
  "messages/retained/count",
  "messages/subscriptions/count",
  "heap/size",
  "heap/maximum",
  "cpu/percent",
  "cpu/maximum",
  "publish/messages/dropped",
  ...Object.keys(new Metrics()).map((name) => `metrics/${dashed(name)}`),
];

/** What a client got, by topic without the prefix. */
async function collected(client: RawClient): Promise<Map<string, string>> {
  return new Map(
    (await client.collect()).map(({ topic, payload }) => [
      topic.replace("$SYS/broker/", ""),
      payload,
    ]),
  );
}

Deno.test("broker_sys publishes its version once, retained", async () => {
  await using bench = await Bench.start({ plugins: [brokerSys()] });
  const client = await bench.connect(4, "one");
  await client.subscribe({ filter: "$SYS/#", qos: 1 });
  const [version, ...more] = await client.collect();
  assertEquals(more, []);
  assertEquals([version?.topic, version?.payload, version?.retain], [
    "$SYS/broker/version",
    `AmberMQ version ${config.version}`,
    true,
  ]);
});

Deno.test("broker_sys publishes everything else each interval, the first time after one", async () => {
  await using bench = await Bench.start({
    plugins: [brokerSys({ sysInterval: 5 })],
  });
  const client = await bench.connect(4, "one");
  await client.subscribe({ filter: "$SYS/broker/#", qos: 0 });
  await client.collect();
  bench.pass(4);
  assertEquals(await client.collect(), []);
  for (const _ of "123") {
    bench.pass(1);
    const messages = await client.collect();
    assertEquals(
      messages.map(({ topic }) => topic),
      names.map((name) => `$SYS/broker/${name}`),
    );
    assertEquals(messages.every(({ retain }) => !retain), true);
    bench.pass(4);
    assertEquals(await client.collect(), []);
  }
  assertEquals(bench.broker.metrics.pluginFailures, 0);
});

Deno.test("broker_sys tells the truth", async () => {
  await using bench = await Bench.start({
    plugins: [brokerSys({ sysInterval: 93_784 }, () => 1_800_000_000_999)],
  });
  const watcher = await bench.connect(4, "watcher");
  await watcher.subscribe({ filter: "$SYS/broker/#" });
  // Two were there at a time; one is away, and another one gone for good.
  const away = await bench.connect(4, "away", { clean: false });
  await away.subscribe({ filter: "a", qos: 1 }, { filter: "b", qos: 1 });
  const gone = await bench.connect(4, "gone");
  await gone.disconnect();
  await away.disconnect();
  const busy = await bench.connect(4, "busy");
  await busy.subscribe({ filter: "a", qos: 2 });
  await busy.publish({ topic: "kept", payload: "x", retain: true });
  await busy.publish({ topic: "a", payload: "x", qos: 1 });
  busy.send(publish(4, { topic: "other", qos: 2, packetId: 77 }));
  await busy.drain();
  await collected(watcher);
  const { metrics } = bench.broker;
  // What the test was told before, and what it does not do from now on.
  const expected = {
    "load/bytes/received": metrics.bytesReceived,
    "messages/received": metrics.packetsReceived,
    "messages/sent": metrics.packetsSent,
    "messages/publish/received": 3,
    "messages/publish/sent": metrics.publishSent,
    "load/bytes/sent": metrics.bytesSent,
  };
  bench.pass(93_784);
  const values = await collected(watcher);
  for (const [name, value] of Object.entries(expected)) {
    assertEquals(values.get(name), String(value), name);
  }
  assertEquals(values.get("time"), "1800000000");
  assertEquals(values.get("uptime"), "93784");
  assertEquals(values.get("uptime/formatted"), "1 day, 2:03:04");
  assertEquals(values.get("uptime/formated"), "1 day, 2:03:04");
  assertEquals(values.get("clients/connected"), "2");
  assertEquals(values.get("clients/disconnected"), "1");
  assertEquals(values.get("clients/maximum"), "3");
  assertEquals(values.get("clients/total"), "3");
  assertEquals(values.get("messages/inflight/in"), "1");
  assertEquals(values.get("messages/inflight/out"), "1");
  assertEquals(values.get("messages/inflight"), "2");
  assertEquals(values.get("messages/retained/count"), "2"); // and the version
  assertEquals(values.get("messages/inflight/stored"), "3");
  assertEquals(values.get("messages/subscriptions/count"), "4");
  const number = (name: string) => {
    assertMatch(values.get(name)!, /^\d+\.\d$/);
    return Number(values.get(name));
  };
  assert(number("heap/size") > 10);
  assert(number("heap/maximum") >= number("heap/size"));
  assert(number("cpu/maximum") >= number("cpu/percent"));
});

Deno.test("broker_sys keeps the highest values", async () => {
  await using bench = await Bench.start({
    plugins: [brokerSys({ sysInterval: 1 })],
  });
  const client = await bench.connect(4, "one");
  await client.subscribe({ filter: "$SYS/broker/cpu/#" });
  bench.pass(1);
  const first = await collected(client);
  bench.pass(3600); // next to nothing of an hour
  const second = await collected(client);
  assertEquals(second.get("cpu/maximum"), first.get("cpu/maximum"));
  assertEquals(first.get("cpu/percent"), first.get("cpu/maximum"));
});

Deno.test("broker_sys is not matched by # [MQTT-4.7.2-1]", async () => {
  await using bench = await Bench.start({
    plugins: [brokerSys({ sysInterval: 1 })],
  });
  const client = await bench.connect(4, "one");
  await client.subscribe("#", "+/broker/uptime");
  bench.pass(1);
  assertEquals(await client.collect(), []);
});

Deno.test("broker_sys is sent with the QoS of the subscription, and not kept for long", async () => {
  await using bench = await Bench.start({
    plugins: [brokerSys({ sysInterval: 10 })],
  });
  const filters = [0, 1, 2].map((qos) => ({
    filter: `$SYS/broker/${names[qos]}`,
    qos,
  }));
  const client = await bench.connect(4, "one", { clean: false });
  await client.subscribe(...filters);
  bench.pass(10);
  assertEquals((await client.collect()).map(({ qos }) => qos), [0, 1, 2]);
  await client.disconnect();
  for (const _ of "12345") bench.pass(10);
  const again = await bench.connect(4, "one", { clean: false });
  assertEquals((await again.collect()).length, 2);
});

Deno.test("broker_sys says nothing where the interval is 0, and nothing after the broker has stopped", async () => {
  const bench = await Bench.start({ plugins: [brokerSys({ sysInterval: 0 })] });
  const client = await bench.connect(4, "one");
  await client.subscribe("$SYS/#");
  bench.pass(100);
  assertEquals(await client.collect(), []);
  await bench[Symbol.asyncDispose]();
});

Deno.test("broker_sys is what sys_interval of a configuration asks for", async () => {
  await using bench = await Bench.start(
    { sys_interval: 3 } as Record<string, unknown>,
  );
  const client = await bench.connect(4, "one");
  await client.subscribe("$SYS/broker/uptime");
  bench.pass(3);
  assertEquals(await client.payloads(), ["3"]);
});

Deno.test("broker_sys does not take an interval that is none", () => {
  for (const sysInterval of [-1, 1.5, NaN]) {
    assertThrows(
      () => brokerSys({ sysInterval }),
      SettingsError,
      "not an integer of at least 0",
    );
  }
});

Deno.test("broker_sys tells what limits have cost", async () => {
  await using bench = await Bench.start({
    plugins: [brokerSys({ sysInterval: 5 })],
    limits: { queuedMessages: 2 },
  });
  const watcher = await bench.connect(4, "watcher");
  await watcher.subscribe({ filter: "$SYS/broker/#" });
  const away = await bench.connect(4, "away", { clean: false });
  await away.subscribe({ filter: "a", qos: 1 });
  await away.disconnect();
  for (const _ of "12345") await watcher.publish({ topic: "a", qos: 1 });
  bench.pass(5);
  const values = await collected(watcher);
  assertEquals(values.get("publish/messages/dropped"), "3");
  assertEquals(values.get("metrics/dropped-queue-full"), "3");
  assertEquals(values.get("metrics/throttled"), "0");
  assertEquals(
    Number(values.get("metrics/queued-bytes")),
    bench.broker.metrics.queuedBytes,
  );
});

Deno.test("broker_sys tells of a store in a file", async () => {
  const store = newStore();
  await using bench = await Bench.start({
    store,
    plugins: [brokerSys({ sysInterval: 5 })],
  });
  const client = await bench.connect(4, "one");
  await client.subscribe({ filter: "$SYS/broker/store/#" });
  await client.publish({ topic: "a", payload: "b", qos: 1, retain: true });
  bench.pass(5);
  const values = await collected(client);
  assertEquals([...values.keys()], [
    "store/bytes/file",
    "store/bytes/log",
    "store/commits",
    "store/commits/last",
    "store/commits/mean",
    "store/commits/maximum",
    "store/pending",
  ]);
  assert(Number(values.get("store/bytes/file")) >= 4096);
  assert(Number(values.get("store/commits")) > 0);
  assert(Number(values.get("store/commits/maximum")) > 0);
  assertEquals(
    bench.broker.storeMetrics?.fileBytes,
    Number(values.get("store/bytes/file")),
  );
});
