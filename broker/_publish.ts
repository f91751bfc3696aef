/**
 * PUBLISH and PUBREL of a client: resolve, then authorize, then route, then
 * acknowledge.
 */

import {
  type Packet,
  ProtocolError,
  type PublishPacket,
  type PubrelPacket,
  ReasonCode,
} from "../codec/mod.ts";
import { Message } from "./message.ts";
import { checkPublish, offered, refusalOfPayload } from "./capabilities.ts";
import type { Peer } from "./_peer.ts";
import type { Awaitable } from "./plugin.ts";
import { inspect } from "./_policy.ts";
import { isForAbsent, route } from "./_router.ts";
import type { Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";

export function handlePublish(
  broker: BrokerState,
  connection: Peer,
  packet: PublishPacket,
): Awaitable<Packet | undefined> {
  const session = connection.session!;
  const alias = packet.properties?.topicAlias;
  // Resolved even where the packet is a repetition: it may assign the alias.
  const topic = alias === undefined
    ? packet.topic
    : connection.aliases.resolve(packet.topic, alias);
  if (packet.properties?.subscriptionIdentifiers !== undefined) {
    // [MQTT-3.3.4-6]
    throw new ProtocolError("A client's PUBLISH has a subscription identifier");
  }
  const { capabilities } = broker;
  if (connection.version === 5) checkPublish(capabilities, packet);
  if (packet.qos === 2) {
    // A repetition waits for what is decided about the message, and gets it.
    const deciding = session.deciding?.get(packet.packetId!);
    if (deciding !== undefined) return deciding;
    if (!accept(broker, connection, packet.packetId!)) {
      return acknowledge(packet, 0); // [MQTT-4.3.3-10]
    }
  }
  const lowered = offered(capabilities, packet);
  const message = Message.received(
    lowered,
    topic,
    // The bytes have a packet identifier, or none, as they were published.
    lowered === packet ? connection.frame : undefined,
    connection.version,
    broker.now,
  );
  const { hooks } = broker;
  if (hooks.watches("broker_message_received")) {
    const { clientId } = session;
    hooks.emit("broker_message_received", { clientId, message });
  }
  const outcome = inspect(broker, connection.client!, message);
  return outcome instanceof Promise
    ? finishLater(broker, session, packet, outcome)
    : finish(broker, session, packet, outcome);
}

/** A QoS 2 message is remembered as one that is not decided about until it is. */
function finishLater(
  broker: BrokerState,
  session: Session,
  packet: PublishPacket,
  outcome: Promise<Message | ReasonCode>,
): Promise<Packet | undefined> {
  const reply = outcome.then((later) => finish(broker, session, packet, later));
  if (packet.qos < 2) return reply;
  const packetId = packet.packetId!;
  const deciding = session.deciding ??= new Map();
  deciding.set(packetId, reply);
  const decided = (): void => {
    deciding.delete(packetId);
  };
  reply.then(decided, decided);
  return reply;
}

/** Takes a QoS 2 message over; returns `false` if it was received before. */
function accept(
  { limits }: BrokerState,
  connection: Peer,
  packetId: number,
): boolean {
  const { receiver } = connection.session!;
  if (receiver.has(packetId)) return false;
  // Section 3.3.4: more than the Receive Maximum that CONNACK announced. Before
  // 5.0 the number of packet identifiers is the only bound.
  if (connection.version === 5 && receiver.size >= limits.receiveMaximum) {
    throw new ProtocolError(
      `More than ${limits.receiveMaximum} QoS 2 messages are not released`,
      ReasonCode.ReceiveMaximumExceeded,
    );
  }
  receiver.receive(packetId);
  return true;
}

function finish(
  broker: BrokerState,
  session: Session,
  packet: PublishPacket,
  outcome: Message | ReasonCode,
): Packet | undefined {
  const { hooks, metrics } = broker;
  const { clientId } = session;
  if (typeof outcome === "object" && mustSayNo(broker, session, outcome)) {
    outcome = ReasonCode.QuotaExceeded;
  }
  if (typeof outcome === "number") {
    metrics.publishRefused++;
    // [MQTT-4.3.3-9]
    if (packet.qos === 2) complete(session, packet.packetId!);
    if (
      packet.qos === 0 && outcome === ReasonCode.PayloadFormatInvalid &&
      refusalOfPayload(broker.capabilities, packet) === outcome
    ) {
      // Section 3.3.2.3.2: without an acknowledgement it is DISCONNECT.
      throw new ProtocolError("The payload is not the UTF-8 it says", outcome);
    }
    return acknowledge(packet, outcome);
  }
  if (hooks.watches("broker_message_broadcast")) {
    hooks.emit("broker_message_broadcast", { clientId, message: outcome });
  }
  const matched = route(broker, outcome, session);
  // Not earlier: a message that is not in its sessions was not received.
  if (packet.qos === 2 && session.receiver.has(packet.packetId!)) {
    const packetId = packet.packetId!;
    session.record({ type: "receive", clientId, packetId });
  }
  return acknowledge(packet, matched ? 0 : ReasonCode.NoMatchingSubscribers);
}

/**
 * Whether a message is refused because it would wait for a client that is away,
 * and there is no memory for it: who can be told is told, and may send it again
 * later, so it goes to nobody.
 */
function mustSayNo(
  broker: BrokerState,
  session: Session,
  message: Message,
): boolean {
  if (message.qos === 0) return false;
  const { memory, held } = broker;
  return (memory.critical || !held.hasRoom(message)) &&
    session.client.protocolVersion === 5 && isForAbsent(broker, message);
}

/**
 * [MQTT-3.3.4-1] The one place that chooses the acknowledgement of a PUBLISH.
 * Before 5.0 it cannot say anything but yes [MQTT311-3.3.5-2]. No answer to a
 * client but CONNACK and DISCONNECT has words for people [MQTT-3.1.2-29].
 */
function acknowledge(
  { qos, packetId }: PublishPacket,
  reasonCode: ReasonCode,
): Packet | undefined {
  if (qos === 0) return undefined;
  // [MQTT-4.3.2-5] nothing is remembered of QoS 1
  const type = qos === 1 ? "puback" : "pubrec";
  return { type, packetId: packetId!, reasonCode };
}

export function handlePubrel(
  session: Session,
  { packetId }: PubrelPacket,
): Packet {
  // [MQTT-4.3.3-11] [MQTT-4.3.3-13]
  const known = complete(session, packetId);
  return {
    type: "pubcomp",
    packetId,
    reasonCode: known ? 0 : ReasonCode.PacketIdentifierNotFound,
  };
}

function complete(session: Session, packetId: number): boolean {
  const { clientId, receiver } = session;
  if (!receiver.release(packetId)) return false;
  session.record({ type: "complete", clientId, packetId });
  return true;
}
