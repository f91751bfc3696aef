/**
 * The way in: accepts connections of one listener until it is closed, within
 * the limits on their number and on the addresses that they come from.
 */

import { ReasonCode, type Transport } from "../codec/mod.ts";
import { Connection } from "./_connection.ts";
import type { Listener } from "./listen.ts";
import type { BrokerState } from "./_state.ts";
import type { Refusal } from "./_visitors.ts";

/** Connections that are turned away with a word about why, at a time. */
const FAREWELLS = 100;

/** Milliseconds that one of them may take. */
const FAREWELL_TIMEOUT = 2000;

/** Milliseconds until the next try when the system has no more sockets. */
const PAUSE = 100;

export class Acceptor {
  /** The name of the listener. */
  readonly name: string;
  readonly listener: Listener;

  readonly #broker: BrokerState;
  readonly #maxConnections: number;
  readonly #onClosed: () => void;
  #open = 0;
  #stopped = false;
  /** Those that are being told that there is no room. */
  readonly #farewells = new Set<Transport>();

  /**
   * @param maxConnections How many connections at a time.
   * @param onClosed Is called when a connection is closed.
   */
  constructor(
    broker: BrokerState,
    listener: Listener,
    name: string,
    maxConnections: number,
    onClosed: () => void,
  ) {
    this.#broker = broker;
    this.listener = listener;
    this.name = name;
    this.#maxConnections = maxConnections;
    this.#onClosed = onClosed;
  }

  /** Accepts until the listener is closed. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      let transport: Transport;
      try {
        transport = await this.listener.accept();
      } catch (error) {
        if (this.#stopped || isClosed(error)) return;
        // The system is short of something: sockets, most likely.
        this.#broker.metrics.acceptFailures++;
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
        continue;
      }
      this.#accept(transport);
    }
  }

  /** Closes the listener; its connections go on. */
  stop(): void {
    this.#stopped = true;
    try {
      this.listener.close();
    } catch {
      // Whoever it belongs to has closed it.
    }
    for (const transport of this.#farewells) end(transport);
  }

  #accept(transport: Transport): void {
    const broker = this.#broker;
    const { connections, limits, metrics } = broker;
    if (this.#stopped) return end(transport);
    const visitor = broker.visitors.find(transport.remoteAddr);
    const refusal = visitor?.arrive();
    if (refusal !== undefined) return this.#turnAway(transport, refusal);
    if (this.#open >= this.#maxConnections) {
      const most = this.#maxConnections;
      return this.#turnAway(transport, noRoom(`the listener has ${most}`));
    }
    if (connections.size >= limits.connections) {
      const most = limits.connections;
      return this.#turnAway(transport, noRoom(`the broker has ${most}`));
    }
    try {
      transport.setNoDelay?.(true);
      transport.setKeepAlive?.(true); // who has gone without a word is noticed
    } catch {
      // It is gone already, as reading will tell.
    }
    this.#open++;
    visitor?.enter();
    metrics.connectionsAccepted++;
    metrics.connectionsOpen++;
    const connection = new Connection(
      broker,
      transport,
      this.name,
      visitor,
      this.#left,
    );
    connections.add(connection);
    connection.run(); // never rejects
  }

  readonly #left = (connection: Connection): void => {
    const { connections, metrics } = this.#broker;
    this.#open--;
    connection.visitor?.leave();
    connections.delete(connection);
    metrics.connectionsOpen--;
    this.#onClosed();
  };

  #turnAway(transport: Transport, { reasonCode, reason }: Refusal): void {
    const { metrics, hooks } = this.#broker;
    metrics.connectionsRefused++;
    hooks.emit("broker_connection_refused", {
      address: transport.remoteAddr,
      clientId: undefined,
      username: undefined,
      reasonCode,
      reason,
    });
    if (
      transport.turnAway === undefined || this.#farewells.size >= FAREWELLS ||
      reasonCode === ReasonCode.Banned // is worth no trouble
    ) return end(transport);
    this.#farewells.add(transport);
    const timer = setTimeout(() => end(transport), FAREWELL_TIMEOUT);
    transport.turnAway(reason).catch(() => {}).then(() => {
      clearTimeout(timer);
      this.#farewells.delete(transport);
      end(transport);
    });
  }
}

function noRoom(why: string): Refusal {
  const reason = `too many connections: ${why}`;
  return { reasonCode: ReasonCode.QuotaExceeded, reason };
}

function end(transport: Transport): void {
  try {
    transport.close();
  } catch {
    // It is closed already.
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof Error &&
    (error.name === "BadResource" || error.name === "Interrupted");
}
