/**
 * The connection that there is, or is to be: one attempt after the other, as
 * long as that makes sense.
 */

import type { ConnackPacket, ProtocolVersion } from "../codec/mod.ts";
import { BackOff } from "./_back_off.ts";
import type {
  ConnectOptions,
  DisconnectOptions,
  ReconnectOptions,
} from "./call_options.ts";
import type { Clock } from "./clock.ts";
import {
  Attempt,
  connectPacket,
  dialOptionsOf,
  type Opened,
} from "./_connect.ts";
import type { Connection } from "./_connection.ts";
import { ConnectError, ConnectionLostError } from "./error.ts";
import type { Events } from "./_guard.ts";
import type { ClientOptions, Dial, DialOptions } from "./options.ts";
import { Pending } from "./_pending.ts";
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

export class Link {
  clientId: string;

  readonly #options: LinkOptions;
  readonly #backOff: BackOff;
  /** Whether the broker may have a session with the client's identifier. */
  #known: boolean;
  #target: Target | undefined;
  /** What the next attempt says. */
  #cleanStart = true;
  #attempt: Attempt | undefined;
  #opened: Opened | undefined;
  /** Who waits for a connection. */
  readonly #waiters = new Set<Pending<ConnackPacket>>();
  /** Ends the wait for the next attempt. */
  #wake: (() => void) | undefined;
  #running = false;
  /** Whether `disconnect` was called. */
  #left = false;
  /** Why there are to be no more attempts. */
  #givenUp: { reason: unknown } | undefined;
  #closed = Promise.withResolvers<Error | undefined>();
  /** Whether `#closed` is settled. */
  #ended = false;

  /** @throws {RangeError} If a number is out of range. */
  constructor(options: LinkOptions) {
    const { clientId } = options.client;
    this.#options = options;
    this.#backOff = new BackOff(options.client, Math.random);
    this.clientId = options.clientId;
    this.#known = clientId !== undefined && clientId !== "";
  }

  /** The connection, if there is one. */
  get connection(): Connection | undefined {
    return this.#opened?.connection;
  }

  /** Settles when there is no connection, and none is to come. */
  get closed(): Promise<Error | undefined> {
    return this.#closed.promise;
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
    if (this.#target === undefined) {
      throw new TypeError("Cannot reconnect: the client was never connected");
    }
    if (this.connection?.connected) {
      return Promise.resolve(this.#opened!.connack);
    }
    if (this.#left && this.#running) {
      throw new TypeError("Cannot reconnect: the client is disconnecting");
    }
    const clean = cleanStart ?? this.#cleanStart;
    if (!this.#running) {
      const first = this.#prepare(this.#target, clean);
      this.#cleanStart = clean;
      return this.#begin(first, true, signal);
    }
    this.#cleanStart = clean;
    const waiter = this.#wait(signal);
    this.#wake?.();
    return waiter.promise;
  }

  /**
   * Disconnects, or gives up connecting.
   *
   * @throws {TypeError} If the reason or a property is not one of DISCONNECT.
   */
  async disconnect(options: DisconnectOptions): Promise<void> {
    const { reasonCode = 0, properties, signal } = options;
    signal?.throwIfAborted();
    if (!this.#running) return;
    const { connection } = this;
    connection?.disconnect(reasonCode, undefined, properties);
    this.#left = true;
    this.#options.session.leave();
    this.#giveUp(new ConnectError("Cannot connect: disconnect was called"));
    const abort = () => connection?.close();
    signal?.addEventListener("abort", abort);
    await this.closed;
    signal?.removeEventListener("abort", abort);
    signal?.throwIfAborted();
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
    });
  }

  #begin(
    first: Attempt,
    insist: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ConnackPacket> {
    // Nothing is wrong with the arguments: `closed` is about this one now.
    if (this.#ended) this.#closed = Promise.withResolvers();
    this.#ended = this.#left = false;
    this.#givenUp = undefined;
    this.#running = true;
    this.#backOff.begin();
    this.#options.session.expect();
    const waiter = this.#wait();
    const abort = () => this.#giveUp(signal!.reason);
    signal?.addEventListener("abort", abort);
    const settled = () => signal?.removeEventListener("abort", abort);
    waiter.promise.then(settled, settled);
    this.#run(first, insist);
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

  /** Never rejects. */
  async #run(first: Attempt, insist: boolean): Promise<void> {
    const { client, clock, events } = this.#options;
    let next: Attempt | undefined = first;
    let wasOpen = false;
    /** Whether the application knows that there is no connection. */
    let told = false;
    let error: unknown;
    for (;;) {
      let delay: number | undefined;
      try {
        this.#attempt = next ?? this.#prepare(this.#target!, this.#cleanStart);
        next = undefined;
        told = false;
        const opened: Opened = await this.#attempt.run();
        wasOpen = true;
        insist = client.autoReconnect ?? true;
        this.#open(opened);
        error = await opened.ended;
        this.#opened = undefined;
        events.disconnected?.(error as Error | undefined);
        told = true;
        delay = this.#backOff.lost(clock.now());
      } catch (failure) {
        error = failure;
        delay = this.#backOff.failed();
      }
      if (this.#givenUp !== undefined) break;
      if (!insist || !mayPass(error) || delay === undefined) break;
      events.reconnecting?.(this.#backOff.attempt, delay, error as Error);
      told = false;
      await this.#sleep(delay);
      if (this.#givenUp !== undefined) break;
    }
    this.#end(error, wasOpen, told);
  }

  #open(opened: Opened): void {
    const { clock, events, version } = this.#options;
    const { connack } = opened;
    this.#attempt = undefined;
    this.#opened = opened;
    this.#known = true;
    this.clientId = connack.properties?.assignedClientIdentifier ??
      this.clientId;
    // Before 5.0 a session that outlives its connection is the same choice.
    if (version === 5) this.#cleanStart = false;
    this.#backOff.opened(clock.now());
    for (const waiter of [...this.#waiters]) waiter.resolve(connack);
    events.connected?.(connack);
  }

  #sleep(delay: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const wake = () => {
        clock.clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = clock.setTimeout(wake, delay * 1000);
      this.#wake = wake;
    });
  }

  #giveUp(reason: unknown): void {
    this.#givenUp ??= { reason };
    this.#attempt?.giveUp(reason);
    this.#wake?.();
  }

  /** There is no connection, and none is to come. */
  #end(error: unknown, wasOpen: boolean, told: boolean): void {
    const { session, events } = this.#options;
    this.#attempt = undefined;
    this.#running = false;
    this.#ended = true;
    const why = this.#givenUp === undefined ? error : this.#givenUp.reason;
    const last = this.#left ? undefined : lostBy(why, wasOpen);
    session.end(last);
    for (const waiter of [...this.#waiters]) waiter.reject(why);
    if (!told) events.disconnected?.(last);
    this.#closed.resolve(last);
  }
}

/** Why there is no connection any more. */
function lostBy(error: unknown, wasOpen: boolean): Error {
  if (!wasOpen || !(error instanceof ConnectError)) return error as Error;
  return new ConnectionLostError(
    `Connection lost, and not to be had again: ${error.message}`,
    { cause: error },
  );
}
