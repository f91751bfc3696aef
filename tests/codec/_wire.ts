/** Bytes as the tests write them, and feeding them to a parser. */

import {
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
} from "@std/assert";
import {
  MalformedPacketError,
  type Packet,
  PacketParser,
  type PacketParserOptions,
  ProtocolError,
  type ProtocolVersion,
} from "../../codec/mod.ts";

/**
 * Bytes from hexadecimal digits and 'ASCII text'; spaces and bars are for the
 * reader.
 *
 * @example bytes("30 07 | 0003 'a/b' | 'hi'")
 */
export function bytes(notation: string): Uint8Array<ArrayBuffer> {
  const result: number[] = [];
  for (const [token] of notation.matchAll(/'[^']*'|[^\s|']+/g)) {
    if (token.startsWith("'")) {
      result.push(...new TextEncoder().encode(token.slice(1, -1)));
    } else if (/^(?:[0-9a-f]{2})+$/.test(token)) {
      result.push(
        ...token.match(/../g)!.map((digits) => Number.parseInt(digits, 16)),
      );
    } else throw new Error(`Not a byte: ${token} in ${notation}`);
  }
  return Uint8Array.from(result);
}

export function concat(
  ...parts: readonly ArrayLike<number>[]
): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const result = new Uint8Array(length);
  let position = 0;
  for (const part of parts) {
    result.set(part, position);
    position += part.length;
  }
  return result;
}

/** The variable byte integer of section 1.5.5, by its algorithm there. */
export function variableByteInteger(value: number): number[] {
  const result: number[] = [];
  let rest = value;
  do {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    result.push(rest > 0 ? digit + 128 : digit);
  } while (rest > 0);
  return result;
}

/** A packet of this first byte and this body. */
export function packetOf(
  first: number,
  ...body: readonly ArrayLike<number>[]
): Uint8Array<ArrayBuffer> {
  const rest = concat(...body);
  return concat([first], variableByteInteger(rest.length), rest);
}

/** A string, or binary data, with its length. */
export function lengthPrefixed(
  content: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  return concat([content.length >> 8, content.length & 0xff], content);
}

/** The fixed header taken off: of packets whose body is below 16 KiB. */
export function bodyOf(packet: Uint8Array): Uint8Array {
  return packet.subarray(packet[1]! < 0x80 ? 2 : 3);
}

/** A copy that shares no memory with the parser's buffer. */
export function copy<T>(value: T): T {
  if (value instanceof Uint8Array) return value.slice() as T;
  if (Array.isArray(value)) return value.map(copy) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, copy(inner)]),
  ) as T;
}

/** What a parser made of some bytes. */
export interface Outcome {
  readonly packets: readonly Packet[];
  readonly error: unknown;
  readonly version: ProtocolVersion | undefined;
}

/**
 * Feeds chunks and takes all packets after each. Packets are copied only when
 * all of a chunk are there: their views have to be right until then.
 */
export function parse(
  chunks: Iterable<Uint8Array>,
  options: PacketParserOptions = {},
): Outcome {
  const parser = new PacketParser(options);
  const packets: Packet[] = [];
  let views: Packet[] = [];
  let error: unknown;
  try {
    for (const chunk of chunks) {
      parser.push(chunk);
      views = [];
      for (let one = parser.next(); one; one = parser.next()) views.push(one);
      packets.push(...copy(views));
    }
  } catch (caught) {
    packets.push(...copy(views));
    error = caught;
  }
  const { version } = parser;
  parser.close();
  return { packets, error, version };
}

/** The same bytes whole, byte by byte, and cut once at every position. */
export function* chunkings(
  whole: Uint8Array,
): Generator<[how: string, chunks: Uint8Array[]]> {
  yield ["whole", [whole]];
  yield ["byte by byte", Array.from(whole, (byte) => Uint8Array.of(byte))];
  for (let at = 1; at < whole.length; at++) {
    yield [`cut at ${at}`, [whole.subarray(0, at), whole.subarray(at)]];
  }
}

/** What a parser has to be told to accept this packet. */
export function optionsFor(
  packet: Uint8Array,
  version: ProtocolVersion,
): PacketParserOptions {
  return packet[0]! >> 4 === 1 ? {} : { version };
}

/** Hexadecimal digits, for the messages of failures. */
export function hex(content: Uint8Array): string {
  return content.toHex();
}

/**
 * Asserts that a parser ended with an error and nothing else: a
 * MalformedPacketError for reason code 0x81, else a plain ProtocolError.
 */
export function assertRefused(
  { packets, error }: Outcome,
  reasonCode: number,
  message: string,
): void {
  assertEquals(packets, [], message);
  const expected = reasonCode === 0x81 ? MalformedPacketError : ProtocolError;
  assertInstanceOf(error, ProtocolError, `${message}: ${error}`);
  assertStrictEquals(error.constructor, expected, `${message}: ${error}`);
  assertEquals(error.name, expected.name);
  assertEquals(error.reasonCode, reasonCode, `${message}: ${error}`);
}

/** assertEquals() takes its time for many bytes; this does not. */
export function assertSameBytes(
  actual: Uint8Array,
  expected: Uint8Array,
  message = "",
): void {
  const at = expected.findIndex((byte, i) => byte !== actual[i]);
  if (at >= 0 || actual.length !== expected.length) {
    const shown = (from: Uint8Array) =>
      `${from.length} bytes, ${
        hex(from.subarray(Math.max(at, 0)).slice(0, 20))
      }`;
    assertEquals(shown(actual), shown(expected), `${message} at ${at}`);
  }
}
