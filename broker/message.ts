/**
 * Application messages, as the broker moves them.
 *
 * @module
 */

import {
  copyBytes,
  Frame,
  type ProtocolVersion,
  type PublishPacket,
  type PublishProperties,
  type Qos,
} from "../codec/mod.ts";

/** The properties that belong to a message and not to one connection. */
export type MessageProperties = Omit<
  PublishProperties,
  "topicAlias" | "subscriptionIdentifiers"
>;

/** What makes a message. */
export interface MessageInit {
  /** The topic name. */
  topic: string;
  /** The payload. */
  payload: Uint8Array;
  /** The quality of service; by default 0. */
  qos?: Qos;
  /** Whether it is to be retained; by default `false`. */
  retain?: boolean;
  /** The properties (5.0). */
  properties?: MessageProperties | undefined;
}

/**
 * An application message on its way through the broker.
 *
 * Its payload may be a view into the receive buffer of its publisher. A hook
 * may use it until it returns, or until the promise that it returned settles;
 * an event handler until it returns. Who keeps a message longer calls
 * {@linkcode Message.keep} before, which copies it once for all.
 */
export class Message {
  /** The topic name. */
  readonly topic: string;
  /** The quality of service that it was published with. */
  readonly qos: Qos;
  /** Whether it was published with RETAIN 1. */
  readonly retain: boolean;
  /**
   * Its properties (5.0), which each receiver gets as they are:
   * [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17]
   * [MQTT-3.3.2-18] [MQTT-3.3.2-20].
   */
  readonly properties: MessageProperties | undefined;
  /** When it expires, in milliseconds of the broker's clock, or `Infinity`. */
  readonly expiresAt: number;
  /** How many sessions keep it for their clients: the broker's to count. */
  holders = 0;
  /** For the store: what it keeps the message as. */
  storedAs: unknown;

  /** Made again when asked for, once the bytes have moved. */
  #payload: Uint8Array | undefined;
  readonly #payloadLength: number;
  #kept = false;
  /** Encoded forms: for 3.x and 5.0, without and with a packet identifier. */
  #frames: (Frame | undefined)[] | undefined;
  /** Worked out when it is asked for: there may be 400,000 user properties. */
  #size: number | undefined;
  /** The form it was received in, and its index. */
  #received: Frame | undefined;
  #receivedIndex = -1;

  /**
   * Makes a message.
   *
   * @param init Topic, payload and the rest.
   * @param now The time, in milliseconds, from which its expiry counts.
   */
  constructor(init: MessageInit, now: number) {
    this.topic = init.topic;
    this.qos = init.qos ?? 0;
    this.retain = init.retain ?? false;
    const { properties } = init;
    // keep() replaces the correlation data, not in the maker's own object
    this.properties = properties?.correlationData === undefined
      ? properties
      : { ...properties };
    this.#payload = init.payload;
    this.#payloadLength = init.payload.length;
    const seconds = init.properties?.messageExpiryInterval;
    this.expiresAt = seconds === undefined ? Infinity : now + seconds * 1000;
  }

  /**
   * Makes a message of the broker's own or of a plugin's, and checks all that
   * the codec checks of one that came in.
   *
   * @param init Topic, payload and the rest.
   * @param now The time in milliseconds.
   * @returns The message, independent of `init`.
   * @throws {TypeError} If the topic is not a valid topic name, or a value not
   * of its type.
   * @throws {RangeError} If a number or a length is out of range.
   */
  static from(init: MessageInit, now: number): Message {
    const { topic, qos = 0, properties = {} } = init;
    const where = `Cannot publish to ${
      JSON.stringify(String(topic).slice(0, 100))
    }`;
    if (qos !== 0 && qos !== 1 && qos !== 2) {
      throw new RangeError(`${where}: QoS ${qos} is not 0, 1 or 2`);
    }
    for (const name of ["topicAlias", "subscriptionIdentifiers"]) {
      if (name in properties) {
        throw new TypeError(`${where}: ${name} is not for a message`);
      }
    }
    const message = new Message(
      init.properties === undefined
        ? init
        : { ...init, properties: structuredClone(properties) },
      now,
    );
    // Encoding is what checks: no message may fail at a receiver.
    message.#received = message.frame(5, qos > 0);
    message.#receivedIndex = frameIndex(5, qos > 0);
    message.keep();
    return message;
  }

