/**
 * MQTT over WebSocket (section 6), as the broker's own listeners accept it: the
 * opening handshake, and then an endpoint of the codec's.
 */

import {
  type Address,
  type PeerCertificate,
  type Transport,
  WebSocketEndpoint,
} from "../codec/mod.ts";
import {
  answer,
  endOfRequest,
  LONGEST_REQUEST,
  otherProtocol,
  refuse,
  type Verdict,
  type WebSocketOptions,
} from "./_websocket_handshake.ts";

/** Bytes that the buffer for the request begins with. */
const FIRST_REQUEST = 1024;

export class WebSocketTransport implements Transport {
  readonly remoteAddr?: Address;

  readonly #lower: Transport;
  readonly #options: WebSocketOptions;
  /** What speaks frames, from the handshake on. */
  #endpoint: WebSocketEndpoint | undefined;
  /** What came with the request, behind it. */
  #rest: Uint8Array | undefined;

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

  setKeepAlive(keepAlive?: boolean): void {
    this.#lower.setKeepAlive?.(keepAlive);
  }

  async handshake(): Promise<void> {
    await this.#lower.handshake?.();
    const { response, refusal } = await this.#verdict();
    await this.#writeAll(response);
    if (refusal !== undefined) throw new Error(refusal);
    const received = this.#rest;
    this.#rest = undefined;
    this.#endpoint = new WebSocketEndpoint(
      this.#lower,
      received === undefined ? {} : { received },
    );
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

  read(buffer: Uint8Array): Promise<number | null> {
    // Of who was refused nothing that comes means anything.
    return (this.#endpoint ?? this.#lower).read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#endpoint?.write(bytes) ??
      Promise.reject(new Error("The WebSocket is not open"));
  }

  async closeWrite(): Promise<void> {
    await (this.#endpoint ?? this.#lower).closeWrite?.();
  }

  close(): void {
    (this.#endpoint ?? this.#lower).close();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      written += await this.#lower.write(bytes.subarray(written));
    }
  }
}
