/** AUTH and enhanced authentication (5.0: 3.15, 4.12), which is not offered. */

import { assertEquals } from "@std/assert";
import { connect, publish } from "../_raw_client.ts";
import { assertDisconnected, assertRefused, test } from "./_bench.ts";

test("broker refuses an Authentication Method, and sends no AUTH [MQTT-4.12.0-1] [MQTT-4.12.0-4] [MQTT-3.2.2-7]", async (bench) => {
  for (const authenticationData of [undefined, Uint8Array.of(1, 2)]) {
    const client = bench.open(5);
    client.send(
      connect(5, {
        clientId: "client",
        properties: {
          authenticationMethod: "SCRAM-SHA-256",
          ...(authenticationData && { authenticationData }),
        },
      }),
      publish(5, { topic: "a", payload: "x", retain: true }),
    );
    await assertRefused(client, 0x8c);
  }
  const late = await bench.connect(5, "late");
  await late.subscribe("a");
  assertEquals(await late.payloads(), []);
});

test("broker sends neither AUTH nor a method to a client without a method [MQTT-4.12.0-6]", async (bench) => {
  const client = await bench.connect(5, "client", {
    username: "user",
    password: "secret",
  });
  const { properties } = client.connack!;
  assertEquals(properties.authenticationMethod, undefined);
  assertEquals(properties.authenticationData, undefined);
  assertEquals(await client.drain(), []);
});

// deno-fmt-ignore: a table
const auths: readonly [what: string, code: number, notation: string][] = [
  ["without anything", 0x82, "f0 00"],
  ["with a method", 0x82, "f0 09 | 18 07 15 0004 'none'"],
  ["to authenticate again", 0x82, "f0 09 | 19 07 15 0004 'none'"],
  ["with flags [MQTT-3.15.1-1]", 0x81, "f1 00"],
  ["with a code that is none [MQTT-3.15.2-1]", 0x82, "f0 09 | 01 07 15 0004 'none'"],
  ["that is cut off", 0x81, "f0 08 | 18 07 15 0004 'non'"],
];

for (const [what, code, notation] of auths) {
  test(
    `broker ends the connection at an AUTH ${what} of a client without method [MQTT-4.12.0-7] [MQTT-4.13.1-1]`,
    async (bench) => {
      const client = await bench.connect(5, "client");
      client.send(notation);
      await assertDisconnected(client, code);
    },
  );
}
