/**
 * From the store's changes back to the state they made.
 */

import { willDueAt } from "./_disconnect.ts";
import { Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";
import type { Change } from "./store.ts";

/**
 * Applies one change of `Store.load`.
 *
 * @returns A session of which the store has to be told when it, or its will, is
 * due: that was decided just now.
 */
export function restore(
  broker: BrokerState,
  change: Change,
): Session | undefined {
  if (change.type === "retain") broker.retained.restore(change.message);
  if (change.type === "retain" || change.type === "unretain") return undefined;
  const { clientId } = change;
  const now = broker.now();
  if (change.type === "session") {
    const { client, expiryInterval, expiresAt } = change;
    const session = new Session(broker, client, expiryInterval);
    // If its client was connected when the broker ended it is lost from now on.
    // Nor does it last longer if the clock was set back.
    session.expiresAt = Math.min(
      expiresAt ?? Infinity,
      session.expiryFrom(now),
    );
    session.restored();
    broker.sessions.set(clientId, session);
    const decided = expiresAt === undefined && session.expiresAt !== Infinity;
    return decided ? session : undefined;
  }
  const session = broker.sessions.get(clientId);
  if (session === undefined) return undefined;
  switch (change.type) {
    case "subscribe": {
      const { request, identifier } = change;
      session.filters.add(request.filter);
      broker.subscriptions.set({ session, request, identifier });
      return undefined;
    }
    case "enqueue": {
      const { id, message, qos, retain, identifiers, shared } = change;
      session.deliveries.restore(
        { id, message, qos, retain, identifiers, shared },
        change.packetId,
      );
      return undefined;
    }
    case "release":
      session.deliveries.inflight.restoreReleased(change.id);
      return undefined;
    case "receive":
      session.receiver.receive(change.packetId);
      return undefined;
    case "will": {
      if (change.will === undefined) return undefined;
      const { will, dueAt } = change.will;
      session.will = {
        will,
        dueAt: Math.min(dueAt ?? Infinity, willDueAt(will, now)),
      };
      return dueAt === undefined ? session : undefined;
    }
    default:
      throw new TypeError(`Cannot load a change of type ${change.type}`);
  }
}

/**
 * Tells the store when a session and its will are due: a broker that crashes
 * again and again does not put that off.
 */
export function recordDue(session: Session): void {
  session.recordState();
  const { clientId, will } = session;
  if (will !== undefined) session.record({ type: "will", clientId, will });
}
