/**
 * WebSocket frames (RFC 6455, section 5), taken apart.
 *
 * To MQTT a WebSocket is a stream: where frames and messages begin and end
 * means nothing [MQTT-6.0.0-2]. So their payload is taken out of the very
 * buffer that they were read into, as it comes, and nothing is ever kept of a
 * frame but its header: a frame of 2^53 bytes costs no more than one of two.
 */

import {
  CloseCode,
  LONGEST_CONTROL,
  MASK,
  Opcode,
  sizeOf,
} from "./_websocket_frames.ts";
import { applyMask, LONG } from "./_websocket_mask.ts";

/** Bytes of the longest header: two, the length in eight, the mask. */
const LONGEST_HEADER = 10 + MASK;

/** A reason to close. */
export interface Failure {
  readonly code: number;
  readonly reason: string;
}

/** Takes the payload out of what the peer sends. */
export class FrameDecoder {
  /** The payload of the last ping that was not yet taken from here. */
  ping: Uint8Array | undefined;
  /** How the peer closed; `undefined` without a code or while it has not. */
  closeCode: number | undefined;
  /** What it said about that. */
  closeReason = "";
  /** Whether the peer has closed. */
  closed = false;
  /** What is wrong; nothing after it is looked at. */
  failure: Failure | undefined;

  readonly #masked: boolean;
  readonly #header = new Uint8Array(LONGEST_HEADER);
  #headerLength = 0;
  #opcode = 0;
  /** Bytes that the frame still has. */
  #left = 0;
  /** The mask, rotated to the next byte; 0 without one. */
  #mask = 0;
  /** Whether a message has begun and not ended. */
  #inMessage = false;
  /** The payload of a control frame. */
  #control: Uint8Array | undefined;
  #controlLength = 0;

  /** @param masked Whether frames are masked: those of clients are. */
  constructor(masked: boolean) {
    this.#masked = masked;
  }

