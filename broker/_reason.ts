/** Why a connection ends, as a packet may say it. */

import {
  isReasonCodeAllowed,
  type PacketType,
  ReasonCode,
} from "../codec/mod.ts";

/** Characters of the longest reason for people to read. */
const LONGEST = 1000;

/** The reason code, or a general one if packets of this type cannot say it. */
export function permitted(
  type: PacketType,
  reasonCode: ReasonCode,
): ReasonCode {
  return isReasonCodeAllowed(type, reasonCode)
    ? reasonCode
    : ReasonCode.ProtocolError;
}

/** Errors quote what the peer sent, which may be too long for a string of MQTT. */
export function brief(reason: string): string {
  return reason.length <= LONGEST
    ? reason
    : `${reason.slice(0, LONGEST).toWellFormed()}…`;
}
