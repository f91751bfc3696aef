import { assertEquals, assertStrictEquals } from "@std/assert";
import { inspect, withinLimits } from "../../broker/_policy.ts";
import { defaultLimits } from "../../broker/limits.ts";
import type { MessageInit } from "../../broker/mod.ts";
import { ReasonCode } from "../../codec/mod.ts";
import { clientOf, Parts, plugin } from "./_parts.ts";

const client = clientOf("client");

/** Topics, and whether they are within 12 bytes and 3 levels. */
const lengths: readonly [topic: string, within: boolean][] = [
  ["a", true],
  ["", true],
  ["123456789012", true],
  ["1234567890123", false],
  ["a/b/c", true],
  ["a/b/c/d", false],
  ["//", true],
  ["///", false],
  // bytes count, not characters
  ["éééééé", true],
  ["ééééééé", false],
  ["€€€€", true],
  ["€€€€1", false],
  ["😀😀😀", true],
  ["😀😀😀1", false],
];

for (const [topic, within] of lengths) {
  Deno.test(`topic ${JSON.stringify(topic)} is ${within ? "" : "not "}within 12 bytes and 3 levels`, () => {
    const limits = { ...defaultLimits, topicLength: 12, topicLevels: 3 };
    assertEquals(withinLimits(topic, limits), within);
  });
}

Deno.test("topic may have all 65,535 bytes and 200 levels by default", () => {
  const limits = { ...defaultLimits };
  assertEquals(withinLimits("é".repeat(32_767), limits), true);
  assertEquals(withinLimits("é".repeat(32_768), limits), false);
  assertEquals(withinLimits("/".repeat(199), limits), true);
  assertEquals(withinLimits("/".repeat(200), limits), false);
});

/** Topics, and whether a client may publish to them. */
const topics: readonly [topic: string, allowed: boolean][] = [
  ["a", true],
  ["$SYS", false],
  ["$SYS/broker/uptime", false],
  ["$SYSTEM/a", true],
  ["$share", false],
  ["$share/x/a", false],
  ["$shared/a", true],
  ["$other/a", true],
  ["a/$SYS/b", true],
  ["sys/$SYS", true],
];

for (const [topic, allowed] of topics) {
  Deno.test(`client may ${allowed ? "" : "not "}publish to ${topic} [MQTT-4.7.2-1]`, () => {
    const parts = new Parts();
    const message = parts.message(topic);
    const outcome = inspect(parts, client, message);
    if (allowed) assertStrictEquals(outcome, message);
    else assertEquals(outcome, ReasonCode.TopicNameInvalid);
  });
}

Deno.test("client may not publish to topics beyond the limits", () => {
  const parts = new Parts({ topicLevels: 2 });
  assertEquals(
    inspect(parts, client, parts.message("a/b/c")),
    ReasonCode.TopicNameInvalid,
  );
});

Deno.test("client may not have more retained than the limit, but remove and publish", () => {
  const parts = new Parts({ retainedMessages: 0 });
  const outcome = (retain: boolean, payload = Uint8Array.of(1)) => {
    const message = parts.message("a", { retain, payload });
    const result = inspect(parts, client, message);
    return result === message ? "allowed" : result;
  };
  assertEquals(outcome(true), ReasonCode.QuotaExceeded);
  assertEquals(outcome(false), "allowed");
  assertEquals(outcome(true, new Uint8Array()), "allowed");
});

Deno.test("plugins are not asked about what the limits forbid", () => {
  const asked: string[] = [];
  const parts = new Parts({ topicLevels: 2 }, [plugin({
    authorize: (_, { topic }) => {
      asked.push(topic);
      return true;
    },
  })]);
  for (const topic of ["a/b/c", "$SYS/a", "a/b"]) {
    inspect(parts, client, parts.message(topic));
  }
  assertEquals(asked, ["a/b"]);
});

/** What a plugin may make of a message, and what comes of it. */
const changed: readonly [change: Partial<MessageInit>, outcome: unknown][] = [
  [{ topic: "b" }, "b"],
  [{ topic: "a/b/c" }, ReasonCode.TopicNameInvalid],
  [{ topic: "$SYS/a" }, ReasonCode.TopicNameInvalid],
  [{ retain: true }, ReasonCode.QuotaExceeded],
];

for (const [change, expected] of changed) {
  for (const when of ["at once", "later"]) {
    Deno.test(`limits hold for what a plugin makes of a message too: ${JSON.stringify(change)}, ${when}`, async () => {
      const limits = { topicLevels: 2, retainedMessages: 0 };
      const parts = new Parts(limits, [plugin({
        transform: () => when === "later" ? Promise.resolve(change) : change,
      })]);
      const outcome = await inspect(parts, client, parts.message("a"));
      assertEquals(
        typeof outcome === "number" ? outcome : outcome.topic,
        expected,
      );
    });
  }
}
