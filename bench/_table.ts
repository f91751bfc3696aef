/**
 * Tables of results, in Markdown.
 */

/** One run: what the load generator printed, and what the driver added. */
export type Result = Readonly<Record<string, unknown>>;

/** What some values come to. */
export interface Summary {
  readonly median: number;
  readonly minimum: number;
  readonly maximum: number;
}

interface Column {
  readonly title: string;
  /** Where the value is in a result. */
  readonly path: string;
  readonly digits: number;
  /** Whether it is compared to that of the reference. */
  readonly compared?: true;
}

const CORES: readonly Column[] = [
  { title: "cores", path: "broker_cores", digits: 2 },
  { title: "generator cores", path: "gen_cores", digits: 2 },
];

const PEAK: Column = { title: "peak RSS MiB", path: "hwm_mb", digits: 0 };

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  pubsub: [
    { title: "delivered/s", path: "deliv_per_s", digits: 0, compared: true },
    {
      title: "CPU µs/delivered",
      path: "cpu_us_per_deliv",
      digits: 2,
      compared: true,
    },
    { title: "CPU µs/message", path: "cpu_us_per_msg", digits: 2 },
    ...CORES,
    { title: "p50 µs", path: "lat_us.p50", digits: 0 },
    { title: "p99 µs", path: "lat_us.p99", digits: 0 },
    { title: "max µs", path: "lat_us.max", digits: 0 },
    PEAK,
  ],
  // Without subscribers there is nothing to say about deliveries.
  ingest: [
    { title: "published/s", path: "pub_per_s", digits: 0, compared: true },
    {
      title: "CPU µs/message",
      path: "cpu_us_per_msg",
      digits: 2,
      compared: true,
    },
    ...CORES,
    PEAK,
  ],
  connect: [
    { title: "connects/s", path: "connect_per_s", digits: 0 },
    {
      title: "CPU µs/connect",
      path: "connect_cpu_us",
      digits: 1,
      compared: true,
    },
    {
      title: "RSS KiB/connection",
      path: "rss_kb_per_conn",
      digits: 1,
      compared: true,
    },
    { title: "CPU s while held", path: "hold_cpu_s", digits: 2 },
  ],
  retained: [
    { title: "set/s", path: "set_per_s", digits: 0 },
    { title: "CPU µs/set", path: "set_cpu_us", digits: 1, compared: true },
    { title: "first subscribe ms", path: "sub_ms_first", digits: 1 },
    {
      title: "CPU µs/delivered",
      path: "cpu_us_per_deliv",
      digits: 2,
      compared: true,
    },
    PEAK,
  ],
};

/** Median and range; `undefined` without values. */
export function summarize(values: readonly number[]): Summary | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half]!;
  return {
    median: sorted.length % 2 === 1 ? upper : (sorted[half - 1]! + upper) / 2,
    minimum: sorted[0]!,
    maximum: sorted.at(-1)!,
  };
}

/** The number at a path such as `lat_us.p50`, if there is one. */
export function numberAt(result: Result, path: string): number | undefined {
  let at: unknown = result;
  for (const key of path.split(".")) {
    at = (at as Record<string, unknown> | null | undefined)?.[key];
  }
  return typeof at === "number" ? at : undefined;
}

/** A number as it is printed. */
export function format(value: number, digits: number): string {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: Math.abs(value) >= 1000 ? 0 : digits,
    maximumFractionDigits: Math.abs(value) >= 1000 ? 0 : digits,
  });
}

/** Reads what was written by the driver: a line of JSON for each run. */
export function parseResults(text: string): Result[] {
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/**
 * Makes a table for each scenario, with a row for each broker: medians, ranges,
 * and what a median is in terms of that of the broker `reference`.
 */
export function markdown(
  results: readonly Result[],
  reference?: string,
): string {
  const kept = results.filter((result) => result["discarded"] === undefined);
  const scenarios = Map.groupBy(kept, (result) => String(result["label"]));
  return Array.from(scenarios, ([scenario, runs]) => {
    const brokers = Map.groupBy(runs, (result) => String(result["broker"]));
    const kind = kindOf(runs);
    const columns = COLUMNS[kind] ?? [];
    const base = reference === undefined ? [] : brokers.get(reference) ?? [];
    const titles = [
      "broker",
      ...columns.map(({ title }) => title),
      ...(kind === "pubsub" ? ["lost/dup/out of order"] : []),
      "runs",
    ];
    const rows = Array.from(brokers, ([broker, own]) => [
      broker,
      ...columns.map((column) => cell(column, own, base)),
      ...(kind === "pubsub" ? [faults(own)] : []),
      count(own),
    ]);
    const rule = titles.map((_, index) => index === 0 ? "---" : "--:");
    const lines = [titles, rule, ...rows].map((row) =>
      `| ${row.join(" | ")} |`
    );
    return `### ${scenario}\n\n${lines.join("\n")}\n`;
  }).join("\n");
}

function kindOf(runs: readonly Result[]): string {
  // A run without a result has no mode.
  const run = runs.find((result) => result["mode"]) ?? {};
  return run["mode"] === "pubsub" && run["S"] === 0
    ? "ingest"
    : String(run["mode"]);
}

/** The values of all runs in which nothing went wrong. */
function values(results: readonly Result[], path: string): number[] {
  return results.filter((result) => !result["err"])
    .map((result) => numberAt(result, path))
    .filter((value) => value !== undefined);
}

function cell(
  { path, digits, compared }: Column,
  own: readonly Result[],
  base: readonly Result[],
): string {
  const summary = summarize(values(own, path));
  if (summary === undefined) return "–";
  const { median, minimum, maximum } = summary;
  const range = minimum === maximum
    ? ""
    : ` [${format(minimum, digits)}..${format(maximum, digits)}]`;
  const text = format(median, digits) + range;
  const other = compared && summarize(values(base, path))?.median;
  return other ? `${text} (${format(median / other, 2)}×)` : text;
}

function faults(results: readonly Result[]): string {
  return ["lost", "dup", "ooo"].map((name) => {
    const all = results.map((result) =>
      numberAt(result, `verify.${name}`) ?? 0
    );
    return all.reduce((sum, value) => sum + value, 0);
  }).join("/");
}

function count(results: readonly Result[]): string {
  const noisy = results.filter((result) => result["noisy"] === true).length;
  const failed = results.filter((result) => result["err"]);
  return [
    String(results.length),
    ...(noisy > 0 ? [`${noisy} noisy`] : []),
    ...(failed.length > 0
      ? [`${failed.length} failed: ${String(failed[0]!["err"]).slice(0, 80)}`]
      : []),
  ].join(", ").replaceAll("|", "/");
}
