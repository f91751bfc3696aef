/** What is measured each second, and whether it grows. */

/** One second. */
export interface Sample {
  /** Seconds since the traffic began. */
  readonly at: number;
  /** MiB of the broker's memory that are resident. */
  readonly resident: number;
  /** MiB that its heap holds, garbage that is not collected yet included. */
  readonly heap: number;
  /** Files and sockets that the broker has open. */
  readonly handles: number;
  /** Sessions of the broker. */
  readonly sessions: number;
  /** Messages that came to a client. */
  readonly messages: number;
  /** Milliseconds from publishing to receiving: half, and 99 of 100. */
  readonly p50: number;
  readonly p99: number;
  /** Per cent of a processor. */
  readonly cpu: number;
  /** Per cent of all processors that neither the broker nor its clients used. */
  readonly others: number;
}

/** A quantity that has to stay flat. */
export interface Quantity {
  readonly key: Exclude<keyof Sample, "at">;
  readonly title: string;
  readonly unit: string;
  /** What it may grow over the last two thirds: of its mean, or in its unit. */
  readonly share: number;
  readonly least: number;
  /** Whether what else the machine does shows in it. */
  readonly timed?: true;
}

/** Above so many per cent that others use, a second says nothing of latency. */
const BUSY = 25;

/** What has to stay flat, by how much. */
export const quantities: readonly Quantity[] = [
  { key: "resident", title: "Memory", unit: "MiB", share: 0.05, least: 6 },
  { key: "heap", title: "Heap", unit: "MiB", share: 0.15, least: 6 },
  { key: "handles", title: "Handles", unit: "", share: 0.1, least: 4 },
  { key: "sessions", title: "Sessions", unit: "", share: 0.1, least: 4 },
  {
    key: "p50",
    title: "Latency, median",
    unit: "ms",
    share: 0.5,
    least: 2,
    timed: true,
  },
  {
    key: "p99",
    title: "Latency, p99",
    unit: "ms",
    share: 0.5,
    least: 10,
    timed: true,
  },
];

/** Whether a second counts for a quantity. */
function counts({ others }: Sample, { timed }: Quantity): boolean {
  return timed === undefined || others < BUSY;
}

/** Whether a quantity is flat. */
export interface Flatness {
  readonly quantity: Quantity;
  readonly mean: number;
  readonly maximum: number;
  /** What it grew over the last two thirds, by the straight line through them. */
  readonly growth: number;
  readonly allowed: number;
  readonly flat: boolean;
  /** How many seconds were judged. */
  readonly seconds: number;
}

/** The last two thirds: what comes before is warming up. */
export function settled<T>(samples: readonly T[]): readonly T[] {
  return samples.slice(Math.floor(samples.length / 3));
}

/** Judges a quantity. */
export function flatness(
  samples: readonly Sample[],
  quantity: Quantity,
): Flatness {
  const late = settled(samples).filter((one) => counts(one, quantity));
  const values = late.map((one) => one[quantity.key]);
  const mean = average(values);
  const seconds = late.length === 0 ? 0 : late.at(-1)!.at - late[0]!.at;
  const growth = slope(late.map(({ at }) => at), values) * seconds;
  const allowed = Math.max(quantity.least, quantity.share * mean);
  const maximum = Math.max(0, ...values);
  const flat = growth <= allowed;
  const judged = late.length;
  return { quantity, mean, maximum, growth, allowed, flat, seconds: judged };
}

/**
 * The slope of the line through points, by Theil and Sen: the median of the
 * slopes between pairs, which a few seconds of a busy machine do not move.
 */
export function slope(
  xs: readonly number[],
  ys: readonly number[],
): number {
  const slopes: number[] = [];
  for (let i = 0; i < xs.length; i++) {
    for (let j = i + 1; j < xs.length; j++) {
      if (xs[j] !== xs[i]) slopes.push((ys[j]! - ys[i]!) / (xs[j]! - xs[i]!));
    }
  }
  slopes.sort((one, other) => one - other);
  return slopes[Math.floor(slopes.length / 2)] ?? 0;
}

function average(values: readonly number[]): number {
  if (values.length === 0) return 0;
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}
