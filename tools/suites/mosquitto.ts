/**
 * The broker and client tests of Eclipse Mosquitto. They start `mosquitto`
 * themselves: a folder like that of a build has our broker under its name, which
 * takes its configuration files. `mosquitto.py` runs a test.
 */

import type { Result, Suite } from "./suite.ts";
import { freePorts, lastLine, run } from "./run.ts";

const DRIVER = new URL("mosquitto.py", import.meta.url).pathname;
const BROKER = new URL("mosquitto_broker.ts", import.meta.url).pathname;

/** Tests of what we do not have, and what that is. */
const absent: readonly [RegExp, string][] = [
  [/^06-|bridge/, "bridges"],
  [/^(14-|17-)/, "mosquitto's dynamic security and control topics"],
  [/^(09-plugin|01-plugin|09-extended-auth)/, "mosquitto's plugins in C"],
  [/^15-/, "mosquitto's SQLite plugin"],
  [/^16-/, "mosquitto's command line and configuration files"],
  [/^20-/, "mosquitto's Sparkplug plugin"],
  [/^21-/, "the PROXY protocol"],
  [/^22-/, "mosquitto's HTTP API"],
  [/psk/, "TLS with pre-shared keys"],
  [/argv-errors|-env\b/, "mosquitto's command lines"],
  [/^03-publish-socks/, "mosquitto's SOCKS proxy"],
];

/** The suite. */
export const mosquitto: Suite = {
  name: "mosquitto",
  variable: "MOSQUITTO_DIR",
  repository: "eclipse-mosquitto/mosquitto",
  async *run(folder, only) {
    const root = await Deno.makeTempDir({ prefix: "ambermq_suites_" });
    try {
      await pretendBuild(root);
      for (const part of ["broker", "client"]) {
        yield* tests(`${folder}/test/${part}`, part, root, only);
      }
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
};

/** Makes a folder like that of a build: our broker, the installed clients. */
async function pretendBuild(root: string): Promise<void> {
  await Deno.mkdir(`${root}/src`);
  await Deno.mkdir(`${root}/client`);
  const command = [Deno.execPath(), "run", "-A", "--quiet", "--no-check"];
  await Deno.writeTextFile(
    `${root}/src/mosquitto`,
    `#!/bin/sh\nexec ${command.join(" ")} '${BROKER}' "$@"\n`,
    { mode: 0o755 },
  );
  for (const client of ["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"]) {
    await Deno.symlink(`/usr/bin/${client}`, `${root}/client/${client}`);
  }
}

/** A test, and how many ports it wants. */
export interface Listed {
  readonly test: string;
  readonly ports: number;
}

/** The tests that a `test.py` lists; those behind a # it does not run. */
export function listed(source: string): Listed[] {
  const row = /^\s*\((\d), *["']\.\/(.+?)\.py["']/gm;
  return Array.from(
    source.matchAll(row),
    ([, ports, test]) => ({ test: test!, ports: Number(ports) }),
  );
}

async function* tests(
  folder: string,
  part: string,
  root: string,
  only: RegExp,
): AsyncGenerator<Result> {
  for (
    const { test, ports } of listed(
      await Deno.readTextFile(`${folder}/test.py`),
    )
  ) {
    const name = `${part}/${test}`;
    if (!only.test(name)) continue;
    const why = absent.find(([pattern]) => pattern.test(test))?.[1];
    if (why !== undefined) {
      yield { test: name, verdict: "not applicable", reason: why };
      continue;
    }
    const missing = `${root}/missing`;
    const env = { BUILD_ROOT: root, SUITES_MISSING: missing };
    let result: Result | undefined;
    let output = "";
    // They sleep where they should wait: what fails is tried once more.
    for (let tries = 0; tries < 2 && result?.verdict !== "passed"; tries++) {
      const args = [
        DRIVER,
        `${folder}/${test}.py`,
        ...freePorts(ports).map(String),
      ];
      const ended = await run("python3", args, {
        seconds: 180,
        env,
        cwd: folder,
      });
      output = ended.output;
      result = await resultOf(name, ended.code, output, missing);
      if (result.verdict === "not applicable") break;
    }
    if (test === "msg_sequence_test") yield* cases(folder, output);
    else yield result!;
  }
}

async function resultOf(
  test: string,
  code: number | undefined,
  output: string,
  missing: string,
): Promise<Result> {
  let settings = "";
  try {
    settings = await Deno.readTextFile(missing);
    await Deno.remove(missing);
  } catch {
    // It has all it needs.
  }
  if (settings !== "") {
    const names = [...new Set(settings.trim().split("\n"))].join(", ");
    const reason = `settings of mosquitto: ${names}`;
    return { test, verdict: "not applicable", reason };
  }
  if (code === 77 || /No module named 'psutil'/.test(output)) {
    const reason = "looks at mosquitto's memory (psutil)";
    return { test, verdict: "not applicable", reason };
  }
  return code === 0
    ? { test, verdict: "passed", reason: "" }
    : { test, verdict: "failed", reason: failureOf(output) };
}

/** What was received instead of what, or what else is said. */
export function failureOf(output: string): string {
  const received = /^Received(?: \(.*?\))?: (.*)$/m.exec(output)?.[1];
  const expected = /^Expected(?: \(.*?\))?: (.*)$/m.exec(output)?.[1];
  return received !== undefined && expected !== undefined
    ? `received ${received.trim()}, expected ${expected.trim()}`.trim()
    : lastLine(output);
}

interface Group {
  readonly group: string;
  readonly disable?: boolean;
  readonly tests: readonly { readonly name: string }[];
}

/** The sequences of packets of `data/*.json`, each a test. */
async function* cases(
  folder: string,
  output: string,
): AsyncGenerator<Result> {
  const failures = failedCases(output);
  const files: string[] = [];
  for await (const { name } of Deno.readDir(`${folder}/data`)) {
    if (name.endsWith(".json")) files.push(name);
  }
  for (const file of files.sort()) {
    const text = await Deno.readTextFile(`${folder}/data/${file}`);
    for (const { group, disable, tests } of JSON.parse(text) as Group[]) {
      if (disable) continue;
      for (const { name } of tests) {
        const test = `${group} ${name}`;
        const reason = failures.get(test);
        yield reason === undefined
          ? { test, verdict: "passed", reason: "" }
          : { test, verdict: "failed", reason };
      }
    }
  }
}

/** A sequence that failed, in red. */
const CASE = new RegExp("\u001b\\[31m(.*?) failed: ([^]*?)\u001b\\[0m", "g");

/** The sequences that failed, with what was received and expected. */
export function failedCases(output: string): Map<string, string> {
  const failures = new Map<string, string>();
  for (
    const [, test, why] of output.matchAll(
      CASE,
    )
  ) {
    const packets = /rec: (\S*)\nexp: (\S*)/.exec(why!);
    failures.set(
      test!,
      packets === null
        ? why!.trim()
        : `received ${packets[1]}, expected ${packets[2]}`,
    );
  }
  return failures;
}
