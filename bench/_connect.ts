/**
 * The mode connect: what connections cost that do nothing.
 */

import { Client, type ClientOptions, openAll } from "./_client.ts";
import {
  cpuPer,
  describe,
  type Fields,
  read,
  round,
  seconds,
} from "./_meter.ts";
import type { Options } from "./_options.ts";
import type { Run } from "./_run.ts";

class Idler extends Client {
  readonly #filter: string | undefined;
  isOpen = false;

  constructor(
    run: Run,
    name: string,
    options: ClientOptions,
    filter: string | undefined,
  ) {
    super(run, name, options);
    this.#filter = filter;
  }

  async start(): Promise<void> {
    await this.open();
    if (this.#filter !== undefined) await this.subscribe([this.#filter], 0);
    this.isOpen = !this.run.broken;
  }
}

/** Pings all in turn, each once in `period` seconds; returns how to stop. */
function pingAll(clients: readonly Idler[], period: number): () => number {
  if (period === 0) return () => 0;
  const start = performance.now();
  let count = 0;
  const timer = setInterval(() => {
    const passed = (performance.now() - start) / 1000;
    const due = passed / period * clients.length;
    for (; count < due; count++) clients[count % clients.length]!.ping();
  }, 1);
  return () => {
    clearInterval(timer);
    return count;
  };
}

/** Runs the mode connect. */
export async function connect(run: Run, options: Options): Promise<Fields> {
  const { pids, connections, alsoSubscribe, prefix, holdSeconds } = options;
  const clients = Array.from({ length: connections }, (_, index) => {
    const filter = alsoSubscribe ? `${prefix}/dev/${index}` : undefined;
    return new Idler(run, `idler ${index}`, options, filter);
  });
  const before = read(pids);
  await openAll(clients, options.concurrency);
  const opened = read(pids);
  const connected = clients.filter(({ isOpen }) => isOpen).length;
  const stop = pingAll(clients, options.pingSeconds);
  await run.sleep(holdSeconds * 1000);
  const pings = stop();
  const held = read(pids);
  const pongs = () => clients.reduce((sum, { pongs }) => sum + pongs, 0);
  const patience = options.drainSeconds * 1000;
  const answered = await run.until(() => pongs() === pings, pongs, patience);
  if (!answered) run.fail(`${pings} PINGREQ, ${pongs()} PINGRESP`);
  await Promise.all(clients.map((client) => client.leave()));
  const since = before.broker.residentKib;
  const each = (kib: number) =>
    round((kib - since) / Math.max(1, connected), 2);
  return {
    "N": connections,
    "C": options.concurrency,
    "connsub": alsoSubscribe ? 1 : 0,
    connected,
    "dropped": connections - connected,
    "connect_s": round(seconds(before, opened), 3),
    "connect_per_s": Math.round(connected / seconds(before, opened)),
    "connect_cpu_us": round(cpuPer(connected, before, opened), 1),
    "rss_before_mb": round(since / 1024, 1),
    "rss_kb_per_conn": each(opened.broker.residentKib),
    "rss_kb_per_conn_hold": each(held.broker.residentKib),
    "hold_s": round(seconds(opened, held), 1),
    "hold_cpu_s": round(cpuPer(1e6, opened, held), 3),
    pings,
    ...describe(before, held),
  };
}
