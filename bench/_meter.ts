/**
 * What a part of a run has cost: the broker, the generator and the host.
 */

import {
  busyCores,
  type HostSample,
  type ProcessSample,
  sampleHost,
  sampleProcesses,
} from "./_proc.ts";

/** Everything at one moment. */
export interface Reading {
  /** Milliseconds. */
  readonly time: number;
  readonly broker: ProcessSample;
  readonly generator: ProcessSample;
  readonly host: HostSample;
}

/** Values of a result, by their names in the JSON. */
export type Fields = Record<string, unknown>;

/** Reads everything. */
export function read(pids: readonly number[]): Reading {
  return {
    time: performance.now(),
    broker: sampleProcesses(pids),
    generator: sampleProcesses(["self"]),
    host: sampleHost(),
  };
}

/** Seconds between two readings. */
export function seconds(from: Reading, to: Reading): number {
  return Math.max(1e-9, (to.time - from.time) / 1000);
}

/** CPU microseconds of the broker between two readings, for each of `count`. */
export function cpuPer(count: number, from: Reading, to: Reading): number {
  return count === 0 ? 0 : cpu(from.broker, to.broker) * 1e6 / count;
}

/** What the broker, the generator and the host did between two readings. */
export function describe(from: Reading, to: Reading): Fields {
  const wall = seconds(from, to);
  const broker = cpu(from.broker, to.broker);
  const generator = cpu(from.generator, to.generator);
  const busy = busyCores(from.host, to.host);
  return {
    "broker_cpu_s": round(broker, 3),
    "broker_user_s": round(to.broker.user - from.broker.user, 3),
    "broker_sys_s": round(to.broker.system - from.broker.system, 3),
    "broker_cores": round(broker / wall, 3),
    "threads": to.broker.threads,
    "rss_mb": round(to.broker.residentKib / 1024, 1),
    "hwm_mb": round(to.broker.peakKib / 1024, 1),
    "gen_cpu_s": round(generator, 3),
    "gen_cores": round(generator / wall, 3),
    "host_busy_pct": round(busy / Math.max(1, to.host.cpus) * 100, 1),
  };
}

/** Rounds for print. */
export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function cpu(from: ProcessSample, to: ProcessSample): number {
  return to.user + to.system - from.user - from.system;
}