  /**
   * Makes a message of a PUBLISH that came in.
   *
   * @param packet The packet.
   * @param topic Its topic name, with the alias resolved.
   * @param frame The bytes of the packet, if they can be passed on as they are.
   * @param version The protocol version they are in.
   * @param now The time in milliseconds.
   * @returns The message.
   */
  static received(
    packet: PublishPacket,
    topic: string,
    frame: Uint8Array | undefined,
    version: ProtocolVersion,
    now: () => number,
  ): Message {
    const { payload, qos, retain } = packet;
    if (packet.properties === undefined) {
      const message = new Message({ topic, payload, qos, retain }, 0);
      if (frame !== undefined) {
        message.#receivedIndex = frameIndex(version, qos > 0);
        message.#received = Frame.received(frame);
      }
      return message;
    }
    const { topicAlias, ...properties } = packet.properties;
    const message = new Message(
      { topic, payload, qos, retain, properties },
      properties.messageExpiryInterval === undefined ? 0 : now(),
    );
    // An alias means something on the publisher's connection only.
    if (topicAlias === undefined && frame !== undefined) {
      message.#receivedIndex = frameIndex(version, qos > 0);
      message.#received = Frame.received(frame);
    }
    return message;
  }

  /** The payload. */
  get payload(): Uint8Array {
    if (this.#payload === undefined) {
      const { bytes } = this.#received!;
      this.#payload = bytes.subarray(bytes.length - this.#payloadLength);
    }
    return this.#payload;
  }

  /** Whether its payload is empty. */
  get empty(): boolean {
    return this.#payloadLength === 0;
  }

  /** Whether it expires. */
  get expires(): boolean {
    return this.expiresAt !== Infinity;
  }

  /** What the message counts against limits, in bytes. */
  get size(): number {
    return this.#size ??= OVERHEAD + this.topic.length + this.#payloadLength +
      (this.properties === undefined ? 0 : propertiesSize(this.properties));
  }

  /**
   * The encoded form for receivers of one kind.
   *
   * @param version Their protocol version.
   * @param acknowledged Whether they get it with a packet identifier.
   * @returns The frame; made at the first call.
   */
  frame(version: ProtocolVersion, acknowledged: boolean): Frame {
    const index = frameIndex(version, acknowledged);
    if (index === this.#receivedIndex) return this.#received!;
    const frames = this.#frames ??= [];
    return frames[index] ??= Frame.encode({
      type: "publish",
      topic: this.topic,
      payload: this.payload,
      qos: acknowledged ? 1 : 0,
      retain: false,
      dup: false,
      ...(acknowledged ? { packetId: 1 } : {}),
      ...(this.properties === undefined ? {} : { properties: this.properties }),
    }, version);
  }

  /**
   * The encoded form to keep the message in: that in which it came, or else
   * that of 5.0, which has room for everything.
   *
   * @returns The form, in memory of its own, and its protocol version.
   */
  kept(): { frame: Frame; version: ProtocolVersion } {
    this.keep();
    return this.#received === undefined
      ? { frame: this.frame(5, this.qos > 0), version: 5 }
      : { frame: this.#received, version: this.#receivedIndex < 2 ? 4 : 5 };
  }

  /**
   * The properties with what is left of the expiry interval.
   *
   * @param now The time in milliseconds.
   * @returns The properties: the same object if no time has passed.
   */
  propertiesAt(now: number): MessageProperties | undefined {
    if (!this.expires) return this.properties;
    const left = this.expiryAt(now)!;
    return left === this.properties!.messageExpiryInterval
      ? this.properties
      : { ...this.properties, messageExpiryInterval: left };
  }

  /**
   * What is left of the expiry interval.
   *
   * @param now The time in milliseconds.
   * @returns Seconds, or `undefined` if the message does not expire.
   */
  expiryAt(now: number): number | undefined {
    if (!this.expires) return undefined;
    return Math.max(0, Math.ceil((this.expiresAt - now) / 1000)); // [MQTT-3.3.2-6]
  }

  /** Makes the message independent of the receive buffer it came in. */
  keep(): void {
    if (this.#kept) return;
    this.#kept = true;
    if (this.#received === undefined) {
      this.#payload = copyBytes(this.payload);
    } else {
      this.#received.keep();
      this.#payload = undefined;
    }
    const { properties } = this;
    if (properties?.correlationData !== undefined) {
      properties.correlationData = copyBytes(properties.correlationData);
    }
  }
}

/** Roughly what the objects of a message take beside its topic and payload. */
const OVERHEAD = 256;

/** What a property takes beside its text or bytes. */
const PROPERTY = 64;

/** What stays the same when they are encoded and decoded again. */
function propertiesSize(properties: MessageProperties): number {
  let size = 0;
  for (const value of Object.values(properties)) {
    if (Array.isArray(value)) {
      for (const [name, text] of value as [string, string][]) {
        size += 2 * PROPERTY + name.length + text.length;
      }
    } else if (value !== undefined) {
      size += PROPERTY;
      if (typeof value === "string") size += value.length;
      else if (value instanceof Uint8Array) size += value.length;
    }
  }
  return size;
}

function frameIndex(version: ProtocolVersion, acknowledged: boolean): number {
  return (version === 5 ? 2 : 0) + (acknowledged ? 1 : 0);
}
