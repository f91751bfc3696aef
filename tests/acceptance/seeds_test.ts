/**
 * The examples of the reference documentation (seeds 000 to 004) work: its
 * configurations, its command lines, its programs in TypeScript. The fixtures are
 * written anew; only addresses and paths are other ones here.
 */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as compat from "../../client/compat.ts";
import {
  Broker,
  clientOptions,
  ConnectError,
  defaultConfig,
  MQTTClient,
  type Packet,
  systemClock,
} from "../../mod.ts";
import { type Certificates, makeCertificates } from "../_certificates.ts";
import { Everywhere } from "./_everywhere.ts";
import { ambermq, ConfiguredBroker, outcome, run } from "./_stage.ts";

const seeds = new URL("../fixtures/seeds/", import.meta.url);

function fixture(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, seeds));
}

/** User `test` with password `test`, as the documentation has it. */
const passwd = `# Test user with 'test' password encrypted with sha-512
test:$6$l4zQEHEcowc1Pnv4$HHrh8xnsZoLItQ8BmpFHM4r6q5UqK3DnXp2GaTm5zp5buQ7NheY3Xt9f6godVKbEtA.hOC7IEDwnok3pbAOip.
`;

/** The same configuration, for this machine and with files that are there. */
function localized(yaml: string, { ca, dir, server }: Certificates): string {
  return yaml
    .replaceAll(/bind: [\d.]+:\d+/g, "bind: 127.0.0.1:0")
    .replace("/some/cafile", ca.file)
    .replace("/some/folder", dir)
    .replace("certificate data", JSON.stringify(ca.pem))
    .replace("/some/certfile", server.certfile)
    .replace("/some/key", server.keyfile)
    .replace("/some/passwd_file", "$DIR/passwd");
}

// Configurations.

for (
  const [name, line, problem] of [
    ["000_003.yaml", "26:5", 'auth.allow-anonymous is "true / false"'],
    ["001_002.yaml", "26:5", 'auth.allow-anonymous is "true / false"'],
    ["004_library.yaml", "12:1", "it is not indented far enough"],
    ["004_command_example.yaml", "8:5", "it is indented too far"],
  ] as const
) {
  Deno.test(`seeds: ${name} as it is printed stops the program where somebody has to decide`, async () => {
    const file = decodeURIComponent(new URL(name, seeds).pathname);
    const { code, stderr } = await run(["broker", "-c", file]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, `${file}:${line}: `);
    assertStringIncludes(stderr, problem);
    assert(!stderr.includes(" bind to "));
  });
}

/** What a reader decides: one of two words, and the indentation meant. */
const decisions: Readonly<Record<string, (yaml: string) => string>> = {
  "000_003.yaml": (yaml) =>
    yaml.replace("anonymous: true / false", "anonymous: true"),
  "001_002_decided.yaml": (yaml) => yaml,
  "004_library.yaml": (yaml) =>
    yaml.replace("anonymous: true / false", "anonymous: true")
      .replace(
        /^my-tcp-ssl-1:\n( {4}.*\n)+my-ws-1:\n( {4}.*\n)+/m,
        (block) =>
          block.replaceAll(/^ {4}/gm, "    ").replaceAll(/^(?=my-)/gm, "  "),
      ),
  "004_command_example.yaml": (yaml) =>
    yaml.replace(
      /^ {4}my-tcp-2:\n(?: {6}.*\n)+/m,
      (block) => block.replaceAll(/^ {2}/gm, ""),
    ),
};

for (const [name, decide] of Object.entries(decisions)) {
  Deno.test(`seeds: ${name} starts once that is decided, and each listener is what it says`, async () => {
    await using certificates = await makeCertificates();
    const { ca, client: { certfile, keyfile } } = certificates;
    const yaml = localized(decide(await fixture(name)), certificates);
    await using broker = await ConfiguredBroker.start(yaml, { passwd });
    const bound = broker.log.filter((line) => line.includes(" bind to "))
      .map((line) =>
        line.replace(/^.*Listener '(.*)' bind.*=(-?\d+)\)/, "$1 $2")
      );
    assertEquals(bound, [
      "my-tcp-1 50000",
      "my-tcp-2 1000",
      "my-tcp-ssl-1 50000",
      "my-ws-1 50000",
    ]);
    const acl = yaml.includes("topic_acl");
    for (
      const [listener, scheme, tls] of [
        ["my-tcp-1", "mqtt", {}],
        ["my-tcp-2", "mqtt", {}],
        ["my-tcp-ssl-1", "mqtts", { cafile: ca.file }],
        ["my-tcp-ssl-1", "mqtts", { cafile: ca.file, certfile, keyfile }],
        ["my-ws-1", "ws", {}],
      ] as const
    ) {
      // Anonymous, and with a password; with a wrong one nobody comes in.
      for (
        const [login, code] of [
          [{}, 0],
          [{ username: "test", password: "test" }, 0],
          [{ username: "test", password: "wrong" }, 4],
        ] as const
      ) {
        await using client = new MQTTClient({
          url: broker.url(listener, scheme),
          autoReconnect: false,
          ...tls,
          ...login,
        });
        const { reasonCode: returnCode } = await client.connect()
          .catch((error) => ({ reasonCode: error.returnCode }));
        assertEquals(returnCode, code, listener);
        if (code !== 0) continue;
        const granted = await client.subscribe("data/memes", {
          allowFailures: true,
        });
        assertEquals(granted, [acl ? 0x80 : 0]);
        await client.publish("data/memes", "x");
        if (!acl) assertEquals((await client.deliverMessage(10)).text(), "x");
      }
    }
  });
}

