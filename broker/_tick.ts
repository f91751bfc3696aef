/**
 * Time: one sweep for the whole broker. No connection and no session has a
 * timer of its own.
 */

import { sweep } from "./_disconnect.ts";
import type { BrokerState } from "./_state.ts";

/** Looks at every deadline: of connections, sessions, wills,
 * messages and plugins. */
export function tick(broker: BrokerState, now = broker.now()): void {
  // A defect that one client's state brings out is not to stop the clock.
  const guard = (clientId: string, step: () => void): void => {
    try {
      step();
    } catch (error) {
      broker.hooks.report(clientId, error);
    }
  };
  for (const connection of broker.connections) {
    guard(connection.clientId, () => connection.tick(now));
  }
  for (const session of broker.sessions.values()) {
    guard(session.clientId, () => sweep(broker, session, now));
  }
  guard("", () => broker.memory.tick());
  guard("", () => broker.throttles.tick());
  guard("", () => broker.retained.expire(now));
  broker.hooks.tick(now);
  broker.turn.schedule();
}
