import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { UsageError } from "../../cli/_flags.ts";
import { runPub } from "../../cli/_pub.ts";
import { runSub } from "../../cli/_sub.ts";
import { makeCertificates } from "../_certificates.ts";
import { FakeTerminal } from "./_fake_terminal.ts";
import { RunningBroker } from "./_running_broker.ts";

for (const version of ["3", "4", "5"]) {
  Deno.test(`sub writes messages as they come, with protocol version ${version}`, async () => {
    await using broker = await RunningBroker.start();
    await using client = await broker.client();
    const terminal = new FakeTerminal();
    const done = runSub(
      ["--url", broker.url, "-t", "a/#", "-q", "2", "-V", version, "-d"],
      terminal,
    );
    await terminal.line("Subscribed to a/# with QoS 2");
    let expected = "";
    for (const qos of [0, 1, 2] as const) {
      await client.publish(`a/${qos}`, `text ${qos}`, { qos });
      expected += `text ${qos}\n`;
      await terminal.written(expected.length); // at once, not in the end
      assertEquals(terminal.text, expected);
    }
    terminal.interrupt();
    assertEquals(await done, 0);
  });
}

Deno.test("sub -v writes the topic too, -t may be given again", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const terminal = new FakeTerminal();
  const done = runSub(
    ["--url", broker.url, "-t", "a", "-t", "b", "-v", "-n", "3", "-d"],
    terminal,
  );
  await terminal.line("Subscribed to b");
  await client.publish("a", "1");
  await client.publish("c", "2");
  await client.publish("b", "");
  await client.publish("a", "3");
  assertEquals(await done, 0);
  assertEquals(terminal.text, "a 1\nb \na 3\n");
});

for (const flag of ["-n", "-C"]) {
  Deno.test(`sub ${flag} ends after so many messages`, async () => {
    await using broker = await RunningBroker.start();
    await using client = await broker.client();
    for (const topic of ["r/1", "r/2", "r/3"]) {
      await client.publish(topic, "kept", { retain: true, qos: 1 });
    }
    const terminal = new FakeTerminal();
    const args = ["--url", broker.url, "-t", "r/+", flag, "2"];
    assertEquals(await runSub(args, terminal), 0);
    assertEquals(terminal.text, "kept\nkept\n");
  });
}

Deno.test("sub writes bytes as they are", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const payload = Uint8Array.from({ length: 200_000 }, (_, i) => i % 256);
  const terminal = new FakeTerminal();
  const done = runSub(
    ["--url", broker.url, "-t", "t", "-n", "1", "-d"],
    terminal,
  );
  await terminal.line("Subscribed");
  await client.publish("t", payload);
  assertEquals(await done, 0);
  assertEquals(terminal.output.length, payload.length + 1);
  assertEquals(terminal.output.subarray(0, -1), payload);
});

Deno.test("sub writes many messages in their order", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const terminal = new FakeTerminal();
  const done = runSub(
    ["--url", broker.url, "-t", "t", "-n", "5000", "-d"],
    terminal,
  );
  await terminal.line("Subscribed");
  let expected = "";
  for (let n = 0; n < 5000; n++) {
    await client.publish("t", `${n}`);
    expected += `${n}\n`;
  }
  assertEquals(await done, 0);
  assertEquals(terminal.text, expected);
});

Deno.test("sub -W ends after so many seconds, with 27", async () => {
  await using broker = await RunningBroker.start();
  const terminal = new FakeTerminal();
  const args = ["--url", broker.url, "-t", "t", "-W", "2.5", "-d"];
  const done = runSub(args, terminal);
  await terminal.line("Subscribed");
  terminal.elapse(2.5);
  assertEquals(await done, 27);
  assertEquals(terminal.errors.at(-1), "ambermq sub: Timed out after 2.5 s");
});

Deno.test("sub refuses a wrong command line", async () => {
  const cases: [string[], string][] = [
    [[], "-t FILTER is missing"],
    [["-t", "t", "-m", "x"], "there is no flag -m"],
    [["-t", "t", "-F", "%Q"], '-F has "%Q"'],
    [["-t", "t", "-T", ""], '-T is "", but it is empty'],
    [["-t", "t", "--unix", "x"], "--unix is not supported: "],
    [["-t", "t", "-D", "publish", "content-type", "x"], '-D has "publish"'],
  ];
  for (const [args, message] of cases) {
    await assertRejects(
      () => runSub(args, new FakeTerminal()),
      UsageError,
      message,
    );
  }
});

