/** Topic names and filters (section 4.7). */

import { packet, string, uint16 } from "./_bytes.ts";
import { chapter, type Check, check, every, oasis } from "./_check.ts";
import { Failure, same } from "./_verdict.ts";

/** Filters and topics below a topic of our own, and whether they match. */
const pairs: readonly [filter: string, topic: string, matches: boolean][] = [
  ["a", "a", true],
  ["a", "A", false],
  ["a", "a/", false],
  ["a/", "a", false],
  ["a/b", "a/b", true],
  ["a/b", "a/b/c", false],
  ["a/+", "a/b", true],
  ["a/+", "a/", true],
  ["a/+", "a", false],
  ["a/+", "a/b/c", false],
  ["+", "a", true],
  ["+/+", "/a", true],
  ["+/+", "a/b", true],
  ["/+", "/a", true],
  ["/+", "a", false],
  ["+/b/+", "a/b/c", true],
  ["+/b/+", "a/c/c", false],
  ["#", "a", true],
  ["#", "a/b/c", true],
  ["#", "/", true],
  ["a/#", "a", true],
  ["a/#", "a/b", true],
  ["a/#", "a/b/c", true],
  ["a/#", "ab", false],
  ["a/+/#", "a/b", true],
  ["a/+/#", "a", false],
  ["a b", "a b", true],
  ["a b", "a  b", false],
  ["é", "é", true],
  ["é", "e\u0301", false],
  ["$a", "$a", true],
];

/** Filters that are none. */
const invalid: readonly [string, string][] = [
  ["a#", "[MQTT-4.7.1-1] [MQTT311-4.7.1-2]"],
  ["a/#/b", "[MQTT-4.7.1-1] [MQTT311-4.7.1-2]"],
  ["#/a", "[MQTT-4.7.1-1] [MQTT311-4.7.1-2]"],
  ["##", "[MQTT-4.7.1-1] [MQTT311-4.7.1-2]"],
  ["a+", "[MQTT-4.7.1-2] [MQTT311-4.7.1-3]"],
  ["+a/b", "[MQTT-4.7.1-2] [MQTT311-4.7.1-3]"],
  ["a/b+/c", "[MQTT-4.7.1-2] [MQTT311-4.7.1-3]"],
  ["", "[MQTT-4.7.3-1] [MQTT311-4.7.3-1]"],
  ["a\0b", "[MQTT-4.7.3-2] [MQTT311-4.7.3-2]"],
];

/** The checks. */
export const topicChecks: readonly Check[] = chapter(
  "Topic names and filters",
  check(
    every,
    "filters match those topics that they should [MQTT-3.3.2-3] [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-4] [MQTT311-3.3.2-3] [MQTT311-4.7.1-2] [MQTT311-4.7.1-3] [MQTT311-4.7.3-4]",
    async (stage) => {
      stage.needs("wildcardSubscriptionAvailable");
      const subscriber = await stage.connect("s");
      const publisher = await stage.connect("p");
      for (const [filter, topic, matches] of pairs) {
        await subscriber.subscribe(stage.topic(filter));
        await publisher.publish(stage.topic(topic), topic);
        const got = await stage.payloads(subscriber, publisher);
        // The last message of the publisher is below `#` too, and not counted.
        const expected = matches ? [topic] : [];
        same(got, expected, `${filter} and ${topic}`);
        await subscriber.unsubscribe(stage.topic(filter));
      }
    },
  ),
  check(
    every,
    "filters that begin with a wildcard do not match topics that begin with $ [MQTT-4.7.2-1] [MQTT311-4.7.2-1]",
    async (stage) => {
      stage.needs("wildcardSubscriptionAvailable");
      const name = stage.clientId("t");
      const subscriber = await stage.connect("s");
      await subscriber.subscribe(`+/${name}/#`);
      const publisher = await stage.connect("p");
      await publisher.publish(`$ambermq/${name}/a`, "not for wildcards");
      await publisher.publish(`ambermq/${name}/a`, "for wildcards");
      const got = await stage.payloads(subscriber, publisher);
      same(got, ["for wildcards"], "payloads");
    },
  ),
  ...invalid.map(([filter, ids]) =>
    check(
      oasis,
      `the filter ${JSON.stringify(filter)} is not subscribed to ${ids}`,
      async (stage) => {
        const peer = await stage.connect("s");
        const none = stage.version === 5 ? [0] : [];
        await peer.sendBytes(
          packet(0x82, uint16(1), ...none, string(filter), 0),
        );
        const answer = await peer.nextOrEnd("SUBACK or the end");
        if (answer?.type === "suback") {
          const [code = 0] = answer.reasonCodes;
          if (code < 0x80) {
            throw new Failure("a failure", `QoS ${code} granted`);
          }
          return stage.note("answered with SUBACK");
        }
        if (answer?.type === "disconnect") peer.hold([answer]);
        await stage.closed(peer, `filter ${filter}`, [0x8f, 0x81, 0x82]);
      },
    )
  ),
  ...["a/#", "+", "a/+/b", "#"].map((topic) =>
    check(
      oasis,
      `a PUBLISH to ${topic} ends the connection [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT311-3.3.2-2] [MQTT311-4.7.1-1]`,
      async (stage) => {
        const peer = await stage.connect("p");
        const none = stage.version === 5 ? [0] : [];
        await peer.sendBytes(packet(0x30, string(topic), ...none));
        await stage.closed(peer, `topic ${topic}`, [0x90, 0x81, 0x82]);
      },
    )
  ),
  check(
    oasis,
    "a PUBLISH without a topic ends the connection [MQTT-4.7.3-1] [MQTT311-4.7.3-1]",
    async (stage) => {
      const peer = await stage.connect("p");
      const none = stage.version === 5 ? [0] : [];
      await peer.sendBytes(packet(0x30, string(""), ...none));
      await stage.closed(peer, "no topic", [0x82, 0x81, 0x90]);
    },
  ),
  check(
    oasis,
    "a topic of 65,535 bytes is read, and does no harm [MQTT-4.7.3-3] [MQTT311-4.7.3-3]",
    async (stage) => {
      stage.needs("maximumPacketSize", 70_000);
      const peer = await stage.connect("p");
      const topic = stage.topic("").padEnd(65_535, "x");
      await peer.send(peer.message(topic, "x", { qos: 1 }));
      const answer = await peer.nextOrEnd("PUBACK or the end");
      if (answer?.type !== "puback") stage.note("the connection is ended");
      const other = await stage.connect("o");
      await other.quiet("nothing was asked for");
    },
  ),
  check(
    oasis,
    "topics that differ in a letter's case or a slash differ [MQTT-4.7.3-4] [MQTT311-4.7.3-4]",
    async (stage) => {
      const subscriber = await stage.connect("s");
      const topics = ["a", "A", "/a", "a/", "a//"].map((one) =>
        stage.topic(one)
      );
      const publisher = await stage.connect("p");
      for (const topic of topics) {
        await subscriber.subscribe(topic);
        for (const one of topics) await publisher.publish(one, one);
        const got = await stage.payloads(subscriber, publisher);
        same(got, [topic], `of the filter ${topic}`);
        await subscriber.unsubscribe(topic);
      }
    },
  ),
);
