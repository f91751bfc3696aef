/**
 * What a client is told with each call.
 *
 * @module
 */

import type {
  DisconnectProperties,
  PublishProperties,
  Qos,
  ReasonCode,
  RetainHandling,
  SubscribeProperties,
  UnsubscribeProperties,
} from "../codec/mod.ts";
import type { CallOptions, DialOptions } from "./options.ts";

/**
 * Options of `connect`. Files and headers stand instead of those in the options
 * of the client, also for the reconnections that follow.
 */
export interface ConnectOptions extends DialOptions {
  /** The broker, instead of that in the options of the client. */
  url?: string | URL;
  /** Whether to begin a new session, instead of what the client's options say. */
  cleanStart?: boolean;
}

/** Options of `reconnect`. */
export interface ReconnectOptions extends CallOptions {
  /**
   * Whether to begin a new session. By default as before; with MQTT 5.0 the
   * session goes on, if the broker still has it.
   */
  cleanStart?: boolean;
}

/** Options of `disconnect`. */
export interface DisconnectOptions extends CallOptions {
  /**
   * The reason (5.0), by default 0; 4 has the broker publish the will. Only one
   * that a client may give.
   */
  reasonCode?: ReasonCode;
  /**
   * The properties of DISCONNECT (5.0). A session that was to end with its
   * connection cannot be kept: `sessionExpiryInterval` is for those of CONNECT
   * that had one.
   */
  properties?: Omit<DisconnectProperties, "serverReference">;
}

/** Options of `publish`. */
export interface PublishOptions extends CallOptions {
  /**
   * The quality of service. By default what the options of the client say about
   * the topic, else their `defaultQos`.
   */
  qos?: Qos;
  /**
   * Whether the broker is to retain the message. By default what the options of
   * the client say about the topic, else their `defaultRetain`.
   */
  retain?: boolean;
  /** The properties of PUBLISH (5.0). */
  properties?: Omit<
    PublishProperties,
    "topicAlias" | "subscriptionIdentifiers"
  >;
}

/** Options of `request`. */
export interface RequestOptions extends CallOptions {
  /**
   * How long the response may take, in seconds, by default 30. `Infinity`: as
   * long as the signal lets it.
   */
  timeout?: number;
  /** The quality of service of the request, as with `publish`. */
  qos?: Qos;
  /**
   * Whether the broker is to retain the request, by default `false`, whatever the
   * options of the client say.
   */
  retain?: boolean;
  /** The properties of the request. Those that make it one are not among them. */
  properties?: Omit<
    PublishProperties,
    | "topicAlias"
    | "subscriptionIdentifiers"
    | "responseTopic"
    | "correlationData"
  >;
}

/** A topic filter with options of its own. */
export interface FilterOptions {
  /** The topic filter. */
  filter: string;
  /** The highest quality of service to deliver with, by default that of the call. */
  qos?: Qos;
  /** Whether own messages are left out (5.0), by default `false`. */
  noLocal?: boolean;
  /** Whether RETAIN stays as it was published (5.0), by default `false`. */
  retainAsPublished?: boolean;
  /**
   * Retained messages are sent (0) always, which is the default, (1) if the
   * subscription is new, or (2) not at all (5.0).
   */
  retainHandling?: RetainHandling;
}

/** Options of `subscribe`: those of a filter are for filters without their own. */
export interface SubscribeOptions
  extends CallOptions, Omit<FilterOptions, "filter"> {
  /**
   * Whether a filter that the broker refuses is only a reason code in the
   * result. By default it rejects the promise.
   */
  allowFailures?: boolean;
  /** The properties of SUBSCRIBE (5.0). */
  properties?: SubscribeProperties;
}

/** Options of `subscription`. */
export interface SubscriptionOptions
  extends CallOptions, Omit<FilterOptions, "filter"> {
  /**
   * How many messages may wait to be taken, by default the client's
   * `receiveQueueLimit`.
   */
  queueLimit?: number;
  /** The properties of SUBSCRIBE (5.0). */
  properties?: SubscribeProperties;
}

/** Options of `unsubscribe`. */
export interface UnsubscribeOptions extends CallOptions {
  /** The properties of UNSUBSCRIBE (5.0). */
  properties?: UnsubscribeProperties;
}

/** Options of `deliverMessage`. */
export interface DeliverOptions extends CallOptions {
  /** How long to wait, in seconds; by default for ever. */
  timeout?: number;
}
