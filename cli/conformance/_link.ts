/**
 * A connection to a broker: bytes out, packets in. All that came is kept until
 * somebody asks for it.
 */

import {
  type Packet,
  PacketParser,
  type ProtocolVersion,
  type Transport,
} from "../../mod.ts";
import { hex } from "./_bytes.ts";
import { Failure, NoPacket } from "./_verdict.ts";

/** Bytes read at a time. */
const CHUNK = 16_384;

/** Bytes that are shown of what is no packet. */
const NOISE = 24;

/** One connection. */
export class Link implements AsyncDisposable {
  readonly version: ProtocolVersion;
  /** How the client is called in messages of failures. */
  readonly name: string;
  readonly #transport: Transport;
  readonly #parser: PacketParser;
  /** Milliseconds to wait for anything. */
  readonly #patience: number;
  readonly #reading: Promise<void>;
  #packets: Packet[] = [];
  #bytes = new Uint8Array(0);
  #ended = false;
  /** Why bytes were no packet, and the piece that they came in. */
  #broken: { error: Error; piece: Uint8Array } | undefined;
  #wake = Promise.withResolvers<void>();
  #sending: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    version: ProtocolVersion,
    name: string,
    transport: Transport,
    patience: number,
  ) {
    this.version = version;
    this.name = name;
    this.#transport = transport;
    this.#patience = patience;
    this.#parser = new PacketParser({ version });
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(CHUNK);
    try {
      for (;;) {
        const count = await this.#transport.read(buffer);
        if (count === null) break;
        this.#take(buffer.slice(0, count));
      }
    } catch {
      // A reset is an end too.
    }
    this.#ended = true;
    this.#notify();
  }

  #take(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#bytes.length < CHUNK) {
      const all = new Uint8Array(this.#bytes.length + bytes.length);
      all.set(this.#bytes);
      all.set(bytes, this.#bytes.length);
      this.#bytes = all;
    }
    if (this.#broken === undefined) {
      try {
        this.#parser.push(bytes);
        for (;;) {
          const packet = this.#parser.next();
          if (packet === undefined) break;
          this.#packets.push(structuredClone(packet));
        }
      } catch (error) {
        this.#broken = { error: error as Error, piece: bytes };
      }
    }
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** Waits until something has come, or the end. */
  async #more(waitingFor: string): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new Failure(
              `${waitingFor} for ${this.name}`,
              `nothing within ${this.#patience / 1000} s`,
            ),
          ),
        this.#patience,
      );
    });
    try {
      await Promise.race([this.#wake.promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes no packet that is larger: it is none for this client. */
  limit(maximumPacketSize: number): void {
    this.#parser.maximumPacketSize = maximumPacketSize;
  }

  /** All bytes that have come, as far as they are the first 16 KiB. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Sends bytes in one piece. Who has closed does not read them: no error. */
  sendBytes(...parts: readonly Uint8Array[]): Promise<void> {
    const bytes = new Uint8Array(
      parts.reduce((sum, one) => sum + one.length, 0),
    );
    let end = 0;
    for (const part of parts) {
      bytes.set(part, end);
      end += part.length;
    }
    this.#sending = this.#sending.then(async () => {
      try {
        for (let at = 0; at < bytes.length;) {
          at += await this.#transport.write(bytes.subarray(at));
        }
      } catch {
        // Reading tells how it ended.
      }
    });
    return this.#sending;
  }

  /** The next packet; `undefined` when the broker has closed instead. */
  async nextOrEnd(waitingFor: string): Promise<Packet | undefined> {
    for (;;) {
      const packet = this.#packets.shift();
      if (packet !== undefined) return packet;
      if (this.#broken) {
        const { error: { message }, piece } = this.#broken;
        throw new NoPacket(
          `${waitingFor} for ${this.name}`,
          `what is no packet (${message}): ${hex(piece, NOISE)}`,
        );
      }
      if (this.#ended) return undefined;
      await this.#more(waitingFor);
    }
  }

  /** Has packets read again, before what is there. */
  hold(packets: readonly Packet[]): void {
    this.#packets.unshift(...packets);
  }

  /** Says that nothing more is sent. */
  async finish(): Promise<void> {
    await this.#transport.closeWrite?.().catch(() => {});
  }

  /** Goes away without a word. */
  drop(): Promise<void> {
    return this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) this.#transport.close();
    this.#closed = true;
    await this.#reading;
    await this.#sending;
  }
}
