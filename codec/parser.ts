/**
 * Bytes in any chunking → control packets.
 *
 * The parser owns the receive buffer: a transport reads straight into
 * {@linkcode PacketParser.writable}, so that nothing is copied on the way. The
 * buffer starts small (an idle connection pays for the buffer of its pending
 * read), grows while a connection is busy and shrinks when it is quiet again.
 * A large packet makes it grow as its bytes arrive, never by what its header
 * announces.
 *
 * @module
 */

import { Reader } from "./_bytes.ts";
import { acquire, capacityFor, classSize, release } from "./_pool.ts";
import { checkFixedHeader, decodeBody } from "./_decode.ts";
import { decodeConnect, decodeVersion } from "./_decode_connect.ts";
import { MalformedPacketError, ProtocolError } from "./error.ts";
import type { Packet, ProtocolVersion } from "./packet.ts";
import { ReasonCode } from "./reason_code.ts";
import { TopicCache } from "./_topic_cache.ts";

/** Options of a {@linkcode PacketParser}. */
export interface PacketParserOptions {
  /**
   * The protocol version. Absent, the first packet has to be a CONNECT, which
   * tells it: that is how a broker parses.
   */
  version?: ProtocolVersion;
  /** The largest packet accepted, in bytes; by default 268,435,460. */
  maximumPacketSize?: number;
}

/** The largest packet there can be: its remaining length has four bytes. */
export const MAXIMUM_PACKET_SIZE = 268_435_460;

/** After this many reads that fill an eighth at most, the buffer shrinks. */
const QUIET_READS = 3;

/** The buffer grows by reading no further than this: 64 KiB. */
const LARGEST_READ = 3;

/**
 * An incremental parser for one direction of one connection.
 *
 * @example
 * ```ts
 * import { encode, PacketParser } from "@ambermq/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const parser = new PacketParser({ version: 4 });
 * parser.push(encode({ type: "pingreq" }, 4));
 * assertEquals(parser.next(), { type: "pingreq" });
 * assertEquals(parser.next(), undefined);
 * ```
 */
export class PacketParser {
  /**
   * The protocol version: as given, or from the CONNECT as soon as its
   * protocol level was read, so that a refusal can be put in its terms.
   */
  version: ProtocolVersion | undefined;

  /** The largest packet accepted, in bytes. */
  maximumPacketSize: number;

  readonly #reader = new Reader();
  readonly #topics = new TopicCache();
  #buffer: Uint8Array<ArrayBuffer>;
  /** Size class of the buffer that the traffic asks for. */
  #class = 0;
  #quiet = 0;
  /** Received and not yet parsed: from #start up to #end. */
  #start = 0;
  #end = 0;
  #frameStart = 0;
  /** Whether the header of the last packet is as short as it can be. */
  #minimal = true;
  /** Whether a CONNECT was parsed: there is no second one. */
  #greeted = false;

  /**
   * Makes a parser.
   *
   * @param options The protocol version and the limit.
   */
  constructor(options: PacketParserOptions = {}) {
    this.version = options.version;
    this.maximumPacketSize = options.maximumPacketSize ?? MAXIMUM_PACKET_SIZE;
    this.#buffer = acquire(0);
  }

