/**
 * The body of CONNECT, object → bytes.
 */

import type { Writer } from "./_bytes.ts";
import { checkQos, writeTopicName } from "./_encode_fields.ts";
import type { ConnectPacket, Will } from "./packet.ts";
import { writeProperties } from "./_properties.ts";

export function writeConnect(writer: Writer, packet: ConnectPacket): void {
  const { protocolVersion: version, keepAlive, will, username, password } =
    packet;
  if (version !== 3 && version !== 4 && version !== 5) {
    throw new RangeError(`Cannot encode protocol version ${version}`);
  }
  if (!Number.isInteger(keepAlive) || keepAlive < 0 || keepAlive > 0xffff) {
    throw new RangeError(
      `Cannot encode keep alive ${keepAlive}: it is not 0 to 65,535 seconds`,
    );
  }
  // [MQTT311-3.1.2-22]
  if (password !== undefined && username === undefined && version < 5) {
    throw new TypeError(
      "Cannot encode connect: MQTT 3 has no password without a user name",
    );
  }
  writer.string(version === 3 ? "MQIsdp" : "MQTT", "protocol name");
  writer.byte(version);
  writer.byte(
    (packet.cleanStart ? 0x02 : 0) |
      (will === undefined ? 0 : willFlags(will)) |
      (password === undefined ? 0 : 0x40) | (username === undefined ? 0 : 0x80),
  );
  writer.uint16(keepAlive);
  if (version === 5) {
    if (
      packet.properties?.authenticationData !== undefined &&
      packet.properties.authenticationMethod === undefined
    ) {
      throw new TypeError(
        "Cannot encode connect: authentication data without a method",
      );
    }
    writeProperties(writer, packet.properties, "connect");
  }
  writer.string(packet.clientId, "client identifier");
  if (will !== undefined) {
    if (version === 5) {
      writeProperties(writer, will.properties, "will");
    }
    writeTopicName(writer, will.topic, "will topic");
    writer.binary(will.payload, "will payload");
  }
  if (username !== undefined) writer.string(username, "user name");
  if (password !== undefined) writer.binary(password, "password");
}

function willFlags(will: Will): number {
  checkQos(will.qos, "will QoS");
  return 0x04 | will.qos << 3 | (will.retain ? 0x20 : 0);
}
