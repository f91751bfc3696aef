/**
 * Bytes that are no packets, or break the protocol, and the reason code they
 * are refused with. Reserved flags, reason codes, strings and properties have
 * tables of their own, in decode_test.ts and property_test.ts.
 */

import type { ProtocolVersion } from "../../codec/mod.ts";
import { bytes } from "./_wire.ts";

export interface BadPacket {
  readonly name: string;
  /** The parser's protocol version; absent where the first packet is next. */
  readonly version?: ProtocolVersion;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** 0x81 is a MalformedPacketError, all else a plain ProtocolError. */
  readonly reasonCode: number;
}

type Row = readonly [name: string, reasonCode: number, notation: string];

// deno-fmt-ignore: a table
const first: readonly Row[] = [
  ["a first packet that is PUBLISH [MQTT-3.1.0-1]", 0x82, "30 07 | 0003 'a/b' 'hi'"],
  ["a first packet that is PINGREQ [MQTT-3.1.0-1]", 0x82, "c0 00"],
  ["a first packet that is CONNACK [MQTT-3.1.0-1]", 0x82, "20 02 | 00 00"],
  ["a first packet of type 0", 0x81, "00 00"],
  ["a first packet of type 15", 0x81, "f0 00"],
  ["what is not MQTT: HTTP", 0x82, "'GET / HTTP/1.1' 0d0a"],
  ["what is not MQTT: TLS", 0x81, "16 03 01 00 f8"],

  ["CONNECT of nothing", 0x81, "10 00"],
  ["CONNECT that ends in the length of the protocol name", 0x81, "10 01 | 00"],
  ["CONNECT that ends in the protocol name", 0x81, "10 05 | 0004 'MQT'"],
  ["CONNECT that ends before the protocol level", 0x81, "10 06 | 0004 'MQTT'"],
  ["CONNECT that ends before the flags", 0x81, "10 07 | 0004 'MQTT' 04"],
  ["CONNECT that ends in the keep alive", 0x81, "10 09 | 0004 'MQTT' 04 02 00"],
  ["CONNECT without a client identifier [MQTT-3.1.3-3]", 0x81, "10 0a | 0004 'MQTT' 04 02 003c"],
  ["CONNECT that ends in the client identifier", 0x81, "10 0d | 0004 'MQTT' 04 02 003c | 0002 'i'"],
  ["CONNECT with another protocol name [MQTT-3.1.2-1]", 0x84, "10 0c | 0004 'MQTX' 04 02 0000 | 0000"],
  ["CONNECT with a protocol name in small letters [MQTT-3.1.2-1]", 0x84, "10 0c | 0004 'mqtt' 05 02 0000 | 0000"],
  ["CONNECT with a longer protocol name [MQTT-3.1.2-1]", 0x84, "10 0d | 0005 'MQTT5' 05 02 0000 | 0000"],
  ["CONNECT with an empty protocol name [MQTT-3.1.2-1]", 0x84, "10 08 | 0000 04 02 0000 | 0000"],
  ["CONNECT with the protocol name constructor [MQTT-3.1.2-1]", 0x84, "10 13 | 000b 'constructor' 04 02 0000 | 0000"],
  ["CONNECT with the protocol name __proto__ [MQTT-3.1.2-1]", 0x84, "10 11 | 0009 '__proto__' 04 02 0000 | 0000"],
  ["CONNECT with the protocol name toString [MQTT-3.1.2-1]", 0x84, "10 10 | 0008 'toString' 04 02 0000 | 0000"],
  ["CONNECT with a protocol name that is not UTF-8 [MQTT-1.5.4-1]", 0x81, "10 0c | 0004 'MQT' ff 04 02 0000 | 0000"],
  ["CONNECT of level 0 [MQTT-3.1.2-2]", 0x84, "10 0c | 0004 'MQTT' 00 02 0000 | 0000"],
  ["CONNECT of level 3 with the name of level 4 [MQTT-3.1.2-2]", 0x84, "10 0c | 0004 'MQTT' 03 02 0000 | 0000"],
  ["CONNECT of level 4 with the name of level 3 [MQTT-3.1.2-2]", 0x84, "10 0e | 0006 'MQIsdp' 04 02 0000 | 0000"],
  ["CONNECT of level 6 [MQTT-3.1.2-2]", 0x84, "10 0c | 0004 'MQTT' 06 02 0000 | 0000"],
  ["CONNECT of level 6 whatever follows [MQTT-3.1.2-2]", 0x84, "10 08 | 0004 'MQTT' 06 ff"],
  ["CONNECT of level 4 with the bit of a bridge [MQTT-3.1.2-2]", 0x84, "10 0c | 0004 'MQTT' 84 02 0000 | 0000"],

  ["CONNECT of 3.1.1 with the reserved flag [MQTT311-3.1.2-3]", 0x81, "10 0c | 0004 'MQTT' 04 03 0000 | 0000"],
  ["CONNECT with the reserved flag [MQTT-3.1.2-3]", 0x81, "10 0d | 0004 'MQTT' 05 03 0000 00 | 0000"],
  ["CONNECT of 3.1 with a will QoS without will", 0x81, "10 0e | 0006 'MQIsdp' 03 0a 0000 | 0000"],
  ["CONNECT of 3.1.1 with a will QoS without will [MQTT311-3.1.2-13]", 0x81, "10 0c | 0004 'MQTT' 04 0a 0000 | 0000"],
  ["CONNECT with a will QoS without will [MQTT-3.1.2-11]", 0x81, "10 0d | 0004 'MQTT' 05 12 0000 00 | 0000"],
  ["CONNECT of 3.1.1 with a will retain without will [MQTT311-3.1.2-15]", 0x81, "10 0c | 0004 'MQTT' 04 22 0000 | 0000"],
  ["CONNECT with a will retain without will [MQTT-3.1.2-13]", 0x81, "10 0d | 0004 'MQTT' 05 22 0000 00 | 0000"],
  ["CONNECT of 3.1 with will QoS 3", 0x81, "10 13 | 0006 'MQIsdp' 03 1e 0000 | 0000 0001 'w' 0000"],
  ["CONNECT of 3.1.1 with will QoS 3 [MQTT311-3.1.2-14]", 0x81, "10 11 | 0004 'MQTT' 04 1e 0000 | 0000 0001 'w' 0000"],
  ["CONNECT with will QoS 3 [MQTT-3.1.2-12]", 0x81, "10 13 | 0004 'MQTT' 05 1e 0000 00 | 0000 00 0001 'w' 0000"],
  ["CONNECT of 3.1 with a password without user name", 0x81, "10 11 | 0006 'MQIsdp' 03 42 0000 | 0000 0001 'p'"],
  ["CONNECT of 3.1.1 with a password without user name [MQTT311-3.1.2-22]", 0x81, "10 0f | 0004 'MQTT' 04 42 0000 | 0000 0001 'p'"],
  ["CONNECT without the user name it announces [MQTT311-3.1.2-19]", 0x81, "10 0c | 0004 'MQTT' 04 82 0000 | 0000"],
  ["CONNECT without the user name it announces [MQTT-3.1.2-17]", 0x81, "10 0d | 0004 'MQTT' 05 82 0000 00 | 0000"],
  ["CONNECT without the password it announces [MQTT311-3.1.2-21]", 0x81, "10 0f | 0004 'MQTT' 04 c2 0000 | 0000 0001 'u'"],
  ["CONNECT without the password it announces [MQTT-3.1.2-19]", 0x81, "10 0d | 0004 'MQTT' 05 42 0000 00 | 0000"],
  ["CONNECT without the will it announces [MQTT311-3.1.2-9]", 0x81, "10 0c | 0004 'MQTT' 04 06 0000 | 0000"],
  ["CONNECT without the will it announces [MQTT-3.1.2-9]", 0x81, "10 0d | 0004 'MQTT' 05 06 0000 00 | 0000"],
  ["CONNECT without the payload of its will [MQTT-3.1.2-9]", 0x81, "10 11 | 0004 'MQTT' 05 06 0000 00 | 0000 00 0001 'w'"],
  ["CONNECT with a user name it does not announce [MQTT311-3.1.2-18]", 0x81, "10 0f | 0004 'MQTT' 04 02 0000 | 0000 0001 'u'"],
  ["CONNECT with a user name it does not announce [MQTT-3.1.2-16]", 0x81, "10 10 | 0004 'MQTT' 05 02 0000 00 | 0000 0001 'u'"],
  ["CONNECT with a password it does not announce [MQTT311-3.1.2-20]", 0x81, "10 12 | 0004 'MQTT' 04 82 0000 | 0000 0001 'u' 0001 'p'"],
  ["CONNECT with a password it does not announce [MQTT-3.1.2-18]", 0x81, "10 13 | 0004 'MQTT' 05 82 0000 00 | 0000 0001 'u' 0001 'p'"],
  ["CONNECT with # in the will topic [MQTT-4.7.0-1]", 0x81, "10 13 | 0004 'MQTT' 05 06 0000 00 | 0000 00 0001 '#' 0000"],
  ["CONNECT of 3.1.1 with + in the will topic [MQTT311-4.7.1-1]", 0x81, "10 13 | 0004 'MQTT' 04 06 0000 | 0000 0003 'a/+' 0000"],
  ["CONNECT with an empty will topic [MQTT-4.7.3-1]", 0x81, "10 12 | 0004 'MQTT' 05 06 0000 00 | 0000 00 0000 0000"],
  ["CONNECT of 3.1.1 with an empty will topic [MQTT311-4.7.3-1]", 0x81, "10 10 | 0004 'MQTT' 04 06 0000 | 0000 0000 0000"],
  ["CONNECT with + in the response topic of the will [MQTT-3.3.2-14]", 0x82, "10 17 | 0004 'MQTT' 05 06 0000 00 | 0000 04 08 0001 '+' 0001 'w' 0000"],
  ["CONNECT with authentication data without a method", 0x82, "10 10 | 0004 'MQTT' 05 02 0000 03 16 0000 | 0000"],

  ["CONNECT with a remaining length of five bytes", 0x81, "10 8080808001"],
  ["CONNECT with a remaining length that does not end", 0x81, "10 ffffffff"],
  ["CONNECT with a remaining length longer than it needs to be [MQTT-1.5.5-1]", 0x81, "10 8d00 | 0004 'MQTT' 05 02 0000 00 | 0000"],
  ["CONNECT with a remaining length two bytes too long [MQTT-1.5.5-1]", 0x81, "10 8d8000 | 0004 'MQTT' 05 02 0000 00 | 0000"],
  ["CONNECT without a property length", 0x81, "10 0a | 0004 'MQTT' 05 02 0000"],
  ["CONNECT with a property length longer than it needs to be [MQTT-1.5.5-1]", 0x81, "10 0e | 0004 'MQTT' 05 02 0000 8000 | 0000"],
  ["CONNECT with a property length of five bytes", 0x81, "10 0f | 0004 'MQTT' 05 02 0000 8080808001"],
  ["CONNECT with properties that reach beyond it", 0x81, "10 0e | 0004 'MQTT' 05 02 0000 05 21 0001"],
  ["CONNECT with will properties that reach beyond it", 0x81, "10 13 | 0004 'MQTT' 05 06 0000 00 | 0000 09 01 00 0001 'w'"],
];

