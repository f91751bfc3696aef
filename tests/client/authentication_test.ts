import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type ClientAuthentication,
  type ClientOptions,
  ConnectError,
  ConnectionLostError,
  MQTTClient,
} from "../../client/mod.ts";
import { text } from "../_raw_client.ts";
import {
  connack5,
  type ScriptedConnection,
  Stage,
  turn,
} from "./_scripted_broker.ts";

/** A method that says what it is told to, and remembers what it heard. */
class Talkative implements ClientAuthentication {
  readonly name = "TALK";
  readonly heard: string[] = [];
  started = 0;
  says: (asked: string) => string | undefined | Promise<string | undefined> = (
    asked,
  ) => `re ${asked}`;
  finishes: (data: string) => void = () => {};

  start(): ReturnType<ClientAuthentication["start"]> {
    this.started++;
    const say = (asked: string) => {
      const said = this.says(asked);
      return said instanceof Promise
        ? said.then((one) => bytes(one))
        : bytes(said);
    };
    const hear = (data: Uint8Array | undefined): string => {
      const heard = data === undefined ? "-" : new TextDecoder().decode(data);
      this.heard.push(heard);
      return heard;
    };
    return {
      first: () => say("first"),
      answer: (data) => say(hear(data)),
      finish: (data) => this.finishes(hear(data)),
    };
  }
}

function bytes(said: string | undefined): Uint8Array | undefined {
  return said === undefined ? undefined : text(said);
}

/** The properties of method and data, in bytes. */
function by(data?: string, method = "TALK"): string {
  return `15 <${method}>${data === undefined ? "" : ` 16 <${data}>`}`;
}

const connect = `10 [<MQTT> 05 02 0000 [${by("re first")}] <me>]`;

/** A client with a method. */
function staged(
  method: ClientAuthentication,
  options: ClientOptions = {},
): Stage {
  return new Stage({ protocolVersion: 5, authentication: method, ...options });
}

/** The client is about to connect, and has said so. */
async function begun(
  stage: Stage,
): Promise<[ScriptedConnection, Promise<unknown>]> {
  const connecting = stage.client.connect();
  connecting.catch(() => {});
  await turn();
  await stage.broker.expect(connect);
  return [stage.broker, connecting];
}

async function connected(stage: Stage): Promise<ScriptedConnection> {
  const [broker, connecting] = await begun(stage);
  broker.send(connack5(by("end")));
  await connecting;
  return broker;
}

Deno.test("client says what its method says, in CONNECT and AUTH, and hears what the broker says [MQTT-4.12.0-3] [MQTT-4.12.0-5] [MQTT-3.15.2-2] [MQTT-3.15.2-3]", async () => {
  const method = new Talkative();
  await using stage = staged(method);
  const [broker, connecting] = await begun(stage);
  broker.send(`f0 [18 [${by("one")}]]`);
  await broker.expect(`f0 [18 [${by("re one")}]]`);
  broker.send(`f0 [18 [${by()}]]`);
  await broker.expect(`f0 [18 [${by("re -")}]]`);
  broker.send(connack5(by("end")));
  await connecting;
  assertEquals(method.heard, ["one", "-", "end"]);
  assert(stage.client.connected);
});

Deno.test("client waits for a method that answers later, and sends no data where it has none", async () => {
  const method = new Talkative();
  method.says = async (asked) => {
    await turn();
    return asked === "first" ? "re first" : undefined;
  };
  await using stage = staged(method);
  const connecting = stage.client.connect();
  while (stage.broker === undefined) await turn();
  await stage.broker.expect(connect);
  stage.broker.send(`f0 [18 [${by("one")}]]`);
  await stage.broker.expect(`f0 [18 [${by()}]]`);
  stage.broker.send(connack5(by()));
  await connecting;
});

Deno.test("client does not tell a broker the user name and password of the URL where it has a method", async () => {
  await using stage = staged(new Talkative(), {
    url: "mqtt://alice:secret@broker",
  });
  await connected(stage);
});

Deno.test("client begins an exchange with each connection", async () => {
  const method = new Talkative();
  await using stage = staged(method, { autoReconnect: true });
  const broker = await connected(stage);
  broker.end();
  await turn();
  stage.clock.pass(10_000);
  await turn();
  await stage.broker.expect(
    `10 [<MQTT> 05 00 0000 [${by("re first")}] <me>]`,
  );
  stage.broker.send(connack5(by("end")));
  await turn();
  assert(stage.client.connected);
  assertEquals(method.started, 2);
});

