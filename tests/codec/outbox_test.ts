import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  encode,
  Frame,
  Outbox,
  type Packet,
  PacketParser,
  packetTypes,
  type PublishPacket,
} from "../../codec/mod.ts";
import { type Random, withSeeds } from "../_random.ts";
import { somePacket } from "./_random_packets.ts";
import { assertSameBytes, bytes, concat, parse } from "./_wire.ts";

function publishOf(fields: Partial<PublishPacket>): PublishPacket {
  return {
    type: "publish",
    topic: "a/b",
    payload: bytes("'p'"),
    qos: 0,
    retain: false,
    dup: false,
    ...fields,
  };
}

/** Everything that waits, written at once. */
function flush(outbox: Outbox): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let one = outbox.take(); one !== undefined; one = outbox.take()) {
    chunks.push(one.slice());
    outbox.written();
  }
  return chunks;
}

Deno.test("Outbox collects packets for one write, in their order", () => {
  const outbox = new Outbox();
  assertEquals(outbox.take(), undefined);
  assertEquals(outbox.push({ type: "pingresp" }, 4), true);
  outbox.pushAcknowledgement(0x40, 0x1234);
  outbox.pushBytes(bytes("70 02 0001"));
  outbox.pushFrame(Frame.encode(publishOf({}), 4), 0, 0);
  assertEquals(flush(outbox), [
    bytes("d0 00 | 40 02 1234 | 70 02 0001 | 30 06 | 0003 'a/b' 'p'"),
  ]);
  assertEquals(outbox.take(), undefined);
});

Deno.test("Outbox.push() adds no packet above the maximum", () => {
  const outbox = new Outbox();
  const packet: Packet = publishOf({});
  const { length } = encode(packet, 5);
  assertEquals(outbox.push(packet, 5, length - 1), false);
  assertEquals(outbox.size, 0);
  assertEquals(outbox.push(packet, 5, length), true);
  assertEquals(outbox.size, length);
  assertEquals(flush(outbox), [encode(packet, 5)]);
});

Deno.test("Outbox.push() adds what encode() writes", () => {
  withSeeds(400, (random) => {
    const version = random.pick([3, 4, 5] as const);
    const type = random.pick(packetTypes.slice(2));
    if (type === undefined || (type === "auth" && version < 5)) return;
    const outbox = new Outbox();
    const packet = somePacket(random, type, version);
    assertEquals(outbox.push(packet, version), true);
    const whole = encode(packet, version);
    assertEquals(outbox.size, whole.length);
    assertEquals(flush(outbox), [whole]);
    assertEquals(outbox.push(packet, version, whole.length - 1), false);
    assertEquals(outbox.push(packet, version, whole.length), true);
    assertEquals(flush(outbox), [whole]);
  });
});

Deno.test("Outbox.push() refuses as encode() does, and stays as it was", () => {
  const outbox = new Outbox();
  outbox.push({ type: "pingresp" }, 5);
  assertThrows(() => outbox.push(publishOf({ topic: "#" }), 5), TypeError);
  for (const type of ["puback", "pubrec", "pubrel", "pubcomp"] as const) {
    for (const packetId of [0, -1, 65_536, 1.5, NaN]) {
      for (const version of [3, 4, 5] as const) {
        assertThrows(
          () => outbox.push({ type, packetId, reasonCode: 0 }, version),
          RangeError,
        );
      }
    }
    const wrong: Packet = { type, packetId: 1, reasonCode: 1 };
    assertThrows(() => outbox.push(wrong, 5), RangeError);
    assertThrows(() => outbox.push(wrong, 4), RangeError);
  }
  assertEquals(outbox.size, 2);
  assertEquals(flush(outbox), [bytes("d0 00")]);
});

Deno.test("Outbox.pushAcknowledgement() writes what encode() writes", () => {
  const types = [
    [0x40, "puback"],
    [0x50, "pubrec"],
    [0x62, "pubrel"],
    [0x70, "pubcomp"],
  ] as const;
  for (const [first, type] of types) {
    for (const packetId of [1, 255, 256, 65_535]) {
      const outbox = new Outbox();
      outbox.pushAcknowledgement(first, packetId);
      const written = flush(outbox);
      for (const version of [3, 4, 5] as const) {
        const packet: Packet = { type, packetId, reasonCode: 0 };
        assertEquals(written, [encode(packet, version)]);
      }
    }
  }
});

