/** Data representation (section 1.5) and what broken bytes lead to (4.13). */

import { encode } from "../../mod.ts";
import { illFormed, packet, string, uint16 } from "./_bytes.ts";
import {
  chapter,
  type Check,
  check,
  informative,
  oasis,
  v311,
  v5,
} from "./_check.ts";
import { same } from "./_verdict.ts";
import type { Stage } from "./_stage.ts";

/** Properties of a PUBLISH of the version, if it has any. */
function none({ version }: Stage): number[] {
  return version === 5 ? [0] : [];
}

/** Sends bytes that end a connection, and looks that others do not notice. */
async function ends(
  stage: Stage,
  because: string,
  bytes: Uint8Array,
  codes: readonly number[] = [0x81, 0x82],
): Promise<void> {
  const peer = await stage.connect("a");
  await peer.sendBytes(bytes);
  await stage.closed(peer, because, codes);
}

/** Packets with flags in the fixed header that are not theirs. */
const flagged: readonly [string, number, string][] = [
  ["PUBACK", 0x41, "[MQTT-2.1.3-1] [MQTT311-2.2.2-2]"],
  ["PUBREC", 0x52, "[MQTT-2.1.3-1] [MQTT311-2.2.2-2]"],
  ["PUBREL", 0x60, "[MQTT-3.6.1-1] [MQTT311-3.6.1-1]"],
  ["PUBCOMP", 0x78, "[MQTT-2.1.3-1] [MQTT311-2.2.2-2]"],
  ["SUBSCRIBE", 0x80, "[MQTT-3.8.1-1] [MQTT311-3.8.1-1]"],
  ["UNSUBSCRIBE", 0xa0, "[MQTT-3.10.1-1] [MQTT311-3.10.1-1]"],
  ["PINGREQ", 0xc1, "[MQTT-2.1.3-1] [MQTT311-2.2.2-2]"],
  ["DISCONNECT", 0xe1, "[MQTT-3.14.1-1] [MQTT311-3.14.1-1]"],
];

/** Packets that only a broker sends. */
const ofBrokers: readonly [string, readonly number[], readonly number[]][] = [
  ["CONNACK", [0x20, 2, 0, 0], [0x20, 3, 0, 0, 0]],
  ["SUBACK", [0x90, 3, 0, 1, 0], [0x90, 4, 0, 1, 0, 0]],
  ["UNSUBACK", [0xb0, 2, 0, 1], [0xb0, 4, 0, 1, 0, 0]],
  ["PINGRESP", [0xd0, 0], [0xd0, 0]],
];

