/** What the flags of `pub` and `sub` mean for the client. */

import type { ClientOptions, ProtocolVersion, Qos } from "../mod.ts";
import { clientFlags, tlsFlags } from "./_client_flags.ts";
import { type Flag, parseInteger, UsageError, type Values } from "./_flags.ts";
import { type GivenProperties, readProperties } from "./_property_flags.ts";
import type { PropertyPacket } from "./_property_flags.ts";
import type { Terminal } from "./_terminal.ts";

/** What was given. */
export type ClientValues = Values<typeof clientFlags>;

/** How a client is to be made, and what else the flags say. */
export interface ClientSettings {
  readonly options: ClientOptions & { protocolVersion: ProtocolVersion };
  /** The topic in the URL. */
  readonly topic: string | undefined;
  readonly properties: GivenProperties;
}

const versions: Readonly<Record<string, ProtocolVersion>> = {
  "3": 3,
  "4": 4,
  "5": 5,
  "31": 3,
  "311": 4,
  "3.1": 3,
  "3.1.1": 4,
  "5.0": 5,
  mqttv31: 3,
  mqttv311: 4,
  mqttv5: 5,
};

/**
 * Reads the flags.
 *
 * @param values What was given.
 * @param command The name of the program, for the client identifier.
 * @param terminal Who runs it.
 * @param packets Those that the command sends, besides CONNECT and its end.
 * @throws {UsageError} If they do not go together.
 */
export function clientSettings(
  values: ClientValues,
  command: "pub" | "sub",
  terminal: Pick<Terminal, "pid" | "hostname">,
  packets: readonly PropertyPacket[] = [],
): ClientSettings {
  const properties = readProperties(values.property, [
    ...packets,
    "connect",
    "will",
    "disconnect",
  ]);
  const protocolVersion = readVersion(values);
  const { url, topic } = readBroker(values);
  const options: ClientSettings["options"] = {
    url,
    protocolVersion,
    autoReconnect: false,
    ...readSession(values, protocolVersion, properties),
    ...readTls(values),
  };
  const clientId = readClientId(values, command, terminal, protocolVersion);
  if (clientId !== undefined) options.clientId = clientId;
  const { username, password } = values;
  if (username !== undefined) options.username = username;
  if (password !== undefined) options.password = password;
  const keepAlive = parseInteger(
    clientFlags.keepAlive,
    values.keepAlive,
    [0, 65_535],
  );
  if (keepAlive !== undefined) options.keepAlive = keepAlive;
  const headers = readHeaders(values.extraHeaders);
  if (headers !== undefined) options.headers = headers;
  const will = readWill(values, properties);
  if (will !== undefined) options.will = will;
  return { options, topic, properties };
}

function readVersion(
  { protocol, property, sessionExpiry }: ClientValues,
): ProtocolVersion {
  const flag = property.length > 0
    ? "-D"
    : sessionExpiry !== undefined
    ? "-x"
    : undefined;
  if (protocol === undefined) return flag === undefined ? 4 : 5;
  const key = protocol.toLowerCase();
  const version = Object.hasOwn(versions, key) ? versions[key] : undefined;
  if (version === undefined) {
    throw new UsageError(
      `-V is ${JSON.stringify(protocol)}, not mqttv31, mqttv311 or mqttv5`,
    );
  }
  if (flag !== undefined && version !== 5) {
    throw new UsageError(`${flag} needs -V mqttv5`);
  }
  return version;
}

/** The URL, and the topic that mosquitto_pub has in it. */
function readBroker(
  values: ClientValues,
): { url: string; topic: string | undefined } {
  const { url, host } = values;
  const port = parseInteger(clientFlags.port, values.port, [1, 65_535]);
  const tls = Object.keys(tlsFlags).filter((key) =>
    values[key as keyof typeof tlsFlags]
  );
  if (url === undefined) {
    const secure = tls.length > 0 || port === 8883;
    const scheme = secure ? "mqtts" : "mqtt";
    const where = `${bracketed(host ?? "localhost")}`;
    return {
      url: `${scheme}://${where}:${port ?? (secure ? 8883 : 1883)}`,
      topic: undefined,
    };
  }
  if (host !== undefined || port !== undefined) {
    throw new UsageError("--url says host and port already");
  }
  if (/^(mqtt|ws):/i.test(url) && tls.length > 0) {
    const { names } = tlsFlags[tls[0] as keyof typeof tlsFlags];
    throw new UsageError(`${names[0]} is for a URL of mqtts:// or wss://`);
  }
  const [, broker, topic] = /^(mqtts?:\/\/[^/]*)\/(.*)$/is.exec(url) ?? [];
  return { url: broker ?? url, topic: topic || undefined };
}

