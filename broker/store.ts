/**
 * Durability: a journal of what must outlive a connection.
 *
 * Memory is the truth, the store is its journal. In a turn the broker records
 * changes; at its end it commits them, and only then do acknowledgements leave
 * it. What was committed comes back from {@linkcode Store.load} as changes in
 * the same vocabulary.
 *
 * @module
 */

import type { SubscriptionRequest, Will } from "../codec/mod.ts";
import type { Message } from "./message.ts";
import type { StoreMetrics } from "./metrics.ts";
import type { ClientInfo } from "./plugin.ts";

/** A will that a session keeps, and when it is due. */
export interface StoredWill {
  /** The will. */
  readonly will: Will;
  /**
   * When it is to be published, in milliseconds of the broker's clock;
   * `undefined` while the client is connected.
   */
  readonly dueAt: number | undefined;
}

/** One step of the state that a store keeps. */
export type Change =
  /** A session begins, or its expiry changes. Times are in milliseconds. */
  | {
    readonly type: "session";
    readonly clientId: string;
    /** Who its client was: plugins are asked about it without a connection. */
    readonly client: ClientInfo;
    /** Seconds; 0xFFFFFFFF: for ever. */
    readonly expiryInterval: number;
    /** When it ends; `undefined` while connected or for ever. */
    readonly expiresAt: number | undefined;
  }
  /** A session ends, with all that belongs to it. */
  | { readonly type: "session_end"; readonly clientId: string }
  /** A subscription is made or replaced. */
  | {
    readonly type: "subscribe";
    readonly clientId: string;
    readonly request: SubscriptionRequest;
    /** The subscription identifier (5.0). */
    readonly identifier: number | undefined;
  }
  /** A subscription ends. */
  | {
    readonly type: "unsubscribe";
    readonly clientId: string;
    readonly filter: string;
  }
  /** A message is to be delivered. */
  | {
    readonly type: "enqueue";
    readonly clientId: string;
    /** Names the delivery within its session; larger is later. */
    readonly id: number;
    /** The message: one object for all the sessions it goes to. */
    readonly message: Message;
    /** The QoS it is delivered with. */
    readonly qos: 1 | 2;
    /** The RETAIN flag it is sent with. */
    readonly retain: boolean;
    /** The subscription identifiers it is sent with (5.0). */
    readonly identifiers: readonly number[] | undefined;
    /** The filter of the shared subscription it came by, if it did. */
    readonly shared: string | undefined;
    /** The packet identifier if it is sent at once. */
    readonly packetId: number | undefined;
  }
  /** A queued message is sent. */
  | {
    readonly type: "send";
    readonly clientId: string;
    readonly id: number;
    readonly packetId: number;
  }
  /** PUBREC has come for a sent message: only PUBREL counts from here on. */
  | {
    readonly type: "release";
    readonly clientId: string;
    readonly id: number;
  }
  /** A delivery is over, acknowledged or dropped. */
  | {
    readonly type: "settle";
    readonly clientId: string;
    readonly id: number;
  }
  /** A QoS 2 message was received and not released. */
  | {
    readonly type: "receive";
    readonly clientId: string;
    readonly packetId: number;
  }
  /** PUBREL came for a received QoS 2 message. */
  | {
    readonly type: "complete";
    readonly clientId: string;
    readonly packetId: number;
  }
  /** The will of a session; `undefined` when there is none any more. */
  | {
    readonly type: "will";
    readonly clientId: string;
    readonly will: StoredWill | undefined;
  }
  /** A retained message is set. */
  | { readonly type: "retain"; readonly message: Message }
  /** A retained message is removed. */
  | { readonly type: "unretain"; readonly topic: string };

/** A message that waits for a session. */
export interface QueuedMessage {
  /** Names the delivery within its session; larger is later. */
  readonly id: number;
  /** The message. */
  readonly message: Message;
  /** The QoS it is delivered with. */
  readonly qos: 1 | 2;
  /** The RETAIN flag it is sent with. */
  readonly retain: boolean;
  /** The subscription identifiers it is sent with (5.0). */
  readonly identifiers: readonly number[] | undefined;
  /** The filter of the shared subscription it came by, if it did. */
  readonly shared: string | undefined;
}

/** How much waits for a session, in its store only. */
export interface QueueSummary {
  /** Whose it is. */
  readonly clientId: string;
  /** How many messages. */
  readonly messages: number;
  /** What they count against the limits of the session, in bytes. */
  readonly size: number;
  /** The same, where a message for many sessions counts for one of them only. */
  readonly bytes: number;
  /** The last delivery. */
  readonly lastId: number;
  /** When the first of them expires, in milliseconds; or `Infinity`. */
  readonly expiresAt: number;
  /** Whether any came by a shared subscription. */
  readonly shared: boolean;
}

/**
 * Queues that need no memory: a store offers them if it can read what waits for
 * one session. A queue of which memory has let go is between two deliveries of
 * its session: those queued that are later than the one, up to the other.
 * Changes that are recorded and not committed count.
 */
export interface Queues {
  /** How many messages of a connected client's queue stay in memory at the most. */
  readonly window: number;
  /**
   * Is called when a message that was recorded can be read, and has become
   * durable: all that were queued for the session until then can. The broker
   * sets it; memory may let go of them.
   */
  onStored: (clientId: string, id: number) => void;

  /** Loads all but messages that wait: takes the place of `Store.load`. */
  load(): Iterable<Change>;

  /** How much waits; called when all changes of `load` have been taken. */
  summaries(): Iterable<QueueSummary>;

