/**
 * SUBSCRIBE and UNSUBSCRIBE of a client.
 */

import {
  type Packet,
  parseSharedFilter,
  type Qos,
  ReasonCode,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubscribePacket,
} from "../codec/mod.ts";
import { refusalOfSubscription } from "./capabilities.ts";
import { pause } from "./_pause.ts";
import type { Peer } from "./_peer.ts";
import type { Awaitable } from "./plugin.ts";
import { withinLimits } from "./_policy.ts";
import type { Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";

/** Nodes of retained topics that one turn may look at for one SUBSCRIBE, */
const SEARCHED = 20_000;

/** and filters of a packet that it may handle. */
const FILTERS = 2000;

/** [MQTT-3.8.4-1] */
export function handleSubscribe(
  broker: BrokerState,
  connection: Peer,
  packet: SubscribePacket,
): Awaitable<Packet> {
  const { packetId, subscriptions } = packet;
  const identifier = packet.properties?.subscriptionIdentifiers?.[0];
  const reasonCodes: ReasonCode[] = [];
  // [MQTT-3.8.4-5] [MQTT-3.9.3-1] one after the other, in their order
  const from = (index: number, rested = false): Awaitable<Packet> => {
    for (let i = index; i < subscriptions.length && !connection.ended; i++) {
      // Others have their turn while a search for retained messages goes on;
      // but whose turn it is goes on, however much they have searched.
      const searched = broker.retained.takeVisited() > SEARCHED;
      if ((searched && !(rested && i === index)) || i - index === FILTERS) {
        return pause().then(() => from(i, true));
      }
      const request = subscriptions[i]!;
      const code = subscribe(broker, connection, request, identifier);
      if (code instanceof Promise) {
        return code.then((later) => {
          reasonCodes.push(later);
          return from(i + 1);
        });
      }
      reasonCodes.push(code);
    }
    // [MQTT-2.2.1-6] [MQTT-3.8.4-2] [MQTT-3.8.4-6]
    return { type: "suback", packetId, reasonCodes };
  };
  return from(0);
}

function subscribe(
  broker: BrokerState,
  connection: Peer,
  request: SubscriptionRequest,
  identifier: number | undefined,
): Awaitable<ReasonCode> {
  const session = connection.session!;
  const refused =
    refusalOfSubscription(broker.capabilities, request, identifier) ??
      refusal(broker, session, request.filter);
  if (refused !== undefined) {
    broker.metrics.subscriptionsRefused++;
    return refused;
  }
  const topic = parseSharedFilter(request.filter).filter;
  const { qos } = request;
  const action = "subscribe";
  const allowed = broker.hooks.authorize(connection.client!, {
    action,
    topic,
    qos,
  });
  const finish = (allowed: boolean | ReasonCode): ReasonCode => {
    // Lost while a plugin thought about it: its session may be over.
    if (connection.ended) return ReasonCode.UnspecifiedError;
    if (allowed !== true) {
      broker.metrics.subscriptionsRefused++;
      return allowed || ReasonCode.NotAuthorized;
    }
    return grant(broker, session, request, identifier);
  };
  return allowed instanceof Promise ? allowed.then(finish) : finish(allowed);
}

function refusal(
  { limits, memory }: BrokerState,
  session: Session,
  filter: string,
): ReasonCode | undefined {
  if (!withinLimits(filter, limits)) return ReasonCode.TopicFilterInvalid;
  const { filters } = session;
  if (
    !filters.accepts(filter, limits) ||
    (memory.critical && !filters.has(filter))
  ) {
    return ReasonCode.QuotaExceeded;
  }
  return undefined;
}

/** Makes the subscription, and has its retained messages sent after SUBACK. */
function grant(
  broker: BrokerState,
  session: Session,
  asked: SubscriptionRequest,
  identifier: number | undefined,
): ReasonCode {
  const { hooks, retained, capabilities } = broker;
  const { clientId } = session;
  // [MQTT-3.2.2-10] [MQTT-3.8.4-7]
  const qos = lower(asked.qos, capabilities.maximumQos);
  const request = { ...asked, qos };
  const { filter, retainHandling } = request;
  const isNew = !session.filters.has(filter);
  // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11], never for shared ones (4.8.2)
  const wanted = !filter.startsWith("$share/") &&
    (retainHandling === 0 || (retainHandling === 1 && isNew));
  if (wanted && retained.size > 0) {
    const messages = retained.match(
      filter,
      broker.now(),
      session.deliveries.room,
    );
    const identifiers = identifier === undefined ? undefined : [identifier];
    if (!session.deliveries.replay(messages, qos, identifiers)) {
      broker.metrics.subscriptionsRefused++;
      return ReasonCode.QuotaExceeded;
    }
  }
  // [MQTT-3.8.4-3] [MQTT-3.8.4-4] in its place, so that nothing is lost
  session.filters.add(filter);
  broker.subscriptions.set({ session, request, identifier });
  session.record({ type: "subscribe", clientId, request, identifier });
  hooks.emit("broker_client_subscribed", { clientId, topic: filter, qos });
  return qos;
}

function lower(one: Qos, other: Qos): Qos {
  return one < other ? one : other;
}

/** Subscribes on behalf of a client, connected or not: nobody is asked. */
export function subscribeFor(
  broker: BrokerState,
  session: Session,
  filter: string,
  qos: Qos,
): ReasonCode {
  const code = refusal(broker, session, filter) ??
    grant(broker, session, {
      filter,
      qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    }, undefined);
  const { deliveries } = session;
  if (deliveries.downlink !== undefined) deliveries.pump();
  // Retained messages wait like others for who is not connected.
  else deliveries.detach();
  broker.turn.schedule();
  return code;
}

/** [MQTT-3.10.4-4] [MQTT-3.10.4-5] */
export function handleUnsubscribe(
  broker: BrokerState,
  connection: Peer,
  { packetId, filters }: UnsubscribePacket,
): Awaitable<Packet> {
  const reasonCodes: ReasonCode[] = [];
  // [MQTT-3.10.4-6] [MQTT-3.11.3-1]
  const from = (index: number): Awaitable<Packet> => {
    for (let i = index; i < filters.length && !connection.ended; i++) {
      if (i - index === FILTERS) return pause().then(() => from(i));
      reasonCodes.push(unsubscribe(broker, connection.session!, filters[i]!));
    }
    return { type: "unsuback", packetId, reasonCodes };
  };
  return from(0);
}

/** [MQTT-3.10.4-1] */
function unsubscribe(
  { hooks, subscriptions }: BrokerState,
  session: Session,
  filter: string,
): ReasonCode {
  const { clientId } = session;
  if (!session.filters.delete(filter)) return ReasonCode.NoSubscriptionExisted;
  // [MQTT-3.10.4-2]; what has begun stays in the deliveries [MQTT-3.10.4-3]
  subscriptions.delete(session, filter);
  session.record({ type: "unsubscribe", clientId, filter });
  hooks.emit("broker_client_unsubscribed", { clientId, topic: filter });
  return ReasonCode.Success;
}
