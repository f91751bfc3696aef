import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  decodeString,
  Reader,
  variableByteIntegerSize,
  Writer,
} from "../../codec/_bytes.ts";
import { MalformedPacketError } from "../../codec/mod.ts";
import { withSeeds } from "../_random.ts";
import { bytes, lengthPrefixed, variableByteInteger } from "./_wire.ts";

/** What a writer has written. */
function written(writer: Writer): Uint8Array {
  return writer.buffer.slice(0, writer.position);
}

function readerOf(content: Uint8Array): Reader {
  const reader = new Reader();
  // not at the start, not up to the end: the cursor has to keep to its part
  const buffer = Uint8Array.of(0xff, 0xff, ...content, 0x01, 0x01, 0x01, 0x01);
  reader.reset(buffer, 2, 2 + content.length);
  return reader;
}

/** Table 1-1 of MQTT 5.0. */
const variableByteIntegers: readonly [value: number, notation: string][] = [
  [0, "00"],
  [127, "7f"],
  [128, "8001"],
  [16_383, "ff7f"],
  [16_384, "808001"],
  [2_097_151, "ffff7f"],
  [2_097_152, "80808001"],
  [268_435_455, "ffffff7f"],
];

Deno.test("variableByteInteger() reads and writes the limits of each size [MQTT-1.5.5-1]", () => {
  for (const [value, notation] of variableByteIntegers) {
    const encoded = bytes(notation);
    const reader = readerOf(encoded);
    assertEquals(reader.variableByteInteger(), value);
    assertEquals(reader.remaining, 0);
    const writer = new Writer(1);
    writer.variableByteInteger(value);
    assertEquals(written(writer), encoded);
    assertEquals(variableByteIntegerSize(value), encoded.length);
  }
});

Deno.test("variableByteInteger() writes what the algorithm of the specification writes", () => {
  withSeeds(200, (random) => {
    const value = random.integer(0, 2 ** random.integer(1, 28) - 1);
    const writer = new Writer();
    writer.variableByteInteger(value);
    assertEquals(written(writer), Uint8Array.from(variableByteInteger(value)));
  });
});

Deno.test("variableByteInteger() refuses what is too long [MQTT-1.5.5-1]", () => {
  for (
    const notation of [
      "8000",
      "808000",
      "80808000",
      "ff00",
      "8080808000",
      "8080808001",
      "ffffffff7f",
      "ffffffff",
    ]
  ) {
    const reader = readerOf(bytes(notation));
    assertThrows(
      () => reader.variableByteInteger(),
      MalformedPacketError,
      undefined,
      notation,
    );
  }
});

Deno.test("Reader refuses to read beyond its end", () => {
  const cases: readonly [string, (reader: Reader) => unknown][] = [
    ["", (reader) => reader.byte()],
    ["00", (reader) => reader.uint16()],
    ["00 00 00", (reader) => reader.uint32()],
    ["80", (reader) => reader.variableByteInteger()],
    ["80 80 80", (reader) => reader.variableByteInteger()],
    ["00", (reader) => reader.string()],
    ["00 01", (reader) => reader.string()],
    ["00 03 'ab'", (reader) => reader.string()],
    ["00", (reader) => reader.binary()],
    ["00 03 'ab'", (reader) => reader.binary()],
    ["ff ff", (reader) => reader.binary()],
  ];
  for (const [notation, read] of cases) {
    assertThrows(
      () => read(readerOf(bytes(notation))),
      MalformedPacketError,
      "Packet ends where",
      `${read} of ${notation}`,
    );
  }
});

Deno.test("Reader reads what Writer wrote, in whatever capacity", () => {
  withSeeds(100, (random) => {
    const writer = new Writer(random.integer(1, 300));
    const checks: ((reader: Reader) => void)[] = [];
    for (let count = random.integer(1, 40); count > 0; count--) {
      const number = random.integer(0, 2 ** random.pick([8, 16, 32]) - 1);
      const blob = random.bytes(random.integer(0, 80));
      const text = random.array(
        random.integer(0, 80),
        () =>
          random.pick(["a", "/", "\u007f", "\u00fc", "\u20ac", "\u{1f600}"]),
      ).join("");
      switch (random.integer(0, 5)) {
        case 0:
          writer.byte(number & 0xff);
          checks.push((reader) => assertEquals(reader.byte(), number & 0xff));
          break;
        case 1:
          writer.uint16(number & 0xffff);
          checks.push((reader) =>
            assertEquals(reader.uint16(), number & 0xffff)
          );
          break;
        case 2:
          writer.uint32(number);
          checks.push((reader) => assertEquals(reader.uint32(), number));
          break;
        case 3:
          writer.variableByteInteger(number % 2 ** 28);
          checks.push((reader) =>
            assertEquals(reader.variableByteInteger(), number % 2 ** 28)
          );
          break;
        case 4:
          writer.binary(blob, "it");
          checks.push((reader) => assertEquals(reader.binary(), blob));
          break;
        case 5:
          writer.string(text, "it");
          checks.push((reader) => assertEquals(reader.string(), text));
          break;
      }
    }
    const reader = readerOf(written(writer));
    for (const check of checks) check(reader);
    assertEquals(reader.remaining, 0);
  });
});

