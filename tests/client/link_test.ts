import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  type ClientOptions,
  ConnectError,
  ConnectionLostError,
  MQTTClient,
  QueueFullError,
} from "../../client/mod.ts";
import { PermanentError } from "../../client/_refusal.ts";
import type { Transport } from "../../codec/mod.ts";
import {
  connack5,
  connect311,
  connect5,
  resume311,
  resume5,
  type ScriptedConnection,
  Stage,
  turn,
} from "./_scripted_broker.ts";

const auto: ClientOptions = { autoReconnect: true };
const connected5 = { connect: connect5, connack: connack5() };

/** Loses the connection and waits until another is planned. */
async function drop(stage: Stage): Promise<void> {
  stage.broker.end();
  await turn();
}

/** Lets the client try again; the broker takes it. */
async function again(
  stage: Stage,
  connect = connect311,
  connack = "20 [00 00]",
): Promise<ScriptedConnection> {
  stage.clock.pass(10_000);
  await turn();
  const { broker } = stage;
  await broker.expect(connect);
  broker.send(connack);
  await turn();
  return broker;
}

/** A client to whose transports something happens at once. */
function failing(
  dial: () => Promise<never>,
  options: ClientOptions = {},
): { stage: Stage; dialed: () => number } {
  let count = 0;
  const stage = new Stage({
    ...auto,
    dial: () => {
      count++;
      return dial();
    },
    ...options,
  });
  return { stage, dialed: () => count };
}

const unreachable = () => Promise.reject(new Error("no route"));

Deno.test("a lost connection is made again, in a second at most", async () => {
  const told: unknown[] = [];
  await using stage = new Stage({
    ...auto,
    on: {
      connected: ({ sessionPresent }) =>
        told.push(["connected", sessionPresent]),
      disconnected: (error) => told.push(["disconnected", error?.message]),
      reconnecting: (attempt, delay, error) => {
        assert(delay >= 0.5 && delay <= 1, `${delay}`);
        told.push(["reconnecting", attempt, error.message]);
      },
    },
  });
  await stage.connect();
  stage.clock.pass(10_000); // it has lasted
  await drop(stage);
  assert(!stage.client.connected);
  const first = stage.broker;
  stage.clock.pass(499);
  await turn();
  assertStrictEquals(stage.broker, first);
  stage.clock.pass(501);
  await turn();
  await stage.broker.expect(connect311);
  stage.broker.send("20 [00 00]");
  await turn();
  assert(stage.client.connected);
  stage.broker.end();
  await stage.client.disconnect();
  const lost = "Connection lost: the broker closed it";
  assertEquals(told, [
    ["connected", false],
    ["disconnected", lost],
    ["reconnecting", 1, lost],
    ["connected", false],
    ["disconnected", undefined],
  ]);
  assertEquals(await stage.client.closed, undefined);
});

Deno.test("connect() goes on trying, for reconnectRetries times more", async () => {
  const attempts: number[] = [];
  const { stage, dialed } = failing(unreachable, {
    on: { reconnecting: (attempt) => attempts.push(attempt) },
  });
  const { client, clock } = stage;
  const connected = assertRejects(() => client.connect(), ConnectError);
  const waiting = assertRejects(() => client.publish("t", ""), ConnectError);
  for (const [dials, delay] of [[1, 2000], [2, 4000], [3, 0]] as const) {
    await turn();
    assertEquals(dialed(), dials);
    clock.pass(delay);
  }
  const error = await connected;
  assertEquals(error.message, "Cannot connect to broker:1883: no route");
  assertStrictEquals(await waiting, error);
  assertStrictEquals(await client.closed, error);
  assertEquals(attempts, [2, 3]);
  assertEquals(clock.timers, 0);
});

