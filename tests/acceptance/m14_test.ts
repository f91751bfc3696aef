/** M14: the commands, with the flags and the behaviour that are documented. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { MQTTClient } from "../../mod.ts";
import { Process } from "../_process.ts";
import { ambermq, ConfiguredBroker, Folder, run } from "./_stage.ts";

const yaml = 'listeners: {default: {bind: "127.0.0.1:0"}}\n';

/** A broker, and a client that sees all. */
class Stage implements AsyncDisposable {
  readonly broker: ConfiguredBroker;
  readonly witness: MQTTClient;
  #subs = 0;

  private constructor(broker: ConfiguredBroker, witness: MQTTClient) {
    this.broker = broker;
    this.witness = witness;
  }

  static async start(more = ""): Promise<Stage> {
    const broker = await ConfiguredBroker.start(yaml + more);
    const witness = new MQTTClient({
      url: broker.url(),
      protocolVersion: 5,
    });
    await witness.connect();
    await witness.subscribe("#", { qos: 2, retainAsPublished: true });
    return new Stage(broker, witness);
  }

  get url(): string {
    return this.broker.url();
  }

  /** Runs `pub`, which has to succeed and to say nothing. */
  async pub(args: readonly string[], input?: string): Promise<void> {
    const outcome = await run(["pub", "--url", this.url, ...args], input);
    assertEquals(outcome, { code: 0, stdout: "", stderr: "" });
  }

  /** The next messages, each in one line. */
  async take(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) {
      const message = await this.witness.deliverMessage(10);
      const { topic, qos, retain } = message;
      lines.push(
        `${topic} ${qos}${retain ? " retained" : ""} ${message.text()}`,
      );
    }
    await this.witness.ping();
    return lines;
  }

  /** Runs `sub`, with an identifier, until it has subscribed. */
  async sub(...args: string[]): Promise<Process> {
    const id = args.includes("-i")
      ? args[args.indexOf("-i") + 1]!
      : `sub ${++this.#subs}`;
    const process = ambermq([
      ...["sub", "--url", this.url, "-i", id, "--clean-session", ...args],
    ]);
    await this.broker.find(new RegExp(`Subscribed: client "${id}"`));
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.witness.disconnect();
    await this.broker[Symbol.asyncDispose]();
  }
}

for (const name of ["broker", "pub", "sub"]) {
  Deno.test(`M14: ${name} --version and --help go to standard output, with status 0`, async () => {
    const version = await run([name, "--version"]);
    assertEquals([version.code, version.stderr], [0, ""]);
    assertMatch(version.stdout, /^ambermq \d+\.\d+\.\d+/);
    for (const flag of ["--help", "-h"]) {
      const help = await run([name, flag]);
      assertEquals([help.code, help.stderr], [0, ""]);
      assertStringIncludes(help.stdout, `Usage: ambermq ${name}`);
      assertStringIncludes(help.stdout, "Exit status:");
    }
  });
}

Deno.test("M14: entry files for the compiled tools do the same", async () => {
  for (const name of ["pub", "sub"]) {
    await using process = new Process(Deno.execPath(), [
      ...["run", "-A", "--quiet", `cli/ambermq_${name}.ts`, "--help"],
    ]);
    const lines = await process.lines();
    assertMatch(lines.join("\n"), new RegExp(`^Usage: ambermq[ _]${name}`));
  }
});

Deno.test("M14: pub has one source: -m, -n, -s, -l, -f", async () => {
  await using stage = await Stage.start();
  const { folder } = stage.broker;
  const file = await folder.write("data", "one\n\ntwo\r\n  \nthree");
  await stage.pub(["-t", "m", "-m", "text"]);
  await stage.pub(["-t", "m", "-m", ""]);
  await stage.pub(["-t", "n", "-n"]);
  await stage.pub(["-t", "s", "-s"], "all\n\nof it\n");
  await stage.pub(["-t", "l", "-l"], "one\n\ntwo\n");
  await stage.pub(["-t", "f", "-f", file]);
  await stage.pub(["-t", "w", "--file-whole", file]);
  assertEquals(await stage.take(10), [
    "m 0 text",
    "m 0 ",
    "n 0 ",
    "s 0 all\n\nof it\n",
    "l 0 one",
    "l 0 two",
    "f 0 one",
    "f 0 two",
    "f 0   ",
    "f 0 three",
  ]);
  assertEquals(await stage.take(1), ["w 0 one\n\ntwo\r\n  \nthree"]);
});

