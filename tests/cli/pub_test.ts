import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { runPub } from "../../cli/_pub.ts";
import { UsageError } from "../../cli/_flags.ts";
import { type ApplicationMessage, PacketParser } from "../../mod.ts";
import { FakeTerminal } from "./_fake_terminal.ts";
import { RunningBroker } from "./_running_broker.ts";

/** What the command publishes to the topic t. */
async function published(
  count: number,
  args: string[],
  terminal = new FakeTerminal(),
): Promise<ApplicationMessage[]> {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.subscribe("t", { qos: 2, retainAsPublished: true });
  const status = await runPub(
    ["-p", broker.port, "-h", "127.0.0.1", "-t", "t", ...args],
    terminal,
  );
  assertEquals(terminal.errors, []);
  assertEquals(status, 0);
  await client.ping();
  const messages: ApplicationMessage[] = [];
  while (messages.length < count) {
    messages.push(await client.deliverMessage());
  }
  await assertRejects(() => client.deliverMessage({ timeout: 0 }));
  return messages;
}

function texts(messages: ApplicationMessage[]): string[] {
  return messages.map((message) => message.text());
}

for (const qos of [0, 1, 2] as const) {
  for (const version of ["3", "4", "5"]) {
    Deno.test(`pub publishes at QoS ${qos} with protocol version ${version}`, async () => {
      const [message] = await published(1, [
        "-m",
        "-21.5",
        "-q",
        `${qos}`,
        "-V",
        version,
      ]);
      assertEquals(message!.text(), "-21.5");
      assertEquals(message!.qos, qos);
      assertEquals(message!.retain, false);
    });
  }
}

Deno.test("pub -r has the message retained", async () => {
  const [message] = await published(1, ["-m", "x", "-r"]);
  assertEquals(message!.retain, true);
});

Deno.test("pub -n publishes an empty message, and so does -m ''", async () => {
  assertEquals(texts(await published(1, ["-n"])), [""]);
  assertEquals(texts(await published(1, ["-m", ""])), [""]);
});

Deno.test("pub -l publishes the lines of standard input, without blank ones", async () => {
  const terminal = new FakeTerminal();
  terminal.type("one\r\n\ntwo\nth");
  terminal.type("ree");
  terminal.endInput();
  assertEquals(texts(await published(3, ["-l", "-q", "1"], terminal)), [
    "one",
    "two",
    "three",
  ]);
});

Deno.test("pub -s publishes standard input as it is", async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
  const terminal = new FakeTerminal();
  terminal.type(bytes.subarray(0, 300));
  terminal.type(bytes.subarray(300));
  terminal.endInput();
  const [message] = await published(1, ["-s"], terminal);
  assertEquals(message!.payload, bytes);
});

Deno.test("pub -f publishes the lines of a file, --file-whole all of it", async () => {
  const files = { "a.txt": "one\ntwo\n" };
  assertEquals(
    texts(await published(2, ["-f", "a.txt"], new FakeTerminal({ files }))),
    ["one", "two"],
  );
  assertEquals(
    texts(
      await published(
        1,
        ["--file-whole", "a.txt"],
        new FakeTerminal({ files }),
      ),
    ),
    ["one\ntwo\n"],
  );
});

Deno.test("pub publishes many lines in their order", async () => {
  const count = 20_000;
  const all = Array.from({ length: count }, (_, i) => `line ${i}`);
  for (const qos of ["0", "1"]) {
    const terminal = new FakeTerminal({
      files: { many: all.join("\n") },
    });
    await using broker = await RunningBroker.start();
    await using client = await broker.client();
    await client.subscribe("t", { qos: 0 });
    const done = runPub(
      ["--url", broker.url, "-t", "t", "-f", "many", "-q", qos],
      terminal,
    );
    const seen: string[] = [];
    for await (const message of client.messages()) {
      seen.push(message.text());
      if (seen.length === count) break;
    }
    assertEquals(await done, 0);
    assertEquals(seen, all);
  }
});

