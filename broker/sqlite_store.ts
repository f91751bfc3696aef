/**
 * A store in a file: SQLite, in the process of the broker.
 *
 * A commit writes one row of a journal and waits for the disk once, whatever
 * the turn had in it. The tables follow, a piece with each commit; see
 * `_sqlite_pending.ts` for why most of what is journaled never gets there.
 *
 * @module
 */

import type { SubscriptionRequest } from "../codec/mod.ts";
import { BrokerError } from "./error.ts";
import type { Message } from "./message.ts";
import type { StoreMetrics } from "./metrics.ts";
import { reasonOf, StoreFile } from "./_sqlite_file.ts";
import { JournalWriter } from "./_sqlite_journal.ts";
import { SqliteMetrics } from "./_sqlite_metrics.ts";
import {
  type Entry,
  MessageEntry,
  Pending,
  SessionEntry,
  type Written,
} from "./_sqlite_pending.ts";
import { SqliteQueues } from "./_sqlite_queues.ts";
import { replay } from "./_sqlite_replay.ts";
import { Messages, Tables } from "./_sqlite_tables.ts";
import type { Change, Queues, Store } from "./store.ts";
import { storedWill } from "./_stored_message.ts";

/** Options of a {@linkcode SqliteStore}. */
export interface SqliteStoreOptions {
  /** The file; made if it is not there. */
  file: string;
  /**
   * What a commit survives. `"full"`, the default: a crash of the machine.
   * `"normal"`: a crash of the process; when the machine crashes, the last
   * moments before may be lost.
   */
  synchronous?: "full" | "normal";
}

/** Pages of the file that are given back at a time. */
const SLICE = 512;

/** Entries that are written to the tables with a commit, at the least. */
const PIECE = 16;

/** The same in a turn that has nothing to commit, at the most. */
const REST = 500;

/** How many such turns are used in a pause. */
const REST_PIECES = 50;

