/**
 * Reports: results as a text, as JSON, or as JUnit has them.
 */

import type { Case, Outcome, Result } from "./_run.ts";
import { plainTitle, statementsOf, versionNames } from "./_check.ts";

/** The forms of a report. */
export const formats = ["text", "json", "junit"] as const;

/** The form of a report. */
export type Format = typeof formats[number];

/** How many results there are of each kind. */
export type Totals = Record<Outcome, number>;

/** Counts results. */
export function totalsOf(results: readonly Result[]): Totals {
  const totals = { passed: 0, failed: 0, skipped: 0, informative: 0 };
  for (const { outcome } of results) totals[outcome]++;
  return totals;
}

/** How a result is marked in a text. */
const marks: Readonly<Record<Outcome, string>> = {
  passed: "ok     ",
  failed: "FAILED ",
  skipped: "skipped",
  informative: "note   ",
};

/** One result as lines of text. */
export function textOfResult(result: Result): string {
  const { title, version, statements, outcome, expected, actual, notes } =
    result;
  const lines = [`${marks[outcome]} ${title} (${version})`];
  if (outcome === "failed") {
    if (statements.length > 0) lines.push(statements.join(" "));
    lines.push(`expected ${expected}`, `got ${actual}`);
  } else if (actual !== undefined) lines.push(actual);
  return `${[...lines, ...notes].join("\n          ")}\n`;
}

/** The last line of a text. */
export function textOfTotals(results: readonly Result[]): string {
  const { passed, failed, skipped, informative } = totalsOf(results);
  return `\n${passed} passed, ${failed} failed, ${skipped} skipped, ` +
    `${informative} informative\n`;
}

/** All of it as JSON. */
export function json(url: string, results: readonly Result[]): string {
  const report = { url, totals: totalsOf(results), results };
  return `${JSON.stringify(report, null, 2)}\n`;
}

/** All of it as JUnit's XML: a suite for each chapter. */
export function junit(url: string, results: readonly Result[]): string {
  const chapters = Map.groupBy(results, ({ chapter }) => chapter);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${attributes({ name: `ambermq test ${url}` })} ${
      counts(results)
    }>`,
  ];
  for (const [name, suite] of chapters) {
    lines.push(`  <testsuite ${attributes({ name })} ${counts(suite)}>`);
    for (const result of suite) lines.push(...testcase(result));
    lines.push("  </testsuite>");
  }
  return `${[...lines, "</testsuites>"].join("\n")}\n`;
}

function counts(results: readonly Result[]): string {
  const { failed, skipped } = totalsOf(results);
  const milliseconds = results.reduce((sum, one) => sum + one.milliseconds, 0);
  return attributes({
    tests: results.length,
    failures: failed,
    skipped,
    time: milliseconds / 1000,
  });
}

function testcase(result: Result): string[] {
  const { chapter, title, version, statements, outcome, notes } = result;
  const { expected, actual = "" } = result;
  const head = `    <testcase ${
    attributes({
      classname: `MQTT ${version}.${chapter}`,
      name: [title, ...statements.map((id) => `[${id}]`)].join(" "),
      time: result.milliseconds / 1000,
    })
  }`;
  const body: string[] = [];
  if (outcome === "failed") {
    const message = `Expected ${expected}, got ${actual}`;
    body.push(`      <failure ${attributes({ message })}/>`);
  } else if (outcome === "skipped") {
    body.push(`      <skipped ${attributes({ message: actual })}/>`);
  }
  if (notes.length > 0) {
    body.push(`      <system-out>${escape(notes.join("\n"))}</system-out>`);
  }
  return body.length === 0 ? [`${head}/>`] : [
    `${head}>`,
    ...body,
    "    </testcase>",
  ];
}

function attributes(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escape(String(value))}"`)
    .join(" ");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** Text for XML, which has no control characters. */
function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (one) => entities[one]!)
    // deno-lint-ignore no-control-regex -- these are what XML cannot have
    .replaceAll(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd");
}

/** The checks, without running them. */
export function list(cases: readonly Case[]): string {
  const lines: string[] = [];
  let last = "";
  for (const { check, version } of cases) {
    if (check.chapter !== last) lines.push(check.chapter);
    last = check.chapter;
    const ids = statementsOf(check.title, version).join(" ");
    lines.push(
      `  ${plainTitle(check.title)} (${versionNames[version]})${
        check.slow ? " slow" : ""
      }${ids && `: ${ids}`}`,
    );
  }
  return `${lines.join("\n")}\n\n${cases.length} checks\n`;
}
