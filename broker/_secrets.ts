/**
 * Packets as they may be shown: nobody can log in with what is left, nor try
 * passwords on it at home, as on what both ends say in an exchange.
 */

import type {
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  Packet,
} from "../codec/mod.ts";

/** A packet as it may be shown. */
export function withoutSecrets(packet: Packet): Packet {
  if (packet.type === "connect") {
    const { password: _, ...rest } = packet;
    return withoutData(rest);
  }
  return packet.type === "auth" || packet.type === "connack"
    ? withoutData(packet)
    : packet;
}

function withoutData<P extends ConnectPacket | ConnackPacket | AuthPacket>(
  packet: P,
): P {
  if (packet.properties?.authenticationData === undefined) return packet;
  const { authenticationData: _, ...properties } = packet.properties;
  return { ...packet, properties };
}
