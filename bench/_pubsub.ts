/**
 * The mode pubsub: publishers, subscribers, and all deliveries between them.
 */

import { Client, type ClientOptions, openAll } from "./_client.ts";
import { Histogram } from "./_histogram.ts";
import { Ledger } from "./_ledger.ts";
import { fanOf, filtersOf } from "./_map.ts";
import {
  cpuPer,
  describe,
  type Fields,
  read,
  type Reading,
  round,
  seconds,
} from "./_meter.ts";
import type { Options } from "./_options.ts";
import { Pacer } from "./_pacer.ts";
import { MAGIC, placeholder } from "./_packets.ts";
import { Publisher } from "./_publisher.ts";
import type { Run } from "./_run.ts";

/** Without a delivery for so many milliseconds a run is given up. */
const STALLED = 10_000;

/** How long late duplicates are waited for at the end, in milliseconds. */
const AFTERMATH = 100;

/** How far messages of a publisher may overtake each other on several ways. */
const WIDE_SPAN = 16_384;

/** Publishing with `--rate` does not wait for anything, but ids are finite. */
const IDS = 60_000;

class Subscriber extends Client {
  readonly #load: PubSub;
  readonly #index: number;

  constructor(load: PubSub, index: number, options: ClientOptions) {
    const { durable } = load.options;
    super(load.run, `subscriber ${index}`, { ...options, durable });
    this.#load = load;
    this.#index = index;
  }

  async start(): Promise<void> {
    const { options } = this.#load;
    await this.open();
    await this.subscribe(
      filtersOf(this.#index, options),
      options.subscriptionQos,
    );
  }

  protected override delivered(_: number, start: number, end: number): void {
    const view = this.inputView;
    if (
      end - start !== this.#load.options.size || view.getUint32(start) !== MAGIC
    ) {
      return this.run.fail(`${this.name}: got a message of someone else`);
    }
    this.#load.delivered(
      this,
      this.#index,
      view.getUint32(start + 4),
      view.getUint32(start + 8),
      view.getFloat64(start + 12),
    );
  }
}

/** A run of the mode pubsub. */
class PubSub {
  readonly run: Run;
  readonly options: Options;
  readonly #publishers: readonly Publisher[];
  readonly #subscribers: readonly Subscriber[];
  readonly #fans: readonly number[];
  readonly #ledger: Ledger;
  readonly #latency = new Histogram();
  readonly #sendLag = new Histogram();
  #isMeasuring = false;
  /** The publisher that sends next, where messages are sent at a rate. */
  #turn = 0;

