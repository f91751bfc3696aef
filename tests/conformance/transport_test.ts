/** The transport: an ordered, lossless stream of bytes (5.0: section 4.2). */

import { assertEquals } from "@std/assert";
import {
  connect,
  join,
  PacketReader,
  publish,
  subscribe,
} from "../_raw_client.ts";
import { Random } from "../_random.ts";
import { Bench, every, testIn } from "./_bench.ts";

testIn(
  every,
  "broker serves TCP, whatever the pieces [MQTT-4.2.0-1] [MQTT311-7.1.1-1]",
  async (_, version) => {
    await using bench = await Bench.start({
      listeners: { default: { bind: "127.0.0.1:0" } },
    });
    const { port } = bench.broker.addresses[0]!;
    const random = new Random(version);
    const payloads = [1, 5000, 70_000, 1_000_000, 3].map((size) =>
      random.bytes(size)
    );
    const bytes = join(
      connect(version, { clientId: "client" }),
      subscribe(version, 1, ["a"]),
      ...payloads.map((payload) => publish(version, { topic: "a", payload })),
    );
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const writing = (async () => {
      for (let at = 0; at < bytes.length;) {
        const length = random.integer(1, 100_000);
        at += await conn.write(bytes.subarray(at, at + length));
      }
    })();
    const reader = new PacketReader(version);
    const received: string[] = [];
    const types: string[] = [];
    const buffer = new Uint8Array(65_536);
    while (received.length < payloads.length) {
      const count = await conn.read(buffer);
      if (count === null) throw new Error("The broker closed the connection");
      reader.push(buffer.slice(0, count));
      for (let packet; (packet = reader.next()) !== undefined;) {
        types.push(packet.type);
        if (packet.type === "publish") received.push(packet.content.toHex());
      }
    }
    await writing;
    assertEquals(types.slice(0, 3), ["connack", "suback", "publish"]);
    assertEquals(received, payloads.map((payload) => payload.toHex()));
    await conn.write(Uint8Array.of(0xe0, 0));
    assertEquals(await conn.read(buffer), null);
  },
);
