import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { acquire, release } from "../../codec/_pool.ts";
import {
  encode,
  MAXIMUM_PACKET_SIZE,
  type Packet,
  PacketParser,
  ProtocolError,
} from "../../codec/mod.ts";
import { withSeeds } from "../_random.ts";
import {
  assertRefused,
  bytes,
  concat,
  copy,
  packetOf,
  parse,
  variableByteInteger,
} from "./_wire.ts";

const PINGREQ = bytes("c0 00");

/** Takes all packets. */
function drain(parser: PacketParser): Packet[] {
  const packets: Packet[] = [];
  for (let one = parser.next(); one; one = parser.next()) packets.push(one);
  return packets;
}

/** As a read that gets so many bytes of PINGREQ packets. */
function readPings(parser: PacketParser, count: number): number {
  const room = parser.writable();
  assert(count <= room.length);
  for (let i = 0; i < count; i++) room[i] = PINGREQ[i % 2]!;
  parser.advance(count);
  return drain(parser).length;
}

function publishOf(topic: string, payload: Uint8Array): Packet {
  return {
    type: "publish",
    topic,
    payload,
    qos: 0,
    retain: false,
    dup: false,
  };
}

Deno.test("PacketParser learns the version from CONNECT, before it refuses the rest", () => {
  const cases = [
    ["10 0e | 0006 'MQIsdp' 03 0a 0000 | 0000", 3],
    ["10 0c | 0004 'MQTT' 04 03 0000 | 0000", 4],
    ["10 0d | 0004 'MQTT' 05 03 0000 00 | 0000", 5],
    ["10 8d00 | 0004 'MQTT' 05 02 0000 00 | 0000", 5],
    ["10 0c | 0004 'MQTT' 06 02 0000 | 0000", undefined],
    ["10 0c | 0004 'MQTX' 04 02 0000 | 0000", undefined],
  ] as const;
  for (const [notation, version] of cases) {
    const outcome = parse([bytes(notation)]);
    assertInstanceOf(outcome.error, ProtocolError);
    assertEquals(outcome.version, version, notation);
  }
});

Deno.test("PacketParser parses what follows by the version of CONNECT", () => {
  const rest = bytes("30 05 | 0001 'a' 00 'p'");
  for (
    const [connect, payload] of [
      ["10 0e | 0006 'MQIsdp' 03 02 0000 | 0000", "00 'p'"],
      ["10 0c | 0004 'MQTT' 04 02 0000 | 0000", "00 'p'"],
      ["10 0d | 0004 'MQTT' 05 02 0000 00 | 0000", "'p'"],
    ] as const
  ) {
    const { packets } = parse([concat(bytes(connect), rest)]);
    assertEquals(packets[1], publishOf("a", bytes(payload)));
  }
});

Deno.test("PacketParser refuses a second CONNECT, whatever is in it [MQTT-3.1.0-2]", () => {
  const first = bytes("10 0d | 0004 'MQTT' 05 02 0000 00 | 0000");
  for (
    const second of [
      "10 0d | 0004 'MQTT' 05 02 0000 00 | 0000",
      "10 0c | 0004 'MQTT' 04 02 0000 | 0000",
      "10 0c | 0004 'MQTX' 09 02 0000 | 0000",
    ]
  ) {
    const parser = new PacketParser();
    parser.push(concat(first, bytes(second)));
    assertEquals(parser.next()?.type, "connect");
    const error = assertThrows(() => parser.next(), ProtocolError);
    assertEquals([error.reasonCode, parser.version], [0x82, 5]);
  }
});

Deno.test("PacketParser refuses a packet that is too large as soon as its length is there", () => {
  const headers: readonly [size: number, notation: string][] = [
    [2, "c0 00"],
    [3, "c0 01"],
    [129, "30 7f"],
    [131, "30 8001"],
    [16_386, "30 ff7f"],
    [16_388, "30 808001"],
    [2_097_155, "30 ffff7f"],
    [2_097_157, "30 80808001"],
    [MAXIMUM_PACKET_SIZE, "30 ffffff7f"],
  ];
  for (const [size, notation] of headers) {
    const header = bytes(notation);
    const start = header.subarray(0, -1);
    for (const version of [3, 4, 5] as const) {
      const below = { version, maximumPacketSize: size - 1 };
      assertRefused(parse([header], below), 0x95, notation);
      assertEquals(parse([start], below).error, undefined, notation);
      const equal = { version, maximumPacketSize: size };
      assertEquals(parse([header], equal).error, undefined, notation);
    }
  }
});

Deno.test("PacketParser refuses a CONNECT that is too large before its version is known", () => {
  const outcome = parse([bytes("10 ff7f")], { maximumPacketSize: 16_000 });
  assertRefused(outcome, 0x95, "CONNECT");
  assertEquals(outcome.version, undefined);
});

