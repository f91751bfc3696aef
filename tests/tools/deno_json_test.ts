import { assertEquals, assertExists, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);

interface Task {
  readonly command: string;
  readonly dependencies?: readonly string[];
  readonly description?: string;
}

const TASKS = new Map<string, Task>(Object.entries(config.tasks));

Deno.test("every task says what it does", () => {
  for (const [name, { description }] of TASKS) assertExists(description, name);
});

Deno.test("every task has the dependencies fetched first", () => {
  for (const [name, { command, dependencies }] of TASKS) {
    if (name === "deps") continue;
    // Those made of other tasks leave it to them.
    const isMadeOfTasks = /^deno task [\w:]+( && deno task [\w:]+)*$/;
    if (isMadeOfTasks.test(command)) continue;
    assertEquals(dependencies, ["deps"], name);
  }
});

Deno.test("check:docs looks at every export, and check at every check", () => {
  const exports = Object.values(config.exports)
    .map((path) => path.replace("./", ""));
  assertEquals(
    TASKS.get("check:docs")?.command,
    `deno doc --lint ${exports.join(" ")}`,
  );
  const checks = [...TASKS.keys()].filter((name) => name.startsWith("check:"));
  assertEquals(
    TASKS.get("check")?.command,
    checks.map((name) => `deno task ${name}`).join(" && "),
  );
});

Deno.test("one version of Deno is named everywhere", async () => {
  const versions = new Set<string>();
  for (const file of [".ci/run", "CONTRIBUTING.md", "README.md"]) {
    const text = await Deno.readTextFile(new URL(file, ROOT));
    for (const [, version] of text.matchAll(/\bdeno@(\d+\.\d+\.\d+)/g)) {
      if (version !== undefined) versions.add(version);
    }
  }
  assertEquals(versions.size, 1, [...versions].join(", "));
});

Deno.test("the changelog has a section for the version", async () => {
  const text = await Deno.readTextFile(new URL("CHANGELOG.md", ROOT));
  const version = config.version.replaceAll(".", "\\.");
  assertMatch(text, new RegExp(`^## \\[${version}\\]`, "m"));
});
