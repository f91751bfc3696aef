import { assertEquals, assertNotStrictEquals, assertThrows } from "@std/assert";
import { encode, type Packet, type ProtocolVersion } from "../../codec/mod.ts";
import { goodPackets } from "./_good_packets.ts";
import { reasonCodesOf, typesWithReasons } from "./_reason_codes.ts";
import { bytes, concat, parse } from "./_wire.ts";

for (const row of goodPackets) {
  if (row.otherwise !== undefined) continue;
  Deno.test(`encode() writes ${row.name}`, () => {
    assertEquals(encode(row.packet, row.version), row.bytes);
  });
}

Deno.test("encode() writes the shortest form of what can be written otherwise", () => {
  for (
    const { name, version, bytes: whole, packet, otherwise } of goodPackets
  ) {
    if (otherwise === undefined) continue;
    const encoded = encode(packet, version);
    assertEquals(encoded.length <= whole.length, true, name);
    const options = packet.type === "connect" ? {} : { version };
    assertEquals(parse([encoded], options).packets, [packet], name);
  }
});

Deno.test("encode() gives memory of its own", () => {
  const packet: Packet = { type: "puback", packetId: 0x1234, reasonCode: 0 };
  const one = encode(packet, 4);
  const two = encode({ ...packet, packetId: 0x5678 }, 4);
  assertNotStrictEquals(one.buffer, two.buffer);
  assertEquals(one, bytes("40 02 1234"));
  assertEquals(one.buffer.byteLength, 4);
});

Deno.test("encode() writes whole packets after it has refused one", () => {
  const good: Packet = { type: "unsubscribe", packetId: 1, filters: ["a"] };
  const bad: Packet = { ...good, filters: ["a", "b", "#/"] };
  assertThrows(() => encode(bad, 5), TypeError);
  assertEquals(encode(good, 5), bytes("a2 06 | 0001 00 0001 'a'"));
});

Deno.test("encode() writes payloads of any size", () => {
  for (
    const size of [0, 1, 120, 127, 128, 16_378, 16_379, 16_384, 2_097_152]
  ) {
    const payload = new Uint8Array(size).fill(0xa5);
    const packet: Packet = {
      type: "publish",
      topic: "t",
      payload,
      qos: 0,
      retain: false,
      dup: false,
    };
    const { packets } = parse([encode(packet, 4)], { version: 4 });
    assertEquals(packets.length, 1);
    // as a whole: comparing element by element takes seconds
    const [decoded] = packets;
    assertEquals(decoded?.type === "publish" && decoded.payload.length, size);
    assertEquals(
      decoded?.type === "publish" &&
        decoded.payload.every((byte) => byte === 0xa5),
      true,
    );
  }
});

Deno.test("encode() refuses a packet that is larger than there can be", () => {
  /** Bytes that say they are more than they are: nobody has to fill them. */
  class Huge extends Uint8Array {
    override get length(): number {
      return 268_435_456 - 3;
    }
  }
  const packet: Packet = {
    type: "publish",
    topic: "t",
    payload: new Huge(1),
    qos: 0,
    retain: false,
    dup: false,
  };
  assertThrows(() => encode(packet, 4), RangeError, "268435456 bytes");
});

Deno.test("encode() keeps properties where its memory ends right behind them", () => {
  const publish = {
    type: "publish",
    payload: new Uint8Array(0),
    qos: 0,
    retain: false,
    dup: false,
  } as const;
  for (let count = 2700; count < 2760; count++) {
    for (const end of ["", "a", "\u00fc", "\u00fca", "aa", "\u00fcaa"]) {
      // after so large a packet encoding begins with small memory again
      encode({ ...publish, topic: "t", payload: new Uint8Array(2 ** 21) }, 5);
      const packet: Packet = {
        ...publish,
        topic: "\u20ac".repeat(count) + end,
        properties: { payloadFormatIndicator: true },
      };
      assertEquals(
        parse([encode(packet, 5)], { version: 5 }).packets,
        [packet],
        `${count} ${end}`,
      );
    }
  }
});

Deno.test("encode() maps reason codes to those of older versions", () => {
  const codes: readonly [reason: number, returned: number][] = [
    [0x00, 0],
    [0x84, 1],
    [0x85, 2],
    [0x88, 3],
    [0x86, 4],
    [0x87, 5],
    [0x89, 3],
    [0x97, 3],
    [0x8a, 5],
    [0x8c, 5],
  ];
  for (const [reasonCode, code] of codes) {
    for (const version of [3, 4] as const) {
      assertEquals(
        encode({ type: "connack", sessionPresent: false, reasonCode }, version),
        Uint8Array.of(0x20, 2, 0, code),
      );
    }
  }
  // [MQTT311-3.9.3-2]
  const reasonCodes = reasonCodesOf("suback");
  assertEquals(
    encode({ type: "suback", packetId: 1, reasonCodes }, 4),
    concat(
      [0x90, 2 + reasonCodes.length, 0, 1],
      reasonCodes.map((code) => Math.min(code, 0x80)),
    ),
  );
});