Deno.test("PacketParser takes the largest packet there can be if nothing else is said", () => {
  assertEquals(MAXIMUM_PACKET_SIZE, 1 + 4 + 268_435_455);
  const parser = new PacketParser({ version: 5 });
  assertEquals(parser.maximumPacketSize, MAXIMUM_PACKET_SIZE);
  parser.push(bytes("30 ffffff7f"));
  assertEquals(parser.next(), undefined);
  parser.close();
});

Deno.test("PacketParser applies a maximum that is changed later", () => {
  const parser = new PacketParser({ version: 5 });
  parser.push(bytes("30 0a"));
  assertEquals(parser.next(), undefined);
  parser.maximumPacketSize = 11;
  const error = assertThrows(() => parser.next(), ProtocolError);
  assertEquals(error.reasonCode, 0x95);
  parser.close();
});

Deno.test("PacketParser says how many bytes are pending", () => {
  const parser = new PacketParser({ version: 5 });
  assertEquals(parser.pending, 0);
  parser.push(concat(PINGREQ, [0xc0]));
  assertEquals(parser.pending, 3);
  assertEquals(parser.next(), { type: "pingreq" });
  assertEquals(parser.pending, 1);
  assertEquals(parser.next(), undefined);
  parser.push(new Uint8Array(0));
  parser.push(Uint8Array.of(0));
  assertEquals(parser.next(), { type: "pingreq" });
  assertEquals(parser.pending, 0);
  parser.close();
});

Deno.test("PacketParser has the bytes of the last packet", () => {
  withSeeds(50, (random) => {
    const parser = new PacketParser({ version: 5 });
    const frames = random.array(random.integer(1, 30), () =>
      encode(
        publishOf("t", random.bytes(random.integer(0, 200))),
        5,
      ));
    const found: Uint8Array[] = [];
    for (const chunk of random.chunks(concat(...frames), 400)) {
      parser.push(chunk);
      while (parser.next() !== undefined) found.push(parser.frame!.slice());
    }
    assertEquals(found, frames);
    parser.close();
  });
});

Deno.test("PacketParser starts with a small buffer and gives it back", () => {
  const own = acquire(512);
  release(own);
  const parser = new PacketParser();
  const room = parser.writable();
  assertEquals(room.length, 512);
  assertStrictEquals(room.buffer, own.buffer);
  parser.close();
  const again = acquire(512);
  assertStrictEquals(again, own);
  release(again);
});

Deno.test("PacketParser.close() gives its buffer back only once", () => {
  const parser = new PacketParser({ version: 5 });
  parser.push(concat(PINGREQ, [0xc0]));
  assertEquals(parser.next(), { type: "pingreq" });
  parser.close();
  parser.close();
  assertEquals(parser.pending, 0);
  assertEquals(parser.next(), undefined);
  assertEquals(parser.frame!.length, 0);
  const one = acquire(512);
  const two = acquire(512);
  assertNotStrictEquals(one, two);
  release(one);
  release(two);
});

Deno.test("PacketParser's buffer grows while reads fill it, up to 64 KiB", () => {
  const parser = new PacketParser({ version: 5 });
  for (const size of [512, 4096, 16_384, 65_536, 65_536, 65_536]) {
    assertEquals(parser.writable().length, size);
    assertEquals(readPings(parser, size), size / 2);
  }
  parser.close();
});

Deno.test("PacketParser's buffer shrinks when three reads in turn find little", () => {
  const parser = new PacketParser({ version: 5 });
  for (const size of [512, 4096, 16_384]) readPings(parser, size);
  const sizes: number[] = [];
  for (let reads = 0; reads < 12; reads++) {
    readPings(parser, 2);
    sizes.push(parser.writable().length);
  }
  assertEquals(
    sizes,
    [
      65_536,
      65_536,
      16_384,
      16_384,
      16_384,
      4096,
      4096,
      4096,
      512,
      512,
      512,
      512,
    ],
  );
  parser.close();
});

Deno.test("PacketParser's buffer stays while reads find enough now and then", () => {
  const parser = new PacketParser({ version: 5 });
  readPings(parser, 512);
  for (let reads = 0; reads < 30; reads++) {
    assertEquals(parser.writable().length, 4096);
    readPings(parser, reads % 3 === 2 ? 1024 : 2);
  }
  parser.close();
});

Deno.test("PacketParser's buffer shrinks after a large packet", () => {
  const parser = new PacketParser({ version: 5 });
  parser.push(encode(publishOf("t", new Uint8Array(300_000)), 5));
  assertEquals(drain(parser).length, 1);
  assert(parser.writable().buffer.byteLength <= 65_536);
  for (let reads = 0; reads < 12; reads++) readPings(parser, 2);
  assertEquals(parser.writable().length, 512);
  parser.close();
});

