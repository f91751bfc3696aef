/**
 * What applications exchange, and the packets that it took.
 *
 * @module
 */

import {
  type Acknowledgement,
  type PublishPacket,
  type PublishProperties,
  type Qos,
  ReasonCode,
  type ReasonProperties,
} from "../codec/mod.ts";
import type { AcknowledgementView, PublishView } from "./packet_view.ts";

const decoder = new TextDecoder();

/**
 * What follows PUBLISH at QoS 1 and 2: each packet is `undefined` until it is
 * sent or received.
 */
export interface Exchange {
  /** PUBACK. */
  puback?: Acknowledgement | undefined;
  /** PUBREC. */
  pubrec?: Acknowledgement | undefined;
  /** PUBREL. */
  pubrel?: Acknowledgement | undefined;
  /** PUBCOMP. */
  pubcomp?: Acknowledgement | undefined;
  /** Acknowledges the message, where that is left to the application. */
  ack?(): void;
}

/** A message, sent or received. */
export abstract class ApplicationMessage {
  /** Whether the client received it or sent it. */
  abstract readonly direction: "incoming" | "outgoing";

  /** The topic name. */
  readonly topic: string;

  /** The payload. */
  readonly payload: Uint8Array;

  /** The quality of service it was sent with. */
  readonly qos: Qos;

  /**
   * Received: whether it was retained before the subscription was made. Sent:
   * whether the broker is to retain it.
   */
  readonly retain: boolean;

  /** Whether it may have been delivered before. */
  readonly dup: boolean;

  /** The packet identifier; `undefined` at QoS 0. */
  readonly packetId: number | undefined;

  /** The properties of PUBLISH (5.0). */
  readonly properties: PublishProperties | undefined;

  /** What followed PUBLISH. */
  protected readonly exchange: Exchange | undefined;

  /**
   * Makes a message.
   *
   * @param packet Its PUBLISH.
   * @param topic The topic name.
   * @param payload The payload.
   * @param properties The properties.
   * @param exchange What followed, or is to follow.
   */
  protected constructor(
    packet: PublishPacket,
    topic: string,
    payload: Uint8Array,
    properties: PublishProperties | undefined,
    exchange: Exchange | undefined,
  ) {
    this.topic = topic;
    this.payload = payload;
    this.qos = packet.qos;
    this.retain = packet.retain;
    this.dup = packet.dup;
    this.packetId = packet.packetId;
    this.properties = properties;
    this.exchange = exchange;
  }

  /** The payload: its name in HBMQTT. */
  get data(): Uint8Array {
    return this.payload;
  }

  /**
   * The payload as text.
   *
   * @returns The text; what is not UTF-8 becomes U+FFFD.
   */
  text(): string {
    return decoder.decode(this.payload);
  }

  /** PUBLISH. */
  get publishPacket(): PublishView {
    return this.buildPublishPacket(this.dup);
  }

  /**
   * PUBLISH, as it would be sent.
   *
   * @param dup Whether it says that it may have been delivered before.
   * @returns The packet.
   */
  buildPublishPacket(dup = false): PublishView {
    const { topic, packetId, properties, payload, qos, retain } = this;
    return {
      type: "publish",
      fixedHeader: { dup, qos, retain },
      variableHeader: { topicName: topic, packetId, properties },
      payload: { data: payload },
    };
  }

  /** PUBACK; `undefined` where there is none (yet). */
  get pubackPacket(): AcknowledgementView<"puback"> | undefined {
    return viewOf("puback", this.exchange?.puback);
  }

  /** PUBREC; `undefined` where there is none (yet). */
  get pubrecPacket(): AcknowledgementView<"pubrec"> | undefined {
    return viewOf("pubrec", this.exchange?.pubrec);
  }

  /** PUBREL; `undefined` where there is none (yet). */
  get pubrelPacket(): AcknowledgementView<"pubrel"> | undefined {
    return viewOf("pubrel", this.exchange?.pubrel);
  }

  /** PUBCOMP; `undefined` where there is none (yet). */
  get pubcompPacket(): AcknowledgementView<"pubcomp"> | undefined {
    return viewOf("pubcomp", this.exchange?.pubcomp);
  }
}

/** A message that was received. Its payload is in memory of its own. */
export class IncomingApplicationMessage extends ApplicationMessage {
  /** The payload. */
  declare readonly payload: Uint8Array<ArrayBuffer>;

  /**
   * Makes a message of a PUBLISH packet, whose bytes it copies.
   *
   * @param packet The packet.
   * @param topic The topic name, where the packet has only a topic alias.
   * @param exchange What is to follow.
   */
  constructor(
    packet: PublishPacket,
    topic: string = packet.topic,
    exchange?: Exchange,
  ) {
    // Not a pooled copy: an application may transfer the memory to a worker.
    const payload = new Uint8Array(packet.payload);
    super(packet, topic, payload, copyOf(packet.properties), exchange);
  }

  /** It was received. */
  override get direction(): "incoming" {
    return "incoming";
  }

  /** The payload: its name in HBMQTT. */
  override get data(): Uint8Array<ArrayBuffer> {
    return this.payload;
  }

  /**
   * Acknowledges the message, if the client's option `manualAck` leaves that to
   * the application. Acknowledgements go out in the order of the messages: that
   * of one whose predecessors are not acknowledged waits for them
   * [MQTT-4.6.0-2]. At QoS 0, the second time, and after the connection was lost
   * on which the message came, there is nothing to do.
   */
  ack(): void {
    this.exchange?.ack?.();
  }
}

/**
 * A message that was sent, and what became of it. Its payload is what the
 * application gave, not a copy.
 */
export class OutgoingApplicationMessage extends ApplicationMessage {
  /**
   * Makes a message of a PUBLISH packet, whose bytes it does not copy.
   *
   * @param packet The packet.
   * @param exchange What followed.
   */
  constructor(packet: PublishPacket, exchange?: Exchange) {
    const { topic, payload, properties } = packet;
    super(packet, topic, payload, properties, exchange);
  }

  /** It was sent. */
  override get direction(): "outgoing" {
    return "outgoing";
  }

  get #answer(): Acknowledgement | undefined {
    return this.exchange?.puback ?? this.exchange?.pubrec;
  }

  /** 0, or 0x10 if the broker says that nobody has subscribed (5.0). */
  get reasonCode(): ReasonCode {
    return this.#answer?.reasonCode ?? ReasonCode.Success;
  }

  /** The properties of the broker's PUBACK or PUBREC (5.0). */
  get reasonProperties(): ReasonProperties | undefined {
    return this.#answer?.properties;
  }
}

function copyOf(
  properties: PublishProperties | undefined,
): PublishProperties | undefined {
  if (properties === undefined) return undefined;
  // [MQTT-3.3.2-7] the alias means nothing outside of its connection
  const { topicAlias: _, ...copy } = properties;
  const { correlationData } = copy;
  if (correlationData !== undefined) {
    copy.correlationData = new Uint8Array(correlationData);
  }
  return copy;
}

/** A packet in its parts. */
function viewOf<Type extends string>(
  type: Type,
  packet: Acknowledgement | undefined,
): AcknowledgementView<Type> | undefined {
  if (packet === undefined) return undefined;
  const { packetId, reasonCode, properties } = packet;
  return { type, variableHeader: { packetId, reasonCode, properties } };
}
