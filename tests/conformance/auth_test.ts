/** AUTH and enhanced authentication (5.0: 3.15, 4.12). */

import { assert, assertEquals } from "@std/assert";
import type {
  AuthenticationAnswer,
  Awaitable,
  ClientInfo,
  Plugin,
  PluginContext,
} from "../../broker/mod.ts";
import type { ReasonCode } from "../../codec/mod.ts";
import {
  auth,
  connect,
  type ConnectFields,
  disconnect,
  type Properties,
  publish,
  type RawClient,
  subscribe,
  text,
} from "../_raw_client.ts";
import {
  assertDisconnected,
  assertRefused,
  type Bench,
  test,
} from "./_bench.ts";

test("broker refuses an Authentication Method that nobody offers, and sends no AUTH [MQTT-4.12.0-1] [MQTT-4.12.0-4] [MQTT-3.2.2-7]", async (bench) => {
  for (const authenticationData of [undefined, Uint8Array.of(1, 2)]) {
    const client = bench.open(5);
    client.send(
      connect(5, {
        clientId: "client",
        properties: {
          authenticationMethod: "SCRAM-SHA-256",
          ...(authenticationData && { authenticationData }),
        },
      }),
      publish(5, { topic: "a", payload: "x", retain: true }),
    );
    await assertRefused(client, 0x8c);
  }
  const late = await bench.connect(5, "late");
  await late.subscribe("a");
  assertEquals(await late.payloads(), []);
});

test("broker sends neither AUTH nor a method to a client without a method [MQTT-4.12.0-6]", async (bench) => {
  const client = await bench.connect(5, "client", {
    username: "user",
    password: "secret",
  });
  const { properties } = client.connack!;
  assertEquals(properties.authenticationMethod, undefined);
  assertEquals(properties.authenticationData, undefined);
  assertEquals(await client.drain(), []);
});

// deno-fmt-ignore: a table
const auths: readonly [what: string, code: number, notation: string][] = [
  ["without anything", 0x82, "f0 00"],
  ["with a method", 0x82, "f0 09 | 18 07 15 0004 'none'"],
  ["to authenticate again", 0x82, "f0 09 | 19 07 15 0004 'none'"],
  ["with flags [MQTT-3.15.1-1]", 0x81, "f1 00"],
  ["with a code that is none [MQTT-3.15.2-1]", 0x82, "f0 09 | 01 07 15 0004 'none'"],
  ["that is cut off", 0x81, "f0 08 | 18 07 15 0004 'non'"],
];

for (const [what, code, notation] of auths) {
  test(
    `broker ends the connection at an AUTH ${what} of a client without method [MQTT-4.12.0-7] [MQTT-4.13.1-1]`,
    async (bench) => {
      const client = await bench.connect(5, "client");
      client.send(notation);
      await assertDisconnected(client, code);
    },
  );
}

// A method is offered.

/** Answers what was asked. */
type AnswerLater = (answer: AuthenticationAnswer) => void;

/** A plugin whose method does what the client tells it to. */
class Obedient implements Plugin {
  readonly name = "obedient";
  /** What it is asked, and has not answered. */
  readonly questions: ReadableStreamDefaultReader<AnswerLater>;
  readonly #asked: ReadableStreamDefaultController<AnswerLater>;
  readonly clients: ClientInfo[] = [];
  readonly signals: AbortSignal[] = [];
  readonly refused: (string | undefined)[] = [];
  authenticate?: NonNullable<Plugin["authenticate"]>;
  context!: PluginContext;

