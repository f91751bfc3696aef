import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  type ClientOptions,
  ConnectionLostError,
  RequestError,
  type Subscription,
} from "../../client/mod.ts";
import {
  connack5,
  connect311,
  connect5,
  resume5,
  type ScriptedConnection,
  Stage,
  turn,
} from "./_scripted_broker.ts";

const connected5 = { connect: connect5, connack: connack5() };

/** The first subscription identifiers, as they are on the wire. */
const first = "0b ffffff7f";
const second = "0b feffff7f";

/** Subscribes where the broker grants what is asked for. */
async function open(
  stage: Stage,
  filter: string,
  subscribe: string,
  answer: string,
): Promise<Subscription> {
  const opened = stage.client.subscription(filter, { qos: 1 });
  await stage.broker.expect(subscribe);
  stage.broker.send(answer);
  return await opened;
}

async function next(
  from: { messages(): AsyncGenerator<{ text(): string }> },
): Promise<string> {
  const { value } = await from.messages().next();
  return value.text();
}

/** Loses the connection; another follows. */
async function again(
  stage: Stage,
  connect = connect311,
  connack = "20 [00 00]",
): Promise<ScriptedConnection> {
  stage.broker.end();
  await turn();
  stage.clock.pass(10_000);
  await turn();
  await stage.broker.expect(connect);
  stage.broker.send(connack);
  await turn();
  return stage.broker;
}

Deno.test("a message goes to every subscription that matches, and to deliverMessage() if there is none", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const a = await open(stage, "a/+", "82 [0001 <a/+> 01]", "90 [0001 01]");
  const all = await open(
    stage,
    "$share/g/a/#",
    "82 [0002 <$share/g/a/#> 01]",
    "90 [0002 00]",
  );
  assertEquals([a.filter, a.qos], ["a/+", 1]);
  assertEquals([all.filter, all.qos], ["$share/g/a/#", 0]);
  broker.send("30 [<a/b> '1']  30 [<a> '2']  30 [<c> '3']  30 [<a/c> '4']");
  assertEquals([await next(a), await next(a)], ["1", "4"]);
  assertEquals([await next(all), await next(all)], ["1", "2"]);
  assertEquals(await next(all), "4");
  assertEquals((await stage.client.deliverMessage()).text(), "3");
});

Deno.test("with 5.0 a message goes where its subscription identifiers say", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  const a = await open(
    stage,
    "a/+",
    `82 [0001 [${first}] <a/+> 01]`,
    "90 [0001 [] 01]",
  );
  const b = await open(
    stage,
    "$share/g/a/b",
    `82 [0002 [${second}] <$share/g/a/b> 01]`,
    "90 [0002 [] 01]",
  );
  broker.send(`30 [<a/b> [${first}] '1']  30 [<a/b> [${second}] '2']`);
  broker.send(`30 [<a/b> [${first} ${second}] '3']  30 [<a/b> [] '4']`);
  // the identifier is that of somebody else: the filter does not match
  broker.send(`30 [<x> [${first}] '5']`);
  assertEquals([await next(a), await next(a)], ["1", "3"]);
  assertEquals([await next(b), await next(b)], ["2", "3"]);
  assertEquals([await next(stage.client), await next(stage.client)], [
    "4",
    "5",
  ]);
});

Deno.test("with 5.0 filters are matched where the broker has no subscription identifiers, or another has subscribed too", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5("29 00"),
  });
  const a = await open(
    stage,
    "a",
    "82 [0001 [] <a> 01]",
    "90 [0001 [] 01]",
  );
  broker.send("30 [<a> [] '1']");
  assertEquals(await next(a), "1");

  await using other = new Stage({ protocolVersion: 5 });
  await other.connect(connected5);
  const b = await open(
    other,
    "b",
    `82 [0001 [${first}] <b> 01]`,
    "90 [0001 [] 01]",
  );
  const subscribed = other.client.subscribe("b");
  await other.broker.expect("82 [0002 [] <b> 00]");
  other.broker.send("90 [0002 [] 00]  30 [<b> [] '2']");
  await subscribed;
  assertEquals(await next(b), "2");
});

