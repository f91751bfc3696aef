/**
 * The store in a file: the contract of all stores, and what is its own: that
 * what was committed outlives any crash, and nothing else does.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { type BrokerError, SqliteStore } from "../../broker/mod.ts";
import { Random } from "../_random.ts";
import {
  copyDatabase,
  KilledStore,
  newFile,
  newStore,
  PagingStore,
} from "../_sqlite_stores.ts";
import { clientOf, message } from "./_parts.ts";
import { storeContract } from "./_store_contract.ts";
import { History, stateOf } from "./_store_history.ts";

storeContract("SQLite store", newStore);
storeContract("SQLite store that is killed", () => new KilledStore());
storeContract(
  "SQLite store that is read all the time",
  () => new PagingStore(),
);

/** A store that has its tables follow sooner: that is to be met often. */
class BriefStore extends SqliteStore {
  protected override readonly part = 2000;
  protected override readonly pause = 0;
}

const first = Number(Deno.env.get("AMBERMQ_SEED") ?? 1);

/** What a store has that is opened after a crash. */
async function afterCrash(copy: string): Promise<string[]> {
  const store = new SqliteStore({ file: copy, synchronous: "normal" });
  const state = await stateOf(store);
  store.close();
  // And once more, in order now.
  assertEquals(await stateOf(store), state);
  store.close();
  checkUses(copy);
  return state;
}

/** Every message is there exactly as long as something uses it. */
function checkUses(file: string): void {
  const db = new DatabaseSync(file, { readOnly: true });
  const wrong = db.prepare(`
    SELECT id FROM messages m WHERE uses !=
      (SELECT count(*) FROM deliveries WHERE message = m.id) +
      (SELECT count(*) FROM retained WHERE message = m.id)
    UNION SELECT message FROM deliveries
      WHERE message NOT IN (SELECT id FROM messages)
    UNION SELECT message FROM retained
      WHERE message NOT IN (SELECT id FROM messages)
    UNION SELECT id FROM journal
  `).all();
  db.close();
  assertEquals(wrong, []);
}

/** Cuts a file off. */
function cut(file: string, size: number): void {
  Deno.truncateSync(file, size);
}

function logSize(file: string): number {
  return Deno.statSync(`${file}-wal`).size;
}

for (let seed = first; seed < first + 6; seed++) {
  Deno.test(`SQLite store has what was committed after a crash at any moment, and nothing else (AMBERMQ_SEED=${seed})`, async () => {
    const random = new Random(seed);
    const history = new History(random);
    const file = newFile();
    let store = new BriefStore({ file });
    let before = await stateOf(store);
    for (let turn = 0; turn < 120; turn++) {
      for (const change of history.turn()) store.record(change);
      if (random.percent(20)) continue;
      const size = logSize(file);
      const copy = newFile();
      if (random.percent(3)) {
        // Somebody else writes: the commit fails, and the next has it all.
        const other = new DatabaseSync(file);
        other.exec("BEGIN IMMEDIATE");
        assertThrows(() => store.commit(), Error, "locked");
        other.exec("ROLLBACK");
        other.close();
        copyDatabase(file, copy);
        assertEquals(await afterCrash(copy), before);
        continue;
      }
      store.commit();
      const after = await history.committed();
      const grown = logSize(file);
      if (random.percent(20)) {
        copyDatabase(file, copy);
        assertEquals(await afterCrash(copy), after);
      } else if (grown > size && random.percent(50)) {
        copyDatabase(file, copy);
        // The machine crashed while the commit was being written.
        cut(`${copy}-wal`, random.integer(size, grown - 1));
        assertEquals(await afterCrash(copy), before);
      }
      before = after;
      if (random.percent(30)) store.commit(); // there is nothing: it rests
      if (!random.percent(5)) continue;
      if (random.boolean()) store.close();
      else {
        // The process was killed, and its file is opened again.
        copyDatabase(file, copy);
        store.close();
        copyDatabase(copy, file);
      }
      store = new BriefStore({ file });
      assertEquals(await stateOf(store), before);
    }
    store.close();
    checkUses(file);
  });
}

