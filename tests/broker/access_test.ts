import { assertEquals } from "@std/assert";
import { accessOf, isLocal, uncheckedLine } from "../../broker/_access.ts";
import { readConfig } from "../../broker/_configuration.ts";
import { loadPlugins } from "../../broker/_load_plugins.ts";
import { Broker, type BrokerConfig } from "../../broker/mod.ts";
import { resolveListeners } from "../../broker/listeners.ts";

const own = { name: "own", authenticate: () => true };
const methodical = {
  name: "methodical",
  authenticationMethods: {
    TEST: () => ({ continue: () => ({ outcome: "refusal" as const }) }),
  },
};
const watching = { name: "watching", on: {} };

const rules = { enabled: true, acl: { admin: ["#"] } };
const open = "byDefault anybody";
const everybody = "byDefault anybody unchecked";

const configs: readonly [config: BrokerConfig, expected: string][] = [
  [{}, "byDefault anybody"],
  [{ auth: {} }, "byDefault anybody"],
  [{ plugins: [watching] }, "byDefault anybody"],
  [{ plugins: [own] }, ""],
  [{ plugins: [methodical] }, ""],
  [{ plugins: [methodical], topicCheck: rules }, ""],
  [{ auth: { allowAnonymous: false }, plugins: [methodical] }, ""],
  [{ auth: { allowAnonymous: true } }, "anybody"],
  [{ auth: { allowAnonymous: true }, plugins: [own] }, "anybody"],
  [{ auth: { allowAnonymous: false } }, "nobody"],
  [{ auth: { allowAnonymous: false }, plugins: [watching] }, "nobody"],
  [{ auth: { allowAnonymous: false }, plugins: [own] }, ""],
  [{ auth: { plugins: [] } }, "nobody"],
  [{ auth: { plugins: ["auth_file"] } }, "nobody"],
  [{ auth: { passwordFile: "p" } }, ""],
  [{ auth: { passwordFile: "p", allowAnonymous: true } }, "anybody"],
  [{ plugins: ["packet_logger_plugin", { auth_anonymous: {} }] }, "anybody"],
  [{ plugins: { auth_anonymous: { "allow-anonymous": "off" } } }, "nobody"],
  [{ topicCheck: rules }, everybody],
  [{ plugins: { topic_acl: { publish_acl: { admin: [] } } } }, everybody],
  [{ plugins: { topic_acl: { publish_acl: { anonymous: [] } } } }, open],
  [{ topicCheck: { ...rules, enabled: false } }, open],
  [{ topicCheck: rules, auth: { allowAnonymous: true } }, "anybody unchecked"],
  [{
    topicCheck: rules,
    auth: { allowAnonymous: true, plugins: ["auth_file"] },
  }, "anybody"],
  [{ topicCheck: rules, auth: { allowAnonymous: false } }, "nobody"],
  [{ topicCheck: rules, auth: { passwordFile: "p" } }, ""],
  [{ topicCheck: rules, plugins: [own] }, ""],
  [{ topicCheck: rules, plugins: [watching] }, everybody],
];

for (const [config, expected] of configs) {
  Deno.test(`access with ${JSON.stringify(config)}: ${expected || "who is approved"}`, async () => {
    const read = readConfig(config);
    const plugins = await loadPlugins(read.plugins, undefined);
    const access = Object.entries(accessOf(read, plugins));
    const found = access.filter(([, holds]) => holds).map(([name]) => name);
    assertEquals(found.join(" "), expected);
  });
}

for (
  const [bind, expected] of [
    ["127.0.0.1:1", true],
    ["127.1.2.3", true],
    ["[::1]:1", true],
    ["localhost", true],
    ["unix:/run/x", true],
    [":1", false],
    ["[::]:1", false],
    ["10.0.0.1", false],
    ["127.example.org", false],
  ] as const
) {
  Deno.test(`isLocal() is ${expected} of ${bind}`, () => {
    const [listener] = resolveListeners({ one: { bind } });
    assertEquals(isLocal(listener!), expected);
  });
}

Deno.test("broker warns, when it is checked and when it starts, if rules are for user names that nobody checks", async () => {
  const warnings: string[] = [];
  const warn = (line: string) => warnings.push(line);
  const logger = { debug() {}, info() {}, warn, error() {} };
  const topicCheck = { ...rules, publishAcl: {} };
  const auth = { allowAnonymous: true };
  const config = { listeners: {}, topicCheck, auth, logger };
  await using broker = new Broker(config);
  await broker.check();
  assertEquals(warnings, [uncheckedLine]);
  await broker.start();
  assertEquals(warnings, [uncheckedLine, uncheckedLine]);
});
