/** The sending direction of a connection: one write for all that is there. */

import {
  type Frame,
  type OutboundTopicAliases,
  Outbox,
  type Packet,
  type ProtocolVersion,
  type PublishPacket,
  type Transport,
} from "../codec/mod.ts";

/** From so many bytes on, who publishes has to wait. */
const HIGH_WATER = 262_144;

/** So many bytes are written at a time: with each it is seen to go on. */
const LONGEST_WRITE = 65_536;

/** An alias takes three bytes: shorter names are sent as they are. */
const WORTH_AN_ALIAS = 4;

/** Who is told what becomes of the bytes. */
export interface OutputOwner {
  /** The transport has taken some bytes. */
  progressed(): void;
  /** The transport has taken a batch of packets. */
  written(): void;
  /** The transport has taken all. */
  flushed(): void;
  /** The transport takes no more. */
  failed(error: unknown): void;
}

export class Output {
  /** Stand for topics on this connection; absent if the broker takes none. */
  aliases: OutboundTopicAliases | undefined;

  readonly #transport: Transport;
  readonly #version: ProtocolVersion;
  readonly #owner: OutputOwner;
  readonly #outbox = new Outbox();
  #writing = false;

  constructor(
    transport: Transport,
    version: ProtocolVersion,
    owner: OutputOwner,
  ) {
    this.#transport = transport;
    this.#version = version;
    this.#owner = owner;
  }

  /** Whether more waits than the transport takes in good time. */
  get congested(): boolean {
    return this.#outbox.size > HIGH_WATER;
  }

  /** Whether something waits for the transport. */
  get busy(): boolean {
    return this.#writing;
  }

  /**
   * Sends a packet.
   *
   * @param maximum The most bytes it may have.
   * @returns Whether it was within the maximum; if not, it is not sent.
   */
  push(packet: Packet, maximum = Infinity): boolean {
    const fits = this.#outbox.push(packet, this.#version, maximum);
    this.#flush();
    return fits;
  }

  /**
   * Sends a PUBLISH of QoS 0.
   *
   * @param maximum The most bytes it may have.
   * @returns Whether it was within the maximum; if not, it is not sent.
   */
  publish(packet: PublishPacket, maximum: number): boolean {
    const { aliases } = this;
    const { topic } = packet;
    if (aliases === undefined || topic.length < WORTH_AN_ALIAS) {
      return this.push(packet, maximum);
    }
    const { alias, known } = aliases.use(topic);
    const aliased = {
      ...packet,
      topic: known ? "" : topic,
      properties: { ...packet.properties, topicAlias: alias },
    };
    if (known) return this.push(aliased, maximum);
    let sent = false;
    try {
      sent = this.push(aliased, maximum);
    } finally {
      if (!sent) aliases.forget(topic);
    }
    // To tell the broker of the alias takes bytes, which may be too many.
    return sent || this.push(packet, maximum);
  }

  /**
   * Sends a PUBLISH that was encoded before, and is not too large.
   *
   * @param topic What an alias may stand for; absent: sent in full.
   * @param maximum The most bytes that it may have with an alias.
   */
  pushFrame(
    frame: Frame,
    flags: number,
    packetId: number,
    topic?: string,
    maximum = Infinity,
  ): void {
    const aliased = this.aliases !== undefined && topic !== undefined &&
      topic.length >= WORTH_AN_ALIAS &&
      this.#pushAliased(frame, flags, packetId, topic, maximum);
    if (!aliased) this.#outbox.pushFrame(frame, flags, packetId);
    this.#flush();
  }

  #pushAliased(
    frame: Frame,
    flags: number,
    packetId: number,
    topic: string,
    maximum: number,
  ): boolean {
    const { alias, known } = this.aliases!.use(topic);
    const personal = {
      topicAlias: alias,
      aliasOnly: known,
      identifiers: undefined,
      expiry: undefined,
    };
    if (
      this.#outbox.pushPersonal(frame, flags, packetId, personal, maximum)
    ) return true;
    this.aliases!.forget(topic);
    return false;
  }

  /** What is pushed before the microtask comes goes out with one write. */
  #flush(): void {
    if (this.#writing) return;
    this.#writing = true;
    queueMicrotask(this.#write);
  }

  readonly #write = async (): Promise<void> => {
    const outbox = this.#outbox;
    try {
      for (;;) {
        const bytes = outbox.take();
        if (bytes === undefined) break;
        let count = 0;
        while (count < bytes.length) {
          count += await this.#transport.write(
            bytes.subarray(count, count + LONGEST_WRITE),
          );
          this.#owner.progressed();
        }
        outbox.written();
        this.#owner.written();
      }
    } catch (error) {
      return this.#owner.failed(error); // and nothing is written ever after
    }
    this.#writing = false;
    this.#owner.flushed();
  };
}
