/**
 * What the broker tells about itself, on topics below `$SYS/broker/`.
 *
 * @module
 */

import { cpuUsage } from "node:process";
import { dashed, type Plugin, type PluginContext } from "../broker/mod.ts";
import { type Fields, readSettings } from "../codec/mod.ts";
import config from "../deno.json" with { type: "json" };

/** Options of {@linkcode brokerSys}. */
export interface BrokerSysOptions {
  /** Seconds between two publications; 0 is never. By default 20. */
  sysInterval?: number;
}

/** The options of the plugin, as data. */
export const options = {
  sysInterval: {
    type: "integer",
    description: "Seconds between two publications; 0 is never.",
    default: 20,
    minimum: 0,
  },
} as const satisfies Fields;

/**
 * Makes a plugin that publishes what the broker counts.
 *
 * `version` is a retained message, there from the start on. The others are
 * published every `sysInterval` seconds, the first time after one interval, and
 * not retained. They are texts, sent with the QoS of the subscription; what waits
 * for a client that is away expires after an interval. `#` does not match them.
 *
 * | Topic below `$SYS/broker/` | What it is |
 * | --- | --- |
 * | `version` | `AmberMQ version …` |
 * | `load/bytes/received`, `…/sent` | bytes since the start |
 * | `messages/received`, `…/sent` | packets of any kind since the start |
 * | `messages/publish/received`, `…/sent` | PUBLISH packets since the start |
 * | `time` | seconds since 1970 |
 * | `uptime` | seconds since the start |
 * | `uptime/formatted`, `uptime/formated` | the same as `1 day, 2:03:04` |
 * | `clients/connected`, `clients/maximum` | clients now, and at most |
 * | `clients/disconnected`, `clients/total` | sessions whose client is away; all |
 * | `messages/inflight`, `…/in`, `…/out` | QoS messages on their way |
 * | `messages/inflight/stored` | messages that wait, and retained ones |
 * | `messages/retained/count` | retained messages |
 * | `messages/subscriptions/count` | subscriptions |
 * | `heap/size`, `heap/maximum` | MiB of memory that the process has, had at most |
 * | `cpu/percent`, `cpu/maximum` | per cent of a core in the last interval; at most |
 * | `publish/messages/dropped` | messages that a limit kept from a receiver |
 * | `store/bytes/file`, `…/log` | bytes of the store's file and of its log; these and the next only with `persistence` |
 * | `store/commits` | commits since the start |
 * | `store/commits/last`, `…/mean`, `…/maximum` | milliseconds that they took |
 * | `store/pending` | changes that are in the journal of the store only |
 * | `metrics/…` | all that `broker.metrics` counts: `metrics/dropped-queue-full` |
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { brokerSys } from "@ambermq/mqtt/plugins";
 *
 * const broker = new Broker({ plugins: [brokerSys({ sysInterval: 60 })] });
 * ```
 *
 * @param given How often.
 * @param clock Milliseconds since 1970, for `time`; by default that of the system,
 * which may be set while the broker runs.
 * @returns The plugin.
 * @throws {SettingsError} If an option is not right.
 */
export function brokerSys(
  given: BrokerSysOptions = {},
  clock: () => number = Date.now,
): Plugin {
  const name = "broker_sys";
  const { sysInterval = 20 } = readSettings(
    given,
    options,
    `the options of ${name}`,
  );
  return {
    name,
    start: (context) => {
      if (sysInterval === 0) return;
      context.publish({
        ...text("version", `AmberMQ version ${config.version}`),
        retain: true,
      });
      const load = new Load(context.now());
      const startedAt = context.now();
      context.every(sysInterval, () => {
        const values = [
          ...counted(context, startedAt, clock()),
          ...load.values(context.now()),
          ...limited(context),
          ...stored(context),
        ];
        for (const [topic, value] of values) {
          context.publish({
            ...text(topic, String(value)),
            qos: 2,
            properties: { messageExpiryInterval: sysInterval },
          });
        }
      });
    },
  };
}

/** The factory, by the name that configurations look for. */
export const plugin = brokerSys;

const encoder = new TextEncoder();

function text(topic: string, value: string) {
  return { topic: `$SYS/broker/${topic}`, payload: encoder.encode(value) };
}

type Values = [topic: string, value: number | string][];

