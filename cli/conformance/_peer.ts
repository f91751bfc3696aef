/**
 * A client in the hand of a check: it sends what it is told, acknowledges
 * nothing of its own accord, and remembers all that came.
 */

import {
  encode,
  type Packet,
  type PublishPacket,
  type PublishProperties,
  type Qos,
  type ReasonCode,
  reasonName,
  type SubackPacket,
  type SubscribeProperties,
  type SubscriptionRequest,
  type UnsubackPacket,
} from "../../mod.ts";
import { bytesOf, code } from "./_bytes.ts";
import { allCapabilities, type Capabilities, need } from "./_capabilities.ts";
import { Link } from "./_link.ts";
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

/** One connection, and what a client does with it. */
export class Peer extends Link {
  /** The CONNACK, once there was one. */
  connack: PacketOf<"connack"> | undefined;
  /** What the broker offers; what it does not is not asked for. */
  capabilities: Capabilities = allCapabilities;
  #lastPacketId = 0;

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
        this.hold(others);
        return packet as PacketOf<Type>;
      }
      others.push(packet);
    }
  }

  /** SUBSCRIBE and its SUBACK, whatever its codes. */
  async request(
    subscriptions: readonly (Subscription | string)[],
    properties?: SubscribeProperties,
  ): Promise<SubackPacket> {
    for (const { filter } of subscriptions.map(complete)) {
      const wildcards = /[+#]/.test(filter);
      if (wildcards) need(this.capabilities, "wildcardSubscriptionAvailable");
      const shared = filter.startsWith("$share/");
      if (shared) need(this.capabilities, "sharedSubscriptionAvailable");
    }
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
    need(this.capabilities, "maximumQos", qos);
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
    await this.finish();
    while (await this.nextOrEnd("the end after DISCONNECT") !== undefined);
    await this.drop();
  }
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