Deno.test("SQLite store brings its tables up to date where there is nothing else to do", () => {
  class RestingStore extends SqliteStore {
    protected override readonly pause = 0;
  }
  const file = newFile();
  const store = new RestingStore({ file });
  assertEquals([...store.load()], []);
  const clientId = "x";
  const begin = {
    type: "session",
    clientId,
    client: clientOf(clientId),
    expiryInterval: 1000,
    expiresAt: undefined,
  } as const;
  store.record(begin);
  store.commit();
  const db = new DatabaseSync(file, { readOnly: true });
  const rows = (table: string): unknown =>
    db.prepare(`SELECT count(*) AS count FROM ${table}`).get()!.count;
  assertEquals([rows("sessions"), rows("journal")], [0, 1]);
  const rest = (): void => {
    for (let count = 0; count < 3; count++) store.commit();
  };
  rest();
  assertEquals([rows("sessions"), rows("journal")], [1, 0]);
  store.record({ type: "session_end", clientId });
  store.commit();
  rest();
  assertEquals([rows("sessions"), rows("journal")], [0, 0]);
  db.close();
  store.close();
});

/** What is said of a file that cannot be used. */
function refusal(store: SqliteStore): string {
  const error = assertThrows(() => [...store.load()]) as BrokerError;
  store.close();
  assertEquals(error.name, "BrokerError");
  return error.message;
}

Deno.test("SQLite store is of one broker at a time, and free once that has ended", () => {
  const store = newStore();
  assertEquals([...store.load()], []);
  const other = new SqliteStore({ file: store.file });
  assertEquals(
    refusal(other),
    `Cannot open the store ${store.file}: another broker uses it`,
  );
  store.close();
  assertEquals([...other.load()], []);
  other.close();
});

Deno.test("SQLite store can be read by others while it is used", () => {
  const store = newStore();
  assertEquals([...store.load()], []);
  const reader = new DatabaseSync(store.file, { readOnly: true });
  const read = reader.prepare("SELECT count(*) AS n FROM journal");
  assertEquals(read.get()!["n"], 0);
  store.record({ type: "unretain", topic: "a" });
  store.commit();
  assertEquals(read.get()!["n"], 1);
  reader.close();
  store.close();
});

Deno.test("SQLite store refuses files of others and of versions to come", () => {
  const cases: readonly [make: (file: string) => void, reason: string][] = [
    [
      (file) => Deno.writeTextFileSync(file, "listeners: {}\n".repeat(99)),
      "it is not a store",
    ],
    [(file) => {
      const db = new DatabaseSync(file);
      db.exec("CREATE TABLE users(name TEXT)");
      db.close();
    }, "it is a database of something else"],
    [
      (file) => {
        const store = new SqliteStore({ file });
        assertEquals([...store.load()], []);
        store.close();
        const db = new DatabaseSync(file);
        db.exec("PRAGMA user_version = 99");
        db.close();
      },
      "it was written by a newer version of AmberMQ (schema 99, known are those up to 1)",
    ],
  ];
  for (const [make, reason] of cases) {
    const file = newFile();
    make(file);
    const before = Deno.readFileSync(file);
    assertEquals(
      refusal(new SqliteStore({ file })),
      `Cannot open the store ${file}: ${reason}`,
    );
    assertEquals(Deno.readFileSync(file), before, "it is as it was");
  }
});

Deno.test("SQLite store says that its folder is missing", () => {
  const file = `${newFile()}/missing/broker.db`;
  assertEquals(
    refusal(new SqliteStore({ file })),
    `Cannot open the store ${file}: it cannot be opened: look whether it ` +
      "is a file, and whether its folder is there and may be written",
  );
});

Deno.test("SQLite store says that it is damaged", async () => {
  const store = newStore();
  const history = new History(new Random(1));
  await stateOf(store);
  for (let turn = 0; turn < 200; turn++) {
    for (const change of history.turn()) store.record(change);
  }
  store.commit();
  store.close();
  const bytes = await Deno.readFile(store.file);
  bytes.fill(0x55, 4096);
  await Deno.writeFile(store.file, bytes);
  const message = refusal(new SqliteStore({ file: store.file }));
  assert(/^Cannot load the store .*: it is damaged/.test(message), message);
});

