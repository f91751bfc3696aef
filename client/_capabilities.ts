/** What the broker can do, as CONNACK says. */

import {
  type ConnackProperties,
  type ProtocolVersion,
  ReasonCode,
  reasonName,
  type SubscribePacket,
} from "../codec/mod.ts";
import { RequestError } from "./error.ts";

/** A PUBLISH, as far as the broker may have something against it. */
export interface Publishable {
  readonly packet: { readonly qos: number; readonly retain: boolean };
  readonly frame: { readonly bytes: Uint8Array };
}

export class Capabilities {
  /** The largest packet that the broker takes. */
  readonly maximumPacketSize: number;
  /** How many unacknowledged messages the broker takes. */
  readonly receiveMaximum: number;
  /** Whether subscriptions may have identifiers. */
  readonly subscriptionIdentifiers: boolean;
  readonly #connack: ConnackProperties;

  constructor(version: ProtocolVersion, connack: ConnackProperties = {}) {
    this.#connack = connack;
    this.maximumPacketSize = connack.maximumPacketSize ?? Infinity;
    this.receiveMaximum = connack.receiveMaximum ?? 65_535;
    this.subscriptionIdentifiers = version === 5 &&
      (connack.subscriptionIdentifiersAvailable ?? true);
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
