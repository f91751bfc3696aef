/** MQTT 3.1, where it differs, and versions side by side. */

import { assertEquals } from "@std/assert";
import { connect, type RawClient } from "../_raw_client.ts";
import { assertRefused, every, test } from "./_bench.ts";

test("broker speaks 3.1, 3.1.1 and 5.0 on one listener [MQTT311-7.0.0-2]", async (bench) => {
  const clients: RawClient[] = [];
  for (const version of every) {
    const client = await bench.connect(version, `client ${version}`);
    await client.subscribe({ filter: "a", qos: 2 });
    clients.push(client);
  }
  for (const from of clients) {
    for (const qos of [0, 1, 2]) {
      await from.publish({ topic: "a", payload: `${from.version}`, qos });
      for (const client of clients) {
        assertEquals(
          (await client.collect()).map((one) => [one.payload, one.qos]),
          [[`${from.version}`, qos]],
        );
      }
    }
  }
});

test("broker refuses a 3.1 client without identifier", async (bench) => {
  for (const clean of [true, false]) {
    const client = bench.open(3);
    client.send(connect(3, { clientId: "", clean }));
    await assertRefused(client, 2);
  }
});

test("broker ignores in 3.1 the connect flag that 3.1.1 reserves", async (bench) => {
  const client = bench.open(3);
  client.send("10 11 | 0006 'MQIsdp' 03 03 0000 | 0003 'old'");
  assertEquals((await client.next("connack")).code, 0);
});

test(
  "broker says nothing of refused filters that 3.1 could not read",
  async (bench) => {
    const client = await bench.connect(3, "client");
    const [code] = await client.subscribe("denied");
    await client.publish({ topic: "denied", payload: "x" });
    assertEquals(await client.payloads(), []);
    assertEquals([0, 0x80].includes(code!), true, `${code}`);
  },
  () => ({
    plugins: [{
      name: "acl",
      authorize: (_, { action }) => action === "publish",
    }],
  }),
);
