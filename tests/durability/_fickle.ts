/**
 * A client that subscribes and unsubscribes without end, and one that looks
 * whether the broker remembers: it publishes to each topic, and the first has to
 * get what it has subscribed to and nothing else.
 */

import type { Packet, PublishPacket } from "../../mod.ts";
import type { Random } from "../_random.ts";
import type { Ledger } from "./_ledger.ts";
import { Peer } from "./_peer.ts";

const FILTERS = 12;
/** Subscribed to once for all: it comes last. */
const END = "c/end";

const topics = Array.from({ length: FILTERS }, (_, i) => `c/${i}`);

const decoder = new TextDecoder();

/** What the broker has confirmed; `undefined`: it has not answered. */
type State = "on" | "off" | undefined;

export class Fickle extends Peer {
  readonly #random: Random;
  readonly #states = new Map<string, State>();
  /** What it waits for an answer to. */
  #asked: { filter: string; state: State } | undefined;
  #packetId = 0;
  #active = false;
  #prober: Prober | undefined;
  /** How often it was looked. */
  checks = 0;
  #round = "";
  #got = new Set<string>();
  #wake = () => {};

  constructor(name: string, ledger: Ledger, random: Random) {
    super(name, ledger);
    this.#random = random;
  }

  protected override ready(): void {
    this.#asked = undefined;
    this.#active = false;
  }

  /** Looks whether the broker has the subscriptions that it has confirmed. */
  async check(prober: Prober, round: string): Promise<void> {
    this.#round = round;
    this.#got = new Set();
    this.#prober = prober;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#wake = () => resolve(true);
    const timer = setInterval(() => {
      if (!this.connected || !prober.connected) resolve(false);
    }, 20);
    if (this.#states.get(END) !== "on") this.#ask(END, "on");
    else this.#probe(prober);
    const complete = await promise;
    clearInterval(timer);
    if (!complete) return;
    for (const topic of topics) {
      const expected = this.#states.has(topic)
        ? this.#states.get(topic)
        : "off";
      const is: State = this.#got.has(topic) ? "on" : "off";
      if (expected !== undefined && expected !== is) {
        this.ledger.problem(
          `${this.name}: ${topic} is ${is}, was confirmed as ${expected}`,
        );
      }
      this.#states.set(topic, is);
    }
    this.checks++;
    this.#active = true;
    this.#change();
  }

  #probe(prober: Prober): void {
    for (const topic of [...topics, END]) prober.probe(topic, this.#round);
  }

  #change(): void {
    if (!this.#active) return;
    const filter = `c/${this.#random.integer(0, FILTERS - 1)}`;
    this.#ask(filter, this.#random.boolean() ? "on" : "off");
  }

  #ask(filter: string, state: "on" | "off"): void {
    const packetId = this.#packetId = this.#packetId % 1000 + 1;
    this.#asked = { filter, state };
    this.#states.set(filter, undefined);
    this.send(
      state === "off" ? { type: "unsubscribe", packetId, filters: [filter] } : {
        type: "subscribe",
        packetId,
        subscriptions: [{
          filter,
          qos: 1,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
        }],
      },
    );
  }

  protected override receive(packet: Packet): void {
    if (packet.type === "suback" || packet.type === "unsuback") {
      const { filter, state } = this.#asked!;
      this.#states.set(filter, state);
      if (filter === END) this.#probe(this.#prober!);
      else setTimeout(() => this.connected && this.#change(), 2);
    } else if (packet.type === "publish") {
      const { packetId = 0, topic, payload } = packet;
      this.send({ type: "puback", packetId, reasonCode: 0 });
      if (decoder.decode(payload) !== this.#round) return;
      this.#got.add(topic);
      if (topic === END) this.#wake();
    }
  }
}

/** Who looks: with a session that is new each time. */
export class Prober extends Peer {
  #packetId = 0;
  #retained: (() => void) | undefined;
  readonly #least = new Map<string, number>();
  retainedSeen = 0;

  constructor(name: string, ledger: Ledger) {
    super(name, ledger, { clean: true, expiry: 0 });
  }

  probe(topic: string, payload: string): void {
    this.publish(topic, payload, 1, this.#packetId = this.#packetId % 1000 + 1);
  }

  /** Looks whether retained messages are those of the last acknowledgements. */
  async checkRetained(): Promise<void> {
    this.#least.clear();
    for (const [name, { acknowledged }] of this.ledger.topics) {
      if (name.endsWith("/retained") && acknowledged > 0) {
        this.#least.set(name, acknowledged);
      }
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#retained = resolve;
    this.send({
      type: "subscribe",
      packetId: 60_000,
      subscriptions: [{
        filter: "t/+/retained",
        qos: 0,
        noLocal: false,
        retainAsPublished: true,
        retainHandling: 0,
      }],
    });
    this.send({
      type: "unsubscribe",
      packetId: 60_001,
      filters: ["t/+/retained"],
    });
    const timer = setInterval(() => this.connected || resolve(), 20);
    await promise;
    clearInterval(timer);
    this.#retained = undefined;
  }

  protected override receive(packet: Packet): void {
    if (packet.type === "publish") this.#look(packet);
    else if (packet.type === "unsuback") {
      for (const [topic, least] of this.#least) {
        this.ledger.problem(`${topic} ${least} is not retained any more`);
      }
      this.#retained?.();
    }
  }

  #look({ topic, payload }: PublishPacket): void {
    const least = this.#least.get(topic);
    if (least === undefined) return;
    this.#least.delete(topic); // what comes later is live
    const number = parseInt(decoder.decode(payload));
    const { sent } = this.ledger.topic(topic);
    this.retainedSeen++;
    if (number >= least && number <= sent) return;
    this.ledger.problem(
      `${topic} has ${number} retained, was confirmed up to ${least}`,
    );
  }
}
