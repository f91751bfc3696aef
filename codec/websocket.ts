/**
 * MQTT over WebSocket (section 6), by the WebSocket of a browser, of Node.js or
 * of Deno. Bytes are all there is to a transport: where a message of WebSocket
 * begins and ends means nothing to it [MQTT-6.0.0-2].
 *
 * @module
 */

import { Queue } from "./queue.ts";
import type { Address, Transport } from "./transport.ts";

/** What a WebSocket is taken for: the standard's has it all. */
export interface WebSocketLike {
  /** How binary messages are given; set to `"arraybuffer"`. */
  binaryType: string;
  /** 0: connecting, 1: open, 2: closing, 3: closed. */
  readonly readyState: number;
  /** How many bytes wait to be sent. */
  readonly bufferedAmount: number;
  /** Sends a message. */
  send(data: Uint8Array<ArrayBuffer>): void;
  /** Begins to close. */
  close(code?: number, reason?: string): void;
  /** Has a function called for events. */
  addEventListener(type: string, listener: (event: Event) => void): void;
}

/** Options of {@linkcode webSocketTransport}. */
export interface WebSocketTransportOptions {
  /**
   * How many bytes may wait to be read, by default 16 MiB. A WebSocket takes
   * what comes, whether it is read or not, so that the peer cannot be held
   * back: if more comes while so much waits, it is closed.
   */
  receiveLimit?: number;
  /**
   * How many bytes may wait to be sent before `write` waits, by default 64 KiB.
   */
  sendLimit?: number;
  /** Where the peer is, if that is known. */
  remoteAddr?: Address;
}

/** Bytes that one message has at the most: a long packet is sent in parts. */
const LONGEST_MESSAGE = 262_144;

/** Milliseconds between two looks at what waits to be sent. */
const FIRST_DELAY = 1;
const LONGEST_DELAY = 64;

/** The close code for what the specification has no code that we may send. */
const REFUSED = 4000;

/** Bytes of UTF-8 that a close reason may have. */
const LONGEST_REASON = 123;

/**
 * Makes a transport of a WebSocket, which may be connecting still: `handshake`
 * waits until it is open. The transport is to be made before anything can have
 * come, in the same turn as the WebSocket.
 *
 * @example
 * ```ts ignore
 * const socket = new WebSocket("wss://broker.example/mqtt", ["mqtt"]);
 * const transport = webSocketTransport(socket);
 * await transport.handshake();
 * ```
 *
 * @param socket The WebSocket.
 * @param options Limits, address.
 * @returns The transport.
 */
export function webSocketTransport(
  socket: WebSocketLike,
  options: WebSocketTransportOptions = {},
): Transport & { handshake(): Promise<void> } {
  return new WebSocketTransport(socket, options);
}

class WebSocketTransport implements Transport {
  readonly remoteAddr?: Address;

  readonly #socket: WebSocketLike;
  readonly #receiveLimit: number;
  readonly #sendLimit: number;
  readonly #opened: Promise<void>;
  readonly #received = new Queue<Uint8Array>();
  /** How many bytes wait in all messages. */
  #receivedBytes = 0;
  /** How many bytes of the first message were read. */
  #taken = 0;
  /** Whether the end has come; `#failure` says if something went wrong. */
  #ended = false;
  #failure: Error | undefined;
  /** Settles what `handshake` returned. */
  #settle!: (failure?: Error) => void;
  /** Wakes the read that waits. */
  #wakeReader: (() => void) | undefined;
  /** Wakes the write that waits. */
  #wakeWriter: (() => void) | undefined;

