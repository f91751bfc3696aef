/**
 * What waits, read from the tables: queues of which memory lets go once they
 * are there.
 *
 * Nothing is written for that. What has changed of a delivery and is not in the
 * tables yet is known to its session's entry: it is over, or was sent, and is
 * passed over here.
 */

import { BrokerError } from "./error.ts";
import { reasonOf } from "./_sqlite_file.ts";
import {
  DeliveryEntry,
  type Entry,
  type SessionEntry,
} from "./_sqlite_pending.ts";
import type { Tables } from "./_sqlite_tables.ts";
import type { Change, QueuedMessage, Queues, QueueSummary } from "./store.ts";

/** What is read at a time, in bytes: but for the last message. */
const PAGE = 256 * 1024;

/** No limit, for SQLite. */
const ALL = -1;

/** The store whose tables they are in. */
export interface QueueHost {
  readonly file: string;
  /** As `Queues.window` has it. */
  readonly window: number;
  /**
   * The tables.
   *
   * @throws {Error} If the file is not open.
   */
  readonly tables: Tables;
  readonly sessions: ReadonlyMap<string, SessionEntry>;
  /** Loads all that is not queued. */
  load(): Iterable<Change>;
}

export class SqliteQueues implements Queues {
  onStored: (clientId: string, id: number) => void = () => {};
  readonly #host: QueueHost;

  constructor(host: QueueHost) {
    this.#host = host;
  }

  get window(): number {
    return this.#host.window;
  }

  load(): Iterable<Change> {
    return this.#host.load();
  }

  *summaries(): Iterable<QueueSummary> {
    const { tables, sessions } = this.#host;
    const clientIds = new Map<number, string>();
    for (const { id, clientId } of sessions.values()) {
      clientIds.set(id, clientId);
    }
    for (const [session, summary] of tables.queues()) {
      const clientId = clientIds.get(session);
      if (clientId !== undefined) yield { clientId, ...summary };
    }
  }

  read(clientId: string, after: number, upTo: number): QueuedMessage[] {
    return this.#reading(() => {
      const session = this.#host.sessions.get(clientId);
      return session === undefined ? [] : this.#page(session, after, upTo);
    });
  }

  #page(session: SessionEntry, after: number, upTo: number): QueuedMessage[] {
    const { tables, window } = this.#host;
    // What is over is passed over: until there is something, or nothing left.
    for (let from = after;;) {
      const rows = tables.queue(session.id, from, upTo, window);
      if (rows.length === 0) return [];
      const end = endOfPage(rows);
      const page = tables.queued(session.id, from, end)
        .filter(({ id }) => waits(session, id));
      if (page.length > 0) return page;
      from = end;
    }
  }

  expired(
    clientId: string,
    after: number,
    upTo: number,
    now: number,
  ): ReturnType<Queues["expired"]> {
    return this.#reading(() => {
      const { tables, sessions } = this.#host;
      const session = sessions.get(clientId);
      const expired: { id: number; size: number }[] = [];
      let next = Infinity;
      if (session === undefined) return { expired, next };
      const rows = tables.queue(session.id, after, upTo, ALL);
      for (const [id, size, expiresAt] of rows) {
        if (expiresAt === null || !waits(session, id)) continue;
        if (expiresAt <= now) expired.push({ id, size });
        else next = Math.min(next, expiresAt);
      }
      return { expired, next };
    });
  }

  #reading<Result>(steps: () => Result): Result {
    try {
      return steps();
    } catch (error) {
      throw new BrokerError(
        `Cannot read the store ${this.#host.file}: ${reasonOf(error)}`,
        { cause: error },
      );
    }
  }

  /** Entries that are about to be marked as written, of messages for queues. */
  static queued(entries: readonly Entry[]): DeliveryEntry[] {
    return entries.filter((entry): entry is DeliveryEntry =>
      entry instanceof DeliveryEntry && entry.fate === "write"
    );
  }
}

/** The last of some deliveries that are read together. */
function endOfPage(
  ids: readonly [id: number, size: number, unknown][],
): number {
  let bytes = 0;
  for (const [id, size] of ids) {
    bytes += size;
    if (bytes >= PAGE) return id;
  }
  return ids.at(-1)![0];
}

/** Whether a delivery of the tables is neither over nor sent by now. */
function waits({ deliveries }: SessionEntry, id: number): boolean {
  const entry = deliveries.get(id);
  return entry === undefined ||
    (entry.fate === "write" && entry.packetId === undefined);
}