Deno.test("Writer.closeLength() puts the length in front, wherever the memory ends", () => {
  const before = 12;
  for (const length of [0, 1, 2, 3, 4, 126, 127, 128, 129, 16_383, 16_384]) {
    const content = Uint8Array.from({ length }, (_, i) => i % 251 + 1);
    // the memory ends at every place near the end of what is written
    for (let room = 0; room < 8; room++) {
      const writer = new Writer(before + 1 + length + room);
      writer.bytes(new Uint8Array(before).fill(0xee));
      const start = writer.openLength();
      writer.bytes(content);
      writer.closeLength(start);
      writer.byte(0xdd);
      assertEquals(
        written(writer),
        Uint8Array.from([
          ...new Array(before).fill(0xee),
          ...variableByteInteger(length),
          ...content,
          0xdd,
        ]),
        `${length} bytes with ${room} to spare`,
      );
    }
  }
});

Deno.test("Writer.string() takes strings of up to 65,535 bytes [MQTT-4.7.3-3]", () => {
  for (
    const [text, length] of [
      ["a".repeat(65_535), 65_535],
      ["\u00fc".repeat(32_767) + "a", 65_535],
      ["\u20ac".repeat(21_845), 65_535],
      ["\u{1f600}".repeat(16_383) + "abc", 65_535],
    ] as const
  ) {
    const writer = new Writer();
    writer.string(text, "it");
    assertEquals(writer.position, 2 + length);
    assertEquals(readerOf(written(writer)).string(), text);
    assertThrows(
      () => new Writer().string(text + "a", "it"),
      RangeError,
      "Cannot encode it: 65536 bytes",
    );
  }
});

Deno.test("Writer.binary() takes up to 65,535 bytes", () => {
  const writer = new Writer();
  writer.binary(new Uint8Array(65_535), "it");
  assertEquals(writer.position, 65_537);
  assertThrows(
    () => new Writer().binary(new Uint8Array(65_536), "it"),
    RangeError,
    "Cannot encode it: 65536 bytes",
  );
});

Deno.test("Writer.binary() refuses what is not bytes", () => {
  for (const value of ["text", [1, 2], new ArrayBuffer(2), 5, null]) {
    assertThrows(
      () => new Writer().binary(value as unknown as Uint8Array, "it"),
      TypeError,
      undefined,
      JSON.stringify(value),
    );
  }
});

Deno.test("Writer.string() refuses what decoding would refuse [MQTT-1.5.4-1] [MQTT-1.5.4-2]", () => {
  const refused = ["\0", "a\0b", "\ud800", "\udfff", "a\ud83d", "\ude00\ud83d"];
  for (const text of refused) {
    for (const prefix of ["", "a".repeat(63), "a".repeat(80)]) {
      assertThrows(() => new Writer().string(prefix + text, "it"), TypeError);
    }
  }
  for (const value of [undefined, null, 5, new String("a"), ["a"]]) {
    assertThrows(
      () => new Writer().string(value as string, "it"),
      TypeError,
      undefined,
      String(value),
    );
  }
});

Deno.test("decodeString() and Writer.string() agree with TextDecoder and TextEncoder", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let refused = 0;
  withSeeds(2000, (random) => {
    const length = random.integer(0, 90);
    // mostly ASCII, so that some are valid
    const content = random.percent(50)
      ? new TextEncoder().encode(
        random.array(length, () => random.pick("ab/\u00fc\u20ac\ufeff")).join(
          "",
        ),
      )
      : Uint8Array.from(
        random.bytes(length),
        (byte) => random.percent(97) ? byte & 0x7f | 1 : byte,
      );
    let expected: string | undefined;
    try {
      expected = decoder.decode(content);
    } catch { /* it stays undefined */ }
    if (expected?.includes("\0")) expected = undefined;
    if (expected === undefined) {
      refused++;
      assertThrows(
        () => decodeString(content, 0, content.length),
        MalformedPacketError,
      );
    } else {
      assertEquals(decodeString(content, 0, content.length), expected);
      const writer = new Writer();
      writer.string(expected, "it");
      assertEquals(written(writer), lengthPrefixed(content));
    }
  });
  assert(refused > 100 && refused < 1900, `${refused} were refused`);
});
