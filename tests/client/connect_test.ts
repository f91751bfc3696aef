import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type ClientOptions,
  ConnectError,
  MQTTClient,
} from "../../client/mod.ts";
import { MemoryListener } from "../_memory_transport.ts";
import {
  connack5,
  connect311,
  connect5,
  Stage,
  turn,
} from "./_scripted_broker.ts";

/** CONNECT in every version, by the options that lead to it. */
const connects: Record<string, [ClientOptions, string]> = {
  "of MQTT 3.1": [{ protocolVersion: 3 }, "10 [<MQIsdp> 03 02 0000 <me>]"],
  "of MQTT 3.1.1 [MQTT311-3.1.2-18] [MQTT311-3.1.2-20] [MQTT311-3.1.3-3]": [{
    protocolVersion: 4,
  }, "10 [<MQTT> 04 02 0000 <me>]"],
  "of MQTT 5.0 [MQTT-2.2.2-1]": [
    { protocolVersion: 5 },
    "10 [<MQTT> 05 02 0000 [] <me>]",
  ],
  "with a keep alive": [{ keepAlive: 300 }, "10 [<MQTT> 04 02 012c <me>]"],
  "without clean session": [
    { cleanStart: false },
    "10 [<MQTT> 04 00 0000 <me>]",
  ],
  "with an empty client identifier [MQTT-3.1.3-3] [MQTT311-3.1.3-7]": [
    { clientId: "" },
    "10 [<MQTT> 04 02 0000 <>]",
  ],
  "with a client identifier of UTF-8 [MQTT-3.1.3-4] [MQTT311-3.1.3-4]": [
    { clientId: "mé" },
    "10 [<MQTT> 04 02 0000 <mé>]",
  ],
  "with user name and password [MQTT-3.1.2-17] [MQTT-3.1.2-19] [MQTT-3.1.3-12] [MQTT311-3.1.2-19] [MQTT311-3.1.2-21] [MQTT311-3.1.3-11]":
    [
      { username: "uname", password: ";'[08gn=#" },
      "10 [<MQTT> 04 c2 0000 <me> <uname> <;'[08gn=#>]",
    ],
  "with a user name alone [MQTT-3.1.2-18] [MQTT311-3.1.2-20]": [
    { username: "u" },
    "10 [<MQTT> 04 82 0000 <me> <u>]",
  ],
  "with a password alone, which 5.0 allows [MQTT-3.1.2-16]": [
    { protocolVersion: 5, password: new Uint8Array([0, 255]) },
    "10 [<MQTT> 05 42 0000 [] <me> 0002 00ff]",
  ],
  "with user name and password of the URL": [
    { url: "mqtt://a%40b:c%3Ad@broker" },
    "10 [<MQTT> 04 c2 0000 <me> <a@b> <c:d>]",
  ],
  "with a user name that replaces that of the URL": [
    { url: "mqtt://a:b@broker", username: "x", password: "y" },
    "10 [<MQTT> 04 c2 0000 <me> <x> <y>]",
  ],
  "with a will of QoS 1 and retain [MQTT-3.1.2-9] [MQTT311-3.1.2-9]": [
    {
      will: {
        topic: "topic/on/unexpected/disconnect",
        payload: "will message",
        qos: 1,
        retain: true,
      },
    },
    "10 [<MQTT> 04 2e 0000 <me> <topic/on/unexpected/disconnect> <will message>]",
  ],
  "with a will of a topic alone": [
    { will: { topic: "t" } },
    "10 [<MQTT> 04 06 0000 <me> <t> <>]",
  ],
  "with everything in its order [MQTT-3.1.3-1] [MQTT-3.1.3-11] [MQTT311-3.1.3-1] [MQTT311-3.1.3-10]":
    [
      {
        protocolVersion: 5,
        properties: { sessionExpiryInterval: 10, receiveMaximum: 20 },
        will: {
          topic: "t",
          payload: new Uint8Array([1]),
          qos: 2,
          properties: { willDelayInterval: 5 },
        },
        username: "u",
        password: "p",
      },
      "10 [<MQTT> 05 d6 0000 [11 0000000a 21 0014] <me> " +
      "[18 00000005] <t> 0001 01 <u> <p>]",
    ],
};