for (const size of [1, 1000, 16_000, 20_000]) {
  Deno.test(`Outbox.pushFrame() patches a frame with ${size} bytes of payload for each receiver`, () => {
    for (const version of [4, 5] as const) {
      const payload = new Uint8Array(size).fill(0x7e);
      const frames = {
        0: Frame.encode(publishOf({ payload }), version),
        1: Frame.encode(publishOf({ payload, qos: 1, packetId: 1 }), version),
      };
      const before = Object.values(frames).map(({ bytes }) => bytes.slice());
      const outbox = new Outbox();
      const sent: Packet[] = [];
      for (const qos of [0, 1, 2] as const) {
        for (const retain of [false, true]) {
          for (const dup of qos === 0 ? [false] : [false, true]) {
            const packetId = 0x1100 + sent.length;
            outbox.pushFrame(
              frames[qos === 0 ? 0 : 1],
              (dup ? 8 : 0) | qos << 1 | (retain ? 1 : 0),
              qos === 0 ? 0 : packetId,
            );
            sent.push(
              publishOf({
                payload,
                qos,
                retain,
                dup,
                ...(qos === 0 ? {} : { packetId }),
              }),
            );
          }
        }
      }
      assertEquals(parse(flush(outbox), { version }).packets, sent);
      assertEquals(Object.values(frames).map(({ bytes }) => bytes), before);
    }
  });
}

Deno.test("Outbox.pushFrame() copies a small frame", () => {
  const receiveBuffer = encode(publishOf({ qos: 1, packetId: 1 }), 5);
  const expected = receiveBuffer.slice();
  const outbox = new Outbox();
  outbox.pushFrame(Frame.received(receiveBuffer), 2, 1);
  receiveBuffer.fill(0xff); // the next read
  assertEquals(flush(outbox), [expected]);
});

Deno.test("Outbox.pushFrame() refers to a large frame from 16 KiB on", () => {
  for (const qos of [0, 1] as const) {
    const fields = { qos, ...(qos === 0 ? {} : { packetId: 1 }) };
    // header of 3, topic of 5, packet identifier of 2, properties of 1
    const overhead = 9 + 2 * qos;
    for (const [size, shared] of [[16_383, false], [16_384, true]] as const) {
      const payload = new Uint8Array(size - overhead);
      const whole = encode(publishOf({ ...fields, payload }), 5);
      assertEquals(whole.length, size);
      const receiveBuffer = whole.slice();
      const frame = Frame.received(receiveBuffer);
      const outboxes = [new Outbox(), new Outbox()];
      for (const outbox of outboxes) outbox.pushFrame(frame, qos << 1, qos);
      receiveBuffer.fill(0xff); // the next read
      for (const outbox of outboxes) {
        const chunks: Uint8Array[] = [];
        const memory: ArrayBufferLike[] = [];
        for (let one = outbox.take(); one; one = outbox.take()) {
          chunks.push(one.slice());
          memory.push(one.buffer);
          outbox.written();
        }
        assertSameBytes(concat(...chunks), whole);
        assertEquals(memory.includes(frame.bytes.buffer), shared);
      }
    }
  }
});

Deno.test("Outbox keeps the order around large frames", () => {
  const payload = new Uint8Array(20_000).fill(1);
  const large = publishOf({ topic: "large", payload });
  const frame = Frame.encode(large, 4);
  const outbox = new Outbox();
  const sent: Packet[] = [];
  for (let i = 1; i < 20; i++) {
    if (i % 3 === 0) {
      outbox.pushFrame(frame, 0, 0);
      sent.push(large);
    } else {
      outbox.pushAcknowledgement(0x40, i);
      sent.push({ type: "puback", packetId: i, reasonCode: 0 });
    }
  }
  assertEquals(parse(flush(outbox), { version: 4 }).packets, sent);
});

Deno.test("Outbox writes at most 64 KiB of small packets at once", () => {
  const outbox = new Outbox();
  const whole = encode(publishOf({ payload: new Uint8Array(1000) }), 4);
  for (let i = 0; i < 1000; i++) outbox.pushBytes(whole);
  const chunks = flush(outbox);
  for (const chunk of chunks) {
    assert(chunk.length <= 65_536);
    assertEquals(chunk.length % whole.length, 0, "whole packets");
  }
  for (const chunk of chunks.slice(0, -1)) assert(chunk.length > 64_000);
});

Deno.test("Outbox.pushBytes() takes more than 64 KiB", () => {
  const outbox = new Outbox();
  outbox.pushBytes(bytes("d0 00"));
  const large = new Uint8Array(100_000).fill(5);
  outbox.pushBytes(large);
  outbox.pushBytes(bytes("d0 00"));
  assertEquals(outbox.size, 100_004);
  assertSameBytes(
    concat(...flush(outbox)),
    concat(bytes("d0 00"), large, bytes("d0 00")),
  );
});

Deno.test("Outbox counts what waits until it is written", () => {
  const outbox = new Outbox();
  outbox.pushBytes(new Uint8Array(100));
  assertEquals(outbox.size, 100);
  assertEquals(outbox.take()?.length, 100);
  assertEquals(outbox.size, 100);
  outbox.pushAcknowledgement(0x40, 1);
  assertEquals(outbox.size, 104);
  outbox.written();
  assertEquals(outbox.size, 4);
  outbox.written();
  assertEquals(outbox.size, 4, "it was said already");
  outbox.pushFrame(
    Frame.encode(publishOf({ payload: new Uint8Array(30_000) }), 4),
    0,
    0,
  );
  assertEquals(outbox.size, 4 + 30_000 + 9);
  flush(outbox);
  assertEquals(outbox.size, 0);
});

