import { assert, assertEquals } from "@std/assert";
import {
  type Subscription,
  SubscriptionTree,
  type Target,
} from "../../broker/_subscription_tree.ts";
import type { Session } from "../../broker/_session.ts";
import { TopicNode } from "../../broker/_topic_tree.ts";
import type { SubscriptionRequest } from "../../codec/mod.ts";
import { type Random, withSeeds } from "../_random.ts";
import { Parts, request } from "./_parts.ts";

/** A tree, and sessions by name. */
class Forest {
  readonly tree = new SubscriptionTree();
  readonly #parts = new Parts();

  session(name: string): Session {
    return this.#parts.sessions.get(name) ?? this.#parts.session(name);
  }

  set(
    name: string,
    filter: string,
    options: Partial<SubscriptionRequest> = {},
    identifier?: number,
  ): void {
    this.tree.set(this.subscription(name, filter, options, identifier));
  }

  subscription(
    name: string,
    filter: string,
    options: Partial<SubscriptionRequest> = {},
    identifier?: number,
  ): Subscription {
    const session = this.session(name);
    return { session, request: request(filter, options), identifier };
  }

  delete(name: string, filter: string): void {
    this.tree.delete(this.session(name), filter);
  }

  /** The names of those who get a topic. */
  receivers(topic: string): string[] {
    return this.tree.match(topic).targets.map(({ session }) => session.clientId)
      .sort();
  }

  /** What one session gets of a topic. */
  target(name: string, topic: string): Omit<Target, "session"> | undefined {
    const targets = this.tree.match(topic).targets
      .filter(({ session }) => session.clientId === name);
    assert(targets.length <= 1, `${targets.length} targets of one session`);
    return targets[0] && withoutSession(targets[0]);
  }
}

function withoutSession(target: Target): Omit<Target, "session"> {
  const { session: _, ifLocal, ...rest } = target;
  return { ...rest, ifLocal: ifLocal && withoutSession(ifLocal) as Target };
}

const table: readonly [filter: string, yes: string[], no: string[]][] = [
  ["a", ["a"], ["A", "a/", "/a", "a/b", "b", "aa"]],
  ["a/b", ["a/b"], ["a", "a/b/c", "a//b", "b"]],
  ["/", ["/"], ["a", "//", "/a"]],
  ["a/", ["a/"], ["a", "a/b"]],
  // [MQTT-4.7.1-1] the parent too
  ["a/#", ["a", "a/", "a/b", "a/b/c", "a//"], ["b", "aa", "b/a"]],
  ["#", ["a", "a/b", "/", "/a", ""], ["$SYS", "$SYS/a", "$"]],
  ["/#", ["/", "/a", "/a/b"], ["a", "a/"]],
  ["+", ["a", "b"], ["a/b", "/", "/a", "$SYS"]],
  ["+/+", ["a/b", "/a", "a/", "/"], ["a", "a/b/c", "$SYS/a"]],
  ["+/a/#", ["b/a", "b/a/c", "/a"], ["a", "b/c", "$SYS/a/b"]],
  ["a/+/c", ["a/b/c", "a//c", "a/$b/c"], ["a/c", "a/b/b/c", "a/b"]],
  ["a/+", ["a/b", "a/"], ["a", "a/b/c"]],
  ["a/+/#", ["a/b", "a/", "a/b/c"], ["a", "b/a"]],
  // [MQTT-4.7.2-1]
  ["$SYS/#", ["$SYS", "$SYS/a", "$SYS/a/b"], ["SYS/a", "$SYSa"]],
  ["$SYS/+", ["$SYS/a"], ["$SYS", "$SYS/a/b"]],
  ["a/#", ["a/$SYS", "a/$"], ["$SYS/a"]],
  // names that objects have
  ["__proto__/constructor", ["__proto__/constructor"], ["__proto__"]],
];

for (const [filter, yes, no] of table) {
  Deno.test(`subscription to ${filter} gets the right topics [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.2-1] [MQTT-4.7.3-4]`, () => {
    const forest = new Forest();
    forest.set("one", filter);
    for (const topic of yes) {
      assertEquals(forest.receivers(topic), ["one"], topic);
    }
    for (const topic of no) assertEquals(forest.receivers(topic), [], topic);
  });
}

