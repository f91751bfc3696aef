/**
 * Fetches the dependencies that deno.json names into vendor/.
 *
 * ```sh
 * deno task deps          # what is missing; every other task does this first
 * deno task deps --fresh  # everything anew, for example after an upgrade
 * ```
 *
 * Deno takes them from jsr.io by itself. There are machines that reach the npm
 * registry and not jsr.io; these get stand-ins: modules in vendor/jsr.io/ that
 * re-export npm's `deno-std`, a repackaging of the Deno standard library. It
 * has no types, so those of what the project uses are written in std_types/.
 * Stand-ins stay until `--fresh` or until vendor/ is deleted. What deno.json
 * has from npm, which is for tests only, Deno fetches when they are run.
 */

// deno-lint-ignore-file no-console -- a command line prints

import config from "../deno.json" with { type: "json" };

const NPM_STD = "npm:deno-std@1.4.0";
const NOTICE =
  `vendor/ holds stand-ins for jsr.io's @std, taken from ${NPM_STD}.`;
const USAGE = "usage: deno task deps [--fresh]";

/** How long Deno may take to fetch; a firewall may swallow what it sends. */
const FETCH_TIMEOUT = 120_000;
const PROBE_TIMEOUT = 10_000;

const ROOT = new URL("../", import.meta.url);
const TYPES = new URL("tools/std_types/", ROOT);
const VENDOR = new URL("vendor/", ROOT);
const LOCK = new URL(".deps-lock", VENDOR);
const MARKER = new URL(".stand-ins", VENDOR);

/** Imports every module of the dependencies that the project uses. */
const MODULES = "tools/std_types/check.ts";

/** A dependency, as deno.json names it. */
export interface Dependency {
  /** The package, for example `@std/yaml`. */
  readonly name: string;
  /** The oldest version that will do, which is the one stood in for. */
  readonly version: string;
}

/**
 * Reads a specifier of deno.json's imports.
 *
 * @param specifier The specifier, such as `jsr:@std/yaml@^1.2.0`.
 * @returns The dependency it names.
 * @throws {Error} If it is not of the form there can be a stand-in for.
 */
export function parseSpecifier(specifier: string): Dependency {
  const [, name, version] =
    /^jsr:(@std\/[a-z-]+)@\^(\d+\.\d+\.\d+)$/.exec(specifier) ?? [];
  if (name === undefined || version === undefined) {
    throw new Error(
      `deno.json imports "${specifier}", expected jsr:@std/<name>@^<x.y.z>`,
    );
  }
  return { name, version };
}

async function exists(url: URL): Promise<boolean> {
  try {
    await Deno.lstat(url);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Has a file hold a text. A file that holds it already is not touched, and a
 * changed one is replaced in one step: another task may be reading it.
 */
async function put(url: URL, text: string): Promise<void> {
  try {
    if (await Deno.readTextFile(url) === text) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(new URL(".", url), { recursive: true });
  }
  const draft = new URL(`${url.href}.${crypto.randomUUID()}`);
  await Deno.writeTextFile(draft, text);
  await Deno.rename(draft, url);
}

async function putStandIn(
  { name, version }: Dependency,
  vendor: URL,
): Promise<void> {
  const folder = name.slice("@std/".length);
  const types = new URL(`${folder}/`, TYPES);
  const base = new URL(`jsr.io/${name}/`, vendor);
  if (!await exists(types)) {
    throw new Error(`tools/std_types/${folder}/ has to declare ${name}`);
  }
  const exports: Record<string, string> = {};
  for await (const entry of Deno.readDir(types)) {
    const stem = entry.name.replace(/\.d\.ts$/, "");
    const declarations = await Deno.readTextFile(new URL(entry.name, types));
    await put(new URL(`${version}/${stem}.d.ts`, base), declarations);
    await put(
      new URL(`${version}/${stem}.js`, base),
      `// @ts-self-types="./${stem}.d.ts"\n` +
        `export * from "${NPM_STD}/${folder}/${stem}.js";\n`,
    );
    const key = stem === "mod" ? "." : `./${stem.replaceAll("_", "-")}`;
    exports[key] = `./${stem}.js`;
  }
  // What leads to the modules comes after them, so that no reader gets lost.
  await put(
    new URL(`${version}_meta.json`, base),
    JSON.stringify({ manifest: {}, exports }),
  );
  await put(
    new URL("meta.json", base),
    JSON.stringify({ versions: { [version]: {} } }),
  );
}

/**
 * Writes the stand-ins, over whatever part of the real modules is there.
 *
 * @param specifiers The values of deno.json's imports.
 * @param vendor The folder to write to, with a slash at its end.
 */
export async function putStandIns(
  specifiers: readonly string[],
  vendor: URL,
): Promise<void> {
  const dependencies = specifiers.map(parseSpecifier);
  await Promise.all(dependencies.map((it) => putStandIn(it, vendor)));
}

/** Runs `deno cache`; returns what it printed if it failed. */
async function cache(
  modules: readonly string[],
  env: Record<string, string>,
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", ...modules],
    cwd: ROOT,
    env,
    signal,
    stdin: "null",
    stdout: "null",
  }).output();
  if (success) return undefined;
  const text = new TextDecoder().decode(stderr);
  return signal.aborted
    ? `${text}Gave up after ${FETCH_TIMEOUT / 1000} s.`
    : text.trimEnd();
}

