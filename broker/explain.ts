/**
 * What a configuration comes to, and where each value is from.
 *
 * @module
 */

import {
  camelCase,
  type Field,
  type Fields,
  settingPath,
} from "../codec/mod.ts";
import { type ActivePlugin, isPlugin } from "./_active_plugins.ts";
import { builtinOf } from "./_builtin.ts";
import { type BrokerConfig, defaultConfig } from "./config.ts";
import { type Configuration, readConfig } from "./_configuration.ts";
import { configFields } from "./fields.ts";
import { dashed } from "./json_schema.ts";
import { inherit } from "./listeners.ts";

/**
 * Explains a configuration: all that holds, as YAML that could be its file,
 * and behind each value where it is from: a line of the file, the listener
 * `default`, or the default. Values that may be secret are not shown.
 *
 * @example
 * ```ts
 * import { explainConfig } from "@ambermq/mqtt/broker";
 * import { assertMatch } from "@std/assert";
 *
 * assertMatch(explainConfig({ sysInterval: 5 }), /^sys-interval: 5 {2}# given$/m);
 * ```
 *
 * @param config The configuration; `readConfigFile()` knows the lines.
 * @returns YAML, with a line end.
 * @throws {SettingsError} If the configuration is not right.
 */
export function explainConfig(config: BrokerConfig): string {
  return new Explanation(readConfig(config)).text();
}

type Path = readonly string[];

class Explanation {
  readonly #configuration: Configuration;
  readonly #lines: string[] = [];

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
  }

  text(): string {
    const { settings, plugins, limits, warnings } = this.#configuration;
    const { topicCheck, auth } = settings;
    for (const [key, field] of Object.entries(configFields)) {
      switch (key) {
        case "listeners":
          this.#listeners(settings.listeners);
          break;
        case "auth":
          this.#add(0, "auth:");
          this.#auth(field.fields!, auth);
          break;
        case "topicCheck":
          this.#add(0, "topic-check:");
          this.#object(field.fields!, topicCheck ?? {}, [key], 1);
          break;
        case "plugins":
          this.#plugins(settings.plugins);
          break;
        case "limits":
          this.#add(0, "limits:");
          this.#limits(field.fields!, limits);
          break;
        case "sessionExpiryInterval": // stands under limits
          break;
        default:
          this.#setting(field, settings[key as keyof BrokerConfig], [key], 0);
      }
    }
    this.#add(0, "# The plugins, in the order in which they are asked:");
    for (const plugin of plugins) this.#add(0, `#   ${this.#plugin(plugin)}`);
    for (const warning of warnings) this.#add(0, `# Warning: ${warning}`);
    return this.#lines.join("\n") + "\n";
  }

  #listeners(said: BrokerConfig["listeners"]): void {
    const { fields } = configFields.listeners!.values!;
    const listeners = said ?? defaultConfig().listeners!;
    this.#add(0, "listeners:");
    for (const name of Object.keys(listeners)) {
      this.#add(1, `${yaml(name)}:`);
      const path = ["listeners", name];
      const values = inherit(listeners, name) as Record<string, unknown>;
      for (const [key, field] of Object.entries(fields!)) {
        const inherited = !Object.hasOwn(listeners[name]!, key);
        const from = inherited && values[key] !== undefined
          ? `from listeners.default, ${
            this.#origin(["listeners", "default", key])
          }`
          : undefined;
        const origin = said === undefined ? "default" : from;
        this.#setting(field, values[key], [...path, key], 2, origin);
      }
    }
  }

  #auth(fields: Fields, auth: BrokerConfig["auth"] = {}): void {
    const { plugins, open } = this.#configuration;
    const anonymous = plugins.find(({ name }) => name === "auth_anonymous");
    const allowed = open ||
      (anonymous !== undefined && "options" in anonymous &&
        (anonymous.options as { allowAnonymous?: boolean }).allowAnonymous !==
          false);
    const { allowAnonymous } = fields;
    const said = auth.allowAnonymous === undefined ? "default" : undefined;
    const path = ["auth", "allowAnonymous"];
    this.#setting(allowAnonymous!, allowed, path, 1, said);
    this.#object(fields, { ...auth, allowAnonymous: undefined }, ["auth"], 1);
  }

  #limits(fields: Fields, limits: object): void {
    const { sessionExpiryInterval } = this.#configuration.settings;
    const from = sessionExpiryInterval === undefined
      ? undefined
      : this.#origin(["sessionExpiryInterval"]);
    const said = this.#configuration.settings.limits ?? {};
    for (const [key, field] of Object.entries(fields)) {
      const isSaid = Object.hasOwn(said, key);
      const value = (limits as Record<string, unknown>)[key];
      const origin = key === "sessionExpiryInterval" && from !== undefined
        ? from
        : isSaid
        ? undefined
        : "default";
      this.#setting(field, value, ["limits", key], 1, origin);
    }
  }

  #plugins(plugins: BrokerConfig["plugins"] = []): void {
    if (Object.keys(plugins).length === 0) return this.#add(0, "plugins: []");
    this.#add(0, "plugins:");
    for (const [key, entry] of Object.entries(plugins)) {
      const origin = this.#origin(["plugins", key]);
      if (!Array.isArray(plugins)) {
        const name = yaml(masked(key));
        this.#add(1, `${name}: ${yaml(optionsOf(key, entry))}  # ${origin}`);
      } else if (isPlugin(entry)) {
        this.#add(1, `# - ${entry.name}, an object  # ${origin}`);
      } else this.#add(1, `- ${yaml(maskedPlugin(entry))}  # ${origin}`);
    }
  }

  #plugin(plugin: ActivePlugin): string {
    const { name, named } = plugin;
    const options = "options" in plugin ? optionsOf(name, plugin.options) : {};
    const shown = Object.keys(options as object).length === 0
      ? ""
      : ` ${yaml(options)}`;
    return `${masked(name)}${shown}  (${this.#origin(named)})`;
  }

  #object(fields: Fields, values: object, path: Path, depth: number): void {
    for (const [key, field] of Object.entries(fields)) {
      const value = (values as Record<string, unknown>)[key];
      this.#setting(field, value, [...path, key], depth);
    }
  }

  /** One value; nothing where there is neither a value nor a default. */
  #setting(
    field: Field,
    value: unknown,
    path: Path,
    depth: number,
    origin?: string,
  ): void {
    const shown = value ?? field.default;
    if (shown === undefined) return;
    const from = origin ??
      (value === undefined ? "default" : this.#origin(path));
    const text = field.secret ? MASK : yaml(shown);
    this.#add(depth, `${dashed(path.at(-1)!)}: ${text}  # ${from}`);
  }

  /** Where a value is from, and what it was called there. */
  #origin(path: Path): string {
    const { source } = this.#configuration.settings;
    if (source === undefined) return "given";
    const written = source.written(path);
    const place = source.locate(path);
    const [key, own] = [path.at(-1) ?? "", written?.at(-1)];
    if (own === undefined) return `${place}, by what stands there`;
    return own === key || own === dashed(key) || camelCase(own) !== key
      ? place
      : `${place}, written ${settingPath([own])}`;
  }

  #add(depth: number, line: string): void {
    this.#lines.push("  ".repeat(depth) + line);
  }
}

