/**
 * Writes docs/conformance.md: each normative statement, where it is enforced,
 * the tests whose names carry it, and how they went in a run of all tests,
 * which the page names. Without a new run the results of the last one stay.
 *
 * ```sh
 * deno task test --junit-path=junit.xml
 * deno task conformance --junit junit.xml
 * ```
 */

// deno-lint-ignore-file no-console -- a program for the command line

import {
  deviations,
  differences,
  referenceTo,
  root,
  type Statement,
  statementsOf,
} from "./statements.ts";

const usage = "Usage: deno task conformance [--junit FILE]";

/** Folders whose files enforce statements. */
const product = ["broker", "client", "codec", "plugins"];
/** The checks of `ambermq test`: tests in a folder of the product. */
const checks = "cli/conformance";

/** Tests of these programs: the statements in them are examples. */
const ofTools = ["tests/cli/conformance/", "tests/tools/"];

/** What is known of a statement. */
export interface Evidence {
  /** Files that carry it, by their paths. */
  readonly sources: readonly string[];
  /** Files of tests and how many of their names carry it. */
  readonly tests: ReadonlyMap<string, number>;
}

/** Tests of a run that carry a statement. */
export interface Run {
  passed: number;
  failed: number;
}

/** What the page says of a run. */
export interface Results {
  /** Which run it was, as a sentence. */
  readonly run: string;
  /** The last cell of a statement, by version and number: `5.0 3.1.2-24`. */
  readonly cells: ReadonlyMap<string, string>;
}

/** All files of a folder and those below it, by their paths. */
function filesIn(folder: string): string[] {
  const files: string[] = [];
  for (const entry of Deno.readDirSync(new URL(`${folder}/`, root))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) files.push(...filesIn(path));
    else if (entry.name.endsWith(".ts")) files.push(path);
  }
  return files.sort();
}

function textOf(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}

/** References in a text: `MQTT-3.1.2-24`, `MQTT311-3.1.2-24`. */
export function referencesIn(text: string): string[] {
  return Array.from(
    text.matchAll(/\[(MQTT(?:311)?-[\d.]+-\d+)\]/g),
    ([, reference]) => reference!,
  );
}

/** What names of tests may stand in: code without its comments. */
export function withoutComments(text: string): string {
  return text.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, "")
    .replaceAll(/\s\/\/ .*$/gm, "");
}

/** Looks through sources and tests. */
export function gather(): Map<string, Evidence> {
  const sources = new Map<string, Set<string>>();
  const tests = new Map<string, Map<string, number>>();
  for (const path of product.flatMap(filesIn)) {
    for (const reference of referencesIn(textOf(path))) {
      const paths = sources.get(reference) ?? new Set();
      sources.set(reference, paths.add(path));
    }
  }
  const files = [
    ...filesIn("tests").filter((path) =>
      !ofTools.some((folder) => path.startsWith(folder))
    ),
    ...filesIn(checks),
  ];
  for (const path of files) {
    for (const reference of referencesIn(withoutComments(textOf(path)))) {
      const counts = tests.get(reference) ?? new Map<string, number>();
      counts.set(path, (counts.get(path) ?? 0) + 1);
      tests.set(reference, counts);
    }
  }
  const evidence = new Map<string, Evidence>();
  for (const reference of new Set([...sources.keys(), ...tests.keys()])) {
    evidence.set(reference, {
      sources: [...sources.get(reference) ?? []],
      tests: tests.get(reference) ?? new Map(),
    });
  }
  return evidence;
}

/** The evidence of a statement and of those of 5.0 that say the same. */
export function evidenceFor(
  statement: Statement,
  all: ReadonlyMap<string, Evidence>,
): Evidence {
  const references = [
    referenceTo(statement),
    ...statement.like.map((id) => `MQTT-${id}`),
  ];
  const sources = new Set<string>();
  const tests = new Map<string, number>();
  for (const reference of references) {
    const found = all.get(reference);
    for (const path of found?.sources ?? []) sources.add(path);
    for (const [path, count] of found?.tests ?? []) {
      tests.set(path, (tests.get(path) ?? 0) + count);
    }
  }
  return { sources: [...sources].sort(), tests };
}