for (const [name, [options, connect]] of Object.entries(connects)) {
  Deno.test(`connect() sends CONNECT first, ${name} [MQTT-3.1.0-1] [MQTT311-3.1.0-1]`, async () => {
    await using stage = new Stage(options);
    const { protocolVersion = 4 } = options;
    await stage.connect({
      connect,
      connack: protocolVersion === 5 ? connack5() : "20 [00 00]",
    });
    await stage.broker.expectNothing();
    assert(stage.client.connected);
  });
}

Deno.test("connect() has no will flags without a will [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT311-3.1.2-11] [MQTT311-3.1.2-13] [MQTT311-3.1.2-15]", async () => {
  await using stage = new Stage();
  await stage.connect({ connect: "10 [<MQTT> 04 02 0000 <me>]" });
});

Deno.test("connect() makes up a client identifier of 23 characters, another for each client", async () => {
  const ids = Array.from({ length: 20 }, () => new MQTTClient().clientId);
  assertEquals(new Set(ids).size, 20);
  for (const id of ids) assertMatch(id, /^ambermq_[a-z2-7]{15}$/);
  const client = new MQTTClient();
  assertNotEquals(client.clientId, "");
  await client.disconnect();
});

Deno.test("connect() has a clean session, a keep alive of 10 seconds and MQTT 3.1.1 by default", async () => {
  const listener = new MemoryListener();
  const broker = listener.connect();
  const client = new MQTTClient({
    clientId: "me",
    dial: () => listener.accept(),
  });
  const connected = client.connect();
  assertEquals(
    (await broker.receive())?.toHex(),
    "100e" + "00044d515454" + "04" + "02" + "000a" + "00026d65",
  );
  broker.send(new Uint8Array([0x20, 2, 0, 0]));
  await connected;
  const left = client.disconnect();
  assertEquals((await broker.receive())?.toHex(), "e000");
  broker.end();
  await left;
});

Deno.test("connect() returns CONNACK", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const connected = stage.client.connect();
  await stage.broker.expect(connect5);
  stage.broker.send(connack5("22 000a 24 01"));
  assertEquals(await connected, {
    type: "connack",
    sessionPresent: false,
    reasonCode: 0,
    properties: { topicAliasMaximum: 10, maximumQos: 1 },
  });
});

Deno.test("connect() takes over the client identifier that the broker assigned", async () => {
  await using stage = new Stage({ protocolVersion: 5, clientId: "" });
  await stage.connect({
    connect: "10 [<MQTT> 05 02 0000 [] <>]",
    connack: connack5("12 <auto-1>"),
  });
  assertEquals(stage.client.clientId, "auto-1");
  await stage.lose();
  await stage.connect({
    connect: "10 [<MQTT> 05 02 0000 [] <auto-1>]",
    connack: connack5(),
  });
});

/** What the old versions refuse with, and what it says. */
const refusals: [returnCode: number, reasonCode: number, text: RegExp][] = [
  [1, 0x84, /Unsupported protocol version \(0x84\); try another/],
  [2, 0x85, /Client identifier not valid \(0x85\); choose another/],
  [3, 0x88, /Server unavailable \(0x88\); try again later/],
  [4, 0x86, /Bad user name or password \(0x86\); check user name/],
  [5, 0x87, /Not authorized \(0x87\); check user name/],
];
for (const [returnCode, reasonCode, text] of refusals) {
  Deno.test(`connect() rejects with a ConnectError for the return code ${returnCode} [MQTT-4.13.2-1]`, async () => {
    await using stage = new Stage();
    const connected = stage.client.connect();
    await stage.broker.expect(connect311);
    stage.broker.send(`20 [00 0${returnCode}]`);
    const error = await assertRejects(() => connected, ConnectError);
    assertEquals(error.returnCode, returnCode);
    assertEquals(error.reasonCode, reasonCode);
    assertEquals(error.properties, undefined);
    assert(
      error.message.startsWith(
        "Cannot connect to broker:1883: the broker refused, ",
      ),
    );
    assertMatch(error.message, text);
    await stage.broker.expectEnd();
    assertStrictEquals(await stage.client.closed, error);
    assert(!stage.client.connected);
  });
}

