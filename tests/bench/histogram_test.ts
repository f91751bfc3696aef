import { assert, assertEquals } from "@std/assert";
import { Histogram } from "../../bench/_histogram.ts";

Deno.test("a histogram without values has quantiles of 0", () => {
  const histogram = new Histogram();
  assertEquals(histogram.quantile(0.5), 0);
  assertEquals(histogram.mean, 0);
  assertEquals(histogram.count, 0);
});

Deno.test("quantiles are less than 1 % off, whatever the size of values", () => {
  for (const unit of [1, 37, 1000, 123_456]) {
    const histogram = new Histogram();
    for (let i = 1; i <= 1000; i++) histogram.add(i * unit);
    for (const q of [0.5, 0.9, 0.99, 0.999]) {
      const exact = q * 1000 * unit;
      const error = Math.abs(histogram.quantile(q) - exact) / exact;
      assert(error < 0.01, `${q} of ${unit}: ${error}`);
    }
    assertEquals(histogram.maximum, 1000 * unit);
    assertEquals(histogram.mean, 500.5 * unit);
  }
});

Deno.test("a quantile does not exceed the largest value", () => {
  const histogram = new Histogram();
  histogram.add(100);
  assertEquals(histogram.quantile(0.5), 100);
  assertEquals(histogram.quantile(1), 100);
});

Deno.test("values out of range count as the smallest or the largest", () => {
  const histogram = new Histogram();
  for (const value of [-5, 0, 0.3, 1e12]) histogram.add(value);
  assertEquals(histogram.count, 4);
  assert(histogram.quantile(0.5) < 1.02);
  assert(histogram.quantile(1) > 4e9);
  assertEquals(histogram.maximum, 1e12);
});
