/**
 * What a plugin may do: decide, change, watch.
 *
 * A plugin is an object with the hooks it needs, made by a factory with an
 * options bag. A hook that no plugin has costs nothing.
 *
 * Who comes from HBMQTT or aMQTT finds the parts of a plugin class here:
 *
 * | There | Here |
 * | --- | --- |
 * | `__init__(context)` | the factory, and `start(context)` |
 * | `config`, the inner `Config` | the options of the factory |
 * | `authenticate(session)` | `authenticate(client, password)` |
 * | `topic_filtering(session, topic, action)`, publish | `authorize(client, { action: "publish", topic })` |
 * | the same, subscribe | `authorize(client, { action: "subscribe", topic })` |
 * | the same, receive | `authorizeDelivery(client, message)` |
 * | `on_<event>(**kwargs)` | `on: { <event>(event) {} }`, the same names |
 * | `close()` | `stop()` |
 * | `context.broadcast_message(topic, data, qos)` | `context.publish(message)` |
 * | `context.retain_message(topic, data, qos)` | `context.retain(message)` |
 *
 * `True`, `False` and `None` are `true`, `false` and `undefined` or `null`; `None`
 * abstains everywhere, as documented there.
 *
 * @module
 */

import type {
  Address,
  Fields,
  Packet,
  PeerCertificate,
  ProtocolVersion,
  Qos,
  ReasonCode,
} from "../codec/mod.ts";
import type { Message, MessageInit } from "./message.ts";
import type { Metrics, StoreMetrics } from "./metrics.ts";

/** Who a plugin is asked about. */
export interface ClientInfo {
  /** The client identifier. */
  readonly clientId: string;
  /** The user name, if it gave one. */
  readonly username: string | undefined;
  /** The protocol version it speaks. */
  readonly protocolVersion: ProtocolVersion;
  /** Where it is, if the transport knows. */
  readonly address: Address | undefined;
  /** The name of the listener it came by. */
  readonly listener: string;
  /** The certificate it has shown, if any. */
  readonly certificate: PeerCertificate | undefined;
}

/**
 * A value now or later. Later makes that client wait, and no other, for
 * `limits.pluginTimeout` seconds at most.
 */
export type Awaitable<T> = T | Promise<T>;

/** `true` allows, `false` denies, `undefined` or `null` has no opinion. */
export type Opinion = boolean | null | undefined;

/** An attempt of a client to connect, or to authenticate again. */
export interface ConnectAttempt {
  /**
   * The method of enhanced authentication (5.0) that the client has named, and
   * a plugin offers: whether it is who it says is that plugin's affair.
   * `undefined`: it goes by user name and password.
   */
  readonly method: string | undefined;
  /**
   * Aborted when nobody needs the answer any more: the client has gone, or is
   * accepted or refused. Pass it to `fetch()` and the like.
   */
  readonly signal: AbortSignal;
}

/** What a method of enhanced authentication says to what a client has sent. */
export type AuthenticationAnswer =
  | {
    /** The client has to say more. */
    readonly outcome: "continue";
    /** What to send to it. */
    readonly data?: Uint8Array;
  }
  | {
    /** The client is who it says. */
    readonly outcome: "success";
    /**
     * Who it is: its user name from now on, whatever CONNECT had as one.
     * `undefined`: it has none.
     */
    readonly username: string | undefined;
    /** What to send to it at the end, by which it may know the broker. */
    readonly data?: Uint8Array;
  }
  | {
    /** The client is not who it says. */
    readonly outcome: "refusal";
    /** A reason code of 0x80 or more; by default 0x87, not authorized. */
    readonly reasonCode?: ReasonCode;
    /** Who it said to be, for `broker_connection_refused`. */
    readonly username?: string | undefined;
    /** Nothing: what is said to a client that is refused is the reason code. */
    readonly data?: undefined;
  };

/** An exchange with one client, by which it authenticates. */
export interface AuthenticationExchange {
  /**
   * Takes what the client has sent: with CONNECT, or with AUTH. There may be 16
   * steps, all of them within `limits.connectTimeout`.
   *
   * @param data The data, if there were any; they may be kept.
   * @returns The answer. What is thrown refuses.
   */
  continue(data: Uint8Array | undefined): Awaitable<AuthenticationAnswer>;
}

