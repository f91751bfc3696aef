/**
 * Suites of others, what came out of them, and what is expected to: a test that
 * asks for something else than the standard is listed with the reason, and a
 * test that fails and is not listed is a failure.
 */

/** How a test ended. */
export type Verdict = "passed" | "failed" | "differs" | "not applicable";

/** What came out of a test. */
export interface Result {
  /** Its name in its suite. */
  readonly test: string;
  /** How it ended. */
  readonly verdict: Verdict;
  /** Why, unless it passed. */
  readonly reason: string;
}

/** A suite of somebody else. */
export interface Suite {
  /** Its name in the table of differences. */
  readonly name: string;
  /** The environment variable that names its checkout. */
  readonly variable: string;
  /** Where it is from. */
  readonly repository: string;
  /**
   * Runs it.
   *
   * @param folder Its checkout.
   * @param only Which tests, by their names.
   */
  run(folder: string, only: RegExp): AsyncIterable<Result>;
}

/** A row of the table of differences. */
export interface Difference {
  readonly suite: string;
  /** The name of the test; `*` is anything. */
  readonly test: string;
  /** What the test says of itself when it fails so; `*` is anything. */
  readonly failure: string;
  readonly reason: string;
}

/** Reads the table: suite, test, failure and reason, with tabs between. */
export function readDifferences(text: string): Difference[] {
  return text.split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [suite, test, failure, reason] = line.split("\t");
      if (reason === undefined) {
        throw new Error(`Not four columns: ${JSON.stringify(line)}`);
      }
      return { suite: suite!, test: test!, failure: failure!, reason };
    });
}

/** Says of a failure that is in the table why it is none. */
export function judge(
  suite: string,
  result: Result,
  differences: readonly Difference[],
): Result {
  if (result.verdict !== "failed") return result;
  const row = differences.find((row) =>
    row.suite === suite && like(row.test, result.test) &&
    like(row.failure, result.reason)
  );
  if (row === undefined) return result;
  return { ...result, verdict: "differs", reason: row.reason };
}

/** Whether a text is like a pattern, in which `*` is anything. */
export function like(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) =>
    part.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")
  );
  return new RegExp(`^${parts.join("[^]*")}$`).test(text);
}

/** How many tests ended how. */
export type Totals = Record<Verdict, number>;

/** Counts results. */
export function totalsOf(results: readonly Result[]): Totals {
  const totals: Totals = {
    passed: 0,
    failed: 0,
    differs: 0,
    "not applicable": 0,
  };
  for (const { verdict } of results) totals[verdict]++;
  return totals;
}

/** What came out of a suite; without results where there is no checkout. */
export interface Outcome {
  readonly suite: Suite;
  readonly commit?: string;
  readonly results?: readonly Result[];
}

/** A table in Markdown of what came out. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ suite, commit, results }) => {
    if (results === undefined) {
      return [
        suite.name,
        `skipped: set ${suite.variable} to a checkout of ${suite.repository}`,
      ];
    }
    const totals = totalsOf(results);
    return [
      suite.name,
      `${suite.repository} ${commit ?? ""}`.trim(),
      totals.passed,
      totals.failed,
      totals.differs,
      totals["not applicable"],
    ];
  });
  const head = [
    ...["Suite", "At", "Passed", "Failed", "Differs", "Not applicable"],
  ];
  return tabulate([head, ...rows]);
}

/** A table in Markdown with columns as wide as what is in them. */
export function tabulate(
  rows: readonly (readonly (string | number)[])[],
): string {
  const columns = rows[0]!.length;
  const cells = rows.map((row) =>
    Array.from({ length: columns }, (_, at) => String(row[at] ?? ""))
  );
  const widths = cells[0]!.map((_, at) =>
    Math.max(...cells.map((row) => row[at]!.length))
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`;
  const rule = widths.map((width) => "-".repeat(width));
  return [line(cells[0]!), line(rule), ...cells.slice(1).map(line)].join("\n");
}

/** Reasons of results with a verdict, each with the tests it is of. */
export function reasonsOf(
  results: readonly Result[],
  verdict: Verdict,
): Map<string, string[]> {
  const reasons = new Map<string, string[]>();
  for (const { test, reason, ...result } of results) {
    if (result.verdict !== verdict) continue;
    const tests = reasons.get(reason);
    if (tests === undefined) reasons.set(reason, [test]);
    else tests.push(test);
  }
  return reasons;
}
