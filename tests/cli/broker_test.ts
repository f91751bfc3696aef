import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
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
    `INFO - Listener 'default' bind to 127\\.0\\.0\\.1:${port} ` +
    "\\(max_connections=-1\\)",
    "INFO - Anonymous access is open: anybody who reaches these addresses " +
    "may connect; auth\\.allow-anonymous: false ends that",
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
    /^ambermq broker: .*: listeners\.default\.bind is "1883:localhost", not /,
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

// Configuration files.

const fixtures = "tests/fixtures/seeds";

/** A file for the time of a test, with its folder. */
async function withFile(
  text: string,
  run: (path: string) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(path, text);
    await run(path);
  } finally {
    await Deno.remove(path);
  }
}

/** How the command ends, and what it wrote. */
async function ended(...args: string[]) {
  await using broker = new BrokerProcess(args);
  const { code } = await broker.status();
  return { code, out: broker.stdout.all, log: broker.log.all };
}

Deno.test("ambermq broker -c runs what the file says", async () => {
  const text = `listeners:
  default: {bind: "127.0.0.1:0", max-connections: 3}
auth: {allow-anonymous: false}
plugins:
  - ${new URL("../fixtures/plugins/good.ts", import.meta.url)}: {refuse: eve}
`;
  await withFile(text, async (path) => {
    await using broker = new BrokerProcess(["-c", path]);
    const line = await broker.log.find(/ bind to /);
    assertMatch(
      line,
      /INFO - Listener 'default' bind to 127\.0\.0\.1:\d+ \(max_connections=3\)$/,
    );
    const port = Number(/:(\d+) \(/.exec(line)![1]);
    for (
      const [fields, code] of [
        [{ username: "eve" }, 0x86],
        [{}, 0x87],
        [{ username: "ann" }, 0],
      ] as const
    ) {
      using client = await SocketClient.open(port);
      await client.send(connect(5, { clientId: "one", ...fields }));
      const connack = await client.next();
      assertEquals(connack?.type === "connack" && connack.code, code);
    }
    await broker.log.find(/Refused: .* user "eve"/);
    broker.kill("SIGINT");
    assertEquals((await broker.status()).code, 0);
  });
});

for (const name of ["hbmqtt_default_broker", "amqtt_default_broker"]) {
  Deno.test(`ambermq broker -c starts with ${name}.yaml but for its port`, async () => {
    const file = new URL(`../fixtures/seeds/${name}.yaml`, import.meta.url);
    const text = (await Deno.readTextFile(file)).replace(
      "0.0.0.0:1883",
      "127.0.0.1:0",
    );
    await withFile(text, async (path) => {
      await using broker = new BrokerProcess(["-c", path]);
      const line = await broker.log.find(/ bind to /);
      using _ = await connected(Number(/:(\d+) \(/.exec(line)![1]));
      broker.kill("SIGINT");
      assertEquals((await broker.status()).code, 0);
    });
  });
}

for (
  const [args, reason] of [
    [
      ["-c", "none.yaml"],
      "Cannot read the configuration of the broker: none.yaml: there is no " +
      "such file",
    ],
    [
      ["-c", `${fixtures}/000_003.yaml`],
      `Cannot read the configuration of the broker: ${fixtures}/000_003.yaml` +
      ':26:5: auth.allow-anonymous is "true / false", not true or false',
    ],
    [
      ["--test-config", "-c", `${fixtures}/001_002_decided.yaml`],
      "Cannot use certfile /some/certfile (listener my-tcp-ssl-1): ",
    ],
  ] as const
) {
  Deno.test(`ambermq broker ${args.join(" ")} ends with status 1 and says why`, async () => {
    const { code, out, log } = await ended(...args);
    assertEquals([code, out], [1, []]);
    assertStringIncludes(log.at(-1)!, `ambermq broker: ${reason}`);
  });
}

Deno.test("ambermq broker neither starts nor passes the test without its password file", async () => {
  const text = "listeners: {default: {bind: '127.0.0.1:0'}}\n" +
    "auth: {password-file: /no/such/file}\n";
  await withFile(text, async (path) => {
    for (const more of [[], ["--test-config"]]) {
      const { code, log } = await ended("-c", path, ...more);
      assertEquals(code, 1);
      assertStringIncludes(log.at(-1)!, "/no/such/file");
    }
  });
});

Deno.test("ambermq broker --test-config says what is good, warns, and does not listen", async () => {
  const occupant = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const text = `listeners: {default: {bind: "127.0.0.1:${occupant.addr.port}"}}
topic-check: {acl: {}}
`;
  await withFile(text, async (path) => {
    const { code, out, log } = await ended("-c", path, "--test-config");
    assertEquals([code, out], [0, [`${path} is good`]]);
    assertEquals(
      texts(log)[0],
      `WARNING - ${path}:2:1: topic-check is not ` +
        "enabled: its rules have no effect",
    );
  });
  occupant.close();
});

Deno.test("ambermq broker --version shows the version", async () => {
  const { code, out } = await ended("--version");
  assertEquals([code, out.length], [0, 1]);
  assertMatch(out[0]!, /^ambermq \d/);
});

Deno.test("ambermq broker takes either -c or --bind", async () => {
  const { code, log } = await ended("-c", "x.yaml", "--bind", "0");
  assertEquals(code, 2);
  assertStringIncludes(log[0]!, "--bind is for a broker without -c");
});
