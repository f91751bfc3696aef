/**
 * The sending half of a session: messages until they are settled, over as many
 * connections as that takes.
 */

import {
  type Acknowledgement,
  type Delivery,
  Frame,
  type ProtocolVersion,
  type PublishPacket,
  ReasonCode,
  Sender,
} from "../codec/mod.ts";
import { Backlog, type Publication } from "./_backlog.ts";
import type { Capabilities } from "./_capabilities.ts";
import type { Connection } from "./_connection.ts";
import { RequestError } from "./error.ts";
import { OutgoingApplicationMessage } from "./message.ts";
import type { OfflineQueueOptions } from "./options.ts";
import { describeReason } from "./_reason.ts";
import type { PendingSet } from "./_pending.ts";
import type { Requests } from "./_requests.ts";

/** There are so many packet identifiers. */
const IDENTIFIERS = 65_535;

const DUP = 0x08;

export class Publisher {
  readonly #version: ProtocolVersion;
  readonly #promises: PendingSet;
  readonly #requests: Requests;
  readonly #sender = new Sender<Publication>();
  /** Sent and not settled, by packet identifier. */
  readonly #sent = new Map<number, Publication>();
  /** Not sent yet, in order. */
  readonly #backlog: Backlog;
  /** Of earlier connections, and not sent again on this one yet. */
  readonly #resend = new Map<number, Delivery<Publication>>();
  /** Those whose PUBREL was sent again on this connection. */
  readonly #recovering = new Set<number>();
  #connection: Connection | undefined;

  /**
   * @param version The protocol version.
   * @param promises Where the promises of publications belong.
   * @param requests What else packet identifiers are in use for.
   * @param limits How much may wait for a connection.
   * @throws {RangeError} If a limit is none.
   */
  constructor(
    version: ProtocolVersion,
    promises: PendingSet,
    requests: Requests,
    limits: OfflineQueueOptions | undefined,
  ) {
    this.#version = version;
    this.#promises = promises;
    this.#requests = requests;
    this.#backlog = new Backlog(limits);
  }

  /** A packet identifier that is not in use. */
  nextId(): number {
    return this.#sender.nextId(this.#taken);
  }

  readonly #taken = (packetId: number) => this.#requests.has(packetId);

  /**
   * Sends a message, or has it wait for its turn.
   *
   * @param capabilities What the broker can do; `undefined` without one.
   * @throws {QueueFullError} If there is no connection and no room to wait.
   * @throws {RequestError} If the broker cannot do it.
   */
  publish(
    packet: PublishPacket,
    capabilities: Capabilities | undefined,
    signal: AbortSignal | undefined,
  ): Promise<OutgoingApplicationMessage> {
    // the packet identifier is patched in later
    const frame = Frame.encode(
      packet.qos === 0 ? packet : { ...packet, packetId: 1 },
      this.#version,
    );
    if (capabilities === undefined) this.#backlog.check(frame);
    const refusal = capabilities?.refusal({ packet, frame });
    if (refusal !== undefined) throw refusal;
    const pending = this.#promises.open<OutgoingApplicationMessage>(
      signal,
      signal && (() => this.#backlog.drop(publication)),
    );
    const publication: Publication = {
      packet,
      frame,
      flags: packet.qos << 1 | (packet.retain ? 1 : 0),
      exchange: {},
      pending,
      waiting: false,
    };
    this.#backlog.push(publication);
    if (capabilities !== undefined) this.#pump();
    return pending.promise;
  }

  /**
   * The session is over. What somebody waits for is sent anew, as if it never
   * was, but for what the broker has taken over with PUBREC [MQTT-4.3.3-8].
   */
  clear(): void {
    const anew: Publication[] = [];
    for (const { packetId, message } of this.#sender.unsettled()) {
      if (message === undefined) this.#succeed(this.#sent.get(packetId));
      else if (!message.pending.settled) anew.push(message);
    }
    this.#sender.clear();
    this.#sent.clear();
    this.#backlog.restore(anew);
  }

  /** A connection is open. */
  start(connection: Connection, capabilities: Capabilities): void {
    this.#connection = connection;
    this.#sender.restart(capabilities.window); // [MQTT-3.3.4-7]
    for (const { packetId, message } of [...this.#sender.unsettled()]) {
      // The broker can do less than it could.
      const refusal = message && capabilities.refusal(message);
      if (refusal === undefined) continue;
      this.#sender.cancel(packetId);
      this.#sent.delete(packetId);
      message!.pending.reject(refusal);
    }
    // [MQTT-4.4.0-1] [MQTT-4.6.0-1] in the order in which they went out first
    for (const delivery of this.#sender.unsettled()) {
      const { packetId, message } = delivery;
      if (message !== undefined) {
        this.#resend.set(packetId, delivery);
      } else {
        // [MQTT-4.9.0-3] [MQTT-3.3.4-8] no quota holds PUBREL back
        this.#sender.resent();
        this.#recovering.add(packetId);
        this.#release(packetId);
      }
    }
    this.#sendAgain();
    this.#sendBacklog(capabilities);
  }

  /** What waited for the connection. */
  #sendBacklog(capabilities: Capabilities): void {
    const rest: Publication[] = [];
    // A handler of the application may disconnect.
    while (this.#connection!.connected) {
      const publication = this.#backlog.shift();
      if (publication === undefined) break;
      const refusal = capabilities.refusal(publication);
      if (refusal !== undefined) publication.pending.reject(refusal);
      else if (publication.packet.qos === 0 || this.#room) {
        this.#send(publication);
      } else rest.push(publication);
    }
    this.#backlog.restore(rest);
  }

