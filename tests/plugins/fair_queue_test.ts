import { assertEquals } from "@std/assert";
import { FairQueue } from "../../plugins/_fair_queue.ts";

function queueOf(most: number, items: string): FairQueue<string> {
  const queue = new FairQueue<string>(most);
  for (const item of items.split(" ")) queue.push(item[0]!, item);
  return queue;
}

function drained(queue: FairQueue<string>): string {
  const items: string[] = [];
  for (let item; (item = queue.shift()) !== undefined;) items.push(item);
  return items.join(" ");
}

Deno.test("queue gives each source its turn, and keeps the order of each", () => {
  const queue = queueOf(9, "a1 a2 a3 a4 b1 b2 c1");
  assertEquals(queue.size, 7);
  assertEquals(drained(queue), "a1 b1 c1 a2 b2 a3 a4");
  assertEquals(queue.size, 0);
});

Deno.test("queue that is full loses the newest of the source that has most", () => {
  const queue = queueOf(4, "a1 a2 a3 b1");
  assertEquals(queue.push("c", "c1"), "a3");
  assertEquals(queue.push("a", "a4"), "a4");
  // as many as others have: it is not others who go
  assertEquals(queue.push("b", "b2"), "b2");
  assertEquals(queue.size, 4);
  assertEquals(drained(queue), "a1 b1 c1 a2");
});

Deno.test("queue lets go of what is taken out", () => {
  const queue = queueOf(4, "a1 a2 b1");
  assertEquals(queue.delete("a", "a1"), true);
  assertEquals(queue.delete("a", "a1"), false);
  assertEquals(queue.delete("b", "b1"), true);
  assertEquals(queue.delete("c", "c1"), false);
  assertEquals(queue.size, 1);
  assertEquals(drained(queue), "a2");
});
