/** What `sub` subscribes to, and until when: the flags, and their meaning. */

import type { RetainHandling, SubscribeOptions } from "../mod.ts";
import { qosValue } from "./_client_flags.ts";
import type { ClientSettings } from "./_client_options.ts";
import { type Flag, UsageError, type Values } from "./_flags.ts";
import type { GivenProperties } from "./_property_flags.ts";
import { count, seconds } from "./_value.ts";

/** The flags. */
export const subscriptionFlags = {
  topics: {
    names: ["-t", "--topic"],
    value: "FILTER",
    list: true,
    help: "topic filter to subscribe to; may be given again",
  },
  unsubscribe: {
    names: ["-U", "--unsubscribe"],
    value: "FILTER",
    list: true,
    help: "then end this subscription; may be given again",
  },
  qos: {
    names: ["-q", "--qos"],
    ...qosValue,
    help: "0 (default), 1 or 2",
  },
  noLocal: {
    names: ["--no-local"],
    help: "get nothing that this client publishes (5.0)",
  },
  retainAsPublished: {
    names: ["--retain-as-published"],
    help: "have messages say that they are retained (5.0)",
  },
  retainHandling: {
    names: ["--retain-handling"],
    value: "WHEN",
    choices: ["always", "new", "never"],
    help: "get retained messages always, if the\n" +
      "subscription is new, or never (5.0)",
  },
  exitAfter: {
    names: ["-E"],
    help: "end as soon as the broker has subscribed",
  },
  count: {
    names: ["-n", "-C", "--count"],
    value: "COUNT",
    kind: count(0),
    help: "end after so many messages; 0 (default): never",
  },
  timeout: {
    names: ["-W", "--timeout"],
    value: "SECONDS",
    kind: seconds(0.001),
    help: "end after so many seconds, with exit status 27",
  },
} as const satisfies Record<string, Flag>;

const WHEN: Readonly<Record<string, RetainHandling>> = {
  always: 0,
  new: 1,
  never: 2,
  "0": 0,
  "1": 1,
  "2": 2,
};

/** What is to be done. */
export interface Subscription {
  readonly topics: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly options: SubscribeOptions;
  readonly properties: GivenProperties;
  readonly exitAfter: boolean;
  /** 0: no limit. */
  readonly count: number;
  readonly timeout: number | undefined;
}

/**
 * Reads the flags.
 *
 * @throws {UsageError} If they do not go together.
 */
export function subscriptionOf(
  values: Values<typeof subscriptionFlags>,
  { topic, properties, options: { protocolVersion } }: ClientSettings,
): Subscription {
  const topics = [...values.topics];
  if (topic !== undefined) topics.unshift(topic);
  if (topics.length === 0 && values.unsubscribe.length === 0) {
    throw new UsageError("-t FILTER is missing");
  }
  const { retainHandling, retainAsPublished, noLocal, qos } = values;
  if (protocolVersion < 5) {
    const given = {
      "--no-local": noLocal,
      "--retain-as-published": retainAsPublished,
      "--retain-handling": retainHandling !== undefined,
    };
    for (const [name, is] of Object.entries(given)) {
      if (is) throw new UsageError(`${name} needs -V mqttv5`);
    }
  }
  const options: SubscribeOptions = { allowFailures: true };
  if (qos !== undefined) options.qos = qos;
  if (noLocal) options.noLocal = true;
  if (retainAsPublished) options.retainAsPublished = true;
  if (retainHandling !== undefined) {
    if (!Object.hasOwn(WHEN, retainHandling)) {
      throw new UsageError(
        `--retain-handling is ${
          JSON.stringify(retainHandling)
        }, not always, new or never`,
      );
    }
    options.retainHandling = WHEN[retainHandling]!;
  }
  if (properties.subscribe !== undefined) {
    options.properties = properties.subscribe;
  }
  return {
    topics,
    unsubscribe: values.unsubscribe,
    options,
    properties,
    exitAfter: values.exitAfter,
    count: values.count ?? 0,
    timeout: values.timeout,
  };
}
