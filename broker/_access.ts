/**
 * Who may connect, as far as the configuration tells: what an operator should
 * know when the broker starts.
 */

import { readSettings } from "../codec/mod.ts";
import {
  type ActivePlugin,
  authenticates,
  noUsers,
} from "./_active_plugins.ts";
import type { Configuration } from "./_configuration.ts";
import type { ResolvedListener } from "./listeners.ts";
import type { Plugin } from "./plugin.ts";

/** Who may connect. */
export interface Access {
  /** Whether nobody decides, and nothing was said: then everybody may. */
  readonly byDefault: boolean;
  /** Whether somebody without a user name may. */
  readonly anybody: boolean;
  /** Whether there is nobody who ever approves. */
  readonly nobody: boolean;
  /** Whether topic rules go by user names that nobody checks. */
  readonly unchecked: boolean;
}

export const anybodyLine = "Anonymous access is open: anybody who reaches " +
  "these addresses may connect; auth.allow-anonymous: false ends that";

export const nobodyLine = "Nobody can connect: anonymous access is not " +
  "allowed, and no plugin approves anybody; auth.password-file has users";

export const uncheckedLine =
  "Topic rules go by user names, but nobody checks " +
  "who is who: anybody may give any user name; auth.password-file has " +
  "users and their passwords";

/** @param plugins The loaded plugins, in the order of the configuration. */
export function accessOf(
  { open, plugins: active }: Configuration,
  plugins: readonly Plugin[],
): Access {
  const deciding = plugins.flatMap((plugin, i) =>
    authenticates(plugin) ? [active[i]!] : []
  );
  const byDefault = open && deciding.length === 0;
  const approving = deciding.filter((one) => allowsAnonymous(one) !== false);
  return {
    byDefault,
    anybody: byDefault || deciding.some((one) => allowsAnonymous(one) === true),
    nobody: !byDefault && approving.length === 0,
    unchecked: (byDefault || deciding.length > 0) && active.some(namesUsers) &&
      deciding.every((one) => allowsAnonymous(one) === true),
  };
}

/** Whether it has rules for others than who has no user name. */
function namesUsers(active: ActivePlugin): boolean {
  if ("plugin" in active || active.builtin !== "topic_acl") return false;
  const lists = Object.values(active.options as Record<string, object>);
  return lists.some((list) =>
    Object.keys(list ?? {}).some((user) => user !== "anonymous")
  );
}

/** Whether a plugin lets everybody in, nobody, or it is not known. */
function allowsAnonymous(active: ActivePlugin): boolean | undefined {
  if ("plugin" in active) return active.plugin === noUsers ? false : undefined;
  if (active.builtin !== "auth_anonymous") return undefined;
  const { allowAnonymous = true } = readSettings(active.options, {
    allowAnonymous: { type: "boolean", description: "As the plugin has it." },
  }, "the options of auth_anonymous");
  return allowAnonymous;
}

/** Whether only programs on this machine can reach it. */
export function isLocal({ hostname, unixPath }: ResolvedListener): boolean {
  return unixPath !== undefined || hostname === "localhost" ||
    hostname === "::1" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
