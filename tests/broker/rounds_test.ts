import { assert, assertEquals } from "@std/assert";
import { Reads, Rounds } from "../../broker/_rounds.ts";
import type { Transport } from "../../codec/mod.ts";
import { connect, publish } from "../_raw_client.ts";
import { Bench } from "../conformance/_bench.ts";

/** Reads so often; returns how often others are to have their turn. */
async function turns(
  reads: Reads,
  count: number,
  each: () => unknown = () => {},
): Promise<number> {
  let turns = 0;
  for (let i = 0; i < count; i++) {
    await each();
    if (reads.count()) turns++;
  }
  return turns;
}

/** A round of the event loop. */
const round = (): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve));

Deno.test("reads without a round in between are to wait for one", async () => {
  const rounds = new Rounds();
  const reads = new Reads(rounds);
  assertEquals(await turns(reads, 511), 0);
  assertEquals(await turns(reads, 1), 1);
  assertEquals(await turns(reads, 1024), 4);
  // Others that read count for themselves, and know of the same rounds.
  assertEquals(await turns(new Reads(rounds), 511), 0);
  await round();
});

Deno.test("reads with rounds in between wait for none", async () => {
  const reads = new Reads(new Rounds());
  let count = 0;
  const sometimes = () => ++count % 200 === 0 ? round() : undefined;
  assertEquals(await turns(reads, 2000, sometimes), 0);
  await round();
});

/** A client that always has one more packet at hand, until it is stopped. */
class Flooder implements Transport {
  reads = 0;
  stopped = false;
  #first: Uint8Array | undefined = connect(5, { clientId: "flooder" });
  readonly #packet = publish(5, { topic: "flood", payload: "x" });

  read(buffer: Uint8Array): Promise<number | null> {
    const bytes = this.#first ?? this.#packet;
    this.#first = undefined;
    this.reads++;
    if (this.stopped || this.reads > 2_000_000) return Promise.resolve(null);
    buffer.set(bytes);
    return Promise.resolve(bytes.length);
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.stopped = true;
  }
}

Deno.test("client that floods without an end starves neither others nor the sweep", async () => {
  await using bench = await Bench.start();
  const client = await bench.connect(5, "client", { keepAlive: 10 });
  await client.subscribe({ filter: "a", qos: 1 });
  const silent = bench.open();
  const flooder = new Flooder();
  const serving = bench.broker.serve({
    accept: (() => {
      const transports: Transport[] = [flooder];
      return () => {
        const transport = transports.shift();
        return transport === undefined
          ? Promise.reject(Object.assign(new Error(), { name: "BadResource" }))
          : Promise.resolve(transport);
      };
    })(),
    close: () => {},
  });
  // The event loop goes round, so timers and sockets have their turn …
  for (let i = 0; i < 5; i++) await round();
  const before = flooder.reads;
  assert(before > 0 && before < 100_000, `${before} reads`);
  // … and so has another client, and the sweep.
  for (let i = 0; i < 3; i++) {
    await client.publish({ topic: "a", qos: 1, payload: `${i}` });
  }
  assertEquals(await client.payloads(), ["0", "1", "2"]);
  for (let i = 0; i < 5; i++) await round();
  assert(flooder.reads > before, "the flooder goes on");
  bench.pass(11);
  assertEquals(await silent.untilClosed(), []);
  flooder.stopped = true;
  await serving;
});
