/**
 * Which user may use which topics, by lists of topic filters.
 *
 * @module
 */

import type { ClientInfo, Message, Plugin } from "../broker/mod.ts";
import {
  type Fields,
  matches,
  readSettings,
  SettingsError,
  topicFilterError,
} from "../codec/mod.ts";
import { includes } from "./_inclusion.ts";

/** Lists of topic filters by user name; `anonymous` is who has none. */
export type AccessLists = Record<string, string[]>;

/** Options of {@linkcode topicAcl}. */
export interface TopicAclOptions {
  /** Which filters a user may subscribe with: the same as `subscribeAcl`. */
  acl?: AccessLists;
  /** Which filters a user may subscribe with; absent, none. */
  subscribeAcl?: AccessLists;
  /** Which topics a user may publish to; absent, all. */
  publishAcl?: AccessLists;
  /** Which topics a user may receive messages of; absent, all. */
  receiveAcl?: AccessLists;
}

const lists = {
  type: "map",
  values: {
    type: "list",
    description: "The topic filters of a user.",
    values: { type: "text", description: "A topic filter." },
  },
} as const;

/** The options of the plugin, as data. */
export const options = {
  acl: {
    ...lists,
    description:
      "What users may subscribe to: topic filters by user name; the same as subscribe-acl.",
  },
  subscribeAcl: {
    ...lists,
    description:
      "What users may subscribe to: topic filters by user name; anonymous is who has none.",
  },
  publishAcl: {
    ...lists,
    description:
      "What users may publish to: topic filters by user name; absent, everything.",
  },
  receiveAcl: {
    ...lists,
    description:
      "What users may receive: topic filters by user name; absent, everything.",
  },
} as const satisfies Fields;

/**
 * Makes a plugin that lets users do what lists of topic filters allow.
 *
 * A user may subscribe with a filter if one filter of its list includes it: all
 * that it matches is matched by that one. So `a/#` allows `a`, `a/b` and `a/+`,
 * but `a/+` does not allow `a/#`; and topics that begin with `$` need filters
 * that do. Of a shared subscription the filter behind the share name counts.
 *
 * Who is not in a list may do nothing; without a user name one is `anonymous`. A
 * list that is absent is not checked, but for subscriptions, which are then
 * refused. Wills and retained messages are checked like others.
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { topicAcl } from "@ambermq/mqtt/plugins";
 *
 * const broker = new Broker({
 *   plugins: [topicAcl({
 *     acl: { alice: ["home/#"], anonymous: ["public/+"] },
 *     publishAcl: { alice: ["home/alice/#"] },
 *   })],
 * });
 * ```
 *
 * @param given The lists.
 * @returns The plugin.
 * @throws {SettingsError} If a list is not right, or `acl` and `subscribeAcl` are
 * both there.
 */
export function topicAcl(given: TopicAclOptions): Plugin {
  const name = "topic_acl";
  const where = `the options of ${name}`;
  const settings = readSettings(given, options, where);
  for (const [key, lists] of Object.entries(settings)) {
    checkFilters(key, lists, where);
  }
  const { acl, subscribeAcl = acl, publishAcl, receiveAcl } = settings;
  if (acl !== undefined && settings.subscribeAcl !== undefined) {
    throw new SettingsError(
      where,
      ["acl"],
      "acl and subscribe-acl are the same; keep one of them",
    );
  }
  const subscribe = new Map(Object.entries(subscribeAcl ?? {}));
  const publish = publishAcl && new Map(Object.entries(publishAcl));
  const receive = receiveAcl && new Map(Object.entries(receiveAcl));
  return {
    name,
    start: ({ logger }) => {
      if (subscribeAcl === undefined) {
        logger.warn(`${name}: there is no acl: nobody may subscribe`);
      }
      if (publish === undefined) {
        logger.warn(
          `${name}: there is no publish-acl: everybody may publish everything`,
        );
      }
    },
    authorize: (client, { action, topic }) =>
      action === "subscribe"
        ? some(subscribe, client, (pattern) => includes(pattern, topic))
        : publish === undefined ||
          some(publish, client, (pattern) => matches(pattern, topic)),
    ...(receive === undefined ? {} : {
      authorizeDelivery: (client: ClientInfo, { topic }: Message) =>
        some(receive, client, (pattern) => matches(pattern, topic)),
    }),
  };
}

/** The factory, by the name that configurations look for. */
export const plugin = topicAcl;

/** Whether the list of a client has an entry that allows it. */
function some(
  lists: ReadonlyMap<string, readonly string[]>,
  { username }: ClientInfo,
  allows: (pattern: string) => boolean,
): boolean {
  return lists.get(username || "anonymous")?.some(allows) ?? false;
}

function checkFilters(key: string, lists: AccessLists, where: string): void {
  for (const [user, filters] of Object.entries(lists)) {
    filters.forEach((filter, i) => {
      const wrong = filter.startsWith("$share/")
        ? "a list has filters without share names"
        : topicFilterError(filter);
      if (wrong === undefined) return;
      throw new SettingsError(
        where,
        [key, user, String(i)],
        `${key}.${user}[${i}] is ${JSON.stringify(filter)}: ${wrong}`,
      );
    });
  }
}
