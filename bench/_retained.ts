/**
 * The mode retained: to set many retained messages, and to get them all.
 */

import { Client, type ClientOptions } from "./_client.ts";
import { Ledger } from "./_ledger.ts";
import {
  cpuPer,
  describe,
  type Fields,
  read,
  round,
  seconds,
} from "./_meter.ts";
import type { Options } from "./_options.ts";
import { MAGIC, placeholder } from "./_packets.ts";
import { Publisher } from "./_publisher.ts";
import type { Run } from "./_run.ts";

/** Topics below one parent. */
const SIBLINGS = 100;

class Reader extends Client {
  readonly ledger: Ledger;

  constructor(run: Run, options: ClientOptions, messages: number) {
    super(run, "subscriber", options);
    this.ledger = new Ledger(
      1,
      2 ** Math.max(5, Math.ceil(Math.log2(messages))),
    );
  }

  protected override delivered(header: number, start: number): void {
    const view = this.inputView;
    // [MQTT-3.3.1-8] what is sent upon a subscription has the flag
    if ((header & 1) === 0 || view.getUint32(start) !== MAGIC) {
      return this.run.fail("subscriber: got something not retained here");
    }
    this.ledger.enter(0, view.getUint32(start + 8));
  }
}

/**
 * Sends one message, or nothing as the message, to each topic.
 *
 * @returns How long it took until all were confirmed, in milliseconds.
 */
async function setAll(
  run: Run,
  options: Options,
  size: number,
): Promise<number> {
  const { prefix, connections } = options;
  const parents = Math.ceil(connections / SIBLINGS);
  const publisher: Publisher = new Publisher(run, `publisher of ${size}`, {
    ...options,
    topic: `${prefix}/${placeholder(parents)}/${placeholder(SIBLINGS)}`,
    qos: 1,
    retain: true,
    size,
    publisher: 0,
    fan: 0,
    window: 0,
    total: connections,
    draw: (place) =>
      place === 0
        ? Math.floor(publisher.sent / SIBLINGS)
        : publisher.sent % SIBLINGS,
  });
  await publisher.open();
  const start = performance.now();
  publisher.isSending = true;
  publisher.wake();
  const isDone = () =>
    publisher.sent === connections && publisher.unconfirmed === 0;
  const patience = options.drainSeconds * 1000;
  if (!await run.until(isDone, () => publisher.sent, patience)) {
    run.fail("retained messages were not confirmed");
  }
  await publisher.leave();
  return publisher.confirmedAt - start;
}

/**
 * Subscribes to all that is retained.
 *
 * @returns How long it took until all was there, in milliseconds.
 */
async function getAll(
  run: Run,
  options: Options,
  reader: Reader,
): Promise<number> {
  const { ledger } = reader;
  const filter = `${options.prefix}/#`;
  const expected = ledger.received + options.connections;
  const start = performance.now();
  await reader.subscribe([filter], options.subscriptionQos);
  const received = () => ledger.received;
  const isDone = () => received() >= expected;
  const patience = options.drainSeconds * 1000;
  if (!await run.until(isDone, received, patience)) {
    run.fail(`${expected - received()} retained messages are missing`);
  }
  const took = reader.readAt - start;
  await reader.unsubscribe(filter);
  ledger.rewind();
  return took;
}

/** Runs the mode retained. */
export async function retained(run: Run, options: Options): Promise<Fields> {
  const { pids, connections, repeat } = options;
  const reader = new Reader(run, options, connections);
  await reader.open();
  const before = read(pids);
  const setMilliseconds = await setAll(run, options, options.size);
  const set = read(pids);
  const times: number[] = [];
  for (let i = 0; i < repeat && !run.broken; i++) {
    times.push(await getAll(run, options, reader));
  }
  const got = read(pids);
  if (!options.keep) await setAll(run, options, 0);
  const { received, duplicates } = reader.ledger;
  const expected = times.length * connections;
  if (duplicates > 0) run.fail("retained messages came twice");
  await reader.leave();
  const sum = times.reduce((sum, time) => sum + time, 0);
  return {
    "N": connections,
    "repeat": times.length,
    "set_s": round(setMilliseconds / 1000, 3),
    "set_per_s": Math.round(connections / setMilliseconds * 1000),
    "set_cpu_us": round(cpuPer(connections, before, set), 2),
    "sub_ms_first": round(times[0] ?? 0, 2),
    "sub_ms_mean": round(sum / Math.max(1, times.length), 2),
    "sub_ms_best": round(Math.min(...times, Infinity), 2),
    "cpu_us_per_deliv": round(cpuPer(received, set, got), 3),
    ...describe(set, got),
    "wall_s": round(seconds(set, got), 3),
    "verify": {
      expected,
      received,
      "lost": expected - received,
      "dup": duplicates,
    },
  };
}