Deno.test("an own subscription identifier is kept", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  const opened = stage.client.subscription("a", {
    properties: { subscriptionIdentifiers: [7] },
  });
  await broker.expect("82 [0001 [0b 07] <a> 00]");
  broker.send("30 [<a> [0b 07] 'retained']  90 [0001 [] 00]");
  assertEquals(await next(await opened), "retained");
});

Deno.test("a subscription that is refused leaves nothing behind", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const opened = stage.client.subscription("a");
  await broker.expect("82 [0001 <a> 00]");
  broker.send("90 [0001 80]  30 [<a> '1']");
  const error = await assertRejects(() => opened, RequestError);
  assertEquals(error.reasonCode, 0x80);
  assertEquals(await next(stage.client), "1");
});

Deno.test("a subscription that was given up is ended once the broker grants it", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const controller = new AbortController();
  const { signal } = controller;
  const opened = stage.client.subscription("a", { signal });
  await broker.expect("82 [0001 <a> 00]");
  controller.abort(new Error("enough"));
  await assertRejects(() => opened, Error, "enough");
  broker.send("90 [0001 00]");
  await broker.expect("a2 [0002 <a>]");
  broker.send("30 [<a> 'late']  b0 [0002]  30 [<a> '1']");
  assertEquals(await next(stage.client), "1");
});

Deno.test("unsubscribe() ends a subscription; what comes late is for nobody", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const a = await open(stage, "a", "82 [0001 <a> 01]", "90 [0001 01]");
  broker.send("32 [<a> 0001 '1']");
  await broker.expect("40 [0001]");
  const ended = a.unsubscribe();
  await a.unsubscribe(); // the second does nothing
  await broker.expect("a2 [0002 <a>]");
  broker.send("32 [<a> 0002 'late']  b0 [0002]  30 [<a> '2']");
  await broker.expect("40 [0002]");
  await ended;
  assertEquals(await next(stage.client), "2");
  const texts: string[] = [];
  for await (const message of a) texts.push(message.text());
  assertEquals(texts, ["1"]);
});

Deno.test("the last of those who have a filter unsubscribes", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const subscribed = stage.client.subscribe("a");
  await broker.expect("82 [0001 <a> 00]");
  broker.send("90 [0001 00]");
  await subscribed;
  const one = await open(stage, "a", "82 [0002 <a> 01]", "90 [0002 01]");
  const two = await open(stage, "a", "82 [0003 <a> 01]", "90 [0003 01]");
  await one.unsubscribe();
  broker.send("30 [<a> '1']");
  assertEquals(await next(two), "1");
  await two.unsubscribe();
  await broker.expectNothing();
  broker.send("30 [<a> '2']");
  assertEquals(await next(stage.client), "2");
  const three = await open(stage, "a", "82 [0004 <a> 01]", "90 [0004 01]");
  const all = stage.client.unsubscribe("a");
  await broker.expect("a2 [0005 <a>]");
  broker.send("b0 [0005]");
  await all;
  assertEquals((await three.messages().next()).done, true);
});

Deno.test("await using unsubscribes, and does not mind a lost connection", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  {
    await using a = await open(stage, "a", "82 [0001 <a> 01]", "90 [0001 01]");
    assertEquals(a.qos, 1);
    setTimeout(() => broker.send("b0 [0002]"), 0);
  }
  await broker.expect("a2 [0002 <a>]");
  {
    await using b = await open(stage, "b", "82 [0003 <b> 01]", "90 [0003 01]");
    assertEquals(b.filter, "b");
    setTimeout(() => broker.end(), 0);
  }
  await stage.client.closed;
});

Deno.test("iteration of a subscription ends with disconnect(), and throws when the connection is lost", async () => {
  await using stage = new Stage();
  await stage.connect();
  const a = await open(stage, "a", "82 [0001 <a> 01]", "90 [0001 01]");
  stage.broker.send("30 [<a> '1']");
  await turn();
  await stage.lose();
  assertEquals(await next(a), "1");
  await assertRejects(() => a.messages().next(), ConnectionLostError);
  await a.unsubscribe(); // nothing to do
  await stage.connect();
  const b = await open(stage, "b", "82 [0002 <b> 01]", "90 [0002 01]");
  const controller = new AbortController();
  const given = b.messages({ signal: controller.signal }).next();
  controller.abort(new Error("enough"));
  await assertRejects(() => given, Error, "enough");
  const read = b.messages().next();
  const left = stage.client.disconnect();
  stage.broker.end();
  await left;
  assertEquals((await read).done, true);
});

