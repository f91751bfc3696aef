import { assert, assertEquals } from "@std/assert";
import { Backlog, type Replay, type Waiting } from "../../broker/_backlog.ts";
import { defaultLimits } from "../../broker/limits.ts";
import { Held } from "../../broker/_held.ts";
import { type Limits, Metrics } from "../../broker/mod.ts";
import { withSeeds } from "../_random.ts";
import { message } from "./_parts.ts";

function backlogOf(limits: Partial<Limits> = {}): Backlog {
  const all = { ...defaultLimits, ...limits };
  return new Backlog(all, new Held(all, new Metrics()));
}

/** A message that waits; it may expire after so many seconds. */
function waiting(id: number, expiry?: number): Waiting {
  return {
    id,
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
}

/** So many retained messages that wait. */
function replay(count: number): Replay {
  const messages = Array.from({ length: count }, (_, i) => message(`r/${i}`));
  return { messages, next: 0, granted: 1, identifiers: undefined };
}

/** Takes all that waits out again. */
function drain(backlog: Backlog): (Waiting | Replay)[] {
  const all: (Waiting | Replay)[] = [];
  for (let one; (one = backlog.shift()) !== undefined;) all.push(one);
  return all;
}

const { message: some } = waiting(1);

Deno.test("backlog gives messages back in their order, retained or not", () => {
  const backlog = backlogOf();
  assertEquals([backlog.peek(), backlog.shift()], [undefined, undefined]);
  const order = [waiting(1), replay(2), waiting(2), replay(1), waiting(3)];
  for (const one of order) {
    if ("messages" in one) backlog.pushReplay(one);
    else backlog.push(one);
  }
  assertEquals([backlog.size, backlog.messages], [5, 3]);
  for (const one of order) {
    assert(backlog.peek() === one);
    assert(backlog.shift() === one);
  }
  assertEquals([backlog.size, backlog.messages], [0, 0]);
});

/** Limits, and how many messages they have room for. */
const limits: readonly [limits: Partial<Limits>, most: number][] = [
  [{ queuedMessages: 3 }, 3],
  [{ queuedMessages: 0 }, 0],
  [{ queuedBytes: 3 * some.size }, 3],
  [{ queuedBytes: 3 * some.size - 1 }, 2],
  [{ queuedBytes: 0 }, 0],
  [{ queuedMessages: 2, queuedBytes: 3 * some.size }, 2],
];

for (const [limited, most] of limits) {
  Deno.test(`backlog has room for ${most} messages with ${JSON.stringify(limited)}, and again when they have gone`, () => {
    const backlog = backlogOf(limited);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < most; i++) {
        assertEquals(backlog.hasRoom(some), true);
        backlog.push(waiting(1));
      }
      assertEquals(backlog.hasRoom(some), false);
      assertEquals(backlog.messages, most);
      drain(backlog);
    }
  });
}

Deno.test("backlog takes what was there before, beyond its limits", () => {
  const backlog = backlogOf({ queuedMessages: 1 });
  for (const id of [1, 2]) backlog.push(waiting(id));
  assertEquals([backlog.messages, backlog.hasRoom(some)], [2, false]);
  backlog.shift();
  assertEquals(backlog.hasRoom(some), false);
  backlog.shift();
  assertEquals(backlog.hasRoom(some), true);
});

Deno.test("backlog has room for any first subscription's retained messages, and for twice the limit in all", () => {
  const backlog = backlogOf({ retainedMessages: 10, queuedMessages: 0 });
  assertEquals(backlog.room, Infinity);
  backlog.pushReplay(replay(15));
  assertEquals([backlog.room, backlog.hasRoom(some)], [5, false]);
  backlog.pushReplay(replay(5));
  assertEquals(backlog.room, 0);
  backlog.shift();
  assertEquals(backlog.room, 15);
  backlog.shift();
  assertEquals(backlog.room, Infinity);
});

Deno.test("backlog takes expired messages out, and leaves the others in their order", () => {
  const backlog = backlogOf();
  const retained = replay(2);
  const order = [waiting(1, 10), waiting(2), waiting(3, 30), waiting(4, 10)];
  for (const one of order) backlog.push(one);
  backlog.pushReplay(retained);
  backlog.push(waiting(5, 20));
  const expired = (seconds: number) =>
    backlog.expire(seconds * 1000).map(({ id }) => id);
  assertEquals([expired(9.999), backlog.messages], [[], 5]);
  assertEquals([expired(10), backlog.messages], [[1, 4], 3]);
  assertEquals(expired(10), []);
  assertEquals([expired(25), backlog.messages], [[5], 2]);
  assertEquals(drain(backlog), [order[1]!, order[2]!, retained]);
});

Deno.test("backlog has room again when messages have expired", () => {
  const backlog = backlogOf({ queuedMessages: 1 });
  backlog.push(waiting(1, 10));
  assertEquals(backlog.hasRoom(some), false);
  backlog.expire(10_000);
  assertEquals([backlog.hasRoom(some), backlog.size], [true, 0]);
});

