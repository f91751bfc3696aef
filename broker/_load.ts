/**
 * From the store's changes back to the state they made.
 */

import { FOREVER, Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";
import type { Change } from "./store.ts";

/** Applies one change of `Store.load`. */
export function restore(broker: BrokerState, change: Change): void {
  if (change.type === "retain") return broker.retained.restore(change.message);
  if (change.type === "unretain") return;
  const { clientId } = change;
  const now = broker.now();
  if (change.type === "session") {
    const { expiryInterval, expiresAt } = change;
    const session = new Session(broker, {
      clientId,
      username: undefined,
      protocolVersion: 5,
      address: undefined,
      listener: "",
    }, expiryInterval);
    // Its client was connected when the broker ended: it is lost from now on.
    session.expiresAt = expiresAt ??
      (expiryInterval === FOREVER ? Infinity : now + expiryInterval * 1000);
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
      const { id, message, qos, retain, identifiers, packetId } = change;
      session.restore({ id, message, qos, retain, identifiers }, packetId);
      return;
    }
    case "release":
      return session.restoreReleased(change.id);
    case "receive":
      return session.receiver.receive(change.packetId);
    case "will": {
      if (change.will === undefined) return;
      const { will, dueAt } = change.will;
      const delay = will.properties?.willDelayInterval ?? 0;
      session.will = { will, dueAt: dueAt ?? now + delay * 1000 };
      return;
    }
    default:
      throw new TypeError(`Cannot load a change of type ${change.type}`);
  }
}
