import { assertEquals, assertThrows } from "@std/assert";
import {
  bytesOf,
  code,
  hex,
  illFormed,
  join,
  packet,
  properties,
  string,
  textOf,
  uint16,
  varint,
} from "../../../cli/conformance/_bytes.ts";

Deno.test("packets are put together from their parts", () => {
  assertEquals(hex(join(1, uint16(0x1234), bytesOf("a"))), "01 12 34 61");
  assertEquals(hex(string("é")), "00 02 c3 a9");
  assertEquals(hex(packet(0x30, string("a"), 0)), "30 04 00 01 61 00");
  assertEquals(hex(properties(0x01, 1)), "02 01 01");
  assertEquals(hex(properties()), "00");
  assertEquals(textOf(bytesOf("ü")), "ü");
});

Deno.test("variable byte integers are as short as they can be", () => {
  const examples: [number, string][] = [
    [0, "00"],
    [127, "7f"],
    [128, "80 01"],
    [16_384, "80 80 01"],
    [268_435_455, "ff ff ff 7f"],
  ];
  for (const [value, expected] of examples) {
    assertEquals(hex(varint(value)), expected);
  }
});

Deno.test("long bytes are cut in reports", () => {
  const text = hex(new Uint8Array(100));
  assertEquals(text.endsWith("00 … (100 bytes)"), true);
  assertEquals(code(0x8e), "0x8E");
  assertEquals(code(0), "0x00");
});

Deno.test("what is ill-formed is no UTF-8", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (const bytes of Object.values(illFormed)) {
    assertThrows(() => decoder.decode(bytes), TypeError);
  }
});
