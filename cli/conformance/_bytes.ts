/**
 * Packets by hand: bytes that an encoder would refuse to make.
 */

const encoder = new TextEncoder();

/** What packets are made of: bytes, or one byte. */
export type Part = Uint8Array | number;

/** Parts one after the other. */
export function join(...parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const part of parts) {
    if (typeof part === "number") bytes.push(part);
    else for (const byte of part) bytes.push(byte);
  }
  return new Uint8Array(bytes);
}

/** Two bytes, the higher one first. */
export function uint16(value: number): Uint8Array<ArrayBuffer> {
  return join(value >> 8, value & 0xff);
}

/** A variable byte integer. */
export function varint(value: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  do {
    const rest = Math.floor(value / 128);
    bytes.push(value % 128 + (rest > 0 ? 128 : 0));
    value = rest;
  } while (value > 0);
  return new Uint8Array(bytes);
}

/** A string, or bytes that stand where a string does, with their length. */
export function string(value: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  return join(uint16(bytes.length), bytes);
}

/** Properties with their length in front. */
export function properties(...parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const bytes = join(...parts);
  return join(varint(bytes.length), bytes);
}

/** A packet: its first byte, the remaining length, and the rest. */
export function packet(
  first: number,
  ...parts: readonly Part[]
): Uint8Array<ArrayBuffer> {
  const body = join(...parts);
  return join(first, varint(body.length), body);
}

/** Bytes as hexadecimal digits, for reports; long ones are cut. */
export function hex(bytes: Uint8Array, most = 64): string {
  const digits = Array.from(
    bytes.subarray(0, most),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join(" ");
  return bytes.length > most ? `${digits} … (${bytes.length} bytes)` : digits;
}

/** A reason code as it is written in the specification. */
export function code(value: number): string {
  return `0x${value.toString(16).padStart(2, "0").toUpperCase()}`;
}

/** A text as bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Bytes as the text that they are. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Byte sequences that are no well-formed UTF-8, and a NUL. */
export const illFormed: Readonly<Record<string, Uint8Array>> = {
  "a surrogate": new Uint8Array([0x61, 0xed, 0xa0, 0x80]),
  "an overlong form": new Uint8Array([0x61, 0xc0, 0xaf]),
  "half a character": new Uint8Array([0x61, 0xe2, 0x82]),
  "more than U+10FFFF": new Uint8Array([0xf4, 0x90, 0x80, 0x80]),
};