const versions: readonly ProtocolVersion[] = [3, 4, 5];

/** Rows that hold in several versions: `P` stands for no properties in 5.0. */
// deno-fmt-ignore: a table
const every: readonly Row[] = [
  ["a packet of type 0", 0x81, "00 00"],
  ["a remaining length of five bytes", 0x81, "30 8080808001"],
  ["a remaining length that does not end", 0x81, "30 ffffffff"],
  ["CONNACK of nothing", 0x81, "20 00"],
  ["CONNACK that ends before its code", 0x81, "20 01 | 00"],
  ["CONNACK with an unknown code [MQTT-3.2.2-8]", 0x82, "20 _ | 00 06 P"],
  ["PUBLISH of nothing", 0x81, "30 00"],
  ["PUBLISH that ends in the length of the topic name", 0x81, "30 01 | 00"],
  ["PUBLISH that ends in the topic name", 0x81, "30 04 | 0003 'a/'"],
  ["PUBLISH with QoS 3 [MQTT-3.3.1-4]", 0x81, "36 _ | 0001 'a' 000a P"],
  ["PUBLISH with QoS 3, retained [MQTT-3.3.1-4]", 0x81, "37 _ | 0001 'a' 000a P"],
  ["PUBLISH with QoS 3, repeated [MQTT-3.3.1-4]", 0x81, "3e _ | 0001 'a' 000a P"],
  ["PUBLISH with DUP at QoS 0 [MQTT-3.3.1-2]", 0x81, "38 _ | 0001 'a' P"],
  ["PUBLISH with DUP at QoS 0, retained [MQTT-3.3.1-2]", 0x81, "39 _ | 0001 'a' P"],
  ["PUBLISH with packet identifier 0 at QoS 1 [MQTT-2.2.1-3] [MQTT311-2.3.1-1]", 0x82, "32 _ | 0001 'a' 0000 P"],
  ["PUBLISH with packet identifier 0 at QoS 2 [MQTT-2.2.1-4] [MQTT311-2.3.1-4]", 0x82, "34 _ | 0001 'a' 0000 P"],
  ["PUBLISH without packet identifier at QoS 1", 0x81, "32 03 | 0001 'a'"],
  ["PUBLISH that ends in the packet identifier", 0x81, "34 04 | 0001 'a' 00"],
  ["PUBLISH to # [MQTT-3.3.2-2] [MQTT311-4.7.1-1]", 0x81, "30 _ | 0001 '#' P"],
  ["PUBLISH to + [MQTT-3.3.2-2] [MQTT-4.7.0-1]", 0x81, "30 _ | 0001 '+' P"],
  ["PUBLISH to a topic with # in a level [MQTT-3.3.2-2]", 0x81, "32 _ | 0005 'a/b#c' 0001 P"],
  ["PUBLISH to a topic with + in a level [MQTT-3.3.2-2]", 0x81, "34 _ | 0005 'a+/bc' 0001 P"],
  ["PUBLISH to a long topic with + [MQTT-3.3.2-2]", 0x81, `30 _ | 0064 '${"x".repeat(99)}+' P`],
  ["PUBLISH to an empty topic [MQTT-4.7.3-1] [MQTT311-4.7.3-1]", 0x82, "30 _ | 0000 P"],
  ...["40", "50", "62", "70"].flatMap((type): Row[] => [
    [`acknowledgement ${type} of nothing`, 0x81, `${type} 00`],
    [`acknowledgement ${type} that ends in the packet identifier`, 0x81, `${type} 01 | 00`],
    [`acknowledgement ${type} with packet identifier 0`, 0x82, `${type} 02 | 0000`],
  ]),
  ["SUBSCRIBE of nothing", 0x81, "82 00"],
  ["SUBSCRIBE with packet identifier 0 [MQTT-2.2.1-3] [MQTT311-2.3.1-1]", 0x82, "82 _ | 0000 P 0001 'a' 00"],
  ["SUBSCRIBE without filters [MQTT-3.8.3-2] [MQTT311-3.8.3-3]", 0x82, "82 _ | 000a P"],
  ["SUBSCRIBE without options", 0x81, "82 _ | 000a P 0001 'a'"],
  ["SUBSCRIBE that ends in a filter", 0x81, "82 _ | 000a P 0001 'a' 00 0002 'b'"],
  ["SUBSCRIBE to an empty filter [MQTT-4.7.3-1]", 0x81, "82 _ | 000a P 0000 00"],
  ["SUBSCRIBE to an invalid filter behind a valid one [MQTT-4.7.1-1]", 0x81, "82 _ | 000a P 0001 'a' 00 0002 'b#' 00"],
  ["SUBSCRIBE to a filter with # in the middle [MQTT-4.7.1-1]", 0x81, "82 _ | 000a P 0003 '#/a' 00"],
  ["SUBSCRIBE to a filter with + in a level [MQTT-4.7.1-2]", 0x81, "82 _ | 000a P 0002 'a+' 00"],
  ["SUBSCRIBE to $share/ alone [MQTT-4.8.2-1]", 0x81, "82 _ | 000a P 0007 '$share/' 00"],
  ["SUBSCRIBE with an empty share name [MQTT-4.8.2-1]", 0x81, "82 _ | 000a P 0009 '$share//a' 00"],
  ["SUBSCRIBE with a share name alone [MQTT-4.8.2-2]", 0x81, "82 _ | 000a P 0008 '$share/g' 00"],
  ["SUBSCRIBE with no filter behind a share name [MQTT-4.8.2-2]", 0x81, "82 _ | 000a P 0009 '$share/g/' 00"],
  ["SUBSCRIBE with + in a share name [MQTT-4.8.2-2]", 0x81, "82 _ | 000a P 000b '$share/g+/a' 00"],
  ["SUBSCRIBE with a share name of # [MQTT-4.8.2-2]", 0x81, "82 _ | 000a P 000a '$share/#/a' 00"],
  ["SUBACK of nothing", 0x81, "90 00"],
  ["SUBACK with packet identifier 0", 0x82, "90 _ | 0000 P 00"],
  ["SUBACK that grants QoS 3 [MQTT-3.9.3-2] [MQTT311-3.9.3-2]", 0x82, "90 _ | 000a P 03"],
  ["SUBACK with an unknown failure [MQTT-3.9.3-2] [MQTT311-3.9.3-2]", 0x82, "90 _ | 000a P 00 ff"],
  ["UNSUBSCRIBE of nothing", 0x81, "a2 00"],
  ["UNSUBSCRIBE with packet identifier 0 [MQTT-2.2.1-3] [MQTT311-2.3.1-1]", 0x82, "a2 _ | 0000 P 0001 'a'"],
  ["UNSUBSCRIBE without filters [MQTT-3.10.3-2]", 0x82, "a2 _ | 000a P"],
  ["UNSUBSCRIBE that ends in a filter", 0x81, "a2 _ | 000a P 0002 'a'"],
  ["UNSUBSCRIBE with an empty filter [MQTT-4.7.3-1]", 0x81, "a2 _ | 000a P 0000"],
  ["UNSUBSCRIBE with an invalid filter [MQTT-4.7.1-1]", 0x81, "a2 _ | 000a P 0001 'a' 0004 'a/#/'"],
  ["UNSUBACK of nothing", 0x81, "b0 00"],
  ["UNSUBACK with packet identifier 0", 0x82, "b0 _ | 0000 P"],
  ["PINGREQ with a body", 0x81, "c0 01 | 00"],
  ["PINGRESP with a body", 0x81, "d0 02 | 00 00"],
];

