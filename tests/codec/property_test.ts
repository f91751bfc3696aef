import { assertEquals, assertThrows } from "@std/assert";
import {
  encode,
  type Packet,
  type PacketType,
  type Properties,
} from "../../codec/mod.ts";
import {
  assertRefused,
  bytes,
  concat,
  optionsFor,
  packetOf,
  parse,
  variableByteInteger,
} from "./_wire.ts";

type Name = keyof Properties;
type Holder = PacketType | "will";

/**
 * Table 2-4 of MQTT 5.0: identifier, name, the packets it is in, and examples
 * of values with their bytes.
 */
// deno-fmt-ignore: a table
const table: readonly [
  id: string,
  name: Name,
  holders: string,
  examples: readonly [notation: string, value: unknown][],
][] = [
  ["01", "payloadFormatIndicator", "publish will", [["00", false], ["01", true]]],
  ["02", "messageExpiryInterval", "publish will", [["00000000", 0], ["00015180", 86_400], ["ffffffff", 4_294_967_295]]],
  ["03", "contentType", "publish will", [["0000", ""], ["0008 'text/css'", "text/css"]]],
  ["08", "responseTopic", "publish will", [["0003 'a/b'", "a/b"]]],
  ["09", "correlationData", "publish will", [["0000", new Uint8Array(0)], ["0002 00ff", Uint8Array.of(0, 255)]]],
  ["0b", "subscriptionIdentifiers", "publish subscribe", [["01", [1]], ["8001", [128]], ["ffffff7f", [268_435_455]]]],
  ["11", "sessionExpiryInterval", "connect connack disconnect", [["00000000", 0], ["7fffffff", 2_147_483_647], ["80000000", 2_147_483_648], ["ffffffff", 4_294_967_295]]],
  ["12", "assignedClientIdentifier", "connack", [["0004 'auto'", "auto"]]],
  ["13", "serverKeepAlive", "connack", [["0000", 0], ["003c", 60], ["ffff", 65_535]]],
  ["15", "authenticationMethod", "connect connack auth", [["000b 'SCRAM-SHA-1'", "SCRAM-SHA-1"]]],
  ["16", "authenticationData", "connect connack auth", [["0000", new Uint8Array(0)], ["0003 80ff00", Uint8Array.of(128, 255, 0)]]],
  ["17", "requestProblemInformation", "connect", [["00", false], ["01", true]]],
  ["18", "willDelayInterval", "will", [["00000000", 0], ["00000e10", 3600]]],
  ["19", "requestResponseInformation", "connect", [["00", false], ["01", true]]],
  ["1a", "responseInformation", "connack", [["0002 'r/'", "r/"]]],
  ["1c", "serverReference", "connack disconnect", [["000b 'b.test:1883'", "b.test:1883"]]],
  ["1f", "reasonString", "connack puback pubrec pubrel pubcomp suback unsuback disconnect auth", [["0000", ""], ["0002 c3bc", "\u00fc"]]],
  ["21", "receiveMaximum", "connect connack", [["0001", 1], ["ffff", 65_535]]],
  ["22", "topicAliasMaximum", "connect connack", [["0000", 0], ["ffff", 65_535]]],
  ["23", "topicAlias", "publish", [["0001", 1], ["ffff", 65_535]]],
  ["24", "maximumQos", "connack", [["00", 0], ["01", 1]]],
  ["25", "retainAvailable", "connack", [["00", false], ["01", true]]],
  ["26", "userProperties", "connect connack publish will puback pubrec pubrel pubcomp subscribe suback unsubscribe unsuback disconnect auth", [["0000 0000", [["", ""]]], ["0001 'k' 0002 c3bc", [["k", "\u00fc"]]]]],
  ["27", "maximumPacketSize", "connect connack", [["00000001", 1], ["10000004", 268_435_460], ["ffffffff", 4_294_967_295]]],
  ["28", "wildcardSubscriptionAvailable", "connack", [["00", false], ["01", true]]],
  ["29", "subscriptionIdentifiersAvailable", "connack", [["00", false], ["01", true]]],
  ["2a", "sharedSubscriptionAvailable", "connack", [["00", false], ["01", true]]],
];

/** What may stand more than once, and where. */
const repeatable: Readonly<Partial<Record<Name, string>>> = {
  userProperties:
    "connect connack publish will puback pubrec pubrel pubcomp subscribe suback unsubscribe unsuback disconnect auth",
  subscriptionIdentifiers: "publish",
};