// deno-fmt-ignore: a table
const mistakes: readonly [what: string, packet: string][] = [
  ["AUTH of another method", `f0 [18 [${by("x", "OTHER")}]]`],
  ["AUTH without a method", "f0 [18 []]"],
  ["AUTH that says it is over", `f0 [00 [${by("x")}]]`],
  ["AUTH that wants to begin", `f0 [19 [${by("x")}]]`],
  ["CONNACK of another method", connack5(by("x", "OTHER"))],
  ["CONNACK without a method", connack5()],
];

for (const [what, packet] of mistakes) {
  Deno.test(`client does not connect to a broker that answers with ${what} [MQTT-4.12.0-2] [MQTT-4.12.0-5]`, async () => {
    const method = new Talkative();
    await using stage = staged(method);
    const [broker, connecting] = await begun(stage);
    broker.send(packet);
    await assertRejects(() => connecting, ConnectError);
    await broker.expectEnd();
    assertEquals(method.heard, []);
  });
}

Deno.test("client without a method does not take one from the broker [MQTT-4.12.0-6]", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  await assertRejects(
    () =>
      stage.connect({
        connect: "10 [<MQTT> 05 02 0000 [] <me>]",
        connack: connack5(by()),
      }),
    ConnectError,
    "CONNACK has another method than CONNECT",
  );
});

Deno.test("client takes no AUTH before its method has answered", async () => {
  const method = new Talkative();
  await using stage = staged(method);
  const [broker, connecting] = await begun(stage);
  method.says = () => new Promise(() => {});
  broker.send(`f0 [18 [${by("one")}]]`, `f0 [18 [${by("two")}]]`);
  await assertRejects(() => connecting, ConnectError, "AUTH was not to be");
  assertEquals(method.heard, ["one"]);
});

const broken = new Error("it is broken");

for (
  const [what, breaks] of [
    ["at once", () => {
      throw broken;
    }],
    ["later", () => Promise.reject(broken)],
  ] as const
) {
  Deno.test(`client does not connect where its method fails ${what}, and does not try again`, async () => {
    for (const when of ["first", "one"]) {
      const method = new Talkative();
      method.says = (asked) => asked === when ? breaks() : `re ${asked}`;
      await using stage = staged(method, { autoReconnect: true });
      const connecting = stage.client.connect();
      connecting.catch(() => {});
      await turn();
      stage.broker?.send(`f0 [18 [${by("one")}]]`);
      const error = await assertRejects(
        () => connecting,
        ConnectError,
        "the authentication by TALK failed: it is broken",
      );
      assertEquals(error.permanent, true);
    }
  });
}

Deno.test("client does not connect to a broker that is not the one that it should be", async () => {
  const method = new Talkative();
  method.finishes = () => {
    throw new Error("wrong broker");
  };
  let connects = 0;
  await using stage = staged(method, {
    autoReconnect: true,
    on: { connected: () => connects++ },
  });
  const [broker, connecting] = await begun(stage);
  broker.send(connack5(by("end")));
  const error = await assertRejects(
    () => connecting,
    ConnectError,
    "the authentication by TALK failed: wrong broker",
  );
  assertEquals([error.permanent, connects], [true, 0]);
  await broker.expectEnd();
});

Deno.test("client gives up where its method says nothing in time", async () => {
  const method = new Talkative();
  method.says = () => new Promise(() => {});
  await using stage = staged(method, { connectTimeout: 5 });
  const connecting = stage.client.connect();
  connecting.catch(() => {});
  await turn();
  stage.clock.pass(5000);
  await assertRejects(() => connecting, ConnectError, "within 5 s");
});

// Again.

