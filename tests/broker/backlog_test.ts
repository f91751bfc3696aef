import { assertEquals } from "@std/assert";
import { Backlog, type Waiting } from "../../broker/_backlog.ts";
import { resolveLimits } from "../../broker/config.ts";
import type { Limits } from "../../broker/mod.ts";
import { withSeeds } from "../_random.ts";
import { message } from "./_parts.ts";

function backlogOf(limits: Partial<Limits> = {}): Backlog {
  return new Backlog(resolveLimits(limits));
}

/** A message that waits; with the id 0 a retained one. */
function waiting(id: number, topic = `${id}`): Waiting {
  return {
    id,
    message: message(topic, { payload: new Uint8Array(10) }),
    qos: 1,
    retain: id === 0,
    identifiers: undefined,
  };
}

const { size } = waiting(1).message;

Deno.test("backlog gives messages back in their order, retained or not", () => {
  const backlog = backlogOf();
  assertEquals([backlog.peek(), backlog.shift()], [undefined, undefined]);
  const order = [waiting(1), waiting(0), waiting(2), waiting(0), waiting(3)];
  for (const one of order) {
    if (one.id === 0) backlog.pushRetained(one);
    else assertEquals(backlog.push(one), true);
  }
  assertEquals([backlog.size, backlog.messages], [5, 3]);
  for (const one of order) {
    assertEquals(backlog.peek(), one);
    assertEquals(backlog.shift(), one);
  }
  assertEquals([backlog.size, backlog.messages], [0, 0]);
});

/** Limits, and how many messages they let wait. */
const limits: readonly [limits: Partial<Limits>, most: number][] = [
  [{ queuedMessages: 3 }, 3],
  [{ queuedMessages: 0 }, 0],
  [{ queuedBytes: 3 * size }, 3],
  [{ queuedBytes: 3 * size - 1 }, 2],
  [{ queuedBytes: 0 }, 0],
  [{ queuedMessages: 2, queuedBytes: 3 * size }, 2],
];

for (const [some, most] of limits) {
  Deno.test(`backlog takes ${most} messages with ${JSON.stringify(some)}, and more when some have gone`, () => {
    const backlog = backlogOf(some);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < most; i++) {
        assertEquals(backlog.push(waiting(1)), true);
      }
      assertEquals(backlog.push(waiting(1)), false);
      assertEquals(backlog.messages, most);
      for (let i = 0; i < most; i++) backlog.shift();
    }
  });
}

Deno.test("backlog counts retained messages by their own limit, and no others", () => {
  const backlog = backlogOf({ retainedMessages: 3, queuedMessages: 2 });
  for (let i = 0; i < 2; i++) {
    backlog.push(waiting(1));
    backlog.pushRetained(waiting(0));
  }
  assertEquals(backlog.push(waiting(1)), false);
  assertEquals([backlog.accepts(1), backlog.accepts(2)], [true, false]);
  backlog.shift();
  assertEquals(backlog.accepts(2), false);
  assertEquals(backlog.push(waiting(1)), true);
  backlog.shift();
  assertEquals(backlog.accepts(2), true);
});

Deno.test("backlog takes back what was within the limits before", () => {
  const backlog = backlogOf({ queuedMessages: 1 });
  for (const id of [1, 2]) backlog.restore(waiting(id));
  assertEquals([backlog.messages, backlog.push(waiting(3))], [2, false]);
  backlog.shift();
  backlog.shift();
  assertEquals(backlog.push(waiting(3)), true);
});

Deno.test("backlog is never beyond its limits, whatever comes and goes", () => {
  withSeeds(50, (random) => {
    const backlog = backlogOf({ queuedMessages: 10, retainedMessages: 5 });
    const model: Waiting[] = [];
    for (let step = 0; step < 300; step++) {
      const one = waiting(random.percent(30) ? 0 : step + 1);
      const alike = model.filter(({ id }) => (id === 0) === (one.id === 0));
      if (random.percent(40)) {
        assertEquals(backlog.shift(), model.shift());
      } else if (one.id === 0) {
        assertEquals(backlog.accepts(1), alike.length < 5);
        if (alike.length >= 5) continue;
        backlog.pushRetained(one);
        model.push(one);
      } else if (backlog.push(one)) {
        model.push(one);
        assertEquals(alike.length < 10, true);
      } else {
        assertEquals(alike.length, 10);
      }
      assertEquals(backlog.size, model.length);
    }
  });
});