// deno-fmt-ignore: a table
const before5: readonly Row[] = [
  ["CONNACK with a byte too many", 0x81, "20 03 | 00 00 00"],
  ["CONNACK with a reserved return code", 0x82, "20 02 | 00 87"],
  ["PUBACK with a reason code", 0x81, "40 03 | 000a 00"],
  ["PUBREC with a reason code", 0x81, "50 03 | 000a 00"],
  ["PUBREL with a reason code", 0x81, "62 03 | 000a 00"],
  ["PUBCOMP with a reason code", 0x81, "70 03 | 000a 00"],
  ["SUBSCRIBE with QoS 3 [MQTT311-3.8.3-4]", 0x81, "82 06 | 000a 0001 'a' 03"],
  ["SUBSCRIBE with reserved bits, No Local in 5.0 [MQTT311-3.8.3-4]", 0x81, "82 06 | 000a 0001 'a' 04"],
  ["SUBSCRIBE with the highest reserved bit [MQTT311-3.8.3-4]", 0x81, "82 06 | 000a 0001 'a' 80"],
  ["SUBACK with a failure of 5.0 [MQTT311-3.9.3-2]", 0x82, "90 03 | 000a 87"],
  ["UNSUBACK with a payload", 0x81, "b0 03 | 000a 00"],
  ["DISCONNECT with a reason code", 0x81, "e0 01 | 00"],
  ["AUTH", 0x81, "f0 00"],
];