  readonly authenticationMethods: NonNullable<Plugin["authenticationMethods"]> =
    {
      TEST: (client, { signal }) => {
        this.clients.push(client);
        this.signals.push(signal);
        return { continue: (data) => this.#answer(data) };
      },
    };

  readonly on: NonNullable<Plugin["on"]> = {
    broker_connection_refused: ({ username }) => this.refused.push(username),
  };

  constructor() {
    let asked: ReadableStreamDefaultController<AnswerLater>;
    const stream = new ReadableStream<AnswerLater>({
      start: (controller) => {
        asked = controller;
      },
    });
    this.questions = stream.getReader();
    this.#asked = asked!;
  }

  start(context: PluginContext): void {
    this.context = context;
  }

  /** Waits until it is asked something that is to be answered later. */
  async asked(): Promise<AnswerLater> {
    return (await this.questions.read()).value!;
  }

  #answer(data: Uint8Array | undefined): Awaitable<AuthenticationAnswer> {
    const [what, argument = ""] = said(data).split(" ");
    switch (what) {
      case "more":
        return { outcome: "continue", data: text(`${argument}?`) };
      case "silently":
        return { outcome: "continue" };
      case "yes":
        return {
          outcome: "success",
          username: argument || undefined,
          data: text("welcome"),
        };
      case "no":
        return argument === ""
          ? { outcome: "refusal", username: "mallory" }
          : { outcome: "refusal", reasonCode: Number(argument) as ReasonCode };
      case "later":
        return new Promise((resolve) => this.#asked.enqueue(resolve));
      case "nonsense":
        return { outcome: "perhaps" } as unknown as AuthenticationAnswer;
      case "volumes":
        return { outcome: "continue", data: new Uint8Array(65_536) };
      default:
        throw new Error("the plugin is broken");
    }
  }
}

function said(data: Uint8Array | undefined): string {
  return new TextDecoder().decode(data);
}

/** The properties of CONNECT and AUTH. */
function by(data?: string, method = "TEST"): Properties {
  return {
    authenticationMethod: method,
    ...(data === undefined ? {} : { authenticationData: text(data) }),
  };
}

/** A test of a broker with an obedient plugin. */
function testWith(
  name: string,
  run: (bench: Bench, plugin: Obedient) => Promise<void>,
  prepare: (plugin: Obedient) => void = () => {},
): void {
  let plugin: Obedient;
  test(name, (bench) => run(bench, plugin), () => {
    plugin = new Obedient();
    prepare(plugin);
    return { plugins: [plugin] };
  });
}

/** A client that has begun, and what it got. */
async function begun(
  bench: Bench,
  data: string,
  fields: ConnectFields = {},
): Promise<RawClient> {
  const client = bench.open(5);
  client.send(
    connect(5, { clientId: "client", properties: by(data), ...fields }),
  );
  const { code, properties } = await client.next("auth");
  // [MQTT-4.12.0-2] [MQTT-4.12.0-5]
  assertEquals(code, 0x18);
  assertEquals(properties.authenticationMethod, "TEST");
  return client;
}

/** A client that is connected by the method, as this user. */
async function connected(bench: Bench, user = "alice"): Promise<RawClient> {
  const fields = { clientId: "client", properties: by(`yes ${user}`) };
  return await bench.connect(5, "client", fields);
}

testWith(
  "broker asks with AUTH until the method is content; CONNACK and each AUTH have the method [MQTT-4.12.0-2] [MQTT-4.12.0-5]",
  async (bench) => {
    const client = bench.open(5);
    client.send(connect(5, { properties: by("more one") }));
    for (const question of ["one", "two", undefined]) {
      const { code, properties } = await client.next("auth");
      assertEquals(code, 0x18);
      assertEquals(properties.authenticationMethod, "TEST");
      assertEquals(
        properties.authenticationData && said(properties.authenticationData),
        question && `${question}?`,
      );
      const next = { one: "more two", two: "silently" }[question ?? ""];
      client.send(auth(0x18, by(next ?? "yes alice")));
    }
    const { code, properties } = await client.next("connack");
    assertEquals(code, 0);
    assertEquals(properties.authenticationMethod, "TEST");
    assertEquals(said(properties.authenticationData), "welcome");
    assertEquals(await client.drain(), []);
    assertEquals(bench.broker.metrics.authenticationFailures, 0);
  },
);

testWith(
  "broker takes the user name of the method, whatever CONNECT had",
  async (bench, plugin) => {
    for (const [name, data] of [["alice", "yes alice"], [undefined, "yes"]]) {
      await bench.connect(5, "client", {
        username: "root",
        password: "secret",
        properties: by(data!),
      });
      const { client } = [...plugin.context.sessions][0]!;
      assertEquals(client.username, name);
    }
  },
);

testWith(
  "broker keeps what CONNECT had until the exchange is over, and limits with it",
  async (bench) => {
    const properties = { ...by("more one"), topicAliasMaximum: 5 };
    const will = {
      topic: "will",
      payload: "gone",
      properties: { correlationData: text("id") },
    };
    const watcher = await bench.connect(5, "watcher", {
      properties: by("yes w"),
    });
    await watcher.subscribe("will");
    const client = await begun(bench, "more one", { properties, will });
    client.send(auth(0x18, by(`silently ${"x".repeat(60_000)}`)));
    await client.next("auth");
    client.send(auth(0x18, by("yes alice")));
    assertEquals((await client.next("connack")).code, 0);
    client.drop();
    const [message] = await watcher.collect();
    assertEquals(message?.payload, "gone");
    assertEquals(said(message?.properties.correlationData), "id");
  },
);

testWith(
  "broker gives an AUTH no reason and no more than the client accepts [MQTT-3.15.2-2] [MQTT-3.15.2-3]",
  async (bench) => {
    const properties = { ...by("more x"), maximumPacketSize: 20 };
    const fits = await begun(bench, "more x", { properties });
    fits.send(auth(0x18, by("more too-much")));
    assertEquals(await fits.untilClosed(), []);
    const other = await begun(bench, "more x");
    other.send(auth(0x18, by("more y")));
    const { properties: { reasonString, userProperty } } = await other.next(
      "auth",
    );
    assertEquals([reasonString, userProperty], [undefined, undefined]);
  },
);

// deno-fmt-ignore: a table
const refusals: readonly [what: string, data: string, code: number][] = [
  ["without a reason", "no", 0x87],
  ["for the password", "no 0x86", 0x86],
  ["because it is busy", "no 0x89", 0x89],
  ["with a reason that CONNACK cannot have", "no 0x8d", 0x87],
  ["with a reason that is none", "no 0x00", 0x87],
  ["by throwing", "throw", 0x87],
  ["with what is no answer", "nonsense", 0x87],
  ["with what cannot be sent", "volumes", 0x87],
];

for (const [what, data, code] of refusals) {
  testWith(
    `broker refuses a client whose method refuses it ${what} [MQTT-4.12.0-4]`,
    async (bench, plugin) => {
      const first = bench.open(5);
      first.send(connect(5, { clientId: "client", properties: by(data) }));
      await assertRefused(first, code);
      const second = await begun(bench, "more x");
      second.send(
        auth(0x18, by(data)),
        publish(5, { topic: "a", payload: "x", retain: true }),
      );
      await assertRefused(second, code);
      assertEquals([...plugin.context.retainedMessages], []);
      assertEquals(bench.broker.metrics.authenticationFailures, 2);
      assert(plugin.signals.every(({ aborted }) => aborted));
      const who = data === "no" ? "mallory" : undefined;
      assertEquals(plugin.refused, [who, who]);
    },
  );
}

// deno-fmt-ignore: a table
const intruders: readonly [what: string, packet: Uint8Array | string, code: number][] = [
  ["PUBLISH", publish(5, { topic: "a" }), 0x82],
  ["SUBSCRIBE", subscribe(5, 1, ["a"]), 0x82],
  ["PINGREQ", "c0 00", 0x82],
  ["CONNECT", connect(5, { properties: by("yes x") }), 0x82],
  ["AUTH of another method", auth(0x18, by("yes x", "OTHER")), 0x82],
  ["AUTH without method", "f0 00", 0x82],
  ["AUTH to authenticate again", auth(0x19, by("yes x")), 0x82],
  ["AUTH with success", auth(0x00, by("yes x")), 0x82],
  ["AUTH with data but no method", "f0 06 | 18 04 16 0001 'x'", 0x82],
];

for (const [what, packet, code] of intruders) {
  testWith(
    `broker ends an authentication at ${what} [MQTT-3.1.2-30] [MQTT-4.12.0-3] [MQTT-4.12.0-5] [MQTT-4.13.1-1]`,
    async (bench, plugin) => {
      const client = await begun(bench, "more x");
      client.send(packet);
      await assertRefused(client, code);
      assertEquals(plugin.context.sessions.size, 0);
    },
  );
}

testWith(
  "broker lets a client leave with DISCONNECT while it authenticates [MQTT-3.1.2-30]",
  async (bench, plugin) => {
    const client = await begun(bench, "more x");
    client.send(disconnect());
    assertEquals(await client.untilClosed(), []);
    assertEquals(plugin.signals[0]!.aborted, true);
    assertEquals(bench.broker.metrics.connectionsRefused, 1);
  },
);

testWith(
  "broker notices that a client has gone, while it waits and while the method does",
  async (bench, plugin) => {
    const waiting = await begun(bench, "more x");
    waiting.drop();
    const asked = await begun(bench, "more x");
    asked.send(auth(0x18, by("later")));
    const answer = await plugin.asked();
    asked.drop();
    for (const client of [waiting, asked]) await client.untilClosed();
    assertEquals(plugin.signals.map(({ aborted }) => aborted), [true, true]);
    // What comes too late changes nothing.
    answer({ outcome: "success", username: "alice" });
    await Promise.resolve();
    assertEquals(plugin.context.sessions.size, 0);
  },
);

testWith(
  "broker waits for an exchange no longer than connectTimeout",
  async (bench, plugin) => {
    const waiting = await begun(bench, "more x");
    const asked = await begun(bench, "more x", { clientId: "other" });
    asked.send(auth(0x18, by("later")));
    await plugin.asked();
    bench.pass(9);
    asked.send();
    bench.pass(2);
    assertEquals(await waiting.untilClosed(), []);
    assertEquals(await asked.untilClosed(), []);
    assertEquals(plugin.signals.map(({ aborted }) => aborted), [true, true]);
  },
);

testWith("broker ends an exchange that has too many steps", async (bench) => {
  const client = await begun(bench, "more x");
  for (let step = 2; step <= 16; step++) {
    client.send(auth(0x18, by("more x")));
    await client.next("auth");
  }
  client.send(auth(0x18, by("yes alice")));
  await assertRefused(client, 0x97);
});

testWith(
  "broker refuses who has no method, where a method is all there is",
  async (bench) => {
    for (const username of [undefined, "alice"]) {
      const client = bench.open(5);
      client.send(connect(5, { ...(username && { username, password: "x" }) }));
      await assertRefused(client, username === undefined ? 0x87 : 0x86);
    }
  },
);

const asked: unknown[] = [];
const opinions = [undefined, true, false, 0x8a as const, null];

testWith(
  "broker asks plugins about who authenticated for denials only",
  async (bench) => {
    for (const code of [0, 0, 0x87, 0x8a, 0]) {
      const client = bench.open(5);
      const { code: got } = await client.connect({
        username: "root",
        password: "secret",
        properties: by("yes alice"),
      });
      assertEquals(got, code);
    }
    assertEquals(asked, Array(5).fill(["alice", undefined, "TEST"]));
  },
  (plugin) => {
    plugin.authenticate = (client, password, { method }) => {
      asked.push([client.username, password, method]);
      return opinions[asked.length - 1];
    };
  },
);

// Again.

testWith(
  "broker lets a client authenticate again, by the method of CONNECT [MQTT-4.12.0-5] [MQTT-4.12.1-1]",
  async (bench, plugin) => {
    const client = await connected(bench);
    await client.subscribe("a");
    for (let time = 1; time <= 3; time++) {
      client.send(auth(0x19, by("more x")));
      const asked = await client.next("auth");
      assertEquals([asked.code, asked.properties.authenticationMethod], [
        0x18,
        "TEST",
      ]);
      client.send(auth(0x18, by("yes alice")));
      const { code, properties } = await client.next("auth");
      assertEquals(code, 0);
      assertEquals(properties.authenticationMethod, "TEST");
      assertEquals(said(properties.authenticationData), "welcome");
      assertEquals(plugin.signals[time]!.aborted, true);
    }
    await client.publish({ topic: "a", payload: "still here" });
    assertEquals(await client.payloads(), ["still here"]);
    assertEquals(plugin.clients.map(({ username }) => username), [
      undefined,
      ...Array(3).fill("alice"),
    ]);
    assertEquals(bench.broker.metrics.clientsConnected, 1);
  },
);

testWith(
  "broker handles what else a client sends while it authenticates again",
  async (bench, plugin) => {
    const client = await connected(bench);
    client.send(auth(0x19, by("later")));
    const answer = await plugin.asked();
    assertEquals(await client.subscribe("a"), [0]);
    await client.publish({ topic: "a", payload: "1", qos: 1 });
    assertEquals(await client.payloads(), ["1"]);
    answer({ outcome: "success", username: "alice" });
    assertEquals((await client.next("auth")).code, 0);
    assertEquals(await client.drain(), []);
  },
);

// deno-fmt-ignore: a table
const failures: readonly [what: string, data: string, code: number][] = [
  ["the method refuses it", "no", 0x87],
  ["its password is wrong", "no 0x86", 0x87],
  ["the broker is busy", "no 0x89", 0x89],
  ["the method throws", "throw", 0x87],
  ["it is another user now", "yes bob", 0x87],
  ["it has no name any more", "yes", 0x87],
];

for (const [what, data, code] of failures) {
  testWith(
    `broker ends the connection of a client that authenticates again, if ${what} [MQTT-4.12.1-2]`,
    async (bench) => {
      const client = await connected(bench);
      client.send(
        auth(0x19, by(data)),
        publish(5, { topic: "a", payload: "x", retain: true }),
      );
      await assertDisconnected(client, code);
      assertEquals(bench.broker.metrics.authenticationFailures, 1);
      assertEquals(bench.broker.metrics.clientsConnected, 0);
    },
  );
}

testWith(
  "broker ends the connection also where the method answers later [MQTT-4.12.1-2]",
  async (bench, plugin) => {
    const client = await connected(bench);
    client.send(auth(0x19, by("later")));
    const answer = await plugin.asked();
    answer({ outcome: "refusal" });
    await assertDisconnected(client, 0x87);
  },
);

testWith(
  "broker asks plugins for denials when a client authenticates again",
  async (bench) => {
    const client = await connected(bench);
    client.send(auth(0x19, by("yes alice")));
    await assertDisconnected(client, 0x87);
  },
  (plugin) => {
    let times = 0;
    plugin.authenticate = () => times++ === 0;
  },
);

// deno-fmt-ignore: a table
const mistakes: readonly [what: string, packets: Uint8Array[]][] = [
  ["goes on with what it has not begun", [auth(0x18, by("yes alice"))]],
  ["says that it has succeeded", [auth(0x00, by("yes alice"))]],
  ["has another method [MQTT-4.12.1-1] [MQTT-4.12.0-5]", [auth(0x19, by("yes alice", "OTHER"))]],
  ["has no method", [auth(0x19)]],
  ["begins twice", [auth(0x19, by("later")), auth(0x19, by("yes alice"))]],
  ["begins anew in between", [auth(0x19, by("silently")), auth(0x19, by("yes alice"))]],
  ["goes on before it is asked to", [auth(0x19, by("later")), auth(0x18, by("yes alice"))]],
];

for (const [what, packets] of mistakes) {
  testWith(
    `broker ends the connection at an AUTH that ${what} [MQTT-4.13.1-1]`,
    async (bench, plugin) => {
      const client = await connected(bench);
      client.send(...packets);
      const ends = (await client.untilClosed()).at(-1);
      assertEquals([ends?.type, ends?.type === "disconnect" && ends.code], [
        "disconnect",
        0x82,
      ]);
      assertEquals(plugin.signals.every(({ aborted }) => aborted), true);
    },
  );
}

testWith(
  "broker waits no longer than connectTimeout for a client that authenticates again",
  async (bench, plugin) => {
    const client = await connected(bench);
    const other = await bench.connect(5, "other", { properties: by("yes x") });
    bench.pass(60);
    client.send(auth(0x19, by("more x")));
    await client.next("auth");
    bench.pass(9);
    assertEquals(await client.drain(), []);
    bench.pass(2);
    await assertDisconnected(client, 0x87);
    assertEquals(plugin.signals.at(-1)!.aborted, true);
    assertEquals(await other.drain(), []);
  },
);
