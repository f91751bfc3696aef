import { assert, assertEquals } from "@std/assert";
import { RouteCache } from "../../broker/_route_cache.ts";

/** The look-ups between two judgements, and the periods of rest. */
const period = 8192;
const rest = 16;

/** Uses a cache as the tree does; says whether the answer was remembered. */
function lookUp(cache: RouteCache<string>, topic: string): boolean {
  const known = cache.get(topic);
  if (known !== undefined) {
    assertEquals(known, `route of ${topic}`);
    return true;
  }
  assertEquals(cache.set(topic, `route of ${topic}`), `route of ${topic}`);
  return false;
}

let topics = 0;

/** Looks topics up that never come back. */
function lookUpOnce(cache: RouteCache<string>, count: number): void {
  for (let i = 0; i < count; i++) {
    assertEquals(lookUp(cache, `once/${++topics}`), false);
  }
}

Deno.test("route cache remembers a topic until subscriptions change", () => {
  const cache = new RouteCache<string>();
  assertEquals(lookUp(cache, "a"), false);
  assertEquals(lookUp(cache, "a"), true);
  cache.clear();
  assertEquals(lookUp(cache, "a"), false);
  assertEquals(lookUp(cache, "a"), true);
});

Deno.test("route cache rests when hardly any topic comes back, and starts again", () => {
  const cache = new RouteCache<string>();
  lookUpOnce(cache, period);
  for (let i = 0; i < 100; i++) assertEquals(lookUp(cache, "a"), false);
  lookUpOnce(cache, rest * period - 101);
  assertEquals(lookUp(cache, "a"), false);
  assertEquals(lookUp(cache, "a"), true);
});

Deno.test("route cache does not rest when every third topic comes back", () => {
  const cache = new RouteCache<string>();
  lookUp(cache, "a");
  let forgotten = 0;
  for (let i = 0; i < 4 * period; i++) {
    // It forgets all when it is full, and then remembers again.
    if (!lookUp(cache, "a")) forgotten++;
    lookUpOnce(cache, 2);
  }
  assert(forgotten <= 4, `${forgotten} times`);
});

Deno.test("route cache is bounded", () => {
  const cache = new RouteCache<string>();
  let remembered = 0;
  for (let i = 0; i < 20_000; i++) {
    lookUp(cache, `topic ${i}`);
    // Each twice, so that it does not rest.
    if (lookUp(cache, `topic ${i}`)) remembered++;
  }
  assertEquals(remembered, 20_000);
  let left = 0;
  for (let i = 0; i < 20_000; i++) {
    if (cache.get(`topic ${i}`) !== undefined) left++;
  }
  assert(left <= 16_384, `${left} are left`);
});
