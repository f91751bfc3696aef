/** M8: `sys_interval`, and what the broker tells below `$SYS/broker/`. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { MQTTClient } from "../../mod.ts";
import { ConfiguredBroker, run } from "./_stage.ts";

const yaml = `
listeners: {default: {bind: "127.0.0.1:0"}}
sys_interval: 1
`;

/** Those of HBMQTT and aMQTT, without `version`, which is retained. */
const names = [
  ...["load/bytes/received", "load/bytes/sent", "messages/received"],
  ...["messages/sent", "messages/publish/received", "messages/publish/sent"],
  ...["time", "uptime", "uptime/formated", "uptime/formatted"],
  ...["clients/connected", "clients/disconnected", "clients/maximum"],
  ...["clients/total", "messages/inflight", "messages/inflight/in"],
  ...["messages/inflight/out", "messages/inflight/stored"],
  ...["messages/retained/count", "messages/subscriptions/count"],
  ...["heap/size", "heap/maximum", "cpu/percent", "cpu/maximum"],
];

/** The values of the next update that is whole: each topic once. */
async function update(client: MQTTClient): Promise<Record<string, string>> {
  let values: Record<string, string> = {};
  for (;;) {
    const message = await client.deliverMessage(10);
    const name = message.topic.replace("$SYS/broker/", "");
    assertEquals(message.retain, name === "version", name);
    if (name === names[0]) values = {};
    values[name] = message.text();
    if (names.every((one) => one in values)) return values;
  }
}

Deno.test("M8: all topics come each interval, with right values", async () => {
  await using broker = await ConfiguredBroker.start(yaml);
  const url = broker.url();
  const clients: MQTTClient[] = [];
  for (let i = 0; i < 5; i++) {
    const client = new MQTTClient(`c${i}`, { url, cleanStart: i > 0 });
    await client.connect();
    clients.push(client);
  }
  // One is away, with a session, a subscription and two messages that wait.
  await clients[0]!.subscribe(["kept/#", "other"], { qos: 1 });
  await clients[0]!.disconnect();
  await clients[4]!.disconnect();
  const publisher = clients[1]!;
  for (
    const [topic, retain] of [["kept/1", true], ["kept/2", false]] as const
  ) {
    await publisher.publish(topic, "x", { qos: 1, retain });
  }
  await using watcher = new MQTTClient("watcher", { url });
  await watcher.connect();
  await watcher.subscribe("$SYS/#", { qos: 2 });
  const version = await watcher.deliverMessage(10);
  assertEquals([version.topic, version.retain], ["$SYS/broker/version", true]);
  assertMatch(version.text(), /^AmberMQ version \d+\.\d+\.\d+/);
  const values = await update(watcher);
  const number = (name: string): number => Number(values[name]);
  assertEquals(number("clients/connected"), 4); // c1, c2, c3, watcher
  assertEquals(number("clients/disconnected"), 1); // c0
  assertEquals(number("clients/total"), 5);
  assertEquals(number("clients/maximum"), 5); // the peak, not the present
  assertEquals(number("messages/retained/count"), 2); // and the version
  assertEquals(number("messages/subscriptions/count"), 3);
  assertEquals(number("messages/inflight/stored"), 2 + 2);
  assertEquals(number("messages/publish/received"), 2);
  // CONNECT of six, one SUBSCRIBE and one more, two PUBLISH, two DISCONNECT.
  assertEquals(number("messages/received"), 12);
  assert(number("messages/sent") >= 6 + 2 + 2);
  assert(number("load/bytes/received") > 100);
  assert(number("load/bytes/sent") > 50);
  const inflight = number("messages/inflight");
  assertEquals(
    inflight,
    number("messages/inflight/in") + number("messages/inflight/out"),
  );
  const late = Date.now() / 1000 - number("time");
  assert(late >= -1 && late < 10, `${late} s`);
  const uptime = number("uptime");
  assert(uptime >= 1 && uptime < 60);
  const clock = `0:00:${String(uptime).padStart(2, "0")}`;
  assertEquals(values["uptime/formated"], clock);
  assertEquals(values["uptime/formatted"], clock);
  assert(
    number("heap/size") > 5 && number("heap/maximum") >= number("heap/size"),
  );
  assert(
    number("cpu/percent") >= 0 &&
      number("cpu/maximum") >= number("cpu/percent"),
  );
  // The next one counts on.
  const next = await update(watcher);
  assert(Number(next["uptime"]) > uptime);
  assert(Number(next["load/bytes/sent"]) > number("load/bytes/sent"));
  for (const client of clients) await client.disconnect();
});

Deno.test("M8: wildcards at the first level do not match them", async () => {
  await using broker = await ConfiguredBroker.start(yaml);
  const url = broker.url();
  await using watcher = new MQTTClient({ url });
  await watcher.connect();
  await watcher.subscribe("$SYS/broker/uptime");
  await using client = new MQTTClient({ url });
  await client.connect();
  await client.subscribe(["#", "+/broker/uptime", "+/#"]);
  await watcher.deliverMessage(10);
  await client.ping();
  await assertRejects(() => client.deliverMessage(0), DOMException);
});

Deno.test("M8: a client cannot write them", async () => {
  await using broker = await ConfiguredBroker.start(yaml);
  const url = broker.url();
  await using watcher = new MQTTClient({ url });
  await watcher.connect();
  await watcher.subscribe("$SYS/broker/uptime", { qos: 1 });
  const args = ["pub", "--url", url, "-t", "$SYS/broker/uptime"];
  const { code } = await run([...args, "-m", "forged", "-q", "1", "-V", "5"]);
  assertEquals(code, 1);
  assertMatch((await watcher.deliverMessage(10)).text(), /^\d+$/);
});

for (const setting of ["", "sys_interval: 0\n"]) {
  Deno.test(`M8: with ${setting.trim() || "no sys_interval"} there are none`, async () => {
    await using broker = await ConfiguredBroker.start(
      `listeners: {default: {bind: "127.0.0.1:0"}}\n${setting}`,
    );
    await using client = new MQTTClient({ url: broker.url() });
    await client.connect();
    await client.subscribe("$SYS/#");
    await client.ping();
    await assertRejects(() => client.deliverMessage(0), DOMException);
  });
}