Deno.test("with negative reconnectRetries there is no end, until disconnect()", async () => {
  const { stage, dialed } = failing(unreachable, { reconnectRetries: -1 });
  const connected = assertRejects(() => stage.client.connect(), ConnectError);
  for (let n = 1; n <= 20; n++) {
    await turn();
    assertEquals(dialed(), n);
    stage.clock.pass(10_000);
  }
  await turn();
  const published = assertRejects(
    () => stage.client.publish("t", ""),
    ConnectionLostError,
    "Connection lost: the client left",
  );
  await stage.client.disconnect();
  assertEquals(
    (await connected).message,
    "Cannot connect: disconnect was called",
  );
  await published;
  assertEquals(stage.clock.timers, 0);
});

Deno.test("who waits is told when no connection can be had again", async () => {
  const told: (Error | undefined)[] = [];
  await using stage = new Stage({
    ...auto,
    reconnectRetries: 0,
    on: { disconnected: (error) => told.push(error) },
  });
  await stage.connect();
  const { client } = stage;
  const stream = await subscribed(stage);
  await drop(stage);
  const all = [
    client.publish("t", ""),
    client.publish("t", "", { qos: 2 }),
    client.subscribe("t"),
    client.subscription("u"),
    client.unsubscribe("t"),
    client.ping(),
    client.deliverMessage(),
    client.messages().next(),
    stream.messages().next(),
  ].map((promise) => assertRejects(() => promise, ConnectionLostError));
  const reconnected = assertRejects(() => client.reconnect(), ConnectError);
  await turn();
  stage.broker.end();
  const error = await client.closed;
  assertInstanceOf(error, ConnectionLostError);
  assertInstanceOf(error.cause, ConnectError);
  assertEquals(
    error.message,
    "Connection lost, and not to be had again: Cannot connect to broker:1883: " +
      "the broker closed the connection without an answer",
  );
  for (const one of await Promise.all(all)) assertStrictEquals(one, error);
  assertStrictEquals(await reconnected, error.cause);
  assertEquals(told.length, 2);
});

async function subscribed(stage: Stage) {
  const opened = stage.client.subscription("s/#");
  await stage.broker.expect("82 [0001 <s/#> 00]");
  stage.broker.send("90 [0001 00]");
  return await opened;
}

Deno.test("what cannot get better is not tried again", async () => {
  const codes = [[1, 0x84], [2, 0x85], [4, 0x86], [5, 0x87]] as const;
  for (const [returnCode, reasonCode] of codes) {
    await using stage = new Stage(auto);
    const connected = stage.client.connect();
    await stage.broker.expect(connect311);
    stage.broker.send(`20 [00 0${returnCode}]`);
    const error = await assertRejects(() => connected, ConnectError);
    assertEquals([error.returnCode, error.reasonCode], [
      returnCode,
      reasonCode,
    ]);
    assertEquals(stage.clock.timers, 0);
  }
  const { stage } = failing(() =>
    Promise.reject(new TypeError("no such file"))
  );
  await assertRejects(() => stage.client.connect(), TypeError, "no such file");
});

Deno.test("what may get better is tried again", async () => {
  await using stage = new Stage(auto);
  const connected = stage.client.connect();
  await stage.broker.expect(connect311);
  stage.broker.send("20 [00 03]");
  await turn();
  await again(stage);
  await connected;
});

Deno.test("a session that was taken over is not taken back: two clients would fight for it", async () => {
  await using stage = new Stage({ ...auto, protocolVersion: 5 });
  await stage.connect(connected5);
  stage.broker.send("e0 [8e]");
  const error = await stage.client.closed;
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(error.reasonCode, 0x8e);
});

Deno.test("a broker that shuts down is connected to again", async () => {
  await using stage = new Stage({ ...auto, protocolVersion: 5 });
  await stage.connect(connected5);
  stage.broker.send("e0 [8b]");
  await turn();
  await again(stage, resume5, connack5());
  assert(stage.client.connected);
});

Deno.test("a signal ends connect() while it waits for the next attempt", async () => {
  const { stage, dialed } = failing(unreachable);
  const controller = new AbortController();
  const connected = stage.client.connect({ signal: controller.signal });
  await turn();
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => connected), reason);
  assertStrictEquals(await stage.client.closed, reason);
  assertEquals([dialed(), stage.clock.timers], [1, 0]);
});

