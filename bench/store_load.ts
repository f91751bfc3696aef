// deno-lint-ignore-file no-console -- it reports
/**
 * How long a broker takes to load a large store, and what memory that needs.
 *
 * `deno run -A bench/store_load.ts make FILE [SESSIONS] [MESSAGES] [BYTES]`
 * makes a store in which so many messages of so many bytes wait for so many
 * sessions; `… load FILE` starts a broker with it and says what that took.
 */

import { Broker, Message, SqliteStore } from "../broker/mod.ts";

/** Changes that are recorded between two commits. */
const TURN = 5000;

/** Makes a store. */
function make(
  file: string,
  sessions: number,
  messages: number,
  bytes: number,
): void {
  const store = new SqliteStore({ file, synchronous: "normal" });
  for (const _ of store.load()); // it is new: nothing comes
  const clientIdOf = (index: number): string => `client ${index}`;
  for (let index = 0; index < sessions; index++) {
    const clientId = clientIdOf(index);
    store.record({
      type: "session",
      clientId,
      client: {
        clientId,
        protocolVersion: 5,
        username: undefined,
        listener: "default",
        address: { hostname: "127.0.0.1", port: 1 },
        certificate: undefined,
      },
      expiryInterval: 0xffff_ffff,
      expiresAt: undefined,
    });
    store.record({
      type: "subscribe",
      clientId,
      request: {
        filter: `to/${index}/#`,
        qos: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
      },
      identifier: undefined,
    });
    if (index % TURN === 0) store.commit();
  }
  const payload = new Uint8Array(bytes).fill(120);
  for (let id = 1; id <= messages; id++) {
    const index = id % sessions;
    const topic = `to/${index}/a`;
    store.record({
      type: "enqueue",
      clientId: clientIdOf(index),
      id,
      message: Message.from({ topic, payload, qos: 1 }, Date.now()),
      qos: 1,
      retain: false,
      identifiers: undefined,
      shared: undefined,
      packetId: undefined,
    });
    if (id % TURN === 0) store.commit();
  }
  store.commit();
  store.close();
}

/** Starts a broker with a store. */
async function load(file: string): Promise<void> {
  const began = performance.now();
  const broker = new Broker({ listeners: {}, persistence: { file } });
  await broker.start();
  const seconds = (performance.now() - began) / 1000;
  const { rss, heapUsed } = Deno.memoryUsage();
  console.log({
    seconds,
    rssMegabytes: Math.round(rss / 1e6),
    heapMegabytes: Math.round(heapUsed / 1e6),
    queuedBytes: broker.metrics.queuedBytes,
  });
  await broker.shutdown();
}

if (import.meta.main) {
  const [action, file, ...numbers] = Deno.args;
  const [sessions = 100_000, messages = 1_000_000, bytes = 100] = numbers
    .map(Number);
  if (action === "make" && file !== undefined) {
    make(file, sessions, messages, bytes);
  } else if (action === "load" && file !== undefined) await load(file);
  else {
    console.error("Say make FILE [SESSIONS] [MESSAGES] [BYTES], or load FILE");
    Deno.exit(2);
  }
}
