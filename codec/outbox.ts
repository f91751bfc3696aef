/**
 * What waits to be written to one connection.
 *
 * The system call is what costs: packets are collected here, and a connection
 * writes them with one call at the end of the turn. Small packets are copied
 * together into a pooled buffer. A large PUBLISH is not copied: all its
 * receivers' outboxes refer to the same bytes.
 *
 * @module
 */

import { variableByteIntegerSize } from "./_bytes.ts";
import { encodeView } from "./encode.ts";
import type { Frame } from "./frame.ts";
import type { Acknowledgement, Packet, ProtocolVersion } from "./packet.ts";
import {
  isSendable,
  type Personal,
  remainingLength,
  writeHead,
} from "./personal.ts";
import { acquire, release } from "./_pool.ts";

/** From this size on a frame is referred to, not copied. */
const LARGE = 16_384;

/** A buffer is written when it would outgrow this. */
const FULL = 65_536;

/** First bytes of packets that are four bytes long if they have no reason. */
const acknowledgements: Partial<Record<Packet["type"], number>> = {
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
};

/** Bytes for one write, and the pooled buffer they are in, if it is one. */
interface Chunk {
  readonly bytes: Uint8Array;
  readonly buffer: Uint8Array<ArrayBuffer> | undefined;
}

/** Frames waiting for the next write. */
export class Outbox {
  /** Complete chunks, oldest first; the newest bytes are in #buffer. */
  #chunks: Chunk[] = [];
  #out: Chunk | undefined;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #length = 0;
  #size = 0;

  /** How many bytes wait, those handed out for writing included. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a control packet.
   *
   * @param packet The packet.
   * @param version The protocol version of the connection.
   * @param maximum The largest packet that the peer accepts, in bytes.
   * @returns Whether it is within the maximum; if not, it was not added.
   * @throws {TypeError} As {@linkcode encode} does.
   * @throws {RangeError} As {@linkcode encode} does.
   */
  push(packet: Packet, version: ProtocolVersion, maximum = Infinity): boolean {
    const first = acknowledgements[packet.type];
    if (first !== undefined) {
      const { packetId, reasonCode, properties } = packet as Acknowledgement;
      const plain = reasonCode === 0 && properties === undefined;
      const valid = Number.isInteger(packetId) && packetId >= 1 &&
        packetId <= 0xffff;
      if (plain && valid && maximum >= 4) {
        this.pushAcknowledgement(first, packetId);
        return true;
      }
    }
    const bytes = encodeView(packet, version);
    if (bytes.length > maximum) return false;
    this.pushBytes(bytes);
    return true;
  }

  /**
   * Adds bytes, copying them.
   *
   * @param bytes The bytes of whole packets.
   */
  pushBytes(bytes: Uint8Array): void {
    const position = this.#reserve(bytes.length);
    this.#buffer!.set(bytes, position);
  }

  /**
   * Adds a packet of two bytes and a packet identifier: the acknowledgements
   * without a reason to give.
   *
   * @param first The first byte of the fixed header.
   * @param packetId The packet identifier.
   */
  pushAcknowledgement(first: number, packetId: number): void {
    const position = this.#reserve(4);
    const buffer = this.#buffer!;
    buffer[position] = first;
    buffer[position + 1] = 2;
    buffer[position + 2] = packetId >> 8;
    buffer[position + 3] = packetId;
  }

  /**
   * Adds a PUBLISH.
   *
   * @param frame Its bytes.
   * @param flags The flags of its fixed header: DUP, QoS and RETAIN.
   * @param packetId The packet identifier; 0 at QoS 0.
   */
  pushFrame(frame: Frame, flags: number, packetId: number): void {
    const { bytes, packetIdOffset } = frame;
    if (bytes.length >= LARGE) return this.#refer(frame, flags, packetId);
    const position = this.#reserve(bytes.length);
    const buffer = this.#buffer!;
    buffer.set(bytes, position);
    patch(buffer, position, packetIdOffset, flags, packetId);
  }

