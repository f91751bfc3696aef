/**
 * Where a message goes: to the retained messages and to all matching
 * subscriptions.
 */

import type { Recipient } from "./_deliveries.ts";
import { Message, type MessageInit } from "./message.ts";
import type { Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";
import type { ShareGroup, Target } from "./_subscription_tree.ts";

/** Publishes a message of the broker's own or of a plugin's. */
export function publish(broker: BrokerState, init: MessageInit): void {
  route(broker, Message.from(init, broker.now()), undefined);
  broker.turn.schedule();
}

/** Makes a message the retained one of its topic, or removes that. */
export function retain(broker: BrokerState, message: Message): void {
  broker.retained.update(message); // [MQTT-3.3.1-8]
  const { hooks } = broker;
  if (hooks.watches("broker_retained_message")) {
    hooks.emit("broker_retained_message", { clientId: undefined, message });
  }
}

/**
 * Routes a message. It is in every session that it belongs to when this
 * returns [MQTT-4.5.0-1].
 *
 * @param publisher The session it comes from, for No Local.
 * @returns Whether any subscription matched.
 */
export function route(
  broker: BrokerState,
  message: Message,
  publisher: Session | undefined,
): boolean {
  if (message.retain) retain(broker, message);
  // [MQTT-3.3.2-3] [MQTT-4.6.0-5]
  const { targets, groups } = broker.subscriptions.match(message.topic);
  // By index: a list that is iterated may be replaced, never changed.
  for (let i = 0; i < targets.length; i++) {
    let to = targets[i]!;
    if (to.ifLocal !== undefined && to.session === publisher) {
      if (to.ifLocal === null) continue; // [MQTT-3.8.3-3]
      to = to.ifLocal;
    }
    deliver(message, to);
  }
  for (const group of groups) share(group, message);
  return targets.length > 0 || groups.length > 0;
}

/**
 * Gives on what a client has not acknowledged of its shared subscriptions, now
 * that its connection is lost: to another member that is connected; or to any,
 * if the session has ended. (QoS 1, and what was not sent yet: 4.8.2.)
 */
export function redistribute(
  broker: BrokerState,
  from: Session,
  ended: boolean,
): void {
  // A queue may be long, and in the store: it is not read for nothing.
  if (!ended && !hasOthers(broker, from)) return;
  // Nothing leaves a session that is kept for one that would drop it.
  const least = ended ? Rank.Full : Rank.Connected;
  // Of whom nobody takes a message: nobody is asked about each of thousands.
  const full = new Set<string>();
  from.deliveries.withdraw((message, shared) => {
    if (full.has(shared)) return false;
    const group = broker.subscriptions.group(shared);
    if (group === undefined || choose(group, message, from, least) < 0) {
      full.add(shared);
      return false;
    }
    return share(group, message, from, least);
  });
}

/** Whether another member is connected of a subscription that it shares. */
function hasOthers({ subscriptions }: BrokerState, from: Session): boolean {
  for (const filter of from.filters) {
    const { members = [] } = subscriptions.group(filter) ?? {};
    const isOther = ({ session }: Target): boolean =>
      session !== from && session.deliveries.downlink !== undefined;
    if (members.some(isOther)) return true;
  }
  return false;
}

/**
 * Gives on what a session has no room for any more and got by a shared
 * subscription; returns `false` if no other member has room for it.
 */
export function giveOn(
  broker: BrokerState,
  message: Message,
  shared: string,
  from: Recipient,
): boolean {
  const group = broker.subscriptions.group(shared);
  return group !== undefined && share(group, message, from, Rank.Away);
}

/** Whether a session whose client is away would keep a message. */
export function isForAbsent(broker: BrokerState, message: Message): boolean {
  if (message.qos === 0) return false;
  const { targets, groups } = broker.subscriptions.match(message.topic);
  const isAbsent = ({ session, qos }: Target): boolean =>
    qos > 0 && session.deliveries.downlink === undefined;
  return targets.some(isAbsent) ||
    groups.some(({ members }) => members.every(isAbsent));
}

/** [MQTT-3.3.1-12] [MQTT-3.3.1-13] Gives a message to one of its targets. */
function deliver(message: Message, to: Target, shared?: string): boolean {
  const retain = message.retain && to.retainAsPublished;
  const { deliveries } = to.session;
  return deliveries.deliver(message, to.qos, retain, to.identifiers, shared);
}

/**
 * Gives a message to one member of a shared subscription: to the next that is
 * connected and keeps up, else the next that is connected and has room, else
 * the next whose session keeps it. [MQTT-4.8.2-3] Who may not have it, or does
 * not take its size (section 3.1.2.11.4), is passed over.
 *
 * @param except Who is not to get it.
 * @param least How well a member has to be served with it.
 * @returns Whether anybody has it now.
 */
function share(
  group: ShareGroup,
  message: Message,
  except?: Recipient,
  least: Rank = Rank.Full,
): boolean {
  const { members } = group;
  const index = choose(group, message, except, least);
  if (index < 0) return false;
  group.next = (index + 1) % members.length;
  if (deliver(message, members[index]!, group.filter)) return true;
  // Rare: the others in their turn, until one may have it.
  for (let i = 1; i < members.length; i++) {
    const other = members[(index + i) % members.length]!;
    if (other.session === except || rankOf(other, message) < least) continue;
    if (deliver(message, other, group.filter)) return true;
  }
  return false;
}

/** How well a member of a shared subscription is served with a message. */
const enum Rank {
  /** It would be dropped, or make others be. */
  Full,
  /** It would wait for its client to come back. */
  Away,
  Connected,
  /** It goes out at once. */
  Ready,
}

/** The index of the member that is best served with a message; -1: nobody is. */
function choose(
  { members, next }: ShareGroup,
  message: Message,
  except: Recipient | undefined,
  least: Rank,
): number {
  let best = -1;
  let bestRank = least - 1;
  for (let i = 0; i < members.length && bestRank < Rank.Ready; i++) {
    const index = (next + i) % members.length;
    const member = members[index]!;
    if (member.session === except) continue;
    const rank = rankOf(member, message);
    if (rank > bestRank) {
      best = index;
      bestRank = rank;
    }
  }
  return best;
}

function rankOf({ session, qos }: Target, message: Message): Rank {
  const { deliveries } = session;
  if (!deliveries.takes(message, qos)) return Rank.Full;
  if (deliveries.downlink === undefined) return Rank.Away;
  const { downlink, inflight, backlogged } = deliveries;
  return downlink.writable && inflight.ready && !backlogged
    ? Rank.Ready
    : Rank.Connected;
}
