/**
 * Control packets as bytes, both ways, for tests of the broker.
 *
 * Written from the specification's tables and not with the codec, so that a
 * mistake of the codec's cannot cancel itself out. Building is permissive: any
 * broken packet can be made. Reading is strict: what a broker may not send is
 * an error here, whatever the test is about.
 */

/** Protocol levels: 3 is MQTT 3.1, 4 is 3.1.1. */
export type Version = 3 | 4 | 5;

/** What people call them. */
export const versionNames: Readonly<Record<Version, string>> = {
  3: "3.1",
  4: "3.1.1",
  5: "5.0",
};

export type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Bytes from hexadecimal digits and 'ASCII text'; spaces and bars are for the
 * reader: hex("30 07 | 0003 'a/b' 'hi'").
 */
export function hex(notation: string): Bytes {
  return join(
    ...[...notation.matchAll(/'[^']*'|[0-9a-f]+|[^\s|]/g)].map(([token]) => {
      if (token.startsWith("'")) return text(token.slice(1, -1));
      if (!/^([0-9a-f]{2})+$/.test(token)) {
        throw new Error(`Not bytes: ${token} in ${notation}`);
      }
      return Uint8Array.fromHex(token);
    }),
  );
}

export function join(...parts: readonly ArrayLike<number>[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function text(value: string): Bytes {
  return new TextEncoder().encode(value);
}

export function u16(value: number): Bytes {
  return Uint8Array.of(value >> 8, value & 0xff);
}

export function u32(value: number): Bytes {
  return join(u16(value >>> 16), u16(value & 0xffff));
}

/** A variable byte integer (5.0: section 1.5.5). */
export function varint(value: number): Bytes {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push(rest % 128 + 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.of(...bytes, rest);
}

/** A string, or binary data, with its length in front. */
export function field(value: string | Uint8Array): Bytes {
  const content = typeof value === "string" ? text(value) : value;
  return join(u16(content.length), content);
}

/** A packet of this first byte and this body. */
export function packet(
  first: number,
  ...body: readonly ArrayLike<number>[]
): Bytes {
  const content = join(...body);
  return join([first], varint(content.length), content);
}

// Properties (5.0: section 2.2.2.2).

type Kind = "byte" | "u16" | "u32" | "varint" | "string" | "binary" | "pair";

const propertyTable = {
  payloadFormatIndicator: [0x01, "byte"],
  messageExpiryInterval: [0x02, "u32"],
  contentType: [0x03, "string"],
  responseTopic: [0x08, "string"],
  correlationData: [0x09, "binary"],
  subscriptionIdentifier: [0x0b, "varint"],
  sessionExpiryInterval: [0x11, "u32"],
  assignedClientIdentifier: [0x12, "string"],
  serverKeepAlive: [0x13, "u16"],
  authenticationMethod: [0x15, "string"],
  authenticationData: [0x16, "binary"],
  requestProblemInformation: [0x17, "byte"],
  willDelayInterval: [0x18, "u32"],
  requestResponseInformation: [0x19, "byte"],
  responseInformation: [0x1a, "string"],
  serverReference: [0x1c, "string"],
  reasonString: [0x1f, "string"],
  receiveMaximum: [0x21, "u16"],
  topicAliasMaximum: [0x22, "u16"],
  topicAlias: [0x23, "u16"],
  maximumQos: [0x24, "byte"],
  retainAvailable: [0x25, "byte"],
  userProperty: [0x26, "pair"],
  maximumPacketSize: [0x27, "u32"],
  wildcardSubscriptionAvailable: [0x28, "byte"],
  subscriptionIdentifierAvailable: [0x29, "byte"],
  sharedSubscriptionAvailable: [0x2a, "byte"],
} as const satisfies Record<string, readonly [number, Kind]>;

export type PropertyName = keyof typeof propertyTable;

interface ValueOf {
  byte: number;
  u16: number;
  u32: number;
  varint: number;
  string: string;
  binary: Uint8Array;
  pair: [string, string];
}

/** Those that may occur more than once in a PUBLISH of a broker. */
const repeated = ["userProperty", "subscriptionIdentifier"] as const;

/** Properties by name; those that may be repeated are lists. */
export type Properties = {
  [Name in PropertyName]?: Name extends (typeof repeated)[number]
    ? ValueOf[(typeof propertyTable)[Name][1]][]
    : ValueOf[(typeof propertyTable)[Name][1]];
};

/** Properties with their length: of a record, or as bytes that a test wrote. */
export function properties(some: Properties | Uint8Array = {}): Bytes {
  if (some instanceof Uint8Array) return join(varint(some.length), some);
  const parts: Bytes[] = [];
  for (const [name, value] of Object.entries(some)) {
    const [id, kind] = propertyTable[name as PropertyName];
    const values = (repeated as readonly string[]).includes(name)
      ? value as unknown[]
      : [value];
    for (const one of values) parts.push(join([id], encodeValue(kind, one)));
  }
  const content = join(...parts);
  return join(varint(content.length), content);
}

function encodeValue(kind: Kind, value: unknown): Bytes {
  switch (kind) {
    case "byte":
      return Uint8Array.of(value as number);
    case "u16":
      return u16(value as number);
    case "u32":
      return u32(value as number);
    case "varint":
      return varint(value as number);
    case "string":
    case "binary":
      return field(value as string | Uint8Array);
    case "pair": {
      const [name, content] = value as [string, string];
      return join(field(name), field(content));
    }
  }
}

function propertiesIf(
  version: Version,
  some: Properties | Uint8Array | undefined,
): Bytes {
  return version === 5 ? properties(some) : new Uint8Array();
}

// Building.

export interface WillFields {
  topic: string;
  payload?: string | Uint8Array;
  qos?: number;
  retain?: boolean;
  properties?: Properties | Uint8Array;
}

export interface ConnectFields {
  clientId?: string;
  /** Clean Start, or CleanSession before 5.0. By default `true`. */
  clean?: boolean;
  keepAlive?: number;
  will?: WillFields;
  username?: string;
  password?: string | Uint8Array;
  properties?: Properties | Uint8Array;
}

export function connect(version: Version, fields: ConnectFields = {}): Bytes {
  const { clientId = "", clean = true, keepAlive = 0, will } = fields;
  const flags = (clean ? 0x02 : 0) |
    (will ? 0x04 | (will.qos ?? 0) << 3 | (will.retain ? 0x20 : 0) : 0) |
    (fields.password === undefined ? 0 : 0x40) |
    (fields.username === undefined ? 0 : 0x80);
  return packet(
    0x10,
    field(version === 3 ? "MQIsdp" : "MQTT"),
    [version, flags],
    u16(keepAlive),
    propertiesIf(version, fields.properties),
    field(clientId),
    ...(will
      ? [
        propertiesIf(version, will.properties),
        field(will.topic),
        field(will.payload ?? ""),
      ]
      : []),
    ...[fields.username, fields.password]
      .filter((one) => one !== undefined).map(field),
  );
}

export interface PublishFields {
  topic: string;
  payload?: string | Uint8Array;
  qos?: number;
  retain?: boolean;
  dup?: boolean;
  packetId?: number;
  properties?: Properties | Uint8Array;
}

export function publish(version: Version, fields: PublishFields): Bytes {
  const { topic, payload = "", qos = 0, packetId = 1 } = fields;
  return packet(
    0x30 | (fields.dup ? 8 : 0) | qos << 1 | (fields.retain ? 1 : 0),
    field(topic),
    qos > 0 ? u16(packetId) : [],
    propertiesIf(version, fields.properties),
    typeof payload === "string" ? text(payload) : payload,
  );
}

/** First bytes of the acknowledgements. */
export const acknowledgements = {
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
} as const;

export type AcknowledgementType = keyof typeof acknowledgements;

/** Without a code, or before 5.0, it is the short form. */
export function acknowledge(
  type: AcknowledgementType,
  packetId: number,
  code?: number,
  some?: Properties | Uint8Array,
): Bytes {
  return packet(
    acknowledgements[type],
    u16(packetId),
    code === undefined ? [] : [code],
    some === undefined ? [] : properties(some),
  );
}

export interface FilterFields {
  filter: string;
  /** QoS, and in 5.0 the other options. By default QoS 0. */
  qos?: number;
  noLocal?: boolean;
  retainAsPublished?: boolean;
  retainHandling?: number;
}

export function subscribe(
  version: Version,
  packetId: number,
  filters: readonly (string | FilterFields)[],
  some?: Properties | Uint8Array,
): Bytes {
  return packet(
    0x82,
    u16(packetId),
    propertiesIf(version, some),
    ...filters.flatMap((one) => {
      const fields = typeof one === "string" ? { filter: one } : one;
      const options = (fields.qos ?? 0) | (fields.noLocal ? 4 : 0) |
        (fields.retainAsPublished ? 8 : 0) | (fields.retainHandling ?? 0) << 4;
      return [field(fields.filter), [options]];
    }),
  );
}

export function unsubscribe(
  version: Version,
  packetId: number,
  filters: readonly string[],
  some?: Properties | Uint8Array,
): Bytes {
  return packet(
    0xa2,
    u16(packetId),
    propertiesIf(version, some),
    ...filters.map(field),
  );
}

export const pingreq: Bytes = hex("c0 00");

/** AUTH (5.0). */
export function auth(code: number, some?: Properties | Uint8Array): Bytes {
  return packet(0xf0, [code], properties(some));
}

/** Without a code, or before 5.0, it is the short form. */
export function disconnect(
  code?: number,
  some?: Properties | Uint8Array,
): Bytes {
  return packet(
    0xe0,
    code === undefined ? [] : [code],
    some === undefined ? [] : properties(some),
  );
}

// Reading.

interface Read {
  /** The whole packet. */
  readonly bytes: Uint8Array;
  /** Of 5.0; empty otherwise. */
  readonly properties: Properties;
}

export interface Connack extends Read {
  readonly type: "connack";
  readonly sessionPresent: boolean;
  readonly code: number;
}

export interface Publish extends Read {
  readonly type: "publish";
  readonly dup: boolean;
  readonly qos: number;
  readonly retain: boolean;
  readonly topic: string;
  /** 0 at QoS 0. */
  readonly packetId: number;
  /** As text; `content` has the bytes. */
  readonly payload: string;
  readonly content: Uint8Array;
}

export interface Acknowledgement extends Read {
  readonly type: AcknowledgementType;
  readonly packetId: number;
  /** 0 where the short form was sent, and before 5.0. */
  readonly code: number;
}

export interface Suback extends Read {
  readonly type: "suback" | "unsuback";
  readonly packetId: number;
  /** None in an UNSUBACK before 5.0. */
  readonly codes: readonly number[];
}

export interface Pingresp extends Read {
  readonly type: "pingresp";
}

export interface Disconnect extends Read {
  readonly type: "disconnect";
  readonly code: number;
}

export interface Auth extends Read {
  readonly type: "auth";
  readonly code: number;
}

export type Packet =
  | Connack
  | Publish
  | Acknowledgement
  | Suback
  | Pingresp
  | Disconnect
  | Auth;

type PacketType = Packet["type"];

/** Properties that a broker may send, by packet type (section 2.2.2.2). */
const allowed: Partial<Record<PacketType, readonly PropertyName[]>> = {
  connack: [
    "sessionExpiryInterval",
    "assignedClientIdentifier",
    "serverKeepAlive",
    "authenticationMethod",
    "authenticationData",
    "responseInformation",
    "serverReference",
    "reasonString",
    "receiveMaximum",
    "topicAliasMaximum",
    "maximumQos",
    "retainAvailable",
    "userProperty",
    "maximumPacketSize",
    "wildcardSubscriptionAvailable",
    "subscriptionIdentifierAvailable",
    "sharedSubscriptionAvailable",
  ],
  publish: [
    "payloadFormatIndicator",
    "messageExpiryInterval",
    "contentType",
    "responseTopic",
    "correlationData",
    "subscriptionIdentifier",
    "topicAlias",
    "userProperty",
  ],
  // [MQTT-3.14.2-2]: no session expiry interval
  disconnect: ["reasonString", "userProperty", "serverReference"],
  auth: [
    "authenticationMethod",
    "authenticationData",
    "reasonString",
    "userProperty",
  ],
};

const reasonProperties: readonly PropertyName[] = [
  "reasonString",
  "userProperty",
];

/** Reason codes that a broker may send in 5.0, by packet type. */
const reasonCodes: Partial<Record<PacketType, readonly number[]>> = {
  // [MQTT-3.2.2-8]
  connack: [
    ...[0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89],
    ...[0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f],
  ],
  // [MQTT-3.4.2-1] [MQTT-3.5.2-1]
  puback: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  pubrec: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  // [MQTT-3.6.2-1] [MQTT-3.7.2-1]
  pubrel: [0x00, 0x92],
  pubcomp: [0x00, 0x92],
  // [MQTT-3.9.3-2] [MQTT-3.11.3-2]
  suback: [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  unsuback: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  // [MQTT-3.14.2-1], those that the table gives to the server
  disconnect: [
    ...[0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f],
    ...[0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c],
    ...[0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2],
  ],
  // [MQTT-3.15.2-1]
  auth: [0x00, 0x18],
};

/** Return codes before 5.0, by packet type. */
const returnCodes: Partial<Record<PacketType, readonly number[]>> = {
  connack: [0, 1, 2, 3, 4, 5],
  // [MQTT311-3.9.3-2]
  suback: [0, 1, 2, 0x80],
};

const types: readonly (PacketType | undefined)[] = [
  ...[undefined, undefined, "connack", "publish", "puback", "pubrec"] as const,
  ...["pubrel", "pubcomp", undefined, "suback", undefined, "unsuback"] as const,
  ...[undefined, "pingresp", "disconnect", "auth"] as const,
];

/** Bytes in, packets out, with every rule for what a broker may send. */
export class PacketReader {
  #waiting: Uint8Array = new Uint8Array();
  readonly #version: Version;

  constructor(version: Version) {
    this.#version = version;
  }

  /** Whether a packet has begun and not ended. */
  get midPacket(): boolean {
    return this.#waiting.length > 0;
  }

  push(bytes: Uint8Array): void {
    this.#waiting = this.midPacket ? join(this.#waiting, bytes) : bytes;
  }

  /** The next packet, if it is whole. */
  next(): Packet | undefined {
    const bytes = this.#waiting;
    let length = 0;
    let at = 1;
    for (;; at++) {
      const digit = bytes[at];
      if (digit === undefined) return undefined;
      length += (digit & 0x7f) * 128 ** (at - 1);
      if (digit < 0x80) {
        if (digit === 0 && at > 1) throw new Error("A length too long");
        break;
      }
      if (at === 4) throw new Error("A length of five bytes");
    }
    const end = at + 1 + length;
    if (bytes.length < end) return undefined;
    this.#waiting = bytes.subarray(end);
    return readPacket(bytes.slice(0, end), at + 1, this.#version);
  }
}

function readPacket(
  bytes: Uint8Array,
  start: number,
  version: Version,
): Packet {
  const first = bytes[0]!;
  const flags = first & 0x0f;
  const type = types[first >> 4];
  const what = `a broker sent ${bytes.subarray(0, 64).toHex()}`;
  if (type === undefined) throw new Error(`Type ${first >> 4}: ${what}`);
  // [MQTT-2.1.3-1] [MQTT311-2.2.2-1]
  if (type !== "publish" && flags !== (type === "pubrel" ? 2 : 0)) {
    throw new Error(`Flags ${flags} of ${type}: ${what}`);
  }
  const fields = new FieldReader(bytes, start, what);
  const result = readBody(type, flags, fields, version);
  if (!fields.atEnd) {
    throw new Error(`Bytes behind the end of ${type}: ${what}`);
  }
  return result;
}

function readBody(
  type: PacketType,
  flags: number,
  fields: FieldReader,
  version: Version,
): Packet {
  const { bytes } = fields;
  const five = version === 5;
  const checkCode = (code: number): number => {
    const codes = (five ? reasonCodes : returnCodes)[type];
    if (codes !== undefined && !codes.includes(code)) {
      throw new Error(`Code ${code} in ${type}: ${fields.what}`);
    }
    return code;
  };
  const readProperties = (): Properties =>
    five ? fields.properties(type, allowed[type] ?? reasonProperties) : {};
  switch (type) {
    case "connack": {
      const acknowledgeFlags = fields.byte();
      // [MQTT-3.2.2-1]
      if (acknowledgeFlags > 1) throw new Error(`Flags: ${fields.what}`);
      // In 3.1 the byte is reserved.
      if (version === 3 && acknowledgeFlags !== 0) {
        throw new Error(`Session present in 3.1: ${fields.what}`);
      }
      const sessionPresent = acknowledgeFlags === 1;
      const code = checkCode(fields.byte());
      return {
        type,
        sessionPresent,
        code,
        properties: readProperties(),
        bytes,
      };
    }
    case "publish": {
      const qos = flags >> 1 & 3;
      const dup = (flags & 8) !== 0;
      // [MQTT-3.3.1-4] [MQTT-3.3.1-2]
      if (qos === 3) throw new Error(`QoS 3: ${fields.what}`);
      if (qos === 0 && dup) throw new Error(`DUP at QoS 0: ${fields.what}`);
      const topic = fields.string();
      const packetId = qos > 0 ? fields.u16() : 0;
      // [MQTT-2.2.1-4] [MQTT311-2.3.1-4]
      if (qos > 0 && packetId === 0) throw new Error(`Id 0: ${fields.what}`);
      // [MQTT-3.3.2-2]
      if (/[+#]/.test(topic)) throw new Error(`Wildcard: ${fields.what}`);
      const some = readProperties();
      if (topic === "" && some.topicAlias === undefined) {
        throw new Error(`No topic: ${fields.what}`);
      }
      const content = fields.rest();
      const payload = new TextDecoder().decode(content);
      const retain = (flags & 1) !== 0;
      // deno-fmt-ignore: as in the packet
      return {
        type, dup, qos, retain, topic, packetId, properties: some,
        payload, content, bytes,
      };
    }
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp": {
      const packetId = fields.u16();
      const code = five && !fields.atEnd ? checkCode(fields.byte()) : 0;
      const some = fields.atEnd ? {} : readProperties();
      return { type, packetId, code, properties: some, bytes };
    }
    case "suback":
    case "unsuback": {
      const packetId = fields.u16();
      const some = readProperties();
      const codes: number[] = [];
      while ((five || type === "suback") && !fields.atEnd) {
        codes.push(checkCode(fields.byte()));
      }
      return { type, packetId, codes, properties: some, bytes };
    }
    case "pingresp":
      return { type, properties: {}, bytes };
    case "disconnect":
    case "auth": {
      if (!five) throw new Error(`${type} in 3.x: ${fields.what}`);
      const code = fields.atEnd ? 0 : checkCode(fields.byte());
      const some = fields.atEnd ? {} : readProperties();
      return { type, code, properties: some, bytes };
    }
  }
}

const strictText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class FieldReader {
  readonly bytes: Uint8Array;
  readonly what: string;
  #at: number;

  constructor(bytes: Uint8Array, start: number, what: string) {
    this.bytes = bytes;
    this.what = what;
    this.#at = start;
  }

  get atEnd(): boolean {
    return this.#at === this.bytes.length;
  }

  byte(): number {
    const value = this.bytes[this.#at++];
    if (value === undefined) throw new Error(`Too short: ${this.what}`);
    return value;
  }

  u16(): number {
    return this.byte() * 256 + this.byte();
  }

  u32(): number {
    return this.u16() * 65_536 + this.u16();
  }

  varint(): number {
    let value = 0;
    for (let place = 0; place < 4; place++) {
      const digit = this.byte();
      value += (digit & 0x7f) * 128 ** place;
      if (digit >= 0x80) continue;
      // [MQTT-1.5.5-1]
      if (digit === 0 && place > 0) throw new Error(`Too long: ${this.what}`);
      return value;
    }
    throw new Error(`An integer of five bytes: ${this.what}`);
  }

  binary(): Uint8Array {
    return this.take(this.u16());
  }

  string(): string {
    const value = strictText.decode(this.binary());
    // [MQTT-1.5.4-2]
    if (value.includes("\0")) throw new Error(`U+0000: ${this.what}`);
    return value;
  }

  rest(): Uint8Array {
    return this.take(this.bytes.length - this.#at);
  }

  take(count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.bytes.length) throw new Error(`Too short: ${this.what}`);
    const taken = this.bytes.slice(this.#at, end);
    this.#at = end;
    return taken;
  }

  properties(type: PacketType, names: readonly PropertyName[]): Properties {
    const length = this.varint();
    const end = this.#at + length;
    const found: Record<string, unknown> = {};
    while (this.#at < end) {
      const id = this.varint();
      const name = (Object.keys(propertyTable) as PropertyName[])
        .find((one) => propertyTable[one][0] === id);
      if (name === undefined || !names.includes(name)) {
        throw new Error(`Property ${name ?? id} in ${type}: ${this.what}`);
      }
      const value = this.#value(propertyTable[name][1]);
      if ((repeated as readonly string[]).includes(name)) {
        ((found[name] ??= []) as unknown[]).push(value);
      } else if (name in found) {
        throw new Error(`${name} twice in ${type}: ${this.what}`);
      } else found[name] = value;
    }
    if (this.#at !== end) throw new Error(`Properties too long: ${this.what}`);
    return found;
  }

  #value(kind: Kind): unknown {
    switch (kind) {
      case "byte":
        return this.byte();
      case "u16":
        return this.u16();
      case "u32":
        return this.u32();
      case "varint":
        return this.varint();
      case "string":
        return this.string();
      case "binary":
        return this.binary();
      case "pair":
        return [this.string(), this.string()];
    }
  }
}
