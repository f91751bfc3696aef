/**
 * Messages and wills as bytes that outlive the process.
 *
 * A message is kept in the form in which it came in, which is there already:
 * a PUBLISH of its protocol version. What is not in it, or only as it was on
 * the publisher's connection, stands beside: QoS, RETAIN and when it expires.
 */

import {
  copyBytes,
  encode,
  PacketParser,
  type PublishPacket,
  type Qos,
  type Will,
} from "../codec/mod.ts";
import { Message } from "./message.ts";
import type { StoredWill } from "./store.ts";

/** A message as bytes. */
export interface StoredMessage {
  /** QoS, `RETAINED` and `FIVE`. */
  readonly flags: number;
  /** Milliseconds since 1970, whole ones; `null` if it does not expire. */
  readonly expiresAt: number | null;
  /** The PUBLISH. */
  readonly bytes: Uint8Array;
}

/** The message was published with RETAIN 1. */
const RETAINED = 4;
/** The bytes are of 5.0, else of 3.1.1. */
const FIVE = 8;

/** The bytes of a message. */
export function storedMessage(message: Message): StoredMessage {
  const { qos, retain, expiresAt } = message;
  const { frame, version } = message.kept();
  return {
    flags: qos | (retain ? RETAINED : 0) | (version === 5 ? FIVE : 0),
    expiresAt: expiresAt === Infinity ? null : Math.ceil(expiresAt),
    bytes: frame.bytes,
  };
}

/** The message that some bytes are of. */
export function restoredMessage(stored: StoredMessage): Message {
  const { flags, expiresAt, bytes } = stored;
  const packet = parsed(bytes, flags);
  const seconds = packet.properties?.messageExpiryInterval ?? 0;
  const message = Message.received(
    { ...packet, qos: (flags & 3) as Qos, retain: (flags & RETAINED) !== 0 },
    packet.topic,
    bytes,
    flags & FIVE ? 5 : 4,
    () => (expiresAt ?? 0) - seconds * 1000,
  );
  message.keep();
  return message;
}

/** By protocol version: a million messages need no million of them. */
const parsers: { 4?: PacketParser | undefined; 5?: PacketParser | undefined } =
  {};

function parsed(bytes: Uint8Array, flags: number): PublishPacket {
  const version = flags & FIVE ? 5 : 4;
  const parser = parsers[version] ?? new PacketParser({ version });
  parsers[version] = undefined; // it is in order again once it has succeeded
  parser.push(bytes);
  const packet = parser.next();
  if (packet?.type !== "publish" || parser.pending > 0) {
    throw new TypeError("it has a message that is none");
  }
  parsers[version] = parser;
  return packet;
}

/** In front of the PUBLISH of a will: flags, delay or none, when it is due. */
const WILL_HEAD = 1 + 8 + 8;

/** The bytes of a will. */
export function storedWill({ will, dueAt }: StoredWill): Uint8Array {
  const { topic, payload, qos, retain, properties } = will;
  const { willDelayInterval, ...rest } = properties ?? {};
  const packet = encode({
    type: "publish",
    topic,
    payload,
    qos: 0,
    retain: false,
    dup: false,
    properties: rest,
  }, 5);
  const bytes = new Uint8Array(WILL_HEAD + packet.length);
  const view = new DataView(bytes.buffer);
  const flags = qos | (retain ? RETAINED : 0) |
    (properties === undefined ? 0 : FIVE);
  view.setUint8(0, flags);
  view.setFloat64(1, willDelayInterval ?? NaN);
  view.setFloat64(9, dueAt ?? NaN);
  bytes.set(packet, WILL_HEAD);
  return bytes;
}

/** The will that some bytes are of. */
export function restoredWill(bytes: Uint8Array): StoredWill {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = view.getUint8(0);
  const delay = view.getFloat64(1);
  const dueAt = view.getFloat64(9);
  const { topic, payload, properties = {} } = parsed(
    bytes.subarray(WILL_HEAD),
    FIVE,
  );
  const will: Will = {
    topic,
    payload: copyBytes(payload),
    qos: (flags & 3) as Qos,
    retain: (flags & RETAINED) !== 0,
  };
  if (flags & FIVE) {
    const { correlationData } = properties;
    will.properties = {
      ...properties,
      ...(correlationData && { correlationData: copyBytes(correlationData) }),
      ...(Number.isNaN(delay) ? {} : { willDelayInterval: delay }),
    };
  }
  return { will, dueAt: Number.isNaN(dueAt) ? undefined : dueAt };
}
