/**
 * Brings the tables up to date with the journal of a broker that has crashed:
 * it is gone through from the first to the last change, over whatever of them
 * the tables have already.
 */

import type { StoreFile } from "./_sqlite_file.ts";
import { type JournalReader, readJournal } from "./_sqlite_journal.ts";
import { MessageEntry, Pending, SessionEntry } from "./_sqlite_pending.ts";
import type { Tables } from "./_sqlite_tables.ts";

/** Empties the journal into the tables, if there is anything in it. */
export function replay(file: StoreFile, tables: Tables): void {
  if (tables.last("journal") === 0) return;
  const pending = new Pending(true);
  const reader = readerFor(pending);
  for (const bytes of tables.journal()) readJournal(bytes, reader);
  file.transaction(true, () => {
    tables.write(pending.all);
    tables.tidy();
    tables.prepare("DELETE FROM journal").run();
  });
}

function readerFor(pending: Pending): JournalReader {
  const sessions = new Map<number, SessionEntry>();
  const messages = new Map<number, MessageEntry>();
  const sessionOf = (id: number, clientId = ""): SessionEntry => {
    let session = sessions.get(id);
    if (session === undefined) {
      session = new SessionEntry(id, clientId);
      session.inTable = true;
      sessions.set(id, session);
    }
    return session;
  };
  const messageOf = (id: number): MessageEntry => {
    const message = messages.get(id);
    if (message === undefined) throw new Error(`message ${id} is missing`);
    return message;
  };
  return {
    session: (id, state) =>
      pending.session(sessionOf(id, state.clientId), state),
    sessionEnd: (id) => pending.sessionEnd(sessionOf(id)),
    subscribe: (id, filter, subscription) =>
      pending.subscribe(sessionOf(id), filter, subscription),
    // The bytes are a view of a row that is gone with the next.
    message: (id, message) => {
      if (messages.has(id)) return;
      const bytes = message.bytes.slice();
      messages.set(id, new MessageEntry(id, { ...message, bytes }, pending));
    },
    enqueue: (id, delivery, message, state) =>
      pending.enqueue(sessionOf(id), delivery, messageOf(message), state),
    send: (id, delivery, packetId) =>
      pending.send(sessionOf(id), delivery, packetId),
    release: (id, delivery) => pending.release(sessionOf(id), delivery),
    settle: (id, delivery) => pending.settle(sessionOf(id), delivery),
    receive: (id, packetId, unreleased) =>
      pending.receive(sessionOf(id), packetId, unreleased),
    will: (id, will) => pending.will(sessionOf(id), will && will.slice()),
    retain: (topic, message) =>
      pending.retain(
        topic,
        message === undefined ? undefined : messageOf(message),
      ),
  };
}
