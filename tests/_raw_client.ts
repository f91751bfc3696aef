/**
 * A client that does what a test says and nothing of its own accord: no
 * acknowledgement, no ping, no queue.
 */

import type { MemoryConnection } from "./_memory_transport.ts";
import {
  acknowledge,
  type Acknowledgement,
  type AcknowledgementType,
  type Connack,
  connect,
  type ConnectFields,
  type Disconnect,
  disconnect,
  type FilterFields,
  hex,
  join,
  type Packet,
  PacketReader,
  pingreq,
  type Properties,
  type Publish,
  publish,
  type PublishFields,
  type Suback,
  subscribe,
  unsubscribe,
  type Version,
} from "./_raw_packets.ts";

export * from "./_raw_packets.ts";

/** Milliseconds until a test is told what it has been waiting for in vain. */
const PATIENCE = 10_000;

/** A promise that says what was waited for if it takes too long. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited in vain for ${what}`)),
      PATIENCE,
    );
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a packet is, for the messages of failures. */
export function describe(packet: Packet): string {
  return JSON.stringify(
    packet,
    (key, value) => key === "bytes" || key === "content" ? undefined : value,
  ).slice(0, 300);
}

type PacketOf<Type extends Packet["type"]> = Packet extends infer One
  ? One extends { type: infer Types } ? Type extends Types ? One : never : never
  : never;

/** A client by hand. */
export class RawClient {
  readonly version: Version;
  readonly connection: MemoryConnection;
  /** The CONNACK of the connection, once it has come. */
  connack: Connack | undefined;

  readonly #reader: PacketReader;
  /** Packets that were read while another was waited for. */
  #held: Packet[] = [];
  #ended = false;
  #lastPacketId = 0;

  constructor(version: Version, connection: MemoryConnection) {
    this.version = version;
    this.connection = connection;
    this.#reader = new PacketReader(version);
  }

  /** Sends bytes in one piece; a string is in the notation of `hex`. */
  send(...parts: readonly (Uint8Array | string)[]): this {
    this.connection.send(
      join(...parts.map((part) => typeof part === "string" ? hex(part) : part)),
    );
    return this;
  }

  /** A packet identifier that was not used before. */
  nextPacketId(): number {
    return ++this.#lastPacketId;
  }

