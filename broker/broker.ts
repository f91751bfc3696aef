/**
 * The broker: its parts put together, and its life from start to shutdown.
 *
 * @module
 */

import { type Address, ReasonCode } from "../codec/mod.ts";
import {
  type Access,
  accessOf,
  anybodyLine,
  isLocal,
  nobodyLine,
  uncheckedLine,
} from "./_access.ts";
import { type BrokerConfig, defaultConfig } from "./config.ts";
import { type Configuration, located, readConfig } from "./_configuration.ts";
import { consoleLogger } from "./_console_logger.ts";
import { Context, type ContextHost } from "./_context.ts";
import { Deadlines } from "./_deadlines.ts";
import { BrokerError } from "./error.ts";
import { failures } from "./_failures.ts";
import { Held } from "./_held.ts";
import { Hooks } from "./_hooks.ts";
import { listen, type Listener, type ListenOptions } from "./listen.ts";
import { loadPlugins } from "./_load_plugins.ts";
import { recordDue, restore } from "./_load.ts";
import { bindLine, type ResolvedListener } from "./listeners.ts";
import { Memory, processMemory } from "./_memory.ts";
import { Message, type MessageInit } from "./message.ts";
import { Metrics, type StoreMetrics } from "./metrics.ts";
import { pause } from "./_pause.ts";
import type { Logger, Plugin } from "./plugin.ts";
import { Retained } from "./_retained.ts";
import { giveOn, publish, retain } from "./_router.ts";
import { Rounds } from "./_rounds.ts";
import type { Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";
import { SqliteStore } from "./sqlite_store.ts";
import { type Change, MemoryStore, type Queues, type Store } from "./store.ts";
import { SubscriptionTree } from "./_subscription_tree.ts";
import { Throttles } from "./_throttle.ts";
import { tick } from "./_tick.ts";
import { Timers } from "./_timers.ts";
import { readTlsFiles } from "./_tls_files.ts";
import { Turn } from "./_turn.ts";
import { refuse, upgrade } from "./_upgrade.ts";
import { Visitors } from "./_visitors.ts";
import { type ListenerAddress, WaysIn } from "./_ways_in.ts";
import { within } from "./_within.ts";

export type { ListenerAddress };

/** The states of a broker's life. */
export type BrokerStatus =
  | "new"
  | "starting"
  | "started"
  | "not_started"
  | "stopping"
  | "stopped"
  | "not_stopped";

/** Options of {@linkcode Broker.upgrade}. */
export interface UpgradeOptions {
  /** The name that plugins see for a listener; by default `"upgrade"`. */
  name?: string;
  /** Where the client is: `info.remoteAddr` of a handler of `Deno.serve`. */
  remoteAddr?: Address;
}

/** Milliseconds between two looks at all deadlines. */
const SWEEP_INTERVAL = 500;

/** Entries of the store between two looks whether there is something to tell. */
const TELLING = 16_384;
/** Milliseconds between two lines that tell how far loading is. */
const TOLD = 1000;

/** Milliseconds since 1970 by a clock that is never set back. */
function monotonicNow(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * An MQTT 3.1, 3.1.1 and 5.0 broker.
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { assert } from "@std/assert";
 *
 * await using broker = new Broker({
 *   listeners: { default: { bind: "127.0.0.1:0" } },
 * });
 * await broker.start();
 * assert(broker.addresses[0]!.port > 0);
 * broker.publish({
 *   topic: "greeting",
 *   payload: new TextEncoder().encode("hello"),
 *   retain: true,
 * });
 * ```
 */
export class Broker implements AsyncDisposable {
  /** What the broker counts. */
  readonly metrics: Metrics = new Metrics();

  readonly #config: Configuration;
  readonly #logger: Logger;
  /** What was published while it was not started, to be retained: by topic. */
  readonly #early = new Map<string, Message>();
  /** Who may connect: known once the plugins are loaded. */
  #access: Access | undefined;
  readonly #state: BrokerState;
  readonly #plugins: ContextHost;
  readonly #waysIn: WaysIn;
  #status: BrokerStatus = "new";
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * Makes a broker; it does nothing before `start()`.
   *
   * @param config The configuration; by default a listener on 0.0.0.0:1883
   * that accepts anybody, and `$SYS` topics each 20 seconds, as in HBMQTT.
   * @throws {SettingsError} If the configuration has an unknown key or a value
   * that is not right; it says where and what would be right.
   */
  constructor(config: BrokerConfig = defaultConfig()) {
    this.#config = readConfig(config);
    const { limits, trusted, capabilities, settings } = this.#config;
    this.#logger = settings.logger ?? consoleLogger;
    const { metrics } = this;
    const { persistence } = settings;
    const store: Store = settings.store ??
      (persistence ? new SqliteStore(persistence) : new MemoryStore());
    const now = settings.now ?? monotonicNow;
    const deadlines = new Deadlines(limits.pluginTimeout, now);
    const hooks = new Hooks([], false, metrics, deadlines);
    const gauge = settings.memoryUsed === undefined
      ? processMemory
      : { used: settings.memoryUsed, collect: () => {} };
    this.#state = {
      limits,
      capabilities,
      metrics,
      store,
      hooks,
      queues: store.queues,
      retained: new Retained(limits, store, metrics),
      held: new Held(limits, metrics),
      memory: new Memory(limits, metrics, hooks, gauge),
      giveOn: (message, shared, from) =>
        giveOn(this.#state, message, shared, from),
      subscriptions: new SubscriptionTree(),
      sessions: new Map(),
      connections: new Set(),
      throttles: new Throttles({ limits, metrics, now }),
      rounds: new Rounds(),
      visitors: new Visitors({ limits, metrics, hooks, now }, trusted),
      turn: new Turn(store, metrics, hooks),
      timeoutDisconnectDelay: settings.timeoutDisconnectDelay,
      now,
    };
    this.#waysIn = new WaysIn(this.#state);
    this.#plugins = {
      state: this.#state,
      config: Object.freeze({ ...settings }),
      logger: this.#logger,
      timers: new Timers(now),
    };
  }

  /** Where it is in its life. */
  get status(): BrokerStatus {
    return this.#status;
  }

  /** What the store tells of itself, if it does. */
  get storeMetrics(): StoreMetrics | undefined {
    return this.#state.store.metrics;
  }

  /** Where it listens: the addresses of the bound listeners. */
  get addresses(): ListenerAddress[] {
    return this.#waysIn.addresses;
  }

  /**
   * Loads the store, binds the listeners and accepts connections.
   *
   * @throws {SettingsError} If an option of a plugin is not right.
   * @throws {BrokerError} If it is started already, a plugin cannot be loaded,
   * or a listener cannot be bound; then nothing stays open and `start()` may be
   * called again.
   */
  async start(): Promise<void> {
    if (!["new", "stopped", "not_started"].includes(this.#status)) {
      throw new BrokerError(`Cannot start the broker: it is ${this.#status}`);
    }
    this.#status = "starting";
    const { hooks, store, turn } = this.#state;
    const started: (() => unknown)[] = [];
    try {
      await this.#load();
      hooks.emit("broker_pre_start", {});
      const before = this.#state.now() - 1;
      await this.#restore(store);
      for (const message of this.#early.values()) retain(this.#state, message);
      for (const plugin of hooks.plugins) {
        await plugin.start?.(new Context(this.#plugins, plugin));
        started.unshift(() => plugin.stop?.());
      }
      const bound: [ResolvedListener, Listener][] = [];
      for (const config of this.#config.listeners) {
        const listener = await listen(config, this.#listening);
        started.unshift(() => listener.close());
        bound.push([config, listener]);
      }
      // Nobody finds what expired while the broker was down. Who was connected
      // when it ended has until the first sweep to come back before the will.
      tick(this.#state, before);
      for (const [config, listener] of bound) {
        this.#waysIn.open(listener, config.name, config.maxConnections);
        this.#logger.info(bindLine(config, listener));
      }
    } catch (error) {
      // What cannot be undone does not hide what went wrong.
      await doAll([...started, () => store.close()]).catch(() => {});
      this.#forget();
      this.#status = "not_started";
      throw error;
    }
    this.#timer = setInterval(() => this.sweep(), SWEEP_INTERVAL);
    turn.schedule();
    this.#status = "started";
    this.#early.clear();
    this.#warnOfAccess();
    hooks.emit("broker_post_start", {});
  }

  /**
   * Checks what `start()` needs, and does not listen: that plugins can be
   * loaded, and that files can be read.
   *
   * @throws {SettingsError} If an option of a plugin is not right.
   * @throws {BrokerError} If a plugin cannot be loaded, or a certificate or key
   * not be used; a plugin may throw what it likes.
   */
  async check(): Promise<void> {
    await this.#load();
    const { now, warn } = this.#listening;
    for (const { name, tls } of this.#config.listeners) {
      if (tls === undefined) continue;
      const { warnings } = await readTlsFiles(name, tls, now);
      warnings.forEach(warn);
    }
    for (const plugin of this.#state.hooks.plugins) {
      await plugin.check?.(new Context(this.#plugins, plugin));
    }
    this.#warnOfAccess();
  }

  /**
   * Stops: no more connections are accepted, clients are told (5.0:
   * DISCONNECT 0x8B), what waits for them is written, and all is closed within
   * `limits.shutdownTimeout` seconds. Sessions and retained messages stay in
   * the store; wills are not published.
   *
   * @throws {BrokerError} If it is not started.
   */
  async shutdown(): Promise<void> {
    if (this.#status !== "started") {
      throw new BrokerError(`Cannot stop the broker: it is ${this.#status}`);
    }
    this.#status = "stopping";
    this.#plugins.timers.clear();
    const { hooks, limits, connections, store } = this.#state;
    const timeout = limits.shutdownTimeout * 1000;
    try {
      hooks.emit("broker_pre_shutdown", {});
      this.#waysIn.close();
      for (const connection of connections) {
        connection.disconnect(
          ReasonCode.ServerShuttingDown,
          "the broker shuts down",
        );
      }
      await this.#waysIn.emptied(timeout);
      for (const connection of connections) connection.close();
      // What was resting wakes up before, and sees that it is over.
      await pause();
      // Listeners and plugins of others may never end; the store always does.
      await this.#waysIn.closed(timeout);
      await doAll([
        ...hooks.plugins.map((plugin) => () => this.#stop(plugin, timeout)),
        () => store.commit(),
        () => store.close(),
        () => this.#forget(),
      ]);
    } catch (error) {
      this.#status = "not_stopped";
      throw error;
    } finally {
      clearInterval(this.#timer);
    }
    this.#status = "stopped";
    hooks.emit("broker_post_shutdown", {});
  }

  /** Shuts down if it is started. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#status === "started") await this.shutdown();
  }

  /**
   * Serves connections from a listener of one's own, until the listener or
   * the broker is closed. The broker must be started.
   *
   * @param listener Where connections come from: `Deno.listen` returns one.
   * @param name Its name, for plugins and messages.
   * @throws {BrokerError} If the broker is not started.
   */
  async serve(listener: Listener, name = "external"): Promise<void> {
    if (this.#status !== "started") {
      throw new BrokerError(`Cannot serve: the broker is ${this.#status}`);
    }
    await this.#waysIn.open(listener, name, Infinity);
  }

  /**
   * Serves MQTT over WebSocket on an HTTP server of one's own. A listener with
   * `type: "ws"` needs less memory and time, and holds back clients that send
   * too much; this is for when other things have to be at the same port.
   *
   * @example
   * ```ts
   * import { Broker } from "@ambermq/mqtt/broker";
   *
   * await using broker = new Broker({ listeners: {} });
   * await broker.start();
   * const server = Deno.serve({ port: 0 }, (request, { remoteAddr }) =>
   *   new URL(request.url).pathname === "/mqtt"
   *     ? broker.upgrade(request, { remoteAddr })
   *     : new Response("Hello"));
   * await server.shutdown();
   * ```
   *
   * @param request The request of a client.
   * @param options The name for plugins, and where the client is.
   * @returns The response: status 101; or 400, 405 or 426, as the broker's own
   * listeners answer, if it is no request for a WebSocket with the subprotocol
   * `mqtt` or `mqttv3.1`; or 503 if the broker is not started.
   */
  upgrade(request: Request, options: UpgradeOptions = {}): Response {
    if (this.#status !== "started") {
      return refuse(503, `it is ${this.#status}`);
    }
    const { name = "upgrade", remoteAddr } = options;
    const { response, transport } = upgrade(request, remoteAddr);
    if (transport !== undefined) this.#waysIn.mount(name).push(transport);
    return response;
  }

  /**
   * Publishes a message to all subscribers. While the broker is not started
   * there are none; if the message is to be retained, it is so at the start.
   *
   * @param message The message.
   * @throws {TypeError} If its topic is not a valid topic name.
   */
  publish(message: MessageInit): void {
    if (["starting", "started", "stopping"].includes(this.#status)) {
      return publish(this.#state, message);
    }
    const early = Message.from(message, this.#state.now());
    if (early.retain) this.#early.set(early.topic, early);
  }

  /**
   * Looks at all deadlines: keep alives, expiries, wills. The broker does it
   * twice a second by itself; it is here for those who pass a clock in.
   */
  sweep(): void {
    if (this.#status === "started") {
      tick(this.#state);
      this.#plugins.timers.tick(this.#state.now());
    }
    if (this.#status !== "stopping") return;
    const { connections, now } = this.#state;
    for (const connection of connections) connection.tick(now());
  }

  get #listening(): ListenOptions {
    return { now: Date.now(), warn: (line) => this.#logger.warn(line) };
  }

  /** Loads the plugins, the first time. */
  async #load(): Promise<void> {
    if (this.#access !== undefined) return;
    const { plugins, settings, warnings } = this.#config;
    for (const warning of warnings) this.#logger.warn(warning);
    try {
      const loaded = await loadPlugins(plugins, settings.source);
      this.#access = accessOf(this.#config, loaded);
      this.#state.hooks.use(
        [...loaded, failures(loaded, this.#logger)],
        this.#access.byDefault,
      );
    } catch (error) {
      throw located(error, settings.source);
    }
  }

  /** Reads the store, and tells of it where that takes long. */
  async #restore(store: Store): Promise<void> {
    const { sessions, retained } = this.#state;
    const began = performance.now();
    let told = began;
    let count = 0;
    const lost = new Set<Session>();
    const take = (change: Change): void => {
      const session = restore(this.#state, change);
      if (session !== undefined) lost.add(session);
      if (++count % TELLING > 0 || performance.now() - told < TOLD) return;
      told = performance.now();
      this.#logger.info(`Loading the store: ${count} entries so far`);
    };
    const { queues } = store;
    const changes = queues?.load() ?? store.load();
    // What is there at once needs no waiting for each of a million.
    if (Symbol.iterator in changes) {
      for (const change of changes) {
        take(change);
      }
    } else for await (const change of changes) take(change);
    if (queues !== undefined) count += this.#restoreQueues(queues);
    lost.forEach(recordDue);
    if (count === 0) return;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    this.#logger.info(
      `Loaded ${sessions.size} sessions and ${retained.size} retained ` +
        `messages: ${count} entries in ${seconds} s`,
    );
  }

  /** What waits stays in the store; returns how much it is. */
  #restoreQueues(queues: Queues): number {
    const { sessions } = this.#state;
    let count = 0;
    for (const summary of queues.summaries()) {
      sessions.get(summary.clientId)?.deliveries.restoreQueue(summary);
      count += summary.messages;
    }
    queues.onStored = (clientId, id) =>
      sessions.get(clientId)?.deliveries.stored(id);
    return count;
  }

  #warnOfAccess(): void {
    const { listeners } = this.#config;
    const { anybody, nobody, unchecked } = this.#access!;
    if (unchecked) this.#logger.warn(uncheckedLine);
    if (nobody) this.#logger.warn(nobodyLine);
    if (!anybody || listeners.length === 0) return;
    const { warn, info } = this.#logger;
    const log = listeners.every(isLocal) ? info : warn;
    log.call(this.#logger, anybodyLine);
  }

  /** Stops a plugin; one that cannot be stopped does not hold up the rest. */
  async #stop(plugin: Plugin, timeout: number): Promise<void> {
    try {
      await within(timeout, plugin.stop?.());
    } catch (error) {
      this.#state.hooks.failed(plugin, "stop", error);
    }
  }

  /** Empties the memory; the store has what is to stay. */
  #forget(): void {
    const { sessions, retained, subscriptions } = this.#state;
    this.#plugins.timers.clear();
    // The store may keep the very messages: they are not this broker's any more.
    for (const { deliveries } of sessions.values()) deliveries.end();
    sessions.clear();
    retained.clear();
    subscriptions.clear();
  }
}

/** Takes all steps, whatever fails; then throws what failed first. */
async function doAll(steps: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
