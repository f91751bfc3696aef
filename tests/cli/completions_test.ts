import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UsageError } from "../../cli/_flags.ts";
import type { Commands } from "../../cli/_command.ts";
import { completionsCommand } from "../../cli/_completions.ts";
import { configCommand } from "../../cli/_config.ts";
import { passwdCommand } from "../../cli/_passwd.ts";
import { pubFlags, runPub } from "../../cli/_pub.ts";
import { runSub, subFlags } from "../../cli/_sub.ts";
import { FakeTerminal } from "./_fake_terminal.ts";

const commands: Commands = {
  broker: { help: "run it", run: () => Promise.resolve(0) },
  pub: { help: "say it's there", flags: pubFlags, run: runPub },
  sub: { help: "listen: [always]", flags: subFlags, run: runSub },
  config: configCommand,
  passwd: passwdCommand,
  completions: completionsCommand(() => commands),
};

async function script(shell: string): Promise<string> {
  const terminal = new FakeTerminal();
  const status = await commands.completions!.run([shell], terminal);
  assertEquals([status, terminal.errors], [0, []]);
  return terminal.text;
}

/** Runs a shell with a program on its standard input. */
async function run(
  shell: string,
  args: string[],
  program: string,
  cwd?: string,
): Promise<{ code: number; out: string; error: string }> {
  const child = new Deno.Command(shell, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

function has(shell: string): boolean {
  try {
    return new Deno.Command(shell, { args: ["-c", "true"] }).outputSync()
      .success;
  } catch {
    return false;
  }
}

function shellTest(
  shell: string,
  name: string,
  fn: () => Promise<void>,
): void {
  const ignore = !has(shell);
  Deno.test({
    name: ignore ? `skipped: ${shell} is not installed: ${name}` : name,
    ignore,
    fn,
  });
}

/** What bash offers for the last of some words. */
async function offered(words: string[], cwd?: string): Promise<string[]> {
  const list = words.map((word) => `'${word}'`).join(" ");
  const program = `${await script("bash")}
COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}
$(complete -p ${words[0]} | sed 's/.*-F \\([^ ]*\\).*/\\1/')
printf '%s\\n' "\${COMPREPLY[@]}"
`;
  const args = ["--noprofile", "--norc"];
  const { code, out, error } = await run("bash", args, program, cwd);
  assertEquals([code, error], [0, ""]);
  return out.split("\n").slice(0, -1).filter((word) => word !== "");
}

shellTest("bash", "bash completes commands, flags and values", async () => {
  assertEquals(await offered(["ambermq", "p"]), ["pub", "passwd"]);
  assertEquals(await offered(["ambermq", ""]), [
    ...["broker", "pub", "sub", "config", "passwd", "completions"],
    ...["--help", "--version"],
  ]);
  assertEquals(await offered(["ambermq", "sub", "--retained"]), [
    "--retained-only",
  ]);
  assertEquals(await offered(["ambermq_pub", "--file"]), [
    "--file",
    "--file-whole",
  ]);
  assertEquals(await offered(["ambermq_sub", "-q", ""]), ["0", "1", "2"]);
  assertEquals(await offered(["ambermq", "pub", "-m", ""]), []);
  assertEquals(await offered(["ambermq", "completions", "f"]), ["fish"]);
});

shellTest("bash", "bash completes files, with spaces too", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/a file`, "");
  await Deno.mkdir(`${folder}/a folder`);
  const files = (...words: string[]) => offered(words, folder);
  assertEquals((await files("ambermq", "pub", "-f", "a")).toSorted(), [
    "a file",
    "a folder",
  ]);
  assertEquals(await files("ambermq", "pub", "--capath", "a"), ["a folder"]);
  assertEquals(await files("ambermq", "config", ""), ["explain", "schema"]);
  assertEquals(await files("ambermq", "config", "explain", "a fi"), ["a file"]);
  assertEquals(await files("ambermq", "config", "schema", ""), []);
  assertEquals(await files("ambermq", "passwd", "-c", "a fi"), ["a file"]);
  assertEquals(await files("ambermq", "passwd", "--del"), ["--delete"]);
  assertEquals(await files("ambermq", "completions", "bash", ""), []);
  // What is not known of a command may be a file.
  assertEquals(await files("ambermq", "broker", "a fi"), ["a file"]);
  await Deno.remove(folder, { recursive: true });
});

shellTest("zsh", "zsh takes its script", async () => {
  const program = `autoload -Uz compinit && compinit -D -u\n${await script(
    "zsh",
  )}\nprint -r -- \${_comps[ambermq]} \${_comps[ambermq_sub]}\n`;
  const result = await run("zsh", ["-f"], program);
  assertEquals(result, { code: 0, out: "_ambermq _ambermq\n", error: "" });
});

shellTest("fish", "fish takes its script, and completes", async () => {
  const program = `${await script("fish")}
complete -C 'ambermq pu'
complete -C 'ambermq config '
complete -C 'ambermq config schema '
complete -C 'ambermq sub --retained'
complete -C 'ambermq_pub -q '
`;
  const { code, out, error } = await run("fish", ["--no-config"], program);
  assertEquals([code, error], [0, ""]);
  assertEquals(out.split("\n").map((line) => line.split("\t")[0]), [
    ...["pub", "explain", "schema", "--retained-only", "0", "1", "2", ""],
  ]);
});

Deno.test("each script has every command and every flag", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const text = await script(shell);
    for (const name of Object.keys(commands)) assertStringIncludes(text, name);
    for (const { names } of Object.values({ ...pubFlags, ...subFlags })) {
      for (const name of names) {
        const shown = shell === "fish"
          ? name.replace(/^--/, "-l ").replace(/^-(.)$/, "-s $1")
          : name;
        assertStringIncludes(text, shown);
      }
    }
  }
});

Deno.test("completions wants the name of a shell", async () => {
  const terminal = new FakeTerminal();
  for (const args of [[], ["tcsh"], ["toString"], ["bash", "zsh"]]) {
    await assertRejects(
      () => commands.completions!.run(args, terminal),
      UsageError,
    );
  }
  assertEquals(await commands.completions!.run(["--help"], terminal), 0);
  assertStringIncludes(terminal.text, "Usage: ambermq completions");
});
