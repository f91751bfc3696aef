import { assertEquals } from "@std/assert";
import { isReasonCodeAllowed, packetTypes } from "../../codec/mod.ts";
import { reasonCodesOf } from "./_reason_codes.ts";

Deno.test("isReasonCodeAllowed() knows the reason codes of every packet", () => {
  for (const type of packetTypes) {
    if (type === undefined) continue;
    const found = [...Array(256).keys()]
      .filter((code) => isReasonCodeAllowed(type, code));
    assertEquals(found, reasonCodesOf(type), type);
  }
});