Deno.test("M14: trap 13: -l strips the line feed and skips blank lines", async () => {
  await using stage = await Stage.start();
  await stage.pub(["-t", "l", "-l", "-q", "1"], "\n\na\n\r\n\nb\n\n");
  await stage.pub(["-t", "l", "-m", "end"]);
  assertEquals(await stage.take(3), ["l 1 a", "l 1 b", "l 0 end"]);
});

for (const flag of ["-s", "--file-whole", "-f"]) {
  Deno.test(`M14: traps 14 and 15: ${flag} is safe for all bytes`, async () => {
    await using stage = await Stage.start();
    const bytes = Uint8Array.from({ length: 512 }, (_, i) => i % 256)
      .filter((byte) => flag !== "-f" || byte !== 10 && byte !== 13);
    const file = stage.broker.folder.file("bytes");
    await Deno.writeFile(file, bytes);
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--quiet", "cli/mod.ts", "pub", "--url", stage.url],
        ...["-t", "b", flag, ...(flag === "-s" ? [] : [file])],
      ],
      cwd: new URL("../../", import.meta.url),
      stdin: "piped",
    }).spawn();
    await ReadableStream.from([flag === "-s" ? bytes : new Uint8Array()])
      .pipeTo(child.stdin);
    assertEquals((await child.status).code, 0);
    assertEquals((await stage.witness.deliverMessage(10)).payload, bytes);
  });
}

Deno.test("M14: sub writes the payload and a line feed, whatever its bytes, at once", async () => {
  await using stage = await Stage.start();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", "cli/mod.ts", "sub", "--url", stage.url],
      ...["-t", "b", "-n", "2"],
    ],
    cwd: new URL("../../", import.meta.url),
    stdin: "null",
    stdout: "piped",
  }).spawn();
  await stage.broker.find(/Subscribed: client "ambermq_sub/);
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  await stage.witness.publish("b", bytes);
  const reader = child.stdout.getReader();
  const first: number[] = [];
  // It has not ended: this is not held back.
  while (first.length < 257) first.push(...(await reader.read()).value!);
  assertEquals(first, [...bytes, 10]);
  await stage.witness.publish("b", "");
  assertEquals([...(await reader.read()).value!], [10]);
  assertEquals((await child.status).code, 0);
  await reader.cancel();
});

