/**
 * Whether a store's file is in order: what SQLite can tell of it, and what only
 * we know.
 */

import { topicFilterError } from "../codec/mod.ts";
import { StoreFile } from "./_sqlite_file.ts";
import { copyInto, reading } from "./_sqlite_reader.ts";
import { replay } from "./_sqlite_replay.ts";
import { Tables } from "./_sqlite_tables.ts";
import { restoredMessage, restoredWill } from "./_stored_message.ts";

/** What a store has, and what is wrong with it. */
export interface StoreReport {
  /** What is wrong, one thing each, the first hundred; empty: nothing. */
  readonly problems: readonly string[];
  /** How many sessions it has. */
  readonly sessions: number;
  /** How many subscriptions. */
  readonly subscriptions: number;
  /** How many messages wait for a client or are on their way to one, each of
   * them counted once for each session. */
  readonly deliveries: number;
  /** How many messages there are. */
  readonly messages: number;
  /** How many retained messages. */
  readonly retained: number;
  /** Bytes of the file, without its log. */
  readonly bytes: number;
}

/** No more than these are told. */
const MAXIMUM = 100;

/** What must not be: what is wrong, and a query of where that is so. */
const invariants: readonly [what: string, query: string][] = [
  ...["subscriptions", "deliveries", "received"].map((table) =>
    [
      `${table} of a session that is not there`,
      `SELECT DISTINCT session FROM ${table}
        WHERE session NOT IN (SELECT id FROM sessions)`,
    ] as [string, string]
  ),
  [
    "a message is missing that is to be delivered",
    `SELECT DISTINCT message FROM deliveries
      WHERE message NOT IN (SELECT id FROM messages)`,
  ],
  [
    "a message is missing that is retained",
    `SELECT message FROM retained
      WHERE message NOT IN (SELECT id FROM messages)`,
  ],
  [
    "a message says that it is used more or less often than it is",
    `SELECT id FROM messages LEFT JOIN (
        SELECT message, count(*) AS count FROM (
          SELECT message FROM deliveries UNION ALL SELECT message FROM retained
        ) GROUP BY message
      ) ON message = id WHERE uses != ifnull(count, 0)`,
  ],
  [
    "two messages have the same packet identifier in the session",
    `SELECT DISTINCT session FROM deliveries WHERE packet_id IS NOT NULL
      GROUP BY session, packet_id HAVING count(*) > 1`,
  ],
  [
    "a packet identifier is not one in the session",
    `SELECT session FROM deliveries WHERE packet_id NOT BETWEEN 1 AND 65535
      UNION SELECT session FROM received
        WHERE packet_id NOT BETWEEN 1 AND 65535`,
  ],
];

/** Collects what is wrong. */
class Findings {
  readonly problems: string[] = [];

  add(problem: string): void {
    if (this.problems.length < MAXIMUM) this.problems.push(problem);
  }

  /** Adds what this throws. */
  try(what: string, action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.add(`${what}: ${error instanceof Error ? error.message : error}`);
      return false;
    }
  }
}

/** Checks a file by way of a copy in a folder. */
export function checkFile(
  file: string,
  action: string,
  folder: string,
): StoreReport {
  const findings = new Findings();
  const copy = `${folder}/copy.db`;
  const counts = {
    sessions: 0,
    subscriptions: 0,
    deliveries: 0,
    messages: 0,
    retained: 0,
    bytes: Deno.statSync(file).size,
  };
  const readable = reading(file, action, (db) => {
    const isWhole = findings.try("its pages cannot be read", () => {
      const rows = db.prepare(`PRAGMA integrity_check(${MAXIMUM})`).all();
      for (const row of rows) {
        const [text] = Object.values(row);
        if (text !== "ok") findings.add(`its pages: ${text}`);
      }
    });
    return isWhole && findings.problems.length === 0 &&
      findings.try("it cannot be copied", () => copyInto(db, copy));
  });
  if (!readable) return { problems: findings.problems, ...counts };
  const opened = StoreFile.open(copy, "normal");
  try {
    const tables = new Tables(opened.db);
    findings.try("its journal cannot be read", () => replay(opened, tables));
    for (const [what, query] of invariants) {
      for (const row of tables.prepare(query).all()) {
        findings.add(`${what}: ${(row as unknown as [number])[0]}`);
      }
    }
    checkMessages(tables, findings);
    checkSessions(tables, findings);
    for (
      const table of [
        "sessions",
        "subscriptions",
        "deliveries",
        "messages",
        "retained",
      ] as const
    ) {
      const row = tables.prepare(`SELECT count(*) FROM ${table}`).get();
      counts[table] = (row as unknown as [number])[0];
    }
  } finally {
    opened.close();
  }
  return { problems: findings.problems, ...counts };
}

function checkMessages(tables: Tables, findings: Findings): void {
  const rows = tables.rows(
    "messages",
    "SELECT id, flags, expires_at, bytes FROM messages",
  );
  for (const row of rows) {
    const [id, flags, expiresAt, bytes] = row as [
      number,
      number,
      number | null,
      Uint8Array,
    ];
    findings.try(
      `message ${id} cannot be decoded`,
      () => restoredMessage({ flags, expiresAt, bytes }),
    );
  }
}

function checkSessions(tables: Tables, findings: Findings): void {
  const rows = tables.rows(
    "sessions",
    "SELECT client_id, client, will FROM sessions",
  );
  for (const row of rows) {
    const [clientId, client, will] = row as [
      string,
      string,
      Uint8Array | null,
    ];
    const name = JSON.stringify(clientId);
    findings.try(`the client of session ${name}`, () => JSON.parse(client));
    if (will === null) continue;
    findings.try(
      `the will of session ${name} cannot be decoded`,
      () => restoredWill(will),
    );
  }
  const filters = tables.rows(
    "subscriptions",
    "SELECT session, filter FROM subscriptions",
  );
  for (const row of filters) {
    const [session, filter] = row as [number, string];
    const wrong = topicFilterError(filter);
    if (wrong === undefined) continue;
    findings.add(
      `session ${session} subscribes to ${JSON.stringify(filter)}: ${wrong}`,
    );
  }
}
