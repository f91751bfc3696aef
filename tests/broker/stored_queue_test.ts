/** A queue of which the store has a part, or all, in all its ways. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Backlog, type Replay, type Waiting } from "../../broker/_backlog.ts";
import { Held } from "../../broker/_held.ts";
import { defaultLimits } from "../../broker/limits.ts";
import { type Limits, Metrics, type Queues } from "../../broker/mod.ts";
import { withSeeds } from "../_random.ts";
import { message } from "./_parts.ts";

/** A store that gives messages back. */
class Shelf implements Queues {
  readonly window = 2;
  onStored = () => {};
  waiting: Waiting[] = [];
  failure: Error | undefined;
  reads = 0;

  load = () => [];
  summaries = () => [];

  read(_: string, after: number, upTo: number): Waiting[] {
    this.reads++;
    if (this.failure !== undefined) throw this.failure;
    // As one that is read: another object.
    return this.waiting.filter(({ id }) => id > after && id <= upTo)
      .slice(0, this.window)
      .map((one) => ({ ...one, message: copyOf(one.message) }));
  }

  expired(_: string, after: number, upTo: number, now: number) {
    if (this.failure !== undefined) throw this.failure;
    const those = this.waiting.filter(({ id }) => id > after && id <= upTo);
    const expired = those.filter(({ message }) => message.expiresAt <= now)
      .map(({ id, message: { size } }) => ({ id, size }));
    const rest = those.map(({ message }) => message.expiresAt)
      .filter((expiresAt) => expiresAt > now);
    return { expired, next: Math.min(Infinity, ...rest) };
  }
}

/** A message as it comes back from a store. */
function copyOf({ topic, payload, properties, expiresAt }: Waiting["message"]) {
  const seconds = properties?.messageExpiryInterval ?? 0;
  return message(topic, { payload, properties }, expiresAt - seconds * 1000);
}

/** A queue with its store. */
class Stage {
  readonly shelf = new Shelf();
  readonly metrics = new Metrics();
  readonly failures: unknown[] = [];
  readonly held: Held;
  readonly backlog: Backlog;
  #id = 0;

  constructor(limits: Partial<Limits> = {}) {
    const all = { ...defaultLimits, ...limits };
    this.held = new Held(all, this.metrics);
    this.backlog = new Backlog(all, this.held, {
      queues: this.shelf,
      clientId: "client",
      failed: (error) => this.failures.push(error),
    });
  }

  /** Puts so many in, which the store has not; they may expire. */
  put(count: number, expiry?: number): void {
    for (; count > 0; count--) {
      const waiting: Waiting = {
        id: ++this.#id,
        message: message("a", {
          payload: new Uint8Array(10),
          ...(expiry === undefined
            ? {}
            : { properties: { messageExpiryInterval: expiry } }),
        }),
        qos: 1,
        retain: false,
        identifiers: undefined,
        shared: undefined,
      };
      this.backlog.push(waiting);
      this.shelf.waiting.push(waiting);
    }
  }

  /** The store has all, or all up to this. */
  stored(id = this.#id): void {
    this.backlog.stored(id);
  }

  /** Takes out so many: their ids, and the lengths of replays as text. */
  take(count = Infinity): (number | string)[] {
    const out: (number | string)[] = [];
    while (out.length < count) {
      const one = this.backlog.shift();
      if (one === undefined) break;
      out.push("messages" in one ? `${one.messages.length}` : one.id);
    }
    return out;
  }
}

