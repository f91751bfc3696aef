/**
 * The sending half of a connection: packets go into the outbox; at the end of
 * the turn one write takes all of them. While a write is under way more is
 * collected, and goes out with the next.
 */

import {
  type Frame,
  type OutboundTopicAliases,
  Outbox,
  type Packet,
  type Personal,
  type ProtocolVersion,
  type PublishPacket,
  type Qos,
  type ReasonCode,
  type Transport,
} from "../codec/mod.ts";
import type { Message } from "./message.ts";
import type { Downlink } from "./_deliveries.ts";
import { withoutSecrets } from "./_secrets.ts";
import type { SessionHost } from "./_session.ts";
import type { Turn } from "./_turn.ts";

/** Topic names that are shorter than that do not get shorter by an alias. */
const WORTH_AN_ALIAS = 4;

/** The parts of the broker that outputs use. */
export interface OutputHost extends SessionHost {
  readonly turn: Turn;
}

/** The connection that an output belongs to. */
export interface OutputOwner {
  /** For events; empty before CONNECT. */
  readonly clientId: string;
  /** A write is done: there is room again. */
  onWritten(): void;
  /** Nothing more can be written. */
  onBroken(reason: string): void;
  /** After `finish`: everything is written. */
  onFinished(): void;
  /** Ends the connection; the client gets the reason if it can. */
  disconnect(reasonCode: ReasonCode, reason: string): void;
}

export class Output implements Downlink {
  /** As CONNECT said. */
  version: ProtocolVersion = 4;
  receiveMaximum = 65_535;
  /** The largest packet that the client accepts, in bytes. */
  maximumPacketSize = Infinity;
  /** The aliases assigned for the client; absent if it wants none. */
  aliases: OutboundTopicAliases | undefined;

  readonly #broker: OutputHost;
  readonly #transport: Transport;
  readonly #owner: OutputOwner;
  readonly #outbox = new Outbox();
  /** What is being written now, without what has left already. */
  #writing: Uint8Array | undefined;
  /** To be flushed at the end of the turn. */
  #woken = false;
  #finishing = false;
  /** Whether the transport took anything since the last sweep, or nothing waits. */
  #progressed = true;
  #progressedAt = 0;

  constructor(broker: OutputHost, transport: Transport, owner: OutputOwner) {
    this.#broker = broker;
    this.#transport = transport;
    this.#owner = owner;
  }

  /** Bytes that wait to be written. */
  get size(): number {
    return this.#outbox.size;
  }

  get writable(): boolean {
    return this.#outbox.size < this.#broker.memory.outboundBytes;
  }

  /** Sends a control packet. */
  send(packet: Packet): void {
    if (this.#finishing) return;
    const { metrics, hooks } = this.#broker;
    if (!this.#push(packet) && !this.#push(withoutReason(packet))) {
      // Rather no reason than too large a packet, whatever packet it is.
      const reason = "the client does not accept packets of this size";
      return this.#owner.onBroken(reason);
    }
    if (hooks.watches("mqtt_packet_sent")) {
      const { clientId } = this.#owner;
      const shown = withoutSecrets(packet);
      hooks.emit("mqtt_packet_sent", { clientId, packet: shown });
    }
    metrics.packetsSent++;
    this.#wake();
  }

  #push(packet: Packet): boolean {
    return this.#outbox.push(packet, this.version, this.maximumPacketSize);
  }

