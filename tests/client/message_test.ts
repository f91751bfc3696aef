import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  ApplicationMessage,
  IncomingApplicationMessage,
  OutgoingApplicationMessage,
} from "../../client/mod.ts";
import { connack5, connect5, Stage } from "./_scripted_broker.ts";

Deno.test("a message that was received shows its packets", async () => {
  await using stage = new Stage({ manualAck: true });
  const broker = await stage.connect();
  broker.send("33 [<a/b> 0007 'text']");
  const message = await stage.client.deliverMessage();
  assert(message instanceof ApplicationMessage);
  assertInstanceOf(message, IncomingApplicationMessage);
  assertEquals(message.direction, "incoming");
  assertEquals(message.publishPacket.variableHeader.topicName, "a/b");
  assertEquals(message.publishPacket.payload.data, message.data);
  assertEquals(message.publishPacket, {
    type: "publish",
    fixedHeader: { dup: false, qos: 1, retain: true },
    variableHeader: { topicName: "a/b", packetId: 7, properties: undefined },
    payload: { data: new TextEncoder().encode("text") },
  });
  assertEquals(message.pubackPacket, undefined);
  message.ack();
  assertEquals(message.pubackPacket, {
    type: "puback",
    variableHeader: { packetId: 7, reasonCode: 0, properties: undefined },
  });
  assertEquals(message.pubrecPacket, undefined);
  await broker.expect("40 [0007]");
});

Deno.test("a message of QoS 2 that was received shows its packets", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.send("34 [<a> 0007 '']  62 [0007]");
  await broker.expect("50 [0007] 70 [0007]");
  const message = await stage.client.deliverMessage();
  assertEquals(
    [message.pubrecPacket, message.pubrelPacket, message.pubcompPacket]
      .map((view) => view?.type),
    ["pubrec", "pubrel", "pubcomp"],
  );
  assertEquals(message.pubackPacket, undefined);
  assertEquals(message.pubcompPacket?.variableHeader.packetId, 7);
  message.ack(); // it is acknowledged
  await broker.expectNothing();
});

Deno.test("a message that was sent shows its packets, and what the broker said", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const { client } = stage;
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5(),
  });
  const zero = await client.publish("a", "0", {
    properties: { contentType: "t" },
  });
  await broker.expect("30 [<a> [03 <t>] '0']");
  assertInstanceOf(zero, OutgoingApplicationMessage);
  assertEquals(zero.direction, "outgoing");
  assertEquals(zero.text(), "0");
  assertEquals(zero.properties, { contentType: "t" });
  assertEquals([zero.packetId, zero.reasonCode], [undefined, 0]);
  assertEquals(zero.pubackPacket, undefined);

  const publishing = client.publish("a", "1", { qos: 1, retain: true });
  await broker.expect("33 [<a> 0001 [] '1']");
  broker.send("40 [0001 10 [1f <nobody>]]");
  const one = await publishing;
  assertEquals([one.packetId, one.qos, one.retain], [1, 1, true]);
  assertEquals(one.reasonCode, 0x10);
  assertEquals(one.reasonProperties, { reasonString: "nobody" });
  assertEquals(one.pubackPacket?.variableHeader.reasonCode, 0x10);
  assert(one.buildPublishPacket(true).fixedHeader.dup);
  assert(!one.publishPacket.fixedHeader.dup);

  const twice = client.publish("a", "2", { qos: 2 });
  await broker.expect("34 [<a> 0002 [] '2']");
  broker.send("50 [0002 10]");
  await broker.expect("62 [0002]");
  broker.send("70 [0002]");
  const two = await twice;
  assertEquals(two.reasonCode, 0x10);
  assertEquals(
    [two.pubrecPacket, two.pubrelPacket, two.pubcompPacket]
      .map((view) => view?.variableHeader.packetId),
    [2, 2, 2],
  );
});
