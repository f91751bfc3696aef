/**
 * The receiving half of a session: messages on their way to the application,
 * and their acknowledgements.
 */

import {
  type Acknowledgement,
  InboundTopicAliases,
  ProtocolError,
  type PublishPacket,
  Queue,
  ReasonCode,
  Receiver,
} from "../codec/mod.ts";
import type { Connection } from "./_connection.ts";
import type { Inbox } from "./_inbox.ts";
import { IncomingApplicationMessage } from "./message.ts";
import { Receipt } from "./_receipt.ts";

/** What the client said about receiving. */
export interface ReceiveOptions {
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  /** Whether the application acknowledges. */
  readonly manualAck: boolean;
}

/** A message of QoS 2 that awaits PUBREL. */
interface Unreleased {
  /** What is delivered at PUBREL, unless it was before. */
  readonly message: IncomingApplicationMessage | undefined;
  readonly receipt: Receipt;
}

export class Subscriber {
  /** QoS 0 messages that found an inbox full. */
  dropped = 0;

  readonly #inboxesOf: (
    message: IncomingApplicationMessage,
  ) => readonly Inbox[];
  readonly #options: ReceiveOptions;
  readonly #receiver = new Receiver();
  /**
   * Messages of QoS 2 until PUBREL: who gets one may answer at once, and its
   * broker knows by then that it has arrived.
   */
  readonly #unreleased = new Map<number, Unreleased>();
  /** Of QoS 2, and delivered, but not acknowledged by the application. */
  readonly #unacked = new Map<number, Receipt>();
  /** What is to be acknowledged on this connection, in its order. */
  readonly #withheld = new Queue<Receipt>();
  #aliases = new InboundTopicAliases(0);
  #connection: Connection | undefined;
  /** QoS 1 and 2 messages of this connection that are not acknowledged. */
  #unacknowledged = 0;

  /** @param inboxesOf Where a message goes. */
  constructor(
    inboxesOf: (message: IncomingApplicationMessage) => readonly Inbox[],
    options: ReceiveOptions,
  ) {
    this.#inboxesOf = inboxesOf;
    this.#options = options;
  }

  /** The session is over. */
  clear(): void {
    this.#receiver.clear();
    this.#unreleased.clear();
    this.#unacked.clear();
  }

  /** A connection is open. */
  start(connection: Connection): void {
    this.#connection = connection;
    this.#unacknowledged = 0;
    // [MQTT-3.3.2-7] [MQTT-3.3.2-10]
    this.#aliases = new InboundTopicAliases(this.#options.topicAliasMaximum);
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
      return this.#deliver(new IncomingApplicationMessage(packet, name));
    }
    // [MQTT-4.3.3-10]
    if (qos === 2 && this.#receiver.has(packetId!)) {
      this.#connection!.acknowledge("pubrec", packetId!);
      return;
    }
    const { receiveMaximum, manualAck } = this.#options;
    if (++this.#unacknowledged > receiveMaximum) {
      throw new ProtocolError(
        `More than ${receiveMaximum} messages are unacknowledged`,
        ReasonCode.ReceiveMaximumExceeded,
      );
    }
    const delivered = this.#unacked.get(packetId!);
    if (qos === 2 && delivered !== undefined) return this.#withhold(delivered);
    const receipt = new Receipt(
      qos === 1 ? "puback" : manualAck ? "pubrec" : "pubcomp",
      packetId!,
      manualAck,
      this.#acknowledgeNext,
    );
    const message = new IncomingApplicationMessage(packet, name, receipt);
    if (qos === 1) return this.#deliver(message, receipt);
    if (manualAck) {
      this.#unacked.set(packetId!, receipt);
      return this.#deliver(message, receipt);
    }
    this.#accept(receipt, message);
  }

  /** Takes a message of QoS 2 over. [MQTT-4.3.3-8] */
  #accept(receipt: Receipt, message?: IncomingApplicationMessage): void {
    const { packetId } = receipt;
    this.#receiver.receive(packetId);
    this.#unreleased.set(packetId, { message, receipt });
    receipt.pubrec = this.#connection!.acknowledge("pubrec", packetId);
  }

  /** [MQTT-4.3.3-11] */
  pubrel(packet: Acknowledgement): void {
    const { packetId } = packet;
    if (!this.#receiver.release(packetId)) {
      this.#connection!.acknowledge(
        "pubcomp",
        packetId,
        ReasonCode.PacketIdentifierNotFound,
      );
      return;
    }
    const { message, receipt } = this.#unreleased.get(packetId)!;
    this.#unreleased.delete(packetId);
    receipt.pubrel = packet;
    if (message === undefined) this.#complete(receipt, "pubcomp");
    else this.#deliver(message, receipt);
  }

  /**
   * Acknowledges a message only if there is room for it: the broker sends no
   * more than a window of unacknowledged messages, and that bounds the inboxes
   * where reading cannot stop.
   */
  #deliver(message: IncomingApplicationMessage, receipt?: Receipt): void {
    const inboxes = this.#inboxesOf(message);
    for (const inbox of inboxes) {
      if (receipt === undefined && inbox.full) this.dropped++;
      else inbox.push(message, receipt);
    }
    if (receipt === undefined) return;
    if (inboxes.length === 0) receipt.ack(); // nobody else will
    this.#withhold(receipt);
  }

  /** [MQTT-4.3.2-4] [MQTT-4.6.0-2] what is withheld goes out in its order */
  #withhold(receipt: Receipt): void {
    if (receipt.free && this.#withheld.size === 0) {
      this.#acknowledge(receipt);
    } else {
      this.#withheld.push(receipt);
      this.#acknowledgeNext();
    }
  }

  readonly #acknowledgeNext = (): void => {
    while (this.#withheld.peek()?.free) {
      // [MQTT-4.6.0-3]
      this.#acknowledge(this.#withheld.shift()!);
    }
  };

  #acknowledge(receipt: Receipt): void {
    if (receipt.type === "pubrec") {
      this.#unacked.delete(receipt.packetId);
      this.#accept(receipt);
    } else this.#complete(receipt, receipt.type);
  }

  #complete(receipt: Receipt, type: "puback" | "pubcomp"): void {
    // One of an earlier connection may end here: then none of this one has.
    if (this.#unacknowledged > 0) this.#unacknowledged--;
    receipt[type] = this.#connection!.acknowledge(type, receipt.packetId);
  }
}
