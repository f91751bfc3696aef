/**
 * What a broker is configured with: the keys, their defaults, and what is
 * wrong with a value.
 *
 * @module
 */

import type { Plugin } from "./plugin.ts";
import type { Store } from "./store.ts";

/** Where the broker listens. */
export interface ListenerConfig {
  /** How: `"tcp"`, the default, or `"ws"`, over WebSocket. */
  type?: "tcp" | "ws";
  /**
   * Where: `"host:port"`, `"[IPv6]:port"`, `":port"`, `"port"` or `"host"`.
   * Without a host all interfaces (IPv4), without a port 1883; port 0 lets the
   * system choose one. `"unix:/path/to.sock"` is a Unix socket. A listener
   * without `bind` is not started.
   */
  bind?: string;
  /** How many connections at a time; 0 or less, and by default: no limit. */
  maxConnections?: number;
  /** Whether connections are encrypted (TLS); by default not. */
  ssl?: boolean;
  /** The PEM file of the certificates that clients' certificates are of. */
  cafile?: string;
  /** A directory of such PEM files. */
  capath?: string;
  /** Such certificates themselves, in PEM. */
  cadata?: string;
  /** The PEM file of the broker's certificate, and of those that it is of. */
  certfile?: string;
  /** The PEM file of the private key of the broker's certificate. */
  keyfile?: string;
  /**
   * Whether clients show a certificate: not asked for, asked for, or refused
   * without. A certificate that is shown has to be valid. By default
   * `"optional"` if `cafile`, `capath` or `cadata` is given, else `"none"`.
   */
  clientCert?: ClientCert;
  /** For `"ws"`: the only path that is served; by default any. */
  path?: string;
  /** For `"ws"`: the only origins whose pages may connect; by default any. */
  origins?: readonly string[];
}

/** Whether clients show a certificate. */
export type ClientCert = "none" | "optional" | "required";

/** The bounds of what peers can make the broker keep or do. */
export interface Limits {
  /** Connections at a time, over all listeners. By default 100,000. */
  connections: number;
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
  /**
   * Bytes waiting to be written to one connection: above it QoS 0 messages for
   * it are dropped and others wait in its session. By default 1 MiB.
   */
  outboundBytes: number;
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
  /** Seconds that `shutdown()` waits for what is to be written. By default 5. */
  shutdownTimeout: number;
}

/** The limits where nothing is said. */
export const defaultLimits: Readonly<Limits> = Object.freeze({
  connections: 100_000,
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
  outboundBytes: 1024 * 1024,
  stallTimeout: 60,
  sessions: 100_000,
  sessionExpiryInterval: 0xffff_ffff,
  retainedMessages: 100_000,
  retainedBytes: 256 * 1024 * 1024,
  shutdownTimeout: 5,
});

/** Limits that a packet or a rule of the protocol bounds from above. */
const highest: Partial<Record<keyof Limits, number>> = {
  maximumPacketSize: 268_435_460,
  topicLength: 65_535,
  topicAliasMaximum: 65_535,
  inflight: 65_535,
  receiveMaximum: 65_535,
  sessionExpiryInterval: 0xffff_ffff,
  shutdownTimeout: 2_147_483, // a timer's milliseconds have 31 bits
};

/** Limits for which 0 makes sense. */
const mayBeZero: ReadonlySet<keyof Limits> = new Set(
  [
    "topicAliasMaximum",
    "queuedMessages",
    "queuedBytes",
    "sessions",
    "sessionExpiryInterval",
    "retainedMessages",
    "retainedBytes",
    "shutdownTimeout",
  ] as const,
);

/** The configuration of a broker. Everything has a default. */
export interface BrokerConfig {
  /**
   * The listeners by name. `default` is the template of all others: what one
   * does not say is taken from it. By default one on 0.0.0.0:1883.
   */
  listeners?: Record<string, ListenerConfig>;
  /** Authentication. */
  auth?: {
    /**
     * Whether clients are accepted that no plugin has approved. By default
     * `true`, as in HBMQTT: anybody may connect unless a plugin denies it.
     */
    allowAnonymous?: boolean;
  };
  /** The plugins, in the order in which they are asked. */
  plugins?: readonly Plugin[];
  /** Where sessions and retained messages are kept; by default in memory. */
  store?: Store;
  /** Bounds. */
  limits?: Partial<Limits>;
  /**
   * Seconds that are added to a client's keep alive to get the deadline. Absent,
   * the deadline is one and a half times the keep alive.
   */
  timeoutDisconnectDelay?: number;
  /** The clock: milliseconds since 1970 that never go back. */
  now?: () => number;
}

