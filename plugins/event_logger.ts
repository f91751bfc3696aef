/**
 * An observer that tells in lines what happens.
 *
 * @module
 */

import type { ClientInfo, Logger, LogLevel, Plugin } from "../broker/mod.ts";
import {
  type Address,
  type Fields,
  readSettings,
  reasonName,
} from "../codec/mod.ts";
import { describe, quote, visible } from "./_text.ts";

/** Seconds for which lines of a kind are counted, */
const PERIOD = 10;

/** and how many are told of what goes wrong with connections and messages. */
const LINES = 100;

/** Options of {@linkcode eventLogger}. */
export interface EventLoggerOptions {
  /**
   * Whether each message is told too: received, passed on, retained; by default
   * `false`. It costs on the way of every message.
   */
  messages?: boolean;
}

/** The options of the plugin, as data. */
export const options = {
  messages: {
    type: "boolean",
    description:
      "Whether each message is told too: received, passed on, retained.",
    default: false,
  },
} as const satisfies Fields;

/**
 * Makes a plugin that logs connections, disconnections, refusals and failures
 * (info to error), start, stop, subscriptions and, if wanted, messages (debug): one line each
 * to the broker's logger, always with the client identifier and the address where
 * they are known. What comes from a client is made safe: nobody can forge a line.
 * Nor can anybody fill the log: of refusals, disconnections and dropped messages
 * 100 of each are told in 10 seconds, and how many more there were.
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { eventLogger } from "@ambermq/mqtt/plugins";
 *
 * const broker = new Broker({ logger: console, plugins: [eventLogger()] });
 * ```
 *
 * @param given What to log.
 * @returns The plugin.
 * @throws {SettingsError} If an option is not right.
 */
export function eventLogger(given: EventLoggerOptions = {}): Plugin {
  const name = "event_logger_plugin";
  const { messages = false } = readSettings(
    given,
    options,
    `the options of ${name}`,
  );
  let logger: Logger | undefined;
  const log = (level: LogLevel, line: () => string): void => {
    if (logger?.enabled?.(level) === false) return;
    logger?.[level](visible(line()));
  };
  // What a peer can cause as often as it likes is not to fill a disk.
  const told = new Map<string, number>();
  const sparing = (what: string, line: () => string): void => {
    const count = (told.get(what) ?? 0) + 1;
    told.set(what, count);
    if (count <= LINES) log("warn", line);
  };
  const sumUp = (): void => {
    for (const [what, count] of told) {
      if (count <= LINES) continue;
      const more = count - LINES;
      log("warn", () => `${what}: ${more} more in ${PERIOD} s, not told`);
    }
    told.clear();
  };
  return {
    name,
    start: (context) => {
      logger = context.logger;
      context.every(PERIOD, sumUp);
    },
    stop: sumUp,
    on: {
      broker_post_start: () => log("debug", () => "Started"),
      broker_pre_shutdown: () => log("debug", () => "Stopping"),
      broker_post_shutdown: () => log("debug", () => "Stopped"),
      broker_client_connected: ({ client }) =>
        log("info", () => `Connected: ${who(client)}`),
      broker_client_disconnected: ({ client, reasonCode, reason }) => {
        const line = () => `Disconnected: ${who(client)}: ${reason}`;
        if (reasonCode === 0) log("info", line);
        else sparing("Disconnected", line);
      },
      broker_address_banned: ({ address, seconds, reason }) =>
        log(
          "warn",
          () =>
            `Banned: ${address} for ${seconds} s: too many bad attempts, the last: ${reason}`,
        ),
      broker_connection_refused: (event) => {
        const { address, clientId, username, reasonCode, reason } = event;
        sparing(
          "Refused",
          () =>
            `Refused: ${identity(address, clientId, username)}: ${reason}, ${
              reasonName(reasonCode)
            }`,
        );
      },
      broker_client_subscribed: ({ clientId, topic, qos }) =>
        log(
          "debug",
          () =>
            `Subscribed: client ${quote(clientId)} filter ${
              quote(topic)
            } QoS ${qos}`,
        ),
      broker_client_unsubscribed: ({ clientId, topic }) =>
        log(
          "debug",
          () =>
            `Unsubscribed: client ${quote(clientId)} filter ${quote(topic)}`,
        ),
      ...(messages ? ofMessages(log) : {}),
      broker_message_dropped: ({ clientId, message, reason }) =>
        sparing(
          "Dropped",
          () =>
            `Dropped: message to client ${quote(clientId)} topic ${
              quote(message.topic)
            }: ${reason}`,
        ),
      broker_overloaded: ({ level, used, limit }) =>
        log(
          "warn",
          () =>
            `Memory ${memory[level]}: ${mebibytes(used)} MiB are in use, ` +
            `limits.memory is ${mebibytes(limit)} MiB`,
        ),
      broker_store_failed: ({ error }) =>
        log("error", () => `Store failed, trying again: ${describe(error)}`),
      broker_plugin_failed: ({ plugin, hook, error }) =>
        log(
          "error",
          () => `Plugin ${plugin} failed in ${hook}: ${describe(error)}`,
        ),
      broker_internal_error: ({ clientId, error }) =>
        log(
          "error",
          () =>
            `Internal error, please report it: client ${quote(clientId)}: ${
              describe(error)
            }`,
        ),
    },
  };
}

/** The factory, by the name that configurations look for. */
export const plugin = eventLogger;

type Log = (level: LogLevel, line: () => string) => void;

function ofMessages(log: Log): NonNullable<Plugin["on"]> {
  return {
    broker_message_received: ({ clientId, message }) =>
      log(
        "debug",
        () =>
          `Received: message from client ${quote(clientId)} topic ${
            quote(message.topic)
          } QoS ${message.qos}, ${message.payload.length} bytes`,
      ),
    broker_message_broadcast: ({ clientId, message }) =>
      log(
        "debug",
        () =>
          `Broadcast: message from client ${quote(clientId)} topic ${
            quote(message.topic)
          }`,
      ),
    broker_retained_message: ({ clientId, message }) =>
      log(
        "debug",
        () =>
          clientId === undefined
            ? `${message.empty ? "No longer retained" : "Retained"}: topic ${
              quote(message.topic)
            }`
            : `Kept: message for client ${quote(clientId)} topic ${
              quote(message.topic)
            }`,
      ),
  };
}

const memory = { normal: "enough again", high: "short", critical: "critical" };

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

const versions = { 3: "3.1", 4: "3.1.1", 5: "5.0" };

function who(client: ClientInfo): string {
  const { address, clientId, username, listener, protocolVersion } = client;
  return `${identity(address, clientId, username)} MQTT ${
    versions[protocolVersion]
  } by listener ${listener}`;
}

function identity(
  address: Address | undefined,
  clientId: string | undefined,
  username: string | undefined,
): string {
  const host = address?.hostname?.includes(":")
    ? `[${address.hostname}]`
    : address?.hostname;
  const from = host === undefined
    ? address?.path ?? "unknown address"
    : `${host}:${address?.port}`;
  return [
    from,
    clientId === undefined ? "" : ` client ${quote(clientId)}`,
    username === undefined ? "" : ` user ${quote(username)}`,
  ].join("");
}