  /**
   * Adds a PUBLISH of 5.0 with what only this receiver gets.
   *
   * @param frame Its bytes.
   * @param flags The flags of its fixed header: DUP, QoS and RETAIN.
   * @param packetId The packet identifier; 0 at QoS 0.
   * @param personal What only this receiver gets.
   * @param maximum The largest packet that the peer accepts, in bytes.
   * @returns Whether it is within the maximum; if not, it was not added.
   */
  pushPersonal(
    frame: Frame,
    flags: number,
    packetId: number,
    personal: Personal,
    maximum: number,
  ): boolean {
    const { layout } = frame;
    const remaining = remainingLength(frame.bytes, layout, personal);
    const total = 1 + variableByteIntegerSize(remaining) + remaining;
    if (total > maximum || !isSendable(remaining)) return false;
    const payloadLength = frame.bytes.length - layout.payload;
    const large = payloadLength >= LARGE;
    if (large) frame.keep();
    const { bytes } = frame;
    const start = this.#reserve(large ? total - payloadLength : total);
    const buffer = this.#buffer!;
    const end = writeHead(
      buffer,
      start,
      bytes,
      layout,
      personal,
      flags,
      packetId,
    );
    if (payloadLength === 0) return true;
    const payload = bytes.subarray(layout.payload);
    if (!large) {
      buffer.set(payload, end);
      return true;
    }
    this.#close();
    this.#chunks.push({ bytes: payload, buffer: undefined });
    this.#size += payloadLength;
    return true;
  }

  /** The head of a large frame is copied and patched, the rest referred to. */
  #refer(frame: Frame, flags: number, packetId: number): void {
    frame.keep();
    const { bytes, packetIdOffset } = frame;
    const head = packetIdOffset === 0 ? 1 : packetIdOffset + 2;
    const position = this.#reserve(head);
    const buffer = this.#buffer!;
    buffer.set(bytes.subarray(0, head), position);
    patch(buffer, position, packetIdOffset, flags, packetId);
    this.#close();
    this.#chunks.push({ bytes: bytes.subarray(head), buffer: undefined });
    this.#size += bytes.length - head;
  }

  /**
   * Takes the next bytes to write. Call `written` when they have left, before
   * taking more.
   *
   * @returns The bytes, or `undefined` if nothing waits.
   */
  take(): Uint8Array | undefined {
    if (this.#chunks.length === 0) {
      if (this.#buffer === undefined) return undefined;
      this.#close();
    }
    this.#out = this.#chunks.shift()!;
    return this.#out.bytes;
  }

  /** Says that the bytes from `take` have left. */
  written(): void {
    if (this.#out === undefined) return;
    const { bytes, buffer } = this.#out;
    this.#out = undefined;
    this.#size -= bytes.length;
    if (buffer !== undefined) release(buffer);
  }

  /** Makes room for bytes and counts them; returns where they go. */
  #reserve(size: number): number {
    const position = this.#length;
    const needed = position + size;
    const buffer = this.#buffer;
    this.#size += size;
    if (buffer !== undefined && needed <= buffer.length) {
      this.#length = needed;
      return position;
    }
    if (buffer === undefined || needed > FULL) {
      this.#close();
      this.#buffer = acquire(size);
      this.#length = size;
      return 0;
    }
    const larger = acquire(needed);
    larger.set(buffer.subarray(0, position));
    release(buffer);
    this.#buffer = larger;
    this.#length = needed;
    return position;
  }

  /** Makes a chunk of what is in the buffer. */
  #close(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    this.#chunks.push({ bytes: buffer.subarray(0, this.#length), buffer });
    this.#buffer = undefined;
    this.#length = 0;
  }
}

function patch(
  buffer: Uint8Array,
  position: number,
  packetIdOffset: number,
  flags: number,
  packetId: number,
): void {
  buffer[position] = 0x30 | flags;
  if (packetIdOffset === 0) return;
  buffer[position + packetIdOffset] = packetId >> 8;
  buffer[position + packetIdOffset + 1] = packetId;
}