Deno.test("reauthenticate() has another exchange by the same method, while all else goes on [MQTT-4.12.1-1]", async () => {
  const method = new Talkative();
  await using stage = staged(method);
  const broker = await connected(stage);
  const again = stage.client.reauthenticate();
  await broker.expect(`f0 [19 [${by("re first")}]]`);
  await stage.client.publish("a", "x");
  await broker.expect("30 [<a> 00 'x']");
  broker.send(`f0 [18 [${by("one")}]]`);
  await broker.expect(`f0 [18 [${by("re one")}]]`);
  broker.send(`f0 [00 [${by("well")}]]`);
  await again;
  assertEquals(method.heard, ["end", "one", "well"]);
  assertEquals(method.started, 2);
  const next = stage.client.reauthenticate();
  await broker.expect(`f0 [19 [${by("re first")}]]`);
  broker.send(`f0 [00 [${by()}]]`);
  await next;
});

Deno.test("reauthenticate() is rejected when the broker ends the connection", async () => {
  await using stage = staged(new Talkative());
  const broker = await connected(stage);
  const again = stage.client.reauthenticate();
  await broker.expect(`f0 [19 [${by("re first")}]]`);
  broker.send("e0 [87 []]");
  const error = await assertRejects(() => again, ConnectionLostError);
  assertEquals(error.reasonCode, 0x87);
});

Deno.test("reauthenticate() ends the connection where the broker is not the one that it should be [MQTT-4.12.1-2]", async () => {
  const method = new Talkative();
  await using stage = staged(method);
  const broker = await connected(stage);
  method.finishes = () => {
    throw new Error("wrong broker");
  };
  const again = stage.client.reauthenticate();
  await broker.expect(`f0 [19 [${by("re first")}]]`);
  broker.send(`f0 [00 [${by("well")}]]`);
  await broker.expect("e0 [80]");
  broker.end();
  await assertRejects(() => again, ConnectionLostError, "wrong broker");
});

Deno.test("reauthenticate() ends the connection where the method fails [MQTT-4.12.1-2]", async () => {
  const method = new Talkative();
  await using stage = staged(method);
  const broker = await connected(stage);
  method.says = () => Promise.reject(broken);
  const again = stage.client.reauthenticate();
  await broker.expect("e0 [80]");
  broker.end();
  await assertRejects(() => again, ConnectionLostError, "it is broken");
});

Deno.test("client takes no AUTH that it did not begin", async () => {
  for (const code of ["00", "18", "19"]) {
    await using stage = staged(new Talkative());
    const broker = await connected(stage);
    broker.send(`f0 [${code} [${by("x")}]]`);
    await broker.expect("e0 [82]");
  }
});

Deno.test("what a method says after the connection is gone is for nobody", async () => {
  const method = new Talkative();
  await using stage = staged(method);
  const broker = await connected(stage);
  const { promise, resolve } = Promise.withResolvers<string>();
  method.says = () => promise;
  const again = stage.client.reauthenticate();
  broker.end();
  await assertRejects(() => again, ConnectionLostError);
  resolve("late");
  await turn();
});

Deno.test("reauthenticate() needs a connection, a method, and one call at a time", async () => {
  await using bare = new Stage({ protocolVersion: 5 });
  await assertRejects(
    () => bare.client.reauthenticate(),
    ConnectionLostError,
    "Cannot authenticate again: the client is not connected",
  );
  await bare.connect({
    connect: "10 [<MQTT> 05 02 0000 [] <me>]",
    connack: connack5(),
  });
  await assertRejects(
    () => bare.client.reauthenticate(),
    TypeError,
    "Cannot authenticate again: the client has no option authentication",
  );
  await using stage = staged(new Talkative());
  const broker = await connected(stage);
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(
    () => stage.client.reauthenticate({ signal }),
    Error,
    "enough",
  );
  const first = stage.client.reauthenticate();
  await assertRejects(
    () => stage.client.reauthenticate(),
    TypeError,
    "the client is doing that already",
  );
  await broker.expect(`f0 [19 [${by("re first")}]]`);
  broker.send(`f0 [00 [${by()}]]`);
  await first;
});

for (
  const [options, problem] of [
    [{ protocolVersion: 4 }, "needs protocolVersion 5"],
    [{ authentication: {} }, "is no method"],
    [
      { properties: { authenticationMethod: "X" } },
      "and properties both say how to authenticate",
    ],
  ] as const
) {
  Deno.test(`MQTTClient does not take an authentication that ${problem}`, () => {
    const given = {
      protocolVersion: 5,
      authentication: new Talkative(),
      ...options,
    } as ClientOptions;
    assertThrows(() => new MQTTClient(given), TypeError, problem);
  });
}
