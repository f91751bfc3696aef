/** What the broker can do, as CONNACK says. */

import {
  type ConnackProperties,
  OutboundTopicAliases,
  type ProtocolVersion,
  ReasonCode,
  reasonName,
  type SubscribePacket,
} from "../codec/mod.ts";
import { RequestError } from "./error.ts";

/**
 * The window of a broker before 5.0, which cannot say its own: mosquitto closes
 * the connection of who sends more than 20 messages of QoS 2 at a time.
 */
const WINDOW = 20;

/** What the application says about the use of them. */
export interface Restraints {
  /** How many unacknowledged messages may be on their way at most. */
  readonly maxInflight?: number | undefined;
  /** Whether aliases may stand for topics. */
  readonly topicAliases?: boolean;
}

/** A PUBLISH, as far as the broker may have something against it. */
export interface Publishable {
  readonly packet: { readonly qos: number; readonly retain: boolean };
  readonly frame: { readonly bytes: Uint8Array };
}

export class Capabilities {
  /** The largest packet that the broker takes. */
  readonly maximumPacketSize: number;
  /** How many unacknowledged messages may be on their way to the broker. */
  readonly window: number;
  /** Whether subscriptions may have identifiers. */
  readonly subscriptionIdentifiers: boolean;
  readonly #connack: ConnackProperties;
  /** How many topics aliases may stand for. */
  readonly #topicAliases: number;

  constructor(
    version: ProtocolVersion,
    connack: ConnackProperties = {},
    { maxInflight, topicAliases = true }: Restraints = {},
  ) {
    this.#connack = connack;
    this.#topicAliases = topicAliases ? connack.topicAliasMaximum ?? 0 : 0;
    this.maximumPacketSize = connack.maximumPacketSize ?? Infinity;
    const { receiveMaximum = 65_535 } = connack;
    this.window = version === 5
      ? Math.min(receiveMaximum, maxInflight ?? receiveMaximum)
      : maxInflight ?? WINDOW;
    this.subscriptionIdentifiers = version === 5 &&
      (connack.subscriptionIdentifiersAvailable ?? true);
  }

  /**
   * Aliases for the topics of one connection; `undefined` if the broker takes
   * none. [MQTT-3.2.2-17] [MQTT-3.2.2-18] [MQTT-3.3.2-9]
   */
  topicAliases(): OutboundTopicAliases | undefined {
    return this.#topicAliases === 0
      ? undefined
      : new OutboundTopicAliases(this.#topicAliases);
  }

  /** Why the broker would not take a PUBLISH, if it would not. */
  refusal({ packet, frame }: Publishable): RequestError | undefined {
    if (frame.bytes.length > this.maximumPacketSize) {
      return this.tooLarge("publish"); // [MQTT-3.2.2-15]
    }
    return this.flagsRefusal(packet);
  }

  /** The same, but for its size. */
  flagsRefusal(
    { qos, retain }: Publishable["packet"],
  ): RequestError | undefined {
    const { maximumQos = 2, retainAvailable = true } = this.#connack;
    // [MQTT-3.2.2-11]
    if (qos > maximumQos) {
      return new RequestError(
        `Cannot publish: the broker has QoS ${maximumQos} at most`,
        [ReasonCode.QosNotSupported],
      );
    }
    // [MQTT-3.2.2-14]
    if (retain && !retainAvailable) {
      return new RequestError(
        "Cannot publish: the broker does not retain messages",
        [ReasonCode.RetainNotSupported],
      );
    }
    return undefined;
  }

  /**
   * Fails where a SUBSCRIBE would end the connection.
   *
   * @throws {RequestError} If it would.
   */
  checkSubscribe(packet: Omit<SubscribePacket, "packetId">): void {
    for (const { filter } of packet.subscriptions) {
      const reasonCode = this.#unavailable(filter, packet);
      if (reasonCode === undefined) continue;
      throw new RequestError(
        `Cannot subscribe to ${JSON.stringify(filter)}: ${
          reasonName(reasonCode)
        }`,
        [reasonCode],
      );
    }
  }

  #unavailable(
    filter: string,
    { properties }: Omit<SubscribePacket, "packetId">,
  ): ReasonCode | undefined {
    const connack = this.#connack;
    if (
      connack.subscriptionIdentifiersAvailable === false &&
      properties?.subscriptionIdentifiers !== undefined
    ) return ReasonCode.SubscriptionIdentifiersNotSupported;
    if (
      connack.sharedSubscriptionAvailable === false &&
      filter.startsWith("$share/")
    ) return ReasonCode.SharedSubscriptionsNotSupported;
    if (
      connack.wildcardSubscriptionAvailable === false && /[#+]/.test(filter)
    ) return ReasonCode.WildcardSubscriptionsNotSupported;
    return undefined;
  }

  /** The error for a packet that is too large. */
  tooLarge(action: string): RequestError {
    return new RequestError(
      `Cannot ${action}: the packet is larger than ${this.maximumPacketSize} ` +
        "bytes, which is the most that the broker takes",
      [ReasonCode.PacketTooLarge],
    );
  }
}
