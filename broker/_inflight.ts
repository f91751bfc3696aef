/**
 * The messages that were sent to a client and are not settled: what they are
 * acknowledged with, how much of them there may be, and which have to be sent
 * again (4.3, 4.4).
 */

import {
  type Delivery,
  type PubrelPacket,
  ReasonCode,
  Sender,
} from "../codec/mod.ts";
import type { Waiting } from "./_backlog.ts";
import type { Held } from "./_held.ts";
import type { Message } from "./message.ts";
import type { Change } from "./store.ts";

/** Whose messages they are. */
export interface Owner {
  readonly clientId: string;
  /** Whether messages are kept for it while it is away. */
  readonly persistent: boolean;
  /** Notes a change in the store, if that is to have it. */
  record(change: Change): void;
}

export class Inflight {
  readonly #owner: Owner;
  /** Above so many bytes only one message at a time is sent. */
  readonly #most: number;
  readonly #held: Held;
  readonly #sender = new Sender<Waiting>();
  /** Ids of deliveries whose message the sender has let go: for the store. */
  #released: Map<number, number> | undefined;
  /** From an earlier connection: to be sent again before anything else. */
  #resend: Delivery<Waiting>[] = [];
  /** The one that was put in last. */
  #restored: Delivery<Waiting> | undefined;
  /** What `#sender` keeps, in bytes. */
  #bytes = 0;

  constructor(owner: Owner, most: number, held: Held) {
    this.#owner = owner;
    this.#most = most;
    this.#held = held;
  }

  /** How many there are. */
  get size(): number {
    return this.#sender.size;
  }

