import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UsageError } from "../../cli/_flags.ts";
import { runTest } from "../../cli/_test.ts";
import { makeCertificates } from "../_certificates.ts";
import { FakeTerminal } from "./_fake_terminal.ts";
import { RunningBroker } from "./_running_broker.ts";

Deno.test("test reports what a broker does, as a text", async () => {
  await using running = await RunningBroker.start();
  const terminal = new FakeTerminal();
  const args = [running.url, "--version", "5.0", "--filter", "PINGREQ is"];
  assertEquals(await runTest(args, terminal), 0);
  assertEquals(
    terminal.text,
    "\nPINGREQ, keep alive, DISCONNECT and AUTH\n" +
      "  ok      each PINGREQ is answered with PINGRESP (5.0)\n\n" +
      "1 passed, 0 failed, 0 skipped, 0 informative\n",
  );
  assertEquals(terminal.errors, []);
});

Deno.test("test reports as JSON and as JUnit, and the URL may be a flag", async () => {
  await using running = await RunningBroker.start();
  for (const format of ["json", "junit"]) {
    const terminal = new FakeTerminal();
    const args = ["-L", running.url, "--filter", "PINGREQ is"];
    assertEquals(await runTest([...args, "--format", format], terminal), 0);
    if (format === "json") {
      assertEquals(JSON.parse(terminal.text).totals.passed, 3);
    } else {assertStringIncludes(
        terminal.text,
        '<testsuites name="ambermq test',
      );}
  }
});

Deno.test("test goes by TLS and by WebSocket", async () => {
  await using certificates = await makeCertificates();
  const { certfile, keyfile } = certificates.server;
  await using running = await RunningBroker.start({
    listeners: {
      ws: { type: "ws", bind: "127.0.0.1:0" },
      tls: { bind: "127.0.0.1:0", ssl: true, certfile, keyfile },
    },
  });
  const ports = new Map(
    running.broker.addresses.map(({ name, port }) => [name, port]),
  );
  const targets = [
    [`ws://127.0.0.1:${ports.get("ws")}/mqtt`],
    [`mqtts://localhost:${ports.get("tls")}`, "--cafile", certificates.ca.file],
  ];
  for (const target of targets) {
    const terminal = new FakeTerminal();
    const filter = ["--filter", "QoS 2 is answered"];
    assertEquals(await runTest([...target, ...filter], terminal), 0);
    assertStringIncludes(terminal.text, "\n3 passed, 0 failed");
  }
});

Deno.test("test ends when it is interrupted, and says how far it came", async () => {
  await using running = await RunningBroker.start();
  const terminal = new FakeTerminal();
  const args = [running.url, "--filter", "times its keep alive"];
  const ending = runTest([...args, "--slow"], terminal);
  await terminal.asleep();
  terminal.interrupt();
  assertEquals(await ending, 130);
  assertStringIncludes(terminal.text, "0 passed, 0 failed");
});

Deno.test("test exits with 1 if a check fails", async () => {
  await using running = await RunningBroker.start({
    plugins: [{
      name: "wrong",
      authorize: (_, { action }) => action !== "subscribe",
    }],
  });
  const terminal = new FakeTerminal();
  const args = [running.url, "--filter", "the same filter again"];
  assertEquals(await runTest(args, terminal), 1);
  assertStringIncludes(terminal.text, "FAILED  the same filter again replaces");
});

Deno.test("test takes a user name and a password, from the URL too", async () => {
  const seen: (string | undefined)[] = [];
  await using running = await RunningBroker.start({
    plugins: [{
      name: "auth",
      authenticate: ({ username }, password) => {
        const text = new TextDecoder().decode(password);
        seen.push(`${username}:${text}`);
        return username === "a b" && text === "c";
      },
    }],
  });
  const only = ["--filter", "PINGREQ is"];
  const url = new URL(running.url);
  const given = [url.href, "-u", "a b", "-P", "c", ...only];
  assertEquals(await runTest(given, new FakeTerminal()), 0);
  const terminal = new FakeTerminal();
  const within = `mqtt://a%20b:c@${url.host}`;
  const json = ["--format", "json"];
  assertEquals(await runTest([within, ...only, ...json], terminal), 0);
  assertEquals(terminal.text.includes("a%20b"), false);
  assertEquals(new Set(seen), new Set(["a b:c"]));
});

Deno.test("test exits with 3 if nobody is there, or nobody is let in", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const terminal = new FakeTerminal();
  const url = `mqtt://127.0.0.1:${port}`;
  assertEquals(await runTest([url], terminal), 3);
  assertStringIncludes(terminal.errors[0]!, `Cannot test ${url}: `);
  await using running = await RunningBroker.start({
    plugins: [{ name: "no", authenticate: () => false }],
  });
  assertEquals(await runTest([running.url], new FakeTerminal()), 3);
});

Deno.test("test lists its checks without a broker", async () => {
  const terminal = new FakeTerminal();
  assertEquals(await runTest(["--list", "--version", "3.1.1"], terminal), 0);
  assertStringIncludes(terminal.text, "MQTT-3.12.4-1");
  assertEquals(terminal.text.includes("(5.0)"), false);
});

Deno.test("test shows its help", async () => {
  const terminal = new FakeTerminal();
  assertEquals(await runTest(["--help"], terminal), 0);
  assertStringIncludes(terminal.text, "Usage: ambermq test URL [options]");
});

Deno.test("test refuses a wrong command line", async () => {
  const url = "mqtt://127.0.0.1:1";
  const wrong: [string[], string][] = [
    [[], "the URL is missing"],
    [["http://host"], "is no URL of a broker"],
    [["host"], "is no URL of a broker"],
    [[url, "--version", "6"], "--version is"],
    [[url, "--format", "xml"], "--format is"],
    [[url, "--timeout", "0"], "--timeout is"],
    [[url, "--filter", "nothing is like this"], "no check is like that"],
    [[url, "--unknown"], "there is no flag"],
    [["mqtt://%zz@host"], "is not encoded"],
  ];
  for (const [args, message] of wrong) {
    const terminal = new FakeTerminal();
    await assertRejects(() => runTest(args, terminal), UsageError, message);
  }
});

Deno.test("test says what it has waited for in vain", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) accepted.push(connection);
  })();
  const host = `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const answers: [url: string, message: string][] = [
    [`ws://${host}/mqtt`, "or the WebSocket handshake was not answered within"],
    [`mqtts://${host}`, "or TLS was not answered within 0.2 s"],
    [`wss://${host}`, "or TLS or the WebSocket handshake was not answered"],
    [`mqtt://${host}`, "is answered with nothing within 0.2 s"],
  ];
  for (const [url, message] of answers) {
    const terminal = new FakeTerminal();
    assertEquals(await runTest([url, "--timeout", "0.2"], terminal), 3);
    assertStringIncludes(terminal.errors[0]!, message);
    assertStringIncludes(terminal.errors[0]!, `Cannot test ${url}`);
  }
  listener.close();
  await accepting;
  for (const connection of accepted) connection.close();
});
