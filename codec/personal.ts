/**
 * What a PUBLISH of 5.0 says to one receiver and not to the others: its topic
 * alias, its subscription identifiers, what is left of the expiry interval.
 *
 * They stand in front of the properties of the message, which are copied with
 * all that follows as they are. Only the head of the packet is written anew.
 *
 * @module
 */

import {
  MAXIMUM_VARIABLE_BYTE_INTEGER,
  Reader,
  variableByteIntegerSize,
} from "./_bytes.ts";
import { findProperty } from "./_properties.ts";

/** What only one receiver of 5.0 gets with a PUBLISH. */
export interface Personal {
  /** The topic alias; 0: none. */
  readonly topicAlias: number;
  /** Whether the alias stands for the topic name, and the name is left out. */
  readonly aliasOnly: boolean;
  /** The identifiers of the subscriptions that matched. */
  readonly identifiers: readonly number[] | undefined;
  /** The message expiry interval in seconds; absent: as it was published. */
  readonly expiry: number | undefined;
}

/** Where the parts of an encoded PUBLISH of 5.0 are. */
export interface Layout {
  /** The topic name, with its length. */
  readonly topic: number;
  /** The length of the properties. */
  readonly properties: number;
  /** The first property. */
  readonly first: number;
  /** The payload. */
  readonly payload: number;
  /** The value of the message expiry interval; 0 if there is none. */
  readonly expiry: number;
}

const SUBSCRIPTION_IDENTIFIER = 0x0b;
const TOPIC_ALIAS = 0x23;
const MESSAGE_EXPIRY_INTERVAL = 0x02;

const reader = new Reader();

/** Finds the parts of a valid PUBLISH. */
export function layoutOf(bytes: Uint8Array): Layout {
  reader.reset(bytes, 1, bytes.length);
  reader.variableByteInteger();
  const topic = reader.position;
  const nameLength = reader.uint16();
  reader.position += nameLength;
  if ((bytes[0]! & 0x06) !== 0) reader.uint16();
  const properties = reader.position;
  const length = reader.variableByteInteger();
  const first = reader.position;
  const payload = first + length;
  const expiry = findProperty(bytes, first, payload, MESSAGE_EXPIRY_INTERVAL);
  return { topic, properties, first, payload, expiry };
}

/** Bytes of the properties of one receiver. */
function sizeOfOwn({ topicAlias, identifiers }: Personal): number {
  let size = topicAlias === 0 ? 0 : 3;
  for (const identifier of identifiers ?? []) {
    size += 1 + variableByteIntegerSize(identifier);
  }
  return size;
}

/** The Remaining Length of the packet, for one receiver. */
export function remainingLength(
  bytes: Uint8Array,
  layout: Layout,
  personal: Personal,
): number {
  const { topic, properties, first, payload } = layout;
  const length = payload - first + sizeOfOwn(personal);
  const nameLength = properties - topic;
  const left = personal.aliasOnly ? packetIdLength(bytes) + 2 : nameLength;
  return left + variableByteIntegerSize(length) + length + bytes.length -
    payload;
}

/** Whether a packet may be so long at all. */
export function isSendable(remaining: number): boolean {
  return remaining <= MAXIMUM_VARIABLE_BYTE_INTEGER;
}

function packetIdLength(bytes: Uint8Array): number {
  return (bytes[0]! & 0x06) === 0 ? 0 : 2;
}

/**
 * Writes all that stands in front of the payload.
 *
 * @param to Where it goes; there is room.
 * @returns Where the payload goes.
 */
export function writeHead(
  to: Uint8Array,
  position: number,
  bytes: Uint8Array,
  layout: Layout,
  personal: Personal,
  flags: number,
  packetId: number,
): number {
  const { topic, properties, first, payload, expiry } = layout;
  let at = position;
  to[at++] = 0x30 | flags;
  at = writeVariable(to, at, remainingLength(bytes, layout, personal));
  if (personal.aliasOnly) {
    to[at++] = 0;
    to[at++] = 0;
  } else {
    const name = bytes.subarray(topic, properties - packetIdLength(bytes));
    to.set(name, at);
    at += name.length;
  }
  if (packetIdLength(bytes) !== 0) {
    to[at++] = packetId >> 8;
    to[at++] = packetId;
  }
  at = writeVariable(to, at, payload - first + sizeOfOwn(personal));
  if (personal.topicAlias !== 0) {
    to[at++] = TOPIC_ALIAS;
    to[at++] = personal.topicAlias >> 8;
    to[at++] = personal.topicAlias;
  }
  // [MQTT-3.3.4-3] [MQTT-3.3.4-4]
  for (const identifier of personal.identifiers ?? []) {
    to[at++] = SUBSCRIPTION_IDENTIFIER;
    at = writeVariable(to, at, identifier);
  }
  if (payload === first) return at;
  to.set(bytes.subarray(first, payload), at);
  // [MQTT-3.3.2-6]
  if (personal.expiry !== undefined && expiry !== 0) {
    writeUint32(to, at + expiry - first, personal.expiry);
  }
  return at + payload - first;
}

function writeVariable(to: Uint8Array, position: number, value: number) {
  let at = position;
  let rest = value;
  while (rest >= 0x80) {
    to[at++] = rest & 0x7f | 0x80;
    rest >>>= 7;
  }
  to[at++] = rest;
  return at;
}

function writeUint32(to: Uint8Array, position: number, value: number): void {
  for (let i = 0; i < 4; i++) to[position + i] = value >>> 24 - 8 * i;
}
