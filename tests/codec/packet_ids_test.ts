import { assertEquals } from "@std/assert";
import { PacketIds } from "../../codec/_packet_ids.ts";
import { withSeeds } from "../_random.ts";

Deno.test("PacketIds does what a Map does", () => {
  withSeeds(200, (random) => {
    const ids = new PacketIds<string>();
    const map = new Map<number, string>();
    const range = random.pick([3, 20, 300, 65_535]);
    const start = random.pick([0, 65_535 - range]);
    for (let step = 0; step < 400; step++) {
      const id = start + random.integer(1, range);
      if (random.pick([true, true, false])) {
        ids.set(id, `${step}`);
        map.set(id, `${step}`);
      } else {
        assertEquals(ids.delete(id), map.delete(id));
      }
      const other = start + random.integer(1, range);
      assertEquals(ids.get(other), map.get(other));
      assertEquals(ids.has(other), map.has(other));
      assertEquals(ids.size, map.size);
    }
    assertEquals(ids.values(), [...map.values()]);
  });
});

Deno.test("PacketIds holds all packet identifiers", () => {
  const ids = new PacketIds<number>();
  for (let id = 1; id <= 65_535; id++) ids.set(id, id);
  assertEquals(ids.size, 65_535);
  for (let id = 1; id <= 65_535; id++) assertEquals(ids.get(id), id);
  for (let id = 65_535; id >= 1; id--) assertEquals(ids.delete(id), true);
  assertEquals([ids.size, ids.values()], [0, []]);
});

Deno.test("PacketIds has no identifier 0", () => {
  const ids = new PacketIds<string>();
  assertEquals([ids.get(0), ids.has(0), ids.delete(0)], [
    undefined,
    false,
    false,
  ]);
});
