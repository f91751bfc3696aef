import { assert, assertEquals } from "@std/assert";
import { matches } from "../../codec/mod.ts";
import { includes } from "../../plugins/_inclusion.ts";

/** Pairs that are easily got wrong. */
const table: readonly [pattern: string, filter: string, included: boolean][] = [
  ["a/+", "a/#", false],
  ["a/#", "a/+", true],
  ["a/#", "a", true],
  ["a/#", "a/#", true],
  ["a", "a/#", false],
  ["+", "#", false],
  ["#", "+", true],
  ["+/#", "#", true],
  ["#", "+/#", true],
  ["a/+/#", "a/#", false],
  ["a/#", "a/+/#", true],
  ["+/+", "+/#", false],
  ["#", "$SYS/x", false],
  ["+/x", "$SYS/x", false],
  ["$SYS/#", "$SYS/x", true],
  ["$SYS/#", "#", false],
  ["$SYS/+", "$SYS/#", false],
  ["a/+/c", "a/b/c", true],
  ["a/+/c", "a/+/c", true],
  ["a/b/c", "a/+/c", false],
  ["a", "A", false],
  ["/+", "+/+", false],
  ["+/+", "/a", true],
  ["+", "/", false],
  ["/#", "/", true],
  ["/+/#", "/#", true],
  ["+/+/#", "/#", true],
  ["+/+/#", "#", false],
];

for (const [pattern, filter, included] of table) {
  Deno.test(`${filter} is ${included ? "" : "not "}included in ${pattern} [MQTT-4.7.2-1]`, () => {
    assertEquals(includes(pattern, filter), included);
  });
}

/** All paths of 1 to `depth` levels. */
function paths(levels: readonly string[], depth: number): string[] {
  const shorter = depth === 1 ? [] : paths(levels, depth - 1);
  const longest = depth === 1 ? levels : shorter
    .filter((path) => path.split("/").length === depth - 1)
    .flatMap((path) => levels.map((level) => `${path}/${level}`));
  return [...shorter, ...longest];
}

Deno.test("includes() says what matching every topic says", () => {
  // One more level than the filters have stands for all that are longer; "z"
  // is in no filter, and so stands for all other levels.
  const topics = paths(["a", "", "$s", "z"], 4).filter((one) => one !== "");
  const filters = paths(["a", "", "$s", "+", "#"], 3).filter((filter) =>
    filter !== "" && !filter.slice(0, -1).includes("#")
  );
  const matched = new Map(filters.map((filter) => [
    filter,
    topics.filter((topic) => matches(filter, topic)),
  ]));
  const sets = new Map(
    Array.from(matched, ([filter, topics]) => [filter, new Set(topics)]),
  );
  let included = 0;
  for (const pattern of filters) {
    const wide = sets.get(pattern)!;
    for (const filter of filters) {
      const expected = matched.get(filter)!.every((topic) => wide.has(topic));
      assertEquals(
        includes(pattern, filter),
        expected,
        `${filter} ⊆ ${pattern}`,
      );
      if (expected) included++;
    }
  }
  assert(filters.length > 90 && included > filters.length, `${included}`);
});
