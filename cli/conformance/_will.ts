/** The will (sections 3.1.2.5, 3.1.3.2 to 3.1.3.4). */

import type { WillProperties } from "../../mod.ts";
import { bytesOf, code, packet, string, uint16 } from "./_bytes.ts";
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
import type { Peer } from "./_peer.ts";
import type { Stage } from "./_stage.ts";

/** A client that looks at the topic of a will. */
async function watcher(stage: Stage, topic: string): Promise<Peer> {
  const peer = await stage.connect("w");
  await peer.subscribe({ filter: topic, retainAsPublished: true });
  return peer;
}

/** The checks. */
export const willChecks: readonly Check[] = chapter(
  "Will",
  check(
    every,
    "a connection that is lost has its will published [MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT311-3.1.2-8] [MQTT311-3.1.2-9]",
    async (stage) => {
      for (const qos of [0, 1, 2] as const) {
        const topic = stage.topic(`will/${qos}`);
        const looking = await watcher(stage, topic);
        const client = await stage.connect("a", { will: { topic, qos } });
        await client.drop();
        const message = await looking.next("publish");
        same(
          [message.topic, message.qos, message.retain, message.payload],
          [topic, qos, false, bytesOf("will")],
          "will",
        );
      }
    },
  ),
  check(
    every,
    "DISCONNECT discards the will [MQTT-3.14.4-3] [MQTT-3.1.2-10] [MQTT311-3.14.4-3] [MQTT311-3.1.2-10]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      const client = await stage.connect("a", { will: { topic } });
      await client.disconnect();
      const other = await stage.connect("b");
      same(await stage.payloads(looking, other), [], "wills");
    },
  ),
  ...[0x04, 0x80, 0x81, 0x83, 0x97].map((reasonCode) =>
    check(
      v5,
      `DISCONNECT ${code(reasonCode)} has the will published [MQTT-3.1.2-8]`,
      async (stage) => {
        const topic = stage.topic("will");
        const looking = await watcher(stage, topic);
        const client = await stage.connect("a", { will: { topic } });
        await client.disconnect(reasonCode);
        await looking.next("publish");
      },
    )
  ),
  check(
    oasis,
    "a violation has the will published [MQTT-3.1.2-8] [MQTT311-3.1.2-8]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      const client = await stage.connect("a", { will: { topic } });
      await client.sendBytes(new Uint8Array([0, 0]));
      await looking.next("publish");
    },
  ),
  check(
    oasis,
    "a client whose identifier is used again has its will published [MQTT-3.1.2-8] [MQTT311-3.1.2-8]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      await stage.connect("a", { will: { topic } });
      await stage.connect("a");
      await looking.next("publish");
    },
  ),
  check(
    oasis,
    "without Will Retain the will is not retained [MQTT-3.1.2-14] [MQTT311-3.1.2-16]",
    async (stage) => {
      stage.needs("retainAvailable");
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      await (await stage.connect("a", { will: { topic } })).drop();
      await looking.next("publish");
      const later = await stage.connect("b");
      await later.subscribe(topic);
      same(await stage.payloads(later, looking), [], "retained");
    },
  ),
  check(
    oasis,
    "with Will Retain the will is retained [MQTT-3.1.2-15] [MQTT311-3.1.2-17]",
    async (stage) => {
      stage.needs("retainAvailable");
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      const will = { topic, retain: true, qos: 1 as const };
      await (await stage.connect("a", { will })).drop();
      await looking.next("publish");
      const later = await stage.connect("b");
      await later.subscribe(topic);
      const [message] = await stage.received(later, looking);
      same([message?.retain, message?.qos], [true, 1], "retain and QoS");
    },
  ),
  check(
    oasis,
    "a client without a will has none published [MQTT-3.1.2-8] [MQTT311-3.1.2-12]",
    async (stage) => {
      const looking = await watcher(stage, stage.topic("#"));
      const client = await stage.connect("a");
      await client.drop();
      const other = await stage.connect("a");
      same(await stage.payloads(looking, other), [], "wills");
    },
  ),
  check(
    oasis,
    "a will is published once [MQTT-3.1.2-10] [MQTT311-3.1.2-10]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      const session = true;
      const first = await stage.connect("a", { session, will: { topic } });
      await first.drop();
      await looking.next("publish");
      const second = await stage.connect("a", { session });
      await second.drop();
      const third = await stage.connect("a", { session, clean: true });
      await third.disconnect();
      const other = await stage.connect("b");
      same(await stage.payloads(looking, other), [], "wills");
    },
  ),
  check(
    oasis,
    "a will with an empty payload is published too [MQTT-3.1.2-8] [MQTT311-3.1.2-8]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      const will = { topic, payload: new Uint8Array(0) };
      await (await stage.connect("a", { will })).drop();
      same((await looking.next("publish")).payload.length, 0, "length");
    },
  ),
  check(
    oasis,
    "a will topic that is not UTF-8 is refused [MQTT-3.1.3-11] [MQTT311-3.1.3-10]",
    async (stage) => {
      const peer = await stage.open();
      const none = stage.version === 5 ? [0] : [];
      await peer.sendBytes(packet(
        0x10,
        ...[string("MQTT"), stage.version, 6, uint16(60), ...none],
        ...[string(stage.clientId("a")), ...none],
        ...[string(new Uint8Array([0x61, 0xed, 0xa0, 0x80])), string("x")],
      ));
      await stage.refused(peer, "a surrogate in the will topic", [0x81, 0x90]);
    },
  ),
  check(
    oasis,
    "a will topic with wildcards is refused [MQTT-4.7.0-1] [MQTT311-4.7.1-1]",
    async (stage) => {
      for (const topic of ["a/#", "+/a"]) {
        const peer = await stage.open();
        const none = stage.version === 5 ? [0] : [];
        await peer.sendBytes(packet(
          0x10,
          ...[string("MQTT"), stage.version, 6, uint16(60), ...none],
          ...[string(stage.clientId("a")), ...none, string(topic), string("x")],
        ));
        await stage.refused(peer, `will topic ${topic}`, [0x81, 0x82, 0x90]);
      }
    },
  ),
  check(
    v5,
    "properties of the will are those of its PUBLISH, user properties in their order [MQTT-3.1.3-10]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      const properties: WillProperties = {
        payloadFormatIndicator: true,
        contentType: "text/plain",
        responseTopic: "answer",
        correlationData: bytesOf("4711"),
        userProperties: [["b", "1"], ["a", "2"], ["b", "1"]],
      };
      await (await stage.connect("a", { will: { topic, properties } })).drop();
      const came = (await looking.next("publish")).properties ?? {};
      const names = Object.keys(properties) as (keyof WillProperties)[];
      for (const name of names) {
        same((came as WillProperties)[name], properties[name], name);
      }
    },
  ),
  check(
    v5,
    "a client that is back before the delay has no will published [MQTT-3.1.3-9]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      const properties = { willDelayInterval: 300 };
      const will = { topic, properties };
      const first = await stage.connect("a", { session: true, will });
      await first.drop();
      const second = await stage.connect("a", { session: true });
      same(second.connack?.sessionPresent, true, "session present");
      same(await stage.payloads(looking, second), [], "wills");
    },
  ),
  check(
    v5,
    "a session that ends with its connection has no delay of its will [MQTT-3.1.2-8]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      const properties = { willDelayInterval: 300 };
      await (await stage.connect("a", { will: { topic, properties } })).drop();
      await looking.next("publish");
    },
  ),
  check(
    v5,
    "a new session in place of the old one ends the delay of its will [MQTT-3.1.2-8]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      const properties = { willDelayInterval: 300 };
      const will = { topic, properties };
      await (await stage.connect("a", { session: true, will })).drop();
      await stage.connect("a", { clean: true });
      await looking.next("publish");
    },
  ),
  slow(
    v5,
    "a will comes after its delay, and not before [MQTT-3.1.2-8]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      const properties = { willDelayInterval: 2 };
      const will = { topic, properties };
      await (await stage.connect("a", { session: true, will })).drop();
      const other = await stage.connect("b");
      same(await stage.payloads(looking, other), [], "wills");
      await stage.wait(3);
      await looking.next("publish");
    },
  ),
  slow(
    oasis,
    "a client that says nothing for its keep alive has its will published [MQTT-3.1.2-8] [MQTT-3.1.2-22] [MQTT311-3.1.2-8] [MQTT311-3.1.2-24]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await watcher(stage, topic);
      await stage.connect("a", { will: { topic }, keepAlive: 1 });
      await stage.wait(3);
      await looking.next("publish");
    },
  ),
);
