/**
 * The plugins' hooks, sorted once by kind: what nobody implements is an empty
 * list, and an empty list is one comparison.
 */

import { isReasonCodeAllowed, ReasonCode } from "../codec/mod.ts";
import type { Deadlines } from "./_deadlines.ts";
import { Message, type MessageInit } from "./message.ts";
import type { Metrics } from "./metrics.ts";
import type {
  AccessRequest,
  AuthenticationAnswer,
  AuthenticationMethod,
  Awaitable,
  BrokerEventName,
  BrokerEvents,
  ClientInfo,
  ConnectAttempt,
  Plugin,
} from "./plugin.ts";

type With<Hook extends keyof Plugin> = Plugin & Required<Pick<Plugin, Hook>>;

/** A method of enhanced authentication, and whose it is. */
export interface Offer {
  readonly name: string;
  readonly plugin: Plugin;
  readonly begin: AuthenticationMethod;
}

type Handler = { readonly plugin: Plugin; handle(event: unknown): unknown };

export class Hooks {
  #plugins: readonly Plugin[] = [];
  #authenticate: With<"authenticate">[] = [];
  readonly #offers = new Map<string, Offer>();
  #authorize: With<"authorize">[] = [];
  #authorizeDelivery: With<"authorizeDelivery">[] = [];
  #transform: With<"transform">[] = [];
  readonly #handlers = new Map<BrokerEventName, Handler[]>();
  #open = false;
  readonly #metrics: Metrics;
  readonly #deadlines: Deadlines;

  /**
   * @param open Whether everybody may connect where no plugin authenticates:
   * where nothing about authentication is configured.
   * @param deadlines How long answers are waited for.
   */
  constructor(
    plugins: readonly Plugin[],
    open: boolean,
    metrics: Metrics,
    deadlines: Deadlines,
  ) {
    this.#metrics = metrics;
    this.#deadlines = deadlines;
    this.use(plugins, open);
  }

  /** The plugins, in the order in which they are asked. */
  get plugins(): readonly Plugin[] {
    return this.#plugins;
  }

