import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, quote, visible } from "../../plugins/_text.ts";

Deno.test("quote() shortens what is too long, and only that", () => {
  assertEquals(quote('a "b"'), '"a \\"b\\""');
  assertEquals(quote("x".repeat(256)).length, 258);
  assertEquals(quote("x".repeat(257)), `"${"x".repeat(256)}…"`);
});

Deno.test("visible() leaves nothing that ends a line or moves a cursor", () => {
  assertEquals(
    visible("a\r\n\u001b[2J\u0085\u009b\u2028\u2029é"),
    "a\\u000d\\u000a\\u001b[2J\\u0085\\u009b\\u2028\\u2029é",
  );
});

Deno.test("visible() leaves nothing that turns text around", () => {
  assertEquals(
    visible("a\u202egro\u2066\u2069\u200f\u200e\u061c\u200d"),
    "a\\u202egro\\u2066\\u2069\\u200f\\u200e\\u061c\u200d",
  );
});

Deno.test("describe() gives the stack of an error, and the text of what is none", () => {
  assertStringIncludes(describe(new Error("it broke")), "text_test.ts");
  assertEquals(describe("it broke"), "it broke");
  const bare = new Error("it broke");
  delete bare.stack;
  assertEquals(describe(bare), "it broke");
});