// Against a naive matcher.

/** Written from section 4.7, level by level, and not with the codec. */
function naivelyMatches(filter: string, topic: string): boolean {
  const wildcardFirst = filter[0] === "+" || filter[0] === "#";
  if (topic[0] === "$" && wildcardFirst) return false;
  const match = (filters: string[], topics: string[]): boolean => {
    const [first, ...filtersLeft] = filters;
    if (first === undefined) return topics.length === 0;
    if (first === "#") return true;
    const [level, ...topicsLeft] = topics;
    if (level === undefined) return false;
    return (first === "+" || first === level) && match(filtersLeft, topicsLeft);
  };
  return match(filter.split("/"), topic.split("/"));
}

function randomTopic(random: Random): string {
  const levels = random.array(
    random.integer(1, 4),
    () => random.pick(["a", "b", "", "c"]),
  );
  if (random.percent(15)) levels[0] = "$a";
  return levels.join("/");
}

function randomFilter(random: Random): string {
  const levels = randomTopic(random).split("/").map((level) =>
    random.percent(30) ? "+" : level
  );
  if (random.percent(30)) levels.push("#");
  if (random.percent(5)) return "#";
  return levels.join("/");
}

/** What a topic should come to, worked out from the list of subscriptions. */
function expected(
  subscriptions: Iterable<Subscription>,
  topic: string,
): Record<string, Omit<Target, "session">> {
  const own: Record<string, Subscription[]> = {};
  for (const subscription of subscriptions) {
    const { request, session } = subscription;
    if (request.filter.startsWith("$share/")) continue;
    if (!naivelyMatches(request.filter, topic)) continue;
    (own[session.clientId] ??= []).push(subscription);
  }
  const combined = (list: Subscription[]): Omit<Target, "session"> => {
    const foreign = list.filter(({ request }) => !request.noLocal);
    const identifiers = list.map(({ identifier }) => identifier)
      .filter((one) => one !== undefined).sort((a, b) => a - b);
    return {
      qos: Math.max(...list.map(({ request }) => request.qos)) as 0 | 1 | 2,
      retainAsPublished: list.some(({ request }) => request.retainAsPublished),
      identifiers: identifiers.length > 0 ? identifiers : undefined,
      ifLocal: foreign.length === list.length
        ? undefined
        : foreign.length === 0
        ? null
        : combined(foreign) as Target,
    };
  };
  return Object.fromEntries(
    Object.entries(own).map(([name, list]) => [name, combined(list)]),
  );
}

/** The same from the tree, with the identifiers in order. */
function found(tree: SubscriptionTree, topic: string): typeof result {
  const sorted = (
    { session: _, identifiers, ifLocal, ...rest }: Target,
  ): Omit<Target, "session"> => ({
    ...rest,
    identifiers: identifiers && [...identifiers].sort((a, b) => a - b),
    ifLocal: ifLocal && sorted(ifLocal) as Target,
  });
  const result: Record<string, Omit<Target, "session">> = {};
  for (const target of tree.match(topic).targets) {
    const { clientId } = target.session;
    assert(!(clientId in result), `two targets of ${clientId}`);
    result[clientId] = sorted(target);
  }
  return result;
}

/** The members of share groups of a topic, with what they get. */
function foundGroups(tree: SubscriptionTree, topic: string): string[] {
  return tree.match(topic).groups.map(({ members }) =>
    members.map(({ session: { clientId }, qos, identifiers }) =>
      `${clientId} ${qos} ${identifiers ?? ""}`
    ).sort().join()
  ).sort();
}

function expectedGroups(
  subscriptions: Iterable<Subscription>,
  topic: string,
): string[] {
  const groups = new Map<string, string[]>();
  for (const { request, session, identifier } of subscriptions) {
    const { filter, qos } = request;
    const [share, _name, ...rest] = filter.split("/");
    if (share !== "$share" || !naivelyMatches(rest.join("/"), topic)) continue;
    const member = `${session.clientId} ${qos} ${identifier ?? ""}`;
    groups.set(filter, [...groups.get(filter) ?? [], member]);
  }
  return Array.from(groups.values(), (members) => members.sort().join()).sort();
}