Deno.test("a signal of connect() has no effect once it is connected", async () => {
  await using stage = new Stage(auto);
  const controller = new AbortController();
  const connected = stage.client.connect({ signal: controller.signal });
  stage.broker.send("20 [00 00]");
  await connected;
  controller.abort();
  await turn();
  assert(stage.client.connected);
});

Deno.test("reconnect() does not wait for the next attempt", async () => {
  await using stage = new Stage(auto);
  await stage.connect();
  await drop(stage);
  const first = stage.broker;
  const reconnected = stage.client.reconnect();
  await turn();
  assert(stage.broker !== first);
  stage.broker.send("20 [00 00]");
  assertEquals((await reconnected).reasonCode, 0);
});

Deno.test("reconnect() gives up waiting at its signal, and the client goes on", async () => {
  await using stage = new Stage(auto);
  await stage.connect();
  await drop(stage);
  const controller = new AbortController();
  const reconnected = stage.client.reconnect({ signal: controller.signal });
  await turn();
  controller.abort(new Error("enough"));
  await assertRejects(() => reconnected, Error, "enough");
  stage.broker.send("20 [00 00]");
  await turn();
  assert(stage.client.connected);
});

Deno.test("reconnect() connects to the last broker after disconnect(), and keeps subscriptions", async () => {
  await using stage = new Stage();
  const { client } = stage;
  await assertRejects(
    () => client.reconnect(),
    TypeError,
    "Cannot reconnect: the client was never connected",
  );
  await stage.connect();
  const opened = client.subscribe("a", { qos: 1 });
  await stage.broker.expect("82 [0001 <a> 01]");
  stage.broker.send("90 [0001 01]");
  await opened;
  await stage.lose();
  const reconnected = client.reconnect({ cleanStart: true });
  await turn();
  await stage.broker.expect(connect311);
  stage.broker.send("20 [00 00]");
  const connack = await reconnected;
  await stage.broker.expect("82 [0002 <a> 01]");
  assertStrictEquals(await client.reconnect(), connack);
  await stage.broker.expectNothing();
});

Deno.test("connect() with a clean start forgets what was subscribed to", async () => {
  await using stage = new Stage();
  await stage.connect();
  const opened = stage.client.subscribe("a");
  await stage.broker.expect("82 [0001 <a> 00]");
  stage.broker.send("90 [0001 00]");
  await opened;
  await stage.lose();
  const broker = await stage.connect();
  await broker.expectNothing();
});

Deno.test("reconnections of 5.0 go on with the session, those of 3.1.1 only without Clean Session", async () => {
  const cases: [ClientOptions, first: string, later: string][] = [
    [{ protocolVersion: 5 }, connect5, resume5],
    [{ protocolVersion: 5, cleanStart: false }, resume5, resume5],
    [{}, connect311, connect311],
    [{ cleanStart: false }, resume311, resume311],
  ];
  for (const [options, first, later] of cases) {
    await using stage = new Stage({ ...auto, ...options });
    const connack = options.protocolVersion === 5 ? connack5() : "20 [00 00]";
    await stage.connect({ connect: first, connack });
    await drop(stage);
    await again(stage, later, connack);
    assert(stage.client.connected);
  }
});

Deno.test("messages in flight are sent again where the session goes on [MQTT-4.4.0-1]", async () => {
  await using stage = new Stage({ ...auto, cleanStart: false });
  let broker = await stage.connect({ connect: resume311 });
  const { client } = stage;
  const one = client.publish("t", "1", { qos: 1 });
  const two = client.publish("t", "2", { qos: 2 });
  const three = client.publish("t", "3", { qos: 2 });
  await broker.expect("32 [<t> 0001 '1'] 34 [<t> 0002 '2'] 34 [<t> 0003 '3']");
  broker.send("50 [0003]");
  await broker.expect("62 [0003]");
  await drop(stage);
  broker = await again(stage, resume311, "20 [01 00]");
  await broker.expect("62 [0003] 3a [<t> 0001 '1'] 3c [<t> 0002 '2']");
  broker.send("70 [0003]  40 [0001]  50 [0002]");
  await broker.expect("62 [0002]");
  broker.send("70 [0002]");
  const ids = (await Promise.all([one, two, three])).map((m) => m.packetId);
  assertEquals(ids, [1, 2, 3]);
});

