/** The broker with MQTT.js. */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { MQTTClient, scram as scramMethod } from "../../client/mod.ts";
import { ScramClient } from "../../codec/mod.ts";
import { hashPassword, PasswordFile } from "../../plugins/mod.ts";
import { BrokerProcess } from "../_broker_process.ts";
import { Process } from "../_process.ts";
import { type Version, versionNames, within } from "../_raw_client.ts";

// What is used of MQTT.js. Its own types would have to be downloaded wherever
// the tests are checked; so would it, if the import were a literal.
const specifier: string = "npm:mqtt@5.14.1";

interface MqttJs {
  connect(url: string, options: object): JsClient;
}

interface JsClient {
  readonly stream: { destroy(): void };
  on(event: string, listener: (...args: never[]) => void): void;
  once(event: string, listener: (...args: never[]) => void): void;
  publishAsync(
    topic: string,
    payload: string | Uint8Array,
    options?: object,
  ): Promise<{ reasonCode?: number } | undefined>;
  subscribeAsync(
    filters: object | string,
    options?: object,
  ): Promise<{ topic: string; qos: number }[]>;
  unsubscribeAsync(filter: string): Promise<unknown>;
  endAsync(force?: boolean): Promise<void>;
  /** Is to be replaced by who authenticates. */
  handleAuth(
    packet: { properties?: { authenticationData?: Uint8Array } },
    callback: (error?: Error, answer?: object) => void,
  ): void;
}

interface JsPacket {
  readonly qos: number;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly properties?: Readonly<Record<string, unknown>>;
}

interface JsConnack {
  readonly sessionPresent: boolean;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** A message as MQTT.js gives it. */
interface Got extends JsPacket {
  readonly topic: string;
  readonly payload: string;
}

async function load(): Promise<MqttJs | undefined> {
  try {
    return (await import(specifier)).default;
  } catch {
    return undefined;
  }
}

const mqttJs = await load();

/** A connected client of MQTT.js. */
class Client {
  readonly js: JsClient;
  readonly #name: string;
  readonly #messages: Got[] = [];
  #wake: (() => void)[] = [];

