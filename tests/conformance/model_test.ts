/** Clients that do anything in any order, compared with a model. */

import type { BrokerConfig } from "../../broker/mod.ts";
import { Random } from "../_random.ts";
import { KilledStore, newStore, PagingStore } from "../_sqlite_stores.ts";
import { Bench } from "./_bench.ts";
import { Model } from "./_model.ts";

const SEEDS = 60;
/** Those with stores in files. */
const SEEDS_IN_FILES = 15;
const STEPS = 250;

const first = Number(Deno.env.get("AMBERMQ_SEED") ?? 1);

/** Plays a history. */
async function play(seed: number, config: BrokerConfig): Promise<void> {
  await using bench = await Bench.start(config);
  const model = new Model(bench, new Random(seed), 4);
  try {
    for (let count = 0; count < STEPS; count++) await model.step();
    await model.finish();
  } catch (cause) {
    const last = model.log.slice(-40).join("\n");
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`With AMBERMQ_SEED=${seed}: ${message}\n${last}`, {
      cause,
    });
  }
}

for (const inflight of [100, 2]) {
  Deno.test(`broker delivers what a model says, in ${SEEDS} random histories with ${inflight} messages in flight [MQTT-4.3.3-10] [MQTT-4.4.0-1] [MQTT-4.5.0-1] [MQTT-4.6.0-5] [MQTT-3.3.4-2] [MQTT-3.8.4-8]`, async () => {
    for (let seed = first; seed < first + SEEDS; seed++) {
      await play(seed, { limits: { inflight } });
    }
  });
}

for (
  const [how, make] of [
    ["closed", newStore],
    ["killed", () => new KilledStore()],
    ["read all the time, and killed", () => new PagingStore()],
  ] as const
) {
  Deno.test(`broker with a store in a file that is ${how} now and then delivers what a model says, in ${SEEDS_IN_FILES} random histories`, async () => {
    for (let seed = first; seed < first + SEEDS_IN_FILES; seed++) {
      await play(seed, { store: make() });
    }
  });
}
