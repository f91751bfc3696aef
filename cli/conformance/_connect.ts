/** CONNECT and CONNACK (sections 3.1 and 3.2). */

import { encode } from "../../mod.ts";
import { bytesOf, join, packet, string, uint16 } from "./_bytes.ts";
import {
  chapter,
  type Check,
  check,
  every,
  oasis,
  v311,
  v5,
} from "./_check.ts";
import { holds, same } from "./_verdict.ts";
import { describe } from "./_peer.ts";
import { endsWithCode } from "./_refusal.ts";
import type { Stage } from "./_stage.ts";

/** A CONNECT of the version, made of flags and payload. */
function connect(
  { version }: Stage,
  flags: number,
  ...payload: readonly Uint8Array[]
): Uint8Array {
  const start = [string("MQTT"), version, flags, uint16(60)];
  return packet(0x10, ...start, ...(version === 5 ? [0] : []), ...payload);
}

/** Sends a CONNECT that has to be refused. */
async function refuses(
  stage: Stage,
  bytes: Uint8Array,
  because: string,
  codes?: readonly number[],
): Promise<void> {
  await using peer = await stage.open();
  await peer.sendBytes(bytes);
  await stage.refused(peer, because, codes);
}

/** What will, in the order of the payload, a CONNECT has in 5.0 and before. */
function will({ version }: Stage, topic: string): Uint8Array {
  const start = version === 5 ? [0] : [];
  return join(...start, string(topic), string("payload"));
}

