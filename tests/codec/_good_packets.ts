/**
 * Packets and their bytes, written by hand from the specification. Nothing in
 * here comes from the encoder. (Every property in every packet that has it is
 * in property_test.ts.)
 */

import type { Packet, ProtocolVersion } from "../../codec/mod.ts";
import { bytes } from "./_wire.ts";

export interface GoodPacket {
  readonly name: string;
  readonly version: ProtocolVersion;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly packet: Packet;
  /** Why encoding the packet gives other bytes. */
  readonly otherwise?: string;
}

type Row = readonly [
  name: string,
  versions: readonly ProtocolVersion[],
  notation: string,
  packet: Packet,
  otherwise?: string,
];

const all = [3, 4, 5] as const;
const old = [3, 4] as const;

/** The bytes of ASCII text. */
function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const empty = new Uint8Array(0);

const plain = {
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
} as const;

// deno-fmt-ignore: a table
const connect: readonly Row[] = [
  ["with nothing but a client identifier", [3], "10 12 | 0006 'MQIsdp' 03 02 000a | 0004 'test'", {
    type: "connect",
    protocolVersion: 3,
    cleanStart: true,
    keepAlive: 10,
    clientId: "test",
  }],
  ["with everything", [3], "10 28 | 0006 'MQIsdp' 03 ce 000a | 0002 'id' 0005 'w/ill' 0003 'bye' 0004 'user' 0004 'pass'", {
    type: "connect",
    protocolVersion: 3,
    cleanStart: true,
    keepAlive: 10,
    clientId: "id",
    will: { topic: "w/ill", payload: ascii("bye"), qos: 1, retain: false },
    username: "user",
    password: ascii("pass"),
  }],
  ["with the reserved flag, which 3.1 leaves unused", [3], "10 12 | 0006 'MQIsdp' 03 03 000a | 0004 'test'", {
    type: "connect",
    protocolVersion: 3,
    cleanStart: true,
    keepAlive: 10,
    clientId: "test",
  }, "the unused flag is sent as 0"],
  ["with an empty client identifier", [4], "10 0c | 0004 'MQTT' 04 02 0000 | 0000", {
    type: "connect",
    protocolVersion: 4,
    cleanStart: true,
    keepAlive: 0,
    clientId: "",
  }],
  ["with the variable header that the specification shows [MQTT311-3.1.3-1]", [4], "10 26 | 0004 'MQTT' 04 ce 000a | 0002 'id' 0005 'w/ill' 0003 'bye' 0004 'user' 0004 'pass'", {
    type: "connect",
    protocolVersion: 4,
    cleanStart: true,
    keepAlive: 10,
    clientId: "id",
    will: { topic: "w/ill", payload: ascii("bye"), qos: 1, retain: false },
    username: "user",
    password: ascii("pass"),
  }],
  ["with a retained will at QoS 2 without payload [MQTT311-3.1.2-9]", [4], "10 13 | 0004 'MQTT' 04 34 ffff | 0002 'id' 0001 'w' 0000", {
    type: "connect",
    protocolVersion: 4,
    cleanStart: false,
    keepAlive: 65_535,
    clientId: "id",
    will: { topic: "w", payload: empty, qos: 2, retain: true },
  }],
  ["with a will at QoS 0", [4], "10 14 | 0004 'MQTT' 04 06 000a | 0002 'id' 0001 'w' 0001 00", {
    type: "connect",
    protocolVersion: 4,
    cleanStart: true,
    keepAlive: 10,
    clientId: "id",
    will: { topic: "w", payload: Uint8Array.of(0), qos: 0, retain: false },
  }],
  ["with a user name alone [MQTT311-3.1.2-19] [MQTT311-3.1.2-20]", [4], "10 12 | 0004 'MQTT' 04 80 0001 | 0002 'id' 0002 'me'", {
    type: "connect",
    protocolVersion: 4,
    cleanStart: false,
    keepAlive: 1,
    clientId: "id",
    username: "me",
  }],
  ["with user name and password empty", [4], "10 12 | 0004 'MQTT' 04 c2 0001 | 0002 'id' 0000 0000", {
    type: "connect",
    protocolVersion: 4,
    cleanStart: true,
    keepAlive: 1,
    clientId: "id",
    username: "",
    password: empty,
  }],
  ["with a password that is not text [MQTT311-3.1.2-21]", [4], "10 14 | 0004 'MQTT' 04 c2 0001 | 0000 0000 0004 00ff c080", {
    type: "connect",
    protocolVersion: 4,
    cleanStart: true,
    keepAlive: 1,
    clientId: "",
    username: "",
    password: Uint8Array.of(0x00, 0xff, 0xc0, 0x80),
  }],
  ["with the string that the specification shows [MQTT311-3.1.3-4]", [4], "10 11 | 0004 'MQTT' 04 02 0000 | 0005 'A' f0aa9b94", {
    type: "connect",
    protocolVersion: 4,
    cleanStart: true,
    keepAlive: 0,
    clientId: "A\u{2A6D4}",
  }],
  ["with a remaining length longer than it needs to be", [4], "10 8c00 | 0004 'MQTT' 04 02 0000 | 0000", {
    type: "connect",
    protocolVersion: 4,
    cleanStart: true,
    keepAlive: 0,
    clientId: "",
  }, "the shortest form is sent"],
  ["without properties [MQTT-2.2.2-1]", [5], "10 0d | 0004 'MQTT' 05 02 003c 00 | 0000", {
    type: "connect",
    protocolVersion: 5,
    cleanStart: true,
    keepAlive: 60,
    clientId: "",
  }],
  ["with the variable header that the specification shows [MQTT-3.1.3-1] [MQTT-3.1.2-17] [MQTT-3.1.2-19]", [5], "10 2d | 0004 'MQTT' 05 ce 000a 05 11 0000000a | 0002 'id' 00 0005 'w/ill' 0003 'bye' 0004 'user' 0004 'pass'", {
    type: "connect",
    protocolVersion: 5,
    cleanStart: true,
    keepAlive: 10,
    clientId: "id",
    properties: { sessionExpiryInterval: 10 },
    will: { topic: "w/ill", payload: ascii("bye"), qos: 1, retain: false },
    username: "user",
    password: ascii("pass"),
  }],
  ["with a password alone [MQTT-3.1.2-16] [MQTT-3.1.2-19]", [5], "10 11 | 0004 'MQTT' 05 42 0000 00 | 0000 0002 'pw'", {
    type: "connect",
    protocolVersion: 5,
    cleanStart: true,
    keepAlive: 0,
    clientId: "",
    password: ascii("pw"),
  }],
  ["with properties of its own and of its will [MQTT-3.1.2-9]", [5], "10 2d | 0004 'MQTT' 05 2c 0000 0b 21 0014 | 26 0001 'k' 0002 'vv' | 0001 'c' 0d 18 00000005 26 0001 'a' 0000 01 01 | 0001 'w' 0001 'p'", {
    type: "connect",
    protocolVersion: 5,
    cleanStart: false,
    keepAlive: 0,
    clientId: "c",
    properties: { receiveMaximum: 20, userProperties: [["k", "vv"]] },
    will: {
      topic: "w",
      payload: ascii("p"),
      qos: 1,
      retain: true,
      properties: {
        willDelayInterval: 5,
        userProperties: [["a", ""]],
        payloadFormatIndicator: true,
      },
    },
  }],
];

