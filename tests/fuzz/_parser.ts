/** The parser: any bytes of any version, in any chunking. */

import { assert, assertEquals } from "@std/assert";
import {
  encode,
  type Packet,
  PacketParser,
  type PacketParserOptions,
  packetTypes,
  ProtocolError,
  type ProtocolVersion,
} from "../../codec/mod.ts";
import { Random } from "../_random.ts";
import { somePacket } from "../codec/_random_packets.ts";
import {
  concat,
  hex,
  optionsFor,
  type Outcome,
  parse,
} from "../codec/_wire.ts";
import { almostPacket } from "./_grammar.ts";
import { mutateBytes } from "./_mutate.ts";
import { simplerBytes } from "./_shrink.ts";
import type { Target } from "./_target.ts";

interface Input {
  readonly bytes: Uint8Array;
  /** Absent, it is a broker's parser: CONNECT tells the version. */
  readonly version: ProtocolVersion | undefined;
  readonly maximumPacketSize: number;
}

const types = packetTypes.filter((type) => type !== undefined);

/** What a parser refuses with: malformed, protocol error, version, size, alias. */
const reasonCodes = [0x81, 0x82, 0x84, 0x94, 0x95];

/** Packets of one connection: right, almost right, or anything. */
function traffic(random: Random, version: ProtocolVersion): Uint8Array {
  const kind = random.integer(0, 9);
  if (kind === 0) return anything(random);
  if (kind <= 4) return almostPacket(random, version);
  const type = random.pick(types);
  if (type === "auth" && version < 5) return almostPacket(random, version);
  const whole = encode(somePacket(random, type, version), version);
  if (kind === 5) return whole;
  const mutant = mutateBytes(random, whole);
  // mostly put the remaining length right, so that bodies are decoded
  if (mutant.length > 1 && mutant.length < 129 && random.percent(70)) {
    mutant[1] = mutant.length - 2;
  }
  return mutant;
}

/** Random bytes; random types are mostly refused: begin with a likely one. */
function anything(random: Random): Uint8Array {
  const whole = random.bytes(random.integer(0, random.pick([6, 60])));
  if (whole.length > 1 && random.percent(80)) {
    whole[0] = random.pick([0x10, 0x20, 0x30, 0x32, 0x34, 0x40, 0x62, 0x82]);
    whole[1] = random.integer(0, whole.length - 2);
    if (whole.length > 3 && random.boolean()) whole[2] = 0;
  }
  return whole;
}

function generate(random: Random): Input {
  const version = random.pick([3, 4, 5, 5] as const);
  const asBroker = random.percent(30);
  const parts = random.array(
    random.integer(1, 4),
    () => traffic(random, version),
  );
  if (asBroker && random.percent(80)) {
    parts.unshift(
      random.boolean()
        ? almostPacket(random, version, "connect")
        : encode(somePacket(random, "connect", version), version),
    );
  }
  return {
    bytes: concat(...parts),
    version: asBroker ? undefined : version,
    maximumPacketSize: random.percent(90)
      ? 268_435_460
      : random.pick([2, 30, 150]),
  };
}

/** What can be compared: an error by its class, message and code. */
function comparable({ packets, error, version }: Outcome): unknown {
  if (error === undefined) return { packets, version };
  assert(error instanceof ProtocolError, `${error} is no ProtocolError`);
  assert(reasonCodes.includes(error.reasonCode), `It has ${error.reasonCode}`);
  const { name, message, reasonCode } = error;
  return { packets, version, error: { name, message, reasonCode } };
}

/**
 * Packets, or a ProtocolError; the same ones in every chunking; and packets
 * that are the same when they are encoded again, in no more bytes.
 */
function check({ bytes, version, maximumPacketSize }: Input): void {
  const options: PacketParserOptions = {
    maximumPacketSize,
    ...(version === undefined ? {} : { version }),
  };
  const outcome = parse([bytes], options);
  const expected = comparable(outcome);
  const random = new Random(bytes.reduce((sum, one) => sum * 31 + one | 0, 7));
  const chunkings = [
    random.chunks(bytes, 8),
    random.chunks(bytes, 100),
    Array.from(bytes, (byte) => Uint8Array.of(byte)),
  ];
  for (const chunks of chunkings) {
    assertEquals(comparable(parse(chunks, options)), expected);
  }
  let spoken = version;
  let size = 0;
  for (const packet of outcome.packets) {
    if (packet.type === "connect") spoken ??= packet.protocolVersion;
    size += checkRoundTrip(packet, spoken!, maximumPacketSize);
  }
  assert(size <= bytes.length, `${size} bytes again, of ${bytes.length}`);
  checkMemory(bytes, options);
}

function checkRoundTrip(
  packet: Packet,
  version: ProtocolVersion,
  most: number,
): number {
  const again = encode(packet, version);
  assert(again.length <= most, `${again.length} bytes, ${most} are allowed`);
  const { packets } = parse([again], optionsFor(again, version));
  assertEquals(packets, [packet]);
  return again.length;
}

/** Nothing is kept for what was announced and has not come. */
function checkMemory(bytes: Uint8Array, options: PacketParserOptions): void {
  const parser = new PacketParser(options);
  let arrived = 0;
  try {
    for (const byte of bytes) {
      const room = parser.writable();
      const most = Math.max(65_536, 2 * arrived);
      assert(room.length > 0 && room.buffer.byteLength <= most);
      room[0] = byte;
      parser.advance(1);
      arrived++;
      while (parser.next() !== undefined);
      assert(parser.pending <= arrived);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  } finally {
    parser.close();
  }
}

/** The parser of `codec/parser.ts`. */
export const parser: Target<Input> = {
  name: "parser",
  about: "bytes become packets or a ProtocolError, in any chunking alike",
  generate,
  check,
  *shrink(input) {
    for (const bytes of simplerBytes(input.bytes)) yield { ...input, bytes };
  },
  show: ({ bytes, version, maximumPacketSize }) =>
    `${hex(bytes)}, version ${version ?? "of its CONNECT"}, packets of at ` +
    `most ${maximumPacketSize} bytes`,
};