Deno.test("encode() leaves out what older versions cannot say", () => {
  const cases: readonly [Packet, ProtocolVersion, string][] = [
    [{ type: "puback", packetId: 1, reasonCode: 0x87 }, 4, "40 02 0001"],
    [{ type: "pubrec", packetId: 1, reasonCode: 0x97 }, 3, "50 02 0001"],
    [{ type: "pubrel", packetId: 1, reasonCode: 0x92 }, 4, "62 02 0001"],
    [{ type: "pubcomp", packetId: 1, reasonCode: 0x92 }, 4, "70 02 0001"],
    [
      { type: "unsuback", packetId: 1, reasonCodes: [0, 0x11] },
      4,
      "b0 02 0001",
    ],
    [{ type: "disconnect", reasonCode: 0x8e }, 4, "e0 00"],
    [
      { type: "connack", sessionPresent: true, reasonCode: 0 },
      3,
      "20 02 00 00",
    ],
    [
      {
        type: "subscribe",
        packetId: 1,
        subscriptions: [{
          filter: "$share/g/a",
          qos: 1,
          noLocal: true,
          retainAsPublished: true,
          retainHandling: 2,
        }],
      },
      4,
      "82 0f | 0001 000a '$share/g/a' 01",
    ],
  ];
  for (const [packet, version, notation] of cases) {
    assertEquals(encode(packet, version), bytes(notation), packet.type);
  }
});

Deno.test("encode() writes the reason codes of each packet's table only [MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2] [MQTT-3.11.3-2] [MQTT-3.14.2-1] [MQTT-3.15.2-1]", () => {
  for (const type of typesWithReasons) {
    const allowed = reasonCodesOf(type);
    for (const code of [...Array(256).keys(), -1, 256, 0.5, NaN]) {
      const packet = {
        type,
        packetId: 1,
        sessionPresent: false,
        reasonCode: code,
        reasonCodes: [code],
      } as Packet;
      if (allowed.includes(code)) {
        const { packets, error } = parse([encode(packet, 5)], { version: 5 });
        assertEquals(error, undefined);
        assertEquals(packets.length, 1, `${type} with ${code}`);
      } else {
        assertThrows(
          () => encode(packet, 5),
          RangeError,
          "is not a reason code of it",
          `${type} with ${code}`,
        );
      }
    }
  }
});

const connect = {
  type: "connect",
  protocolVersion: 5,
  cleanStart: true,
  keepAlive: 10,
  clientId: "c",
};
const will = {
  topic: "w",
  payload: new Uint8Array(0),
  qos: 0,
  retain: false,
};
const publish = {
  type: "publish",
  topic: "a",
  payload: new Uint8Array(0),
  qos: 1,
  retain: false,
  dup: false,
  packetId: 1,
};
const request = {
  filter: "a",
  qos: 0,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
};
const subscribe = { type: "subscribe", packetId: 1, subscriptions: [request] };
const unsubscribe = { type: "unsubscribe", packetId: 1, filters: ["a"] };

const tooLong = "x".repeat(65_536);
const filters = [
  "",
  "\0",
  "\ud800",
  tooLong,
  "a#",
  "#/a",
  "a/#/",
  "+a",
  "a+",
  "a/+b/c",
  "$share/",
  "$share/g",
  "$share/g/",
  "$share//a",
  "$share/+/a",
  "$share/g#/a",
  "$share/g/a#",
  5,
  undefined,
  null,
];
const topics = [
  "",
  "+",
  "a/#",
  "a+",
  "\0",
  "\ud800",
  tooLong,
  5,
  undefined,
  null,
];
const notQos = [3, -1, 0.5, "1", NaN, undefined, null];
const notIds = [0, -1, 65_536, 1.5, NaN, "1", undefined, null];
const notStrings = ["\0", "a\ud800b", tooLong, 5, null];
const notBytes = ["text", [1], 5, null];

type Version = ProtocolVersion;
const all: readonly Version[] = [3, 4, 5];

type Refusal = readonly [
  what: string,
  versions: readonly Version[],
  values: readonly unknown[],
  make: (value: unknown, version: Version) => unknown,
];

