import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ConnectionLostError, type MQTTClient } from "../../client/mod.ts";
import {
  connack5,
  connect5,
  resume311,
  resume5,
  Stage,
  turn,
} from "./_scripted_broker.ts";

const connected5 = { connect: connect5, connack: connack5() };

async function take(client: MQTTClient): Promise<string> {
  const { topic, qos } = await client.deliverMessage();
  return `${topic} ${qos}`;
}

Deno.test("a message of QoS 0 is delivered and not answered [MQTT-3.3.4-1]", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.send("31 [<a/b> 'text']");
  const message = await stage.client.deliverMessage();
  assertEquals(message.topic, "a/b");
  assertEquals(message.text(), "text");
  assertEquals(message.data, message.payload);
  assertEquals(message.qos, 0);
  assertEquals(message.retain, true);
  assertEquals(message.dup, false);
  assertEquals(message.packetId, undefined);
  assertEquals(message.properties, undefined);
  await broker.expectNothing();
});

Deno.test("a message of QoS 1 is answered with PUBACK and delivered [MQTT-4.3.2-4] [MQTT-3.3.4-1] [MQTT311-3.3.4-1]", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.send("32 [<pub/qos1/receive> 0123 'message']");
  await broker.expect("40 [0123]");
  const message = await stage.client.deliverMessage();
  assertEquals(message.topic, "pub/qos1/receive");
  assertEquals(message.text(), "message");
  assertEquals(message.qos, 1);
  assertEquals(message.packetId, 0x123);
});

Deno.test("after PUBACK the same identifier is a new message, whatever DUP says [MQTT-4.3.2-5] [MQTT311-4.3.2-2]", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.send("32 [<t> 0001 '1']  3a [<t> 0001 '1']");
  await broker.expect("40 [0001] 40 [0001]");
  assertEquals((await stage.client.deliverMessage()).dup, false);
  assertEquals((await stage.client.deliverMessage()).dup, true);
});

Deno.test("a message of QoS 2 is delivered once, at PUBREL, however often it comes before [MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT-4.3.3-12] [MQTT311-4.3.3-2]", async () => {
  // 03-publish-b2c-qos2
  await using stage = new Stage();
  const broker = await stage.connect();
  const { client } = stage;
  broker.send("34 [<t> 0001 '1']");
  await broker.expect("50 [0001]");
  broker.send("3c [<t> 0001 '1']  34 [<t> 0001 '1']");
  await broker.expect("50 [0001] 50 [0001]");
  await broker.expectNothing();
  broker.send("62 [0001]");
  await broker.expect("70 [0001]");
  broker.send("34 [<t> 0001 '2']");
  await broker.expect("50 [0001]");
  broker.send("62 [0001]  62 [0001]  30 [<end> '']");
  await broker.expect("70 [0001] 70 [0001]");
  assertEquals((await client.deliverMessage()).text(), "1");
  assertEquals((await client.deliverMessage()).text(), "2");
  assertEquals((await client.deliverMessage()).topic, "end");
});

Deno.test("what is sent for a message of QoS 2 comes after its PUBCOMP", async () => {
  // 11-prop-recv-qos2
  await using stage = new Stage();
  const broker = await stage.connect();
  const answered = stage.client.deliverMessage()
    .then(() => stage.client.publish("ok", "ok"));
  broker.send("34 [<t> 0001 '1']");
  await broker.expect("50 [0001]");
  broker.send("62 [0001]");
  await broker.expect("70 [0001] 30 [<ok> 'ok']");
  await answered;
});

Deno.test("a message of QoS 2 is delivered once over several connections [MQTT-4.3.3-10] [MQTT-4.4.0-1]", async () => {
  await using stage = new Stage({ cleanStart: false });
  let broker = await stage.connect({ connect: resume311 });
  broker.send("34 [<t> 0001 '1']");
  await broker.expect("50 [0001]");
  await stage.lose();
  broker = await stage.connect({ connect: resume311, connack: "20 [01 00]" });
  broker.send("3c [<t> 0001 '1']");
  await broker.expect("50 [0001]");
  await stage.lose();
  broker = await stage.connect({ connect: resume311, connack: "20 [01 00]" });
  broker.send("62 [0001]  30 [<end> '']");
  await broker.expect("70 [0001]");
  assertEquals(await take(stage.client), "t 2");
  assertEquals(await take(stage.client), "end 0");
});

