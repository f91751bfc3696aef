/**
 * Makes the client one file that browsers and Node.js load as it is.
 *
 * ```sh
 * deno task bundle  # dist/ambermq-client.js
 * ```
 *
 * esbuild, which Deno gets from npm, puts the modules together.
 */

// deno-lint-ignore-file no-console -- a command line prints

import config from "../deno.json" with { type: "json" };

const USAGE = "usage: deno task bundle";
const ROOT = new URL("../", import.meta.url);
const FILE = "dist/ambermq-client.js";

/** What only newer runtimes have, and what stands for it in older ones. */
const MISSING = "Promise.withResolvers"; // Node.js has it from 22 on
const STAND_IN = "withResolvers$";
const DEFINITION = `function ${STAND_IN}(){let resolve,reject;` +
  "const promise=new Promise((a,b)=>{resolve=a;reject=b});" +
  "return{promise,resolve,reject}}\n";

/**
 * Puts the modules of the client together.
 *
 * @returns The text of the file.
 * @throws {Error} If Deno cannot; it says why.
 */
export async function bundle(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--platform=browser",
      "--minify",
      "client/mod.ts",
    ],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(`Cannot bundle the client: ${decoder.decode(stderr)}`);
  }
  const text = decoder.decode(stdout).replaceAll(MISSING, STAND_IN);
  return `/*! ${config.name} ${config.version}, ${config.license} license */\n` +
    text + DEFINITION;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.length > 0) {
    console.error(USAGE);
    return 2;
  }
  try {
    const text = await bundle();
    await Deno.mkdir(new URL("dist/", ROOT), { recursive: true });
    await Deno.writeTextFile(new URL(FILE, ROOT), text);
    console.log(`${FILE}: ${new TextEncoder().encode(text).length} bytes`);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
