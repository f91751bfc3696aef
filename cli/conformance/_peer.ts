/**
 * A client in the hand of a check: it sends what it is told, acknowledges
 * nothing of its own accord, and remembers all that came.
 */

import {
  encode,
  type Packet,
  PacketParser,
  type ProtocolVersion,
  type PublishPacket,
  type PublishProperties,
  type Qos,
  type ReasonCode,
  reasonName,
  type SubackPacket,
  type SubscribeProperties,
  type SubscriptionRequest,
  type Transport,
  type UnsubackPacket,
} from "../../mod.ts";
import { bytesOf, code, hex } from "./_bytes.ts";
import { Failure, show } from "./_verdict.ts";

/** The packet of a type. */
export type PacketOf<Type extends Packet["type"]> = Extract<
  Packet,
  { type: Type }
>;

/** A filter with those options that are not the default. */
export type Subscription = Partial<SubscriptionRequest> & { filter: string };

/** What a message may have but topic and payload. */
export interface PublishFields {
  readonly qos?: Qos;
  readonly retain?: boolean;
  readonly dup?: boolean;
  readonly packetId?: number;
  readonly properties?: PublishProperties;
}

/** Bytes read at a time. */
const CHUNK = 16_384;

/** One connection to the broker. */
export class Peer implements AsyncDisposable {
  readonly version: ProtocolVersion;
  /** How the client is called in messages of failures. */
  readonly name: string;
  /** The CONNACK, once there was one. */
  connack: PacketOf<"connack"> | undefined;
  readonly #transport: Transport;
  readonly #parser: PacketParser;
  /** Milliseconds to wait for anything. */
  readonly #patience: number;
  readonly #reading: Promise<void>;
  #packets: Packet[] = [];
  #bytes = new Uint8Array(0);
  #ended = false;
  #broken: Error | undefined;
  #wake = Promise.withResolvers<void>();
  #lastPacketId = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(
    version: ProtocolVersion,
    name: string,
    transport: Transport,
    patience: number,
  ) {
    this.version = version;
    this.name = name;
    this.#transport = transport;
    this.#patience = patience;
    this.#parser = new PacketParser({ version });
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(CHUNK);
    try {
      for (;;) {
        const count = await this.#transport.read(buffer);
        if (count === null) break;
        this.#take(buffer.slice(0, count));
      }
    } catch {
      // A reset is an end too.
    }
    this.#ended = true;
    this.#notify();
  }

  #take(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#bytes.length < CHUNK) {
      const all = new Uint8Array(this.#bytes.length + bytes.length);
      all.set(this.#bytes);
      all.set(bytes, this.#bytes.length);
      this.#bytes = all;
    }
    if (this.#broken === undefined) {
      try {
        this.#parser.push(bytes);
        for (;;) {
          const packet = this.#parser.next();
          if (packet === undefined) break;
          this.#packets.push(structuredClone(packet));
        }
      } catch (error) {
        this.#broken = error as Error;
      }
    }
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** Waits until something has come, or the end. */
  async #more(waitingFor: string): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new Failure(
              `${waitingFor} for ${this.name}`,
              `nothing within ${this.#patience / 1000} s`,
            ),
          ),
        this.#patience,
      );
    });
    try {
      await Promise.race([this.#wake.promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** All bytes that have come, as far as they are the first 16 KiB. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** A packet identifier that was not used before. */
  packetId(): number {
    return ++this.#lastPacketId;
  }

  /** Sends a packet. */
  send(...packets: readonly Packet[]): Promise<void> {
    return this.sendBytes(
      ...packets.map((packet) => encode(packet, this.version)),
    );
  }

  /** Sends bytes in one piece. Who has closed does not read them: no error. */
  sendBytes(...parts: readonly Uint8Array[]): Promise<void> {
    const bytes = new Uint8Array(
      parts.reduce((sum, one) => sum + one.length, 0),
    );
    let end = 0;
    for (const part of parts) {
      bytes.set(part, end);
      end += part.length;
    }
    this.#sending = this.#sending.then(async () => {
      try {
        for (let at = 0; at < bytes.length;) {
          at += await this.#transport.write(bytes.subarray(at));
        }
      } catch {
        // Reading tells how it ended.
      }
    });
    return this.#sending;
  }

  /** The next packet; `undefined` when the broker has closed instead. */
  async nextOrEnd(waitingFor: string): Promise<Packet | undefined> {
    for (;;) {
      const packet = this.#packets.shift();
      if (packet !== undefined) return packet;
      if (this.#broken) {
        throw new Failure(
          `${waitingFor} for ${this.name}`,
          `what is no packet (${this.#broken.message}): ${hex(this.#bytes)}`,
        );
      }
      if (this.#ended) return undefined;
      await this.#more(waitingFor);
    }
  }

  /** The next packet, which is of this type. */
  async next<Type extends Packet["type"]>(type: Type): Promise<PacketOf<Type>> {
    const what = type.toUpperCase();
    const packet = await this.nextOrEnd(what);
    if (packet?.type === type) return packet as PacketOf<Type>;
    throw new Failure(`${what} for ${this.name}`, describe(packet));
  }

  /**
   * What the broker had to say so far: all that comes before the answer to a
   * PINGREQ. Also shows that the connection is open.
   */
  async drain(): Promise<Packet[]> {
    await this.send({ type: "pingreq" });
    const packets: Packet[] = [];
    for (;;) {
      const packet = await this.nextOrEnd("PINGRESP");
      if (packet === undefined) {
        throw new Failure(
          `${this.name} still connected`,
          `the end after ${packets.map(describe).join(", ") || "nothing"}`,
        );
      }
      if (packet.type === "pingresp") return packets;
      packets.push(packet);
    }
  }

  /** Shows that the connection is open, and that nothing came. */
  async quiet(why: string): Promise<void> {
    const packets = await this.drain();
    if (packets.length === 0) return;
    throw new Failure(
      `nothing for ${this.name}: ${why}`,
      packets.map(describe).join(),
    );
  }

  /**
   * Waits for the end of the connection; gives what came before. A PINGREQ that
   * is answered shows at once that there is no end.
   */
  async ended(because: string): Promise<Packet[]> {
    if (this.connack) await this.send({ type: "pingreq" });
    const packets: Packet[] = [];
    for (;;) {
      const packet = await this.nextOrEnd(
        `the end of the connection (${because})`,
      );
      if (packet === undefined) return packets;
      if (packet.type === "pingresp") {
        throw new Failure(
          `the end of the connection: ${because}`,
          `PINGRESP${
            packets.length > 0 ? ` after ${packets.map(describe)}` : ""
          }`,
        );
      }
      packets.push(packet);
    }
  }

  /** The answer with this identifier; what else comes is read later. */
  async answer<
    Type extends "puback" | "pubrec" | "pubcomp" | "suback" | "unsuback",
  >(
    type: Type,
    packetId: number,
  ): Promise<PacketOf<Type>> {
    const others: Packet[] = [];
    for (;;) {
      const packet = await this.nextOrEnd(type.toUpperCase());
      if (packet === undefined) {
        throw new Failure(
          `${type.toUpperCase()} for ${this.name}`,
          `the end after ${others.map(describe).join(", ") || "nothing"}`,
        );
      }
      if (
        packet.type === type &&
        (packet as { packetId: number }).packetId === packetId
      ) {
        this.#packets.unshift(...others);
        return packet as PacketOf<Type>;
      }
      others.push(packet);
    }
  }

  /** Reads everything again that `drain` gave. */
  hold(packets: readonly Packet[]): void {
    this.#packets.unshift(...packets);
  }

  /** SUBSCRIBE and its SUBACK, whatever its codes. */
  async request(
    subscriptions: readonly (Subscription | string)[],
    properties?: SubscribeProperties,
  ): Promise<SubackPacket> {
    const packetId = this.packetId();
    await this.send({
      type: "subscribe",
      packetId,
      subscriptions: subscriptions.map(complete),
      ...(properties && { properties }),
    });
    return await this.answer("suback", packetId);
  }

  /** SUBSCRIBE that has to be granted; gives the codes. */
  async subscribe(
    ...subscriptions: readonly (Subscription | string)[]
  ): Promise<ReasonCode[]> {
    const { reasonCodes } = await this.request(subscriptions);
    if (
      reasonCodes.length !== subscriptions.length ||
      reasonCodes.some((one) => one > 2)
    ) {
      throw new Failure(
        `${subscriptions.length} subscriptions granted`,
        show(reasonCodes),
      );
    }
    return reasonCodes;
  }

  /** UNSUBSCRIBE and its UNSUBACK. */
  async unsubscribe(...filters: string[]): Promise<UnsubackPacket> {
    const packetId = this.packetId();
    await this.send({ type: "unsubscribe", packetId, filters });
    return await this.answer("unsuback", packetId);
  }

  /**
   * PUBLISH with the whole exchange that its QoS asks for; gives the code of
   * PUBACK or PUBREC. At QoS 0 the broker has at least read it.
   */
  async publish(
    topic: string,
    payload: string | Uint8Array = "",
    fields: PublishFields = {},
  ): Promise<ReasonCode> {
    const packet = this.message(topic, payload, fields);
    await this.send(packet);
    const { qos, packetId = 0 } = packet;
    if (qos === 0) {
      this.hold(await this.drain());
      return 0;
    }
    const { reasonCode } = await this.answer(
      qos === 1 ? "puback" : "pubrec",
      packetId,
    );
    if (qos === 2 && reasonCode < 0x80) {
      await this.send({ type: "pubrel", packetId, reasonCode: 0 });
      await this.answer("pubcomp", packetId);
    }
    return reasonCode;
  }

  /** A PUBLISH. */
  message(
    topic: string,
    payload: string | Uint8Array = "",
    fields: PublishFields = {},
  ): PublishPacket {
    const { qos = 0 } = fields;
    return {
      type: "publish",
      topic,
      payload: typeof payload === "string" ? bytesOf(payload) : payload,
      retain: false,
      dup: false,
      ...(qos > 0 && { packetId: this.packetId() }),
      ...fields,
      qos,
    };
  }

  /** Acknowledges a message of QoS 1 or 2 to its end. */
  async acknowledge({ qos, packetId = 0 }: PublishPacket): Promise<void> {
    if (qos === 0) return;
    const type = qos === 1 ? "puback" : "pubrec";
    await this.send({ type, packetId, reasonCode: 0 });
  }

  /** DISCONNECT, and the end. */
  async disconnect(reasonCode: ReasonCode = 0): Promise<void> {
    await this.send({ type: "disconnect", reasonCode });
    await this.#finish();
  }

  /** Sends DISCONNECT by hand, or whatever is last, and waits for the end. */
  async leave(last: Packet): Promise<void> {
    await this.send(last);
    await this.#finish();
  }

  async #finish(): Promise<void> {
    await this.#transport.closeWrite?.().catch(() => {});
    while (await this.nextOrEnd("the end after DISCONNECT") !== undefined);
    await this[Symbol.asyncDispose]();
  }

  /** Goes away without a word. */
  async drop(): Promise<void> {
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) this.#transport.close();
    this.#closed = true;
    await this.#reading;
    await this.#sending;
  }
  #closed = false;
}

/** A subscription with all its options. */
export function complete(one: Subscription | string): SubscriptionRequest {
  return {
    qos: 2,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    ...(typeof one === "string" ? { filter: one } : one),
  };
}

/** A packet as a report shows it. */
export function describe(packet: Packet | undefined): string {
  if (packet === undefined) return "the end of the connection";
  const { type, ...rest } = packet;
  const reason = "reasonCode" in packet && packet.reasonCode > 2
    ? ` (${reasonName(packet.reasonCode)})`
    : "";
  return `${type.toUpperCase()}${reason} ${show(rest)}`;
}

/** Names codes, for messages. */
export function codes(list: readonly number[]): string {
  return list.map(code).join(" or ");
}