Deno.test("sub --help and --version go to standard output", async () => {
  const terminal = new FakeTerminal();
  assertEquals(await runSub(["-h"], terminal), 0);
  assertStringIncludes(terminal.text, "Usage: ambermq sub");
  const other = new FakeTerminal();
  assertEquals(await runSub(["--version"], other), 0);
  assertMatch(other.text, /^ambermq \d/);
});

Deno.test("sub exits with 1 where nothing may be subscribed to", async () => {
  await using broker = await RunningBroker.start({
    plugins: [{
      name: "only a",
      authorize: (_, { topic }) => topic === "a",
    }],
  });
  for (const version of ["4", "5"]) {
    const terminal = new FakeTerminal();
    const url = ["--url", broker.url, "-V", version];
    assertEquals(await runSub([...url, "-t", "b", "-t", "c"], terminal), 1);
    assertEquals(terminal.errors.length, 2);
    assertStringIncludes(
      terminal.errors[0]!,
      'ambermq sub: Cannot subscribe to "b": ',
    );
    // a part is enough to go on with
    const other = new FakeTerminal();
    const done = runSub([...url, "-t", "a", "-t", "b", "-d"], other);
    await other.line('ambermq sub: Cannot subscribe to "b": ');
    other.interrupt();
    assertEquals(await done, 130);
  }
});

Deno.test("sub tells that the connection is lost, and exits with 1", async () => {
  await using broker = await RunningBroker.start();
  const terminal = new FakeTerminal();
  const done = runSub(["--url", broker.url, "-t", "t", "-d"], terminal);
  await terminal.line("Subscribed");
  await broker.broker.shutdown();
  assertEquals(await done, 1);
  assertStringIncludes(terminal.errors.at(-1)!, "ambermq sub: Connection lost");
});

/** Whether a command is over by the next turn of the event loop. */
function isOver(done: Promise<number>): Promise<boolean> {
  return Promise.race([
    done.then(() => true),
    new Promise<false>((resolve) => setTimeout(() => resolve(false))),
  ]);
}

Deno.test("sub writes all that came before the connection was lost", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const terminal = new FakeTerminal();
  const done = runSub(["--url", broker.url, "-t", "t", "-d"], terminal);
  await terminal.line("Subscribed");
  terminal.hold();
  for (const text of ["1", "2", "3"]) await client.publish("t", text);
  await client.disconnect();
  await terminal.stuck();
  await broker.broker.shutdown();
  await terminal.line("ambermq sub: Connection lost");
  assertEquals(await isOver(done), false);
  terminal.release();
  assertEquals(await done, 1);
  assertEquals(terminal.text, "1\n2\n3\n");
});

Deno.test("sub -W writes and acknowledges what came in time", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const args = ["--url", broker.url, "-i", "me", "-t", "t", "-q", "1", "-d"];
  const terminal = new FakeTerminal();
  const done = runSub([...args, "-W", "2.5"], terminal);
  await terminal.line("Subscribed");
  terminal.hold();
  await client.publish("t", "in time", { qos: 1 });
  await terminal.stuck();
  terminal.elapse(2.5);
  await terminal.line("ambermq sub: Timed out");
  assertEquals(await isOver(done), false);
  terminal.release();
  assertEquals(await done, 27);
  assertEquals(terminal.text, "in time\n");
  await client.publish("t", "later", { qos: 1 });
  const second = new FakeTerminal();
  assertEquals(await runSub([...args, "-C", "1"], second), 0);
  assertEquals(second.text, "later\n");
});

Deno.test("sub that is interrupted waits a moment for who reads its output", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const cases: [string[], number][] = [[[], 0], [["-C", "1"], 130]];
  for (const [more, status] of cases) {
    const terminal = new FakeTerminal();
    const args = ["--url", broker.url, "-t", "t", "-d", ...more];
    const done = runSub(args, terminal);
    await terminal.line("Subscribed");
    terminal.hold();
    await client.publish("t", "x");
    await terminal.stuck();
    terminal.interrupt();
    await terminal.asleep();
    assertEquals(await isOver(done), false);
    terminal.elapse(2);
    assertEquals(await done, status);
    assertEquals(terminal.text, "");
    terminal.release();
  }
});

