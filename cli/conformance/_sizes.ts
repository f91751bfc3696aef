/** Maximum Packet Size of a client: nothing is larger (5.0: 3.1.2.11.4). */

import type { PublishProperties } from "../../mod.ts";
import { packet, string, uint16 } from "./_bytes.ts";
import { chapter, type Check, check, v5 } from "./_check.ts";
import type { Peer } from "./_peer.ts";
import type { Stage } from "./_stage.ts";
import { holds, same } from "./_verdict.ts";

/** Room beside what the broker has to say in CONNACK. */
const LITTLE = 4;

/**
 * A client that takes nothing larger than its CONNACK, or little more: what is
 * larger is no packet for it.
 */
async function small(stage: Stage, name: string): Promise<Peer> {
  const any = await stage.connect(name, {
    properties: { maximumPacketSize: 65_535 },
  });
  const maximumPacketSize = any.bytes.length + LITTLE;
  await any.disconnect();
  return await stage.connect(name, { properties: { maximumPacketSize } });
}

const wordy: PublishProperties = {
  userProperties: [["a".repeat(40), "b".repeat(40)]],
};

/** The checks. */
export const sizeChecks: readonly Check[] = chapter(
  "Maximum Packet Size",
  check(
    v5,
    "acknowledgements are not too large for a client that takes little [MQTT-3.1.2-24] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2]",
    async (stage) => {
      const peer = await small(stage, "s");
      // Codes that brokers explain: nobody is subscribed, nothing is known.
      for (const qos of [1, 2] as const) {
        if (stage.capabilities.maximumQos < qos) continue;
        await peer.publish(stage.topic("a"), "", { qos });
      }
      await peer.send({ type: "pubrel", packetId: 999, reasonCode: 0 });
      await peer.answer("pubcomp", 999);
      await peer.send({ type: "pubrec", packetId: 998, reasonCode: 0 });
      await peer.drain();
      const { reasonCodes } = await peer.unsubscribe("a");
      same(reasonCodes.length, 1, "codes of UNSUBACK");
      await peer.request([stage.topic("a")]);
      await peer.quiet("all is answered");
    },
  ),
  check(
    v5,
    "DISCONNECT is not too large for a client that takes little [MQTT-3.1.2-24] [MQTT-3.14.2-3] [MQTT-3.14.2-4]",
    async (stage) => {
      const peer = await small(stage, "s");
      await peer.send(stage.connectPacket("s"));
      await stage.closed(peer, "a second CONNECT");
      const other = await small(stage, "o");
      await other.sendBytes(packet(0x82, uint16(1), 0));
      await stage.closed(other, "a SUBSCRIBE without filters");
    },
  ),
  check(
    v5,
    "a CONNACK that refuses is not too large for a client that takes little [MQTT-3.1.2-24] [MQTT-3.2.2-19] [MQTT-3.2.2-20]",
    async (stage) => {
      const peer = await stage.open();
      peer.limit(12);
      const method = [0x15, ...string("no such method")];
      const size = [0x27, 0, 0, 0, 12];
      const properties = [...size, ...method];
      await peer.sendBytes(packet(
        0x10,
        ...[string("MQTT"), 5, 2, uint16(60)],
        ...[properties.length, ...properties],
        string(stage.clientId("s")),
      ));
      await stage.refused(peer, "method", [0x8c, 0x87]);
    },
  ),
  check(
    v5,
    "what is too large for one is dropped for it, and delivered to others, whatever makes it large [MQTT-3.1.2-24] [MQTT-3.1.2-25]",
    async (stage) => {
      const topic = stage.topic("a");
      const peer = await small(stage, "s");
      const other = await stage.connect("o");
      const publisher = await stage.connect("p");
      for (const one of [peer, other]) await one.subscribe(topic);
      for (const qos of [0, 1, 2] as const) {
        if (stage.capabilities.maximumQos < qos) continue;
        await publisher.publish(topic, "", { qos, properties: wordy });
        const { properties } = await other.next("publish");
        same(properties?.userProperties, wordy.userProperties, "properties");
        await peer.quiet("it is too large");
      }
    },
  ),
  check(
    v5,
    "a retained message that is too large is not sent for a subscription [MQTT-3.1.2-24] [MQTT-3.1.2-25]",
    async (stage) => {
      stage.needs("retainAvailable");
      const topic = stage.topic("a");
      const publisher = await stage.connect("p");
      await stage.retain(publisher, topic, "x".repeat(500));
      const peer = await small(stage, "s");
      await peer.subscribe(topic);
      await peer.quiet("it is too large");
    },
  ),
  check(
    v5,
    "a shared message that is too large for one member harms none [MQTT-3.1.2-24] [MQTT-3.1.2-25]",
    async (stage) => {
      stage.needs("sharedSubscriptionAvailable");
      const topic = stage.topic("a");
      const [first, second] = [
        await small(stage, "m0"),
        await stage.connect("m1"),
      ];
      for (const one of [first, second]) {
        await one.subscribe(`$share/g/${topic}`);
      }
      const publisher = await stage.connect("p");
      const large = "x".repeat(500);
      for (let i = 0; i < 6; i++) {
        await publisher.publish(topic, large, { qos: 1 });
      }
      await first.quiet("they are too large");
      const got = await stage.payloads(second, publisher);
      holds(got.every((one) => one === large), "messages as sent", got);
      // Both is allowed: to drop them, or to give them to who can have them.
      stage.note(`of 6 the other member gets ${got.length}`);
    },
  ),
);
