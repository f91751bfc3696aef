/**
 * The data representations of section 1.5, read and written.
 *
 * Short ASCII strings, the common case, are moved by plain loops: calling into
 * `TextDecoder` costs about 500 ns, the loop about 100 (bench/codec_bench.ts).
 */

import { MalformedPacketError } from "./error.ts";

/** The largest variable byte integer: four bytes of seven bits each. */
export const MAXIMUM_VARIABLE_BYTE_INTEGER = 268_435_455;

/** [MQTT-4.7.3-3] The longest string or binary data: its length is two bytes. */
export const MAXIMUM_LENGTH = 65_535;

/** Up to this length strings are moved by plain loops. */
const SHORT = 64;

// [MQTT-1.5.4-1] "fatal" refuses what is not well-formed, surrogates included.
// [MQTT-1.5.4-3] "ignoreBOM" keeps U+FEFF in the string.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

const empty = new Uint8Array(0);

/** Reads one packet: a cursor between two positions of a buffer. */
export class Reader {
  buffer: Uint8Array = empty;
  position = 0;
  end = 0;

  /** Points the cursor at the bytes from `position` up to `end`. */
  reset(buffer: Uint8Array, position: number, end: number): void {
    this.buffer = buffer;
    this.position = position;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  byte(): number {
    if (this.position >= this.end) throw truncated("a byte");
    return this.buffer[this.position++]!;
  }

  uint16(): number {
    const { buffer, position } = this;
    if (position + 2 > this.end) throw truncated("a two byte integer");
    this.position = position + 2;
    return buffer[position]! << 8 | buffer[position + 1]!;
  }

  uint32(): number {
    const high = this.uint16();
    return high * 0x10000 + this.uint16();
  }

  variableByteInteger(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        // [MQTT-1.5.5-1] a last byte of 0 adds nothing: the value was too long
        if (byte === 0 && shift > 0) {
          throw new MalformedPacketError(
            "Variable byte integer is longer than it needs to be",
          );
        }
        return value;
      }
    }
    throw new MalformedPacketError(
      "Variable byte integer has more than four bytes",
    );
  }

  string(): string {
    const length = this.uint16();
    const start = this.position;
    const end = start + length;
    if (end > this.end) throw truncated(`a string of ${length} bytes`);
    this.position = end;
    return decodeString(this.buffer, start, end);
  }

  /** Binary data: a view, not a copy. */
  binary(): Uint8Array {
    const length = this.uint16();
    const start = this.position;
    if (start + length > this.end) {
      throw truncated(`binary data of ${length} bytes`);
    }
    this.position = start + length;
    return this.buffer.subarray(start, start + length);
  }

  /** All that is left: a view, not a copy. */
  rest(): Uint8Array {
    const view = this.buffer.subarray(this.position, this.end);
    this.position = this.end;
    return view;
  }
}

function truncated(what: string): MalformedPacketError {
  return new MalformedPacketError(`Packet ends where ${what} should be`);
}

/** Character codes on their way into a string. */
const codes: number[] = [];

/** Decodes bytes as a UTF-8 encoded string of the specification. */
export function decodeString(
  buffer: Uint8Array,
  start: number,
  end: number,
): string {
  const length = end - start;
  if (length <= SHORT) {
    codes.length = length;
    let i = 0;
    for (; i < length; i++) {
      const byte = buffer[start + i]!;
      if (byte >= 0x80 || byte === 0) break;
      codes[i] = byte;
    }
    if (i === length) return String.fromCharCode.apply(null, codes);
  }
  const bytes = buffer.subarray(start, end);
  // [MQTT-1.5.4-2] [MQTT-4.7.3-2]
  if (bytes.includes(0)) {
    throw new MalformedPacketError("String contains U+0000");
  }
  try {
    return decoder.decode(bytes);
  } catch {
    throw new MalformedPacketError("String is not well-formed UTF-8");
  }
}

/** How many bytes a variable byte integer takes. */
export function variableByteIntegerSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
}

/**
 * Writes one packet into memory that grows.
 *
 * A length that stands before what it measures is written afterwards: see
 * {@linkcode Writer.closeLength}.
 */
export class Writer {
  buffer: Uint8Array<ArrayBuffer>;
  position = 0;

  constructor(capacity = 4096) {
    this.buffer = new Uint8Array(capacity);
  }

  /** Makes room for `size` more bytes. */
  reserve(size: number): void {
    const needed = this.position + size;
    if (needed <= this.buffer.length) return;
    const buffer = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    buffer.set(this.buffer.subarray(0, this.position));
    this.buffer = buffer;
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.position++] = value;
  }

  uint16(value: number): void {
    this.reserve(2);
    this.buffer[this.position++] = value >> 8;
    this.buffer[this.position++] = value;
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value & 0xffff);
  }

  variableByteInteger(value: number): void {
    this.reserve(4);
    while (value >= 0x80) {
      this.buffer[this.position++] = value & 0x7f | 0x80;
      value >>>= 7;
    }
    this.buffer[this.position++] = value;
  }

  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.position);
    this.position += bytes.length;
  }

  binary(bytes: Uint8Array, what: string): void {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`Cannot encode ${what}: it is not bytes`);
    }
    if (bytes.length > MAXIMUM_LENGTH) {
      throw new RangeError(
        `Cannot encode ${what}: ${bytes.length} bytes are more than 65,535`,
      );
    }
    this.uint16(bytes.length);
    this.bytes(bytes);
  }

  string(text: string, what: string): void {
    if (typeof text !== "string") {
      throw new TypeError(`Cannot encode ${what}: it is not a string`);
    }
    // A UTF-16 unit becomes three bytes at the most.
    this.reserve(2 + text.length * 3);
    const start = this.position + 2;
    const length = this.#ascii(text, start) ?? this.#utf8(text, start, what);
    if (length > MAXIMUM_LENGTH) {
      throw new RangeError(
        `Cannot encode ${what}: ${length} bytes of UTF-8 are more than 65,535`,
      );
    }
    this.uint16(length);
    this.position += length;
  }

  #ascii(text: string, start: number): number | undefined {
    const { length } = text;
    if (length > SHORT) return undefined;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80 || unit === 0) return undefined;
      this.buffer[start + i] = unit;
    }
    return length;
  }

  #utf8(text: string, start: number, what: string): number {
    // [MQTT-1.5.4-1] [MQTT-1.5.4-2]
    if (!text.isWellFormed()) {
      throw new TypeError(`Cannot encode ${what}: it has a lone surrogate`);
    }
    if (text.includes("\0")) {
      throw new TypeError(`Cannot encode ${what}: it contains U+0000`);
    }
    return encoder.encodeInto(text, this.buffer.subarray(start)).written;
  }

  /** Leaves one byte for a length; give the result to `closeLength`. */
  openLength(): number {
    this.byte(0);
    return this.position;
  }

  /**
   * Writes the length of what was written since `openLength` in front of it,
   * which moves up if the length takes more than the one byte left for it.
   */
  closeLength(start: number): void {
    const length = this.position - start;
    const extra = variableByteIntegerSize(length) - 1;
    // for all that is written below: to grow then would keep no more than what
    // is in front of the length
    this.reserve(4);
    if (extra > 0) {
      this.buffer.copyWithin(start + extra, start, this.position);
    }
    this.position = start - 1;
    this.variableByteInteger(length);
    this.position += length;
  }
}
