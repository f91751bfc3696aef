import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
} from "@std/assert";
import { acquire, capacityFor, classSize, release } from "../../codec/_pool.ts";
import { withSeeds } from "../_random.ts";

const sizes = [0, 1, 2, 3].map(classSize);

Deno.test("capacityFor() is the next size class, then the next power of two", () => {
  assertEquals(sizes, [512, 4096, 16_384, 65_536]);
  const cases: readonly [size: number, capacity: number][] = [
    [0, 512],
    [1, 512],
    [512, 512],
    [513, 4096],
    [4096, 4096],
    [4097, 16_384],
    [16_385, 65_536],
    [65_536, 65_536],
    [65_537, 131_072],
    [131_072, 131_072],
    [131_073, 262_144],
    [2 ** 28, 2 ** 28],
    [2 ** 28 + 1, 2 ** 29],
  ];
  for (const [size, capacity] of cases) {
    assertEquals(capacityFor(size), capacity, `${size}`);
  }
});

Deno.test("acquire() gives a buffer that was released to one user", () => {
  for (const size of sizes) {
    const one = acquire(size);
    const two = acquire(size);
    assertNotStrictEquals(one.buffer, two.buffer);
    release(one);
    assertStrictEquals(acquire(size), one);
    assertNotStrictEquals(acquire(size), one);
    release(one);
    release(two);
  }
});

Deno.test("release() leaves buffers of no size class to the collector", () => {
  for (const size of [0, 100, 131_072]) {
    const buffer = new Uint8Array(size);
    release(buffer);
    for (const one of [size, 1]) assertNotStrictEquals(acquire(one), buffer);
  }
});

Deno.test("release() keeps a MiB of each size at the most", () => {
  for (const size of sizes) {
    const all = Array.from({ length: 2 ** 21 / size }, () => acquire(size));
    for (const buffer of all) release(buffer);
    const known = new Set(all);
    const kept = Array.from(all, () => acquire(size))
      .filter((buffer) => known.has(buffer));
    assertEquals(kept.length * size, 2 ** 20);
    for (const buffer of kept) release(buffer);
  }
});

Deno.test("acquire() never gives a buffer that is in use", () => {
  withSeeds(20, (random) => {
    const used = new Set<Uint8Array<ArrayBuffer>>();
    for (let count = 0; count < 300; count++) {
      if (random.percent(60)) {
        const size = random.integer(0, 70_000);
        const buffer = acquire(size);
        assert(buffer.length >= size);
        assert(!used.has(buffer));
        used.add(buffer);
      } else if (used.size > 0) {
        const buffer = random.pick([...used]);
        used.delete(buffer);
        release(buffer);
      }
    }
    for (const buffer of used) release(buffer);
  });
});
