/**
 * What the journal says and the tables do not have yet: for each thing that has
 * changed, as it is now.
 *
 * Things are in two lists by age. While the young one grows, the old one is
 * written to the tables piece by piece; then the part of the journal that it
 * came from is needed no more, and the young one becomes the old one. What has
 * begun and ended before its turn came never sees a table: of messages that
 * are acknowledged at once nothing but their place in the journal is left.
 *
 * The journal may lag behind the tables: its changes set things to what they
 * are, and may be applied twice.
 */

import type { Message } from "./message.ts";
import type {
  DeliveryState,
  SessionState,
  StoredSubscription,
} from "./_sqlite_journal.ts";
import {
  restoredMessage,
  type StoredMessage,
  storedMessage,
} from "./_stored_message.ts";

/** A message that something that is not in the tables needs. */
export class MessageEntry {
  readonly id: number;
  readonly source: Message | StoredMessage;
  /** Those that it is pending with. */
  readonly among: Pending;
  /** How many things that are pending, and retained topics, have it. */
  uses = 0;
  /** Whether the table has it. */
  inTable = false;
  /** In the part of the journal for which of the lists it is. */
  generation = -1;

  constructor(id: number, source: Message | StoredMessage, among: Pending) {
    this.id = id;
    this.source = source;
    this.among = among;
  }

  get stored(): StoredMessage {
    return "bytes" in this.source ? this.source : storedMessage(this.source);
  }

  /** What it counts against limits, in bytes. */
  get size(): number {
    return "bytes" in this.source
      ? restoredMessage(this.source).size
      : this.source.size;
  }

  /** As `StoredMessage` has it. */
  get expiresAt(): number | null {
    const { expiresAt } = this.source;
    return expiresAt === null || expiresAt === Infinity
      ? null
      : Math.ceil(expiresAt);
  }
}

/** A session, and what has changed of it. */
export class SessionEntry {
  readonly id: number;
  readonly clientId: string;
  /** Whether it is in a list. */
  listed = false;
  /** Whether the tables may have something of it. */
  inTable = false;
  ended = false;
  state: SessionState | undefined;
  /** `null`: none any more. */
  will: Uint8Array | null | undefined;
  // Made when they are needed: of most sessions nothing is pending.
  #subscriptions: Map<string, StoredSubscription | undefined> | undefined;
  #deliveries: Map<number, DeliveryEntry> | undefined;
  #received: Map<number, boolean> | undefined;
  #receivedInTable: Set<number> | undefined;

  constructor(id: number, clientId: string) {
    this.id = id;
    this.clientId = clientId;
  }

  /** What has become of subscriptions; `undefined`: over. */
  get subscriptions(): Map<string, StoredSubscription | undefined> {
    return this.#subscriptions ??= new Map();
  }

  /** Deliveries of which something is pending, if only their end. */
  get deliveries(): Map<number, DeliveryEntry> {
    return this.#deliveries ??= new Map();
  }

  /** What has become of packet identifiers. */
  get received(): Map<number, boolean> {
    return this.#received ??= new Map();
  }

  /** Packet identifiers that the table has. */
  get receivedInTable(): Set<number> {
    return this.#receivedInTable ??= new Set();
  }
}

/** What is to be done about a delivery. */
export type Fate = "write" | "patch" | "delete" | "nothing";

/** A delivery, whole or what has changed of it. */
export class DeliveryEntry {
  readonly session: SessionEntry;
  readonly id: number;
  fate: Fate;
  /** What it was at first; `undefined` where the table has it. */
  readonly state: DeliveryState | undefined;
  readonly message: MessageEntry | undefined;
  packetId: number | undefined;
  released = false;

  constructor(
    session: SessionEntry,
    id: number,
    fate: Fate,
    state?: DeliveryState,
    message?: MessageEntry,
  ) {
    this.session = session;
    this.id = id;
    this.fate = fate;
    this.state = state;
    this.message = message;
    this.packetId = state?.packetId;
  }
}

/** The retained message of a topic. */
export class RetainedEntry {
  readonly topic: string;
  listed = false;
  message: MessageEntry | undefined;
  /** The message that the table has for the topic. */
  inTable: number | undefined;

  constructor(topic: string) {
    this.topic = topic;
  }
}

/** What has changed. */
export type Entry = SessionEntry | DeliveryEntry | RetainedEntry;

/** What became of messages when entries were written. */
export interface Written {
  readonly inserted: readonly MessageEntry[];
  /** Those of which there was no use left in the tables. */
  readonly deleted: readonly number[];
}

export class Pending {
  readonly retained = new Map<string, RetainedEntry>();
  /** Counts the lists. */
  generation = 0;

  /** Whether the tables may have what nobody here knows of. */
  readonly #blind: boolean;
  /** Those that the table has as well. */
  readonly #inTable = new Map<number, MessageEntry>();
  #old: Entry[] = [];
  /** How far the old list is written. */
  #written = 0;
  #young: Entry[] = [];

  constructor(blind = false) {
    this.#blind = blind;
  }

  /** How many entries of the old list are not written. */
  get due(): number {
    return this.#old.length - this.#written;
  }

  /** How many entries are not written. */
  get count(): number {
    return this.due + this.#young.length;
  }