Deno.test("pub refuses a wrong command line", async () => {
  const cases: [string[], string][] = [
    [["-m", "x"], "-t TOPIC is missing"],
    [["-t", "t"], "give exactly one of -m, -f, --file-whole, -l, -s and -n"],
    [["-t", "t", "-m", "x", "-n"], "give exactly one of"],
    [["-t", "t", "-l", "-s"], "give exactly one of"],
    [["-t", "t", "-n", "-q", "3"], '-q is "3", not a number from 0 to 2'],
    [["-t", "t", "-n", "--mesage", "x"], "did you mean --message?"],
    [["-t", "t", "-L", "mqtt://box/t", "-n"], "--url says the topic already"],
    [["-t", "t", "-l", "--repeat", "2"], "--repeat is for a single message"],
    [["-t", "t", "-n", "--repeat", "0"], "--repeat is"],
    [["-t", "t", "-n", "--repeat-delay", "1"], "needs --repeat"],
    [["-t", "t", "-n", "-M", "0"], "-M is"],
    [["-t", "t", "-n", "-D", "subscribe", "user-property", "a", "b"], "-D has"],
    [["-t", "t", "-n", "--proxy", "x"], "--proxy is not supported: "],
  ];
  for (const [args, message] of cases) {
    await assertRejects(
      () => runPub(args, new FakeTerminal()),
      UsageError,
      message,
    );
  }
});

Deno.test("pub --help and --version go to standard output", async () => {
  for (const args of [["--help"], ["-h"], ["-t", "x", "-h", "-n"]]) {
    const terminal = new FakeTerminal();
    assertEquals(await runPub(args, terminal), 0);
    assertStringIncludes(terminal.text, "Usage: ambermq pub");
    assertStringIncludes(terminal.text, "--file-whole FILE");
  }
  const terminal = new FakeTerminal();
  assertEquals(await runPub(["--version"], terminal), 0);
  assertMatch(terminal.text, /^ambermq \d+\.\d+\.\d+\n$/);
});

Deno.test("pub tells why it could not connect", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const terminal = new FakeTerminal();
  const url = `mqtt://127.0.0.1:${port}`;
  assertEquals(await runPub(["--url", url, "-t", "t", "-n"], terminal), 1);
  assertEquals(terminal.errors, [
    `ambermq pub: Cannot connect to 127.0.0.1:${port}: ` +
    "nothing accepts connections there; is the broker running?",
  ]);
});

Deno.test("pub exits with the return code of a broker that refuses", async () => {
  await using broker = await RunningBroker.start({
    plugins: [{ name: "nobody", authenticate: () => false }],
  });
  for (const [version, status] of [["3", 5], ["4", 5], ["5", 0x87]] as const) {
    const terminal = new FakeTerminal();
    const args = ["--url", broker.url, "-t", "t", "-n", "-V", version];
    assertEquals(await runPub(args, terminal), status);
    assertEquals(terminal.errors.length, 1);
    assertStringIncludes(terminal.errors[0]!, "the broker refused");
  }
});

Deno.test("pub goes on after a message that the broker refused, and exits with 1", async () => {
  await using broker = await RunningBroker.start({
    plugins: [{
      name: "no secrets",
      transform: (_, message) =>
        new TextDecoder().decode(message.payload) === "no" ? 0x87 : undefined,
    }],
  });
  await using client = await broker.client();
  await client.subscribe("t");
  const terminal = new FakeTerminal();
  terminal.type("one\nno\ntwo\n");
  terminal.endInput();
  const status = await runPub(
    ["--url", broker.url, "-t", "t", "-l", "-q", "1", "-V", "5"],
    terminal,
  );
  assertEquals(status, 1);
  assertEquals(terminal.errors.length, 1);
  assertStringIncludes(
    terminal.errors[0]!,
    "ambermq pub: Cannot publish: the broker refused it",
  );
  assertEquals((await client.deliverMessage()).text(), "one");
  assertEquals((await client.deliverMessage()).text(), "two");
});

