/**
 * Where the broker listens: as it is said, and with nothing left open.
 *
 * @module
 */

import { SettingsError } from "../codec/mod.ts";

/** Where the broker listens. */
export interface ListenerConfig {
  /** How: `"tcp"`, the default, or `"ws"`, over WebSocket. */
  type?: "tcp" | "ws";
  /**
   * Where: `"host:port"`, `"[IPv6]:port"`, `":port"`, `"port"` or `"host"`.
   * Without a host all interfaces (IPv4); without a port 1883, with `ssl`
   * 8883, for `"ws"` 8080, for `"ws"` with `ssl` 8443; port 0 lets the system
   * choose one. `"unix:/path/to.sock"` is a Unix socket. A listener without
   * `bind` is not started.
   */
  bind?: string;
  /** How many connections at a time; 0 or less, and by default: no limit. */
  maxConnections?: number;
  /** Whether connections are encrypted (TLS); by default not. */
  ssl?: boolean;
  /**
   * The PEM file of the certificates that clients' certificates are of. This
   * and the next five need `ssl`; without it they are an error.
   */
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
  /** For `"ws"`: the only path that is served, as `"/mqtt"`; by default any. */
  path?: string;
  /** For `"ws"`: the only origins whose pages may connect; by default any. */
  origins?: readonly string[];
}

/** Whether clients show a certificate. */
export type ClientCert = "none" | "optional" | "required";

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
  /** The PEM file of authorities that clients' certificates are of. */
  readonly cafile?: string;
  /** A directory of such files. */
  readonly capath?: string;
  /** Such certificates themselves, in PEM. */
  readonly cadata?: string;
  /** Whether clients show a certificate. */
  readonly clientCert: ClientCert;
}

/** The port where `bind` has none. */
export const defaultPorts = {
  tcp: { plain: 1883, tls: 8883 },
  ws: { plain: 8080, tls: 8443 },
} as const;

const BINDS = "host:port, [IPv6]:port, :port or a port from 0 to 65535";

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
 * @param defaultPort The port where it has none.
 * @returns The interface and the port.
 * @throws {TypeError} If it is none of these.
 */
export function parseBind(
  bind: string,
  defaultPort: number = defaultPorts.tcp.plain,
): { hostname: string; port: number } {
  const text = bind.trim();
  const match = /^(?<port>\d+)$/.exec(text) ??
    /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:\[\]]*))(?::(?<port>\d+))?$/.exec(text);
  const { v6, host, port = defaultPort } = match?.groups ?? {};
  if (match === null || Number(port) > 65_535) {
    throw new TypeError(
      `Cannot bind to ${JSON.stringify(bind)}: it is not ${BINDS}`,
    );
  }
  return { hostname: v6 || host || "0.0.0.0", port: Number(port) };
}

/**
 * What a listener says, and what it takes from `default`: all but the `bind`.
 *
 * @param listeners The listeners by name.
 * @param name The name of one.
 * @returns What holds for it.
 */
export function inherit(
  listeners: Readonly<Record<string, ListenerConfig>>,
  name: string,
): ListenerConfig {
  const { bind: _, ...template } = listeners["default"] ?? {};
  return { ...template, ...listeners[name] };
}

/**
 * The listeners to start, each with what it takes from `default`.
 *
 * @param listeners The listeners by name.
 * @returns The listeners that have a `bind`, in their order.
 * @throws {SettingsError} If they contradict themselves.
 */
export function resolveListeners(
  listeners: Readonly<Record<string, ListenerConfig>>,
): ResolvedListener[] {
  const resolved: ResolvedListener[] = [];
  for (const name of Object.keys(listeners)) {
    const own = inherit(listeners, name);
    const { type = "tcp", bind, maxConnections = 0, path, origins } = own;
    if (bind === undefined) continue;
    checkNeeds(listeners, name, own);
    checkWebSocket(name, own);
    resolved.push({
      name,
      type,
      ...address(bind, defaultPorts[type][own.ssl ? "tls" : "plain"], name),
      maxConnections: maxConnections > 0 ? maxConnections : Infinity,
      ...(own.ssl ? { tls: resolveTls(own, name) } : {}),
      ...(path === undefined ? {} : { path }),
      ...(origins === undefined ? {} : { origins }),
    });
  }
  return resolved;
}

/**
 * What the log says of a listener that is bound.
 *
 * @param config What it was told.
 * @param listener What it is bound to.
 * @param listener.addr Its address, if it has one.
 * @returns The line, as HBMQTT has it.
 */
export function bindLine(
  config: ResolvedListener,
  { addr = config }: { readonly addr?: { hostname?: string; port?: number } },
): string {
  const { name, unixPath, maxConnections } = config;
  const { hostname = config.hostname, port = config.port } = addr;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const most = maxConnections === Infinity ? -1 : maxConnections;
  return `Listener '${name}' bind to ${
    unixPath === undefined ? `${host}:${port}` : `unix:${unixPath}`
  } (max_connections=${most})`;
}

