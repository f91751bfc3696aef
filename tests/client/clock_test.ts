import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../client/mod.ts";

Deno.test("systemClock runs its timers, but not those that were cleared", async () => {
  const before = systemClock.now();
  const ran: string[] = [];
  const cleared = systemClock.setTimeout(() => ran.push("cleared"), 0);
  systemClock.clearTimeout(cleared);
  systemClock.clearTimeout(undefined);
  await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 1));
  assertEquals(ran, []);
  assert(systemClock.now() > before);
});

Deno.test("systemClock has no timer for what is longer than timers can be", () => {
  for (const delay of [Infinity, 3e9]) {
    const timer = systemClock.setTimeout(() => {}, delay);
    assertEquals(timer, undefined);
    systemClock.clearTimeout(timer);
  }
});
