import { assertEquals, assertThrows } from "@std/assert";
import { BackOff } from "../../client/_back_off.ts";

/** Chance that makes the longest delays. */
const never = () => 0;

Deno.test("BackOff doubles the delay with each failure, up to the longest", () => {
  const backOff = new BackOff(
    { reconnectRetries: -1, reconnectMaxInterval: 10 },
    never,
  );
  const delays = Array.from({ length: 6 }, () => backOff.failed());
  assertEquals(delays, [2, 4, 8, 10, 10, 10]);
  assertEquals(backOff.attempt, 7);
  for (let n = 0; n < 2000; n++) assertEquals(backOff.failed(), 10);
});

Deno.test("BackOff has chance shorten a delay by up to a half", () => {
  for (const [chance, delay] of [[0, 2], [0.5, 1.5], [1, 1]] as const) {
    assertEquals(new BackOff({}, () => chance).failed(), delay);
  }
});

Deno.test("BackOff gives up after so many retries, 2 by default", () => {
  for (const [retries, delays] of [[0, 0], [1, 1], [undefined, 2]] as const) {
    const backOff = new BackOff(
      retries === undefined ? {} : { reconnectRetries: retries },
      never,
    );
    for (let n = 0; n < delays; n++) {
      assertEquals(backOff.failed(), 2 ** (n + 1));
    }
    assertEquals(backOff.failed(), undefined);
  }
});

Deno.test("BackOff begins anew after a connection that lasted, and counts retries from any", () => {
  const backOff = new BackOff({ reconnectMaxInterval: 5 }, never);
  backOff.failed();
  backOff.failed();
  backOff.opened(1000);
  assertEquals(backOff.lost(6000, false), 1);
  assertEquals(backOff.attempt, 1);
  assertEquals([backOff.failed(), backOff.failed()], [2, 4]);
  backOff.opened(10_000);
  assertEquals(backOff.lost(14_999, false), 5); // 8, if 5 were not the longest
  assertEquals(backOff.failed(), 5);
  backOff.begin();
  assertEquals(backOff.failed(), 2);
});

Deno.test("BackOff refuses what is no number of it", () => {
  for (const reconnectRetries of [1.5, NaN]) {
    assertThrows(() => new BackOff({ reconnectRetries }, never), RangeError);
  }
  for (const reconnectMaxInterval of [-1, NaN]) {
    assertThrows(
      () => new BackOff({ reconnectMaxInterval }, never),
      RangeError,
      "Cannot make a client: reconnectMaxInterval",
    );
  }
});

Deno.test("BackOff counts connections that the broker broke as failures, unless they lasted", () => {
  const backOff = new BackOff({ reconnectMaxInterval: 5 }, never);
  backOff.opened(0);
  assertEquals(backOff.lost(1, true), 2);
  backOff.opened(10);
  assertEquals(backOff.lost(5010, true), 1);
  backOff.opened(6000);
  assertEquals(backOff.lost(6001, true), 2);
  backOff.opened(7000);
  assertEquals(backOff.lost(7001, true), 4);
  backOff.opened(8000);
  assertEquals(backOff.lost(8001, true), undefined);
});
