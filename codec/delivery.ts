/**
 * QoS 1 and 2 delivery (section 4.3) with packet identifiers (2.2.1) and flow
 * control (4.9), without any I/O: the {@linkcode Sender} and the
 * {@linkcode Receiver} that every session has, at both ends.
 *
 * @module
 */

import { ProtocolError } from "./error.ts";
import { PacketIds } from "./_packet_ids.ts";

/** One message that a sender has sent and the receiver not settled. */
export interface Delivery<T> {
  /** The packet identifier. */
  readonly packetId: number;
  /** The quality of service: 1 or 2. */
  readonly qos: 1 | 2;
  /** What is delivered; `undefined` once PUBREC has come and only PUBREL counts. */
  message: T | undefined;
}

/**
 * The sending side of a session: packet identifiers in use, the order of what
 * is unacknowledged, and how much more may be sent.
 */
export class Sender<T> {
  /**
   * Unsettled deliveries by packet identifier, in the order of sending. Made by
   * the first one: most sessions never send above QoS 0.
   */
  #deliveries: PacketIds<Delivery<T>> | undefined;
  #lastId = 0;
  #maximum: number;
  #quota: number;

  /**
   * Makes a sender.
   *
   * @param maximum How many messages may be unacknowledged at a time.
   */
  constructor(maximum = 65_535) {
    this.#maximum = maximum;
    this.#quota = maximum;
  }

  /** How many deliveries are unsettled. */
  get size(): number {
    return this.#deliveries?.size ?? 0;
  }

  /** Whether another message may be sent now. */
  get ready(): boolean {
    // [MQTT-4.9.0-2]; the second is for a session whose identifiers are all used
    return this.#quota > 0 && this.size < 65_535;
  }

  /**
   * A new connection begins: nothing was sent on it yet.
   *
   * @param maximum The Receive Maximum of the peer.
   */
  restart(maximum: number): void {
    this.#maximum = this.#quota = maximum; // [MQTT-4.9.0-1]
  }

  /** Takes from the quota for a delivery that is sent again. */
  resent(): void {
    this.#quota--;
  }