Deno.test("pub fails for a file that is not there", async () => {
  await using broker = await RunningBroker.start();
  const terminal = new FakeTerminal();
  const status = await runPub(
    ["--url", broker.url, "-t", "t", "-f", "none"],
    terminal,
  );
  assertEquals(status, 1);
  assertEquals(terminal.errors, [
    "ambermq pub: Cannot read none: No such file: none",
  ]);
});

Deno.test("pub exits with 2 for what cannot be sent", async () => {
  await using broker = await RunningBroker.start();
  const cases: [string[], string][] = [
    [["--url", "http://box", "-t", "t"], "its scheme is none of"],
    [["--url", broker.url, "-t", "a/#"], "it has a wildcard"],
    [["--url", broker.url, "-t", "t", "-P", "p"], "without a user name"],
  ];
  for (const [args, message] of cases) {
    const terminal = new FakeTerminal();
    assertEquals(await runPub([...args, "-n"], terminal), 2);
    assertStringIncludes(terminal.errors[0]!, message);
  }
});

Deno.test("pub that is interrupted stops waiting for acknowledgements", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const terminal = new FakeTerminal();
  const url = `mqtt://127.0.0.1:${listener.addr.port}`;
  const done = runPub(["--url", url, "-t", "t", "-n", "-q", "1"], terminal);
  const connection = await listener.accept();
  const buffer = new Uint8Array(200);
  await connection.read(buffer); // CONNECT
  await connection.write(new Uint8Array([0x20, 2, 0, 0]));
  await connection.read(buffer); // PUBLISH
  terminal.interrupt();
  const count = await connection.read(buffer);
  assertEquals(buffer.slice(0, count!), new Uint8Array([0xe0, 0]));
  connection.close();
  assertEquals(await done, 130);
});

Deno.test("pub that is interrupted stops waiting for input, and exits with 130", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.subscribe("t");
  const terminal = new FakeTerminal();
  const done = runPub(["--url", broker.url, "-t", "t", "-l"], terminal);
  terminal.type("one\n");
  assertEquals((await client.deliverMessage()).text(), "one");
  terminal.interrupt();
  assertEquals(await done, 130);
  assertEquals(terminal.cancelled, true);
  assertEquals(terminal.errors, []);
});

Deno.test("pub does not wait for input when the connection is lost", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.subscribe("t");
  const terminal = new FakeTerminal();
  const done = runPub(["--url", broker.url, "-t", "t", "-l"], terminal);
  terminal.type("one\n");
  await client.deliverMessage();
  await broker.broker.shutdown();
  assertEquals(await done, 1);
  assertStringIncludes(terminal.errors[0]!, "ambermq pub: Connection lost: ");
});

Deno.test("pub -d tells what happens", async () => {
  await using broker = await RunningBroker.start();
  const terminal = new FakeTerminal();
  const args = ["--url", broker.url, "-t", "t", "-n", "-i", "me", "-d"];
  assertEquals(await runPub(args, terminal), 0);
  assertEquals(terminal.errors, [
    "Connecting as me",
    "Connected",
    "Published 1, disconnecting",
  ]);
});

Deno.test("pub takes the topic from the URL", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.subscribe("#");
  const terminal = new FakeTerminal();
  const args = ["-L", `${broker.url}/a/b`, "-m", "x"];
  assertEquals(await runPub(args, terminal), 0);
  assertEquals((await client.deliverMessage()).topic, "a/b");
});

Deno.test("pub -D publish has properties", async () => {
  const [message] = await published(1, [
    ...["-m", "x", "-D", "publish", "content-type", "text/plain"],
    ...["-D", "publish", "user-property", "a", "b"],
  ]);
  assertEquals(message!.properties, {
    contentType: "text/plain",
    userProperties: [["a", "b"]],
  });
});

/**
 * How many messages at the most a client of 3.1.1 has under way to a broker that
 * acknowledges at QoS 1 when so many have come.
 */
