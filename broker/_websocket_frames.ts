/**
 * WebSocket frames (RFC 6455, section 5), as a server takes and makes them.
 *
 * To MQTT a WebSocket is a stream: where frames and messages begin and end
 * means nothing [MQTT-6.0.0-2]. So their payload is taken out of the very
 * buffer that they were read into, as it comes, and nothing is ever kept of a
 * frame but its header: a frame of 2^53 bytes costs no more than one of two.
 */

/** Why a WebSocket is closed, in numbers (section 7.4.1). */
export const CloseCode = {
  Normal: 1000,
  ProtocolError: 1002,
  UnsupportedData: 1003,
  InvalidPayload: 1007,
  TooBig: 1009,
} as const;

/** A reason to close. */
export interface Failure {
  readonly code: number;
  readonly reason: string;
}

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** Bytes of the longest payload of a control frame. */
const LONGEST_CONTROL = 125;

/** Bytes of the longest header: two, the length in eight, the mask. */
const LONGEST_HEADER = 14;

/** From this many bytes on words are unmasked instead of bytes. */
const LONG = 64;

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Takes the payload out of what a client sends. */
export class FrameDecoder {
  /** The payload of the last ping that was not yet taken from here. */
  ping: Uint8Array | undefined;
  /** How the client closed; `undefined` without a code or while it has not. */
  closeCode: number | undefined;
  /** Whether the client has closed. */
  closed = false;
  /** What is wrong; nothing after it is looked at. */
  failure: Failure | undefined;

  readonly #header = new Uint8Array(LONGEST_HEADER);
  #headerLength = 0;
  #opcode = 0;
  /** Bytes that the frame still has. */
  #left = 0;
  /** The mask, rotated to the next byte. */
  #mask = 0;
  /** Whether a message has begun and not ended. */
  #inMessage = false;
  /** The payload of a control frame. */
  #control: Uint8Array | undefined;
  #controlLength = 0;

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
      const size = short < 126 ? 6 : short === 126 ? 8 : 14;
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
      : second < 0x80
      ? "a frame is not masked" // section 5.1
      : opcode >= CLOSE
      ? this.#controlProblem(opcode, final, second & 0x7f)
      : opcode > BINARY
      ? `there is no frame of kind ${opcode}`
      : opcode === CONTINUATION && !this.#inMessage
      ? "a message is continued that has not begun" // section 5.4
      : opcode !== CONTINUATION && this.#inMessage
      ? "a message begins within another"
      : undefined;
    if (problem !== undefined) this.#fail(CloseCode.ProtocolError, problem);
    // [MQTT-6.0.0-1]
    else if (opcode === TEXT) {
      this.#fail(CloseCode.UnsupportedData, "a text frame came, not a binary");
    }
  }

  /** Section 5.5 */
  #controlProblem(
    opcode: number,
    final: boolean,
    length: number,
  ): string | undefined {
    if (opcode > PONG) return `there is no frame of kind ${opcode}`;
    if (!final) return "a control frame is fragmented";
    return length > LONGEST_CONTROL ? "a control frame is too long" : undefined;
  }

  #beginFrame(short: number, header: DataView, size: number): void {
    const first = header.getUint8(0);
    this.#opcode = first & 15;
    if (this.#opcode >= CLOSE) {
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
    this.#mask = header.getUint32(size - 4);
    if (length === 0) this.#endFrame();
  }

  #endFrame(): void {
    const payload = this.#control;
    if (payload === undefined) return;
    this.#control = undefined;
    // The answer to the last ping is one to those before (section 5.5.3).
    if (this.#opcode === PING) this.ping = payload;
    else if (this.#opcode === CLOSE) this.#close(payload);
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
    if (!isUtf8(payload.subarray(2))) {
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
    let mask = this.#mask;
    let done = 0;
    if (count >= LONG && source === target && littleEndian) {
      source.copyWithin(to, from, from + count);
      from = to; // it is there
      // Bytes up to a word's boundary, then words.
      const offset = target.byteOffset + to;
      for (; (offset + done & 3) !== 0; done++) {
        target[to + done]! ^= mask >>> 24;
        mask = mask << 8 | mask >>> 24;
      }
      const words = new Uint32Array(
        target.buffer,
        offset + done,
        count - done >>> 2,
      );
      const word = swapped(mask);
      for (let i = 0; i < words.length; i++) words[i]! ^= word;
      done += words.length * 4;
    }
    for (; done < count; done++) {
      target[to + done] = source[from + done]! ^ mask >>> 24;
      mask = mask << 8 | mask >>> 24;
    }
    this.#mask = mask;
  }
}

/** The bytes of a word in the other order. */
function swapped(word: number): number {
  return (word >>> 24 | word >>> 8 & 0xff00 | (word & 0xff00) << 8 |
    word << 24) >>> 0;
}

/** Whether an endpoint may send this code (section 7.4). */
function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) ||
    (code >= 3000 && code <= 4999);
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** The header of a binary frame that is a message. */
export function binaryHeader(length: number): Uint8Array {
  return header(BINARY, length);
}

/** The answer to a ping. */
export function pongFrame(payload: Uint8Array): Uint8Array {
  return frame(PONG, payload);
}

/** A frame that closes; without a code, as an answer to one without. */
export function closeFrame(code?: number): Uint8Array {
  return frame(
    CLOSE,
    code === undefined ? new Uint8Array(0) : Uint8Array.of(code >> 8, code),
  );
}

function frame(opcode: number, payload: Uint8Array): Uint8Array {
  const head = header(opcode, payload.length);
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}

function header(opcode: number, length: number): Uint8Array {
  if (length < 126) return Uint8Array.of(0x80 | opcode, length);
  if (length <= 0xffff) {
    return Uint8Array.of(0x80 | opcode, 126, length >> 8, length);
  }
  const bytes = new Uint8Array(10);
  bytes[0] = 0x80 | opcode;
  bytes[1] = 127;
  new DataView(bytes.buffer).setUint32(6, length);
  return bytes;
}
