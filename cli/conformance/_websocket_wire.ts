/**
 * A WebSocket by hand: the client's end, which sends any frames it is told to
 * and remembers what kinds came.
 */

import type { Transport } from "../../mod.ts";
import { join, uint16 } from "./_bytes.ts";
import { Failure } from "./_verdict.ts";

/** The kinds of frames (RFC 6455, section 5.2). */
export const opcode = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** The key of the example in RFC 6455, section 1.3: nothing here is secret. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** What frames are masked with; the standard wants chance where it matters. */
const MASK = new Uint8Array([0x11, 0x22, 0x33, 0xf4]);

/** Bytes of the longest answer to the handshake. */
const LONGEST_HEAD = 16_384;

/** The bytes of a client's frame, masked. */
export function frame(
  kind: number,
  payload: Uint8Array,
  final = true,
): Uint8Array<ArrayBuffer> {
  const size = payload.length;
  const length = size < 126
    ? [0x80 | size]
    : size < 65_536
    ? [0x80 | 126, uint16(size)]
    : [0x80 | 127, 0, 0, 0, 0, uint16(size >>> 16), uint16(size & 0xffff)];
  const masked = payload.map((byte, at) => byte ^ MASK[at % 4]!);
  return join((final ? 0x80 : 0) | kind, ...length, MASK, masked);
}

/** A frame that came, and how many bytes it took. */
interface Frame {
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly size: number;
}

/** The first frame of bytes, if it is complete. */
function firstFrame(bytes: Uint8Array): Frame | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  const short = second & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = short < 126
    ? short
    : short === 126
    ? view.getUint16(2)
    : Number(view.getBigUint64(2));
  const size = start + length;
  if (bytes.length < size) return undefined;
  return { kind: first & 15, payload: bytes.slice(start, size), size };
}

/** The client's end of a WebSocket. */
export class WebSocketWire implements Transport {
  /** The subprotocol that the server selected, if it did. */
  readonly protocol: string | undefined;
  /** The kinds of all frames that came. */
  readonly kinds: number[] = [];
  readonly #lower: Transport;
  /** What came and is not a complete frame yet. */
  #bytes: Uint8Array;
  /** Payload that was not read yet. */
  #payload = new Uint8Array(0);

  private constructor(
    lower: Transport,
    bytes: Uint8Array,
    protocol: string | undefined,
  ) {
    this.#lower = lower;
    this.#bytes = bytes;
    this.protocol = protocol;
  }

  /**
   * Does the opening handshake.
   *
   * @param lower What carries the bytes.
   * @param protocols The subprotocols to offer.
   * @param patience Milliseconds to wait for the answer.
   * @throws {Failure} If the server refuses.
   */
  static async open(
    lower: Transport,
    url: URL,
    protocols: readonly string[],
    patience: number,
  ): Promise<WebSocketWire> {
    let open = true;
    const close = () => {
      if (open) lower.close();
      open = false;
    };
    const timer = setTimeout(close, patience);
    try {
      const request = [
        `GET ${url.pathname}${url.search} HTTP/1.1`,
        `Host: ${url.host}`,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        `Sec-WebSocket-Key: ${KEY}`,
        `Sec-WebSocket-Protocol: ${protocols.join(", ")}`,
      ];
      await writeAll(
        lower,
        new TextEncoder().encode(`${request.join("\r\n")}\r\n\r\n`),
      );
      const [head, rest] = await readHead(lower);
      const [status = ""] = head.split("\r\n");
      if (!/^HTTP\/1\.1 101\b/.test(status)) {
        throw new Failure("a WebSocket", status || "the end of the connection");
      }
      const protocol = /\r\nsec-websocket-protocol:[ \t]*([^\r\n]*)/i
        .exec(head)?.[1]?.trim();
      return new WebSocketWire(lower, rest, protocol);
    } catch (error) {
      close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends bytes of frames. */
  send(...frames: readonly Uint8Array[]): Promise<void> {
    return writeAll(this.#lower, join(...frames));
  }

  /** Sends bytes as one binary message. */
  async write(bytes: Uint8Array): Promise<number> {
    await this.send(frame(opcode.binary, bytes));
    return bytes.length;
  }

  /** Reads what binary messages have; a text is an error. */
  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#payload.length === 0) {
      const next = firstFrame(this.#bytes);
      if (next === undefined) {
        const chunk = new Uint8Array(LONGEST_HEAD);
        const count = await this.#lower.read(chunk);
        if (count === null) return null;
        this.#bytes = join(this.#bytes, chunk.subarray(0, count));
        continue;
      }
      this.#bytes = this.#bytes.slice(next.size);
      this.kinds.push(next.kind);
      if (next.kind === opcode.close) return null;
      if (next.kind === opcode.text) throw new Error("a text frame came");
      if (next.kind <= opcode.binary) this.#payload = next.payload.slice();
    }
    const count = Math.min(buffer.length, this.#payload.length);
    buffer.set(this.#payload.subarray(0, count));
    this.#payload = this.#payload.slice(count);
    return count;
  }

  close(): void {
    this.#lower.close();
  }
}

async function writeAll(lower: Transport, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await lower.write(bytes.subarray(at));
  }
}

/** The head of the answer, and what came behind it. */
async function readHead(lower: Transport): Promise<[string, Uint8Array]> {
  const buffer = new Uint8Array(LONGEST_HEAD);
  let length = 0;
  for (;;) {
    // Each byte as a character: nothing else is in a head.
    const text = new TextDecoder("latin1").decode(buffer.subarray(0, length));
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) {
      return [text.slice(0, end + 2), buffer.slice(end + 4, length)];
    }
    const count = length === buffer.length
      ? null
      : await lower.read(buffer.subarray(length));
    if (count === null) return [text, new Uint8Array(0)];
    length += count;
  }
}