// deno-fmt-ignore: a table
const connack: readonly Row[] = [
  ["accepted", old, "20 02 | 00 00", { type: "connack", sessionPresent: false, reasonCode: 0 }],
  ["with the byte that 3.1 leaves unused", [3], "20 02 | 01 00", { type: "connack", sessionPresent: false, reasonCode: 0 }, "the unused byte is sent as 0"],
  ["accepted with session present [MQTT311-3.2.2-2]", [4], "20 02 | 01 00", { type: "connack", sessionPresent: true, reasonCode: 0 }],
  ["unacceptable protocol version", old, "20 02 | 00 01", { type: "connack", sessionPresent: false, reasonCode: 0x84 }],
  ["identifier rejected", old, "20 02 | 00 02", { type: "connack", sessionPresent: false, reasonCode: 0x85 }],
  ["server unavailable", old, "20 02 | 00 03", { type: "connack", sessionPresent: false, reasonCode: 0x88 }],
  ["bad user name or password", old, "20 02 | 00 04", { type: "connack", sessionPresent: false, reasonCode: 0x86 }],
  ["not authorized", old, "20 02 | 00 05", { type: "connack", sessionPresent: false, reasonCode: 0x87 }],
  ["accepted [MQTT-2.2.2-1]", [5], "20 03 | 00 00 00", { type: "connack", sessionPresent: false, reasonCode: 0 }],
  ["accepted with session present", [5], "20 03 | 01 00 00", { type: "connack", sessionPresent: true, reasonCode: 0 }],
  ["refused with a reason [MQTT-3.2.2-6]", [5], "20 09 | 00 87 06 1f 0003 'why'", {
    type: "connack",
    sessionPresent: false,
    reasonCode: 0x87,
    properties: { reasonString: "why" },
  }],
  ["with several properties", [5], "20 16 | 00 00 13 12 0004 'made' 13 003c 24 01 25 00 27 00000400", {
    type: "connack",
    sessionPresent: false,
    reasonCode: 0,
    properties: {
      assignedClientIdentifier: "made",
      serverKeepAlive: 60,
      maximumQos: 1,
      retainAvailable: false,
      maximumPacketSize: 1024,
    },
  }],
];