Deno.test("SQLite store is not for others on the machine to read", {
  ignore: Deno.build.os === "windows",
}, () => {
  const store = newStore();
  assertEquals([...store.load()], []);
  for (const suffix of ["", "-wal", "-shm"]) {
    assertEquals(Deno.statSync(store.file + suffix).mode! & 0o777, 0o600);
  }
  store.close();
});

Deno.test("SQLite store has everything that was recorded while commits failed", async () => {
  const file = newFile();
  const store = new BriefStore({ file });
  const history = new History(new Random(1));
  await stateOf(store);
  const other = new DatabaseSync(file);
  other.exec("BEGIN IMMEDIATE");
  for (let round = 0; round < 3; round++) {
    for (let turn = 0; turn < 30; turn++) {
      for (const change of history.turn()) store.record(change);
    }
    assertThrows(() => store.commit(), Error, "locked");
  }
  other.exec("ROLLBACK");
  other.close();
  store.commit();
  const copy = newFile();
  copyDatabase(file, copy);
  store.close();
  assertEquals(await afterCrash(copy), await history.committed());
});

Deno.test("SQLite store gives the room of what is gone back", () => {
  const store = newStore();
  assertEquals([...store.load()], []);
  const clientId = "away";
  const client = clientOf(clientId);
  store.record({
    type: "session",
    clientId,
    client,
    expiryInterval: 1000,
    expiresAt: undefined,
  });
  for (let id = 1; id <= 300; id++) {
    store.record({
      type: "enqueue",
      clientId,
      id,
      message: message("a", { payload: new Uint8Array(100_000), qos: 1 }),
      qos: 1,
      retain: false,
      identifiers: undefined,
      shared: undefined,
      packetId: undefined,
    });
    store.commit();
  }
  store.close();
  assert(Deno.statSync(store.file).size > 30_000_000, "it is all there");
  assertEquals([...store.load()].length, 301);
  for (let id = 1; id <= 300; id++) {
    store.record({ type: "settle", clientId, id });
  }
  store.commit();
  store.close();
  const { size } = Deno.statSync(store.file);
  assert(size < 6_000_000, `${size} bytes are left`);
});

Deno.test("SQLite store that is not open commits nothing, and says so", () => {
  const store = newStore();
  store.record({ type: "unretain", topic: "a" });
  const { message } = assertThrows(() => store.commit(), Error);
  assertEquals(
    message,
    `Cannot write to the store ${store.file}: it is not open`,
  );
});

Deno.test("SQLite store tells its sizes, and what commits take", () => {
  const store = newStore();
  const { metrics } = store;
  assertEquals([metrics.fileBytes, metrics.commits], [0, 0]);
  assertEquals([metrics.commitTimeMean, metrics.pending], [0, 0]);
  assertEquals([...store.load()], []);
  store.commit(); // nothing: it is none
  assertEquals(metrics.commits, 0);
  for (const topic of ["a", "b", "b"]) {
    store.record({ type: "retain", message: message(topic) });
    store.commit();
  }
  assertEquals([metrics.commits, metrics.pending], [3, 2]);
  assert(metrics.fileBytes >= 4096 && metrics.logBytes >= 4096);
  const { commitTimeLast, commitTimeMean, commitTimeMaximum } = metrics;
  assert(0 < commitTimeMean && commitTimeMean <= commitTimeMaximum);
  assert(0 < commitTimeLast && commitTimeLast <= commitTimeMaximum);
  store.close();
  assertEquals([metrics.logBytes, metrics.pending], [0, 0]);
});

Deno.test("SQLite store that is killed has texts that begin with U+FEFF as they are [MQTT-1.5.4-3]", async () => {
  const store = new KilledStore();
  for (const _ of store.load());
  for (const clientId of ["\ufeffc", "c"]) {
    store.record({
      type: "session",
      clientId,
      client: clientOf(clientId),
      expiryInterval: 1000,
      expiresAt: undefined,
    });
  }
  store.record({
    type: "retain",
    message: message("\ufeffa", { payload: new Uint8Array(1) }),
  });
  store.commit();
  store.close();
  const loaded = await stateOf(store);
  store.record({ type: "unretain", topic: "\ufeffa" });
  store.commit();
  store.close();
  const without = await stateOf(store);
  assertEquals([loaded.length, without.length], [3, 2]);
  store.close();
});