Deno.test("PUBREL is answered even where its message is not known [MQTT-3.7.2-1] [MQTT-4.3.3-11]", async () => {
  // 03-publish-b2c-qos2-unexpected-pubrel
  for (const version of [4, 5] as const) {
    await using stage = new Stage({ protocolVersion: version });
    const broker = await stage.connect(version === 5 ? connected5 : {});
    broker.send("62 [0010]");
    await broker.expect(version === 5 ? "70 [0010 92]" : "70 [0010]");
  }
});

Deno.test("acknowledgements go out in the order of the messages, whether or not they are wanted [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.5.0-2] [MQTT311-4.6.0-2] [MQTT311-4.6.0-3] [MQTT311-4.5.0-2]", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.send("32 [<t> 0009 '']  34 [<t> 0003 '']  32 [<t> 0001 '']");
  await broker.expect("40 [0009] 50 [0003] 40 [0001]");
});

Deno.test("properties of a message are delivered, without its topic alias", async () => {
  await using stage = new Stage({
    protocolVersion: 5,
    properties: { topicAliasMaximum: 10 },
  });
  const broker = await stage.connect({
    connect: "10 [<MQTT> 05 02 0000 [22 000a] <me>]",
    connack: connack5(),
  });
  broker.send(
    "30 [<prop/test> [03 <plain/text> 08 <msg/123> 09 0002 00ff 23 0001 " +
      "0b 05 0b 06 26 <a> <b>] 'message']",
  );
  // what comes later does not overwrite what was delivered
  broker.send("30 [<x> [09 0002 aaaa] 'yyyyyyy']");
  await turn();
  const { payload, properties } = await stage.client.deliverMessage();
  assertEquals(new TextDecoder().decode(payload), "message");
  assertEquals(properties, {
    contentType: "plain/text",
    responseTopic: "msg/123",
    correlationData: new Uint8Array([0, 255]),
    subscriptionIdentifiers: [5, 6],
    userProperties: [["a", "b"]],
  });
});

Deno.test("a payload is in memory of its own: it may be transferred", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.send("30 [<a> '1']  30 [<a> '2']");
  const first = await stage.client.deliverMessage();
  structuredClone(first.payload, { transfer: [first.payload.buffer] });
  assertEquals((await stage.client.deliverMessage()).text(), "2");
  broker.send("30 [<a> '3']");
  assertEquals((await stage.client.deliverMessage()).text(), "3");
});

Deno.test("topic aliases of the broker are resolved, until the connection ends [MQTT-3.3.2-10] [MQTT-3.3.2-7]", async () => {
  await using stage = new Stage({
    protocolVersion: 5,
    properties: { topicAliasMaximum: 2 },
  });
  const connect = "10 [<MQTT> 05 02 0000 [22 0002] <me>]";
  let broker = await stage.connect({ connect, connack: connack5() });
  broker.send("30 [<a> [23 0001]]  30 [<b> [23 0002]]  30 [<> [23 0001]]");
  broker.send("30 [<c> [23 0001]]  32 [<> 0001 [23 0001]]");
  assertEquals(await take(stage.client), "a 0");
  assertEquals(await take(stage.client), "b 0");
  assertEquals(await take(stage.client), "a 0");
  assertEquals(await take(stage.client), "c 0");
  assertEquals(await take(stage.client), "c 1");
  await broker.expect("40 [0001]");
  await stage.lose();
  broker = await stage.connect({ connect, connack: connack5() });
  broker.send("30 [<> [23 0001]]");
  await broker.expect("e0 [82]");
});

Deno.test("a topic alias that the client did not allow ends the connection [MQTT-3.3.2-8]", async () => {
  for (const alias of ["0001", "0000"]) {
    await using stage = new Stage({ protocolVersion: 5 });
    const broker = await stage.connect(connected5);
    broker.send(`30 [<a> [23 ${alias}]]`);
    await broker.expect("e0 [94]");
    broker.end();
    assertInstanceOf(await stage.client.closed, ConnectionLostError);
  }
});

