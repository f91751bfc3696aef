/**
 * YAML in the documents is what it says: a configuration of the broker, or with
 * the mark `client` one of the client. With the mark `wrong` it is refused. What
 * is only a part of a file has the mark `part`.
 */

import { assert, assertRejects } from "@std/assert";
import { parse } from "@std/yaml";
import { clientOptions, parseConfig, SettingsError } from "../../mod.ts";
import { type Block, blocksOf } from "./_markdown.ts";

const readers: Readonly<Record<string, (block: Block) => unknown>> = {
  broker: ({ text, where }) => parseConfig(text, where),
  client: ({ text }) => clientOptions(parse(text) as Record<string, unknown>),
  part: ({ text }) => parse(text),
};

const blocks = blocksOf("yaml");

for (const block of blocks) {
  const { where, marks } = block;
  const wrong = marks.includes("wrong");
  const kind = marks.find((mark) => /^(?:client|part)$/.test(mark)) ?? "broker";
  const what = wrong ? "is refused" : "can be read";
  Deno.test(`the YAML at ${where} ${what}`, async () => {
    const read = readers[kind]!;
    if (!wrong) return void read(block);
    await assertRejects(() => Promise.try(() => read(block)), SettingsError);
  });
}

Deno.test("there is YAML to read", () => assert(blocks.length > 0));