/** Has Deno fetch modules; returns what it printed if it could not. */
async function fetchModules(...modules: string[]): Promise<string | undefined> {
  const error = await cache(modules, {});
  // A proxy may sign what passes it. The system knows its certificate then,
  // and npm does, but Deno looks there only when told to.
  return error?.includes("invalid peer certificate")
    ? await cache(modules, { DENO_TLS_CA_STORE: "mozilla,system" })
    : error;
}

/** Whether jsr.io answers, so that its absence explains no failure. */
async function isJsrReachable(): Promise<boolean> {
  // Whoever names another registry wants that one, and to hear if it fails.
  if (Deno.env.get("JSR_URL") !== undefined) return true;
  try {
    const response = await fetch("https://jsr.io/@std/assert/meta.json", {
      signal: AbortSignal.timeout(PROBE_TIMEOUT),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function fetchDependencies(): Promise<number> {
  const specifiers = Object.values(config.imports)
    .filter((specifier) => !specifier.startsWith("npm:"));
  const hasStandIns = await exists(MARKER);
  // They are brought in line with std_types/ and deno.json each time.
  if (hasStandIns) await putStandIns(specifiers, VENDOR);
  // If all is there this asks nobody. It completes what is not.
  const error = await fetchModules(MODULES);
  if (error === undefined) return 0;
  if (hasStandIns || await isJsrReachable()) {
    console.error(error);
    return 1;
  }
  const npmError = await fetchModules(NPM_STD);
  if (npmError !== undefined) {
    console.error(`${error}\n\nNor can ${NPM_STD} be had:\n${npmError}`);
    return 1;
  }
  await putStandIns(specifiers, VENDOR);
  await put(MARKER, `${NOTICE}\n`);
  const remaining = await fetchModules(MODULES);
  if (remaining !== undefined) {
    console.error(remaining);
    return 1;
  }
  console.error(`jsr.io cannot be reached: ${NOTICE}`);
  return 0;
}

async function removeAll(): Promise<void> {
  for await (const entry of Deno.readDir(VENDOR)) {
    const url = new URL(encodeURIComponent(entry.name), VENDOR);
    if (url.href !== LOCK.href) await Deno.remove(url, { recursive: true });
  }
}

async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg !== "--fresh")) {
    console.error(USAGE);
    return 2;
  }
  await Deno.mkdir(VENDOR, { recursive: true });
  // Tasks that start at the same time fetch one after the other. The system
  // drops the lock of a process that dies.
  using file = await Deno.open(LOCK, { create: true, write: true });
  await file.lock(true);
  if (args.includes("--fresh")) await removeAll();
  return await fetchDependencies();
}

if (import.meta.main) Deno.exit(await main(Deno.args));
