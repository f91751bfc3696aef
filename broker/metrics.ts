/**
 * What the broker counts.
 *
 * Plain integers, incremented in place where it happens; whoever wants them
 * reads them. Nothing here has a cost that a message could notice.
 *
 * @module
 */

/** Counters since the broker was made, and a few gauges. */
export class Metrics {
  /** Connections accepted from listeners. */
  connectionsAccepted = 0;
  /** Times the system could not give us an incoming connection. */
  acceptFailures = 0;
  /** Connections closed before they were clients, by a limit or a refusal. */
  connectionsRefused = 0;
  /** Of these: connections from addresses that were banned. */
  connectionsBanned = 0;
  /** Of these: connections from addresses that came too often. */
  connectionsTooOften = 0;
  /** Of these: connections from addresses that had too many. */
  connectionsTooMany = 0;
  /** Times that an address was banned for its failures. */
  addressesBanned = 0;
  /** Connections closed because a handshake of TLS or WebSocket failed. */
  handshakesFailed = 0;
  /** Connections open now, clients or not yet. */
  connectionsOpen = 0;
  /** Clients connected now. */
  clientsConnected = 0;
  /** The most clients that were connected at a time. */
  clientsMaximum = 0;
  /** Ends of clients' connections. */
  clientsDisconnected = 0;
  /** CONNECTs refused for their credentials. */
  authenticationFailures = 0;
  /** Connections closed for breaking the protocol. */
  protocolErrors = 0;
  /** Connections closed because their peers stopped reading. */
  stalled = 0;
  /** Connections closed by their keep alive. */
  keepAliveTimeouts = 0;
  /** Sessions taken over by another connection. */
  takeovers = 0;
  /** Sessions that expired. */
  sessionsExpired = 0;
  /** Bytes received. */
  bytesReceived = 0;
  /** Bytes sent. */
  bytesSent = 0;
  /** Control packets received. */
  packetsReceived = 0;
  /** Control packets sent. */
  packetsSent = 0;
  /** PUBLISH packets received. */
  publishReceived = 0;
  /** PUBLISH packets sent. */
  publishSent = 0;
  /** Messages refused to their publisher by policy or limit. */
  publishRefused = 0;
  /** Messages withheld from a receiver by policy. */
  deliveriesDenied = 0;
  /** QoS 0 messages dropped because the receiver does not keep up. */
  droppedSlow = 0;
  /** QoS 1 and 2 messages dropped because the session's queue, or all of them
   * together, are full. */
  droppedQueueFull = 0;
  /** Clients disconnected because their queues were full. */
  queueDisconnects = 0;
  /** Messages dropped because the broker was short of memory. */
  droppedMemory = 0;
  /** Messages that expired before they were sent. */
  droppedExpired = 0;
  /** Messages too large for the receiver. */
  droppedTooLarge = 0;
  /** Bytes that sessions keep for their clients now, sent or not. */
  queuedBytes = 0;
  /** Times that a connection was read no further for its rates. */
  throttled = 0;
  /** Times that the broker came to be short of memory. */
  overloads = 0;
  /** Subscriptions refused by policy or limit. */
  subscriptionsRefused = 0;
  /** Retained messages that expired. */
  retainedExpired = 0;
  /** Wills published. */
  willsPublished = 0;
  /** Exceptions thrown by plugins. */
  pluginFailures = 0;
  /** Commits that the store could not do. */
  storeFailures = 0;
  /** Exceptions that are a defect of the broker. */
  internalErrors = 0;
}

/** What a store tells of itself; to read sizes asks the file system. */
export interface StoreMetrics {
  /** Bytes of its file, without the log. */
  readonly fileBytes: number;
  /** Bytes of the write-ahead log beside it. */
  readonly logBytes: number;
  /** Commits since it was made. */
  readonly commits: number;
  /** Milliseconds that the last commit took. */
  readonly commitTimeLast: number;
  /** Milliseconds that commits took on average. */
  readonly commitTimeMean: number;
  /** Milliseconds that the longest commit took. */
  readonly commitTimeMaximum: number;
  /** Changes that are durable, but only in the journal yet. */
  readonly pending: number;
}
