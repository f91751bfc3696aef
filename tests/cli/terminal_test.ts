import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Interruption, print, SystemTerminal } from "../../cli/_terminal.ts";
import { FakeTerminal } from "./_fake_terminal.ts";
import { RunningBroker } from "./_running_broker.ts";

const root = new URL("../../", import.meta.url);
const windows = Deno.build.os === "windows";

/** A command line that runs ours, for a shell. */
function commandLine(...args: string[]): string {
  return [Deno.execPath(), "run", "--quiet", "-A", "cli/mod.ts", ...args]
    .map((word) => `'${word}'`).join(" ");
}

async function shell(
  program: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; error: string }> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: root,
    clearEnv: true,
    env: {
      PATH: Deno.env.get("PATH")!,
      HOME: Deno.env.get("HOME") ?? "/",
      TERM: "xterm",
      ...env,
    },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

/** Whether there is util-linux's script(1), which makes a terminal. */
function hasScript(): boolean {
  try {
    return new Deno.Command("script", { args: ["--version"] }).outputSync()
      .success;
  } catch {
    return false;
  }
}

const terminals = hasScript();

function terminalTest(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: terminals ? name : `skipped: script(1) is not installed: ${name}`,
    ignore: !terminals,
    fn,
  });
}

/** What our command writes to a terminal. */
async function onTerminal(
  args: string[],
  env: Record<string, string> = {},
): Promise<string> {
  const script = ["-q", "-e", "-c", commandLine(...args), "/dev/null"];
  return (await shell("script", script, env)).out.replaceAll("\r\n", "\n");
}

terminalTest("a terminal has colours, unless NO_COLOR is set", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.publish("t", "x", { retain: true, qos: 1 });
  const args = ["sub", "--url", broker.url, "-t", "t", "-v", "-C", "1"];
  assertEquals(await onTerminal(args), "\x1b[36mt\x1b[39m x\n");
  assertEquals(await onTerminal(args, { NO_COLOR: "1" }), "t x\n");
  const wrong = ["pub", "-L", "http://x", "-t", "t", "-n"];
  assertStringIncludes(
    await onTerminal(wrong),
    "\x1b[31mambermq pub\x1b[39m: ",
  );
  assertStringIncludes(
    await onTerminal(wrong, { NO_COLOR: "1" }),
    "ambermq pub: ",
  );
});

terminalTest("a pipe has no colours", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.publish("t", "x", { retain: true, qos: 1 });
  const line = commandLine("sub", "--url", broker.url, "-t", "t", "-vC1");
  const { code } = await shell("sh", ["-c", line]);
  assertEquals(code, 2); // letters are not put together
  const fine = commandLine(
    "sub",
    "--url",
    broker.url,
    "-t",
    "t",
    "-v",
    "-C",
    "1",
  );
  assertEquals(await shell("sh", ["-c", fine]), {
    code: 0,
    out: "t x\n",
    error: "",
  });
});

Deno.test({
  name: "a reader that has enough ends the command quietly",
  ignore: windows,
  fn: async () => {
    await using broker = await RunningBroker.start();
    await using client = await broker.client();
    await client.publish("t", "x", { retain: true, qos: 1 });
    const sub = commandLine("sub", "--url", broker.url, "-t", "t");
    let over = false;
    const done = shell("bash", [
      "-c",
      `${sub} | head -n 1; echo "\${PIPESTATUS[0]}"`,
    ]).finally(() => over = true);
    while (!over) {
      await client.publish("t", "more", { qos: 1 });
    }
    assertEquals(await done, { code: 0, out: "x\n0\n", error: "" });
    const help = commandLine("sub", "--help");
    const { out, error } = await shell("bash", [
      "-c",
      `${help} | true; echo "\${PIPESTATUS[0]}"`,
    ]);
    assertEquals([out, error], ["0\n", ""]);
  },
});

Deno.test("a closed standard error is no reason to fail otherwise", {
  ignore: windows,
}, async () => {
  const pub = commandLine("pub", "-L", "http://x", "-t", "t", "-n");
  const { code } = await shell("sh", ["-c", `${pub} 2>&-`]);
  assertEquals(code, 2);
});

Deno.test("the system's terminal knows the time, chance and the process", () => {
  using terminal = new SystemTerminal();
  const { seconds, nanoseconds } = terminal.now();
  assert(Number.isInteger(seconds) && seconds > 1_700_000_000);
  assert(Number.isInteger(nanoseconds) && nanoseconds < 1e9);
  const chance = terminal.random();
  assert(chance >= 0 && chance < 1);
  assertEquals(terminal.pid, Deno.pid);
  assertEquals(terminal.hostname, Deno.hostname());
});

Deno.test("the system's terminal sleeps until a signal wakes it", async () => {
  using terminal = new SystemTerminal();
  const controller = new AbortController();
  await terminal.sleep(0, controller.signal);
  const sleeping = terminal.sleep(1000, controller.signal);
  controller.abort(new Error("wake up"));
  await assertRejects(() => sleeping, Error, "wake up");
  await assertRejects(
    () => terminal.sleep(0, controller.signal),
    Error,
    "wake up",
  );
});

Deno.test("the system's terminal opens files, whose size it knows", async () => {
  using terminal = new SystemTerminal();
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "hello");
  const { stream, size } = await terminal.open(path);
  assertEquals(size, 5);
  assertEquals(await new Response(stream).text(), "hello");
  await Deno.remove(path);
  await assertRejects(() => terminal.open(path), Deno.errors.NotFound);
});

Deno.test("an interruption has the status that tells of its signal", () => {
  assertEquals(new Interruption("SIGINT").status, 130);
  assertEquals(new Interruption("SIGTERM").status, 143);
});

Deno.test("print() writes all, as far as somebody reads", async () => {
  const terminal = new FakeTerminal();
  const text = "x".repeat(2500);
  assertEquals(await print(terminal, text), 0);
  assertEquals(terminal.text, text);
  terminal.breakPipe();
  assertEquals(await print(terminal, text), 0);
});