  /** Has these plugins asked from now on, and no others. */
  use(plugins: readonly Plugin[], open: boolean): void {
    this.#plugins = plugins;
    this.#handlers.clear();
    this.#authenticate = having(plugins, "authenticate");
    this.#offers.clear();
    for (const plugin of plugins) {
      const methods = Object.entries(plugin.authenticationMethods ?? {});
      for (const [name, begin] of methods) {
        if (this.#offers.has(name)) continue;
        this.#offers.set(name, { name, plugin, begin });
      }
    }
    this.#open = open && this.#authenticate.length === 0 &&
      this.#offers.size === 0;
    this.#authorize = having(plugins, "authorize");
    this.#authorizeDelivery = having(plugins, "authorizeDelivery");
    this.#transform = having(plugins, "transform");
    for (const plugin of plugins) {
      for (const [name, handle] of Object.entries(plugin.on ?? {})) {
        const list = this.#handlers.get(name as BrokerEventName) ?? [];
        list.push({ plugin, handle: handle as (event: unknown) => unknown });
        this.#handlers.set(name as BrokerEventName, list);
      }
    }
  }

  /** Whether anybody watches an event: ask before making an expensive one. */
  watches(name: BrokerEventName): boolean {
    return this.#handlers.has(name);
  }

  emit<Name extends BrokerEventName>(
    name: Name,
    event: BrokerEvents[Name],
  ): void {
    for (const { plugin, handle } of this.#handlers.get(name) ?? []) {
      try {
        // An async function is a handler too: what it throws comes later.
        const later = handle(event);
        if (isLater(later)) {
          later.then(undefined, (error) => this.failed(plugin, name, error));
        }
      } catch (error) {
        this.failed(plugin, name, error);
      }
    }
  }

  /** Whether everybody may connect. */
  get open(): boolean {
    return this.#open;
  }

  /** The method of a name, if it is offered. */
  offer(name: string): Offer | undefined {
    return this.#offers.get(name);
  }

  /** Asks a method of a plugin; what it throws, or no answer, is a refusal. */
  guard(
    plugin: Plugin,
    ask: () => Awaitable<AuthenticationAnswer>,
  ): Awaitable<AuthenticationAnswer> {
    return this.#try(plugin, "authenticationMethods", () => {
      const answer = ask();
      return isLater(answer)
        ? Promise.resolve(answer).then(checkedAnswer)
        : checkedAnswer(answer);
    }, { outcome: "refusal" });
  }

  /**
   * Where the client has authenticated by a method, only denials count.
   *
   * @returns Whether it may connect, or the reason code it is refused with.
   */
  authenticate(
    client: ClientInfo,
    password: Uint8Array | undefined,
    attempt: ConnectAttempt,
  ): Awaitable<boolean | ReasonCode> {
    return ask(
      this.#authenticate,
      (plugin) =>
        this.#try(
          plugin,
          "authenticate",
          () => plugin.authenticate(client, password, attempt),
          false,
        ),
      (denial) => isRefusal(denial) ? denial : false,
      this.#open || attempt.method !== undefined,
    );
  }

  /** @returns Whether it may, or the reason code it is refused with. */
  authorize(
    client: ClientInfo,
    request: AccessRequest,
  ): Awaitable<boolean | ReasonCode> {
    if (this.#authorize.length === 0) return true;
    const answer = request.action === "subscribe" ? "suback" : "puback";
    return ask(
      this.#authorize,
      (plugin) =>
        this.#try(
          plugin,
          "authorize",
          () => plugin.authorize(client, request),
          false,
        ),
      // [MQTT-3.4.2-1] [MQTT-3.9.3-2]
      (denial) =>
        isRefusal(denial) && isReasonCodeAllowed(answer, denial)
          ? denial
          : false,
      true,
    );
  }

  authorizeDelivery(client: ClientInfo, message: Message): boolean {
    for (const plugin of this.#authorizeDelivery) {
      try {
        const opinion: unknown = plugin.authorizeDelivery(client, message);
        if (isLater(opinion)) {
          opinion.then(undefined, () => {}); // what it comes to is not waited for
          throw new TypeError("authorizeDelivery has to answer at once");
        }
        if (denies(opinion)) return false;
      } catch (error) {
        this.failed(plugin, "authorizeDelivery", error);
        return false;
      }
    }
    return true;
  }

  /**
   * Authorizes a message, then has it transformed.
   *
   * @returns The message to route, or the reason code it is refused with.
   */
  inspect(
    client: ClientInfo,
    message: Message,
    now: () => number,
  ): Awaitable<Message | ReasonCode> {
    if (this.#authorize.length === 0 && this.#transform.length === 0) {
      return message;
    }
    const { topic } = message;
    const allowed = this.authorize(client, {
      action: "publish",
      topic,
      message,
    });
    if (allowed instanceof Promise) {
      return allowed.then((later) =>
        later === true
          ? this.#transformed(client, message, now)
          : later || ReasonCode.NotAuthorized
      );
    }
    if (allowed !== true) return allowed || ReasonCode.NotAuthorized;
    return this.#transformed(client, message, now);
  }

  #transformed(
    client: ClientInfo,
    message: Message,
    now: () => number,
    from = 0,
  ): Awaitable<Message | ReasonCode> {
    let current = message;
    for (let i = from; i < this.#transform.length; i++) {
      const plugin = this.#transform[i]!;
      const before = current;
      const result = this.#try<Message | ReasonCode, ReasonCode>(
        plugin,
        "transform",
        () => {
          const result = plugin.transform(client, before);
          return isLater(result)
            ? Promise.resolve(result)
              .then((later) => replaced(before, later, now))
            : replaced(before, result, now);
        },
        ReasonCode.UnspecifiedError,
      );
      if (result instanceof Promise) {
        return result.then((later) =>
          typeof later === "number"
            ? later
            : this.#transformed(client, later, now, i + 1)
        );
      }
      if (typeof result === "number") return result;
      current = result;
    }
    return current;
  }

  /** Calls a hook; what it throws, now or later, is a denial, and so is no answer. */
  #try<T, D>(
    plugin: Plugin,
    hook: string,
    call: () => Awaitable<T>,
    denial: D,
  ): Awaitable<T | D> {
    try {
      const result = call();
      if (!isLater(result)) return result;
      const answer = this.#deadlines.within(Promise.resolve(result));
      return answer.catch((error) => {
        this.failed(plugin, hook, error);
        return denial;
      });
    } catch (error) {
      this.failed(plugin, hook, error);
      return denial;
    }
  }

  /** Looks at the deadlines; called in each sweep. */
  tick(now: number): void {
    this.#deadlines.tick(now);
  }

  /** Something was thrown that is a defect of the broker. */
  report(clientId: string, error: unknown): void {
    this.#metrics.internalErrors++;
    this.emit("broker_internal_error", { clientId, error });
  }

  /** A plugin threw. */
  failed(plugin: Plugin, hook: string, error: unknown): void {
    this.#metrics.pluginFailures++;
    if (hook === "broker_plugin_failed") return;
    this.emit("broker_plugin_failed", { plugin: plugin.name, hook, error });
  }
}

