import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { ConnectionLostError } from "../../client/mod.ts";
import { attempt, Pending, PendingSet } from "../../client/_pending.ts";
import { turn } from "./_scripted_broker.ts";

Deno.test("Pending settles once", async () => {
  let over = 0;
  const pending = new Pending<number>(undefined, () => over++);
  assert(!pending.settled);
  pending.resolve(1);
  assert(pending.settled);
  pending.resolve(2);
  pending.reject(new Error());
  assertEquals(await pending.promise, 1);
  assertEquals(over, 1);
});

Deno.test("Pending is rejected by its signal, and lets go of it", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const added = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (
    type: string,
    listener: EventListenerOrEventListenerObject,
  ) => {
    added.add(listener);
    add(type, listener);
  };
  signal.removeEventListener = (
    type: string,
    listener: EventListenerOrEventListenerObject,
  ) => {
    added.delete(listener);
    remove(type, listener);
  };
  const first = new Pending<number>(signal);
  const second = new Pending<number>(signal);
  assertEquals(added.size, 2);
  first.resolve(1);
  assertEquals(added.size, 1);
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => second.promise), reason);
  assertEquals(added.size, 0);
  assertEquals(await first.promise, 1);
});

Deno.test("PendingSet counts who waits, and loses all at once", async () => {
  let opened = 0;
  const set = new PendingSet(() => opened++);
  const first = set.open<number>();
  const second = set.open<string>();
  const third = set.open<void>();
  assertEquals([set.size, opened], [3, 3]);
  first.resolve(1);
  assertEquals(set.size, 2);
  const reason = new ConnectionLostError("lost");
  set.lose(reason);
  assertEquals(set.size, 0);
  assertStrictEquals(await assertRejects(() => second.promise), reason);
  assertStrictEquals(await assertRejects(() => third.promise), reason);
});

Deno.test("attempt() makes what is thrown a rejection; a lost connection may be overlooked", async () => {
  attempt(() => {
    throw new ConnectionLostError("lost");
  });
  await turn(); // an unhandled rejection would fail the test
  await assertRejects(
    () =>
      attempt(() => {
        throw new TypeError("wrong");
      }),
    TypeError,
    "wrong",
  );
  assertEquals(await attempt(() => Promise.resolve(1)), 1);
});
