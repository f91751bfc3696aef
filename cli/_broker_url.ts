/** Which broker `pub` and `sub` are to reach: the flags, and a configuration. */

import type { ClientOptions } from "../mod.ts";
import { type clientFlags, tlsFlags } from "./_client_flags.ts";
import { UsageError, type Values } from "./_flags.ts";

type ClientValues = Values<typeof clientFlags>;

/** What there is to know. */
export interface BrokerUrl {
  readonly url: string | URL;
  /** The topic that mosquitto_pub has in it. */
  readonly topic: string | undefined;
}

/**
 * Reads the flags. Host and port take the place of those of a configuration.
 *
 * @throws {UsageError} If they do not go together, or the URL is none.
 */
export function brokerUrl(
  values: ClientValues,
  config: ClientOptions,
): BrokerUrl {
  const { host, port, username } = values;
  if (values.url !== undefined) {
    if (host !== undefined || port !== undefined) {
      throw new UsageError("--url says host and port already");
    }
    checkUrl(values.url);
  }
  const [tlsKey] = Object.keys(tlsFlags).filter((key) =>
    values[key as keyof typeof tlsFlags]
  );
  const given = values.url ?? (config.url && placed(config.url, host, port));
  if (given === undefined) {
    const secure = tlsKey !== undefined || port === SECURE || hasTls(config);
    const scheme = secure ? "mqtts" : "mqtt";
    const where = bracketed(host ?? "localhost");
    return {
      url: `${scheme}://${where}:${port ?? (secure ? SECURE : 1883)}`,
      topic: undefined,
    };
  }
  if (/^(mqtt|ws):/i.test(String(given)) && tlsKey !== undefined) {
    const { names } = tlsFlags[tlsKey as keyof typeof tlsFlags];
    throw new UsageError(`${names[0]} is for a URL of mqtts:// or wss://`);
  }
  const url = username === undefined ? given : ownedBy(username, given);
  if (values.url === undefined) return { url, topic: undefined };
  const [, broker, topic] = /^(mqtts?:\/\/[^/]*)\/(.*)$/is.exec(String(url)) ??
    [];
  return { url: broker ?? url, topic: topic || undefined };
}

/** The port for TLS. */
const SECURE = 8883;

/** What people forget; the client finds the rest. */
function checkUrl(text: string): void {
  const shown = JSON.stringify(withoutPassword(text));
  if (!text.includes("://")) {
    throw new UsageError(
      `--url is ${shown}, without a scheme such as in mqtt://host:1883`,
    );
  }
  const [, port] = /^\w+:\/\/(?:[^/]*@)?(?:\[[^\]]*\]|[^/:?#]*):(\d+)/
    .exec(text) ?? [];
  if (port === undefined || (Number(port) > 0 && Number(port) < 65_536)) return;
  throw new UsageError(
    `--url is ${shown}, with a port that is not from 1 to 65535`,
  );
}

function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/)?.*@/s, "$1…@");
}

/** A URL with another host or port; all else stays. */
function placed(
  text: string | URL,
  host: string | undefined,
  port: number | undefined,
): string | URL {
  const url = URL.parse(text);
  if (url === null || (host === undefined && port === undefined)) return text;
  const secure = port === SECURE && url.protocol === "mqtt:";
  const where = bracketed(host ?? url.hostname);
  const behind = port === undefined ? url.port : String(port);
  // Put together, lest a host that is none is overlooked, as URL does it.
  return [
    secure ? "mqtts:" : url.protocol,
    `//${userInfo(url.username, url.password)}`,
    behind === "" ? where : `${where}:${behind}`,
    url.pathname,
    url.search,
  ].join("");
}

function userInfo(name: string, password: string): string {
  if (name === "" && password === "") return "";
  return password === "" ? `${name}@` : `${name}:${password}@`;
}

/** A URL without the name and password of somebody else. */
function ownedBy(username: string, text: string | URL): string | URL {
  const url = URL.parse(text);
  if (url === null || decoded(url.username) === username) return text;
  return String(text).replace(/^(\w+:\/\/)[^/?#]*@/, "$1");
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // the client tells of it
  }
}

/** Whether a configuration without a URL is for a broker with TLS. */
function hasTls(config: ClientOptions): boolean {
  const { cafile, capath, cadata, certfile } = config;
  return [cafile, capath, cadata, certfile].some((one) => one !== undefined);
}

/** An IPv6 address has colons, and brackets around it in a URL. */
function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
