/**
 * Three topics that nobody but the administrator may use.
 *
 * @module
 */

import type { ClientInfo, Opinion, Plugin } from "../broker/mod.ts";
import { type Fields, readSettings } from "../codec/mod.ts";

/** The options of the plugin, as data: it has none. */
export const options = {} as const satisfies Fields;

const taboo: ReadonlySet<string> = new Set([
  "prohibited",
  "top-secret",
  "data/classified",
]);

/** Who may use them all the same. */
const ADMIN = "admin";

/**
 * Makes the example plugin of HBMQTT: the topics `prohibited`, `top-secret` and
 * `data/classified` are for the user `admin` alone. Others may neither publish to
 * them, with a will neither, nor subscribe to them; who subscribes to more, with
 * `#` for example, gets the rest without them.
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { topicTaboo } from "@ambermq/mqtt/plugins";
 *
 * const broker = new Broker({ plugins: [topicTaboo()] });
 * ```
 *
 * @param given Nothing.
 * @returns The plugin.
 * @throws {SettingsError} If there is an option.
 */
export function topicTaboo(given: Record<never, never> = {}): Plugin {
  const name = "topic_taboo";
  readSettings(given, options, `the options of ${name}`);
  return {
    name,
    authorize: (client, { topic }) => opinion(client, topic),
    authorizeDelivery: (client, { topic }) => opinion(client, topic),
  };
}

/** The factory, by the name that configurations look for. */
export const plugin = topicTaboo;

function opinion({ username }: ClientInfo, topic: string): Opinion {
  return !taboo.has(topic) || username === ADMIN;
}
