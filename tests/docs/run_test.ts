/**
 * Examples in the documents that are run, in the order of their document and in
 * one folder, by these marks:
 *
 * - `sh test` is run and has to succeed.
 * - `sh broker` is run and goes on, until the next one or the end.
 * - `yaml file=NAME` and `text file=NAME` are written to that file before.
 * - `text output` is what the `sh test` before it has written; `…` stands for
 *   anything.
 */

import { assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Process } from "../_process.ts";
import { type Block, documents } from "./_markdown.ts";

interface Example {
  readonly folder: string;
  broker?: Process;
  output: string;
}

const bash = Deno.build.os !== "windows";

for (const { path, blocks } of documents) {
  const mine = blocks.filter(isRun);
  if (mine.length === 0) continue;
  const needs = /^openssl /m.test(mine.map(({ text }) => text).join("\n"))
    ? ["openssl"]
    : [];
  const missing = needs.filter((program) => !isThere(program));
  Deno.test({
    name: `the examples of ${path} run` +
      (missing.length > 0 ? ` (there is no ${missing.join()})` : ""),
    ignore: !bash || missing.length > 0,
    fn: async (t) => {
      const folder = await Deno.makeTempDir();
      const example: Example = { folder, output: "" };
      try {
        await writePrograms(folder);
        for (const block of mine) {
          await t.step(block.where, () => runBlock(block, example));
        }
      } finally {
        await example.broker?.[Symbol.asyncDispose]();
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

function isRun({ marks }: Block): boolean {
  return marks.some((mark) =>
    ["test", "broker", "output"].includes(mark) || mark.startsWith("file=")
  );
}

async function runBlock(
  { language, marks, text }: Block,
  example: Example,
): Promise<void> {
  const [, file] = /^file=(.+)$/.exec(
    marks.find((mark) => mark.startsWith("file=")) ?? "",
  ) ?? [];
  if (file !== undefined) {
    await Deno.writeTextFile(`${example.folder}/${file}`, text);
  } else if (marks.includes("output")) {
    assertMatch(example.output, patternOf(text));
  } else if (language === "sh" && marks.includes("broker")) {
    await example.broker?.[Symbol.asyncDispose]();
    example.broker = start(`exec ${text}`, example.folder);
    await example.broker.stdout.find(/^started$/);
  } else if (language === "sh") {
    await using process = start(text, example.folder);
    example.output = `${(await process.lines()).join("\n")}\n`;
  }
}

function start(script: string, folder: string): Process {
  const own = `cd '${folder}'
export HOME='${folder}' DOCS_PORTS='${folder}/.ports' PATH="${folder}/.bin:$PATH"
${script}`;
  return new Process("bash", ["-euo", "pipefail", "-c", own]);
}

/** Programs named `ambermq`, `ambermq_pub` and `ambermq_sub`. */
async function writePrograms(folder: string): Promise<void> {
  const module = fileURLToPath(new URL("_ambermq.ts", import.meta.url));
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const run = `exec '${Deno.execPath()}' run -A --quiet --config '${config}' ` +
    `'${module}'`;
  await Deno.mkdir(`${folder}/.bin`);
  for (const name of ["", "_pub", "_sub"]) {
    const script = `#!/bin/sh\n${run} ${name.slice(1)} "$@"\n`;
    const path = `${folder}/.bin/ambermq${name}`;
    await Deno.writeTextFile(path, script, { mode: 0o755 });
  }
}

function isThere(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["version"], stdout: "null" })
      .outputSync();
    return true;
  } catch {
    return false;
  }
}

/** What an output has to be like. */
function patternOf(text: string): RegExp {
  const parts = text.split("…")
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^]*?")}$`);
}
