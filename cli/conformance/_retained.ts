/** Retained messages (sections 3.3.1.3 and 3.8.3.1). */

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
import { same } from "./_verdict.ts";
import type { Subscription } from "./_peer.ts";
import type { Stage } from "./_stage.ts";

/** Payload, RETAIN and QoS of what a new subscription gets. */
async function found(
  stage: Stage,
  subscription: Subscription | string,
): Promise<unknown[]> {
  const peer = await stage.connect("f");
  await peer.subscribe(subscription);
  const messages = await stage.received(peer, peer);
  await peer.disconnect();
  return messages.map((one) => [textOf(one.payload), one.retain, one.qos]);
}

/** A publisher, where messages are retained at all. */
async function publisher(stage: Stage) {
  stage.needs("retainAvailable");
  return { topic: stage.topic("a"), peer: await stage.connect("p") };
}

/** The checks. */
export const retainedChecks: readonly Check[] = chapter(
  "Retained messages",
  check(
    every,
    "a new subscription gets the last retained message, with RETAIN 1 [MQTT-3.3.1-5] [MQTT-3.3.1-9] [MQTT311-3.3.1-5] [MQTT311-3.3.1-6] [MQTT311-3.3.1-8]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      await stage.retain(peer, topic, "1");
      await stage.retain(peer, topic, "2", { qos: 1 });
      same(await found(stage, topic), [["2", true, 1]], "retained");
    },
  ),
  check(
    oasis,
    "a retained message keeps its QoS [MQTT-3.3.1-5] [MQTT311-3.3.1-5]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      for (const qos of [1, 2] as const) {
        await stage.retain(peer, topic, "x", { qos });
        same(await found(stage, topic), [["x", true, qos]], "retained");
        const low = { filter: topic, qos: 0 } as const;
        same(await found(stage, low), [["x", true, 0]], "retained for QoS 0");
      }
    },
  ),
  check(
    every,
    "a subscription that was there gets it with RETAIN 0 [MQTT-3.3.1-12] [MQTT311-3.3.1-9]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      const looking = await stage.connect("w");
      await looking.subscribe(topic);
      await stage.retain(peer, topic, "x");
      same((await looking.next("publish")).retain, false, "RETAIN");
    },
  ),
  check(
    v5,
    "with Retain As Published RETAIN is as it was published [MQTT-3.3.1-13]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      const looking = await stage.connect("w");
      await looking.subscribe({ filter: topic, retainAsPublished: true });
      await stage.retain(peer, topic, "x");
      await peer.publish(topic, "y");
      const messages = await stage.received(looking, peer);
      same(messages.map(({ retain }) => retain), [true, false], "RETAIN");
    },
  ),
  check(
    every,
    "an empty payload is delivered and removes the retained message [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT311-3.3.1-10] [MQTT311-3.3.1-11]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      await stage.retain(peer, topic, "x");
      const looking = await stage.connect("w");
      await looking.subscribe(topic);
      await looking.next("publish");
      await stage.retain(peer, topic, "");
      same((await looking.next("publish")).payload.length, 0, "length");
      same(await found(stage, topic), [], "retained");
    },
  ),
  check(
    every,
    "a message without RETAIN leaves the retained one alone [MQTT-3.3.1-8] [MQTT311-3.3.1-12]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      await stage.retain(peer, topic, "kept");
      await peer.publish(topic, "not kept");
      await peer.publish(topic, "");
      same(await found(stage, topic), [["kept", true, 0]], "retained");
    },
  ),
  check(
    oasis,
    "a retained message of QoS 0 replaces the one before [MQTT-3.3.1-5] [MQTT311-3.3.1-7]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      await stage.retain(peer, topic, "1", { qos: 1 });
      await stage.retain(peer, topic, "0");
      const got = await found(stage, topic);
      if (got.length === 0) stage.note("it is not stored itself");
      else same(got, [["0", true, 0]], "retained");
    },
  ),
  check(
    oasis,
    "a subscription with wildcards gets the last of each topic that matches [MQTT-3.3.1-9] [MQTT311-3.3.1-6]",
    async (stage) => {
      stage.needs("wildcardSubscriptionAvailable");
      const { topic, peer } = await publisher(stage);
      for (const end of ["", "/b", "/c", "/c/d", "x"]) {
        await stage.retain(peer, `${topic}${end}`, `of a${end}`);
      }
      const all = (await found(stage, `${topic}/#`)).toSorted();
      const one = (await found(stage, `${topic}/+`)).toSorted();
      same(
        all,
        ["", "/b", "/c", "/c/d"].map((end) => [`of a${end}`, true, 0]),
        "of #",
      );
      same(one, ["/b", "/c"].map((end) => [`of a${end}`, true, 0]), "of +");
    },
  ),
  check(
    oasis,
    "subscribing again sends retained messages again [MQTT-3.8.4-4] [MQTT-3.3.1-9] [MQTT311-3.8.4-3]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      await stage.retain(peer, topic, "x");
      const looking = await stage.connect("w");
      for (let i = 0; i < 3; i++) {
        await looking.subscribe(topic);
        same(await stage.payloads(looking, peer), ["x"], "payloads");
      }
    },
  ),
  check(
    v5,
    "Retain Handling 1 sends them for a new subscription only [MQTT-3.3.1-10]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      await stage.retain(peer, topic, "x");
      const looking = await stage.connect("w");
      const subscription = { filter: topic, retainHandling: 1 } as const;
      await looking.subscribe(subscription);
      same(await stage.payloads(looking, peer), ["x"], "at first");
      await looking.subscribe(subscription);
      same(await stage.payloads(looking, peer), [], "again");
      await looking.unsubscribe(topic);
      await looking.subscribe(subscription);
      same(await stage.payloads(looking, peer), ["x"], "after UNSUBSCRIBE");
    },
  ),
  check(
    v5,
    "Retain Handling 2 does not send them [MQTT-3.3.1-11]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      await stage.retain(peer, topic, "x");
      const subscription = { filter: topic, retainHandling: 2 } as const;
      same(await found(stage, subscription), [], "retained");
    },
  ),
  check(
    v5,
    "properties are retained too [MQTT-3.3.1-5] [MQTT-3.3.2-17] [MQTT-3.3.2-20]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      const properties = {
        contentType: "text/plain",
        userProperties: [["b", "1"], ["a", "2"]] as [string, string][],
      };
      await stage.retain(peer, topic, "x", { properties });
      const looking = await stage.connect("w");
      await looking.subscribe(topic);
      const got = (await looking.next("publish")).properties;
      same(got?.contentType, properties.contentType, "content type");
      same(got?.userProperties, properties.userProperties, "user properties");
    },
  ),
  slow(
    v5,
    "a retained message says how much of its lifetime is left, and is gone when nothing is [MQTT-3.3.2-5] [MQTT-3.3.2-6]",
    async (stage) => {
      const { topic, peer } = await publisher(stage);
      const properties = { messageExpiryInterval: 4 };
      await stage.retain(peer, topic, "x", { properties });
      await stage.wait(2);
      const looking = await stage.connect("w");
      await looking.subscribe(topic);
      const left = (await looking.next("publish")).properties
        ?.messageExpiryInterval;
      same(
        left !== undefined && left >= 1 && left <= 3,
        true,
        `of 4 s, ${left}`,
      );
      await stage.wait(4);
      same(await found(stage, topic), [], "retained");
    },
  ),
);
