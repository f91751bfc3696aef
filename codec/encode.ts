/**
 * Control packets → bytes, for every version.
 *
 * What decoding would refuse is never emitted: it is a `TypeError` or a
 * `RangeError` of the caller. Properties, and whatever else only MQTT 5.0 has,
 * are left out for the older versions.
 *
 * @module
 */

import {
  MAXIMUM_VARIABLE_BYTE_INTEGER,
  variableByteIntegerSize,
  Writer,
} from "./_bytes.ts";
import { writeConnect } from "./_encode_connect.ts";
import { checkQos, writeTopicName } from "./_encode_fields.ts";
import {
  type Packet,
  type PacketType,
  packetTypes,
  type ProtocolVersion,
  type PublishPacket,
  type SubscriptionRequest,
} from "./packet.ts";
import { type PropertyHolder, writeProperties } from "./_properties.ts";
import type { Properties } from "./property.ts";
import { isReasonCodeAllowed } from "./packet_reason.ts";
import { type ReasonCode, toReturnCode } from "./reason_code.ts";
import { topicFilterError } from "./topic.ts";

/** Room for the longest fixed header in front of the body. */
const HEADER = 5;

/** A body larger than this does not keep the shared memory it was written to. */
const KEPT = 1 << 20;

let shared = new Writer();

/**
 * Encodes a control packet.
 *
 * @example
 * ```ts
 * import { encode } from "@ambermq/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encode({ type: "puback", packetId: 10, reasonCode: 0 }, 4);
 * assertEquals(bytes, new Uint8Array([0x40, 2, 0, 10]));
 * ```
 *
 * @param packet The packet.
 * @param version The protocol version of the connection it is for.
 * @returns Its bytes, in memory of their own.
 * @throws {TypeError} If a field is not of its type, or not allowed.
 * @throws {RangeError} If a number or a length is out of range.
 */
export function encode(
  packet: Packet,
  version: ProtocolVersion,
): Uint8Array<ArrayBuffer> {
  return encodeView(packet, version).slice();
}

/**
 * Encodes a control packet into shared memory.
 *
 * @returns A view that the next call of any encoding function overwrites.
 */
export function encodeView(
  packet: Packet,
  version: ProtocolVersion,
): Uint8Array<ArrayBuffer> {
  if (shared.buffer.length > KEPT) shared = new Writer();
  const writer = shared;
  writer.position = HEADER;
  const flags = writeBody(writer, packet, version);
  const length = writer.position - HEADER;
  if (length > MAXIMUM_VARIABLE_BYTE_INTEGER) {
    throw new RangeError(
      `Cannot encode ${packet.type}: ${length} bytes are more than a packet has`,
    );
  }
  const { buffer, position: end } = writer;
  const start = HEADER - variableByteIntegerSize(length) - 1;
  buffer[start] = packetTypes.indexOf(packet.type) << 4 | flags;
  writer.position = start + 1;
  writer.variableByteInteger(length);
  return buffer.subarray(start, end);
}

/** Writes all but the fixed header, whose flags it returns. */
function writeBody(
  writer: Writer,
  packet: Packet,
  version: ProtocolVersion,
): number {
  const { type } = packet;
  switch (type) {
    case "connect":
      writeConnect(writer, packet);
      return 0;
    case "connack":
      // [MQTT-3.2.2-6]
      if (packet.sessionPresent && packet.reasonCode !== 0) {
        throw new TypeError(
          "Cannot encode connack: refused with session present",
        );
      }
      writer.byte(packet.sessionPresent && version > 3 ? 1 : 0);
      writeReasonCode(writer, type, packet.reasonCode, version);
      writePropertiesOf(writer, packet, type, version);
      return 0;
    case "publish":
      return writePublish(writer, packet, version);
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      writePacketId(writer, packet.packetId); // [MQTT-2.2.1-5]
      writeReason(writer, packet, version);
      return type === "pubrel" ? 2 : 0;
    case "subscribe":
      atLeastOne(packet.subscriptions, type);
      writePacketId(writer, packet.packetId);
      writePropertiesOf(writer, packet, type, version);
      for (const one of packet.subscriptions) {
        writeSubscription(writer, one, version);
      }
      return 2;
    case "suback":
      writePacketId(writer, packet.packetId);
      writePropertiesOf(writer, packet, type, version);
      for (const code of packet.reasonCodes) {
        if (!isReasonCodeAllowed(type, code)) throw notAllowed(type, code);
        // 3.1.1 has one failure
        writer.byte(version < 5 && code > 0x80 ? 0x80 : code);
      }
      return 0;
    case "unsubscribe":
      atLeastOne(packet.filters, type);
      writePacketId(writer, packet.packetId);
      writePropertiesOf(writer, packet, type, version);
      for (const filter of packet.filters) writeFilter(writer, filter);
      return 2;
    case "unsuback":
      writePacketId(writer, packet.packetId);
      writePropertiesOf(writer, packet, type, version);
      if (version < 5) return 0;
      for (const code of packet.reasonCodes) {
        writeReasonCode(writer, type, code, version);
      }
      return 0;
    case "pingreq":
    case "pingresp":
      return 0;
    case "disconnect":
      writeReason(writer, packet, version);
      return 0;
    case "auth":
      if (version < 5) {
        throw new TypeError("Cannot encode auth: MQTT 5.0 only has it");
      }
      writeReason(writer, packet, version);
      return 0;
    default: // of a caller without types
      throw new TypeError(`Cannot encode ${type}: it is not a packet type`);
  }
}