  /**
   * Reads what comes first of a queue.
   *
   * @param clientId Whose queue.
   * @param after The first is later than this delivery.
   * @param upTo The last delivery of the queue.
   * @returns Some messages, at the most `window`; none at the end only.
   */
  read(clientId: string, after: number, upTo: number): QueuedMessage[];

  /**
   * Looks for what has expired in a queue.
   *
   * @param clientId Whose queue.
   * @param after The first is later than this delivery.
   * @param upTo The last delivery of the queue.
   * @param now The time in milliseconds.
   * @returns What has expired, and when the next will; `Infinity`: none.
   */
  expired(
    clientId: string,
    after: number,
    upTo: number,
    now: number,
  ): {
    readonly expired: readonly { readonly id: number; readonly size: number }[];
    readonly next: number;
  };
}

/** A journal. */
export interface Store {
  /** Its queues, if they can do without memory. */
  readonly queues?: Queues;
  /** What it tells of itself, if it does. */
  readonly metrics?: StoreMetrics;

  /**
   * Reads the state that was committed last, as the changes that make it. A
   * broker calls it in each `start()`, before anything else.
   */
  load(): Iterable<Change> | AsyncIterable<Change>;

  /**
   * Notes a change of this turn. It does not wait and is not durable yet.
   *
   * @param change The change.
   */
  record(change: Change): void;

  /**
   * Makes what was recorded since the last commit durable: all of it or, if it
   * throws, nothing. What could not be committed stays recorded and is part of
   * the next commit, as memory has it already; the broker closes the
   * connections of that turn without acknowledging anything, and tries again.
   *
   * What a client has acknowledged (`settle`) may become durable later, with
   * what is committed next: it may get such a message again.
   */
  commit(): void;

  /**
   * Ends the use of the store. What was recorded and not committed may stay or
   * go.
   */
  close(): void | Promise<void>;
}

interface StoredDelivery {
  readonly change: Extract<Change, { type: "enqueue" }>;
  packetId: number | undefined;
  released: boolean;
}

interface StoredSession {
  session: Extract<Change, { type: "session" }>;
  readonly subscriptions: Map<string, Extract<Change, { type: "subscribe" }>>;
  readonly deliveries: Map<number, StoredDelivery>;
  readonly received: Set<number>;
  will: StoredWill | undefined;
}

/**
 * The store of a broker that needs to keep nothing beyond its process. It
 * keeps sessions and retained messages across `shutdown()` and `start()`.
 */
export class MemoryStore implements Store {
  readonly #sessions = new Map<string, StoredSession>();
  readonly #retained = new Map<string, Message>();
  #turn: Change[] = [];

  /**
   * Reads the state that was committed last.
   *
   * @returns The changes that make it.
   */
  *load(): Iterable<Change> {
    for (const message of this.#retained.values()) {
      yield { type: "retain", message };
    }
    for (const [clientId, stored] of this.#sessions) {
      yield stored.session;
      yield* stored.subscriptions.values();
      for (const [id, { change, packetId, released }] of stored.deliveries) {
        yield { ...change, packetId };
        if (released) yield { type: "release", clientId, id };
      }
      for (const packetId of stored.received) {
        yield { type: "receive", clientId, packetId };
      }
      if (stored.will !== undefined) {
        yield { type: "will", clientId, will: stored.will };
      }
    }
  }

  /**
   * Notes a change of this turn.
   *
   * @param change The change.
   */
  record(change: Change): void {
    this.#turn.push(change);
  }

  /** Takes the turn over. */
  commit(): void {
    const turn = this.#turn;
    if (turn.length === 0) return;
    this.#turn = [];
    for (const change of turn) this.#apply(change);
  }

  /** Does nothing: the state stays for the next `load`. */
  close(): void {
    this.#turn = [];
  }

  #apply(change: Change): void {
    switch (change.type) {
      case "retain":
        this.#retained.set(change.message.topic, change.message);
        return;
      case "unretain":
        this.#retained.delete(change.topic);
        return;
      case "session": {
        const stored = this.#sessions.get(change.clientId);
        if (stored !== undefined) stored.session = change;
        else {
          this.#sessions.set(change.clientId, {
            session: change,
            subscriptions: new Map(),
            deliveries: new Map(),
            received: new Set(),
            will: undefined,
          });
        }
        return;
      }
      case "session_end":
        this.#sessions.delete(change.clientId);
        return;
      default: {
        const stored = this.#sessions.get(change.clientId);
        if (stored !== undefined) applyTo(stored, change);
      }
    }
  }
}

function applyTo(
  stored: StoredSession,
  change: Exclude<
    Change,
    { type: "retain" | "unretain" | "session" | "session_end" }
  >,
): void {
  switch (change.type) {
    case "subscribe":
      stored.subscriptions.set(change.request.filter, change);
      return;
    case "unsubscribe":
      stored.subscriptions.delete(change.filter);
      return;
    case "enqueue":
      stored.deliveries.set(change.id, {
        change,
        packetId: change.packetId,
        released: false,
      });
      return;
    case "send": {
      const delivery = stored.deliveries.get(change.id);
      if (delivery !== undefined) delivery.packetId = change.packetId;
      return;
    }
    case "release": {
      const delivery = stored.deliveries.get(change.id);
      if (delivery !== undefined) delivery.released = true;
      return;
    }
    case "settle":
      stored.deliveries.delete(change.id);
      return;
    case "receive":
      stored.received.add(change.packetId);
      return;
    case "complete":
      stored.received.delete(change.packetId);
      return;
    case "will":
      stored.will = change.will;
      return;
  }
}
