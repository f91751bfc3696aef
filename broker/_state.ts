/**
 * The parts of one broker that its handlers share. An interface, so that no
 * handler needs the broker itself, and two brokers share nothing.
 */

import type { Peer } from "./_peer.ts";
import type { Session, SessionHost } from "./_session.ts";
import type { SubscriptionTree } from "./_subscription_tree.ts";
import type { Turn } from "./_turn.ts";

export interface BrokerState extends SessionHost {
  readonly subscriptions: SubscriptionTree;
  /** The sessions by client identifier. */
  readonly sessions: Map<string, Session>;
  readonly connections: Set<Peer>;
  readonly turn: Turn;
  /** Seconds added to the keep alive, or `undefined` for half of it. */
  readonly timeoutDisconnectDelay: number | undefined;
}
