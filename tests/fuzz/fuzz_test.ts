/** Each target for a moment; `deno task fuzz` takes its time. */

import { assertEquals, assertExists, assertStringIncludes } from "@std/assert";
import { describeFailure, fuzz, target, targets } from "./mod.ts";
import { fewer } from "./_shrink.ts";

const seed = Number(Deno.env.get("AMBERMQ_SEED") ?? 1);

/** Executions that take about a fifth of a second. */
const executions: Readonly<Record<string, number>> = {
  parser: 800,
  websocket: 400,
  upgrade: 2000,
  topics: 400,
  machine: 15,
  config: 200,
  passwords: 2000,
  url: 4000,
  "client-config": 800,
  flags: 1500,
  format: 2500,
};

for (const one of targets) {
  Deno.test(`fuzz ${one.name}: ${one.about}`, async () => {
    const count = executions[one.name];
    assertExists(count);
    const run = await fuzz(one, { seed, goOn: (done) => done < count });
    if (run.failure === undefined) return;
    throw new Error(describeFailure(one, run.failure));
  });
}

Deno.test("fuzz tells the seed of what fails, and the simplest input that does", async () => {
  const sevens = target<readonly number[]>({
    name: "sevens",
    about: "lists have less than three sevens",
    generate: (random) => random.array(40, () => random.integer(0, 9)),
    check: (list) => {
      const count = list.filter((one) => one === 7).length;
      if (count >= 3) throw new Error(`There are ${count} sevens`);
    },
    shrink: fewer,
    show: (list) => list.join(" "),
  });
  const { failure } = await fuzz(sevens, { seed: 5, goOn: () => true });
  assertExists(failure);
  assertEquals(failure.shown, "7 7 7");
  const told = describeFailure(sevens, failure);
  assertStringIncludes(told, "There are 3 sevens");
  assertStringIncludes(
    told,
    `deno task fuzz sevens --seed ${failure.seed} --seconds 0`,
  );
  const again = await fuzz(sevens, { seed: failure.seed, goOn: () => false });
  assertEquals(again.failure?.seed, failure.seed);
  assertEquals(again.executions, 1);
});
