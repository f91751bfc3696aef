/**
 * The properties of MQTT 5.0 (section 2.2.2.2), and which packet has which.
 *
 * @module
 */

/** A name and its value; the same name may come again. */
export type UserProperty = readonly [name: string, value: string];

/** Every property, by its name in the specification. */
export interface Properties {
  /** Whether the payload is UTF-8 encoded text. */
  payloadFormatIndicator?: boolean;
  /** Lifetime of the message in seconds. */
  messageExpiryInterval?: number;
  /** What the payload is, for the application: a MIME type, say. */
  contentType?: string;
  /** The topic name for a response. */
  responseTopic?: string;
  /** What tells the requester which request a response belongs to. */
  correlationData?: Uint8Array;
  /** The identifiers of the subscriptions that led to this delivery. */
  subscriptionIdentifiers?: number[];
  /** How long the session outlives the connection, in seconds; 0xFFFFFFFF: for ever. */
  sessionExpiryInterval?: number;
  /** The client identifier that the broker assigned. */
  assignedClientIdentifier?: string;
  /** The keep alive, in seconds, that the broker has the client use. */
  serverKeepAlive?: number;
  /** The name of the method of enhanced authentication. */
  authenticationMethod?: string;
  /** Data of that method. */
  authenticationData?: Uint8Array;
  /** Whether reason strings and user properties are wanted with failures. */
  requestProblemInformation?: boolean;
  /** Seconds between the end of the connection and the will. */
  willDelayInterval?: number;
  /** Whether response information is wanted in CONNACK. */
  requestResponseInformation?: boolean;
  /** The basis for making response topics. */
  responseInformation?: string;
  /** Another server to use. */
  serverReference?: string;
  /** The reason, for a person to read. */
  reasonString?: string;
  /** How many QoS 1 and 2 messages may be unacknowledged at a time. */
  receiveMaximum?: number;
  /** The highest topic alias accepted; 0: none. */
  topicAliasMaximum?: number;
  /** The number that stands for the topic on this connection. */
  topicAlias?: number;
  /** The highest QoS supported; absent: 2. */
  maximumQos?: 0 | 1;
  /** Whether retained messages are supported. */
  retainAvailable?: boolean;
  /** Names and values for the application, in order. */
  userProperties?: UserProperty[];
  /** The largest packet accepted, in bytes. */
  maximumPacketSize?: number;
  /** Whether wildcards in topic filters are supported. */
  wildcardSubscriptionAvailable?: boolean;
  /** Whether subscription identifiers are supported. */
  subscriptionIdentifiersAvailable?: boolean;
  /** Whether shared subscriptions are supported. */
  sharedSubscriptionAvailable?: boolean;
}

/** The properties of CONNECT. */
export type ConnectProperties = Pick<
  Properties,
  | "sessionExpiryInterval"
  | "receiveMaximum"
  | "maximumPacketSize"
  | "topicAliasMaximum"
  | "requestResponseInformation"
  | "requestProblemInformation"
  | "userProperties"
  | "authenticationMethod"
  | "authenticationData"
>;

/** The properties of the will in CONNECT. */
export type WillProperties = Pick<
  Properties,
  | "willDelayInterval"
  | "payloadFormatIndicator"
  | "messageExpiryInterval"
  | "contentType"
  | "responseTopic"
  | "correlationData"
  | "userProperties"
>;

/** The properties of CONNACK. */
export type ConnackProperties = Pick<
  Properties,
  | "sessionExpiryInterval"
  | "receiveMaximum"
  | "maximumQos"
  | "retainAvailable"
  | "maximumPacketSize"
  | "assignedClientIdentifier"
  | "topicAliasMaximum"
  | "reasonString"
  | "userProperties"
  | "wildcardSubscriptionAvailable"
  | "subscriptionIdentifiersAvailable"
  | "sharedSubscriptionAvailable"
  | "serverKeepAlive"
  | "responseInformation"
  | "serverReference"
  | "authenticationMethod"
  | "authenticationData"
>;

/** The properties of PUBLISH. */
export type PublishProperties = Pick<
  Properties,
  | "payloadFormatIndicator"
  | "messageExpiryInterval"
  | "topicAlias"
  | "responseTopic"
  | "correlationData"
  | "userProperties"
  | "subscriptionIdentifiers"
  | "contentType"
>;

/** The properties of the acknowledgements. */
export type ReasonProperties = Pick<
  Properties,
  "reasonString" | "userProperties"
>;

/** The properties of SUBSCRIBE; at most one subscription identifier. */
export type SubscribeProperties = Pick<
  Properties,
  "subscriptionIdentifiers" | "userProperties"
>;

/** The properties of UNSUBSCRIBE. */
export type UnsubscribeProperties = Pick<Properties, "userProperties">;

/** The properties of DISCONNECT. */
export type DisconnectProperties = Pick<
  Properties,
  | "sessionExpiryInterval"
  | "reasonString"
  | "userProperties"
  | "serverReference"
>;

/** The properties of AUTH. */
export type AuthProperties = Pick<
  Properties,
  | "authenticationMethod"
  | "authenticationData"
  | "reasonString"
  | "userProperties"
>;
