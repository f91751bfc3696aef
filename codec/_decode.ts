/**
 * The bodies of control packets, bytes → objects. The parser has already taken
 * the fixed header off and made sure that the whole body is there.
 */

import type { Reader } from "./_bytes.ts";
import { MalformedPacketError, ProtocolError } from "./error.ts";
import {
  type Packet,
  type PacketType,
  packetTypes,
  type ProtocolVersion,
  type PublishPacket,
  type Qos,
  type RetainHandling,
  type SubscriptionRequest,
} from "./packet.ts";
import { decodeProperties, readProperties } from "./_properties.ts";
import type { Properties } from "./property.ts";
import { isReasonCodeAllowed } from "./packet_reason.ts";
import { fromReturnCode, type ReasonCode } from "./reason_code.ts";
import { topicFilterError } from "./topic.ts";
import type { TopicCache } from "./_topic_cache.ts";

/** The packet type and flags of a fixed header's first byte, checked. */
export function checkFixedHeader(
  first: number,
  version: ProtocolVersion | undefined,
): PacketType {
  const type = packetTypes[first >> 4];
  if (type === undefined || (type === "auth" && version !== 5)) {
    throw new MalformedPacketError(`Packet type ${first >> 4} is reserved`);
  }
  if (version === undefined && type !== "connect") {
    // [MQTT-3.1.0-1]
    throw new ProtocolError(`The first packet is ${type}, not connect`);
  }
  const flags = first & 0x0f;
  if (type === "publish") {
    // [MQTT-3.3.1-4]
    if ((flags & 0x06) === 0x06) {
      throw new MalformedPacketError("PUBLISH has QoS 3");
    }
    return type;
  }
  // [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1]
  // [MQTT-3.14.1-1] [MQTT-3.15.1-1]
  const expected =
    type === "pubrel" || type === "subscribe" || type === "unsubscribe" ? 2 : 0;
  // MQTT 3.1 marks repetitions of these three with DUP.
  const significant = version === 3 && expected === 2 ? 0x07 : 0x0f;
  if ((flags & significant) !== expected) {
    throw new MalformedPacketError(
      `Fixed header flags of ${type} are ${flags}, not ${expected}`,
    );
  }
  return type;
}

/** Decodes the body that `reader` stands at; `flags` are the fixed header's. */
export function decodeBody(
  type: Exclude<PacketType, "connect">,
  flags: number,
  reader: Reader,
  version: ProtocolVersion,
  topics: TopicCache,
): Packet {
  if (type === "publish") return decodePublish(flags, reader, version, topics);
  const packet = decodeOther(type, reader, version);
  if (reader.remaining > 0) {
    throw new MalformedPacketError(
      `${type} has ${reader.remaining} bytes too many`,
    );
  }
  return packet;
}

function decodeOther(
  type: Exclude<PacketType, "connect" | "publish">,
  reader: Reader,
  version: ProtocolVersion,
): Packet {
  switch (type) {
    case "connack":
      return decodeConnack(reader, version);
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp": {
      const packetId = decodePacketId(type, reader);
      // By far the most: nothing but the identifier.
      if (reader.remaining === 0) return { type, packetId, reasonCode: 0 };
      return { type, packetId, ...decodeReason(type, reader, version) };
    }
    case "subscribe": {
      const packetId = decodePacketId(type, reader);
      const properties = decodeProperties(reader, type, version);
      const subscriptions: SubscriptionRequest[] = [];
      while (reader.remaining > 0) {
        subscriptions.push(decodeSubscription(reader, version));
      }
      // [MQTT-3.8.3-2]
      if (subscriptions.length === 0) {
        throw new ProtocolError("SUBSCRIBE has no topic filter");
      }
      return { type, packetId, subscriptions, ...properties };
    }
    case "suback": {
      const packetId = decodePacketId(type, reader);
      const properties = decodeProperties(reader, type, version);
      const reasonCodes: ReasonCode[] = [];
      while (reader.remaining > 0) {
        const code = reader.byte();
        // [MQTT311-3.9.3-2] knows 0, 1, 2 and 0x80
        if (
          !isReasonCodeAllowed(type, code) || (version < 5 && code > 0x80)
        ) throw unknownCode(type, code);
        reasonCodes.push(code);
      }
      return { type, packetId, reasonCodes, ...properties };
    }
    case "unsubscribe": {
      const packetId = decodePacketId(type, reader);
      const properties = decodeProperties(reader, type, version);
      const filters: string[] = [];
      while (reader.remaining > 0) filters.push(decodeFilter(reader));
      // [MQTT-3.10.3-2]
      if (filters.length === 0) {
        throw new ProtocolError("UNSUBSCRIBE has no topic filter");
      }
      return { type, packetId, filters, ...properties };
    }
    case "unsuback": {
      const packetId = decodePacketId(type, reader);
      const properties = decodeProperties(reader, type, version);
      const reasonCodes: ReasonCode[] = [];
      while (version === 5 && reader.remaining > 0) {
        reasonCodes.push(decodeReasonCode(type, reader));
      }
      return { type, packetId, reasonCodes, ...properties };
    }
    case "pingreq":
    case "pingresp":
      return { type };
    case "disconnect":
    case "auth":
      return { type, ...decodeReason(type, reader, version) };
  }
}

