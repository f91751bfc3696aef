/**
 * Control packets that are almost right: fields as the specification has them,
 * of which some are missing, repeated, elsewhere or at their limits, with
 * lengths that are right nevertheless, lest all fail for the same reason.
 */

import type { PacketType, ProtocolVersion } from "../../codec/mod.ts";
import type { Random } from "../_random.ts";
import {
  bytes,
  concat,
  lengthPrefixed,
  variableByteInteger,
} from "../codec/_wire.ts";

type Bytes = Uint8Array;

const firstBytes: Readonly<Record<PacketType, number>> = {
  connect: 0x10,
  connack: 0x20,
  publish: 0x30,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  subscribe: 0x82,
  suback: 0x90,
  unsubscribe: 0xa2,
  unsuback: 0xb0,
  pingreq: 0xc0,
  pingresp: 0xd0,
  disconnect: 0xe0,
  auth: 0xf0,
};

const types = Object.keys(firstBytes) as PacketType[];

const texts = [
  "",
  "a",
  "a/b",
  "a/+",
  "#",
  "a/#/b",
  "+a",
  "$share/g/a",
  "$share//a",
  "$share/g",
  "$SYS/#",
  "\u0000",
  "\ufeff",
  "\u{10ffff}",
  "x".repeat(200),
];

/** What is not UTF-8, or is what MQTT forbids. */
const wrongTexts = ["c0 80", "ed a0 80", "f4 90 80 80", "ff", "c3", "00"];

function text(random: Random): Bytes {
  const content = random.percent(10)
    ? bytes(random.pick(wrongTexts))
    : new TextEncoder().encode(random.pick(texts));
  return lengthPrefixed(content);
}

function uint(random: Random, size: number): Bytes {
  return random.percent(50)
    ? new Uint8Array(size).fill(random.pick([0, 0xff]))
    : random.bytes(size);
}

/** The properties of section 2.2.2.2: identifiers by what their value is. */
const properties: readonly [
  ids: readonly number[],
  value: (random: Random) => Bytes,
][] = [
  [
    [0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a],
    (random) => Uint8Array.of(random.pick([0, 1, 1, 2])),
  ],
  [[0x13, 0x21, 0x22, 0x23], (random) => uint(random, 2)],
  [[0x02, 0x11, 0x18, 0x27], (random) => uint(random, 4)],
  [[0x0b], (random) => variableLength(random, random.pick([0, 1, 127, 300]))],
  [[0x03, 0x08, 0x12, 0x15, 0x1a, 0x1c, 0x1f], text],
  [[0x09, 0x16], (random) => lengthPrefixed(random.bytes(3))],
  [[0x26], (random) => concat(text(random), text(random))],
  [[0x00, 0x7f, 0x80, 0x04], (random) => random.bytes(2)],
];

/** A length, at times of the wrong value or form. */
function variableLength(random: Random, value: number): Bytes {
  if (random.percent(4)) return bytes("80 80 80 80 01");
  if (random.percent(3)) {
    const exact = variableByteInteger(value);
    return concat(
      exact.map((byte, i) => i === exact.length - 1 ? byte | 0x80 : byte),
      [0],
    );
  }
  const off = random.percent(4) ? random.pick([-1, 1, 5]) : 0;
  return Uint8Array.from(variableByteInteger(Math.max(0, value + off)));
}

function someProperties(random: Random, version: ProtocolVersion): Bytes {
  if ((version === 5) === random.percent(2)) return new Uint8Array();
  const count = random.pick([0, 0, 1, 1, 2, 4]);
  const content = concat(...random.array(count, () => {
    const [ids, value] = random.pick(properties);
    return concat([random.pick(ids)], value(random));
  }));
  return concat(variableLength(random, content.length), content);
}

/** The fields of a packet's body, in their order. */
function fields(
  random: Random,
  type: PacketType,
  version: ProtocolVersion,
): Bytes[] {
  const props = () => someProperties(random, version);
  const id = () => random.percent(90) ? bytes("00 07") : uint(random, 2);
  const code = () =>
    Uint8Array.of(random.pick([0, 0, 1, 2, 0x10, 0x80, 0x87, 0x92, 0xff]));
  switch (type) {
    case "connect": {
      const flags = random.pick([0, 2, 2, 0x84, 0xc2, 0x2e, 0xee, 0x1e, 0x40]) |
        (random.percent(5) ? 1 : 0);
      const name = version === 3 ? "MQIsdp" : "MQTT";
      return [
        lengthPrefixed(new TextEncoder().encode(name)),
        Uint8Array.of(random.percent(95) ? version : random.integer(0, 255)),
        Uint8Array.of(flags),
        uint(random, 2),
        props(),
        text(random),
        ...flags & 4 ? [props(), text(random), text(random)] : [],
        ...flags & 0x80 ? [text(random)] : [],
        ...flags & 0x40 ? [text(random)] : [],
      ];
    }
    case "connack":
      return [Uint8Array.of(random.pick([0, 1, 2])), code(), props()];
    case "publish":
      return [text(random), id(), props(), random.bytes(random.integer(0, 9))];
    case "subscribe":
      return [
        id(),
        props(),
        ...random.array(
          random.integer(0, 3),
          () =>
            concat(
              text(random),
              [random.pick([0, 1, 2, 3, 4, 8, 0x10, 0x2d, 0x30, 0x40, 0x80])],
            ),
        ),
      ];
    case "unsubscribe":
      return [
        id(),
        props(),
        ...random.array(random.integer(0, 3), () => text(random)),
      ];
    case "suback":
    case "unsuback":
      return [id(), props(), ...random.array(random.integer(0, 3), code)];
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return [id(), ...random.boolean() ? [code(), props()] : []];
    case "disconnect":
    case "auth":
      return random.boolean() ? [code(), props()] : [];
    case "pingreq":
    case "pingresp":
      return [];
  }
}

/** A packet of any kind that is almost right, or right. */
export function almostPacket(
  random: Random,
  version: ProtocolVersion,
  type: PacketType = random.pick(types),
): Bytes {
  const body = fields(random, type, version);
  if (random.percent(25) && body.length > 0) {
    const at = random.integer(0, body.length - 1);
    const to = random.integer(0, body.length - 1);
    switch (random.integer(0, 3)) {
      case 0:
        body.splice(at, 1);
        break;
      case 1:
        body.splice(to, 0, body[at]!);
        break;
      case 2:
        [body[at], body[to]] = [body[to]!, body[at]!];
        break;
      case 3:
        body[at] = body[at]!.subarray(0, random.integer(0, body[at]!.length));
        break;
    }
  }
  const content = concat(...body);
  let first = firstBytes[type];
  if (type === "publish") first |= random.pick([0, 0, 1, 2, 3, 4, 10, 13]);
  if (random.percent(3)) first ^= 1 << random.integer(0, 7);
  return concat([first], variableLength(random, content.length), content);
}