/** Results by statement, of a report in the form of JUnit. */
export function runOf(xml: string): Map<string, Run> {
  const runs = new Map<string, Run>();
  const cases = xml.matchAll(
    /<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  );
  for (const [, name, body = ""] of cases) {
    if (body.includes("<skipped")) continue;
    for (const reference of new Set(referencesIn(name!))) {
      const run = runs.get(reference) ?? { passed: 0, failed: 0 };
      if (body.includes("<failure") || body.includes("<error")) run.failed++;
      else run.passed++;
      runs.set(reference, run);
    }
  }
  return runs;
}

/** What a run showed, told as the page does. */
export function resultsOf(xml: string, when: string): Results {
  const runs = runOf(xml);
  const cells = new Map<string, string>();
  for (const version of ["5.0", "3.1.1"] as const) {
    for (const one of statementsOf(version)) {
      cells.set(`${version} ${one.id}`, resultFor(one, runs));
    }
  }
  const count = (pattern: RegExp) => xml.match(pattern)?.length ?? 0;
  const failed = count(/<testcase[^>]*>\s*<(failure|error)\b/g);
  const skipped = count(/<testcase[^>]*>\s*<skipped\b/g);
  const passed = count(/<testcase\b/g) - failed - skipped;
  const run = `${RUN} ${when}: ${passed} tests passed, ${failed} failed, ` +
    `${skipped} were ignored.`;
  return { run, cells };
}

/** How the sentence about the run begins. */
const RUN = "The last column is of the run of";

const none: Results = { run: `${RUN} no tests yet.`, cells: new Map() };

/** The results that a page has. */
export function resultsIn(text: string): Results {
  const cells = new Map<string, string>();
  let version = "";
  for (const line of text.split("\n")) {
    version = /^## MQTT (\S+)/.exec(line)?.[1] ?? version;
    const row = /^\| (\d[\d.]*-\d+)\b.* \| (\d+ (?:passed|failed)) \|$/.exec(
      line,
    );
    if (row) cells.set(`${version} ${row[1]}`, row[2]!);
  }
  const run = text.split("\n").find((line) => line.startsWith(RUN));
  return run === undefined ? none : { run, cells };
}

/** The page, with results if there are any. */
export function page(results: Results = none): string {
  const all = gather();
  const reasons = new Map(
    deviations().map(({ version, id, reason }) => [`${version} ${id}`, reason]),
  );
  const lines = [head, results.run, ""];
  for (const version of ["5.0", "3.1.1"] as const) {
    const statements = statementsOf(version);
    const open = statements.filter(({ id }) => reasons.has(`${version} ${id}`));
    lines.push(
      `## MQTT ${version}`,
      "",
      `${statements.length} statements, ${open.length} with a remark below.`,
      "",
    );
    for (const [chapter, group] of Map.groupBy(statements, chapterOf)) {
      lines.push(
        `### ${version}: chapter ${chapter}`,
        "",
        "| Statement | Binds | Asks for | Enforced in | Tests | Result |",
        "| --------- | ----- | -------- | ----------- | ----- | ------ |",
      );
      for (const one of group) {
        const remark = reasons.has(`${version} ${one.id}`) ? " (remark)" : "";
        const { sources, tests } = evidenceFor(one, all);
        const cells = [
          `${one.id}${remark}`,
          one.binds,
          one.text,
          sources.map(linkTo).join(", "),
          [...tests].map(([path, count]) => `${linkTo(path)} (${count})`)
            .join(", "),
          results.cells.get(`${version} ${one.id}`) ?? "",
        ];
        lines.push(`| ${cells.map(cell).join(" | ")} |`);
      }
      lines.push("");
    }
  }
  lines.push(...remarks(), ...comparison());
  return `${lines.join("\n").trimEnd()}\n`;
}

