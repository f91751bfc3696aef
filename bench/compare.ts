/**
 * Compares brokers: starts them, loads them, and prints a table. See README.md,
 * or `--help`.
 */

// deno-lint-ignore-file no-console -- a command line prints

import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Broker, type BrokerSpec, StartError } from "./_broker.ts";
import { busyCores, processTree, sampleHost } from "./_proc.ts";
import { delay } from "./_run.ts";
import { SCENARIOS, USUAL } from "./_scenarios.ts";
import { markdown, numberAt, parseResults, type Result } from "./_table.ts";

const USAGE = `usage: deno run -A bench/compare.ts [flags]

Runs scenarios against brokers, each time with a new process of the broker, and
prints tables in Markdown.

  --brokers FILE        how to start them (brokers.json, next to this program)
  --only NAME,...       some of them
  --scenarios NAME,...  what to run (the usual ones); --list lists all
  --reps N              repetitions (3)
  --secs S --warm S     seconds measured (4), and seconds before (2)
  --reference NAME      the broker that others are compared to
  --out FILE            where results are added, a line of JSON for each run
  --load PROGRAM        another load generator with the same flags
  --noise N             cores that other processes may use in a run (0.35)
  --tries N             runs before a noisy one is taken (3)
  --table FILE          only print the tables of such results; may be repeated`;

/** Seconds that a quiet host is waited for. */
const PATIENCE = 25;

/** The most seconds that a run may take, and how long the generator has left. */
const LONGEST = 90;
const GRACE = 30;

const text = (value: string) => ({ type: "string", default: value } as const);

