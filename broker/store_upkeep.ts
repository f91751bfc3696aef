/**
 * What is done with the file of a store beside running a broker on it: to look
 * whether it is in order, to copy it, to make it smaller, to read it and to
 * make one anew.
 *
 * @module
 */

import { checkFile, type StoreReport } from "./_sqlite_check.ts";
import type { Message } from "./message.ts";
import { StoreFile } from "./_sqlite_file.ts";
import { SessionEntry } from "./_sqlite_pending.ts";
import { copyInto, failed, reading } from "./_sqlite_reader.ts";
import { replay } from "./_sqlite_replay.ts";
import { Messages, Tables } from "./_sqlite_tables.ts";
import { SqliteStore } from "./sqlite_store.ts";
import type { Change } from "./store.ts";

export type { StoreReport };

/** Changes between two commits of a store that is made. */
const TURN = 1000;

/**
 * Looks whether a store is in order: the pages of the database, its journal,
 * whether all that it has can be decoded and belongs to something. A broker may
 * be running on it.
 *
 * @param file The file.
 * @returns What was found; `problems` is empty if nothing is wrong.
 * @throws {BrokerError} If it is not there, or is not a store that this version
 * knows.
 */
export function checkStore(file: string): StoreReport {
  const action = `check the store ${file}`;
  return inFolder(action, (folder) => checkFile(file, action, folder));
}

/**
 * Copies a store as it is at this moment. A broker may be running on it: what it
 * has acknowledged before the call is in the copy.
 *
 * @param file The file.
 * @param target The file to make, which must not be there. It is there when all
 * of it is on the disk, and a store like the other: to restore it, put it in
 * the other's place while no broker runs.
 * @throws {BrokerError} If that is not possible; `target` is not there then.
 */
export function backupStore(file: string, target: string): void {
  const action = `copy the store ${file} to ${target}`;
  reading(file, action, (db) =>
    making(target, action, (part) => {
      Deno.openSync(part, { write: true, createNew: true, mode: 0o600 })
        .close();
      copyInto(db, part);
    }));
}

/**
 * Gives back all the room in a store that nothing needs any more, and puts it in
 * order. No broker may be running on it. It takes as much room as the store has
 * until it is done.
 *
 * @param file The file.
 * @returns Its size before and after, in bytes.
 * @throws {BrokerError} If that is not possible: nothing is lost then.
 */
export function compactStore(
  file: string,
): { readonly before: number; readonly after: number } {
  const action = `compact the store ${file}`;
  reading(file, action, () => {}); // what is not there is not made
  try {
    const before = sizeOf(file) + sizeOf(`${file}-wal`);
    const opened = StoreFile.open(file, "full");
    try {
      replay(opened, new Tables(opened.db));
      opened.db.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      opened.close();
    }
    return { before, after: sizeOf(file) };
  } catch (error) {
    throw failed(action, error);
  }
}

/**
 * Reads a store, of a copy that is made for that. A broker may be running on it.
 *
 * @param file The file.
 * @returns The changes that make its state, as `load()` of a store has them. The
 * `holders` of a message tell how often it is in them.
 * @throws {BrokerError} If it cannot be read.
 */
export function* readStore(file: string): Generator<Change, void, undefined> {
  const action = `read the store ${file}`;
  const folder = Deno.makeTempDirSync({ prefix: "ambermq-" });
  let copy: StoreFile | undefined;
  try {
    const name = `${folder}/copy.db`;
    reading(file, action, (db) => copyInto(db, name));
    copy = StoreFile.open(name, "normal");
    const tables = new Tables(copy.db);
    replay(copy, tables);
    const messages = new CountedMessages();
    for (const [, message] of tables.retained(messages)) {
      yield { type: "retain", message };
    }
    yield* tables.sessions(
      messages,
      (id, clientId) => new SessionEntry(id, clientId),
    );
  } catch (error) {
    throw failed(action, error);
  } finally {
    copy?.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

/**
 * Makes a store.
 *
 * @param file The file, which must not be there; it is when all of it is on the
 * disk.
 * @param changes What is to be in it, as `readStore` gives it.
 * @throws {BrokerError} If that is not possible; the file is not there then.
 * What `changes` throw is thrown.
 */
export async function makeStore(
  file: string,
  changes: Iterable<Change> | AsyncIterable<Change>,
): Promise<void> {
  const action = `make the store ${file}`;
  mustNotBe(file, action);
  const part = `${file}.part`;
  removeStore(part);
  try {
    const store = new SqliteStore({ file: part, synchronous: "normal" });
    try {
      for (const _ of store.load()); // it is new: nothing comes
      let count = 0;
      for await (const change of changes) {
        store.record(change);
        if (++count % TURN === 0) store.commit();
      }
      store.commit();
    } finally {
      store.close();
    }
    // SQLite does not say if the log could not be moved into the file.
    if (sizeOf(`${part}-wal`) > 0) {
      throw failed(action, new Error("its log cannot be moved into it"));
    }
    finish(part, file);
  } finally {
    removeStore(part);
  }
}

/** Messages that tell how often they are used. */
class CountedMessages extends Messages {
  override of(columns: Parameters<Messages["of"]>[0]): Message {
    const message = super.of(columns);
    message.holders = columns[1];
    return message;
  }
}

/** Makes a file in one go: it is there as a whole, or not at all. */
function making(
  target: string,
  action: string,
  make: (part: string) => void,
): void {
  mustNotBe(target, action);
  const part = `${target}.part`;
  removeStore(part);
  try {
    make(part);
    finish(part, target);
  } catch (error) {
    removeStore(part);
    throw failed(action, error);
  }
}

function mustNotBe(file: string, action: string): void {
  try {
    Deno.lstatSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw failed(action, error);
  }
  throw failed(action, new Error(`${file} is there already`));
}

function finish(part: string, target: string): void {
  using written = Deno.openSync(part, { read: true, write: true });
  written.syncSync();
  Deno.renameSync(part, target);
}

function removeStore(file: string): void {
  for (const end of ["", "-wal", "-shm", "-journal", "-lock"]) {
    try {
      Deno.removeSync(file + end);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function inFolder<Result>(
  action: string,
  use: (folder: string) => Result,
): Result {
  let folder: string | undefined;
  try {
    folder = Deno.makeTempDirSync({ prefix: "ambermq-" });
    return use(folder);
  } catch (error) {
    throw failed(action, error);
  } finally {
    if (folder !== undefined) Deno.removeSync(folder, { recursive: true });
  }
}

function sizeOf(file: string): number {
  try {
    return Deno.statSync(file).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
