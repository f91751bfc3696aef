import { assert, assertEquals } from "@std/assert";
import { Queue } from "../../codec/mod.ts";
import { withSeeds } from "../_random.ts";

Deno.test("Queue is empty at first", () => {
  const queue = new Queue<number>();
  assertEquals(queue.size, 0);
  assertEquals(queue.peek(), undefined);
  assertEquals(queue.shift(), undefined);
  assertEquals(queue.size, 0);
});

Deno.test("Queue does what an array does", () => {
  withSeeds(100, (random) => {
    const queue = new Queue<number>();
    let model: number[] = [];
    const pushes = random.integer(30, 70);
    for (let step = 0; step < 300; step++) {
      if (random.percent(pushes)) {
        queue.push(step);
        model.push(step);
      } else if (random.percent(98)) {
        assertEquals(queue.shift(), model.shift());
      } else {
        queue.clear();
        model = [];
      }
      assertEquals(queue.size, model.length);
      assertEquals(queue.peek(), model[0]);
    }
    while (model.length > 0) assertEquals(queue.shift(), model.shift());
    assertEquals(queue.shift(), undefined);
  });
});

Deno.test("Queue holds many items, in their order", () => {
  const queue = new Queue<number>();
  const count = 200_000;
  for (let i = 0; i < count; i++) queue.push(i);
  for (let i = 0; i < count; i++) {
    // assertEquals() takes too long so many times
    assert(queue.shift() === i);
  }
  assertEquals(queue.size, 0);
});
