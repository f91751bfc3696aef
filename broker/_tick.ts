/**
 * Time: one sweep for the whole broker. No connection and no session has a
 * timer of its own.
 */

import { sweep } from "./_disconnect.ts";
import type { BrokerState } from "./_state.ts";

/** Looks at every deadline: of connections, sessions, wills and messages. */
export function tick(broker: BrokerState): void {
  const now = broker.now();
  for (const connection of broker.connections) connection.tick(now);
  for (const session of broker.sessions.values()) sweep(broker, session, now);
  broker.retained.expire(now);
  broker.turn.schedule();
}