const MASK = '"(not shown)"';

/** Keys of plugins' options that may hold secrets, since nobody says. */
const SECRET =
  /pass(?!.*file)|pwd|secret|token|credential|cookie|bearer|dsn|key$/i;

/** The same within texts, up to their value. */
const SECRET_WITHIN =
  /((?:pass|pwd|secret|token|credential|key)[\w-]*\s*=\s*)[^\s&;,]+/gi;

const HIDDEN = "(not shown)";

/** Options without what may be secret. */
function masked(value: unknown): unknown {
  if (typeof value === "string") {
    return value.replace(/(?<=:\/\/)\S*@/, `${HIDDEN}@`)
      .replace(SECRET_WITHIN, `$1${HIDDEN}`);
  }
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, own]) => [
      key,
      SECRET.test(key) ? HIDDEN : masked(own),
    ]),
  );
}

/** Options as they may be shown; those of built-in plugins hold no secrets. */
function optionsOf(name: string, options: unknown): unknown {
  return builtinOf(name) === undefined ? masked(options) : options;
}

/** A name, or names with their options, which are no secrets themselves. */
function maskedPlugin(entry: unknown): unknown {
  if (typeof entry !== "object" || entry === null) return masked(entry);
  return Object.fromEntries(
    Object.entries(entry).map(([name, options]) => [
      masked(name),
      optionsOf(name, options),
    ]),
  );
}

/** A value as YAML in one line: plain where that is safe, else as JSON. */
function yaml(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const isPlain = /^[A-Za-z][\w./-]*(?::[\w./-]+)*$/.test(value) &&
    !/^(?:true|false|null|on|off|yes|no|y|n)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}
