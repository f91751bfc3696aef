/**
 * The receiving half of a session: messages on their way to the application,
 * and their acknowledgements.
 */

import {
  InboundTopicAliases,
  ProtocolError,
  type PublishPacket,
  Queue,
  ReasonCode,
  Receiver,
} from "../codec/mod.ts";
import type { Connection } from "./_connection.ts";
import type { Inbox } from "./_inbox.ts";
import { ApplicationMessage } from "./message.ts";

/** What acknowledges a message in the inbox once there is room behind it. */
interface Withheld {
  readonly type: "puback" | "pubcomp";
  readonly packetId: number;
}

/** What the client said in CONNECT about receiving. */
export interface ReceiveLimits {
  receiveMaximum: number;
  topicAliasMaximum: number;
}

export class Subscriber {
  /** QoS 0 messages that found the inbox full. */
  dropped = 0;

  readonly #inbox: Inbox;
  readonly #limits: ReceiveLimits;
  readonly #receiver = new Receiver();
  /**
   * Messages of QoS 2 until PUBREL: who gets one may answer at once, and its
   * broker knows by then that it has arrived.
   */
  readonly #unreleased = new Map<number, ApplicationMessage>();
  readonly #withheld = new Queue<Withheld>();
  #aliases = new InboundTopicAliases(0);
  #connection: Connection | undefined;
  /** QoS 1 and 2 messages of this connection that are not acknowledged. */
  #unacknowledged = 0;

  constructor(inbox: Inbox, limits: ReceiveLimits) {
    this.#inbox = inbox;
    this.#limits = limits;
  }

  /** The session is over. */
  clear(): void {
    this.#receiver.clear();
    this.#unreleased.clear();
  }

  /** A connection is open. */
  start(connection: Connection): void {
    this.#connection = connection;
    this.#unacknowledged = 0;
    // [MQTT-3.3.2-7] [MQTT-3.3.2-10]
    this.#aliases = new InboundTopicAliases(this.#limits.topicAliasMaximum);
  }

  /** The connection is gone, and with it what was to be acknowledged on it. */
  stop(): void {
    this.#connection = undefined;
    this.#withheld.clear();
  }

  /** [MQTT-4.5.0-2] [MQTT-3.3.4-1] */
  publish(packet: PublishPacket): void {
    const { topic, qos, packetId } = packet;
    const alias = packet.properties?.topicAlias;
    const name = alias === undefined
      ? topic
      : this.#aliases.resolve(topic, alias);
    if (qos === 0) {
      if (this.#inbox.full) this.dropped++;
      else this.#inbox.push(new ApplicationMessage(packet, name));
      return;
    }
    // [MQTT-4.3.3-10]
    if (qos === 2 && this.#receiver.has(packetId!)) {
      return this.#connection!.acknowledge("pubrec", packetId!);
    }
    if (++this.#unacknowledged > this.#limits.receiveMaximum) {
      throw new ProtocolError(
        `More than ${this.#limits.receiveMaximum} messages are unacknowledged`,
        ReasonCode.ReceiveMaximumExceeded,
      );
    }
    const message = new ApplicationMessage(packet, name);
    if (qos === 1) return this.#deliver(message, "puback", packetId!);
    this.#receiver.receive(packetId!);
    this.#unreleased.set(packetId!, message);
    this.#connection!.acknowledge("pubrec", packetId!); // [MQTT-4.3.3-8]
  }

  /** [MQTT-4.3.3-11] */
  pubrel(packetId: number): void {
    if (!this.#receiver.release(packetId)) {
      return this.#connection!.acknowledge(
        "pubcomp",
        packetId,
        ReasonCode.PacketIdentifierNotFound,
      );
    }
    const message = this.#unreleased.get(packetId)!;
    this.#unreleased.delete(packetId);
    this.#deliver(message, "pubcomp", packetId);
  }

  /**
   * Acknowledges a message only if there is room for it: the broker sends no
   * more than a window of unacknowledged messages, and that bounds the inbox
   * where reading cannot stop.
   */
  #deliver(
    message: ApplicationMessage,
    type: Withheld["type"],
    packetId: number,
  ): void {
    // [MQTT-4.3.2-4] [MQTT-4.6.0-2] what is withheld goes out in its order
    if (this.#inbox.full) this.#withheld.push({ type, packetId });
    else this.#acknowledge(type, packetId);
    this.#inbox.push(message);
  }

  /** The application took a message. */
  taken(): void {
    const withheld = this.#withheld.shift();
    if (withheld !== undefined) {
      this.#acknowledge(withheld.type, withheld.packetId);
    }
  }

  #acknowledge(type: Withheld["type"], packetId: number): void {
    // One of an earlier connection may end here: then none of this one has.
    if (this.#unacknowledged > 0) this.#unacknowledged--;
    this.#connection!.acknowledge(type, packetId);
  }
}
