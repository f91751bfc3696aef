import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  MalformedPacketError,
  type Packet,
  packetTypes,
  ProtocolError,
  type ProtocolVersion,
} from "../../codec/mod.ts";
import { badPackets } from "./_bad_packets.ts";
import { goodPackets } from "./_good_packets.ts";
import { reasonCodesOf, typesWithReasons } from "./_reason_codes.ts";
import {
  assertRefused,
  bodyOf,
  bytes,
  chunkings,
  concat,
  lengthPrefixed,
  optionsFor,
  packetOf,
  parse,
} from "./_wire.ts";

const versions: readonly ProtocolVersion[] = [3, 4, 5];
const PINGREQ = bytes("c0 00");

for (const { name, version, bytes: whole, packet } of goodPackets) {
  Deno.test(`decoding reads ${name}`, () => {
    for (const [how, chunks] of chunkings(whole)) {
      assertEquals(
        parse(chunks, optionsFor(whole, version)),
        { packets: [packet], error: undefined, version },
        how,
      );
    }
  });

  Deno.test(`decoding reads ${name}, and packets behind it`, () => {
    const ping = { type: "pingreq" } as const;
    for (const [how, chunks] of chunkings(concat(whole, PINGREQ, PINGREQ))) {
      assertEquals(
        parse(chunks, optionsFor(whole, version)),
        { packets: [packet, ping, ping], error: undefined, version },
        how,
      );
    }
  });
}

for (const { name, version, bytes: whole, reasonCode } of badPackets) {
  Deno.test(`decoding refuses ${name}`, () => {
    const options = version === undefined ? {} : { version };
    for (const fed of [whole, concat(whole, PINGREQ), concat(whole, whole)]) {
      for (const [how, chunks] of chunkings(fed)) {
        assertRefused(parse(chunks, options), reasonCode, how);
      }
    }
  });
}

Deno.test("decoding is tested with every packet type in every version", () => {
  const tested = new Set(
    goodPackets.map(({ packet, version }) => `${packet.type} ${version}`),
  );
  for (const type of packetTypes) {
    for (const version of versions) {
      if (type === undefined || (type === "auth" && version < 5)) continue;
      assert(tested.has(`${type} ${version}`), `${type} ${version}`);
    }
  }
});

Deno.test("decoding refuses reserved fixed header flags [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1] [MQTT311-2.2.2-2]", () => {
  for (const { name, version, bytes: whole, packet } of goodPackets) {
    if (packet.type === "publish") continue;
    const expected = ["pubrel", "subscribe", "unsubscribe"]
        .includes(packet.type)
      ? 0b0010
      : 0;
    for (let flags = 0; flags < 16; flags++) {
      const fed = whole.slice();
      fed[0] = fed[0]! & 0xf0 | flags;
      const options = optionsFor(whole, version);
      const outcome = parse([fed], options);
      // MQTT 3.1, sections 3.6, 3.8 and 3.10: DUP marks a repetition
      const dup = version === 3 && expected === 0b0010 && flags === 0b1010;
      if (flags === expected || dup) {
        assertEquals(outcome.packets, [packet], name);
      } else {
        const message = `${name} with flags ${flags}`;
        assertRefused(outcome, 0x81, message);
        assertRefused(parse([fed.subarray(0, 1)], options), 0x81, message);
      }
    }
  }
});

Deno.test("decoding refuses reserved packet types by their first byte", () => {
  for (const version of versions) {
    for (let flags = 0; flags < 16; flags++) {
      for (const type of version === 5 ? [0x00] : [0x00, 0xf0]) {
        assertRefused(
          parse([Uint8Array.of(type | flags)], { version }),
          0x81,
          `${type | flags} in version ${version}`,
        );
      }
    }
  }
});

Deno.test("decoding refuses a first packet other than CONNECT by its first byte [MQTT-3.1.0-1]", () => {
  for (const { packet, bytes: whole } of goodPackets) {
    if (packet.type === "connect" || packet.type === "auth") continue;
    assertRefused(parse([whole.subarray(0, 1)]), 0x82, packet.type);
  }
});

Deno.test("decoding makes a packet or a ProtocolError of a body cut anywhere", () => {
  for (const { name, version, bytes: whole, packet } of goodPackets) {
    const body = bodyOf(whole);
    for (let length = 0; length < body.length; length++) {
      const cut = packetOf(whole[0]!, body.subarray(0, length));
      const { packets, error } = parse([cut], optionsFor(whole, version));
      if (error === undefined) {
        assertEquals(packets.map(({ type }) => type), [packet.type], name);
      } else {
        assertInstanceOf(error, ProtocolError, `${name} cut to ${length}`);
        assertEquals(packets, [], name);
      }
    }
  }
});

/** Whether nothing can follow what is in this packet. */
function isComplete(packet: Packet, version: ProtocolVersion): boolean {
  switch (packet.type) {
    case "connect":
    case "connack":
    case "pingreq":
    case "pingresp":
      return true;
    case "publish":
    case "subscribe":
    case "suback":
    case "unsubscribe":
      return false;
    case "unsuback":
      return version < 5;
    default: // properties can follow in 5.0 if there are none
      return version < 5 || packet.properties !== undefined;
  }
}