/** A packet of each kind that has properties: first byte, before, behind. */
// deno-fmt-ignore: a table
const holders: Readonly<Record<string, readonly [
  first: number,
  before: string,
  behind: string,
  packet: Packet,
]>> = {
  connect: [0x10, "0004 'MQTT' 05 02 000a", "0001 'c'", { type: "connect", protocolVersion: 5, cleanStart: true, keepAlive: 10, clientId: "c" }],
  will: [0x10, "0004 'MQTT' 05 06 000a 00 0001 'c'", "0001 'w' 0001 'p'", {
    type: "connect",
    protocolVersion: 5,
    cleanStart: true,
    keepAlive: 10,
    clientId: "c",
    will: { topic: "w", payload: bytes("'p'"), qos: 0, retain: false },
  }],
  connack: [0x20, "00 00", "", { type: "connack", sessionPresent: false, reasonCode: 0 }],
  publish: [0x32, "0001 'a' 000a", "'p'", { type: "publish", topic: "a", payload: bytes("'p'"), qos: 1, retain: false, dup: false, packetId: 10 }],
  puback: [0x40, "000a 00", "", { type: "puback", packetId: 10, reasonCode: 0 }],
  pubrec: [0x50, "000a 10", "", { type: "pubrec", packetId: 10, reasonCode: 0x10 }],
  pubrel: [0x62, "000a 00", "", { type: "pubrel", packetId: 10, reasonCode: 0 }],
  pubcomp: [0x70, "000a 92", "", { type: "pubcomp", packetId: 10, reasonCode: 0x92 }],
  subscribe: [0x82, "000a", "0001 'a' 00", {
    type: "subscribe",
    packetId: 10,
    subscriptions: [{ filter: "a", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
  }],
  suback: [0x90, "000a", "00", { type: "suback", packetId: 10, reasonCodes: [0] }],
  unsubscribe: [0xa2, "000a", "0001 'a'", { type: "unsubscribe", packetId: 10, filters: ["a"] }],
  unsuback: [0xb0, "000a", "00", { type: "unsuback", packetId: 10, reasonCodes: [0] }],
  disconnect: [0xe0, "00", "", { type: "disconnect", reasonCode: 0 }],
  auth: [0xf0, "18", "", { type: "auth", reasonCode: 0x18 }],
};

const names = Object.keys(holders) as Holder[];

/** A packet of this kind with these property bytes. */
function wireWith(holder: Holder, properties: Uint8Array): Uint8Array {
  const [first, before, behind] = holders[holder]!;
  return packetOf(
    first,
    bytes(before),
    variableByteInteger(properties.length),
    properties,
    bytes(behind),
  );
}

/** A packet of this kind with these properties. */
function packetWith(holder: Holder, properties: Properties): Packet {
  const packet = holders[holder]![3];
  if (holder === "will" && packet.type === "connect") {
    return { ...packet, will: { ...packet.will!, properties } };
  }
  return { ...packet, properties } as Packet;
}

function parseWith(holder: Holder, properties: Uint8Array) {
  const whole = wireWith(holder, properties);
  return parse([whole], optionsFor(whole, 5));
}

/** Authentication Data is not allowed in CONNECT without a method. */
function companion(name: Name, holder: Holder): [string, Properties] {
  return name === "authenticationData" && holder === "connect"
    ? ["15 0001 'm'", { authenticationMethod: "m" }]
    : ["", {}];
}

for (const [id, name, list, examples] of table) {
  Deno.test(`property ${name} is in ${list}, and in nothing else`, () => {
    for (const holder of names) {
      const allowed = list.split(" ").includes(holder);
      const [beside, more] = companion(name, holder);
      for (const [notation, value] of examples) {
        const content = bytes(`${beside} ${id} ${notation}`);
        const packet = packetWith(holder, { ...more, [name]: value });
        const outcome = parseWith(holder, content);
        const message = `${notation} in ${holder}`;
        if (allowed) {
          assertEquals(
            outcome,
            { packets: [packet], error: undefined, version: 5 },
            message,
          );
          assertEquals(
            encode(packet, 5),
            wireWith(holder, content),
            message,
          );
        } else {
          assertRefused(outcome, 0x81, message);
          assertThrows(
            () => encode(packet, 5),
            TypeError,
            `it is not one of the ${holder} packet`,
            message,
          );
        }
      }
    }
  });

  Deno.test(`property ${name} is refused where it ends before its value does`, () => {
    for (const holder of list.split(" ") as Holder[]) {
      for (const [notation] of examples) {
        const [beside] = companion(name, holder);
        const value = bytes(notation);
        for (let length = 0; length < value.length; length++) {
          const content = concat(
            bytes(`${beside} ${id}`),
            value.subarray(0, length),
          );
          assertRefused(
            parseWith(holder, content),
            0x81,
            `${length} bytes of ${notation} in ${holder}`,
          );
        }
      }
    }
  });

  Deno.test(`property ${name} is refused or collected if it is repeated`, () => {
    for (const holder of list.split(" ") as Holder[]) {
      const [beside, more] = companion(name, holder);
      const [notation, value] = examples[0]!;
      const content = bytes(`${beside} ${id} ${notation} ${id} ${notation}`);
      const outcome = parseWith(holder, content);
      if (repeatable[name]?.split(" ").includes(holder)) {
        const twice = [...value as unknown[], ...value as unknown[]];
        const packet = packetWith(holder, { ...more, [name]: twice });
        assertEquals(outcome.packets, [packet], holder);
        assertEquals(encode(packet, 5), wireWith(holder, content), holder);
      } else {
        assertRefused(outcome, 0x82, holder);
      }
    }
  });
}

Deno.test("properties with other identifiers are refused everywhere", () => {
  const known = new Set(table.map(([id]) => Number.parseInt(id, 16)));
  const unknown = [];
  for (let id = 0; id < 300; id++) if (!known.has(id)) unknown.push(id);
  unknown.push(16_384, 268_435_455);
  for (const holder of names) {
    for (const id of unknown) {
      const content = concat(variableByteInteger(id), [0, 0, 0, 0]);
      assertRefused(parseWith(holder, content), 0x81, `${id} in ${holder}`);
    }
  }
});

Deno.test("properties are refused if their identifier is longer than it needs to be [MQTT-1.5.5-1]", () => {
  for (const holder of names) {
    assertRefused(
      parseWith(holder, bytes("a600 0000 0000")),
      0x81,
      holder,
    );
  }
});

Deno.test("properties are refused out of their range", () => {
  const cases: readonly [Name, string, number][] = [
    ["payloadFormatIndicator", "01 02", 0x82],
    ["payloadFormatIndicator", "01 ff", 0x82],
    ["requestProblemInformation", "17 02", 0x82],
    ["requestResponseInformation", "19 80", 0x82],
    ["maximumQos", "24 02", 0x82],
    ["maximumQos", "24 03", 0x82],
    ["retainAvailable", "25 02", 0x82],
    ["wildcardSubscriptionAvailable", "28 02", 0x82],
    ["subscriptionIdentifiersAvailable", "29 02", 0x82],
    ["sharedSubscriptionAvailable", "2a 02", 0x82],
    ["receiveMaximum", "21 0000", 0x82],
    ["maximumPacketSize", "27 00000000", 0x82],
    ["subscriptionIdentifiers", "0b 00", 0x82],
    ["topicAlias", "23 0000", 0x94], // [MQTT-3.3.2-8]
    ["subscriptionIdentifiers", "0b 8000", 0x81],
    ["subscriptionIdentifiers", "0b 8080808001", 0x81],
    ["subscriptionIdentifiers", "0b ffffffff", 0x81],
  ];
  for (const [name, notation, reasonCode] of cases) {
    const list = table.find((row) => row[1] === name)![2];
    for (const holder of list.split(" ") as Holder[]) {
      assertRefused(
        parseWith(holder, bytes(notation)),
        reasonCode,
        `${notation} in ${holder}`,
      );
    }
  }
});

Deno.test("properties are not encoded out of their range, or of another type", () => {
  const cases: readonly [Name, readonly unknown[]][] = [
    ["payloadFormatIndicator", [0, 1, "true", null]],
    ["messageExpiryInterval", [-1, 4_294_967_296, 0.5, NaN, "1", true, null]],
    ["contentType", [5, "\0", "\ud800", "x".repeat(65_536), null]],
    ["responseTopic", ["", "+", "a/#", "\0", 5, null]],
    ["correlationData", ["data", [1], new Uint8Array(65_536), null]],
    ["subscriptionIdentifiers", [[0], [268_435_456], [-1], [1.5], ["1"], 1]],
    ["sessionExpiryInterval", [-1, 4_294_967_296, Infinity]],
    ["assignedClientIdentifier", ["\0", 1]],
    ["serverKeepAlive", [-1, 65_536]],
    ["authenticationMethod", ["\udfff", {}]],
    ["authenticationData", ["data", new Uint8Array(65_536)]],
    ["requestProblemInformation", [0, 1]],
    ["willDelayInterval", [-1, 4_294_967_296]],
    ["requestResponseInformation", [2]],
    ["responseInformation", ["\0"]],
    ["serverReference", ["\0"]],
    ["reasonString", ["\0", 5]],
    ["receiveMaximum", [0, 65_536, 1.5]],
    ["topicAliasMaximum", [-1, 65_536]],
    ["topicAlias", [0, 65_536]],
    ["maximumQos", [2, -1, true]],
    ["retainAvailable", [0, 1]],
    ["userProperties", [
      [["a"]],
      [["a", 5]],
      [[5, "a"]],
      [["\0", "a"]],
      [["a", "\ud83d"]],
      ["a"],
      5,
      { a: "b" },
    ]],
    ["maximumPacketSize", [0, 4_294_967_296]],
    ["wildcardSubscriptionAvailable", [1]],
    ["subscriptionIdentifiersAvailable", ["yes"]],
    ["sharedSubscriptionAvailable", [null]],
  ];
  assertEquals(
    cases.map(([name]) => name).sort(),
    table.map(([, name]) => name).sort(),
  );
  for (const [name, values] of cases) {
    const list = table.find((row) => row[1] === name)![2];
    for (const holder of list.split(" ") as Holder[]) {
      for (const value of values) {
        const packet = packetWith(holder, {
          ...companion(name, holder)[1],
          [name]: value,
        });
        const error = assertThrows(
          () => encode(packet, 5),
          Error,
          undefined,
          `${name} ${JSON.stringify(value)} in ${holder}`,
        );
        assertEquals(
          error instanceof TypeError || error instanceof RangeError,
          true,
          `${name} ${JSON.stringify(value)}: ${error}`,
        );
      }
    }
  }
});

Deno.test("properties: two subscription identifiers are not encoded in SUBSCRIBE", () => {
  assertThrows(
    () =>
      encode(packetWith("subscribe", { subscriptionIdentifiers: [1, 2] }), 5),
    RangeError,
    "stands only once",
  );
});

Deno.test("properties that do not exist are not encoded", () => {
  for (const name of ["contenttype", "toString", "constructor", "__proto__"]) {
    const properties = Object.fromEntries([[name, "x"]]) as Properties;
    assertThrows(
      () => encode(packetWith("publish", properties), 5),
      TypeError,
      `Cannot encode property ${name}`,
    );
  }
});

Deno.test("properties that are undefined are left out", () => {
  const properties = { contentType: undefined, topicAlias: 7 };
  assertEquals(
    encode(packetWith("publish", properties as unknown as Properties), 5),
    wireWith("publish", bytes("23 0007")),
  );
});

Deno.test("properties are left out before 5.0", () => {
  for (const holder of names) {
    const packet = packetWith(holder, { topicAlias: 7 });
    // nobody looks at them
    if (packet.type === "auth") continue;
    const older = packet.type === "connect"
      ? { ...packet, protocolVersion: 4 as const }
      : packet;
    const whole = encode(older, 4);
    const { packets, error } = parse([whole], optionsFor(whole, 4));
    assertEquals(error, undefined, holder);
    assertEquals(packets.length, 1, holder);
    assertEquals(
      JSON.stringify(packets).includes("properties"),
      false,
      holder,
    );
  }
});

Deno.test("properties of every packet fit where the property length takes one to four bytes", () => {
  for (const holder of names) {
    for (const length of [120, 127, 128, 16_370, 16_383, 16_384]) {
      // five bytes are the identifier and two lengths
      const value = "v".repeat(length - 5);
      const packet = packetWith(holder, { userProperties: [["", value]] });
      const content = concat(
        bytes("26 0000"),
        [value.length >> 8, value.length & 0xff],
        new TextEncoder().encode(value),
      );
      assertEquals(content.length, length);
      const whole = wireWith(holder, content);
      assertEquals(encode(packet, 5), whole, `${length} in ${holder}`);
      assertEquals(parse([whole], optionsFor(whole, 5)).packets, [packet]);
    }
  }
  // four bytes: 33 properties of 65,535 bytes
  const packet = packetWith("publish", {
    userProperties: Array.from(
      { length: 33 },
      (_, i) => [`${i}`, "v".repeat(65_535)] as const,
    ),
  });
  const whole = encode(packet, 5);
  assertEquals(parse([whole], { version: 5 }).packets, [packet]);
});
