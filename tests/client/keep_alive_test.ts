import { assertEquals } from "@std/assert";
import { KeepAlive } from "../../client/_keep_alive.ts";

Deno.test("KeepAlive has PINGREQ due a second early, or after half of a short keep alive", () => {
  for (
    const [seconds, due] of [[65_535, 65_534_000], [10, 9000], [2, 1000], [
      1,
      500,
    ]] as const
  ) {
    const keepAlive = new KeepAlive({ delay: 1000, timeout: 1000 }, 0);
    keepAlive.start(seconds);
    assertEquals(keepAlive.due, due);
    assertEquals(keepAlive.check(due - 1), undefined);
    assertEquals(keepAlive.check(due), "pingreq");
  }
});

Deno.test("KeepAlive of 0 has nothing due", () => {
  const keepAlive = new KeepAlive({ delay: 1000, timeout: 1000 }, 0);
  assertEquals(keepAlive.due, Infinity);
  keepAlive.start(0);
  assertEquals(keepAlive.due, Infinity);
  assertEquals(keepAlive.check(1e12), undefined);
});

Deno.test("KeepAlive asks when nothing comes in, though much goes out", () => {
  const keepAlive = new KeepAlive({ delay: 1000, timeout: 1000 }, 0);
  keepAlive.start(10);
  keepAlive.sent(8000);
  assertEquals(keepAlive.due, 9000);
  keepAlive.received(8500);
  assertEquals(keepAlive.due, 17_000);
});

Deno.test("KeepAlive gives up when no answer comes, and nothing else", () => {
  const keepAlive = new KeepAlive({ delay: 1000, timeout: 3000 }, 0);
  keepAlive.start(10);
  keepAlive.pingreq(9000);
  assertEquals(keepAlive.due, 12_000);
  assertEquals(keepAlive.check(11_999), undefined);
  keepAlive.received(11_000); // the answer is behind what comes first
  assertEquals(keepAlive.due, 14_000);
  assertEquals(keepAlive.check(14_000), "lost");
  keepAlive.pingresp(13_999);
  assertEquals(keepAlive.check(14_000), undefined);
});

Deno.test("KeepAlive goes on asking while answers are slow [MQTT-3.1.2-20]", () => {
  const keepAlive = new KeepAlive({ delay: 1000, timeout: 60_000 }, 0);
  keepAlive.start(10);
  keepAlive.pingreq(9000);
  assertEquals(keepAlive.due, 18_000);
  keepAlive.pingreq(18_000);
  keepAlive.pingresp(20_000);
  assertEquals(keepAlive.check(78_000), "pingreq");
  keepAlive.pingreq(78_000);
  assertEquals(keepAlive.check(80_000), "lost");
});

Deno.test("KeepAlive without an interval gives up what was asked", () => {
  const keepAlive = new KeepAlive({ delay: 1000, timeout: 3000 }, 0);
  keepAlive.start(0);
  keepAlive.pingreq(500);
  assertEquals(keepAlive.due, 3500);
  assertEquals(keepAlive.check(3500), "lost");
});

Deno.test("KeepAlive misses no answer while reading pauses, but goes on asking", () => {
  const keepAlive = new KeepAlive({ delay: 1000, timeout: 3000 }, 0);
  keepAlive.start(10);
  keepAlive.pingreq(9000);
  keepAlive.paused = true;
  assertEquals(keepAlive.due, 18_000);
  assertEquals(keepAlive.check(18_000), "pingreq");
  keepAlive.pingreq(18_000);
  keepAlive.paused = false;
  keepAlive.received(20_000);
  assertEquals(keepAlive.due, 23_000);
});

Deno.test("KeepAlive has PINGREQ due as long before the end as it is told", () => {
  const dues = [[1000, 9000], [3000, 7000], [9000, 5000], [20_000, 5000]];
  for (const [delay, due] of dues) {
    const keepAlive = new KeepAlive({ delay: delay!, timeout: 1000 }, 0);
    keepAlive.start(10);
    assertEquals(keepAlive.due, due);
  }
});

Deno.test("KeepAlive with a delay of 0 never asks by itself, but gives up what was asked", () => {
  const keepAlive = new KeepAlive({ delay: 0, timeout: 1000 }, 0);
  keepAlive.start(10);
  assertEquals(keepAlive.due, Infinity);
  keepAlive.pingreq(500);
  assertEquals(keepAlive.due, 1500);
});
