/**
 * A store's file for those who only read it: beside a running broker, which
 * does not notice, or where there is none.
 */

import process from "node:process";
import type { DatabaseSync } from "node:sqlite";
import { BrokerError } from "./error.ts";
import { knownVersion, reasonOf } from "./_sqlite_file.ts";

/** Milliseconds that it is waited for who has the file for himself. */
const PATIENCE = 2000;

/**
 * Does something with a file that is read.
 *
 * @param action What for, to say in errors.
 * @throws {BrokerError} If it is not there, not a store, or cannot be read.
 */
export function reading<Result>(
  file: string,
  action: string,
  use: (db: DatabaseSync) => Result,
): Result {
  let db: DatabaseSync | undefined;
  try {
    if (!Deno.statSync(file).isFile) throw new Error("it is not a file");
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    db = new DatabaseSync(file, { readOnly: true, timeout: PATIENCE });
    if (knownVersion(db) === 0) throw new Error("it is empty");
    return use(db);
  } catch (error) {
    throw failed(action, error);
  } finally {
    db?.close();
  }
}

/** The error that says what could not be done, and why. */
export function failed(action: string, error: unknown): BrokerError {
  // What was to be done is told once, as whoever asked for it calls it.
  const why = error instanceof BrokerError ? error.cause ?? error : error;
  const reason = why instanceof Deno.errors.NotFound
    ? "it is not there"
    : reasonOf(why);
  return new BrokerError(`Cannot ${action}: ${reason}`, { cause: error });
}

/**
 * Copies a store, as it is at this moment, into a file that is empty or not
 * there. Nobody has to stop for it.
 */
export function copyInto(db: DatabaseSync, target: string): void {
  db.prepare("VACUUM INTO ?").run(target);
}