/**
 * A method of enhanced authentication (5.0, section 4.12): begins an exchange.
 *
 * @param client Who the client says to be. In `username` is what CONNECT has as
 * one; where the client is connected, and authenticates again, its user name.
 * @param attempt Tells when the answer is not needed any more.
 * @returns The exchange.
 */
export type AuthenticationMethod = (
  client: ClientInfo,
  attempt: ConnectAttempt,
) => AuthenticationExchange;

/** What a client wants to do with a topic. */
export type AccessRequest =
  | {
    /** A PUBLISH or a will. */
    readonly action: "publish";
    /** The topic name. */
    readonly topic: string;
    /** The message. */
    readonly message: Message;
  }
  | {
    /** One filter of a SUBSCRIBE. */
    readonly action: "subscribe";
    /** The topic filter, without a share name. */
    readonly topic: string;
    /** The QoS asked for. */
    readonly qos: Qos;
  };

/**
 * How short of memory the broker is: `"high"` above `limits.memory`,
 * `"critical"` above 110 % of it.
 */
export type MemoryLevel = "normal" | "high" | "critical";

/** The events and what they carry; the names are those of HBMQTT and aMQTT. */
export interface BrokerEvents {
  /** `start()` begins. */
  broker_pre_start: Record<never, never>;
  /** All listeners are bound. */
  broker_post_start: Record<never, never>;
  /** `shutdown()` begins. */
  broker_pre_shutdown: Record<never, never>;
  /** All is closed. */
  broker_post_shutdown: Record<never, never>;
  /** A client was accepted: CONNACK 0 is on its way. */
  broker_client_connected: { clientId: string; client: ClientInfo };
  /** A client is gone. `reasonCode` is 0 after an orderly DISCONNECT. */
  broker_client_disconnected: {
    clientId: string;
    client: ClientInfo;
    reasonCode: ReasonCode;
    reason: string;
  };
  /** A connection did not become a client. */
  broker_connection_refused: {
    address: Address | undefined;
    clientId: string | undefined;
    username: string | undefined;
    reasonCode: ReasonCode;
    reason: string;
  };
  /**
   * An address (IPv6: 64 bits) made too many bad attempts: its connections are
   * closed at once for so many seconds. `reason` is of the last attempt.
   */
  broker_address_banned: { address: string; seconds: number; reason: string };
  /** One filter was granted. */
  broker_client_subscribed: { clientId: string; topic: string; qos: Qos };
  /** One subscription ended by UNSUBSCRIBE. */
  broker_client_unsubscribed: { clientId: string; topic: string };
  /** A PUBLISH came in, before it is routed. */
  broker_message_received: { clientId: string; message: Message };
  /** A PUBLISH or a will was allowed and goes to its subscribers. */
  broker_message_broadcast: { clientId: string; message: Message };
  /**
   * Without `clientId`: the retained message of a topic is another one, or there
   * is none any more and the payload is empty. With it: the message waits for
   * that client, which is not connected.
   */
  broker_retained_message: { clientId: string | undefined; message: Message };
  /**
   * The broker is short of memory, or is not any more. `used` and `limit` are
   * bytes.
   */
  broker_overloaded: { level: MemoryLevel; used: number; limit: number };
  /** A QoS 1 or 2 message was lost to a limit. */
  broker_message_dropped: {
    clientId: string;
    message: Message;
    reason: string;
  };
  /**
   * A packet came in; `clientId` is empty before CONNECT. Its binary fields are
   * views that are valid until the handler returns; passwords and data of
   * authentication are left out.
   */
  mqtt_packet_received: { clientId: string; packet: Packet };
  /** A packet goes out; data of authentication are left out. */
  mqtt_packet_sent: { clientId: string; packet: Packet };
  /** The store could not commit; it is tried again, nothing is sent before. */
  broker_store_failed: { error: unknown };
  /** A hook of a plugin threw, or did not answer in time; what it was asked was denied. */
  broker_plugin_failed: { plugin: string; hook: string; error: unknown };
  /** A defect of the broker closed a connection. */
  broker_internal_error: { clientId: string; error: unknown };
}

/** The name of an event. */
export type BrokerEventName = keyof BrokerEvents;