  /**
   * Begins a delivery.
   *
   * @param message What is delivered.
   * @param qos The quality of service.
   * @param taken Whether a packet identifier is in use for something else.
   * @returns The delivery, with the packet identifier to send it with.
   * @throws {RangeError} If all packet identifiers are in use.
   */
  send(
    message: T,
    qos: 1 | 2,
    taken?: (packetId: number) => boolean,
  ): Delivery<T> {
    const packetId = this.nextId(taken);
    this.#quota--;
    const delivery: Delivery<T> = { packetId, qos, message };
    (this.#deliveries ??= new PacketIds()).set(packetId, delivery);
    return delivery;
  }

  /**
   * Takes a delivery back that could not be sent.
   *
   * @param packetId Its packet identifier.
   */
  cancel(packetId: number): void {
    this.#settle(packetId);
  }

  /**
   * The unsettled delivery with a packet identifier.
   *
   * @param packetId The packet identifier.
   * @returns The delivery, if there is one.
   */
  get(packetId: number): Delivery<T> | undefined {
    return this.#deliveries?.get(packetId);
  }

  /**
   * Puts back a delivery of a session that is loaded from a store.
   *
   * @param delivery The delivery as it was.
   */
  restore(delivery: Delivery<T>): void {
    (this.#deliveries ??= new PacketIds()).set(delivery.packetId, delivery);
    this.#lastId = delivery.packetId;
  }

  /**
   * The next packet identifier that is not in use: 1 to 65,535, round and round.
   *
   * @param taken Whether an identifier is in use for something else.
   * @returns The identifier.
   * @throws {RangeError} If all are in use.
   */
  nextId(taken?: (packetId: number) => boolean): number {
    // [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1]
    for (let tries = 0; tries < 65_535; tries++) {
      this.#lastId = this.#lastId % 65_535 + 1;
      if (!this.#deliveries?.has(this.#lastId) && !taken?.(this.#lastId)) {
        return this.#lastId;
      }
    }
    throw new RangeError("Cannot send: all packet identifiers are in use");
  }

  /**
   * PUBACK has come.
   *
   * @param packetId Its packet identifier.
   * @returns The settled delivery, or `undefined` if there is none to settle.
   * @throws {ProtocolError} If the delivery is one of QoS 2.
   */
  puback(packetId: number): Delivery<T> | undefined {
    const delivery = this.#deliveries?.get(packetId);
    if (delivery === undefined) return undefined;
    if (delivery.qos !== 1) throw unexpected("PUBACK", delivery);
    this.#settle(packetId); // [MQTT-4.3.2-3] not before
    return delivery;
  }

  /**
   * PUBREC has come. Answer with PUBREL if it is a success.
   *
   * @param packetId Its packet identifier.
   * @param failed Whether its reason code is 0x80 or more.
   * @returns The delivery, or `undefined` if there is none (PUBREL 0x92).
   * @throws {ProtocolError} If the delivery is one of QoS 1.
   */
  pubrec(packetId: number, failed: boolean): Delivery<T> | undefined {
    const delivery = this.#deliveries?.get(packetId);
    if (delivery === undefined) return undefined;
    if (delivery.qos !== 2) throw unexpected("PUBREC", delivery);
    // [MQTT-4.4.0-2]
    if (failed) this.#settle(packetId);
    // [MQTT-4.3.3-3] [MQTT-4.3.3-6] without its message it is never published again
    else delivery.message = undefined;
    return delivery;
  }

  /**
   * PUBCOMP has come.
   *
   * @param packetId Its packet identifier.
   * @returns Whether it ended a delivery.
   * @throws {ProtocolError} If the delivery has not come to PUBREL.
   */
  pubcomp(packetId: number): boolean {
    const delivery = this.#deliveries?.get(packetId);
    if (delivery === undefined) return false;
    if (delivery.message !== undefined) throw unexpected("PUBCOMP", delivery);
    this.#settle(packetId); // [MQTT-4.3.3-5] not before
    return true;
  }

  /**
   * What is to be sent again on a new connection, in the order it was sent
   * first: PUBLISH where there is a message, else PUBREL.
   *
   * @returns The unsettled deliveries.
   */
  unsettled(): Iterable<Delivery<T>> {
    return this.#deliveries?.values() ?? []; // [MQTT-4.4.0-1] [MQTT-4.6.0-1]
  }

  /** Forgets everything: the session is over. */
  clear(): void {
    this.#deliveries = undefined;
  }

  #settle(packetId: number): void {
    if (!this.#deliveries?.delete(packetId)) return;
    // What was sent on an earlier connection did not take from this quota.
    if (this.#quota < this.#maximum) this.#quota++;
  }
}

/**
 * An acknowledgement that does not belong to the delivery whose packet
 * identifier it has contradicts the state of both ends (section 1.2, "Protocol
 * Error"). Of one that belongs to none, the peer is told, or it is late.
 */
function unexpected(
  what: string,
  { packetId, qos, message }: Delivery<unknown>,
): ProtocolError {
  const expected = qos === 1
    ? "PUBACK"
    : message === undefined
    ? "PUBCOMP"
    : "PUBREC";
  return new ProtocolError(
    `${what} has packet identifier ${packetId}, of which ${expected} is expected`,
  );
}

/** The receiving side of a session: QoS 2 messages that were not released. */
export class Receiver {
  /** Made by the first QoS 2 message: most sessions never see one. */
  #packetIds: Set<number> | undefined;

  /** How many QoS 2 messages await PUBREL. */
  get size(): number {
    return this.#packetIds?.size ?? 0;
  }

  /** The packet identifiers that await PUBREL. */
  get packetIds(): Iterable<number> {
    return this.#packetIds ?? [];
  }

  /**
   * Whether a message with this packet identifier was received before.
   *
   * @param packetId The packet identifier of a QoS 2 PUBLISH.
   * @returns Whether it is a repetition.
   */
  has(packetId: number): boolean {
    return this.#packetIds?.has(packetId) ?? false; // [MQTT-4.3.3-10]
  }

  /**
   * A QoS 2 message was taken over: answer it with PUBREC.
   *
   * @param packetId Its packet identifier.
   */
  receive(packetId: number): void {
    (this.#packetIds ??= new Set()).add(packetId);
  }

  /**
   * PUBREL has come: answer it with PUBCOMP.
   *
   * @param packetId Its packet identifier.
   * @returns Whether there was such a message; if not, PUBCOMP says 0x92.
   */
  release(packetId: number): boolean {
    return this.#packetIds?.delete(packetId) ?? false; // [MQTT-4.3.3-12]
  }

  /** Forgets everything: the session is over. */
  clear(): void {
    this.#packetIds = undefined;
  }
}