Deno.test("sub ends when nobody reads its output", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const terminal = new FakeTerminal();
  const done = runSub(["--url", broker.url, "-t", "t", "-d"], terminal);
  await terminal.line("Subscribed");
  terminal.breakPipe();
  await client.publish("t", "x");
  assertEquals(await done, 0);
});

Deno.test("sub that is interrupted disconnects: there is no will", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.subscribe("#");
  const terminal = new FakeTerminal();
  const done = runSub(
    ["--url", broker.url, "-t", "t", "--will-topic", "will", "-d"],
    terminal,
  );
  await terminal.line("Subscribed");
  terminal.interrupt();
  assertEquals(await done, 130);
  await client.publish("end", "", { qos: 1 });
  assertEquals((await client.deliverMessage()).topic, "end");
});

Deno.test("sub -i gets what came while it was away", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  for (const version of ["4", "5"]) {
    const args = ["--url", broker.url, "-i", `me${version}`, "-V", version];
    const first = new FakeTerminal();
    const done = runSub([...args, "-t", "t", "-q", "1", "-d"], first);
    await first.line("Subscribed");
    first.interrupt();
    assertEquals(await done, 130);
    await client.publish("t", "meanwhile", { qos: 1 });
    const second = new FakeTerminal();
    const again = [...args, "-t", "t", "-q", "1", "-n", "1", "-d"];
    assertEquals(await runSub(again, second), 0);
    assertEquals(second.text, "meanwhile\n");
    assertEquals(second.errors[1], "Connected, session resumed");
  }
});

Deno.test("sub that is interrupted exits with 130, unless it got what it was for", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const cases: [string[], number, Deno.Signal, number][] = [
    [[], 0, "SIGINT", 130],
    [[], 0, "SIGTERM", 143],
    [[], 1, "SIGINT", 0],
    [["-C", "2"], 1, "SIGINT", 130],
  ];
  for (const [args, count, signal, status] of cases) {
    const terminal = new FakeTerminal();
    const all = ["--url", broker.url, "-t", "t", "-d", ...args];
    const done = runSub(all, terminal);
    await terminal.line("Subscribed");
    for (let n = 0; n < count; n++) await client.publish("t", "x");
    await terminal.written(count * 2);
    terminal.interrupt(signal);
    assertEquals(await done, status);
  }
});

Deno.test("sub -E ends as soon as the broker has subscribed", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const terminal = new FakeTerminal();
  const args = ["--url", broker.url, "-i", "me", "-q", "1", "-t", "t"];
  assertEquals(await runSub([...args, "-E"], terminal), 0);
  await client.publish("t", "kept", { qos: 1 });
  assertEquals(await runSub([...args, "-C", "1"], terminal), 0);
  assertEquals(terminal.text, "kept\n");
});

Deno.test("sub -U ends subscriptions of the session", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const terminal = new FakeTerminal();
  const args = ["--url", broker.url, "-i", "me", "-q", "1", "-d"];
  assertEquals(
    await runSub([...args, "-t", "a", "-t", "b", "-E"], terminal),
    0,
  );
  assertEquals(await runSub([...args, "-U", "a", "-E"], terminal), 0);
  await terminal.line("Unsubscribed from a");
  await client.publish("a", "1", { qos: 1 });
  await client.publish("b", "2", { qos: 1 });
  assertEquals(await runSub([...args, "-t", "c", "-C", "1"], terminal), 0);
  assertEquals(terminal.text, "2\n");
});

Deno.test("sub -R, -T and -C count only what is written", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.publish("r/1", "old", { retain: true, qos: 1 });
  const terminal = new FakeTerminal();
  const done = runSub([
    ...["--url", broker.url, "-t", "r/#", "-R", "-T", "r/no/#"],
    ...["-C", "2", "-v", "-d"],
  ], terminal);
  await terminal.line("Subscribed");
  for (const topic of ["r/no", "r/1", "r/no/2", "r/2"]) {
    await client.publish(topic, "new");
  }
  assertEquals(await done, 0);
  assertEquals(terminal.text, "r/1 new\nr/2 new\n");
});

