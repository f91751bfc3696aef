/**
 * Which plugins a configuration asks for, with which options.
 */

import { settingPath, SettingsError } from "../codec/mod.ts";
import {
  type Builtin,
  builtinOf,
  isSpecifier,
  sectionOf,
  unknownPlugin,
} from "./_builtin.ts";
import type {
  AuthConfig,
  BrokerConfig,
  PluginOptions,
  TopicCheckConfig,
} from "./config.ts";
import type { Plugin } from "./plugin.ts";

type Path = readonly string[];

/** Takes a warning about a setting. */
export type Warn = (path: Path, text: string) => void;

/** A plugin that is to be loaded, or is there already. */
export type ActivePlugin =
  & {
    /** What the configuration calls it. */
    readonly name: string;
    /** The keys that lead to what names it. */
    readonly named: Path;
    /** What it is for, if it stands in a section. */
    readonly section?: "auth" | "topicCheck";
  }
  & ({ readonly plugin: Plugin } | {
    /** The built-in plugin that it is; absent: its name is a specifier. */
    readonly builtin?: Builtin;
    readonly options: unknown;
    /** The keys that lead to its options. */
    readonly path: Path;
  });

/**
 * The plugins of a configuration, in the order in which they are asked: those
 * of `auth`, of `topicCheck`, of `plugins`, and what `sysInterval` stands for.
 *
 * @throws {SettingsError} If a name is not known, or what two sections say
 * could be taken for less safe than it was meant.
 */
export function activePlugins(
  config: BrokerConfig,
  warn: Warn,
): ActivePlugin[] {
  const { auth, topicCheck, sysInterval = 0, plugins = [] } = config;
  if (plugins === null) {
    throw wrong(["plugins"], "plugins is empty; write [] if there are none");
  }
  const others = listed(plugins);
  for (const { name, named } of others) {
    const section = sectionOf(name);
    if (section === undefined || config[section] === undefined) continue;
    const problem = `${settingPath(named)} and ${section} both configure ` +
      `${section === "auth" ? "who may connect" : "access to topics"}`;
    throw wrong(named, `${problem}; keep one of them`);
  }
  const hasSys = others.some(({ name }) => builtinOf(name) === "broker_sys");
  return [
    ...auth === undefined ? [] : authPlugins(auth, warn),
    ...topicCheck === undefined ? [] : topicPlugins(topicCheck, warn),
    ...others,
    ...sysInterval > 0 && !hasSys
      ? [builtin("broker_sys", { sysInterval }, ["sysInterval"], [])]
      : [],
  ];
}

/** Those of the key `plugins`: objects, names, and names with options. */
function listed(
  plugins: NonNullable<BrokerConfig["plugins"]>,
): ActivePlugin[] {
  if (!Array.isArray(plugins)) {
    return withOptions(plugins as PluginOptions, ["plugins"]);
  }
  return plugins.flatMap((entry: Plugin | string | PluginOptions, i) => {
    const path = ["plugins", String(i)];
    if (typeof entry === "string") return [named(entry, {}, path, path)];
    if (isPlugin(entry)) {
      return [{ name: entry.name, named: path, plugin: entry }];
    }
    if (typeof entry?.["name"] === "string") throw described(entry, path);
    return withOptions(entry, path);
  });
}

function withOptions(plugins: unknown, path: Path): ActivePlugin[] {
  if (Object.prototype.toString.call(plugins) !== "[object Object]") {
    const where = settingPath(path);
    throw wrong(path, `${where} is no plugin, no name and no name: options`);
  }
  return Object.entries(plugins as PluginOptions).map(([name, options]) => {
    const here = [...path, name];
    return named(name, options ?? {}, here, here);
  });
}

/**
 * What a file says cannot be a plugin itself, whatever keys it has.
 *
 * @throws {SettingsError} If it looks like one.
 */
export function refuseObjects(plugins: BrokerConfig["plugins"]): void {
  if (!Array.isArray(plugins)) return;
  const i = plugins.findIndex(isPlugin);
  if (i >= 0) throw described(plugins[i]!, ["plugins", String(i)]);
}

/** What to say of `name: auth_file` and more, in place of `auth_file: …`. */
function described(entry: object, path: Path): SettingsError {
  const keys = Object.keys(entry);
  const has = `${settingPath(path)} has the key${keys.length > 1 ? "s" : ""} ${
    keys.slice(0, 2).join(" and ")
  }`;
  return wrong(
    path,
    `${has}; a plugin is its name, or its name with options: ` +
      "auth_file: {password-file: …}",
  );
}

/** Whether it is a plugin itself: it has a name and does something. */
export function isPlugin(entry: unknown): entry is Plugin {
  if (typeof entry !== "object" || entry === null) return false;
  if (!("name" in entry)) return false;
  if (typeof entry.name !== "string") return false;
  const isPlain = Object.getPrototypeOf(entry) === Object.prototype;
  const tables: readonly unknown[] = [
    "on" in entry && entry.on,
    "authenticationMethods" in entry && entry.authenticationMethods,
  ];
  return !isPlain ||
    tables.some((table) => typeof table === "object" && table !== null) ||
    Object.values(entry).some((value) => typeof value === "function");
}

/** Whether a plugin has to do with who may connect. */
export function authenticates(plugin: Plugin): boolean {
  return plugin.authenticate !== undefined ||
    plugin.authenticationMethods !== undefined;
}

