/**
 * Properties by a table: one row each, and what reads, writes and validates
 * them by it.
 */

import { Reader, type Writer } from "./_bytes.ts";
import { MalformedPacketError, ProtocolError } from "./error.ts";
import type { PacketType, ProtocolVersion } from "./packet.ts";
import type { Properties, UserProperty } from "./property.ts";
import { ReasonCode } from "./reason_code.ts";
import { topicNameError } from "./topic.ts";

/** Where properties stand: in a packet, or in the will of a CONNECT. */
export type PropertyHolder = PacketType | "will";

type Name = keyof Properties;

interface Row {
  readonly id: number;
  readonly name: Name;
  readonly kind:
    | "boolean"
    | "byte"
    | "uint16"
    | "uint32"
    | "variable"
    | "string"
    | "binary"
    | "pair";
  readonly holders: readonly PropertyHolder[];
  /** May stand more than once in a packet of this type. */
  readonly repeats?: readonly PropertyHolder[];
  /** 0 is a protocol error. */
  readonly nonZero?: true;
  /** Anything but a valid topic name is a protocol error. */
  readonly topicName?: true;
}

const everywhere: readonly PropertyHolder[] = [
  "connect",
  "connack",
  "publish",
  "will",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "subscribe",
  "suback",
  "unsubscribe",
  "unsuback",
  "disconnect",
  "auth",
];
const message: readonly PropertyHolder[] = ["publish", "will"];
const greeting: readonly PropertyHolder[] = ["connect", "connack"];
const authentication: readonly PropertyHolder[] = [
  "connect",
  "connack",
  "auth",
];

// deno-fmt-ignore: table 2-4 of the specification
const table: readonly Row[] = [
  { id: 0x01, name: "payloadFormatIndicator", kind: "boolean", holders: message },
  { id: 0x02, name: "messageExpiryInterval", kind: "uint32", holders: message },
  { id: 0x03, name: "contentType", kind: "string", holders: message }, // [MQTT-3.3.2-19]
  { id: 0x08, name: "responseTopic", kind: "string", holders: message, topicName: true }, // [MQTT-3.3.2-13] [MQTT-3.3.2-14]
  { id: 0x09, name: "correlationData", kind: "binary", holders: message },
  { id: 0x0b, name: "subscriptionIdentifiers", kind: "variable", holders: ["publish", "subscribe"], repeats: ["publish"], nonZero: true },
  { id: 0x11, name: "sessionExpiryInterval", kind: "uint32", holders: ["connect", "connack", "disconnect"] },
  { id: 0x12, name: "assignedClientIdentifier", kind: "string", holders: ["connack"] },
  { id: 0x13, name: "serverKeepAlive", kind: "uint16", holders: ["connack"] },
  { id: 0x15, name: "authenticationMethod", kind: "string", holders: authentication },
  { id: 0x16, name: "authenticationData", kind: "binary", holders: authentication },
  { id: 0x17, name: "requestProblemInformation", kind: "boolean", holders: ["connect"] },
  { id: 0x18, name: "willDelayInterval", kind: "uint32", holders: ["will"] },
  { id: 0x19, name: "requestResponseInformation", kind: "boolean", holders: ["connect"] },
  { id: 0x1a, name: "responseInformation", kind: "string", holders: ["connack"] },
  { id: 0x1c, name: "serverReference", kind: "string", holders: ["connack", "disconnect"] },
  { id: 0x1f, name: "reasonString", kind: "string", holders: ["connack", "puback", "pubrec", "pubrel", "pubcomp", "suback", "unsuback", "disconnect", "auth"] },
  { id: 0x21, name: "receiveMaximum", kind: "uint16", holders: greeting, nonZero: true },
  { id: 0x22, name: "topicAliasMaximum", kind: "uint16", holders: greeting },
  // [MQTT-3.3.2-8] an alias of 0 is refused with the alias, by its own reason code
  { id: 0x23, name: "topicAlias", kind: "uint16", holders: ["publish"], nonZero: true },
  { id: 0x24, name: "maximumQos", kind: "byte", holders: ["connack"] },
  { id: 0x25, name: "retainAvailable", kind: "boolean", holders: ["connack"] },
  { id: 0x26, name: "userProperties", kind: "pair", holders: everywhere, repeats: everywhere },
  { id: 0x27, name: "maximumPacketSize", kind: "uint32", holders: greeting, nonZero: true },
  { id: 0x28, name: "wildcardSubscriptionAvailable", kind: "boolean", holders: ["connack"] },
  { id: 0x29, name: "subscriptionIdentifiersAvailable", kind: "boolean", holders: ["connack"] },
  { id: 0x2a, name: "sharedSubscriptionAvailable", kind: "boolean", holders: ["connack"] },
];

