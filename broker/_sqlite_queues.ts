/**
 * What waits, read from the tables: queues of which memory lets go once they
 * are there.
 *
 * Nothing is written for that. What has changed of a delivery and is not in the
 * tables yet is known to its session's entry: it is over, or was sent, and is
 * passed over here.
 */

import {
  DeliveryEntry,
  type Entry,
  type SessionEntry,
} from "./_sqlite_pending.ts";
import type { Tables } from "./_sqlite_tables.ts";
import type { Change, QueuedMessage, Queues, QueueSummary } from "./store.ts";

/** What is read at a time, in bytes: but for the last message. */
const PAGE = 256 * 1024;

/** The store whose tables they are in. */
export interface QueueHost {
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
    const { tables, sessions, window } = this.#host;
    const session = sessions.get(clientId);
    const page: QueuedMessage[] = [];
    if (session === undefined) return page;
    let bytes = 0;
    for (const queued of tables.queue(session.id, after, upTo)) {
      if (!waits(session, queued.id)) continue;
      page.push(queued);
      bytes += queued.message.size;
      if (page.length >= window || bytes >= PAGE) break;
    }
    return page;
  }

  expired(
    clientId: string,
    after: number,
    upTo: number,
    now: number,
  ): ReturnType<Queues["expired"]> {
    const { tables, sessions } = this.#host;
    const session = sessions.get(clientId);
    const expired: { id: number; size: number }[] = [];
    let next = Infinity;
    if (session === undefined) return { expired, next };
    for (const one of tables.expiring(session.id, after, upTo)) {
      const { id, size, expiresAt } = one;
      if (!waits(session, id)) continue;
      if (expiresAt <= now) expired.push({ id, size });
      else next = Math.min(next, expiresAt);
    }
    return { expired, next };
  }

  /** Entries that are about to be marked as written, of messages for queues. */
  static queued(entries: readonly Entry[]): DeliveryEntry[] {
    return entries.filter((entry): entry is DeliveryEntry =>
      entry instanceof DeliveryEntry && entry.fate === "write"
    );
  }
}

/** Whether a delivery of the tables is neither over nor sent by now. */
function waits({ deliveries }: SessionEntry, id: number): boolean {
  const entry = deliveries.get(id);
  return entry === undefined ||
    (entry.fate === "write" && entry.packetId === undefined);
}
