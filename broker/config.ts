/**
 * What a broker is configured with.
 *
 * @module
 */

import type { Qos } from "../codec/mod.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Limits } from "./limits.ts";
import type { ListenerConfig } from "./listeners.ts";
import type { Logger, Plugin } from "./plugin.ts";
import type { Store } from "./store.ts";

/** Who may connect. */
export interface AuthConfig {
  /**
   * Whether the plugin `auth_anonymous` lets everybody in whom no other plugin
   * denies; if not, it refuses clients without a user name. By default `true`;
   * `false` if there is a `passwordFile`.
   */
  allowAnonymous?: boolean;
  /**
   * File of user names and password hashes, for the plugins `auth_file` and
   * `auth_scram`; it activates `auth_file`, unless `plugins` names `auth_scram`.
   */
  passwordFile?: string;
  /**
   * Names or module specifiers of plugins that authenticate, in the order in
   * which they are asked. A key of this section activates its plugin by itself.
   */
  plugins?: readonly string[];
}

/** Topic filters by user name; `anonymous` is who has none. */
export type AccessList = Readonly<Record<string, readonly string[]>>;

/** Who may publish and subscribe to what. */
export interface TopicCheckConfig {
  /** Whether this section has any effect; by default not. */
  enabled?: boolean;
  /**
   * Names or module specifiers of plugins that decide, in the order in which
   * they are asked. By default `topic_taboo`, and `topic_acl` if it has rules.
   */
  plugins?: readonly string[];
  /** Filters that a user may subscribe to. Same as `subscribeAcl`. */
  acl?: AccessList;
  /** Filters that a user may subscribe to. */
  subscribeAcl?: AccessList;
  /** Filters of the topics that a user may publish to; absent: all. */
  publishAcl?: AccessList;
  /** Filters of the topics that a user may receive; absent: all. */
  receiveAcl?: AccessList;
}

/** Where sessions and retained messages outlive the process. */
export interface PersistenceConfig {
  /** The SQLite file; made if it is not there. */
  file: string;
  /**
   * What an acknowledgement of the broker survives. `"full"`, the default: a
   * crash of the machine, as each commit waits for the disk. `"normal"`: a
   * crash of the broker; when the machine crashes, what came last may be lost.
   */
  synchronous?: "full" | "normal";
}

/**
 * Options of plugins by their name or module specifier; `null` or `{}` where
 * there are none.
 */
export type PluginOptions = Readonly<Record<string, unknown>>;

/** Where a configuration was read from. */
export interface ConfigSource {
  /** The file as it was named. */
  readonly file: string;
  /** Its URL, which module specifiers are relative to. */
  readonly url: string;
  /** What was noticed while it was read. */
  readonly warnings: readonly string[];

  /**
   * Where a setting stands.
   *
   * @param path The keys that lead to it: `["listeners", "default", "bind"]`.
   * @returns `file:line:column` of it, or of the nearest key above it.
   */
  locate(path: readonly string[]): string;

  /**
   * How a setting was written.
   *
   * @param path The keys that lead to it, in camelCase.
   * @returns The keys as they stand in the file; `undefined` if they do not.
   */
  written(path: readonly string[]): readonly string[] | undefined;
}

/**
 * The configuration of a broker. Everything has a default.
 *
 * Keys may have dashes or underscores too, and booleans may be `"on"` and
 * `"off"`: what YAML gives is a configuration.
 */
export interface BrokerConfig {
  /**
   * The listeners by name. `default` is the template of all others: what one
   * does not say is taken from it. By default one on 0.0.0.0:1883.
   */
  listeners?: Record<string, ListenerConfig>;
  /** Who may connect. By default anybody, with a warning. */
  auth?: AuthConfig;
  /** Who may publish and subscribe to what. By default everybody to all. */
  topicCheck?: TopicCheckConfig;
  /**
   * More plugins, in the order in which they are asked: as objects, by name,
   * or as module specifiers such as `"./my_plugin.ts"`, alone or with their
   * options.
   */
  plugins?: readonly (Plugin | string | PluginOptions)[] | PluginOptions;
  /** Seconds between two updates of `$SYS` topics. By default 0: none. */
  sysInterval?: number;
  /**
   * Seconds that are added to a client's keep alive to get the deadline. Absent,
   * the deadline is one and a half times the keep alive.
   */
  timeoutDisconnectDelay?: number;
  /** Same as `limits.sessionExpiryInterval`. */
  sessionExpiryInterval?: number;
  /** Bounds. */
  limits?: Partial<Limits>;
  /**
   * Addresses and networks without limits of their own and never banned. By
   * default those of this machine, `127.0.0.0/8` and `::1`.
   */
  trustedAddresses?: readonly string[];
  /** What is offered of MQTT; by default everything. */
  capabilities?: Partial<Capabilities>;
  /** Same as `capabilities.maximumQos`. */
  maxQos?: Qos;
  /**
   * The file in which sessions and retained messages are kept; by default they
   * are kept in memory.
   */
  persistence?: PersistenceConfig;
  /** What keeps sessions and retained messages, in place of `persistence`. */
  store?: Store;
  /** Takes what the broker and its plugins have to say; by default the console
   * gets warnings and errors. */
  logger?: Logger;
  /** The clock: milliseconds since 1970 that never go back. */
  now?: () => number;
  /**
   * How many bytes of memory are in use, for `limits.memory`. By default the
   * heap of this process and the buffers outside it.
   */
  memoryUsed?: () => number;
  /** Where the configuration was read from: `readConfigFile()` sets it. */
  source?: ConfigSource;
}

/**
 * The configuration of a broker that is given none: anybody may connect, on
 * port 1883 of all interfaces, and there are `$SYS` topics each 20 seconds, as
 * in HBMQTT.
 *
 * @returns A configuration of one's own.
 */
export function defaultConfig(): BrokerConfig {
  return {
    listeners: { default: { type: "tcp", bind: "0.0.0.0:1883" } },
    auth: { allowAnonymous: true },
    sysInterval: 20,
  };
}
