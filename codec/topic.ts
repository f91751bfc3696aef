/**
 * Topic Names and Topic Filters (section 4.7) and shared subscriptions
 * (section 4.8.2).
 *
 * @module
 */

/**
 * What is wrong with a topic name, if anything is. That it is a well-formed
 * string of at most 65,535 bytes is the codec's affair, not asked here.
 *
 * @example
 * ```ts
 * import { topicNameError } from "@ambermq/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(topicNameError("home/kitchen"), undefined);
 * assertEquals(topicNameError("home/+"), "it has a wildcard");
 * ```
 *
 * @param topic The topic name.
 * @returns What is wrong with it, or `undefined`.
 */
export function topicNameError(topic: string): string | undefined {
  // [MQTT-4.7.3-1]
  if (topic.length === 0) return "it is empty";
  // [MQTT-3.3.2-2] [MQTT-4.7.0-1]
  for (let i = 0; i < topic.length; i++) {
    const unit = topic.charCodeAt(i);
    if (unit === 0x23 || unit === 0x2b) return "it has a wildcard";
    if (unit === 0) return "it contains U+0000"; // [MQTT-4.7.3-2]
  }
  return undefined;
}

/**
 * What is wrong with a topic filter, if anything is; a shared subscription's
 * filter (`$share/…`) is checked too.
 *
 * @example
 * ```ts
 * import { topicFilterError } from "@ambermq/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(topicFilterError("sport/#"), undefined);
 * assertEquals(topicFilterError("sport/#/x"), "# is not its last level");
 * ```
 *
 * @param filter The topic filter.
 * @returns What is wrong with it, or `undefined`.
 */
export function topicFilterError(filter: string): string | undefined {
  // [MQTT-4.7.3-1]
  if (filter.length === 0) return "it is empty";
  if (filter.includes("\0")) return "it contains U+0000"; // [MQTT-4.7.3-2]
  let start = 0;
  if (filter.startsWith(SHARE)) {
    const slash = filter.indexOf("/", SHARE.length);
    const name = slash < 0 ? "" : filter.slice(SHARE.length, slash);
    // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    if (name === "") return "its share name is empty or no filter follows it";
    if (/[#+]/.test(name)) return "its share name has a wildcard";
    if (slash + 1 === filter.length) return "no filter follows its share name";
    start = slash + 1;
  }
  let levelStart = start;
  for (let i = start; i < filter.length; i++) {
    const unit = filter.charCodeAt(i);
    if (unit === 0x2f) {
      levelStart = i + 1;
    } else if (unit === 0x23) {
      // [MQTT-4.7.1-1]
      if (i !== levelStart) return "# does not fill a whole level";
      if (i + 1 !== filter.length) return "# is not its last level";
    } else if (unit === 0x2b) {
      // [MQTT-4.7.1-2]
      const alone = i === levelStart &&
        (i + 1 === filter.length || filter.charCodeAt(i + 1) === 0x2f);
      if (!alone) return "+ does not fill a whole level";
    }
  }
  return undefined;
}

const SHARE = "$share/";

/** A topic filter taken apart. */
export interface SharedFilter {
  /** The share name, or `undefined` for a subscription of one's own. */
  shareName: string | undefined;
  /** The filter that topics are matched with. */
  filter: string;
}

/**
 * Takes the share name off a valid topic filter.
 *
 * @example
 * ```ts
 * import { parseSharedFilter } from "@ambermq/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseSharedFilter("$share/workers/jobs/+"), {
 *   shareName: "workers",
 *   filter: "jobs/+",
 * });
 * ```
 *
 * @param filter A valid topic filter.
 * @returns The share name and the filter behind it.
 */
export function parseSharedFilter(filter: string): SharedFilter {
  if (!filter.startsWith(SHARE)) return { shareName: undefined, filter };
  const slash = filter.indexOf("/", SHARE.length);
  return {
    shareName: filter.slice(SHARE.length, slash),
    filter: filter.slice(slash + 1),
  };
}

/**
 * Whether a topic filter (without a share name) matches a topic name.
 *
 * @example
 * ```ts
 * import { matches } from "@ambermq/mqtt/codec";
 * import { assert } from "@std/assert";
 *
 * assert(matches("sport/#", "sport"));
 * assert(!matches("#", "$SYS/broker/uptime"));
 * ```
 *
 * @param filter A valid topic filter.
 * @param topic A valid topic name.
 * @returns Whether it matches.
 */
export function matches(filter: string, topic: string): boolean {
  // [MQTT-4.7.2-1]
  if (topic.startsWith("$") && /^[#+]/.test(filter)) return false;
  const levels = topic.split("/");
  const pattern = filter.split("/");
  // [MQTT-4.7.3-4] compared unit by unit, without any normalization
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === "#") return true; // also where the topic ends before it
    if (i >= levels.length) return false;
    if (pattern[i] !== "+" && pattern[i] !== levels[i]) return false;
  }
  return pattern.length === levels.length;
}

/**
 * How many levels a topic name or filter has.
 *
 * @param topic A topic name or filter.
 * @returns The number of levels: one more than there are slashes.
 */
export function topicLevels(topic: string): number {
  let levels = 1;
  for (let i = 0; i < topic.length; i++) {
    if (topic.charCodeAt(i) === 0x2f) levels++;
  }
  return levels;
}
