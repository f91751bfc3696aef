import { assert, assertEquals, assertMatch } from "@std/assert";
import { BrokerProcess } from "../_broker_process.ts";
import { connect, pingreq } from "../_raw_client.ts";
import { SocketClient } from "../_socket_client.ts";

/** Windows has no SIGTERM. */
const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

async function connected(port: number): Promise<SocketClient> {
  const client = await SocketClient.open(port);
  await client.send(connect(5, { clientId: "one" }));
  assertEquals((await client.next())?.type, "connack");
  return client;
}

/** The lines of a log without the times. */
function texts(lines: readonly string[]): string[] {
  const time = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] :: /;
  for (const line of lines) assertMatch(line, time);
  return lines.map((line) => line.replace(time, ""));
}

Deno.test("ambermq broker says where it listens and that anybody may come, and logs who does", async () => {
  await using broker = new BrokerProcess();
  const port = await broker.port();
  assert(port > 0);
  await broker.log.find(/Anonymous access is open/);
  {
    using client = await connected(port);
    await client.send(Uint8Array.of(0xe0, 0));
    assertEquals(await client.next(), undefined);
    using refused = await SocketClient.open(port);
    await refused.send(pingreq);
    assertEquals(await refused.next(), undefined);
    await broker.log.find(/Refused/);
  }
  broker.kill("SIGINT");
  const { code } = await broker.status();
  const local = "127\\.0\\.0\\.1:\\d+";
  const expected = [
    `INFO - Listener 'default' bind to 127\\.0\\.0\\.1:${port}`,
    "WARNING - Anonymous access is open: anybody who reaches these addresses " +
    "may publish and subscribe to everything",
    `INFO - Connected: ${local} client "one" MQTT 5\\.0 by listener default`,
    `INFO - Disconnected: ${local} client "one" MQTT 5\\.0 by listener ` +
    "default: the client disconnected",
    `WARNING - Refused: ${local}: .*, Protocol error \\(0x82\\)`,
    "INFO - Stopping: SIGINT",
    "INFO - Stopped",
  ];
  const lines = texts(broker.log.all);
  assertEquals(lines.length, expected.length, lines.join("\n"));
  for (const [i, line] of lines.entries()) {
    assertMatch(line, new RegExp(`^${expected[i]}$`));
  }
  assertEquals([code, broker.stdout.all], [0, []]);
});

for (const signal of signals) {
  Deno.test(`ambermq broker tells its clients and ends with status 0 when it gets ${signal}, once or twice`, async () => {
    await using broker = new BrokerProcess();
    using client = await connected(await broker.port());
    await broker.log.find(/Connected/);
    broker.kill(signal);
    const goodbye = await client.next();
    assertEquals(goodbye?.type === "disconnect" && goodbye.code, 0x8b);
    // Ctrl-C comes twice where `deno task` passes it on.
    try {
      broker.kill(signal);
    } catch {
      // It was fast.
    }
    const { code, signal: by } = await broker.status();
    assertEquals([code, by], [0, null]);
    const lines = texts(broker.log.all);
    assertEquals(lines.filter((line) => line.includes("- Stopp")), [
      `INFO - Stopping: ${signal}`,
      "INFO - Stopped",
    ]);
  });
}

Deno.test("ambermq broker ends with status 1 and says why when the port is taken", async () => {
  const occupant = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = occupant.addr;
  await using broker = new BrokerProcess(["--bind", `127.0.0.1:${port}`]);
  const { code } = await broker.status();
  assertEquals(code, 1);
  assertEquals(broker.log.all, [
    `ambermq broker: Cannot listen on 127.0.0.1:${port} (listener default): ` +
    "the port is in use; is another broker running?",
  ]);
  occupant.close();
});

Deno.test("ambermq broker ends with status 1 and says why when the address is none", async () => {
  await using broker = new BrokerProcess(["--bind", "1883:localhost"]);
  assertEquals((await broker.status()).code, 1);
  assertMatch(
    broker.log.all.join("\n"),
    /^ambermq broker: Cannot bind to "1883:localhost": /,
  );
});

for (const args of [["--port", "1"], ["--bnd=0"], ["extra"], ["-x"]]) {
  Deno.test(`ambermq broker ends with status 2 and shows its usage when it gets ${args.join(" ")}`, async () => {
    await using broker = new BrokerProcess(args);
    assertEquals((await broker.status()).code, 2);
    const text = broker.log.all.join("\n");
    assert(text.startsWith(`ambermq broker: `), text);
    assert(text.includes(args[0]!.split("=")[0]!), text);
    assertMatch(text, /--help|Usage/);
    assertEquals(broker.stdout.all, []);
  });
}

for (const flag of ["--help", "-h"]) {
  Deno.test(`ambermq broker shows its help on stdout when it gets ${flag}`, async () => {
    await using broker = new BrokerProcess([flag]);
    assertEquals((await broker.status()).code, 0);
    const text = broker.stdout.all.join("\n");
    for (const part of ["Usage: ambermq broker", "--bind", "--help", "-d"]) {
      assert(text.includes(part), part);
    }
    assertEquals(broker.log.all, []);
  });
}
