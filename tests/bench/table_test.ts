import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  format,
  markdown,
  numberAt,
  parseResults,
  summarize,
} from "../../bench/_table.ts";

function result(broker: string, cpu: number, more = {}) {
  return {
    broker,
    "label": "p2p1",
    "mode": "pubsub",
    "wall_s": 1,
    "cpu_us_per_deliv": cpu,
    "lat_us": { "p50": 10 },
    "verify": { "lost": 1, "dup": 2, "ooo": 3 },
    ...more,
  };
}

/** The cells of the row that begins with a name. */
function row(table: string, name: string): string[] {
  const line = table.split("\n").find((line) => line.startsWith(`| ${name} |`));
  return line?.slice(2, -2).split(" | ") ?? [];
}

Deno.test("the median of an even number of values is between two", () => {
  assertEquals(summarize([3, 1, 2]), { median: 2, minimum: 1, maximum: 3 });
  assertEquals(summarize([4, 1, 2, 10])?.median, 3);
  assertEquals(summarize([]), undefined);
});

Deno.test("large numbers have separators, and no decimals", () => {
  assertEquals(format(1_234_567.89, 2), "1,234,568");
  assertEquals(format(12.345, 1), "12.3");
});

Deno.test("numbers are found by their path", () => {
  assertEquals(numberAt(result("a", 1), "lat_us.p50"), 10);
  assertEquals(numberAt(result("a", 1), "lat_us.p99"), undefined);
  assertEquals(numberAt({ "lat_us": null }, "lat_us.p99"), undefined);
  assertEquals(numberAt({ "lat_us": "10" }, "lat_us"), undefined);
});

Deno.test("a table has medians, ranges and ratios to the reference", () => {
  const results = [1, 2, 6].map((cpu) => result("a", cpu));
  const table = markdown([...results, result("b", 4)], "b");
  assertStringIncludes(table, "### p2p1");
  const at = row(table, "broker").indexOf("CPU µs/delivered");
  assertEquals(row(table, "a")[at], "2.00 [1.00..6.00] (0.50×)");
  assertEquals(row(table, "b")[at], "4.00 (1.00×)");
  assertEquals(row(table, "a").slice(-2), ["3/6/9", "3"]);
});

Deno.test("discarded runs are left out, failed and noisy ones are counted", () => {
  const table = markdown([
    result("a", 1),
    result("a", 9, { "discarded": "noise" }),
    result("a", 3, { "noisy": true }),
    result("a", 99, { "err": "no | result" }),
  ]);
  const at = row(table, "broker").indexOf("CPU µs/delivered");
  assertEquals(row(table, "a")[at], "2.00 [1.00..3.00]");
  assertEquals(row(table, "a").at(-1), "3, 1 noisy, 1 failed: no / result");
});

Deno.test("results are read from lines of JSON", () => {
  assertEquals(parseResults('{"a":1}\n\n{"a":2}\n').length, 2);
});
