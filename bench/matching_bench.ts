/**
 * What it costs to find out where a message goes. Run with `deno task bench`.
 *
 * Each iteration matches BATCH topics: divide by it for the cost of one.
 */

import type { Session } from "../broker/_session.ts";
import { SubscriptionTree } from "../broker/_subscription_tree.ts";

const BATCH = 100;

/** More topics than the cache remembers: none is found there. */
const MANY_TOPICS = 65_536;

/** The tree only tells sessions apart. */
function session(): Session {
  return {} as Session;
}

function subscribe(tree: SubscriptionTree, filter: string, who = session()) {
  const request = {
    filter,
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
  } as const;
  tree.set({ session: who, request, identifier: undefined });
}

function topicOf(device: number): string {
  return `site/${device % 16}/machine/${device}/temperature`;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** A tree in which each device has a subscriber of its own. */
function exactTree(devices: number): SubscriptionTree {
  const tree = new SubscriptionTree();
  for (const device of numbers(devices)) subscribe(tree, topicOf(device));
  return tree;
}

/** A tree in which every topic has several matches, all of them wildcards. */
function wildcardTree(): SubscriptionTree {
  const tree = new SubscriptionTree();
  subscribe(tree, "#");
  subscribe(tree, "+/+/+/+/+");
  subscribe(tree, "site/+/machine/+/temperature");
  for (const site of numbers(16)) {
    subscribe(tree, `site/${site}/#`);
    subscribe(tree, `site/${site}/+/+/temperature`);
    subscribe(tree, `+/${site}/machine/#`);
  }
  for (const machine of numbers(1000)) {
    subscribe(tree, `site/+/machine/${machine}/#`);
    subscribe(tree, `+/+/+/${machine}/+`);
  }
  return tree;
}

/** A tree with so many subscribers of one topic. */
function fanTree(filters: readonly string[]): SubscriptionTree {
  const tree = new SubscriptionTree();
  for (const filter of filters) subscribe(tree, filter);
  return tree;
}

/** Matches topics in turn, BATCH of them in each call. */
function matcher(tree: SubscriptionTree, topics: readonly string[]) {
  let at = 0;
  return () => {
    let targets = 0;
    for (let i = 0; i < BATCH; i++) {
      targets += tree.match(topics[at]!).targets.length;
      at = (at + 1) % topics.length;
    }
    if (targets === 0) throw new Error("nothing matches");
  };
}

/** A tree with hardly anything in it, but a match for every topic. */
function smallTree(): SubscriptionTree {
  const tree = exactTree(9);
  subscribe(tree, "site/+/machine/+/temperature");
  return tree;
}

const trees = {
  "10 filters": smallTree(),
  "100,000 exact filters": exactTree(100_000),
  "2,051 filters with wildcards": wildcardTree(),
};

const topics = {
  "that come back (cached)": numbers(100).map(topicOf),
  "that do not (not cached)": numbers(MANY_TOPICS).map(topicOf),
};

for (const [which, names] of Object.entries(topics)) {
  for (const [name, tree] of Object.entries(trees)) {
    const group = `match ${BATCH} topics ${which}`;
    Deno.bench({ name, group, fn: matcher(tree, names) });
  }
}

const fans = {
  "one filter": numbers(1000).map(() => "news/today"),
  "two filters": numbers(1000).map((i) => i % 2 ? "news/today" : "news/#"),
};

for (const [name, filters] of Object.entries(fans)) {
  const group = `match ${BATCH} times a topic with 1,000 subscribers`;
  const tree = fanTree(filters);
  Deno.bench({ name, group, fn: matcher(tree, ["news/today"]) });
}

for (const [name, filters] of Object.entries(fans)) {
  const tree = fanTree(filters);
  const who = session();
  Deno.bench({
    name,
    group: "subscribe once more, and match a topic with 1,000 subscribers",
    fn: () => {
      subscribe(tree, "news/today", who);
      const { targets } = tree.match("news/today");
      if (targets.length !== 1001) throw new Error("some are missing");
    },
  });
}

for (const [name, tree] of Object.entries(trees)) {
  const who = session();
  Deno.bench({
    name,
    group: "subscribe and unsubscribe",
    fn: () => {
      subscribe(tree, "site/0/machine/0/pressure", who);
      tree.delete(who, "site/0/machine/0/pressure");
    },
  });
}
