import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { UsageError } from "../../cli/_flags.ts";
import { rrHelp, runRr } from "../../cli/_rr.ts";
import type { IncomingApplicationMessage, MQTTClient } from "../../mod.ts";
import { FakeTerminal } from "./_fake_terminal.ts";
import { RunningBroker } from "./_running_broker.ts";

/** A broker, and somebody there who answers requests to `q`. */
class Stage implements AsyncDisposable {
  readonly terminal: FakeTerminal;
  readonly broker: RunningBroker;
  readonly responder: MQTTClient;

  private constructor(
    terminal: FakeTerminal,
    broker: RunningBroker,
    responder: MQTTClient,
  ) {
    this.terminal = terminal;
    this.broker = broker;
    this.responder = responder;
  }

  static async start(terminal = new FakeTerminal()): Promise<Stage> {
    const broker = await RunningBroker.start();
    const responder = await broker.client();
    await responder.subscribe("q", { qos: 2 });
    return new Stage(terminal, broker, responder);
  }

  /** Begins the command. */
  run(...args: string[]): Promise<number> {
    const { port } = this.broker;
    return runRr(["-h", "127.0.0.1", "-p", port, ...args], this.terminal);
  }

  /** The next request. */
  request(): Promise<IncomingApplicationMessage> {
    return this.responder.deliverMessage(10);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.responder.disconnect();
    await this.broker[Symbol.asyncDispose]();
  }
}

for (const qos of [0, 1, 2]) {
  Deno.test(`rr writes the response to a request of QoS ${qos}`, async () => {
    await using stage = await Stage.start();
    const { responder, terminal } = stage;
    const running = stage.run("-t", "q", "-m", "6 x 7", "-q", String(qos));
    const request = await stage.request();
    assertEquals(request.text(), "6 x 7");
    assertEquals(request.qos, qos);
    assertMatch(
      request.properties!.responseTopic!,
      /^ambermq\/responses\/[0-9a-f]{32}$/,
    );
    assertEquals(request.properties!.correlationData!.length, 16);
    await responder.respond(request, "42");
    assertEquals(await running, 0);
    assertEquals(terminal.text, "42\n");
    assertEquals(terminal.errors, []);
  });
}

Deno.test("rr asks with a file, standard input or nothing", async () => {
  const files = { "/f": "two\nlines\n" };
  for (
    const [args, payload] of [
      [["-f", "/f"], "two\nlines\n"],
      [["-s"], "typed"],
      [["-n"], ""],
    ] as const
  ) {
    await using stage = await Stage.start(new FakeTerminal({ files }));
    stage.terminal.type("typed");
    stage.terminal.endInput();
    const running = stage.run("-t", "q", ...args);
    const request = await stage.request();
    assertEquals(request.text(), payload);
    await stage.responder.respond(request, "");
    assertEquals(await running, 0);
    assertEquals(stage.terminal.text, "\n");
  }
});

Deno.test("rr -e takes the first message to its topic that may be the response", async () => {
  await using stage = await Stage.start();
  const { responder, terminal } = stage;
  await responder.publish("re", "old", { retain: true, qos: 1 });
  const running = stage.run(
    ...["-t", "q", "-e", "re", "-m", "?", "-R", "-F", "%t %p %D"],
    ...["-D", "publish", "correlation-data", "mine"],
    ...["-D", "publish", "user-property", "a", "b"],
  );
  const request = await stage.request();
  assertEquals(request.properties!.responseTopic, "re");
  assertEquals(request.properties!.userProperties, [["a", "b"]]);
  const data = (text: string) => ({
    properties: { correlationData: new TextEncoder().encode(text) },
  });
  await responder.publish("re", "for others", data("ours"));
  await responder.publish("re", "same length", data("mime"));
  await responder.respond(request, "yes");
  assertEquals(await running, 0);
  assertEquals(terminal.text, "re yes mine\n");
});

Deno.test("rr -e takes a response without Correlation Data, and what was retained", async () => {
  await using stage = await Stage.start();
  await stage.responder.publish("re", "old", { retain: true, qos: 1 });
  assertEquals(await stage.run("-t", "q", "-e", "re", "-n", "-v"), 0);
  assertEquals(stage.terminal.text, "re old\n");
});

Deno.test("rr -e speaks older versions too", async () => {
  for (const version of ["mqttv31", "mqttv311"]) {
    await using stage = await Stage.start();
    const running = stage.run("-V", version, "-t", "q", "-e", "re", "-m", "?");
    const request = await stage.request();
    assertEquals(request.properties?.responseTopic, undefined);
    await stage.responder.publish("re", "yes");
    assertEquals(await running, 0);
    assertEquals(stage.terminal.text, "yes\n");
  }
});

Deno.test("rr fails where nobody gets the request", async () => {
  for (const more of [[], ["-e", "re"]]) {
    await using stage = await Stage.start();
    const args = ["-t", "nobody", "-n", "-q", "1", ...more];
    assertEquals(await stage.run(...args), 1);
    assertEquals(
      stage.terminal.errors,
      [
        'ambermq rr: Cannot request "nobody": nobody answers, ' +
        "No matching subscribers (0x10)",
      ],
    );
  }
});