const byId = new Map(table.map((row) => [row.id, row]));
const finder = new Reader();
const byName = new Map(table.map((row) => [row.name as string, row]));

/**
 * Reads the properties of a packet.
 *
 * @returns The properties, or `undefined` if there are none.
 */
export function readProperties(
  reader: Reader,
  holder: PropertyHolder,
): Properties | undefined {
  const length = reader.variableByteInteger();
  if (length === 0) return undefined;
  const end = reader.position + length;
  if (end > reader.end) {
    throw new MalformedPacketError(
      `Properties of ${length} bytes reach beyond the end of the ${holder} packet`,
    );
  }
  const packetEnd = reader.end;
  reader.end = end;
  const properties: Record<string, unknown> = {};
  while (reader.position < end) {
    const id = reader.variableByteInteger();
    const row = byId.get(id);
    if (row === undefined || !row.holders.includes(holder)) {
      throw new MalformedPacketError(
        `Property 0x${id.toString(16).padStart(2, "0")} ` +
          `is not one of the ${holder} packet`,
      );
    }
    const value = readValue(reader, row);
    const { name } = row;
    if (row.kind === "pair" || name === "subscriptionIdentifiers") {
      const values = properties[name] as unknown[] | undefined;
      if (values === undefined) properties[name] = [value];
      else if (row.repeats?.includes(holder)) values.push(value);
      else throw repeated(name, holder);
    } else if (name in properties) {
      throw repeated(name, holder);
    } else {
      properties[name] = value;
    }
  }
  reader.end = packetEnd;
  return properties as Properties;
}

/**
 * Where the value of a property stands.
 *
 * @param from Where the first property begins.
 * @param end Where the last one ends.
 * @param id The property; all of them are valid.
 * @returns The position of its value, or 0 if it is not there.
 */
export function findProperty(
  bytes: Uint8Array,
  from: number,
  end: number,
  id: number,
): number {
  finder.reset(bytes, from, end);
  while (finder.position < end) {
    const row = byId.get(finder.byte())!;
    if (row.id === id) return finder.position;
    skipValue(finder, row);
  }
  return 0;
}

function skipValue(reader: Reader, { kind }: Row): void {
  switch (kind) {
    case "boolean":
    case "byte":
      reader.position += 1;
      return;
    case "uint16":
      reader.position += 2;
      return;
    case "uint32":
      reader.position += 4;
      return;
    case "variable":
      reader.variableByteInteger();
      return;
    case "pair":
      skipText(reader);
      skipText(reader);
      return;
    case "string":
    case "binary":
      skipText(reader);
  }
}

function skipText(reader: Reader): void {
  const length = reader.uint16();
  reader.position += length;
}

/** The properties of a packet as something to spread: none before 5.0. */
export function decodeProperties(
  reader: Reader,
  holder: PropertyHolder,
  version: ProtocolVersion,
): { properties?: Properties } {
  const properties = version === 5 ? readProperties(reader, holder) : undefined;
  return properties === undefined ? {} : { properties };
}

function repeated(name: string, holder: PropertyHolder): ProtocolError {
  return new ProtocolError(
    `Property ${name} stands more than once in the ${holder} packet`,
  );
}

