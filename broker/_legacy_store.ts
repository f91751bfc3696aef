/**
 * The plugins of aMQTT and HBMQTT that keep sessions in a database: here it is
 * not a plugin that does it but the section `persistence`.
 */

import {
  type Fields,
  readSettings,
  settingPath,
  SettingsError,
} from "../codec/mod.ts";
import type { Warn } from "./_active_plugins.ts";
import type { BrokerConfig } from "./config.ts";

/** The classes, wherever their versions have them. */
const NAME =
  /^(?:amqtt\.(?:contrib|plugins)|hbmqtt\.plugins)\.persistence\.(?:SQLitePlugin|SessionDBPlugin)$/;

/** The file that `SessionDBPlugin` takes where it is told none. */
const FILE = "amqtt.db";

const fields = {
  file: { type: "text", description: "The file." },
  connection: { type: "text", description: "The URL of the database." },
  clearOnShutdown: {
    type: "boolean",
    description: "Whether everything is forgotten when the broker stops.",
  },
} as const satisfies Fields;

/** A plugin that stands for a store: its name, its options, where it stands. */
type Entry = readonly [name: string, options: unknown, path: readonly string[]];

/** What such a plugin stands for, and the plugins without it. */
export function storeOf(
  config: BrokerConfig,
  warn: Warn,
): Pick<BrokerConfig, "plugins" | "persistence"> {
  const { plugins } = config;
  if (typeof plugins !== "object" || plugins === null) return {};
  const isList = Array.isArray(plugins);
  const entries = Object.entries(plugins).map(([key, entry]): Entry => {
    if (!isList) return [key, entry, ["plugins", key]];
    const [name = "", options] = typeof entry === "object" && entry !== null
      ? Object.entries(entry)[0] ?? []
      : [String(entry)];
    return [name, options, ["plugins", key]];
  });
  const found = entries.find(([name]) => NAME.test(name));
  if (found === undefined) return {};
  const [name, options, path] = found;
  const settings = readSettings(
    options ?? {},
    fields,
    `the options of ${name}`,
  );
  const { clearOnShutdown } = settings;
  const file = settings.file ??
    fileOf(settings.connection, [...path, "connection"]) ??
    config.persistence?.file ?? FILE;
  if (config.persistence !== undefined && file !== config.persistence.file) {
    throw wrong(
      path,
      `${
        settingPath(path)
      } and persistence both say where sessions are kept; ` +
        "keep one of them",
    );
  }
  warn(path, `${name} is built in: taken as persistence.file ${file}`);
  if (clearOnShutdown === true) {
    warn(path, "clear-on-shutdown has no effect: nothing is forgotten");
  }
  const isOther = (_: unknown, index: number): boolean =>
    entries[index] !== found;
  return {
    plugins: isList
      ? plugins.filter(isOther)
      : Object.fromEntries(Object.entries(plugins).filter(isOther)),
    persistence: { ...config.persistence, file },
  };
}

/** The file of a URL of SQLAlchemy: sqlite+aiosqlite:///file, or four slashes. */
function fileOf(
  url: string | undefined,
  path: readonly string[],
): string | undefined {
  if (url === undefined) return undefined;
  const [, file] = /^sqlite(?:\+\w+)?:\/\/\/([^?]+)/.exec(url) ?? [];
  if (file !== undefined && file !== ":memory:") return file;
  throw wrong(
    path,
    `${settingPath(path)} names no file; sqlite:///file is what there is`,
  );
}

function wrong(path: readonly string[], problem: string): SettingsError {
  return new SettingsError("the configuration of the broker", path, problem);
}
