/** Reasons as people read them. */

import {
  type ReasonCode,
  reasonName,
  type ReasonProperties,
} from "../codec/mod.ts";

/** "Not authorized (0x87)", and what the broker adds to it. */
export function describeReason(
  code: ReasonCode,
  properties: ReasonProperties | undefined,
): string {
  const text = properties?.reasonString;
  return text === undefined ? reasonName(code) : `${reasonName(code)}: ${text}`;
}
