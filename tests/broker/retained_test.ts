import { assertEquals, assertGreater } from "@std/assert";
import { Retained } from "../../broker/_retained.ts";
import type { Limits, Message } from "../../broker/mod.ts";
import { type Random, withSeeds } from "../_random.ts";
import { message, Parts } from "./_parts.ts";

/** The retained messages of a broker with these limits. */
function retain(limits: Partial<Limits> = {}): Parts {
  return new Parts(limits);
}

function topics(messages: readonly Message[]): string[] {
  return messages.map(({ topic }) => topic).sort();
}

/** What a message counts when there is no other. */
function costOf(message: Message): number {
  const { retained } = retain();
  retained.restore(message);
  return retained.bytes;
}

const empty = new Uint8Array();

const stored = [
  "a",
  "a/",
  "a/b",
  "a/b/c",
  "a//c",
  "b",
  "b/$c",
  "/",
  "/a",
  "$SYS",
  "$SYS/a",
  "$SYS/a/b",
];

const table: readonly [filter: string, topics: string[]][] = [
  ["a", ["a"]],
  ["a/b", ["a/b"]],
  ["x", []],
  ["a/x", []],
  ["a/b/c/d", []],
  ["A", []],
  ["/", ["/"]],
  ["+", ["a", "b"]],
  ["+/+", ["/", "/a", "a/", "a/b", "b/$c"]],
  ["/+", ["/", "/a"]],
  ["a/+", ["a/", "a/b"]],
  ["a/+/c", ["a//c", "a/b/c"]],
  ["+/b/#", ["a/b", "a/b/c"]],
  // its parent too
  ["a/#", ["a", "a/", "a//c", "a/b", "a/b/c"]],
  ["b/#", ["b", "b/$c"]],
  ["b/+", ["b/$c"]],
  ["#", stored.filter((topic) => !topic.startsWith("$"))],
  ["+/#", stored.filter((topic) => !topic.startsWith("$"))],
  // [MQTT-4.7.2-1]
  ["$SYS/#", ["$SYS", "$SYS/a", "$SYS/a/b"]],
  ["$SYS/+", ["$SYS/a"]],
  ["+/a", ["/a"]],
  ["+/a/b", []],
  // a shared subscription's filter is what stands behind the name
  ["$share/x/a/b", ["a/b"]],
];

for (const [filter, expected] of table) {
  Deno.test(`retained messages of ${filter} are the right ones [MQTT-4.7.1-1] [MQTT-4.7.2-1]`, () => {
    const { retained } = retain();
    for (const topic of stored) retained.update(message(topic));
    assertEquals(topics(retained.match(filter, 0)), expected.toSorted());
  });
}

/** Written from section 4.7, and not with the codec. */
function naivelyMatches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const escaped = filter.split("/").map((level) =>
    level === "+" ? "[^/]*" : level.replaceAll("$", "\\$")
  );
  const parent = escaped.at(-1) === "#";
  if (parent) escaped.pop();
  if (parent && escaped.length === 0) return true;
  return new RegExp(`^${escaped.join("/")}${parent ? "(/.*)?" : ""}$`)
    .test(topic);
}

function randomTopic(random: Random): string {
  const levels = random.array(
    random.integer(1, 4),
    () => random.pick(["a", "b", ""]),
  );
  if (random.percent(15)) levels[0] = "$a";
  return levels.join("/");
}

Deno.test("retained messages are those that a naive matcher finds, and are counted", () => {
  withSeeds(60, (random) => {
    const limits = { retainedMessages: 30 };
    const { retained } = retain(limits);
    const model = new Map<string, Message>();
    for (let step = 0; step < 200; step++) {
      const topic = randomTopic(random);
      const update = message(topic, {
        payload: random.percent(30)
          ? empty
          : random.bytes(random.integer(1, 20)),
      });
      const room = model.has(topic) || model.size < limits.retainedMessages;
      assertEquals(retained.accepts(update), room);
      if (!update.empty && !room) continue;
      retained.update(update);
      if (update.empty) model.delete(topic);
      else model.set(topic, update);
      const filter = randomTopic(random).split("/")
        .map((level) => random.percent(30) ? "+" : level)
        .concat(random.percent(40) ? ["#"] : []).join("/");
      const expected = [...model.values()]
        .filter(({ topic }) => naivelyMatches(filter, topic));
      assertEquals(topics(retained.match(filter, 0)), topics(expected), filter);
      assertEquals(retained.size, model.size);
      const bytes = [...model.values()]
        .reduce((sum, one) => sum + costOf(one), 0);
      assertEquals(retained.bytes, bytes);
      assertEquals(retained.get(topic), model.get(topic));
    }
  });
});

Deno.test("retained message replaces the one of its topic [MQTT-3.3.1-5]", () => {
  const { retained, store } = retain();
  const first = message("a");
  const second = message("a", { payload: new Uint8Array(1000) });
  retained.update(first);
  retained.update(second);
  assertEquals(retained.match("#", 0), [second]);
  assertEquals([retained.size, retained.bytes], [1, costOf(second)]);
  assertEquals(store.changes, [
    { type: "retain", message: first },
    { type: "retain", message: second },
  ]);
});

