/** The mask of what clients send by WebSocket (RFC 6455, section 5.3). */

/** From this many bytes on words are masked instead of bytes. */
export const LONG = 64;

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/**
 * Masks bytes, or takes their mask away.
 *
 * @param mask The mask, rotated to the first of them.
 * @returns It, rotated to the byte that follows.
 */
export function applyMask(
  mask: number,
  bytes: Uint8Array,
  from: number,
  to: number,
): number {
  if (mask === 0) return 0;
  if (to - from >= LONG && littleEndian) {
    // Bytes up to a word's boundary, then words.
    for (; (bytes.byteOffset + from & 3) !== 0; from++) {
      bytes[from]! ^= mask >>> 24;
      mask = mask << 8 | mask >>> 24;
    }
    const words = new Uint32Array(
      bytes.buffer,
      bytes.byteOffset + from,
      to - from >>> 2,
    );
    const word = swapped(mask);
    for (let i = 0; i < words.length; i++) words[i]! ^= word;
    from += words.length * 4;
  }
  for (; from < to; from++) {
    bytes[from]! ^= mask >>> 24;
    mask = mask << 8 | mask >>> 24;
  }
  return mask;
}

/** The bytes of a word in the other order. */
function swapped(word: number): number {
  return (word >>> 24 | word >>> 8 & 0xff00 | (word & 0xff00) << 8 |
    word << 24) >>> 0;
}
