import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  ConnectError,
  ConnectionLostError,
  RequestError,
} from "../../client/mod.ts";

Deno.test("errors have their names, causes and codes", () => {
  const cause = new Error("because");
  const connect = new ConnectError("m", { cause, returnCode: 5 });
  assertInstanceOf(connect, Error);
  assertEquals([connect.name, connect.message], ["ConnectError", "m"]);
  assertEquals([connect.cause, connect.returnCode], [cause, 5]);
  assertEquals(connect.reasonCode, undefined);
  const lost = new ConnectionLostError("m", { reasonCode: 0x8b });
  assertEquals([lost.name, lost.reasonCode], ["ConnectionLostError", 0x8b]);
  const request = new RequestError("m", [1, 0x97, 0x87]);
  assertEquals([request.name, request.reasonCode], ["RequestError", 0x97]);
  assertEquals(new ConnectError("m").cause, undefined);
  assertEquals(new ConnectionLostError("m").properties, undefined);
});
