/**
 * Retained messages: a tree of topic levels like that of the subscriptions,
 * read the other way round. A filter finds the topics.
 */

import { parseSharedFilter, topicLevels } from "../codec/mod.ts";
import type { Limits } from "./limits.ts";
import type { Message } from "./message.ts";
import type { Metrics } from "./metrics.ts";
import type { Store } from "./store.ts";
import { TopicNode } from "./_topic_tree.ts";

type Node = TopicNode<Message>;

/** Roughly what a node of the tree takes, in bytes. */
const NODE = 200;

/** A search: what it looks for, and how far it goes. */
interface Search {
  readonly levels: readonly string[];
  readonly found: Message[];
  /** It ends when more than this are found. */
  readonly most: number;
}

export class Retained {
  readonly #root: Node = new TopicNode();
  readonly #topics = new Map<string, Node>();
  readonly #limits: Limits;
  readonly #store: Store;
  readonly #metrics: Metrics;
  #bytes = 0;
  /** Nodes that searches have looked at since the last `takeVisited`. */
  #visited = 0;
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
      this.#bytes - (old === undefined ? 0 : cost(old)) + cost(message) <=
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
    const at = this.#topics.get(message.topic) ??
      this.#root.reach(message.topic);
    if (at.value === undefined) this.#topics.set(message.topic, at);
    else this.#uncount(at.value);
    at.value = message;
    this.#bytes += cost(message);
    if (message.expires) this.#expiring++;
  }

  /** The message of a topic. */
  get(topic: string): Message | undefined {
    return this.#topics.get(topic)?.value;
  }

  /**
   * The messages whose topics a filter matches, expired ones left out; if they
   * are more than `most`, some that are more.
   */
  match(filter: string, now: number, most = Infinity): Message[] {
    const found: Message[] = [];
    const levels = parseSharedFilter(filter).filter.split("/");
    this.#collect(this.#root, 0, { levels, found, most });
    return this.#expiring === 0
      ? found
      : found.filter((message) => message.expiresAt > now);
  }

  /** All messages, expired ones left out. */
  all(now: number): Message[] {
    return Array.from(this.#topics.values(), ({ value }) => value!)
      .filter((message) => message.expiresAt > now);
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
    this.#topics.delete(topic);
    this.#uncount(at.value!);
    at.clear();
    return true;
  }

  #uncount(message: Message): void {
    this.#bytes -= cost(message);
    if (message.expires) this.#expiring--;
  }

  /** How many nodes were looked at since this was asked last. */
  takeVisited(): number {
    const visited = this.#visited;
    this.#visited = 0;
    return visited;
  }

  #collect(at: Node, depth: number, search: Search): void {
    const { levels, found, most } = search;
    if (found.length > most) return;
    this.#visited++;
    const level = levels[depth];
    // "a/#" matches a itself
    if ((level === undefined || level === "#") && at.value !== undefined) {
      found.push(at.value);
    }
    if (level === "#" || level === "+") {
      const next = level === "#" ? depth : depth + 1;
      for (const child of below(at)) this.#collect(child, next, search);
    } else if (level !== undefined) {
      const child = at.children?.get(level);
      if (child !== undefined) this.#collect(child, depth + 1, search);
    }
  }
}

function cost({ topic, size }: Message): number {
  return size + NODE * topicLevels(topic);
}

/** What a wildcard stands for: at the first level nothing that begins with $. */
function* below(at: Node): Iterable<Node> {
  if (at.children === undefined) return;
  for (const child of at.children.values()) {
    // [MQTT-4.7.2-1]
    if (at.parent === undefined && child.level.startsWith("$")) continue;
    yield child;
  }
}
