import { assertEquals, assertStringIncludes } from "@std/assert";
import { chapter, check, slow, v5 } from "../../../cli/conformance/_check.ts";
import {
  json,
  junit,
  list,
  textOfResult,
  textOfTotals,
  totalsOf,
} from "../../../cli/conformance/_report.ts";
import type { Result } from "../../../cli/conformance/_run.ts";

const base = {
  chapter: "One & two",
  version: "5.0",
  statements: ["MQTT-3.1.0-1"],
  notes: [],
  milliseconds: 5,
};

const results: readonly Result[] = [
  { ...base, title: "passes", outcome: "passed", notes: ["by the way"] },
  {
    ...base,
    title: 'fails "<a>"',
    outcome: "failed",
    expected: "<this>",
    actual: "\0that",
  },
  { ...base, title: "skips", outcome: "skipped", actual: "it says no" },
  { ...base, chapter: "Three", title: "tells", outcome: "informative" },
];

Deno.test("a text has a line for each result, and more where there is more", () => {
  assertEquals(results.map(textOfResult), [
    "ok      passes (5.0)\n          by the way\n",
    'FAILED  fails "<a>" (5.0)\n          MQTT-3.1.0-1\n' +
    "          expected <this>\n          got \0that\n",
    "skipped skips (5.0)\n          it says no\n",
    "note    tells (5.0)\n",
  ]);
  assertEquals(
    textOfTotals(results),
    "\n1 passed, 1 failed, 1 skipped, 1 informative\n",
  );
});

Deno.test("JSON has the results as they are", () => {
  const parsed = JSON.parse(json("mqtt://host", results));
  assertEquals(parsed.url, "mqtt://host");
  assertEquals(parsed.totals, totalsOf(results));
  assertEquals(parsed.results, results);
});

Deno.test("JUnit has a suite for each chapter, well-formed", () => {
  const xml = junit("mqtt://host", results);
  assertStringIncludes(xml, '<testsuite name="One &amp; two" tests="3"');
  assertStringIncludes(
    xml,
    '<failure message="Expected &lt;this&gt;, got \ufffdthat"/>',
  );
  assertStringIncludes(
    xml,
    'name="fails &quot;&lt;a&gt;&quot; [MQTT-3.1.0-1]"',
  );
  assertStringIncludes(xml, '<skipped message="it says no"/>');
  assertStringIncludes(xml, "<system-out>by the way</system-out>");
  const opened = xml.match(/<[a-z]/g)!.length;
  const closed = xml.match(/<\/|\/>/g)!.length;
  assertEquals(opened, closed);
});

Deno.test("the list says what each check is about", () => {
  const run = () => Promise.resolve();
  const checks = chapter(
    "One",
    check(v5, "a [MQTT-3.1.0-1]", run),
    slow(v5, "b", run),
  );
  assertEquals(
    list(checks.map((check) => ({ check, version: 5 }))),
    "One\n  a (5.0): MQTT-3.1.0-1\n  b (5.0) slow\n\n2 checks\n",
  );
});