Deno.test("more unacknowledged messages than Receive Maximum end the connection", async () => {
  await using stage = new Stage({
    protocolVersion: 5,
    properties: { receiveMaximum: 2 },
  });
  const broker = await stage.connect({
    connect: "10 [<MQTT> 05 02 0000 [21 0002] <me>]",
    connack: connack5(),
  });
  broker.send("34 [<a> 0001 []]  34 [<a> 0002 []]");
  await broker.expect("50 [0001] 50 [0002]");
  broker.send("62 [0001]  34 [<a> 0003 []]  30 [<a> []]");
  await broker.expect("70 [0001] 50 [0003]");
  broker.send("32 [<a> 0004 []]");
  await broker.expect("e0 [93]");
});

Deno.test("with a full queue the client does not read on, until half of it is taken", async () => {
  await using stage = new Stage({ receiveQueueLimit: 4 });
  const broker = await stage.connect();
  for (let n = 1; n <= 6; n++) broker.send(`32 [<${n}> 000${n} '']`);
  await broker.expect("40 [0001] 40 [0002] 40 [0003] 40 [0004]");
  await broker.expectNothing();
  assertEquals(await take(stage.client), "1 1");
  await broker.expectNothing();
  assertEquals(await take(stage.client), "2 1");
  await broker.expect("40 [0005] 40 [0006]");
  for (const n of [3, 4, 5, 6]) {
    assertEquals(await take(stage.client), `${n} 1`);
  }
  assertEquals(stage.client.dropped, 0);
});

Deno.test("packets that came in one piece with those that filled the queue wait too", async () => {
  await using stage = new Stage({ receiveQueueLimit: 1 });
  const broker = await stage.connect();
  broker.send("30 [<1> '']  30 [<2> '']  30 [<3> '']");
  for (const n of [1, 2, 3]) {
    assertEquals(await take(stage.client), `${n} 0`);
  }
  assertEquals(stage.client.dropped, 0);
});

Deno.test("who waits for an answer does not wait for ever because of a full queue", async () => {
  await using stage = new Stage({ receiveQueueLimit: 2 });
  const broker = await stage.connect();
  broker.send("32 [<1> 0001 '']  32 [<2> 0002 '']  32 [<3> 0003 '']");
  await broker.expect("40 [0001] 40 [0002]");
  await broker.expectNothing();
  // Now it reads on, but acknowledges only what there is room for.
  const published = stage.client.publish("t", "", { qos: 1 });
  await broker.expect("32 [<t> 0001]");
  broker.send("30 [<4> '']  34 [<5> 0005 '']  62 [0005]  40 [0001]");
  await broker.expect("50 [0005]");
  await published;
  await broker.expectNothing();
  assertEquals(stage.client.dropped, 1);
  assertEquals(await take(stage.client), "1 1");
  await broker.expect("40 [0003]"); // [MQTT-4.6.0-2]
  assertEquals(await take(stage.client), "2 1");
  await broker.expect("70 [0005]"); // [MQTT-4.3.3-11]
  assertEquals(await take(stage.client), "3 1");
  assertEquals(await take(stage.client), "5 2");
});

Deno.test("what was not acknowledged for lack of room is not acknowledged on the next connection", async () => {
  await using stage = new Stage({
    protocolVersion: 5,
    cleanStart: false,
    receiveQueueLimit: 1,
  });
  let broker = await stage.connect({ connect: resume5, connack: connack5() });
  const pinged = assertRejects(() => stage.client.ping(), ConnectionLostError);
  await broker.expect("c0 []");
  broker.send("34 [<2> 0002 []]  32 [<1> 0001 []]  62 [0002]");
  await broker.expect("50 [0002] 40 [0001]");
  await stage.lose();
  await pinged;
  broker = await stage.connect({ connect: resume5, connack: "20 [01 00 []]" });
  assertEquals(await take(stage.client), "1 1");
  await broker.expectNothing();
  assertEquals(await take(stage.client), "2 2");
  broker.send("62 [0002]");
  await broker.expect("70 [0002 92]"); // and it is not delivered again
  const next = stage.client.deliverMessage();
  broker.send("30 [<3> []]");
  assertEquals((await next).topic, "3");
});