function address(bind: string, defaultPort: number, name: string) {
  const { unixPath } = /^unix:(?<unixPath>.+)$/.exec(bind)?.groups ?? {};
  if (unixPath !== undefined) return { hostname: "", port: 0, unixPath };
  try {
    return parseBind(bind, defaultPort);
  } catch {
    const problem = `listeners.${name}.bind is ${JSON.stringify(bind)}, not `;
    throw wrong(name, "bind", `${problem}${BINDS}`);
  }
}

/** Keys that have no effect unless connections are encrypted, or are `ws`. */
const needs = {
  clientCert: "ssl",
  certfile: "ssl",
  keyfile: "ssl",
  cafile: "ssl",
  capath: "ssl",
  cadata: "ssl",
  path: "type",
  origins: "type",
} as const;

/**
 * What is said to no effect is not what was meant: a listener would be open.
 * But it may be turned off nearer by than it is said, and files may wait for
 * `ssl: on`.
 */
function checkNeeds(
  listeners: Readonly<Record<string, ListenerConfig>>,
  name: string,
  config: ListenerConfig,
): void {
  const isOwn = (key: keyof ListenerConfig): boolean =>
    listeners[name]![key] !== undefined;
  const isMet = { ssl: config.ssl === true, type: config.type === "ws" };
  for (const [key, need] of Object.entries(needs)) {
    const setting = key as keyof typeof needs;
    const said = config[setting];
    if (isMet[need] || said === undefined) continue;
    if (setting === "clientCert" && said === "none") continue;
    const isFile = need === "ssl" && setting !== "clientCert";
    const isOff = isOwn(need)
      ? isFile || !isOwn(setting)
      : isFile && !isOwn(setting) && config.ssl === false;
    if (isOff) continue;
    throw wrong(
      isOwn(setting) ? name : "default",
      setting,
      `listeners.${name} has ${
        need === "type"
          ? `${setting}, which only type: ws has`
          : isFile
          ? `${setting}, but not ssl: on; say ssl: off if connections are not ` +
            "to be encrypted"
          : `client-cert: ${config.clientCert}, but not ssl: on: nobody would ` +
            "be asked for a certificate"
      }`,
    );
  }
}

/** What no request of a WebSocket can match. */
function checkWebSocket(
  name: string,
  { path, origins = [] }: ListenerConfig,
): void {
  if (path !== undefined && !/^\/[^?#\s]*$/.test(path)) {
    const problem =
      `listeners.${name}.path is ${JSON.stringify(path)}, which ` +
      "no request is for: a path begins with / and has no ?, # or space";
    throw wrong(name, "path", problem);
  }
  for (const [i, origin] of origins.entries()) {
    if (origin === "null" || isOrigin(origin)) continue;
    const problem =
      `listeners.${name}.origins[${i}] is ${
        JSON.stringify(origin)
      }, which no page is of: an origin is like https://example.org or ` +
      "http://localhost:8000, or null";
    throw wrong(name, "origins", problem, String(i));
  }
}

/** Whether browsers send it: with no path, and no port that goes without. */
function isOrigin(text: string): boolean {
  if (!/^[a-z][a-z\d+.-]*:\/\/[^/?#\s]+$/i.test(text)) return false;
  if (!URL.canParse(text)) return false;
  const { origin } = new URL(text);
  return origin === "null" || origin === text.toLowerCase();
}

function resolveTls(config: ListenerConfig, name: string): ResolvedTls {
  const { certfile, keyfile, cafile, capath, cadata, clientCert } = config;
  if (certfile === undefined || keyfile === undefined) {
    const missing = certfile === undefined ? "certfile" : "keyfile";
    const problem = `listeners.${name} has ssl, but no ${missing}`;
    throw wrong(name, "ssl", problem);
  }
  const asks = [cafile, capath, cadata].some((one) => one !== undefined);
  if (!asks && clientCert !== undefined && clientCert !== "none") {
    throw wrong(
      name,
      "clientCert",
      `listeners.${name} asks for certificates of clients, but has no cafile, ` +
        "capath or cadata to check them with",
    );
  }
  return {
    certfile,
    keyfile,
    ...(cafile === undefined ? {} : { cafile }),
    ...(capath === undefined ? {} : { capath }),
    ...(cadata === undefined ? {} : { cadata }),
    clientCert: clientCert ?? (asks ? "optional" : "none"),
  };
}

function wrong(
  name: string,
  key: string,
  problem: string,
  ...more: string[]
): SettingsError {
  const where = "the configuration of the broker";
  return new SettingsError(where, ["listeners", name, key, ...more], problem);
}
