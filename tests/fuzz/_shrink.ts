/** Simpler inputs. */

/** A list without some of its elements: the larger the part, the earlier. */
export function* fewer<T>(list: readonly T[]): Generator<T[]> {
  for (const [from, to] of parts(list.length)) {
    yield [...list.slice(0, from), ...list.slice(to)];
  }
}

/** Bytes without some of them, then with some of them 0. */
export function* simplerBytes(bytes: Uint8Array): Generator<Uint8Array> {
  for (const [from, to] of parts(bytes.length)) {
    const shorter = new Uint8Array(bytes.length - (to - from));
    shorter.set(bytes.subarray(0, from));
    shorter.set(bytes.subarray(to), from);
    yield shorter;
  }
  for (let at = 0; at < Math.min(bytes.length, 100); at++) {
    if (bytes[at] === 0) continue;
    const plainer = bytes.slice();
    plainer[at] = 0;
    yield plainer;
  }
}

/** A text without some of its characters. */
export function* simplerText(text: string): Generator<string> {
  for (const [from, to] of parts(text.length)) {
    yield text.slice(0, from) + text.slice(to);
  }
}

/** Halves, quarters and so on of a length. */
function* parts(length: number): Generator<[from: number, to: number]> {
  for (let size = length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < length; from += size) {
      yield [from, Math.min(from + size, length)];
    }
  }
}
