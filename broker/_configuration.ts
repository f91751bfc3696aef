/**
 * A configuration, checked and with nothing left open.
 */

import { readSettings, SettingsError } from "../codec/mod.ts";
import { isNetwork, Networks } from "./_address.ts";
import {
  type ActivePlugin,
  activePlugins,
  type Warn,
} from "./_active_plugins.ts";
import {
  type BrokerConfig,
  type ConfigSource,
  defaultConfig,
} from "./config.ts";
import { type Capabilities, defaultCapabilities } from "./capabilities.ts";
import { configFields } from "./fields.ts";
import { translate } from "./_legacy.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { type ResolvedListener, resolveListeners } from "./listeners.ts";

/** A configuration with nothing left open. */
export interface Configuration {
  /** What was said, in one spelling. */
  readonly said: BrokerConfig;
  /** What was meant. */
  readonly settings: BrokerConfig;
  readonly listeners: readonly ResolvedListener[];
  readonly limits: Limits;
  readonly trusted: Networks;
  readonly capabilities: Capabilities;
  readonly plugins: readonly ActivePlugin[];
  /** Whether anybody may connect because nothing is said of it. */
  readonly open: boolean;
  /** What somebody should look at, each with its place if it has one. */
  readonly warnings: readonly string[];
}

/** Addresses of who runs on the same machine. */
const THIS_MACHINE = ["127.0.0.0/8", "::1"];

/** What is passed on as it is: nothing that a file could say. */
const objects = ["logger", "memoryUsed", "now", "source", "store"] as const;

/**
 * Reads a configuration.
 *
 * @throws {SettingsError} If a key is not known or a value is not right.
 */
export function readConfig(config: BrokerConfig): Configuration {
  const source = config?.source;
  const warnings = [...source?.warnings ?? []];
  const warn: Warn = (path, text) => {
    warnings.push(
      source === undefined ? text : `${source.locate(path)}: ${text}`,
    );
  };
  try {
    const said = checked(config);
    const settings = translate(said, warn);
    const { listeners = defaultConfig().listeners!, auth } = settings;
    checkStore(settings);
    const resolved = resolveListeners(listeners);
    warnOfListeners(listeners, resolved, warn);
    return {
      said,
      settings,
      listeners: resolved,
      limits: limitsOf(settings),
      trusted: trustedOf(settings),
      capabilities: capabilitiesOf(settings),
      plugins: activePlugins(settings, warn),
      open: Object.values(auth ?? {}).every((value) => value === undefined),
      warnings,
    };
  } catch (error) {
    throw located(error, source);
  }
}

/** An error with the place in the file that it is about. */
export function located(
  error: unknown,
  source: ConfigSource | undefined,
): unknown {
  if (!(error instanceof SettingsError) || source === undefined) return error;
  const { where, path, problem } = error;
  const place = source.locate(path);
  return new SettingsError(where, path, `${place}: ${problem}`);
}

function checked(config: unknown): BrokerConfig {
  const where = "the configuration of the broker";
  if (typeof config !== "object" || config === null) {
    return readSettings(config, configFields, where);
  }
  const entries = Object.entries(config);
  const isObject = ([key]: [string, unknown]): boolean =>
    (objects as readonly string[]).includes(key);
  const settings = Array.isArray(config)
    ? config
    : Object.fromEntries(entries.filter((entry) => !isObject(entry)));
  return {
    ...readSettings(settings, configFields, where),
    ...Object.fromEntries(entries.filter(isObject)),
  };
}

function limitsOf({ limits, sessionExpiryInterval }: BrokerConfig): Limits {
  if (sessionExpiryInterval === undefined) {
    return { ...defaultLimits, ...limits };
  }
  if (limits?.sessionExpiryInterval !== undefined) {
    throw new SettingsError(
      "the configuration of the broker",
      ["sessionExpiryInterval"],
      "session-expiry-interval and limits.session-expiry-interval are the " +
        "same; keep one of them",
    );
  }
  return { ...defaultLimits, ...limits, sessionExpiryInterval };
}

function trustedOf({ trustedAddresses }: BrokerConfig): Networks {
  const list = trustedAddresses ?? THIS_MACHINE;
  return new Networks(list.map((text, index) => {
    if (isNetwork(text)) return text;
    throw new SettingsError(
      "the configuration of the broker",
      ["trustedAddresses", String(index)],
      `trusted-addresses[${index}] is ${
        JSON.stringify(text)
      }, not an address ` +
        "or network such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32",
    );
  }));
}

function capabilitiesOf({ capabilities, maxQos }: BrokerConfig): Capabilities {
  if (maxQos === undefined) return { ...defaultCapabilities, ...capabilities };
  if (capabilities?.maximumQos !== undefined) {
    throw new SettingsError(
      "the configuration of the broker",
      ["maxQos"],
      "max-qos and capabilities.maximum-qos are the same; keep one of them",
    );
  }
  return { ...defaultCapabilities, ...capabilities, maximumQos: maxQos };
}

function checkStore({ persistence, store }: BrokerConfig): void {
  if (persistence === undefined) return;
  const problem = store !== undefined
    ? "persistence and store are the same; keep one of them"
    : "persistence has no file: persistence.file says where it is";
  if (store === undefined && persistence.file) return;
  throw new SettingsError(
    "the configuration of the broker",
    ["persistence"],
    problem,
  );
}

function warnOfListeners(
  listeners: NonNullable<BrokerConfig["listeners"]>,
  resolved: readonly ResolvedListener[],
  warn: Warn,
): void {
  if (resolved.length === 0 && Object.keys(listeners).length > 0) {
    warn(["listeners"], "no listener has a bind: the broker listens nowhere");
  }
}
