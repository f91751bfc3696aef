import { assertEquals, assertThrows } from "@std/assert";
import { SettingsError } from "../../codec/mod.ts";
import { topicTaboo } from "../../plugins/mod.ts";
import { Bench } from "../conformance/_bench.ts";

const taboo = ["prohibited", "top-secret", "data/classified"];
const others = ["Prohibited", "prohibited/1", "data", "data/classified/1"];

Deno.test("topic_taboo keeps three topics for the administrator", async () => {
  await using bench = await Bench.start({ plugins: [topicTaboo()] });
  const admin = await bench.connect(5, "a", { username: "admin" });
  const user = await bench.connect(5, "u", { username: "user" });
  const nobody = await bench.connect(5, "n");
  const all = [...taboo, ...others];
  assertEquals(await admin.subscribe(...all), all.map(() => 0));
  for (const client of [user, nobody]) {
    assertEquals(await client.subscribe(...all), [
      ...taboo.map(() => 0x87),
      ...others.map(() => 0),
    ]);
    for (const topic of all) {
      const answer = await client.publish({ topic, qos: 1, payload: topic });
      assertEquals(answer?.code, taboo.includes(topic) ? 0x87 : 0, topic);
    }
    assertEquals(await admin.payloads(), others);
    await user.payloads();
    await nobody.payloads();
  }
  for (const topic of all) await admin.publish({ topic, payload: topic });
  assertEquals(await admin.payloads(), all);
  assertEquals(await user.payloads(), others);
});

Deno.test("topic_taboo withholds them from who subscribes to more, retained ones too", async () => {
  await using bench = await Bench.start({ plugins: [topicTaboo()] });
  const admin = await bench.connect(5, "a", { username: "admin" });
  for (const topic of ["prohibited", "allowed"]) {
    await admin.publish({ topic, payload: `kept ${topic}`, retain: true });
  }
  const user = await bench.connect(5, "u", { username: "user" });
  assertEquals(await user.subscribe("#", "data/+", "$share/g/#"), [0, 0, 0]);
  await admin.publish({ topic: "data/classified", payload: "x" });
  await admin.publish({ topic: "top-secret", payload: "x" });
  assertEquals(await user.payloads(), ["kept allowed"]);
});

Deno.test("topic_taboo does not let a will through", async () => {
  await using bench = await Bench.start({ plugins: [topicTaboo()] });
  const admin = await bench.connect(5, "a", { username: "admin" });
  await admin.subscribe("prohibited");
  const user = await bench.connect(5, "u", { will: { topic: "prohibited" } });
  await user.send("f3 00").untilClosed(); // no packet
  assertEquals(await admin.payloads(), []);
  assertEquals(bench.broker.metrics.publishRefused, 1);
});

Deno.test("topic_taboo has no options", () => {
  assertThrows(
    () => topicTaboo({ topics: [] } as Record<never, never>),
    SettingsError,
    "there is no topics",
  );
});