  constructor(run: Run, options: Options) {
    this.run = run;
    this.options = options;
    const { publishers, subscribers, map } = options;
    this.#fans = Array.from(
      { length: publishers },
      (_, index) => fanOf(index, options),
    );
    this.#publishers = this.#fans.map((fan, index) => this.#make(fan, index));
    this.#subscribers = Array.from(
      { length: subscribers },
      (_, index) => new Subscriber(this, index, options),
    );
    this.#ledger = map === "one"
      ? new Ledger(subscribers)
      : this.#isOrdered
      ? new Ledger(subscribers * publishers)
      : new Ledger(publishers, WIDE_SPAN);
  }

  /** Whether all messages of a publisher come to a subscriber on one way. */
  get #isOrdered(): boolean {
    return this.options.map !== "shared" && this.options.map !== "match";
  }

  #make(fan: number, index: number): Publisher {
    const { options } = this;
    const { prefix, map, subscribers, filters, rooms } = options;
    const devices = Math.max(1, subscribers * filters);
    const bounds = [rooms, devices];
    const topic = map === "match"
      ? `${prefix}/${placeholder(rooms)}/dev/${placeholder(devices)}/t/x`
      : `${prefix}/${index}`;
    return new Publisher(this.run, `publisher ${index}`, {
      ...options,
      publisher: index,
      topic,
      fan,
      window: options.rate > 0 ? 0 : options.window,
      draw: (place) => Math.floor(Math.random() * bounds[place]!),
    });
  }

  get #sent(): number {
    return this.#publishers.reduce((sum, { sent }) => sum + sent, 0);
  }

  get #expected(): number {
    return this.#publishers.reduce((sum, { sent }, index) => {
      return sum + sent * this.#fans[index]!;
    }, 0);
  }

  /** Enters a delivery. Called for each: as cheap as can be. */
  delivered(
    subscriber: Subscriber,
    index: number,
    from: number,
    sequence: number,
    time: number,
  ): void {
    const { publishers, map } = this.options;
    const publisher = this.#publishers[from];
    if (
      publisher === undefined || map === "one" && from !== index % publishers
    ) {
      return this.run.fail(`${subscriber.name}: got what it did not ask for`);
    }
    const track = map === "one"
      ? index
      : this.#isOrdered
      ? index * publishers + from
      : from;
    if (this.#ledger.enter(track, sequence) !== "duplicate") {
      publisher.received++;
      publisher.wake();
    }
    if (this.#isMeasuring) {
      this.#latency.add((subscriber.readAt - time) * 1000);
    }
  }

  async measure(): Promise<Fields> {
    const { run, options } = this;
    await openAll(this.#subscribers, options.concurrency);
    await openAll(this.#publishers, options.concurrency);
    const pacer = run.broken ? undefined : this.#begin();
    await run.sleep(options.warmSeconds * 1000);
    const from = read(options.pids);
    const sent = this.#sent;
    const received = this.#ledger.received;
    this.#isMeasuring = true;
    await this.#window(received);
    this.#isMeasuring = false;
    const to = read(options.pids);
    const published = this.#sent - sent;
    const delivered = this.#ledger.received - received;
    pacer?.stop();
    await this.#drain();
    const fields = this.#report(from, to, published, delivered);
    const clients = [...this.#publishers, ...this.#subscribers];
    await Promise.all(clients.map((client) => client.leave()));
    return fields;
  }

  #begin(): Pacer | undefined {
    const { rate } = this.options;
    if (rate > 0) {
      return new Pacer(1000 / rate, (due, now) => this.#pace(due, now));
    }
    for (const publisher of this.#publishers) {
      publisher.isSending = true;
      publisher.wake();
    }
    return undefined;
  }

  /** Sends one message, which is from the publisher whose turn it is. */
  #pace(due: number, now: number): void {
    const publisher = this.#publishers[this.#turn]!;
    this.#turn = (this.#turn + 1) % this.#publishers.length;
    if (publisher.unconfirmed >= IDS) {
      return this.run.fail("the broker does not keep up: out of packet ids");
    }
    if (this.#isMeasuring) this.#sendLag.add((now - due) * 1000);
    publisher.sendOne(due);
  }

  async #window(before: number): Promise<void> {
    const { run, options } = this;
    const progress = () => this.#ledger.received;
    const patience = options.subscribers > 0 ? STALLED : Infinity;
    const end = performance.now() + options.seconds * 1000;
    if (options.count === 0) await run.sleep(options.seconds * 1000);
    const isDone = options.count === 0
      ? () => performance.now() >= end
      : () => progress() - before >= options.count;
    if (!await run.until(isDone, progress, patience)) run.fail("stalled");
  }

  /** Stops sending, and waits for what is still on its way. */
  async #drain(): Promise<void> {
    for (const publisher of this.#publishers) publisher.isSending = false;
    const expected = this.#expected;
    const isConfirmed = () =>
      this.#publishers.every(({ unconfirmed }) => unconfirmed === 0);
    const progress = () => this.#ledger.received;
    const isDone = () => progress() >= expected && isConfirmed();
    const patience = this.options.drainSeconds * 1000;
    const done = await this.run.until(isDone, progress, patience);
    if (!done && !isConfirmed()) this.run.fail("messages were not confirmed");
    await this.run.sleep(AFTERMATH);
  }

  #report(from: Reading, to: Reading, published: number, delivered: number) {
    const wall = seconds(from, to);
    const { received, duplicates, late, gaps } = this.#ledger;
    const expected = this.#expected;
    const lost = expected - received;
    // More than there should be is no less wrong.
    if (lost !== 0 || duplicates > 0) this.run.fail("deliveries are not right");
    return {
      "filters": this.options.filters,
      "wall_s": round(wall, 3),
      published,
      delivered,
      "pub_per_s": Math.round(published / wall),
      "deliv_per_s": Math.round(delivered / wall),
      ...describe(from, to),
      "cpu_us_per_msg": round(cpuPer(published + delivered, from, to), 3),
      "cpu_us_per_deliv": round(cpuPer(delivered, from, to), 3),
      "lat_us": describeLatency(this.#latency),
      ...(this.#sendLag.count > 0 &&
        { "send_lag_us": describeLatency(this.#sendLag) }),
      "verify": {
        expected,
        received,
        lost,
        "dup": duplicates,
        "ooo": this.#isOrdered ? late : 0,
        "gaps": this.#isOrdered ? gaps : 0,
      },
    };
  }
}

function describeLatency(histogram: Histogram): Fields {
  return {
    "mean": round(histogram.mean, 1),
    "p50": round(histogram.quantile(0.5), 1),
    "p90": round(histogram.quantile(0.9), 1),
    "p99": round(histogram.quantile(0.99), 1),
    "p999": round(histogram.quantile(0.999), 1),
    "max": round(histogram.maximum, 1),
  };
}

/** Runs the mode pubsub. */
export function pubsub(run: Run, options: Options): Promise<Fields> {
  return new PubSub(run, options).measure();
}
