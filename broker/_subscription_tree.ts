/**
 * Who subscribed to what: a tree of topic levels.
 *
 * Finding the subscriptions of a topic takes a step per level and wildcard,
 * however many subscriptions there are. What was found for a topic is
 * remembered until any subscription changes.
 */

import { parseSharedFilter, type SubscriptionRequest } from "../codec/mod.ts";
import type { Session } from "./_session.ts";
import { TopicNode } from "./_topic_tree.ts";

/** One filter of one session. */
export interface Subscription {
  readonly session: Session;
  readonly request: SubscriptionRequest;
  /** The subscription identifier (5.0). */
  readonly identifier: number | undefined;
}

/** What one session gets of a message: its matching subscriptions as one. */
export interface Target {
  readonly session: Session;
  /** The highest QoS granted. */
  readonly qos: 0 | 1 | 2;
  readonly retainAsPublished: boolean;
  readonly identifiers: readonly number[] | undefined;
  /**
   * What the session gets of its own messages where No Local is involved:
   * `null` is nothing, `undefined` the same.
   */
  readonly ifLocal: Target | null | undefined;
}

/** The members of a shared subscription; each message goes to one of them. */
export interface ShareGroup {
  readonly members: Subscription[];
  /** Index of the member whose turn it is. */
  next: number;
}

/** Where messages of one topic go. */
export interface Route {
  readonly targets: readonly Target[];
  readonly groups: readonly ShareGroup[];
}

interface Leaf {
  readonly own: Map<Session, Subscription>;
  readonly shared: Map<string, ShareGroup>;
}

type Node = TopicNode<Leaf>;

/** Topics whose routes are remembered. */
const REMEMBERED = 16_384;

export class SubscriptionTree {
  #root: Node = new TopicNode();
  readonly #routes = new Map<string, Route>();
  #size = 0;

  /** The number of subscriptions. */
  get size(): number {
    return this.#size;
  }

  /** Adds a subscription or replaces the one of its session and filter. */
  set(subscription: Subscription): void {
    this.#routes.clear();
    const { session, request } = subscription;
    const { shareName, filter } = parseSharedFilter(request.filter);
    const at = this.#root.reach(filter);
    const leaf = at.value ??= { own: new Map(), shared: new Map() };
    if (shareName === undefined) {
      if (!leaf.own.has(session)) this.#size++;
      leaf.own.set(session, subscription);
      return;
    }
    const group: ShareGroup = leaf.shared.get(shareName) ??
      { members: [], next: 0 };
    leaf.shared.set(shareName, group);
    const index = group.members.findIndex((one) => one.session === session);
    if (index >= 0) {
      group.members[index] = subscription;
    } else {
      group.members.push(subscription);
      this.#size++;
    }
  }

  /** Removes the subscription of a session with this very filter. */
  delete(session: Session, fullFilter: string): void {
    this.#routes.clear();
    const { shareName, filter } = parseSharedFilter(fullFilter);
    const at = this.#root.find(filter);
    const leaf = at?.value;
    if (at === undefined || leaf === undefined) return;
    if (shareName === undefined) {
      if (leaf.own.delete(session)) this.#size--;
    } else {
      const group = leaf.shared.get(shareName);
      const index = group?.members.findIndex((one) => one.session === session);
      if (group !== undefined && index !== undefined && index >= 0) {
        group.members.splice(index, 1);
        this.#size--;
        if (group.members.length === 0) leaf.shared.delete(shareName);
      }
    }
    if (leaf.own.size === 0 && leaf.shared.size === 0) at.clear();
  }

  /** Forgets everything. */
  clear(): void {
    this.#root = new TopicNode();
    this.#routes.clear();
    this.#size = 0;
  }

  /** Where messages of a topic go. */
  match(topic: string): Route {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const leaves: Leaf[] = [];
    const levels = topic.split("/");
    collect(this.#root, levels, 0, leaves, topic.startsWith("$"));
    const route = {
      targets: merge(leaves),
      groups: leaves.flatMap((leaf) => [...leaf.shared.values()]),
    };
    if (this.#routes.size >= REMEMBERED) this.#routes.clear();
    this.#routes.set(topic, route);
    return route;
  }
}

function collect(
  at: Node,
  levels: readonly string[],
  depth: number,
  leaves: Leaf[],
  reserved: boolean,
): void {
  const { children } = at;
  // [MQTT-4.7.2-1]
  const wildcards = depth > 0 || !reserved;
  if (wildcards) {
    // "#" stands for all that follows, and for nothing: a/# matches a
    const rest = children?.get("#")?.value;
    if (rest !== undefined) leaves.push(rest);
  }
  if (depth === levels.length) {
    if (at.value !== undefined) leaves.push(at.value);
    return;
  }
  if (children === undefined) return;
  const exact = children.get(levels[depth]!);
  if (exact !== undefined) collect(exact, levels, depth + 1, leaves, reserved);
  const any = wildcards ? children.get("+") : undefined;
  if (any !== undefined) collect(any, levels, depth + 1, leaves, reserved);
}

/** One target per session: overlapping subscriptions give one copy. */
function merge(leaves: readonly Leaf[]): Target[] {
  const owners = leaves.filter((leaf) => leaf.own.size > 0);
  if (owners.length === 1) {
    return Array.from(
      owners[0]!.own.values(),
      (one: Subscription) => target([one]),
    );
  }
  const bySession = new Map<Session, Subscription[]>();
  for (const leaf of owners) {
    for (const [session, subscription] of leaf.own) {
      const list = bySession.get(session);
      if (list === undefined) bySession.set(session, [subscription]);
      else list.push(subscription);
    }
  }
  return Array.from(bySession.values(), target);
}

/** Makes one target of the matching subscriptions of one session. */
export function target(subscriptions: readonly Subscription[]): Target {
  const { session } = subscriptions[0]!;
  let qos: 0 | 1 | 2 = 0;
  let retainAsPublished = false;
  const identifiers: number[] = [];
  const foreign: Subscription[] = [];
  for (const subscription of subscriptions) {
    const { request, identifier } = subscription;
    if (request.qos > qos) qos = request.qos; // [MQTT-3.3.4-2]
    retainAsPublished ||= request.retainAsPublished;
    if (identifier !== undefined) identifiers.push(identifier);
    if (!request.noLocal) foreign.push(subscription);
  }
  // [MQTT-3.8.3-3]
  const ifLocal = foreign.length === subscriptions.length
    ? undefined
    : foreign.length === 0
    ? null
    : target(foreign);
  return {
    session,
    qos,
    retainAsPublished,
    // [MQTT-3.3.4-3] [MQTT-3.3.4-4]
    identifiers: identifiers.length > 0 ? identifiers : undefined,
    ifLocal,
  };
}