Deno.test("M14: pub and sub have the identifier, the session and the keep alive that they are told", async () => {
  await using stage = await Stage.start(
    "plugins: [packet_logger_plugin]\n",
  );
  const { broker } = stage;
  const message = ["-t", "a", "-m", "x"];
  const connect = async (id: string, ...args: string[]): Promise<string> => {
    await stage.pub([...message, ...args]);
    return await broker.find(
      new RegExp(`<-in-- CONNECT .*clientId="${id}"`),
    );
  };
  const own = await connect('ambermq_pub/\\d+-[^"]+');
  assertMatch(own, /cleanStart=true/);
  assertMatch(own, /keepAlive=10/);
  const told = await connect("me", "-i", "me", "-k", "77");
  // As documented: the flag sets it, and an identifier goes on without it.
  assertMatch(told, /cleanStart=false/);
  assertMatch(told, /keepAlive=77/);
  const clean = await connect("you", "-i", "you", "--clean-session");
  assertMatch(clean, /cleanStart=true/);
  const sub = await run(["sub", "--url", stage.url, "-t", "x", "-E"]);
  assertEquals(sub.code, 0);
  await broker.find(/CONNECT .*clientId="ambermq_sub\/\d+-/);
});

Deno.test("M14: -q, -r and the will are what they say; trap 20: a topic is will enough", async () => {
  await using stage = await Stage.start();
  await stage.pub(["-t", "a", "-m", "x", "-q", "2", "-r"]);
  await stage.pub(["-t", "a", "-m", "y", "--qos", "1"]);
  assertEquals(await stage.take(2), ["a 2 retained x", "a 1 y"]);
  for (
    const [args, expected] of [
      [["--will-topic", "w1"], "w1 0 "],
      [["--will-topic", "w2", "--will-message", "gone"], "w2 0 gone"],
      [
        [
          ...["--will-topic", "w3", "--will-message", "gone"],
          ...["--will-qos", "2", "--will-retain"],
        ],
        "w3 2 retained gone",
      ],
    ] as const
  ) {
    const sub = await stage.sub("-t", "x", ...args);
    await using _ = sub;
    sub.kill("SIGKILL");
    assertEquals(await stage.take(1), [expected]);
  }
  for (const flag of ["--will-message", "--will-qos"]) {
    const args = ["pub", "--url", stage.url, "-t", "a", "-m", "x", flag, "1"];
    const { code, stderr } = await run(args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "a will needs --will-topic");
  }
});

Deno.test("M14: trap 12: the flag is stronger than topics, topics than the default", async () => {
  await using stage = await Stage.start();
  const config = await stage.broker.folder.write(
    "client.yaml",
    "keep_alive: 10\nping_delay: 1\ndefault_qos: 2\ndefault_retain: false\n" +
      "auto_reconnect: false\nreconnect_max_interval: 10\n" +
      "reconnect_retries: 2\ntopics:\n  t: {qos: 1, retain: true}\n",
  );
  const args = ["-m", "x", "-c", config];
  await stage.pub(["-t", "other", ...args]);
  await stage.pub(["-t", "t", ...args]);
  await stage.pub(["-t", "t", "-q", "0", ...args]);
  await stage.pub(["-t", "other", "-q", "0", "-r", ...args]);
  assertEquals(await stage.take(4), [
    "other 2 x",
    "t 1 retained x",
    "t 0 retained x",
    "other 0 retained x",
  ]);
});

Deno.test("M14: sub takes several filters, counts, and says which is refused", async () => {
  await using stage = await Stage.start(
    "topic-check: {enabled: on, acl: {anonymous: ['a/#', 'b/#', '#']," +
      " ann: ['a/#']}}\n",
  );
  const sub = await stage.sub(
    ...["-t", "a/#", "-t", "b/#", "-q", "1", "-n", "3", "-F", "%t %q %p"],
  );
  await using _ = sub;
  for (const topic of ["a/1", "c/1", "b/1", "a/2", "a/3"]) {
    await stage.witness.publish(topic, "x", { qos: 2 });
  }
  assertEquals(await sub.lines(), ["a/1 1 x", "b/1 1 x", "a/2 1 x"]);
  const refused = await run([
    ...["sub", "--url", stage.url, "-u", "ann", "-P", "x", "-t", "b"],
  ]);
  assertEquals(refused.code, 1);
  assertStringIncludes(
    refused.stderr,
    'ambermq sub: Cannot subscribe to "b": ',
  );
  // One of two: it goes on with the other, and says so.
  const half = ambermq([
    ...["sub", "--url", stage.url, "-u", "ann", "-P", "x", "-t", "b"],
    ...["-t", "a/x", "-n", "1"],
  ]);
  await using __ = half;
  await half.stderr.find(/Cannot subscribe to "b"/);
  await stage.witness.publish("a/x", "for ann");
  assertEquals(await half.lines(), ["for ann"]);
});

for (
  const [what, args, code, problem] of [
    ["no topic", ["-m", "x"], 2, "-t TOPIC is missing"],
    ["no source", ["-t", "a"], 2, "give exactly one of -m, -f"],
    ["two sources", ["-t", "a", "-m", "x", "-n"], 2, "give exactly one of"],
    [
      "a wrong QoS",
      ["-t", "a", "-n", "-q", "3"],
      2,
      '-q is "3", not a number from 0 to 2',
    ],
    ["a wildcard", ["-t", "a/#", "-n"], 2, "a/#"],
    ["an unknown flag", ["-t", "a", "--retian"], 2, "did you mean --retain?"],
    ["no value", ["-t"], 2, "-t needs a value: TOPIC"],
    [
      "no such file",
      ["-t", "a", "-f", "/nonexistent/file"],
      1,
      "/nonexistent/file",
    ],
    [
      "no such configuration",
      ["-t", "a", "-n", "-c", "/nonexistent/file"],
      1,
      "/nonexistent/file: there is no such file",
    ],
    [
      "headers that are no JSON",
      ["-t", "a", "-n", "--extra-headers", "{a"],
      2,
      "--extra-headers",
    ],
    [
      "a URL that is none",
      ["-t", "a", "-n", "--url", "http://localhost"],
      2,
      "its scheme is none of mqtt, mqtts, ws and wss",
    ],
    [
      "nobody there",
      ["-t", "a", "-n", "--url", "mqtt://127.0.0.1:1"],
      1,
      "Cannot connect to 127.0.0.1:1: nothing accepts connections there",
    ],
    [
      "no such host",
      ["-t", "a", "-n", "--url", "mqtt://nobody.invalid"],
      1,
      "Cannot connect to nobody.invalid:1883: ",
    ],
  ] as const
) {
  Deno.test(`M14: pub with ${what} ends with ${code} and says why`, async () => {
    await using stage = await Stage.start();
    const where = (args as readonly string[]).includes("--url")
      ? []
      : ["--url", stage.url];
    const outcome = await run(["pub", ...where, ...args]);
    assertEquals(outcome.code, code, outcome.stderr);
    assertStringIncludes(outcome.stderr, "ambermq pub: ");
    assertStringIncludes(outcome.stderr, problem);
    assertEquals(outcome.stdout, "");
    assert(!outcome.stderr.includes("    at "), outcome.stderr);
  });
}

Deno.test("M14: a configuration of a client that is wrong is pointed at", async () => {
  await using folder = await Folder.make({
    "a.yaml": "keep_alive: 10\ndefault_qos: 7\n",
    "b.yaml": "keep_alive: [\n",
    "c.yaml": "keep_alife: 10\n",
  });
  for (
    const [name, problem] of [
      ["a.yaml", "2:1: default_qos is 7, not an integer from 0 to 2"],
      ["b.yaml", ": it is not YAML"],
      ["c.yaml", "1:1: there is no keep_alife; did you mean keep_alive?"],
    ] as const
  ) {
    for (const command of ["pub", "sub"]) {
      const source = command === "pub" ? ["-n"] : [];
      const { code, stderr } = await run([
        ...[command, "-p", "1", "-t", "a", ...source, "-c", folder.file(name)],
      ]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, `${folder.file(name)}:`);
      assertStringIncludes(stderr, problem);
    }
  }
});

Deno.test("M14: trap 7: auto-reconnect is off on the command line, unless the configuration turns it on", async () => {
  await using folder = await Folder.make({
    "on.yaml": "auto_reconnect: true\nreconnect_retries: 1\n" +
      "reconnect_max_interval: 1\n",
  });
  const args = ["pub", "-p", "1", "-t", "a", "-n"];
  const off = await run(args);
  assertEquals(off.code, 1);
  assertEquals(off.stderr.match(/Cannot connect/g)?.length, 1);
  const on = await run([...args, "-c", folder.file("on.yaml")]);
  assertEquals(on.code, 1);
  assertEquals(on.stderr.match(/trying again in/g)?.length, 1, on.stderr);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`M14: ${signal} ends sub and pub with DISCONNECT, and the broker with 0`, async () => {
    await using stage = await Stage.start();
    const sub = await stage.sub("-i", "the sub", "-t", "a");
    await using _ = sub;
    sub.kill(signal);
    const { code: status } = await sub.status();
    assertEquals([status, sub.stderr.all], [code, []]);
    // An orderly end is no warning.
    await stage.broker.find(/INFO - Disconnected: .*"the sub"/);
    // What has received something, for ever, did what it was for.
    const fed = await stage.sub("-i", "fed", "-t", "a");
    await using __ = fed;
    await stage.witness.publish("a", "x");
    await fed.stdout.find(/x/);
    fed.kill(signal);
    assertEquals((await fed.status()).code, 0);
    const pub = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--quiet", "cli/mod.ts", "pub", "--url", stage.url],
        ...["-i", "the pub", "--clean-session", "-t", "a", "-l"],
      ],
      cwd: new URL("../../", import.meta.url),
      stdin: "piped",
    }).spawn();
    // It has a line, and waits for more.
    const writer = pub.stdin.getWriter();
    await writer.write(new TextEncoder().encode("a line\n"));
    assertEquals(await stage.take(2), ["a 0 x", "a 0 a line"]);
    pub.kill(signal);
    assertEquals((await pub.status).code, code);
    await writer.close();
    await stage.broker.find(/INFO - Disconnected: .*"the pub"/);
    stage.broker.process.kill(signal);
    assertEquals((await stage.broker.process.status()).code, 0);
    await stage.broker.find(new RegExp(`INFO - Stopping: ${signal}`));
  });
}

Deno.test("M14: -d says what happens, on standard error; without it nothing is said", async () => {
  await using stage = await Stage.start();
  const { code, stdout, stderr } = await run([
    ...["pub", "--url", stage.url, "-t", "a", "-m", "x", "-d"],
  ]);
  assertEquals([code, stdout], [0, ""]);
  const lines = stderr.split("\n");
  assertMatch(lines[0]!, /Connecting as ambermq_pub\//);
  assertMatch(stderr, /Connected/);
  assertMatch(stderr, /disconnecting/i);
});
