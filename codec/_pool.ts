/**
 * Buffers in four sizes, kept for the next user: a new typed array costs about
 * a microsecond, its zeroing and its collection more.
 *
 * The pool is shared by all connections of the process. What it hands out
 * holds old bytes; whoever takes a buffer writes before reading. It must never
 * get a buffer back that somebody may still read or write.
 */

const SIZES = [512, 4096, 16_384, 65_536];

/** Bytes kept per size at the most. */
const KEPT = 1 << 20;

const free: Uint8Array<ArrayBuffer>[][] = SIZES.map(() => []);

/** The size of the class with this number, 0 to 3. */
export function classSize(index: number): number {
  return SIZES[index]!;
}

/** How long a buffer for `size` bytes is: a size class, or a power of two. */
export function capacityFor(size: number): number {
  for (const capacity of SIZES) if (size <= capacity) return capacity;
  return 2 ** Math.ceil(Math.log2(size));
}

/** A buffer of `capacityFor(size)` bytes. */
export function acquire(size: number): Uint8Array<ArrayBuffer> {
  const capacity = capacityFor(size);
  return free[SIZES.indexOf(capacity)]?.pop() ?? new Uint8Array(capacity);
}

/** Takes a buffer back; one of no size class is left to the collector. */
export function release(buffer: Uint8Array<ArrayBuffer>): void {
  const list = free[SIZES.indexOf(buffer.length)];
  if (list !== undefined && list.length * buffer.length < KEPT) {
    list.push(buffer);
  }
}