/** An IPv6 address has colons, and brackets around it in a URL. */
function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

function readSession(
  values: ClientValues,
  protocolVersion: ProtocolVersion,
  { connect }: GivenProperties,
): Pick<ClientOptions, "cleanStart" | "properties"> {
  const { id, cleanSession, disableCleanSession } = values;
  if (cleanSession && disableCleanSession) {
    throw new UsageError(
      "give --clean-session or --disable-clean-session, not both",
    );
  }
  const named = id !== undefined && id !== "";
  if (disableCleanSession && !named) {
    throw new UsageError("--disable-clean-session needs -i");
  }
  // Another process has another identifier, and does not find the session.
  const cleanStart = cleanSession || !named;
  if (protocolVersion < 5) return { cleanStart };
  const expiry = readExpiry(values.sessionExpiry) ??
    connect?.sessionExpiryInterval ?? (cleanStart ? undefined : FOR_EVER);
  if (expiry === FOR_EVER && !named) {
    throw new UsageError("a session that does not expire needs -i");
  }
  const properties = expiry === undefined
    ? connect
    : { ...connect, sessionExpiryInterval: expiry };
  return properties === undefined ? { cleanStart } : { cleanStart, properties };
}

const FOR_EVER = 0xffff_ffff;

function readExpiry(text: string | undefined): number | undefined {
  return text === "-1" || text === "∞"
    ? FOR_EVER
    : parseInteger(clientFlags.sessionExpiry, text, [0, FOR_EVER]);
}

function readClientId(
  { id, idPrefix }: ClientValues,
  command: string,
  { pid, hostname }: Pick<Terminal, "pid" | "hostname">,
  protocolVersion: ProtocolVersion,
): string | undefined {
  if (id !== undefined && idPrefix !== undefined) {
    throw new UsageError("give -i or -I, not both");
  }
  if (id !== undefined) return id;
  if (idPrefix !== undefined) return `${idPrefix}${pid}`;
  // It has at most 23 characters in MQTT 3.1: the client makes one.
  if (protocolVersion === 3 || hostname === undefined) return undefined;
  return `ambermq_${command}/${pid}-${hostname}`;
}

function readTls(values: ClientValues): Partial<ClientOptions> {
  const { cafile, capath, cadata, cert, key, insecure, alpn } = values;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key need each other");
  }
  if (alpn !== undefined && alpn !== "mqtt") {
    throw new UsageError(`--tls-alpn is ${JSON.stringify(alpn)}, not mqtt`);
  }
  const options: Partial<ClientOptions> = {};
  if (cafile !== undefined) options.cafile = cafile;
  if (capath !== undefined) options.capath = capath;
  if (cadata !== undefined) options.cadata = cadata;
  if (cert !== undefined) options.certfile = cert;
  if (key !== undefined) options.keyfile = key;
  if (insecure) options.checkHostname = false;
  if (alpn !== undefined) options.alpn = true;
  return options;
}

function readHeaders(
  text: string | undefined,
): Record<string, string> | undefined {
  if (text === undefined) return undefined;
  let headers: unknown;
  try {
    headers = JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      `--extra-headers is not JSON: ${(error as Error).message}`,
    );
  }
  const fine = typeof headers === "object" && headers !== null &&
    !Array.isArray(headers) &&
    Object.values(headers).every((value) => typeof value === "string");
  if (fine) return headers as Record<string, string>;
  throw new UsageError(
    '--extra-headers is not an object of texts: {"name": "value"}',
  );
}

function readWill(
  values: ClientValues,
  { will: properties }: GivenProperties,
): ClientOptions["will"] {
  const { willTopic, willMessage, willRetain } = values;
  const qos = parseQos(clientFlags.willQos, values.willQos);
  if (willTopic !== undefined) {
    return {
      topic: willTopic,
      payload: willMessage ?? "",
      qos: qos ?? 0,
      retain: willRetain,
      ...(properties === undefined ? {} : { properties }),
    };
  }
  const more = willMessage !== undefined || qos !== undefined || willRetain ||
    properties !== undefined;
  if (more) throw new UsageError("a will needs --will-topic");
  return undefined;
}

/** The QoS of a flag. */
export function parseQos(
  flag: Flag,
  text: string | undefined,
): Qos | undefined {
  return parseInteger(flag, text, [0, 2]) as Qos | undefined;
}
