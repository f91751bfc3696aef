/**
 * MQTT over WebSocket (section 6), where we make the frames ourselves.
 *
 * @module
 */

import type { Address, PeerCertificate, Transport } from "./transport.ts";
import { FrameDecoder } from "./_websocket_decoder.ts";
import {
  binaryFrame,
  binaryHeader,
  CloseCode,
  closeFrame,
  pongFrame,
} from "./_websocket_frames.ts";

/** Options of a {@linkcode WebSocketEndpoint}. */
export interface WebSocketEndpointOptions {
  /** What came behind the opening handshake: the first bytes of frames. */
  received?: Uint8Array;
  /**
   * Gives the 32 bits of a frame's mask, for a client: it has to mask what it
   * sends, each frame by chance that nobody can foresee (RFC 6455, section 5.3).
   * Without it this is the server's end.
   */
  mask?: () => number;
}

/** Bytes of payload in one frame: a pong has to wait for its end. */
const LONGEST_FRAME = 65_536;

/** From this size on a payload is written after its header, not copied to it. */
const LARGE = 16_384;

/**
 * One end of a WebSocket: a transport of frames over a transport of bytes, be
 * it TCP, TLS or a Unix socket. It begins after the opening handshake. Frames
 * that come are taken apart where they were read, pings are answered, and what
 * the peer may not send (RFC 6455) ends the WebSocket. Nothing is kept of what
 * the peer sends but a header and a ping's 125 bytes at the most.
 */
export class WebSocketEndpoint implements Transport {
  /** Where the peer is, if the transport below knows. */
  readonly remoteAddr?: Address;

  readonly #lower: Transport;
  readonly #mask: (() => number) | undefined;
  readonly #decoder: FrameDecoder;
  /** What was received with the handshake. */
  #received: Uint8Array | undefined;
  /** Whether the end of what the peer sends was told. */
  #ended = false;
  /** Whether frames may be sent: until that which closes. */
  #open = true;
  /** Bytes that the frame being written still has. */
  #left = 0;
  /** Whether `write` is under way. */
  #writing = false;
  /** The control frame that is being written. */
  #control: Promise<void> | undefined;

  /**
   * Makes the endpoint.
   *
   * @param lower What carries the frames; its own handshake is done.
   * @param options What was received already; the masks of a client.
   */
  constructor(lower: Transport, options: WebSocketEndpointOptions = {}) {
    const { mask, received } = options;
    this.#lower = lower;
    this.#mask = mask;
    this.#decoder = new FrameDecoder(mask === undefined);
    this.#received = received;
    if (lower.remoteAddr !== undefined) this.remoteAddr = lower.remoteAddr;
  }

  /** The certificate that the peer has shown to the transport below. */
  get certificate(): PeerCertificate | undefined {
    return this.#lower.certificate;
  }

  /**
   * Has the transport below send at once.
   *
   * @param noDelay Whether to send at once.
   */
  setNoDelay(noDelay?: boolean): void {
    this.#lower.setNoDelay?.(noDelay);
  }

  /**
   * Has the system look whether the peer of the transport below is there.
   *
   * @param keepAlive Whether to look.
   */
  setKeepAlive(keepAlive?: boolean): void {
    this.#lower.setKeepAlive?.(keepAlive);
  }

  /**
   * Reads payload.
   *
   * @param buffer Where it goes; frames are taken apart there.
   * @returns How many bytes were read; `null` when the peer has closed.
   * @throws {Error} If the peer sends what it may not, or closes because
   * something is wrong.
   */
  async read(buffer: Uint8Array): Promise<number | null> {
    const decoder = this.#decoder;
    while (!this.#ended) {
      const received = this.#takeReceived(buffer) ??
        await this.#lower.read(buffer);
      if (received === null) return null;
      const count = decoder.decode(buffer, received);
      if (decoder.ping !== undefined) this.#answerPing();
      // What came before the end is handled first.
      if (count > 0) return count;
      const { closed, closeCode, closeReason, failure } = decoder;
      if (failure === undefined && !closed) continue;
      this.#ended = true;
      await this.#sayClose(failure === undefined ? closeCode : failure.code);
      if (failure !== undefined) throw new Error(failure.reason);
      if (isProblem(closeCode)) throw closedWith(closeCode!, closeReason);
      return null;
    }
    // It is over: nothing that comes means anything.
    return await this.#lower.read(buffer);
  }

