import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { configCommand } from "../../cli/_config.ts";
import { UsageError } from "../../cli/_flags.ts";
import { configSchema } from "../../mod.ts";
import { FakeTerminal } from "./_fake_terminal.ts";

const seed = decodeURIComponent(
  new URL("../fixtures/seeds/004_command_default.yaml", import.meta.url)
    .pathname,
);

async function run(...args: string[]) {
  const terminal = new FakeTerminal();
  const status = await configCommand.run(args, terminal);
  return { status, out: terminal.text, errors: terminal.errors };
}

Deno.test("ambermq config explain prints what holds, and where it is from", async () => {
  const { status, out, errors } = await run("explain", seed);
  assertEquals([status, errors], [0, []]);
  assertStringIncludes(out, `\n    bind: "0.0.0.0:1883"  # ${seed}:5:5\n`);
  assertStringIncludes(out, `\nsys-interval: 20  # ${seed}:6:1, written `);
  assertStringIncludes(out, "\n  inflight: 100  # default\n");
});

Deno.test("ambermq config schema prints the JSON schema", async () => {
  const { status, out, errors } = await run("schema");
  assertEquals([status, errors], [0, []]);
  assertEquals(JSON.parse(out), configSchema());
});

Deno.test("ambermq config explain ends with status 1 when the file is wrong", async () => {
  const { status, out, errors } = await run("explain", "none.yaml");
  assertEquals([status, out], [1, ""]);
  assertEquals(errors, [
    "ambermq config: Cannot read the configuration of the broker: none.yaml: " +
    "there is no such file",
  ]);
});

for (const args of [["--help"], ["explain", "-h"]]) {
  Deno.test(`ambermq config ${args.join(" ")} shows its help`, async () => {
    const { status, out } = await run(...args);
    assertEquals(status, 0);
    assertMatch(out, /^Usage: ambermq config explain FILE\n/);
  });
}

for (
  const [args, problem] of [
    [[], "give explain FILE or schema"],
    [["check"], "give explain FILE or schema"],
    [["explain"], "explain needs a FILE"],
    [["explain", "a", "b"], '"b" is not expected'],
    [["schema", "a"], '"a" is not expected'],
  ] as const
) {
  Deno.test(`ambermq config ${args.join(" ")} is refused: ${problem}`, async () => {
    await assertRejects(() => run(...args), UsageError, problem);
  });
}
