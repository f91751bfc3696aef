/** Session state (sections 3.1.2.4, 3.1.2.11.2, 4.1 and 4.4). */

import type { PublishPacket } from "../../mod.ts";
import { textOf } from "./_bytes.ts";
import {
  chapter,
  type Check,
  check,
  every,
  informative,
  oasis,
  slow,
  v311,
  v5,
} from "./_check.ts";
import { holds, same } from "./_verdict.ts";
import type { Peer } from "./_peer.ts";
import type { ConnectFields, Stage } from "./_stage.ts";

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
export const sessionChecks: readonly Check[] = chapter(
  "Sessions",
  check(
    oasis,
    "a session that is kept is found again: session present 1 [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.1.2-23] [MQTT-3.2.2-3] [MQTT-4.1.0-1] [MQTT311-3.1.2-4] [MQTT311-3.2.2-2] [MQTT311-3.2.2-3] [MQTT311-4.1.0-1]",
    async (stage) => {
      const first = await stage.connect("s", kept);
      same(first.connack?.sessionPresent, false, "session present at first");
      await first.disconnect();
      const second = await stage.connect("s", kept);
      same(second.connack?.sessionPresent, true, "session present");
      await second.drop();
      const third = await stage.connect("s", kept);
      same(third.connack?.sessionPresent, true, "session present after a loss");
    },
  ),
  check(
    every,
    "messages of QoS 1 and 2 wait for the client of a session, in their order [MQTT-4.5.0-1] [MQTT-4.6.0-5] [MQTT311-3.1.2-5] [MQTT311-4.5.0-1] [MQTT311-4.6.0-6]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await subscribed(stage, topic);
      await client.disconnect();
      const publisher = await stage.connect("p");
      const sent: string[] = [];
      for (let i = 0; i < 10; i++) {
        sent.push(`${i}`);
        await publisher.publish(topic, `${i}`, { qos: i % 2 ? 1 : 2 });
      }
      const again = await stage.connect("s", kept);
      const got = await stage.payloads(again, publisher);
      for (const parity of [0, 1]) {
        const one = (list: string[]) => list.filter((x) => +x % 2 === parity);
        same(one(got), one(sent), `payloads of QoS ${parity ? 1 : 2}`);
      }
    },
  ),
  informative(
    oasis,
    "whether messages of QoS 0 wait for the client of a session",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await subscribed(stage, topic);
      await client.disconnect();
      const publisher = await stage.connect("p");
      await publisher.publish(topic, "x");
      const again = await stage.connect("s", kept);
      const got = await stage.payloads(again, publisher);
      stage.note(got.length > 0 ? "yes" : "no");
    },
  ),
  check(
    every,
    "a new session has nothing of the one before [MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT-3.2.2-2] [MQTT311-3.1.2-6] [MQTT311-3.1.4-3] [MQTT311-3.2.2-1]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await subscribed(stage, topic);
      await client.disconnect();
      const publisher = await stage.connect("p");
      await publisher.publish(topic, "waits", { qos: 1 });
      const again = await stage.connect("s", { ...kept, clean: true });
      same(again.connack?.sessionPresent, false, "session present");
      await publisher.publish(topic, "for whom", { qos: 1 });
      same(await stage.payloads(again, publisher), [], "payloads");
    },
  ),
  check(
    v311,
    "a session of Clean Session 1 ends with its connection [MQTT311-3.1.2-6] [MQTT311-3.2.2-3]",
    async (stage) => {
      const first = await stage.connect("s");
      await first.subscribe(stage.topic("a"));
      await first.disconnect();
      const second = await stage.connect("s", kept);
      same(second.connack?.sessionPresent, false, "session present");
      same(await stage.payloads(second, second), [], "payloads");
    },
  ),
  check(
    v5,
    "a session without expiry interval ends with its connection [MQTT-4.1.0-2] [MQTT-3.2.2-3]",
    async (stage) => {
      for (const sessionExpiryInterval of [undefined, 0]) {
        const first = await stage.connect("s", {
          clean: false,
          properties: sessionExpiryInterval === 0
            ? { sessionExpiryInterval }
            : {},
        });
        await first.disconnect();
        const second = await stage.connect("s", { clean: false });
        same(second.connack?.sessionPresent, false, "session present");
        await second.disconnect();
      }
    },
  ),
  check(
    v5,
    "DISCONNECT may end the session: Session Expiry Interval 0 [MQTT-4.1.0-2] [MQTT-3.2.2-3]",
    async (stage) => {
      const first = await stage.connect("s", kept);
      await first.leave({
        type: "disconnect",
        reasonCode: 0,
        properties: { sessionExpiryInterval: 0 },
      });
      const second = await stage.connect("s", kept);
      same(second.connack?.sessionPresent, false, "session present");
    },
  ),
  check(
    v5,
    "DISCONNECT may not give an expiry interval to a session that had none [MQTT-4.13.1-1]",
    async (stage) => {
      const first = await stage.connect("s");
      await first.send({
        type: "disconnect",
        reasonCode: 0,
        properties: { sessionExpiryInterval: 600 },
      });
      const packets = await first.ended("DISCONNECT");
      holds(
        packets.every(({ type }) => type === "disconnect"),
        "the end",
        packets,
      );
      const second = await stage.connect("s", kept);
      same(second.connack?.sessionPresent, false, "session present");
    },
  ),
  slow(
    v5,
    "a session ends when its expiry interval is over, and not before [MQTT-3.1.2-23] [MQTT-4.1.0-2]",
    async (stage) => {
      const properties = { sessionExpiryInterval: 2 };
      const first = await stage.connect("s", { clean: false, properties });
      await first.disconnect();
      const second = await stage.connect("s", { clean: false, properties });
      same(second.connack?.sessionPresent, true, "session present at once");
      await second.disconnect();
      await stage.wait(4);
      const third = await stage.connect("s", { clean: false });
      same(third.connack?.sessionPresent, false, "session present afterwards");
    },
  ),
  check(
    oasis,
    "retained messages are not part of a session [MQTT-3.1.2-4] [MQTT311-3.1.2-7]",
    async (stage) => {
      stage.needs("retainAvailable");
      const topic = stage.topic("a");
      const first = await stage.connect("s");
      await stage.retain(first, topic, "kept");
      await first.disconnect();
      const second = await stage.connect("s");
      await second.subscribe(topic);
      same(await stage.payloads(second, second), ["kept"], "payloads");
    },
  ),
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
    oasis,
    "subscriptions are part of a session [MQTT-3.1.2-23] [MQTT311-4.1.0-1] [MQTT311-4.1.0-2]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await subscribed(stage, topic);
      await client.drop();
      const again = await stage.connect("s", kept);
      await again.publish(topic, "here", { qos: 1 });
      same(await stage.payloads(again, again), ["here"], "payloads");
    },
  ),
  check(
    oasis,
    "a client that takes its own place goes on with its session [MQTT-3.1.2-5] [MQTT311-3.1.2-4]",
    async (stage) => {
      const topic = stage.topic("a");
      await subscribed(stage, topic);
      const again = await stage.connect("s", kept);
      same(again.connack?.sessionPresent, true, "session present");
      await again.publish(topic, "here", { qos: 1 });
      same(await stage.payloads(again, again), ["here"], "payloads");
    },
  ),
);
