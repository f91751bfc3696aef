/** WebSocket frames (RFC 6455, section 5), as both ends make them. */

import { applyMask } from "./_websocket_mask.ts";

/** Why a WebSocket is closed, in numbers (section 7.4.1). */
export const CloseCode = {
  Normal: 1000,
  GoingAway: 1001,
  ProtocolError: 1002,
  UnsupportedData: 1003,
  InvalidPayload: 1007,
  TooBig: 1009,
} as const;

/** What a frame is (section 5.2); from `Close` on they are of control. */
export const Opcode = {
  Continuation: 0,
  Text: 1,
  Binary: 2,
  Close: 8,
  Ping: 9,
  Pong: 10,
} as const;

/** Bytes of the longest payload of a control frame. */
export const LONGEST_CONTROL = 125;

/** Bytes of a mask. */
export const MASK = 4;

/** Bytes of a header, by what its second byte says of the length. */
export function sizeOf(short: number, masked: boolean): number {
  const size = short < 126 ? 2 : short === 126 ? 4 : 10;
  return masked ? size + MASK : size;
}

/** The header of a binary frame that is a message, and not masked. */
export function binaryHeader(length: number): Uint8Array {
  const bytes = new Uint8Array(sizeOf(shortOf(length), false));
  writeHeader(bytes, Opcode.Binary, length);
  return bytes;
}

/** A binary frame that is a message; with a mask if one is given. */
export function binaryFrame(payload: Uint8Array, mask?: number): Uint8Array {
  return frame(Opcode.Binary, payload, mask);
}

/** The answer to a ping; with a mask if one is given. */
export function pongFrame(payload: Uint8Array, mask?: number): Uint8Array {
  return frame(Opcode.Pong, payload, mask);
}

/**
 * A frame that closes; without a code, as an answer to one without. With a mask
 * if one is given.
 */
export function closeFrame(code?: number, mask?: number): Uint8Array {
  const payload = code === undefined
    ? new Uint8Array(0)
    : Uint8Array.of(code >> 8, code);
  return frame(Opcode.Close, payload, mask);
}

function frame(
  opcode: number,
  payload: Uint8Array,
  mask: number | undefined,
): Uint8Array {
  const { length } = payload;
  const size = sizeOf(shortOf(length), mask !== undefined);
  const bytes = new Uint8Array(size + length);
  writeHeader(bytes, opcode, length);
  bytes.set(payload, size);
  if (mask !== undefined) {
    bytes[1]! |= 0x80;
    new DataView(bytes.buffer).setUint32(size - MASK, mask);
    applyMask(mask, bytes, size, bytes.length);
  }
  return bytes;
}

/** What the second byte of a header says of the length. */
function shortOf(length: number): number {
  return length < 126 ? length : length <= 0xffff ? 126 : 127;
}

function writeHeader(bytes: Uint8Array, opcode: number, length: number): void {
  const short = shortOf(length);
  bytes[0] = 0x80 | opcode;
  bytes[1] = short;
  if (short === 126) {
    bytes[2] = length >> 8;
    bytes[3] = length;
  } else if (short === 127) {
    new DataView(bytes.buffer).setUint32(6, length);
  }
}
