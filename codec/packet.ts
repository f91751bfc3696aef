/**
 * The control packets of MQTT 3.1, 3.1.1 and 5.0 (chapter 3) as plain objects.
 *
 * The literal `type` tells them apart. One set of types serves all versions:
 * what only MQTT 5.0 has is optional, or has the value that the older versions
 * imply (reason code 0, no options).
 *
 * @module
 */

import type {
  AuthProperties,
  ConnackProperties,
  ConnectProperties,
  DisconnectProperties,
  PublishProperties,
  ReasonProperties,
  SubscribeProperties,
  UnsubscribeProperties,
  WillProperties,
} from "./property.ts";
import type { ReasonCode } from "./reason_code.ts";

/** The protocol level of CONNECT: 3 is MQTT 3.1, 4 is 3.1.1 and 5 is 5.0. */
export type ProtocolVersion = 3 | 4 | 5;

/** Quality of service: at most once, at least once, exactly once. */
export type Qos = 0 | 1 | 2;

/** Retain Handling of a subscription (5.0, section 3.8.3.1). */
export type RetainHandling = 0 | 1 | 2;

/** The will: what the broker publishes when the client is lost. */
export interface Will {
  /** The topic name to publish to. */
  topic: string;
  /** The application message. */
  payload: Uint8Array;
  /** The quality of service to publish with. */
  qos: Qos;
  /** Whether the message is to be retained. */
  retain: boolean;
  /** The properties of the will (5.0). */
  properties?: WillProperties;
}

/** CONNECT: the first packet of a client. */
export interface ConnectPacket {
  /** The type. */
  type: "connect";
  /** The protocol level. */
  protocolVersion: ProtocolVersion;
  /** Clean Start, named Clean Session before 5.0. */
  cleanStart: boolean;
  /** Keep alive in seconds, 0 to 65,535; 0 turns it off. */
  keepAlive: number;
  /** The client identifier; empty asks the broker to assign one. */
  clientId: string;
  /** The will, if there is one. */
  will?: Will;
  /** The user name. */
  username?: string;
  /** The password: any bytes. */
  password?: Uint8Array;
  /** The properties (5.0). */
  properties?: ConnectProperties;
}

/** CONNACK: the answer to CONNECT. */
export interface ConnackPacket {
  /** The type. */
  type: "connack";
  /** Whether the broker goes on with a session it had. MQTT 3.1 cannot say so. */
  sessionPresent: boolean;
  /** 0, or why the connection is refused. */
  reasonCode: ReasonCode;
  /** The properties (5.0). */
  properties?: ConnackProperties;
}

/** PUBLISH: an application message on its way. */
export interface PublishPacket {
  /** The type. */
  type: "publish";
  /** The topic name; empty only together with a topic alias (5.0). */
  topic: string;
  /** The application message. From a parser it is a view into its buffer. */
  payload: Uint8Array;
  /** The quality of service. */
  qos: Qos;
  /** Whether the message is, or was, retained. */
  retain: boolean;
  /** Whether this may be a repetition of an earlier delivery. */
  dup: boolean;
  /** The packet identifier, 1 to 65,535; absent at QoS 0. */
  packetId?: number;
  /** The properties (5.0). */
  properties?: PublishProperties;
}

/** What PUBACK, PUBREC, PUBREL and PUBCOMP have in common. */
export interface Acknowledgement {
  /** The packet identifier of the PUBLISH. */
  packetId: number;
  /** The outcome; 0 before 5.0. */
  reasonCode: ReasonCode;
  /** The properties (5.0). */
  properties?: ReasonProperties;
}

/** PUBACK: the answer to a QoS 1 PUBLISH. */
export interface PubackPacket extends Acknowledgement {
  /** The type. */
  type: "puback";
}

/** PUBREC: the first answer to a QoS 2 PUBLISH. */
export interface PubrecPacket extends Acknowledgement {
  /** The type. */
  type: "pubrec";
}

/** PUBREL: the sender lets go of a QoS 2 message. */
export interface PubrelPacket extends Acknowledgement {
  /** The type. */
  type: "pubrel";
}

