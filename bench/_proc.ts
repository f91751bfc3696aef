/**
 * What Linux tells about processes and the host, from /proc.
 */

/** The unit of CPU time in /proc: USER_HZ is 100 wherever Linux runs Deno. */
const TICKS_PER_SECOND = 100;

/** What processes have used so far. */
export interface ProcessSample {
  /** CPU seconds in the program itself. */
  readonly user: number;
  /** CPU seconds in the kernel on its behalf. */
  readonly system: number;
  readonly residentKib: number;
  /** The most that was ever resident. */
  readonly peakKib: number;
  readonly threads: number;
}

/** What the host has done so far. */
export interface HostSample {
  readonly busyTicks: number;
  readonly totalTicks: number;
  /** The processors that the ticks are of. */
  readonly cpus: number;
}

/** Samples the sum of some processes; those that have ended add nothing. */
export function sampleProcesses(
  pids: readonly (number | "self")[],
): ProcessSample {
  const sum = { user: 0, system: 0, residentKib: 0, peakKib: 0, threads: 0 };
  for (const pid of pids) {
    const stat = readProc(`${pid}/stat`);
    const status = readProc(`${pid}/status`);
    if (stat === undefined || status === undefined) continue;
    const [user, system] = cpuTicks(stat);
    sum.user += user / TICKS_PER_SECOND;
    sum.system += system / TICKS_PER_SECOND;
    sum.residentKib += statusNumber(status, "VmRSS");
    sum.peakKib += statusNumber(status, "VmHWM");
    sum.threads += statusNumber(status, "Threads");
  }
  return sum;
}

/** User and system ticks of a /proc/PID/stat. */
export function cpuTicks(stat: string): [user: number, system: number] {
  // The second field is the name, in brackets, and may have blanks and
  // brackets of its own; user and system time are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [Number(fields[11]), Number(fields[12])];
}

/** A number of a /proc/PID/status; 0 if it has none of that name. */
export function statusNumber(status: string, name: string): number {
  const line = new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status);
  return line === null ? 0 : Number(line[1]);
}

/** Samples the whole host. */
export function sampleHost(): HostSample {
  return parseHost(readProc("stat") ?? "");
}

/** Takes a /proc/stat apart. */
export function parseHost(stat: string): HostSample {
  const lines = stat.split("\n");
  // user nice system idle iowait irq softirq steal; guests are in user
  const ticks = lines[0]!.split(/\s+/).slice(1, 9).map(Number);
  const totalTicks = ticks.reduce((sum, tick) => sum + tick, 0);
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  return {
    busyTicks: totalTicks - idle,
    totalTicks,
    cpus: lines.filter((line) => /^cpu\d/.test(line)).length,
  };
}

/** How many processors were busy between two samples. */
export function busyCores(before: HostSample, after: HostSample): number {
  const total = after.totalTicks - before.totalTicks;
  if (total <= 0) return 0;
  return (after.busyTicks - before.busyTicks) / total * after.cpus;
}

/** A process and all that it started and they started. */
export function processTree(pid: number): number[] {
  const pids = [pid];
  // The list grows while it is gone through.
  for (const parent of pids) {
    for (const task of listProc(`${parent}/task`)) {
      const children = readProc(`${parent}/task/${task}/children`) ?? "";
      pids.push(...children.split(" ").filter(Boolean).map(Number));
    }
  }
  return pids;
}

function readProc(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${path}`);
  } catch {
    return undefined; // processes come and go
  }
}

function listProc(path: string): string[] {
  try {
    return Array.from(Deno.readDirSync(`/proc/${path}`), ({ name }) => name);
  } catch {
    return [];
  }
}
