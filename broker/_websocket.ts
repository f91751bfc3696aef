/**
 * MQTT over WebSocket (section 6): a transport of frames over a transport of
 * bytes, be it TCP, TLS or a Unix socket. What the peer sends beyond the
 * payload it takes for MQTT is a header and a ping's 125 bytes at the most.
 */

import type { Address, PeerCertificate, Transport } from "../codec/mod.ts";
import {
  binaryHeader,
  CloseCode,
  closeFrame,
  FrameDecoder,
  pongFrame,
} from "./_websocket_frames.ts";
import {
  answer,
  endOfRequest,
  LONGEST_REQUEST,
  otherProtocol,
  refuse,
  type Verdict,
  type WebSocketOptions,
} from "./_websocket_handshake.ts";

/** Bytes of payload in one frame: a pong has to wait for its end. */
const LONGEST_FRAME = 65_536;

/** From this size on a payload is written after its header, not copied to it. */
const LARGE = 16_384;

/** Bytes that the buffer for the request begins with. */
const FIRST_REQUEST = 1024;

export class WebSocketTransport implements Transport {
  readonly remoteAddr?: Address;

  readonly #lower: Transport;
  readonly #options: WebSocketOptions;
  readonly #decoder = new FrameDecoder();
  /** Whether frames are spoken: from the handshake to the close frame. */
  #open = false;
  /** What came with the request, behind it. */
  #rest: Uint8Array | undefined;
  /** Bytes that the frame being written still has. */
  #left = 0;
  /** Whether `write` is under way. */
  #writing = false;
  /** The control frame that is being written. */
  #control: Promise<void> | undefined;

  /**
   * @param lower What carries the frames.
   * @param options What is let in.
   */
  constructor(lower: Transport, options: WebSocketOptions = {}) {
    this.#lower = lower;
    this.#options = options;
    if (lower.remoteAddr !== undefined) this.remoteAddr = lower.remoteAddr;
  }

  get certificate(): PeerCertificate | undefined {
    return this.#lower.certificate;
  }

  setNoDelay(noDelay?: boolean): void {
    this.#lower.setNoDelay?.(noDelay);
  }

  async handshake(): Promise<void> {
    await this.#lower.handshake?.();
    const { response, refusal } = await this.#verdict();
    await this.#writeAll(response);
    if (refusal !== undefined) throw new Error(refusal);
    this.#open = true;
  }

  /** Answers that there is no room; to be called instead of `handshake`. */
  async turnAway(reason: string): Promise<void> {
    await this.#lower.handshake?.();
    await this.#verdict();
    await this.#writeAll(refuse(503, reason).response);
    await this.#lower.closeWrite?.();
    // Until the peer has seen it; what it says meanwhile is of no interest.
    const buffer = new Uint8Array(FIRST_REQUEST);
    while (await this.#lower.read(buffer) !== null);
  }

  async #verdict(): Promise<Verdict> {
    let buffer = new Uint8Array(FIRST_REQUEST);
    let length = 0;
    while (length < LONGEST_REQUEST) {
      if (length === buffer.length) {
        const larger = new Uint8Array(LONGEST_REQUEST);
        larger.set(buffer);
        buffer = larger;
      }
      const count = await this.#lower.read(buffer.subarray(length));
      if (count === null) {
        throw new Error("WebSocket: the client left before its request ended");
      }
      length += count;
      const other = otherProtocol(buffer[0]!);
      if (other !== undefined) throw new Error(other);
      const end = endOfRequest(buffer.subarray(0, length));
      if (end < 0) continue;
      if (end < length) this.#rest = buffer.slice(end, length);
      return answer(buffer.subarray(0, end), this.#options);
    }
    return refuse(431, "the request is too long");
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const decoder = this.#decoder;
    while (this.#open) {
      const received = this.#takeRest(buffer) ??
        await this.#lower.read(buffer);
      if (received === null) return null;
      const count = decoder.decode(buffer, received);
      if (decoder.ping !== undefined) this.#answerPing();
      // What came before the end is handled first.
      if (count > 0) return count;
      const { failure } = decoder;
      if (failure !== undefined) {
        await this.#sayClose(failure.code);
        throw new Error(failure.reason);
      }
      if (decoder.closed) {
        await this.#sayClose(decoder.closeCode);
        return null;
      }
    }
    // It was closed, or never opened: nothing that comes means anything.
    return await this.#lower.read(buffer);
  }

  #takeRest(buffer: Uint8Array): number | undefined {
    // A decoder that has stopped says so again.
    if (this.#decoder.closed || this.#decoder.failure !== undefined) return 0;
    const rest = this.#rest;
    if (rest === undefined) return undefined;
    const count = Math.min(rest.length, buffer.length);
    buffer.set(rest.subarray(0, count));
    this.#rest = count < rest.length ? rest.subarray(count) : undefined;
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    while (this.#control !== undefined) await this.#control;
    if (!this.#open) throw new Error("The WebSocket is closed");
    this.#writing = true;
    const count = this.#left === 0
      ? await this.#beginFrame(bytes)
      : await this.#lower.write(bytes.subarray(0, this.#left));
    this.#writing = false;
    this.#left -= count;
    if (this.#decoder.ping !== undefined) this.#answerPing();
    return count;
  }

  /** Writes a header and at least a byte of payload; returns how much of it. */
  async #beginFrame(bytes: Uint8Array): Promise<number> {
    const length = Math.min(bytes.length, LONGEST_FRAME);
    const header = binaryHeader(length);
    const payload = bytes.subarray(0, length);
    this.#left = length;
    if (length >= LARGE) {
      await this.#writeAll(header);
      return await this.#lower.write(payload);
    }
    const frame = new Uint8Array(header.length + length);
    frame.set(header);
    frame.set(payload, header.length);
    let count = -header.length;
    while (count <= 0) {
      count += await this.#lower.write(frame.subarray(count + header.length));
    }
    return count;
  }

  /** Between frames; while one is written, its end comes here again. */
  #answerPing(): void {
    if (this.#writing || this.#left > 0 || this.#control !== undefined) return;
    const pong = pongFrame(this.#decoder.ping!);
    this.#decoder.ping = undefined;
    this.#sendControl(pong);
  }

  #sendControl(frame: Uint8Array): void {
    this.#control = this.#writeAll(frame)
      .catch(() => {}) // reading and writing tell
      .then(() => {
        this.#control = undefined;
        if (this.#open && this.#decoder.ping !== undefined) this.#answerPing();
      });
  }

  /** Ends what is spoken here; says so, unless a frame is not complete. */
  async #sayClose(code: number | undefined): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#control;
    if (this.#writing || this.#left > 0) return;
    this.#sendControl(closeFrame(code));
    await this.#control;
  }

  async closeWrite(): Promise<void> {
    await this.#sayClose(CloseCode.Normal);
    await this.#lower.closeWrite?.();
  }

  close(): void {
    this.#lower.close();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      written += await this.#lower.write(bytes.subarray(written));
    }
  }
}
