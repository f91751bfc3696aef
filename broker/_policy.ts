/**
 * Whether a message may be published: by the broker's limits, then by the
 * plugins. For PUBLISH and for wills.
 */

import { ReasonCode, topicLevels } from "../codec/mod.ts";
import { refusalOfPayload } from "./capabilities.ts";
import type { Message } from "./message.ts";
import type { Awaitable, ClientInfo } from "./plugin.ts";
import type { BrokerState } from "./_state.ts";

/** The message to route, which a plugin may have made, or why there is none. */
export function inspect(
  broker: BrokerState,
  client: ClientInfo,
  message: Message,
): Awaitable<Message | ReasonCode> {
  const refused = refusal(broker, message);
  if (refused !== undefined) return refused;
  const outcome = broker.hooks.inspect(client, message, broker.now);
  // No need to look again at what nobody has touched or delayed.
  if (outcome === message) return message;
  return checkedAgain(broker, outcome);
}

function checkedAgain(
  broker: BrokerState,
  outcome: Awaitable<Message | ReasonCode>,
): Awaitable<Message | ReasonCode> {
  if (outcome instanceof Promise) {
    return outcome.then((later) => checkedAgain(broker, later));
  }
  return typeof outcome === "number"
    ? outcome
    : refusal(broker, outcome) ?? outcome;
}

function refusal(
  { capabilities, limits, retained, memory }: BrokerState,
  message: Message,
): ReasonCode | undefined {
  const { topic } = message;
  // What the broker says of itself is not for clients to say.
  if (topic.charCodeAt(0) === 0x24 && /^\$(SYS|share)(\/|$)/.test(topic)) {
    return ReasonCode.TopicNameInvalid;
  }
  if (!withinLimits(topic, limits)) return ReasonCode.TopicNameInvalid;
  if (
    message.retain && !message.empty &&
    (!retained.accepts(message) ||
      (memory.critical && retained.get(message.topic) === undefined))
  ) return ReasonCode.QuotaExceeded;
  return capabilities.validatePayload
    ? refusalOfPayload(capabilities, message)
    : undefined;
}

const encoder = new TextEncoder();

/** Whether a topic name or filter is within the limits. */
export function withinLimits(
  topic: string,
  { topicLength, topicLevels: levels }: BrokerState["limits"],
): boolean {
  // A UTF-16 unit is three bytes at the most: count only what may exceed.
  if (
    topic.length * 3 > topicLength &&
    encoder.encode(topic).length > topicLength
  ) return false;
  return topic.length < levels || topicLevels(topic) <= levels;
}