Deno.test("a subscription whose messages nobody takes holds the client up, until it ends", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const opened = stage.client.subscription("a", { queueLimit: 2 });
  await broker.expect("82 [0001 <a> 00]");
  broker.send("90 [0001 00]");
  const a = await opened;
  broker.send("32 [<a> 0001 '1']  32 [<a> 0002 '2']  32 [<b> 0003 '3']");
  await broker.expect("40 [0001] 40 [0002]");
  await broker.expectNothing();
  // Who waits for an answer has it read on; acknowledgements keep their order.
  const pinged = stage.client.ping();
  await broker.expect("c0 [] 40 [0003]");
  broker.send("32 [<a> 0004 '4']  32 [<b> 0005 '5']  30 [<a> '6']  d0 []");
  await pinged;
  await broker.expectNothing();
  assertEquals(stage.client.dropped, 1);
  assertEquals(await next(a), "1");
  await broker.expect("40 [0004] 40 [0005]"); // [MQTT-4.6.0-2]
  assertEquals([await next(stage.client), await next(stage.client)], [
    "3",
    "5",
  ]);
  broker.send("30 [<b> '7']");
  await turn();
  const ended = a.unsubscribe();
  await broker.expect("a2 [0002 <a>]");
  broker.send("b0 [0002]");
  await ended;
  assertEquals(await next(stage.client), "7");
});

Deno.test("subscription() refuses a limit that is none", async () => {
  await using stage = new Stage();
  await stage.connect();
  await assertRejects(
    () => stage.client.subscription("a", { queueLimit: 0 }),
    RangeError,
    "Cannot subscribe: queueLimit 0 is not 1 or more",
  );
  assertThrows(() => new Stage({ receiveQueueLimit: 1.5 }), RangeError);
});

const auto: ClientOptions = { autoReconnect: true };

Deno.test("subscriptions are made again where the session was lost, with their options", async () => {
  await using stage = new Stage({ ...auto, protocolVersion: 5 });
  let broker = await stage.connect(connected5);
  const { client } = stage;
  const all = [
    client.subscribe(["a", { filter: "b", noLocal: true }], { qos: 2 }),
    client.subscribe("c", { properties: { userProperties: [["k", "v"]] } }),
    client.subscribe("gone"),
  ];
  await broker.expect("82 [0001 [] <a> 02 <b> 06]");
  await broker.expect("82 [0002 [26 <k> <v>] <c> 00] 82 [0003 [] <gone> 00]");
  broker.send("90 [0001 [] 02 01]  90 [0002 [] 00]  90 [0003 [] 00]");
  await Promise.all(all);
  const s = await open(
    stage,
    "s",
    `82 [0004 [${first}] <s> 01]`,
    "90 [0004 [] 01]",
  );
  const ended = client.unsubscribe("gone");
  await broker.expect("a2 [0005 [] <gone>]");
  broker.send("b0 [0005 [] 00]");
  await ended;
  // The session goes on: nothing to do.
  broker = await again(stage, resume5, "20 [01 00 []]");
  await broker.expectNothing();
  broker = await again(stage, resume5, connack5());
  await broker.expect("82 [0006 [26 <k> <v>] <c> 00]");
  await broker.expect(`82 [0007 [${first}] <s> 01]`);
  await broker.expect("82 [0008 [] <a> 02 <b> 06]");
  broker.send("90 [0006 [] 00]  90 [0007 [] 01]  90 [0008 [] 02 02]");
  broker.send(`30 [<s> [${first}] 'x']`);
  assertEquals(await next(s), "x");
});

