import { assertEquals, assertMatch } from "@std/assert";
import {
  fromReturnCode,
  ReasonCode,
  reasonName,
  toReturnCode,
} from "../../codec/mod.ts";
import { reasonCodesOf, reasonNames, reasonTable } from "./_reason_codes.ts";

/** Names are compared by their letters and digits. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

Deno.test("ReasonCode has the names and numbers of section 2.4", () => {
  const found = Object.entries(ReasonCode)
    .map(([name, code]) => `${code} ${plain(name)}`);
  const expected = reasonTable.map(([code, name]) => `${code} ${plain(name)}`);
  assertEquals(found.sort(), expected.sort());
});

Deno.test("reasonName() names every reason code of section 2.4", () => {
  for (let code = 0; code < 256; code++) {
    const name = reasonName(code);
    const number = `(0x${code.toString(16).padStart(2, "0")})`;
    assertMatch(name, /^[A-Z][a-z0-9 ]+ \(0x[0-9a-f]{2}\)$/);
    assertEquals(
      plain(name),
      plain(`${reasonNames.get(code) ?? "Unknown reason"} ${number}`),
    );
  }
});

Deno.test("fromReturnCode() knows the return codes of 3.1.1, and no others", () => {
  const known = [0x00, 0x84, 0x85, 0x88, 0x86, 0x87];
  for (let returnCode = 0; returnCode < 256; returnCode++) {
    assertEquals(fromReturnCode(returnCode), known[returnCode]);
  }
});

Deno.test("toReturnCode() has a failure for every failure [MQTT311-3.2.2-5]", () => {
  for (const code of reasonCodesOf("connack")) {
    const returnCode = toReturnCode(code);
    assertEquals(returnCode === 0, code === 0, reasonName(code));
    assertEquals(returnCode <= 5, true, reasonName(code));
  }
});

Deno.test("toReturnCode() is the inverse of fromReturnCode()", () => {
  for (let returnCode = 0; returnCode <= 5; returnCode++) {
    assertEquals(toReturnCode(fromReturnCode(returnCode)!), returnCode);
  }
});