Deno.test("connect() with 5.0 understands the refusal of a broker that knows 3.1.1 only, and does not try again [MQTT311-3.1.2-2]", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const connected = stage.client.connect();
  await stage.broker.expect(connect5);
  stage.broker.send("20 [00 01]");
  const error = await assertRejects(() => connected, ConnectError);
  assertEquals(error.reasonCode, 0x84);
  assertEquals(error.permanent, true);
  assertMatch(error.message, /the broker refused, .*try another/);
  await stage.broker.expectEnd();
});

Deno.test("connect() rejects with the reason code and the properties of 5.0", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const connected = stage.client.connect();
  await stage.broker.expect(connect5);
  stage.broker.send("20 [00 9c [1f <full> 1c <other:1883>]]");
  const error = await assertRejects(() => connected, ConnectError);
  assertEquals(error.returnCode, 0x9c);
  assertEquals(error.reasonCode, 0x9c);
  assertEquals(error.properties?.serverReference, "other:1883");
  assertEquals(
    error.message,
    "Cannot connect to broker:1883: the broker refused, " +
      "Use another server (0x9c): full; use other:1883",
  );
  await stage.broker.expectEnd();
});

Deno.test("connect() rejects where the broker closes without CONNACK", async () => {
  await using stage = new Stage();
  const connected = stage.client.connect();
  await stage.broker.expect(connect311);
  stage.broker.end();
  const error = await assertRejects(() => connected, ConnectError);
  assertEquals(error.returnCode, undefined);
  assertEquals(
    error.message,
    "Cannot connect to broker:1883: " +
      "the broker closed the connection without an answer",
  );
});

Deno.test("connect() rejects where the network fails before CONNACK", async () => {
  await using stage = new Stage();
  const connected = stage.client.connect();
  await stage.broker.expect(connect311);
  stage.broker.reset();
  const error = await assertRejects(() => connected, ConnectError);
  assertEquals(
    error.message,
    "Cannot connect to broker:1883: The connection was reset",
  );
});

for (
  const [name, answer, message] of [
    [
      "another packet [MQTT-3.2.0-1]",
      "d0 []",
      "pingresp came where it may not",
    ],
    ["HTTP", "'HTTP/1.1 400'", "connack"],
    ["a CONNACK cut short", "20 [00]", "Packet ends where"],
    ["a CONNACK with reserved flags", "20 [02 00]", "CONNACK has the flags 2"],
  ] as const
) {
  Deno.test(`connect() rejects where the answer is ${name}`, async () => {
    await using stage = new Stage();
    const connected = stage.client.connect();
    await stage.broker.expect(connect311);
    stage.broker.send(answer);
    const error = await assertRejects(() => connected, ConnectError);
    assert(
      error.message.startsWith(
        "Cannot connect to broker:1883: the answer is not that of an MQTT broker: ",
      ),
      error.message,
    );
    if (name !== "HTTP") assert(error.message.includes(message), error.message);
    await stage.broker.expectEnd();
  });
}

Deno.test("connect() rejects when the broker does not answer in time", async () => {
  await using stage = new Stage({ connectTimeout: 0.5 });
  const connected = stage.client.connect();
  await stage.broker.expect(connect311);
  stage.clock.pass(499);
  await stage.broker.expectNothing();
  stage.clock.pass(1);
  const error = await assertRejects(() => connected, ConnectError);
  assertEquals(
    error.message,
    "Cannot connect to broker:1883: the broker did not answer within 0.5 s",
  );
  await stage.broker.expectEnd();
});

Deno.test("connect() rejects with the reason of its signal", async () => {
  await using stage = new Stage();
  const controller = new AbortController();
  const connected = stage.client.connect({ signal: controller.signal });
  await stage.broker.expect(connect311);
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => connected), reason);
  await stage.broker.expectEnd();
  await stage.connect(); // and it can be tried again
});

Deno.test("connect() does nothing where its signal has fired already", async () => {
  let dialed = 0;
  const client = new MQTTClient({
    dial: () => {
      dialed++;
      throw new Error("dialed");
    },
  });
  const reason = new Error("enough");
  const connected = client.connect("mqtt://broker", {
    signal: AbortSignal.abort(reason),
  });
  assertStrictEquals(await assertRejects(() => connected), reason);
  assertEquals(dialed, 0);
});

