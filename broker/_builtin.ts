/**
 * The names by which a configuration knows plugins: those that are built in,
 * loaded when they are named, and what to say of those that are not.
 */

import { didYouMean } from "../codec/mod.ts";

/** The built-in plugins: what they are for, and where. */
const builtins = {
  auth_anonymous: {
    section: "auth",
    load: () => import("../plugins/auth_anonymous.ts"),
  },
  auth_file: {
    section: "auth",
    load: () => import("../plugins/auth_file.ts"),
  },
  auth_scram: {
    section: "auth",
    load: () => import("../plugins/auth_scram.ts"),
  },
  topic_acl: {
    section: "topicCheck",
    load: () => import("../plugins/topic_acl.ts"),
  },
  topic_taboo: {
    section: "topicCheck",
    load: () => import("../plugins/topic_taboo.ts"),
  },
  broker_sys: {
    section: undefined,
    load: () => import("../plugins/broker_sys.ts"),
  },
  event_logger_plugin: {
    section: undefined,
    load: () => import("../plugins/event_logger.ts"),
  },
  packet_logger_plugin: {
    section: undefined,
    load: () => import("../plugins/packet_logger.ts"),
  },
} as const;

/** The name of a built-in plugin. */
export type Builtin = keyof typeof builtins;

/** The section of the configuration that a plugin belongs to. */
export type Section = "auth" | "topicCheck";

const aliases: Readonly<Record<string, Builtin>> = {
  // as the documentation of HBMQTT spells them
  "auth.anonymous": "auth_anonymous",
  "auth.file": "auth_file",
  // the classes of aMQTT
  "amqtt.plugins.authentication.AnonymousAuthPlugin": "auth_anonymous",
  "amqtt.plugins.authentication.FileAuthPlugin": "auth_file",
  "amqtt.plugins.topic_checking.TopicAccessControlListPlugin": "topic_acl",
  "amqtt.plugins.topic_checking.TopicTabooPlugin": "topic_taboo",
  "amqtt.plugins.sys.broker.BrokerSysPlugin": "broker_sys",
  "amqtt.plugins.logging_amqtt.EventLoggerPlugin": "event_logger_plugin",
  "amqtt.plugins.logging_amqtt.PacketLoggerPlugin": "packet_logger_plugin",
};

/** What stands in for plugins of aMQTT that are not built in. */
const elsewhere: readonly [start: string, advice: string][] = [
  [
    "amqtt.contrib.auth_db.User",
    "users in a database come with a later version; auth_file has them in a file",
  ],
  [
    "amqtt.contrib.auth_db.Topic",
    "rules in a database come with a later version; topic_acl has them in " +
    "the configuration",
  ],
  [
    "amqtt.contrib.cert.",
    "a listener with client-cert: required refuses who has no certificate, " +
    "and tells plugins whose it is",
  ],
  [
    "amqtt.contrib.http.",
    "asking a web service comes with a later version",
  ],
  ["amqtt.contrib.jwt.", "tokens come with a later version"],
  ["amqtt.contrib.ldap.", "LDAP comes with a later version"],
  ["amqtt.contrib.django.", "Django has to be asked by a plugin of yours"],
  ["amqtt.contrib.shadows.", "device shadows come with a later version"],
  [
    "amqtt.contrib.persistence.",
    "persistence.file says where sessions are kept",
  ],
  [
    "amqtt.plugins.persistence.",
    "persistence.file says where sessions are kept",
  ],
];

/** How to get what there is not. */
const advice = "a plugin of your own is a TypeScript module with " +
  "`export function plugin(options)`, named like ./my_plugin.ts";

/** The built-in plugin of a name, if it is one. */
export function builtinOf(name: string): Builtin | undefined {
  if (Object.hasOwn(aliases, name)) return aliases[name];
  return Object.hasOwn(builtins, name) ? name as Builtin : undefined;
}

/** The section that a plugin belongs to, if it is built in and has one. */
export function sectionOf(name: unknown): Section | undefined {
  const builtin = typeof name === "string" ? builtinOf(name) : undefined;
  return builtin && builtins[builtin].section;
}

/** Whether it is a module specifier. */
export function isSpecifier(name: string): boolean {
  return /^(?:\.{0,2}\/|(?:file|jsr|npm|https?):|[A-Za-z]:[\\/])/.test(name);
}

/** What is wrong with a name that is no built-in plugin and no specifier. */
export function unknownPlugin(name: string): string {
  const [, other] = elsewhere.find(([start]) => name.startsWith(start)) ?? [];
  const known = Object.keys(builtins);
  const meant = other === undefined
    ? didYouMean(name, [...known, ...Object.keys(aliases)])
    : `: ${other}`;
  return `there is no plugin ${name}${meant}${
    meant.endsWith("?") ? "" : ";"
  } built in are ${known.join(", ")}; ${advice}`;
}

/** Loads the module of a built-in plugin. */
export function loadBuiltin(name: Builtin): Promise<object> {
  return builtins[name].load();
}
