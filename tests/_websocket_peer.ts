/** The other end of a WebSocket, frame by frame, with all its mistakes. */

import type { Bytes } from "./_raw_packets.ts";

/** A frame to send; by default a whole message of binary data, masked. */
export interface FrameFields {
  readonly opcode?: number;
  readonly payload?: Uint8Array | string;
  readonly final?: boolean;
  /** The reserved bits. */
  readonly reserved?: number;
  /** `undefined` to send it unmasked. */
  readonly mask?: readonly number[] | undefined;
  /** What the header says, whatever there is. */
  readonly length?: bigint;
  /** Bytes of the length: 0, 2 or 8; by default the fewest. */
  readonly lengthBytes?: number;
}

export const opcodes = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** The bytes of a frame. */
export function frame(fields: FrameFields = {}): Bytes {
  const { opcode = 2, payload = "", final = true, reserved = 0 } = fields;
  const mask = "mask" in fields ? fields.mask : [0x11, 0x22, 0x33, 0xf4];
  const bytes = typeof payload === "string"
    ? new TextEncoder().encode(payload)
    : payload;
  const length = fields.length ?? BigInt(bytes.length);
  const size = fields.lengthBytes ??
    (length < 126n ? 0 : length < 65_536n ? 2 : 8);
  const header: number[] = [(final ? 0x80 : 0) | reserved << 4 | opcode];
  const short = size === 0 ? Number(length) : size === 2 ? 126 : 127;
  header.push((mask === undefined ? 0 : 0x80) | short);
  for (let i = size - 1; i >= 0; i--) {
    header.push(Number(length >> BigInt(8 * i) & 255n));
  }
  const masked = mask === undefined
    ? bytes
    : bytes.map((byte, i) => byte ^ mask[i % 4]!);
  return new Uint8Array([...header, ...mask ?? [], ...masked]);
}

/** A frame that closes; masked unless the fields say otherwise. */
export function close(
  code?: number,
  reason = "",
  fields: FrameFields = {},
): Bytes {
  const text = new TextEncoder().encode(reason);
  const payload = code === undefined
    ? new Uint8Array(0)
    : new Uint8Array([code >> 8, code & 255, ...text]);
  return frame({ ...fields, opcode: opcodes.close, payload });
}

/** A frame that was received. */
export interface Received {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/**
 * The frames at the beginning of bytes, and what is left of them.
 *
 * @param masked Whether they have to be masked, as those of clients.
 */
export function framesOf(
  bytes: Uint8Array,
  masked = false,
): [Received[], Uint8Array] {
  const frames: Received[] = [];
  for (;;) {
    if (bytes.length < 2) return [frames, bytes];
    const [first, second] = bytes as unknown as [number, number];
    const short = second & 0x7f;
    if ((first & 0x70) !== 0) throw new Error("Reserved bits are set");
    if (first < 0x80) throw new Error("A message in several frames");
    if (second >= 0x80 !== masked) throw new Error("A frame masked or not");
    const start = short < 126 ? 2 : short === 126 ? 4 : 10;
    const size = start + (masked ? 4 : 0);
    if (bytes.length < size) return [frames, bytes];
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const length = short < 126
      ? short
      : short === 126
      ? view.getUint16(2)
      : Number(view.getBigUint64(2));
    if (bytes.length < size + length) return [frames, bytes];
    const mask = bytes.slice(start, size);
    const payload = bytes.slice(size, size + length)
      .map((byte, i) => byte ^ (mask[i % 4] ?? 0));
    frames.push({ opcode: first & 15, payload });
    bytes = bytes.slice(size + length);
  }
}

/** The key of the example in section 1.3 of RFC 6455, and its answer. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** The headers that a request needs. */
export const headers: Readonly<Record<string, string>> = {
  "Host": "broker",
  "Upgrade": "websocket",
  "Connection": "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": KEY,
  "Sec-WebSocket-Protocol": "mqtt",
};

/** A request; an `undefined` header is left out. */
export function request(
  changes: Readonly<Record<string, string | undefined>> = {},
  start = "GET /mqtt HTTP/1.1",
): Bytes {
  const lines = Object.entries({ ...headers, ...changes })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  return new TextEncoder().encode([start, ...lines, "", ""].join("\r\n"));
}
