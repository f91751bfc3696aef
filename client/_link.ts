/**
 * The connection that there is, or is to be: one attempt after the other, as
 * long as that makes sense. Its state has changed before any promise settles
 * and any event fires: whoever is told of something can act on it.
 */

import {
  type ConnackPacket,
  ProtocolError,
  type ProtocolVersion,
} from "../codec/mod.ts";
import { checkDisconnect } from "./_arguments.ts";
import { BackOff } from "./_back_off.ts";
import type {
  ConnectOptions,
  DisconnectOptions,
  ReconnectOptions,
} from "./call_options.ts";
import type { Clock } from "./clock.ts";
import {
  Attempt,
  type AttemptOwner,
  connectPacket,
  dialOptionsOf,
} from "./_connect.ts";
import type { Connection } from "./_connection.ts";
import { ConnectError, ConnectionLostError } from "./error.ts";
import type { Events } from "./_guard.ts";
import type { ClientOptions, Dial, DialOptions } from "./options.ts";
import { overlook, Pending } from "./_pending.ts";
import { mayPass } from "./_refusal.ts";
import type { Session } from "./_session.ts";
import { type BrokerUrl, parseBrokerUrl } from "./_url.ts";

/** What a link is made with. */
export interface LinkOptions {
  readonly client: ClientOptions;
  readonly clientId: string;
  readonly version: ProtocolVersion;
  readonly session: Session;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly events: Events;
}

/** Where to connect to, and how. */
interface Target {
  readonly broker: BrokerUrl;
  readonly dialOptions: DialOptions;
}

/** What a link does at the time. */
type State =
  /** Nothing yet. */
  | { readonly is: "new" }
  | { readonly is: "attempting"; readonly attempt: Attempt }
  | {
    readonly is: "open";
    readonly connection: Connection;
    readonly connack: ConnackPacket;
  }
  /** It waits for its next attempt. */
  | { readonly is: "waiting"; readonly timer: unknown }
  /** The connection or the attempt is about to end, and is to be the last. */
  | {
    readonly is: "leaving";
    /** What who waits for a connection is told. */
    readonly reason: unknown;
    /** What `closed` tells. */
    readonly error: Error | undefined;
    readonly connection: Connection | undefined;
  }
  /** Nothing any more. */
  | { readonly is: "ended" };

export class Link implements AttemptOwner {
  clientId: string;

  readonly #options: LinkOptions;
  readonly #backOff: BackOff;
  #state: State = { is: "new" };
  /** Whether the broker may have a session with the client's identifier. */
  #known: boolean;
  #target: Target | undefined;
  /** What the next attempt says. */
  #cleanStart = true;
  /** Whether a failure is not the end. */
  #insists = false;
  /** Whether there was a connection since `connect` or `reconnect`. */
  #wasOpen = false;
  /** Who waits for a connection. */
  readonly #waiters = new Set<Pending<ConnackPacket>>();
  #closed = Promise.withResolvers<Error | undefined>();

  /** @throws {RangeError} If a number is out of range. */
  constructor(options: LinkOptions) {
    const { clientId } = options.client;
    this.#options = options;
    this.#backOff = new BackOff(options.client, Math.random);
    this.clientId = options.clientId;
    this.#known = clientId !== undefined && clientId !== "";
  }

  /** Whether there is a connection. */
  get connected(): boolean {
    return this.#state.is === "open" && this.#state.connection.connected;
  }

  /** Settles when there is no connection, and none is to come. */
  get closed(): Promise<Error | undefined> {
    return this.#closed.promise;
  }

