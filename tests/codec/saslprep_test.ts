import { assertEquals, assertThrows } from "@std/assert";
import { prepared, saslprep } from "../../codec/_saslprep.ts";

// deno-fmt-ignore: a table; the first five are those of RFC 4013, section 3
const texts: readonly [what: string, text: string, prepared: string | undefined][] = [
  ["takes out a soft hyphen", "I\u00adX", "IX"],
  ["leaves letters as they are", "user", "user"],
  ["keeps upper case", "USER", "USER"],
  ["composes", "\u00aa", "a"],
  ["takes roman numerals apart", "\u2168", "IX"],
  ["makes one of two ways to write a letter", "e\u0301", "\u00e9"],
  ["makes all spaces plain ones", "a\u00a0b\u3000c", "a b c"],
  ["refuses controls", "a\u0007", undefined],
  ["refuses NUL", "\u0000", undefined],
  ["refuses private use", "\ue000", undefined],
  ["refuses what is no character", "\ufffe", undefined],
  ["refuses half a character", "\ud800", undefined],
  ["refuses marks of direction", "a\u202eb", undefined],
  ["refuses tags", "\u{e0041}", undefined],
  ["takes emoji", "🐈", "🐈"],
];

for (const [what, text, prepared] of texts) {
  Deno.test(`saslprep() ${what}`, () => {
    assertEquals(saslprep(text), prepared);
  });
}

Deno.test("prepared() says what is wrong with a name", () => {
  assertEquals(prepared("user name", "I\u00adX"), "IX");
  assertThrows(
    () => prepared("user name", ""),
    TypeError,
    "Cannot use SCRAM: the user name is empty",
  );
  assertThrows(() => prepared("password", "a\nb"), TypeError, "has control");
});
