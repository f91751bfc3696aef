import { assert, assertEquals } from "@std/assert";
import { RouteCache } from "../../broker/_route_cache.ts";

/** The look-ups between two judgements, and the periods of rest. */
const period = 8192;
const rest = 16;

/** Uses a cache as the tree does; says whether the answer was remembered. */
function lookUp(
  cache: RouteCache<string>,
  topic: string,
  weight = 1,
): boolean {
  const known = cache.get(topic);
  if (known !== undefined) {
    assertEquals(known, `route of ${topic}`);
    return true;
  }
  const route = `route of ${topic}`;
  assertEquals(cache.set(topic, route, weight), route);
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

/** What routes weigh, and how many of them are remembered at the most. */
const weights: readonly [weight: number, most: number][] = [
  [1, 65_536],
  [10, 6553],
  [65_536, 1],
  [65_537, 0],
];

for (const [weight, most] of weights) {
  Deno.test(`route cache remembers ${most} routes of the weight ${weight} at the most`, () => {
    const cache = new RouteCache<string>();
    const add = (topic: string): void => {
      lookUp(cache, topic, weight);
      // Again, so that it does not rest.
      assertEquals(lookUp(cache, topic, weight), most > 0);
    };
    for (let i = 0; i < most; i++) add(`topic ${i}`);
    const isKnown = () => cache.get("topic 0") !== undefined;
    assertEquals(isKnown(), most > 0);
    // One more, and it begins anew.
    add("another topic");
    assertEquals(isKnown(), false);
  });
}

Deno.test("route cache remembers as many long topics as have a few MiB", () => {
  const cache = new RouteCache<string>();
  // Each is looked up again, so that the cache does not rest.
  const names = Array.from({ length: 4000 }, (_, i) => `${i}`.padEnd(65_535));
  for (const name of names) {
    assertEquals(lookUp(cache, name), false);
    assertEquals(lookUp(cache, name), true);
  }
  const remembered = names.filter((name) => cache.get(name) !== undefined);
  const bytes = remembered.length * 65_535;
  assert(bytes > 0 && bytes <= 8 * 1024 * 1024, `${bytes}`);
});
