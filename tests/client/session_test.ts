import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
} from "@std/assert";
import {
  ConnectError,
  ConnectionLostError,
  RequestError,
} from "../../client/mod.ts";
import {
  connack5,
  connect311,
  connect5,
  resume311,
  resume5,
  Stage,
} from "./_scripted_broker.ts";

Deno.test("session present 1 after Clean Start closes the connection [MQTT-3.2.2-4]", async () => {
  await using stage = new Stage();
  const connected = stage.client.connect();
  await stage.broker.expect(connect311);
  stage.broker.send("20 [01 00]");
  const { message } = await assertRejects(() => connected, ConnectError);
  assertMatch(message, /a session that the client does not have$/);
  await stage.broker.expectEnd();
});

Deno.test("session present 1 for an identifier that was just made up closes the connection [MQTT-3.2.2-4]", async () => {
  await using stage = new Stage({ cleanStart: false }, false);
  const connected = stage.client.connect();
  await stage.broker.expect(
    `10 [<MQTT> 04 00 0000 <${stage.client.clientId}>]`,
  );
  stage.broker.send("20 [01 00]");
  await assertRejects(() => connected, ConnectError);
  await stage.broker.expectEnd();
});

Deno.test("session present 1 is right for who has a name and no Clean Start", async () => {
  // its session is that of an earlier program, and empty
  await using stage = new Stage({ cleanStart: false });
  await stage.connect({ connect: resume311, connack: "20 [01 00]" });
  assert(stage.client.connected);
});

Deno.test("session present 0 has the client forget its session [MQTT-3.2.2-5]", async () => {
  await using stage = new Stage({ cleanStart: false });
  let broker = await stage.connect({ connect: resume311 });
  const lost = assertRejects(
    () => stage.client.publish("t", "1", { qos: 1 }),
    ConnectionLostError,
  );
  await broker.expect("32 [<t> 0001 '1']");
  broker.send("34 [<a> 0001 'first']");
  await broker.expect("50 [0001]");
  await stage.lose();
  await lost;
  broker = await stage.connect({ connect: resume311, connack: "20 [00 00]" });
  await broker.expectNothing(); // nothing is sent again
  broker.send("34 [<a> 0001 'second']  62 [0001]");
  await broker.expect("50 [0001] 70 [0001]");
  assertEquals((await stage.client.deliverMessage()).text(), "second");
});

Deno.test("Clean Start has the client forget its session [MQTT-3.1.2-4] [MQTT311-3.1.2-6]", async () => {
  await using stage = new Stage({ protocolVersion: 5, cleanStart: false });
  let broker = await stage.connect({ connect: resume5, connack: connack5() });
  const lost = assertRejects(() => stage.client.publish("t", "", { qos: 1 }));
  await broker.expect("32 [<t> 0001 []]");
  await stage.lose();
  await lost;
  broker = await stage.connect({
    cleanStart: true,
    connect: connect5,
    connack: connack5(),
  });
  await broker.expectNothing();
  await stage.lose();
  broker = await stage.connect({ connect: resume5, connack: "20 [01 00 []]" });
  await broker.expectNothing();
});

Deno.test("the session of an earlier connection is kept until Clean Start [MQTT-3.1.2-23] [MQTT-4.1.0-1] [MQTT311-3.1.2-4] [MQTT311-4.1.0-1]", async () => {
  await using stage = new Stage({
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 100 },
  });
  let broker = await stage.connect({
    connect: "10 [<MQTT> 05 02 0000 [11 00000064] <me>]",
    connack: connack5(),
  });
  const lost = assertRejects(() => stage.client.publish("t", "", { qos: 2 }));
  await broker.expect("34 [<t> 0001 []]");
  await stage.lose();
  await lost;
  broker = await stage.connect({
    cleanStart: false,
    connect: "10 [<MQTT> 05 00 0000 [11 00000064] <me>]",
    connack: "20 [01 00 []]",
  });
  await broker.expect("3c [<t> 0001 []]");
});

Deno.test("messages that were received are delivered after the loss, then its error", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.send("30 [<a> '1']  30 [<a> '2']");
  await stage.lose();
  const texts: string[] = [];
  const error = await assertRejects(async () => {
    for await (const message of stage.client.messages()) {
      texts.push(message.text());
    }
  }, ConnectionLostError);
  assertEquals(texts, ["1", "2"]);
  assertEquals(error.message, "Connection lost: the broker closed it");
  assertEquals(await stage.client.closed, error);
});

Deno.test("publish() keeps to Maximum QoS [MQTT-3.2.2-11]", async () => {
  // 03-publish-c2b-qos2-maximum-qos-0 and -1
  for (const maximum of [0, 1] as const) {
    await using stage = new Stage({ protocolVersion: 5 });
    const broker = await stage.connect({
      connect: connect5,
      connack: connack5(`24 0${maximum}`),
    });
    for (const qos of [2, 1] as const) {
      if (qos <= maximum) continue;
      const error = await assertRejects(
        () => stage.client.publish("maximum/qos", "message", { qos }),
        RequestError,
        `Cannot publish: the broker has QoS ${maximum} at most`,
      );
      assertEquals(error.reasonCode, 0x9b);
    }
    if (maximum === 1) {
      const published = stage.client.publish("q", "", { qos: 1 });
      await broker.expect("32 [<q> 0001 []]");
      broker.send("40 [0001]");
      await published;
    }
    await stage.client.publish("q", "message");
    await broker.expect("30 [<q> [] 'message']");
    await broker.expectNothing();
  }
});