/** The checks. */
export const stringChecks: readonly Check[] = chapter(
  "Data and malformed packets",
  ...Object.entries(illFormed).map(([what, bytes]) =>
    check(
      oasis,
      `a topic name with ${what} in it ends the connection [MQTT-1.5.4-1] [MQTT-3.3.2-1] [MQTT311-1.5.3-1] [MQTT311-3.3.2-1]`,
      (stage) =>
        ends(
          stage,
          what,
          packet(0x30, string(bytes), ...none(stage)),
          [0x81, 0x90],
        ),
    )
  ),
  check(
    oasis,
    "a client identifier that is not UTF-8 is refused [MQTT-3.1.3-4] [MQTT-1.5.4-1] [MQTT311-3.1.3-4] [MQTT311-1.5.3-1]",
    async (stage) => {
      for (const [what, bytes] of Object.entries(illFormed)) {
        const peer = await stage.open();
        await peer.sendBytes(
          packet(
            0x10,
            ...[string("MQTT"), stage.version, 2, uint16(60)],
            ...none(stage),
            string(bytes),
          ),
        );
        await stage.refused(peer, what, [0x81, 0x85]);
      }
    },
  ),
  check(
    oasis,
    "a filter that is not UTF-8 ends the connection [MQTT-3.8.3-1] [MQTT-1.5.4-1] [MQTT311-3.8.3-1] [MQTT311-1.5.3-1]",
    async (stage) => {
      for (const [what, bytes] of Object.entries(illFormed)) {
        const body = [uint16(1), ...none(stage), string(bytes), 0];
        await ends(stage, what, packet(0x82, ...body), [0x81, 0x8f]);
      }
    },
  ),
  check(
    oasis,
    "a filter of UNSUBSCRIBE that is not UTF-8 ends the connection [MQTT-3.10.3-1] [MQTT311-3.10.3-1]",
    async (stage) => {
      for (const [what, bytes] of Object.entries(illFormed)) {
        const body = [uint16(1), ...none(stage), string(bytes)];
        await ends(stage, what, packet(0xa2, ...body), [0x81, 0x8f]);
      }
    },
  ),
  check(
    oasis,
    "a topic name with U+0000 in it ends the connection [MQTT-1.5.4-2] [MQTT-4.7.3-2] [MQTT311-1.5.3-2] [MQTT311-4.7.3-2]",
    (stage) =>
      ends(
        stage,
        "U+0000",
        packet(0x30, string("a\0b"), ...none(stage)),
        [0x81, 0x90],
      ),
  ),
  check(
    oasis,
    "U+FEFF in a topic stays there [MQTT-1.5.4-3] [MQTT311-1.5.3-3]",
    async (stage) => {
      const peer = await stage.connect("a");
      const topic = stage.topic("\ufeffa");
      await peer.subscribe(topic, stage.topic("a"));
      await peer.publish(topic, "x");
      const messages = await stage.received(peer, peer);
      same(messages.map((one) => one.topic), [topic], "topics");
    },
  ),
  check(
    oasis,
    "a packet in single bytes, and packets in one piece, are read alike [MQTT-4.2.0-1] [MQTT311-7.1.1-1]",
    async (stage) => {
      const peer = await stage.connect("a");
      const topic = stage.topic("a");
      await peer.subscribe(topic);
      const encoded = (payload: string) =>
        encode(peer.message(topic, payload), stage.version);
      for (const byte of encoded("1")) {
        await peer.sendBytes(new Uint8Array([byte]));
      }
      await peer.sendBytes(...["2", "3", "4"].map(encoded));
      const got = await stage.payloads(peer, peer);
      same(got, ["1", "2", "3", "4"], "payloads");
    },
  ),
  check(
    oasis,
    "packet type 0 ends the connection [MQTT-4.13.1-1] [MQTT311-4.8.0-1]",
    (stage) => ends(stage, "packet type 0", new Uint8Array([0, 0])),
  ),
  check(
    v311,
    "packet type 15 ends the connection [MQTT311-4.8.0-1]",
    (stage) => ends(stage, "packet type 15", new Uint8Array([0xf0, 0])),
  ),
  check(
    oasis,
    "a remaining length of five bytes ends the connection [MQTT-4.13.1-1] [MQTT311-4.8.0-1]",
    (stage) => {
      const bytes = new Uint8Array([0x30, 0x80, 0x80, 0x80, 0x80, 1]);
      return ends(stage, "five bytes", bytes);
    },
  ),
  check(
    v5,
    "an integer of more bytes than it needs ends the connection [MQTT-1.5.5-1]",
    async (stage) => {
      const topic = string(stage.topic("a"));
      const properties = [0x80, 0x00];
      const bytes = packet(0x30, topic, ...properties);
      await ends(stage, "properties' length 80 00", bytes);
    },
  ),
  ...flagged.map(([type, first, ids]) =>
    check(
      oasis,
      `${type} with flags that are not its own ends the connection ${ids}`,
      async (stage) => {
        const filter = string(stage.topic("a"));
        const bodies: Record<string, Uint8Array> = {
          SUBSCRIBE: packet(first, uint16(1), ...none(stage), filter, 0),
          UNSUBSCRIBE: packet(first, uint16(1), ...none(stage), filter),
          PINGREQ: packet(first),
          DISCONNECT: packet(first),
        };
        const topic = stage.topic("will");
        const peer = await stage.connect("a", { will: { topic } });
        const watcher = await stage.connect("w");
        await watcher.subscribe(topic);
        await peer.sendBytes(bodies[type] ?? packet(first, uint16(1)));
        await stage.closed(peer, `flags ${first & 15}`);
        // A malformed DISCONNECT is none.
        await watcher.next("publish");
      },
    )
  ),
  ...ofBrokers.map(([type, before, now]) =>
    check(
      oasis,
      `${type} from a client ends the connection [MQTT-4.13.1-1] [MQTT311-4.8.0-1]`,
      (stage) =>
        ends(
          stage,
          `${type} from a client`,
          new Uint8Array(stage.version === 5 ? now : before),
          [0x82],
        ),
    )
  ),
  check(
    oasis,
    "packets that are too short for what they are end the connection [MQTT-4.13.1-1] [MQTT311-4.8.0-1]",
    async (stage) => {
      for (const first of [0x30, 0x32, 0x40, 0x50, 0x62, 0x70, 0x82, 0xa2]) {
        await ends(stage, `${first.toString(16)} 00`, packet(first));
        await ends(stage, `${first.toString(16)} 01`, packet(first, 0));
      }
    },
  ),
  check(
    oasis,
    "a topic that is longer than its packet ends the connection [MQTT-4.13.1-1] [MQTT311-4.8.0-1]",
    (stage) =>
      ends(stage, "a longer topic", packet(0x30, uint16(100), string("a"))),
  ),
  check(
    oasis,
    "a violation ends the connection it came on and no other [MQTT-4.13.1-1] [MQTT311-4.8.0-1]",
    async (stage) => {
      const other = await stage.connect("b");
      const topic = stage.topic("a");
      await other.subscribe(topic);
      await ends(stage, "packet type 0", new Uint8Array([0, 0]));
      await other.publish(topic, "still here");
      same(await stage.payloads(other, other), ["still here"], "payloads");
    },
  ),
  check(
    v5,
    "properties that a packet does not have, has twice, or with a wrong value end the connection [MQTT-4.13.1-1]",
    async (stage) => {
      const wrong: readonly [string, readonly number[]][] = [
        ["property 0x7F", [0x7f, 0]],
        ["Server Keep Alive in PUBLISH", [0x13, 0, 1]],
        ["Payload Format Indicator twice", [0x01, 0, 0x01, 0]],
        ["Message Expiry Interval cut short", [0x02, 0, 0]],
        ["Content Type twice", [0x03, 0, 1, 97, 0x03, 0, 1, 97]],
      ];
      const topic = string(stage.topic("a"));
      for (const [what, bytes] of wrong) {
        const body = [topic, bytes.length, ...bytes];
        await ends(stage, what, packet(0x30, ...body));
      }
    },
  ),
  informative(
    v5,
    "what Payload Format Indicator 2 leads to",
    async (stage) => {
      const body = [string(stage.topic("a")), 2, 0x01, 2];
      await ends(stage, "Payload Format Indicator 2", packet(0x30, ...body));
      stage.note("the end of the connection");
    },
  ),
  check(
    v5,
    "user properties that are no UTF-8 end the connection [MQTT-1.5.7-1]",
    async (stage) => {
      for (const [what, bytes] of Object.entries(illFormed)) {
        const pairs = [[string(bytes), string("a")], [
          string("a"),
          string(bytes),
        ]];
        for (const [name, value] of pairs) {
          const size = 1 + name!.length + value!.length;
          const topic = string(stage.topic("a"));
          await ends(
            stage,
            what,
            packet(0x30, topic, size, 0x26, name!, value!),
          );
        }
      }
    },
  ),
  check(
    v5,
    "properties of CONNECT that are wrong are refused [MQTT-3.1.4-1]",
    async (stage) => {
      const wrong: readonly [string, readonly number[]][] = [
        ["Receive Maximum 0", [0x21, 0, 0]],
        ["Receive Maximum twice", [0x21, 0, 1, 0x21, 0, 1]],
        ["Maximum Packet Size 0", [0x27, 0, 0, 0, 0]],
        ["Request Problem Information 2", [0x17, 2]],
        ["Request Response Information 2", [0x19, 2]],
        ["Session Expiry Interval twice", [0x11, 0, 0, 0, 0, 0x11, 0, 0, 0, 0]],
        ["Topic Alias in CONNECT", [0x23, 0, 1]],
        ["Authentication Data without Method", [0x16, 0, 1, 97]],
      ];
      for (const [what, bytes] of wrong) {
        const peer = await stage.open();
        const start = [
          string("MQTT"),
          5,
          2,
          uint16(60),
          bytes.length,
          ...bytes,
        ];
        await peer.sendBytes(
          packet(0x10, ...start, string(stage.clientId("a"))),
        );
        await stage.refused(peer, what);
      }
    },
  ),
);