/** A key of the section activates its plugin; a list may name it and others. */
function authPlugins(auth: AuthConfig, warn: Warn): ActivePlugin[] {
  const { allowAnonymous, passwordFile, plugins = [] } = auth;
  const names = plugins.map((name) => builtinOf(name) ?? name);
  const path = ["auth"];
  const reads = (name: string) => name === "auth_file" || name === "auth_scram";
  if (passwordFile !== undefined && !names.some(reads)) {
    if (auth.plugins) {
      warn(
        [...path, "passwordFile"],
        "auth.plugins does not name auth_file, but there is a password file: " +
          "passwords are checked",
      );
    }
    names.push("auth_file");
  }
  // Who checks passwords does not mean everybody, unless that is said.
  const allow = allowAnonymous ?? !names.some(reads);
  if (allowAnonymous === undefined && !allow) {
    warn(
      path,
      "auth does not say allow-anonymous: clients without a user name are " +
        "refused",
    );
  }
  if (allowAnonymous !== undefined && !names.includes("auth_anonymous")) {
    names.unshift("auth_anonymous");
  }
  if (names.includes("auth_file") && passwordFile === undefined) {
    warn(
      path,
      "auth names auth_file, but no password-file: whoever gives a user name " +
        "is refused",
    );
  }
  const checksPasswords = names.some((name) =>
    name !== "auth_anonymous" && name !== "auth_scram"
  );
  return [...new Set(names)].map((name) => {
    const i = plugins.findIndex((one) =>
      one === name || builtinOf(one) === name
    );
    const at = i < 0 ? path : [...path, "plugins", String(i)];
    if (name === "auth_scram" && passwordFile === undefined) {
      throw wrong(at, "auth names auth_scram, but no password-file");
    }
    if (name === "auth_anonymous") {
      const options = { allowAnonymous: allow };
      return { ...builtin(name, options, at, path), section: "auth" };
    }
    if (name !== "auth_file" && name !== "auth_scram") {
      return inSection("auth", name, at);
    }
    if (passwordFile === undefined) {
      return { name, named: at, section: "auth", plugin: noUsers };
    }
    const options = name === "auth_file"
      ? { passwordFile }
      : { passwordFile, allowPasswords: checksPasswords };
    return { ...builtin(name, options, at, path), section: "auth" };
  });
}

/** What `auth_file` is without a file: nobody's password is right. */
export const noUsers: Plugin = {
  name: "auth_file",
  authenticate: ({ username }, _, { method }) =>
    username === undefined || method !== undefined ? undefined : false,
};

function topicPlugins(check: TopicCheckConfig, warn: Warn): ActivePlugin[] {
  const { enabled = false, plugins, ...rules } = check;
  const path = ["topicCheck"];
  const hasRules = Object.values(rules).some((rule) => rule !== undefined);
  if (!enabled) {
    if (hasRules || plugins !== undefined) {
      warn(path, "topic-check is not enabled: its rules have no effect");
    }
    return [];
  }
  if (rules.acl !== undefined && rules.subscribeAcl !== undefined) {
    const both = "topic-check.acl and topic-check.subscribe-acl are the same";
    throw wrong([...path, "acl"], `${both}; keep one of them`);
  }
  const names = (plugins ?? ["topic_taboo"])
    .map((name) => builtinOf(name) ?? name);
  if (hasRules && !names.includes("topic_acl")) names.push("topic_acl");
  if (!hasRules && names.includes("topic_acl")) {
    throw wrong(
      path,
      "topic-check has topic_acl, but no acl, subscribe-acl, publish-acl or " +
        "receive-acl",
    );
  }
  if ((rules.acl ?? rules.subscribeAcl) && !rules.publishAcl) {
    warn(
      path,
      "topic-check says who may subscribe, but has no publish-acl: anybody may " +
        "publish to any topic",
    );
  }
  return [...new Set(names)].map((name) => {
    const i = plugins?.findIndex((one) =>
      one === name || builtinOf(one) === name
    ) ?? -1;
    const at = i < 0 ? path : [...path, "plugins", String(i)];
    return name === "topic_acl"
      ? { ...builtin(name, rules, at, path), section: "topicCheck" }
      : inSection("topicCheck", name, at);
  });
}

/** A plugin that a section names, and that has no keys there. */
function inSection(
  section: "auth" | "topicCheck",
  name: string,
  at: Path,
): ActivePlugin {
  const own = builtinOf(name);
  if (own !== undefined && sectionOf(own) !== section) {
    const does = section === "auth" ? "authenticate" : "decide on topics";
    throw wrong(at, `${settingPath(at)} is ${name}, which does not ${does}`);
  }
  return { ...named(name, {}, at, at), section };
}

function named(
  name: string,
  options: unknown,
  at: Path,
  path: Path,
): ActivePlugin {
  const own = builtinOf(name);
  if (own !== undefined) {
    return { name, named: at, builtin: own, options, path };
  }
  if (isSpecifier(name)) return { name, named: at, options, path };
  throw wrong(at, unknownPlugin(name));
}

function builtin(
  name: Builtin,
  options: unknown,
  at: Path,
  path: Path,
): ActivePlugin {
  return { name, named: at, builtin: name, options, path };
}

function wrong(path: Path, problem: string): SettingsError {
  return new SettingsError("the configuration of the broker", path, problem);
}