for (const name of ["004_command_default.yaml", "hbmqtt_default_broker.yaml"]) {
  Deno.test(`seeds: ${name} is the default configuration: it starts as it is, but for the port`, async () => {
    const yaml = (await fixture(name)).replace("0.0.0.0:1883", "0.0.0.0:0");
    await using broker = await ConfiguredBroker.start(yaml);
    await broker.find(
      /INFO - Listener 'default' bind to 0\.0\.0\.0:\d+ \(max_connections=-1\)$/,
    );
    await using client = new MQTTClient({ url: broker.url() });
    await client.connect();
    await client.subscribe("$SYS/broker/version");
    assertStringIncludes((await client.deliverMessage(10)).text(), "AmberMQ");
    const file = broker.folder.file("broker.yaml");
    const { stdout } = await run(["config", "explain", file]);
    assertStringIncludes(stdout, "sys-interval: 20");
    assertStringIncludes(stdout, "allow-anonymous: true");
  });
}

// Command lines. hbmqtt_pub is `ambermq pub`, hbmqtt_sub `ambermq sub`.

const plain = 'listeners: {default: {bind: "127.0.0.1:0"}}\n';

/** A broker, and somebody who sees all. */
async function stage(): Promise<{
  broker: ConfiguredBroker;
  witness: MQTTClient;
  url: string;
}> {
  const broker = await ConfiguredBroker.start(plain);
  const witness = new MQTTClient({ url: broker.url(), protocolVersion: 5 });
  await witness.connect();
  await witness.subscribe("#", { qos: 2, retainAsPublished: true });
  return { broker, witness, url: broker.url() };
}

for (
  const [args, input, expected] of [
    [["-t", "/test", "-m", "some_data"], undefined, ["/test 0 some_data"]],
    [["-t", "/test", "-l"], "some\noutput\n", [
      "/test 0 some",
      "/test 0 output",
    ]],
    [["-t", "sensors/temperature", "-m", "32", "-q", "1"], undefined, [
      "sensors/temperature 1 32",
    ]],
    [["-t", "sensors/temperature", "-m", "1266193804 32"], undefined, [
      "sensors/temperature 0 1266193804 32",
    ]],
    [["-r", "-t", "switches/kitchen_lights/status", "-m", "on"], undefined, [
      "switches/kitchen_lights/status 0 retained on",
    ]],
    [["-t", "my/topic", "-f", "$DIR/data"], undefined, [
      "my/topic 0 first line",
      "my/topic 0 second line",
    ]],
    [["-t", "my/topic", "-s"], "first line\nsecond line\n", [
      "my/topic 0 first line\nsecond line\n",
    ]],
  ] as const
) {
  Deno.test(`seeds: hbmqtt_pub --url … ${args.join(" ")}`, async () => {
    const { broker, witness, url } = await stage();
    await using _ = broker;
    await using __ = witness;
    await broker.folder.write("data", "first line\nsecond line\n");
    const { path } = broker.folder;
    const words = args.map((word) => word.replace("$DIR", path));
    const outcome = await run(["pub", "--url", url, ...words], input);
    assertEquals(outcome, { code: 0, stdout: "", stderr: "" });
    for (const line of expected) {
      const message = await witness.deliverMessage(10);
      const retained = message.retain ? "retained " : "";
      const got =
        `${message.topic} ${message.qos} ${retained}${message.text()}`;
      assertEquals(got, line);
    }
  });
}

