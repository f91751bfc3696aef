/** What is sent again when a session goes on (section 4.4). */

import type { PublishPacket } from "../../mod.ts";
import { textOf } from "./_bytes.ts";
import {
  chapter,
  type Check,
  check,
  every,
  oasis,
  slow,
  v5,
} from "./_check.ts";
import type { Peer } from "./_peer.ts";
import type { ConnectFields, Stage } from "./_stage.ts";
import { same } from "./_verdict.ts";

const kept: ConnectFields = { session: true };

/** A client with a session that subscribed. */
async function subscribed(stage: Stage, ...filters: string[]): Promise<Peer> {
  const peer = await stage.connect("s", kept);
  await peer.subscribe(...filters);
  return peer;
}

/** Identifier, DUP and payload of messages. */
function seen(messages: readonly PublishPacket[]): unknown[] {
  return messages.map((one) => [one.packetId, one.dup, textOf(one.payload)]);
}

/** The next messages, not acknowledged. */
async function take(peer: Peer, count: number): Promise<PublishPacket[]> {
  const messages: PublishPacket[] = [];
  while (messages.length < count) messages.push(await peer.next("publish"));
  return messages;
}

/** The checks. */
export const resendChecks: readonly Check[] = chapter(
  "Sending again",
  check(
    every,
    "a QoS 1 message without PUBACK is sent again with DUP and its identifier [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.3.2-3] [MQTT311-4.4.0-1] [MQTT311-3.3.1-1] [MQTT311-2.3.1-3]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await subscribed(stage, topic);
      const publisher = await stage.connect("p");
      await publisher.publish(topic, "x", { qos: 1 });
      const first = await take(client, 1);
      same(first[0]?.dup, false, "DUP at first");
      await client.drop();
      const again = await stage.connect("s", kept);
      const second = await take(again, 1);
      same(seen(second), [[first[0]?.packetId, true, "x"]], "sent again");
      await again.acknowledge(second[0]!);
      await again.quiet("it is acknowledged");
    },
  ),
  check(
    every,
    "a QoS 2 message without PUBREC is sent again with DUP and its identifier [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.3.3-3] [MQTT311-4.4.0-1] [MQTT311-3.3.1-1]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await subscribed(stage, topic);
      const publisher = await stage.connect("p");
      await publisher.publish(topic, "x", { qos: 2 });
      const first = await take(client, 1);
      await client.drop();
      const again = await stage.connect("s", kept);
      same(
        seen(await take(again, 1)),
        [[first[0]?.packetId, true, "x"]],
        "sent again",
      );
    },
  ),
  check(
    every,
    "a PUBREL without PUBCOMP is sent again, and its PUBLISH is not [MQTT-4.4.0-1] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT311-4.4.0-1] [MQTT311-4.3.3-1]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await subscribed(stage, topic);
      const publisher = await stage.connect("p");
      await publisher.publish(topic, "x", { qos: 2 });
      const [message] = await take(client, 1);
      await client.acknowledge(message!);
      same((await client.next("pubrel")).packetId, message?.packetId, "PUBREL");
      await client.drop();
      const again = await stage.connect("s", kept);
      const { packetId } = await again.next("pubrel");
      same(packetId, message?.packetId, "PUBREL again");
      await again.send({ type: "pubcomp", packetId, reasonCode: 0 });
      await again.quiet("the exchange is over");
    },
  ),
  check(
    oasis,
    "messages are sent again in the order they were sent [MQTT-4.6.0-5] [MQTT311-4.6.0-1] [MQTT311-4.6.0-6]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await subscribed(stage, topic);
      const publisher = await stage.connect("p");
      const sent = ["1", "2", "3", "4", "5"];
      for (const one of sent) await publisher.publish(topic, one, { qos: 1 });
      await take(client, 5);
      await client.drop();
      const again = await stage.connect("s", kept);
      const messages = await take(again, 5);
      same(messages.map(({ payload }) => textOf(payload)), sent, "payloads");
    },
  ),
  check(
    v5,
    "what is not acknowledged is not sent again while the connection lasts [MQTT-4.4.0-1]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await subscribed(stage, topic);
      const publisher = await stage.connect("p");
      await publisher.publish(topic, "x", { qos: 1 });
      await take(client, 1);
      await client.quiet("it was sent");
      await publisher.publish(stage.topic("b"), "y", { qos: 1 });
      await client.quiet("it was sent");
    },
  ),
  check(
    every,
    "a QoS 2 message that was received is not passed on again after a reconnection [MQTT-4.3.3-10] [MQTT311-4.3.3-2]",
    async (stage) => {
      const topic = stage.topic("a");
      const looking = await stage.connect("w");
      await looking.subscribe(topic);
      const client = await stage.connect("s", kept);
      const packet = client.message(topic, "once", { qos: 2 });
      await client.send(packet);
      await client.next("pubrec");
      await client.drop();
      const again = await stage.connect("s", kept);
      await again.send({ ...packet, dup: true });
      await again.next("pubrec");
      const packetId = packet.packetId!;
      await again.send({ type: "pubrel", packetId, reasonCode: 0 });
      await again.answer("pubcomp", packetId);
      same(await stage.payloads(looking, again), ["once"], "payloads");
    },
  ),
  check(
    every,
    "the broker's PUBRELs come in the order of the PUBRECs [MQTT-4.3.3-4] [MQTT311-4.6.0-4]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await stage.connect("s");
      await client.subscribe(topic);
      const publisher = await stage.connect("p");
      for (let i = 0; i < 3; i++) {
        await publisher.publish(topic, `${i}`, { qos: 2 });
      }
      const [first, second, third] = await take(client, 3);
      const order = [second!, third!, first!];
      for (const one of order) await client.acknowledge(one);
      for (const { packetId = 0 } of order) {
        same((await client.next("pubrel")).packetId, packetId, "identifier");
        await client.send({ type: "pubcomp", packetId, reasonCode: 0 });
      }
    },
  ),
  slow(
    v5,
    "a QoS 2 message that was sent does not expire [MQTT-4.3.3-7] [MQTT-4.4.0-1]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await subscribed(stage, topic);
      const publisher = await stage.connect("p");
      await publisher.publish(topic, "x", {
        qos: 2,
        properties: { messageExpiryInterval: 1 },
      });
      const [message] = await take(client, 1);
      await client.drop();
      await stage.wait(3);
      const again = await stage.connect("s", kept);
      const [repeated] = await take(again, 1);
      same(repeated?.packetId, message?.packetId, "identifier");
      await again.acknowledge(repeated!);
      await again.next("pubrel");
    },
  ),
  slow(
    v5,
    "a QoS 2 exchange that a client has begun is finished, expired or not [MQTT-4.3.3-13]",
    async (stage) => {
      stage.needs("maximumQos", 2);
      const client = await stage.connect("s");
      const message = client.message(stage.topic("a"), "x", {
        qos: 2,
        properties: { messageExpiryInterval: 1 },
      });
      const packetId = message.packetId!;
      await client.send(message);
      await client.answer("pubrec", packetId);
      await stage.wait(3);
      await client.send({ type: "pubrel", packetId, reasonCode: 0 });
      const { reasonCode } = await client.answer("pubcomp", packetId);
      same(reasonCode, 0, "code of PUBCOMP");
    },
  ),
);
