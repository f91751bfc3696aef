/**
 * A plugin that decides about topics: each user has a room of its own, and all
 * share others.
 *
 * ```yaml
 * plugins:
 *   - ./topics.ts:
 *       shared: [weather/#, news/+]
 * ```
 */

import type { Plugin } from "@ambermq/mqtt/broker";
import { type Fields, matches } from "@ambermq/mqtt/codec";

/** The broker checks the options of a configuration with this. */
export const options = {
  shared: {
    type: "list",
    description: "Topic filters of what everybody may read.",
    values: { type: "text", description: "A topic filter." },
  },
} as const satisfies Fields;

/** The broker calls this with the options. */
export function plugin({ shared = [] }: { shared?: string[] }): Plugin {
  const own = (username: string | undefined, topic: string): boolean =>
    username !== undefined && topic.startsWith(`users/${username}/`);
  return {
    name: "rooms",

    // A PUBLISH, a will, or one filter of a SUBSCRIBE. What is denied here is
    // refused with a reason code that the client sees.
    authorize({ username }, { action, topic }) {
      // Wildcards are not for names: + would let users out of their rooms.
      if (username !== undefined && /[+#/]/.test(username)) return false;
      if (own(username, topic)) return true;
      // What else somebody subscribes to is looked at message by message.
      return action === "subscribe";
    },

    // Each message for each receiver, retained ones too: this has to be fast, and
    // cannot wait for anything. What is denied here is left out.
    authorizeDelivery({ username }, { topic }) {
      return own(username, topic) ||
        shared.some((filter) => matches(filter, topic));
    },
  };
}
