/**
 * What happens when a connection is over: the session goes on without it or
 * ends, and its will is published, now, later or never.
 */

import { ProtocolError, ReasonCode, type Will } from "../codec/mod.ts";
import { Message } from "./message.ts";
import type { Peer } from "./_peer.ts";
import { inspect } from "./_policy.ts";
import { redistribute, route } from "./_router.ts";
import type { Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";
import type { StoredWill } from "./store.ts";

/**
 * The connection of a session is over.
 *
 * @param reasonCode Why; 0 is a client's orderly DISCONNECT.
 */
export function closeSession(
  broker: BrokerState,
  session: Session,
  reasonCode: ReasonCode,
): void {
  const now = broker.now();
  const { will } = session.will ?? {};
  session.deliveries.detach();
  if (reasonCode === ReasonCode.NormalDisconnection) {
    setWill(session, undefined); // [MQTT-3.14.4-3] [MQTT-3.1.2-10]
  } else if (will !== undefined) {
    setWill(session, { will, dueAt: willDueAt(will, now) });
  }
  if (session.expiryInterval === 0) {
    // A broker that stops publishes no wills: section 3.1.2.5 lets it wait.
    if (reasonCode === ReasonCode.ServerShuttingDown) session.will = undefined;
    return endSession(broker, session);
  }
  session.expiresAt = session.expiryFrom(now);
  session.recordState();
  if (reasonCode === ReasonCode.ServerShuttingDown) return;
  // Who is taken over is back already.
  if (reasonCode !== ReasonCode.SessionTakenOver) {
    redistribute(broker, session, false);
  }
  sweep(broker, session, now);
}

/** DISCONNECT may say how long the session is to be kept (3.14.2.2.2). */
export function changeExpiry(
  { limits }: BrokerState,
  { session, requestedExpiry }: Peer,
  seconds: number | undefined,
): void {
  if (seconds === undefined) return;
  if (requestedExpiry === 0 && seconds > 0) {
    throw new ProtocolError(
      "DISCONNECT has a session expiry interval, CONNECT had none",
    );
  }
  session!.expiryInterval = Math.min(seconds, limits.sessionExpiryInterval);
}

/** [MQTT-4.1.0-2] The session is over: nothing is left of it. */
export function endSession(broker: BrokerState, session: Session): void {
  const { subscriptions, sessions } = broker;
  for (const filter of session.filters) subscriptions.delete(session, filter);
  session.filters.clear();
  // What is retained stays [MQTT311-3.1.2-7].
  const { clientId } = session;
  if (sessions.get(clientId) === session) sessions.delete(clientId);
  redistribute(broker, session, true);
  // The end of the session ends the delay of its will.
  publishWill(broker, session);
  session.deliveries.end();
  session.recordEnd();
}

/** Publishes the will of a lost client if it is due; ends an expired session. */
export function sweep(
  broker: BrokerState,
  session: Session,
  now: number,
): void {
  session.deliveries.dropExpired(now);
  if (session.deliveries.downlink !== undefined) return;
  if (session.expiresAt <= now) {
    broker.metrics.sessionsExpired++;
    endSession(broker, session);
  } else if ((session.will?.dueAt ?? Infinity) <= now) {
    publishWill(broker, session);
  }
}

/** When the will of a client that is lost now is due: a whole millisecond. */
export function willDueAt(will: Will, now: number): number {
  const seconds = will.properties?.willDelayInterval ?? 0;
  return seconds === 0 ? Math.floor(now) : Math.ceil(now) + seconds * 1000;
}

/** Sets what is to be published when the client is lost. */
export function setWill(
  session: Session,
  will: StoredWill | undefined,
): void {
  if (session.will === undefined && will === undefined) return;
  session.will = will;
  const { clientId } = session;
  session.record({ type: "will", clientId, will });
}

/** [MQTT-3.1.2-8] */
function publishWill(broker: BrokerState, session: Session): void {
  const { hooks } = broker;
  const { clientId } = session;
  const { will } = session.will ?? {};
  if (will === undefined) return;
  setWill(session, undefined); // [MQTT-3.1.2-10]
  const { willDelayInterval: _, ...properties } = will.properties ?? {};
  // [MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT-3.1.3-10]
  const message = new Message({ ...will, properties }, broker.now());
  const outcome = inspect(broker, session.client, message);
  const publish = (outcome: Message | ReasonCode): void => {
    if (typeof outcome === "number") {
      broker.metrics.publishRefused++;
      return;
    }
    broker.metrics.willsPublished++;
    if (hooks.watches("broker_message_broadcast")) {
      hooks.emit("broker_message_broadcast", { clientId, message: outcome });
    }
    route(broker, outcome, session);
    broker.turn.schedule();
  };
  if (outcome instanceof Promise) {
    outcome.then(publish).catch((error) => hooks.report(clientId, error));
  } else {
    publish(outcome);
  }
}
