/**
 * What docs/command_line.md shows of a command's help (`text help=COMMAND`) is
 * its help.
 */

import { assertEquals } from "@std/assert";
import { Process } from "../_process.ts";
import { blocksOf } from "./_markdown.ts";

const shown = blocksOf("text").flatMap((block) => {
  const [mark] = block.marks.filter((one) => one.startsWith("help="));
  return mark === undefined ? [] : [{ block, command: mark.slice(5) }];
});

for (const { block, command } of shown) {
  Deno.test(`${block.where}: the help of ${command}`, async () => {
    await using process = new Process(Deno.execPath(), [
      ...["run", "-A", "--quiet", "cli/mod.ts"],
      ...[command, "--help"],
    ]);
    assertEquals(block.text.trimEnd().split("\n"), await process.lines());
  });
}

Deno.test("the help of all commands with flags is shown", () => {
  assertEquals(
    shown.map(({ command }) => command),
    ["broker", "pub", "sub", "passwd", "config"],
  );
});
