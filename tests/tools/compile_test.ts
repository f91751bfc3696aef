import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { printsVersion } from "../../tools/compile.ts";

const ROOT = new URL("../../", import.meta.url);

async function compile(...args: string[]): Promise<
  { code: number; stdout: string; stderr: string }
> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "tools/compile.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

Deno.test("printsVersion() accepts the version as a word of the output", () => {
  assert(printsVersion(`${config.version}\n`));
  assert(printsVersion(`ambermq ${config.version}\r\n`));
});

Deno.test("printsVersion() rejects other versions, and those of Deno", () => {
  assert(!printsVersion(""));
  assert(!printsVersion(`ambermq ${config.version}1`));
  assert(!printsVersion(`ambermq 1${config.version}`));
  assert(!printsVersion("deno 2.9.6 (stable, release)\nv8 15.0\n"));
});

Deno.test("compile prints its usage for --help", async () => {
  const { code, stdout } = await compile("--help");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "usage: deno task compile");
  assertStringIncludes(stdout, "  aarch64-apple-darwin\n");
});

Deno.test("compile rejects unknown targets and options", async () => {
  for (const args of [["pdp-11"], ["--all", "pdp-11"], ["--fast"]]) {
    const { code, stdout, stderr } = await compile(...args);
    assertEquals(code, 2);
    assertEquals(stdout, "");
    assertStringIncludes(stderr, `Unknown target: ${args.at(-1)}\nusage:`);
  }
});