/** Where and how to listen, with nothing left open. */
export interface ResolvedListener {
  /** The name. */
  readonly name: string;
  /** What is spoken below MQTT. */
  readonly type: "tcp" | "ws";
  /** The interface; empty for a Unix socket. */
  readonly hostname: string;
  /** The port; 0 for a Unix socket. */
  readonly port: number;
  /** The path of the Unix socket, if it is one. */
  readonly unixPath?: string;
  /** Connections at a time; `Infinity`: no limit. */
  readonly maxConnections: number;
  /** Present if connections are encrypted. */
  readonly tls?: ResolvedTls;
  /** For `"ws"`: the only path that is served; absent: any. */
  readonly path?: string;
  /** For `"ws"`: the only origins whose pages may connect; absent: any. */
  readonly origins?: readonly string[];
}

/** How connections are encrypted, with nothing left open. */
export interface ResolvedTls {
  /** The PEM file of the certificate chain, the broker's own first. */
  readonly certfile: string;
  /** The PEM file of its private key. */
  readonly keyfile: string;
  /** The PEM file of the certificates that clients' certificates are of. */
  readonly cafile?: string;
  /** A directory of such PEM files. */
  readonly capath?: string;
  /** Such certificates themselves, in PEM. */
  readonly cadata?: string;
  /** Whether clients show a certificate. */
  readonly clientCert: ClientCert;
}

const DEFAULT_PORT = 1883;

/**
 * Takes a `bind` value apart.
 *
 * @example
 * ```ts
 * import { parseBind } from "@ambermq/mqtt/broker";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseBind("[::1]:1884"), { hostname: "::1", port: 1884 });
 * assertEquals(parseBind("1884"), { hostname: "0.0.0.0", port: 1884 });
 * ```
 *
 * @param bind `"host:port"`, `"[IPv6]:port"`, `":port"`, `"port"`, `"host"`, or
 * empty.
 * @returns The interface and the port.
 * @throws {TypeError} If it is none of these.
 */
export function parseBind(bind: string): { hostname: string; port: number } {
  const text = bind.trim();
  const match = /^(?<port>\d+)$/.exec(text) ??
    /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:\[\]]*))(?::(?<port>\d+))?$/.exec(text);
  const { v6, host, port = DEFAULT_PORT } = match?.groups ?? {};
  if (match === null || Number(port) > 65_535) {
    throw new TypeError(
      `Cannot bind to ${JSON.stringify(bind)}: it is not host:port, ` +
        "[IPv6]:port, :port or a port from 0 to 65535",
    );
  }
  return { hostname: v6 || host || "0.0.0.0", port: Number(port) };
}

/**
 * The listeners to start, each with what it takes from `default`.
 *
 * @param listeners The configuration; absent: one on 0.0.0.0:1883.
 * @returns The listeners that have a `bind`, in their order.
 * @throws {TypeError} If a value is not of its type.
 */
export function resolveListeners(
  listeners: Record<string, ListenerConfig> = { default: { bind: ":1883" } },
): ResolvedListener[] {
  checkObject(listeners, "listeners");
  const resolved: ResolvedListener[] = [];
  for (const [name, own] of Object.entries(listeners)) {
    const where = `listeners.${name}`;
    checkKeys(own, listenerKeys, where);
    const { type = "tcp", bind, maxConnections = 0, path, origins, ...tls } = {
      ...listeners["default"],
      // a bind of the template's is its own
      bind: undefined,
      ...own,
    };
    if (type !== "tcp" && type !== "ws") {
      throw invalid(`${where}.type`, type, '"tcp" or "ws"');
    }
    if (typeof maxConnections !== "number") {
      throw invalid(`${where}.maxConnections`, maxConnections, "a number");
    }
    if (bind === undefined) continue;
    // YAML makes a number of a port, and null of nothing.
    if (typeof bind !== "string" && typeof bind !== "number") {
      const right = 'a text such as "localhost:1883"';
      throw invalid(`${where}.bind`, bind, right);
    }
    const unixPath = /^unix:(?<path>.+)$/.exec(String(bind))?.groups?.path;
    resolved.push({
      name,
      type,
      ...(unixPath === undefined
        ? parseBind(String(bind))
        : { hostname: "", port: 0, unixPath }),
      maxConnections: maxConnections > 0 ? maxConnections : Infinity,
      ...(tls.ssl ? { tls: resolveTls(tls, where) } : {}),
      ...(path === undefined ? {} : { path }),
      ...(origins === undefined ? {} : { origins }),
    });
  }
  return resolved;
}

