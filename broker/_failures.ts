/**
 * Says what goes wrong inside the broker, and who was banned, where no plugin
 * does: who runs it without `event_logger_plugin` is to find the reason in the
 * log too.
 */

import type { BrokerEvents, Logger, Plugin } from "./plugin.ts";

type Failures = Pick<
  BrokerEvents,
  | "broker_address_banned"
  | "broker_plugin_failed"
  | "broker_store_failed"
  | "broker_internal_error"
  | "broker_overloaded"
>;

type Handlers = {
  readonly [Name in keyof Failures]: (event: Failures[Name]) => void;
};

/** A plugin for the failures that none of these plugins watches. */
export function failures(plugins: readonly Plugin[], logger: Logger): Plugin {
  const all: Handlers = {
    broker_address_banned: ({ address, seconds, reason }) =>
      logger.warn(
        `Banned: ${address} for ${seconds} s: too many bad attempts, the last: ${
          JSON.stringify(reason)
        }`,
      ),
    broker_plugin_failed: ({ plugin, hook, error }) =>
      logger.error(`Plugin ${plugin} failed in ${hook}: ${described(error)}`),
    broker_store_failed: ({ error }) =>
      logger.error(`Store failed, trying again: ${described(error)}`),
    broker_internal_error: ({ clientId, error }) =>
      logger.error(
        `Internal error, please report it: client ${
          JSON.stringify(clientId)
        }: ${described(error)}`,
      ),
    broker_overloaded: (event) => logger.warn(overloadLine(event)),
  };
  const watched = plugins.flatMap(({ on }) => Object.keys(on ?? {}));
  const left = Object.entries(all).filter(([name]) => !watched.includes(name));
  return { name: "failures", on: Object.fromEntries(left) };
}

/** What is said when the broker comes to be short of memory, or no longer is. */
function overloadLine(
  { level, used, limit }: BrokerEvents["broker_overloaded"],
): string {
  const [has, may] = [used, limit].map((bytes) => Math.round(bytes / 2 ** 20));
  const state = { normal: "enough again", high: "short", critical: "critical" };
  return `Memory ${
    state[level]
  }: ${has} MiB are in use, limits.memory is ${may} MiB`;
}

/** In one line: who sends what breaks a plugin is to forge no others. */
function described(error: unknown): string {
  const text = error instanceof Error ? error.stack : undefined;
  return JSON.stringify(text ?? String(error));
}