  /** Whether the client takes another QoS 1 or 2 message now. */
  get ready(): boolean {
    // One always goes, also where nothing may be queued.
    return this.#sender.ready &&
      (this.#bytes === 0 || this.#bytes < this.#most);
  }

  /** Whether `resendNext` has something to send again. */
  get unsent(): boolean {
    return this.#resend.length > 0;
  }

  /**
   * A connection begins.
   *
   * @param quota How many messages may be on their way.
   */
  restart(quota: number): void {
    this.#restored = undefined;
    this.#sender.restart(quota);
    // [MQTT-4.4.0-1], those first that no quota holds back [MQTT-3.3.4-10]
    // and whatever has expired meanwhile [MQTT-4.3.3-7]
    const unsettled = [...this.#sender.unsettled()];
    this.#resend = [
      ...unsettled.filter(({ message }) => message === undefined),
      ...unsettled.filter(({ message }) => message !== undefined),
    ];
  }

  /** The connection is over. */
  pause(): void {
    this.#resend = [];
  }

  /**
   * Has what is to be sent again sent, one after the other.
   *
   * @param send Sends the message, or PUBREL if there is none any more; it is
   * told the packet identifier.
   * @returns Whether there was something, and the quota allowed it.
   */
  resendNext(
    send: (outgoing: Waiting | undefined, packetId: number) => void,
  ): boolean {
    const delivery = this.#resend[0];
    if (delivery === undefined) return false;
    const { message, packetId } = delivery;
    // Else it was acknowledged while it waited.
    if (this.#sender.get(packetId) === delivery) {
      // PUBREL waits for no quota: its message is settled by PUBCOMP only
      // [MQTT-3.3.4-9].
      if (message !== undefined && !this.#sender.ready) return false;
      this.#sender.resent();
      send(message, packetId);
    }
    this.#resend.shift();
    return true;
  }

  /**
   * Takes a message in that is about to be sent.
   *
   * @returns Its packet identifier.
   */
  add(outgoing: Waiting): number {
    this.#hold(outgoing.message);
    return this.#sender.send(outgoing, outgoing.qos).packetId;
  }

  /** Lets go of a message that could not be sent. */
  cancel(packetId: number, { message }: Waiting): void {
    this.#sender.cancel(packetId);
    this.#letGo(message);
  }

  /**
   * Takes out what may go to another member of its shared subscription: QoS 1
   * messages. One of QoS 2 is completed with this client or not at all
   * [MQTT-4.8.2-4] [MQTT-4.8.2-5].
   */
  withdraw(holds: (outgoing: Waiting) => boolean): Waiting[] {
    const out: Waiting[] = [];
    for (const { message, packetId, qos } of [...this.#sender.unsettled()]) {
      if (message === undefined || qos === 2 || !holds(message)) continue;
      this.cancel(packetId, message);
      out.push(message);
    }
    return out;
  }

  /** PUBACK has come. */
  puback(packetId: number): void {
    const delivery = this.#sender.puback(packetId);
    if (delivery === undefined) return;
    const { id, message } = delivery.message!;
    this.#letGo(message);
    this.#settled(id);
  }

  /** PUBREC has come; returns the PUBREL to answer with. */
  pubrec(packetId: number, reasonCode: ReasonCode): PubrelPacket | undefined {
    const failed = reasonCode >= 0x80;
    const outgoing = this.#sender.get(packetId)?.message;
    if (this.#sender.pubrec(packetId, failed) === undefined) {
      const reasonCode = ReasonCode.PacketIdentifierNotFound;
      return failed ? undefined : { type: "pubrel", packetId, reasonCode };
    }
    if (outgoing !== undefined) {
      const { clientId } = this.#owner;
      const { id, message } = outgoing;
      this.#letGo(message);
      if (failed) {
        this.#settled(id); // [MQTT-4.8.2-6] it goes to nobody else
      } else if (this.#owner.persistent) {
        (this.#released ??= new Map()).set(packetId, id);
        this.#owner.record({ type: "release", clientId, id });
      }
    } else if (failed) {
      this.#settleReleased(packetId);
    }
    if (this.#resend.length > 0 && !failed) this.#answered(packetId);
    // [MQTT-4.3.3-4]
    return failed ? undefined : { type: "pubrel", packetId, reasonCode: 0 };
  }

  /** The PUBREL of the answer is the one that was to be sent again. */
  #answered(packetId: number): void {
    const at = this.#resend.findIndex((one) => one.packetId === packetId);
    if (at < 0) return;
    this.#resend.splice(at, 1);
    this.#sender.resent();
  }

  /** PUBCOMP has come. */
  pubcomp(packetId: number): void {
    if (this.#sender.pubcomp(packetId)) this.#settleReleased(packetId);
  }

  #settleReleased(packetId: number): void {
    const id = this.#released?.get(packetId);
    if (id === undefined) return;
    this.#released!.delete(packetId);
    this.#settled(id);
  }

  /** Puts a message in that was sent before the broker was started. */
  restore(outgoing: Waiting, packetId: number): void {
    const { qos, message } = outgoing;
    this.#hold(message);
    this.#restored = { packetId, qos, message: outgoing };
    this.#sender.restore(this.#restored);
  }

  /** Marks a message as received by the client, before the broker was started. */
  restoreReleased(id: number): void {
    const isIt = (one?: Delivery<Waiting>) => one?.message?.id === id;
    // As a rule it is the last one: of 65,535 not each is looked for.
    const delivery = isIt(this.#restored)
      ? this.#restored
      : Iterator.from(this.#sender.unsettled()).find(isIt);
    if (delivery?.message === undefined) return;
    this.#letGo(delivery.message.message);
    delivery.message = undefined;
    (this.#released ??= new Map()).set(delivery.packetId, id);
  }

  /** The session is over: nothing is kept for it. */
  end(): void {
    for (const { message } of this.#sender.unsettled()) {
      if (message !== undefined) this.#letGo(message.message);
    }
    this.#sender.clear();
    this.#resend = [];
    this.#released = undefined;
  }

  #hold(message: Message): void {
    const { size } = message;
    this.#bytes += size;
    this.#held.add(message, size);
  }

  #letGo(message: Message): void {
    const { size } = message;
    this.#bytes -= size;
    this.#held.remove(message, size);
  }

  #settled(id: number): void {
    const { clientId } = this.#owner;
    this.#owner.record({ type: "settle", clientId, id });
  }
}
