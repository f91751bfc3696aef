/**
 * Fuzzes for as long as one likes.
 *
 * ```sh
 * deno task fuzz                              # each target for ten seconds
 * deno task fuzz parser --seconds 600         # one, for ten minutes
 * deno task fuzz parser --seed 4711 --seconds 0   # a failure, again
 * ```
 */

// deno-lint-ignore-file no-console -- a command line prints

import { parseArgs } from "@std/cli/parse-args";
import { targets } from "../tests/fuzz/mod.ts";
import type { Job, Outcome } from "./fuzz_worker.ts";

/** Milliseconds without an execution after which a target hangs. */
const HANGS = 30_000;

const USAGE = `usage: deno task fuzz [<target>...] [options]

  --seconds N   how long each target is executed (default 10; 0: once)
  --seed S      the first seed (default: another one each time)
  --help        show this help

targets:
${
  targets.map(({ name, about }) => `  ${name.padEnd(14)}  ${about}`).join("\n")
}`;

/** Executes one target in a thread of its own. */
async function run(job: Omit<Job, "progress">): Promise<Outcome> {
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("fuzz_worker.ts", import.meta.url), {
    type: "module",
  });
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  worker.onmessage = ({ data }: MessageEvent<Outcome>) => resolve(data);
  worker.onerror = (event) => reject(new Error(event.message));
  let seen = -1;
  const watch = setInterval(() => {
    const executions = Atomics.load(progress, 0);
    if (executions === seen) {
      const seed = job.seed + executions;
      const failure = `${job.target} hangs with seed ${seed}`;
      resolve({ executions, failure });
    }
    seen = executions;
  }, HANGS);
  worker.postMessage({ ...job, progress });
  try {
    return await promise;
  } finally {
    clearInterval(watch);
    worker.terminate();
  }
}

/** Fuzzes; returns the exit status. */
export async function main(args: string[]): Promise<number> {
  const { _: words, ...flags } = parseArgs(args, {
    string: ["seconds", "seed"],
    boolean: ["help"],
    default: { seconds: "10" },
  });
  const names = words.map(String);
  const unknown = names.find((one) =>
    !targets.some(({ name }) => name === one)
  );
  const seed = Number(flags.seed ?? Math.floor(Math.random() * 1e9));
  const seconds = Number(flags.seconds);
  if (flags.help || unknown !== undefined || !(seconds >= 0) || !(seed >= 0)) {
    if (unknown !== undefined) console.error(`There is no target ${unknown}`);
    console.log(USAGE);
    return flags.help ? 0 : 2;
  }
  let failures = 0;
  for (const { name } of targets) {
    if (names.length > 0 && !names.includes(name)) continue;
    const { executions, failure } = await run({ target: name, seed, seconds });
    console.log(
      `${name.padEnd(14)}  ${executions} executions from seed ${seed}: ` +
        (failure === undefined ? "ok" : "FAILED"),
    );
    if (failure !== undefined) console.error(`\n${failure}\n`);
    if (failure !== undefined) failures++;
  }
  return failures === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
