/**
 * The tables: all that a store keeps, but for what is only in its journal yet.
 * What is written here is written within a transaction of somebody else's.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Qos, RetainHandling } from "../codec/mod.ts";
import type { Message } from "./message.ts";
import {
  DeliveryEntry,
  type Entry,
  type MessageEntry,
  RetainedEntry,
  type SessionEntry,
  type Written,
} from "./_sqlite_pending.ts";
import { restoredMessage, restoredWill } from "./_stored_message.ts";
import type { Change, QueuedMessage, QueueSummary } from "./store.ts";

/** Version 1 of the schema. */
export const schema = `
  CREATE TABLE sessions(
    id INTEGER PRIMARY KEY,
    client_id TEXT NOT NULL UNIQUE,
    client TEXT NOT NULL,
    expiry_interval INTEGER NOT NULL,
    expires_at REAL,
    will BLOB
  ) STRICT;
  CREATE TABLE subscriptions(
    session INTEGER NOT NULL,
    filter TEXT NOT NULL,
    options INTEGER NOT NULL,
    identifier INTEGER,
    PRIMARY KEY(session, filter)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE messages(
    id INTEGER PRIMARY KEY,
    uses INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    expires_at INTEGER,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE TABLE deliveries(
    session INTEGER NOT NULL,
    id INTEGER NOT NULL,
    message INTEGER NOT NULL,
    size INTEGER NOT NULL,
    expires_at INTEGER,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL,
    identifiers TEXT,
    shared TEXT,
    packet_id INTEGER,
    released INTEGER NOT NULL,
    PRIMARY KEY(session, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE received(
    session INTEGER NOT NULL,
    packet_id INTEGER NOT NULL,
    PRIMARY KEY(session, packet_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE retained(
    topic TEXT PRIMARY KEY,
    message INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE journal(
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
  ) STRICT;
`;

/** What the types of Deno do not have of a statement. */
interface ArrayRows {
  setReturnArrays(enabled: boolean): void;
}

/** How the uses of a message in the tables change. */
interface Uses {
  entry: MessageEntry | undefined;
  by: number;
}

export class Tables {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** A statement, compiled once; its rows are arrays. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      (statement as unknown as ArrayRows).setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Writes what has changed; `Pending.written` is told once that is for good. */
  write(entries: readonly Entry[]): Written {
    const uses = new Map<number, Uses>();
    const use = (id: number, by: number, entry?: MessageEntry): void => {
      const before = uses.get(id);
      if (before === undefined) {
        uses.set(id, { entry, by });
      } else {
        before.by += by;
        before.entry ??= entry;
      }
    };
    for (const entry of entries) {
      if (entry instanceof DeliveryEntry) this.#writeDelivery(entry, use);
      else if (entry instanceof RetainedEntry) this.#writeRetained(entry, use);
      else if (entry.ended) this.#deleteSession(entry, use);
      else this.#writeSession(entry);
    }
    return this.#writeUses(uses);
  }