Deno.test("subscription tree finds what a naive matcher finds, while subscriptions come and go [MQTT-3.3.4-2] [MQTT-3.8.3-3] [MQTT-3.8.4-3]", () => {
  withSeeds(25, (random) => {
    const forest = new Forest();
    const { tree } = forest;
    const model = new Map<string, Subscription>();
    const names = ["one", "two", "three", "four"];
    for (let step = 0; step < 150; step++) {
      const name = random.pick(names);
      const share = random.percent(25) ? `$share/${random.pick("xy")}/` : "";
      const known = random.pick([...model.values()]);
      const again = random.percent(40) && known !== undefined;
      const filter = again
        ? known.request.filter
        : share + randomFilter(random);
      const key = `${name} ${filter}`;
      if (random.percent(65)) {
        const isShared = filter.startsWith("$share/");
        const subscription = forest.subscription(name, filter, {
          qos: random.pick([0, 1, 2] as const),
          noLocal: !isShared && random.percent(30),
          retainAsPublished: random.boolean(),
        }, random.boolean() ? random.integer(1, 1000) : undefined);
        tree.set(subscription);
        model.set(key, subscription);
      } else {
        model.delete(key);
        tree.delete(forest.session(name), filter);
      }
      assertEquals(tree.size, model.size);
      // each topic twice: the second answer may be a remembered one
      const topics = random.array(3, () => randomTopic(random));
      for (const topic of [...topics, ...topics]) {
        const subscriptions = [...model.values()];
        assertEquals(found(tree, topic), expected(subscriptions, topic), topic);
        assertEquals(
          foundGroups(tree, topic),
          expectedGroups(subscriptions, topic),
          topic,
        );
      }
    }
    for (const { session, request } of model.values()) {
      tree.delete(session, request.filter);
    }
    assertEmpty(tree);
  });
});

/** The node that all others of a tree are below. */
function rootOf(tree: SubscriptionTree): TopicNode<unknown> {
  const { find } = TopicNode.prototype;
  let root: TopicNode<unknown> | undefined;
  TopicNode.prototype.find = function (path) {
    root = this;
    return find.call(this, path);
  };
  tree.delete(new Forest().session("nobody"), "a");
  TopicNode.prototype.find = find;
  return root!;
}

/** That nothing matches, nothing is counted and no node is left. */
function assertEmpty(tree: SubscriptionTree): void {
  assertEquals(tree.size, 0);
  const { children, any, rest } = rootOf(tree);
  assertEquals([children, any, rest], [undefined, undefined, undefined]);
  for (const topic of ["a", "a/b", "/", "$a/b", "a/b/c", "a//c/b"]) {
    assertEquals(tree.match(topic), { targets: [], groups: [] });
  }
}

// One target per session.

Deno.test("overlapping subscriptions give one target with the highest QoS and all identifiers [MQTT-3.3.4-2] [MQTT-3.3.4-4]", () => {
  const forest = new Forest();
  forest.set("one", "a/b", { qos: 1 }, 7);
  forest.set("one", "a/+", { qos: 2 });
  forest.set("one", "a/#", { qos: 0, retainAsPublished: true }, 9);
  forest.set("two", "a/#", { qos: 1 });
  const target = forest.target("one", "a/b");
  assertEquals(target?.identifiers?.toSorted(), [7, 9]);
  assertEquals(
    { ...target, identifiers: [] },
    { qos: 2, retainAsPublished: true, identifiers: [], ifLocal: undefined },
  );
  assertEquals(forest.target("two", "a/b"), {
    qos: 1,
    retainAsPublished: false,
    identifiers: undefined,
    ifLocal: undefined,
  });
});

Deno.test("same identifier of two subscriptions is there for each of them [MQTT-3.3.4-5]", () => {
  const forest = new Forest();
  forest.set("one", "a", {}, 7);
  forest.set("one", "+", {}, 7);
  assertEquals(forest.target("one", "a")?.identifiers, [7, 7]);
});

