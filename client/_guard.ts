/** The handlers of the application, so that none can do harm. */

import type { Packet } from "../codec/mod.ts";
import type { ClientEvents } from "./events.ts";

type Handler<A extends unknown[]> = (...args: A) => void;

/** Those that nobody gave are `undefined`: what they cost is a comparison. */
export type Events = Partial<Required<ClientEvents>>;

/** The same handlers, which throw to nobody, and see no passwords. */
export function guardEvents(on: ClientEvents = {}): Events {
  const events: Events = {};
  if (on.connected) events.connected = guard((a) => on.connected!(a));
  if (on.disconnected) events.disconnected = guard((a) => on.disconnected!(a));
  if (on.reconnecting) {
    events.reconnecting = guard((a, b, c) => on.reconnecting!(a, b, c));
  }
  if (on.subscriptionLost) {
    events.subscriptionLost = guard((a, b) => on.subscriptionLost!(a, b));
  }
  if (on.packetSent) {
    events.packetSent = guard((packet) => on.packetSent!(discreet(packet)));
  }
  if (on.packetReceived) {
    events.packetReceived = guard((packet) => on.packetReceived!(packet));
  }
  return events;
}

function guard<A extends unknown[]>(handler: Handler<A>): Handler<A> {
  return (...args) => {
    try {
      handler(...args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

function discreet(packet: Packet): Packet {
  if (packet.type !== "connect") return packet;
  const { password: _, ...rest } = packet;
  return rest;
}
