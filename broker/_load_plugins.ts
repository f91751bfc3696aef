/**
 * From the plugins that a configuration names to plugins.
 */

import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { readSettings, SettingsError } from "../codec/mod.ts";
import { type ActivePlugin, authenticates } from "./_active_plugins.ts";
import { loadBuiltin } from "./_builtin.ts";
import type { ConfigSource } from "./config.ts";
import { BrokerError } from "./error.ts";
import type { Plugin, PluginModule } from "./plugin.ts";

/** A plugin that is not there yet. */
type Loadable = Exclude<ActivePlugin, { plugin: Plugin }>;

/** Loads the module of a plugin. */
type Load = (plugin: Loadable) => Promise<object>;

/**
 * Loads plugins, in their order.
 *
 * @throws {SettingsError} If an option is not right.
 * @throws {BrokerError} If a module cannot be loaded or is no plugin.
 */
export async function loadPlugins(
  plugins: readonly ActivePlugin[],
  source: ConfigSource | undefined,
  load: Load = (plugin) => loadModule(plugin, source),
): Promise<Plugin[]> {
  const loaded: Plugin[] = [];
  for (const active of plugins) {
    loaded.push("plugin" in active ? active.plugin : await made(active));
  }
  return loaded;

  async function made(
    active: Loadable,
  ): Promise<Plugin> {
    const fail = (why: string, cause?: unknown): BrokerError => {
      const place = source === undefined
        ? ""
        : ` (${source.locate(active.named)})`;
      const message = `Cannot load the plugin ${active.name}${place}: ${why}`;
      return new BrokerError(message, { cause });
    };
    let module: Partial<PluginModule> & { default?: PluginModule["plugin"] };
    try {
      module = await load(active);
    } catch (error) {
      throw fail(reason(error), error);
    }
    const factory = module.plugin ?? module.default;
    if (typeof factory !== "function") {
      throw fail("its module does not export a function named plugin");
    }
    const options = optionsOf(active, module);
    let plugin: unknown;
    try {
      plugin = factory(options);
    } catch (error) {
      throw error instanceof SettingsError
        ? within(active, error)
        : fail(reason(error), error);
    }
    if (!isPlugin(plugin)) {
      throw fail("what plugin() returns is no plugin: it has no name");
    }
    if (active.section === "auth" && !authenticates(plugin)) {
      throw fail("it stands in auth, but does not authenticate");
    }
    return plugin;
  }
}

/** The options, checked if the module says what they are. */
function optionsOf(
  active: Loadable,
  { options: fields = {} }: Partial<PluginModule>,
): object {
  try {
    return readSettings(active.options, fields, "the options");
  } catch (error) {
    throw error instanceof SettingsError ? within(active, error) : error;
  }
}

/** An error in the options, as one of the whole configuration. */
function within({ name, path }: Loadable, error: SettingsError): SettingsError {
  const where = `the options of the plugin ${name}`;
  return new SettingsError(where, [...path, ...error.path], error.problem);
}

function loadModule(
  { name, builtin }: Loadable,
  source: ConfigSource | undefined,
): Promise<object> {
  if (builtin !== undefined) return loadBuiltin(builtin);
  if (/^(?:jsr|npm|https?):/.test(name)) return import(name);
  if (name.startsWith("file:")) return import(name);
  // A path is not a URL: it may have #, ? and %.
  const folder = source === undefined
    ? "."
    : dirname(fileURLToPath(source.url));
  return import(pathToFileURL(resolve(folder, name)).href);
}

function isPlugin(value: unknown): value is Plugin {
  return typeof value === "object" && value !== null && "name" in value &&
    typeof value.name === "string";
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
