import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { between, files, reference, withHelp } from "../../tools/docs.ts";
import { root, textOf } from "../_sources.ts";

/** A text as `deno fmt` writes it. */
async function formatted(text: string, path: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", path.split(".").at(-1)!, "-"],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.output();
  await new Blob([text]).stream().pipeTo(child.stdin);
  return new TextDecoder().decode((await output).stdout);
}

for (const { path, make } of files) {
  Deno.test(`${path} is what \`deno task docs\` writes`, async () => {
    const text = textOf(path);
    assertEquals(text, await formatted(make(text), path));
  });
}

Deno.test("reference has a table for each section, with all that a field says", () => {
  const text = reference({
    someKey: {
      type: "integer",
      minimum: 0,
      maximum: 9,
      default: 3,
      description: "A | B < C.",
    },
    kind: { type: "text", choices: ["a", "b"], description: "D." },
    things: {
      type: "map",
      values: {
        type: "object",
        fields: {
          names: {
            type: "list",
            values: { type: "text", description: "E." },
            description: "F.",
          },
        },
        description: "G.",
      },
      description: "H.",
    },
  });
  for (
    const line of [
      "### At the top",
      "| `some-key` | integer, 0 to 9 | `3` | A \\| B &lt; C. |",
      "| `kind` | `a`, `b` |  | D. |",
      "| `things` | map to: section |  | H. |",
      "### `things.<name>`",
      "| `names` | list: text |  | F. |",
    ]
  ) assertStringIncludes(text, `${line}\n`);
});

Deno.test("between() replaces what stands between the marks, and nothing else", () => {
  const begin = "<!-- made by `deno task docs`, from broker/fields.ts -->";
  const text = `a\n${begin}\nold\n<!-- end -->\nb\n`;
  assertEquals(
    between(text, "new\n"),
    `a\n${begin}\n\nnew\n\n<!-- end -->\nb\n`,
  );
  assertThrows(() => between("a\n", "new"), Error, "There are no lines");
});

Deno.test("withHelp() fills the blocks of commands, and leaves others", () => {
  const block = (help: string) => `\`\`\`text help=pub\n${help}\`\`\`\n`;
  const other = "```text\nas it is\n```\n";
  assertEquals(
    withHelp(`${other}${block("old\nhelp\n")}${other}`, (name) => `${name}!\n`),
    `${other}${block("pub!\n")}${other}`,
  );
});
