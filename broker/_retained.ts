/**
 * Retained messages: a tree of topic levels like that of the subscriptions,
 * read the other way round. A filter finds the topics.
 */

import { parseSharedFilter } from "../codec/mod.ts";
import type { Limits } from "./config.ts";
import type { Message } from "./message.ts";
import type { Metrics } from "./metrics.ts";
import type { Store } from "./store.ts";
import { TopicNode } from "./_topic_tree.ts";

type Node = TopicNode<Message>;

export class Retained {
  readonly #root: Node = new TopicNode();
  readonly #topics = new Map<string, Node>();
  readonly #limits: Limits;
  readonly #store: Store;
  readonly #metrics: Metrics;
  #bytes = 0;
  /** How many messages expire: none, and nobody looks. */
  #expiring = 0;

  constructor(limits: Limits, store: Store, metrics: Metrics) {
    this.#limits = limits;
    this.#store = store;
    this.#metrics = metrics;
  }

  /** The number of retained messages. */
  get size(): number {
    return this.#topics.size;
  }

  /** What they count in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there is room for a message, its predecessor gone. */
  accepts(message: Message): boolean {
    const old = this.#topics.get(message.topic)?.value;
    return this.#topics.size + (old === undefined ? 1 : 0) <=
        this.#limits.retainedMessages &&
      this.#bytes - (old?.size ?? 0) + message.size <=
        this.#limits.retainedBytes;
  }

  /** Sets, replaces or removes the message of a topic. */
  update(message: Message): void {
    if (message.empty) {
      // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
      if (this.#remove(message.topic)) {
        this.#store.record({ type: "unretain", topic: message.topic });
      }
      return;
    }
    // [MQTT-3.3.1-5]
    message.keep();
    this.restore(message);
    this.#store.record({ type: "retain", message });
  }

  /** Puts a message in that the store already has. */
  restore(message: Message): void {
    this.#remove(message.topic);
    const at = this.#root.reach(message.topic);
    at.value = message;
    this.#topics.set(message.topic, at);
    this.#bytes += message.size;
    if (message.expiresAt !== Infinity) this.#expiring++;
  }

  /** The message of a topic. */
  get(topic: string): Message | undefined {
    return this.#topics.get(topic)?.value;
  }

  /** The messages whose topics a filter matches, expired ones left out. */
  match(filter: string, now: number): Message[] {
    const found: Message[] = [];
    const levels = parseSharedFilter(filter).filter.split("/");
    collect(this.#root, levels, 0, found);
    return this.#expiring === 0
      ? found
      : found.filter((message) => message.expiresAt > now);
  }

  /** Forgets everything, without telling the store. */
  clear(): void {
    for (const topic of [...this.#topics.keys()]) this.#remove(topic);
  }

  /** Removes what has expired. */
  expire(now: number): void {
    if (this.#expiring === 0) return;
    for (const [topic, { value }] of this.#topics) {
      if (value!.expiresAt > now) continue;
      this.#remove(topic);
      this.#store.record({ type: "unretain", topic });
      this.#metrics.retainedExpired++;
    }
  }

  #remove(topic: string): boolean {
    const at = this.#topics.get(topic);
    if (at === undefined) return false;
    const message = at.value!;
    this.#topics.delete(topic);
    this.#bytes -= message.size;
    if (message.expiresAt !== Infinity) this.#expiring--;
    at.clear();
    return true;
  }
}

function collect(
  at: Node,
  levels: readonly string[],
  depth: number,
  found: Message[],
): void {
  if (depth === levels.length) {
    if (at.value !== undefined) found.push(at.value);
    return;
  }
  const level = levels[depth]!;
  if (level === "#") {
    // a/# matches a itself
    if (at.value !== undefined) found.push(at.value);
    for (const child of below(at, depth)) collect(child, levels, depth, found);
  } else if (level === "+") {
    for (const child of below(at, depth)) {
      collect(child, levels, depth + 1, found);
    }
  } else {
    const child = at.children?.get(level);
    if (child !== undefined) collect(child, levels, depth + 1, found);
  }
}

/** What a wildcard stands for: at the first level nothing that begins with $. */
function* below(at: Node, depth: number): Iterable<Node> {
  if (at.children === undefined) return;
  for (const child of at.children.values()) {
    // [MQTT-4.7.2-1]
    if (at.parent === undefined && depth === 0 && child.level.startsWith("$")) {
      continue;
    }
    yield child;
  }
}
