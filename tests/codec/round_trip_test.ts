import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  encode,
  type Packet,
  PacketParser,
  packetTypes,
  ProtocolError,
  type ProtocolVersion,
} from "../../codec/mod.ts";
import { type Random, withSeeds } from "../_random.ts";
import { somePacket } from "./_random_packets.ts";
import {
  bytes,
  concat,
  copy,
  hex,
  optionsFor,
  type Outcome,
  parse,
} from "./_wire.ts";

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

/** What can be compared: an error by its class, message and code. */
function comparable({ packets, error, version }: Outcome): unknown {
  if (error === undefined) return { packets, version };
  assertInstanceOf(error, ProtocolError);
  const { name, message, reasonCode } = error;
  return { packets, version, error: { name, message, reasonCode } };
}

/**
 * What has to hold for any bytes: packets, or a ProtocolError; the same ones
 * in every chunking; and packets that can be encoded again.
 */
function checkAny(
  random: Random,
  whole: Uint8Array,
  version: ProtocolVersion | undefined,
): Outcome {
  const options = version === undefined ? {} : { version };
  const outcome = parse([whole], options);
  const expected = comparable(outcome);
  // nothing is made of less than two bytes
  assert(outcome.packets.length * 2 <= whole.length);
  const chunkings = [
    random.chunks(whole, 8),
    random.chunks(whole, 100),
    Array.from(whole, (byte) => Uint8Array.of(byte)),
  ];
  for (const chunks of chunkings) {
    assertEquals(comparable(parse(chunks, options)), expected, hex(whole));
  }
  let spoken = version;
  for (const packet of outcome.packets) {
    if (packet.type === "connect") spoken ??= packet.protocolVersion;
    const again = encode(packet, spoken!);
    assertEquals(
      parse([again], optionsFor(again, spoken!)).packets,
      [packet],
      hex(whole),
    );
  }
  return outcome;
}

Deno.test("random bytes make packets or a ProtocolError", () => {
  const seen = { packets: 0, errors: 0 };
  withSeeds(1500, (random) => {
    const whole = random.bytes(random.integer(0, random.pick([6, 60])));
    const version = random.pick([undefined, 3, 4, 5] as const);
    // random types are mostly refused by their flags: begin with a likely byte
    if (whole.length > 1 && random.percent(80)) {
      const first = bytes("10 20 30 32 34 40 50 62 70 82 90 a2 b0 c0 e0 f0");
      whole[0] = random.pick(first);
      whole[1] = random.integer(0, whole.length - 2);
      if (whole.length > 3 && random.boolean()) whole[2] = 0;
    }
    const { packets, error } = checkAny(random, whole, version);
    if (packets.length > 0) seen.packets++;
    if (error !== undefined) seen.errors++;
  });
  assert(seen.packets > 10, `${seen.packets} made packets`);
  assert(seen.errors > 500, `${seen.errors} made errors`);
});

/** Changes bytes at random: some, none, more, fewer. */
function mutate(random: Random, whole: Uint8Array): Uint8Array {
  let mutant = whole.slice();
  for (let count = random.integer(1, 3); count > 0; count--) {
    const at = random.integer(0, mutant.length - 1);
    switch (random.integer(0, 5)) {
      case 0:
        mutant[at] = random.integer(0, 255);
        break;
      case 1: // one bit
        mutant[at] = mutant[at]! ^ 1 << random.integer(0, 7);
        break;
      case 2: // limits
        mutant[at] = random.pick([0x00, 0x01, 0x7f, 0x80, 0xff]);
        break;
      case 3: // off by one
        mutant[at] = mutant[at]! + random.pick([1, -1]);
        break;
      case 4:
        mutant = concat(
          mutant.subarray(0, at),
          random.bytes(random.integer(1, 4)),
          mutant.subarray(at),
        );
        break;
      case 5:
        mutant = concat(
          mutant.subarray(0, at),
          mutant.subarray(at + random.integer(1, 4)),
        );
        break;
    }
    if (mutant.length === 0) return mutant;
  }
  return mutant;
}

for (const version of versions) {
  Deno.test(`mutated packets of version ${version} make packets or a ProtocolError`, () => {
    const seen = { packets: 0, errors: 0 };
    withSeeds(1200, (random) => {
      const type = random.pick(types);
      if (type === "auth" && version < 5) return;
      const packet = somePacket(random, type, version);
      let whole: Uint8Array = mutate(random, encode(packet, version));
      // mostly put the remaining length right, so that bodies are decoded
      if (whole.length > 1 && whole.length < 129 && random.percent(70)) {
        whole[1] = whole.length - 2;
      }
      const behind = encode(laterPacket(random, version), version);
      whole = concat(whole, behind);
      const outcome = checkAny(
        random,
        whole,
        type === "connect" ? undefined : version,
      );
      if (outcome.packets.length > 0) seen.packets++;
      if (outcome.error !== undefined) seen.errors++;
    });
    assert(seen.packets > 100, `${seen.packets} made packets`);
    assert(seen.errors > 100, `${seen.errors} made errors`);
  });
}

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