  /**
   * The part of the buffer to read into: never empty. What earlier packets
   * show of the buffer (payloads) may be overwritten from here on.
   *
   * @returns A view to read into, valid until the next call.
   */
  writable(): Uint8Array<ArrayBuffer> {
    const pending = this.#end - this.#start;
    const capacity = this.#buffer.length;
    const wanted = Math.max(
      classSize(this.#class),
      // a packet that fills the buffer: twice the room, as it comes
      pending === capacity ? capacity * 2 : pending + 1,
    );
    if (capacityFor(wanted) !== capacity) {
      const buffer = acquire(wanted);
      buffer.set(this.#buffer.subarray(this.#start, this.#end));
      release(this.#buffer);
      this.#buffer = buffer;
    } else if (this.#start > 0 && pending > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    }
    this.#start = 0;
    this.#end = pending;
    return pending === 0 ? this.#buffer : this.#buffer.subarray(pending);
  }

  /**
   * Says how many bytes were read into the view that `writable` returned.
   *
   * @param count The number of bytes.
   */
  advance(count: number): void {
    this.#end += count;
    if (this.#end === this.#buffer.length) {
      this.#quiet = 0;
      if (this.#class < LARGEST_READ) this.#class++;
    } else if (count * 8 <= this.#buffer.length) {
      if (this.#class > 0 && ++this.#quiet >= QUIET_READS) {
        this.#quiet = 0;
        this.#class--;
      }
    } else {
      this.#quiet = 0;
    }
  }

  /**
   * Feeds bytes that already are somewhere else, copying them.
   *
   * @param chunk The bytes; any number.
   */
  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length) {
      const room = this.writable();
      const count = Math.min(room.length, chunk.length - offset);
      room.set(chunk.subarray(offset, offset + count));
      this.advance(count);
      offset += count;
    }
  }

  /** How many bytes wait for the rest of their packet. */
  get pending(): number {
    return this.#end - this.#start;
  }

  /**
   * The next packet. Payloads and other binary fields are views into the
   * buffer: copy what is to outlive the next `writable` or `push`.
   *
   * @returns The packet, or `undefined` until more bytes are there.
   * @throws {ProtocolError} If the bytes break the protocol. Nothing more can
   * be parsed then.
   */
  next(): Packet | undefined {
    const buffer = this.#buffer;
    const start = this.#start;
    const available = this.#end - start;
    if (available === 0) return undefined;
    const first = buffer[start]!;
    const type = checkFixedHeader(first, this.version);
    if (type === "connect" && this.#greeted) {
      throw new ProtocolError("CONNECT comes a second time"); // [MQTT-3.1.0-2]
    }
    let length = 0;
    let header = 1;
    let minimal = true;
    for (let shift = 0;; shift += 7) {
      if (shift === 28) {
        throw new MalformedPacketError("Remaining length has over four bytes");
      }
      if (header === available) return undefined;
      const byte = buffer[start + header++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        // [MQTT-1.5.5-1]; MQTT 3.1 and 3.1.1 do not ask for the shortest form
        minimal = byte !== 0 || shift === 0;
        if (!minimal && this.version === 5) {
          throw new MalformedPacketError(
            "Remaining length is longer than it needs to be",
          );
        }
        break;
      }
    }
    const total = header + length;
    if (total > this.maximumPacketSize) {
      throw new ProtocolError(
        `${type} has ${total} bytes; at most ${this.maximumPacketSize} are accepted`,
        ReasonCode.PacketTooLarge,
      );
    }
    if (total > available) return undefined;
    const reader = this.#reader;
    reader.reset(buffer, start + header, start + total);
    this.#frameStart = start;
    this.#minimal = minimal;
    this.#start = start + total;
    if (type !== "connect") {
      return decodeBody(
        type,
        first & 0x0f,
        reader,
        this.version!,
        this.#topics,
      );
    }
    this.#greeted = true;
    const version = decodeVersion(reader);
    this.version = version;
    // [MQTT-1.5.5-1] could not be asked before the version was known
    if (version === 5 && !minimal) {
      throw new MalformedPacketError(
        "Remaining length is longer than it needs to be",
      );
    }
    return decodeConnect(reader, version);
  }

  /**
   * The bytes of the packet that `next` returned last: a view, valid as long
   * as that packet's payload. `undefined` if its remaining length is longer
   * than it needs to be, and so not for everybody.
   */
  get frame(): Uint8Array | undefined {
    if (!this.#minimal) return undefined;
    return this.#buffer.subarray(this.#frameStart, this.#start);
  }

  /** Gives the buffer back. Nothing may be read into it any more. */
  close(): void {
    release(this.#buffer);
    this.#buffer = new Uint8Array(0);
    this.#start = this.#end = this.#frameStart = 0;
  }
}
