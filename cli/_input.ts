/** Messages from files and standard input: bytes, which need not be text. */

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * The lines, without their ends; blank ones are left out.
 *
 * @param chunks The stream, in any chunking.
 */
export async function* lines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  /** The beginning of a line whose end has not come. */
  let parts: Uint8Array[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end < 0) break;
      const line = trimmed(join(parts, chunk.subarray(start, end)));
      parts = [];
      start = end + 1;
      if (line.length > 0) yield line;
    }
    // A copy: whoever reads may use the memory of the chunk again.
    if (start < chunk.length) parts.push(chunk.slice(start));
  }
  const rest = trimmed(join(parts, new Uint8Array(0)));
  if (rest.length > 0) yield rest;
}

/** All of a stream as one message. */
export async function* whole(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  yield join(parts, new Uint8Array(0));
}

/**
 * A stream as it comes, until it ends or the signal fires, whose reason is
 * thrown then.
 */
export async function* chunks(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  const cancel = () => reader.cancel(); // ends a pending read
  signal.addEventListener("abort", cancel);
  try {
    for (;;) {
      signal.throwIfAborted();
      const { value, done } = await reader.read();
      signal.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    await reader.cancel();
  }
}

function join(parts: Uint8Array[], last: Uint8Array): Uint8Array {
  if (parts.length === 0) return last;
  const size = parts.reduce((sum, { length }) => sum + length, last.length);
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const part of [...parts, last]) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function trimmed(line: Uint8Array): Uint8Array {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
