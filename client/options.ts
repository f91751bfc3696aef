/**
 * What a client is told when it is made.
 *
 * @module
 */

import type {
  ConnectProperties,
  ProtocolVersion,
  Qos,
  Transport,
  WillProperties,
} from "../codec/mod.ts";
import type { Clock } from "./clock.ts";
import type { ClientEvents } from "./events.ts";

/** An option that every call has. */
export interface CallOptions {
  /**
   * Gives up waiting: the promise is rejected with the signal's reason. What
   * was sent by then cannot be taken back.
   */
  signal?: AbortSignal;
}

/**
 * Options of TLS, for mqtts:// and wss://; the schemes without TLS do not look
 * at them. Without `cafile`, `capath` and `cadata` the authorities of the
 * machine are trusted, with one of them only those that it names.
 *
 * In a browser its user has decided all this: there these options are refused.
 */
export interface TlsOptions {
  /** A file in PEM with the certificates of authorities to trust. */
  cafile?: string;
  /**
   * A folder with such files: each `*.pem`, `*.crt`, and `*.0` to `*.9`, which
   * is how OpenSSL names them. Those that hold no certificate are left out.
   */
  capath?: string;
  /** Certificates of authorities to trust, in PEM. */
  cadata?: string;
  /**
   * A file in PEM with the client's certificate, and those between it and its
   * authority. Needs `keyfile`.
   */
  certfile?: string;
  /** A file in PEM with the key of the client's certificate, not encrypted. */
  keyfile?: string;
  /**
   * Whether the broker's certificate has to be for the host of the URL, by
   * default `true`.
   */
  checkHostname?: boolean;
  /**
   * Whether the broker's certificate is checked at all, by default `true`.
   * Without it anybody on the way can read and change everything.
   */
  verifyCert?: boolean;
  /**
   * Whether the protocol `mqtt` is asked for within TLS (ALPN), by default
   * `false`: for brokers that share their port with other protocols. For
   * wss:// it is not looked at: HTTP is what is spoken first, and asked for.
   */
  alpn?: boolean;
}

/** Options of a {@linkcode Dial}. */
export interface DialOptions extends CallOptions, TlsOptions {
  /**
   * More headers of the request that opens a WebSocket, for example
   * `{ authorization: "Bearer …" }`. Not those that WebSocket itself needs, and
   * none in a browser, which sends what it wants.
   */
  headers?: Readonly<Record<string, string>>;
}

/**
 * Opens a transport to a broker.
 *
 * @param url The URL of the broker.
 * @param options The signal that gives up; TLS, headers.
 * @returns The open transport.
 * @throws {TypeError} For what cannot get better; after other errors it is tried
 * again, where the client reconnects.
 */
export type Dial = (url: URL, options: DialOptions) => Promise<Transport>;

/** The will: what the broker publishes when the client is lost. */
export interface WillOptions {
  /** The topic name to publish to. */
  topic: string;
  /** The payload; by default empty. Text is encoded as UTF-8. */
  payload?: Uint8Array | string;
  /** The quality of service to publish with, by default 0. */
  qos?: Qos;
  /** Whether the message is to be retained, by default `false`. */
  retain?: boolean;
  /** The properties of the will (5.0). */
  properties?: WillProperties;
}

/** How to publish to a topic, where the call does not say. */
export interface TopicOptions {
  /** The quality of service, by default the client's `defaultQos`. */
  qos?: Qos;
  /** Whether to retain, by default the client's `defaultRetain`. */
  retain?: boolean;
}

/** How much may wait to be published while there is no connection. */
export interface OfflineQueueOptions {
  /** How many messages, by default 1,000. */
  messages?: number;
  /** How many bytes of encoded messages, by default 16,777,216. */
  bytes?: number;
}