// deno-fmt-ignore: a table
const publish: readonly Row[] = [
  ["at QoS 0 [MQTT311-2.3.1-5]", old, "30 07 | 0003 'a/b' | 'hi'", { type: "publish", topic: "a/b", payload: ascii("hi"), qos: 0, retain: false, dup: false }],
  ["without payload", old, "30 05 | 0003 'a/b'", { type: "publish", topic: "a/b", payload: empty, qos: 0, retain: false, dup: false }],
  ["retained", old, "31 06 | 0003 'a/b' | 00", { type: "publish", topic: "a/b", payload: Uint8Array.of(0), qos: 0, retain: true, dup: false }],
  ["with the variable header that the specification shows [MQTT311-2.3.1-1]", old, "32 07 | 0003 'a/b' 000a", { type: "publish", topic: "a/b", payload: empty, qos: 1, retain: false, dup: false, packetId: 10 }],
  ["repeated, retained, at QoS 1", old, "3b 08 | 0003 'a/b' ffff | 'x'", { type: "publish", topic: "a/b", payload: ascii("x"), qos: 1, retain: true, dup: true, packetId: 65_535 }],
  ["at QoS 2", old, "34 08 | 0003 'a/b' 0100 | 'x'", { type: "publish", topic: "a/b", payload: ascii("x"), qos: 2, retain: false, dup: false, packetId: 256 }],
  ["repeated at QoS 2", old, "3c 08 | 0003 'a/b' 00ff | 'x'", { type: "publish", topic: "a/b", payload: ascii("x"), qos: 2, retain: false, dup: true, packetId: 255 }],
  ["with a topic beyond ASCII", old, "30 0b | 0008 'Z/' c3bc f09f8c8d | 'x'", { type: "publish", topic: "Z/\u00fc\u{1f30d}", payload: ascii("x"), qos: 0, retain: false, dup: false }],
  ["with U+FEFF at both ends of the topic [MQTT311-1.5.3-3]", old, "30 09 | 0007 efbbbf 'a' efbbbf", { type: "publish", topic: "\ufeffa\ufeff", payload: empty, qos: 0, retain: false, dup: false }],
  ["to a topic of slashes and spaces", old, "30 05 | 0003 '/ /'", { type: "publish", topic: "/ /", payload: empty, qos: 0, retain: false, dup: false }],
  ["with a remaining length longer than it needs to be", old, "30 85808000 | 0003 'a/b'", { type: "publish", topic: "a/b", payload: empty, qos: 0, retain: false, dup: false }, "the shortest form is sent"],
  ["at QoS 0 [MQTT-2.2.1-2]", [5], "30 08 | 0003 'a/b' 00 | 'hi'", { type: "publish", topic: "a/b", payload: ascii("hi"), qos: 0, retain: false, dup: false }],
  ["with the variable header that the specification shows", [5], "32 08 | 0003 'a/b' 000a 00", { type: "publish", topic: "a/b", payload: empty, qos: 1, retain: false, dup: false, packetId: 10 }],
  ["repeated, retained, at QoS 2", [5], "3d 09 | 0003 'a/b' 0001 00 | 'x'", { type: "publish", topic: "a/b", payload: ascii("x"), qos: 2, retain: true, dup: true, packetId: 1 }],
  ["with U+FEFF at both ends of the topic [MQTT-1.5.4-3]", [5], "30 0a | 0007 efbbbf 'a' efbbbf 00", { type: "publish", topic: "\ufeffa\ufeff", payload: empty, qos: 0, retain: false, dup: false }],
  ["that assigns a topic alias", [5], "30 09 | 0003 'a/b' 03 23 0001", { type: "publish", topic: "a/b", payload: empty, qos: 0, retain: false, dup: false, properties: { topicAlias: 1 } }],
  ["that uses a topic alias", [5], "30 07 | 0000 03 23 ffff | 'x'", { type: "publish", topic: "", payload: ascii("x"), qos: 0, retain: false, dup: false, properties: { topicAlias: 65_535 } }],
  ["with several subscription identifiers, also the same ones", [5], "30 12 | 0001 'a' 0c 0b 01 0b ffffff7f 0b 01 0b 8001 | 'x' ff", {
    type: "publish",
    topic: "a",
    payload: bytes("'x' ff"),
    qos: 0,
    retain: false,
    dup: false,
    properties: { subscriptionIdentifiers: [1, 268_435_455, 1, 128] },
  }],
  ["with user properties in order, also the same ones [MQTT-3.3.2-18]", [5], "30 19 | 0001 'a' 15 26 0001 'b' 0001 '1' 26 0001 'a' 0001 '2' 26 0001 'b' 0001 '1'", {
    type: "publish",
    topic: "a",
    payload: empty,
    qos: 0,
    retain: false,
    dup: false,
    properties: { userProperties: [["b", "1"], ["a", "2"], ["b", "1"]] },
  }],
  ["with user properties apart from each other", [5], "30 14 | 0001 'a' 10 26 0001 'b' 0001 '1' 01 00 26 0001 'a' 0001 '2'", {
    type: "publish",
    topic: "a",
    payload: empty,
    qos: 0,
    retain: false,
    dup: false,
    properties: {
      userProperties: [["b", "1"], ["a", "2"]],
      payloadFormatIndicator: false,
    },
  }, "values of one name are sent together"],
  ["with a property length of two bytes", [5], `30 8701 | 0001 'a' 8001 03 007d '${"t".repeat(125)}' | 'hi'`, {
    type: "publish",
    topic: "a",
    payload: ascii("hi"),
    qos: 0,
    retain: false,
    dup: false,
    properties: { contentType: "t".repeat(125) },
  }],
];