function readValue(reader: Reader, row: Row): unknown {
  const value = readRaw(reader, row);
  if (row.nonZero && value === 0) {
    throw new ProtocolError(
      `Property ${row.name} is 0`,
      row.name === "topicAlias"
        ? ReasonCode.TopicAliasInvalid
        : ReasonCode.ProtocolError,
    );
  }
  if (row.topicName) {
    const error = topicNameError(value as string);
    if (error !== undefined) {
      throw new ProtocolError(
        `Property ${row.name} is ${JSON.stringify(value)}: ${error}`,
      );
    }
  }
  return value;
}

function readRaw(reader: Reader, row: Row): unknown {
  switch (row.kind) {
    case "boolean":
    case "byte": {
      const byte = reader.byte();
      if (byte > 1) {
        throw new ProtocolError(
          `Property ${row.name} is ${byte}, neither 0 nor 1`,
        );
      }
      return row.kind === "boolean" ? byte === 1 : byte;
    }
    case "uint16":
      return reader.uint16();
    case "uint32":
      return reader.uint32();
    case "variable":
      return reader.variableByteInteger();
    case "string":
      return reader.string();
    case "binary":
      return reader.binary();
    case "pair": // [MQTT-1.5.7-1]
      return [reader.string(), reader.string()];
  }
}

/**
 * Writes the properties of a packet: their length, then each one.
 *
 * @throws {TypeError} If one is not a property of that packet or its value is
 * not of its type.
 * @throws {RangeError} If a value is out of range.
 */
export function writeProperties(
  writer: Writer,
  properties: Properties | undefined,
  holder: PropertyHolder,
): void {
  // [MQTT-2.2.2-1]
  if (properties === undefined) return writer.byte(0);
  const start = writer.openLength();
  for (const name in properties) {
    const value = properties[name as Name];
    if (value === undefined) continue;
    const row = byName.get(name);
    if (row === undefined || !row.holders.includes(holder)) {
      throw new TypeError(
        `Cannot encode property ${name}: it is not one of the ${holder} packet`,
      );
    }
    if (row.kind === "pair" || name === "subscriptionIdentifiers") {
      const values = value as readonly unknown[];
      if (values.length > 1 && !row.repeats?.includes(holder)) {
        throw new RangeError(
          `Cannot encode property ${name}: it stands only once in the ${holder} packet`,
        );
      }
      for (const one of values) writeProperty(writer, row, one);
    } else {
      writeProperty(writer, row, value);
    }
  }
  writer.closeLength(start);
}

function writeProperty(writer: Writer, row: Row, value: unknown): void {
  writer.byte(row.id); // every identifier is below 0x80
  const what = `property ${row.name}`;
  switch (row.kind) {
    case "boolean":
      if (typeof value !== "boolean") {
        throw new TypeError(`Cannot encode ${what}: it is not a boolean`);
      }
      return writer.byte(value ? 1 : 0);
    case "byte":
      return writer.byte(integer(value, 1, row));
    case "uint16":
      return writer.uint16(integer(value, 0xffff, row));
    case "uint32":
      return writer.uint32(integer(value, 0xffff_ffff, row));
    case "variable":
      return writer.variableByteInteger(integer(value, 0xfff_ffff, row));
    case "string":
      if (row.topicName) checkTopicName(value as string, what);
      return writer.string(value as string, what);
    case "binary":
      return writer.binary(value as Uint8Array, what);
    case "pair": {
      const [name, text] = value as UserProperty;
      writer.string(name, `the name in ${what}`);
      return writer.string(text, `the value in ${what}`);
    }
  }
}

function checkTopicName(topic: string, what: string): void {
  const error = topicNameError(topic);
  if (error !== undefined) {
    throw new TypeError(
      `Cannot encode ${what} ${JSON.stringify(topic)}: ${error}`,
    );
  }
}

function integer(value: unknown, maximum: number, row: Row): number {
  const minimum = row.nonZero ? 1 : 0;
  if (
    typeof value !== "number" || !Number.isInteger(value) || value < minimum ||
    value > maximum
  ) {
    throw new RangeError(
      `Cannot encode property ${row.name}: ${value} is not an integer ` +
        `from ${minimum} to ${maximum}`,
    );
  }
  return value;
}
