/** Table 2-6 of MQTT 5.0: reason codes, their names, the packets they are in. */

import type { PacketType } from "../../codec/mod.ts";

type Row = readonly [code: number, name: string, packets: string];

export const reasonTable: readonly Row[] = [
  [0x00, "Success", "connack puback pubrec pubrel pubcomp unsuback auth"],
  [0x00, "Normal disconnection", "disconnect"],
  [0x00, "Granted QoS 0", "suback"],
  [0x01, "Granted QoS 1", "suback"],
  [0x02, "Granted QoS 2", "suback"],
  [0x04, "Disconnect with Will Message", "disconnect"],
  [0x10, "No matching subscribers", "puback pubrec"],
  [0x11, "No subscription existed", "unsuback"],
  [0x18, "Continue authentication", "auth"],
  [0x19, "Re-authenticate", "auth"],
  [
    0x80,
    "Unspecified error",
    "connack puback pubrec suback unsuback disconnect",
  ],
  [0x81, "Malformed Packet", "connack disconnect"],
  [0x82, "Protocol Error", "connack disconnect"],
  [
    0x83,
    "Implementation specific error",
    "connack puback pubrec suback unsuback disconnect",
  ],
  [0x84, "Unsupported Protocol Version", "connack"],
  [0x85, "Client Identifier not valid", "connack"],
  [0x86, "Bad User Name or Password", "connack"],
  [
    0x87,
    "Not authorized",
    "connack puback pubrec suback unsuback disconnect",
  ],
  [0x88, "Server unavailable", "connack"],
  [0x89, "Server busy", "connack disconnect"],
  [0x8a, "Banned", "connack"],
  [0x8b, "Server shutting down", "disconnect"],
  // Table 2-6 has DISCONNECT here, too; table 3-13 has not, and that is the one
  // of [MQTT-3.14.2-1].
  [0x8c, "Bad authentication method", "connack"],
  [0x8d, "Keep Alive timeout", "disconnect"],
  [0x8e, "Session taken over", "disconnect"],
  [0x8f, "Topic Filter invalid", "suback unsuback disconnect"],
  [0x90, "Topic Name invalid", "connack puback pubrec disconnect"],
  [0x91, "Packet Identifier in use", "puback pubrec suback unsuback"],
  [0x92, "Packet Identifier not found", "pubrel pubcomp"],
  [0x93, "Receive Maximum exceeded", "disconnect"],
  [0x94, "Topic Alias invalid", "disconnect"],
  [0x95, "Packet too large", "connack disconnect"],
  [0x96, "Message rate too high", "disconnect"],
  [0x97, "Quota exceeded", "connack puback pubrec suback disconnect"],
  [0x98, "Administrative action", "disconnect"],
  [0x99, "Payload format invalid", "connack puback pubrec disconnect"],
  [0x9a, "Retain not supported", "connack disconnect"],
  [0x9b, "QoS not supported", "connack disconnect"],
  [0x9c, "Use another server", "connack disconnect"],
  [0x9d, "Server moved", "connack disconnect"],
  [0x9e, "Shared Subscriptions not supported", "suback disconnect"],
  [0x9f, "Connection rate exceeded", "connack disconnect"],
  [0xa0, "Maximum connect time", "disconnect"],
  [0xa1, "Subscription Identifiers not supported", "suback disconnect"],
  [0xa2, "Wildcard Subscriptions not supported", "suback disconnect"],
];

/** Names by code; 0x00 has the one that it has in most packets. */
export const reasonNames: ReadonlyMap<number, string> = new Map(
  reasonTable.toReversed().map(([code, name]) => [code, name]),
);

/** The packet types that have reason codes. */
export const typesWithReasons = [
  "connack",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "suback",
  "unsuback",
  "disconnect",
  "auth",
] as const satisfies readonly PacketType[];

/** The reason codes of a packet. */
export function reasonCodesOf(type: PacketType): number[] {
  return reasonTable
    .filter(([, , packets]) => packets.split(" ").includes(type))
    .map(([code]) => code);
}
