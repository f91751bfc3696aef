import { assertEquals } from "@std/assert";
import { packetTypes } from "../../codec/mod.ts";

Deno.test("packetTypes are numbered as on the wire", () => {
  assertEquals(packetTypes[0], undefined);
  // table 2-1
  assertEquals(
    packetTypes.slice(1).join(" ").toUpperCase(),
    "CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK " +
      "UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT AUTH",
  );
});