function atLeastOne(list: readonly unknown[], type: PacketType): void {
  if (list.length === 0) {
    throw new TypeError(`Cannot encode ${type}: it has no topic filter`);
  }
}

function notAllowed(type: PacketType, code: ReasonCode): RangeError {
  return new RangeError(
    `Cannot encode ${type}: 0x${code.toString(16)} is not a reason code of it`,
  );
}

function writePropertiesOf(
  writer: Writer,
  packet: { properties?: Properties },
  holder: PropertyHolder,
  version: ProtocolVersion,
): void {
  if (version === 5) writeProperties(writer, packet.properties, holder);
}

function writePacketId(writer: Writer, packetId: number | undefined): void {
  if (
    packetId === undefined || !Number.isInteger(packetId) || packetId < 1 ||
    packetId > 0xffff
  ) {
    throw new RangeError(
      `Cannot encode packet identifier ${packetId}: it is not 1 to 65,535`,
    );
  }
  writer.uint16(packetId);
}

function writeReasonCode(
  writer: Writer,
  type: PacketType,
  code: ReasonCode,
  version: ProtocolVersion,
): void {
  if (!isReasonCodeAllowed(type, code)) throw notAllowed(type, code);
  writer.byte(version === 5 ? code : toReturnCode(code));
}

/** Reason code and properties, left out from the end where they say nothing. */
function writeReason(
  writer: Writer,
  packet: { type: PacketType; reasonCode: ReasonCode; properties?: Properties },
  version: ProtocolVersion,
): void {
  const { type, reasonCode, properties } = packet;
  if (!isReasonCodeAllowed(type, reasonCode)) {
    throw notAllowed(type, reasonCode);
  }
  if (version < 5) return;
  if (properties !== undefined) {
    writer.byte(reasonCode);
    writeProperties(writer, properties, type);
  } else if (reasonCode !== 0) {
    writer.byte(reasonCode);
  }
}

function writePublish(
  writer: Writer,
  packet: PublishPacket,
  version: ProtocolVersion,
): number {
  const { topic, qos, dup, retain, payload } = packet;
  const properties = version === 5 ? packet.properties : undefined;
  checkQos(qos, "QoS");
  if (dup && qos === 0) {
    throw new TypeError("Cannot encode publish: DUP goes with QoS 1 and 2");
  }
  if (topic === "" && properties?.topicAlias !== undefined) writer.uint16(0);
  else writeTopicName(writer, topic, "topic name");
  if (qos > 0) writePacketId(writer, packet.packetId); // [MQTT-2.2.1-2]
  if (version === 5) {
    writeProperties(writer, properties, "publish");
  }
  if (!(payload instanceof Uint8Array)) {
    throw new TypeError("Cannot encode publish: its payload is not bytes");
  }
  writer.bytes(payload);
  return (dup ? 8 : 0) | qos << 1 | (retain ? 1 : 0);
}

function writeFilter(writer: Writer, filter: string): void {
  const error = topicFilterError(filter);
  if (error !== undefined) {
    throw new TypeError(
      `Cannot encode topic filter ${JSON.stringify(filter)}: ${error}`,
    );
  }
  writer.string(filter, "topic filter");
}

function writeSubscription(
  writer: Writer,
  request: SubscriptionRequest,
  version: ProtocolVersion,
): void {
  const { filter, qos, noLocal, retainAsPublished, retainHandling } = request;
  checkQos(qos, "QoS");
  writeFilter(writer, filter);
  if (version < 5) return writer.byte(qos);
  // [MQTT-3.8.3-4]
  if (noLocal && filter.startsWith("$share/")) {
    throw new TypeError(
      `Cannot encode No Local for the shared subscription ${filter}`,
    );
  }
  if (![0, 1, 2].includes(retainHandling)) {
    throw new RangeError(
      `Cannot encode Retain Handling ${retainHandling}: it is not 0, 1 or 2`,
    );
  }
  writer.byte(
    qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) |
      retainHandling << 4,
  );
}
