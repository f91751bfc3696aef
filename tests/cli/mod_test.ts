import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { RunningBroker } from "./_running_broker.ts";

const root = new URL("../../", import.meta.url);

interface Result {
  readonly status: number;
  readonly out: string;
  readonly error: string;
}

function start(entry: string, args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-net", "--allow-read", entry, ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function result(process: Deno.ChildProcess): Promise<Result> {
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  return {
    status: code,
    out: decoder.decode(stdout),
    error: decoder.decode(stderr),
  };
}

async function run(entry: string, ...args: string[]): Promise<Result> {
  const process = start(entry, args);
  await process.stdin.close();
  return await result(process);
}

Deno.test("ambermq --version and --help", async () => {
  const version = `ambermq ${config.version}\n`;
  const entries = ["mod", "ambermq_pub", "ambermq_sub"];
  for (const entry of entries) {
    assertEquals(await run(`cli/${entry}.ts`, "--version"), {
      status: 0,
      out: version,
      error: "",
    });
  }
  const help = await run("cli/mod.ts", "--help");
  assertEquals(help.status, 0);
  for (const command of ["broker", "pub", "sub", "test"]) {
    assertMatch(help.out, new RegExp(`^  ${command} `, "m"));
  }
  const pub = await run("cli/ambermq_pub.ts", "-h");
  assertEquals(pub.status, 0);
  assertStringIncludes(pub.out, "Usage: ambermq pub -t TOPIC");
});

Deno.test("ambermq exits with 2 for a wrong command line", async () => {
  const none = await run("cli/mod.ts");
  assertEquals([none.status, none.out], [2, ""]);
  assertStringIncludes(none.error, "Usage: ambermq COMMAND");
  const command = await run("cli/mod.ts", "pbu");
  assertEquals([command.status, command.out], [2, ""]);
  assertEquals(
    command.error,
    "ambermq: there is no command pbu; did you mean pub?\n\n" +
      "ambermq --help tells more\n",
  );
  const flag = await run("cli/mod.ts", "sub", "--topik", "a");
  assertEquals([flag.status, flag.out], [2, ""]);
  assertEquals(
    flag.error,
    "ambermq sub: there is no flag --topik; did you mean --topic?\n\n" +
      "ambermq sub --help tells more\n",
  );
});

Deno.test("ambermq tells that its output cannot be written", {
  ignore: Deno.build.os !== "linux", // which has /dev/full
}, async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.publish("t", "x", { retain: true, qos: 1 });
  const problem = "Cannot write to standard output: " +
    "No space left on device (os error 28)\n";
  const sub = ["sub", "-L", broker.url, "-t", "t", "-C", "1"];
  const cases: [string[], string][] = [
    [["--help"], "ambermq"],
    [["--version"], "ambermq"],
    [["sub", "--help"], "ambermq sub"],
    [["config", "schema"], "ambermq config"],
    [sub, "ambermq sub"],
  ];
  for (const [args, name] of cases) {
    const line = [Deno.execPath(), "run", "-A", "cli/mod.ts", ...args];
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", '"$@" >/dev/full', "sh", ...line],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    const error = new TextDecoder().decode(stderr);
    assertEquals([code, error], [1, `${name}: ${problem}`]);
  }
});

Deno.test("ambermq sub writes what ambermq pub reads, until SIGTERM", async () => {
  await using broker = await RunningBroker.start();
  const sub = start("cli/ambermq_sub.ts", [
    "--url",
    broker.url,
    "-t",
    "t",
    "-v",
  ]);
  const output = sub.stdout.getReader();
  // It says nothing when it has subscribed: a retained message tells it.
  await using client = await broker.client();
  await client.publish("t", "0", { retain: true, qos: 1 });
  const decoder = new TextDecoder();
  let text = "";
  const read = async (length: number) => {
    while (text.length < length) {
      const { value, done } = await output.read();
      if (done) return;
      text += decoder.decode(value);
    }
  };
  await read(4);
  const pub = start("cli/ambermq_pub.ts", [
    "--url",
    broker.url,
    "-t",
    "t",
    "-l",
  ]);
  const input = pub.stdin.getWriter();
  await input.write(new TextEncoder().encode("1\n2\n"));
  await input.close();
  assertEquals(await result(pub), { status: 0, out: "", error: "" });
  await read(12);
  assertEquals(text, "t 0\nt 1\nt 2\n");
  if (Deno.build.os !== "windows") {
    sub.kill("SIGTERM");
  } else await broker.broker.shutdown();
  await read(Infinity);
  output.releaseLock();
  const { code } = await sub.status;
  assertEquals(code, Deno.build.os === "windows" ? 1 : 0);
  await sub.stdin.close();
  await sub.stderr.cancel();
});

Deno.test("ambermq pub exits with 1 where there is no broker", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const { status, out, error } = await run(
    "cli/mod.ts",
    "pub",
    "-h",
    "127.0.0.1",
    "-p",
    `${port}`,
    "-t",
    "t",
    "-m",
    "x",
  );
  assertEquals([status, out], [1, ""]);
  assertStringIncludes(error, "is the broker running?");
});

Deno.test("ambermq exits with 1 for a wrong configuration, and says where", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "keep_alive: 10\nqos: 1\n");
  for (const command of ["pub", "sub"]) {
    const args = [command, "-c", file, "-t", "t"];
    if (command === "pub") args.push("-n");
    const { status, out, error } = await run("cli/mod.ts", ...args);
    assertEquals([status, out], [1, ""]);
    assertStringIncludes(
      error,
      `ambermq ${command}: Cannot read the configuration of the client: ` +
        `${file}:2:1: `,
    );
  }
  await Deno.remove(file);
});

Deno.test("ambermq completions prints a script", async () => {
  const { status, out } = await run("cli/mod.ts", "completions", "bash");
  assertEquals(status, 0);
  for (const command of ["broker", "pub", "sub", "completions"]) {
    assertStringIncludes(out, `_ambermq_${command}()`);
  }
});