const listenerKeys: readonly (keyof ListenerConfig)[] = [
  ...["type", "bind", "maxConnections", "path", "origins"] as const,
  ...["ssl", "certfile", "keyfile"] as const,
  ...["cafile", "capath", "cadata", "clientCert"] as const,
];

function resolveTls(config: ListenerConfig, where: string): ResolvedTls {
  const { certfile, keyfile, cafile, capath, cadata } = config;
  for (const [key, value] of Object.entries({ certfile, keyfile })) {
    if (value === undefined) {
      throw invalid(`${where}.${key}`, value, "a file, which ssl needs");
    }
  }
  const asks = [cafile, capath, cadata].some((one) => one !== undefined);
  return {
    certfile: certfile!,
    keyfile: keyfile!,
    ...(cafile === undefined ? {} : { cafile }),
    ...(capath === undefined ? {} : { capath }),
    ...(cadata === undefined ? {} : { cadata }),
    clientCert: config.clientCert ?? (asks ? "optional" : "none"),
  };
}

/**
 * The limits, with the defaults for what is not said.
 *
 * @param limits Some limits.
 * @returns All limits.
 * @throws {TypeError} If a key is unknown or a value out of range.
 */
export function resolveLimits(limits: Partial<Limits> = {}): Limits {
  checkKeys(limits, Object.keys(defaultLimits), "limits");
  const resolved = { ...defaultLimits };
  for (const [key, value] of Object.entries(limits)) {
    if (value === undefined) continue;
    const name = key as keyof Limits;
    const least = mayBeZero.has(name) ? 0 : 1;
    const most = highest[name] ?? Number.MAX_SAFE_INTEGER;
    if (!Number.isInteger(value) || value < least || value > most) {
      throw invalid(
        `limits.${key}`,
        value,
        `an integer from ${least} to ${most}`,
      );
    }
    resolved[name] = value;
  }
  return resolved;
}

/**
 * Checks the keys of a configuration.
 *
 * @param config The configuration.
 * @throws {TypeError} If a key is unknown.
 */
export function checkConfig(config: BrokerConfig): void {
  checkKeys(config, [
    "listeners",
    "auth",
    "plugins",
    "store",
    "limits",
    "timeoutDisconnectDelay",
    "now",
  ], "");
  checkKeys(config.auth ?? {}, ["allowAnonymous"], "auth");
  const allow = config.auth?.allowAnonymous;
  if (allow !== undefined && typeof allow !== "boolean") {
    throw invalid("auth.allowAnonymous", allow, "true or false");
  }
  const delay = config.timeoutDisconnectDelay;
  if (delay !== undefined && !(typeof delay === "number" && delay >= 0)) {
    throw invalid("timeoutDisconnectDelay", delay, "a number of seconds");
  }
}

function checkKeys(
  value: unknown,
  known: readonly string[],
  where: string,
): void {
  checkObject(value, where || "the configuration");
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const path = where === "" ? key : `${where}.${key}`;
    throw new TypeError(
      `Cannot configure the broker: there is no ${path}; ` +
        `known are ${known.join(", ")}`,
    );
  }
}

function checkObject(value: unknown, where: string): asserts value is object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return;
  }
  throw invalid(where, value, "an object");
}

function invalid(where: string, value: unknown, right: string): TypeError {
  // JSON has neither NaN nor bigints.
  const shown = typeof value === "number" || typeof value === "bigint"
    ? String(value)
    : JSON.stringify(value);
  return new TypeError(
    `Cannot configure the broker: ${where} is ${shown}, not ${right}`,
  );
}
