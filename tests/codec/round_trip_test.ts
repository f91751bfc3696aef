import { assert, assertEquals } from "@std/assert";
import {
  encode,
  type Packet,
  PacketParser,
  packetTypes,
  type ProtocolVersion,
} from "../../codec/mod.ts";
import { type Random, withSeeds } from "../_random.ts";
import { somePacket } from "./_random_packets.ts";
import { bytes, concat, copy, optionsFor, parse } from "./_wire.ts";

const versions: readonly ProtocolVersion[] = [3, 4, 5];

const types = packetTypes.filter((type) => type !== undefined);

/** What can follow on a connection: any packet but CONNECT. */
function laterPacket(random: Random, version: ProtocolVersion): Packet {
  const type = random.pick(
    types.filter((one) =>
      one !== "connect" && (one !== "auth" || version === 5)
    ),
  );
  return somePacket(random, type, version);
}

for (const type of types) {
  for (const version of versions) {
    if (type === "auth" && version < 5) continue;
    Deno.test(`any ${type} of version ${version} is decoded as it was encoded`, () => {
      withSeeds(60, (random) => {
        const packet = somePacket(random, type, version);
        const whole = encode(packet, version);
        assertEquals(
          parse(random.chunks(whole, 20), optionsFor(whole, version)),
          { packets: [packet], error: undefined, version },
        );
      });
    });
  }
}

Deno.test("any sequence of packets is decoded as it was encoded, in any chunking [MQTT-6.0.0-2]", () => {
  withSeeds(150, (random) => {
    const version = random.pick(versions);
    const packets = [
      somePacket(random, "connect", version),
      ...random.array(
        random.integer(1, 30),
        () => laterPacket(random, version),
      ),
    ];
    const whole = concat(...packets.map((packet) => encode(packet, version)));
    const longest = random.pick([3, 30, 300, 3000, 30_000]);
    assertEquals(
      parse(random.chunks(whole, longest)),
      { packets, error: undefined, version },
    );
  });
});

Deno.test("any bytes keep the parser's buffer within twice what has arrived", () => {
  withSeeds(60, (random) => {
    const parser = new PacketParser({ version: 5 });
    let arrived = 0;
    try {
      for (let count = 0; count < 200; count++) {
        const room = parser.writable();
        assert(room.length > 0);
        assert(
          room.buffer.byteLength <= Math.max(65_536, 2 * arrived),
          `${room.buffer.byteLength} for ${arrived}`,
        );
        // announces a packet of up to 256 MiB, then sends anything
        const chunk = count === 0
          ? concat([0x30], bytes("ffffff7f"), [0, 1, 0x61, 0])
          : random.bytes(random.integer(0, 3000));
        const size = Math.min(room.length, chunk.length);
        room.set(chunk.subarray(0, size));
        parser.advance(size);
        arrived += size;
        assertEquals(copy(parser.next()), undefined);
      }
    } finally {
      parser.close();
    }
  });
});
