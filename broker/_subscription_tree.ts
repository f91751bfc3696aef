/**
 * Who subscribed to what: a tree of topic levels.
 *
 * Finding the subscriptions of a topic takes a step per level and wildcard,
 * however many subscriptions there are. What they come to is worked out once
 * per leaf, and remembered per topic where topics come back.
 */

import {
  parseSharedFilter,
  type Qos,
  type SubscriptionRequest,
} from "../codec/mod.ts";
import { RouteCache } from "./_route_cache.ts";
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
   * What the session gets of its own messages: `undefined` is the same as of
   * others', `null` is nothing.
   */
  readonly ifLocal: Target | null | undefined;
}

/** The members of a shared subscription; each message goes to one of them. */
export interface ShareGroup {
  /** The filter that all of them subscribed with, share name and all. */
  readonly filter: string;
  readonly members: Target[];
  /** Index of the member whose turn it is. */
  next: number;
}

/** Where messages of one topic go. */
export interface Route {
  readonly targets: readonly Target[];
  readonly groups: readonly ShareGroup[];
}

/** The subscriptions of one filter. */
class Leaf {
  readonly own = new Map<Session, Subscription>();
  shared: Map<string, ShareGroup> | undefined;
  /** Where a topic goes that only this filter matches; made when needed. */
  #route: Route | undefined;

  get empty(): boolean {
    return this.own.size === 0 && this.shared === undefined;
  }

  get route(): Route {
    return this.#route ??= {
      targets: Array.from(this.own.values(), (one) => target([one])),
      groups: this.shared === undefined ? [] : [...this.shared.values()],
    };
  }

  changed(): void {
    this.#route = undefined;
  }
}

const nowhere: Route = { targets: [], groups: [] };

export class SubscriptionTree {
  #root = new TopicNode<Leaf>();
  readonly #routes = new RouteCache<Route>();
  /** The leaves that match, while they are looked for. */
  readonly #found: Leaf[] = [];
  #size = 0;
  /**
   * What matching has cost and made cost, in steps: nodes looked at, and
   * receivers found. One session's filters may be thousands of nodes for a
   * topic, and each PUBLISH of a few bytes looks at them.
   */
  steps = 0;

  /** The number of subscriptions. */
  get size(): number {
    return this.#size;
  }

  /** Adds a subscription or replaces the one of its session and filter. */
  set(subscription: Subscription): void {
    const { session, request } = subscription;
    const { shareName, filter } = parseSharedFilter(request.filter);
    const node = this.#root.reach(filter);
    const leaf = node.value ??= new Leaf();
    this.#changed(leaf);
    if (shareName === undefined) {
      if (!leaf.own.has(session)) this.#size++;
      leaf.own.set(session, subscription);
      return;
    }
    const groups = leaf.shared ??= new Map<string, ShareGroup>();
    const group: ShareGroup = groups.get(shareName) ??
      { filter: request.filter, members: [], next: 0 };
    groups.set(shareName, group);
    const { members } = group;
    const index = members.findIndex((one) => one.session === session);
    if (index >= 0) {
      members[index] = target([subscription]);
    } else {
      members.push(target([subscription]));
      this.#size++;
    }
  }

  /** Removes the subscription of a session with this very filter. */
  delete(session: Session, fullFilter: string): void {
    const { shareName, filter } = parseSharedFilter(fullFilter);
    const node = this.#root.find(filter);
    const leaf = node?.value;
    if (node === undefined || leaf === undefined) return;
    this.#changed(leaf);
    if (shareName === undefined) {
      if (leaf.own.delete(session)) this.#size--;
    } else {
      this.#leave(leaf, shareName, session);
    }
    if (leaf.empty) node.clear();
  }

  /** The QoS granted to a session for this very filter, which it has. */
  granted(session: Session, fullFilter: string): Qos {
    const { shareName, filter } = parseSharedFilter(fullFilter);
    const leaf = this.#root.find(filter)!.value!;
    if (shareName === undefined) return leaf.own.get(session)!.request.qos;
    const { members } = leaf.shared!.get(shareName)!;
    return members.find((one) => one.session === session)!.qos;
  }

  #leave(leaf: Leaf, shareName: string, session: Session): void {
    const { members } = leaf.shared?.get(shareName) ?? { members: [] };
    const index = members.findIndex((one) => one.session === session);
    if (index < 0) return;
    members.splice(index, 1);
    this.#size--;
    if (members.length > 0) return;
    leaf.shared!.delete(shareName);
    if (leaf.shared!.size === 0) leaf.shared = undefined;
  }

  /** The members of a shared subscription, if it has any. */
  group(fullFilter: string): ShareGroup | undefined {
    const { shareName, filter } = parseSharedFilter(fullFilter);
    if (shareName === undefined) return undefined;
    return this.#root.find(filter)?.value?.shared?.get(shareName);
  }

  #changed(leaf: Leaf): void {
    leaf.changed();
    this.#routes.clear();
  }

  /** Forgets everything. */
  clear(): void {
    this.#root = new TopicNode();
    this.#routes.clear();
    this.#size = 0;
  }

  /** Where messages of a topic go. */
  match(topic: string): Route {
    const route = this.#routes.get(topic) ?? this.#match(topic);
    this.steps += route.targets.length + route.groups.length;
    return route;
  }

  #match(topic: string): Route {
    const found = this.#found;
    found.length = 0;
    this.steps += collect(this.#root, topic, 0, found);
    if (found.length > 1) {
      const route = merge(found);
      return this.#routes.set(topic, route, 1 + route.targets.length);
    }
    // The route of a single leaf is there anyway, whatever its size.
    return this.#routes.set(topic, found[0]?.route ?? nowhere, 1);
  }
}

/**
 * Collects the leaves that match a topic from `start` on.
 *
 * @returns How many nodes it has looked at.
 */
function collect(
  node: TopicNode<Leaf>,
  topic: string,
  start: number,
  found: Leaf[],
): number {
  // [MQTT-4.7.2-1]
  const wildcards = start > 0 || topic.charCodeAt(0) !== 0x24;
  // "#" stands for all that follows, and for nothing: a/# matches a
  if (node.rest !== undefined && wildcards) found.push(node.rest.value!);
  if (start > topic.length) {
    if (node.value !== undefined) found.push(node.value);
    return 1;
  }
  let nodes = 1;
  const slash = topic.indexOf("/", start);
  const end = slash < 0 ? topic.length : slash;
  const exact = node.children?.get(topic.slice(start, end));
  if (exact !== undefined) nodes += collect(exact, topic, end + 1, found);
  if (node.any !== undefined && wildcards) {
    nodes += collect(node.any, topic, end + 1, found);
  }
  return nodes;
}

/** One target per session: overlapping subscriptions give one copy. */
function merge(leaves: readonly Leaf[]): Route {
  const bySession = new Map<Session, Subscription[]>();
  for (const { own } of leaves) {
    for (const [session, subscription] of own) {
      const list = bySession.get(session);
      if (list === undefined) bySession.set(session, [subscription]);
      else list.push(subscription);
    }
  }
  return {
    targets: Array.from(bySession.values(), target),
    groups: leaves.flatMap(({ shared }) =>
      shared === undefined ? [] : [...shared.values()]
    ),
  };
}

/**
 * Makes one target of the matching subscriptions of one session. Shared ones
 * are apart: each copy has its own identifier [MQTT-3.3.4-5].
 */
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