Deno.test("a message of QoS 2 that was not released is forgotten with its session [MQTT-3.2.2-5]", async () => {
  await using stage = new Stage({ cleanStart: false });
  let broker = await stage.connect({ connect: resume311 });
  broker.send("34 [<a> 0001 'first']");
  await broker.expect("50 [0001]");
  await stage.lose();
  broker = await stage.connect({ connect: resume311 });
  broker.send("62 [0001]  34 [<a> 0001 'second']  62 [0001]");
  await broker.expect("70 [0001] 50 [0001] 70 [0001]");
  assertEquals((await stage.client.deliverMessage()).text(), "second");
});

Deno.test("with manualAck a message is acknowledged when the application says so, in the order of the messages [MQTT-4.6.0-2]", async () => {
  await using stage = new Stage({ manualAck: true });
  const broker = await stage.connect();
  const { client } = stage;
  broker.send(
    "32 [<a> 0001 '']  32 [<a> 0002 '']  30 [<a> '']  32 [<a> 0003 '']",
  );
  const [one, two, zero, three] = [
    await client.deliverMessage(),
    await client.deliverMessage(),
    await client.deliverMessage(),
    await client.deliverMessage(),
  ];
  zero!.ack();
  two!.ack();
  await broker.expectNothing();
  assertEquals(two!.pubackPacket, undefined);
  one!.ack();
  await broker.expect("40 [0001] 40 [0002]");
  one!.ack(); // the second time it is nothing
  await broker.expectNothing();
  three!.ack();
  await broker.expect("40 [0003]");
});

Deno.test("with manualAck a message of QoS 2 stays with the broker until it is acknowledged [MQTT-4.3.3-8]", async () => {
  await using stage = new Stage({ manualAck: true });
  const broker = await stage.connect();
  broker.send("34 [<a> 0001 '1']  34 [<a> 0002 '2']");
  const one = await stage.client.deliverMessage();
  const two = await stage.client.deliverMessage();
  await broker.expectNothing();
  one.ack();
  await broker.expect("50 [0001]");
  assertEquals(one.pubrecPacket?.variableHeader.packetId, 1);
  broker.send("3c [<a> 0001 '1']"); // it is not delivered again
  await broker.expect("50 [0001]");
  broker.send("62 [0001]");
  await broker.expect("70 [0001]");
  assertEquals(one.pubcompPacket?.variableHeader.packetId, 1);
  two.ack();
  await broker.expect("50 [0002]");
  broker.send("62 [0002]");
  await broker.expect("70 [0002]");
  await broker.expectNothing();
});

Deno.test("with manualAck a message of QoS 2 is delivered once, on whichever connection it is acknowledged", async () => {
  await using stage = new Stage({ manualAck: true, cleanStart: false });
  let broker = await stage.connect({ connect: resume311 });
  broker.send("34 [<a> 0001 '1']  34 [<a> 0002 '2']  32 [<a> 0003 '3']");
  const [one, two, three] = [
    await stage.client.deliverMessage(),
    await stage.client.deliverMessage(),
    await stage.client.deliverMessage(),
  ];
  await stage.lose();
  two!.ack();
  three!.ack(); // its connection is gone: the broker sends it again
  broker = await stage.connect({ connect: resume311, connack: "20 [01 00]" });
  broker.send("3c [<a> 0001 '1']  3c [<a> 0002 '2']  3a [<a> 0003 '3']");
  const again = await stage.client.deliverMessage();
  assertEquals([again.text(), again.dup], ["3", true]);
  again.ack();
  await broker.expectNothing(); // the first comes first
  one!.ack();
  await broker.expect("50 [0001] 50 [0002] 40 [0003]");
});

Deno.test("with manualAck messages that are not acknowledged hold back the broker, not the client", async () => {
  await using stage = new Stage({
    manualAck: true,
    protocolVersion: 5,
    properties: { receiveMaximum: 2 },
  });
  const broker = await stage.connect({
    connect: "10 [<MQTT> 05 02 0000 [21 0002] <me>]",
    connack: connack5(),
  });
  broker.send("32 [<a> 0001 []]  34 [<a> 0002 []]  30 [<b> []]");
  for (const topic of ["a 1", "a 2", "b 0"]) {
    assertEquals(await take(stage.client), topic);
  }
  broker.send("32 [<a> 0003 []]");
  await broker.expect("e0 [93]");
});
