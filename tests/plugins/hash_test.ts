import { assertEquals } from "@std/assert";
import { fromBase64, randomBytes, toBase64 } from "../../plugins/_hash.ts";

Deno.test("hashes have base 64 without padding", () => {
  const bytes = new Uint8Array([0xfb, 0xef, 0xbe, 0xff]);
  assertEquals(toBase64(bytes), "++++/w");
  assertEquals(fromBase64("++++/w"), bytes);
  assertEquals(fromBase64("----_w"), undefined);
  assertEquals(fromBase64("+"), undefined);
});

Deno.test("salts are not the same twice", () => {
  assertEquals(randomBytes(16).length, 16);
  assertEquals(toBase64(randomBytes(16)) === toBase64(randomBytes(16)), false);
});