/** How much a line of a log matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Where lines of a log go; `console` is one. */
export interface Logger {
  /** Takes a line for those who look for a fault. */
  debug(line: string): void;
  /** Takes a line about what is as it should be. */
  info(line: string): void;
  /** Takes a line about what somebody should look at. */
  warn(line: string): void;
  /** Takes a line about what does not work. */
  error(line: string): void;
  /**
   * Whether lines of a level go anywhere: who makes many asks before. Absent,
   * all do.
   *
   * @param level The level.
   */
  enabled?(level: LogLevel): boolean;
}

/** What there is of something now; it may be changed while it is iterated. */
export interface View<T> extends Iterable<T> {
  /** How many there are. */
  readonly size: number;
}

/** A session, connected or not, as it is when it is asked. */
export interface SessionInfo {
  /** The client identifier. */
  readonly clientId: string;
  /** Who it is: of the newest connection. */
  readonly client: ClientInfo;
  /** Whether the client is connected. */
  readonly connected: boolean;
  /** Seconds that it outlives its connection; 4,294,967,295 is for ever. */
  readonly expiryInterval: number;
  /** When it ends, in milliseconds; `Infinity` while connected or for ever. */
  readonly expiresAt: number;
  /** QoS 2 messages received and not released. */
  readonly inflightIn: number;
  /** QoS 1 and 2 messages sent and not acknowledged. */
  readonly inflightOut: number;
  /** QoS 1 and 2 messages that wait to be sent. */
  readonly queued: number;
  /** Its subscriptions. */
  readonly subscriptions: View<SubscriptionInfo>;
}

/** A subscription. */
export interface SubscriptionInfo {
  /** The client identifier. */
  readonly clientId: string;
  /** The topic filter, with the share name if it has one. */
  readonly filter: string;
  /** The QoS granted. */
  readonly qos: Qos;
}

/** What a plugin may use of the broker. */
export interface PluginContext {
  /** The configuration that the broker was given; changing it has no effect. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Takes lines. */
  readonly logger: Logger;
  /** What the broker has counted: a copy, made when it is asked for. */
  readonly metrics: Readonly<Metrics>;
  /** What the store tells of itself, if it does: a copy as well. */
  readonly storeMetrics: StoreMetrics | undefined;
  /** The sessions, those of clients that are not connected too. */
  readonly sessions: View<SessionInfo>;
  /** The subscriptions of all sessions. */
  readonly subscriptions: View<SubscriptionInfo>;
  /** The retained messages, each with a payload of its own. */
  readonly retainedMessages: View<MessageInit>;
  /** The time of the broker in milliseconds. */
  now(): number;
  /**
   * Publishes a message to all subscribers; no plugin is asked whether it may.
   *
   * @param message The message.
   * @throws {TypeError} If its topic is not a valid topic name.
   */
  publish(message: MessageInit): void;
  /**
   * Makes a message the retained one of its topic and sends it to nobody. An
   * empty payload removes it.
   *
   * @param message The message.
   * @throws {TypeError} If its topic is not a valid topic name.
   */
  retain(message: MessageInit): void;
  /**
   * The session of a client.
   *
   * @param clientId The client identifier.
   * @returns The session, or `undefined`.
   */
  getSession(clientId: string): SessionInfo | undefined;
  /**
   * Subscribes on behalf of a client; no plugin is asked whether it may.
   * Retained messages are sent as for a SUBSCRIBE. If there is no session of
   * that name, one is made that waits for its client; messages are kept for it.
   *
   * @param clientId The client identifier.
   * @param filter The topic filter; it may be a shared subscription.
   * @param qos The highest QoS to deliver with; by default 0.
   * @throws {TypeError} If the client identifier or the filter is not valid.
   * @throws {RangeError} If a limit of the broker forbids it.
   */
  addSubscription(clientId: string, filter: string, qos?: Qos): void;
  /**
   * Calls something again and again until the broker stops, to half a second;
   * not while a call before has not settled.
   *
   * @param seconds How often.
   * @param task What to call; what it throws is reported and changes nothing.
   * @throws {RangeError} If the interval is not a number above 0.
   */
  every(seconds: number, task: () => Awaitable<void>): void;
}

/**
 * A plugin. A policy hook that throws denies; an event handler that throws is
 * counted and changes nothing.
 *
 * @example
 * ```ts
 * import { Broker, type Plugin } from "@ambermq/mqtt/broker";
 *
 * const onlyOwnTopics: Plugin = {
 *   name: "only_own_topics",
 *   authorize: (client, { topic }) => topic.startsWith(`${client.clientId}/`),
 * };
 *
 * const broker = new Broker({ plugins: [onlyOwnTopics] });
 * ```
 */
