/** What a broker does not allow: clients, messages, and how it says so. */

import { bytesOf, packet, string, uint16 } from "./_bytes.ts";
import { chapter, type Check, check, oasis, v311, v5 } from "./_check.ts";
import { describe, type Peer } from "./_peer.ts";
import type { Stage } from "./_stage.ts";
import { Failure, holds, same, Skip } from "./_verdict.ts";

/** A topic name that clients hardly may publish to, if anything is refused. */
const ofBroker = "$SYS/ambermq-test";

/** A packet and the end, or the end: a CONNECT that was refused. */
async function refusalOf(peer: Peer, because: string) {
  const packets = await peer.ended(because);
  const [connack] = packets;
  if (connack === undefined) return undefined;
  if (connack.type !== "connack" || packets.length > 1) {
    throw new Failure(`CONNACK and the end: ${because}`, describe(connack));
  }
  return connack;
}

/** The CONNECT of a method that nobody has. */
function unknownMethod(stage: Stage, flags: number): Uint8Array {
  const method = [0x15, ...string("no such method")];
  return packet(
    0x10,
    ...[string("MQTT"), 5, flags, uint16(60), method.length, ...method],
    string(stage.clientId("s")),
  );
}

/** The checks. */
export const verdictChecks: readonly Check[] = chapter(
  "What is refused",
  check(
    v5,
    "a CONNACK that refuses says session present 0, and is followed by the end [MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-4.13.2-1]",
    async (stage) => {
      const first = await stage.connect("s", { session: true });
      await first.disconnect();
      const peer = await stage.open();
      await peer.sendBytes(unknownMethod(stage, 0));
      const connack = await refusalOf(peer, "a method that is not known");
      if (connack === undefined) return stage.note("there is no CONNACK");
      holds(connack.reasonCode >= 0x80, "a code of failure", connack);
      same(connack.sessionPresent, false, "session present");
      const again = await stage.connect("s", { session: true });
      same(again.connack?.sessionPresent, true, "session present afterwards");
    },
  ),
  check(
    oasis,
    "a client with a password that is wrong is let in or refused, not left waiting [MQTT-3.1.4-2] [MQTT-3.2.2-7] [MQTT311-3.2.2-4] [MQTT311-3.2.2-5]",
    async (stage) => {
      const peer = await stage.open();
      await peer.send({
        ...stage.connectPacket("s"),
        username: stage.clientId("nobody"),
        password: bytesOf(stage.clientId("wrong")),
      });
      const connack = await peer.nextOrEnd("CONNACK or the end");
      if (connack === undefined) return;
      if (connack.type !== "connack") {
        throw new Failure("CONNACK", describe(connack));
      }
      if (connack.reasonCode === 0) {
        throw new Skip("the broker lets everybody in");
      }
      same(connack.sessionPresent, false, "session present");
      same((await peer.ended("it was refused")).map(describe), [], "packets");
    },
  ),
  check(
    oasis,
    "a client identifier of 65,535 bytes is taken, or refused with 0x85 or 0x02 [MQTT-3.1.3-8] [MQTT311-3.1.3-9]",
    async (stage) => {
      const peer = await stage.open();
      const clientId = stage.clientId("").padEnd(65_535, "x");
      await peer.send(stage.connectPacket("", { clientId }));
      const connack = await peer.nextOrEnd("CONNACK or the end");
      if (connack === undefined && stage.version === 5) return;
      if (connack?.type !== "connack") {
        throw new Failure("CONNACK", describe(connack));
      }
      if (connack.reasonCode === 0) return await peer.disconnect();
      // 0x02 is read as that.
      same(connack.reasonCode, 0x85, "code of CONNACK");
      same((await peer.ended("it was refused")).map(describe), [], "packets");
    },
  ),
  check(
    oasis,
    "a user name that is not UTF-8 is refused [MQTT-3.1.3-12] [MQTT311-3.1.3-11]",
    async (stage) => {
      const peer = await stage.open();
      await peer.sendBytes(packet(
        0x10,
        ...[string("MQTT"), stage.version, 0x82, uint16(60)],
        ...(stage.version === 5 ? [0] : []),
        string(stage.clientId("s")),
        string(new Uint8Array([0x61, 0xff])),
      ));
      await stage.refused(peer, "the user name");
    },
  ),
  check(
    v311,
    "what no return code fits is refused without a CONNACK [MQTT311-3.1.4-1] [MQTT311-3.2.2-6]",
    async (stage) => {
      const id = string(stage.clientId("s"));
      const start = [string("MQTT"), 4];
      for (
        const body of [
          [...start, 0x03, uint16(60), id], // the reserved flag
          [...start, 0x1e, uint16(60), id, string("a"), string("x")], // QoS 3
          [...start, 0x42, uint16(60), id, string("x")], // only a password
          [...start, 0x02, uint16(60)], // no payload
        ]
      ) {
        await using peer = await stage.open();
        await peer.sendBytes(packet(0x10, ...body));
        const came = await peer.ended("CONNECT breaks the format");
        same(came.map(describe), [], "packets");
      }
    },
  ),
  check(
    v311,
    "a PUBLISH that is not allowed is acknowledged as usual or ends the connection [MQTT311-3.3.5-2]",
    async (stage) => {
      const peer = await stage.connect("s");
      for (const qos of [1, 2] as const) {
        const message = peer.message(ofBroker, "x", { qos });
        await peer.send(message);
        const answer = await peer.nextOrEnd("an acknowledgement or the end");
        if (answer === undefined) return stage.note("it ends the connection");
        same(answer.type, qos === 1 ? "puback" : "pubrec", "answer");
        if (qos === 1) continue;
        const { packetId = 0 } = message;
        await peer.send({ type: "pubrel", packetId, reasonCode: 0 });
        await peer.answer("pubcomp", packetId);
      }
    },
  ),
  check(
    v5,
    "after a PUBREC of failure the identifier is that of a new message [MQTT-4.3.3-9]",
    async (stage) => {
      stage.needs("maximumQos", 2);
      const topic = stage.topic("a");
      const peer = await stage.connect("s");
      await peer.subscribe(topic);
      const packetId = 777;
      await peer.send(peer.message(ofBroker, "x", { qos: 2, packetId }));
      const answer = await peer.nextOrEnd("PUBREC");
      if (answer?.type !== "pubrec" || answer.reasonCode < 0x80) {
        throw new Skip("the broker refuses nothing that was tried");
      }
      await peer.send(peer.message(topic, "y", { qos: 1, packetId }));
      await peer.answer("puback", packetId);
      await peer.send(peer.message(topic, "z", { qos: 2, packetId }));
      const second = await peer.answer("pubrec", packetId);
      same(second.reasonCode, 0, "code of PUBREC");
      await peer.send({ type: "pubrel", packetId, reasonCode: 0 });
      const { reasonCode } = await peer.answer("pubcomp", packetId);
      same(reasonCode, 0, "code of PUBCOMP");
      same(await stage.payloads(peer, peer), ["y", "z"], "payloads");
    },
  ),
);