Deno.test("subscriptions that the broker refuses after a reconnection are told of, and gone", async () => {
  const lost: [string, number][] = [];
  await using stage = new Stage({
    ...auto,
    on: {
      subscriptionLost: (filter, { reasonCode }) =>
        lost.push([filter, reasonCode]),
    },
  });
  let broker = await stage.connect();
  const subscribed = stage.client.subscribe(["a", "b"]);
  await broker.expect("82 [0001 <a> 00 <b> 00]");
  broker.send("90 [0001 00 00]");
  await subscribed;
  const s = await open(stage, "s", "82 [0002 <s> 01]", "90 [0002 01]");
  broker = await again(stage);
  await broker.expect("82 [0003 <s> 01] 82 [0004 <a> 00 <b> 00]");
  broker.send("90 [0003 80]  90 [0004 00 80]");
  const error = await assertRejects(() => s.messages().next(), RequestError);
  assertEquals(
    error.message,
    'Cannot subscribe to "s" again: Unspecified error (0x80)',
  );
  await turn();
  assertEquals(lost, [["s", 0x80], ["b", 0x80]]);
  broker = await again(stage);
  await broker.expect("82 [0005 <a> 00]");
  await broker.expectNothing();
});

Deno.test("subscriptions that the broker cannot do any more are told of, and the others made", async () => {
  const lost: string[] = [];
  await using stage = new Stage({
    ...auto,
    protocolVersion: 5,
    on: { subscriptionLost: (filter) => lost.push(filter) },
  });
  let broker = await stage.connect(connected5);
  const long = "0123456789012345678901234567890";
  const subscribed = stage.client.subscribe(["a", "b/#", long, "c"]);
  await broker.expect(`82 [0001 [] <a> 00 <b/#> 00 <${long}> 00 <c> 00]`);
  broker.send("90 [0001 [] 00 00 00 00]");
  await subscribed;
  broker = await again(stage, resume5, connack5("27 0000001e 28 00"));
  await broker.expect("82 [0002 [] <a> 00]");
  await broker.expect("82 [0005 [] <c> 00]"); // 3 and 4 were too large
  await broker.expectNothing();
  assertEquals(lost, ["b/#", long]);
});

Deno.test("many subscriptions are made again with more than one packet", async () => {
  await using stage = new Stage(auto);
  let broker = await stage.connect();
  const filters = Array.from({ length: 150 }, (_, n) => `${100 + n}`);
  const line = (some: readonly string[]) =>
    some.map((filter) => `<${filter}> 00`).join(" ");
  const subscribed = stage.client.subscribe(filters);
  await broker.expect(`82 [0001 ${line(filters)}]`);
  broker.send(`90 [0001 ${"00".repeat(150)}]`);
  await subscribed;
  broker = await again(stage);
  await broker.expect(`82 [0002 ${line(filters.slice(0, 100))}]`);
  await broker.expect(`82 [0003 ${line(filters.slice(100))}]`);
});

Deno.test("without resubscribe, subscriptions end with the session", async () => {
  await using stage = new Stage({ ...auto, resubscribe: false });
  await stage.connect();
  const s = await open(stage, "s", "82 [0001 <s> 01]", "90 [0001 01]");
  const broker = await again(stage);
  await broker.expectNothing();
  const error = await assertRejects(() => s.messages().next());
  assertInstanceOf(error, ConnectionLostError);
});

Deno.test("a subscription whose SUBACK was lost with its connection is asked for on the next", async () => {
  await using stage = new Stage({ autoReconnect: true, protocolVersion: 5 });
  let broker = await stage.connect(connected5);
  const subscribed = stage.client.subscribe("a", { qos: 1 });
  await broker.expect("82 [0001 [] <a> 01]");
  broker.send("90 [0001 [] 01]");
  await subscribed;
  broker = await again(stage, resume5, connack5());
  await broker.expect("82 [0002 [] <a> 01]");
  broker = await again(stage, resume5, "20 [01 00 []]");
  await broker.expect("82 [0003 [] <a> 01]");
  broker.send("90 [0003 [] 01]");
  await turn();
  broker = await again(stage, resume5, "20 [01 00 []]");
  await broker.expectNothing();
});

Deno.test("the signal of unsubscribe() ends the wait, not the request", async () => {
  await using stage = new Stage({ autoReconnect: true, protocolVersion: 5 });
  await stage.connect(connected5);
  const stream = await open(
    stage,
    "a",
    `82 [0001 [${first}] <a> 01]`,
    "90 [0001 [] 01]",
  );
  stage.broker.end();
  await turn();
  const controller = new AbortController();
  const left = assertRejects(() =>
    stream.unsubscribe({ signal: controller.signal })
  );
  controller.abort();
  await left;
  const broker = await again(stage, resume5, "20 [01 00 []]");
  await broker.expect("a2 [0002 [] <a>]");
});
