/**
 * The parts of one broker that its handlers share. An interface, so that no
 * handler needs the broker itself, and two brokers share nothing.
 */

import type { Capabilities } from "./capabilities.ts";
import type { Peer } from "./_peer.ts";
import type { OutputHost } from "./_output.ts";
import type { Rounds } from "./_rounds.ts";
import type { Session } from "./_session.ts";
import type { SubscriptionTree } from "./_subscription_tree.ts";
import type { Throttles } from "./_throttle.ts";
import type { Visitors } from "./_visitors.ts";

export interface BrokerState extends OutputHost {
  readonly capabilities: Capabilities;
  readonly subscriptions: SubscriptionTree;
  /** The sessions by client identifier. */
  readonly sessions: Map<string, Session>;
  readonly connections: Set<Peer>;
  /** Who comes from where. */
  readonly visitors: Visitors;
  /** How fast clients may send. */
  readonly throttles: Throttles;
  /** So that everybody has a turn. */
  readonly rounds: Rounds;
  /** Seconds added to the keep alive, or `undefined` for half of it. */
  readonly timeoutDisconnectDelay: number | undefined;
}
