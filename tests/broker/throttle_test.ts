import { assert, assertEquals } from "@std/assert";
import { defaultLimits } from "../../broker/limits.ts";
import { type Limits, Metrics } from "../../broker/mod.ts";
import { type Throttle, Throttles } from "../../broker/_throttle.ts";

/** Throttles with a clock. */
class Stage {
  time = 0;
  readonly metrics = new Metrics();
  readonly all: Throttles;

  constructor(limits: Partial<Limits>) {
    this.all = new Throttles({
      limits: { ...defaultLimits, ...limits },
      metrics: this.metrics,
      now: () => this.time,
    });
  }

  create(): Throttle {
    return this.all.create()!;
  }
}

/** How many messages may come before it is enough. */
function burst(throttle: Throttle): number {
  let count = 0;
  while (throttle.open && count < 10_000) {
    throttle.published();
    count++;
  }
  return count;
}

Deno.test("throttle is none where clients may send as fast as they like", () => {
  assertEquals(new Stage({}).all.create(), undefined);
  assert(new Stage({ messageRate: 1 }).all.create() !== undefined);
  assert(new Stage({ byteRate: 1 }).all.create() !== undefined);
});

Deno.test("throttle lets the messages of a second through at once, then as many as a second brings", () => {
  const stage = new Stage({ messageRate: 10 });
  const throttle = stage.create();
  assertEquals([burst(throttle), throttle.open], [10, false]);
  const later = (milliseconds: number): number => {
    stage.time += milliseconds;
    return burst(throttle);
  };
  assertEquals([99, 1, 100, 550, 1000, 60_000].map(later), [
    ...[0, 1, 1, 5, 10, 10],
  ]);
});

Deno.test("throttle lets the bytes of a second through, and never more than a buffer has", () => {
  const stage = new Stage({ byteRate: 1000 });
  const throttle = stage.create();
  const buffer = new Uint8Array(600);
  const read = (): number => {
    const { length } = throttle.within(buffer);
    throttle.read(length);
    return length;
  };
  assertEquals([read(), read(), throttle.open], [600, 400, false]);
  stage.time += 1;
  assertEquals([throttle.open, read(), throttle.open], [true, 1, false]);
  // Bytes are no messages.
  assertEquals(throttle.published(), false);
  stage.time += 100;
  assertEquals([throttle.published(), read()], [true, 100]);
  // Who has read more all the same waits until that is made up for.
  throttle.read(1000);
  stage.time += 1000;
  assertEquals([throttle.open, throttle.within(buffer).length], [false, 1]);
  stage.time += 1;
  assertEquals(throttle.open, true);
});

Deno.test("throttles wake those who may go on, and no timer stays behind", () => {
  const stage = new Stage({ messageRate: 10 });
  const woken: string[] = [];
  const [one, two, three] = ["one", "two", "three"].map((name) => {
    const throttle = stage.create();
    burst(throttle);
    throttle.wait(() => woken.push(name));
    return throttle;
  });
  assertEquals(stage.metrics.throttled, 3);
  stage.all.tick();
  assertEquals(woken, []);
  three!.close();
  two!.published();
  stage.time += 100;
  stage.all.tick();
  assertEquals(woken, ["one"]);
  stage.time += 100;
  stage.all.tick();
  assertEquals(woken, ["one", "two"]);
  one!.close();
  stage.all.tick();
  // The sanitizers of this test look for the timer.
});

Deno.test("throttles look by themselves", async () => {
  const stage = new Stage({ messageRate: 10 });
  const throttle = stage.create();
  burst(throttle);
  stage.time += 100;
  await new Promise<void>((resolve) => throttle.wait(resolve));
  assertEquals(throttle.open, true);
});