  /**
   * Decodes in place.
   *
   * @param bytes A buffer that begins with received bytes.
   * @param end How many were received.
   * @returns How many bytes of payload the buffer begins with now.
   */
  decode(bytes: Uint8Array, end: number): number {
    let from = 0;
    let to = 0;
    while (from < end && this.failure === undefined && !this.closed) {
      if (this.#left === 0) {
        from = this.#takeHeader(bytes, from, end);
        continue;
      }
      const count = Math.min(this.#left, end - from);
      if (this.#control === undefined) {
        this.#unmask(bytes, from, bytes, to, count);
        to += count;
      } else {
        this.#unmask(bytes, from, this.#control, this.#controlLength, count);
        this.#controlLength += count;
      }
      from += count;
      this.#left -= count;
      if (this.#left === 0) this.#endFrame();
    }
    return to;
  }

  /** Takes bytes of a header, all of them if they are there. */
  #takeHeader(bytes: Uint8Array, from: number, end: number): number {
    const header = this.#header;
    while (from < end) {
      header[this.#headerLength++] = bytes[from++]!;
      if (this.#headerLength < 2) continue;
      const short = header[1]! & 0x7f;
      const size = sizeOf(short, this.#masked);
      if (this.#headerLength === 2) this.#checkHeader(header[0]!, header[1]!);
      if (this.failure !== undefined) break;
      if (this.#headerLength < size) continue;
      this.#headerLength = 0;
      this.#beginFrame(short, new DataView(header.buffer), size);
      break;
    }
    return from;
  }

  #checkHeader(first: number, second: number): void {
    const opcode = first & 15;
    const final = first >= 0x80;
    const problem = (first & 0x70) !== 0
      ? "reserved bits are set, which no extension uses" // section 5.2
      : second >= 0x80 !== this.#masked // section 5.1
      ? `a frame is ${this.#masked ? "not masked" : "masked"}`
      : opcode >= Opcode.Close
      ? this.#controlProblem(opcode, final, second & 0x7f)
      : opcode > Opcode.Binary
      ? `there is no frame of kind ${opcode}`
      : opcode === Opcode.Continuation && !this.#inMessage
      ? "a message is continued that has not begun" // section 5.4
      : opcode !== Opcode.Continuation && this.#inMessage
      ? "a message begins within another"
      : undefined;
    if (problem !== undefined) this.#fail(CloseCode.ProtocolError, problem);
    // [MQTT-6.0.0-1]
    else if (opcode === Opcode.Text) {
      this.#fail(CloseCode.UnsupportedData, "a text frame came, not a binary");
    }
  }

  /** Section 5.5 */
  #controlProblem(
    opcode: number,
    final: boolean,
    length: number,
  ): string | undefined {
    if (opcode > Opcode.Pong) return `there is no frame of kind ${opcode}`;
    if (!final) return "a control frame is fragmented";
    return length > LONGEST_CONTROL ? "a control frame is too long" : undefined;
  }

  #beginFrame(short: number, header: DataView, size: number): void {
    const first = header.getUint8(0);
    this.#opcode = first & 15;
    if (this.#opcode >= Opcode.Close) {
      this.#control = new Uint8Array(short);
      this.#controlLength = 0;
    } else {
      this.#inMessage = first < 0x80;
    }
    let length = short;
    if (short === 126) length = header.getUint16(2);
    else if (short === 127) {
      const high = header.getUint32(2);
      length = high * 2 ** 32 + header.getUint32(6);
      if (high >= 2 ** 31) {
        return this.#fail(
          CloseCode.ProtocolError,
          "the length of a frame is negative",
        );
      }
      if (!Number.isSafeInteger(length)) {
        return this.#fail(CloseCode.TooBig, "a frame is too long");
      }
    }
    this.#left = length;
    if (this.#masked) this.#mask = header.getUint32(size - MASK);
    if (length === 0) this.#endFrame();
  }

  #endFrame(): void {
    const payload = this.#control;
    if (payload === undefined) return;
    this.#control = undefined;
    // The answer to the last ping is one to those before (section 5.5.3).
    if (this.#opcode === Opcode.Ping) this.ping = payload;
    else if (this.#opcode === Opcode.Close) this.#close(payload);
  }

  /** Section 5.5.1 */
  #close(payload: Uint8Array): void {
    if (payload.length === 0) {
      this.closed = true;
      return;
    }
    const code = payload[0]! * 256 + (payload[1] ?? 0);
    if (payload.length === 1 || !isCloseCode(code)) {
      return this.#fail(CloseCode.ProtocolError, "the close code is none");
    }
    try {
      const decoder = new TextDecoder("utf-8", { fatal: true });
      this.closeReason = decoder.decode(payload.subarray(2));
    } catch {
      const reason = "the close reason is not UTF-8";
      return this.#fail(CloseCode.InvalidPayload, reason);
    }
    this.closed = true;
    this.closeCode = code;
  }

  #fail(code: number, reason: string): void {
    this.failure = { code, reason: `WebSocket: ${reason}` };
  }

  /** Moves and unmasks the next bytes of the frame (section 5.3). */
  #unmask(
    source: Uint8Array,
    from: number,
    target: Uint8Array,
    to: number,
    count: number,
  ): void {
    if (count >= LONG || !this.#masked) {
      if (source === target) source.copyWithin(to, from, from + count);
      else target.set(source.subarray(from, from + count), to);
      this.#mask = applyMask(this.#mask, target, to, to + count);
      return;
    }
    let mask = this.#mask;
    for (let i = 0; i < count; i++) {
      target[to + i] = source[from + i]! ^ mask >>> 24;
      mask = mask << 8 | mask >>> 24;
    }
    this.#mask = mask;
  }
}

/** Whether an endpoint may send this code (section 7.4). */
function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) ||
    (code >= 3000 && code <= 4999);
}
