/**
 * Builds the command line into programs that need no Deno, under dist/.
 *
 * ```sh
 * deno task compile                            # dist/ambermq and so on
 * deno task compile aarch64-unknown-linux-gnu  # dist/ambermq-aarch64-…
 * deno task compile --all                      # the same for every target
 * ```
 *
 * Deno puts the program into a runtime, "denort", which it downloads once for
 * each target from dl.deno.land and keeps in its cache.
 */

// deno-lint-ignore-file no-console -- a command line prints

import config from "../deno.json" with { type: "json" };

const TARGETS: readonly string[] = [
  "aarch64-apple-darwin",
  "aarch64-pc-windows-msvc",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "x86_64-pc-windows-msvc",
  "x86_64-unknown-linux-gnu",
];

const USAGE = `usage: deno task compile [--all | --help | <target>...]

Builds ambermq, ambermq_pub and ambermq_sub into dist/: without arguments for
this machine, else for the targets named, with the target in the file's name.

targets:
${TARGETS.map((target) => `  ${target}`).join("\n")}`;

const ROOT = new URL("../", import.meta.url);
const DIST = new URL("dist/", ROOT);

/** How long a program may take to print its version. */
const VERSION_TIMEOUT = 30_000;

interface Program {
  readonly name: string;
  readonly entry: string;
  readonly permissions: readonly string[];
  /** Sources that are threads: nothing imports them. */
  readonly includes?: readonly string[];
}

// Permissions are fixed when a program is built. What it is not given it is
// denied (--no-prompt): a service that stops to ask hangs. The name of the
// machine is part of a client identifier.
const PROGRAMS: readonly Program[] = [
  {
    name: "ambermq",
    entry: "cli/mod.ts",
    // Writing is for the store and for Unix sockets.
    permissions: [
      "--allow-net",
      "--allow-read",
      "--allow-write",
      "--allow-sys=hostname",
    ],
    includes: ["plugins/_hash_worker.ts"],
  },
  {
    name: "ambermq_pub",
    entry: "cli/ambermq_pub.ts",
    permissions: ["--allow-net", "--allow-read", "--allow-sys=hostname"],
  },
  {
    name: "ambermq_sub",
    entry: "cli/ambermq_sub.ts",
    permissions: ["--allow-net", "--allow-read", "--allow-sys=hostname"],
  },
];

interface Result {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  command: string | URL,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<Result> {
  const output = await new Deno.Command(command, {
    args: [...args],
    cwd: ROOT,
    stdin: "null",
    ...(signal && { signal }),
  }).output();
  const decoder = new TextDecoder();
  return {
    success: output.success,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** Where Deno looks for the runtime of a target before it downloads it. */
async function runtimeArchive(target: string): Promise<string> {
  const { stdout } = await run(Deno.execPath(), ["info", "--json"]);
  const { denoDir } = JSON.parse(stdout) as { denoDir: string };
  const version = Deno.version.deno;
  const path = `${denoDir}/dl/release/v${version}/denort-${target}.zip`;
  return Deno.build.os === "windows" ? path.replaceAll("/", "\\") : path;
}

/**
 * Tells whether what a program printed for `--version` is its version.
 *
 * @param output What it printed, for example `ambermq 0.1.0`.
 * @returns Whether the version of deno.json is one of the words.
 */
export function printsVersion(output: string): boolean {
  return output.split(/\s+/).includes(config.version);
}

/** Runs a program built for this machine; returns what is wrong with it. */
async function findFault(program: URL): Promise<string | undefined> {
  let result: Result;
  try {
    const signal = AbortSignal.timeout(VERSION_TIMEOUT);
    result = await run(program, ["--version"], signal);
  } catch (error) {
    return `it cannot be started: ${error}`;
  }
  const { success, stdout, stderr } = result;
  if (success && printsVersion(stdout)) return undefined;
  return `with --version it prints ${JSON.stringify(stdout + stderr)}, ` +
    `not ${config.version}`;
}

/** Builds one program; returns whether it is in dist/ now. */
async function compile(
  { name, entry, permissions, includes = [] }: Program,
  target: string,
  isNamed: boolean,
): Promise<boolean> {
  const file = (isNamed ? `${name}-${target}` : name) +
    (target.includes("windows") ? ".exe" : "");
  // Nothing that has not been looked at gets its final name.
  const draft = new URL(`draft/${file}`, DIST);
  const { success, stderr } = await run(Deno.execPath(), [
    "compile",
    "--quiet",
    "--no-prompt",
    "--allow-env",
    ...permissions,
    `--target=${target}`,
    `--output=dist/draft/${file}`,
    ...includes.map((path) => `--include=${path}`),
    entry,
  ]);
  if (!success) {
    console.error(stderr.trimEnd());
    if (stderr.includes("https://dl.deno.land/")) {
      const path = await runtimeArchive(target);
      const archive = path.replace(/^.*[\\/]/, "");
      console.error(
        `\nDeno's runtime for ${target} could not be downloaded.\n` +
          `Get https://dl.deno.land/release/v${Deno.version.deno}/${archive} ` +
          `where it can be reached and put it, as it is, at\n  ${path}`,
      );
    }
    return false;
  }
  if (target === Deno.build.target) {
    const fault = await findFault(draft);
    if (fault !== undefined) {
      await Deno.remove(draft);
      console.error(`dist/${file} is not kept: ${fault}`);
      return false;
    }
  }
  await Deno.rename(draft, new URL(file, DIST));
  console.log(`dist/${file}`);
  return true;
}

/** Builds all programs; returns whether all are in dist/ now. */
async function compileAll(target: string, isNamed: boolean): Promise<boolean> {
  for (const program of PROGRAMS) {
    // What is wrong with one is wrong with the others: once is enough.
    if (!await compile(program, target, isNamed)) return false;
  }
  return true;
}

/**
 * Runs the tool.
 *
 * @param args The arguments.
 * @returns The exit status: 0, 1 if a program was not built, 2 for a misuse.
 */
export async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    console.log(USAGE);
    return 0;
  }
  const names = args.filter((arg) => arg !== "--all");
  const unknown = names.find((name) => !TARGETS.includes(name));
  if (unknown !== undefined) {
    console.error(`Unknown target: ${unknown}\n${USAGE}`);
    return 2;
  }
  let targets = args.includes("--all") ? TARGETS : [...new Set(names)];
  const isNamed = targets.length > 0;
  if (!isNamed) targets = [Deno.build.target];
  let status = 0;
  for (const target of targets) {
    if (!await compileAll(target, isNamed)) status = 1;
  }
  await Deno.remove(new URL("draft/", DIST), { recursive: true }).catch(() => {
    // It is not there if Deno did not get as far.
  });
  return status;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