  constructor(js: JsClient, name: string) {
    this.js = js;
    this.#name = name;
    const listener = (topic: string, bytes: Uint8Array, packet: JsPacket) => {
      const payload = new TextDecoder().decode(bytes);
      this.#messages.push({ ...packet, topic, payload });
      for (const wake of this.#wake.splice(0)) wake();
    };
    js.on("message", listener as (...args: never[]) => void);
  }

  /** The next messages, once they have come. */
  async take(count: number): Promise<Got[]> {
    const waiting = async (): Promise<void> => {
      while (this.#messages.length < count) {
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
    };
    await within(waiting(), `${count} messages to ${this.#name}`);
    return this.#messages.splice(0, count);
  }

  /** Messages that came and were not taken. */
  get left(): readonly Got[] {
    return this.#messages;
  }

  /** The next event of this kind. */
  once<T = unknown>(event: string): Promise<T> {
    const happened = new Promise<T>((resolve) =>
      this.js.once(event, resolve as (...args: never[]) => void)
    );
    return within(happened, `${event} of ${this.#name}`);
  }
}

/** A broker, and clients that know where it is. */
class Stage implements AsyncDisposable {
  readonly broker: BrokerProcess;
  readonly #clients: JsClient[] = [];

  constructor(args?: readonly string[]) {
    this.broker = new BrokerProcess(args);
  }

  async open(
    version: Version,
    clientId: string,
    options: object = {},
    prepare: (js: JsClient) => void = () => {},
  ): Promise<{ client: Client; connack: JsConnack }> {
    const js = mqttJs!.connect(`mqtt://127.0.0.1:${await this.broker.port()}`, {
      protocolVersion: version,
      ...(version === 3 ? { protocolId: "MQIsdp" } : {}),
      clientId,
      reconnectPeriod: 0,
      ...options,
    });
    prepare(js);
    this.#clients.push(js);
    const client = new Client(js, clientId);
    return { client, connack: await client.once("connect") };
  }

  async connect(
    version: Version,
    clientId: string,
    options: object = {},
  ): Promise<Client> {
    return (await this.open(version, clientId, options)).client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.endAsync(true);
    await this.broker[Symbol.asyncDispose]();
  }
}

function test(
  name: string,
  run: (stage: Stage) => Promise<void>,
  files?: () => Promise<Record<string, string>>,
): void {
  Deno.test({
    name: mqttJs === undefined
      ? `skipped: ${specifier} cannot be had: ${name}`
      : `MQTT.js: ${name}`,
    ignore: mqttJs === undefined,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        for (const [file, text] of Object.entries(await files?.() ?? {})) {
          const written = text.replaceAll("FOLDER", folder);
          await Deno.writeTextFile(`${folder}/${file}`, written);
        }
        const args = files && ["-c", `${folder}/config.yaml`];
        await using stage = new Stage(args);
        await run(stage);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

const versions: readonly Version[] = [3, 4, 5];

for (const to of versions) {
  const name = versionNames[to];

  test(`${name} gets what each version publishes at each QoS, in order`, async (stage) => {
    const client = await stage.connect(to, "to");
    const granted = await client.js.subscribeAsync({ "m/#": { qos: 2 } });
    assertEquals(granted.map(({ topic, qos }) => [topic, qos]), [["m/#", 2]]);
    for (const from of versions) {
      const publisher = await stage.connect(from, `from ${from}`);
      for (const qos of [0, 1, 2]) {
        await publisher.js.publishAsync(`m/${qos}`, `${from}`, { qos });
        const [message] = await client.take(1);
        const { topic, payload, dup, retain } = message!;
        assertEquals(
          [topic, payload, message!.qos, dup, retain],
          [`m/${qos}`, `${from}`, qos, false, false],
        );
      }
    }
  });

  test(`${name} gets no more than the QoS that it subscribed with`, async (stage) => {
    const client = await stage.connect(to, "client");
    for (const granted of [0, 1, 2]) {
      await client.js.subscribeAsync({ a: { qos: granted } });
      for (const qos of [0, 1, 2]) {
        await client.js.publishAsync("a", "x", { qos });
        const [message] = await client.take(1);
        assertEquals(message?.qos, Math.min(granted, qos));
      }
    }
    await client.js.unsubscribeAsync("a");
    await client.js.subscribeAsync({ b: { qos: 0 } });
    await client.js.publishAsync("a", "x", { qos: 1 });
    await client.js.publishAsync("b", "y", { qos: 1 });
    assertEquals((await client.take(1))[0]?.payload, "y");
  });

  test(`${name} gets retained messages, as long as they are`, async (stage) => {
    const publisher = await stage.connect(4, "publisher");
    for (const topic of ["r/one", "r/two", "r/gone"]) {
      await publisher.js.publishAsync(topic, topic, { retain: true, qos: 1 });
    }
    await publisher.js.publishAsync("r/gone", "", { retain: true, qos: 1 });
    const client = await stage.connect(to, "client");
    await client.js.subscribeAsync({ "r/#": { qos: 1 } });
    await publisher.js.publishAsync("r/end", "end", { retain: true, qos: 1 });
    const got = await client.take(3);
    assertEquals(
      got.map(({ payload, retain }) => `${payload} ${retain}`).sort(),
      ["end false", "r/one true", "r/two true"],
    );
  });

  test(`${name} gets the will of a client that is lost, and of no other`, async (stage) => {
    const witness = await stage.connect(to, "witness");
    await witness.js.subscribeAsync({ "will/#": { qos: 2 } });
    for (const from of versions) {
      const options = (topic: string) => ({
        will: { topic, payload: "the end", qos: 1, retain: false },
      });
      const polite = await stage.connect(from, `polite ${from}`, {
        ...options(`will/no/${from}`),
      });
      await polite.js.endAsync();
      const lost = await stage.connect(from, `lost ${from}`, {
        ...options(`will/${from}`),
      });
      lost.js.stream.destroy();
      const [message] = await witness.take(1);
      assertEquals(
        [message?.topic, message?.payload, message?.qos],
        [`will/${from}`, "the end", 1],
      );
    }
  });

  test(`${name} comes back to its session and gets what waited, in order`, async (stage) => {
    const options = {
      clean: false,
      ...(to === 5 ? { properties: { sessionExpiryInterval: 100 } } : {}),
    };
    const publisher = await stage.connect(4, "publisher");
    const { client, connack } = await stage.open(to, "kept", options);
    assertEquals(connack.sessionPresent, false);
    await client.js.subscribeAsync({ "a/#": { qos: 2 } });
    await client.js.endAsync();
    const payloads = Array.from({ length: 20 }, (_, i) => `${i}`);
    for (const payload of payloads) {
      const qos = 1 + Number(payload) % 2;
      await publisher.js.publishAsync(`a/${qos}`, payload, { qos });
    }
    await publisher.js.publishAsync("a/0", "QoS 0", { qos: 0 });
    const again = await stage.open(to, "kept", options);
    // 3.1 cannot say it.
    assertEquals(again.connack.sessionPresent, to > 3);
    const got = await again.client.take(20);
    // It shows a QoS 2 message when the exchange is over.
    for (const qos of [1, 2]) {
      assertEquals(
        got.filter((one) => one.qos === qos).map(({ payload }) => payload),
        payloads.filter((one) => 1 + Number(one) % 2 === qos),
      );
    }
    await publisher.js.publishAsync("a/1", "last", { qos: 1 });
    assertEquals((await again.client.take(1))[0]?.payload, "last");
  });

  test(`${name} reconnects by itself when the connection is lost, and loses nothing`, async (stage) => {
    const publisher = await stage.connect(4, "publisher");
    const { client } = await stage.open(to, "kept", {
      clean: false,
      reconnectPeriod: 1,
      ...(to === 5 ? { properties: { sessionExpiryInterval: 100 } } : {}),
    });
    await client.js.subscribeAsync({ a: { qos: 1 } });
    const got = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const back = client.once("connect");
      client.js.stream.destroy();
      for (let i = 0; i < 10; i++) {
        const payload = `${round * 10 + i}`;
        await publisher.js.publishAsync("a", payload, { qos: 1 });
      }
      await back;
      while (got.size < 10 * (round + 1)) {
        got.add((await client.take(1))[0]!.payload);
      }
    }
    // Each came, and repetitions aside in order.
    assertEquals([...got], Array.from({ length: 50 }, (_, i) => `${i}`));
  });

  test(`${name} gets topics by wildcards`, async (stage) => {
    const publisher = await stage.connect(4, "publisher");
    const filters: Record<string, string[]> = {
      "a/+/c": ["a/b/c", "a//c"],
      "a/#": ["a", "a/b", "a/b/c", "a//c"],
      "+/b": ["a/b"],
      "+": ["a"],
    };
    for (const [filter, topics] of Object.entries(filters)) {
      const client = await stage.connect(to, `client of ${filter}`);
      await client.js.subscribeAsync({ [filter]: { qos: 1 } });
      await client.js.subscribeAsync({ "the/end": { qos: 1 } });
      for (
        const topic of ["a", "a/b", "a/b/c", "a//c", "b/c/d", "$a/b", "the/end"]
      ) await publisher.js.publishAsync(topic, "x", { qos: 1 });
      const got = await client.take(topics.length + 1);
      const expected = [...topics, "the/end"];
      assertEquals(got.map(({ topic }) => topic), expected, filter);
    }
  });

  test(`${name} shares a subscription`, async (stage) => {
    const clients = [
      await stage.connect(to, "one"),
      await stage.connect(to, "two"),
    ];
    for (const { js } of clients) {
      await js.subscribeAsync({ "$share/group/a": { qos: 1 } });
    }
    const publisher = await stage.connect(4, "publisher");
    const payloads = Array.from({ length: 10 }, (_, i) => `${i}`);
    for (const payload of payloads) {
      await publisher.js.publishAsync("a", payload, { qos: 1 });
    }
    const got = await Promise.all(clients.map((client) => client.take(5)));
    assertEquals(
      got.flat().map(({ payload }) => payload).sort(),
      payloads,
    );
  });

  test(`${name} gets messages of 1 MB`, async (stage) => {
    const client = await stage.connect(to, "client");
    await client.js.subscribeAsync({ a: { qos: 2 } });
    const payload = Uint8Array.from(
      { length: 1_000_000 },
      (_, i) => 0x20 + i % 0x5f,
    );
    const text = new TextDecoder().decode(payload);
    for (const qos of [0, 1, 2]) {
      await client.js.publishAsync("a", payload, { qos });
      const [message] = await client.take(1);
      assert(message?.payload === text, `${message?.payload.length}`);
    }
  });

  test(`${name} gets a burst of 10,000 messages at QoS 1 in order`, async (stage) => {
    const client = await stage.connect(to, "client");
    await client.js.subscribeAsync({ a: { qos: 1 } });
    const publisher = await stage.connect(to, "publisher");
    const count = 10_000;
    const published: Promise<unknown>[] = [];
    for (let i = 0; i < count; i++) {
      published.push(publisher.js.publishAsync("a", `${i}`, { qos: 1 }));
    }
    const got = await client.take(count);
    await Promise.all(published);
    const wrong = got.findIndex(({ payload }, i) => payload !== `${i}`);
    assertEquals(wrong, -1, got[wrong]?.payload);
    assertEquals(client.left, []);
  });
}

// 5.0.

test("5.0 passes properties on, to 5.0 only", async (stage) => {
  const five = await stage.connect(5, "five");
  const four = await stage.connect(4, "four");
  for (const { js } of [five, four]) await js.subscribeAsync({ a: { qos: 1 } });
  const properties = {
    payloadFormatIndicator: true,
    messageExpiryInterval: 100,
    responseTopic: "reply/here",
    correlationData: "which", // MQTT.js gives it as bytes
    userProperties: { name: ["one", "two"], other: "three" },
    contentType: "text/plain",
  };
  await five.js.publishAsync("a", "x", { qos: 1, properties });
  const [message] = await five.take(1);
  const { correlationData, userProperties, ...rest } = message!.properties!;
  const got: Record<string, unknown> = {
    ...rest,
    userProperties: { ...userProperties as object },
    correlationData: new TextDecoder().decode(correlationData as Uint8Array),
  };
  assertEquals(got, properties);
  const [plain] = await four.take(1);
  assertEquals([plain?.payload, plain?.properties], ["x", undefined]);
});

test("5.0 names the subscriptions that a message comes by", async (stage) => {
  const client = await stage.connect(5, "client");
  const filters = { a: 1, "+": 2, b: 3, "c/#": 268_435_455 };
  for (const [filter, subscriptionIdentifier] of Object.entries(filters)) {
    const properties = { subscriptionIdentifier };
    await client.js.subscribeAsync(filter, { qos: 0, properties });
  }
  for (const topic of ["a", "b", "c", "d"]) {
    await client.js.publishAsync(topic, "x");
  }
  const got = (await client.take(4)).map(({ topic, properties }) => {
    const ids = [properties?.["subscriptionIdentifier"]].flat() as number[];
    return [topic, ids.toSorted((a, b) => a - b)];
  });
  assertEquals(got, [
    ["a", [1, 2]],
    ["b", [2, 3]],
    ["c", [2, 268_435_455]],
    ["d", [2]],
  ]);
});

test("5.0 takes topic aliases", async (stage) => {
  const client = await stage.connect(5, "client");
  await client.js.subscribeAsync({ "#": { qos: 1 } });
  const { client: publisher, connack } = await stage.open(5, "publisher", {
    autoAssignTopicAlias: true,
  });
  assert(Number(connack.properties?.["topicAliasMaximum"]) > 0);
  const topics = ["a/long/topic", "another", "a/long/topic", "another"];
  for (const topic of topics) {
    await publisher.js.publishAsync(topic, "x", { qos: 1 });
  }
  const got = await client.take(4);
  assertEquals(got.map(({ topic }) => topic), topics);
  assertEquals(got[3]?.properties?.["topicAlias"], undefined);
});

test("5.0 does not get its own messages back where it does not want them", async (stage) => {
  const client = await stage.connect(5, "client");
  const other = await stage.connect(5, "other");
  await client.js.subscribeAsync({ a: { qos: 1, nl: true } });
  await client.js.publishAsync("a", "own", { qos: 1 });
  await other.js.publishAsync("a", "other's", { qos: 1 });
  assertEquals((await client.take(1))[0]?.payload, "other's");
});

test("5.0 says how it wants retained messages", async (stage) => {
  const client = await stage.connect(5, "client");
  await client.js.publishAsync("a", "retained", { qos: 1, retain: true });
  /** Subscribes; says which retained messages came. */
  const subscribe = async (options: object): Promise<string[]> => {
    await client.js.subscribeAsync({ a: { qos: 1, ...options } });
    await client.js.subscribeAsync({ end: { qos: 1 } });
    await client.js.publishAsync("end", "end", { qos: 1 });
    const got: string[] = [];
    for (;;) {
      const [message] = await client.take(1);
      if (message?.payload === "end") return got;
      got.push(`${message?.payload} ${message?.retain}`);
    }
  };
  assertEquals(await subscribe({ rh: 2 }), []);
  assertEquals(await subscribe({ rh: 1 }), []);
  assertEquals(await subscribe({ rh: 0 }), ["retained true"]);
  await client.js.unsubscribeAsync("a");
  assertEquals(await subscribe({ rh: 1 }), ["retained true"]);
  for (const rap of [true, false]) {
    await subscribe({ rh: 2, rap });
    await client.js.publishAsync("a", "new", { qos: 1, retain: true });
    assertEquals((await client.take(1))[0]?.retain, rap);
  }
});

test("5.0 gets an identifier where it has none", async (stage) => {
  const { client, connack } = await stage.open(5, "");
  const { assignedClientIdentifier } = connack.properties ?? {};
  assert(String(assignedClientIdentifier).length > 10);
  await client.js.subscribeAsync({ a: { qos: 0 } });
});

test("5.0 gets no more at a time than it says", async (stage) => {
  const client = await stage.connect(5, "client", {
    properties: { receiveMaximum: 1 },
  });
  await client.js.subscribeAsync({ a: { qos: 2 } });
  const publisher = await stage.connect(5, "publisher");
  const published = Array.from(
    { length: 100 },
    (_, i) => publisher.js.publishAsync("a", `${i}`, { qos: 2 }),
  );
  const got = await client.take(100);
  await Promise.all(published);
  assertEquals(
    got.map(({ payload }) => payload),
    Array.from({ length: 100 }, (_, i) => `${i}`),
  );
});

test("5.0 is told when another takes its identifier", async (stage) => {
  const first = await stage.connect(5, "same");
  const told = first.once<{ reasonCode: number }>("disconnect");
  await stage.connect(5, "same");
  assertEquals((await told).reasonCode, 0x8e);
});

test("5.0 is told when the broker shuts down", async (stage) => {
  const client = await stage.connect(5, "client");
  const told = client.once<{ reasonCode: number }>("disconnect");
  stage.broker.kill("SIGINT");
  assertEquals((await told).reasonCode, 0x8b);
  assertEquals((await stage.broker.status()).code, 0);
});

test(
  "authenticates by SCRAM-SHA-256, as do our client and our commands",
  async (stage) => {
    const scram = new ScramClient("alice", "secret");
    const authenticationMethod = "SCRAM-SHA-256";
    const { client, connack } = await stage.open(5, "js", {
      properties: {
        authenticationMethod,
        authenticationData: Buffer.from(scram.first()),
      },
    }, (js) => {
      js.handleAuth = ({ properties }, callback) => {
        scram.answer(properties!.authenticationData!).then(
          (answer) =>
            callback(undefined, {
              cmd: "auth",
              reasonCode: 0x18,
              properties: {
                authenticationMethod,
                authenticationData: Buffer.from(answer),
              },
            }),
          callback,
        );
      };
    });
    const { properties } = connack;
    assertEquals(properties!["authenticationMethod"], authenticationMethod);
    scram.finish(properties!["authenticationData"] as Uint8Array);
    await client.js.subscribeAsync({ "alice/#": { qos: 1 } });

    const url = `mqtt://127.0.0.1:${await stage.broker.port()}`;
    await using own = new MQTTClient({
      url,
      protocolVersion: 5,
      authentication: scramMethod("alice", "secret"),
    });
    await own.connect();
    await own.reauthenticate();
    await own.publish("alice/own", "from us", { qos: 1 });
    await using command = new Process(Deno.execPath(), [
      ...["run", "-A", "--quiet", "cli/mod.ts", "pub", "--url", url],
      ...["--auth-method", authenticationMethod, "-u", "alice", "-P", "secret"],
      ...["-t", "alice/command", "-m", "from a command", "-q", "1"],
    ]);
    assertEquals((await command.status()).code, 0);
    const messages = await client.take(2);
    assertEquals(messages.map(({ topic, payload }) => [topic, payload]), [
      ["alice/own", "from us"],
      ["alice/command", "from a command"],
    ]);
  },
  async () => {
    const file = new PasswordFile();
    file.set("alice", await hashPassword("secret", "scram-sha-256"));
    return {
      passwd: file.toString(),
      "config.yaml": `
listeners: {default: {bind: "127.0.0.1:0"}}
auth: {password-file: FOLDER/passwd, plugins: [auth_scram]}
topic-check:
  enabled: true
  plugins: [topic_acl]
  acl: {alice: ["alice/#"]}
  publish-acl: {alice: ["alice/#"]}
`,
    };
  },
);
