/**
 * Which reason codes each packet may carry (5.0).
 *
 * @module
 */

import type { PacketType } from "./packet.ts";
import type { ReasonCode } from "./reason_code.ts";

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
