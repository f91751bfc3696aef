/**
 * CONNECT of a client: check, authenticate, and only then touch the session
 * that its identifier names.
 */

import {
  type AuthPacket,
  type ConnackPacket,
  type ConnackProperties,
  type ConnectPacket,
  copyBytes,
  isReasonCodeAllowed,
  OutboundTopicAliases,
  ReasonCode,
  reasonName,
  type Will,
} from "../codec/mod.ts";
import { Attempt } from "./_attempt.ts";
import { Authentication } from "./_authentication.ts";
import { announced, refusalOfWill } from "./capabilities.ts";
import { endSession, setWill } from "./_disconnect.ts";
import type { Peer } from "./_peer.ts";
import type { Awaitable, ClientInfo } from "./plugin.ts";
import { FOREVER, INTERNAL, Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";

/**
 * Whether the client may connect: the CONNACK that refuses it, AUTH if it has to
 * say more, or nothing.
 */
export function authenticate(
  broker: BrokerState,
  connection: Peer,
  packet: ConnectPacket,
): Awaitable<ConnackPacket | AuthPacket | undefined> {
  const { protocolVersion, properties, cleanStart } = packet;
  const { listener, address, certificate } = connection;
  const { output } = connection;
  output.version = protocolVersion;
  output.maximumPacketSize = properties?.maximumPacketSize ?? Infinity;
  output.receiveMaximum = properties?.receiveMaximum ?? 65_535;
  // [MQTT-3.1.2-27] none if the client says nothing
  const aliases = Math.min(
    properties?.topicAliasMaximum ?? 0,
    broker.limits.topicAliasMaximum,
  );
  // [MQTT-3.3.2-11]
  if (aliases > 0) output.aliases = new OutboundTopicAliases(aliases);
  const client: ClientInfo = {
    clientId: packet.clientId === "" ? assignedId() : packet.clientId,
    username: packet.username,
    protocolVersion,
    address,
    listener,
    certificate,
  };
  connection.client = client;
  // [MQTT311-3.1.3-7] [MQTT311-3.1.3-8]; MQTT 3.1 has no empty identifier
  if (
    packet.clientId === "" &&
    (protocolVersion === 3 || (protocolVersion === 4 && !cleanStart))
  ) {
    return refuse(
      ReasonCode.ClientIdentifierNotValid,
      "the client identifier is empty",
    );
  }
  const method = properties?.authenticationMethod;
  const offer = method === undefined ? undefined : broker.hooks.offer(method);
  // [MQTT-4.12.0-1]
  if (method !== undefined && offer === undefined) {
    return refuse(
      ReasonCode.BadAuthenticationMethod,
      // quoted: it may contain line ends, and reasons go into logs
      `the authentication method ${
        JSON.stringify(method.slice(0, 100))
      } is not known`,
    );
  }
  if (packet.clientId.length > broker.limits.clientIdLength) {
    return refuse(
      ReasonCode.ClientIdentifierNotValid, // [MQTT-3.1.3-8] [MQTT311-3.1.3-9]
      "the client identifier is too long",
    );
  }
  // Who comes back to a session is let in: what waits for it gets less.
  if (broker.memory.short && !broker.sessions.has(client.clientId)) {
    return refuse(ReasonCode.ServerBusy, "the broker is short of memory");
  }
  if (offer !== undefined) {
    const authentication = new Authentication(broker, connection, offer);
    connection.authentication = authentication;
    return authentication.begin(properties!.authenticationData);
  }
  const attempt = new Attempt();
  connection.attempt = attempt;
  const verdict = (
    allowed: boolean | ReasonCode,
  ): ConnackPacket | undefined => {
    attempt.end();
    connection.attempt = undefined;
    if (allowed === true) return undefined;
    broker.metrics.authenticationFailures++;
    if (allowed !== false) {
      const sayable = isReasonCodeAllowed("connack", allowed);
      return refuse(
        sayable ? allowed : ReasonCode.NotAuthorized,
        `not authenticated: ${reasonName(allowed)}`,
      );
    }
    // [MQTT-3.1.4-2] With credentials they are wrong, without they are missing.
    return packet.username === undefined
      ? refuse(ReasonCode.NotAuthorized, "no user name was given")
      : refuse(
        ReasonCode.BadUserNameOrPassword,
        "user name or password is not valid",
      );
  };
  const allowed = broker.hooks.authenticate(client, packet.password, attempt);
  return allowed instanceof Promise ? allowed.then(verdict) : verdict(allowed);
}

function refuse(reasonCode: ReasonCode, reasonString: string): ConnackPacket {
  const properties = { reasonString };
  return { type: "connack", sessionPresent: false, reasonCode, properties };
}

/** Gives an authenticated client its session; the CONNACK to send. */
export function admit(
  broker: BrokerState,
  connection: Peer,
  packet: ConnectPacket,
): ConnackPacket {
  const { metrics, sessions, limits } = broker;
  if (connection.ended) {
    return refuse(ReasonCode.UnspecifiedError, "the connection is lost");
  }
  const refused = packet.will &&
    refusalOfWill(broker.capabilities, packet.will);
  if (refused !== undefined) {
    return refuse(refused, "the will is of a kind that is not offered here");
  }
  const client = connection.client!;
  const { clientId } = client;
  const expiryInterval = Math.min(
    requestedExpiry(packet),
    limits.sessionExpiryInterval,
  );
  let session = sessions.get(clientId); // [MQTT-3.1.3-2]
  if (
    expiryInterval > 0 && session === undefined && !hasRoomForSession(broker)
  ) {
    return refuse(ReasonCode.QuotaExceeded, "there are too many sessions");
  }
  if (session?.deliveries.downlink !== undefined) {
    // [MQTT-3.1.4-3]
    metrics.takeovers++;
    session.deliveries.downlink.disconnect(
      ReasonCode.SessionTakenOver,
      "another connection uses the client identifier",
    );
    session = sessions.get(clientId); // a session without expiry is gone now
  }
  // [MQTT-3.1.2-4] [MQTT-3.1.4-4]; what another user was promised is not for this one
  if (
    session !== undefined &&
    (packet.cleanStart || !isSameUser(session.client, client))
  ) {
    endSession(broker, session);
    session = undefined;
  }
  const sessionPresent = session !== undefined; // [MQTT-3.2.2-2] [MQTT-3.2.2-3]
  // [MQTT-3.1.2-5] [MQTT-3.1.2-6]
  session ??= new Session(broker, client, expiryInterval);
  sessions.set(clientId, session);
  session.client = client;
  session.resume(expiryInterval);
  // [MQTT-3.1.2-7]; [MQTT-3.1.3-9] what an earlier connection left is forgotten
  const will = packet.will && { will: kept(packet.will), dueAt: undefined };
  setWill(session, will);
  connection.session = session;
  connection.keepAlive = keepAliveOf(broker, packet);
  connection.requestedExpiry = requestedExpiry(packet);
  // [MQTT-3.1.4-5]
  return {
    type: "connack",
    sessionPresent,
    reasonCode: ReasonCode.Success,
    properties: {
      ...greeting(broker, packet, clientId, expiryInterval),
      ...connection.authentication?.greeting,
    },
  };
}

/** Whether a session may go on for a client: it is of the user who began it. */
function isSameUser(owner: ClientInfo, client: ClientInfo): boolean {
  // A plugin made it for whoever comes.
  if (owner.listener === INTERNAL) return true;
  return owner.username === client.username &&
    owner.certificate?.subject === client.certificate?.subject;
}

/** Whether one more session may outlive its connection. */
export function hasRoomForSession(
  { limits, metrics, sessions }: BrokerState,
): boolean {
  return sessions.size - metrics.clientsConnected < limits.sessions;
}

/** CONNECT, independent of the receive buffer: without its credentials. */
export function keptConnect(packet: ConnectPacket): ConnectPacket {
  const { password: _, will, properties, ...rest } = packet;
  const { authenticationData: __, ...others } = properties ?? {};
  return {
    ...rest,
    properties: others,
    ...(will === undefined ? {} : { will: kept(will) }),
  };
}

/** A will that is independent of the receive buffer. */
function kept(will: Will): Will {
  const { correlationData } = will.properties ?? {};
  return {
    ...will,
    payload: copyBytes(will.payload),
    ...(correlationData === undefined ? {} : {
      properties: {
        ...will.properties,
        correlationData: copyBytes(correlationData),
      },
    }),
  };
}

/** The session expiry asked for, in seconds; before 5.0 Clean Session says it. */
function requestedExpiry(packet: ConnectPacket): number {
  if (packet.protocolVersion === 5) {
    return packet.properties?.sessionExpiryInterval ?? 0;
  }
  return packet.cleanStart ? 0 : FOREVER;
}

/** Seconds; the broker decides for clients that can be told [MQTT-3.2.2-21]. */
function keepAliveOf(
  { capabilities: { maximumKeepAlive: most } }: BrokerState,
  { keepAlive, protocolVersion }: ConnectPacket,
): number {
  if (most === 0 || protocolVersion < 5) return keepAlive; // [MQTT-3.2.2-22]
  return keepAlive === 0 ? most : Math.min(keepAlive, most);
}

function greeting(
  broker: BrokerState,
  packet: ConnectPacket,
  clientId: string,
  expiryInterval: number,
): ConnackProperties {
  const { limits, capabilities } = broker;
  const properties: ConnackProperties = {
    ...announced(capabilities),
    receiveMaximum: limits.receiveMaximum,
    maximumPacketSize: limits.maximumPacketSize,
    topicAliasMaximum: limits.topicAliasMaximum,
  };
  // [MQTT-3.1.3-7]
  if (packet.clientId === "") properties.assignedClientIdentifier = clientId;
  if (expiryInterval !== requestedExpiry(packet)) {
    properties.sessionExpiryInterval = expiryInterval;
  }
  const keepAlive = keepAliveOf(broker, packet);
  if (keepAlive !== packet.keepAlive) properties.serverKeepAlive = keepAlive;
  const { responseInformation } = capabilities;
  // [MQTT-3.1.2-28]
  if (
    responseInformation !== "" && packet.properties?.requestResponseInformation
  ) {
    properties.responseInformation = responseInformation
      .replaceAll("%c", () => clientId);
  }
  return properties;
}

/** [MQTT-3.1.3-6] [MQTT-3.2.2-16] 122 random bits: nobody else has it. */
function assignedId(): string {
  return `auto-${crypto.randomUUID()}`;
}
