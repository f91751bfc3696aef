/**
 * Reason codes: the one vocabulary of outcomes, for every protocol version.
 *
 * MQTT 5.0 names an outcome by a reason code (section 2.4). MQTT 3.1 and 3.1.1
 * know only six CONNACK return codes and one SUBACK failure; they are mapped
 * here, at the edge, so that nothing else asks which version it speaks.
 *
 * @module
 */

import type { PacketType } from "./packet.ts";

/** The reason codes of MQTT 5.0, by their names in section 2.4. */
export const ReasonCode = {
  Success: 0x00,
  NormalDisconnection: 0x00,
  GrantedQos0: 0x00,
  GrantedQos1: 0x01,
  GrantedQos2: 0x02,
  DisconnectWithWillMessage: 0x04,
  NoMatchingSubscribers: 0x10,
  NoSubscriptionExisted: 0x11,
  ContinueAuthentication: 0x18,
  Reauthenticate: 0x19,
  UnspecifiedError: 0x80,
  MalformedPacket: 0x81,
  ProtocolError: 0x82,
  ImplementationSpecificError: 0x83,
  UnsupportedProtocolVersion: 0x84,
  ClientIdentifierNotValid: 0x85,
  BadUserNameOrPassword: 0x86,
  NotAuthorized: 0x87,
  ServerUnavailable: 0x88,
  ServerBusy: 0x89,
  Banned: 0x8a,
  ServerShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  TopicFilterInvalid: 0x8f,
  TopicNameInvalid: 0x90,
  PacketIdentifierInUse: 0x91,
  PacketIdentifierNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  TopicAliasInvalid: 0x94,
  PacketTooLarge: 0x95,
  MessageRateTooHigh: 0x96,
  QuotaExceeded: 0x97,
  AdministrativeAction: 0x98,
  PayloadFormatInvalid: 0x99,
  RetainNotSupported: 0x9a,
  QosNotSupported: 0x9b,
  UseAnotherServer: 0x9c,
  ServerMoved: 0x9d,
  SharedSubscriptionsNotSupported: 0x9e,
  ConnectionRateExceeded: 0x9f,
  MaximumConnectTime: 0xa0,
  SubscriptionIdentifiersNotSupported: 0xa1,
  WildcardSubscriptionsNotSupported: 0xa2,
} as const;

/** A reason code: one byte; `0x80` and above mean failure. */
export type ReasonCode = number;

// Several names share 0x00; the first one written here is the one shown.
const names = new Map<number, string>();
for (const [name, code] of Object.entries(ReasonCode)) {
  if (!names.has(code)) {
    const words = name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, " ");
    names.set(code, words.charAt(0) + words.slice(1).toLowerCase());
  }
}

/**
 * The name of a reason code, for messages and logs.
 *
 * @example
 * ```ts
 * import { reasonName } from "@ambermq/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(reasonName(0x8e), "Session taken over (0x8e)");
 * ```
 *
 * @param code The reason code.
 * @returns Its name and its number in hexadecimal.
 */
export function reasonName(code: ReasonCode): string {
  const hex = `0x${code.toString(16).padStart(2, "0")}`;
  return `${names.get(code) ?? "Unknown reason"} (${hex})`;
}

const acknowledgement = new Set([
  0x00,
  0x10,
  0x80,
  0x83,
  0x87,
  0x90,
  0x91,
  0x97,
  0x99,
]);
const release = new Set([0x00, 0x92]);

/**
 * Which codes each packet may carry: the tables of sections 3.2.2.2 to
 * 3.15.2.1, both directions together.
 */
const allowed: { readonly [Type in PacketType]?: ReadonlySet<number> } = {
  // [MQTT-3.2.2-8]
  connack: new Set([
    0x00,
    0x80,
    0x81,
    0x82,
    0x83,
    0x84,
    0x85,
    0x86,
    0x87,
    0x88,
    0x89,
    0x8a,
    0x8c,
    0x90,
    0x95,
    0x97,
    0x99,
    0x9a,
    0x9b,
    0x9c,
    0x9d,
    0x9f,
  ]),
  puback: acknowledgement, // [MQTT-3.4.2-1]
  pubrec: acknowledgement, // [MQTT-3.5.2-1]
  pubrel: release, // [MQTT-3.6.2-1]
  pubcomp: release, // [MQTT-3.7.2-1]
  // [MQTT-3.9.3-2]
  suback: new Set([
    0x00,
    0x01,
    0x02,
    0x80,
    0x83,
    0x87,
    0x8f,
    0x91,
    0x97,
    0x9e,
    0xa1,
    0xa2,
  ]),
  // [MQTT-3.11.3-2]
  unsuback: new Set([0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]),
  // [MQTT-3.14.2-1]
  disconnect: new Set([
    0x00,
    0x04,
    0x80,
    0x81,
    0x82,
    0x83,
    0x87,
    0x89,
    0x8b,
    0x8d,
    0x8e,
    0x8f,
    0x90,
    0x93,
    0x94,
    0x95,
    0x96,
    0x97,
    0x98,
    0x99,
    0x9a,
    0x9b,
    0x9c,
    0x9d,
    0x9e,
    0x9f,
    0xa0,
    0xa1,
    0xa2,
  ]),
  auth: new Set([0x00, 0x18, 0x19]), // [MQTT-3.15.2-1]
};

/**
 * Whether a packet of this type may carry this reason code in MQTT 5.0.
 *
 * @param type The type of packet.
 * @param code The reason code.
 * @returns `true` if the table of that packet lists the code.
 */
export function isReasonCodeAllowed(
  type: PacketType,
  code: ReasonCode,
): boolean {
  return allowed[type]?.has(code) ?? false;
}

/** CONNACK return codes 1 to 5 of MQTT 3.1.1 (table 3.1), by index. */
const returnCodes: readonly ReasonCode[] = [
  ReasonCode.Success,
  ReasonCode.UnsupportedProtocolVersion,
  ReasonCode.ClientIdentifierNotValid,
  ReasonCode.ServerUnavailable,
  ReasonCode.BadUserNameOrPassword,
  ReasonCode.NotAuthorized,
];

/**
 * The reason code for a CONNACK return code of MQTT 3.1 or 3.1.1.
 *
 * @param returnCode The return code, 0 to 5.
 * @returns The reason code, or `undefined` for a reserved return code.
 */
export function fromReturnCode(returnCode: number): ReasonCode | undefined {
  return returnCodes[returnCode];
}

/**
 * The CONNACK return code of MQTT 3.1 and 3.1.1 that is closest to a reason
 * code. What the old versions cannot say becomes 3, "server unavailable".
 *
 * @param code The reason code.
 * @returns The return code, 0 to 5.
 */
export function toReturnCode(code: ReasonCode): number {
  const exact = returnCodes.indexOf(code);
  if (exact >= 0) return exact;
  switch (code) {
    case ReasonCode.Banned:
    case ReasonCode.BadAuthenticationMethod:
      return 5;
    default:
      return 3;
  }
}
