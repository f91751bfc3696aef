import { assertEquals } from "@std/assert";
import { Ledger } from "../../bench/_ledger.ts";
import { Random } from "../_random.ts";

Deno.test("what comes in order is fresh", () => {
  const ledger = new Ledger(2);
  for (let number = 0; number < 1000; number++) {
    assertEquals(ledger.enter(0, number), "fresh");
    assertEquals(ledger.enter(1, number), "fresh");
  }
  const { received, duplicates, late, gaps } = ledger;
  assertEquals([received, duplicates, late, gaps], [2000, 0, 0, 0]);
});

Deno.test("what comes late is told from what comes twice", () => {
  const ledger = new Ledger(1);
  const verdicts = [0, 3, 1, 1, 3, 2, 0, 4].map((n) => ledger.enter(0, n));
  assertEquals(verdicts, [
    "fresh",
    "fresh",
    "late",
    "duplicate",
    "duplicate",
    "late",
    "duplicate",
    "fresh",
  ]);
  assertEquals(ledger.gaps, 1);
});

Deno.test("what is skipped is not taken for what was there a span before", () => {
  const ledger = new Ledger(1, 32);
  for (let number = 0; number < 32; number++) ledger.enter(0, number);
  ledger.enter(0, 40);
  assertEquals(ledger.enter(0, 35), "late");
  assertEquals(ledger.enter(0, 35), "duplicate");
  ledger.enter(0, 1000);
  assertEquals(ledger.enter(0, 969), "late");
});

Deno.test("what is older than the span counts as a duplicate", () => {
  const ledger = new Ledger(1, 32);
  ledger.enter(0, 32);
  assertEquals(ledger.enter(0, 1), "late");
  assertEquals(ledger.enter(0, 0), "duplicate");
});

Deno.test("after a rewind all numbers are fresh again", () => {
  const ledger = new Ledger(1);
  ledger.enter(0, 0);
  ledger.rewind();
  assertEquals(ledger.enter(0, 0), "fresh");
  assertEquals(ledger.received, 2);
});

Deno.test("no shuffling within the span is miscounted", () => {
  const random = new Random(7);
  const span = 64;
  const ledger = new Ledger(1, span);
  const seen = new Set<number>();
  let next = 0;
  let duplicates = 0;
  for (let i = 0; i < 20_000; i++) {
    const oldest = Math.max(0, next - span);
    const number = random.integer(oldest, next + (random.percent(5) ? 90 : 1));
    if (seen.has(number)) duplicates++;
    seen.add(number);
    ledger.enter(0, number);
    next = Math.max(next, number + 1);
    assertEquals([ledger.received, ledger.duplicates], [seen.size, duplicates]);
  }
});
