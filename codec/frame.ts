/**
 * The bytes of a PUBLISH, made once for all its receivers.
 *
 * Receivers differ in the flags (DUP, QoS, RETAIN) and in the packet
 * identifier; both have fixed places, so they are patched in the copy that
 * goes into a receiver's {@linkcode Outbox}. What else a receiver of 5.0 may have
 * for itself (alias, identifiers, expiry) is in the head, written anew. Where publisher and receiver speak
 * alike, the frame is the very bytes that came in.
 *
 * @module
 */

import { encodeView } from "./encode.ts";
import type { ProtocolVersion, PublishPacket } from "./packet.ts";
import { type Layout, layoutOf } from "./personal.ts";

/** Copies up to this size share slabs; a larger one is an allocation of its own. */
const SMALL = 1024;

/**
 * A typed array costs near a microsecond, whatever its size; a view of a slab a
 * twentieth of that. A slab lives as long as any copy in it: at most
 * `SLAB / SMALL` copies of the largest size, so what a kept message pins is
 * bounded.
 */
const SLAB = 8192;

let slab = new Uint8Array(SLAB);
let used = 0;

/**
 * Copies bytes into memory that nobody else writes.
 *
 * @param bytes The bytes.
 * @returns A copy; small ones are views into shared slabs.
 */
export function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = bytes;
  if (length > SMALL) return new Uint8Array(bytes);
  if (used + length > SLAB) {
    slab = new Uint8Array(SLAB);
    used = 0;
  }
  const copy = slab.subarray(used, used + length);
  copy.set(bytes);
  used += length;
  return copy;
}

/** The encoded form of a PUBLISH, for one kind of receiver. */
export class Frame {
  /** Where the packet identifier stands; 0 if the frame has none (QoS 0). */
  readonly packetIdOffset: number;

  #bytes: Uint8Array;
  #kept: boolean;
  #layout: Layout | undefined;

  private constructor(bytes: Uint8Array, kept: boolean) {
    this.#bytes = bytes;
    this.#kept = kept;
    this.packetIdOffset = (bytes[0]! & 0x06) === 0 ? 0 : topicEnd(bytes);
  }

  /**
   * The frame of a packet that was just received: a view into the receive
   * buffer, until it is kept.
   *
   * @param bytes The bytes of a valid PUBLISH.
   * @returns The frame.
   */
  static received(bytes: Uint8Array): Frame {
    return new Frame(bytes, false);
  }

  /**
   * Encodes a PUBLISH.
   *
   * @param packet The packet. Its flags and its packet identifier do not
   * matter, only whether its QoS is 0.
   * @param version The protocol version of the receivers.
   * @returns The frame.
   */
  static encode(packet: PublishPacket, version: ProtocolVersion): Frame {
    return new Frame(copyBytes(encodeView(packet, version)), true);
  }

  /** The bytes. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where its parts are, if it is one of 5.0. */
  get layout(): Layout {
    return this.#layout ??= layoutOf(this.#bytes);
  }

  /** Moves the frame to memory of its own, if it is not there yet. */
  keep(): void {
    if (this.#kept) return;
    this.#bytes = copyBytes(this.#bytes);
    this.#kept = true;
  }
}

/** Where the variable header goes on behind the topic name. */
function topicEnd(bytes: Uint8Array): number {
  let position = 1;
  while (bytes[position]! >= 0x80) position++;
  position++;
  return position + 2 + (bytes[position]! << 8 | bytes[position + 1]!);
}