Deno.test("seeds: hbmqtt_sub --url … -t /test/#, and -t /# -q 2 -n 10", async () => {
  const { broker, witness, url } = await stage();
  await using _ = broker;
  await using __ = witness;
  const flags = ["--clean-session", "-i"];
  await using first = ambermq([
    ...["sub", "--url", url, "-t", "/test/#", ...flags, "a"],
  ]);
  await broker.find(/Subscribed: client "a"/);
  await using ten = ambermq([
    ...["sub", "--url", url, "-t", "/#", "-q", "2", "-n", "10", ...flags, "b"],
  ]);
  await broker.find(/Subscribed: client "b"/);
  const expected: string[] = [];
  for (let i = 0; i < 10; i++) {
    const topic = i % 2 === 0 ? `/test/${i}` : `/other/${i}`;
    await witness.publish(topic, `message ${i}`, { qos: 2 });
    expected.push(`message ${i}`);
  }
  await witness.publish("/test", "the parent", { qos: 2 });
  await witness.publish("test/x", "without a slash", { qos: 2 });
  assertEquals((await outcome(ten)).stdout.split("\n"), expected);
  await first.stdout.find(/the parent/);
  assertEquals(first.stdout.all, [
    ...expected.filter((_, i) => i % 2 === 0),
    "the parent",
  ]);
});

Deno.test("seeds: hbmqtt_sub --url … -t '$SYS/#' -q 0, also over wss with a header", async () => {
  await using everywhere = await Everywhere.start("sys_interval: 1\n");
  const { ca } = everywhere.certificates;
  const header = ["--extra-headers", '{"Authorization": "Bearer <token>"}'];
  for (
    const args of [
      ["--url", everywhere.url("mqtt")],
      ["--url", everywhere.url("wss"), "--ca-file", ca.file, ...header],
    ]
  ) {
    const { code, stdout, stderr } = await run([
      ...["sub", ...args, "-t", "$SYS/#", "-q", "0", "-n", "5", "-F", "%t"],
    ]);
    assertEquals([code, stderr], [0, ""]);
    for (const topic of stdout.split("\n")) assert(topic.startsWith("$SYS/"));
  }
  const pub = await run([
    ...["pub", "--url", everywhere.url("wss"), "--ca-file", ca.file],
    ...["-t", "sensors/temperature", "-m", "32", "-q", "1", ...header],
  ]);
  assertEquals(pub, { code: 0, stdout: "", stderr: "" });
});

// Programs.

const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function localBroker(more: object = {}): Promise<Broker> {
  const broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
    logger: silent,
    ...more,
  });
  await broker.start();
  return broker;
}

function urlOf(broker: Broker): string {
  return `mqtt://127.0.0.1:${broker.addresses[0]!.port}/`;
}

Deno.test("seeds: the broker with its default configuration: new Broker(), start()", async () => {
  // Trap 17. The port is the only thing that is another one.
  const { listeners, ...others } = defaultConfig();
  assertEquals(listeners, { default: { type: "tcp", bind: "0.0.0.0:1883" } });
  const broker = new Broker({
    ...others,
    listeners: { default: { ...listeners!["default"], bind: "0.0.0.0:0" } },
    logger: silent,
  });
  await broker.start();
  await using client = new MQTTClient();
  await client.connect(urlOf(broker));
  await client.disconnect();
  await broker.shutdown();
});

Deno.test("seeds: the subscriber: uptime and load, as packets (trap 18)", async () => {
  await using broker = await localBroker({ sysInterval: 1 });
  const C = new compat.MQTTClient();
  await C.connect(urlOf(broker));
  const granted = await C.subscribe([
    ["$SYS/broker/uptime", compat.QOS_1],
    ["$SYS/broker/load/#", compat.QOS_2],
  ]);
  assertEquals(granted, [1, 2]);
  const lines: string[] = [];
  for (let i = 1; i < 4; i++) {
    const message = await C.deliver_message();
    const packet = message.publish_packet;
    const text = new TextDecoder().decode(packet.payload.data);
    lines.push(`${packet.variable_header.topic_name} => ${text}`);
  }
  await C.unsubscribe(["$SYS/broker/uptime", "$SYS/broker/load/#"]);
  await C.disconnect();
  const topics = lines.map((line) => line.replace(/ => \d+$/, ""));
  assertEquals(topics.sort(), [
    "$SYS/broker/load/bytes/received",
    "$SYS/broker/load/bytes/sent",
    "$SYS/broker/uptime",
  ]);
});

