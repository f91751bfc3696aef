/**
 * The file of a store: opened by one broker at a time, of a schema that this
 * version knows, and durable to the degree that was asked for.
 *
 * Who uses it holds a lock on a file beside it, which the system releases when
 * the process ends, however it ends. The file itself stays readable for others:
 * a backup can be made at any time.
 */

import process from "node:process";
import type { DatabaseSync } from "node:sqlite";
import { BrokerError } from "./error.ts";
import { schema } from "./_sqlite_tables.ts";

/** How durable a commit is: at a crash of the machine, or of the process. */
export type Synchronous = "full" | "normal";

/** "AmbM": what marks a file as a store. */
const APPLICATION_ID = 0x416d_624d;

/** What makes each version of the schema of the one before it. */
const migrations: readonly string[] = [schema];

/** Bytes of the write-ahead log that stay between two peaks. */
const LOG_LIMIT = 64 << 20;

/** Pages of the write-ahead log that are collected until they are moved. */
const CHECKPOINT = 2000;

/** Pages that stay for what comes next: 4 MiB. */
const SPARE = 1024;

/** KiB of the file that SQLite has in memory at the most. */
const CACHE = 16_384;

/** Milliseconds that who only reads may hold up the broker. */
const BUSY = 250;

/** Opens a database; the module is loaded by who needs it. */
function database(file: string): DatabaseSync {
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  return new DatabaseSync(file, { timeout: BUSY });
}

export class StoreFile {
  readonly name: string;
  readonly db: DatabaseSync;
  readonly #lock: DatabaseSync;
  readonly #synchronous: Synchronous;
  /** Whether a commit waits for the disk, as SQLite has been told. */
  #waits = false;

  private constructor(
    name: string,
    db: DatabaseSync,
    lock: DatabaseSync,
    synchronous: Synchronous,
  ) {
    this.name = name;
    this.db = db;
    this.#lock = lock;
    this.#synchronous = synchronous;
  }

  /**
   * Opens a file; one that is not there is made.
   *
   * @throws {BrokerError} If it cannot be used; it says why.
   */
  static open(name: string, synchronous: Synchronous): StoreFile {
    let lock: DatabaseSync | undefined;
    let db: DatabaseSync | undefined;
    try {
      lock = locked(name);
      create(name);
      db = database(name);
      migrate(db);
      db.exec(`PRAGMA synchronous = NORMAL;
        PRAGMA wal_autocheckpoint = ${CHECKPOINT};
        PRAGMA journal_size_limit = ${LOG_LIMIT};
        PRAGMA cache_size = -${CACHE};
        PRAGMA temp_store = MEMORY`);
      return new StoreFile(name, db, lock, synchronous);
    } catch (error) {
      db?.close();
      lock?.close();
      throw new BrokerError(
        `Cannot open the store ${name}: ${reasonOf(error)}`,
        { cause: error },
      );
    }
  }

  /**
   * Does something in a transaction: all of it or nothing.
   *
   * @param lasting Whether it has to survive a crash of the machine from the
   * moment on that this returns; else it does with the next that has to.
   */
  transaction<Result>(lasting: boolean, steps: () => Result): Result {
    this.wait(lasting);
    this.db.exec("BEGIN IMMEDIATE");
    try {
      const result = steps();
      this.db.exec("COMMIT");
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Sets whether the next commit waits for the disk. */
  wait(lasting: boolean): void {
    const waits = lasting && this.#synchronous === "full";
    if (waits === this.#waits) return;
    this.db.exec(`PRAGMA synchronous = ${waits ? "FULL" : "NORMAL"}`);
    this.#waits = waits;
  }

  /**
   * Gives room back to the file system that is not needed any more, where it is
   * a large part of the file.
   *
   * @param most How many pages to give back at the most.
   */
  shrink(most: number): void {
    const free = pragma(this.db, "freelist_count") as number;
    const all = pragma(this.db, "page_count") as number;
    if (free < SPARE || 2 * free < all) return;
    this.wait(false);
    const pages = Math.min(free - SPARE, most);
    // Each step is a page: exec() would take one only.
    this.db.prepare(`PRAGMA incremental_vacuum(${pages})`).all();
  }

  #rollBack(): void {
    try {
      this.db.exec("ROLLBACK");
    } catch {
      // SQLite has done it already, as it does after some failures.
    }
  }

  /** Closes the file, and lets others have it. */
  close(): void {
    try {
      this.db.close();
    } finally {
      this.#lock.close();
    }
  }
}

/** Locks a file for this process, as long as it lives. */
function locked(name: string): DatabaseSync {
  const lock = database(`${name}-lock`);
  try {
    lock.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    throw /locked/.test(String(error))
      ? new Error("another broker uses it")
      : error;
  }
}

/** Makes a file that is not there: messages are not for everybody to read. */
function create(name: string): void {
  try {
    Deno.openSync(name, { write: true, createNew: true, mode: 0o600 }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/**
 * The version of a store's schema; 0: there is nothing in the file.
 *
 * @throws {Error} If it is not a store, or newer than this program.
 */
export function knownVersion(db: DatabaseSync): number {
  const application = pragma(db, "application_id");
  // Who was killed while making it has left the first page of a database.
  if (application === 0 && isEmpty(db)) return 0;
  if (application !== APPLICATION_ID) {
    throw new Error("it is a database of something else");
  }
  const version = Number(pragma(db, "user_version"));
  if (version > migrations.length) {
    throw new Error(
      `it was written by a newer version of AmberMQ (schema ${version}, ` +
        `known are those up to ${migrations.length})`,
    );
  }
  return version;
}

function isEmpty(db: DatabaseSync): boolean {
  const first = db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get();
  return first === undefined && pragma(db, "user_version") === 0;
}

/** What a pragma says. */
function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0];
}

/** Brings a file to the newest schema. */
function migrate(db: DatabaseSync): void {
  const version = knownVersion(db);
  if (version === 0) {
    db.exec(`PRAGMA auto_vacuum = INCREMENTAL`);
  }
  if (pragma(db, "journal_mode = WAL") !== "wal") {
    throw new Error("its file system cannot have a write-ahead log");
  }
  if (version === migrations.length) return;
  db.exec(`PRAGMA synchronous = FULL; BEGIN IMMEDIATE;
    PRAGMA application_id = ${APPLICATION_ID};
    ${migrations.slice(version).join("\n")}
    PRAGMA user_version = ${migrations.length}; COMMIT`);
}

/** What SQLite says, in the words of who has to do something about it. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (/not a database/.test(message)) return "it is not a store";
  if (/malformed/.test(message)) {
    return `it is damaged (${message}): restore a backup`;
  }
  if (/disk is full/.test(message)) return `the disk is full (${message})`;
  if (/disk I\/O error/.test(message)) {
    return `the disk fails, or lets it grow no further (${message})`;
  }
  if (/database is locked/.test(message)) {
    return `another program has it locked (${message})`;
  }
  if (/unable to open/.test(message)) {
    return "it cannot be opened: look whether it is a file, and whether its " +
      "folder is there and may be written";
  }
  if (/readonly/.test(message)) return "it may not be written";
  return message;
}