// deno-fmt-ignore: a table
const acknowledgements: readonly Row[] = ([
  ["puback", "40"],
  ["pubrec", "50"],
  ["pubrel", "62"],
  ["pubcomp", "70"],
] as const).flatMap(([type, first]): Row[] => {
  const failure = type === "puback" || type === "pubrec" ? 0x87 : 0x92;
  const code = failure.toString(16);
  return [
    ["with success", all, `${first} 02 | 000a`, { type, packetId: 10, reasonCode: 0 }],
    ["with a reason code alone", [5], `${first} 03 | ffff ${code}`, { type, packetId: 65_535, reasonCode: failure }],
    ["with success written out", [5], `${first} 03 | 000a 00`, { type, packetId: 10, reasonCode: 0 }, "what says nothing is left out"],
    ["with success and no properties written out", [5], `${first} 04 | 000a 00 00`, { type, packetId: 10, reasonCode: 0 }, "what says nothing is left out"],
    ["with failure and no properties written out", [5], `${first} 04 | 000a ${code} 00`, { type, packetId: 10, reasonCode: failure }, "what says nothing is left out"],
    ["with success and properties", [5], `${first} 0b | 000a 00 07 26 0001 'a' 0001 'b'`, { type, packetId: 10, reasonCode: 0, properties: { userProperties: [["a", "b"]] } }],
    ["with failure and a reason", [5], `${first} 08 | 000a ${code} 04 1f 0001 'r'`, { type, packetId: 10, reasonCode: failure, properties: { reasonString: "r" } }],
  ];
});

