/**
 * The bodies of control packets, bytes → objects. The parser has already taken
 * the fixed header off and made sure that the whole body is there.
 */

import { decodeString, type Reader } from "./_bytes.ts";
import { MalformedPacketError, ProtocolError } from "./error.ts";
import {
  type ConnectPacket,
  type Packet,
  type PacketType,
  packetTypes,
  type ProtocolVersion,
  type PublishPacket,
  type Qos,
  type RetainHandling,
  type SubscriptionRequest,
  type Will,
} from "./packet.ts";
import { type PropertyHolder, readProperties } from "./_properties.ts";
import type { Properties } from "./property.ts";
import {
  fromReturnCode,
  isReasonCodeAllowed,
  ReasonCode,
} from "./reason_code.ts";
import { topicFilterError, topicNameError } from "./topic.ts";

/** Bytes of the longest topic name that is remembered. */
const REMEMBERED = 64;

/**
 * Remembers the last topic name as bytes and as a string: a connection that
 * publishes to one topic decodes and validates its name once.
 */
export class TopicCache {
  /** Made by the first PUBLISH: most connections only listen. */
  #bytes: Uint8Array | undefined;
  #length = -1;
  #topic = "";

  decode(buffer: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length === this.#length) {
      const bytes = this.#bytes!;
      let i = length;
      // backwards: topics of one publisher differ at their ends
      while (i > 0 && bytes[i - 1] === buffer[start + i - 1]) i--;
      if (i === 0) return this.#topic;
    }
    const topic = decodeString(buffer, start, end);
    const error = length === 0 ? undefined : topicNameError(topic);
    if (error !== undefined) {
      throw new MalformedPacketError(
        `PUBLISH has the topic name ${JSON.stringify(topic)}: ${error}`,
      );
    }
    if (length <= REMEMBERED) {
      const bytes = this.#bytes ??= new Uint8Array(REMEMBERED);
      for (let i = 0; i < length; i++) bytes[i] = buffer[start + i]!;
      this.#length = length;
      this.#topic = topic;
    }
    return topic;
  }
}

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
  if (properties !== undefined) checkResponseTopic(properties, "PUBLISH");
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

/** [MQTT-3.3.2-14], for the will's too. */
function checkResponseTopic(properties: Properties, what: string): void {
  const { responseTopic } = properties;
  if (responseTopic === undefined) return;
  const error = topicNameError(responseTopic);
  if (error !== undefined) {
    throw new ProtocolError(
      `${what} has the response topic ${
        JSON.stringify(responseTopic)
      }: ${error}`,
    );
  }
}

function decodePacketId(type: PacketType, reader: Reader): number {
  const packetId = reader.uint16();
  // [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT311-2.3.1-1]
  if (packetId === 0) {
    throw new ProtocolError(`${type} has packet identifier 0`);
  }
  return packetId;
}

function decodeProperties(
  reader: Reader,
  holder: PropertyHolder,
  version: ProtocolVersion,
): { properties?: Properties } {
  const properties = version === 5 ? readProperties(reader, holder) : undefined;
  return properties === undefined ? {} : { properties };
}

function unknownCode(type: PacketType, code: number): ProtocolError {
  return new ProtocolError(
    `${type} has 0x${code.toString(16).padStart(2, "0")}, ` +
      "which is not one of its reason codes",
  );
}

function decodeReasonCode(type: PacketType, reader: Reader): ReasonCode {
  const code = reader.byte();
  if (!isReasonCodeAllowed(type, code)) throw unknownCode(type, code);
  return code;
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
  let reasonCode: ReasonCode;
  if (version === 5) {
    reasonCode = decodeReasonCode(type, reader);
  } else {
    const returnCode = reader.byte();
    const code = fromReturnCode(returnCode);
    if (code === undefined) throw unknownCode(type, returnCode);
    reasonCode = code;
  }
  // [MQTT-3.2.2-6] [MQTT311-3.2.2-4]
  if (reasonCode !== 0 && sessionPresent) {
    throw new ProtocolError("CONNACK refuses with session present 1");
  }
  return {
    type,
    sessionPresent,
    reasonCode,
    ...decodeProperties(reader, type, version),
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
  if (properties.properties) checkResponseTopic(properties.properties, "Will");
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
