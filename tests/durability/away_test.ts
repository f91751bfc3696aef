/** A client that is away for long costs disk, not memory. */

import { assert, assertEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Broker } from "../../broker/mod.ts";
import { KilledStore } from "../_sqlite_stores.ts";
import { Client, Folder } from "./_scene.ts";

/** How many messages wait. */
const MESSAGES = 50_000;

/** What a message has beside its number. */
const FILLING = "x".repeat(1000);

const decimal = (text: string): number => parseInt(text);

/** Bytes of memory in use, without garbage. */
function used(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Asserts that these are numbers one after the other. */
function assertInOrder(numbers: readonly number[], from: number): void {
  const expected = Array.from(numbers, (_, i) => from + i);
  assertEquals(numbers, expected);
}

/** Rounds of the event loop: turns end, and what was read is handled. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

function portOf(broker: Broker): number {
  return broker.addresses[0]!.port;
}

Deno.test(`${MESSAGES} messages for a client that is away take no memory, and come in order, also if the broker is killed meanwhile [MQTT-4.6.0-6]`, async () => {
  const broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
    store: new KilledStore(),
    limits: { queuedMessages: MESSAGES, queuedBytes: 1e9 },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  await broker.start();
  const client = await Client.connect("away", portOf(broker));
  await client.subscribe("a");
  await client.end(true);
  const before = used();
  for (let i = 0; i < MESSAGES;) {
    for (let left = 500; left > 0; left--) {
      const payload = new TextEncoder().encode(`${i++} ${FILLING}`);
      broker.publish({ topic: "a", payload, qos: 1 });
    }
    await turn();
  }
  const grown = used() - before;
  assert(grown < 10e6, `${grown} bytes for ${MESSAGES} messages`);
  assert(broker.metrics.queuedBytes > MESSAGES * FILLING.length);

  const reader = await Client.connect("away", portOf(broker));
  const first = (await reader.take(MESSAGES / 5)).map(decimal);
  assertInOrder(first, 0);
  await reader.end();
  await broker.shutdown(); // that is: the file is as if it had been killed
  await broker.start();
  const loaded = used() - before;
  assert(loaded < 10e6, `${loaded} bytes for what is loaded`);
  const last = await Client.connect("away", portOf(broker));
  const rest: number[] = [];
  while (rest.at(-1) !== MESSAGES - 1) {
    rest.push(...(await last.take(1)).map(decimal));
  }
  // What was on its way comes again.
  assert(rest[0]! <= first.length && rest[0]! > first.length - 100);
  assertInOrder(rest, rest[0]!);
  await last.end(true);
  assertEquals(broker.metrics.queuedBytes, 0);
  await broker.shutdown();
});

Deno.test("a broker that is killed while a client takes what waited for it: all comes, in order", async () => {
  await using folder = new Folder();
  const count = 4000;
  const got: number[] = [];
  {
    await using broker = folder.start();
    const port = await broker.port();
    const client = await Client.connect("away", port);
    await client.subscribe("a");
    await client.end(true);
    const publisher = await Client.connect("publisher", port);
    for (let i = 0; i < count;) {
      const until = i + 100;
      for (; i < until; i++) {
        publisher.publish("a", `${i} ${FILLING}`, 1, i + 1);
      }
      for (let left = 100; left > 0; left--) await publisher.next();
    }
    await publisher.end();
    const reader = await Client.connect("away", port);
    got.push(...(await reader.take(count / 2)).map(decimal));
    broker.kill("SIGKILL");
    await broker.status();
    await reader.end();
  }
  assertInOrder(got, 0);
  await using broker = folder.start();
  const reader = await Client.connect("away", await broker.port());
  const rest = (await reader.take(count / 2)).map(decimal);
  while (rest.at(-1) !== count - 1) {
    rest.push(...(await reader.take(1)).map(decimal));
  }
  assert(rest[0]! <= got.length, `${rest[0]} after ${got.length}`);
  assertInOrder(rest, rest[0]!);
  await reader.end();
});
