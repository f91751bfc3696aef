import { assert, assertEquals, assertRejects } from "@std/assert";
import { inSlices } from "../../plugins/_slices.ts";

/** A computation that takes so many milliseconds, in short steps. */
function* busy(milliseconds: number, done: () => void) {
  for (let i = 0; i < milliseconds * 4; i++) {
    const end = performance.now() + 0.25;
    while (performance.now() < end);
    yield;
  }
  done();
  return milliseconds;
}

Deno.test("slices let others have their turn", async () => {
  let turns = 0;
  let going = true;
  const others = async () => {
    for (; going; turns++) await new Promise((resolve) => setTimeout(resolve));
  };
  const all = others();
  assertEquals(await inSlices(busy(20, () => {})), 20);
  going = false;
  await all;
  assert(turns >= 4, `${turns} turns`);
});

Deno.test("slices of computations do not mix: one is done after the other", async () => {
  const order: string[] = [];
  await Promise.all([
    inSlices(busy(4, () => order.push("long"))),
    inSlices(busy(0, () => order.push("short"))),
  ]);
  assertEquals(order, ["long", "short"]);
});

Deno.test("slices go on after a computation that threw", async () => {
  // deno-lint-ignore require-yield -- it does not come to that
  function* broken(): Generator<undefined, never> {
    throw new Error("it broke");
  }
  const first = inSlices(broken());
  const second = inSlices(busy(0, () => {}));
  await assertRejects(() => first, Error, "it broke");
  assertEquals(await second, 0);
});