  constructor(socket: WebSocketLike, options: WebSocketTransportOptions) {
    this.#socket = socket;
    this.#receiveLimit = options.receiveLimit ?? 16 * 1024 * 1024;
    this.#sendLimit = options.sendLimit ?? 65_536;
    if (options.remoteAddr !== undefined) this.remoteAddr = options.remoteAddr;
    socket.binaryType = "arraybuffer";
    this.#opened = new Promise((resolve, reject) => {
      this.#settle = (failure) => failure ? reject(failure) : resolve();
    });
    // Who neither shakes hands nor writes is told by reading.
    this.#opened.catch(() => {});
    socket.addEventListener("open", () => this.#settle());
    socket.addEventListener("message", (event) => this.#receive(event));
    socket.addEventListener("error", (event) => this.#fail(event));
    socket.addEventListener("close", (event) => this.#close(event));
    if (socket.readyState === 1) this.#settle();
    else if (socket.readyState > 1) this.#end();
  }

  handshake(): Promise<void> {
    return this.#opened;
  }

  #receive(event: Event): void {
    if (this.#ended) return;
    const { data } = event as MessageEvent<string | ArrayBuffer>;
    if (typeof data === "string") {
      // [MQTT-6.0.0-1]
      return this.#refuse("a text message came, MQTT is in binary ones");
    }
    if (data.byteLength === 0) return;
    if (this.#receivedBytes > this.#receiveLimit) {
      return this.#refuse(
        `more than ${this.#receiveLimit} bytes wait to be read`,
      );
    }
    this.#received.push(new Uint8Array(data));
    this.#receivedBytes += data.byteLength;
    this.#wakeReader?.();
  }

  #refuse(reason: string): void {
    this.#socket.close(REFUSED, reason.slice(0, LONGEST_REASON));
    this.#end(new Error(`WebSocket: ${reason}`));
  }

  #fail(event: Event): void {
    const { message } = event as ErrorEvent;
    this.#end(new Error(message || "the WebSocket could not be opened"));
  }

  #close(event: Event): void {
    const { code, reason } = event as CloseEvent;
    // Normal closure, going away, and none given (RFC 6455, section 7.4.1).
    if ([1000, 1001, 1005].includes(code)) return this.#end();
    const what = code === 1006 ? "was cut off" : `was closed with code ${code}`;
    this.#end(
      new Error(`the WebSocket ${what}${reason === "" ? "" : `: ${reason}`}`),
    );
  }

  #end(failure?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#settle(failure ?? new Error("the WebSocket was closed"));
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const count = this.#take(buffer);
      if (count > 0) return count;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
      this.#wakeReader = undefined;
    }
  }

  /** Takes of the first message what fits; returns how many bytes. */
  #take(buffer: Uint8Array): number {
    const first = this.#received.peek();
    if (first === undefined) return 0;
    const rest = first.subarray(this.#taken);
    const count = Math.min(rest.length, buffer.length);
    buffer.set(rest.subarray(0, count));
    this.#taken += count;
    if (this.#taken === first.length) {
      this.#received.shift();
      this.#taken = 0;
    }
    this.#receivedBytes -= count;
    return count;
  }

  /**
   * Waits before it sends, not after: what was given to the WebSocket is on its
   * way, and who waits for a small packet to be taken need not wait for a timer.
   */
  async write(bytes: Uint8Array): Promise<number> {
    await this.#opened;
    // There is no event for when a WebSocket has sent what waits. So this looks
    // again and again, ever less often.
    for (
      let delay = FIRST_DELAY;
      !this.#ended && this.#socket.bufferedAmount > this.#sendLimit;
      delay = Math.min(delay * 2, LONGEST_DELAY)
    ) await this.#pause(delay);
    if (this.#ended || this.#socket.readyState !== 1) {
      throw this.#failure ?? new Error("the WebSocket is closed");
    }
    const part = bytes.subarray(0, LONGEST_MESSAGE);
    // Of nobody but an ArrayBuffer are bytes in this library.
    this.#socket.send(part as Uint8Array<ArrayBuffer>); // [MQTT-6.0.0-1]
    return part.length;
  }

  /** Waits so many milliseconds, or until the end. */
  async #pause(delay: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wakeWriter = resolve;
      timer = setTimeout(resolve, delay);
    });
    clearTimeout(timer);
    this.#wakeWriter = undefined;
  }

  close(): void {
    this.#received.clear();
    this.#taken = 0;
    this.#failure = undefined;
    this.#end();
    this.#socket.close();
  }
}