/** What no decoder would take: the packets are made with each value. */
// deno-fmt-ignore: a table
const refused: readonly Refusal[] = [
  ["a protocol version", [5], [0, 1, 2, 6, "5", undefined], (value) => ({ ...connect, protocolVersion: value })],
  ["a keep alive", all, [-1, 65_536, 0.5, NaN, "10", undefined], (value, version) => ({ ...connect, protocolVersion: version, keepAlive: value })],
  ["a client identifier [MQTT-3.1.3-4]", all, [...notStrings, undefined], (value, version) => ({ ...connect, protocolVersion: version, clientId: value })],
  ["a user name [MQTT-3.1.3-12]", all, notStrings, (value, version) => ({ ...connect, protocolVersion: version, username: value })],
  ["a password", all, [...notBytes, new Uint8Array(65_536)], (value, version) => ({ ...connect, protocolVersion: version, username: "u", password: value })],
  ["a password without user name [MQTT311-3.1.2-22]", [3, 4], [new Uint8Array(1)], (value, version) => ({ ...connect, protocolVersion: version, password: value })],
  ["a will topic [MQTT-3.1.3-11] [MQTT-4.7.0-1]", all, topics, (value, version) => ({ ...connect, protocolVersion: version, will: { ...will, topic: value } })],
  ["a will QoS [MQTT-3.1.2-12]", all, notQos, (value, version) => ({ ...connect, protocolVersion: version, will: { ...will, qos: value } })],
  ["a will payload", all, [...notBytes, undefined, new Uint8Array(65_536)], (value, version) => ({ ...connect, protocolVersion: version, will: { ...will, payload: value } })],
  ["authentication data without a method", [5], [new Uint8Array(1)], (value) => ({ ...connect, properties: { authenticationData: value } })],
  ["a code of CONNACK with session present [MQTT-3.2.2-6]", all, [0x87], (value) => ({ type: "connack", sessionPresent: true, reasonCode: value })],
  ["a topic name [MQTT-3.3.2-1] [MQTT-3.3.2-2] [MQTT-4.7.3-1]", all, topics, (value) => ({ ...publish, topic: value })],
  ["an empty topic name with a topic alias before 5.0", [3, 4], [1], (value) => ({ ...publish, topic: "", properties: { topicAlias: value } })],
  ["a wildcard topic with a topic alias", [5], [1], (value) => ({ ...publish, topic: "+", properties: { topicAlias: value } })],
  ["a payload", all, [...notBytes, undefined], (value) => ({ ...publish, payload: value })],
  ["QoS [MQTT-3.3.1-4]", all, notQos, (value) => ({ ...publish, qos: value })],
  ["DUP at QoS 0 [MQTT-3.3.1-2]", all, [true], (value) => ({ ...publish, qos: 0, dup: value })],
  ["a packet identifier of PUBLISH [MQTT-2.2.1-3]", all, notIds, (value) => ({ ...publish, packetId: value })],
  ...["puback", "pubrec", "pubrel", "pubcomp"].map((type): Refusal =>
    [`a packet identifier of ${type}`, all, notIds, (value) => ({ type, packetId: value, reasonCode: 0 })]),
  ["a packet identifier of SUBSCRIBE [MQTT-2.2.1-3]", all, notIds, (value) => ({ ...subscribe, packetId: value })],
  ["a packet identifier of SUBACK", all, notIds, (value) => ({ type: "suback", packetId: value, reasonCodes: [0] })],
  ["a packet identifier of UNSUBSCRIBE [MQTT-2.2.1-3]", all, notIds, (value) => ({ ...unsubscribe, packetId: value })],
  ["a packet identifier of UNSUBACK", all, notIds, (value) => ({ type: "unsuback", packetId: value, reasonCodes: [] })],
  ["no filter in SUBSCRIBE [MQTT-3.8.3-2]", all, [[]], (value) => ({ ...subscribe, subscriptions: value })],
  ["no filter in UNSUBSCRIBE [MQTT-3.10.3-2]", all, [[]], (value) => ({ ...unsubscribe, filters: value })],
  ["a filter of SUBSCRIBE [MQTT-3.8.3-1] [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2]", all, filters, (value) => ({ ...subscribe, subscriptions: [request, { ...request, filter: value }] })],
  ["a filter of UNSUBSCRIBE [MQTT-3.10.3-1] [MQTT-4.7.1-1] [MQTT-4.7.1-2]", all, filters, (value) => ({ ...unsubscribe, filters: ["a", value] })],
  ["QoS of a subscription", all, notQos, (value) => ({ ...subscribe, subscriptions: [{ ...request, qos: value }] })],
  ["Retain Handling", [5], [3, -1, 4, "1", 0.5, undefined], (value) => ({ ...subscribe, subscriptions: [{ ...request, retainHandling: value }] })],
  ["No Local for a shared subscription [MQTT-3.8.3-4]", [5], [true], (value) => ({ ...subscribe, subscriptions: [{ ...request, filter: "$share/g/a", noLocal: value }] })],
  ["AUTH", [3, 4], ["auth"], (value) => ({ type: value, reasonCode: 0 })],
  ["a type", all, ["", "reserved", "PUBLISH", undefined, 3], (value) => ({ ...publish, type: value })],
];

for (const [what, versions, values, make] of refused) {
  Deno.test(`encode() refuses ${what}, version ${versions.join(", ")}`, () => {
    for (const version of versions) {
      for (const value of values) {
        const packet = make(value, version) as Packet;
        let error: unknown;
        try {
          encode(packet, version);
        } catch (caught) {
          error = caught;
        }
        const shown = String(JSON.stringify(value)).slice(0, 20);
        assertEquals(
          error instanceof TypeError || error instanceof RangeError,
          true,
          `${shown} in version ${version}: ${error}`,
        );
      }
    }
  });
}
