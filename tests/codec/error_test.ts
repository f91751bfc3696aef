import { assert, assertEquals } from "@std/assert";
import { MalformedPacketError, ProtocolError } from "../../codec/mod.ts";

Deno.test("ProtocolError has the reason code 0x82 if none is given", () => {
  const error = new ProtocolError("no");
  assertEquals(error.reasonCode, 0x82);
  assertEquals(`${error}`, "ProtocolError: no");
  assertEquals(new ProtocolError("no", 0x95).reasonCode, 0x95);
});

Deno.test("MalformedPacketError is a ProtocolError with reason code 0x81", () => {
  const error = new MalformedPacketError("no");
  assert(error instanceof ProtocolError);
  assertEquals(error.reasonCode, 0x81);
  assertEquals(`${error}`, "MalformedPacketError: no");
});