/** The checks. */
export const connectChecks: readonly Check[] = chapter(
  "CONNECT and CONNACK",
  check(
    every,
    "a CONNECT is answered with CONNACK 0x00 before anything else, session present 0 [MQTT-3.1.4-5] [MQTT-3.2.0-1] [MQTT-3.2.2-2] [MQTT-3.2.2-8] [MQTT311-3.1.4-4] [MQTT311-3.2.0-1] [MQTT311-3.2.2-1]",
    async (stage) => {
      const peer = await stage.connect("a");
      same(peer.connack?.sessionPresent, false, "session present");
      await peer.quiet("there is one CONNACK [MQTT-3.2.0-2]");
    },
  ),
  check(
    oasis,
    "bits 7 to 1 of CONNACK's flags are 0 [MQTT-3.2.2-1] [MQTT-2.1.3-1] [MQTT311-2.2.2-1]",
    async (stage) => {
      const peer = await stage.connect("a");
      const [first, length, flags] = peer.bytes;
      same(first, 0x20, "first byte of CONNACK");
      holds(length !== undefined && length > 1, "a body of CONNACK", length);
      same(flags, 0, "flags of CONNACK");
    },
  ),
  ...["PINGREQ", "PUBLISH", "SUBSCRIBE", "DISCONNECT"].map((first) =>
    check(
      oasis,
      `${first} as the first packet ends the connection, without a word [MQTT-3.1.0-1] [MQTT-3.14.0-1] [MQTT311-3.1.0-1]`,
      async (stage) => {
        const peer = await stage.open();
        const packets: Record<string, Uint8Array> = {
          PINGREQ: packet(0xc0),
          PUBLISH: encode(peer.message(stage.topic("a")), stage.version),
          SUBSCRIBE: encode({
            type: "subscribe",
            packetId: 1,
            subscriptions: [{
              filter: stage.topic("a"),
              qos: 0,
              noLocal: false,
              retainAsPublished: false,
              retainHandling: 0,
            }],
          }, stage.version),
          DISCONNECT: packet(0xe0),
        };
        await peer.sendBytes(packets[first]!);
        const came = await peer.ended(`${first} came first`);
        same(came.filter(({ type }) => type !== "disconnect"), [], "answers");
        same(came.map(describe), [], "packets before a CONNACK");
      },
    )
  ),
  check(
    every,
    "a second CONNECT ends the connection [MQTT-3.1.0-2] [MQTT-4.13.2-1] [MQTT311-3.1.0-2]",
    async (stage) => {
      const peer = await stage.connect("a");
      await peer.send(stage.connectPacket("a"));
      await stage.closed(peer, "a second CONNECT", [0x82]);
    },
  ),
  check(
    oasis,
    "another protocol name is not served [MQTT-3.1.2-1] [MQTT311-3.1.2-1]",
    async (stage) => {
      for (const name of ["mqtt", "MQTX", "", "HTTP"]) {
        const peer = await stage.open();
        await peer.sendBytes(packet(
          0x10,
          ...[string(name), stage.version, 2, uint16(60)],
          ...(stage.version === 5 ? [0] : []),
          string(stage.clientId("a")),
        ));
        await endsWithCode(peer, [0x84, 0x01], `protocol name ${name}`);
      }
    },
  ),
  check(
    v5,
    "a level that does not exist is refused with 0x84, or without a word [MQTT-3.1.2-2]",
    async (stage) => {
      for (const level of [6, 0, 255]) {
        const peer = await stage.open();
        await peer.sendBytes(
          packet(0x10, string("MQTT"), level, 2, uint16(60), 0, string("a")),
        );
        await endsWithCode(peer, [0x84, 0x01], `level ${level}`);
      }
    },
  ),
  check(
    v311,
    "a level that does not exist is refused with CONNACK 0x01 [MQTT311-3.1.2-2] [MQTT311-3.2.2-4] [MQTT311-3.2.2-5]",
    async (stage) => {
      const peer = await stage.open();
      await peer.sendBytes(
        packet(0x10, string("MQTT"), 6, 2, uint16(60), string("a")),
      );
      const code = await endsWithCode(peer, [0x01, 0x84], "level 6");
      holds(code !== undefined, "a CONNACK", "the end of the connection");
      if (code === 0x84) stage.note("the CONNACK has the form of 5.0");
    },
  ),
  check(
    oasis,
    "the reserved connect flag has to be 0 [MQTT-3.1.2-3] [MQTT-3.1.4-1] [MQTT311-3.1.2-3] [MQTT311-3.1.4-1]",
    async (stage) => {
      const id = string(stage.clientId("a"));
      await refuses(stage, connect(stage, 0x03, id), "reserved flag 1");
    },
  ),
  check(
    oasis,
    "flags of CONNECT's fixed header have to be 0 [MQTT-2.1.3-1] [MQTT311-2.2.2-2]",
    async (stage) => {
      const bytes = connect(stage, 0x02, string(stage.clientId("a")));
      bytes[0] = 0x11;
      await refuses(stage, bytes, "flags 1");
    },
  ),
  check(
    oasis,
    "without a will, its QoS has to be 0 [MQTT-3.1.2-11] [MQTT311-3.1.2-11] [MQTT311-3.1.2-13]",
    async (stage) => {
      const id = string(stage.clientId("a"));
      for (const flags of [0x0a, 0x12]) {
        await refuses(stage, connect(stage, flags, id), "will QoS, no will");
      }
    },
  ),
  check(
    oasis,
    "without a will, will retain has to be 0 [MQTT-3.1.2-13] [MQTT311-3.1.2-11] [MQTT311-3.1.2-15]",
    async (stage) => {
      const id = string(stage.clientId("a"));
      await refuses(stage, connect(stage, 0x22, id), "will retain, no will");
    },
  ),
  check(
    oasis,
    "will QoS 3 does not exist [MQTT-3.1.2-12] [MQTT311-3.1.2-14]",
    async (stage) => {
      const id = string(stage.clientId("a"));
      const bytes = connect(stage, 0x1e, id, will(stage, stage.topic("w")));
      await refuses(stage, bytes, "will QoS 3");
    },
  ),
  ...([
    ["a will", 0x06, "[MQTT-3.1.2-9] [MQTT311-3.1.2-9]"],
    ["a user name", 0x82, "[MQTT-3.1.2-17] [MQTT311-3.1.2-19]"],
    ["a password", 0xc2, "[MQTT-3.1.2-19] [MQTT311-3.1.2-21]"],
  ] as const).map(([what, flags, ids]) =>
    check(
      oasis,
      `a CONNECT whose flags announce ${what} that is not there is refused ${ids}`,
      async (stage) => {
        const fields = [string(stage.clientId("a"))];
        if (flags === 0xc2) fields.push(string("user"));
        await refuses(
          stage,
          connect(stage, flags, ...fields),
          `${what} is missing`,
        );
      },
    )
  ),
  check(
    oasis,
    "a CONNECT with fields that its flags do not announce is refused [MQTT-3.1.2-16] [MQTT-3.1.2-18] [MQTT311-3.1.2-18] [MQTT311-3.1.2-20]",
    async (stage) => {
      const bytes = connect(
        stage,
        0x02,
        string(stage.clientId("a")),
        string("user"),
        string("password"),
      );
      await refuses(stage, bytes, "a user name without its flag");
    },
  ),
  check(
    v311,
    "a password without a user name is refused [MQTT311-3.1.2-22]",
    async (stage) => {
      const fields = [string(stage.clientId("a")), string("password")];
      await refuses(stage, connect(stage, 0x42, ...fields), "no user name");
    },
  ),
  check(
    oasis,
    "fields of the payload come in their order [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT311-3.1.3-1] [MQTT311-3.1.3-3]",
    async (stage) => {
      const watcher = await stage.connect("w");
      const topic = stage.topic("will");
      await watcher.subscribe(topic);
      const client = await stage.connect("a", { will: { topic } });
      await client.drop();
      const message = await watcher.next("publish");
      same([message.topic, message.payload], [topic, bytesOf("will")], "will");
    },
  ),
  check(
    every,
    "packets that follow CONNECT without waiting are served after CONNACK [MQTT-3.2.0-1] [MQTT311-3.2.0-1]",
    async (stage) => {
      const peer = await stage.open();
      const topic = stage.topic("a");
      await peer.sendBytes(
        encode(stage.connectPacket("a"), stage.version),
        encode({
          type: "subscribe",
          packetId: 1,
          subscriptions: [{
            filter: topic,
            qos: 0,
            noLocal: false,
            retainAsPublished: false,
            retainHandling: 0,
          }],
        }, stage.version),
        encode(peer.message(topic, "at once"), stage.version),
      );
      await peer.next("connack");
      await peer.next("suback");
      same((await peer.next("publish")).payload, bytesOf("at once"), "payload");
    },
  ),
);