Deno.test("backlog is gone through for expired messages every now and then, not for each message", () => {
  const backlog = backlogOf();
  for (let i = 1; i <= 4; i++) backlog.push(waiting(i, i / 10));
  const expired = (milliseconds: number) =>
    backlog.expire(milliseconds).map(({ id }) => id);
  assertEquals(expired(100), [1]);
  assertEquals([expired(200), expired(499)], [[], []]);
  assertEquals(expired(500), [2, 3, 4]);
});

Deno.test("backlog counts right, whatever comes, goes and expires", () => {
  withSeeds(50, (random) => {
    const backlog = backlogOf({ queuedMessages: 10, retainedMessages: 5 });
    let model: (Waiting | Replay)[] = [];
    let now = 0;
    for (let step = 0; step < 300; step++) {
      const messages = model.filter((one) => !("messages" in one));
      const replays = model.filter((one) => "messages" in one);
      const replayed = replays.reduce(
        (sum, { messages }) => sum + messages.length,
        0,
      );
      assertEquals(backlog.size, model.length);
      assertEquals(backlog.messages, messages.length);
      assertEquals(backlog.hasRoom(some), messages.length < 10);
      assertEquals(backlog.room, replayed === 0 ? Infinity : 10 - replayed);
      const action = random.integer(0, 9);
      if (action < 3) {
        assert(backlog.shift() === model.shift());
      } else if (action < 4) {
        now += random.integer(0, 20);
        const gone = new Set<unknown>(backlog.expire(now * 1000));
        const due = model.filter((one) =>
          !("messages" in one) && one.message.expiresAt <= now * 1000
        );
        assertEquals(gone, new Set<unknown>(due));
        model = model.filter((one) => !gone.has(one));
      } else if (action < 6) {
        const one = replay(random.integer(1, 4));
        if (one.messages.length > backlog.room) continue;
        backlog.pushReplay(one);
        model.push(one);
      } else if (backlog.hasRoom(some)) {
        const expiry = random.boolean()
          ? now + random.integer(1, 30)
          : undefined;
        const one = waiting(step, expiry);
        backlog.push(one);
        model.push(one);
      }
    }
    const left = drain(backlog);
    assertEquals(left.length, model.length);
    for (const [i, one] of left.entries()) assert(one === model[i]);
  });
});

// Making room.

Deno.test("backlog makes room by what waits longest, and leaves retained messages where they are", () => {
  const backlog = backlogOf({ queuedMessages: 3 });
  const first = replay(2);
  const second = replay(1);
  backlog.pushReplay(first);
  backlog.push(waiting(1));
  backlog.push(waiting(2));
  backlog.pushReplay(second);
  backlog.push(waiting(3));
  const ids = (list: Waiting[]) => list.map(({ id }) => id);
  assertEquals(ids(backlog.makeRoom(some)), [1]);
  assertEquals(ids(backlog.makeRoom(some)), []); // there is
  backlog.push(waiting(4));
  assertEquals(ids(backlog.makeRoom(some)), [2]);
  backlog.push(waiting(5));
  const order = drain(backlog).map((one) => "id" in one ? one.id : one);
  assertEquals(order, [first, second, 3, 4, 5]);
});

Deno.test("backlog makes as much room as a message needs, and none if that is of no use", () => {
  const large = message("a", { payload: new Uint8Array(5 * some.size) });
  const backlog = backlogOf({ queuedBytes: 10 * some.size });
  for (let id = 1; id <= 10; id++) backlog.push(waiting(id));
  assertEquals(backlog.hasRoom(large), false);
  const gone = backlog.makeRoom(large).map(({ id }) => id);
  assertEquals(gone, [1, 2, 3, 4, 5, 6]);
  assertEquals([backlog.hasRoom(large), backlog.messages], [true, 4]);
  const huge = message("a", { payload: new Uint8Array(10 * some.size) });
  assertEquals([backlog.makeRoom(huge), backlog.messages], [[], 4]);
  assertEquals(backlogOf({ queuedMessages: 0 }).makeRoom(some), []);
});

Deno.test("backlog makes room for each of 100,000 messages in no time that grows with them", () => {
  const steps = (size: number): number => {
    const backlog = backlogOf({
      queuedMessages: size,
      queuedBytes: 1e12,
      totalQueuedBytes: 1e12,
    });
    for (let id = 0; id < size; id++) backlog.push(waiting(id));
    const start = performance.now();
    for (let id = 0; id < 20_000; id++) {
      backlog.makeRoom(some);
      backlog.push(waiting(id));
    }
    assertEquals(backlog.messages, size);
    return performance.now() - start;
  };
  steps(100);
  // Where each moved all others it would be a thousand times as much.
  assert(steps(100_000) < 50 * steps(100) + 500);
});