const FLAGS = {
  brokers: text(`${import.meta.dirname}/brokers.json`),
  only: text(""),
  scenarios: text(USUAL.join()),
  reps: text("3"),
  secs: text("4"),
  warm: text("2"),
  reference: { type: "string" },
  out: text(""),
  load: text(`${import.meta.dirname}/load.ts`),
  noise: text("0.35"),
  tries: text("3"),
  table: { type: "string", multiple: true },
  list: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

type Flags = ReturnType<typeof parseFlags>;

function parseFlags(args: readonly string[]) {
  return parseArgs({ args: [...args], options: FLAGS }).values;
}

/** What is running, so that an interrupt leaves nothing behind. */
let broker: Broker | undefined;
let generator: Deno.ChildProcess | undefined;

/** Runs the load generator; returns what it printed. */
async function load(
  name: string,
  scenario: string,
  spec: BrokerSpec,
  flags: Flags,
): Promise<Result> {
  const isModule = flags.load.endsWith(".ts");
  const pids = processTree(broker!.pid).join();
  const args = `--port ${spec.port} --pid ${pids} --broker ${name} ` +
    `--label ${scenario} --secs ${flags.secs} --warm ${flags.warm} ` +
    `--max ${LONGEST} ${SCENARIOS[scenario]}`;
  const command = new Deno.Command(isModule ? Deno.execPath() : flags.load, {
    args: [
      ...(isModule ? ["run", "-A", flags.load] : []),
      ...args.split(" "),
      ...spec.args ?? [],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  });
  const child = generator = command.spawn();
  const timer = setTimeout(
    () => child.kill("SIGKILL"),
    (LONGEST + GRACE) * 1e3,
  );
  const { stdout, code } = await child.output();
  clearTimeout(timer);
  generator = undefined;
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  try {
    return { ...JSON.parse(lines.at(-1)!), "rc": code };
  } catch {
    const err = `the load generator ended with ${code} and no result`;
    return { "broker": name, "label": scenario, err, "errors": 1, "rc": code };
  }
}

/** How many cores were used by neither broker nor generator, if it is known. */
function noiseOf(result: Result, cpus: number): number | undefined {
  const busy = numberAt(result, "host_busy_pct");
  const own = numberAt(result, "broker_cores");
  const generator = numberAt(result, "gen_cores");
  if (busy === undefined || own === undefined || generator === undefined) {
    return undefined;
  }
  return Number((busy / 100 * cpus - own - generator).toFixed(2));
}

async function waitForQuiet(noise: number): Promise<void> {
  for (let i = 0; i < PATIENCE; i++) {
    const before = sampleHost();
    await delay(1000);
    if (busyCores(before, sampleHost()) <= noise) return;
  }
}

/** Runs a scenario with a new broker until a run is not noisy. */
async function* runsOf(
  name: string,
  scenario: string,
  spec: BrokerSpec,
  folder: URL,
  flags: Flags,
): AsyncGenerator<Result> {
  const limit = Number(flags.noise);
  const tries = Number(flags.tries);
  const { cpus } = sampleHost();
  for (let attempt = 1;; attempt++) {
    await waitForQuiet(limit);
    broker = await Broker.start(spec, folder);
    let result: Result;
    try {
      await broker.listening(spec.port);
      result = await load(name, scenario, spec, flags);
    } finally {
      await broker.stop();
      broker = undefined;
    }
    const noise = noiseOf(result, cpus);
    const isNoisy = noise !== undefined && noise > limit;
    const isLast = !isNoisy || attempt >= tries || Boolean(result["err"]);
    yield {
      ...result,
      attempt,
      ...(noise !== undefined && { "noise_cores": noise }),
      ...(isNoisy && (isLast ? { noisy: true } : { discarded: "noise" })),
    };
    if (isLast) return;
  }
}

/** A run in one line. */
function describe(result: Result): string {
  const show = (title: string, ...paths: string[]) => {
    const found = paths.map((path) => numberAt(result, path))
      .find((value) => value !== undefined);
    return found === undefined ? "" : `${title} ${found}`;
  };
  return [
    String(result["label"]).padEnd(12),
    String(result["broker"]).padEnd(12),
    show("rate", "deliv_per_s", "set_per_s", "connect_per_s"),
    show("CPU µs", "cpu_us_per_deliv", "connect_cpu_us"),
    show("cores", "broker_cores"),
    show("generator", "gen_cores"),
    show("p50", "lat_us.p50"),
    show("p99", "lat_us.p99"),
    show("lost", "verify.lost"),
    show("noise", "noise_cores"),
    result["discarded"] ? "discarded" : "",
    String(result["err"] ?? ""),
  ].filter(Boolean).join("  ");
}

async function compare(flags: Flags, scenarios: readonly string[]) {
  const folder = pathToFileURL(flags.brokers);
  const specs: Record<string, BrokerSpec> = JSON.parse(
    await Deno.readTextFile(folder),
  );
  const names = flags.only === "" ? Object.keys(specs) : flags.only.split(",");
  const left = new Set(names);
  const missing = names.find((name) => specs[name] === undefined);
  if (missing !== undefined) {
    console.error(`There is no broker ${missing} in ${flags.brokers}`);
    return 2;
  }
  const out = flags.out || await Deno.makeTempFile({ suffix: ".jsonl" });
  console.error(`Results go to ${out}`);
  const results: Result[] = [];
  for (let rep = 0; rep < Number(flags.reps); rep++) {
    for (const scenario of scenarios) {
      for (const name of left) {
        try {
          const runs = runsOf(name, scenario, specs[name]!, folder, flags);
          for await (const run of runs) {
            const result = { ...run, rep };
            results.push(result);
            console.error(describe(result));
            const line = `${JSON.stringify(result)}\n`;
            await Deno.writeTextFile(out, line, { append: true });
          }
        } catch (error) {
          if (!(error instanceof StartError)) throw error;
          console.error(`${name} is left out: ${error.message}`);
          left.delete(name);
        }
      }
    }
  }
  console.log(markdown(results, flags.reference));
  return results.some((result) => result["err"]) ? 1 : 0;
}

async function main(args: readonly string[]): Promise<number> {
  let flags: Flags;
  try {
    flags = parseFlags(args);
  } catch (error) {
    console.error(`${(error as Error).message}; see --help`);
    return 2;
  }
  if (flags.help) {
    console.log(USAGE);
    return 0;
  }
  if (flags.list) {
    for (const [name, does] of Object.entries(SCENARIOS)) {
      console.log(`${name.padEnd(14)}${does}`);
    }
    return 0;
  }
  if (flags.table !== undefined) {
    const files = await Promise.all(flags.table.map((file) => {
      return Deno.readTextFile(file);
    }));
    console.log(markdown(files.flatMap(parseResults), flags.reference));
    return 0;
  }
  for (const name of ["reps", "secs", "warm", "noise", "tries"] as const) {
    if (flags[name] !== "" && Number(flags[name]) >= 0) continue;
    console.error(`--${name} is ${flags[name]}, not a number`);
    return 2;
  }
  const scenarios = flags.scenarios.split(",");
  const unknown = scenarios.find((name) => SCENARIOS[name] === undefined);
  if (unknown !== undefined) {
    console.error(`There is no scenario ${unknown}; see --list`);
    return 2;
  }
  return await compare(flags, scenarios);
}

if (import.meta.main) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, async () => {
      generator?.kill("SIGKILL");
      await broker?.stop();
      Deno.exit(130);
    });
  }
  Deno.exit(await main(Deno.args));
}