/** An exchange with the broker, by which a client authenticates. */
export interface ClientExchange {
  /**
   * Begins.
   *
   * @returns What to send first, now or later; `undefined`: nothing.
   */
  first(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /**
   * Goes on.
   *
   * @param data What the broker has sent; it may be kept.
   * @returns What to send, now or later; `undefined`: nothing. What is thrown
   * ends the connection.
   */
  answer(
    data: Uint8Array | undefined,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /**
   * The broker is content. What is thrown ends the connection: the broker is
   * not the one that it should be.
   *
   * @param data What the broker has sent last.
   */
  finish(data: Uint8Array | undefined): void;
}

/**
 * A method of enhanced authentication (5.0, section 4.12). {@linkcode scram}
 * makes one.
 */
export interface ClientAuthentication {
  /** The name of the method, as the broker knows it. */
  readonly name: string;
  /**
   * Begins an exchange: with each connection, and each time that the client
   * authenticates again.
   *
   * @returns The exchange.
   */
  start(): ClientExchange;
}

/** When and how often a client tries to connect again. */
export interface ReconnectPolicy {
  /**
   * Whether to connect again when the connection is lost, or when the first one
   * cannot be made; by default `true`. What cannot get better is not tried
   * again: a broker that does not know the user, for example.
   */
  autoReconnect?: boolean;
  /**
   * How many attempts to connect may fail after the first that did, by default
   * 2: the third failure is the last. Negative: there is no end.
   */
  reconnectRetries?: number;
  /**
   * The longest wait between two attempts in seconds, by default 10. After `n`
   * attempts that failed, the next comes in `min(reconnectMaxInterval, 2ⁿ)`
   * seconds, or up to half of that earlier: chance decides, so that the clients
   * of a broker do not return all at once. A connection that did not last for
   * `reconnectMaxInterval` counts as failed here; as a retry only if it ended
   * because the broker broke the protocol.
   */
  reconnectMaxInterval?: number;
}

/** Options of a client. */
export interface ClientOptions extends TlsOptions, ReconnectPolicy {
  /**
   * The broker: `mqtt://user:password@host:1883`, all but the host optional.
   * By default `mqtt://localhost`. `connect` may name another one.
   */
  url?: string | URL;
  /**
   * The client identifier. By default a random one. Empty, the broker assigns
   * one.
   */
  clientId?: string;
  /** The protocol version: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. By default 4. */
  protocolVersion?: ProtocolVersion;
  /**
   * Whether to begin a new session (named Clean Session before 5.0), by default
   * `true`. With `false` give a `clientId`, and in 5.0 the property
   * `sessionExpiryInterval`: a session ends with its connection otherwise.
   * Reconnections of 5.0 go on with the session in either case.
   */
  cleanStart?: boolean;
  /**
   * The keep alive that CONNECT announces, in seconds, 0 to 65,535, by default
   * 10: the broker ends a connection that is silent for one and a half times as
   * long. 0 turns it off. A broker of 5.0 may decide otherwise.
   */
  keepAlive?: number;
  /**
   * How long before the end of the keep alive the client asks for a sign of
   * life, in seconds, by default 1; at the earliest at half of the keep alive.
   * 0: it never asks by itself, and only what the application sends keeps the
   * connection alive.
   */
  pingDelay?: number;
  /** The user name. By default that of the URL. */
  username?: string;
  /** The password. By default that of the URL. Text is encoded as UTF-8. */
  password?: Uint8Array | string;
  /**
   * How to authenticate other than by a password that the broker is told (5.0):
   * `scram(username, password)`, or a method of your own. User name and password
   * of the URL are not sent then.
   */
  authentication?: ClientAuthentication;
  /** The will. By default there is none. */
  will?: WillOptions;
  /** The quality of service to publish with, by default 0. */
  defaultQos?: Qos;
  /** Whether to have messages retained, by default `false`. */
  defaultRetain?: boolean;
  /** How to publish to topics, by their names: no filters. */
  topics?: Readonly<Record<string, TopicOptions>>;
  /**
   * More headers of the request that opens a WebSocket, for example
   * `{ authorization: "Bearer …" }`. Not those that WebSocket itself needs, and
   * none in a browser, which sends what it wants.
   */
  headers?: Readonly<Record<string, string>>;
  /**
   * The properties of CONNECT (5.0). `maximumPacketSize` also limits what is
   * accepted with an older protocol version.
   */
  properties?: ConnectProperties;
  /** How long an attempt may take until CONNACK, in seconds, by default 30. */
  connectTimeout?: number;
  /**
   * How long the broker may take to answer PINGREQ, in seconds, by default 10.
   * Then the connection is lost.
   */
  pingTimeout?: number;
  /**
   * Whether to subscribe again, with the same options, when a reconnection
   * finds that the broker has no session any more; by default `true`.
   */
  resubscribe?: boolean;
  /**
   * How many messages of QoS 1 and 2 may be on their way to the broker at a
   * time, 1 to 65,535; more wait for their turn. By default 20 before MQTT 5.0,
   * where a broker cannot say what it takes and some (mosquitto) close the
   * connection at more; in 5.0 what the broker says (Receive Maximum), which is
   * kept to in any case.
   */
  maxInflight?: number;
  /**
   * Whether the client puts topic aliases in the place of topic names that it
   * publishes to again, as far as a broker of 5.0 takes them (Topic Alias
   * Maximum); by default `true`. The application sees nothing of it.
   */
  topicAliases?: boolean;
  /** How many calls of `request` may wait at a time, by default 1,000. */
  requestLimit?: number;
  /**
   * What the response topic of `request` begins with, by default
   * `ambermq/responses`; the rest is by chance. Where the broker has Response
   * Information in CONNACK, that counts: ask for it with the property
   * `requestResponseInformation`.
   */
  responsePrefix?: string;
  /** What may wait to be published while there is no connection. */
  offlineQueue?: OfflineQueueOptions;
  /**
   * How many received messages may wait for the application, by default 1,000;
   * each subscription of `subscription` has a queue of its own. With so many in
   * one of them the client stops reading, so that the broker has to hold back,
   * until half of them are taken. Only where the application itself waits for an
   * answer of the broker, the client reads on: then it drops messages of QoS 0
   * for which there is no room (`dropped` counts them), and does not acknowledge
   * others before there is.
   */
  receiveQueueLimit?: number;
  /**
   * Whether `ack()` of a message acknowledges it, by default `false`: messages
   * are acknowledged as they come. With `true`, messages of QoS 1 and 2 that are
   * not acknowledged stay with the broker, which sends them again to the session
   * later. One of QoS 2 is then delivered when it has come, not when the broker
   * has released it.
   */
  manualAck?: boolean;
  /** What to call when something happens. */
  on?: ClientEvents;
  /** What opens the transport. By default {@linkcode dial}. */
  dial?: Dial;
  /** Where the time comes from. By default the clock of the machine. */
  clock?: Clock;
}