Deno.test("decoding takes the refusal of a server that knows no 5.0, in the form of 3.1.1 [MQTT311-3.1.2-2]", () => {
  const read = (...body: number[]) =>
    parse([packetOf(0x20, body)], { version: 5 });
  assertEquals(read(0, 1).packets, [
    { type: "connack", sessionPresent: false, reasonCode: 0x84 },
  ]);
  // what has the form of 3.1.1 says nothing else in 5.0
  for (const code of [0, 2, 5, 0x84]) assert(read(0, code).error);
  assert(read(1, 1).error);
  assert(read(0, 1, 0).error);
});

Deno.test("decoding refuses bytes behind the last field", () => {
  for (const { name, version, bytes: whole, packet } of goodPackets) {
    if (!isComplete(packet, version)) continue;
    for (const more of [[0], [0, 0], [0, 1, 0x61]]) {
      const longer = packetOf(whole[0]!, bodyOf(whole), more);
      assertRefused(parse([longer], optionsFor(whole, version)), 0x81, name);
    }
  }
});

Deno.test("decoding takes the reason codes of each packet's table only [MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2] [MQTT-3.11.3-2] [MQTT-3.14.2-1] [MQTT-3.15.2-1]", () => {
  const packets = {
    connack: [0x20, "00", "00"],
    puback: [0x40, "000a", ""],
    pubrec: [0x50, "000a", ""],
    pubrel: [0x62, "000a", ""],
    pubcomp: [0x70, "000a", ""],
    suback: [0x90, "000a 00", ""],
    unsuback: [0xb0, "000a 00", ""],
    disconnect: [0xe0, "", ""],
    auth: [0xf0, "", ""],
  } as const;
  for (const type of typesWithReasons) {
    const [first, before, behind] = packets[type];
    const allowed = reasonCodesOf(type);
    for (let code = 0; code < 256; code++) {
      const whole = packetOf(first, bytes(before), [code], bytes(behind));
      const outcome = parse([whole], { version: 5 });
      if (allowed.includes(code)) {
        const [packet] = outcome.packets;
        assert(packet !== undefined, `${type} with ${code}: ${outcome.error}`);
        const found = "reasonCodes" in packet
          ? packet.reasonCodes
          : "reasonCode" in packet
          ? [packet.reasonCode]
          : [];
        assertEquals(found, [code], type);
      } else {
        assertRefused(outcome, 0x82, `${type} with ${code}`);
      }
    }
  }
});

/** Where the strings of MQTT 5.0 are: a packet with `text` there. */
const places: readonly [
  where: string,
  make: (text: Uint8Array) => Uint8Array,
][] = [
  [
    "the client identifier [MQTT-3.1.3-4] [MQTT311-3.1.3-4]",
    (text) => packetOf(0x10, bytes("0004 'MQTT' 05 02 0000 00"), text),
  ],
  [
    "the will topic [MQTT-3.1.3-11] [MQTT311-3.1.3-10]",
    (text) =>
      packetOf(0x10, bytes("0004 'MQTT' 05 06 0000 00 0000 00"), text, [0, 0]),
  ],
  [
    "the user name [MQTT-3.1.3-12] [MQTT311-3.1.3-11]",
    (text) => packetOf(0x10, bytes("0004 'MQTT' 05 82 0000 00 0000"), text),
  ],
  [
    "the topic name of PUBLISH [MQTT-3.3.2-1] [MQTT-4.7.3-2]",
    (text) => packetOf(0x30, text, [0]),
  ],
  [
    "a filter of SUBSCRIBE [MQTT-3.8.3-1] [MQTT-4.7.3-2]",
    (text) => packetOf(0x82, bytes("000a 00"), text, [0]),
  ],
  [
    "a filter of UNSUBSCRIBE [MQTT-3.10.3-1] [MQTT-4.7.3-2]",
    (text) => packetOf(0xa2, bytes("000a 00"), text),
  ],
  [
    "the response topic [MQTT-3.3.2-13]",
    (text) => packetOf(0x30, bytes("0001 'a'"), [text.length + 1, 0x08], text),
  ],
  [
    "the content type [MQTT-3.3.2-19]",
    (text) => packetOf(0x30, bytes("0001 'a'"), [text.length + 1, 0x03], text),
  ],
  [
    "the reason string",
    (text) => packetOf(0xe0, [0x80, text.length + 1, 0x1f], text),
  ],
  [
    "the name of a user property [MQTT-1.5.7-1]",
    (text) =>
      packetOf(0x40, bytes("0001 00"), [text.length + 3, 0x26], text, [0, 0]),
  ],
  [
    "the value of a user property [MQTT-1.5.7-1]",
    (text) =>
      packetOf(0x40, bytes("0001 00"), [text.length + 3, 0x26, 0, 0], text),
  ],
];