Deno.test("retained message with an empty payload removes the one of its topic and is not kept [MQTT-3.3.1-6] [MQTT-3.3.1-7]", () => {
  const { retained, store } = retain();
  retained.update(message("a"));
  retained.update(message("a/b"));
  retained.update(message("a", { payload: empty }));
  retained.update(message("b", { payload: empty }));
  assertEquals(topics(retained.match("#", 0)), ["a/b"]);
  assertEquals(store.types(), ["retain", "retain", "unretain"]);
  retained.update(message("a/b", { payload: empty }));
  assertEquals([retained.size, retained.bytes], [0, 0]);
});

Deno.test("retained message is independent of the buffer it came in", () => {
  const { retained } = retain();
  const payload = new Uint8Array([1, 2, 3]);
  retained.update(message("a", { payload }));
  payload.fill(0);
  assertEquals([...retained.get("a")!.payload], [1, 2, 3]);
});

// Limits.

Deno.test("retained messages are accepted up to the limit of their number", () => {
  const { retained } = retain({ retainedMessages: 2 });
  retained.update(message("a"));
  assertEquals(retained.accepts(message("b")), true);
  retained.update(message("b"));
  assertEquals(retained.accepts(message("c")), false);
  assertEquals(retained.accepts(message("b")), true);
  retained.update(message("a", { payload: empty }));
  assertEquals(retained.accepts(message("c")), true);
});

Deno.test("retained messages are accepted up to the limit of their bytes", () => {
  const cost = costOf(message("a", { payload: new Uint8Array(100) }));
  const { retained } = retain({ retainedBytes: 2 * cost });
  const of = (topic: string, length: number) =>
    message(topic, { payload: new Uint8Array(length) });
  retained.update(of("a", 100));
  assertEquals(retained.accepts(of("b", 101)), false);
  assertEquals(retained.accepts(of("b", 100)), true);
  retained.update(of("b", 100));
  // what it replaces is gone
  assertEquals(retained.accepts(of("a", 100)), true);
  assertEquals(retained.accepts(of("a", 101)), false);
});

Deno.test("retained message counts for its payload and properties, and for its levels", () => {
  const bytes = costOf(message("a"));
  const larger = [
    message("a", { payload: new Uint8Array(1000) }),
    message("a", { properties: { contentType: "x".repeat(1000) } }),
    message("a/b"),
  ];
  for (const one of larger) assertGreater(costOf(one), bytes + 100);
});

Deno.test("search for retained messages ends when more are found than wanted", () => {
  const { retained } = retain();
  for (let i = 0; i < 10; i++) retained.update(message(`a/${i}`));
  for (const most of [0, 3, 9]) {
    assertEquals(retained.match("a/#", 0, most).length, most + 1);
  }
  for (const most of [10, 11]) {
    assertEquals(retained.match("a/#", 0, most).length, 10);
  }
});

Deno.test("search for retained messages counts what it looks at", () => {
  const { retained } = retain();
  for (let i = 0; i < 10; i++) retained.update(message(`${i}/a/b/c`));
  retained.match("0/a/b/c", 0);
  const direct = retained.takeVisited();
  retained.match("+/a/b/x", 0);
  const wide = retained.takeVisited();
  assertGreater(wide, 5 * direct);
  assertEquals(retained.takeVisited(), 0);
});

Deno.test("no retained message is accepted when the limit is 0", () => {
  for (const limits of [{ retainedMessages: 0 }, { retainedBytes: 0 }]) {
    assertEquals(retain(limits).retained.accepts(message("a")), false);
  }
});

// Expiry.

const minute = { messageExpiryInterval: 60 };

Deno.test("retained message that has expired is not found, and is removed by expire() [MQTT-3.3.2-5]", () => {
  const { retained, store, metrics } = retain();
  retained.update(message("for ever"));
  retained.update(message("a", { properties: minute }));
  store.types();
  assertEquals(topics(retained.match("#", 59_999)), ["a", "for ever"]);
  retained.expire(59_999);
  assertEquals([retained.size, metrics.retainedExpired], [2, 0]);
  assertEquals(topics(retained.match("#", 60_000)), ["for ever"]);
  retained.expire(60_000);
  assertEquals(
    [retained.size, retained.bytes, metrics.retainedExpired],
    [1, costOf(message("for ever")), 1],
  );
  assertEquals(store.changes, [{ type: "unretain", topic: "a" }]);
  retained.expire(60_000);
  assertEquals(metrics.retainedExpired, 1);
});

Deno.test("retained message without expiry does not inherit that of the one it replaces", () => {
  const { retained } = retain();
  retained.update(message("a", { properties: minute }));
  retained.update(message("a"));
  retained.expire(60_000);
  assertEquals(topics(retained.match("#", 60_000)), ["a"]);
});

// Memory and store.

Deno.test("retained messages that the store has are put in without telling it", () => {
  const { retained, store } = retain();
  const one = message("a");
  retained.restore(one);
  assertEquals(retained.match("a", 0), [one]);
  assertEquals(store.types(), []);
});

Deno.test("retained messages are forgotten by clear() without telling the store", () => {
  const { retained, store } = retain();
  for (const topic of stored) retained.update(message(topic));
  store.types();
  retained.clear();
  assertEquals(
    [retained.size, retained.bytes, retained.match("#", 0)],
    [0, 0, []],
  );
  assertEquals(store.types(), []);
});

Deno.test("two brokers' retained messages have nothing in common", () => {
  const one = retain();
  const other = retain();
  one.retained.update(message("a"));
  assertEquals(other.retained instanceof Retained, true);
  assertEquals(other.retained.size, 0);
});
