import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
} from "@std/assert";
import {
  copyBytes,
  encode,
  Frame,
  PacketParser,
  type ProtocolVersion,
  type PublishPacket,
} from "../../codec/mod.ts";
import { withSeeds } from "../_random.ts";
import { somePacket } from "./_random_packets.ts";
import { bytes } from "./_wire.ts";

const versions: readonly ProtocolVersion[] = [3, 4, 5];

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

Deno.test("Frame.encode() gives the bytes of the packet", () => {
  withSeeds(200, (random) => {
    const version = random.pick(versions);
    const packet = somePacket(random, "publish", version) as PublishPacket;
    const frame = Frame.encode(packet, version);
    const whole = encode(packet, version);
    assertEquals(frame.bytes, whole);
    frame.keep();
    // other packets leave it alone
    for (let i = 0; i < 3; i++) {
      Frame.encode(
        somePacket(random, "publish", version) as PublishPacket,
        version,
      );
    }
    assertEquals(frame.bytes, whole);
  });
});

Deno.test("Frame knows where the packet identifier is", () => {
  withSeeds(200, (random) => {
    const version = random.pick(versions);
    const packet = somePacket(random, "publish", version) as PublishPacket;
    const payload = random.bytes(
      random.pick([0, 10, 110, 120, 130, 16_300, 16_400]),
    );
    const whole = encode({ ...packet, payload }, version);
    for (
      const frame of [
        Frame.received(whole),
        Frame.encode({ ...packet, payload }, version),
      ]
    ) {
      const { packetIdOffset: at } = frame;
      if (packet.qos === 0) {
        assertEquals(at, 0);
      } else {
        assertEquals(
          frame.bytes[at]! * 256 + frame.bytes[at + 1]!,
          packet.packetId,
        );
        // in front of it is the topic name
        const topic = new TextEncoder().encode(packet.topic);
        assertEquals(frame.bytes.slice(at - topic.length, at), topic);
      }
    }
  });
});

Deno.test("Frame.received() is a view until it is kept", () => {
  for (const size of [3, 900, 1024, 1100, 20_000]) {
    const whole = encode(publishOf({ payload: new Uint8Array(size) }), 5);
    const receiveBuffer = whole.slice();
    const frame = Frame.received(receiveBuffer);
    assertStrictEquals(frame.bytes, receiveBuffer);
    frame.keep();
    const kept = frame.bytes;
    assertNotStrictEquals(kept.buffer, receiveBuffer.buffer);
    receiveBuffer.fill(0xff); // the next read
    assertEquals(frame.bytes, whole);
    frame.keep();
    assertStrictEquals(frame.bytes, kept);
  }
});

Deno.test("Frame.received() of a parser's frame outlives the next read if it is kept", () => {
  const parser = new PacketParser({ version: 5 });
  const sent = [1, 2, 3].map((qos) =>
    encode(publishOf({ topic: `t/${qos}`, qos: 1, packetId: qos }), 5)
  );
  const frames = sent.map((whole) => {
    parser.push(whole);
    parser.next();
    const frame = Frame.received(parser.frame!);
    frame.keep();
    return frame;
  });
  parser.writable().fill(0xff);
  assertEquals(frames.map((frame) => frame.bytes), sent);
  parser.close();
});

Deno.test("copyBytes() gives memory that is nobody else's", () => {
  withSeeds(30, (random) => {
    const copies: [copy: Uint8Array, expected: Uint8Array][] = [];
    for (let count = 0; count < 200; count++) {
      const source = random.bytes(
        random.pick([0, 1, 10, 100, 1000, 1023, 1024, 1025]),
      );
      const copy = copyBytes(source);
      copies.push([copy, source.slice()]);
      source.fill(0);
      if (random.percent(30)) {
        // its owner writes into it
        const [mine, expected] = random.pick(copies);
        mine.fill(count);
        expected.fill(count);
      }
    }
    for (const [copy, expected] of copies) assertEquals(copy, expected);
  });
});

Deno.test("copyBytes() bounds the memory that a copy keeps alive", () => {
  for (const size of [1, 100, 1024, 1025, 100_000]) {
    for (let count = 0; count < 20; count++) {
      const { buffer } = copyBytes(new Uint8Array(size));
      assertEquals(
        buffer.byteLength <= Math.max(size, 8192),
        true,
        `${buffer.byteLength} for ${size}`,
      );
    }
  }
});