  /** Whether there is a connection, or one is to come or about to end. */
  get #running(): boolean {
    return this.#state.is !== "new" && this.#state.is !== "ended";
  }

  /**
   * Connects.
   *
   * @throws {TypeError} If there is a connection, or an option is wrong.
   */
  connect(options: ConnectOptions): Promise<ConnackPacket> {
    const { client, session } = this.#options;
    const { url, cleanStart, signal, ...dialOptions } = options;
    signal?.throwIfAborted();
    if (this.#running) {
      throw new TypeError("Cannot connect: the client is connected already");
    }
    const target = {
      broker: parseBrokerUrl(url ?? client.url ?? "mqtt://localhost"),
      dialOptions: { ...dialOptionsOf(client), ...dialOptions },
    };
    const clean = cleanStart ?? client.cleanStart ?? true;
    const first = this.#prepare(target, clean);
    this.#target = target;
    this.#cleanStart = clean;
    if (clean) session.forget();
    return this.#begin(first, client.autoReconnect ?? true, signal);
  }

  /**
   * Connects to the same broker again, or hurries up.
   *
   * @throws {TypeError} If an option of the client is wrong.
   */
  reconnect({ cleanStart, signal }: ReconnectOptions): Promise<ConnackPacket> {
    signal?.throwIfAborted();
    const state = this.#state;
    if (this.#target === undefined) {
      throw new TypeError("Cannot reconnect: the client was never connected");
    }
    if (state.is === "open" && state.connection.connected) {
      return Promise.resolve(state.connack);
    }
    if (state.is === "leaving") {
      throw new TypeError("Cannot reconnect: the client is disconnecting");
    }
    const clean = cleanStart ?? this.#cleanStart;
    if (state.is === "ended") {
      const first = this.#prepare(this.#target, clean);
      this.#cleanStart = clean;
      return this.#begin(first, true, signal);
    }
    this.#cleanStart = clean;
    const waiter = this.#wait(signal);
    if (state.is === "waiting") {
      this.#options.clock.clearTimeout(state.timer);
      this.#again();
    }
    return waiter.promise;
  }

  /**
   * Disconnects, or gives up connecting.
   *
   * @throws {ConnectionLostError} If the network did not take all.
   * @throws {RangeError} If the reason is not one that a client may give.
   * @throws {TypeError} If a property is not one that a client may send.
   */
  disconnect(options: DisconnectOptions): Promise<void> {
    const { reasonCode = 0, properties, signal } = options;
    signal?.throwIfAborted();
    const state = this.#state;
    const { closed } = this;
    const { client, version } = this.#options;
    if (version === 5) checkDisconnect(options, client.properties);
    if (!this.#running) return Promise.resolve();
    if (state.is === "open") {
      const { sessionExpiryInterval: kept = 0 } = {
        ...client.properties,
        ...properties,
      };
      if (version === 5 && kept > 0) this.#options.session.inquiries.leave();
      state.connection.disconnect(reasonCode, undefined, properties);
    }
    const connection = state.is === "open" || state.is === "leaving"
      ? state.connection
      : undefined;
    const reason = new ConnectError("Cannot connect: disconnect was called");
    this.#leave(reason, undefined);
    return overlook(ended(closed, connection, signal));
  }

  /** No other connection is to come. */
  #leave(reason: unknown, error: Error | undefined): void {
    const state = this.#state;
    const connection = state.is === "open" || state.is === "leaving"
      ? state.connection
      : undefined;
    this.#state = { is: "leaving", reason, error, connection };
    this.#options.session.leave();
    if (state.is === "attempting") state.attempt.giveUp(reason);
    if (state.is !== "waiting") return;
    this.#options.clock.clearTimeout(state.timer);
    this.#end(reason, error);
  }

  /** An attempt, with whatever is wrong found out before it begins. */
  #prepare({ broker, dialOptions }: Target, cleanStart: boolean): Attempt {
    const { client, version } = this.#options;
    return new Attempt({
      ...this.#options,
      broker,
      dialOptions,
      packet: connectPacket(this.clientId, version, broker, client, cleanStart),
      known: this.#known,
    }, this);
  }

  #begin(
    first: Attempt,
    insists: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ConnackPacket> {
    // Nothing is wrong with the arguments: `closed` is about this one now.
    if (this.#state.is === "ended") this.#closed = Promise.withResolvers();
    this.#insists = insists;
    this.#wasOpen = false;
    this.#backOff.begin();
    this.#options.session.expect();
    const waiter = this.#wait();
    const abort = () => {
      if (!waiter.settled) this.#leave(signal!.reason, signal!.reason);
    };
    signal?.addEventListener("abort", abort);
    const settled = () => signal?.removeEventListener("abort", abort);
    waiter.promise.then(settled, settled);
    this.#try(first);
    return waiter.promise;
  }

  #wait(signal?: AbortSignal): Pending<ConnackPacket> {
    const waiter = new Pending<ConnackPacket>(
      signal,
      () => this.#waiters.delete(waiter),
    );
    this.#waiters.add(waiter);
    return waiter;
  }

  #try(attempt: Attempt): void {
    this.#state = { is: "attempting", attempt };
    attempt.run().catch((error) => this.#failed(error));
  }

  #again(): void {
    try {
      this.#try(this.#prepare(this.#target!, this.#cleanStart));
    } catch (error) {
      this.#failed(error);
    }
  }

  opened(connection: Connection, connack: ConnackPacket): void {
    const { client, clock, version } = this.#options;
    this.#state = { is: "open", connection, connack };
    this.#wasOpen = this.#known = true;
    this.#insists = client.autoReconnect ?? true;
    this.clientId = connack.properties?.assignedClientIdentifier ??
      this.clientId;
    // Before 5.0 a session that outlives its connection is the same choice.
    if (version === 5) this.#cleanStart = false;
    this.#backOff.opened(clock.now());
    for (const waiter of [...this.#waiters]) waiter.resolve(connack);
  }

  lost(error: Error | undefined): void {
    const { clock, events } = this.#options;
    const broken = error?.cause instanceof ProtocolError;
    const delay = this.#backOff.lost(clock.now(), broken);
    this.#over(error, delay, () => events.disconnected?.(error));
  }

  #failed(error: unknown): void {
    this.#over(error, this.#backOff.failed());
  }

  /**
   * A connection is lost, or an attempt has failed: has another one follow, or
   * none.
   *
   * @param tell Tells of it if another one follows.
   */
  #over(error: unknown, delay: number | undefined, tell?: () => void): void {
    const { clock, events, session } = this.#options;
    const state = this.#state;
    if (state.is === "leaving") return this.#end(state.reason, state.error);
    if (!this.#insists || !mayPass(error) || delay === undefined) {
      return this.#end(error, lostBy(error, this.#wasOpen));
    }
    const timer = clock.setTimeout(() => this.#again(), delay * 1000);
    const waiting: State = { is: "waiting", timer };
    this.#state = waiting;
    const { attempt } = this.#backOff;
    session.lose(error as Error);
    tell?.();
    if (this.#state !== waiting) return; // who was told has decided otherwise
    events.reconnecting?.(attempt, delay, error as Error);
  }

  /**
   * There is no connection, and none is to come.
   *
   * @param reason What who waits for one is told.
   * @param error What `closed` tells.
   */
  #end(reason: unknown, error: Error | undefined): void {
    const { session, events } = this.#options;
    const waiters = [...this.#waiters];
    this.#state = { is: "ended" };
    session.lose(error);
    session.end(error);
    for (const waiter of waiters) waiter.reject(reason);
    this.#closed.resolve(error);
    events.disconnected?.(error);
  }
}

/**
 * Waits until a client has left.
 *
 * @param signal Has it not wait for the broker.
 */
async function ended(
  closed: Promise<unknown>,
  connection: Connection | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const abort = () => connection?.close();
  signal?.addEventListener("abort", abort);
  await closed;
  signal?.removeEventListener("abort", abort);
  signal?.throwIfAborted();
  if (!connection?.cut) return;
  throw new ConnectionLostError(
    "Cannot disconnect in good order: the network takes nothing, and not all " +
      "that was published is sent",
  );
}

/** Why there is no connection any more. */
function lostBy(error: unknown, wasOpen: boolean): Error {
  if (!wasOpen || !(error instanceof ConnectError)) return error as Error;
  return new ConnectionLostError(
    `Connection lost, and not to be had again: ${error.message}`,
    { cause: error },
  );
}