function counted(
  context: PluginContext,
  startedAt: number,
  time: number,
): Values {
  const { metrics, sessions, retainedMessages, subscriptions } = context;
  const { clientsConnected } = metrics;
  let received = 0;
  let sent = 0;
  let queued = 0;
  for (const { inflightIn, inflightOut, queued: waiting } of sessions) {
    received += inflightIn;
    sent += inflightOut;
    queued += waiting;
  }
  const uptime = Math.floor((context.now() - startedAt) / 1000);
  return [
    ["load/bytes/received", metrics.bytesReceived],
    ["load/bytes/sent", metrics.bytesSent],
    ["messages/received", metrics.packetsReceived],
    ["messages/sent", metrics.packetsSent],
    ["messages/publish/received", metrics.publishReceived],
    ["messages/publish/sent", metrics.publishSent],
    ["time", Math.floor(time / 1000)],
    ["uptime", uptime],
    ["uptime/formatted", formatted(uptime)],
    ["uptime/formated", formatted(uptime)], // as HBMQTT spells it
    ["clients/connected", clientsConnected],
    ["clients/disconnected", sessions.size - clientsConnected],
    ["clients/maximum", metrics.clientsMaximum],
    ["clients/total", sessions.size],
    ["messages/inflight", received + sent],
    ["messages/inflight/in", received],
    ["messages/inflight/out", sent],
    ["messages/inflight/stored", queued + retainedMessages.size],
    ["messages/retained/count", retainedMessages.size],
    ["messages/subscriptions/count", subscriptions.size],
  ];
}

/** What limits have cost, and all counters by their names. */
function limited({ metrics }: PluginContext): Values {
  const { droppedSlow, droppedQueueFull, droppedMemory } = metrics;
  const { droppedExpired, droppedTooLarge } = metrics;
  const dropped = droppedSlow + droppedQueueFull + droppedMemory +
    droppedExpired + droppedTooLarge;
  return [
    ["publish/messages/dropped", dropped],
    ...Object.entries(metrics).map((
      [name, value],
    ): Values[number] => [`metrics/${dashed(name)}`, value]),
  ];
}

/** What the store tells of itself; nothing if it keeps nothing. */
function stored({ storeMetrics }: PluginContext): Values {
  if (storeMetrics === undefined) return [];
  const { fileBytes, logBytes, commits, pending } = storeMetrics;
  const { commitTimeLast, commitTimeMean, commitTimeMaximum } = storeMetrics;
  return [
    ["store/bytes/file", fileBytes],
    ["store/bytes/log", logBytes],
    ["store/commits", commits],
    ["store/commits/last", commitTimeLast.toFixed(3)],
    ["store/commits/mean", commitTimeMean.toFixed(3)],
    ["store/commits/maximum", commitTimeMaximum.toFixed(3)],
    ["store/pending", pending],
  ];
}

/** Seconds as `1 day, 2:03:04`. */
function formatted(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const [hours, minutes, rest] = [3600, 60, 1].map((unit, i) =>
    Math.floor(seconds / unit) % (i === 0 ? 24 : 60)
  ) as [number, number, number];
  const two = (number: number) => String(number).padStart(2, "0");
  const clock = `${hours}:${two(minutes)}:${two(rest)}`;
  if (days === 0) return clock;
  return `${days} ${days === 1 ? "day" : "days"}, ${clock}`;
}

/** Memory and processor time of the process, and the highest so far. */
class Load {
  #at: number;
  #used = processorTime();
  #cpuMaximum = 0;
  #heapMaximum = 0;

  constructor(now: number) {
    this.#at = now;
  }

  values(now: number): Values {
    const used = processorTime();
    const percent = 100 * (used - this.#used) / Math.max(now - this.#at, 1);
    this.#at = now;
    this.#used = used;
    this.#cpuMaximum = Math.max(this.#cpuMaximum, percent);
    const heap = Deno.memoryUsage().rss / 2 ** 20;
    this.#heapMaximum = Math.max(this.#heapMaximum, heap);
    return [
      ["heap/size", heap.toFixed(1)],
      ["heap/maximum", this.#heapMaximum.toFixed(1)],
      ["cpu/percent", percent.toFixed(1)],
      ["cpu/maximum", this.#cpuMaximum.toFixed(1)],
    ];
  }
}

/** Milliseconds of processor time that the process has used. */
function processorTime(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}
