/** Topic names and filters, against what the specification says in prose. */

import { assertEquals } from "@std/assert";
import { Retained } from "../../broker/_retained.ts";
import { SubscriptionTree } from "../../broker/_subscription_tree.ts";
import {
  encode,
  matches,
  type Packet,
  PacketParser,
  topicFilterError,
  topicNameError,
} from "../../codec/mod.ts";
import { includes } from "../../plugins/_inclusion.ts";
import type { Random } from "../_random.ts";
import { message, Parts, request } from "../broker/_parts.ts";
import { fewer } from "./_shrink.ts";
import type { Target } from "./_target.ts";

interface Input {
  readonly topics: readonly string[];
  readonly filters: readonly string[];
}

const levels = ["", "a", "b", "$x", "ab", "$SYS", "é"];

function someTopic(random: Random): string {
  const count = random.integer(1, random.percent(90) ? 4 : 12);
  const topic = random.array(count, () => random.pick(levels)).join("/");
  return random.percent(10) ? spoilt(random, topic) : topic;
}

function someFilter(random: Random): string {
  const count = random.integer(1, random.percent(90) ? 4 : 12);
  const parts = random.array(
    count,
    () => random.percent(35) ? "+" : random.pick(levels),
  );
  if (random.percent(30)) parts.push("#");
  if (random.percent(15)) parts.unshift("$share", random.pick(["g", "h", ""]));
  const filter = parts.join("/");
  return random.percent(15) ? spoilt(random, filter) : filter;
}

function spoilt(random: Random, text: string): string {
  const at = random.integer(0, text.length);
  const what = random.pick(["#", "+", "/", "\0", "$share/", "\ud800"]);
  return text.slice(0, at) + what + text.slice(at);
}

// What the specification says, level by level.

/** Section 4.7.1, 4.7.3 and 1.5.4. */
function isTopicName(text: string): boolean {
  return text !== "" && text.isWellFormed() && !/[\0#+]/.test(text);
}

/** Section 4.7.1, 4.7.3 and 4.8.2. */
function isTopicFilter(text: string): boolean {
  if (text === "" || !text.isWellFormed() || text.includes("\0")) return false;
  if (text.startsWith("$share/")) {
    const [, name, ...rest] = text.split("/");
    if (!name || /[#+]/.test(name) || rest.length === 0) return false;
    if (rest.join("/") === "") return false;
    return areLevels(rest);
  }
  return areLevels(text.split("/"));
}

function areLevels(levels: readonly string[]): boolean {
  return levels.every((level, i) =>
    level === "+" || (level === "#" && i === levels.length - 1) ||
    !/[#+]/.test(level)
  );
}

/** Section 4.7.1 and 4.7.2. */
function isMatch(filter: readonly string[], topic: readonly string[]): boolean {
  const [first, ...rest] = filter;
  if (first === "#") return true;
  if (first === undefined) return topic.length === 0;
  const [level, ...below] = topic;
  if (level === undefined) return false;
  return (first === "+" || first === level) && isMatch(rest, below) ||
    // "sport/#" also matches "sport"
    ((first === "+" || first === level) && below.length === 0 &&
      rest.length === 1 && rest[0] === "#");
}

function naive(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  return isMatch(filter.split("/"), topic.split("/"));
}

function check({ topics, filters }: Input): void {
  for (const topic of topics) {
    assertEquals(topicNameError(topic) === undefined, isName(topic), topic);
  }
  for (const filter of filters) {
    const fine = topicFilterError(filter) === undefined;
    const expected = isTopicFilter(filter.toWellFormed());
    assertEquals(fine, expected, filter);
    assertEquals(isOnWire(filter), expected, `${filter} on the wire`);
  }
  const own = [...new Set(filters)].filter(isTopicFilter)
    .filter((filter) => !filter.startsWith("$share/"));
  checkMatching(own, [...new Set(topics)].filter(isTopicName));
  checkInclusion(own.slice(0, 3));
}

/** Surrogates alone are the codec's affair, which no text of it has. */
function isName(topic: string): boolean {
  return isTopicName(topic.toWellFormed());
}

/** Whether an UNSUBSCRIBE with this filter is let through. */
function isOnWire(filter: string): boolean {
  const bytes = new TextEncoder().encode(filter);
  const body = [0, 1, bytes.length >> 8, bytes.length & 255, ...bytes];
  const parser = new PacketParser({ version: 4 });
  parser.push(Uint8Array.of(0xa2, body.length, ...body));
  let packet: Packet | undefined;
  try {
    packet = parser.next();
  } catch {
    packet = undefined;
  } finally {
    parser.close();
  }
  if (packet === undefined) return false;
  encode(packet, 4);
  return true;
}

function checkMatching(
  filters: readonly string[],
  topics: readonly string[],
): void {
  const parts = new Parts();
  const session = parts.session("one");
  const tree = new SubscriptionTree();
  const retained = new Retained(parts.limits, parts.store, parts.metrics);
  for (const topic of topics) retained.restore(message(topic));
  for (const filter of filters) {
    const expected = topics.filter((topic) => naive(filter, topic)).sort();
    assertEquals(
      topics.filter((topic) => matches(filter, topic)).sort(),
      expected,
      filter,
    );
    const found = retained.match(filter, 0).map(({ topic }) => topic).sort();
    assertEquals(found, expected, `${filter} retained`);
    tree.set({ session, request: request(filter), identifier: undefined });
    const has = (topic: string) => tree.match(topic).targets.length > 0;
    assertEquals(topics.filter(has).sort(), expected, `${filter} subscribed`);
    tree.delete(session, filter);
    assertEquals(topics.filter(has), [], `${filter} deleted`);
  }
  for (const filter of filters) {
    tree.set({ session, request: request(filter), identifier: undefined });
  }
  for (const topic of topics) {
    const expected = filters.some((filter) => naive(filter, topic));
    assertEquals(tree.match(topic).targets.length, expected ? 1 : 0, topic);
  }
}

/** Levels of all topics that inclusion is asked for; `z` stands in no filter. */
const universe = ["", "a", "$x", "z"];

const someTopics = [1, 2, 3, 4].flatMap((depth) => allOf(depth))
  .filter((topic) => topic !== "");

function allOf(depth: number): string[] {
  if (depth === 1) return universe;
  return allOf(depth - 1).flatMap((above) =>
    universe.map((level) => `${above}/${level}`)
  );
}

/** Set inclusion is what it says, for filters whose levels are few. */
function checkInclusion(filters: readonly string[]): void {
  const few = filters.filter((filter) => filter.split("/").length <= 3);
  for (const filter of few) {
    const matched = someTopics.filter((topic) => naive(filter, topic));
    for (const pattern of few) {
      if (!includes(pattern, filter)) continue;
      const missing = matched.filter((topic) => !naive(pattern, topic));
      assertEquals(missing, [], `${pattern} is said to include ${filter}`);
    }
  }
}

/** `codec/topic.ts`, and all that matches by it. */
export const topics: Target<Input> = {
  name: "topics",
  about: "filters are valid and match as the specification says",
  generate: (random) => ({
    topics: random.array(random.integer(1, 8), () => someTopic(random)),
    filters: random.array(random.integer(1, 8), () => someFilter(random)),
  }),
  check,
  *shrink({ topics, filters }) {
    for (const fewerTopics of fewer(topics)) {
      yield { topics: fewerTopics, filters };
    }
    for (const fewerFilters of fewer(filters)) {
      yield { topics, filters: fewerFilters };
    }
  },
  show: (input) => JSON.stringify(input),
};
