/**
 * Configurations in the words of Eclipse Mosquitto, which its tests write, in
 * ours: as far as both have the same thing. What has no counterpart is named,
 * so that a test that needs it is reported as not applicable.
 */

import {
  type BrokerConfig,
  type Capabilities,
  type Limits,
  type ListenerConfig,
  matches,
  type Plugin,
  ReasonCode,
} from "../../mod.ts";

/** A configuration, and what it cannot say. */
export interface Translated {
  /** What the broker is to be run with. */
  readonly config: BrokerConfig;
  /** The settings that have no counterpart. */
  readonly missing: readonly string[];
}

/** What Mosquitto offers if nothing is said: its tests expect these numbers. */
const LIMITS: Partial<Limits> = {
  topicAliasMaximum: 10,
  maximumPacketSize: 2_000_000,
  topicLevels: 201,
  receiveMaximum: 20,
  inflight: 20,
  queuedMessages: 1000,
};

/** Settings that change nothing that a client could see. */
const silent = new Set([
  ...["log_type", "log_dest", "log_timestamp", "log_timestamp_format"],
  ...["connection_messages", "pid_file", "user", "set_tcp_nodelay"],
  ...["websockets_log_level", "autosave_interval", "autosave_on_changes"],
  ...["socket_domain", "dhparamfile", "tls_version"],
  ...["allow_duplicate_messages", "per_listener_settings"],
]);

/** Seconds of 1h, 2d, 1w, 1m (month), 1y. */
const UNITS: Record<string, number> = {
  h: 3600,
  d: 86400,
  w: 604800,
  m: 2592000,
  y: 31536000,
};

/** What is read from its lines, one after the other. */
class Reading {
  readonly listeners: (Partial<ListenerConfig> & { anonymous?: boolean })[] =
    [];
  readonly limits: Partial<Limits> = { ...LIMITS };
  readonly capabilities: Partial<Capabilities> = {};
  readonly plugins: Plugin[] = [];
  readonly missing: string[] = [];
  sysInterval = 0;
  persistent = false;
  database = "mosquitto.db";
  anonymous: boolean | undefined;
  passwordFile: string | undefined;
  aclFile: string | undefined;

  get listener(): Partial<ListenerConfig> & { anonymous?: boolean } {
    if (this.listeners.length === 0) this.listeners.push({});
    return this.listeners.at(-1)!;
  }

  line(key: string, value: string): void {
    const handler = settings[key];
    if (handler !== undefined) handler(this, value);
    else if (!silent.has(key)) this.missing.push(key);
  }
}

type Handler = (to: Reading, value: string) => void;

const settings: Record<string, Handler> = {
  port: (to, value) => to.listeners.push({ bind: `:${value}` }),
  listener: (to, value) => {
    const [port, host = ""] = value.split(" ");
    const bind = port === "0" ? `unix:${host}` : `${host}:${port}`;
    to.listeners.push({ bind });
  },
  protocol: (to, value) => {
    if (value === "websockets") to.listener.type = "ws";
  },
  websockets_origin: (to, value) => {
    const { origins = [] } = to.listener;
    to.listener.origins = [...origins, `http://${value}`, `https://${value}`];
  },
  max_connections: (to, value) => to.listener.maxConnections = Number(value),
  global_max_connections: (to, value) => to.limits.connections = Number(value),
  max_keepalive: (to, value) => {
    to.capabilities.maximumKeepAlive = Number(value);
  },
  max_packet_size: (to, value) => to.limits.maximumPacketSize = Number(value),
  max_inflight_messages: (to, value) => {
    to.limits.inflight = to.limits.receiveMaximum = Number(value) || 65_535;
  },
  max_queued_messages: (to, value) => {
    to.limits.queuedMessages = Number(value) || 1_000_000;
  },
  max_queued_bytes: (to, value) => to.limits.queuedBytes = Number(value),
  max_topic_alias: (to, value) => to.limits.topicAliasMaximum = Number(value),
  maximum_qos: (to, value) => settings.max_qos!(to, value),
  max_qos: (to, value) => to.capabilities.maximumQos = Number(value) as 0 | 1,
  retain_available: (to, value) => to.capabilities.retain = value === "true",
  persistent_client_expiration: (to, value) => {
    to.limits.sessionExpiryInterval = parseInt(value) *
      (UNITS[value.at(-1)!] ?? 1);
  },
  sys_interval: (to, value) => to.sysInterval = Number(value),
  allow_anonymous: (to, value) => to.anonymous = value === "true",
  listener_allow_anonymous: (to, value) => {
    to.listener.anonymous = value === "true";
  },
  password_file: (to, value) => to.passwordFile = value,
  acl_file: (to, value) => to.aclFile = value,
  cafile: (to, value) =>
    Object.assign(to.listener, { ssl: true, cafile: value }),
  capath: (to, value) =>
    Object.assign(to.listener, { ssl: true, capath: value }),
  certfile: (to, value) =>
    Object.assign(to.listener, { ssl: true, certfile: value }),
  keyfile: (to, value) =>
    Object.assign(to.listener, { ssl: true, keyfile: value }),
  require_certificate: (to, value) => {
    to.listener.clientCert = value === "true" ? "required" : "none";
  },
  accept_protocol_versions: (to, value) => {
    const accepted = value.split(/[ ,]+/).map(Number);
    to.plugins.push({
      name: "accept_protocol_versions",
      authenticate: ({ protocolVersion }) =>
        accepted.includes(protocolVersion)
          ? undefined
          : ReasonCode.UnsupportedProtocolVersion,
    });
  },
  persistence: (to, value) => to.persistent = value === "true",
  persistence_file: (to, value) => to.database = value,
};

