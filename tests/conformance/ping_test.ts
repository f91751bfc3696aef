/** PINGREQ and PINGRESP (5.0: 3.12, 3.13; 3.1.1: the same). */

import { assertEquals } from "@std/assert";
import { every, testIn } from "./_bench.ts";

testIn(
  every,
  "broker answers PINGREQ with PINGRESP [MQTT-3.12.4-1] [MQTT311-3.12.4-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    client.send("c0 00 c0 00");
    assertEquals((await client.next("pingresp")).bytes.toHex(), "d000");
    await client.next("pingresp");
    assertEquals(await client.drain(), []);
  },
);
