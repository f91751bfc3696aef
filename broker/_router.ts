/**
 * Where a message goes: to the retained messages and to all matching
 * subscriptions.
 */

import type { Message } from "./message.ts";
import type { Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";
import type { ShareGroup, Target } from "./_subscription_tree.ts";

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
  if (message.retain) broker.retained.update(message); // [MQTT-3.3.1-8]
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

/** [MQTT-3.3.1-12] [MQTT-3.3.1-13] Gives a message to one of its targets. */
function deliver(message: Message, to: Target): void {
  const retain = message.retain && to.retainAsPublished;
  to.session.deliveries.deliver(message, to.qos, retain, to.identifiers);
}

/**
 * Gives a message to one member of a shared subscription: to the next that is
 * connected and keeps up, else the next that is connected and has room, else
 * the next whose session keeps it. [MQTT-4.8.2-3]
 */
function share(group: ShareGroup, message: Message): void {
  const { members } = group;
  let best = group.next % members.length;
  let bestRank = 0;
  for (let i = 0; i < members.length && bestRank < 3; i++) {
    const index = (group.next + i) % members.length;
    const rank = rankOf(members[index]!, message);
    if (rank > bestRank) {
      best = index;
      bestRank = rank;
    }
  }
  group.next = (best + 1) % members.length;
  deliver(message, members[best]!);
}

function rankOf({ session, qos }: Target, message: Message): number {
  if (!session.deliveries.takes(message, qos)) return 0;
  if (session.deliveries.downlink === undefined) return 1;
  return session.deliveries.downlink.writable && !session.deliveries.backlogged
    ? 3
    : 2;
}