Deno.test("messages in flight are sent anew where the session was lost, before what is new", async () => {
  await using stage = new Stage({ ...auto, protocolVersion: 5 });
  let broker = await stage.connect(connected5);
  const { client } = stage;
  const one = client.publish("t", "1", { qos: 1 });
  const two = client.publish("t", "2", { qos: 2 });
  const taken = client.publish("t", "3", { qos: 2 });
  const controller = new AbortController();
  const { signal } = controller;
  const given = assertRejects(() =>
    client.publish("t", "4", { qos: 1, signal })
  );
  await broker.expect("32 [<t> 0001 [] '1'] 34 [<t> 0002 [] '2']");
  await broker.expect("34 [<t> 0003 [] '3'] 32 [<t> 0004 [] '4']");
  broker.send("50 [0003]");
  await broker.expect("62 [0003]");
  controller.abort();
  await given;
  await drop(stage);
  const next = client.publish("t", "5", { qos: 1 });
  broker = await again(stage, resume5, connack5());
  // [MQTT-4.3.3-8] the broker owned the third; nobody waits for the fourth
  assertEquals((await taken).packetId, 3);
  await broker.expect("32 [<t> 0005 [] '1'] 34 [<t> 0006 [] '2']");
  await broker.expect("32 [<t> 0007 [] '5']");
  await broker.expectNothing();
  broker.send("40 [0005]  50 [0006]  40 [0007]");
  await broker.expect("62 [0006]");
  broker.send("70 [0006]");
  await Promise.all([one, two, next]);
});

