/**
 * What clients of a broker do, and what happens to them: steps that are plain
 * data and make sense in any order, so that a history can be made shorter.
 */

import type { Random } from "../_random.ts";
import type { Version } from "../_raw_packets.ts";

/** One step. `slot` is the connection that it is done on. */
export type Step =
  | { do: "open"; slot: number }
  | {
    do: "connect";
    slot: number;
    version: Version;
    /** The client identifier; the empty one too. */
    id: string;
    clean: boolean;
    expiry: number;
    receiveMaximum: number;
    keepAlive: number;
    aliases: number;
    will: Will | undefined;
  }
  | {
    do: "subscribe";
    slot: number;
    filter: string;
    qos: number;
    noLocal: boolean;
    retainAsPublished: boolean;
    retainHandling: number;
    identifier: number | undefined;
  }
  | { do: "unsubscribe"; slot: number; filter: string }
  | {
    do: "publish";
    slot: number;
    topic: string;
    qos: number;
    retain: boolean;
    empty: boolean;
    dup: boolean;
    packetId: number;
    /** A topic alias; without the topic if `bare`. */
    alias: number | undefined;
    bare: boolean;
  }
  | { do: "release"; slot: number; packetId: number }
  /** Acknowledges what came, in any order; `which` counts round and round. */
  | { do: "acknowledge"; slot: number; which: number; fails: boolean }
  /** An acknowledgement that nobody waits for. */
  | { do: "stray"; slot: number; type: StrayType; packetId: number }
  | { do: "ping"; slot: number }
  | { do: "disconnect"; slot: number; code: number; expiry: number | undefined }
  | { do: "leave"; slot: number; how: "drop" | "reset" | "end" }
  /** Breaks the rules; `which` counts round and round. */
  | { do: "violate"; slot: number; which: number }
  | { do: "pass"; seconds: number }
  | { do: "restart" };

/** What an acknowledgement without a message can be. */
export type StrayType = "puback" | "pubrec" | "pubcomp";

/** A will as a step has it. */
export interface Will {
  readonly qos: number;
  readonly retain: boolean;
  readonly delay: number;
}

/** Connections at a time. */
export const SLOTS = 4;

/** Client identifiers: fewer than connections, so that some take over. */
export const ids = ["c0", "c1", "c2"];

/** Topics; each client's will is at `will/` and its identifier. */
export const topics = ["a", "a/b", "b", "$x"];

const filters = [
  ...["a", "a/#", "+", "#", "b", "$x", "will/#", "will/c0"],
  ...["$share/g/a", "$share/g/a/#", "$share/h/a/#"],
];

const expiries = [0, 0, 5, 100, 0xffff_ffff];

/** A step; mostly of a client that is connected. */
export function someStep(random: Random): Step {
  const slot = random.integer(0, SLOTS - 1);
  const chance = random.integer(1, 1000);
  if (chance <= 140) return connect(random, slot);
  if (chance <= 150) return { do: "open", slot };
  if (chance <= 280) return subscribe(random, slot);
  if (chance <= 310) {
    return { do: "unsubscribe", slot, filter: random.pick(filters) };
  }
  if (chance <= 580) return publish(random, slot);
  if (chance <= 640) {
    return { do: "release", slot, packetId: random.integer(1, 4) };
  }
  if (chance <= 830) {
    const which = random.integer(0, 9);
    return { do: "acknowledge", slot, which, fails: random.percent(5) };
  }
  if (chance <= 845) {
    const type = random.pick<StrayType>(["puback", "pubrec", "pubcomp"]);
    return { do: "stray", slot, type, packetId: random.integer(1, 60_000) };
  }
  if (chance <= 860) return { do: "ping", slot };
  if (chance <= 890) {
    const expiry = random.percent(30) ? random.pick(expiries) : undefined;
    return { do: "disconnect", slot, code: random.pick([0, 0, 4]), expiry };
  }
  if (chance <= 920) {
    const how = random.pick(["drop", "reset", "end"] as const);
    return { do: "leave", slot, how };
  }
  if (chance <= 955) {
    return { do: "violate", slot, which: random.integer(0, 9999) };
  }
  if (chance <= 993) {
    return { do: "pass", seconds: random.pick([0, 1, 4, 6, 11, 50, 101]) };
  }
  return { do: "restart" };
}

function connect(random: Random, slot: number): Step {
  return {
    do: "connect",
    slot,
    version: random.pick([3, 4, 5, 5, 5]),
    id: random.percent(3) ? "" : random.pick(ids),
    clean: random.percent(35),
    expiry: random.pick(expiries),
    receiveMaximum: random.pick([1, 2, 65_535, 65_535]),
    keepAlive: random.pick([0, 0, 3, 30]),
    aliases: random.pick([0, 0, 2]),
    will: random.percent(50)
      ? {
        qos: random.integer(0, 2),
        retain: random.percent(20),
        delay: random.pick([0, 0, 3, 50]),
      }
      : undefined,
  };
}

function subscribe(random: Random, slot: number): Step {
  const filter = random.pick(filters);
  return {
    do: "subscribe",
    slot,
    filter,
    qos: random.integer(0, 2),
    noLocal: random.percent(15) && !filter.startsWith("$share"),
    retainAsPublished: random.percent(30),
    retainHandling: random.integer(0, 2),
    identifier: random.percent(30) ? random.integer(1, 200) : undefined,
  };
}

function publish(random: Random, slot: number): Step {
  return {
    do: "publish",
    slot,
    topic: random.pick(topics),
    qos: random.integer(0, 2),
    retain: random.percent(25),
    empty: random.percent(15),
    dup: random.percent(20),
    packetId: random.integer(1, 4),
    alias: random.percent(15) ? random.integer(1, 3) : undefined,
    bare: random.boolean(),
  };
}