// deno-fmt-ignore: a table
const subscribe: readonly Row[] = [
  ["with the payload that the specification shows", old, "82 0e | 000a | 0003 'a/b' 01 0003 'c/d' 02", {
    type: "subscribe",
    packetId: 10,
    subscriptions: [{ filter: "a/b", qos: 1, ...plain }, { filter: "c/d", qos: 2, ...plain }],
  }],
  ["repeated, which 3.1 marks with DUP", [3], "8a 06 | ffff | 0001 '#' 00", {
    type: "subscribe",
    packetId: 65_535,
    subscriptions: [{ filter: "#", qos: 0, ...plain }],
  }, "it is not sent as a repetition"],
  ["with the payload that the specification shows", [5], "82 0f | 000a 00 | 0003 'a/b' 01 0003 'c/d' 02", {
    type: "subscribe",
    packetId: 10,
    subscriptions: [{ filter: "a/b", qos: 1, ...plain }, { filter: "c/d", qos: 2, ...plain }],
  }],
  ["with every option", [5], "82 13 | 000a 00 | 0001 'a' 04 0001 'b' 08 0001 'c' 10 0001 '+' 2e", {
    type: "subscribe",
    packetId: 10,
    subscriptions: [
      { filter: "a", qos: 0, noLocal: true, retainAsPublished: false, retainHandling: 0 },
      { filter: "b", qos: 0, noLocal: false, retainAsPublished: true, retainHandling: 0 },
      { filter: "c", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 1 },
      { filter: "+", qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
    ],
  }],
  ["for a shared subscription with an identifier", [5], "82 14 | 0001 02 0b 01 | 000c '$share/g/+/#' 19", {
    type: "subscribe",
    packetId: 1,
    properties: { subscriptionIdentifiers: [1] },
    subscriptions: [{ filter: "$share/g/+/#", qos: 1, noLocal: false, retainAsPublished: true, retainHandling: 1 }],
  }],
  ["with No Local for a filter that only looks shared", [5], "82 0d | 0001 00 | 0007 '$shared' 04", {
    type: "subscribe",
    packetId: 1,
    subscriptions: [{ filter: "$shared", qos: 0, noLocal: true, retainAsPublished: false, retainHandling: 0 }],
  }],
];

// deno-fmt-ignore: a table
const suback: readonly Row[] = [
  ["with the payload that the specification shows [MQTT311-3.9.3-1]", old, "90 05 | 000a | 00 02 80", { type: "suback", packetId: 10, reasonCodes: [0, 2, 0x80] }],
  ["with every reason code [MQTT-3.9.3-1]", [5], "90 0f | 000a 00 | 00 01 02 80 83 87 8f 91 97 9e a1 a2", {
    type: "suback",
    packetId: 10,
    reasonCodes: [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  }],
  ["with a reason", [5], "90 08 | 000a 04 1f 0001 'r' | 87", { type: "suback", packetId: 10, reasonCodes: [0x87], properties: { reasonString: "r" } }],
];

// deno-fmt-ignore: a table
const unsubscribe: readonly Row[] = [
  ["with the payload that the specification shows", old, "a2 0c | 000a | 0003 'a/b' 0003 'c/d'", { type: "unsubscribe", packetId: 10, filters: ["a/b", "c/d"] }],
  ["repeated, which 3.1 marks with DUP", [3], "aa 05 | 000a | 0001 '#'", { type: "unsubscribe", packetId: 10, filters: ["#"] }, "it is not sent as a repetition"],
  ["with the payload that the specification shows", [5], "a2 0d | 000a 00 | 0003 'a/b' 0003 'c/d'", { type: "unsubscribe", packetId: 10, filters: ["a/b", "c/d"] }],
  ["with a property", [5], "a2 0d | 000a 07 26 0001 'k' 0001 'v' | 0001 'a'", {
    type: "unsubscribe",
    packetId: 10,
    filters: ["a"],
    properties: { userProperties: [["k", "v"]] },
  }],
];

// deno-fmt-ignore: a table
const unsuback: readonly Row[] = [
  ["without payload", old, "b0 02 | 000a", { type: "unsuback", packetId: 10, reasonCodes: [] }],
  ["with every reason code [MQTT-3.11.3-1]", [5], "b0 0a | 000a 00 | 00 11 80 83 87 8f 91", { type: "unsuback", packetId: 10, reasonCodes: [0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91] }],
  ["with a reason", [5], "b0 08 | 000a 04 1f 0001 'r' | 11", { type: "unsuback", packetId: 10, reasonCodes: [0x11], properties: { reasonString: "r" } }],
];

// deno-fmt-ignore: a table
const rest: readonly Row[] = [
  ["", all, "c0 00", { type: "pingreq" }],
  ["", all, "d0 00", { type: "pingresp" }],
  ["without a reason", all, "e0 00", { type: "disconnect", reasonCode: 0 }],
  ["with a remaining length longer than it needs to be", old, "e0 8000", { type: "disconnect", reasonCode: 0 }, "the shortest form is sent"],
  ["with the will", [5], "e0 01 | 04", { type: "disconnect", reasonCode: 4 }],
  ["with nothing written out", [5], "e0 02 | 00 00", { type: "disconnect", reasonCode: 0 }, "what says nothing is left out"],
  ["with the variable header that the specification shows", [5], "e0 07 | 00 05 11 00000000", { type: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 0 } }],
  ["with a reference to another server", [5], "e0 0c | 9c 0a 1c 0001 's' 1f 0003 'why'", { type: "disconnect", reasonCode: 0x9c, properties: { serverReference: "s", reasonString: "why" } }],
  ["with success left out", [5], "f0 00", { type: "auth", reasonCode: 0 }],
  ["to go on [MQTT-3.15.2-1]", [5], "f0 0e | 18 0c 15 0004 'GS2-' 16 0002 00ff", {
    type: "auth",
    reasonCode: 0x18,
    properties: { authenticationMethod: "GS2-", authenticationData: Uint8Array.of(0, 0xff) },
  }],
  ["to authenticate again", [5], "f0 06 | 19 04 15 0001 'm'", { type: "auth", reasonCode: 0x19, properties: { authenticationMethod: "m" } }],
];

/** All rows, one for each version they hold in. */
export const goodPackets: readonly GoodPacket[] = [
  ...connect,
  ...connack,
  ...publish,
  ...acknowledgements,
  ...subscribe,
  ...suback,
  ...unsubscribe,
  ...unsuback,
  ...rest,
].flatMap(([name, versions, notation, packet, otherwise]) =>
  versions.map((version) => ({
    name: `${packet.type} of version ${version} ${name}`.trim(),
    version,
    bytes: bytes(notation),
    packet,
    ...(otherwise === undefined ? {} : { otherwise }),
  }))
);
