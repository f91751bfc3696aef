/**
 * TLS over any transport.
 *
 * By `node:tls`, though `Deno.listenTls` takes less than half of the time:
 * its connections stay open when they are closed before their handshake is
 * over, or while their peers do not read, for as long as the peers like; and it
 * ignores that certificates of clients are asked for. Here the socket below is
 * ours, and gone when it is closed.
 */

import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import {
  type Address,
  type PeerCertificate,
  Queue,
  type Transport,
} from "../codec/mod.ts";
import { secure, type TlsOptions } from "./_tls_handshake.ts";

/** Bytes of the smallest and the largest read. */
const SMALLEST_READ = 512;
const LARGEST_READ = 65_536;

/** Bytes that are encrypted at a time. */
const LARGEST_WRITE = 65_536;

/** TLS over a transport. */
export class TlsTransport implements Transport {
  readonly remoteAddr?: Address;
  certificate: PeerCertificate | undefined;

  readonly #lower: Transport;
  readonly #options: TlsOptions;
  readonly #stream: TransportStream;
  #socket: TLSSocket | undefined;
  #failure: Error | undefined;
  /** Whether nothing more comes. */
  #ended = false;
  /** What has come and was not read. */
  readonly #received = new Queue<Uint8Array>();
  /** How many bytes that is. */
  #waiting = 0;
  /** How many bytes of the first were read. */
  #taken = 0;
  /** Called when there may be something to read. */
  #wake: (() => void) | undefined;

  /**
   * @param lower What carries what is encrypted.
   * @param options What handshakes are made with.
   */
  constructor(lower: Transport, options: TlsOptions) {
    this.#lower = lower;
    this.#options = options;
    // The runtime would read on, and keep all of it.
    const full = (): boolean => this.#waiting >= LARGEST_READ;
    this.#stream = new TransportStream(lower, full);
    if (lower.remoteAddr !== undefined) this.remoteAddr = lower.remoteAddr;
  }

  setNoDelay(noDelay?: boolean): void {
    this.#lower.setNoDelay?.(noDelay);
  }

  setKeepAlive(keepAlive?: boolean): void {
    this.#lower.setKeepAlive?.(keepAlive);
  }

  async handshake(): Promise<void> {
    const secured = await secure(this.#stream, this.#options);
    const { socket, certificate } = secured;
    this.#socket = socket;
    this.certificate = certificate;
    socket.on("data", (bytes) => {
      this.#received.push(bytes as Uint8Array);
      this.#waiting += bytes.length;
      this.#wake?.();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    for (const one of [socket, this.#stream]) {
      one.on("end", end).on("close", end);
      one.on("error", (error) => {
        this.#failure ??= error;
        socket.destroy(); // settles what is being written
        end();
      });
    }
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#socket === undefined) {
      throw new Error("TLS: there is no connection");
    }
    for (;;) {
      const count = this.#take(buffer);
      if (count > 0) return count;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  /** Takes what is there and fits; returns how many bytes. */
  #take(buffer: Uint8Array): number {
    let count = 0;
    for (
      let bytes;
      count < buffer.length && (bytes = this.#received.peek()) !== undefined;
    ) {
      const part = bytes.subarray(this.#taken).subarray(
        0,
        buffer.length - count,
      );
      buffer.set(part, count);
      count += part.length;
      this.#taken += part.length;
      if (this.#taken < bytes.length) break;
      this.#received.shift();
      this.#taken = 0;
    }
    this.#waiting -= count;
    this.#stream.goOn();
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) {
      const lost = new Error("TLS: the connection is lost");
      return Promise.reject(this.#failure ?? lost);
    }
    const part = bytes.subarray(0, LARGEST_WRITE);
    return new Promise((resolve, reject) => {
      socket.write(part, (error) => {
        if (error) reject(error);
        else resolve(part.length);
      });
    });
  }

  closeWrite(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return Promise.resolve();
    return new Promise((resolve) => socket.end(resolve));
  }

  close(): void {
    this.#socket?.destroy();
    this.#stream.destroy(); // which closes what is below
  }
}

/** A transport as a stream of Node's. */
class TransportStream extends Duplex {
  readonly #transport: Transport;
  /** Whether nothing more is to be read for now. */
  readonly #full: () => boolean;
  /** Whether reading has stopped because of that. */
  #held = false;
  /** Bytes of the next read: it grows while much comes. */
  #size = SMALLEST_READ;

  constructor(transport: Transport, full: () => boolean) {
    super();
    this.#transport = transport;
    this.#full = full;
  }

  override _read(): void {
    if (this.#full()) this.#held = true;
    else this.#receive();
  }

  /** Something was taken: there may be room again. */
  goOn(): void {
    if (!this.#held || this.#full()) return;
    this.#held = false;
    this.#receive();
  }

  #receive(): void {
    const buffer = new Uint8Array(this.#size);
    this.#transport.read(buffer).then((count) => {
      if (count === buffer.length) {
        this.#size = Math.min(this.#size * 2, LARGEST_READ);
      } else if (count !== null && count * 8 <= buffer.length) {
        this.#size = Math.max(this.#size / 2, SMALLEST_READ);
      }
      this.push(count === null ? null : buffer.subarray(0, count));
    }).catch((error) => this.destroy(error));
  }

  override _write(
    bytes: Uint8Array,
    _encoding: string,
    done: (error?: Error) => void,
  ): void {
    this.#writeAll(bytes).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    const closed = this.#transport.closeWrite?.() ?? Promise.resolve();
    closed.then(() => done(), done);
  }

  override _destroy(
    error: Error | null,
    done: (error: Error | null) => void,
  ): void {
    try {
      this.#transport.close();
    } catch {
      // It is closed already.
    }
    done(error);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      written += await this.#transport.write(bytes.subarray(written));
    }
  }
}
