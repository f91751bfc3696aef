/**
 * An observer that tells in lines what happens to connections.
 *
 * @module
 */

import type { ClientInfo, Plugin } from "../broker/mod.ts";
import { type Address, reasonName } from "../codec/mod.ts";

/** How much a line matters. */
export type LogLevel = "DEBUG" | "INFO" | "WARNING" | "ERROR";

/** Options of {@linkcode eventLogger}. */
export interface EventLoggerOptions {
  /**
   * Takes a line.
   *
   * @param level How much it matters.
   * @param line The line, without a line end.
   */
  log(level: LogLevel, line: string): void;
}

/**
 * Makes a plugin that logs connections, disconnections, refusals and failures
 * (`INFO` to `ERROR`), subscriptions and messages (`DEBUG`): one line each,
 * always with the client identifier and the address where they are known.
 *
 * What comes from a client is quoted as JSON, shortened, and rid of whatever ends
 * a line or moves a cursor, so that nobody can forge a line.
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { eventLogger } from "@ambermq/mqtt/plugins";
 *
 * const lines: string[] = [];
 * const broker = new Broker({
 *   plugins: [eventLogger({ log: (level, line) => lines.push(`${level} ${line}`) })],
 * });
 * ```
 *
 * @param options Where the lines go.
 * @returns The plugin.
 */
export function eventLogger(options: EventLoggerOptions): Plugin {
  const log = (level: LogLevel, line: string): void =>
    options.log(level, visible(line));
  return {
    name: "event_logger_plugin",
    on: {
      broker_client_connected: ({ client }) =>
        log("INFO", `Connected: ${who(client)}`),
      broker_client_disconnected: ({ client, reasonCode, reason }) =>
        log(
          reasonCode === 0 ? "INFO" : "WARNING",
          `Disconnected: ${who(client)}: ${reason}`,
        ),
      broker_connection_refused: (event) => {
        const { address, clientId, username, reasonCode, reason } = event;
        log(
          "WARNING",
          `Refused: ${identity(address, clientId, username)}: ${reason}, ${
            reasonName(reasonCode)
          }`,
        );
      },
      broker_client_subscribed: ({ clientId, topic, qos }) =>
        log(
          "DEBUG",
          `Subscribed: client ${quote(clientId)} filter ${
            quote(topic)
          } QoS ${qos}`,
        ),
      broker_client_unsubscribed: ({ clientId, topic }) =>
        log(
          "DEBUG",
          `Unsubscribed: client ${quote(clientId)} filter ${quote(topic)}`,
        ),
      broker_message_dropped: ({ clientId, message, reason }) =>
        log(
          "WARNING",
          `Dropped: message to client ${quote(clientId)} topic ${
            quote(message.topic)
          }: ${reason}`,
        ),
      broker_store_failed: ({ error }) =>
        log("ERROR", `Store failed, trying again: ${describe(error)}`),
      broker_plugin_failed: ({ plugin, hook, error }) =>
        log("ERROR", `Plugin ${plugin} failed in ${hook}: ${describe(error)}`),
      broker_internal_error: ({ clientId, error }) =>
        log(
          "ERROR",
          `Internal error, please report it: client ${quote(clientId)}: ${
            describe(error)
          }`,
        ),
    },
  };
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

/** Characters of the longest text that is quoted in full. */
const LONGEST = 256;

function quote(text: string): string {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return JSON.stringify(shown);
}

/** What ends a line, or means something to a terminal, becomes visible. */
function visible(line: string): string {
  return line.replaceAll(
    // deno-lint-ignore no-control-regex -- these are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