function replay(count: number): Replay {
  const messages = Array.from({ length: count }, (_, i) => message(`r/${i}`));
  return { messages, next: 0, granted: 1, identifiers: undefined };
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

Deno.test("stored queue: who is away needs no memory, and gets all back in order", () => {
  const stage = new Stage();
  stage.put(5);
  const { queuedBytes } = stage.metrics;
  stage.stored(3);
  stage.put(2);
  stage.stored();
  assertEquals([stage.backlog.size, stage.backlog.messages], [7, 7]);
  assertEquals(stage.metrics.queuedBytes, queuedBytes / 5 * 7);
  assertEquals(stage.shelf.waiting.map(({ message }) => message.holders), [
    ...[0, 0, 0, 0, 0, 0, 0],
  ]);
  stage.put(1);
  stage.backlog.enter();
  assertEquals(stage.take(), numbers(1, 8));
  assertEquals([stage.backlog.size, stage.metrics.queuedBytes], [0, 0]);
});

Deno.test("stored queue: the first messages stay in memory while the client is there", () => {
  const stage = new Stage();
  stage.backlog.enter();
  stage.put(2);
  stage.stored();
  stage.put(8);
  stage.stored();
  const holders = stage.shelf.waiting.map(({ message }) => message.holders);
  assertEquals(holders, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(stage.take(4), [1, 2, 3, 4]);
  stage.put(1);
  // What was read and not sent is not needed in memory any more.
  assert("id" in stage.backlog.peek()!);
  stage.backlog.leave();
  stage.stored();
  stage.backlog.enter();
  assertEquals(stage.take(), numbers(5, 11));
  assertEquals(stage.metrics.queuedBytes, 0);
});

Deno.test("stored queue: limits count what only the store has", () => {
  const { size } = message("a", { payload: new Uint8Array(10) });
  for (
    const limits of [{ queuedMessages: 3 }, { queuedBytes: 3 * size }, {
      totalQueuedBytes: 3 * (size + 128),
    }]
  ) {
    const stage = new Stage(limits);
    stage.put(3);
    stage.stored();
    const [{ message }] = stage.shelf.waiting as [Waiting];
    assertEquals(stage.backlog.hasRoom(message), false);
    if (!("totalQueuedBytes" in limits)) {
      assertEquals(stage.backlog.makeRoom(message).map(({ id }) => id), [1]);
    } else stage.take(1);
    assertEquals(stage.backlog.hasRoom(message), true);
  }
});

Deno.test("stored queue: what is for many counts once, until who had it in memory last is done", () => {
  const metrics = new Metrics();
  const held = new Held(defaultLimits, metrics);
  const one = message("a");
  held.add(one, 1000);
  held.add(one, 1000);
  const first = held.store(one, 1000);
  const second = held.store(one, 1000);
  assertEquals(metrics.queuedBytes, 1000 + 2 * 128);
  held.release(first);
  assertEquals(metrics.queuedBytes, 1000 + 128);
  held.release(second);
  assertEquals(metrics.queuedBytes, 0);
});

Deno.test("stored queue: retained messages keep their place", () => {
  const stage = new Stage();
  stage.put(3);
  stage.stored();
  stage.backlog.enter();
  stage.backlog.pushReplay(replay(4));
  stage.put(5);
  stage.stored();
  stage.backlog.pushReplay(replay(6));
  stage.put(1);
  assertEquals(stage.backlog.size, 11);
  assertEquals(stage.take(), [1, 2, 3, "4", 4, 5, 6, 7, 8, "6", 9]);
});

Deno.test("stored queue: retained messages and all behind them are taken out at once", () => {
  const stage = new Stage();
  stage.put(3);
  stage.stored();
  stage.backlog.enter();
  stage.backlog.pushReplay(replay(4));
  stage.put(3);
  stage.stored();
  stage.backlog.pushReplay(replay(6));
  stage.put(1);
  const taken = stage.backlog.takeReplays().map((one) =>
    "messages" in one ? `${one.messages.length}` : one.id
  );
  assertEquals(taken, ["4", 4, 5, 6, "6", 7]);
  assertEquals([stage.backlog.replays, stage.backlog.takeReplays()], [
    false,
    [],
  ]);
  assertEquals(stage.take(3), [1, 2, 3]);
});

Deno.test("stored queue: messages are withdrawn wherever they are", () => {
  const stage = new Stage();
  stage.put(4);
  stage.stored();
  stage.backlog.enter();
  assertEquals(stage.take(1), [1]); // and 2 was read
  stage.put(2);
  const odd = stage.backlog.withdraw(({ id }) => id % 2 === 1);
  assertEquals(odd.map(({ id }) => id), [3, 5]);
  assertEquals(stage.backlog.messages, 3);
  stage.shelf.waiting = stage.shelf.waiting.filter(({ id }) => id !== 3);
  assertEquals(stage.take(), [2, 4, 6]);
  assertEquals(stage.metrics.queuedBytes, 0);
});

Deno.test("stored queue: messages expire, and nobody reads all of them for that each time", () => {
  const stage = new Stage();
  stage.put(2, 60);
  stage.put(1);
  stage.put(1, 70);
  stage.stored();
  stage.put(1, 60);
  const ids = (now: number) => stage.backlog.expire(now).map(({ id }) => id);
  assertEquals(ids(59_999), []);
  assertEquals(ids(60_000), [1, 2, 5]);
  stage.shelf.waiting = stage.shelf.waiting.slice(2);
  assertEquals(ids(70_000), []); // it looked just now
  assertEquals(ids(80_000), [4]);
  stage.shelf.waiting.splice(1, 1);
  assertEquals(stage.take(), [3]);
  assertEquals([stage.backlog.messages, stage.metrics.queuedBytes], [0, 0]);
});

Deno.test("stored queue that cannot be read waits, and is there again when it can be", () => {
  const stage = new Stage({ queuedMessages: 3 });
  stage.put(3, 60);
  stage.stored();
  stage.backlog.enter();
  const failure = stage.shelf.failure = new Error("The disk is gone");
  assertEquals([stage.backlog.peek(), stage.backlog.shift()], [
    undefined,
    undefined,
  ]);
  assertEquals(stage.backlog.makeRoom(message("a")), []);
  assertEquals(stage.backlog.withdraw(() => true), []);
  assertEquals(stage.backlog.expire(60_000), []);
  assertThrows(() => stage.backlog.readAll(), Error, "Cannot read what waits");
  assertEquals(stage.failures, Array(6).fill(failure));
  assertEquals(stage.backlog.messages, 3);
  stage.shelf.failure = undefined;
  assertEquals(stage.take(), [1, 2, 3]);
});

Deno.test("stored queue says so if messages are missing in the file", () => {
  const stage = new Stage();
  stage.put(3);
  stage.stored();
  stage.shelf.waiting = [];
  stage.put(1);
  assertEquals(stage.take(), [4]);
  assertEquals(
    stage.failures.map(String),
    ["Error: Cannot read a queue: messages are missing"],
  );
  assertEquals(stage.metrics.queuedBytes, 0);
});

Deno.test("stored queue comes into memory if the store is to forget it, and goes where the session ends", () => {
  const stage = new Stage();
  stage.put(5);
  stage.stored();
  stage.backlog.readAll();
  stage.stored();
  stage.shelf.waiting = [];
  assertEquals(stage.take(2), [1, 2]);
  const { reads } = stage.shelf;
  stage.backlog.clear();
  assertEquals([stage.backlog.size, stage.metrics.queuedBytes], [0, 0]);
  assertEquals([stage.take(), stage.shelf.reads], [[], reads]);
});

Deno.test("stored queue gives out what was put in, whatever is where", () => {
  withSeeds(200, (random) => {
    const stage = new Stage();
    let put = 0;
    let taken = 0;
    let stored = 0;
    for (let step = 0; step < 60; step++) {
      const action = random.integer(0, 5);
      if (action < 2) {
        const count = random.integer(1, 4);
        stage.put(count);
        put += count;
      } else if (action === 2 && put > stored) {
        stored = random.integer(stored + 1, put);
        stage.stored(stored);
      } else if (action === 3) {
        const out = stage.take(random.integer(1, 4));
        assertEquals(out, numbers(taken + 1, taken + out.length));
        taken += out.length;
      } else if (action === 4) stage.backlog.enter();
      else stage.backlog.leave();
      assertEquals(stage.backlog.messages, put - taken);
    }
    assertEquals(stage.take(), numbers(taken + 1, put));
    assertEquals(stage.metrics.queuedBytes, 0);
  });
});