async function underWay(count: number, args: string[]): Promise<number> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const done = runPub(
    [...["-h", "127.0.0.1", "-p", `${port}`, "-t", "t", "-q", "1"], ...args],
    new FakeTerminal(),
  );
  using connection = await listener.accept();
  const parser = new PacketParser({ version: 4 });
  const buffer = new Uint8Array(65_536);
  let most = 0;
  const waiting: number[] = [];
  for (let length; (length = await connection.read(buffer)) !== null;) {
    parser.push(buffer.subarray(0, length));
    for (let packet; (packet = parser.next()) !== undefined;) {
      if (packet.type === "connect") {
        await connection.write(new Uint8Array([0x20, 2, 0, 0]));
      } else if (packet.type === "publish") waiting.push(packet.packetId!);
    }
    most = Math.max(most, waiting.length);
    if (waiting.length < count) continue;
    for (const id of waiting.splice(0)) {
      await connection.write(new Uint8Array([0x40, 2, id >> 8, id & 255]));
    }
  }
  assertEquals(await done, 0);
  return most;
}

Deno.test("pub has 20 messages under way before MQTT 5.0, or those of -M", async () => {
  const args = ["-m", "x", "--repeat"];
  assertEquals(await underWay(20, [...args, "60"]), 20);
  assertEquals(await underWay(3, [...args, "9", "-M", "3"]), 3);
  assertEquals(await underWay(30, [...args, "60", "-M", "30"]), 30);
});

Deno.test("pub --repeat publishes a message again, -M one at a time", async () => {
  assertEquals(texts(await published(3, ["-m", "x", "--repeat", "3"])), [
    ...["x", "x", "x"],
  ]);
  const more = ["-m", "x", "--repeat", "50", "-q", "1", "-M", "1"];
  assertEquals((await published(50, more)).length, 50);
});

Deno.test("pub --repeat-delay waits between one arrival and the next message", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.subscribe("t", { qos: 1 });
  const terminal = new FakeTerminal();
  const done = runPub([
    ...["--url", broker.url, "-t", "t", "-m", "x", "-q", "1"],
    ...["--repeat", "2", "--repeat-delay", "0.5"],
  ], terminal);
  await terminal.asleep();
  await client.deliverMessage();
  await client.ping();
  await assertRejects(() => client.deliverMessage({ timeout: 0 }));
  terminal.elapse(0.5);
  await client.deliverMessage();
  assertEquals(await done, 0);
});

Deno.test("pub shows how far it has come, on a terminal", async () => {
  await using broker = await RunningBroker.start();
  const terminal = new FakeTerminal({ width: 80 });
  const done = runPub([
    ...["--url", broker.url, "-t", "t", "-m", "x", "-q", "1"],
    ...["--repeat", "4", "--repeat-delay", "5"],
  ], terminal);
  for (let pause = 1; pause < 4; pause++) {
    await terminal.asleep();
    terminal.elapse(5);
  }
  assertEquals(await done, 0);
  assertEquals(terminal.statuses, [
    "[############------------] 50 %  2 messages, 0 per second",
    "[##################------] 75 %  3 messages, 0 per second",
    "[########################] 100 %  4 messages, 0 per second",
    "",
  ]);
});

Deno.test("pub --quiet tells no errors", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const terminal = new FakeTerminal();
  const args = ["-h", "127.0.0.1", "-p", `${port}`, "-t", "t", "-n"];
  assertEquals(await runPub([...args, "--quiet"], terminal), 1);
  assertEquals(terminal.errors, []);
});

Deno.test("pub that SIGTERM ends exits with 143", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.subscribe("t");
  const terminal = new FakeTerminal();
  const done = runPub(["--url", broker.url, "-t", "t", "-l"], terminal);
  terminal.type("one\n");
  await client.deliverMessage();
  terminal.interrupt("SIGTERM");
  assertEquals(await done, 143);
});

