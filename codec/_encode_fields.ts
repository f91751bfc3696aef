/**
 * Fields that more than one packet has, checked and written.
 */

import type { Writer } from "./_bytes.ts";
import { topicNameError } from "./topic.ts";

/** A topic name; `what` tells which in an error. */
export function writeTopicName(
  writer: Writer,
  topic: string,
  what: string,
): void {
  const error = topicNameError(topic);
  if (error !== undefined) {
    throw new TypeError(
      `Cannot encode ${what} ${JSON.stringify(topic)}: ${error}`,
    );
  }
  writer.string(topic, what);
}

/** Refuses what is not a QoS. */
export function checkQos(qos: number, what: string): void {
  if (qos !== 0 && qos !== 1 && qos !== 2) {
    throw new RangeError(`Cannot encode ${what} ${qos}: it is not 0, 1 or 2`);
  }
}