// deno-fmt-ignore: a table
const only5: readonly Row[] = [
  ["a remaining length longer than it needs to be [MQTT-1.5.5-1]", 0x81, "30 8600 | 0003 'a/b' 00"],
  ["a remaining length of 0 in two bytes [MQTT-1.5.5-1]", 0x81, "c0 8000"],
  ["a remaining length of 128 in four bytes [MQTT-1.5.5-1]", 0x81, "30 80818000"],
  ["CONNACK without a property length", 0x81, "20 02 | 00 00"],
  ["CONNACK with a byte too many", 0x81, "20 04 | 00 00 00 00"],
  ["CONNACK with properties that reach beyond it", 0x81, "20 05 | 00 00 03 13 00"],
  ["PUBLISH without a property length", 0x81, "30 03 | 0001 'a'"],
  ["PUBLISH with a property length longer than it needs to be [MQTT-1.5.5-1]", 0x81, "30 05 | 0001 'a' 8000"],
  ["PUBLISH with properties that reach beyond it", 0x81, "30 06 | 0001 'a' 03 01 00"],
  ["PUBLISH with a property that reaches beyond the property length", 0x81, "30 07 | 0001 'a' 01 01 00 00"],
  ["PUBLISH with a string that reaches beyond the property length", 0x81, "30 0a | 0001 'a' 04 03 0003 'abc'"],
  ["PUBLISH with topic alias 0 [MQTT-3.3.2-8]", 0x94, "30 07 | 0001 'a' 03 23 0000"],
  ["PUBLISH with topic alias 0 alone [MQTT-3.3.2-8]", 0x94, "30 06 | 0000 03 23 0000"],
  ["PUBLISH with # in the response topic [MQTT-3.3.2-14]", 0x82, "30 0a | 0001 'a' 06 08 0003 'b/#'"],
  ["PUBLISH with + in the response topic [MQTT-3.3.2-14]", 0x82, "30 08 | 0001 'a' 04 08 0001 '+'"],
  ["PUBLISH with an empty response topic [MQTT-4.7.3-1]", 0x82, "30 07 | 0001 'a' 03 08 0000"],
  ...["40", "50", "62", "70"].flatMap((type): Row[] => [
    [`acknowledgement ${type} with properties that reach beyond it`, 0x81, `${type} 04 | 000a 00 01`],
    [`acknowledgement ${type} with a byte too many`, 0x81, `${type} 05 | 000a 00 00 00`],
  ]),
  ["SUBSCRIBE with QoS 3", 0x82, "82 07 | 000a 00 0001 'a' 03"],
  ["SUBSCRIBE with reserved bit 6 [MQTT-3.8.3-5]", 0x81, "82 07 | 000a 00 0001 'a' 40"],
  ["SUBSCRIBE with reserved bit 7 [MQTT-3.8.3-5]", 0x81, "82 07 | 000a 00 0001 'a' 80"],
  ["SUBSCRIBE with Retain Handling 3", 0x82, "82 07 | 000a 00 0001 'a' 30"],
  ["SUBSCRIBE with No Local for a shared subscription [MQTT-3.8.3-4]", 0x82, "82 10 | 000a 00 000a '$share/g/a' 05"],
  ["SUBSCRIBE with two subscription identifiers", 0x82, "82 0b | 000a 04 0b 01 0b 02 0001 'a' 00"],
  ["SUBSCRIBE without a property length", 0x81, "82 02 | 000a"],
  ["SUBACK without a property length", 0x81, "90 02 | 000a"],
  ["UNSUBSCRIBE without a property length", 0x81, "a2 02 | 000a"],
  ["UNSUBACK without a property length", 0x81, "b0 02 | 000a"],
  ["UNSUBACK with a code of SUBACK [MQTT-3.11.3-2]", 0x82, "b0 04 | 000a 00 01"],
  ["DISCONNECT with properties that reach beyond it", 0x81, "e0 04 | 00 05 11 00"],
  ["DISCONNECT with a byte too many", 0x81, "e0 03 | 00 00 00"],
  ["AUTH with a byte too many", 0x81, "f0 03 | 00 00 00"],
];

