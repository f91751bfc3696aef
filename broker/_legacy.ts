/**
 * What configurations of HBMQTT and aMQTT say otherwise than it was meant.
 */

import { settingPath, SettingsError } from "../codec/mod.ts";
import { isPlugin, type Warn } from "./_active_plugins.ts";
import { builtinOf, sectionOf } from "./_builtin.ts";
import type { BrokerConfig } from "./config.ts";
import { storeOf } from "./_legacy_store.ts";
import type { ListenerConfig } from "./listeners.ts";

/** What the reference documentation shows where a certificate belongs. */
const PLACEHOLDER = "certificate data";

/** Whether a `capath` is a `cadata`: a certificate, or its stand-in. */
function isCertificate(capath: string): boolean {
  return /^\s*-----BEGIN/.test(capath) || capath.trim() === PLACEHOLDER;
}

/** The configuration as it was meant. */
export function translate(said: BrokerConfig, warn: Warn): BrokerConfig {
  const config = { ...said, ...storeOf(said, warn) };
  const { listeners } = config;
  return {
    ...config,
    ...(listeners === undefined ? {} : {
      listeners: Object.fromEntries(
        Object.entries(listeners).map(([name, listener]) => [
          name,
          withCadata(name, listener, warn),
        ]),
      ),
    }),
    ...sectionsOf(config, warn),
  };
}

/** The documentation writes `capath` where it means `cadata`. */
function withCadata(
  name: string,
  listener: ListenerConfig,
  warn: Warn,
): ListenerConfig {
  const { capath, ...others } = listener;
  if (capath === undefined || !isCertificate(capath)) return listener;
  const path = ["listeners", name, "capath"];
  if (others.cadata !== undefined) {
    throw wrong(path, `${settingPath(path)} is a certificate, not a directory`);
  }
  warn(path, `${settingPath(path)} is a certificate: taken as cadata`);
  return { ...others, cadata: capath };
}

/**
 * HBMQTT's own default file names plugins at the top where it means those of
 * its sections: names without options of plugins that have a section.
 */
function sectionsOf(
  config: BrokerConfig,
  warn: Warn,
): Pick<BrokerConfig, "auth" | "topicCheck" | "plugins"> {
  const { plugins } = config;
  if (!Array.isArray(plugins)) return {};
  const isBare = (entry: unknown): entry is string =>
    typeof entry === "string" && builtinOf(entry) === entry.replace(".", "_");
  const own = (section: "auth" | "topicCheck"): string[] =>
    plugins.filter((entry) => isBare(entry) && sectionOf(entry) === section);
  const auth = own("auth");
  const topicCheck = own("topicCheck");
  const [first] = [...auth, ...topicCheck];
  if (first === undefined) return {};
  const other = plugins.findIndex((entry) =>
    !isBare(entry) && !isPlugin(entry)
  );
  if (other >= 0) {
    const section = sectionOf(first) === "auth" ? "auth" : "topic-check";
    throw wrong(
      ["plugins", String(plugins.indexOf(first))],
      `plugins has ${first} without options, beside plugins of another style; ` +
        `name it in ${section}.plugins, or give it options here`,
    );
  }
  warn(
    ["plugins"],
    `plugins names ${[...auth, ...topicCheck].join(", ")}: taken as ${
      [
        auth.length > 0 && "auth.plugins",
        topicCheck.length > 0 &&
        "topic-check.plugins",
      ].filter(Boolean).join(" and ")
    }`,
  );
  const named = (before: readonly string[] = [], more: string[]): string[] => [
    ...new Set([...before, ...more]),
  ];
  return {
    plugins: plugins.filter((entry) => sectionOf(entry) === undefined),
    ...(auth.length === 0 ? {} : {
      auth: { ...config.auth, plugins: named(config.auth?.plugins, auth) },
    }),
    ...(topicCheck.length === 0 ? {} : {
      topicCheck: {
        ...config.topicCheck,
        plugins: named(config.topicCheck?.plugins, topicCheck),
      },
    }),
  };
}

function wrong(path: readonly string[], problem: string): SettingsError {
  return new SettingsError("the configuration of the broker", path, problem);
}