Deno.test("rr -W ends with exit status 27", async () => {
  for (const more of [[], ["-e", "re"]]) {
    await using stage = await Stage.start();
    const { terminal } = stage;
    const running = stage.run("-t", "q", "-n", "-W", "2.5", ...more);
    await stage.request();
    terminal.elapse(2.5);
    assertEquals(await running, 27);
    assertEquals(
      terminal.errors,
      ["ambermq rr: No response came within 2.5 s"],
    );
  }
});

Deno.test("rr ends when it is interrupted, and when nobody reads its output", async () => {
  await using stage = await Stage.start();
  const interrupted = stage.run("-t", "q", "-n");
  await stage.request();
  stage.terminal.interrupt("SIGTERM");
  assertEquals(await interrupted, 143);
  await using other = await Stage.start();
  const running = other.run("-t", "q", "-n");
  other.terminal.breakPipe();
  await other.responder.respond(await other.request(), "x");
  assertEquals(await running, 0);
});

Deno.test("rr fails where the response is not the JSON that it should be", async () => {
  await using stage = await Stage.start();
  const running = stage.run("-t", "q", "-n", "-F", "%J");
  await stage.responder.respond(await stage.request(), "{");
  assertEquals(await running, 1);
  assertStringIncludes(stage.terminal.errors[0]!, "is none");
});

Deno.test("rr fails where there is no broker or no file", async () => {
  const terminal = new FakeTerminal();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String(silent.addr.port);
  const args = ["-h", "127.0.0.1", "-p", port, "-t", "q", "-f", "/none"];
  assertEquals(await runRr(args, terminal), 1);
  assertStringIncludes(terminal.errors[0]!, "/none");
});

for (
  const [why, args, message] of [
    ["no topic", ["-n"], "-t TOPIC is missing"],
    ["no message", ["-t", "q"], "give exactly one of -m, -f, -s and -n"],
    ["two of them", ["-t", "q", "-n", "-s"], "give exactly one of"],
    ["-V without -e", ["-t", "q", "-n", "-V", "4"], "-e TOPIC is missing"],
    ["a response topic of -D", [
      ...["-t", "q", "-n"],
      ...["-D", "publish", "response-topic", "r"],
    ], "-e says the response topic"],
    ["correlation data alone", [
      ...["-t", "q", "-n"],
      ...["-D", "publish", "correlation-data", "r"],
    ], "-D publish correlation-data needs -e"],
    ["two topics", ["-L", "mqtt://h/q", "-t", "q", "-n"], "--url says"],
  ] as const
) {
  Deno.test(`rr does not take: ${why}`, async () => {
    await assertRejects(
      () => runRr(args, new FakeTerminal()),
      UsageError,
      message,
    );
  });
}

Deno.test("rr --help shows its help, rr --version the version", async () => {
  const terminal = new FakeTerminal();
  assertEquals(await runRr(["--help"], terminal), 0);
  assertEquals(terminal.text, rrHelp);
  const other = new FakeTerminal();
  assertEquals(await runRr(["--version"], other), 0);
  assertMatch(other.text, /^ambermq \d+\.\d+\.\d+/);
});

Deno.test("rr -e -W ends where the broker has stopped answering", async () => {
  const terminal = new FakeTerminal();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String((listener.addr as Deno.NetAddr).port);
  const serving = (async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(4096);
    await connection.read(buffer);
    await connection.write(Uint8Array.of(0x20, 3, 0, 0, 0));
    await connection.read(buffer); // SUBSCRIBE
    const [, , high, low] = buffer;
    await connection.write(Uint8Array.of(0x90, 4, high!, low!, 0, 0));
    await connection.read(buffer); // PUBLISH
    terminal.elapse(1);
    while (await connection.read(buffer) !== null);
  })();
  const running = runRr(
    ["-h", "127.0.0.1", "-p", port, "-t", "q", "-e", "r", "-n", "-k", "0"]
      .concat(["-W", "1"]),
    terminal,
  );
  assertEquals(await running, 27);
  assertEquals(terminal.errors.length, 1);
  await serving;
});

Deno.test("rr has no request retained, whatever its configuration says of messages", async () => {
  const terminal = new FakeTerminal({ files: {} });
  await using stage = await Stage.start(terminal);
  await stage.responder.subscribe("q", { retainAsPublished: true });
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, "default_retain: true\n");
    for (const at of [[], ["-e", "my/answers"]]) {
      const args = ["-c", file, "-t", "q", "-m", "x", ...at];
      const running = stage.run(...args);
      const request = await Promise.race([
        stage.request(),
        running.then(() => assertEquals(terminal.errors, [])),
      ]);
      assertEquals(request!.retain, false);
      await stage.responder.respond(request!, "y");
      assertEquals(await running, 0);
    }
  } finally {
    await Deno.remove(file);
  }
});