const wellFormed: readonly [what: string, notation: string, text: string][] = [
  ["U+0001", "01", "\u0001"],
  ["U+007F", "7f", "\u007f"],
  ["U+0080", "c2 80", "\u0080"],
  ["U+07FF", "df bf", "\u07ff"],
  ["U+0800", "e0 a0 80", "\u0800"],
  ["U+D7FF", "ed 9f bf", "\ud7ff"],
  ["U+E000", "ee 80 80", "\ue000"],
  ["U+FEFF [MQTT-1.5.4-3] [MQTT311-1.5.3-3]", "ef bb bf", "\ufeff"],
  ["U+FFFD", "ef bf bd", "\ufffd"],
  ["U+FFFF", "ef bf bf", "\uffff"],
  ["U+10000", "f0 90 80 80", "\u{10000}"],
  ["U+10FFFF", "f4 8f bf bf", "\u{10ffff}"],
  ["A and U+2A6D4", "41 f0 aa 9b 94", "A\u{2a6d4}"],
  [
    "e and U+0301, which are not composed [MQTT-4.7.3-4]",
    "'e' cc 81",
    "e\u0301",
  ],
];

const illFormed: readonly [what: string, notation: string][] = [
  ["U+0000 [MQTT-1.5.4-2] [MQTT311-1.5.3-2]", "00"],
  ["U+0000 within text", "c3 bc 00 'a'"],
  ["a lone continuation byte", "80"],
  ["two continuation bytes", "80 bf"],
  ["two bytes of which the second is missing", "c3"],
  ["two bytes of which the second is ASCII", "c3 'a'"],
  ["three bytes of which the last is missing", "e2 82"],
  ["three bytes of which the last is ASCII", "e2 82 'a'"],
  ["four bytes of which the last is missing", "f0 9f 8c"],
  ["U+0000 overlong", "c0 80"],
  ["a slash overlong in two bytes", "c0 af"],
  ["U+007F overlong in two bytes", "c1 bf"],
  ["a slash overlong in three bytes", "e0 80 af"],
  ["U+07FF overlong in three bytes", "e0 9f bf"],
  ["a slash overlong in four bytes", "f0 80 80 af"],
  ["U+FFFF overlong in four bytes", "f0 8f bf bf"],
  ["the surrogate U+D800", "ed a0 80"],
  ["the surrogate U+DFFF", "ed bf bf"],
  ["two surrogates, as in CESU-8", "ed a0 bd ed b8 80"],
  ["U+110000", "f4 90 80 80"],
  ["what would begin five bytes", "f8 88 80 80 80"],
  ["the byte FE", "fe"],
  ["the byte FF", "ff"],
  ["Latin-1", "'caf' e9"],
];

// Strings up to 64 bytes and longer ones are decoded by different code.
const prefixes = [0, 40, 62, 63, 80].map((length) => "a".repeat(length));

for (const [where, make] of places) {
  Deno.test(`decoding reads well-formed UTF-8 unaltered in ${where}`, () => {
    for (const [what, notation, text] of wellFormed) {
      for (const prefix of prefixes) {
        const content = bytes(`'${prefix}' ${notation}`);
        const whole = make(lengthPrefixed(content));
        const { packets, error } = parse([whole], optionsFor(whole, 5));
        const strings: unknown[] = [];
        JSON.stringify(packets, (_, value) => (strings.push(value), value));
        assert(
          strings.includes(prefix + text),
          `${what}: ${error ?? JSON.stringify(packets)}`,
        );
      }
    }
  });

  Deno.test(`decoding refuses ill-formed UTF-8 in ${where} [MQTT-1.5.4-1] [MQTT311-1.5.3-1]`, () => {
    for (const [what, notation] of illFormed) {
      for (const prefix of prefixes) {
        const content = bytes(`'${prefix}' ${notation}`);
        const whole = make(lengthPrefixed(content));
        assertRefused(parse([whole], optionsFor(whole, 5)), 0x81, what);
      }
    }
  });
}

Deno.test("decoding tells one topic from another that is alike", () => {
  const topics = ["a/b", "a/c", "b/c", "b/c/", "b/cc", "", "a/b"];
  const long = topics.map((topic) => `${"x".repeat(64)}/${topic}`);
  const sent = [...topics, ...long, ...topics].flatMap((
    topic,
  ) => [topic, topic]);
  // topic alias 1: the empty topic needs one
  const encoded = sent.map((topic) =>
    packetOf(
      0x30,
      lengthPrefixed(new TextEncoder().encode(topic)),
      [3, 0x23, 0, 1],
    )
  );
  const { packets } = parse([concat(...encoded)], { version: 5 });
  assertEquals(
    packets.map((packet) => packet.type === "publish" && packet.topic),
    sent,
  );
});

Deno.test("decoding refuses a topic alike to the one before it", () => {
  const good = bytes("30 05 | 0002 'ab' 00");
  for (
    const notation of [
      "30 05 | 0002 'a+' 00",
      "30 05 | 0002 'a' ff 00",
      "30 05 | 0002 'a' 00 00",
    ]
  ) {
    const { packets, error } = parse([concat(good, bytes(notation))], {
      version: 5,
    });
    assertEquals(packets.length, 1);
    assertInstanceOf(error, MalformedPacketError);
  }
});
