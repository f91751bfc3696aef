/** What waits in a file: what is read of it, and when. */

import { assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { Message, type QueueSummary, SqliteStore } from "../../broker/mod.ts";
import { newFile } from "../_sqlite_stores.ts";
import { clientOf } from "./_parts.ts";

/** A store whose tables have almost everything at once. */
class PromptStore extends SqliteStore {
  protected override readonly part: number = 1;
  protected override readonly window = 3;
}

/** A store that does as it likes, with sessions in it. */
class Stage implements Disposable {
  readonly file = newFile();
  readonly store: SqliteStore;
  /** What the store says it has. */
  readonly stored: [clientId: string, id: number][] = [];

  constructor(make = PromptStore, ...clientIds: string[]) {
    this.store = new make({ file: this.file, synchronous: "normal" });
    for (const _ of this.store.load()); // it is new: nothing comes
    this.store.queues.onStored = (...one) => this.stored.push(one);
    for (const clientId of clientIds) {
      this.store.record({
        type: "session",
        clientId,
        client: clientOf(clientId),
        expiryInterval: 1000,
        expiresAt: undefined,
      });
    }
    this.store.commit();
  }

  enqueue(
    clientId: string,
    id: number,
    message: Message,
    packetId?: number,
    shared?: string,
  ): void {
    this.store.record({
      type: "enqueue",
      clientId,
      id,
      message,
      qos: 1,
      retain: false,
      identifiers: undefined,
      shared,
      packetId,
    });
  }

  /** The deliveries that are read. */
  read(clientId: string, after = 0, upTo = Infinity): number[] {
    const page = this.store.queues.read(
      clientId,
      after,
      Math.min(upTo, Number.MAX_SAFE_INTEGER),
    );
    return page.map(({ id }) => id);
  }

  [Symbol.dispose](): void {
    this.store.close();
  }
}

function message(bytes = 3, expiry?: number): Message {
  return Message.from({
    topic: "a",
    payload: new Uint8Array(bytes).fill(7),
    qos: 1,
    ...(expiry === undefined
      ? {}
      : { properties: { messageExpiryInterval: expiry } }),
  }, 0);
}

Deno.test("SQLite queues: what is in the tables is told of and read, a page at a time", () => {
  using stage = new Stage(PromptStore, "x", "y");
  const shared = message();
  for (let id = 1; id <= 5; id++) stage.enqueue("x", id, shared);
  stage.enqueue("y", 1, shared, undefined, "$share/g/a");
  assertEquals(stage.stored, []);
  stage.store.commit();
  assertEquals(stage.stored.length, 6);
  assertEquals(stage.stored.at(-2), ["x", 5]);
  assertEquals(shared.storedAs, undefined); // nobody holds it
  assertEquals(stage.read("x"), [1, 2, 3]);
  assertEquals(stage.read("x", 3), [4, 5]);
  assertEquals(stage.read("x", 1, 2), [2]);
  assertEquals(stage.read("x", 5), []);
  assertEquals(stage.read("nobody"), []);
  const [one] = stage.store.queues.read("y", 0, 1);
  assertEquals(one!.message.payload, shared.payload);
  assertEquals([one!.id, one!.qos, one!.shared], [1, 1, "$share/g/a"]);
});

Deno.test("SQLite queues: a page has few bytes, but one message at least", () => {
  using stage = new Stage(PromptStore, "x");
  for (let id = 1; id <= 3; id++) stage.enqueue("x", id, message(200_000));
  stage.enqueue("x", 4, message(1_000_000));
  stage.store.commit();
  assertEquals(stage.read("x"), [1, 2]);
  assertEquals(stage.read("x", 3), [4]);
});

Deno.test("SQLite queues: what is over or sent is not read, committed or not", () => {
  // Here the tables do not follow at once.
  class SlowStore extends PromptStore {
    protected override readonly part = 300;
  }
  using stage = new Stage(SlowStore, "x");
  for (let id = 1; id <= 8; id++) stage.enqueue("x", id, message(100));
  stage.store.commit();
  assertEquals(stage.stored.length, 8);
  const clientId = "x";
  for (const id of [1, 2, 3, 4]) {
    stage.store.record({ type: "settle", clientId, id });
  }
  stage.store.record({ type: "send", clientId, id: 6, packetId: 1 });
  assertEquals(stage.read("x"), [5]);
  assertEquals(stage.read("x", 5), [7, 8]);
  stage.store.commit();
  assertEquals(stage.read("x"), [5]);
  stage.store.record({ type: "settle", clientId, id: 6 });
  stage.store.record({ type: "session_end", clientId });
  assertEquals(stage.read("x"), []);
});

Deno.test("SQLite queues: what could not be committed is not told of", () => {
  using stage = new Stage(PromptStore, "x");
  const other = new DatabaseSync(stage.file);
  other.exec("BEGIN IMMEDIATE");
  stage.enqueue("x", 1, message());
  assertThrows(() => stage.store.commit(), Error, "locked");
  assertEquals([stage.stored, stage.read("x")], [[], []]);
  other.exec("ROLLBACK");
  other.close();
  stage.store.commit();
  assertEquals([stage.stored, stage.read("x")], [[["x", 1]], [1]]);
});

Deno.test("SQLite queues: all but what waits is loaded, and how much that is", () => {
  using stage = new Stage(PromptStore, "x", "y", "z");
  const both = message(100);
  stage.enqueue("x", 1, message(), 7);
  stage.enqueue("x", 2, both);
  stage.enqueue("x", 3, message(100, 60), undefined, "$share/g/a");
  stage.enqueue("y", 9, both);
  stage.store.commit();
  const { queues } = stage.store;
  const loaded = [...queues.load()].filter(({ type }) => type === "enqueue");
  assertEquals(
    loaded.map((change) => change.type === "enqueue" && change.packetId),
    [7],
  );
  const { size } = both;
  const summaries: readonly QueueSummary[] = [
    {
      clientId: "x",
      messages: 2,
      size: size + message(100, 60).size,
      bytes: size + message(100, 60).size,
      lastId: 3,
      expiresAt: 60_000,
      shared: true,
    },
    {
      clientId: "y",
      messages: 1,
      size,
      bytes: 0, // the other session's
      lastId: 9,
      expiresAt: Infinity,
      shared: false,
    },
  ];
  assertEquals([...queues.summaries()], summaries);
});

Deno.test("SQLite queues: what expires is found among what waits", () => {
  using stage = new Stage(PromptStore, "x");
  stage.enqueue("x", 1, message(3, 60));
  stage.enqueue("x", 2, message());
  stage.enqueue("x", 3, message(3, 60));
  stage.enqueue("x", 4, message(3, 70));
  stage.enqueue("x", 5, message(3, 50), 1);
  stage.store.commit();
  stage.store.record({ type: "settle", clientId: "x", id: 3 });
  const { queues } = stage.store;
  const { size } = message(3, 60);
  assertEquals(queues.expired("x", 0, 9, 60_000), {
    expired: [{ id: 1, size }],
    next: 70_000,
  });
  assertEquals(queues.expired("x", 1, 3, 60_000), {
    expired: [],
    next: Infinity,
  });
  assertEquals(queues.expired("nobody", 0, 9, 60_000).expired, []);
});

Deno.test("SQLite queues: a file that cannot be read is said to be", () => {
  const stage = new Stage(PromptStore, "x");
  stage.enqueue("x", 1, message());
  stage.store.commit();
  const db = new DatabaseSync(stage.file);
  db.exec("DELETE FROM messages");
  db.close();
  const { queues } = stage.store;
  const cannot = `Cannot read the store ${stage.file}: `;
  assertThrows(() => queues.read("x", 0, 1), Error, `${cannot}message `);
  stage.store.close();
  assertThrows(() => queues.read("x", 0, 1), Error, `${cannot}it is not open`);
  assertThrows(
    () => queues.expired("x", 0, 1, 0),
    Error,
    `${cannot}it is not open`,
  );
});
