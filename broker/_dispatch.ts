/**
 * Which handler a packet of a connected client goes to. Handlers return the
 * reply.
 */

import { type Packet, ProtocolError } from "../codec/mod.ts";
import type { Peer } from "./_peer.ts";
import type { Awaitable } from "./plugin.ts";
import { handlePublish, handlePubrel } from "./_publish.ts";
import type { BrokerState } from "./_state.ts";
import { handleSubscribe, handleUnsubscribe } from "./_subscribe.ts";

export function dispatch(
  broker: BrokerState,
  connection: Peer,
  packet: Packet,
): Awaitable<Packet | undefined> {
  const session = connection.session!;
  const { inflight } = session.deliveries;
  switch (packet.type) {
    case "publish":
      broker.metrics.publishReceived++;
      return handlePublish(broker, connection, packet);
    case "puback":
      inflight.puback(packet.packetId);
      return;
    case "pubrec":
      return inflight.pubrec(packet.packetId, packet.reasonCode);
    case "pubrel":
      return handlePubrel(session, packet);
    case "pubcomp":
      inflight.pubcomp(packet.packetId);
      return;
    case "subscribe":
      return handleSubscribe(broker, connection, packet);
    case "unsubscribe":
      return handleUnsubscribe(broker, connection, packet);
    case "pingreq":
      return { type: "pingresp" }; // [MQTT-3.12.4-1]
    default:
      throw new ProtocolError(`${packet.type} is not expected`);
  }
}
