import { assertEquals, assertThrows } from "@std/assert";
import { Timers } from "../../broker/_timers.ts";

/** Timers with a clock by hand, and what they have run. */
function bench() {
  let time = 1000;
  const timers = new Timers(() => time);
  const failures: unknown[] = [];
  return {
    timers,
    failures,
    every: (seconds: number, run: () => unknown) =>
      timers.every(seconds, run, (error) => failures.push(error)),
    pass: (seconds: number) => timers.tick(time += seconds * 1000),
  };
}

Deno.test("timers run each task when it is due, and not before", () => {
  const { every, pass } = bench();
  let fast = 0;
  let slow = 0;
  every(1, () => fast++);
  every(2.5, () => slow++);
  const counts = [0.5, 0.5, 0.5, 0.5, 0.5, 2.5].map((seconds) => {
    pass(seconds);
    return [fast, slow];
  });
  assertEquals(counts, [[0, 0], [1, 0], [1, 0], [2, 0], [2, 1], [3, 2]]);
});

Deno.test("timers do not make up for rounds that they missed", () => {
  const { every, pass } = bench();
  let count = 0;
  every(1, () => count++);
  pass(10);
  pass(0);
  pass(0.5);
  assertEquals(count, 1);
  pass(0.5);
  assertEquals(count, 2);
});

Deno.test("timers do not run a task that has not settled", async () => {
  const { every, pass } = bench();
  let count = 0;
  let gate = Promise.withResolvers<void>();
  every(1, () => {
    count++;
    return gate.promise;
  });
  pass(1);
  pass(1);
  assertEquals(count, 1);
  gate.resolve();
  await gate.promise.then(() => {}).finally(() => {});
  gate = Promise.withResolvers();
  pass(1);
  assertEquals(count, 2);
  gate.resolve();
});

Deno.test("timers go on when a task throws, at once or later", async () => {
  const { every, pass, failures } = bench();
  let count = 0;
  every(1, () => {
    throw new Error("now");
  });
  every(1, () => Promise.reject(new Error("later")));
  every(1, () => count++);
  pass(1);
  assertEquals(count, 1);
  await Promise.resolve();
  await Promise.resolve();
  assertEquals(failures.map(String), ["Error: now", "Error: later"]);
});

Deno.test("timers forget everything when they are cleared, also while they run", () => {
  const { timers, every, pass } = bench();
  let count = 0;
  every(1, () => {
    count++;
    timers.clear();
  });
  pass(1);
  pass(1);
  assertEquals(count, 1);
});

Deno.test("timers refuse what is not a number of seconds above 0", () => {
  const { every } = bench();
  for (const seconds of [0, -1, NaN]) {
    assertThrows(() => every(seconds, () => {}), RangeError, "Cannot repeat");
  }
});
