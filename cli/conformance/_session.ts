/** Session state (sections 3.1.2.4, 3.1.2.11.2, 4.1 and 4.4). */

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
