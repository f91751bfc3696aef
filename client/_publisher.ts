/**
 * The sending half of a session: QoS 1 and 2 messages until they are settled,
 * over as many connections as that takes.
 */

import {
  type Acknowledgement,
  type Delivery,
  Frame,
  type ProtocolVersion,
  type PublishPacket,
  Queue,
  ReasonCode,
  Sender,
} from "../codec/mod.ts";
import type { Connection } from "./_connection.ts";
import { RequestError } from "./error.ts";
import { describeReason } from "./_reason.ts";
import type { Pending, PendingSet } from "./_pending.ts";
import type { PublishResult } from "./options.ts";
import type { Requests } from "./_requests.ts";

/** There are so many packet identifiers. */
const IDENTIFIERS = 65_535;

const DUP = 0x08;

/** A message as it is kept until it is settled. */
interface Outgoing {
  readonly frame: Frame;
  /** QoS and RETAIN, as in the fixed header. */
  readonly flags: number;
}

/** A message that waits for the broker to take more. */
interface Waiting extends Outgoing {
  readonly qos: 1 | 2;
  readonly pending: Pending<PublishResult>;
}

export class Publisher {
  readonly #version: ProtocolVersion;
  readonly #promises: PendingSet;
  readonly #requests: Requests;
  readonly #sender = new Sender<Outgoing>();
  /** Who waits for the end of which delivery. */
  readonly #pending = new Map<number, Pending<PublishResult>>();
  /** Not sent yet, in order. */
  readonly #queue = new Queue<Waiting>();
  /** Of earlier connections, and not sent again on this one yet. */
  readonly #resend = new Map<number, Delivery<Outgoing>>();
  #connection: Connection | undefined;

  /**
   * @param version The protocol version.
   * @param promises Where the promises of publications belong.
   * @param requests What else packet identifiers are in use for.
   */
  constructor(
    version: ProtocolVersion,
    promises: PendingSet,
    requests: Requests,
  ) {
    this.#version = version;
    this.#promises = promises;
    this.#requests = requests;
  }

  /** A packet identifier that is not in use. */
  nextId(): number {
    return this.#sender.nextId(this.#taken);
  }

  readonly #taken = (packetId: number) => this.#requests.has(packetId);

  /** Sends a message, or has it wait for its turn. */
  publish(
    packet: PublishPacket,
    signal: AbortSignal | undefined,
  ): Promise<PublishResult> {
    // the packet identifier is patched in later
    const frame = Frame.encode({ ...packet, packetId: 1 }, this.#version);
    this.#connection!.checkSize(frame);
    const pending = this.#promises.open<PublishResult>(signal);
    this.#queue.push({
      frame,
      qos: packet.qos as 1 | 2,
      flags: packet.qos << 1 | (packet.retain ? 1 : 0),
      pending,
    });
    this.#pump();
    return pending.promise;
  }

  /** The session is over: what is unsettled is forgotten. */
  clear(): void {
    this.#sender.clear();
  }

  /**
   * A connection is open.
   *
   * @param receiveMaximum How much the broker takes at a time.
   */
  start(connection: Connection, receiveMaximum: number): void {
    this.#connection = connection;
    this.#sender.restart(receiveMaximum); // [MQTT-3.3.4-7]
    for (const { packetId, message } of [...this.#sender.unsettled()]) {
      // The broker takes smaller packets only than it did.
      if (message !== undefined && !connection.fits(message.frame)) {
        this.#sender.cancel(packetId);
      }
    }
    // [MQTT-4.4.0-1] [MQTT-4.6.0-1] in the order in which they went out first
    for (const delivery of this.#sender.unsettled()) {
      const { packetId, message } = delivery;
      if (message !== undefined) {
        this.#resend.set(packetId, delivery);
      } else {
        // [MQTT-4.9.0-3] no quota holds PUBREL back
        this.#sender.resent();
        connection.acknowledge("pubrel", packetId);
      }
    }
    this.#pump();
  }

  /** The connection is gone. The promises were told already. */
  stop(): void {
    this.#connection = undefined;
    this.#pending.clear();
    this.#queue.clear();
    this.#resend.clear();
  }

  puback(packet: Acknowledgement): void {
    if (this.#sender.puback(packet.packetId) === undefined) return;
    this.#settle(packet);
  }

  pubrec(packet: Acknowledgement): void {
    const { packetId, reasonCode } = packet;
    const failed = reasonCode >= 0x80;
    const delivery = this.#sender.pubrec(packetId, failed);
    if (delivery !== undefined) this.#resend.delete(packetId);
    if (failed) {
      // [MQTT-4.4.0-2]
      if (delivery !== undefined) this.#settle(packet);
      return;
    }
    // [MQTT-4.3.3-4] [MQTT-4.6.0-4]
    this.#connection!.acknowledge(
      "pubrel",
      packetId,
      delivery === undefined
        ? ReasonCode.PacketIdentifierNotFound
        : ReasonCode.Success,
    );
  }

  pubcomp(packet: Acknowledgement): void {
    if (this.#sender.pubcomp(packet.packetId)) this.#settle(packet);
  }

  /** The delivery is over, and makes room for another. */
  #settle(packet: Acknowledgement): void {
    const { packetId, reasonCode, properties } = packet;
    this.#resend.delete(packetId);
    const pending = this.#pending.get(packetId);
    this.#pending.delete(packetId);
    if (reasonCode >= 0x80) {
      pending?.reject(
        new RequestError(
          `Cannot publish: the broker refused it, ${
            describeReason(reasonCode, properties)
          }`,
          [reasonCode],
          properties === undefined ? {} : { properties },
        ),
      );
    } else {
      pending?.resolve({
        packetId,
        reasonCode,
        ...(properties === undefined ? {} : { properties }),
      });
    }
    this.#pump();
  }

  /** Sends as much as the broker takes. */
  #pump(): void {
    const sender = this.#sender;
    const connection = this.#connection!;
    for (const [packetId, { message }] of this.#resend) {
      if (!sender.ready) return;
      this.#resend.delete(packetId);
      sender.resent();
      // [MQTT-3.3.1-1]
      connection.sendFrame(message!.frame, message!.flags | DUP, packetId);
    }
    while (
      this.#queue.size > 0 && sender.ready &&
      sender.size + this.#requests.size < IDENTIFIERS
    ) {
      const { frame, flags, qos, pending } = this.#queue.shift()!;
      if (pending.settled) continue; // gave up waiting
      const { packetId } = sender.send(
        { frame, flags },
        qos,
        this.#taken,
      );
      this.#pending.set(packetId, pending);
      connection.sendFrame(frame, flags, packetId);
    }
  }
}
