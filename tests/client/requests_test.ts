import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ConnectionLostError, RequestError } from "../../client/mod.ts";
import { connack5, connect5, Stage, turn } from "./_scripted_broker.ts";

const connected5 = { connect: connect5, connack: connack5() };

for (const qos of [0, 1, 2] as const) {
  Deno.test(`subscribe() with QoS ${qos} returns what is granted [MQTT-3.8.1-1] [MQTT311-3.8.1-1] [MQTT-2.2.1-3]`, async () => {
    // 02-subscribe-qos0 to -qos2
    await using stage = new Stage();
    const broker = await stage.connect();
    const subscribed = stage.client.subscribe("qos/test", { qos });
    await broker.expect(`82 [0001 <qos/test> 0${qos}]`);
    broker.send(`90 [0001 0${qos}]`);
    assertEquals(await subscribed, [qos]);
  });
}

Deno.test("subscribe() takes many filters, with options of their own [MQTT-3.8.3-1] [MQTT311-3.8.3-1]", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  const subscribed = stage.client.subscribe([
    "a/+",
    { filter: "b/#", qos: 2, noLocal: true },
    { filter: "$share/g/c", retainAsPublished: true },
    { filter: "d", retainHandling: 0, qos: 0 },
    ["e", 2],
  ], {
    qos: 1,
    retainHandling: 2,
    properties: { subscriptionIdentifiers: [7], userProperties: [["k", "v"]] },
  });
  await broker.expect(
    "82 [0001 [0b 07 26 <k> <v>] <a/+> 21 <b/#> 26 <$share/g/c> 29 <d> 00 <e> 22]",
  );
  broker.send("90 [0001 [] 01 02 00 00 02]");
  assertEquals(await subscribed, [1, 2, 0, 0, 2]);
});

Deno.test("subscribe() rejects where a filter is refused", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const subscribed = stage.client.subscribe(["a", "b", "c"], { qos: 1 });
  await broker.expect("82 [0001 <a> 01 <b> 01 <c> 01]");
  broker.send("90 [0001 01 80 80]");
  const error = await assertRejects(
    () => subscribed,
    RequestError,
    'Cannot subscribe to "b", "c": Unspecified error (0x80)',
  );
  assertEquals(error.reasonCodes, [1, 0x80, 0x80]);
  assertEquals(error.properties, undefined);
});

Deno.test("subscribe() has the reason of 5.0", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  const subscribed = stage.client.subscribe("a");
  broker.send("90 [0001 [1f <no>] 87]");
  const error = await assertRejects(
    () => subscribed,
    RequestError,
    'Cannot subscribe to "a": Not authorized (0x87): no',
  );
  assertEquals(error.properties?.reasonString, "no");
});

Deno.test("subscribe() returns failures where they are allowed", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const subscribed = stage.client.subscribe(["a", "b"], {
    allowFailures: true,
  });
  broker.send("90 [0001 80 00]");
  assertEquals(await subscribed, [0x80, 0]);
});

Deno.test("subscribe() refuses what is wrong, and sends nothing [MQTT-3.8.3-2] [MQTT-3.8.3-4] [MQTT-3.10.3-2] [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3] [MQTT-4.8.2-1] [MQTT-4.8.2-2] [MQTT311-3.8.3-3] [MQTT311-3.10.3-2] [MQTT311-4.7.1-2] [MQTT311-4.7.1-3] [MQTT311-4.7.3-1] [MQTT311-4.7.3-2] [MQTT311-4.7.3-3]", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  const { client } = stage;
  for (
    const attempt of [
      () => client.subscribe([]),
      () => client.subscribe("a/#/b"),
      () => client.subscribe("a+"),
      () => client.subscribe(""),
      () => client.subscribe("a\0b"),
      () => client.subscribe("$share//a"),
      () => client.subscribe("$share/g"),
      () => client.subscribe("$share/+/a"),
      () => client.subscribe({ filter: "$share/g/a", noLocal: true }),
      () => client.unsubscribe([]),
      () => client.unsubscribe("#a"),
    ]
  ) await assertRejects(attempt, TypeError);
  await assertRejects(() => client.subscribe("a", { qos: 3 as 2 }), RangeError);
  await assertRejects(() => client.subscribe("a".repeat(65_536)), RangeError);
  await broker.expectNothing();
});

Deno.test("unsubscribe() ends with UNSUBACK [MQTT-3.10.1-1] [MQTT-3.10.3-1] [MQTT311-3.10.1-1] [MQTT311-3.10.3-1]", async () => {
  // 02-unsubscribe
  await using stage = new Stage();
  const broker = await stage.connect();
  const done = stage.client.unsubscribe(["unsubscribe/test", "other"]);
  await broker.expect("a2 [0001 <unsubscribe/test> <other>]");
  broker.send("b0 [0001]");
  assertEquals(await done, [0, 0]);
});