Deno.test("subscription replaces the one of the same session and filter [MQTT-3.8.4-3]", () => {
  const forest = new Forest();
  forest.set("one", "a", { qos: 2, noLocal: true }, 7);
  forest.set("one", "a", { qos: 1 });
  assertEquals(forest.tree.size, 1);
  assertEquals(forest.target("one", "a"), {
    qos: 1,
    retainAsPublished: false,
    identifiers: undefined,
    ifLocal: undefined,
  });
});

Deno.test("own messages come by the subscriptions without No Local only [MQTT-3.8.3-3]", () => {
  const forest = new Forest();
  forest.set("all", "a", { noLocal: true });
  forest.set("all", "+", { noLocal: true });
  forest.set("mixed", "a", { qos: 2, noLocal: true }, 1);
  forest.set("mixed", "+", { qos: 1, retainAsPublished: true }, 2);
  forest.set("mixed", "#", { qos: 0 });
  forest.set("none", "a");
  assertEquals(forest.target("all", "a")?.ifLocal, null);
  assertEquals(forest.target("mixed", "a")?.ifLocal as unknown, {
    qos: 1,
    retainAsPublished: true,
    identifiers: [2],
    ifLocal: undefined,
  });
  assertEquals(forest.target("none", "a")?.ifLocal, undefined);
});

// Removing.

Deno.test("subscription ends by its very filter and session only [MQTT-3.10.4-1]", () => {
  const forest = new Forest();
  forest.set("one", "a/+");
  forest.set("two", "a/+");
  forest.set("one", "$share/x/a/+");
  for (
    const [name, filter] of [
      ["one", "a/b"],
      ["one", "a/#"],
      ["one", "a"],
      ["three", "a/+"],
      ["one", "$share/y/a/+"],
      ["two", "$share/x/a/+"],
      ["one", "$share/x/a"],
    ] as const
  ) forest.delete(name, filter);
  assertEquals(forest.tree.size, 3);
  assertEquals(forest.receivers("a/b"), ["one", "two"]);
  forest.delete("one", "a/+");
  assertEquals(forest.tree.size, 2);
  assertEquals(forest.receivers("a/b"), ["two"]);
  assertEquals(forest.tree.match("a/b").groups.length, 1);
  forest.delete("one", "$share/x/a/+");
  assertEquals(forest.tree.match("a/b").groups.length, 0);
});

Deno.test("subscription tree is empty after clear()", () => {
  const forest = new Forest();
  for (const filter of ["a", "+", "#", "a/b", "$share/x/a"]) {
    forest.set("one", filter);
  }
  assertEquals(forest.receivers("a"), ["one"]);
  forest.tree.clear();
  assertEmpty(forest.tree);
  forest.set("one", "a");
  assertEquals(forest.receivers("a"), ["one"]);
});

// Shared subscriptions.

Deno.test("share groups are told apart by share name and filter [MQTT-4.8.2-4]", () => {
  const forest = new Forest();
  const subscriptions = [
    ["one", "$share/x/a"],
    ["two", "$share/x/a"],
    ["two", "$share/y/a"],
    ["two", "$share/x/+"],
    ["two", "a"],
  ] as const;
  for (const [name, filter] of subscriptions) forest.set(name, filter);
  assertEquals(foundGroups(forest.tree, "a"), [
    "one 0 ,two 0 ",
    "two 0 ",
    "two 0 ",
  ]);
  assertEquals(forest.receivers("a"), ["two"]);
  assertEquals(forest.tree.size, 5);
});

Deno.test("member of a share group that subscribes again stays one member", () => {
  const forest = new Forest();
  forest.set("one", "$share/x/a", { qos: 0 });
  forest.set("two", "$share/x/a", { qos: 0 });
  forest.set("one", "$share/x/a", { qos: 2 }, 5);
  assertEquals(foundGroups(forest.tree, "a"), ["one 2 5,two 0 "]);
  assertEquals(forest.tree.size, 2);
});