Deno.test("PacketParser does not allocate by the length that a packet announces", () => {
  const parser = new PacketParser({ version: 5 });
  parser.push(bytes("30 ffffff7f 0001 't' 00"));
  assertEquals(parser.next(), undefined);
  assertEquals(parser.writable().buffer.byteLength, 512);
  let arrived = 9;
  const payload = new Uint8Array(1000);
  while (arrived < 500_000) {
    parser.push(payload);
    arrived += payload.length;
    assertEquals(parser.next(), undefined);
    assertEquals(parser.pending, arrived);
    const capacity = parser.writable().buffer.byteLength;
    assert(capacity <= Math.max(4096, 4 * arrived), `${capacity}: ${arrived}`);
  }
  parser.close();
});

Deno.test("PacketParser.writable() is never empty", () => {
  withSeeds(40, (random) => {
    const parser = new PacketParser({ version: 5 });
    // one packet after the other, of sizes around the buffer's
    for (let count = 0; count < 20; count++) {
      const size = random.pick([500, 507, 508, 509, 512, 4088, 4096, 16_384]);
      const whole = encode(
        publishOf("t", new Uint8Array(size + random.integer(-3, 3))),
        5,
      );
      for (let sent = 0; sent < whole.length;) {
        const room = parser.writable();
        assert(room.length > 0, `${sent} of ${whole.length}`);
        const part = random.boolean()
          ? room.length
          : random.integer(0, room.length);
        const chunk = whole.subarray(sent, sent + part);
        room.set(chunk);
        parser.advance(chunk.length);
        sent += chunk.length;
        const done = sent === whole.length;
        assertEquals(parser.next()?.type, done ? "publish" : undefined);
      }
      assertEquals(parser.next(), undefined);
    }
    parser.close();
  });
});

Deno.test("PacketParser's packets keep their views until the next read", () => {
  withSeeds(30, (random) => {
    const parser = new PacketParser({ version: 5 });
    const sent = random.array(random.integer(5, 60), () =>
      publishOf(
        random.pick(["a", "b/c"]),
        random.bytes(random.pick([0, 1, 10, 100, 700, 5000])),
      ));
    const found: Packet[] = [];
    const stream = concat(...sent.map((packet) => encode(packet, 5)));
    for (let position = 0; position < stream.length;) {
      const room = parser.writable();
      const chunk = stream.subarray(
        position,
        position + random.integer(1, room.length),
      );
      room.set(chunk);
      parser.advance(chunk.length);
      position += chunk.length;
      // all packets are taken before the first one is looked at
      found.push(...copy(drain(parser)));
    }
    assertEquals(found, sent);
    parser.close();
  });
});

Deno.test("PacketParser's views are in its buffer, not copies", () => {
  const parser = new PacketParser({ version: 5 });
  const room = parser.writable();
  const whole = encode(publishOf("t", bytes("'payload'")), 5);
  room.set(whole);
  parser.advance(whole.length);
  const packet = parser.next();
  assert(packet?.type === "publish");
  assertStrictEquals(packet.payload.buffer, room.buffer);
  assertStrictEquals(parser.frame!.buffer, room.buffer);
  parser.close();
});

Deno.test("parsers of several connections do not disturb each other", () => {
  withSeeds(20, (random) => {
    const connections = random.array(6, () => {
      const sent = random.array(20, () =>
        publishOf(
          "t",
          random.bytes(random.pick([0, 5, 600, 5000])),
        ));
      return {
        parser: new PacketParser({ version: 4 as const }),
        stream: concat(...sent.map((packet) => encode(packet, 4))),
        position: 0,
        sent,
        found: [] as Packet[],
      };
    });
    let open = [...connections];
    while (open.length > 0) {
      const connection = random.pick(open);
      const { parser, stream, position, found } = connection;
      // as with asynchronous reads: others go on before this one has arrived
      const room = parser.writable();
      const other = random.pick(connections).parser;
      if (other !== parser) other.writable();
      const size = Math.min(
        random.integer(1, room.length),
        stream.length - position,
      );
      room.set(stream.subarray(position, position + size));
      parser.advance(size);
      found.push(...copy(drain(parser)));
      connection.position += size;
      if (connection.position === stream.length) {
        parser.close();
        open = open.filter((one) => one !== connection);
      }
    }
    for (const { sent, found } of connections) assertEquals(found, sent);
  });
});

Deno.test("PacketParser parses one packet of many megabytes", () => {
  const payload = new Uint8Array(5_000_000);
  for (let i = 0; i < payload.length; i += 997) payload[i] = i % 251;
  const whole = packetOf(0x30, [0, 1, 0x74, 0]);
  const header = concat(
    [0x30],
    variableByteInteger(payload.length + 4),
    whole.subarray(2),
  );
  const parser = new PacketParser({ version: 5 });
  parser.push(header);
  for (let i = 0; i < payload.length; i += 65_536) {
    assertEquals(parser.next(), undefined);
    parser.push(payload.subarray(i, i + 65_536));
  }
  const packet = parser.next();
  assert(packet?.type === "publish");
  assertEquals(packet.payload.length, payload.length);
  assert(packet.payload.every((byte, i) => byte === payload[i]));
  parser.close();
});