Deno.test("publish() keeps to Retain Available [MQTT-3.2.2-14]", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5("25 00"),
  });
  const error = await assertRejects(
    () => stage.client.publish("t", "", { retain: true }),
    RequestError,
    "Cannot publish: the broker does not retain messages",
  );
  assertEquals(error.reasonCode, 0x9a);
  await broker.expectNothing();
});

Deno.test("nothing larger than Maximum Packet Size is sent [MQTT-3.2.2-15]", async () => {
  // 11-prop-oversize-packet
  await using stage = new Stage({ protocolVersion: 5 });
  const { client } = stage;
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5("27 0000001e"),
  });
  const filter = "0123456789012345678901234567890";
  const tooLarge: [string, () => Promise<unknown>][] = [
    ["subscribe", () => client.subscribe(filter)],
    ["unsubscribe", () => client.unsubscribe([filter])],
    ["publish", () => client.publish("pub/test", "0123456789012345678")],
    ["publish", () => client.publish("t", "x".repeat(23), { qos: 2 })],
  ];
  for (const [action, attempt] of tooLarge) {
    const error = await assertRejects(
      attempt,
      RequestError,
      `Cannot ${action}: the packet is larger than 30 bytes, ` +
        "which is the most that the broker takes",
    );
    assertEquals(error.reasonCode, 0x95);
  }
  await client.publish("pub/test", "01234567890123456");
  await broker.expect("301c <pub/test> [] '01234567890123456'");
  const published = client.publish("t", "x".repeat(22), { qos: 2 });
  await broker.expect(
    "34 [<t> 0003 [] 'xxxxxxxxxxxxxxxxxxxxxx']",
  );
  broker.send("50 [0003 80]");
  await assertRejects(() => published, RequestError);
});

Deno.test("subscribe() keeps to what the broker cannot do", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5("28 00 29 00 2a 00"),
  });
  const { client } = stage;
  const cases: [() => Promise<unknown>, number, string][] = [
    [
      () => client.subscribe(["a", "a/#"]),
      0xa2,
      'Cannot subscribe to "a/#": Wildcard subscriptions not supported (0xa2)',
    ],
    [() => client.subscribe("$share/g/a"), 0x9e, "Shared subscriptions"],
    [
      () =>
        client.subscribe("a", { properties: { subscriptionIdentifiers: [1] } }),
      0xa1,
      "Subscription identifiers",
    ],
  ];
  for (const [attempt, reasonCode, message] of cases) {
    const error = await assertRejects(attempt, RequestError, message);
    assertEquals(error.reasonCode, reasonCode);
  }
  await broker.expectNothing();
});

Deno.test("what the broker could not do is forgotten with the connection", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  await stage.connect({
    connect: connect5,
    connack: connack5("24 00 27 00000010"),
  });
  await stage.lose();
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5(),
  });
  const published = stage.client.publish("t", "0123456789abcdef", { qos: 1 });
  await broker.expect("32 [<t> 0001 [] '0123456789abcdef']");
  broker.send("40 [0001]");
  await published;
});

Deno.test("DISCONNECT of the broker ends the connection with its reason [MQTT-4.13.2-1]", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5(),
  });
  const pinged = assertRejects(() => stage.client.ping(), ConnectionLostError);
  await broker.expect("c0 []");
  broker.send("e0 [8e [1f <other one>]]  30 [<a> []]");
  await broker.expectEnd();
  const error = await stage.client.closed;
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(
    error.message,
    "Connection lost: the broker ended it, Session taken over (0x8e): other one",
  );
  assertEquals(error.reasonCode, 0x8e);
  assertEquals(error.properties, { reasonString: "other one" });
  assertEquals(await pinged, error);
});

Deno.test("AUTH ends a connection that asked for no authentication [MQTT-4.12.0-7]", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5(),
  });
  broker.send("f0 [18 [15 <m>]]");
  await broker.expect("e0 [82]");
});

Deno.test("QoS 0 messages wait where the transport does not take them", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.stall();
  const payload = new Uint8Array(100_000);
  let sent = 0;
  const all: Promise<unknown>[] = [];
  for (let n = 0; n < 5; n++) {
    all.push(stage.client.publish("t", payload).then(() => sent++));
  }
  await broker.expectNothing();
  assertEquals(sent, 2); // 256 KiB do not wait
  broker.resume();
  const head = "30 a38d06 <t> ";
  for (let n = 0; n < 5; n++) {
    await broker.expect(head + "00".repeat(100_000));
  }
  await Promise.all(all);
});

Deno.test("a QoS 0 message that waits can be given up, and is lost with the connection", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.stall();
  const payload = new Uint8Array(300_000);
  const controller = new AbortController();
  const given = stage.client.publish("t", payload, {
    signal: controller.signal,
  });
  const lost = stage.client.publish("t", payload);
  controller.abort(new Error("enough"));
  await assertRejects(() => given, Error, "enough");
  broker.reset();
  await assertRejects(() => lost, ConnectionLostError);
});
