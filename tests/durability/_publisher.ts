/** A client that publishes numbered messages, as fast as they are taken. */

import type { Packet } from "../../mod.ts";
import type { Random } from "../_random.ts";
import type { Ledger } from "./_ledger.ts";
import { Peer } from "./_peer.ts";

/** What is on its way: with what it has to go on after a loss of connection. */
interface Sent {
  readonly topic: string;
  readonly number: number;
  readonly qos: 1 | 2;
  readonly retain: boolean;
  readonly payload: string;
  released: boolean;
}

/** Messages that are on their way at the most. */
const WINDOW = 24;

/** Messages that wait for the slowest subscriber at the most. */
export const BACKLOG = 5000;

export class Publisher extends Peer {
  /** Whether it sends anything new. */
  active = true;
  acknowledged = 0;
  readonly #random: Random;
  readonly #sent = new Map<number, Sent>();
  #packetId = 0;

  constructor(name: string, ledger: Ledger, random: Random) {
    super(name, ledger);
    this.#random = random;
  }

  get idle(): boolean {
    return this.#sent.size === 0;
  }

  protected override ready(): void {
    for (const [packetId, sent] of this.#sent) {
      if (sent.released) {
        this.send({ type: "pubrel", packetId, reasonCode: 0 });
        continue;
      }
      this.ledger.topic(sent.topic).repeated.add(sent.number);
      this.#publish(packetId, sent, true);
    }
    this.pump();
  }

  #publish(packetId: number, sent: Sent, dup: boolean): void {
    const { topic, payload, qos, retain } = sent;
    this.publish(topic, payload, qos, packetId, { retain, dup });
  }

  /** Whether it may send something new. */
  get #free(): boolean {
    return this.active && this.connected && this.#sent.size < WINDOW &&
      this.ledger.backlog < BACKLOG;
  }

  /** Sends what it may. */
  pump(): void {
    while (this.#free) {
      const kind = this.#random.pick(["one", "two", "retained"]);
      const topic = `t/${this.name}/${kind}`;
      const number = this.ledger.next(topic);
      const size = this.#random.integer(0, 2000);
      const sent: Sent = {
        topic,
        number,
        qos: kind === "two" ? 2 : 1,
        retain: kind === "retained",
        payload: `${number} ${"x".repeat(size)}`,
        released: false,
      };
      do {
        this.#packetId = this.#packetId % 65_535 + 1;
      } while (this.#sent.has(this.#packetId));
      this.#sent.set(this.#packetId, sent);
      this.#publish(this.#packetId, sent, false);
    }
  }

  protected override receive(packet: Packet): void {
    if (!("packetId" in packet) || packet.packetId === undefined) return;
    const { packetId } = packet;
    const sent = this.#sent.get(packetId);
    switch (packet.type) {
      case "puback":
      case "pubrec": {
        // 0x10: nobody has subscribed yet.
        if (packet.reasonCode >= 0x80) {
          this.ledger.problem(
            `${this.name} got ${packet.type} ${packet.reasonCode}`,
          );
        }
        if (sent === undefined) return;
        const topic = this.ledger.topic(sent.topic);
        topic.acknowledged = Math.max(topic.acknowledged, sent.number);
        this.acknowledged++;
        if (packet.type === "pubrec") {
          sent.released = true;
          return this.send({ type: "pubrel", packetId, reasonCode: 0 });
        }
        break;
      }
      case "pubcomp":
        break;
      default:
        return;
    }
    this.#sent.delete(packetId);
    this.pump();
  }
}
