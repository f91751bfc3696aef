/**
 * Kills a broker that keeps its state in a file, again and again under load, and
 * looks whether it keeps what it has promised.
 *
 * ```sh
 * deno task torture                             # for five minutes
 * deno task torture --minutes 60 --seed 4711
 * ```
 */

// deno-lint-ignore-file no-console -- a command line prints

import { parseArgs } from "@std/cli/parse-args";
import { torture } from "../tests/durability/mod.ts";

const USAGE = `usage: deno task torture [options]

  --minutes N         how long (default 5)
  --kills N           how often at the least (default 1)
  --seed S            of the random decisions (default: another one each time)
  --synchronous WHAT  full or normal (default full)
  --help              show this help`;

/** Tortures; returns the exit status. */
export async function main(args: string[]): Promise<number> {
  const { _: words, ...flags } = parseArgs(args, {
    string: ["minutes", "kills", "seed", "synchronous"],
    boolean: ["help"],
    default: { minutes: "5", kills: "1", synchronous: "full" },
  });
  const { synchronous } = flags;
  const [minutes, kills] = [Number(flags.minutes), Number(flags.kills)];
  const seed = Number(flags.seed ?? Math.floor(Math.random() * 1e9));
  if (
    flags.help || words.length > 0 || !(minutes >= 0) || !(kills >= 0) ||
    !(seed >= 0) || synchronous !== "full" && synchronous !== "normal"
  ) {
    console.log(USAGE);
    return flags.help ? 0 : 2;
  }
  console.log(`seed ${seed}, synchronous ${synchronous}`);
  const { problems, ...counts } = await torture({
    seed,
    kills,
    time: minutes * 60_000,
    synchronous,
    log: (line) => console.log(line),
  });
  for (const [name, count] of Object.entries(counts)) {
    console.log(`${name.padEnd(20)} ${count}`);
  }
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? "ok" : "FAILED");
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
