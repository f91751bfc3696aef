/** WebSocket as a transport (chapter 6): for URLs of one only. */

import { encode, type Packet } from "../../mod.ts";
import { bytesOf, join } from "./_bytes.ts";
import { chapter, type Check, check, informative, oasis } from "./_check.ts";
import type { Peer } from "./_peer.ts";
import type { Stage } from "./_stage.ts";
import { Failure, holds, same } from "./_verdict.ts";
import { frame, opcode, type WebSocketWire } from "./_websocket_wire.ts";

const { binary, continuation, ping, pong, text } = opcode;

/** A client whose frames are made by hand; the CONNECT is not sent yet. */
async function open(
  stage: Stage,
  protocols: readonly string[] = ["mqtt"],
): Promise<[Peer, WebSocketWire]> {
  return await stage.openWebSocket("the client", protocols);
}

/** The same, connected. */
async function connected(stage: Stage): Promise<[Peer, WebSocketWire]> {
  const [peer, wire] = await open(stage);
  await peer.send(stage.connectPacket("a"));
  peer.connack = await peer.next("connack");
  same(peer.connack.reasonCode, 0, "code of CONNACK");
  return [peer, wire];
}

/** Packets as bytes, one after the other. */
function bytesOfPackets(stage: Stage, ...packets: readonly Packet[]) {
  return join(...packets.map((one) => encode(one, stage.version)));
}

const request = { type: "pingreq" } as const;

/** The checks. */
export const webSocketChecks: readonly Check[] = chapter(
  "WebSocket",
  check(
    oasis,
    "the subprotocol mqtt is selected, alone or among others [MQTT-6.0.0-4] [MQTT311-6.0.0-4]",
    async (stage) => {
      for (const offered of [["mqtt"], ["x", "mqtt", "mqttv3.1"]]) {
        const [, wire] = await open(stage, offered);
        same(wire.protocol, "mqtt", `subprotocol of ${offered.join()}`);
      }
    },
  ),
  informative(
    oasis,
    "whether a client is served that does not offer mqtt",
    async (stage) => {
      const [, wire] = await open(stage, ["x"]);
      stage.note(
        wire.protocol === undefined
          ? "a WebSocket without a subprotocol"
          : `the subprotocol ${wire.protocol}`,
      );
    },
  ),
  check(
    oasis,
    "packets come in binary frames [MQTT-6.0.0-1] [MQTT311-6.0.0-1]",
    async (stage) => {
      const [peer, wire] = await connected(stage);
      await peer.subscribe(stage.topic("a"));
      await peer.publish(stage.topic("a"), "x".repeat(70_000), { qos: 1 });
      same((await peer.next("publish")).payload.length, 70_000, "payload");
      const others = wire.kinds.filter((one) => one === text);
      same(others, [], "text frames");
      same(wire.kinds[0], binary, "the first frame");
    },
  ),
  check(
    oasis,
    "a text frame ends the connection [MQTT-6.0.0-1] [MQTT311-6.0.0-1]",
    async (stage) => {
      const [first, firstWire] = await open(stage);
      const connect = bytesOfPackets(stage, stage.connectPacket("b"));
      await firstWire.send(frame(text, connect));
      const came = await first.ended("CONNECT in a text frame");
      same(came.filter(({ type }) => type === "connack"), [], "CONNACK");
      const [peer, wire] = await connected(stage);
      await wire.send(frame(text, bytesOf("x")));
      await stage.closed(peer, "a text frame");
    },
  ),
  check(
    oasis,
    "a packet in frames of one byte each is read [MQTT-6.0.0-2] [MQTT311-6.0.0-2]",
    async (stage) => {
      const [peer, wire] = await open(stage);
      const connect = bytesOfPackets(stage, stage.connectPacket("a"));
      await wire.send(
        ...Array.from(connect, (byte) => frame(binary, new Uint8Array([byte]))),
      );
      same((await peer.next("connack")).reasonCode, 0, "code of CONNACK");
    },
  ),
  check(
    oasis,
    "packets in one frame, and in one and a half, are read [MQTT-6.0.0-2] [MQTT311-6.0.0-2]",
    async (stage) => {
      const [peer, wire] = await open(stage);
      const first = bytesOfPackets(stage, stage.connectPacket("a"), request);
      const second = bytesOfPackets(
        stage,
        peer.message(stage.topic("a"), "x", { qos: 1 }),
      );
      await wire.send(frame(binary, join(first, second.subarray(0, 5))));
      same((await peer.next("connack")).reasonCode, 0, "code of CONNACK");
      await peer.next("pingresp");
      await wire.send(frame(binary, second.subarray(5)));
      await peer.next("puback");
    },
  ),
  check(
    oasis,
    "a message in several frames is read, with a ping between them and empty ones beside it [MQTT-6.0.0-2] [MQTT311-6.0.0-2]",
    async (stage) => {
      const [peer, wire] = await open(stage);
      const connect = bytesOfPackets(stage, stage.connectPacket("a"));
      await wire.send(
        frame(binary, new Uint8Array(0)),
        frame(binary, connect.subarray(0, 6), false),
        frame(ping, bytesOf("?")),
        frame(continuation, connect.subarray(6, 9), false),
        frame(continuation, connect.subarray(9)),
      );
      same((await peer.next("connack")).reasonCode, 0, "code of CONNACK");
      await wire.send(frame(binary, new Uint8Array(0)));
      await peer.quiet("an empty frame asks for nothing");
      holds(wire.kinds.includes(pong), "a pong", wire.kinds);
    },
  ),
  check(
    oasis,
    "the end of the WebSocket is the end of the connection: the will is published [MQTT-3.1.2-8] [MQTT311-3.1.2-8]",
    async (stage) => {
      const topic = stage.topic("will");
      const watcher = await stage.connect("w");
      await watcher.subscribe(topic);
      const [peer, wire] = await open(stage);
      await peer.send(stage.connectPacket("a", { will: { topic } }));
      await peer.next("connack");
      await wire.send(frame(opcode.close, new Uint8Array([3, 232])));
      const message = await watcher.next("publish");
      same(message.topic, topic, "topic");
      if (await peer.nextOrEnd("the end") !== undefined) {
        throw new Failure("the end of the WebSocket", "a packet");
      }
    },
  ),
);