// deno-fmt-ignore: a table
const from4: readonly Row[] = [
  ["CONNACK with bit 1 of its flags [MQTT-3.2.2-1]", 0x81, "20 _ | 02 00 P"],
  ["CONNACK with bit 7 of its flags [MQTT-3.2.2-1]", 0x81, "20 _ | 81 00 P"],
];

/** Fills in the remaining length and the absence of properties. */
function resolve(notation: string, version: ProtocolVersion): string {
  const text = notation.replace("P", version === 5 ? "00" : "");
  if (!text.includes("_")) return text;
  const length = bytes(text.replace("_", "")).length - 1;
  return text.replace("_", length.toString(16).padStart(2, "0"));
}

function rows(
  table: readonly Row[],
  among: readonly ProtocolVersion[],
): BadPacket[] {
  return table.flatMap(([name, reasonCode, notation]) =>
    among.map((version) => ({
      name: `${name}, in version ${version}`,
      version,
      bytes: bytes(resolve(notation, version)),
      reasonCode,
    }))
  );
}

export const badPackets: readonly BadPacket[] = [
  ...first.map(([name, reasonCode, notation]) => ({
    name,
    bytes: bytes(notation),
    reasonCode,
  })),
  ...rows(every, versions),
  ...rows(before5, [3, 4]),
  ...rows(from4, [4, 5]),
  ...rows(only5, [5]),
  ...rows([
    [
      "CONNACK that refuses with session present [MQTT311-3.2.2-4]",
      0x82,
      "20 02 | 01 05",
    ],
  ], [4]),
  ...rows([
    [
      "CONNACK that refuses with session present [MQTT-3.2.2-6]",
      0x82,
      "20 03 | 01 87 00",
    ],
  ], [5]),
];
