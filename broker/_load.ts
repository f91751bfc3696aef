/**
 * From the store's changes back to the state they made.
 */

import { willDueAt } from "./_disconnect.ts";
import { Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";
import type { Change } from "./store.ts";

/** Applies one change of `Store.load`. */
export function restore(broker: BrokerState, change: Change): void {
  if (change.type === "retain") return broker.retained.restore(change.message);
  if (change.type === "unretain") return;
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
    return;
  }
  const session = broker.sessions.get(clientId);
  if (session === undefined) return;
  switch (change.type) {
    case "subscribe": {
      const { request, identifier } = change;
      session.filters.add(request.filter);
      broker.subscriptions.set({ session, request, identifier });
      return;
    }
    case "enqueue": {
      const { id, message, qos, retain, identifiers, shared } = change;
      session.deliveries.restore(
        { id, message, qos, retain, identifiers, shared },
        change.packetId,
      );
      return;
    }
    case "release":
      return session.deliveries.inflight.restoreReleased(change.id);
    case "receive":
      return session.receiver.receive(change.packetId);
    case "will": {
      if (change.will === undefined) return;
      const { will, dueAt } = change.will;
      session.will = {
        will,
        dueAt: Math.min(dueAt ?? Infinity, willDueAt(will, now)),
      };
      return;
    }
    default:
      throw new TypeError(`Cannot load a change of type ${change.type}`);
  }
}