  #takeReceived(buffer: Uint8Array): number | undefined {
    // A decoder that has stopped says so again.
    if (this.#decoder.closed || this.#decoder.failure !== undefined) return 0;
    const bytes = this.#received;
    if (bytes === undefined) return undefined;
    const count = Math.min(bytes.length, buffer.length);
    buffer.set(bytes.subarray(0, count));
    this.#received = count < bytes.length ? bytes.subarray(count) : undefined;
    return count;
  }

  /**
   * Writes payload, as a message or as more of one that was not taken whole.
   *
   * @param bytes The payload; not empty.
   * @returns How many bytes of it were written.
   * @throws {Error} If the WebSocket is closed, or what is below cannot write.
   */
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
    const payload = bytes.subarray(0, length);
    this.#left = length;
    // The mask is not for the caller's bytes, and the frame a copy of them.
    if (this.#mask !== undefined) {
      await this.#writeAll(binaryFrame(payload, this.#mask()));
      return length;
    }
    if (length >= LARGE) {
      await this.#writeAll(binaryHeader(length));
      return await this.#lower.write(payload);
    }
    const frame = binaryFrame(payload);
    let count = length - frame.length;
    while (count <= 0) {
      count += await this.#lower.write(
        frame.subarray(count + frame.length - length),
      );
    }
    return count;
  }

  /** Between frames; while one is written, its end comes here again. */
  #answerPing(): void {
    if (!this.#open || this.#busy || this.#control !== undefined) return;
    const pong = pongFrame(this.#decoder.ping!, this.#mask?.());
    this.#decoder.ping = undefined;
    this.#sendControl(pong);
  }

  #sendControl(frame: Uint8Array): void {
    this.#control = this.#writeAll(frame)
      .catch(() => {}) // reading and writing tell
      .then(() => {
        this.#control = undefined;
        if (this.#decoder.ping !== undefined) this.#answerPing();
      });
  }

  /** Whether a frame is not complete. */
  get #busy(): boolean {
    return this.#writing || this.#left > 0;
  }

  /** Ends what is spoken here; says so, unless a frame is not complete. */
  async #sayClose(code: number | undefined): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#control;
    if (this.#busy) return;
    this.#sendControl(closeFrame(code, this.#mask?.()));
    await this.#control;
  }

  /**
   * Says by a close frame that nothing more is written, unless one was sent
   * before, and has the transport below end its writing too.
   */
  async closeWrite(): Promise<void> {
    await this.#sayClose(CloseCode.Normal);
    await this.#lower.closeWrite?.();
  }

  /**
   * Ends the WebSocket in both directions. The close frame is sent if that can
   * be at once: it is not waited for.
   */
  close(): void {
    if (this.#open && !this.#busy && this.#control === undefined) {
      this.#sendControl(closeFrame(CloseCode.Normal, this.#mask?.()));
    }
    this.#open = false;
    this.#lower.close();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      written += await this.#lower.write(bytes.subarray(written));
    }
  }
}

/** Whether a peer that closes so says that something is wrong. */
function isProblem(code: number | undefined): boolean {
  return code !== undefined && code !== CloseCode.Normal &&
    code !== CloseCode.GoingAway;
}

function closedWith(code: number, said: string): Error {
  const reason = said.replace(/\p{Cc}/gu, " ");
  return new Error(
    `the WebSocket was closed with code ${code}` +
      (reason === "" ? "" : `: ${reason}`),
  );
}
