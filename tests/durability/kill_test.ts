/** What was acknowledged outlives the process of the broker. */

import { assert, assertEquals } from "@std/assert";
import { torture } from "./_torture.ts";

const seed = Number(Deno.env.get("AMBERMQ_SEED") ?? 1);

for (const synchronous of ["full", "normal"] as const) {
  Deno.test(`a broker that is killed again and again loses nothing that it has acknowledged, and delivers no QoS 2 message twice: synchronous ${synchronous} (AMBERMQ_SEED=${seed})`, async () => {
    const report = await torture({ seed, kills: 6, synchronous });
    assertEquals(report.problems, []);
    assertEquals(report.kills, 6);
    // It was worth looking at.
    assert(report.acknowledged > 100, `${report.acknowledged} messages`);
    assert(report.delivered >= 2 * report.acknowledged);
  });
}
