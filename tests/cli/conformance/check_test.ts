import { assertEquals, assertThrows } from "@std/assert";
import {
  chapter,
  check,
  every,
  informative,
  plainTitle,
  slow,
  statementsOf,
  v5,
} from "../../../cli/conformance/_check.ts";
import {
  Failure,
  holds,
  same,
  show,
} from "../../../cli/conformance/_verdict.ts";

const title = "a is b [MQTT-3.1.2-3] [MQTT311-3.1.2-4] [MQTT-4.1.0-1]";

Deno.test("a title carries the statements of each version", () => {
  assertEquals(statementsOf(title, 5), ["MQTT-3.1.2-3", "MQTT-4.1.0-1"]);
  assertEquals(statementsOf(title, 4), ["MQTT-3.1.2-4"]);
  assertEquals(plainTitle(title), "a is b");
});

Deno.test("a chapter has checks of three kinds", () => {
  const run = () => Promise.resolve();
  const checks = chapter(
    "One",
    check(every, "a", run),
    slow(v5, "b", run),
    informative(v5, "c", run),
  );
  assertEquals(
    checks.map((one) => [one.chapter, one.title, one.slow, one.informative]),
    [
      ["One", "a", false, false],
      ["One", "b", true, false],
      ["One", "c", false, true],
    ],
  );
});

Deno.test("a failure says what was expected and what came", () => {
  same([1, "a"], [1, "a"], "values");
  holds(true, "truth", 1);
  const first = assertThrows(() => same([1], [2], "values"), Failure);
  assertEquals([first.expected, first.actual], ["values: [2]", "[1]"]);
  const second = assertThrows(() => holds(false, "truth", 1), Failure);
  assertEquals(second.message, "Expected truth, got 1");
});

Deno.test("values are shown in short, bytes as digits", () => {
  assertEquals(show({ a: new Uint8Array([1, 255]) }), '{"a":"01 ff"}');
  assertEquals(show(undefined), "nothing");
  assertEquals(show("x".repeat(1000)).length < 410, true);
});