/** A client of the publisher example, and the packets that it sees. */
async function publisher(
  broker: Broker,
): Promise<{ client: MQTTClient; packets: string[] }> {
  const packets: string[] = [];
  const note = (arrow: string) => (packet: Packet): void => {
    const { type } = packet;
    const id = "packetId" in packet && packet.packetId ? packet.packetId : "";
    if (type.startsWith("pub")) packets.push(`${arrow} ${type} ${id}`.trim());
  };
  const client = new MQTTClient({
    on: { packetSent: note("-out->"), packetReceived: note("<-in--") },
  });
  await client.connect(urlOf(broker));
  return { client, packets };
}

Deno.test("seeds: the publisher, all at once and one after the other (trap 16)", async () => {
  await using broker = await localBroker();
  await using witness = new MQTTClient({ url: urlOf(broker) });
  await witness.connect();
  await witness.subscribe("a/b", { qos: 2 });
  // test_coro() starts three tasks and waits for all of them.
  const { client: C, packets } = await publisher(broker);
  await Promise.all([
    C.publish("a/b", "TEST MESSAGE WITH QOS_0"),
    C.publish("a/b", "TEST MESSAGE WITH QOS_1", { qos: 1 }),
    C.publish("a/b", "TEST MESSAGE WITH QOS_2", { qos: 2 }),
  ]);
  await C.disconnect();
  // All go out before any answer is waited for.
  assertEquals(packets, [
    "-out-> publish",
    "-out-> publish 1",
    "-out-> publish 2",
    "<-in-- puback 1",
    "<-in-- pubrec 2",
    "-out-> pubrel 2",
    "<-in-- pubcomp 2",
  ]);
  // test_coro2() waits for each.
  const { client: C2, packets: packets2 } = await publisher(broker);
  for (const qos of [0, 1, 2] as const) {
    const message = await C2.publish(
      "a/b",
      `TEST MESSAGE WITH QOS_${qos}`,
      { qos },
    );
    assertEquals(message.qos, qos);
  }
  await C2.disconnect();
  assertEquals(packets2, [
    "-out-> publish",
    "-out-> publish 1",
    "<-in-- puback 1",
    "-out-> publish 2",
    "<-in-- pubrec 2",
    "-out-> pubrel 2",
    "<-in-- pubcomp 2",
  ]);
  const got: string[] = [];
  while (got.length < 6) got.push((await witness.deliverMessage(10)).text());
  const expected = [0, 1, 2].map((qos) => `TEST MESSAGE WITH QOS_${qos}`);
  assertEquals(got.sort(), [...expected, ...expected].sort());
});

Deno.test("seeds: the publisher says why no connection came about", async () => {
  const C = new compat.MQTTClient(undefined, { auto_reconnect: false });
  try {
    await C.connect("mqtt://127.0.0.1:1/");
  } catch (error) {
    assert(error instanceof compat.ConnectException);
    assertStringIncludes(error.message, "Cannot connect to 127.0.0.1:1");
    return;
  }
  throw new Error("It has connected");
});

Deno.test("seeds: the client's configuration: defaults, topics, and arguments above all", async () => {
  await using broker = await localBroker();
  // Trap 8: these are an example's, not the defaults.
  const options = clientOptions({
    "keep_alive": 10,
    "ping_delay": 1,
    "default_qos": 0,
    "default_retain": false,
    "auto_reconnect": true,
    "reconnect_max_interval": 5,
    "reconnect_retries": 10,
    "topics": {
      "/test": { "qos": 1 },
      "/some_topic": { "qos": 2, "retain": true },
    },
  });
  await using client = new MQTTClient({ ...options, url: urlOf(broker) });
  await client.connect();
  const sent = async (topic: string, arguments_: object = {}) => {
    const { qos, retain } = await client.publish(topic, "x", arguments_);
    return [qos, retain];
  };
  assertEquals(await sent("/any"), [0, false]);
  assertEquals(await sent("/test"), [1, false]);
  assertEquals(await sent("/some_topic"), [2, true]);
  assertEquals(await sent("/some_topic", { qos: 0, retain: false }), [
    0,
    false,
  ]);
});

Deno.test("seeds: traps 7 and 8: what is not configured is tried again twice, in the library", async () => {
  const delays: number[] = [];
  const client = new MQTTClient({
    dial: () => Promise.reject(new Error("no road")),
    on: { reconnecting: (_attempt, delay) => delays.push(delay) },
    // Pauses are over at once; deadlines stay.
    clock: {
      ...systemClock,
      setTimeout: (task, ms) =>
        systemClock.setTimeout(task, ms > 10_000 ? ms : 0),
    },
  });
  await assertRejects(() => client.connect(), ConnectError, "no road");
  assertEquals(delays.length, 2);
});