export interface Plugin {
  /** Its name, for messages. */
  readonly name: string;

  /**
   * Whether a client is who it says. One denial refuses it; without a denial
   * one approval is needed. Only where no plugin has this hook or
   * `authenticationMethods`, and nothing is said about authentication, may
   * everybody connect.
   *
   * Clients that authenticate by a method (`attempt.method`) are approved by
   * that. Then this is asked for denials only, at the end of the exchange and
   * without a password: who denies certain addresses denies them here too, and
   * who checks passwords has no opinion of those clients.
   *
   * @param client The client; after a method, with the user name that it proved.
   * @param password Its password, if it gave one: valid until this returns.
   * @param attempt Tells when the answer is not needed any more.
   * @returns An opinion; or a reason code of 0x80 or more to deny it with, where
   * the credentials are not what is wrong: `ReasonCode.ServerBusy`.
   */
  authenticate?(
    client: ClientInfo,
    password: Uint8Array | undefined,
    attempt: ConnectAttempt,
  ): Awaitable<Opinion | ReasonCode>;

  /**
   * Methods of enhanced authentication (5.0) that it offers, by their names. Of
   * two plugins with the same one the first is asked. A method that no plugin
   * offers is refused with 0x8C.
   */
  readonly authenticationMethods?: Readonly<
    Record<string, AuthenticationMethod>
  >;

  /**
   * Whether a client may publish to a topic or subscribe with a filter. One
   * denial refuses it. A will is asked about when it is published.
   *
   * @param client The client.
   * @param request What it wants.
   * @returns An opinion; or a reason code of 0x80 or more to deny it with, where
   * SUBACK or PUBACK may have it: `ReasonCode.QuotaExceeded`.
   */
  authorize?(
    client: ClientInfo,
    request: AccessRequest,
  ): Awaitable<Opinion | ReasonCode>;

  /**
   * Whether a client may receive a message, a retained one too. One denial
   * withholds it. It is asked for each receiver, so it has to be fast.
   *
   * @param client The client.
   * @param message The message.
   */
  authorizeDelivery?(client: ClientInfo, message: Message): Opinion;

  /**
   * Changes a message before it is routed.
   *
   * @param client The client that published it.
   * @param message The message.
   * @returns What is to be different in it; a reason code of 0x80 or more to
   * refuse it; or `undefined` to leave it as it is.
   */
  transform?(
    client: ClientInfo,
    message: Message,
  ): Awaitable<Partial<MessageInit> | ReasonCode | undefined>;

  /**
   * Handlers of events: they watch, they cannot change or delay anything. They
   * are called in the order of what happens.
   */
  readonly on?: {
    readonly [Name in BrokerEventName]?: (event: BrokerEvents[Name]) => void;
  };

  /**
   * The broker starts; before its listeners are bound.
   *
   * @param context What the plugin may use.
   */
  start?(context: PluginContext): Awaitable<void>;

  /**
   * Looks whether `start` would succeed, and leaves nothing behind: for
   * `Broker.check()`.
   *
   * @param context What the plugin may use.
   */
  check?(context: PluginContext): Awaitable<void>;

  /** The broker has shut down; `start` may follow again. */
  stop?(): Awaitable<void>;
}

/**
 * A module with a plugin, which a configuration names by its path or package:
 * `./my_plugin.ts`, `jsr:@me/my-plugin`.
 *
 * @example
 * ```ts
 * import type { Fields, Plugin } from "@ambermq/mqtt";
 *
 * export const options = {
 *   greeting: { type: "text", description: "What to say to a new client." },
 * } as const satisfies Fields;
 *
 * export function plugin({ greeting = "welcome" }: { greeting?: string }): Plugin {
 *   return {
 *     name: "greeter",
 *     on: { broker_client_connected: () => console.log(greeting) },
 *   };
 * }
 * ```
 */
export interface PluginModule {
  /** Its options: they are checked before the plugin is made. Absent: none. */
  readonly options?: Fields;
  /**
   * Makes the plugin.
   *
   * @param options The options as configured, keys in camelCase.
   * @returns The plugin.
   */
  plugin(options: object): Plugin;
}

/** Makes a plugin of its options. */
export type PluginFactory = PluginModule["plugin"];