  /** Sends a PUBLISH; returns `false` if the client does not accept its size. */
  publish(
    message: Message,
    qos: Qos,
    retain: boolean,
    dup: boolean,
    packetId: number,
    identifiers: readonly number[] | undefined,
  ): boolean {
    const { metrics, hooks } = this.#broker;
    const frame = message.frame(this.version, qos > 0);
    const flags = (dup ? 8 : 0) | qos << 1 | (retain ? 1 : 0);
    const personal = this.version < 5
      ? undefined
      : this.#personal(message, identifiers);
    const fits = personal === undefined
      ? this.#pushFrame(frame, flags, packetId)
      : this.#pushPersonal(frame, flags, packetId, personal, message.topic);
    // [MQTT-3.1.2-24]
    if (!fits) {
      metrics.droppedTooLarge++;
      return false;
    }
    if (hooks.watches("mqtt_packet_sent")) {
      const { clientId } = this.#owner;
      const packet = this.#packet(
        message,
        qos,
        retain,
        dup,
        packetId,
        identifiers,
      );
      hooks.emit("mqtt_packet_sent", { clientId, packet });
    }
    metrics.packetsSent++;
    metrics.publishSent++;
    this.#wake();
    return true;
  }

  #pushFrame(frame: Frame, flags: number, packetId: number): boolean {
    if (frame.bytes.length > this.maximumPacketSize) return false;
    this.#outbox.pushFrame(frame, flags, packetId);
    return true;
  }

  #pushPersonal(
    frame: Frame,
    flags: number,
    packetId: number,
    personal: Personal,
    topic: string,
  ): boolean {
    const most = this.maximumPacketSize;
    const outbox = this.#outbox;
    if (outbox.pushPersonal(frame, flags, packetId, personal, most)) {
      return true;
    }
    if (personal.topicAlias === 0 || personal.aliasOnly) return false;
    // To tell the client of the alias takes three bytes, which may be too many.
    this.aliases!.forget(topic);
    const plain = { ...personal, topicAlias: 0 };
    return outbox.pushPersonal(frame, flags, packetId, plain, most);
  }

  /** What this receiver gets that others do not, if anything. */
  #personal(
    message: Message,
    identifiers: readonly number[] | undefined,
  ): Personal | undefined {
    const { topic } = message;
    const short = topic.length < WORTH_AN_ALIAS;
    const use = short ? undefined : this.aliases?.use(topic);
    const expiry = message.expires
      ? message.expiryAt(this.#broker.now())
      : undefined;
    if (
      use === undefined && identifiers === undefined &&
      expiry === message.properties?.messageExpiryInterval
    ) return undefined;
    const { alias: topicAlias = 0, known: aliasOnly = false } = use ?? {};
    return { topicAlias, aliasOnly, identifiers, expiry };
  }

  #packet(
    message: Message,
    qos: Qos,
    retain: boolean,
    dup: boolean,
    packetId: number,
    identifiers: readonly number[] | undefined,
  ): PublishPacket {
    const { topic, payload } = message;
    const properties = {
      ...message.propertiesAt(this.#broker.now()),
      // [MQTT-3.3.4-3]
      ...(identifiers === undefined
        ? {}
        : { subscriptionIdentifiers: [...identifiers] }),
    };
    return {
      type: "publish",
      topic,
      payload,
      qos,
      retain,
      dup,
      ...(qos > 0 ? { packetId } : {}),
      ...(this.version === 5 ? { properties } : {}),
    };
  }

  disconnect(reasonCode: ReasonCode, reason: string): void {
    this.#owner.disconnect(reasonCode, reason);
  }

  /** Takes nothing more, and tells the owner when everything is written. */
  finish(): void {
    this.#finishing = true;
    this.#wake();
  }

  #wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    this.#broker.turn.wake(this);
  }

  /** The turn is over, and what it confirms is durable. */
  flush(): void {
    this.#woken = false;
    if (this.#writing === undefined) this.#next();
  }

  /** The turn failed: nothing of it may be written. */
  abort(reason: string): void {
    this.#owner.onBroken(reason);
  }

  #next(): void {
    const bytes = this.#outbox.take();
    if (bytes !== undefined) this.#write(bytes);
    else if (this.#finishing) this.#owner.onFinished();
  }

  #write(bytes: Uint8Array): void {
    this.#writing = bytes;
    try {
      this.#transport.write(bytes).then(this.#onWritten, this.#onBroken);
    } catch (error) {
      this.#onBroken(error);
    }
  }

  readonly #onWritten = (count: number): void => {
    const bytes = this.#writing!;
    this.#progressed = true;
    this.#broker.metrics.bytesSent += count;
    if (count < bytes.length) return this.#write(bytes.subarray(count));
    this.#outbox.written();
    this.#writing = undefined;
    try {
      this.#owner.onWritten();
    } catch (error) {
      this.#broker.hooks.report(this.#owner.clientId, error);
      return this.#owner.onBroken("internal error");
    }
    // What this turn added is written at its end, not before.
    if (!this.#woken) this.#next();
  };

  /** For how many milliseconds what waits has waited; asked in each sweep. */
  stalledFor(now: number): number {
    if (this.#progressed || this.#writing === undefined) {
      this.#progressed = false;
      this.#progressedAt = now;
    }
    return now - this.#progressedAt;
  }

  readonly #onBroken = (error: unknown): void => {
    this.#owner.onBroken(
      error instanceof Error ? error.message : String(error),
    );
  };
}

/**
 * The packet without what is only for people to read: [MQTT-3.2.2-19]
 * [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3]
 * [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1]
 * [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.14.2-3]
 * [MQTT-3.14.2-4] [MQTT-3.15.2-2] [MQTT-3.15.2-3].
 */
function withoutReason(packet: Packet): Packet {
  if (!("properties" in packet) || packet.properties === undefined) {
    return packet;
  }
  const { properties: all, ...bare } = packet;
  const properties = { ...all };
  if ("reasonString" in properties) delete properties.reasonString;
  delete properties.userProperties;
  // Even the length of no properties is a byte.
  if (Object.keys(properties).length === 0) return bare as Packet;
  return { ...bare, properties } as Packet;
}
