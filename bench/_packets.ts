/**
 * The packets that the load generator sends, as bytes.
 *
 * They do not come from the codec under codec/: a generator that loads many
 * brokers has to be right where AmberMQ is wrong, and cheaper than all of them.
 */

/** MQTT 3.1.1 or 5.0, as CONNECT has it. */
export type Version = 4 | 5;

export type QoS = 0 | 1 | 2;

/** Type and flags of the packets that are answers, and of those without body. */
export const HEADER = {
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  pingreq: 0xc0,
  disconnect: 0xe0,
} as const;

/** What the payload begins with: that, publisher, sequence and time. */
export const MAGIC = 0xa3be4e11;

/** The bytes of the payload that say which message it is. */
export const STAMP_SIZE = 20;

const encoder = new TextEncoder();

function text(value: string): number[] {
  const bytes = encoder.encode(value);
  return [bytes.length >>> 8, bytes.length & 0xff, ...bytes];
}

/** A length as the one to four bytes of the fixed header. */
export function variableByteInteger(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push(value & 0x7f | 0x80);
  bytes.push(value);
  return bytes;
}

function packet(header: number, body: readonly number[]): Uint8Array {
  return Uint8Array.of(header, ...variableByteInteger(body.length), ...body);
}

/** 5.0 has properties, of which there are none here, where 3.1.1 has nothing. */
function noProperties(version: Version): number[] {
  return version === 5 ? [0] : [];
}

/** For 5.0: a session expiry interval of an hour. */
const EXPIRY = [5, 0x11, 0, 0, 0x0e, 0x10];

/** A CONNECT with a clean session, or with one that outlives its connection. */
export function connectPacket(
  version: Version,
  clientId: string,
  keepAlive: number,
  durable = false,
): Uint8Array {
  return packet(0x10, [
    ...text("MQTT"),
    version,
    durable ? 0x00 : 0x02,
    keepAlive >>> 8,
    keepAlive & 0xff,
    ...(durable && version === 5 ? EXPIRY : noProperties(version)),
    ...text(clientId),
  ]);
}

/** A SUBSCRIBE to filters, all with one QoS. */
export function subscribePacket(
  version: Version,
  packetId: number,
  filters: readonly string[],
  qos: QoS,
): Uint8Array {
  return packet(0x82, [
    packetId >>> 8,
    packetId & 0xff,
    ...noProperties(version),
    ...filters.flatMap((filter) => [...text(filter), qos]),
  ]);
}

/** An UNSUBSCRIBE of one filter. */
export function unsubscribePacket(
  version: Version,
  packetId: number,
  filter: string,
): Uint8Array {
  return packet(0xa2, [
    packetId >>> 8,
    packetId & 0xff,
    ...noProperties(version),
    ...text(filter),
  ]);
}

/** What all messages of one template have in common. */
export interface TemplateOptions {
  readonly version: Version;
  /** A level of `#` and as many more of them stands for a number, in turn. */
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Bytes of the payload: 0, or at least {@linkcode STAMP_SIZE}. */
  readonly size: number;
  readonly publisher: number;
}

/**
 * A PUBLISH made once and copied for each message; what differs has a fixed
 * place and is patched in the copy.
 */
export class PublishTemplate {
  /** The packet, with packet identifier, sequence and time 0. */
  readonly bytes: Uint8Array;
  /** Where the packet identifier is; 0 if there is none. */
  readonly packetIdAt: number;
  /** Where the payload is. */
  readonly payloadAt: number;
  /** Where the numbers in the topic are: position and digits. */
  readonly #numbers: { readonly at: number; readonly digits: number }[] = [];

  constructor(options: TemplateOptions) {
    const { version, topic, qos, retain, size, publisher } = options;
    const name = text(topic.replaceAll("#", "0"));
    const tail = [...(qos > 0 ? [0, 0] : []), ...noProperties(version)];
    const length = name.length + tail.length + size;
    const header = 0x30 | qos << 1 | (retain ? 1 : 0);
    const head = [header, ...variableByteInteger(length)];
    for (const { index, 0: { length } } of topic.matchAll(/#+/g)) {
      this.#numbers.push({ at: head.length + 2 + index, digits: length });
    }
    this.packetIdAt = qos > 0 ? head.length + name.length : 0;
    this.payloadAt = head.length + name.length + tail.length;
    this.bytes = new Uint8Array(head.length + length);
    this.bytes.set([...head, ...name, ...tail]);
    if (size === 0) return;
    for (let i = STAMP_SIZE; i < size; i++) {
      this.bytes[this.payloadAt + i] = 0x61 + i % 26;
    }
    const view = new DataView(this.bytes.buffer, this.payloadAt);
    view.setUint32(0, MAGIC);
    view.setUint32(4, publisher);
  }

  /** Sets the number at a place of the topic in a copy at `at`. */
  patchTopic(output: Uint8Array, at: number, place: number, value: number) {
    const { at: start, digits } = this.#numbers[place]!;
    for (let i = at + start + digits - 1; i >= at + start; i--) {
      output[i] = 0x30 + value % 10;
      value = Math.trunc(value / 10);
    }
  }

  /** Sets sequence and time in a copy at `at`. */
  stamp(output: DataView, at: number, sequence: number, time: number): void {
    const payload = at + this.payloadAt;
    output.setUint32(payload + 8, sequence);
    output.setFloat64(payload + 12, time);
  }
}

/** As many `#` as the numbers below `count` have digits. */
export function placeholder(count: number): string {
  return "#".repeat(String(Math.max(0, count - 1)).length);
}

/** A number as the topic of a template has it. */
export function padded(value: number, count: number): string {
  return String(value).padStart(placeholder(count).length, "0");
}
