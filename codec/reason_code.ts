/**
 * Reason codes: the one vocabulary of outcomes, for every protocol version.
 *
 * MQTT 5.0 names an outcome by a reason code (section 2.4). MQTT 3.1 and 3.1.1
 * know only six CONNACK return codes and one SUBACK failure; they are mapped
 * here, at the edge, so that nothing else asks which version it speaks.
 *
 * @module
 */

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
