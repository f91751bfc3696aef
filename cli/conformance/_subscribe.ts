/** SUBSCRIBE, UNSUBSCRIBE and their answers (sections 3.8 to 3.11). */

import { packet, string, textOf, uint16 } from "./_bytes.ts";
import {
  chapter,
  type Check,
  check,
  every,
  informative,
  oasis,
  v311,
  v5,
} from "./_check.ts";
import { holds, same } from "./_verdict.ts";

/** The checks. */
export const subscribeChecks: readonly Check[] = chapter(
  "SUBSCRIBE and UNSUBSCRIBE",
  check(
    every,
    "SUBSCRIBE is answered with SUBACK of its identifier, a code for each filter in their order [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT-2.2.1-6] [MQTT311-3.8.4-1] [MQTT311-3.8.4-2] [MQTT311-3.8.4-4] [MQTT311-3.8.4-5] [MQTT311-3.9.3-1] [MQTT311-3.9.3-2] [MQTT311-2.3.1-7]",
    async (stage) => {
      stage.needs("maximumQos", 2);
      const peer = await stage.connect("s");
      const qos = [2, 0, 1, 1, 2, 0] as const;
      const asked = qos.map((one, at) => ({
        filter: stage.topic(`${at}`),
        qos: one,
      }));
      same((await peer.request(asked)).reasonCodes, qos, "codes");
      for (const [at] of qos.entries()) {
        await peer.publish(stage.topic(`${at}`), `${at}`, { qos: 2 });
      }
      const got = await stage.received(peer, peer);
      const seen = got.map((one) => [textOf(one.payload), one.qos]);
      same(
        seen.toSorted(),
        qos.map((one, at) => [`${at}`, one]).toSorted(),
        "payload and QoS",
      );
    },
  ),
  check(
    oasis,
    "SUBSCRIBE without a filter ends the connection [MQTT-3.8.3-2] [MQTT311-3.8.3-3]",
    async (stage) => {
      const peer = await stage.connect("s");
      const none = stage.version === 5 ? [0] : [];
      await peer.sendBytes(packet(0x82, uint16(1), ...none));
      await stage.closed(peer, "no filter");
    },
  ),
  check(
    oasis,
    "reserved bits and QoS 3 in a SUBSCRIBE end the connection [MQTT-3.8.3-5] [MQTT311-3.8.3-4]",
    async (stage) => {
      const none = stage.version === 5 ? [0] : [];
      const wrong = stage.version === 5
        ? [0x03, 0x40, 0x80, 0x30]
        : [0x03, 0x04, 0x10, 0x80];
      for (const options of wrong) {
        const peer = await stage.connect("s");
        const filter = string(stage.topic("a"));
        await peer.sendBytes(packet(0x82, uint16(1), ...none, filter, options));
        await stage.closed(peer, `options ${options.toString(16)}`);
      }
    },
  ),
  check(
    every,
    "the same filter again replaces the subscription [MQTT-3.8.4-3] [MQTT311-3.8.4-3]",
    async (stage) => {
      const peer = await stage.connect("s");
      const filter = stage.topic("a");
      for (const qos of [2, 0, 1] as const) {
        await peer.subscribe({ filter, qos });
        await peer.publish(filter, "x", { qos: 2 });
        const got = await stage.received(peer, peer);
        same(got.map((one) => one.qos), [qos], "QoS of what came");
      }
    },
  ),
  check(
    every,
    "overlapping subscriptions get a message with the highest of their QoS [MQTT-3.3.4-2] [MQTT311-3.3.5-1]",
    async (stage) => {
      stage.needs("wildcardSubscriptionAvailable");
      stage.needs("maximumQos", 2);
      const peer = await stage.connect("s");
      const topic = stage.topic("a/b");
      await peer.subscribe(
        { filter: stage.topic("a/+"), qos: 0 },
        { filter: stage.topic("a/#"), qos: 2 },
        { filter: topic, qos: 1 },
      );
      await peer.publish(topic, "x", { qos: 2 });
      const got = (await stage.received(peer, peer)).map((one) => one.qos);
      holds(got.length === 1 || got.length === 3, "one copy or three", got);
      same(Math.max(...got), 2, "highest QoS");
      stage.note(got.length === 1 ? "one copy for all" : "a copy for each");
    },
  ),
  check(
    every,
    "UNSUBSCRIBE is answered with UNSUBACK of its identifier, and ends the subscription [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-4] [MQTT-2.2.1-6] [MQTT311-3.10.4-1] [MQTT311-3.10.4-2] [MQTT311-3.10.4-4] [MQTT311-2.3.1-7]",
    async (stage) => {
      const peer = await stage.connect("s");
      const [a, b] = [stage.topic("a"), stage.topic("b")];
      await peer.subscribe(a, b);
      const { reasonCodes } = await peer.unsubscribe(a);
      same(reasonCodes, stage.version === 5 ? [0] : [], "codes");
      await peer.publish(a, "a");
      await peer.publish(b, "b");
      same(await stage.payloads(peer, peer), ["b"], "payloads");
    },
  ),
  check(
    oasis,
    "UNSUBSCRIBE is answered also when there was no such subscription [MQTT-3.10.4-5] [MQTT-3.11.3-2] [MQTT311-3.10.4-5]",
    async (stage) => {
      const peer = await stage.connect("s");
      const { reasonCodes } = await peer.unsubscribe(stage.topic("a"));
      same(reasonCodes.length, stage.version === 5 ? 1 : 0, "number of codes");
      if (stage.version === 5 && reasonCodes[0] !== 0x11) {
        stage.note("the code is not 0x11 (no subscription existed)");
      }
    },
  ),
  check(
    oasis,
    "several filters in one UNSUBSCRIBE are as several UNSUBSCRIBEs [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT311-3.10.4-6]",
    async (stage) => {
      const peer = await stage.connect("s");
      const [a, b, c] = ["a", "b", "c"].map((one) => stage.topic(one));
      await peer.subscribe(a!, b!, c!);
      const { reasonCodes } = await peer.unsubscribe(stage.topic("x"), a!, c!);
      if (stage.version === 5) {
        same(reasonCodes.length, 3, "number of codes");
        same(reasonCodes.slice(1), [0, 0], "codes of what there was");
      }
      for (const one of [a!, b!, c!]) await peer.publish(one, one);
      same(await stage.payloads(peer, peer), [b], "payloads");
    },
  ),
  check(
    oasis,
    "UNSUBSCRIBE compares filters by their characters [MQTT-3.10.4-1] [MQTT311-3.10.4-1]",
    async (stage) => {
      stage.needs("wildcardSubscriptionAvailable");
      const peer = await stage.connect("s");
      const topic = stage.topic("a/b");
      await peer.subscribe(topic);
      for (const filter of ["a/+", "a/#", "#", "A/b", "a/b/"]) {
        await peer.unsubscribe(stage.topic(filter));
      }
      await peer.publish(topic, "x");
      same(await stage.payloads(peer, peer), ["x"], "payloads");
    },
  ),
  check(
    oasis,
    "UNSUBSCRIBE without a filter ends the connection [MQTT-3.10.3-2] [MQTT311-3.10.3-2]",
    async (stage) => {
      const peer = await stage.connect("s");
      const none = stage.version === 5 ? [0] : [];
      await peer.sendBytes(packet(0xa2, uint16(1), ...none));
      await stage.closed(peer, "no filter");
    },
  ),
  check(
    oasis,
    "UNSUBSCRIBE lets deliveries that have begun come to their end [MQTT-3.10.4-3] [MQTT311-3.10.4-3]",
    async (stage) => {
      const peer = await stage.connect("s");
      const topic = stage.topic("a");
      await peer.subscribe(topic);
      await peer.publish(topic, "x", { qos: 2 });
      const message = await peer.next("publish");
      await peer.unsubscribe(topic);
      await peer.acknowledge(message);
      const { packetId } = await peer.next("pubrel");
      same(packetId, message.packetId, "identifier");
      await peer.send({ type: "pubcomp", packetId, reasonCode: 0 });
      await peer.quiet("the exchange is over");
    },
  ),
  check(
    v5,
    "No Local keeps messages from the client that published them [MQTT-3.8.3-3]",
    async (stage) => {
      const topic = stage.topic("a");
      const [a, b] = [await stage.connect("a"), await stage.connect("b")];
      for (const peer of [a, b]) {
        await peer.subscribe({ filter: topic, noLocal: true });
      }
      await a.publish(topic, "of a");
      await b.publish(topic, "of b");
      same(await stage.payloads(a, b), ["of b"], "payloads of a");
      same(await stage.payloads(b, a), ["of a"], "payloads of b");
    },
  ),
  check(
    v5,
    "subscription identifiers come with the messages [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5]",
    async (stage) => {
      stage.needs("subscriptionIdentifiersAvailable");
      stage.needs("wildcardSubscriptionAvailable");
      const peer = await stage.connect("s");
      const ids = { "a/b": 1, "a/+": 268_435_455, "b": 3 };
      for (const [filter, id] of Object.entries(ids)) {
        const properties = { subscriptionIdentifiers: [id] };
        await peer.request([stage.topic(filter)], properties);
      }
      await peer.subscribe(stage.topic("a/#"));
      await peer.publish(stage.topic("a/b"), "x", { qos: 1 });
      const got = (await stage.received(peer, peer)).flatMap(
        ({ properties }) => properties?.subscriptionIdentifiers ?? [],
      );
      same(got.toSorted((a, b) => a - b), [1, 268_435_455], "identifiers");
    },
  ),
  check(
    v5,
    "subscribing again changes the subscription identifier [MQTT-3.8.4-3] [MQTT-3.3.4-3]",
    async (stage) => {
      stage.needs("subscriptionIdentifiersAvailable");
      const peer = await stage.connect("s");
      const topic = stage.topic("a");
      for (const id of [7, 8, undefined]) {
        const properties = { subscriptionIdentifiers: [id!] };
        await peer.request([topic], id === undefined ? undefined : properties);
        await peer.publish(topic, "x");
        const [message] = await stage.received(peer, peer);
        const got = message?.properties?.subscriptionIdentifiers;
        same(got ?? [], id === undefined ? [] : [id], "identifiers");
      }
    },
  ),
  check(
    v5,
    "subscription identifier 0, and two in one SUBSCRIBE, end the connection [MQTT-4.13.1-1]",
    async (stage) => {
      for (const bytes of [[0x0b, 0], [0x0b, 1, 0x0b, 2]]) {
        const peer = await stage.connect("s");
        const filter = string(stage.topic("a"));
        const body = [uint16(1), bytes.length, ...bytes, filter, 0];
        await peer.sendBytes(packet(0x82, ...body));
        await stage.closed(peer, "wrong subscription identifiers");
      }
    },
  ),
  check(
    v5,
    "a subscription identifier in a client's PUBLISH ends the connection [MQTT-3.3.4-6]",
    async (stage) => {
      const peer = await stage.connect("s");
      await peer.sendBytes(
        packet(0x30, string(stage.topic("a")), 2, 0x0b, 1),
      );
      await stage.closed(peer, "subscription identifier in PUBLISH");
    },
  ),
  informative(
    v311,
    "whether $share/ is that of a shared subscription before 5.0",
    async (stage) => {
      const peer = await stage.connect("s");
      const { reasonCodes } = await peer.request([
        `$share/g/${stage.topic("a")}`,
      ]);
      await peer.publish(stage.topic("a"), "x");
      const got = await stage.payloads(peer, peer);
      stage.note(
        got.length > 0 ? "yes" : `no (code ${reasonCodes[0]})`,
      );
    },
  ),
);