const head = `<!-- deno-fmt-ignore-file -->

# Conformance

<!-- Written by \`deno task conformance\`; a test fails when it is stale. -->

Each numbered normative statement of MQTT 5.0 and 3.1.1, in short: whom it
binds, the sources that carry it where they enforce it, and the tests whose
names carry it, with their number. Files in \`cli/conformance/\` are the checks of
\`ambermq test\`, which show the same of any broker from outside:

\`\`\`sh
ambermq test mqtt://localhost --slow
\`\`\`

A statement of 3.1.1 that 5.0 has too is proved by the tests of both: one that
is about all versions carries the number of 5.0 and runs with each of them. This
is how a run of all tests gets into the last column:

\`\`\`sh
deno task test --junit-path=junit.xml
deno task conformance --junit junit.xml
\`\`\`
`;

/** `3.1` of `3.1.2-24`. */
function chapterOf({ id }: Statement): string {
  return id.split(".").slice(0, 2).join(".");
}

function linkTo(path: string): string {
  const name = path.replace(/^tests\/conformance\//, "");
  return `[${name}](../${path})`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function resultFor(
  statement: Statement,
  runs: ReadonlyMap<string, Run>,
): string {
  const own = [
    referenceTo(statement),
    ...statement.like.map((id) => `MQTT-${id}`),
  ].map((one) => runs.get(one)).filter((one) => one !== undefined);
  if (own.length === 0) return "";
  const sum = (key: keyof Run) =>
    own.reduce((total, one) => total + one[key], 0);
  return sum("failed") > 0
    ? `${sum("failed")} failed`
    : `${sum("passed")} passed`;
}

function remarks(): string[] {
  return [
    "## Remarks",
    "",
    "What is not enforced, or not shown by a test, and why.",
    "",
    "| Version | Statement | Kind | Reason |",
    "| ------- | --------- | ---- | ------ |",
    ...deviations().map(({ version, id, kind, reason }) =>
      `| ${version} | ${id} | ${kind} | ${cell(reason)} |`
    ),
    "",
  ];
}

function comparison(): string[] {
  return [
    "## Compared with mosquitto",
    "",
    "`ambermq test --slow` against mosquitto 2.0.11 as Debian 12 has it (`allow_anonymous",
    "true`, `max_queued_messages 1000`): AmberMQ passes all checks, mosquitto all but",
    "these.",
    "",
    "| Check | Versions | Statements | What mosquitto does | By the standard |",
    "| ----- | -------- | ---------- | ------------------- | --------------- |",
    ...differences().map((one) =>
      `| ${
        [one.what, one.versions, one.statements, one.theirs, one.verdict]
          .map(cell).join(" | ")
      } |`
    ),
    "",
  ];
}

/** The page without its results: those do not make it stale. */
export function withoutResults(text: string): string {
  return text.replaceAll(/\| (\d+ (passed|failed))? *\|$/gm, "|")
    .replaceAll(new RegExp(`^${RUN}.*$`, "gm"), RUN);
}

/** When a file was written, and with which Deno, for people. */
function runOfFile(file: string): string {
  const day = Deno.statSync(file).mtime?.toISOString().slice(0, 10);
  return `${day} with Deno ${Deno.version.deno}`;
}

if (import.meta.main) {
  const [flag, file, ...rest] = Deno.args;
  if (
    rest.length > 0 || (flag !== undefined && flag !== "--junit") ||
    (flag === "--junit" && file === undefined)
  ) {
    console.error(usage);
    Deno.exit(2);
  }
  const path = new URL("docs/conformance.md", root);
  const results = file === undefined
    ? resultsIn(Deno.readTextFileSync(path))
    : resultsOf(Deno.readTextFileSync(file), runOfFile(file));
  Deno.writeTextFileSync(path, page(results));
  console.log(`Wrote ${path.pathname}`);
}
