/**
 * A broker that is killed again and again while its clients work.
 *
 * What is killed is the process, at moments that a seed decides: between any
 * two system calls. Its clients know what it has confirmed, and each next life
 * of it has to know that too. In the end nothing new is sent, all that is on
 * its way arrives, and the accounts are made up.
 */

import { checkStore } from "../../mod.ts";
import { BrokerProcess } from "../_broker_process.ts";
import { Random } from "../_random.ts";
import { Fickle, Prober } from "./_fickle.ts";
import { Ledger } from "./_ledger.ts";
import { Peer } from "./_peer.ts";
import { BACKLOG, Publisher } from "./_publisher.ts";
import { Subscriber } from "./_subscriber.ts";

/** How long, and how. */
export interface TortureOptions {
  seed: number;
  /** How often the broker is killed, at the least. */
  kills: number;
  /** Milliseconds that it goes on at the least. */
  time?: number;
  synchronous?: "full" | "normal";
  /** Takes a line now and then. */
  log?: (line: string) => void;
}

/** What has happened. */
export interface TortureReport {
  /** What the broker has not kept of its promises. */
  readonly problems: readonly string[];
  readonly kills: number;
  /** Of these: before the broker had told its port. */
  readonly earlyKills: number;
  /** Messages that were acknowledged to their publishers. */
  readonly acknowledged: number;
  /** Messages that came to subscribers. */
  readonly delivered: number;
  readonly repetitions: number;
  readonly wills: number;
  readonly sessionsExpired: number;
  readonly subscriptionChecks: number;
  readonly retainedChecks: number;
}

/** Milliseconds of a life of the broker at the most. */
const LIFE = 700;
/** Seconds of sessions that are to expire, and of the delay of wills. */
const SHORT = 1;
/** Milliseconds until all that is on its way has to have arrived. */
const PATIENCE = 60_000;

/** Somebody who has nothing to say. */
class Mute extends Peer {
  protected override receive(): void {}
}

export async function torture(options: TortureOptions): Promise<TortureReport> {
  const folder = await Deno.makeTempDir({ prefix: "ambermq-torture-" });
  let isGood = false;
  try {
    const report = await new Torture(options, folder).run();
    isGood = report.problems.length === 0;
    return report;
  } finally {
    if (isGood) await Deno.remove(folder, { recursive: true });
    else options.log?.(`What the broker left is in ${folder}`);
  }
}

class Torture {
  readonly #options: TortureOptions;
  readonly #random: Random;
  readonly #folder: string;
  readonly #ledger = new Ledger(["one", "two", "rare"]);
  readonly #publishers: Publisher[];
  readonly #subscribers: Subscriber[];
  /** Who is seldom there: what waits for it has to be kept. */
  readonly #rare: Subscriber;
  readonly #fickle: Fickle;
  /** Those who do not return; the broker is to publish their wills. */
  readonly #lost: Mute[] = [];
  /** Those whose sessions are to end. */
  readonly #passing: Mute[] = [];
  /** Those who look whether it is as it has to be. */
  #looking: Promise<void> = Promise.resolve();
  #retainedChecks = 0;
  #kills = 0;
  #early = 0;
  #lives = 0;