  /** All that is not written. */
  get all(): Entry[] {
    return [...this.first(Infinity), ...this.#young];
  }

  /** The first entries of the old list that are not written. */
  first(count: number): Entry[] {
    return this.#old.slice(this.#written, this.#written + count);
  }

  /** The young list becomes the old one, of which nothing may be due. */
  age(): void {
    this.#old = this.#young;
    this.#written = 0;
    this.#young = [];
    this.generation++;
  }

  session(entry: SessionEntry, state: SessionState): void {
    entry.state = state;
    this.#list(entry);
  }

  sessionEnd(entry: SessionEntry): void {
    entry.ended = true;
    for (const delivery of entry.deliveries.values()) this.#drop(delivery);
    entry.deliveries.clear();
    this.#list(entry);
  }

  subscribe(
    entry: SessionEntry,
    filter: string,
    subscription: StoredSubscription | undefined,
  ): void {
    entry.subscriptions.set(filter, subscription);
    this.#list(entry);
  }

  will(entry: SessionEntry, will: Uint8Array | null): void {
    entry.will = will;
    this.#list(entry);
  }

  receive(entry: SessionEntry, packetId: number, unreleased: boolean): void {
    if (
      unreleased || this.#blind || entry.receivedInTable.has(packetId)
    ) {
      entry.received.set(packetId, unreleased);
      this.#list(entry);
    } else entry.received.delete(packetId);
  }

  enqueue(
    session: SessionEntry,
    id: number,
    message: MessageEntry,
    state: DeliveryState,
  ): void {
    message.uses++;
    const entry = new DeliveryEntry(session, id, "write", state, message);
    session.deliveries.set(id, entry);
    this.#young.push(entry);
  }

  send(session: SessionEntry, id: number, packetId: number): void {
    this.#delivery(session, id).packetId = packetId;
  }

  release(session: SessionEntry, id: number): void {
    this.#delivery(session, id).released = true;
  }

  settle(session: SessionEntry, id: number): void {
    const entry = session.deliveries.get(id);
    if (entry !== undefined) {
      session.deliveries.delete(id);
      const whole = entry.fate === "write";
      this.#drop(entry);
      if (whole && !this.#blind) return;
    }
    const end = new DeliveryEntry(session, id, "delete");
    session.deliveries.set(id, end);
    this.#young.push(end);
  }

  retain(topic: string, message: MessageEntry | undefined): void {
    let entry = this.retained.get(topic);
    if (entry === undefined) {
      if (message === undefined && !this.#blind) return;
      entry = new RetainedEntry(topic);
      this.retained.set(topic, entry);
    }
    if (message !== undefined) message.uses++;
    this.#unuse(entry.message);
    entry.message = message;
    if (entry.listed) return;
    entry.listed = true;
    this.#young.push(entry);
  }

  /** Marks what the tables have as such: it was loaded from them. */
  loadedRetained(topic: string, id: number, message: Message): void {
    const stored = new MessageEntry(id, message, this);
    stored.inTable = true;
    stored.uses = 1;
    message.storedAs = stored;
    this.#inTable.set(id, stored);
    const entry = new RetainedEntry(topic);
    entry.message = stored;
    entry.inTable = id;
    this.retained.set(topic, entry);
  }

  /** Entries have been written for good. */
  written(entries: readonly Entry[], { inserted, deleted }: Written): void {
    for (const message of inserted) {
      message.inTable = true;
      this.#inTable.set(message.id, message);
    }
    for (const id of deleted) {
      const message = this.#inTable.get(id);
      if (message !== undefined) message.inTable = false;
      this.#inTable.delete(id);
    }
    for (const entry of entries) this.#done(entry);
    this.#written += entries.length;
    // The young ones were written too.
    if (this.#written > this.#old.length) {
      this.#old = [];
      this.#written = 0;
      this.#young = [];
    } else if (this.due === 0) {
      this.#old = [];
      this.#written = 0;
    }
  }

  #done(entry: Entry): void {
    if (entry instanceof DeliveryEntry) {
      const { session, id } = entry;
      if (session.deliveries.get(id) === entry) session.deliveries.delete(id);
      this.#drop(entry);
      return;
    }
    entry.listed = false;
    if (entry instanceof RetainedEntry) {
      entry.inTable = entry.message?.id;
      if (entry.message === undefined) this.retained.delete(entry.topic);
      return;
    }
    entry.inTable = true;
    entry.state = undefined;
    entry.will = undefined;
    entry.subscriptions.clear();
    for (const [packetId, unreleased] of entry.received) {
      if (unreleased) entry.receivedInTable.add(packetId);
      else entry.receivedInTable.delete(packetId);
    }
    entry.received.clear();
  }

  #list(entry: SessionEntry): void {
    if (entry.listed) return;
    entry.listed = true;
    this.#young.push(entry);
  }

  /** A delivery to change: one that is pending, or a change of the table's. */
  #delivery(session: SessionEntry, id: number): DeliveryEntry {
    let entry = session.deliveries.get(id);
    if (entry === undefined) {
      entry = new DeliveryEntry(session, id, "patch");
      session.deliveries.set(id, entry);
      this.#young.push(entry);
    }
    return entry;
  }

  /** Nothing is to be written of a delivery any more. */
  #drop(entry: DeliveryEntry): void {
    if (entry.fate === "write") this.#unuse(entry.message);
    entry.fate = "nothing";
  }

  #unuse(message: MessageEntry | undefined): void {
    if (message === undefined || --message.uses > 0) return;
    if ("storedAs" in message.source) message.source.storedAs = undefined;
    if (message.inTable) this.#inTable.delete(message.id);
  }
}
