/**
 * Runs suites of others against the broker of this checkout: those whose
 * checkout a variable names. Nothing of theirs is here.
 *
 * ```sh ignore
 * PAHO_TESTING_DIR=~/paho.mqtt.testing deno task suites
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console -- a command line prints

import { parseArgs } from "@std/cli/parse-args";
import { mosquitto } from "./suites/mosquitto.ts";
import { mqttjs } from "./suites/mqttjs.ts";
import { paho } from "./suites/paho.ts";
import { pahoC } from "./suites/paho_c.ts";
import { pahoPython } from "./suites/paho_python.ts";
import { pageOf } from "./suites/page.ts";
import { run } from "./suites/run.ts";
import {
  judge,
  type Outcome,
  readDifferences,
  type Result,
  type Suite,
  tableOf,
  totalsOf,
} from "./suites/suite.ts";

const suites: readonly Suite[] = [paho, pahoPython, mosquitto, mqttjs, pahoC];

const PAGE = new URL("../docs/suites.md", import.meta.url);
const TABLE = new URL("suites/differences.tsv", import.meta.url);

const USAGE =
  `usage: deno task suites [--only REGEXP] [--verbose] [--write] [SUITE...]

Runs the suites of others whose checkouts these variables name:

${
    suites.map(({ name, variable, repository }) =>
      `  ${name.padEnd(12)} ${variable.padEnd(17)} ${repository}\n`
    ).join("")
  }
  --only REGEXP  only tests with such names
  --verbose      print the tests that passed too
  --write        write docs/suites.md

Exit status: 0, or 1 if a test failed for which suites/differences.tsv has no
reason, 2 for a wrong command line.
`;

async function runSuite(
  suite: Suite,
  folder: string,
  only: RegExp,
  verbose: boolean,
): Promise<Outcome> {
  const differences = readDifferences(await Deno.readTextFile(TABLE));
  const results: Result[] = [];
  const add = (raw: Result): void => {
    const result = judge(suite.name, raw, differences);
    results.push(result);
    if (result.verdict === "passed" && !verbose) return;
    const { verdict, test, reason } = result;
    console.log(`${suite.name}: ${test}: ${verdict}${reason && `: ${reason}`}`);
  };
  try {
    for await (const result of suite.run(folder, only)) add(result);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    add({ test: "the suite as a whole", verdict: "failed", reason });
  }
  const args = ["-C", folder, "log", "-1", "--format=%h"];
  const { code, output } = await run("git", args, { seconds: 10 });
  return { suite, results, ...code === 0 && { commit: output.trim() } };
}

/**
 * Runs the program.
 *
 * @param args The arguments.
 * @returns The exit status.
 */
export async function main(args: readonly string[]): Promise<number> {
  const flags = parseArgs([...args], {
    boolean: ["help", "verbose", "write"],
    string: ["only"],
  });
  const named = flags._.map(String);
  const unknown = named.find((name) =>
    !suites.some((one) => one.name === name)
  );
  if (flags.help) {
    console.log(USAGE);
    return 0;
  }
  if (unknown !== undefined) {
    console.error(`Unknown suite: ${unknown}\n${USAGE}`);
    return 2;
  }
  const only = new RegExp(flags.only ?? "");
  const chosen = suites.filter(({ name }) =>
    named.length === 0 || named.includes(name)
  );
  // All at a time: most of what they do is wait.
  const outcomes = await Promise.all(chosen.map(async (suite) => {
    const folder = Deno.env.get(suite.variable);
    if (folder === undefined) return { suite };
    return runSuite(suite, await Deno.realPath(folder), only, flags.verbose);
  }));
  console.log(`\n${tableOf(outcomes)}`);
  if (flags.write) await Deno.writeTextFile(PAGE, pageOf(outcomes));
  const failed = outcomes.some(({ results = [] }) =>
    totalsOf(results).failed > 0
  );
  return failed ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