function having<Hook extends keyof Plugin>(
  plugins: readonly Plugin[],
  hook: Hook,
): With<Hook>[] {
  return plugins.filter((plugin) => plugin[hook] !== undefined) as With<Hook>[];
}

/** Whether a value is there later: a promise, or what is used as one. */
function isLater<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === "object" && value !== null &&
    typeof (value as Partial<Promise<T>>).then === "function";
}

/** Bytes of the longest data of authentication. */
const LONGEST_DATA = 65_535;

/** An answer that is one: whatever else a plugin returns approves nobody. */
function checkedAnswer(answer: AuthenticationAnswer): AuthenticationAnswer {
  const { outcome, data } = answer;
  if (!["continue", "success", "refusal"].includes(outcome)) {
    throw new TypeError(`an exchange has the outcome ${outcome}`);
  }
  const fits = data === undefined ||
    ((data as unknown) instanceof Uint8Array && data.length <= LONGEST_DATA);
  if (!fits) throw new TypeError("an exchange has data that cannot be sent");
  return answer;
}

function replaced(
  message: Message,
  result: Partial<MessageInit> | ReasonCode | undefined,
  now: () => number,
): Message | ReasonCode {
  if (result === undefined || result === message) return message;
  if (isRefusal(result)) return result;
  if (typeof result === "number") {
    throw new TypeError(`transform returned ${result}, which refuses nothing`);
  }
  // What the plugin does not say stays as it was.
  const { topic, payload, qos, retain, properties } = message;
  return Message.from({
    topic,
    payload,
    qos,
    retain,
    ...(properties === undefined ? {} : { properties }),
    ...result,
  }, now());
}

/** Whether a value is a reason code that says no. */
function isRefusal(value: unknown): value is ReasonCode {
  return typeof value === "number" && value >= 0x80;
}

function denies(opinion: unknown): boolean {
  return opinion !== true && opinion !== undefined && opinion !== null;
}

/**
 * Asks plugin after plugin: the first denial ends it; otherwise `allowed`, or
 * one approval, decides. Nothing (`undefined` or `null`) abstains; whatever is
 * no opinion at all denies, and `refusal` says how.
 */
function ask<P, T, D>(
  plugins: readonly P[],
  opinionOf: (plugin: P) => Awaitable<T>,
  refusal: (denial: T) => D,
  allowed: boolean,
  from = 0,
): Awaitable<boolean | D> {
  for (let i = from; i < plugins.length; i++) {
    const opinion = opinionOf(plugins[i]!);
    if (opinion instanceof Promise) {
      return opinion.then((later) =>
        denies(later)
          ? refusal(later)
          : ask(plugins, opinionOf, refusal, allowed || later === true, i + 1)
      );
    }
    if (denies(opinion)) return refusal(opinion);
    allowed ||= opinion === true;
  }
  return allowed;
}