/** One connection of the test below: what it was given and what it wrote. */
interface Connection {
  readonly outbox: Outbox;
  expected: Uint8Array;
  written: Uint8Array;
  /** Handed out for writing: the view, and what it showed then. */
  taken: { view: Uint8Array; copy: Uint8Array } | undefined;
}

/** A PUBLISH as a receiver of this kind gets it. */
function patched(
  packet: PublishPacket,
  qos: 0 | 1 | 2,
  packetId: number,
): Uint8Array {
  return encode(
    { ...packet, qos, ...(qos === 0 ? {} : { packetId }) },
    5,
  );
}

function pushAny(random: Random, receivers: readonly Connection[]): void {
  const number = random.integer(1, 65_535);
  switch (random.integer(0, 4)) {
    case 0: {
      const packet: Packet = {
        type: "suback",
        packetId: number,
        reasonCodes: random.array(random.integer(1, 300), () => 1),
      };
      for (const one of receivers) {
        one.outbox.push(packet, 5);
        one.expected = concat(one.expected, encode(packet, 5));
      }
      return;
    }
    case 1: {
      const content = random.bytes(random.pick([1, 100, 511, 513, 4097]));
      for (const one of receivers) {
        one.outbox.pushBytes(content);
        one.expected = concat(one.expected, content);
      }
      content.fill(0);
      return;
    }
    case 2:
      for (const one of receivers) {
        one.outbox.pushAcknowledgement(0x50, number);
        one.expected = concat(
          one.expected,
          [0x50, 2, number >> 8, number & 0xff],
        );
      }
      return;
    default: {
      const size = random.pick([0, 10, 60, 500, 4000, 16_380, 16_390, 30_000]);
      const payload = new Uint8Array(size).fill(number);
      const packet = publishOf({ payload });
      const kinds = {
        0: Frame.encode(packet, 5),
        1: Frame.received(patched(packet, 1, 1)),
      };
      for (const one of receivers) {
        const qos = random.pick([0, 1, 2] as const);
        const packetId = random.integer(1, 65_535);
        const frame = kinds[qos === 0 ? 0 : 1];
        one.outbox.pushFrame(frame, qos << 1, qos === 0 ? 0 : packetId);
        one.expected = concat(one.expected, patched(packet, qos, packetId));
      }
    }
  }
}

function finishWrite(connection: Connection): void {
  const { taken, outbox } = connection;
  if (taken === undefined) return;
  // nobody may have written where the operating system was still reading
  assertSameBytes(taken.view, taken.copy);
  connection.written = concat(connection.written, taken.copy);
  connection.taken = undefined;
  outbox.written();
}

function beginWrite(connection: Connection): void {
  if (connection.taken !== undefined) return;
  const view = connection.outbox.take();
  if (view === undefined) return;
  assert(view.length > 0);
  connection.taken = { view, copy: view.slice() };
}

Deno.test("outboxes and parsers share pooled buffers without disturbing each other", () => {
  withSeeds(15, (random) => {
    const connections = random.array(5, (): Connection => ({
      outbox: new Outbox(),
      expected: new Uint8Array(0),
      written: new Uint8Array(0),
      taken: undefined,
    }));
    const parsers = random.array(3, () => new PacketParser({ version: 5 }));
    for (let step = 0; step < 250; step++) {
      const connection = random.pick(connections);
      switch (random.integer(0, 5)) {
        case 0:
        case 1:
          pushAny(random, connections.filter(() => random.percent(50)));
          break;
        case 2:
          beginWrite(connection);
          break;
        case 3:
          finishWrite(connection);
          break;
        case 4: { // a parser takes buffers, and writes all over them
          const parser = random.pick(parsers);
          const room = parser.writable();
          room.fill(0xee);
          for (let i = 0; i < room.length; i++) room[i] = i % 2 ? 0 : 0xc0;
          parser.advance(room.length - room.length % 2);
          while (parser.next() !== undefined);
          break;
        }
        case 5:
          if (random.percent(20)) {
            const index = random.integer(0, parsers.length - 1);
            parsers[index]!.close();
            parsers[index] = new PacketParser({ version: 5 });
          }
          break;
      }
      for (const { outbox, expected, written } of connections) {
        assertStrictEquals(outbox.size, expected.length - written.length);
      }
    }
    for (const connection of connections) {
      do {
        finishWrite(connection);
        beginWrite(connection);
      } while (connection.taken !== undefined);
      assertSameBytes(connection.written, connection.expected);
      assertEquals(connection.outbox.size, 0);
    }
    for (const parser of parsers) parser.close();
  });
});