  /** The connection is gone, but another is to come. */
  pause(): void {
    this.#connection = undefined;
    this.#resend.clear();
    this.#recovering.clear();
  }

  /** The connection is gone for good. The promises were told already. */
  stop(): void {
    this.pause();
    this.#backlog.clear();
  }

  puback(packet: Acknowledgement): void {
    const delivery = this.#sender.puback(packet.packetId);
    if (delivery === undefined) return;
    delivery.message!.exchange.puback = packet;
    this.#settle(packet);
  }

  pubrec(packet: Acknowledgement): void {
    const { packetId, reasonCode } = packet;
    const failed = reasonCode >= 0x80;
    const delivery = this.#sender.pubrec(packetId, failed);
    if (delivery !== undefined) {
      this.#resend.delete(packetId);
      this.#sent.get(packetId)!.exchange.pubrec = packet;
    }
    if (failed) {
      // [MQTT-4.4.0-2]
      if (delivery !== undefined) this.#settle(packet);
      return;
    }
    // [MQTT-4.3.3-4] [MQTT-4.6.0-4]
    this.#release(
      packetId,
      delivery === undefined
        ? ReasonCode.PacketIdentifierNotFound
        : ReasonCode.Success,
    );
  }

  #release(packetId: number, reasonCode?: ReasonCode): void {
    const pubrel = this.#connection!.acknowledge(
      "pubrel",
      packetId,
      reasonCode,
    );
    const publication = this.#sent.get(packetId);
    if (publication !== undefined) publication.exchange.pubrel = pubrel;
  }

  pubcomp(packet: Acknowledgement): void {
    if (!this.#sender.pubcomp(packet.packetId)) return;
    this.#sent.get(packet.packetId)!.exchange.pubcomp = packet;
    // During recovery 0x92 is no failure (section 3.7.2.1): PUBCOMP came before,
    // and was lost with its connection.
    const recovered = this.#recovering.delete(packet.packetId);
    this.#settle(
      recovered ? { ...packet, reasonCode: ReasonCode.Success } : packet,
    );
  }

  /** The delivery is over, and makes room for another. */
  #settle({ packetId, reasonCode, properties }: Acknowledgement): void {
    const publication = this.#sent.get(packetId);
    this.#sent.delete(packetId);
    this.#resend.delete(packetId);
    if (reasonCode >= 0x80) {
      publication?.pending.reject(
        new RequestError(
          `Cannot publish: the broker refused it, ${
            describeReason(reasonCode, properties)
          }`,
          [reasonCode],
          properties === undefined ? {} : { properties },
        ),
      );
    } else this.#succeed(publication);
    this.#pump();
  }

  #succeed(publication: Publication | undefined): void {
    if (publication === undefined) return;
    const { packet, exchange, pending } = publication;
    pending.resolve(new OutgoingApplicationMessage(packet, exchange));
  }

  /** Whether one more may be sent. */
  get #room(): boolean {
    return this.#connection!.connected && this.#sender.ready &&
      this.#resend.size === 0 &&
      this.#sender.size + this.#requests.size < IDENTIFIERS;
  }

  /** Sends as much as the broker takes. */
  #pump(): void {
    this.#sendAgain();
    while (this.#backlog.size > 0 && this.#room) {
      this.#send(this.#backlog.shift()!);
    }
  }

  #sendAgain(): void {
    for (const [packetId, { message }] of this.#resend) {
      if (!this.#sender.ready) return;
      this.#resend.delete(packetId);
      this.#sender.resent();
      // [MQTT-3.3.1-1]
      this.#connection!.sendFrame(message!, DUP);
    }
  }

  #send(publication: Publication): void {
    const { packet } = publication;
    if (packet.qos === 0) {
      this.#connection!.sendFrame(publication);
      return this.#succeed(publication);
    }
    const delivery = this.#sender.send(publication, packet.qos, this.#taken);
    packet.packetId = delivery.packetId;
    this.#sent.set(delivery.packetId, publication);
    this.#connection!.sendFrame(publication);
  }
}
