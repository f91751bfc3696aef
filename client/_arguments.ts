/** Arguments of the client's methods. */

import type { PublishProperties, Qos } from "../codec/mod.ts";
import type { FilterOptions } from "./options.ts";

const encoder = new TextEncoder();

/** Text as UTF-8. What is neither is refused where it is encoded. */
export function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? encoder.encode(data) : data;
}

/** One, or a list of them, as a list. */
export function listOf<T extends string | object>(
  value: T | readonly T[],
): T[] {
  return Array.isArray(value) ? [...value] : [value as T];
}

/** A topic filter with what was said about it. */
export function filterOptions(
  one: string | FilterOptions | readonly [string, Qos],
): FilterOptions {
  if (typeof one === "string") return { filter: one };
  if (!isPair(one)) return one;
  const [filter, qos] = one;
  return { filter, qos };
}

function isPair(
  one: FilterOptions | readonly [string, Qos],
): one is readonly [string, Qos] {
  return Array.isArray(one);
}

/**
 * Refuses properties that an application does not set.
 *
 * @throws {TypeError} If there is one.
 */
export function checkPublishProperties(properties: PublishProperties): void {
  // [MQTT-3.3.4-6] [MQTT-3.2.2-17] [MQTT-3.2.2-18] [MQTT-3.3.2-9]
  for (const name of ["subscriptionIdentifiers", "topicAlias"] as const) {
    if (properties[name] !== undefined) {
      throw new TypeError(
        `Cannot publish: the property ${name} is not for applications`,
      );
    }
  }
}