Deno.test("sub --retained-only --remove-retained clears what the broker has, and ends", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  for (const topic of ["r/1", "r/2", "r/3"]) {
    await client.publish(topic, "old", { retain: true, qos: 1 });
  }
  const terminal = new FakeTerminal();
  assertEquals(
    await runSub([
      ...["--url", broker.url, "-t", "r/#", "-v", "-T", "r/3"],
      ...["--retained-only", "--remove-retained"],
    ], terminal),
    0,
  );
  assertEquals(
    terminal.text.trimEnd().split("\n").toSorted(),
    ["r/1 old", "r/2 old"],
  );
  await client.subscribe("r/#");
  assertEquals((await client.deliverMessage()).topic, "r/3");
  await client.ping();
  await assertRejects(() => client.deliverMessage({ timeout: 0 }));
});

Deno.test("sub --retain-as-published and --retain-handling are of MQTT 5.0", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  await client.publish("t", "old", { retain: true, qos: 1 });
  const terminal = new FakeTerminal();
  const done = runSub([
    ...["--url", broker.url, "-t", "t", "-V", "5", "-C", "1", "-d"],
    ...["--retain-as-published", "--retain-handling", "never", "-F", "%p %r"],
  ], terminal);
  await terminal.line("Subscribed");
  await client.publish("t", "new", { retain: true, qos: 1 });
  assertEquals(await done, 0);
  assertEquals(terminal.text, "new 1\n");
});

Deno.test("sub -F %J tells of a payload that is no JSON, and goes on", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const terminal = new FakeTerminal();
  const done = runSub(
    ["--url", broker.url, "-t", "t", "-F", "%J", "-C", "2", "-d"],
    terminal,
  );
  await terminal.line("Subscribed");
  await client.publish("t", "nope");
  await client.publish("t", "[1]");
  assertEquals(await done, 0);
  assertEquals(JSON.parse(terminal.text).payload, [1]);
  await terminal.line("ambermq sub: Cannot write the payload as JSON: ");
});

Deno.test("sub --json writes a line for each message", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const terminal = new FakeTerminal();
  const done = runSub(
    ["--url", broker.url, "-t", "t", "--json", "-C", "2", "-d"],
    terminal,
  );
  await terminal.line("Subscribed");
  await client.publish("t", "one\n");
  await client.publish("t", new Uint8Array([255]));
  assertEquals(await done, 0);
  const lines = terminal.text.trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  const common = { topic: "t", qos: 0, retain: false };
  const timestamp = "2027-01-15T08:00:00.000Z";
  assertEquals(lines, [
    { ...common, payload: "one\n", encoding: "utf-8", timestamp },
    { ...common, payload: "/w==", encoding: "base64", timestamp },
  ]);
});

for (const qos of [1, 2] as const) {
  Deno.test(`sub -C acknowledges no more than it writes, at QoS ${qos}`, async () => {
    await using broker = await RunningBroker.start();
    await using client = await broker.client();
    const args = ["--url", broker.url, "-i", "me", "-t", "t", "-q", `${qos}`];
    assertEquals(await runSub([...args, "-E"], new FakeTerminal()), 0);
    for (let n = 1; n <= 5; n++) await client.publish("t", `${n}`, { qos });
    let text = "";
    for (const count of ["2", "2", "1"]) {
      const terminal = new FakeTerminal();
      assertEquals(await runSub([...args, "-C", count], terminal), 0);
      text += terminal.text;
    }
    assertEquals(text, "1\n2\n3\n4\n5\n");
    const last = new FakeTerminal();
    const done = runSub([...args, "-C", "1", "-d"], last);
    await last.line("Subscribed");
    await client.publish("t", "end", { qos });
    assertEquals(await done, 0);
    assertEquals(last.text, "end\n"); // and nothing again
  });
}

Deno.test("sub leaves with the broker what it could not write", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const args = ["--url", broker.url, "-i", "me", "-t", "t", "-q", "1"];
  const broken = new FakeTerminal();
  const done = runSub([...args, "-d"], broken);
  await broken.line("Subscribed");
  broken.breakPipe();
  await client.publish("t", "x", { qos: 1 });
  assertEquals(await done, 0);
  const terminal = new FakeTerminal();
  assertEquals(await runSub([...args, "-C", "1"], terminal), 0);
  assertEquals(terminal.text, "x\n");
});

