/**
 * What a client is told: when it is made, and with each call.
 *
 * @module
 */

import type {
  ConnectProperties,
  DisconnectProperties,
  ProtocolVersion,
  PublishProperties,
  Qos,
  ReasonCode,
  ReasonProperties,
  RetainHandling,
  SubscribeProperties,
  Transport,
  UnsubscribeProperties,
  WillProperties,
} from "../codec/mod.ts";
import type { Clock } from "./clock.ts";

/** An option that every call has. */
export interface CallOptions {
  /**
   * Gives up waiting: the promise is rejected with the signal's reason. What
   * was sent by then cannot be taken back.
   */
  signal?: AbortSignal;
}

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

/**
 * Options of TLS, for mqtts:// and wss://; the other schemes do not look at
 * them. Without `cafile`, `capath` and `cadata` the certification authorities
 * of the machine are trusted, with one of them only those that it names. A
 * browser has none of these options: it uses what its user has set up.
 */
export interface TlsOptions {
  /** A file in PEM with the certificates of authorities to trust. */
  cafile?: string;
  /** A folder with such files: each `*.pem`, `*.crt` and `*.0` in it. */
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
   * `false`: for brokers that share their port with other protocols.
   */
  alpn?: boolean;
}

/** Options of a {@linkcode Dial}. */
export interface DialOptions extends CallOptions, TlsOptions {
  /**
   * More headers of the request that opens a WebSocket, for example
   * `{ authorization: "Bearer …" }`. Only Deno can send them.
   */
  headers?: Readonly<Record<string, string>>;
}

/**
 * Opens a transport to a broker.
 *
 * @param url The URL of the broker.
 * @param options The signal that gives up; TLS, headers.
 * @returns The open transport.
 */
export type Dial = (url: URL, options: DialOptions) => Promise<Transport>;

/** Options of a client. */
export interface ClientOptions extends TlsOptions {
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
   */
  cleanStart?: boolean;
  /**
   * The keep alive in seconds, 0 to 65,535, by default 10: when nothing was
   * sent or received for nearly that long, the client asks for a sign of life.
   * 0 turns it off. A broker of 5.0 may decide otherwise.
   */
  keepAlive?: number;
  /** The user name. By default that of the URL. */
  username?: string;
  /** The password. By default that of the URL. Text is encoded as UTF-8. */
  password?: Uint8Array | string;
  /** The will. By default there is none. */
  will?: WillOptions;
  /**
   * The properties of CONNECT (5.0). `maximumPacketSize` also limits what is
   * accepted with an older protocol version.
   */
  properties?: ConnectProperties;
  /**
   * How long `connect` may take until CONNACK, in seconds, by default 30.
   */
  connectTimeout?: number;
  /**
   * How long the broker may take to answer PINGREQ, in seconds, by default 10.
   * Then the connection is lost.
   */
  pingTimeout?: number;
  /**
   * How many received messages may wait for the application, by default 1,000.
   * With so many the client stops reading, so that the broker has to hold back.
   * Only where the application itself waits for an answer of the broker, the
   * client reads on: then it drops messages of QoS 0 (`dropped` counts them),
   * and does not acknowledge others before there is room.
   */
  receiveQueueLimit?: number;
  /**
   * More headers of the request that opens a WebSocket, for example
   * `{ authorization: "Bearer …" }`. Only Deno can send them.
   */
  headers?: Readonly<Record<string, string>>;
  /** What opens the transport. By default {@linkcode dial}. */
  dial?: Dial;
  /** Where the time comes from. By default the clock of the machine. */
  clock?: Clock;
}

/** Options of `connect`. */
export interface ConnectOptions extends CallOptions {
  /** The broker, instead of that in the options of the client. */
  url?: string | URL;
  /** Whether to begin a new session, instead of what the client's options say. */
  cleanStart?: boolean;
}

/** Options of `disconnect`. */
export interface DisconnectOptions extends CallOptions {
  /** The reason (5.0), by default 0; 4 has the broker publish the will. */
  reasonCode?: ReasonCode;
  /** The properties of DISCONNECT (5.0). */
  properties?: DisconnectProperties;
}

/** Options of `publish`. */
export interface PublishOptions extends CallOptions {
  /** The quality of service, by default 0. */
  qos?: Qos;
  /** Whether the broker is to retain the message, by default `false`. */
  retain?: boolean;
  /** The properties of PUBLISH (5.0). */
  properties?: Omit<
    PublishProperties,
    "topicAlias" | "subscriptionIdentifiers"
  >;
}

/** How a publication ended. */
export interface PublishResult {
  /** 0, or 0x10 if the broker says that nobody has subscribed (5.0). */
  readonly reasonCode: ReasonCode;
  /** The packet identifier; absent at QoS 0. */
  readonly packetId?: number;
  /** The properties of the last acknowledgement (5.0). */
  readonly properties?: ReasonProperties;
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
