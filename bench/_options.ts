/**
 * The flags of the load generator.
 */

import { parseArgs } from "node:util";
import { type QoS, STAMP_SIZE, type Version } from "./_packets.ts";

export const USAGE = `usage: deno run -A bench/load.ts [flags]

Loads an MQTT broker on this machine and prints one line of JSON. The exit
status is 1 if a message was lost or doubled or anything else went wrong.

  --host ADDRESS --port N   the broker (127.0.0.1, 1883); loopback only
  --pid PID[,PID...]        its processes, whose CPU time and memory are read
  --mode pubsub|connect|retained
  --v 4|5                   MQTT 3.1.1 (default) or 5.0
  --secs S --warm S         seconds measured (4), and seconds before (2)
  --drain S --max S         most seconds for the rest to arrive (5), for all (120)
  --broker NAME --label L   copied to the result
  --prefix TOPIC            first level of all topics (bench)
  --C N                     connections opened at a time (100)
  --ka S                    keep alive (60)

pubsub:
  --P N --S N               publishers (1) and subscribers (1)
  --map one|all|allone|shared|match
                            who takes what: subscriber j the topic j mod P; all
                            by a wildcard; all one by one; all by one shared
                            subscription; --filters of PREFIX/+/dev/N/#
  --filters N --rooms N     for match: filters of a subscriber (1), second
                            levels (100)
  --qos Q --sqos Q          of the messages (0), of the subscriptions (--qos)
  --size N                  bytes of payload (64), at least ${STAMP_SIZE}
  --W N --I N               a publisher's messages under way until subscribers
                            have them (100), until they are confirmed (20)
  --rate R                  messages a second of all publishers, come what may,
                            in place of --W
  --count N                 measure so many deliveries, not --secs
  --retain                  set the retain flag
  --durable                 sessions of subscribers outlive their connections

connect:
  --N N --hold S            connections (1000), and how long they stay (5)
  --ping S                  a PINGREQ on each every S seconds
  --connsub                 each subscribes to a topic

retained:
  --N N --repeat N          messages (1000), and how often they are asked for (10)
  --keep                    leave them in the broker`;

/** Who subscribes to what. */
export type TopicMap = "one" | "all" | "allone" | "shared" | "match";

/** The flags by what they mean; the letters are those of the results too. */
export interface Options {
  readonly mode: "pubsub" | "connect" | "retained";
  readonly hostname: string;
  readonly port: number;
  readonly pids: readonly number[];
  readonly version: Version;
  readonly keepAlive: number;
  readonly broker: string;
  readonly label: string;
  readonly prefix: string;
  readonly publishers: number;
  readonly subscribers: number;
  readonly map: TopicMap;
  readonly filters: number;
  readonly rooms: number;
  readonly qos: QoS;
  readonly subscriptionQos: QoS;
  readonly size: number;
  readonly window: number;
  readonly inflight: number;
  readonly rate: number;
  readonly count: number;
  readonly retain: boolean;
  readonly durable: boolean;
  readonly connections: number;
  readonly concurrency: number;
  readonly holdSeconds: number;
  readonly pingSeconds: number;
  readonly alsoSubscribe: boolean;
  readonly repeat: number;
  readonly keep: boolean;
  readonly seconds: number;
  readonly warmSeconds: number;
  readonly drainSeconds: number;
  readonly maximumSeconds: number;
}

const text = (value: string) => ({ type: "string", default: value } as const);
const flag = { type: "boolean", default: false } as const;

const FLAGS = {
  host: text("127.0.0.1"),
  port: text("1883"),
  pid: text(""),
  mode: text("pubsub"),
  v: text("4"),
  ka: text("60"),
  broker: text(""),
  label: text(""),
  prefix: text("bench"),
  P: text("1"),
  S: text("1"),
  map: text("one"),
  filters: text("1"),
  rooms: text("100"),
  qos: text("0"),
  sqos: text(""),
  size: text("64"),
  W: text("100"),
  I: text("20"),
  rate: text("0"),
  count: text("0"),
  retain: flag,
  durable: flag,
  N: text("1000"),
  C: text("100"),
  hold: text("5"),
  ping: text("0"),
  connsub: flag,
  repeat: text("10"),
  keep: flag,
  secs: text("4"),
  warm: text("2"),
  drain: text("5"),
  max: text("120"),
  help: flag,
} as const;

/** The command line is not as it should be. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/**
 * Parses the command line of the load generator.
 *
 * @returns `undefined` if it asks for help.
 * @throws {UsageError} If a flag is not known, or its value makes no sense.
 */
export function parseOptions(args: readonly string[]): Options | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  function integer(name: keyof typeof FLAGS, minimum: number, maximum = 1e9) {
    const value = number(name, minimum, maximum);
    if (Number.isInteger(value)) return value;
    throw new UsageError(`--${name} is ${value}, not a whole number`);
  }
  function number(name: keyof typeof FLAGS, minimum: number, maximum = 1e9) {
    const value = values[name] === "" ? NaN : Number(values[name]);
    if (value >= minimum && value <= maximum) return value;
    throw new UsageError(
      `--${name} is ${values[name]}, not from ${minimum} to ${maximum}`,
    );
  }
  function choice<T extends string>(
    name: keyof typeof FLAGS,
    of: readonly T[],
  ) {
    const found = of.find((one) => one === values[name]);
    if (found !== undefined) return found;
    throw new UsageError(
      `--${name} is ${values[name]}, not ${of.join(" or ")}`,
    );
  }
  const qos = integer("qos", 0, 2) as QoS;
  return {
    mode: choice("mode", ["pubsub", "connect", "retained"]),
    hostname: loopback(values.host),
    port: integer("port", 1, 65_535),
    pids: values.pid.split(",").filter(Boolean).map(Number),
    version: Number(choice("v", ["4", "5"])) as Version,
    keepAlive: integer("ka", 0, 65_535),
    broker: values.broker,
    label: values.label,
    prefix: values.prefix,
    publishers: integer("P", 1),
    subscribers: integer("S", 0),
    map: choice("map", ["one", "all", "allone", "shared", "match"]),
    filters: integer("filters", 1),
    rooms: integer("rooms", 1),
    qos,
    subscriptionQos: values.sqos === "" ? qos : integer("sqos", 0, 2) as QoS,
    size: integer("size", STAMP_SIZE, 100_000_000),
    window: integer("W", 1),
    inflight: integer("I", 1, 65_535),
    rate: number("rate", 0),
    count: integer("count", 0),
    retain: values.retain,
    durable: values.durable,
    connections: integer("N", 1),
    concurrency: integer("C", 1),
    holdSeconds: number("hold", 0),
    pingSeconds: number("ping", 0),
    alsoSubscribe: values.connsub,
    repeat: integer("repeat", 1),
    keep: values.keep,
    seconds: number("secs", 0),
    warmSeconds: number("warm", 0),
    drainSeconds: number("drain", 0),
    maximumSeconds: number("max", 1),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

// Not only because CPU time is read from /proc: what it sends is a flood, and
// nobody else's broker should get it by a slip of the hand.
function loopback(host: string): string {
  if (/^127\.\d+\.\d+\.\d+$/.test(host) || host === "::1") return host;
  throw new UsageError(`--host is ${host}, not a loopback address`);
}
