/**
 * The watch over a connection: whether it is where it has to be by now. It is
 * asked in each sweep; that something arrived is no more than a flag until then.
 */

import { type ConnectionState, ReasonCode } from "../codec/mod.ts";
import type { Limits } from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import type { ClientInfo } from "./plugin.ts";

/** The parts of the broker that the watch uses. */
export interface WatchHost {
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly timeoutDisconnectDelay: number | undefined;
  now(): number;
}

/** What is watched. */
export interface Watched {
  readonly state: ConnectionState;
  /** Whether the transport's handshake is not complete. */
  readonly shaking: boolean;
  /** Whether something else than the client is waited for. */
  readonly busy: boolean;
  /** Who it is, from CONNECT on. */
  readonly client: ClientInfo | undefined;
  /** Seconds; 0 if silence is no fault. */
  readonly keepAlive: number;
  /** When the exchange began by which a client authenticates, if one does. */
  readonly authentication:
    | { readonly startedAt: number | undefined }
    | undefined;
  readonly output: { stalledFor(now: number): number };
}

/** What a connection is ended with. */
export interface Overdue {
  readonly reasonCode: ReasonCode;
  readonly reason: string;
  /** Whether it takes nothing any more, not even the reason. */
  readonly lost?: true;
}

/** Bytes that show that a packet is coming, if slowly. */
const PROGRESS = 1024;

export class Watch {
  /** Whether a packet arrived since the last sweep. */
  active = false;
  /** Bytes that arrived since the client was seen to be active. */
  bytes = 0;
  /** When a packet arrived last; before CONNECT, when the connection began. */
  #activeAt: number;
  readonly #broker: WatchHost;

  constructor(broker: WatchHost) {
    this.#broker = broker;
    this.#activeAt = broker.now();
  }

  /** What a connection is to be ended with, if a deadline has passed. */
  overdue(now: number, connection: Watched): Overdue | undefined {
    const { limits, metrics } = this.#broker;
    const stalled = connection.output.stalledFor(now);
    if (stalled > limits.stallTimeout * 1000) {
      metrics.stalled++;
      return {
        reasonCode: ReasonCode.UnspecifiedError,
        reason: `the client has read nothing for ${limits.stallTimeout} s`,
        lost: true,
      };
    }
    if (connection.state !== "connected") {
      return this.#overdueToConnect(now, connection);
    }
    if (connection.authentication?.startedAt !== undefined) {
      const { startedAt } = connection.authentication;
      if (now - startedAt > limits.connectTimeout * 1000) {
        metrics.authenticationFailures++;
        return {
          reasonCode: ReasonCode.NotAuthorized,
          reason: `not authenticated again within ${limits.connectTimeout} s`,
        };
      }
    }
    // A packet a byte at a time is none; a large one may take its time.
    if (this.active || this.bytes >= PROGRESS) {
      this.active = false;
      this.bytes = 0;
      this.#activeAt = now;
      return undefined;
    }
    return this.#silent(now, connection);
  }

  #overdueToConnect(
    now: number,
    { shaking, client }: Watched,
  ): Overdue | undefined {
    const { limits, metrics } = this.#broker;
    const seconds = limits.connectTimeout;
    if (now - this.#activeAt <= seconds * 1000) return undefined;
    if (shaking) metrics.handshakesFailed++;
    const missing = shaking
      ? "the handshake was not complete"
      : client === undefined
      ? "no CONNECT"
      : "not authenticated";
    return {
      reasonCode: ReasonCode.UnspecifiedError,
      reason: `${missing} within ${seconds} s`,
    };
  }

  #silent(now: number, { keepAlive, busy }: Watched): Overdue | undefined {
    if (keepAlive === 0 || busy) return undefined;
    // [MQTT-3.1.2-22]
    const { metrics, timeoutDisconnectDelay: delay } = this.#broker;
    const seconds = delay === undefined ? keepAlive * 1.5 : keepAlive + delay;
    if (now - this.#activeAt <= seconds * 1000) return undefined;
    metrics.keepAliveTimeouts++;
    return {
      reasonCode: ReasonCode.KeepAliveTimeout,
      reason: `no packet came for ${seconds} s`,
    };
  }
}