Deno.test("a message that the broker cannot take any more after a reconnection is rejected [MQTT-3.2.2-15]", async () => {
  await using stage = new Stage({ ...auto, protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  const { client } = stage;
  const sent = assertRejects(
    () => client.publish("t", "0123456789", { qos: 1 }),
    Error,
    "the packet is larger than 15 bytes",
  );
  await broker.expect("32 [<t> 0001 [] '0123456789']");
  await drop(stage);
  const waiting = assertRejects(
    () => client.publish("t", "0123456789"),
    Error,
    "the packet is larger than 15 bytes",
  );
  const retained = assertRejects(
    () => client.publish("t", "", { retain: true }),
    Error,
    "the broker does not retain messages",
  );
  await again(stage, resume5, connack5("27 0000000f 25 00"));
  await Promise.all([sent, waiting, retained]);
});

Deno.test("while there is no connection, publish() waits in a queue with limits", async () => {
  await using stage = new Stage({ ...auto, offlineQueue: { messages: 3 } });
  await stage.connect();
  await drop(stage);
  const { client } = stage;
  const controller = new AbortController();
  const { signal } = controller;
  const one = client.publish("t", "1");
  const two = client.publish("t", "2", { qos: 1 });
  const given = assertRejects(() => client.publish("t", "3", { signal }));
  const full = () =>
    assertRejects(() => client.publish("t", "4", { qos: 2 }), QueueFullError);
  await full();
  controller.abort();
  await given;
  const five = client.publish("t", "5");
  await full();
  const broker = await again(stage);
  await broker.expect("30 [<t> '1'] 32 [<t> 0001 '2'] 30 [<t> '5']");
  broker.send("40 [0001]");
  await Promise.all([one, two, five]);
  await broker.expectNothing();
});

Deno.test("messages of QoS 0 that waited do not wait for Receive Maximum too", async () => {
  await using stage = new Stage({ ...auto, protocolVersion: 5 });
  await stage.connect(connected5);
  await drop(stage);
  const { client } = stage;
  const one = client.publish("t", "1", { qos: 1 });
  const two = client.publish("t", "2", { qos: 1 });
  const zero = client.publish("t", "0");
  const broker = await again(stage, resume5, connack5("21 0001"));
  await broker.expect("32 [<t> 0001 [] '1'] 30 [<t> [] '0']");
  await zero;
  broker.send("40 [0001]");
  await broker.expect("32 [<t> 0002 [] '2']");
  broker.send("40 [0002]");
  await Promise.all([one, two]);
});

Deno.test("mistakes are told at once, even without a connection", async () => {
  await using stage = new Stage(auto);
  await stage.connect();
  await drop(stage);
  const { client } = stage;
  await assertRejects(() => client.publish("a/#", ""), TypeError);
  await assertRejects(() => client.subscribe("a/#/b"), TypeError);
  await assertRejects(() => client.subscription("a+"), TypeError);
  await assertRejects(() => client.unsubscribe([]), TypeError);
});

Deno.test("requests wait for the connection, those that were not answered too", async () => {
  await using stage = new Stage(auto);
  let broker = await stage.connect();
  const { client } = stage;
  const pinged = client.ping();
  const subscribed = client.subscribe("a");
  await broker.expect("c0 [] 82 [0001 <a> 00]");
  await drop(stage);
  const controller = new AbortController();
  const { signal } = controller;
  const given = assertRejects(() => client.subscribe("x", { signal }));
  const unsubscribed = client.unsubscribe("b");
  controller.abort();
  await given;
  broker = await again(stage);
  await broker.expect("82 [0002 <a> 00] c0 [] a2 [0003 <b>]");
  broker.send("d0 []  90 [0002 00]  b0 [0003]");
  await Promise.all([pinged, subscribed, unsubscribed]);
});

Deno.test("calls before CONNACK wait for it", async () => {
  await using stage = new Stage();
  const connected = stage.client.connect();
  await stage.broker.expect(connect311);
  const published = stage.client.publish("t", "1");
  await stage.broker.expectNothing();
  stage.broker.send("20 [00 00]");
  await connected;
  await published;
  await stage.broker.expect("30 [<t> '1']");
});

Deno.test("disconnect() while a connection is to come ends that, without an error", async () => {
  await using stage = new Stage(auto);
  await stage.connect();
  await drop(stage);
  const published = assertRejects(
    () => stage.client.publish("t", "", { qos: 1 }),
    ConnectionLostError,
  );
  const delivered = assertRejects(() => stage.client.deliverMessage());
  const read = stage.client.messages().next();
  await stage.client.disconnect();
  assertEquals(await stage.client.closed, undefined);
  await Promise.all([published, delivered]);
  assertEquals((await read).done, true);
  assertEquals(stage.clock.timers, 0);
  await assertRejects(() => stage.client.ping(), ConnectionLostError);
});

Deno.test("nothing that a broker or a network does is an unhandled rejection", async () => {
  await using stage = new Stage({
    ...auto,
    protocolVersion: 5,
    reconnectRetries: 0,
    offlineQueue: { messages: 4 },
  });
  const { client } = stage;
  const broker = await stage.connect(connected5);
  const opened = client.subscription("w");
  await broker.expect("82 [0001 [0b ffffff7f] <w> 00]");
  broker.send("90 [0001 [] 00]");
  const stream = await opened;
  client.publish("t", "", { qos: 1 });
  client.subscribe("t");
  client.subscription("u");
  client.unsubscribe("v");
  await broker.expect("32 [<t> 0002 []]");
  broker.send(
    "40 [0002 87]  90 [0003 [] 87]  90 [0004 [] 87]  b0 [0005 [] 87]",
  );
  await turn();
  client.publish("t", "", { qos: 1 });
  client.publish("t", new Uint8Array(500_000));
  client.publish("t", new Uint8Array(500_000), { signal: AbortSignal.abort() });
  client.deliverMessage();
  client.deliverMessage(1);
  stream.unsubscribe();
  await drop(stage);
  for (let n = 0; n < 6; n++) client.publish("t", "", { qos: 2 });
  client.subscribe("t");
  client.subscription("u");
  client.ping();
  client.reconnect();
  await turn();
  stage.broker.end();
  await client.closed;
  client.publish("t", "");
  client.subscription("t");
  client.deliverMessage();
  client.connect({ signal: AbortSignal.abort() });
  new MQTTClient({ dial: unreachable, autoReconnect: false }).connect();
  stage.clock.pass(1000);
  await turn();
});

Deno.test("disconnect() right after CONNACK has sent what waited ends the connection", async () => {
  await using stage = new Stage();
  const { client } = stage;
  const connected = client.connect();
  await stage.broker.expect(connect311);
  const left = client.publish("t", "1").then(() => client.disconnect());
  stage.broker.send("20 [00 00]");
  await stage.broker.expect("30 [<t> '1'] e0 []");
  stage.broker.end();
  await left;
  assertEquals((await connected).reasonCode, 0);
  assert(!client.connected);
  assertEquals(await client.closed, undefined);
});

Deno.test("disconnect() as soon as there is a transport leaves none open", async () => {
  const dialed = Promise.withResolvers<Transport>();
  let closed = 0;
  const stage = new Stage({ dial: () => dialed.promise });
  const connected = assertRejects(() => stage.client.connect(), ConnectError);
  dialed.resolve({
    read: () => Promise.resolve(null),
    write: (bytes) => Promise.resolve(bytes.length),
    close: () => closed++,
  } as Transport);
  await Promise.resolve();
  await Promise.resolve();
  await stage.client.disconnect();
  await connected;
  assertEquals([closed, stage.clock.timers], [1, 0]);
});

Deno.test("connect() in on.disconnected begins anew, and the old closed settles", async () => {
  let fails = 1;
  const again: Promise<unknown>[] = [];
  await using stage: Stage = new Stage({
    on: {
      disconnected: () => {
        if (again.length === 0) again.push(stage.client.connect());
      },
    },
    dial: (): Promise<Transport> => fails-- > 0 ? unreachable() : stage.dial(),
  });
  const { client } = stage;
  const old = client.closed;
  await assertRejects(() => client.connect(), ConnectError);
  await stage.broker.expect(connect311);
  stage.broker.send("20 [00 00]");
  await again[0];
  assertInstanceOf(await old, ConnectError);
  assert(client.connected);
});

for (const how of ["connect", "reconnect"] as const) {
  Deno.test(`${how}() in on.disconnected works where nothing reconnects by itself`, async () => {
    const again: Promise<unknown>[] = [];
    await using stage = new Stage({
      on: {
        disconnected: () => {
          if (again.length === 0) again.push(stage.client[how]());
        },
      },
    });
    await stage.connect();
    stage.broker.end();
    await turn();
    await stage.broker.expect(connect311);
    stage.broker.send("20 [00 00]");
    await again[0];
    assert(stage.client.connected);
  });
}

Deno.test("a client that may not use the network gives up at once, and says so", async () => {
  for (const name of ["NotCapable", "PermissionDenied"]) {
    const { stage, dialed } = failing(() =>
      Promise.reject(Object.assign(new Error("no net access"), { name }))
    );
    const error = await assertRejects(
      () => stage.client.connect(),
      ConnectError,
    );
    assertEquals([error.permanent, dialed(), stage.clock.timers], [true, 1, 0]);
  }
  const passing = new Stage({ dial: unreachable });
  const { permanent } = await assertRejects(
    () => passing.client.connect(),
    ConnectError,
  );
  assertEquals(permanent, false);
});

Deno.test("a certificate that is not trusted is not tried again, also if the broker says it late", async () => {
  const distrust = new PermanentError("the broker refused by TLS");
  const { stage, dialed } = failing(
    () =>
      Promise.resolve({
        read: () => Promise.reject(distrust),
        write: (bytes) => Promise.resolve(bytes.length),
        close() {},
      } as Transport) as Promise<never>,
  );
  const error = await assertRejects(() => stage.client.connect(), ConnectError);
  assertEquals([error.permanent, dialed()], [true, 1]);
});

Deno.test("a broker that breaks the protocol on each connection is given up", async () => {
  await using stage = new Stage(auto);
  await stage.connect();
  for (let n = 0; n < 2; n++) {
    stage.broker.send("20 [00 00]");
    await turn();
    await again(stage);
  }
  stage.broker.send("20 [00 00]");
  const error = await stage.client.closed;
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(error.message, "Connection lost: connack came where it may not");
});
