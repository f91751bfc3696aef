import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  builtinOf,
  isSpecifier,
  loadBuiltin,
  sectionOf,
  unknownPlugin,
} from "../../broker/_builtin.ts";
import { readSettings } from "../../codec/mod.ts";
import type { PluginModule } from "../../broker/mod.ts";

const names: readonly [name: string, builtin: ReturnType<typeof builtinOf>][] =
  [
    ["auth_anonymous", "auth_anonymous"],
    ["auth.anonymous", "auth_anonymous"],
    ["auth_file", "auth_file"],
    ["auth.file", "auth_file"],
    ["auth_scram", "auth_scram"],
    ["topic_taboo", "topic_taboo"],
    ["topic_acl", "topic_acl"],
    ["broker_sys", "broker_sys"],
    ["event_logger_plugin", "event_logger_plugin"],
    ["packet_logger_plugin", "packet_logger_plugin"],
    ["amqtt.plugins.authentication.AnonymousAuthPlugin", "auth_anonymous"],
    ["amqtt.plugins.authentication.FileAuthPlugin", "auth_file"],
    ["amqtt.plugins.topic_checking.TopicTabooPlugin", "topic_taboo"],
    [
      "amqtt.plugins.topic_checking.TopicAccessControlListPlugin",
      "topic_acl",
    ],
    ["amqtt.plugins.sys.broker.BrokerSysPlugin", "broker_sys"],
    ["amqtt.plugins.logging_amqtt.EventLoggerPlugin", "event_logger_plugin"],
    ["amqtt.plugins.logging_amqtt.PacketLoggerPlugin", "packet_logger_plugin"],
    ["toString", undefined],
    ["auth_files", undefined],
    ["AUTH_FILE", undefined],
  ];

for (const [name, builtin] of names) {
  Deno.test(`plugin ${name} is ${builtin ?? "not built in"}`, () => {
    assertEquals(builtinOf(name), builtin);
  });
}

Deno.test("every built-in plugin can be loaded, has its name and says its options", async () => {
  for (const builtin of new Set(names.map(([, one]) => one))) {
    if (builtin === undefined) continue;
    const { plugin, options } = await loadBuiltin(builtin) as PluginModule;
    assert(options !== undefined, builtin);
    const needsFile = builtin === "auth_file" || builtin === "auth_scram";
    const given = needsFile ? { passwordFile: "p" } : {};
    const { name } = plugin(readSettings(given, options, builtin));
    assertEquals(name, builtin);
  }
});

for (
  const [name, section] of [
    ["auth.anonymous", "auth"],
    ["topic_acl", "topicCheck"],
    ["broker_sys", undefined],
    ["./auth_file", undefined],
    [{}, undefined],
  ] as const
) {
  Deno.test(`section of plugin ${JSON.stringify(name)} is ${section}`, () => {
    assertEquals(sectionOf(name), section);
  });
}

for (
  const [name, expected] of [
    ["./a.ts", true],
    ["../a.ts", true],
    ["/a.ts", true],
    ["C:\\a.ts", true],
    ["C:/a.ts", true],
    ["file:///a.ts", true],
    ["jsr:@me/a", true],
    ["npm:a@1", true],
    ["https://example.org/a.ts", true],
    ["a.ts", false],
    [".a", false],
    ["amqtt.plugins.x", false],
    ["node:fs", false],
  ] as const
) {
  Deno.test(`${name} is ${expected ? "a" : "no"} module specifier`, () => {
    assertEquals(isSpecifier(name), expected);
  });
}

for (
  const [name, advice] of [
    ["auth_flie", "; did you mean auth_file? built in are auth_anonymous,"],
    ["amqtt.contrib.auth_db.UserAuthDBPlugin", ": users in a database"],
    ["amqtt.contrib.auth_db.TopicAuthDBPlugin", ": rules in a database"],
    ["amqtt.contrib.cert.UserAuthCertPlugin", ": a listener with client-cert:"],
    ["amqtt.contrib.http.TopicAuthHttpPlugin", ": asking a web service"],
    ["amqtt.contrib.jwt.UserAuthJwtPlugin", ": tokens"],
    ["amqtt.contrib.ldap.UserAuthLdapPlugin", ": LDAP"],
    ["amqtt.contrib.shadows.ShadowPlugin", ": device shadows"],
    ["amqtt.contrib.django.DjangoAuthPlugin", ": Django"],
    ["amqtt.contrib.persistence.OtherPlugin", ": persistence.file says"],
    ["amqtt.plugins.persistence.OtherPlugin", ": persistence.file says"],
    ["my.own.Plugin", "; built in are auth_anonymous,"],
  ] as const
) {
  Deno.test(`unknown plugin ${name} is explained${advice.slice(0, 24)} …`, () => {
    const problem = unknownPlugin(name);
    assertStringIncludes(problem, `there is no plugin ${name}${advice}`);
    assertStringIncludes(problem, "export function plugin(options)");
  });
}