function decodePublish(
  flags: number,
  reader: Reader,
  version: ProtocolVersion,
  topics: TopicCache,
): PublishPacket {
  const qos = (flags >> 1 & 3) as Qos;
  const retain = (flags & 1) !== 0;
  const dup = (flags & 8) !== 0;
  // [MQTT-3.3.1-2]
  if (dup && qos === 0) {
    throw new MalformedPacketError("PUBLISH has DUP 1 and QoS 0");
  }
  const length = reader.uint16();
  const start = reader.position;
  if (start + length > reader.end) {
    throw new MalformedPacketError(
      `PUBLISH ends within its topic name of ${length} bytes`,
    );
  }
  reader.position = start + length;
  // [MQTT-3.3.2-1]
  const topic = topics.decode(reader.buffer, start, start + length);
  const packetId = qos === 0 ? undefined : decodePacketId("publish", reader);
  const properties = version === 5
    ? readProperties(reader, "publish")
    : undefined;
  if (length === 0 && properties?.topicAlias === undefined) {
    throw new ProtocolError("PUBLISH has neither topic name nor topic alias");
  }
  const packet: PublishPacket = {
    type: "publish",
    topic,
    payload: reader.rest(),
    qos,
    retain,
    dup,
  };
  if (packetId !== undefined) packet.packetId = packetId;
  if (properties !== undefined) packet.properties = properties;
  return packet;
}

function decodePacketId(type: PacketType, reader: Reader): number {
  const packetId = reader.uint16();
  // [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT311-2.3.1-1]
  if (packetId === 0) {
    throw new ProtocolError(`${type} has packet identifier 0`);
  }
  return packetId;
}

function unknownCode(type: PacketType, code: number): ProtocolError {
  return new ProtocolError(
    `${type} has 0x${code.toString(16).padStart(2, "0")}, ` +
      "which is not one of its reason codes",
  );
}

function checkedReasonCode(type: PacketType, code: number): ReasonCode {
  if (!isReasonCodeAllowed(type, code)) throw unknownCode(type, code);
  return code;
}

function decodeReasonCode(type: PacketType, reader: Reader): ReasonCode {
  return checkedReasonCode(type, reader.byte());
}

/** Reason code and properties, both left out where they say nothing. */
function decodeReason(
  type: PacketType,
  reader: Reader,
  version: ProtocolVersion,
): { reasonCode: ReasonCode; properties?: Properties } {
  if (version < 5 || reader.remaining === 0) return { reasonCode: 0 };
  const reasonCode = decodeReasonCode(type, reader);
  if (reader.remaining === 0) return { reasonCode };
  return { reasonCode, ...decodeProperties(reader, type, version) };
}

function decodeConnack(reader: Reader, version: ProtocolVersion): Packet {
  const flags = reader.byte();
  // [MQTT-3.2.2-1]; MQTT 3.1 leaves the byte unused
  if (version > 3 && flags > 1) {
    throw new MalformedPacketError(`CONNACK has the flags ${flags}`);
  }
  const sessionPresent = version > 3 && flags === 1;
  const type = "connack";
  const code = reader.byte();
  // Who knows no 5.0 refuses it in the form of 3.1.1 [MQTT311-3.1.2-2].
  const older = version === 5 && reader.remaining === 0 && code === 1;
  const form = older ? 4 : version;
  const reasonCode = form === 5
    ? checkedReasonCode(type, code)
    : fromReturnCode(code);
  if (reasonCode === undefined) throw unknownCode(type, code);
  // [MQTT-3.2.2-6] [MQTT311-3.2.2-4]
  if (reasonCode !== 0 && sessionPresent) {
    throw new ProtocolError("CONNACK refuses with session present 1");
  }
  return {
    type,
    sessionPresent,
    reasonCode,
    ...decodeProperties(reader, type, form),
  };
}

function decodeSubscription(
  reader: Reader,
  version: ProtocolVersion,
): SubscriptionRequest {
  const filter = decodeFilter(reader);
  const options = reader.byte();
  // [MQTT-3.8.3-5] [MQTT311-3.8.3-4]
  if ((options & (version === 5 ? 0xc0 : 0xfc)) !== 0) {
    throw new MalformedPacketError(
      `Reserved subscription options of ${JSON.stringify(filter)} are not 0`,
    );
  }
  const qos = options & 3;
  const retainHandling = options >> 4 & 3;
  if (qos === 3) {
    const text = `QoS asked for with ${JSON.stringify(filter)} is 3`;
    throw version === 5
      ? new ProtocolError(text)
      : new MalformedPacketError(text);
  }
  if (retainHandling === 3) {
    throw new ProtocolError(
      `Retain Handling of ${JSON.stringify(filter)} is 3`,
    );
  }
  const noLocal = (options & 4) !== 0;
  // [MQTT-3.8.3-4]
  if (noLocal && filter.startsWith("$share/")) {
    throw new ProtocolError(
      `No Local is set on the shared subscription ${JSON.stringify(filter)}`,
    );
  }
  return {
    filter,
    qos: qos as Qos,
    noLocal,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as RetainHandling,
  };
}

function decodeFilter(reader: Reader): string {
  const filter = reader.string(); // [MQTT-3.8.3-1] [MQTT-3.10.3-1]
  const error = topicFilterError(filter);
  if (error !== undefined) {
    throw new MalformedPacketError(
      `Topic filter ${JSON.stringify(filter)} is not valid: ${error}`,
    );
  }
  return filter;
}
