/**
 * What one plugin may use of the broker: views and copies, so that no plugin can
 * change what it looks at.
 */

import { copyBytes, type Qos, topicFilterError } from "../codec/mod.ts";
import { hasRoomForSession } from "./_connect.ts";
import { Message, type MessageInit } from "./message.ts";
import type { Metrics, StoreMetrics } from "./metrics.ts";
import type {
  Awaitable,
  ClientInfo,
  Logger,
  Plugin,
  PluginContext,
  SessionInfo,
  SubscriptionInfo,
  View,
} from "./plugin.ts";
import { publish, retain } from "./_router.ts";
import { INTERNAL, Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";
import { subscribeFor } from "./_subscribe.ts";
import type { Timers } from "./_timers.ts";

/** What the contexts of one broker share. */
export interface ContextHost {
  readonly state: BrokerState;
  readonly config: Readonly<Record<string, unknown>>;
  readonly logger: Logger;
  readonly timers: Timers;
}

export class Context implements PluginContext {
  readonly config: Readonly<Record<string, unknown>>;
  readonly logger: Logger;
  readonly sessions: View<SessionInfo>;
  readonly subscriptions: View<SubscriptionInfo>;
  readonly retainedMessages: View<MessageInit>;
  readonly now: () => number;

  readonly #plugin: Plugin;
  readonly #broker: BrokerState;
  readonly #timers: Timers;

  constructor({ state, config, logger, timers }: ContextHost, plugin: Plugin) {
    this.#plugin = plugin;
    this.#broker = state;
    this.#timers = timers;
    this.config = config;
    this.logger = logger;
    this.now = () => state.now();
    const { sessions, subscriptions, retained } = state;
    const infos = () =>
      [...sessions.values()].map((one) => new SessionView(state, one));
    this.sessions = new Snapshot(() => sessions.size, infos);
    this.subscriptions = new Snapshot(
      () => subscriptions.size,
      function* () {
        for (const session of infos()) yield* session.subscriptions;
      },
    );
    this.retainedMessages = new Snapshot(
      () => retained.size,
      function* () {
        const now = state.now();
        for (const message of retained.all(now)) yield copied(message, now);
      },
    );
  }

  get metrics(): Readonly<Metrics> {
    return Object.freeze({ ...this.#broker.metrics });
  }

  get storeMetrics(): StoreMetrics | undefined {
    const { metrics } = this.#broker.store;
    if (metrics === undefined) return undefined;
    const { fileBytes, logBytes, commits, pending } = metrics;
    const { commitTimeLast, commitTimeMean, commitTimeMaximum } = metrics;
    return {
      fileBytes,
      logBytes,
      commits,
      commitTimeLast,
      commitTimeMean,
      commitTimeMaximum,
      pending,
    };
  }

  // Functions of their own, so that a plugin may take the context apart.

  readonly publish = (message: MessageInit): void => {
    publish(this.#broker, message);
  };

  readonly retain = (message: MessageInit): void => {
    const broker = this.#broker;
    retain(broker, Message.from({ ...message, retain: true }, broker.now()));
    broker.turn.schedule();
  };

  readonly getSession = (clientId: string): SessionInfo | undefined => {
    const session = this.#broker.sessions.get(clientId);
    return session && new SessionView(this.#broker, session);
  };

  readonly addSubscription = (
    clientId: string,
    filter: string,
    qos: Qos = 0,
  ): void => {
    const where = `Cannot subscribe ${quote(clientId)} to ${quote(filter)}`;
    const wrong = topicFilterError(filter);
    if (wrong !== undefined) throw new TypeError(`${where}: ${wrong}`);
    const broker = this.#broker;
    const session = broker.sessions.get(clientId) ??
      offlineSession(broker, clientId, where);
    if (subscribeFor(broker, session, filter, qos) >= 0x80) {
      throw new RangeError(`${where}: a limit on subscriptions is reached`);
    }
  };

  readonly every = (seconds: number, task: () => Awaitable<void>): void => {
    const { hooks } = this.#broker;
    this.#timers.every(
      seconds,
      task,
      (error) => hooks.failed(this.#plugin, "every", error),
    );
  };
}

/** A session that waits for its client. */
function offlineSession(
  broker: BrokerState,
  clientId: string,
  where: string,
): Session {
  const { limits, sessions } = broker;
  if (clientId === "" || clientId.length > limits.clientIdLength) {
    throw new TypeError(
      `${where}: a client identifier has 1 to ${limits.clientIdLength} characters`,
    );
  }
  const { sessionExpiryInterval } = limits;
  if (sessionExpiryInterval === 0 || !hasRoomForSession(broker)) {
    throw new RangeError(`${where}: no more sessions may wait for clients`);
  }
  const client: ClientInfo = {
    clientId,
    username: undefined,
    protocolVersion: 5,
    address: undefined,
    listener: INTERNAL,
    certificate: undefined,
  };
  const session = new Session(broker, client, sessionExpiryInterval);
  session.expiresAt = session.expiryFrom(broker.now());
  sessions.set(clientId, session);
  session.recordState();
  return session;
}

/** Counts what there is, and copies the list when somebody iterates it. */
class Snapshot<T> implements View<T> {
  readonly #size: () => number;
  readonly #items: () => Iterable<T>;

  constructor(size: () => number, items: () => Iterable<T>) {
    this.#size = size;
    this.#items = items;
  }

  get size(): number {
    return this.#size();
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items()[Symbol.iterator]();
  }
}

class SessionView implements SessionInfo {
  readonly #broker: BrokerState;
  readonly #session: Session;

  constructor(broker: BrokerState, session: Session) {
    this.#broker = broker;
    this.#session = session;
  }

  get clientId(): string {
    return this.#session.clientId;
  }

  get client(): ClientInfo {
    return this.#session.client;
  }

  get connected(): boolean {
    return this.#session.deliveries.downlink !== undefined;
  }

  get expiryInterval(): number {
    return this.#session.expiryInterval;
  }

  get expiresAt(): number {
    return this.#session.expiresAt;
  }

  get inflightIn(): number {
    return this.#session.receiver.size;
  }

  get inflightOut(): number {
    return this.#session.deliveries.inflight.size;
  }

  get queued(): number {
    return this.#session.deliveries.queued;
  }

  get subscriptions(): View<SubscriptionInfo> {
    const { subscriptions } = this.#broker;
    const session = this.#session;
    const { clientId, filters } = session;
    const infos = () =>
      Array.from(filters, (filter) => ({
        clientId,
        filter,
        qos: subscriptions.granted(session, filter),
      }));
    return new Snapshot(() => filters.size, infos);
  }
}

/** A message that shares nothing with the one it is a copy of. */
function copied(message: Message, now: number): MessageInit {
  const { topic, qos, retain } = message;
  return {
    topic,
    payload: copyBytes(message.payload),
    qos,
    retain,
    properties: structuredClone(message.propertiesAt(now)),
  };
}

function quote(text: string): string {
  return JSON.stringify(String(text).slice(0, 100));
}
