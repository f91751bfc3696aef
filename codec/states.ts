/**
 * Which packet may arrive in which state of a connection: a table per role.
 *
 * @module
 */

import type { PacketType, ProtocolVersion } from "./packet.ts";

/** Which end of the connection receives. */
export type Role = "broker" | "client";

/**
 * How far the connection is: before CONNECT (the client: before CONNACK),
 * during enhanced authentication (5.0), open, or after DISCONNECT.
 */
export type ConnectionState =
  | "connecting"
  | "authenticating"
  | "connected"
  | "disconnected";

const none: ReadonlySet<PacketType> = new Set();

const exchange: readonly PacketType[] = [
  "publish",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
];

const table: Record<
  Role,
  Record<ConnectionState, ReadonlySet<PacketType>>
> = {
  broker: {
    connecting: new Set<PacketType>(["connect"]), // [MQTT-3.1.0-1]
    authenticating: new Set<PacketType>(["auth", "disconnect"]), // [MQTT-3.1.2-30]
    // [MQTT-3.1.0-2] no second CONNECT
    connected: new Set<PacketType>([
      ...exchange,
      "subscribe",
      "unsubscribe",
      "pingreq",
      "disconnect",
      "auth",
    ]),
    disconnected: none, // [MQTT-3.14.4-1]
  },
  client: {
    connecting: new Set<PacketType>(["connack", "auth"]), // [MQTT-3.2.0-1]
    authenticating: new Set<PacketType>(["connack", "auth"]),
    connected: new Set<PacketType>([ // [MQTT-3.2.0-2] no second CONNACK
      ...exchange,
      "suback",
      "unsuback",
      "pingresp",
      "disconnect",
      "auth",
    ]),
    disconnected: none,
  },
};

/**
 * Whether a packet may arrive.
 *
 * @param role Who receives it.
 * @param state The state of the connection.
 * @param type The type of the packet.
 * @param version The protocol version spoken.
 * @returns Whether the specification allows it.
 */
export function mayReceive(
  role: Role,
  state: ConnectionState,
  type: PacketType,
  version: ProtocolVersion,
): boolean {
  if (!table[role][state].has(type)) return false;
  if (version === 5) return true;
  // Before 5.0 there is no AUTH, and a broker does not send DISCONNECT.
  return type !== "auth" && (type !== "disconnect" || role === "broker");
}
