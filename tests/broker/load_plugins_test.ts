import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { readConfig } from "../../broker/_configuration.ts";
import { loadPlugins } from "../../broker/_load_plugins.ts";
import {
  Broker,
  type BrokerConfig,
  BrokerError,
  parseConfig,
} from "../../broker/mod.ts";
import { SettingsError } from "../../codec/mod.ts";

const folder = new URL("../fixtures/plugins/", import.meta.url);
const file = decodeURIComponent(new URL("b.yaml", folder).pathname);

/** Loads what a text in the folder of the plugins asks for. */
function load(text: string) {
  const { plugins, settings } = readConfig(parseConfig(text, file));
  return loadPlugins(plugins, settings.source);
}

Deno.test("plugins are loaded in their order: objects, built in, by path", async () => {
  const own = { name: "own", on: {} };
  const { plugins } = readConfig({
    plugins: [
      own,
      "event_logger_plugin",
      new URL("good.ts", folder).href,
      decodeURIComponent(new URL("silent.ts", folder).pathname),
    ],
  });
  const loaded = await loadPlugins(plugins, undefined);
  assertEquals(loaded.map(({ name }) => name), [
    ...["own", "event_logger_plugin", "good", "silent"],
  ]);
  assertEquals(loaded[0] === own, true);
});

Deno.test("path of a plugin is relative to the configuration file, or to where the program runs", async () => {
  const [plugin] = await load("plugins: [./good.ts]");
  assertEquals(plugin?.name, "good");
  const relative = "./tests/fixtures/plugins/good.ts";
  const { plugins } = readConfig({ plugins: [relative] });
  assertEquals((await loadPlugins(plugins, undefined))[0]?.name, "good");
});

Deno.test("path of a plugin may have any character", async () => {
  const folder = await Deno.makeTempDir({ prefix: "100%25 #1 " });
  try {
    const source = 'export const plugin = () => ({ name: "found" });';
    const names = ["sp ace#1.ts", "a?b.ts", "100%.ts", "%41.ts"];
    for (const name of names) {
      await Deno.writeTextFile(`${folder}/${name}`, source);
    }
    const plugins = names.flatMap((name) => [`./${name}`, `${folder}/${name}`]);
    const read = readConfig(
      parseConfig(JSON.stringify({ plugins }), `${folder}/b.yaml`),
    );
    const loaded = await loadPlugins(read.plugins, read.settings.source);
    assertEquals(loaded.map(({ name }) => name), plugins.map(() => "found"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("plugin gets its options in camelCase", async () => {
  const { plugins } = readConfig({
    plugins: { "./x.ts": { "retry-limit": 3, some_flag: "on" } },
  });
  const given: unknown[] = [];
  const module = {
    options: {
      retryLimit: { type: "integer", description: "How often." },
      someFlag: { type: "boolean", description: "Whether." },
    },
    plugin: (options: object) => {
      given.push(options);
      return { name: "x" };
    },
  };
  await loadPlugins(plugins, undefined, () => Promise.resolve(module));
  assertEquals(given, [{ retryLimit: 3, someFlag: true }]);
});

Deno.test("default export of a module is a factory too", async () => {
  const { plugins } = readConfig({ plugins: ["npm:x"] });
  const module = { default: () => ({ name: "x" }) };
  const [plugin] = await loadPlugins(
    plugins,
    undefined,
    () => Promise.resolve(module),
  );
  assertEquals(plugin?.name, "x");
});

for (
  const [text, place, problem] of [
    [
      "plugins:\n- ./good.ts:\n    refus: x\n",
      "3:5",
      "there is no refus; did you mean refuse? known are refuse, retryLimit",
    ],
    [
      "plugins:\n  ./good.ts:\n    retry-limit: -1\n",
      "3:5",
      "retry-limit is -1, not an integer of at least 0",
    ],
    [
      "plugins: {./silent.ts: {a: 1}}",
      "1:25",
      "there is no a; known are none",
    ],
    [
      "plugins: {auth_anonymous: {allow_anonymous: maybe}}",
      "1:28",
      'allow_anonymous is "maybe", not true or false',
    ],
    [
      "topic-check:\n  enabled: on\n  publish-acl:\n    u: [a/#/b]\n",
      "4:9",
      "",
    ],
  ] as const
) {
  Deno.test(`option of a plugin is refused at ${place}: ${problem}`, async () => {
    const config = parseConfig(text, file);
    const broker = new Broker({ ...config, listeners: {} });
    const error = await assertRejects(() => broker.start(), SettingsError);
    assertStringIncludes(error.message, `${file}:${place}: ${problem}`);
    assertEquals(broker.status, "not_started");
  });
}

for (
  const [name, reason] of [
    ["./none.ts", "Module not found"],
    ["./broken.ts", "broken"],
    ["./failing.ts", "no database"],
    ["./no_factory.ts", "its module does not export a function named plugin"],
    ["./no_plugin.ts", "what plugin() returns is no plugin: it has no name"],
  ] as const
) {
  Deno.test(`plugin ${name} is not loaded: ${reason}`, async () => {
    const { message } = await assertRejects(
      () => load(`plugins:\n- ${name}\n`),
      BrokerError,
    );
    const start = `Cannot load the plugin ${name} (${file}:2:1): `;
    assertEquals(message.slice(0, start.length), start);
    assertStringIncludes(message, reason);
  });
}

Deno.test("plugin that stands in auth has to authenticate", async () => {
  const { message } = await assertRejects(
    () => load("auth: {plugins: [./silent.ts]}"),
    BrokerError,
  );
  assertEquals(
    message,
    `Cannot load the plugin ./silent.ts (${file}:1:18): it stands in auth, but ` +
      "does not authenticate",
  );
});

Deno.test("broker whose plugin cannot be loaded does not start, and says no place without a file", async () => {
  const config: BrokerConfig = { listeners: {}, plugins: ["./nowhere.ts"] };
  const broker = new Broker(config);
  const { message } = await assertRejects(() => broker.start(), BrokerError);
  assertStringIncludes(message, "Cannot load the plugin ./nowhere.ts: ");
  assertEquals(broker.status, "not_started");
});
