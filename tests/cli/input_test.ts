import { assert, assertEquals, assertRejects } from "@std/assert";
import { chunks, lines, whole } from "../../cli/_input.ts";

async function linesOf(...parts: (string | number[])[]): Promise<string[]> {
  const encoder = new TextEncoder();
  const stream = (async function* () {
    // One buffer for all chunks, as a stream may have it.
    const buffer = new Uint8Array(100);
    for (const part of parts) {
      const bytes = typeof part === "string"
        ? encoder.encode(part)
        : Uint8Array.from(part);
      buffer.set(bytes);
      yield buffer.subarray(0, bytes.length);
    }
  })();
  const result: string[] = [];
  for await (const line of lines(stream)) {
    result.push(new TextDecoder("latin1").decode(line));
  }
  return result;
}

Deno.test("lines() strips the ends of lines and leaves out blank ones", async () => {
  assertEquals(await linesOf(), []);
  assertEquals(await linesOf("a\nb\r\n\n\r\n c \nd"), ["a", "b", " c ", "d"]);
  assertEquals(await linesOf("\n\n"), []);
  assertEquals(await linesOf("a\n"), ["a"]);
  assertEquals(await linesOf("a\rb\r\r\n"), ["a\rb\r"]);
});

Deno.test("lines() puts lines together that come in pieces", async () => {
  assertEquals(await linesOf("a", "b", "\nc", "\r", "\nd\ne"), [
    "ab",
    "c",
    "d",
    "e",
  ]);
  assertEquals(await linesOf("ab\ncd", "", "x\n"), ["ab", "cdx"]);
});

Deno.test("lines() are bytes, not text", async () => {
  assertEquals(await linesOf([0, 255, 10, 195, 10, 40]), [
    "\0ÿ",
    "Ã",
    "(",
  ]);
});

Deno.test("whole() is all of the input, or an empty message", async () => {
  for (const parts of [[], ["a\n"], ["a\n", "\0b", ""]]) {
    const stream = ReadableStream.from(
      parts.map((part) => new TextEncoder().encode(part)),
    );
    const all = await Array.fromAsync(whole(stream));
    assertEquals(
      all.map((bytes) => new TextDecoder().decode(bytes)),
      [parts.join("")],
    );
  }
});

Deno.test("chunks() ends with the stream, or with its signal", async () => {
  const { signal } = new AbortController();
  const parts = [new Uint8Array([1]), new Uint8Array([2])];
  assertEquals(
    await Array.fromAsync(chunks(ReadableStream.from(parts), signal)),
    parts,
  );

  const controller = new AbortController();
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    cancel: () => {
      cancelled = true;
    },
  });
  const reading = Array.fromAsync(chunks(endless, controller.signal));
  controller.abort(new Error("enough"));
  await assertRejects(() => reading, Error, "enough");
  assert(cancelled);
});
