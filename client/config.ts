/**
 * The configuration of a client as HBMQTT and aMQTT write it, in YAML or as an
 * object.
 *
 * @module
 */

import {
  didYouMean,
  type Fields,
  type Packet,
  readSettings,
  type Settings,
  SettingsError,
} from "../codec/mod.ts";
import { fields } from "./_config_fields.ts";
import type { ClientEvents } from "./events.ts";
import type { ClientOptions, TlsOptions, WillOptions } from "./options.ts";

const where = "the configuration of the client";

/** What a configuration of a client may hold. */
export const clientFields: Fields = fields;

/** What else {@linkcode clientOptions} may be told. */
export interface ClientConfigContext {
  /**
   * Where warnings go, and what the plugin `packet_logger_plugin` has to say, a
   * line at a time. By default nowhere.
   *
   * @param line The line.
   */
  log?(line: string): void;
}

/**
 * Reads a configuration as HBMQTT and aMQTT have it. Keys may be written with
 * underscores, dashes or capitals: `keep_alive`, `keep-alive`, `keepAlive`.
 *
 * @example
 * ```ts
 * import { clientOptions } from "@ambermq/mqtt/client";
 * import { assertEquals } from "@std/assert";
 *
 * const options = clientOptions({
 *   keep_alive: 10,
 *   auto_reconnect: "on",
 *   topics: { "/test": { qos: 1 } },
 *   broker: { uri: "mqtt://localhost" },
 * });
 * assertEquals(options, {
 *   url: "mqtt://localhost",
 *   keepAlive: 10,
 *   autoReconnect: true,
 *   topics: { "/test": { qos: 1 } },
 * });
 * ```
 *
 * @param config The configuration: what a YAML file holds, for example.
 * @param context Where to log to.
 * @returns The options for the client that it stands for.
 * @throws {SettingsError} If there is a key that is not known, or a value that
 * cannot be.
 */
export function clientOptions(
  config: unknown,
  context: ClientConfigContext = {},
): ClientOptions {
  const {
    uri,
    connection,
    broker,
    cleansession,
    connectionTimeout,
    will,
    plugins,
    ...same
  } = readSettings(config, fields, where);
  const options = same as ClientOptions;
  const target = place({ uri, connection, broker });
  if (target.uri !== undefined) options.url = target.uri;
  Object.assign(options, target.tls);
  if (cleansession !== undefined) options.cleanStart = cleansession;
  if (connectionTimeout !== undefined) {
    options.connectTimeout = connectionTimeout;
  }
  if (will !== undefined) options.will = readWill(will);
  if (logsPackets(plugins) && context.log !== undefined) {
    options.on = packetLog(context.log);
  }
  if (options.pingDelay === 0) {
    context.log?.(
      "ping_delay is 0: the client does not ping, and the broker ends a " +
        "connection on which nothing is sent for longer than the keep alive",
    );
  }
  return options;
}

type ClientSettings = Settings<typeof fields>;

/** Where the broker is, wherever that is said. */
function place(
  { uri, connection, broker }: {
    [Key in "uri" | "connection" | "broker"]: ClientSettings[Key] | undefined;
  },
): { uri: string | undefined; tls: TlsOptions } {
  if (connection !== undefined && broker !== undefined) {
    throw new SettingsError(
      where,
      ["broker"],
      "broker and connection are one; keep one of them",
    );
  }
  const { uri: own, ...tls } = connection ?? broker ?? {};
  if (own !== undefined && uri !== undefined) {
    const outer = connection === undefined ? "broker" : "connection";
    throw new SettingsError(
      where,
      ["uri"],
      `uri and ${outer}.uri are one; keep one of them`,
    );
  }
  return { uri: own ?? uri, tls };
}

function readWill(
  { topic, message, ...rest }: NonNullable<ClientSettings["will"]>,
): WillOptions {
  if (topic === undefined) {
    throw new SettingsError(where, ["will"], "will has no topic");
  }
  const will = { ...rest, topic } as WillOptions;
  if (message !== undefined) will.payload = message;
  return will;
}

/** The packet logger, by the names that it has had. */
const packetLoggers = [
  "packet_logger_plugin",
  "packet_logger",
  "amqtt.plugins.logging_amqtt.PacketLoggerPlugin",
  "hbmqtt.plugins.logging.PacketLoggerPlugin",
];

function logsPackets(plugins: unknown): boolean {
  const names = pluginNames(plugins);
  for (const name of names) {
    if (packetLoggers.includes(name)) continue;
    throw new SettingsError(
      where,
      ["plugins"],
      `there is no plugin ${JSON.stringify(name)} for clients${
        didYouMean(name, packetLoggers)
      }; the only one is packet_logger_plugin`,
    );
  }
  return names.length > 0;
}

/** A list of names, or of one name and its options each; or such a mapping. */
function pluginNames(plugins: unknown): string[] {
  if (plugins === undefined || plugins === null) return [];
  if (typeof plugins === "string") return [plugins];
  if (Array.isArray(plugins)) return plugins.flatMap(pluginNames);
  if (typeof plugins === "object") return Object.keys(plugins);
  throw new SettingsError(
    where,
    ["plugins"],
    "plugins is neither a list of names nor a mapping from names to options",
  );
}

function packetLog(log: (line: string) => void): ClientEvents {
  return {
    packetSent: (packet) => log(`-out-> ${describe(packet)}`),
    packetReceived: (packet) => log(`<-in-- ${describe(packet)}`),
  };
}

/** A packet in one line; of bytes only how many. */
function describe({ type, ...rest }: Packet): string {
  const details = JSON.stringify(
    rest,
    (_, value) => value instanceof Uint8Array ? `${value.length} bytes` : value,
  );
  return `${type.toUpperCase()} ${details}`;
}