  /** The next packet; `undefined` when the broker has closed instead. */
  async nextOrEnd(waitingFor = "a packet"): Promise<Packet | undefined> {
    for (;;) {
      const packet = this.#held.shift() ?? this.#reader.next();
      if (packet !== undefined) return packet;
      if (this.#ended) return undefined;
      const bytes = await within(this.connection.receive(), waitingFor);
      if (bytes !== null) this.#reader.push(bytes);
      else {
        this.#ended = true;
        if (this.#reader.midPacket) {
          throw new Error("The broker closed within a packet");
        }
      }
    }
  }

  /** The next packet, which is one of this type. */
  async next<Type extends Packet["type"]>(type: Type): Promise<PacketOf<Type>> {
    const packet = await this.nextOrEnd(type);
    if (packet === undefined) throw new Error(`No ${type}, but the end`);
    if (packet.type !== type) {
      throw new Error(`No ${type}, but ${describe(packet)}`);
    }
    return packet as PacketOf<Type>;
  }

  /** What comes until the broker closes the connection. */
  async untilClosed(): Promise<Packet[]> {
    const packets: Packet[] = [];
    for (;;) {
      const packet = await this.nextOrEnd("the end of the connection");
      if (packet === undefined) return packets;
      packets.push(packet);
    }
  }

  /**
   * What the broker had to say so far: all that comes before the answer to a
   * PINGREQ. Also shows that the connection is alive.
   */
  async drain(): Promise<Packet[]> {
    this.send(pingreq);
    const packets: Packet[] = [];
    for (;;) {
      const packet = await this.nextOrEnd("PINGRESP");
      if (packet === undefined) {
        throw new Error(
          `No PINGRESP, but ${packets.map(describe).join()} and the end`,
        );
      }
      if (packet.type === "pingresp") return packets;
      packets.push(packet);
    }
  }

  /** CONNECT, and its CONNACK whatever the code. */
  async connect(fields: ConnectFields = {}): Promise<Connack> {
    this.send(connect(this.version, fields));
    this.connack = await this.next("connack");
    return this.connack;
  }

  /** The answer to a request; what comes before it is read afterwards. */
  async answer<Type extends Packet["type"]>(
    type: Type,
    packetId: number,
  ): Promise<PacketOf<Type>> {
    const before: Packet[] = [];
    for (;;) {
      const packet = await this.nextOrEnd(type);
      if (packet === undefined) throw new Error(`No ${type}, but the end`);
      if (
        packet.type === type && "packetId" in packet &&
        packet.packetId === packetId
      ) {
        this.#held.unshift(...before);
        return packet as PacketOf<Type>;
      }
      before.push(packet);
    }
  }

  /** SUBSCRIBE, and the codes of its SUBACK. */
  async subscribe(
    ...filters: (string | FilterFields)[]
  ): Promise<readonly number[]> {
    return (await this.subscribeWith({}, ...filters)).codes;
  }

  /** As `subscribe`, with properties; gives the whole SUBACK. */
  subscribeWith(
    properties: Properties,
    ...filters: (string | FilterFields)[]
  ): Promise<Suback> {
    const id = this.nextPacketId();
    return this.send(subscribe(this.version, id, filters, properties))
      .answer("suback", id);
  }

  /** UNSUBSCRIBE, and its UNSUBACK. */
  unsubscribe(...filters: string[]): Promise<Suback> {
    const id = this.nextPacketId();
    return this.send(unsubscribe(this.version, id, filters))
      .answer("unsuback", id);
  }

  /**
   * PUBLISH with the whole exchange that its QoS asks for; gives the PUBACK or
   * PUBREC. At QoS 0 there is none, but the broker has handled it.
   */
  async publish(
    fields: PublishFields,
  ): Promise<Acknowledgement | undefined> {
    const { qos = 0, packetId = qos > 0 ? this.nextPacketId() : 0 } = fields;
    this.send(publish(this.version, { ...fields, packetId }));
    if (qos === 0) {
      this.#held = await this.drain();
      return undefined;
    }
    const answer = await this.answer(qos === 1 ? "puback" : "pubrec", packetId);
    if (answer.type === "pubrec" && answer.code < 0x80) {
      this.acknowledge("pubrel", packetId);
      await this.answer("pubcomp", packetId);
    }
    return answer;
  }

  /** Sends an acknowledgement. */
  acknowledge(
    type: AcknowledgementType,
    packetId: number,
    code?: number,
  ): this {
    return this.send(acknowledge(type, packetId, code));
  }

  /**
   * Receives and acknowledges until nothing more comes; gives the PUBLISHes.
   * Any other packet than those of QoS 1 and 2 is an error.
   */
  async collect(): Promise<Publish[]> {
    const messages: Publish[] = [];
    for (;;) {
      const packets = await this.drain();
      if (packets.length === 0) return messages;
      for (const packet of packets) {
        if (packet.type === "pubrel") {
          this.acknowledge("pubcomp", packet.packetId);
        } else if (packet.type === "publish") {
          messages.push(packet);
          if (packet.qos === 1) this.acknowledge("puback", packet.packetId);
          if (packet.qos === 2) this.acknowledge("pubrec", packet.packetId);
        } else throw new Error(`Not expected: ${describe(packet)}`);
      }
    }
  }

  /** The payloads of what `collect` gives. */
  async payloads(): Promise<string[]> {
    return (await this.collect()).map(({ payload }) => payload);
  }

  /** DISCONNECT, and the end, before which nothing more comes. */
  async disconnect(code?: number, properties?: Properties): Promise<void> {
    this.send(disconnect(code, properties));
    const packets = await this.untilClosed();
    this.connection.close();
    if (packets.length > 0) {
      throw new Error(`After DISCONNECT: ${packets.map(describe).join()}`);
    }
  }

  /** Closes the connection without a word. */
  drop(): void {
    this.connection.close();
  }

  /** The code of the DISCONNECT that the broker ends with, if there is one. */
  async disconnected(): Promise<Disconnect | undefined> {
    const packets = await this.untilClosed();
    const [packet] = packets;
    if (packet === undefined) return undefined;
    if (packets.length > 1 || packet.type !== "disconnect") {
      throw new Error(`No DISCONNECT, but ${packets.map(describe).join()}`);
    }
    return packet;
  }
}
