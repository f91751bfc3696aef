/** A broker as a process, its traffic, and a look at it each second. */

import { Histogram } from "../../bench/_histogram.ts";
import { busyCores, sampleHost, sampleProcesses } from "../../bench/_proc.ts";
import { MQTTClient } from "../../client/mod.ts";
import { BrokerProcess } from "../../tests/_broker_process.ts";
import type { Sample } from "./_samples.ts";
import {
  type Ground,
  large,
  type Part,
  pause,
  shared,
  stalled,
  steady,
  unsteady,
  visitors,
} from "./_traffic.ts";

/** What came of a soak. */
export interface Outcome {
  readonly samples: readonly Sample[];
  readonly parts: readonly Part[];
  /** What was lost, came twice or in another order. */
  readonly problems: readonly string[];
  /** Handles before the first client, and when all had gone. */
  readonly handles: readonly [before: number, after: number];
  /** Sessions and subscriptions when all had gone, but for who asks. */
  readonly left: Readonly<Record<string, number>>;
}

const CONFIG = `listeners: {default: {bind: "127.0.0.1:0"}}
auth: {allow-anonymous: true}
sys-interval: 1
limits: {stall-timeout: 10}
plugins: ["${import.meta.resolve("./heap_plugin.ts")}"]
`;

/** Problems that are told; more say no more. */
const TOLD = 20;

export class Soak {
  readonly #seconds: number;
  readonly #rate: number;
  readonly #samples: Sample[] = [];
  readonly #problems: string[] = [];
  /** What the broker says of itself, by topic. */
  readonly #said = new Map<string, number>();

  constructor({ seconds, rate }: { seconds: number; rate: number }) {
    this.#seconds = seconds;
    this.#rate = rate;
  }

  /** Runs it all; progress goes to `log`. */
  async run(log: (line: string) => void): Promise<Outcome> {
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    await Deno.writeTextFile(file, CONFIG);
    await using broker = new BrokerProcess(["-c", file]);
    const url = `mqtt://127.0.0.1:${await broker.port()}`;
    await Deno.remove(file);
    const before = handlesOf(broker.pid);
    const observer = await this.#observe(url);
    const ending = new AbortController();
    const ground: Ground = {
      url,
      rate: this.#rate,
      signal: ending.signal,
      report: (problem) => {
        if (this.#problems.length < TOLD) this.#problems.push(problem);
      },
      latency: new Histogram(),
      messages: 0,
    };
    const traffic = Promise.all([
      ...([0, 1, 2] as const).map((qos) => steady(ground, qos)),
      ...([1, 2] as const).map((qos) => unsteady(ground, qos)),
      shared(ground),
      visitors(ground),
      large(ground),
      stalled(ground),
    ]);
    await Promise.race([this.#sample(broker.pid, ground, log), traffic]);
    ending.abort();
    const parts = await traffic;
    // The broker gives those a while who went without a word.
    await pause(4000);
    const left = {
      sessions: (this.#said.get("clients/total") ?? NaN) - 1,
      subscriptions: (this.#said.get("messages/subscriptions/count") ?? NaN) -
        1,
      "retained messages": (this.#said.get("messages/retained/count") ?? NaN) -
        1, // the version
    };
    await observer.disconnect();
    await pause(1500);
    const after = handlesOf(broker.pid);
    return {
      samples: this.#samples,
      parts,
      problems: this.#problems,
      handles: [before, after],
      left,
    };
  }

  /** Somebody who reads $SYS. */
  async #observe(url: string): Promise<MQTTClient> {
    const observer = new MQTTClient({ url });
    await observer.connect();
    await observer.subscribe("$SYS/broker/#");
    (async () => {
      for await (const message of observer.messages()) {
        const topic = message.topic.replace("$SYS/broker/", "");
        this.#said.set(topic, Number(message.text()));
      }
    })();
    return observer;
  }

  async #sample(
    pid: number,
    ground: Ground,
    log: (line: string) => void,
  ): Promise<void> {
    const start = performance.now();
    let used = usedBy(pid);
    let own = used + usedBy("self");
    let host = sampleHost();
    let time = start;
    for (let second = 1; second <= this.#seconds; second++) {
      await pause(Math.max(0, start + second * 1000 - performance.now()));
      const { latency, messages } = ground;
      ground.latency = new Histogram();
      ground.messages = 0;
      const now = performance.now();
      const usedNow = usedBy(pid);
      const ownNow = usedNow + usedBy("self");
      const hostNow = sampleHost();
      const cores = (ownNow - own) / (now - time) * 1000;
      const others = busyCores(host, hostNow) - cores;
      const sample: Sample = {
        at: (now - start) / 1000,
        resident: sampleProcesses([pid]).residentKib / 1024,
        heap: this.#said.get("soak/heap") ?? 0,
        handles: handlesOf(pid),
        sessions: this.#said.get("clients/total") ?? 0,
        messages: messages / (now - time) * 1000,
        p50: latency.quantile(0.5) / 1000,
        p99: latency.quantile(0.99) / 1000,
        cpu: (usedNow - used) / (now - time) * 100_000,
        others: Math.max(0, others / hostNow.cpus * 100),
      };
      used = usedNow;
      own = ownNow;
      host = hostNow;
      time = now;
      this.#samples.push(sample);
      if (second % 10 === 0) log(line(sample));
    }
  }
}

/** Processor seconds. */
function usedBy(pid: number | "self"): number {
  const { user, system } = sampleProcesses([pid]);
  return user + system;
}

/** Open files and sockets. */
function handlesOf(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

function line(sample: Sample): string {
  const { at, resident, heap, handles, sessions, messages, p50, p99, cpu } =
    sample;
  return `${at.toFixed(0).padStart(5)} s  ${resident.toFixed(1)} MiB  ` +
    `heap ${heap.toFixed(1)} MiB  ` +
    `${handles} handles  ${sessions} sessions  ${messages.toFixed(0)} msg/s  ` +
    `p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms  ${
      cpu.toFixed(0)
    } % CPU`;
}
