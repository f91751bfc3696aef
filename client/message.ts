/**
 * What applications exchange.
 *
 * @module
 */

import type { PublishPacket, PublishProperties, Qos } from "../codec/mod.ts";

const decoder = new TextDecoder();

/** A message that was received. */
export class ApplicationMessage {
  /** The topic name. */
  readonly topic: string;

  /** The payload, in memory of its own. */
  readonly payload: Uint8Array<ArrayBuffer>;

  /** The quality of service it came with. */
  readonly qos: Qos;

  /** Whether it was retained before the subscription was made. */
  readonly retain: boolean;

  /** Whether it may have been delivered before. */
  readonly dup: boolean;

  /** The packet identifier; `undefined` at QoS 0. */
  readonly packetId: number | undefined;

  /** The properties (5.0). */
  readonly properties: PublishProperties | undefined;

  /**
   * Makes a message of a PUBLISH packet, whose bytes it copies.
   *
   * @param packet The packet.
   * @param topic The topic name, where the packet has only a topic alias.
   */
  constructor(packet: PublishPacket, topic: string = packet.topic) {
    this.topic = topic;
    // Not a pooled copy: an application may transfer the memory to a worker.
    this.payload = new Uint8Array(packet.payload);
    this.qos = packet.qos;
    this.retain = packet.retain;
    this.dup = packet.dup;
    this.packetId = packet.packetId;
    this.properties = copyProperties(packet.properties);
  }

  /** The payload: its name in HBMQTT. */
  get data(): Uint8Array<ArrayBuffer> {
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
}

function copyProperties(
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
