import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import {
  backupStore,
  type BrokerError,
  type Change,
  checkStore,
  compactStore,
  makeStore,
  readStore,
  SqliteStore,
} from "../../broker/mod.ts";
import { Random } from "../_random.ts";
import { newFile } from "../_sqlite_stores.ts";
import { clientOf, message, request } from "./_parts.ts";
import { History, stateOf } from "./_store_history.ts";

/** A store with a history, open: its last commits are in the journal. */
async function running(seed: number) {
  const file = newFile();
  const store = new SqliteStore({ file });
  await stateOf(store);
  const history = new History(new Random(seed));
  for (let turn = 0; turn < 100; turn++) {
    for (const change of history.turn()) store.record(change);
    store.commit();
  }
  return { file, store, state: await history.committed() };
}

/** What a file has. */
async function stateOfFile(file: string): Promise<string[]> {
  const store = new SqliteStore({ file });
  const state = await stateOf(store);
  store.close();
  return state;
}

function change(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

for (const seed of [1, 2, 3]) {
  Deno.test(`a store is checked, read and copied while it is used (seed ${seed})`, async () => {
    const { file, store, state } = await running(seed);
    const copy = newFile();
    assertEquals(checkStore(file).problems, []);
    backupStore(file, copy);
    const load = { load: () => readStore(file) } as unknown as SqliteStore;
    assertEquals(await stateOf(load), state);
    // It goes on.
    store.record({ type: "retain", message: message("later") });
    store.commit();
    store.close();
    assertEquals(await stateOfFile(copy), state);
    assertEquals((await stateOfFile(file)).length > state.length - 1, true);
    assertEquals(checkStore(file).problems, []);
    assertEquals(checkStore(copy).problems, []);
  });

  Deno.test(`a store is made of what another one has (seed ${seed})`, async () => {
    const { file, store, state } = await running(seed);
    const made = newFile();
    await makeStore(made, readStore(file));
    store.close();
    assertEquals(await stateOfFile(made), state);
    assertEquals(checkStore(made).problems, []);
    if (Deno.build.os !== "windows") {
      assertEquals((await Deno.stat(made)).mode! & 0o777, 0o600);
    }
  });
}

Deno.test("a copy is for its owner only, and what is there already stays", () => {
  const file = newFile();
  const store = new SqliteStore({ file });
  assertEquals([...store.load()], []);
  const copy = newFile();
  backupStore(file, copy);
  store.close();
  if (Deno.build.os !== "windows") {
    assertEquals(Deno.statSync(copy).mode! & 0o777, 0o600);
  }
  assertThrows(
    () => backupStore(file, copy),
    Error,
    `Cannot copy the store ${file} to ${copy}: ${copy} is there already`,
  );
  assertThrows(
    () => backupStore(file, `${copy}/x/y`),
    Error,
    "Cannot copy the store",
  );
});

Deno.test("a store is not made where a file is, nor of changes that fail", async () => {
  const file = newFile();
  await Deno.writeTextFile(file, "mine");
  await assertRejects(
    () => makeStore(file, []),
    Error,
    `Cannot make the store ${file}: ${file} is there already`,
  );
  assertEquals(await Deno.readTextFile(file), "mine");
  const other = newFile();
  await assertRejects(
    () =>
      makeStore(
        other,
        (function* (): Generator<Change> {
          yield { type: "retain", message: message("a") };
          throw new TypeError("No more");
        })(),
      ),
    TypeError,
    "No more",
  );
  for (const end of ["", ".part", ".part-wal", ".part-lock"]) {
    assertThrows(() => Deno.statSync(other + end), Deno.errors.NotFound);
  }
});

Deno.test("a store is not made of a log that did not get into its file", async () => {
  const file = newFile();
  let other: DatabaseSync | undefined;
  await assertRejects(
    () =>
      makeStore(
        file,
        (function* (): Generator<Change> {
          // As if the disk were full: nothing can be moved.
          other = new DatabaseSync(`${file}.part`);
          other.exec("BEGIN; SELECT * FROM sessions");
          yield {
            type: "retain",
            message: message("a", { payload: new Uint8Array(1) }),
          };
        })(),
      ),
    Error,
    `Cannot make the store ${file}: its log cannot be moved into it`,
  );
  other!.close();
  for (const end of ["", ".part", ".part-wal", ".part-lock"]) {
    assertThrows(() => Deno.statSync(file + end), Deno.errors.NotFound);
  }
});

Deno.test("a store that is compacted is smaller and has everything", async () => {
  const file = newFile();
  const store = new SqliteStore({ file });
  await stateOf(store);
  const payload = new Uint8Array(5000);
  for (let i = 0; i < 500; i++) {
    store.record({
      type: "retain",
      message: message(`a/${i}`, { payload: payload.map(() => i) }),
    });
  }
  store.commit();
  store.close();
  change(
    file,
    "DELETE FROM retained WHERE topic > 'a/2'; DELETE FROM messages",
  );
  // What nothing refers to is room too, but not ours to judge here.
  change(file, "DELETE FROM retained");
  const { before, after } = compactStore(file);
  assert(before > 2_000_000 && after < 100_000, `${before}, ${after}`);
  assertEquals((await Deno.stat(file)).size, after);
  assertEquals(checkStore(file).problems, []);
});

Deno.test("a store that is used is not compacted", () => {
  const file = newFile();
  const store = new SqliteStore({ file });
  assertEquals([...store.load()], []);
  assertThrows(
    () => compactStore(file),
    Error,
    `Cannot compact the store ${file}: another broker uses it`,
  );
  store.close();
});

const notThere = [
  ["check", (file: string) => checkStore(file)],
  ["copy", (file: string) => backupStore(file, `${file}.copy`)],
  ["compact", (file: string) => compactStore(file)],
  ["read", (file: string) => [...readStore(file)]],
] as const;

for (const [what, act] of notThere) {
  Deno.test(`a file is not made by who wants to ${what} it`, () => {
    const file = newFile();
    const error = assertThrows(() => act(file)) as BrokerError;
    assertMatch(error.message, /^Cannot \w+ the store .*: it is not there$/);
    assertThrows(() => Deno.statSync(file), Deno.errors.NotFound);
    Deno.writeTextFileSync(file, "Dear diary, ".repeat(1000));
    assertThrows(() => act(file), Error, "it is not a store");
  });
}

/** A store that has one of each. */
function small(): string {
  const file = newFile();
  const store = new SqliteStore({ file });
  assertEquals([...store.load()], []);
  const clientId = "c";
  const one = message("a");
  store.record({
    type: "session",
    clientId,
    client: clientOf(clientId),
    expiryInterval: 60,
    expiresAt: undefined,
  });
  store.record({
    type: "subscribe",
    clientId,
    request: request("a"),
    identifier: undefined,
  });
  for (const id of [1, 2]) {
    store.record({
      type: "enqueue",
      clientId,
      id,
      message: one,
      qos: 1,
      retain: false,
      identifiers: undefined,
      shared: undefined,
      packetId: id,
    });
  }
  store.record({ type: "retain", message: one });
  store.commit();
  store.close();
  return file;
}

const damages: readonly [what: string, sql: string, problem: RegExp][] = [
  [
    "a delivery of nobody",
    "UPDATE deliveries SET session = 9 WHERE id = 1",
    /^deliveries of a session that is not there: 9$/,
  ],
  [
    "a subscription of nobody",
    "UPDATE subscriptions SET session = 9",
    /^subscriptions of a session that is not there: 9$/,
  ],
  [
    "a message that is missing",
    "DELETE FROM messages",
    /^a message is missing that is to be delivered: 1$/,
  ],
  [
    "a message that nothing needs",
    "INSERT INTO messages SELECT 77, 1, flags, expires_at, bytes FROM messages",
    /^a message says that it is used more or less often than it is: 77$/,
  ],
  [
    "a message that cannot be decoded",
    "UPDATE messages SET bytes = x'30ff'",
    /^message 1 cannot be decoded: /,
  ],
  [
    "a packet identifier that is used twice",
    "UPDATE deliveries SET packet_id = 5",
    /^two messages have the same packet identifier in the session: 1$/,
  ],
  [
    "a filter that is none",
    "UPDATE subscriptions SET filter = 'a/#/b'",
    /^session 1 subscribes to "a\/#\/b": /,
  ],
  [
    "a will that is none",
    "UPDATE sessions SET will = x'00'",
    /^the will of session "c" cannot be decoded: /,
  ],
  [
    "a client that is none",
    "UPDATE sessions SET client = '{'",
    /^the client of session "c": /,
  ],
  [
    "a journal that is none",
    "INSERT INTO journal VALUES(1, x'ffff')",
    /^its journal cannot be read: /,
  ],
];

Deno.test("a store that is in order has no problems, and is counted", () => {
  const { bytes, ...report } = checkStore(small());
  assert(bytes > 4096);
  assertEquals(report, {
    problems: [],
    sessions: 1,
    subscriptions: 1,
    deliveries: 2,
    messages: 1,
    retained: 1,
  });
});

for (const [what, sql, problem] of damages) {
  Deno.test(`check finds ${what}`, () => {
    const file = small();
    change(file, sql);
    const before = Deno.readFileSync(file);
    const { problems } = checkStore(file);
    assertEquals(
      problems.filter((one) => problem.test(one)).length,
      1,
      problems.join("\n"),
    );
    assertEquals(Deno.readFileSync(file), before);
  });
}

Deno.test("a page that is damaged is found by all who read it, and is never the end of the rows", async () => {
  const { file, store } = await running(4);
  store.close();
  const bytes = await Deno.readFile(file);
  let found = 0;
  for (let page = 2; page * 4096 <= bytes.length; page++) {
    const damaged = bytes.slice();
    damaged.fill(0xee, (page - 1) * 4096, (page - 1) * 4096 + 100);
    const copy = newFile();
    await Deno.writeFile(copy, damaged);
    const isWhole = checkStore(copy).problems.length === 0;
    const before = await stateOfFile(file);
    // Where the broker can be started on it, nothing is missing.
    const other = new SqliteStore({ file: copy });
    let state: string[] | undefined;
    try {
      state = await stateOf(other);
    } catch {
      found++;
    }
    try {
      other.close();
    } catch {
      // It cannot be brought in order.
    }
    // Bytes of a payload have no checksum, and may be others.
    if (state === undefined) assertEquals(isWhole, false);
    else assertEquals(state.length, before.length, `page ${page}`);
  }
  assert(found > 3);
});
