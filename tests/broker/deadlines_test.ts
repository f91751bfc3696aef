import { assertEquals, assertRejects } from "@std/assert";
import { Deadlines } from "../../broker/_deadlines.ts";

const never = new Promise<never>(() => {});

Deno.test("deadlines pass on what settles in time", async () => {
  const deadlines = new Deadlines(2, () => 0);
  assertEquals(await deadlines.within(Promise.resolve(1)), 1);
  const broken = Promise.reject(new Error("it broke"));
  await assertRejects(() => deadlines.within(broken), Error, "it broke");
  deadlines.tick(Infinity); // nothing is left
});

Deno.test("deadlines give up what does not settle in time, and nothing else", async () => {
  let now = 1000;
  const deadlines = new Deadlines(2, () => now);
  const states: string[] = [];
  const wait = (name: string) =>
    deadlines.within(never).catch((error) =>
      states.push(`${name}: ${error.message}`)
    );
  const first = wait("first");
  now = 2000;
  const second = wait("second");
  deadlines.tick(2999);
  await Promise.resolve();
  assertEquals(states, []);
  deadlines.tick(3000);
  await first;
  assertEquals(states, ["first: there was no answer within 2 s"]);
  deadlines.tick(4000);
  await second;
  assertEquals(states.length, 2);
});

Deno.test("deadlines take no notice of what settles too late", async () => {
  const deadlines = new Deadlines(1, () => 0);
  const { promise, reject } = Promise.withResolvers<never>();
  const wait = deadlines.within(promise);
  deadlines.tick(1000);
  await assertRejects(() => wait, Error, "no answer");
  reject(new Error("too late")); // it is not unhandled
  await Promise.resolve();
});