Deno.test("unsubscribe() returns the reason codes of 5.0", async () => {
  // 02-unsubscribe-v5, 02-unsubscribe-multiple-v5
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  const subscribed = stage.client.subscribe("unsubscribe/test", { qos: 2 });
  await broker.expect("82 [0001 [] <unsubscribe/test> 02]");
  broker.send("90 [0001 [] 02]");
  assertEquals(await subscribed, [2]);
  const done = stage.client.unsubscribe(["unsubscribe/test", "no-sub"], {
    properties: { userProperties: [["k", "v"]] },
  });
  await broker.expect("a2 [0002 [26 <k> <v>] <unsubscribe/test> <no-sub>]");
  broker.send("b0 [0002 [] 00 11]");
  assertEquals(await done, [0, 0x11]);
  const refused = stage.client.unsubscribe("x");
  await broker.expect("a2 [0003 [] <x>]");
  broker.send("b0 [0003 [] 87]");
  await assertRejects(
    () => refused,
    RequestError,
    'Cannot unsubscribe from "x": Not authorized (0x87)',
  );
});

Deno.test("answers may come in any order", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const all = [
    stage.client.subscribe("a", { qos: 1 }),
    stage.client.unsubscribe("b"),
    stage.client.subscribe("c", { qos: 2 }),
  ];
  await broker.expect("82 [0001 <a> 01] a2 [0002 <b>] 82 [0003 <c> 02]");
  broker.send("90 [0003 02]  90 [0001 01]  b0 [0002]");
  assertEquals(await Promise.all(all), [[1], [0], [2]]);
});

Deno.test("an answer to nothing is ignored, a wrong one ends the connection", async () => {
  for (
    const [answer, message] of [
      ["90 [0001 00 00]", "suback has 2 reason codes for 1 filters"],
      ["b0 [0001]", "unsuback came where suback should"],
    ] as const
  ) {
    await using stage = new Stage();
    const broker = await stage.connect();
    broker.send("90 [0001 00]  b0 [0001]  d0 []");
    await turn();
    const subscribed = stage.client.subscribe("a");
    await broker.expect("82 [0001 <a> 00]");
    broker.send(answer);
    await assertRejects(() => subscribed, ConnectionLostError, message);
    await broker.expectEnd();
  }
});

Deno.test("UNSUBACK of 5.0 without its reason codes ends the connection", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  const done = stage.client.unsubscribe("a");
  await broker.expect("a2 [0001 [] <a>]");
  broker.send("b0 [0001 []]");
  await broker.expect("e0 [82]");
  broker.end();
  assertInstanceOf(
    await assertRejects(() => done),
    ConnectionLostError,
  );
});

Deno.test("a request can be given up; its packet identifier stays in use", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const controller = new AbortController();
  const { signal } = controller;
  const all = [
    stage.client.subscribe("a", { signal }),
    stage.client.unsubscribe("b", { signal }),
    stage.client.ping({ signal }),
  ].map((promise) => assertRejects(() => promise, Error, "enough"));
  await broker.expect("82 [0001 <a> 00] a2 [0002 <b>] c0 []");
  controller.abort(new Error("enough"));
  await Promise.all(all);
  const subscribed = stage.client.subscribe("c");
  await broker.expect("82 [0003 <c> 00]");
  broker.send("90 [0001 00]  b0 [0002]  d0 []  90 [0003 00]");
  assertEquals(await subscribed, [0]);
});

Deno.test("a wrong SUBACK rejects who subscribed, also where another connection follows", async () => {
  for (const answer of ["90 [0001 00 00]", "b0 [0001]"]) {
    await using stage = new Stage({ autoReconnect: true });
    const broker = await stage.connect();
    const subscribed = stage.client.subscribe("a");
    await broker.expect("82 [0001 <a> 00]");
    broker.send(answer);
    await assertRejects(() => subscribed, ConnectionLostError);
  }
});

Deno.test("nothing follows DISCONNECT: requests wait, acknowledgements are not sent [MQTT-3.14.4-1]", async () => {
  await using stage = new Stage({ protocolVersion: 5, manualAck: true });
  const broker = await stage.connect(connected5);
  const opened = stage.client.subscription("a");
  await broker.expect("82 [0001 [0b ffffff7f] <a> 00]");
  broker.send("90 [0001 [] 00]  32 [<a> 0001 [0b ffffff7f]]");
  const stream = await opened;
  const { value } = await stream.messages().next();
  const left = stage.client.disconnect();
  value!.ack();
  const ended = assertRejects(() => stream.unsubscribe(), ConnectionLostError);
  await broker.expect("e0 []");
  await broker.expectNothing();
  broker.end();
  await Promise.all([left, ended]);
});
