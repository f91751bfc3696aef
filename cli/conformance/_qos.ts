/** PUBLISH and its acknowledgements (sections 3.3 to 3.7, 4.3 and 4.6). */

import { encode, type Packet, type Qos } from "../../mod.ts";
import { packet, string, textOf, uint16 } from "./_bytes.ts";
import {
  chapter,
  type Check,
  check,
  every,
  informative,
  oasis,
} from "./_check.ts";
import { holds, same } from "./_verdict.ts";
import { describe } from "./_peer.ts";
import type { Stage } from "./_stage.ts";

const all: readonly Qos[] = [0, 1, 2];

/** A client that publishes, and one that subscribed with a QoS. */
export async function pair(stage: Stage, qos: Qos = 2) {
  const topic = stage.topic("a");
  const subscriber = await stage.connect("s");
  await subscriber.subscribe({ filter: topic, qos });
  return { topic, subscriber, publisher: await stage.connect("p") };
}

/** The checks. */
export const qosChecks: readonly Check[] = chapter(
  "PUBLISH and QoS",
  check(
    every,
    "QoS 0 is delivered without identifier, with DUP 0, and not answered [MQTT-2.2.1-2] [MQTT-3.3.1-2] [MQTT-4.3.1-1] [MQTT-3.3.4-1] [MQTT311-2.3.1-5] [MQTT311-3.3.1-2] [MQTT311-4.3.1-1] [MQTT311-3.3.4-1]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      await publisher.publish(topic, "x");
      await publisher.quiet("QoS 0 is not answered");
      const message = await subscriber.next("publish");
      const { packetId, dup, qos } = message;
      same([packetId, dup, qos], [undefined, false, 0], "id, DUP, QoS");
    },
  ),
  ...all.map((granted) =>
    check(
      every,
      `a subscription with QoS ${granted} gets the lower of that and what was published [MQTT-3.8.4-8] [MQTT-3.3.2-3] [MQTT311-3.8.4-6] [MQTT311-3.3.2-3]`,
      async (stage) => {
        stage.needs("maximumQos", 2);
        const { topic, subscriber, publisher } = await pair(stage, granted);
        for (const qos of all) {
          await publisher.publish(topic, `${qos}`, { qos });
        }
        const got = await stage.received(subscriber, publisher);
        const seen = got.map((one) => `${textOf(one.payload)} as ${one.qos}`);
        const expected = all.map((qos) =>
          `${qos} as ${Math.min(qos, granted)}`
        );
        same(seen.toSorted(), expected, "published and delivered QoS");
        same(got.map((one) => one.topic), all.map(() => topic), "topics");
      },
    )
  ),
  check(
    oasis,
    "messages in flight have identifiers that differ, other than 0, and DUP 0 [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT311-2.3.1-1] [MQTT311-2.3.1-4] [MQTT311-4.3.2-1] [MQTT311-4.3.3-1]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      for (let i = 0; i < 10; i++) {
        await publisher.publish(topic, `${i}`, { qos: i % 2 ? 1 : 2 });
      }
      const ids = new Set<number>();
      for (let i = 0; i < 10; i++) {
        const { packetId, dup } = await subscriber.next("publish");
        holds(!!packetId && !ids.has(packetId), "a new identifier", packetId);
        same(dup, false, "DUP");
        ids.add(packetId!);
      }
    },
  ),
  check(
    every,
    "a QoS 2 message that is repeated before PUBREL is passed on once [MQTT-4.3.3-10] [MQTT311-4.3.3-2]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      const message = publisher.message(topic, "once", { qos: 2 });
      await publisher.send(message);
      await publisher.next("pubrec");
      await publisher.send({ ...message, dup: true });
      const packetId = message.packetId!;
      same((await publisher.next("pubrec")).packetId, packetId, "PUBREC's");
      await publisher.send({ type: "pubrel", packetId, reasonCode: 0 });
      await publisher.answer("pubcomp", packetId);
      same(await stage.payloads(subscriber, publisher), ["once"], "payloads");
    },
  ),
  check(
    every,
    "after PUBCOMP the identifier is that of a new message [MQTT-4.3.3-12] [MQTT311-4.3.3-2]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      const fields = { qos: 2, packetId: 7 } as const;
      await publisher.publish(topic, "1", fields);
      await publisher.publish(topic, "2", fields);
      same(await stage.payloads(subscriber, publisher), ["1", "2"], "payloads");
    },
  ),
  check(
    every,
    "after PUBACK the identifier is that of a new message, whatever DUP says [MQTT-4.3.2-5] [MQTT311-4.3.2-2]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      const fields = { qos: 1, packetId: 7 } as const;
      await publisher.publish(topic, "1", fields);
      await publisher.publish(topic, "2", { ...fields, dup: true });
      same(await stage.payloads(subscriber, publisher), ["1", "2"], "payloads");
    },
  ),
  check(
    oasis,
    "DUP is not passed on [MQTT-3.3.1-3] [MQTT311-3.3.1-3]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      await publisher.publish(topic, "1", { qos: 1, dup: true });
      await publisher.publish(topic, "2", { qos: 2, dup: true });
      const got = await stage.received(subscriber, publisher);
      same(got.map(({ dup }) => dup), [false, false], "DUP");
    },
  ),
  check(
    oasis,
    "QoS 3 ends the connection [MQTT-3.3.1-4] [MQTT311-3.3.1-4]",
    async (stage) => {
      const peer = await stage.connect("p");
      const none = stage.version === 5 ? [0] : [];
      const topic = string(stage.topic("a"));
      await peer.sendBytes(packet(0x36, topic, uint16(1), ...none));
      await stage.closed(peer, "QoS 3");
    },
  ),
  check(
    oasis,
    "packet identifier 0 ends the connection [MQTT-2.2.1-3] [MQTT311-2.3.1-1]",
    async (stage) => {
      const none = stage.version === 5 ? [0] : [];
      const topic = string(stage.topic("a"));
      const requests = {
        "PUBLISH": packet(0x32, topic, uint16(0), ...none),
        "SUBSCRIBE": packet(0x82, uint16(0), ...none, topic, 0),
        "UNSUBSCRIBE": packet(0xa2, uint16(0), ...none, topic),
      };
      for (const [type, bytes] of Object.entries(requests)) {
        const peer = await stage.connect("p");
        await peer.sendBytes(bytes);
        await stage.closed(peer, `${type} with identifier 0`);
      }
    },
  ),
  informative(
    oasis,
    "what QoS 0 with DUP 1 leads to",
    async (stage) => {
      const peer = await stage.connect("p");
      const none = stage.version === 5 ? [0] : [];
      await peer.sendBytes(packet(0x38, string(stage.topic("a")), ...none));
      await stage.closed(peer, "QoS 0 with DUP 1");
      stage.note("the end of the connection");
    },
  ),
  check(
    oasis,
    "messages of one publisher come in their order, and so do acknowledgements, at every QoS [MQTT-4.6.0-5] [MQTT-4.6.0-6] [MQTT311-4.6.0-2] [MQTT311-4.6.0-3] [MQTT311-4.6.0-5] [MQTT311-4.6.0-6]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      for (const qos of all) {
        const sent = Array.from({ length: 20 }, (_, at) => `${qos}/${at}`);
        const packets: Packet[] = sent.map((one) =>
          publisher.message(topic, one, { qos })
        );
        await publisher.send(...packets);
        const got: string[] = [];
        for (const one of packets) {
          if (one.type !== "publish" || qos === 0) continue;
          const type = qos === 1 ? "puback" : "pubrec";
          same((await publisher.next(type)).packetId, one.packetId, type);
        }
        if (qos === 2) {
          for (const one of packets) {
            const { packetId = 0 } = one as { packetId?: number };
            await publisher.send({ type: "pubrel", packetId, reasonCode: 0 });
            same((await publisher.next("pubcomp")).packetId, packetId, "id");
          }
        }
        got.push(...await stage.payloads(subscriber, publisher));
        same(got, sent, `payloads of QoS ${qos}`);
      }
    },
  ),
  check(
    every,
    "payloads of any bytes and of 100 kB come as they were sent [MQTT-4.5.0-1] [MQTT311-4.5.0-1]",
    async (stage) => {
      stage.needs("maximumPacketSize", 120_000);
      const { topic, subscriber, publisher } = await pair(stage);
      const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => at * 7);
      for (
        const payload of [bytes, bytes.subarray(0, 256), bytes.subarray(9, 9)]
      ) {
        await publisher.publish(topic, payload, { qos: 1 });
        const message = await subscriber.next("publish");
        same(message.payload.length, payload.length, "length");
        holds(
          message.payload.every((byte, at) => byte === payload[at]),
          "the same bytes",
          message.payload,
        );
        await subscriber.acknowledge(message);
      }
    },
  ),
  check(
    every,
    "clients of other versions get the same message [MQTT-4.5.0-1] [MQTT311-4.5.0-1]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      // A message of 5.0 has properties that others do not see.
      const properties = { contentType: "text/plain" };
      await publisher.publish(topic, "x", { qos: 1, properties });
      same(await stage.payloads(subscriber, publisher), ["x"], "payloads");
    },
  ),
  check(
    oasis,
    "a client that publishes after DISCONNECT is not heard [MQTT-3.14.4-1] [MQTT311-3.14.4-2]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      await publisher.sendBytes(
        encode({ type: "disconnect", reasonCode: 0 }, stage.version),
        encode(publisher.message(topic, "late"), stage.version),
      );
      const came = await publisher.ended("DISCONNECT");
      same(came.map(describe), [], "packets after DISCONNECT");
      const other = await stage.connect("o");
      same(await stage.payloads(subscriber, other), [], "payloads");
    },
  ),
);
