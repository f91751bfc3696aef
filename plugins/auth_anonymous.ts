/**
 * Whether clients without a user name may connect.
 *
 * @module
 */

import type { Plugin } from "../broker/mod.ts";
import { type Fields, readSettings } from "../codec/mod.ts";

/** Options of {@linkcode authAnonymous}. */
export interface AuthAnonymousOptions {
  /** Whether everybody is let in whom no other plugin denies; by default `true`. */
  allowAnonymous?: boolean;
}

/** The options of the plugin, as data. */
export const options = {
  allowAnonymous: {
    type: "boolean",
    description:
      "Whether clients are let in, with or without a user name, whom no other plugin denies.",
    default: true,
  },
} as const satisfies Fields;

/**
 * Makes a plugin that decides about clients without a user name.
 *
 * Where they are allowed it approves everybody: beside `authFile`, which denies
 * wrong passwords and unknown users, that leaves those without a user name.
 * Where they are not it denies them and has no opinion of others, so that another
 * plugin has to approve them. It has none of clients that authenticate by a method
 * (5.0) either: another plugin offers that.
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { authAnonymous } from "@ambermq/mqtt/plugins";
 *
 * const broker = new Broker({
 *   plugins: [authAnonymous({ allowAnonymous: true })],
 * });
 * ```
 *
 * @param given Whether they are allowed.
 * @returns The plugin.
 * @throws {SettingsError} If an option is not right.
 */
export function authAnonymous(given: AuthAnonymousOptions = {}): Plugin {
  const name = "auth_anonymous";
  const { allowAnonymous = true } = readSettings(
    given,
    options,
    `the options of ${name}`,
  );
  return {
    name,
    authenticate: allowAnonymous
      ? () => true
      : ({ username }, _, { method }) =>
        username || method !== undefined ? undefined : false,
  };
}

/** The factory, by the name that configurations look for. */
export const plugin = authAnonymous;
