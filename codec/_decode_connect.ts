/**
 * The body of CONNECT, bytes → object.
 */

import type { Reader } from "./_bytes.ts";
import { MalformedPacketError, ProtocolError } from "./error.ts";
import type { ConnectPacket, ProtocolVersion, Qos, Will } from "./packet.ts";
import { decodeProperties } from "./_properties.ts";
import { ReasonCode } from "./reason_code.ts";
import { topicNameError } from "./topic.ts";

/** The protocol names and the levels that belong to them (section 3.1.2.1). */
const protocolNames: ReadonlyMap<string, readonly number[]> = new Map([
  ["MQIsdp", [3]],
  ["MQTT", [4, 5]],
]);

/**
 * Reads protocol name and level of a CONNECT: all later decoding depends on it.
 *
 * @throws {ProtocolError} With reason code 0x84 if the version is not known.
 */
export function decodeVersion(reader: Reader): ProtocolVersion {
  const name = reader.string();
  const levels = protocolNames.get(name);
  // [MQTT-3.1.2-1]
  if (levels === undefined) {
    throw new ProtocolError(
      `CONNECT has the protocol name ${JSON.stringify(name.slice(0, 20))}`,
      ReasonCode.UnsupportedProtocolVersion,
    );
  }
  const level = reader.byte();
  // [MQTT-3.1.2-2]
  if (!levels.includes(level)) {
    throw new ProtocolError(
      `CONNECT has the protocol level ${level} of ${name}`,
      ReasonCode.UnsupportedProtocolVersion,
    );
  }
  return level as ProtocolVersion;
}

/** Decodes a CONNECT from behind its protocol level. */
export function decodeConnect(
  reader: Reader,
  protocolVersion: ProtocolVersion,
): ConnectPacket {
  const flags = reader.byte();
  const hasWill = (flags & 0x04) !== 0;
  const hasUsername = (flags & 0x80) !== 0;
  const hasPassword = (flags & 0x40) !== 0;
  const willQos = flags >> 3 & 3;
  // [MQTT-3.1.2-3] MQTT 3.1 does not name the bit
  if (protocolVersion > 3 && (flags & 0x01) !== 0) {
    throw new MalformedPacketError("CONNECT has the reserved flag set");
  }
  // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
  if (!hasWill && (flags & 0x38) !== 0) {
    throw new MalformedPacketError(
      "CONNECT has a will QoS or will retain without a will",
    );
  }
  // [MQTT-3.1.2-12]
  if (willQos === 3) throw new MalformedPacketError("CONNECT has will QoS 3");
  // [MQTT311-3.1.2-22]; 5.0 allows a password alone
  if (hasPassword && !hasUsername && protocolVersion < 5) {
    throw new MalformedPacketError("CONNECT has a password without user name");
  }
  const packet: ConnectPacket = {
    type: "connect",
    protocolVersion,
    cleanStart: (flags & 0x02) !== 0,
    keepAlive: reader.uint16(),
    clientId: "",
  };
  const { properties } = decodeProperties(reader, "connect", protocolVersion);
  if (properties !== undefined) {
    if (
      properties.authenticationData !== undefined &&
      properties.authenticationMethod === undefined
    ) {
      throw new ProtocolError(
        "CONNECT has authentication data without a method",
      );
    }
    packet.properties = properties;
  }
  // [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.3-4]
  packet.clientId = reader.string();
  if (hasWill) packet.will = decodeWill(flags, reader, protocolVersion);
  // [MQTT-3.1.2-17] [MQTT-3.1.2-19] [MQTT-3.1.3-12]
  if (hasUsername) packet.username = reader.string();
  if (hasPassword) packet.password = reader.binary();
  // [MQTT-3.1.2-16] [MQTT-3.1.2-18]
  if (reader.remaining > 0) {
    throw new MalformedPacketError(
      `CONNECT has ${reader.remaining} bytes too many`,
    );
  }
  return packet;
}

/** [MQTT-3.1.2-9] */
function decodeWill(
  flags: number,
  reader: Reader,
  version: ProtocolVersion,
): Will {
  const properties = decodeProperties(reader, "will", version);
  const topic = reader.string(); // [MQTT-3.1.3-11]
  const error = topicNameError(topic);
  if (error !== undefined) {
    throw new MalformedPacketError(
      `CONNECT has the will topic ${JSON.stringify(topic)}: ${error}`,
    );
  }
  return {
    topic,
    payload: reader.binary(),
    qos: (flags >> 3 & 3) as Qos,
    retain: (flags & 0x20) !== 0,
    ...properties,
  };
}
