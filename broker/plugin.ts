/**
 * What a plugin may do: decide, change, watch.
 *
 * A plugin is an object with the hooks it needs, made by a factory with an
 * options bag. A hook that no plugin has costs nothing.
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

/** A value now or later. Later makes that client wait, and no other. */
export type Awaitable<T> = T | Promise<T>;

/** `true` allows, `false` denies, `undefined` has no opinion. */
export type Opinion = boolean | undefined;

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
  /** One filter was granted. */
  broker_client_subscribed: { clientId: string; topic: string; qos: Qos };
  /** One subscription ended by UNSUBSCRIBE. */
  broker_client_unsubscribed: { clientId: string; topic: string };
  /** A PUBLISH came in, before it is routed. */
  broker_message_received: { clientId: string; message: Message };
  /** A message was allowed and goes to its subscribers. */
  broker_message_broadcast: { clientId: string; message: Message };
  /** A QoS 1 or 2 message was lost to a limit. */
  broker_message_dropped: {
    clientId: string;
    message: Message;
    reason: string;
  };
  /**
   * A packet came in; `clientId` is empty before CONNECT. Its binary fields are
   * views that are valid until the handler returns; passwords are left out.
   */
  mqtt_packet_received: { clientId: string; packet: Packet };
  /** A packet goes out. */
  mqtt_packet_sent: { clientId: string; packet: Packet };
  /** The store could not commit; it is tried again, nothing is sent before. */
  broker_store_failed: { error: unknown };
  /** A hook of a plugin threw; what it was asked was denied. */
  broker_plugin_failed: { plugin: string; hook: string; error: unknown };
  /** A defect of the broker closed a connection. */
  broker_internal_error: { clientId: string; error: unknown };
}

/** The name of an event. */
export type BrokerEventName = keyof BrokerEvents;

/** What a plugin may use of the broker. */
export interface PluginContext {
  /**
   * Publishes a message to all subscribers.
   *
   * @param message The message.
   */
  publish(message: MessageInit): void;
  /** The time of the broker in milliseconds. */
  now(): number;
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
   * one approval is needed (`auth.allowAnonymous` is one).
   *
   * @param client The client.
   * @param password Its password, if it gave one.
   */
  authenticate?(
    client: ClientInfo,
    password: Uint8Array | undefined,
  ): Awaitable<Opinion>;

  /**
   * Whether a client may publish to a topic or subscribe with a filter. One
   * denial refuses it.
   *
   * @param client The client.
   * @param request What it wants.
   */
  authorize?(client: ClientInfo, request: AccessRequest): Awaitable<Opinion>;

  /**
   * Whether a client may receive a message. One denial withholds it.
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

  /** Handlers of events: they watch, they cannot change or delay anything. */
  readonly on?: {
    readonly [Name in BrokerEventName]?: (event: BrokerEvents[Name]) => void;
  };

  /**
   * The broker starts; before its listeners are bound.
   *
   * @param context What the plugin may use.
   */
  start?(context: PluginContext): Awaitable<void>;

  /** The broker has shut down. */
  stop?(): Awaitable<void>;
}

/** A module that a configuration can name: `./my_plugin.ts`. */
export interface PluginModule {
  /**
   * Makes the plugin.
   *
   * @param options What the configuration says, in camelCase.
   * @returns The plugin.
   */
  plugin?(options: object): Plugin;
  /** The same as the default export. */
  default?(options: object): Plugin;
  /** The options that there are; absent: any. */
  options?: Fields;
}