  constructor(options: TortureOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    const random = this.#random = new Random(options.seed);
    const ledger = this.#ledger;
    this.#publishers = ["a", "b", "c"].map((name) =>
      new Publisher(name, ledger, random)
    );
    const filters = ["t/#", "w/#"];
    this.#subscribers = ["one", "two"].map((name) =>
      new Subscriber(name, ledger, random, filters)
    );
    this.#rare = new Subscriber("rare", ledger, random, filters);
    this.#fickle = new Fickle("fickle", ledger, random);
  }

  get #file(): string {
    return `${this.#folder}/broker.db`;
  }

  get #all(): Peer[] {
    return [
      ...this.#publishers,
      ...this.#subscribers,
      this.#rare,
      this.#fickle,
      ...this.#lost,
      ...this.#passing,
    ];
  }

  async run(): Promise<TortureReport> {
    const { kills, time = 0, log } = this.#options;
    const until = performance.now() + time;
    await Deno.writeTextFile(
      `${this.#folder}/broker.yaml`,
      JSON.stringify({
        listeners: { default: { type: "tcp", bind: "127.0.0.1:0" } },
        auth: { "allow-anonymous": true },
        limits: { queuedMessages: 1_000_000, queuedBytes: 2 ** 31 },
        persistence: {
          file: this.#file,
          synchronous: this.#options.synchronous ?? "full",
        },
      }),
    );
    while (this.#kills < kills || performance.now() < until) {
      await this.#life();
      if (this.#ledger.problems.length > 0) break;
      if (this.#kills % 20 === 0) log?.(this.#summary());
    }
    await this.#end();
    const { problems, delivered, repetitions } = this.#ledger;
    return {
      problems,
      kills: this.#kills,
      earlyKills: this.#early,
      acknowledged: this.#publishers.reduce(
        (n, one) => n + one.acknowledged,
        0,
      ),
      delivered,
      repetitions,
      wills: this.#lost.filter(({ promised }) => promised).length,
      sessionsExpired: this.#passing.filter(({ promised }) => promised).length,
      subscriptionChecks: this.#fickle.checks,
      retainedChecks: this.#retainedChecks,
    };
  }

  #summary(): string {
    const { delivered, problems } = this.#ledger;
    return `${this.#kills} kills, ${delivered} messages delivered, ` +
      `${problems.length} problems`;
  }

  #start(): BrokerProcess {
    this.#lives++;
    return new BrokerProcess(["-c", `${this.#folder}/broker.yaml`]);
  }

  /** From a start of the broker to its end. */
  async #life(): Promise<void> {
    const random = this.#random;
    await using broker = this.#start();
    // The first one has to live: there is nothing before it.
    if (this.#lives > 1 && random.percent(10)) {
      await delay(random.integer(100, 900));
      this.#early++;
    } else await this.#work(await broker.port());
    // Now and then it is told.
    const asked = random.percent(8);
    broker.kill(asked ? "SIGTERM" : "SIGKILL");
    if (!asked) this.#kills++;
    await broker.status();
    for (const peer of this.#all) await peer.end();
    await this.#looking;
    if (random.percent(20)) this.#check();
  }

  async #work(port: number): Promise<void> {
    const random = this.#random;
    const ledger = this.#ledger;
    const first = this.#lives === 1;
    const isDue = random.percent(30) || ledger.backlog > BACKLOG / 2;
    const subscribers = first || isDue
      ? [...this.#subscribers, this.#rare]
      : this.#subscribers;
    for (const peer of subscribers) {
      await this.#connect(peer, port);
      // All that is published is for them.
      if (first) await peer.subscribe(2);
    }
    const flushing = setInterval(() => {
      for (const one of subscribers) if (one.connected) one.flush();
      for (const one of this.#publishers) one.pump();
    }, 40);
    for (const peer of this.#publishers) await this.#connect(peer, port);
    const prober = new Prober(`prober${this.#lives}`, ledger);
    this.#looking = (async () => {
      await this.#connect(this.#fickle, port);
      await this.#connect(prober, port);
      if (random.percent(60)) await this.#mortals(port);
      await prober.checkRetained();
      await this.#fickle.check(prober, String(this.#lives));
      await prober.end();
      this.#retainedChecks += prober.retainedSeen;
    })();
    await delay(random.integer(20, LIFE));
    if (random.percent(60)) {
      // What was confirmed last does not arrive: they will ask for it again.
      for (const peer of [...this.#publishers, ...subscribers]) {
        peer.deaf = random.percent(70);
      }
      await delay(random.integer(5, 60));
    }
    clearInterval(flushing);
  }

  async #connect(peer: Peer, port: number): Promise<void> {
    if (await peer.connect(port)) return;
    // It is not to blame for being killed, but it is not killed yet.
    if (peer.connected) this.#ledger.problem(`${peer.name} cannot connect`);
  }

  /** Clients that will be lost with the broker, and some that go before. */
  async #mortals(port: number): Promise<void> {
    const life = this.#lives;
    const lost = new Mute(`lost${life}`, this.#ledger, {
      will: {
        topic: `w/${life}`,
        payload: new Uint8Array([1]),
        qos: 2,
        retain: false,
        properties: { willDelayInterval: SHORT },
      },
    });
    this.#lost.push(lost);
    await lost.connect(port);
    const gone = new Mute(`gone${life}`, this.#ledger, { expiry: SHORT });
    const killed = new Mute(`killed${life}`, this.#ledger, { expiry: SHORT });
    this.#passing.push(gone, killed);
    await killed.connect(port);
    if (await gone.connect(port)) await gone.end(true);
  }

  /** Lets all that is on its way arrive, and makes up the accounts. */
  async #end(): Promise<void> {
    const ledger = this.#ledger;
    if (ledger.problems.length > 0) return;
    const subscribers = [...this.#subscribers, this.#rare];
    for (const peer of this.#publishers) peer.active = false;
    // Who was lost with the broker is so from its next start on, at the latest:
    // another crash does not put that off.
    {
      await using broker = this.#start();
      const mute = new Mute("mute", ledger, { clean: true, expiry: 0 });
      await this.#connect(mute, await broker.port());
      broker.kill("SIGKILL");
      await broker.status();
      await mute.end();
    }
    await delay(1000 * SHORT);
    await using broker = this.#start();
    const port = await broker.port();
    for (const peer of this.#passing) {
      const before = peer.promised;
      peer.promised = false; // it is not to be kept
      await peer.connect(port);
      if (before && peer.present) {
        ledger.problem(`${peer.name} has not expired`);
      }
      peer.promised = before;
    }
    for (const peer of [...subscribers, ...this.#publishers]) {
      await this.#connect(peer, port);
    }
    const until = performance.now() + PATIENCE;
    const missing = (): string[] => [
      ...this.#publishers.filter(({ idle }) => !idle)
        .map(({ name }) => `${name} waits for acknowledgements`),
      ...subscribers.flatMap(({ name }) => ledger.missing(name)),
      ...subscribers.flatMap((one) =>
        this.#lost.filter(({ promised }) => promised)
          .map(({ name }) => name.replace("lost", "w/"))
          .filter((topic) => !one.wills.has(topic))
          .map((topic) => `${one.name} has not got the will ${topic}`)
      ),
    ];
    while (missing().length > 0 && performance.now() < until) {
      for (const one of subscribers) one.flush();
      await delay(20);
    }
    for (const one of missing()) ledger.problem(one);
    for (const peer of this.#all) await peer.end();
    broker.kill("SIGTERM");
    await broker.status();
    this.#check();
  }

  /** Looks whether the file is in order, as it is. */
  #check(): void {
    for (const problem of checkStore(this.#file).problems) {
      this.#ledger.problem(`after ${this.#kills} kills: ${problem}`);
    }
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