/**
 * Translates a configuration.
 *
 * @param text The file, empty if there is none.
 * @param port The port of the command line; it counts if no listener is named.
 * @param read Reads the files that it names.
 */
export function translate(
  text: string,
  port: number | undefined,
  read: (path: string) => string = Deno.readTextFileSync,
): Translated {
  const reading = new Reading();
  for (const line of text.split(/\r?\n/)) {
    const [, key, value] = /^(\w+)\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined) reading.line(key, value!);
  }
  const { listeners, passwordFile } = reading;
  const hasListener = listeners.some(({ bind }) => bind !== undefined);
  // Without a listener it is for this machine only, and open.
  const { anonymous = !hasListener } = reading;
  if (!hasListener) reading.listener.bind = `127.0.0.1:${port ?? 1883}`;
  const allowed = listeners.map((each) => each.anonymous ?? anonymous);
  const named: Record<string, ListenerConfig> = {};
  const mayBeAnonymous = new Map<string, boolean>();
  for (const [i, { anonymous: _, ...listener }] of listeners.entries()) {
    named[`listener-${i}`] = listener as ListenerConfig;
    mayBeAnonymous.set(`listener-${i}`, allowed[i]!);
  }
  const plugins = [...reading.plugins];
  if (new Set(allowed).size > 1) plugins.push(perListener(mayBeAnonymous));
  if (passwordFile !== undefined) plugins.push(passwords(read(passwordFile)));
  if (reading.aclFile !== undefined) {
    plugins.push(accessList(read(reading.aclFile)));
  }
  return {
    missing: reading.missing,
    config: {
      listeners: named,
      auth: {
        allowAnonymous: allowed.includes(true),
      },
      plugins,
      ...reading.persistent && { persistence: { file: reading.database } },
      sysInterval: reading.sysInterval,
      limits: reading.limits,
      capabilities: reading.capabilities,
    },
  };
}

/** Who may be without a user name, by the listener. */
function perListener(allowed: ReadonlyMap<string, boolean>): Plugin {
  return {
    name: "listener_allow_anonymous",
    authenticate: ({ listener, username }) =>
      username === undefined && !allowed.get(listener) ? false : undefined,
  };
}

/** Password files in the form of Mosquitto: SHA-512 (6) or PBKDF2 (7). */
export function passwords(text: string): Plugin {
  const users = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const at = line.indexOf(":");
    if (at > 0) users.set(line.slice(0, at), line.slice(at + 1));
  }
  return {
    name: "password_file",
    authenticate: async ({ username }, password) => {
      if (username === undefined) return undefined;
      const stored = users.get(username)?.split("$");
      if (stored === undefined || password === undefined) return false;
      const [, kind, ...parts] = stored;
      const [salt, hash] = parts.slice(-2).map(decodeBase64);
      const iterations = kind === "7" ? Number(parts[0]) : undefined;
      const made = await derive(password.slice(), salt!, iterations);
      return made.every((byte, at) => byte === hash![at]);
    },
  };
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

async function derive(
  password: Uint8Array<ArrayBuffer>,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number | undefined,
): Promise<Uint8Array> {
  const { subtle } = crypto;
  const hash = "SHA-512";
  if (iterations === undefined) {
    const salted = new Uint8Array([...password, ...salt]);
    return new Uint8Array(await subtle.digest(hash, salted));
  }
  const key = await subtle.importKey("raw", password, "PBKDF2", false, [
    "deriveBits",
  ]);
  const how = { name: "PBKDF2", hash, salt, iterations };
  return new Uint8Array(await subtle.deriveBits(how, key, 512));
}

/** Access lists in the form of Mosquitto; deliveries are what it checks. */
export function accessList(text: string): Plugin {
  interface Rule {
    readonly user: string | undefined;
    readonly pattern: boolean;
    readonly access: string;
    readonly filter: string;
  }
  const rules: Rule[] = [];
  let user: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const of = /^user\s+(.+)$/.exec(line);
    if (of !== null) user = of[1]!;
    const rule = /^(topic|pattern)\s+(?:(read|write|readwrite|deny)\s+)?(.+)$/
      .exec(line);
    if (rule === null) continue;
    const [, kind, access = "readwrite", filter] = rule;
    rules.push({ user, pattern: kind === "pattern", access, filter: filter! });
  }
  const may = (
    client: { clientId: string; username: string | undefined },
    topic: string,
    how: "read" | "write",
  ): boolean => {
    let allowed = false;
    for (const rule of rules) {
      if (!rule.pattern && rule.user !== client.username) continue;
      const filter = !rule.pattern ? rule.filter : rule.filter
        .replaceAll("%c", client.clientId)
        .replaceAll("%u", client.username ?? "");
      if (!matches(filter, topic)) continue;
      if (rule.access === "deny") return false;
      if (rule.access.includes(how)) allowed = true;
    }
    return allowed;
  };
  return {
    name: "acl_file",
    authorize: (client, { action, topic }) =>
      action === "publish" ? may(client, topic, "write") : undefined,
    authorizeDelivery: (client, { topic }) => may(client, topic, "read"),
  };
}