Deno.test("sub -N writes nothing for an empty message, and acknowledges it", async () => {
  await using broker = await RunningBroker.start();
  await using client = await broker.client();
  const args = ["--url", broker.url, "-i", "me", "-t", "t", "-q", "1"];
  const first = new FakeTerminal();
  const done = runSub([...args, "-N", "-C", "1", "-d"], first);
  await first.line("Subscribed");
  await client.publish("t", "", { qos: 1 });
  assertEquals(await done, 0);
  assertEquals(first.text, "");
  await client.publish("t", "next", { qos: 1 });
  const second = new FakeTerminal();
  assertEquals(await runSub([...args, "-C", "1"], second), 0);
  assertEquals(second.text, "next\n");
});

Deno.test("sub and pub reach brokers by TLS and WebSocket", async () => {
  await using certificates = await makeCertificates();
  const { ca, server, client, dir } = certificates;
  const bind = "127.0.0.1:0";
  const tls = {
    bind,
    ssl: true,
    certfile: server.certfile,
    keyfile: server.keyfile,
    cafile: ca.file,
  };
  const elsewhere = {
    bind,
    ssl: true,
    certfile: certificates.misnamed.certfile,
    keyfile: certificates.misnamed.keyfile,
  };
  await using broker = await RunningBroker.start({
    listeners: {
      mqtt: { bind },
      ws: { bind, type: "ws" },
      mqtts: tls,
      wss: { ...tls, type: "ws" },
      mutual: { ...tls, clientCert: "required" },
      mutualWss: { ...tls, type: "ws", clientCert: "required" },
      misnamed: elsewhere,
      misnamedWss: { ...elsewhere, type: "ws" },
    },
  });
  const ports = Object.fromEntries(
    broker.broker.addresses.map(({ name, port }) => [name, `${port}`]),
  );
  await Deno.writeTextFile(
    `${dir}/wss.yaml`,
    JSON.stringify({
      connection: { uri: `wss://127.0.0.1:${ports.wss}`, cafile: ca.file },
    }),
  );
  const own = ["--cert", client.certfile, "--key", client.keyfile];
  const mutual = ["-h", "127.0.0.1", "-p", ports.mutual!];
  const misnamed = [
    ...["-h", "127.0.0.1", "-p", ports.misnamed!],
    ...["--cafile", ca.file],
  ];
  const mutualWss = [
    ...["-L", `wss://127.0.0.1:${ports.mutualWss}`],
    ...["--cafile", ca.file],
  ];
  const misnamedWss = [
    ...["-L", `wss://127.0.0.1:${ports.misnamedWss}`],
    ...["--cafile", ca.file],
  ];
  const ways = [
    ["-h", "127.0.0.1", "-p", ports.mqtt!],
    ["-L", `ws://127.0.0.1:${ports.ws}/mqtt`, "--extra-headers", '{"x":"y"}'],
    ["-L", `mqtts://127.0.0.1:${ports.mqtts}`, "--ca-file", ca.file],
    ["-h", "localhost", "-p", ports.mqtts!, "--ca-data", ca.pem],
    ["-L", `wss://127.0.0.1:${ports.wss}`, "--cafile", ca.file],
    ["-c", `${dir}/wss.yaml`],
    [...mutual, "--cafile", ca.file, ...own],
    [...misnamed, "--insecure"],
    [...mutualWss, ...own],
    [...misnamedWss, "--insecure"],
  ];
  for (const way of ways) {
    const terminal = new FakeTerminal();
    const done = runSub([...way, "-t", "t", "-C", "1", "-d"], terminal);
    await Promise.race([terminal.line("Subscribed"), done]);
    const pub = new FakeTerminal();
    assertEquals(await runPub([...way, "-t", "t", "-m", "x"], pub), 0);
    assertEquals([await done, terminal.text], [0, "x\n"], way.join(" "));
  }
  const strange = [
    misnamed,
    misnamedWss,
    mutualWss,
    ["-L", `mqtts://127.0.0.1:${ports.mqtts}`],
    [...mutual, "--cafile", ca.file],
    [...mutual, "--cafile", certificates.otherCa.file, ...own],
  ];
  for (const way of strange) {
    const terminal = new FakeTerminal();
    assertEquals(await runPub([...way, "-t", "t", "-m", "x"], terminal), 1);
    assertStringIncludes(
      terminal.errors[0]!,
      "ambermq pub: Cannot connect to ",
    );
  }
});
