/** Our own proof: the broker does what `ambermq test` asks of any broker. */

import { assertEquals, assertGreater } from "@std/assert";
import {
  Broker,
  type BrokerConfig,
  deriveScramCredentials,
  dial,
  MemoryStore,
  type Plugin,
  ScramServer,
} from "../../../mod.ts";
import {
  type Case,
  checks,
  plainTitle,
  type Result,
  runCases,
  select,
  statementsOf,
  versionNames,
} from "../../../cli/conformance/mod.ts";
import { agreeable } from "./_agreeable_broker.ts";

const all = select(checks, { versions: [3, 4, 5], slow: true });

/** Chapters about what this broker has. */
const less = ["What is not offered"];

const text = new TextDecoder();

/** The one user. */
const someone = { username: "someone", password: "secret" };

const credentials = await deriveScramCredentials(
  someone.password,
  new Uint8Array(16),
  4096,
);

/** Who says who they are has to be known, and nobody is. */
const doorkeeper: Plugin = {
  name: "doorkeeper",
  authenticate: ({ username }) =>
    username === undefined || username === someone.username,
  authenticationMethods: {
    "SCRAM-SHA-256": () => {
      const scram = new ScramServer();
      let username: string | undefined;
      return {
        async continue(data = new Uint8Array()) {
          if (username === undefined) {
            const first = text.decode(data).startsWith("n,,")
              ? scram.first(data)
              : undefined;
            if (first === undefined) return { outcome: "refusal" };
            username = first.username;
            return { outcome: "continue", data: first.challenge(credentials) };
          }
          try {
            const proof = await scram.check(data);
            if (proof !== undefined) {
              return { outcome: "success", username, data: proof };
            }
          } catch {
            // It is no proof.
          }
          return { outcome: "refusal" };
        },
      };
    },
  },
};

/** The listener that a check needs. */
function listenerFor({ check }: Case): "ws" | "tcp" {
  return check.chapter === "WebSocket" ? "ws" : "tcp";
}

/** Runs one check against a broker whose time is in our hands. */
async function runAgainstBroker(one: Case): Promise<Result[]> {
  let time = 1_700_000_000_000;
  const store = new MemoryStore();
  await using broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0", type: listenerFor(one) } },
    now: () => time,
    store,
    plugins: [doorkeeper],
  });
  await broker.start();
  const host = `127.0.0.1:${broker.addresses[0]!.port}`;
  const url = new URL(`${listenerFor(one) === "ws" ? "ws" : "mqtt"}://${host}`);
  const results = await Array.fromAsync(runCases([one], {
    dial: () => dial(url),
    ...(one.check.chapter === "Enhanced authentication" && someone),
    webSocket: { url, dial: () => dial(`mqtt://${host}`) },
    patience: 10_000,
    wait: (seconds) => {
      broker.sweep();
      time += seconds * 1000;
      broker.sweep();
      return Promise.resolve();
    },
  }, new AbortController().signal));
  // Nothing is left of it.
  assertEquals([...store.load()], []);
  return results;
}

for (const one of all) {
  const { check, version } = one;
  Deno.test(`${check.chapter}: ${check.title} (${versionNames[version]})`, async () => {
    const results = await runAgainstBroker(one);
    for (const { outcome, expected, actual } of results) {
      const wanted = check.informative
        ? "informative"
        : less.includes(check.chapter)
        ? "skipped" // with a broker that is otherwise: below
        : "passed";
      assertEquals(outcome, wanted, `expected ${expected}, got ${actual}`);
    }
    assertEquals(results.length, 1);
  });
}

const restrictions: readonly NonNullable<BrokerConfig["capabilities"]>[] = [
  { maximumQos: 0 },
  { maximumQos: 1 },
  { retain: false },
  { wildcardSubscriptions: false },
  { sharedSubscriptions: false },
  { subscriptionIdentifiers: false, maximumKeepAlive: 30 },
];

for (const capabilities of restrictions) {
  Deno.test(`what a broker does not offer is not checked: ${JSON.stringify(capabilities)}`, async () => {
    await using broker = new Broker({
      listeners: { default: { bind: "127.0.0.1:0" } },
      capabilities,
    });
    await broker.start();
    const url = `mqtt://127.0.0.1:${broker.addresses[0]!.port}`;
    const cases = select(checks, { versions: [4, 5], slow: false });
    const outcomes = new Map<string, number>();
    const failed: string[] = [];
    const results = runCases(cases, {
      dial: () => dial(url),
      patience: 10_000,
      wait: () => Promise.resolve(),
    }, new AbortController().signal);
    for await (const { outcome, title, version, expected, actual } of results) {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (outcome !== "failed") continue;
      failed.push(`${title} (${version}): ${expected}, not ${actual}`);
    }
    assertEquals(failed, []);
    assertGreater(outcomes.get("skipped") ?? 0, 0);
    assertGreater(outcomes.get("passed") ?? 0, 200);
  });
}

Deno.test("there are enough checks, each with a title of its own", () => {
  assertGreater(checks.length, 150);
  const titles = checks.map((one) => `${one.chapter} ${one.title}`);
  assertEquals(titles.length, new Set(titles).size);
});

Deno.test("every check but the informative ones names a statement of each of its versions", () => {
  for (const { check, version } of all) {
    if (check.informative || version === 3) continue;
    assertGreater(statementsOf(check.title, version).length, 0, check.title);
  }
});

Deno.test("a broker that says yes to everything passes no check about what it may not accept", async () => {
  const cases = all.filter(({ check }) =>
    !check.slow && !check.informative &&
    / (ends? the connection|is refused|not subscribed to)/.test(check.title)
  );
  assertGreater(cases.length, 100);
  const passed: string[] = [];
  for await (
    const { outcome, title } of runCases(cases, {
      dial: () => Promise.resolve(agreeable()),
      patience: 20,
      wait: () => Promise.resolve(),
    }, new AbortController().signal)
  ) if (outcome === "passed") passed.push(plainTitle(title));
  // It closes when it is told to; to acknowledge is one of two ways to refuse.
  const fine =
    "DISCONNECT as the first packet ends the connection, without a word";
  const either =
    "a PUBLISH that is not allowed is acknowledged as usual or ends the connection";
  assertEquals(passed, [fine, fine, either]);
});

Deno.test("a broker that says yes to everything and delivers nothing passes few checks", async () => {
  const cases = all.filter(({ check }) => !check.slow && !check.informative);
  let passed = 0;
  for await (
    const { outcome } of runCases(cases, {
      dial: () => Promise.resolve(agreeable()),
      patience: 20,
      wait: () => Promise.resolve(),
    }, new AbortController().signal)
  ) if (outcome === "passed") passed++;
  assertGreater(cases.length / 6, passed);
});
