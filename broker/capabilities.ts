/**
 * What a broker offers of MQTT. CONNACK tells clients of 5.0 (section 3.2.2.3);
 * here is what follows for all.
 *
 * @module
 */

import {
  type ConnackProperties,
  parseSharedFilter,
  ProtocolError,
  type PublishPacket,
  type Qos,
  ReasonCode,
  type SubscriptionRequest,
  type Will,
} from "../codec/mod.ts";

/** What a broker offers. */
export interface Capabilities {
  /** The highest QoS to publish with, and to be granted. By default 2. */
  maximumQos: Qos;
  /** Whether messages may be retained. By default `true`. */
  retain: boolean;
  /** Whether filters may have wildcards. By default `true`. */
  wildcardSubscriptions: boolean;
  /** Whether subscriptions may be shared (`$share`). By default `true`. */
  sharedSubscriptions: boolean;
  /** Whether subscriptions may have identifiers (5.0). By default `true`. */
  subscriptionIdentifiers: boolean;
  /**
   * Seconds of the longest keep alive: clients of 5.0 that want a longer one or
   * none get this (Server Keep Alive). 0, the default, leaves it to them.
   */
  maximumKeepAlive: number;
  /**
   * The Response Information for clients of 5.0 that ask for it: topics begin
   * with it that answers to them may be published to. `%c` stands for the
   * client identifier. Empty, the default, is none.
   */
  responseInformation: string;
  /**
   * Whether payloads that claim to be UTF-8 (Payload Format Indicator 1) have to
   * be: PUBLISH and wills of others are refused with 0x99. Looking costs time;
   * by default `false`.
   */
  validatePayload: boolean;
}

/** What is offered where nothing is said: everything. */
export const defaultCapabilities: Readonly<Capabilities> = Object.freeze({
  maximumQos: 2,
  retain: true,
  wildcardSubscriptions: true,
  sharedSubscriptions: true,
  subscriptionIdentifiers: true,
  maximumKeepAlive: 0,
  responseInformation: "",
  validatePayload: false,
});

/** What CONNACK says of them. */
export function announced(of: Capabilities): ConnackProperties {
  const properties: ConnackProperties = {};
  // [MQTT-3.2.2-9]
  if (of.maximumQos < 2) properties.maximumQos = of.maximumQos as 0 | 1;
  if (!of.retain) properties.retainAvailable = false;
  if (!of.wildcardSubscriptions) {
    properties.wildcardSubscriptionAvailable = false;
  }
  if (!of.sharedSubscriptions) properties.sharedSubscriptionAvailable = false;
  if (!of.subscriptionIdentifiers) {
    properties.subscriptionIdentifiersAvailable = false;
  }
  return properties;
}

/** Why a will cannot be taken, if so. */
export function refusalOfWill(
  of: Capabilities,
  will: Will,
): ReasonCode | undefined {
  // [MQTT-3.2.2-12] [MQTT-3.2.2-13]
  if (will.qos > of.maximumQos) return ReasonCode.QosNotSupported;
  if (will.retain && !of.retain) return ReasonCode.RetainNotSupported;
  return refusalOfPayload(of, will); // section 3.1.3.2.3
}

/** What may claim that its payload is a text: a message, a will. */
interface Text {
  readonly payload: Uint8Array;
  readonly properties?:
    | { readonly payloadFormatIndicator?: boolean }
    | undefined;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Why a payload cannot be taken, if so (section 3.3.2.3.2). */
export function refusalOfPayload(
  of: Capabilities,
  { payload, properties }: Text,
): ReasonCode | undefined {
  if (!of.validatePayload || !properties?.payloadFormatIndicator) {
    return undefined;
  }
  try {
    utf8.decode(payload);
    return undefined;
  } catch {
    return ReasonCode.PayloadFormatInvalid;
  }
}

/**
 * A client of 5.0 was told: it publishes nothing else.
 *
 * @throws {ProtocolError} If it does.
 */
export function checkPublish(of: Capabilities, packet: PublishPacket): void {
  // [MQTT-3.2.2-11]
  if (packet.qos > of.maximumQos) {
    throw new ProtocolError(
      `PUBLISH has QoS ${packet.qos}, the highest here is ${of.maximumQos}`,
      ReasonCode.QosNotSupported,
    );
  }
  // [MQTT-3.2.2-14]
  if (packet.retain && !of.retain) {
    throw new ProtocolError(
      "PUBLISH has RETAIN 1, nothing is retained here",
      ReasonCode.RetainNotSupported,
    );
  }
}

/** The PUBLISH of a client that cannot be told, as far as it is offered. */
export function offered(
  { maximumQos, retain }: Capabilities,
  packet: PublishPacket,
): PublishPacket {
  if (packet.qos <= maximumQos && (retain || !packet.retain)) return packet;
  return {
    ...packet,
    qos: packet.qos < maximumQos ? packet.qos : maximumQos,
    retain: packet.retain && retain,
  };
}

/** Why a subscription is refused, if so. */
export function refusalOfSubscription(
  of: Capabilities,
  { filter }: SubscriptionRequest,
  identifier: number | undefined,
): ReasonCode | undefined {
  const shared = parseSharedFilter(filter);
  if (shared.shareName !== undefined && !of.sharedSubscriptions) {
    return ReasonCode.SharedSubscriptionsNotSupported;
  }
  // [MQTT311-3.8.3-2]
  if (!of.wildcardSubscriptions && /[+#]/.test(shared.filter)) {
    return ReasonCode.WildcardSubscriptionsNotSupported;
  }
  if (identifier !== undefined && !of.subscriptionIdentifiers) {
    return ReasonCode.SubscriptionIdentifiersNotSupported;
  }
  return undefined;
}
