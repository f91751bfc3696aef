/**
 * How short of memory the broker is, and what follows: above the mark
 * `limits.memory` it takes less, above a second one still less, and below both
 * as much as ever. The sweep looks, twice a second.
 *
 * What counts is what the heap and the buffers outside it have in use. The
 * resident set, which a kernel looks at, is of no use for this: it hardly ever
 * shrinks, and a broker that has shed its load would go on shedding for ever.
 * Garbage is in use too until somebody collects it, which a broker that refuses
 * everybody gives V8 no reason for: so it is collected before the first mark
 * counts as passed, and now and then while it does.
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Hooks } from "./_hooks.ts";
import type { Limits } from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import type { MemoryLevel } from "./plugin.ts";

/** Where the second mark is, in parts of the first. */
const CRITICAL = 1.1;

/** How far it has to fall below a mark for that to be over. */
const BACK = 0.9;

/** The part of `limits.outboundBytes` that holds above the mark. */
const NARROW = 1 / 16;

/** Sweeps between two collections: each may take part of a second. */
const COLLECTIONS = 10;

/** The same while memory is short, and likely to stay so. */
const COLLECTIONS_SHORT = 60;

/** The memory of a process. */
export interface MemoryGauge {
  /** How many bytes are in use. */
  used(): number;
  /** Has garbage collected. */
  collect(): void;
}

let gc: (() => void) | undefined;

/** That of this process. */
export const processMemory: MemoryGauge = {
  used: () => {
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  },
  collect: () => {
    if (gc === undefined) {
      // The only way to it that does not ask for a flag of the runtime.
      setFlagsFromString("--expose-gc");
      gc = runInNewContext("gc") as () => void;
    }
    gc();
  },
};

export class Memory {
  /** How short of memory it is. */
  level: MemoryLevel = "normal";
  /** Bytes that may wait to be written to one connection now. */
  outboundBytes: number;

  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #hooks: Hooks;
  readonly #gauge: MemoryGauge;
  /** Sweeps since garbage was collected. */
  #sweeps = COLLECTIONS;

  constructor(
    limits: Limits,
    metrics: Metrics,
    hooks: Hooks,
    gauge: MemoryGauge,
  ) {
    this.#limits = limits;
    this.#metrics = metrics;
    this.#hooks = hooks;
    this.#gauge = gauge;
    this.outboundBytes = limits.outboundBytes;
  }

  /** Whether clients that are not known yet are refused. */
  get short(): boolean {
    return this.level !== "normal";
  }

  /** Whether nothing more is kept for clients that are away. */
  get critical(): boolean {
    return this.level === "critical";
  }

  /** Looks; called in each sweep. */
  tick(): void {
    const { memory: limit } = this.#limits;
    if (limit === 0) return;
    let used = this.#gauge.used();
    const pause = this.short ? COLLECTIONS_SHORT : COLLECTIONS;
    const collected = ++this.#sweeps > pause && (this.short || used > limit);
    if (collected) {
      this.#sweeps = 0;
      this.#gauge.collect();
      used = this.#gauge.used();
    }
    const level = this.#levelAt(used / limit, collected);
    if (level !== this.level) this.#enter(level, used, limit);
  }

  #levelAt(part: number, collected: boolean): MemoryLevel {
    if (part > (this.critical ? CRITICAL * BACK : CRITICAL)) return "critical";
    // Just above the mark it may be garbage.
    const short = part > (this.short ? BACK : 1) && (this.short || collected);
    return short ? "high" : "normal";
  }

  #enter(level: MemoryLevel, used: number, limit: number): void {
    if (this.level === "normal") this.#metrics.overloads++;
    this.level = level;
    const { outboundBytes } = this.#limits;
    // Who has read all still gets all; who has not, less and less.
    this.outboundBytes = level === "normal"
      ? outboundBytes
      : level === "high"
      ? Math.max(1, outboundBytes * NARROW)
      : 1;
    this.#hooks.emit("broker_overloaded", { level, used, limit });
  }
}
