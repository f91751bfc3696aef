/** A client with a session that takes what comes, and is slow to say so. */

import type { Packet, PublishPacket, Qos } from "../../mod.ts";
import type { Random } from "../_random.ts";
import type { Ledger } from "./_ledger.ts";
import { Peer } from "./_peer.ts";

/** Acknowledgements that are held back at the most. */
const HELD = 20;

const decoder = new TextDecoder();

export class Subscriber extends Peer {
  readonly #random: Random;
  readonly #filters: readonly string[];
  /** QoS 2 messages that were received, and not released yet. */
  readonly #received = new Set<number>();
  #held: Packet[] = [];
  #subscribed = Promise.withResolvers<void>();
  /** Wills that have come, by their topics. */
  readonly wills = new Set<string>();

  constructor(
    name: string,
    ledger: Ledger,
    random: Random,
    filters: readonly string[],
  ) {
    super(name, ledger);
    this.#random = random;
    this.#filters = filters;
  }

  /** Subscribes, once for all. */
  async subscribe(qos: Qos): Promise<void> {
    this.send({
      type: "subscribe",
      packetId: 1,
      subscriptions: this.#filters.map((filter) => ({
        filter,
        qos,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 2,
      })),
    });
    await this.#subscribed.promise;
  }

  protected override ready(): void {
    this.#held = [];
    if (!this.present) this.#received.clear();
  }

  protected override receive(packet: Packet): void {
    switch (packet.type) {
      case "suback":
        return this.#subscribed.resolve();
      case "publish":
        return this.#take(packet);
      case "pubrel": {
        const { packetId } = packet;
        this.#received.delete(packetId);
        return this.#answer({ type: "pubcomp", packetId, reasonCode: 0 });
      }
    }
  }

  #take(packet: PublishPacket): void {
    const { packetId = 0 } = packet;
    if (packet.qos === 1) {
      this.#note(packet);
      this.#answer({ type: "puback", packetId, reasonCode: 0 });
    } else if (packet.qos === 2) {
      if (!this.#received.has(packetId)) {
        this.#received.add(packetId);
        this.#note(packet);
      }
      this.#answer({ type: "pubrec", packetId, reasonCode: 0 });
    } else this.ledger.problem(`${this.name} got ${packet.topic} with QoS 0`);
  }

  #note({ topic, qos, dup, payload }: PublishPacket): void {
    if (topic.startsWith("w/")) {
      if (this.wills.has(topic)) {
        this.ledger.problem(`${this.name} got the will ${topic} a second time`);
      }
      this.wills.add(topic);
      return;
    }
    const number = parseInt(decoder.decode(payload));
    this.ledger.deliver(this.name, topic, qos, number, dup);
  }

  /** Says it now, or later: in the order that is asked for, in any case. */
  #answer(packet: Packet): void {
    this.#held.push(packet);
    const wait = this.#held.length < HELD && this.#random.percent(60);
    if (!wait) this.flush();
  }

  /** Says what was held back. */
  flush(): void {
    for (const packet of this.#held.splice(0)) this.send(packet);
  }
}
