import { assertEquals } from "@std/assert";
import {
  type ConnectionState,
  mayReceive,
  packetTypes,
  type Role,
} from "../../codec/mod.ts";

const types = packetTypes.filter((type) => type !== undefined);

const rows: readonly [
  role: Role,
  state: ConnectionState,
  versions: readonly (3 | 4 | 5)[],
  received: string,
  ids: string,
][] = [
  ["broker", "connecting", [3, 4, 5], "connect", "[MQTT-3.1.0-1]"],
  ["broker", "authenticating", [5], "disconnect auth", "[MQTT-3.1.2-30]"],
  [
    "broker",
    "connected",
    [3, 4],
    "publish puback pubrec pubrel pubcomp subscribe unsubscribe pingreq disconnect",
    "[MQTT311-3.1.0-2]",
  ],
  [
    "broker",
    "connected",
    [5],
    "publish puback pubrec pubrel pubcomp subscribe unsubscribe pingreq disconnect auth",
    "[MQTT-3.1.0-2]",
  ],
  ["broker", "disconnected", [3, 4, 5], "", "[MQTT-3.14.4-1]"],
  ["client", "connecting", [3, 4], "connack", "[MQTT311-3.2.0-1]"],
  ["client", "connecting", [5], "connack auth", "[MQTT-3.2.0-1]"],
  ["client", "authenticating", [5], "connack auth", "[MQTT-3.14.0-1]"],
  [
    "client",
    "connected",
    [3, 4],
    "publish puback pubrec pubrel pubcomp suback unsuback pingresp",
    "",
  ],
  [
    "client",
    "connected",
    [5],
    "publish puback pubrec pubrel pubcomp suback unsuback pingresp disconnect auth",
    "[MQTT-3.2.0-2]",
  ],
  ["client", "disconnected", [3, 4, 5], "", "[MQTT-3.14.4-1]"],
];

for (const [role, state, versions, received, ids] of rows) {
  Deno.test(`a ${role} that is ${state}, version ${versions.join(", ")}, may receive: ${received || "nothing"} ${ids}`, () => {
    for (const version of versions) {
      const allowed = types.filter((type) =>
        mayReceive(role, state, type, version)
      );
      assertEquals(allowed.join(" "), received);
    }
  });
}