  #writeDelivery(
    entry: DeliveryEntry,
    use: (id: number, by: number, entry?: MessageEntry) => void,
  ): void {
    const { id, fate, state, message, packetId, released } = entry;
    const session = entry.session.id;
    if (fate === "write") {
      const { qos, retain, identifiers, shared } = state!;
      this.prepare(
        "INSERT OR REPLACE INTO deliveries " +
          "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ).run(
        session,
        id,
        message!.id,
        message!.size,
        message!.expiresAt,
        qos,
        retain ? 1 : 0,
        identifiers === undefined ? null : JSON.stringify(identifiers),
        shared ?? null,
        packetId ?? null,
        released ? 1 : 0,
      );
      use(message!.id, 1, message);
    } else if (fate === "patch") {
      this.prepare(
        "UPDATE deliveries SET packet_id = ifnull(?, packet_id), " +
          "released = released | ? WHERE session = ? AND id = ?",
      ).run(packetId ?? null, released ? 1 : 0, session, id);
    } else if (fate === "delete") {
      const row = this.prepare(
        "DELETE FROM deliveries WHERE session = ? AND id = ? RETURNING message",
      ).get(session, id) as [number] | undefined;
      if (row !== undefined) use(row[0], -1);
    }
  }

  #writeRetained(
    { topic, message, inTable }: RetainedEntry,
    use: (id: number, by: number, entry?: MessageEntry) => void,
  ): void {
    if (message === undefined) {
      this.prepare("DELETE FROM retained WHERE topic = ?").run(topic);
    } else {
      this.prepare("INSERT OR REPLACE INTO retained VALUES(?, ?)")
        .run(topic, message.id);
      use(message.id, 1, message);
    }
    if (inTable !== undefined) use(inTable, -1);
  }

  #writeSession(entry: SessionEntry): void {
    const { id, state, will, subscriptions, received } = entry;
    if (state !== undefined) {
      this.prepare(
        "INSERT INTO sessions VALUES(?, ?, ?, ?, ?, NULL) ON CONFLICT(id) DO " +
          "UPDATE SET client = excluded.client, expires_at = " +
          "excluded.expires_at, expiry_interval = excluded.expiry_interval",
      ).run(
        id,
        state.clientId,
        state.client,
        state.expiryInterval,
        state.expiresAt ?? null,
      );
    }
    if (will !== undefined) {
      this.prepare("UPDATE sessions SET will = ? WHERE id = ?").run(will, id);
    }
    for (const [filter, subscription] of subscriptions) {
      if (subscription === undefined) {
        this.prepare(
          "DELETE FROM subscriptions WHERE session = ? AND filter = ?",
        ).run(id, filter);
      } else {
        const { options, identifier } = subscription;
        this.prepare("INSERT OR REPLACE INTO subscriptions VALUES(?, ?, ?, ?)")
          .run(id, filter, options, identifier ?? null);
      }
    }
    for (const [packetId, unreleased] of received) {
      this.prepare(
        unreleased
          ? "INSERT OR IGNORE INTO received VALUES(?, ?)"
          : "DELETE FROM received WHERE session = ? AND packet_id = ?",
      ).run(id, packetId);
    }
  }

  #deleteSession(
    { id, inTable }: SessionEntry,
    use: (id: number, by: number) => void,
  ): void {
    if (!inTable) return;
    const rows = this.prepare(
      "SELECT message, count(*) FROM deliveries WHERE session = ? " +
        "GROUP BY message",
    ).all(id) as unknown as [number, number][];
    for (const [message, count] of rows) use(message, -count);
    for (const table of ["deliveries", "subscriptions", "received"]) {
      this.prepare(`DELETE FROM ${table} WHERE session = ?`).run(id);
    }
    this.prepare("DELETE FROM sessions WHERE id = ?").run(id);
  }

  #writeUses(uses: ReadonlyMap<number, Uses>): Written {
    const inserted: MessageEntry[] = [];
    const deleted: number[] = [];
    for (const [id, { entry, by }] of uses) {
      if (entry !== undefined && !entry.inTable) {
        const { flags, expiresAt, bytes } = entry.stored;
        this.prepare(
          "INSERT INTO messages VALUES(?, ?, ?, ?, ?) " +
            "ON CONFLICT(id) DO UPDATE SET uses = uses + excluded.uses",
        ).run(id, by, flags, expiresAt, bytes);
        inserted.push(entry);
        continue;
      }
      if (by === 0) continue;
      const row = this.prepare(
        "UPDATE messages SET uses = uses + ? WHERE id = ? RETURNING uses",
      ).get(by, id) as [number] | undefined;
      if (row === undefined || row[0] > 0) continue;
      this.prepare("DELETE FROM messages WHERE id = ?").run(id);
      deleted.push(id);
    }
    return { inserted, deleted };
  }

  /** Removes what nothing refers to, and counts what the uses of messages are. */
  tidy(): void {
    this.#db.exec(`
      DELETE FROM deliveries WHERE session NOT IN (SELECT id FROM sessions);
      DELETE FROM subscriptions WHERE session NOT IN (SELECT id FROM sessions);
      DELETE FROM received WHERE session NOT IN (SELECT id FROM sessions);
      CREATE TEMP TABLE uses AS
        SELECT message, count(*) AS count FROM (
          SELECT message FROM deliveries UNION ALL SELECT message FROM retained
        ) GROUP BY message;
      CREATE UNIQUE INDEX temp.uses_message ON uses(message);
      DELETE FROM messages WHERE id NOT IN (SELECT message FROM uses);
      UPDATE messages SET uses = uses.count FROM temp.uses
        WHERE uses.message = messages.id AND uses.count != messages.uses;
      DROP TABLE uses;
    `);
  }

  /** The largest number of a table's rows. */
  last(table: "sessions" | "messages" | "journal"): number {
    const row = this.prepare(`SELECT ifnull(max(id), 0) FROM ${table}`).get();
    return (row as unknown as [number])[0];
  }

  /**
   * A query that has a row for each one of a table, if the table can be read:
   * Deno's `iterate()` ends at an error as if there were nothing more.
   *
   * @throws {Error} If not all of them can be read.
   */
  *rows(table: string, sql: string): Iterable<unknown[]> {
    const count = this.prepare(`SELECT count(*) FROM ${table}`).get();
    let [left] = count as unknown as [number];
    for (const row of this.prepare(sql).iterate()) {
      yield row as unknown as unknown[];
      left--;
    }
    if (left === 0) return;
    throw new Error(`the database is malformed: ${left} ${table} are missing`);
  }

  /** The parts of the journal, first to last. */
  *journal(): Iterable<Uint8Array> {
    const rows = this.rows("journal", "SELECT bytes FROM journal ORDER BY id");
    for (const [bytes] of rows) yield bytes as Uint8Array;
  }

  /** Retained messages and the numbers of their rows. */
  *retained(messages: Messages): Iterable<readonly [number, Message]> {
    const rows = this.rows(
      "retained",
      "SELECT r.message, m.uses, m.flags, m.expires_at, m.bytes " +
        "FROM retained r LEFT JOIN messages m ON m.id = r.message " +
        "ORDER BY r.message",
    );
    for (const row of rows) {
      const columns = row as MessageColumns;
      yield [columns[0], messages.of(columns)];
    }
  }

  /**
   * The sessions with all that belongs to them.
   *
   * @param queued Whether what waits is to be there as well.
   */
  *sessions(
    messages: Messages,
    each: (id: number, clientId: string) => SessionEntry,
    queued = true,
  ): Iterable<Change> {
    const subscriptions = new Rows(this.rows(
      "subscriptions",
      "SELECT session, filter, options, identifier FROM subscriptions " +
        "ORDER BY session",
    ));
    const some = queued ? "" : " WHERE packet_id IS NOT NULL";
    const deliveries = new Rows(this.rows(
      `deliveries${some}`,
      `SELECT d.session, ${DELIVERY}${some} ORDER BY d.session, d.id`,
    ));
    const received = new Rows(this.rows(
      "received",
      "SELECT session, packet_id FROM received ORDER BY session",
    ));
    const rows = this.rows("sessions", "SELECT * FROM sessions ORDER BY id");
    for (const row of rows) {
      const [id, clientId, client, expiryInterval, expiresAt, will] =
        row as SessionColumns;
      const entry = each(id, clientId);
      yield {
        type: "session",
        clientId,
        client: { ...nobody, ...JSON.parse(client) },
        expiryInterval,
        expiresAt: expiresAt ?? undefined,
      };
      for (const [filter, options, identifier] of subscriptions.of(id)) {
        yield {
          type: "subscribe",
          clientId,
          request: requestOf(filter as string, options as number),
          identifier: identifier as number ?? undefined,
        };
      }
      for (const columns of deliveries.of(id)) {
        yield* deliveryOf(clientId, columns as DeliveryColumns, messages);
      }
      for (const [packetId] of received.of(id) as Iterable<[number]>) {
        entry.receivedInTable.add(packetId);
        yield { type: "receive", clientId, packetId };
      }
      if (will !== null) {
        yield { type: "will", clientId, will: restoredWill(will) };
      }
    }
  }

  /** How much waits for each session. */
  *queues(): Iterable<[session: number, Omit<QueueSummary, "clientId">]> {
    const bytes = this.#bytesOfQueues();
    const rows = this.prepare(
      "SELECT session, count(*), sum(size), max(id), min(expires_at), " +
        "max(shared IS NOT NULL) FROM deliveries WHERE packet_id IS NULL " +
        "GROUP BY session",
    ).all() as unknown as QueueColumns[];
    for (const [session, messages, size, lastId, expiresAt, shared] of rows) {
      yield [session, {
        messages,
        size,
        bytes: bytes.get(session) ?? 0,
        lastId,
        expiresAt: expiresAt ?? Infinity,
        shared: shared === 1,
      }];
    }
  }

  /** Bytes of what waits for each session: each message is one session's. */
  #bytesOfQueues(): Map<number, number> {
    const rows = this.prepare(
      "SELECT session, sum(size) FROM (SELECT min(session) AS session, size " +
        "FROM deliveries WHERE packet_id IS NULL GROUP BY message) " +
        "GROUP BY session",
    ).all();
    return new Map(rows as unknown as [number, number][]);
  }

  /** What waits between two deliveries, and was not sent: the first of it. */
  queue(
    session: number,
    after: number,
    upTo: number,
    most: number,
  ): [id: number, size: number, expiresAt: number | null][] {
    const rows = this.prepare(
      "SELECT id, size, expires_at FROM deliveries WHERE session = ? " +
        "AND id > ? AND id <= ? AND packet_id IS NULL ORDER BY id LIMIT ?",
    ).all(session, after, upTo, most);
    return rows as unknown as [number, number, number | null][];
  }

  /** The same, with the messages. */
  queued(session: number, after: number, upTo: number): QueuedMessage[] {
    const rows = this.prepare(
      `SELECT ${DELIVERY} WHERE d.session = ? AND d.id > ? AND d.id <= ? ` +
        "AND d.packet_id IS NULL ORDER BY d.id",
    ).all(session, after, upTo) as unknown as DeliveryColumns[];
    return rows.map((columns) => queuedOf(columns, messageOf(columns)));
  }
}

type QueueColumns = [
  session: number,
  messages: number,
  size: number,
  lastId: number,
  expiresAt: number | null,
  shared: number,
];

type SessionColumns = [
  id: number,
  clientId: string,
  client: string,
  expiryInterval: number,
  expiresAt: number | null,
  will: Uint8Array | null,
];

type MessageColumns = [
  id: number,
  uses: number,
  flags: number,
  expiresAt: number | null,
  bytes: Uint8Array | null,
];

type DeliveryColumns = [
  ...MessageColumns,
  id: number,
  flags: number,
  identifiers: string | null,
  shared: string | null,
  packetId: number | null,
];

/** The columns of a delivery behind its session: few, since each costs time. */
const DELIVERY = "d.message, m.uses, m.flags, m.expires_at, m.bytes, d.id, " +
  "d.qos | (d.retain << 2) | (d.released << 3), d.identifiers, d.shared, " +
  "d.packet_id FROM deliveries d LEFT JOIN messages m ON m.id = d.message";

/** A row that begins with these. */
type MessageRow = readonly [...MessageColumns, ...unknown[]];

/** Messages that are loaded: one object for all their uses. */
export class Messages {
  readonly #shared = new Map<number, { message: Message; left: number }>();

  /**
   * The message of some columns.
   *
   * @throws {Error} If there is none.
   */
  of(columns: MessageRow): Message {
    const [id, uses] = columns;
    const shared = this.#shared.get(id);
    if (shared !== undefined) {
      if (--shared.left === 0) this.#shared.delete(id);
      return shared.message;
    }
    const message = messageOf(columns);
    if (uses > 1) this.#shared.set(id, { message, left: uses - 1 });
    return message;
  }
}

function messageOf([id, , flags, expiresAt, bytes]: MessageRow): Message {
  if (bytes === null) throw new Error(`message ${id} is missing`);
  return restoredMessage({ flags, expiresAt, bytes });
}

/** The rows of a table by session, for who asks in ascending order. */
class Rows {
  readonly #rows: Iterator<unknown>;
  #next: IteratorResult<unknown>;

  constructor(rows: Iterable<unknown>) {
    this.#rows = rows[Symbol.iterator]();
    this.#next = this.#rows.next();
  }

  *of(session: number): Iterable<unknown[]> {
    while (!this.#next.done) {
      const [of, ...columns] = this.#next.value as [number, ...unknown[]];
      if (of > session) return;
      if (of === session) yield columns;
      this.#next = this.#rows.next();
    }
  }
}

/** What JSON leaves out. */
const nobody = {
  username: undefined,
  address: undefined,
  certificate: undefined,
};

function requestOf(filter: string, options: number) {
  return {
    filter,
    qos: (options & 3) as Qos,
    noLocal: (options & 4) !== 0,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: (options >> 4) as RetainHandling,
  };
}

function* deliveryOf(
  clientId: string,
  columns: DeliveryColumns,
  messages: Messages,
): Iterable<Change> {
  const queued = queuedOf(columns, messages.of(columns));
  const packetId = columns[9] ?? undefined;
  yield { type: "enqueue", clientId, ...queued, packetId };
  if (columns[6] & 8) yield { type: "release", clientId, id: queued.id };
}

function queuedOf(
  [, , , , , id, flags, identifiers, shared]: DeliveryColumns,
  message: Message,
): QueuedMessage {
  return {
    id,
    message,
    qos: (flags & 3) as 1 | 2,
    retain: (flags & 4) !== 0,
    identifiers: identifiers === null ? undefined : JSON.parse(identifiers),
    shared: shared ?? undefined,
  };
}
