// deno-lint-ignore-file camelcase -- the events keep the names of HBMQTT

import { assertEquals } from "@std/assert";
import { type BrokerEvents, Metrics } from "../../broker/mod.ts";
import { Deadlines } from "../../broker/_deadlines.ts";
import { Hooks } from "../../broker/_hooks.ts";
import { Turn } from "../../broker/_turn.ts";
import { plugin, RecordingStore } from "./_parts.ts";

/** A turn whose steps are written down. */
class Diary {
  readonly steps: string[] = [];
  readonly store = new RecordingStore();
  readonly metrics = new Metrics();
  readonly failures: BrokerEvents["broker_store_failed"][] = [];
  readonly turn = new Turn(
    this.store,
    this.metrics,
    new Hooks(
      [plugin({
        on: { broker_store_failed: (event) => this.failures.push(event) },
      })],
      true,
      this.metrics,
      new Deadlines(1, () => 0),
    ),
  );

  constructor() {
    this.store.onCommit = () => this.steps.push("commit");
  }

  connection(name: string, onFlush: () => void = () => {}): {
    flush(): void;
    abort(reason: string): void;
  } {
    return {
      flush: () => {
        this.steps.push(`flush ${name}`);
        onFlush();
      },
      abort: (reason) => this.steps.push(`abort ${name}: ${reason}`),
    };
  }

  /** What happened up to the end of the turn. */
  async end(): Promise<string[]> {
    await Promise.resolve();
    return this.steps.splice(0);
  }
}

Deno.test("turn commits and then flushes those who have something to send", async () => {
  const diary = new Diary();
  diary.turn.wake(diary.connection("one"));
  diary.turn.wake(diary.connection("two"));
  assertEquals(diary.steps, []);
  assertEquals(await diary.end(), ["commit", "flush one", "flush two"]);
  assertEquals(await diary.end(), []);
});

Deno.test("turn ends behind all that was handled in it", async () => {
  const diary = new Diary();
  queueMicrotask(() => diary.steps.push("handled"));
  diary.turn.wake(diary.connection("one"));
  assertEquals(await diary.end(), ["handled", "commit", "flush one"]);
});

Deno.test("turn commits where only the store has something to do, once", async () => {
  const diary = new Diary();
  diary.turn.schedule();
  diary.turn.schedule();
  assertEquals(await diary.end(), ["commit"]);
  diary.turn.schedule();
  assertEquals(await diary.end(), ["commit"]);
});

Deno.test("turn that begins while another is flushed commits before it flushes", async () => {
  const diary = new Diary();
  const later = diary.connection("later");
  diary.turn.wake(diary.connection("one", () => diary.turn.wake(later)));
  diary.turn.wake(diary.connection("two"));
  assertEquals(await diary.end(), ["commit", "flush one", "flush two"]);
  assertEquals(await diary.end(), ["commit", "flush later"]);
});

Deno.test("turn whose commit fails aborts its connections, flushes none, and is told of", async () => {
  const diary = new Diary();
  diary.store.failure = new Error("the disk is full");
  diary.turn.wake(diary.connection("one"));
  diary.turn.wake(diary.connection("two"));
  const reason = "the store failed: Error: the disk is full";
  assertEquals(await diary.end(), [
    `abort one: ${reason}`,
    `abort two: ${reason}`,
  ]);
  assertEquals(diary.failures, [{ error: diary.store.failure }]);
  const { storeFailures, internalErrors } = diary.metrics;
  assertEquals([storeFailures, internalErrors], [1, 0]);
});

Deno.test("turn after one whose commit failed is like any other", async () => {
  const diary = new Diary();
  diary.store.failure = new Error("the disk is full");
  diary.turn.wake(diary.connection("one"));
  await diary.end();
  diary.store.failure = undefined;
  diary.turn.wake(diary.connection("two"));
  assertEquals(await diary.end(), ["commit", "flush two"]);
  assertEquals(diary.metrics.storeFailures, 1);
});
