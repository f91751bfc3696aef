import { assertEquals, assertThrows } from "@std/assert";
import type { BrokerConfig } from "../../broker/mod.ts";
import { translate } from "../../broker/_legacy.ts";
import { SettingsError } from "../../codec/mod.ts";

/** The configuration as it was meant, and what is warned of. */
function meant(config: BrokerConfig) {
  const warnings: string[] = [];
  const translated = translate(
    config,
    (path, text) => warnings.push(`${path.join(".")}: ${text}`),
  );
  return { ...translated, warnings };
}

Deno.test("translate() leaves as it is what means what it says", () => {
  const config = {
    listeners: { default: { capath: "/etc/ssl" }, one: { bind: "1" } },
    auth: { plugins: ["auth_file"] },
    plugins: ["event_logger_plugin", "./mine.ts"],
  };
  assertEquals(meant(config), { ...config, warnings: [] });
  assertEquals(meant({}), { warnings: [] });
  const mapped = { plugins: { auth_file: { passwordFile: "p" } } };
  assertEquals(meant(mapped), { ...mapped, warnings: [] });
});

for (
  const capath of [
    "certificate data",
    "-----BEGIN CERTIFICATE-----\nx",
    "\n  -----BEGIN TRUSTED CERTIFICATE-----\n",
  ]
) {
  Deno.test(`translate() takes capath ${JSON.stringify(capath)} for cadata`, () => {
    assertEquals(meant({ listeners: { one: { bind: "1", capath } } }), {
      listeners: { one: { bind: "1", cadata: capath } },
      warnings: [
        "listeners.one.capath: listeners.one.capath is a certificate: taken " +
        "as cadata",
      ],
    });
  });
}

Deno.test("translate() does not guess where cadata is there too", () => {
  const listener = { capath: "certificate data", cadata: "x" };
  const { path, problem } = assertThrows(
    () => meant({ listeners: { one: listener } }),
    SettingsError,
  );
  assertEquals(path, ["listeners", "one", "capath"]);
  assertEquals(
    problem,
    "listeners.one.capath is a certificate, not a directory",
  );
});

Deno.test("translate() moves bare names of plugins to their sections", () => {
  assertEquals(
    meant({
      plugins: ["auth.anonymous", "topic_acl", "broker_sys", "auth_file"],
      auth: { allowAnonymous: true, plugins: ["./mine.ts", "auth_file"] },
    }),
    {
      plugins: ["broker_sys"],
      auth: {
        allowAnonymous: true,
        plugins: ["./mine.ts", "auth_file", "auth.anonymous"],
      },
      topicCheck: { plugins: ["topic_acl"] },
      warnings: [
        "plugins: plugins names auth.anonymous, auth_file, topic_acl: taken as " +
        "auth.plugins and topic-check.plugins",
      ],
    },
  );
});

Deno.test("translate() leaves plugins that code adds where they are", () => {
  const own = { name: "own", authenticate: () => true };
  const { plugins, auth } = meant({ plugins: ["auth_anonymous", own] });
  assertEquals([plugins, auth], [[own], { plugins: ["auth_anonymous"] }]);
});

for (
  const [other, section] of [
    ["./mine.ts", "auth"],
    [{ auth_file: {} }, "auth"],
    ["amqtt.plugins.logging_amqtt.EventLoggerPlugin", "topic-check"],
  ] as const
) {
  Deno.test(`translate() refuses a bare name beside ${JSON.stringify(other)}`, () => {
    const name = section === "auth" ? "auth_file" : "topic_acl";
    const { path, problem } = assertThrows(
      () => meant({ plugins: [other, name] }),
      SettingsError,
    );
    assertEquals(path, ["plugins", "1"]);
    assertEquals(
      problem,
      `plugins has ${name} without options, beside plugins of another style; ` +
        `name it in ${section}.plugins, or give it options here`,
    );
  });
}
