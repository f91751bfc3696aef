/** M13: `ApplicationMessage`, incoming and outgoing, with its packets. */

import { assert, assertEquals } from "@std/assert";
import {
  ApplicationMessage,
  Broker,
  IncomingApplicationMessage,
  MQTTClient,
  OutgoingApplicationMessage,
} from "../../mod.ts";

/** Which packets of the exchange there are. */
function packets(message: ApplicationMessage): string[] {
  const { pubackPacket, pubrecPacket, pubrelPacket, pubcompPacket } = message;
  const all = [pubackPacket, pubrecPacket, pubrelPacket, pubcompPacket]
    .filter((packet) => packet !== undefined);
  for (const { variableHeader } of all) {
    assertEquals(variableHeader.packetId, message.packetId);
  }
  return all.map(({ type }) => type);
}

for (
  const [qos, expected] of [
    [0, []],
    [1, ["puback"]],
    [2, ["pubrec", "pubrel", "pubcomp"]],
  ] as const
) {
  Deno.test(`M13: at QoS ${qos} a message has its attributes and packets, on both sides`, async () => {
    await using broker = new Broker({
      listeners: { default: { bind: "127.0.0.1:0" } },
    });
    await broker.start();
    const url = `mqtt://127.0.0.1:${broker.addresses[0]!.port}`;
    await using sender = new MQTTClient({ url });
    await using receiver = new MQTTClient({ url });
    await sender.connect();
    await receiver.connect();
    await receiver.subscribe("a/b", { qos: 2 });
    const data = new Uint8Array([0, 255, 10]);
    const sent = await sender.publish("a/b", data, { qos, retain: true });
    const got = await receiver.deliverMessage(10);
    assert(sent instanceof OutgoingApplicationMessage);
    assert(got instanceof IncomingApplicationMessage);
    for (const message of [sent, got]) {
      assert(message instanceof ApplicationMessage);
      const { topic, qos: level, packetId, publishPacket } = message;
      assertEquals([topic, level], ["a/b", qos]);
      assertEquals([...message.data], [0, 255, 10]);
      assertEquals(packetId === undefined, qos === 0);
      assertEquals(publishPacket.variableHeader, {
        topicName: "a/b",
        packetId,
        properties: message.properties,
      });
      assertEquals([...publishPacket.payload.data], [0, 255, 10]);
      assertEquals(publishPacket.fixedHeader, {
        dup: false,
        qos,
        retain: message.retain,
      });
      assertEquals(message.buildPublishPacket(true).fixedHeader.dup, true);
    }
    assertEquals([sent.direction, got.direction], ["outgoing", "incoming"]);
    // The one asks to retain; the other was not retained before.
    assertEquals([sent.retain, got.retain], [true, false]);
    assertEquals(packets(sent), [...expected]);
    // What the receiver still has to send follows its delivery.
    await receiver.ping();
    assertEquals(packets(got), [...expected]);
    await receiver.subscribe("a/+", { qos: 2 });
    assertEquals((await receiver.deliverMessage(10)).retain, true);
  });
}
