import { assertEquals } from "@std/assert";
import { defaultLimits } from "../../broker/limits.ts";
import { Filters } from "../../broker/_filters.ts";

Deno.test("filters are counted once each, and go when they are deleted", () => {
  const filters = new Filters();
  for (const filter of ["a/+", "b", "a/+"]) filters.add(filter);
  assertEquals([...filters], ["a/+", "b"]);
  assertEquals([filters.size, filters.has("b"), filters.has("c")], [
    2,
    true,
    false,
  ]);
  assertEquals([filters.delete("b"), filters.delete("b")], [true, false]);
  filters.clear();
  assertEquals([filters.size, ...filters], [0]);
});

Deno.test("filters are accepted up to their number, and those that are there always", () => {
  const filters = new Filters();
  const limits = { ...defaultLimits, subscriptions: 2 };
  for (const filter of ["a", "b"]) {
    assertEquals(filters.accepts(filter, limits), true);
    filters.add(filter);
  }
  assertEquals(filters.accepts("c", limits), false);
  assertEquals(filters.accepts("a", limits), true);
  filters.delete("a");
  assertEquals(filters.accepts("c", limits), true);
});

Deno.test("filters are accepted up to what they take, and deeper ones take more", () => {
  const limits = { ...defaultLimits, subscriptionBytes: 10_000 };
  const capacity = (filter: (index: number) => string): number => {
    const filters = new Filters();
    let count = 0;
    while (filters.accepts(filter(count), limits)) filters.add(filter(count++));
    return count;
  };
  const flat = capacity((index) => `f${index}`);
  const deep = capacity((index) => `f${index}/a/b/c/d`);
  assertEquals(flat > 20 && deep < flat / 3, true);
  // What is deleted makes room again.
  const filters = new Filters();
  for (let i = 0; i < 10 * flat; i++) {
    assertEquals(filters.accepts(`f${i}`, limits), true);
    filters.add(`f${i}`);
    filters.delete(`f${i}`);
  }
});