Deno.test("connect() closes a transport that comes too late", async () => {
  const listener = new MemoryListener();
  const broker = listener.connect();
  const late = Promise.withResolvers<void>();
  const client = new MQTTClient({
    dial: async () => {
      await late.promise; // and never looks at its signal
      return await listener.accept();
    },
  });
  const controller = new AbortController();
  const connected = client.connect({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => connected, Error, "enough");
  late.resolve();
  assertEquals(await broker.receive(), null);
});

Deno.test("connect() tells why no transport could be opened", async () => {
  const refused = new Error("os error 111");
  refused.name = "ConnectionRefused";
  const client = new MQTTClient({
    dial: () => Promise.reject(refused),
    autoReconnect: false,
  });
  const error = await assertRejects(
    () => client.connect("mqtt://[::1]:18"),
    ConnectError,
    "Cannot connect to [::1]:18: nothing accepts connections there; is the broker running?",
  );
  assertStrictEquals(error.cause, refused);
  const other = new MQTTClient({
    dial: () => Promise.reject("no reason"),
    autoReconnect: false,
  });
  await assertRejects(() => other.connect(), ConnectError, "no reason");
});

Deno.test("connect() refuses a second connection", async () => {
  await using stage = new Stage();
  const connected = stage.client.connect();
  await assertRejects(
    () => stage.client.connect(),
    TypeError,
    "Cannot connect: the client is connected already",
  );
  stage.broker.send("20 [00 00]");
  await connected;
  await assertRejects(() => stage.client.connect(), TypeError);
});

Deno.test("connect() refuses what is wrong before it dials [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-3.1.2-12] [MQTT311-1.5.3-2] [MQTT311-3.1.2-14] [MQTT311-3.1.2-22] [MQTT311-3.1.3-7]", async () => {
  const wrong: [ClientOptions, typeof TypeError | typeof RangeError, string][] =
    [
      [{ url: "localhost:1883" }, TypeError, "its scheme is none of"],
      [{ keepAlive: 65_536 }, RangeError, "keep alive 65536"],
      [{ password: "p" }, TypeError, "no password without a user name"],
      [{ will: { topic: "a/#" } }, TypeError, "it has a wildcard"],
      [
        { clientId: "", cleanStart: false },
        TypeError,
        "Cannot connect: cleanStart false needs a client identifier",
      ],
      [{ will: { topic: "a", qos: 3 as 2 } }, RangeError, "will QoS 3"],
      [{ clientId: "a\0" }, TypeError, "U+0000"],
      [{ clientId: "a\ud800" }, TypeError, "lone surrogate"],
    ];
  for (const [options, type, message] of wrong) {
    const client = new MQTTClient({
      dial: () => Promise.reject(new Error("dialed")),
      ...options,
    });
    await assertRejects(() => client.connect(), type, message);
  }
});

Deno.test("MQTTClient refuses options that cannot be", () => {
  const protocolVersion = 6 as 5;
  assertThrows(
    () => new MQTTClient({ protocolVersion }),
    RangeError,
    "Cannot make a client: protocolVersion 6 is not 3, 4 or 5",
  );
  assertThrows(
    () => new MQTTClient({ receiveQueueLimit: 0 }),
    RangeError,
    "Cannot make a client: receiveQueueLimit 0 is not 1 or more",
  );
});

Deno.test("disconnect() ends an attempt to connect", async () => {
  await using stage = new Stage();
  const connected = assertRejects(() => stage.client.connect(), ConnectError);
  await stage.broker.expect(connect311);
  await stage.client.disconnect();
  assertEquals(
    (await connected).message,
    "Cannot connect: disconnect was called",
  );
  await stage.broker.expectEnd();
});

Deno.test("messages that wait when no connection comes about are not forgotten", async () => {
  await using stage = new Stage();
  const message = assertRejects(() => stage.client.deliverMessage());
  const connected = stage.client.connect();
  stage.broker.send("20 [00 05]");
  await assertRejects(() => connected, ConnectError);
  assertInstanceOf(await message, ConnectError);
  await turn();
});
