/**
 * Runs a broker under mixed traffic for minutes, and looks whether anything
 * grows that should not, and whether any message is lost.
 *
 * ```sh
 * deno task soak                 # five minutes
 * deno task soak --minutes 60
 * ```
 *
 * The plot goes to docs/soak.svg, the figures to docs/soak.md. Needs Linux,
 * whose /proc tells of the process.
 */

// deno-lint-ignore-file no-console -- a command line prints

import { parseArgs } from "@std/cli/parse-args";
import config from "../deno.json" with { type: "json" };
import { Soak } from "./soak/_soak.ts";
import { report } from "./soak/_report.ts";
import { plot } from "./soak/_plot.ts";

const USAGE = `usage: deno task soak [options]

  --minutes N   how long (default 5)
  --rate R      messages a second, about (default 1000)
  --out DIR     where soak.svg and soak.md go (default docs)
  --help        show this help

Exit status 1 if something grew or a message was lost.`;

/** Soaks; returns the exit status. */
export async function main(args: string[]): Promise<number> {
  const flags = parseArgs(args, {
    string: ["minutes", "rate", "out"],
    boolean: ["help"],
    default: { minutes: "5", rate: "1000", out: "docs" },
  });
  const minutes = Number(flags.minutes);
  const rate = Number(flags.rate);
  if (flags.help || !(minutes > 0) || !(rate > 0)) {
    console.log(USAGE);
    return flags.help ? 0 : 2;
  }
  const outcome = await new Soak({ seconds: minutes * 60, rate }).run((line) =>
    console.log(line)
  );
  const { version } = config;
  const title = `AmberMQ ${version}: ${minutes} minutes of mixed traffic`;
  await Deno.writeTextFile(
    `${flags.out}/soak.svg`,
    plot(outcome.samples, title),
  );
  const text = report(outcome, { minutes, rate, version });
  await Deno.writeTextFile(`${flags.out}/soak.md`, text.document);
  console.log(text.summary);
  return text.passed ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