/** PUBCOMP: the end of a QoS 2 exchange. */
export interface PubcompPacket extends Acknowledgement {
  /** The type. */
  type: "pubcomp";
}

/** One topic filter of a SUBSCRIBE and its options. */
export interface SubscriptionRequest {
  /** The topic filter. */
  filter: string;
  /** The highest quality of service to deliver with. */
  qos: Qos;
  /** Nothing that this client publishes comes back to it (5.0). */
  noLocal: boolean;
  /** Messages keep the RETAIN flag they were published with (5.0). */
  retainAsPublished: boolean;
  /**
   * Retained messages are sent (0) always, (1) if the subscription is new, or
   * (2) not at all (5.0).
   */
  retainHandling: RetainHandling;
}

/** SUBSCRIBE: asks for subscriptions. */
export interface SubscribePacket {
  /** The type. */
  type: "subscribe";
  /** The packet identifier, 1 to 65,535. */
  packetId: number;
  /** The filters asked for: at least one. */
  subscriptions: SubscriptionRequest[];
  /** The properties (5.0). */
  properties?: SubscribeProperties;
}

/** SUBACK: the answer to SUBSCRIBE. */
export interface SubackPacket {
  /** The type. */
  type: "suback";
  /** The packet identifier of the SUBSCRIBE. */
  packetId: number;
  /** The QoS granted, or the failure, for each filter in its order. */
  reasonCodes: ReasonCode[];
  /** The properties (5.0). */
  properties?: ReasonProperties;
}

/** UNSUBSCRIBE: ends subscriptions. */
export interface UnsubscribePacket {
  /** The type. */
  type: "unsubscribe";
  /** The packet identifier, 1 to 65,535. */
  packetId: number;
  /** The filters to end: at least one. */
  filters: string[];
  /** The properties (5.0). */
  properties?: UnsubscribeProperties;
}

/** UNSUBACK: the answer to UNSUBSCRIBE. */
export interface UnsubackPacket {
  /** The type. */
  type: "unsuback";
  /** The packet identifier of the UNSUBSCRIBE. */
  packetId: number;
  /** The outcome for each filter in its order (5.0); empty before 5.0. */
  reasonCodes: ReasonCode[];
  /** The properties (5.0). */
  properties?: ReasonProperties;
}

/** PINGREQ: a sign of life from the client. */
export interface PingreqPacket {
  /** The type. */
  type: "pingreq";
}

/** PINGRESP: the answer to PINGREQ. */
export interface PingrespPacket {
  /** The type. */
  type: "pingresp";
}

/** DISCONNECT: the orderly end; in 5.0 from either side, with a reason. */
export interface DisconnectPacket {
  /** The type. */
  type: "disconnect";
  /** The reason; 0 before 5.0. */
  reasonCode: ReasonCode;
  /** The properties (5.0). */
  properties?: DisconnectProperties;
}

/** AUTH: a step of enhanced authentication (5.0). */
export interface AuthPacket {
  /** The type. */
  type: "auth";
  /** 0x00 success, 0x18 go on, 0x19 authenticate again. */
  reasonCode: ReasonCode;
  /** The properties. */
  properties?: AuthProperties;
}

/** Any control packet. */
export type Packet =
  | ConnectPacket
  | ConnackPacket
  | PublishPacket
  | PubackPacket
  | PubrecPacket
  | PubrelPacket
  | PubcompPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | UnsubackPacket
  | PingreqPacket
  | PingrespPacket
  | DisconnectPacket
  | AuthPacket;

/** The literal that tells control packets apart. */
export type PacketType = Packet["type"];

/** The packet types by their number on the wire (table 2.1); 0 is reserved. */
export const packetTypes: readonly (PacketType | undefined)[] = [
  undefined,
  "connect",
  "connack",
  "publish",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "subscribe",
  "suback",
  "unsubscribe",
  "unsuback",
  "pingreq",
  "pingresp",
  "disconnect",
  "auth",
];
