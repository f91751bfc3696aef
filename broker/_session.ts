/**
 * A session: what the broker knows of a client, connected or not (4.1), and
 * for how long.
 */

import { type Packet, Receiver } from "../codec/mod.ts";
import { Deliveries, type DeliveryHost } from "./_deliveries.ts";
import { Filters } from "./_filters.ts";
import type { ClientInfo } from "./plugin.ts";
import type { Change, Store, StoredWill } from "./store.ts";

/** The parts of the broker that sessions use. */
export interface SessionHost extends DeliveryHost {
  readonly store: Store;
}

/** The session expiry interval that stands for ever. */
export const FOREVER = 0xffff_ffff;

/** The listener of a client that has not come yet. */
export const INTERNAL = "internal";

export class Session {
  readonly clientId: string;
  /** Who it is: of the newest connection. */
  client: ClientInfo;
  /** Seconds that it outlives its connection. */
  expiryInterval: number;
  /** When it ends, in milliseconds; `Infinity` while connected or for ever. */
  expiresAt = Infinity;
  /** The will of the connection, and when it is due once that is lost. */
  will: StoredWill | undefined;
  /** The filters that it subscribed with. */
  readonly filters = new Filters();
  /** QoS 2 messages that a plugin has not decided about, by packet identifier. */
  deciding: Map<number, Promise<Packet | undefined>> | undefined;
  /** The messages that come from the client. */
  readonly receiver = new Receiver();
  /** The messages that go to the client. */
  readonly deliveries: Deliveries;

  readonly #broker: SessionHost;
  /** Whether the store knows of the session. */
  #stored = false;

  constructor(broker: SessionHost, client: ClientInfo, expiryInterval: number) {
    this.#broker = broker;
    this.clientId = client.clientId;
    this.client = client;
    this.expiryInterval = expiryInterval;
    this.deliveries = new Deliveries(broker, this);
  }

  /** [MQTT-3.1.2-23] Whether it outlives its connection, and so is in the store. */
  get persistent(): boolean {
    return this.expiryInterval > 0;
  }

  /** Notes a change in the store, if the session is one that it has. */
  record(change: Change): void {
    if (this.#stored) this.#broker.store.record(change);
  }

  /** When the session ends if its client is lost now: a whole millisecond. */
  expiryFrom(now: number): number {
    return this.expiryInterval === FOREVER
      ? Infinity
      : Math.ceil(now) + this.expiryInterval * 1000;
  }

  /** A connection was accepted for the session, new or not. */
  resume(expiryInterval: number): void {
    if (expiryInterval === 0 && this.#stored) this.deliveries.leaveStore();
    this.expiryInterval = expiryInterval;
    this.expiresAt = Infinity; // [MQTT-4.1.0-1]
    // A session that was kept and is not to be kept any longer ends there.
    if (!this.persistent) this.recordEnd();
    else this.recordState();
  }

  /** Tells the store how long the session lives. */
  recordState(): void {
    const { clientId, client, expiryInterval, expiresAt } = this;
    this.#stored = true;
    this.#broker.store.record({
      type: "session",
      clientId,
      client,
      expiryInterval,
      expiresAt: expiresAt === Infinity ? undefined : expiresAt,
    });
  }

  /** Tells the store that the session is over, if it knows of it. */
  recordEnd(): void {
    if (!this.#stored) return;
    this.#stored = false;
    const { clientId } = this;
    this.#broker.store.record({ type: "session_end", clientId });
  }

  /** Marks the session as one that the store has. */
  restored(): void {
    this.#stored = true;
  }
}