Deno.test("pub -q is stronger than the topics of -c, and these than default_qos", async () => {
  const config = await Deno.makeTempFile();
  await Deno.writeTextFile(
    config,
    "default_qos: 1\ndefault_retain: true\ntopics:\n" +
      "  t:\n    qos: 2\n    retain: false\n  zero: {qos: 0}\n",
  );
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.subscribe("#", { qos: 2, retainAsPublished: true });
  const cases: [string[], number, boolean][] = [
    [["-t", "t", "-c", config], 2, false],
    [["-t", "t", "-c", config, "-q", "0", "-r"], 0, true],
    [["-t", "zero", "-c", config], 0, true],
    [["-t", "other", "-c", config], 1, true],
    [["-t", "other", "-c", config, "-q", "0"], 0, true],
    [["-t", "other"], 0, false],
  ];
  for (const [args, qos, retain] of cases) {
    const terminal = new FakeTerminal();
    const all = ["--url", broker.url, "-m", "x", ...args];
    assertEquals(await runPub(all, terminal), 0);
    const message = await client.deliverMessage();
    assertEquals([message.qos, message.retain], [qos, retain], args.join(" "));
  }
  await Deno.remove(config);
});

Deno.test("pub connects again if -c says so, and not otherwise", async () => {
  const config = await Deno.makeTempFile();
  await Deno.writeTextFile(config, "auto_reconnect: true");
  const connack = new Uint8Array([0x20, 2, 0, 0]);
  for (const again of [false, true]) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const terminal = new FakeTerminal();
    const url = `mqtt://127.0.0.1:${listener.addr.port}`;
    const args = ["--url", url, "-t", "t", "-l"];
    const done = runPub(again ? [...args, "-c", config] : args, terminal);
    const first = await listener.accept();
    const buffer = new Uint8Array(200);
    await first.read(buffer); // CONNECT
    await first.write(connack);
    terminal.type("one\n");
    await first.read(buffer); // PUBLISH
    first.close();
    if (again) {
      using second = await listener.accept();
      await second.read(buffer);
      await second.write(connack);
      terminal.endInput();
      while (await second.read(buffer) !== null);
    }
    assertEquals(await done, again ? 0 : 1);
    assertMatch(
      terminal.errors[0]!,
      again
        ? /^ambermq pub: Connection lost: .*; trying again in \d\.\d s$/
        : /^ambermq pub: Connection lost: /,
    );
  }
  await Deno.remove(config);
});

Deno.test("pub does the examples of the reference's documentation", async () => {
  await using broker = await RunningBroker.start({
    listeners: {
      default: { bind: "127.0.0.1:0" },
      ws: { bind: "127.0.0.1:0", type: "ws" },
    },
  });
  await using client = await broker.client();
  await client.subscribe("#", { qos: 2, retainAsPublished: true });
  const ws = `ws://127.0.0.1:${broker.broker.addresses[1]!.port}`;
  const headers = '{"Authorization": "Bearer <token>"}';
  const sensor = ["-t", "sensors/temperature", "-m"];
  const examples: [string[], string[]][] = [
    [["--url", broker.url, ...sensor, "32", "-q", "1"], ["32 1 false"]],
    [["--url", broker.url, ...sensor, "1266193804 32"], [
      "1266193804 32 0 false",
    ]],
    [
      ["--url", broker.url, "-r", "-t", "switches/kitchen", "-m", "on"],
      ["on 0 true"],
    ],
    [["--url", broker.url, "-t", "my/topic", "-f", "./data"], [
      "1 0 false",
      "2 0 false",
    ]],
    [["--url", broker.url, "-t", "my/topic", "-s"], ["1\n2\n 0 false"]],
    [
      ["--url", ws, ...sensor, "32", "-q", "1", "--extra-headers", headers],
      ["32 1 false"],
    ],
  ];
  for (const [args, expected] of examples) {
    const terminal = new FakeTerminal({ files: { "./data": "1\n2\n" } });
    terminal.type("1\n2\n");
    terminal.endInput();
    assertEquals(await runPub(args, terminal), 0);
    for (const text of expected) {
      const message = await client.deliverMessage();
      const { qos, retain } = message;
      assertEquals(`${message.text()} ${qos} ${retain}`, text);
    }
  }
});
