/**
 * The bounds of what peers can make the broker keep or do.
 *
 * @module
 */

/**
 * What becomes of a QoS 1 or 2 message where the queue of its session is full:
 *
 * - `"drop-newest"`: it is dropped.
 * - `"drop-oldest"`: what has waited longest is dropped for it. What was sent
 *   and is not acknowledged stays.
 * - `"disconnect"`: it is dropped, and the client that does not keep up is
 *   disconnected (0x97). For a client that is away it is dropped.
 */
export type QueueFullPolicy = "drop-newest" | "drop-oldest" | "disconnect";

/** The bounds of what peers can make the broker keep or do. */
export interface Limits {
  /** Connections at a time, over all listeners. By default 100,000. */
  connections: number;
  /**
   * Connections at a time from one address: of IPv4, or 64 bits of IPv6. By
   * default 0: no limit of its own.
   */
  connectionsPerAddress: number;
  /** Connections a second from one address. By default 0: no limit. */
  connectionRate: number;
  /** Connections that may come at once before their rate counts. By default 5,000. */
  connectionBurst: number;
  /**
   * Bad attempts a minute of one address, and as many more for each client that
   * is connected from it; above, it is banned. 0: never. By default 1,000.
   */
  failures: number;
  /** Seconds of a first ban; each further one is twice as long. By default 10. */
  banTime: number;
  /**
   * Seconds of the longest ban, and after so many in order bans are forgotten.
   * By default 600.
   */
  banTimeMaximum: number;
  /** Seconds until a connection must have sent its CONNECT. By default 10. */
  connectTimeout: number;
  /** Bytes of the largest packet accepted (0x95). By default 2 MiB. */
  maximumPacketSize: number;
  /** Characters of the longest client identifier. By default 1,024. */
  clientIdLength: number;
  /** Bytes of the longest topic name or filter. By default 65,535. */
  topicLength: number;
  /** Levels of a topic name or filter. By default 200. */
  topicLevels: number;
  /**
   * Topic aliases that a client may assign, and that are assigned for it as far
   * as it takes them. By default 32.
   */
  topicAliasMaximum: number;
  /** Subscriptions of one session. By default 10,000. */
  subscriptions: number;
  /** Bytes that the filters of one session take. By default 16 MiB. */
  subscriptionBytes: number;
  /**
   * QoS 1 and 2 messages that a session may have sent and not got acknowledged;
   * less if the client's Receive Maximum says so. By default 100.
   */
  inflight: number;
  /** QoS 2 messages that a client may have sent and not released. By default 1,000. */
  receiveMaximum: number;
  /** Messages that wait for one session. By default 10,000. */
  queuedMessages: number;
  /** Bytes of messages that wait for one session. By default 16 MiB. */
  queuedBytes: number;
  /** What becomes of a message that does not fit. By default "drop-newest". */
  queueFull: QueueFullPolicy;
  /**
   * Bytes that all sessions keep for their clients, sent or not; a message in
   * many sessions counts once. By default 1 GiB.
   */
  totalQueuedBytes: number;
  /**
   * Bytes waiting to be written to one connection: above it QoS 0 messages for
   * it are dropped and others wait in its session. By default 1 MiB.
   */
  outboundBytes: number;
  /**
   * PUBLISH packets per second that are read from one connection; what is more
   * has to wait. By default 0: any number.
   */
  messageRate: number;
  /**
   * Bytes per second that are read from one connection; what is more has to
   * wait. By default 0: any number.
   */
  byteRate: number;
  /**
   * Bytes of memory in use above which the broker takes less: it refuses
   * clients that it does not know and drops QoS 0 messages to those that do not
   * keep up; a tenth above, it also refuses messages for clients that are away,
   * and subscriptions. By default 0: it does not look.
   */
  memory: number;
  /**
   * Seconds that a client may read nothing of what waits for it before its
   * connection is closed. By default 60.
   */
  stallTimeout: number;
  /** Sessions that outlive their connection. By default 100,000. */
  sessions: number;
  /**
   * Seconds that a session may outlive its connection; 4,294,967,295, the
   * default, is for ever.
   */
  sessionExpiryInterval: number;
  /** Retained messages. By default 100,000. */
  retainedMessages: number;
  /** Bytes of retained messages. By default 256 MiB. */
  retainedBytes: number;
  /**
   * Seconds that a client waits for the answer of a plugin; then the plugin is
   * said to have failed, which denies. By default 30.
   */
  pluginTimeout: number;
  /** Seconds that `shutdown()` waits for what is to be written. By default 5. */
  shutdownTimeout: number;
}

/** The limits where nothing is said. */
export const defaultLimits: Readonly<Limits> = Object.freeze({
  connections: 100_000,
  connectionsPerAddress: 0,
  connectionRate: 0,
  connectionBurst: 5_000,
  failures: 1_000,
  banTime: 10,
  banTimeMaximum: 600,
  connectTimeout: 10,
  maximumPacketSize: 2 * 1024 * 1024,
  clientIdLength: 1024,
  topicLength: 65_535,
  topicLevels: 200,
  topicAliasMaximum: 32,
  subscriptions: 10_000,
  subscriptionBytes: 16 * 1024 * 1024,
  inflight: 100,
  receiveMaximum: 1_000,
  queuedMessages: 10_000,
  queuedBytes: 16 * 1024 * 1024,
  queueFull: "drop-newest",
  totalQueuedBytes: 1024 * 1024 * 1024,
  outboundBytes: 1024 * 1024,
  messageRate: 0,
  byteRate: 0,
  memory: 0,
  stallTimeout: 60,
  sessions: 100_000,
  sessionExpiryInterval: 0xffff_ffff,
  retainedMessages: 100_000,
  retainedBytes: 256 * 1024 * 1024,
  pluginTimeout: 30,
  shutdownTimeout: 5,
});
