/** Topic aliases and flow control (5.0: sections 3.3.2.3.4 and 4.9). */

import { packet, string, textOf } from "./_bytes.ts";
import { chapter, type Check, check, v5 } from "./_check.ts";
import { holds, same, Skip } from "./_verdict.ts";
import type { PublishFields } from "./_peer.ts";

/** A PUBLISH with an alias. */
function alias(topicAlias: number): PublishFields {
  return { properties: { topicAlias } };
}

/** The checks. */
export const flowChecks: readonly Check[] = chapter(
  "Topic aliases and flow control",
  check(
    v5,
    "every alias up to the broker's maximum stands for its topic [MQTT-3.3.2-12]",
    async (stage) => {
      stage.needs("topicAliasMaximum", 1);
      const peer = await stage.connect("s");
      const { topicAliasMaximum: maximum } = stage.capabilities;
      const aliases = [...new Set([1, Math.ceil(maximum / 2), maximum])];
      const topics = aliases.map((one) => stage.topic(`${one}`));
      await peer.subscribe(...topics);
      for (const [at, one] of aliases.entries()) {
        await peer.publish(topics[at]!, "1", alias(one));
      }
      for (const one of aliases) await peer.publish("", "2", alias(one));
      const got = await stage.received(peer, peer);
      const seen = got.map((one) => `${one.topic} ${textOf(one.payload)}`);
      const expected = ["1", "2"].flatMap((end) =>
        topics.map((topic) => `${topic} ${end}`)
      );
      same(seen, expected, "topics and payloads");
      same(
        got.map(({ properties }) => properties?.topicAlias ?? 0),
        expected.map(() => 0),
        "aliases of deliveries",
      );
    },
  ),
  check(
    v5,
    "an alias may be given to another topic [MQTT-3.3.2-12]",
    async (stage) => {
      stage.needs("topicAliasMaximum", 1);
      const peer = await stage.connect("s");
      const [a, b] = [stage.topic("a"), stage.topic("b")];
      await peer.subscribe(a, b);
      await peer.publish(a, "1", alias(1));
      await peer.publish(b, "2", alias(1));
      await peer.publish("", "3", alias(1));
      const got = await stage.received(peer, peer);
      same(got.map(({ topic }) => topic), [a, b, b], "topics");
    },
  ),
  check(
    v5,
    "alias 0 ends the connection [MQTT-3.3.2-8]",
    async (stage) => {
      const peer = await stage.connect("s");
      await peer.sendBytes(
        packet(0x30, string(stage.topic("a")), 3, 0x23, 0, 0),
      );
      await stage.closed(peer, "alias 0", [0x94, 0x82]);
    },
  ),
  check(
    v5,
    "an alias above the broker's maximum ends the connection [MQTT-3.3.2-9]",
    async (stage) => {
      const { topicAliasMaximum: maximum } = stage.capabilities;
      if (maximum === 65_535) throw new Skip("there is none above 65,535");
      const peer = await stage.connect("s");
      await peer.send(
        peer.message(stage.topic("a"), "x", alias(maximum + 1)),
      );
      await stage.closed(peer, `alias ${maximum + 1}`, [0x94, 0x82]);
    },
  ),
  check(
    v5,
    "an alias that stands for nothing ends the connection [MQTT-4.13.1-1]",
    async (stage) => {
      stage.needs("topicAliasMaximum", 1);
      const peer = await stage.connect("s");
      await peer.send(peer.message("", "x", alias(1)));
      await stage.closed(peer, "an alias of nothing", [0x82, 0x94]);
    },
  ),
  check(
    v5,
    "aliases end with the connection [MQTT-3.3.2-7]",
    async (stage) => {
      stage.needs("topicAliasMaximum", 1);
      const first = await stage.connect("s", { session: true });
      await first.publish(stage.topic("a"), "x", alias(1));
      await first.disconnect();
      const again = await stage.connect("s", { session: true });
      await again.send(again.message("", "x", alias(1)));
      await stage.closed(again, "an alias of before", [0x82, 0x94]);
    },
  ),
  check(
    v5,
    "a client that takes no aliases gets none [MQTT-3.1.2-27]",
    async (stage) => {
      const topic = stage.topic("a");
      const peer = await stage.connect("s");
      await peer.subscribe(topic);
      for (let i = 0; i < 5; i++) await peer.publish(topic, "x");
      for (const { properties } of await stage.received(peer, peer)) {
        same(properties?.topicAlias ?? null, null, "alias");
      }
    },
  ),
  check(
    v5,
    "a client gets no aliases above its maximum, and each stands for its topic [MQTT-3.1.2-26] [MQTT-3.3.2-11]",
    async (stage) => {
      const topics = [1, 2, 3, 4].map((one) => stage.topic(`${one}`));
      const peer = await stage.connect("s", {
        properties: { topicAliasMaximum: 2 },
      });
      await peer.subscribe(...topics);
      const sent = [...topics, ...topics, ...topics.toReversed()];
      for (const topic of sent) await peer.publish(topic, topic);
      const known = new Map<number, string>();
      const got: string[] = [];
      let count = 0;
      while (got.length < sent.length) {
        const { topic, properties, payload } = await peer.next("publish");
        const one = properties?.topicAlias;
        if (one !== undefined) {
          count++;
          holds(one > 0 && one <= 2, "alias 1 or 2", one);
          if (topic !== "") known.set(one, topic);
        }
        const meant = topic || known.get(one ?? 0);
        same(meant, textOf(payload), "topic");
        got.push(meant!);
      }
      same(got, sent, "topics");
      stage.note(count > 0 ? "aliases are used" : "aliases are not used");
    },
  ),
  check(
    v5,
    "not more than Receive Maximum messages are unacknowledged, and QoS 0 does not wait [MQTT-3.3.4-9] [MQTT-3.3.4-10] [MQTT-4.9.0-1] [MQTT-4.9.0-2]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await stage.connect("s", {
        properties: { receiveMaximum: 2 },
      });
      await client.subscribe(topic, stage.topic("b"));
      const publisher = await stage.connect("p");
      for (let i = 0; i < 5; i++) {
        await publisher.publish(topic, `${i}`, { qos: i % 2 ? 2 : 1 });
      }
      const first = await client.next("publish");
      const second = await client.next("publish");
      await client.quiet("two messages are unacknowledged");
      await publisher.publish(stage.topic("b"), "QoS 0");
      same((await client.next("publish")).qos, 0, "QoS");
      await client.acknowledge(first);
      const third = await client.next("publish");
      await client.quiet("two messages are unacknowledged again");
      // QoS 2 counts until PUBCOMP.
      const [later, now] = first.qos === 1 ? [third, second] : [second, third];
      await client.acknowledge(now);
      const { packetId } = await client.next("pubrel");
      await client.quiet("PUBCOMP has not been sent");
      await client.send({ type: "pubcomp", packetId, reasonCode: 0 });
      await client.next("publish");
      await client.quiet("two messages are unacknowledged once more");
      await client.acknowledge(later);
    },
  ),
  check(
    v5,
    "requests are answered while Receive Maximum holds messages back [MQTT-4.9.0-3] [MQTT-3.3.4-10]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await stage.connect("s", {
        properties: { receiveMaximum: 1 },
      });
      await client.subscribe(topic);
      const publisher = await stage.connect("p");
      for (let i = 0; i < 3; i++) {
        await publisher.publish(topic, "", { qos: 1 });
      }
      await client.next("publish");
      await client.subscribe(stage.topic("b"));
      await client.unsubscribe(stage.topic("b"));
      await client.publish(stage.topic("c"), "", { qos: 2 });
      await client.quiet("one message is unacknowledged");
    },
  ),
  check(
    v5,
    "a PUBREC of failure makes room for the next message [MQTT-4.9.0-1] [MQTT-4.4.0-2]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await stage.connect("s", {
        properties: { receiveMaximum: 1 },
      });
      await client.subscribe(topic);
      const publisher = await stage.connect("p");
      for (const one of ["1", "2"]) {
        await publisher.publish(topic, one, { qos: 2 });
      }
      const { packetId = 0 } = await client.next("publish");
      await client.send({ type: "pubrec", packetId, reasonCode: 0x97 });
      same(textOf((await client.next("publish")).payload), "2", "payload");
    },
  ),
  check(
    v5,
    "more messages than the broker's Receive Maximum end the connection [MQTT-3.3.4-7]",
    async (stage) => {
      const { receiveMaximum } = stage.capabilities;
      if (receiveMaximum > 5000) {
        throw new Skip(`it is ${receiveMaximum}`);
      }
      const peer = await stage.connect("s");
      const topic = stage.topic("a");
      const packets = Array.from(
        { length: receiveMaximum + 1 },
        () => peer.message(topic, "", { qos: 2 }),
      );
      await peer.send(...packets);
      const came = await peer.ended("Receive Maximum exceeded");
      const others = came.filter(({ type }) => type !== "pubrec");
      const [last] = others;
      if (last === undefined) return stage.note("closed without DISCONNECT");
      same(others.map(({ type }) => type), ["disconnect"], "after PUBREC");
      if (last.type === "disconnect" && last.reasonCode !== 0x93) {
        stage.note(`DISCONNECT 0x${last.reasonCode.toString(16)}, not 0x93`);
      }
    },
  ),
);