/**
 * A store in a file.
 *
 * @example
 * ```ts
 * import { Broker, SqliteStore } from "@ambermq/mqtt/broker";
 *
 * const folder = await Deno.makeTempDir();
 * {
 *   await using broker = new Broker({
 *     listeners: { default: { bind: "127.0.0.1:0" } },
 *     store: new SqliteStore({ file: `${folder}/broker.db` }),
 *   });
 *   await broker.start();
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class SqliteStore implements Store {
  /** The file. */
  readonly file: string;

  /** Sizes, and what commits take. */
  readonly metrics: StoreMetrics;

  /** Bytes of the journal that are collected before the tables follow. */
  protected readonly part: number = 1 << 20;

  /** Milliseconds after which the tables follow if there is little to write. */
  protected readonly pause: number = 10_000;

  /** As `Queues.window` has it. */
  protected readonly window: number = 100;

  /** Its queues: what waits for who is away needs no memory. */
  readonly queues: Queues;
  readonly #queues: SqliteQueues;

  readonly #metrics: SqliteMetrics;
  readonly #synchronous: "full" | "normal";
  #open: { readonly file: StoreFile; readonly tables: Tables } | undefined;
  /** Whether all of the file has been read. */
  #loaded = false;
  readonly #journal = new JournalWriter();
  #pending = new Pending();
  readonly #sessions = new Map<string, SessionEntry>();
  #lastSession = 0;
  #lastMessage = 0;
  #lastRow = 0;
  /** The last row of the journal that the old list of `#pending` is of. */
  #lastOldRow = 0;
  /** Whether the journal has rows up to that one. */
  #hasOld = false;
  /** Bytes of the journal since. */
  #young = 0;
  /** When the young list became the old one, and when there is time again. */
  #agedAt = 0;
  #restsAt = 0;
  /** How many changes the turn has. */
  #changes = 0;
  /** Whether the journal lacks something of it. */
  #overdue = false;
  /** Whether the turn has something that is about to be confirmed. */
  #lasting = false;

  /**
   * Makes a store; the file is opened by `load()`.
   *
   * @param options The file, and what a commit is to survive.
   */
  constructor(options: SqliteStoreOptions) {
    this.file = options.file;
    this.metrics = this.#metrics = new SqliteMetrics(
      options.file,
      () => this.#pending.count,
    );
    this.#synchronous = options.synchronous ?? "full";
    // deno-lint-ignore no-this-alias -- getters of its own
    const store = this;
    this.queues = this.#queues = new SqliteQueues({
      file: options.file,
      get window() {
        return store.window;
      },
      get tables() {
        return store.#opened.tables;
      },
      sessions: this.#sessions,
      load: () => this.#load(false),
    });
  }

  get #opened() {
    if (this.#open === undefined) throw new Error("it is not open");
    return this.#open;
  }

  /**
   * Opens the file and reads the state that was committed last.
   *
   * @returns The changes that make it.
   * @throws {BrokerError} If the file cannot be used, or another broker uses it.
   */
  load(): Iterable<Change> {
    return this.#load(true);
  }

  *#load(queued: boolean): Iterable<Change> {
    this.close();
    const file = StoreFile.open(this.file, this.#synchronous);
    const tables = new Tables(file.db);
    this.#open = { file, tables };
    try {
      replay(file, tables);
      this.#reset(tables);
      const messages = new Messages();
      for (const [id, message] of tables.retained(messages)) {
        this.#pending.loadedRetained(message.topic, id, message);
        yield { type: "retain", message };
      }
      yield* tables.sessions(messages, (id, clientId) => {
        const session = new SessionEntry(id, clientId);
        session.inTable = true;
        this.#sessions.set(clientId, session);
        return session;
      }, queued);
      this.#loaded = true;
    } catch (error) {
      throw new BrokerError(
        `Cannot load the store ${this.file}: ${reasonOf(error)}`,
        { cause: error },
      );
    }
  }

  #reset(tables: Tables): void {
    this.#pending = new Pending();
    this.#sessions.clear();
    this.#journal.clear();
    this.#lastSession = tables.last("sessions");
    this.#lastMessage = tables.last("messages");
    this.#lastRow = this.#young = this.#changes = 0;
    this.#hasOld = this.#overdue = false;
  }

  /**
   * Notes a change of this turn.
   *
   * @param change The change.
   */
  record(change: Change): void {
    this.#changes++;
    // What a client has acknowledged it may get again: all else is confirmed.
    if (change.type !== "settle") this.#lasting = true;
    switch (change.type) {
      case "session":
        return this.#recordSession(change);
      case "retain": {
        const { message } = change;
        const entry = this.#messageOf(message);
        this.#journal.retain(message.topic, entry.id);
        return this.#pending.retain(message.topic, entry);
      }
      case "unretain":
        this.#journal.retain(change.topic, undefined);
        return this.#pending.retain(change.topic, undefined);
      default: {
        const session = this.#sessions.get(change.clientId);
        if (session !== undefined) this.#recordOf(session, change);
      }
    }
  }

  #recordSession(change: Extract<Change, { type: "session" }>): void {
    const { clientId, client, expiryInterval, expiresAt } = change;
    let session = this.#sessions.get(clientId);
    if (session === undefined) {
      session = new SessionEntry(++this.#lastSession, clientId);
      this.#sessions.set(clientId, session);
    }
    const state = {
      clientId,
      client: JSON.stringify(client),
      expiryInterval,
      expiresAt,
    };
    this.#journal.session(session.id, state);
    this.#pending.session(session, state);
  }

  #recordOf(
    session: SessionEntry,
    change: Exclude<Change, { type: "session" | "retain" | "unretain" }>,
  ): void {
    const journal = this.#journal;
    const pending = this.#pending;
    const { id } = session;
    switch (change.type) {
      case "session_end":
        this.#sessions.delete(change.clientId);
        journal.sessionEnd(id);
        return pending.sessionEnd(session);
      case "subscribe": {
        const { request, identifier } = change;
        const { filter } = request;
        const subscription = { options: optionsOf(request), identifier };
        journal.subscribe(id, filter, subscription);
        return pending.subscribe(session, filter, subscription);
      }
      case "unsubscribe":
        journal.subscribe(id, change.filter, undefined);
        return pending.subscribe(session, change.filter, undefined);
      case "enqueue": {
        const message = this.#messageOf(change.message);
        journal.enqueue(id, change.id, message.id, change);
        return pending.enqueue(session, change.id, message, change);
      }
      case "send":
        journal.send(id, change.id, change.packetId);
        return pending.send(session, change.id, change.packetId);
      case "release":
        journal.release(id, change.id);
        return pending.release(session, change.id);
      case "settle":
        journal.settle(id, change.id);
        return pending.settle(session, change.id);
      case "receive":
        journal.receive(id, change.packetId, true);
        return pending.receive(session, change.packetId, true);
      case "complete":
        journal.receive(id, change.packetId, false);
        return pending.receive(session, change.packetId, false);
      case "will": {
        const will = change.will === undefined ? null : storedWill(change.will);
        journal.will(id, will);
        return pending.will(session, will);
      }
    }
  }

  /** The entry of a message, which the journal has for what comes next. */
  #messageOf(message: Message): MessageEntry {
    const pending = this.#pending;
    const { generation } = pending;
    let entry = message.storedAs as MessageEntry | undefined;
    if (entry?.among !== pending) {
      entry = new MessageEntry(++this.#lastMessage, message, pending);
      message.storedAs = entry;
    }
    if (entry.generation !== generation) {
      entry.generation = generation;
      this.#journal.message(entry.id, entry.stored);
    }
    return entry;
  }

  /**
   * Makes what was recorded since the last commit durable.
   *
   * @throws {BrokerError} If that is not possible: nothing of it is durable then.
   */
  commit(): void {
    if (this.#changes === 0) return this.#rest();
    if (this.#open === undefined) {
      throw new BrokerError(
        `Cannot write to the store ${this.file}: it is not open`,
      );
    }
    const began = this.#metrics.begin();
    try {
      // What is as large as that goes to the tables at once.
      if (this.#overdue || this.#journal.length > this.part) {
        this.#writeAll(this.#lasting);
      } else this.#writeTurn();
    } catch (error) {
      // While commits fail memory does not grow with what they would have
      // written: what has changed is known without it.
      if (this.#journal.length > this.part) {
        this.#overdue = true;
        this.#journal.clear();
      }
      throw new BrokerError(
        `Cannot write to the store ${this.file}: ${reasonOf(error)}`,
        { cause: error },
      );
    }
    this.#metrics.committed(began);
    this.#journal.clear();
    this.#changes = 0;
    this.#lasting = false;
  }

  #writeTurn(): void {
    const { file, tables } = this.#open!;
    const { bytes } = this.#journal;
    const insert = tables.prepare("INSERT INTO journal VALUES(?, ?)");
    if (!this.#hasOld) {
      file.wait(this.#lasting);
      insert.run(this.#lastRow + 1, bytes);
    } else {
      const most = Math.max(PIECE, 2 * this.#changes);
      this.#writeOld(most, this.#lasting, () => {
        insert.run(this.#lastRow + 1, bytes);
      });
    }
    this.#lastRow++;
    this.#young += bytes.length;
    if (this.#young < this.part || this.#hasOld) return;
    this.#age();
    this.#shrink();
  }

  /** Writes so much of the old list, and something else with it. */
  #writeOld(most: number, lasting: boolean, also?: () => void): void {
    const { file, tables } = this.#open!;
    const pending = this.#pending;
    const piece = pending.first(most);
    const isLast = piece.length === pending.due;
    const written = file.transaction(lasting, () => {
      also?.();
      if (isLast) {
        tables.prepare("DELETE FROM journal WHERE id <= ?")
          .run(this.#lastOldRow);
      }
      return tables.write(piece);
    });
    this.#written(piece, written);
    this.#hasOld = !isLast;
  }

  #age(): void {
    this.#pending.age();
    this.#lastOldRow = this.#lastRow;
    this.#hasOld = true;
    this.#young = 0;
    this.#agedAt = performance.now();
  }

  /**
   * The turn has nothing for the store: the tables may follow without a part of
   * the journal being full, so that what is over leaves the file some time, and
   * memory what it need not keep.
   */
  #rest(): void {
    const now = performance.now();
    if (!this.#loaded || now < this.#restsAt) return;
    this.#restsAt = now + this.pause / REST_PIECES;
    try {
      if (this.#hasOld) this.#writeOld(REST, false);
      else if (this.#young > 0) {
        if (now >= this.#agedAt + this.pause) this.#age();
        return;
      }
      this.#open!.file.shrink(SLICE);
    } catch {
      // Nobody waits for this; what is wrong shows in the next commit.
    }
  }

  /** Entries have been written for good. */
  #written(entries: readonly Entry[], written: Written): void {
    const queued = SqliteQueues.queued(entries);
    this.#pending.written(entries, written);
    for (const { session, id } of queued) {
      this.#queues.onStored(session.clientId, id);
    }
  }

  #shrink(pages = SLICE): void {
    try {
      this.#open!.file.shrink(pages);
    } catch {
      // The turn is committed; what is wrong shows in the next commit.
    }
  }

  /** Brings the tables up to date, and empties the journal. */
  #writeAll(lasting: boolean): void {
    const { file, tables } = this.#open!;
    const { all } = this.#pending;
    const written = file.transaction(lasting, () => {
      tables.prepare("DELETE FROM journal").run();
      return tables.write(all);
    });
    this.#written(all, written);
    // What the journal said of messages is gone from it.
    this.#pending.age();
    this.#hasOld = false;
    this.#young = 0;
    this.#overdue = false;
  }

  /**
   * Brings the file in order and closes it.
   *
   * @throws {BrokerError} If that is not possible; what was committed is in the
   * file all the same.
   */
  close(): void {
    if (this.#open === undefined) return;
    const { file } = this.#open;
    try {
      if (this.#loaded) {
        this.#writeAll(true);
        this.#shrink(Infinity);
      }
    } catch (error) {
      throw new BrokerError(
        `Cannot bring the store ${this.file} up to date: ${reasonOf(error)}`,
        { cause: error },
      );
    } finally {
      this.#open = undefined;
      this.#loaded = false;
      file.close();
    }
  }
}

/** Options of a subscription in one byte, as SUBSCRIBE has them. */
function optionsOf(request: SubscriptionRequest): number {
  const { qos, noLocal, retainAsPublished, retainHandling } = request;
  return qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) |
    retainHandling << 4;
}
