import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type ActivePlugin,
  activePlugins,
  isPlugin,
} from "../../broker/_active_plugins.ts";
import { Attempt } from "../../broker/_attempt.ts";
import type { BrokerConfig } from "../../broker/mod.ts";
import { SettingsError } from "../../codec/mod.ts";

/** What a configuration asks for: the plugins, as lines, and warnings. */
function asked(config: BrokerConfig) {
  const warnings: string[] = [];
  const plugins = activePlugins(
    config,
    (path, text) => warnings.push(`${path.join(".")}: ${text}`),
  );
  const show = (plugin: ActivePlugin): string =>
    "options" in plugin
      ? `${plugin.builtin ?? plugin.name} ${JSON.stringify(plugin.options)}`
      : plugin.name;
  return { plugins: plugins.map(show), warnings };
}

const open = 'auth_anonymous {"allowAnonymous":true}';
const closed = 'auth_anonymous {"allowAnonymous":false}';
const file = 'auth_file {"passwordFile":"p"}';
const unsaid = "auth: auth does not say allow-anonymous: clients without a " +
  "user name are refused";
const noFile = "auth: auth names auth_file, but no password-file: whoever " +
  "gives a user name is refused";

// auth: a key activates its plugin, a list may name it and others.

const scram = (allowPasswords: boolean) =>
  `auth_scram ${JSON.stringify({ passwordFile: "p", allowPasswords })}`;

const auths: readonly [
  auth: NonNullable<BrokerConfig["auth"]>,
  plugins: string[],
  warnings?: string[],
][] = [
  [{}, []],
  [{ plugins: [] }, []],
  [{ allowAnonymous: true }, [open]],
  [{ allowAnonymous: false }, [closed]],
  [{ passwordFile: "p" }, [file], [unsaid]],
  [{ passwordFile: "p", allowAnonymous: true }, [open, file]],
  [{ passwordFile: "p", allowAnonymous: false }, [closed, file]],
  [{ plugins: ["auth_anonymous"] }, [open]],
  [{ plugins: ["auth.anonymous"], allowAnonymous: false }, [closed]],
  [
    { plugins: ["auth_file", "auth_anonymous"], passwordFile: "p" },
    [file, closed],
    [unsaid],
  ],
  [
    {
      plugins: ["auth.file", "auth.anonymous", "auth_file"],
      passwordFile: "p",
      allowAnonymous: true,
    },
    [file, open],
  ],
  [{ plugins: ["auth_file"] }, ["auth_file"], [unsaid, noFile]],
  [
    { plugins: ["auth_anonymous"], passwordFile: "p", allowAnonymous: true },
    [open, file],
    [
      "auth.passwordFile: auth.plugins does not name auth_file, but there is a " +
      "password file: passwords are checked",
    ],
  ],
  [{ plugins: ["auth_scram"], passwordFile: "p" }, [scram(false)], [unsaid]],
  [
    {
      plugins: ["auth_scram"],
      passwordFile: "p",
      allowAnonymous: true,
    },
    [open, scram(false)],
  ],
  [
    { plugins: ["auth_scram", "auth_file"], passwordFile: "p" },
    [scram(true), file],
    [unsaid],
  ],
  [{ plugins: [], allowAnonymous: true }, [open]],
  [{ plugins: ["./mine.ts"] }, ["./mine.ts {}"]],
  [
    { plugins: ["jsr:@me/auth", "auth_file"], passwordFile: "p" },
    ["jsr:@me/auth {}", file],
    [unsaid],
  ],
];

for (const [auth, plugins, warnings = []] of auths) {
  Deno.test(`auth: ${JSON.stringify(auth)} asks for ${plugins.join(", ") || "nobody"}`, () => {
    assertEquals(asked({ auth }), { plugins, warnings });
  });
}

Deno.test("auth_file without a password file denies user names and abstains without", () => {
  const [plugin] = activePlugins(
    { auth: { plugins: ["auth_file"] } },
    () => {},
  );
  if (!("plugin" in plugin!)) throw new Error("it is there already");
  const client = {
    clientId: "c",
    username: undefined,
    protocolVersion: 5,
    address: undefined,
    listener: "l",
    certificate: undefined,
  } as const;
  const { authenticate } = plugin.plugin;
  assertEquals(authenticate!(client, undefined, new Attempt()), undefined);
  assertEquals(
    authenticate!({ ...client, username: "u" }, undefined, new Attempt()),
    false,
  );
});

// topicCheck

const acl = { u: ["a/#"] };
const publishAcl = { u: ["b"] };
const rules = (given: object) => `topic_acl ${JSON.stringify(given)}`;
const anyPublish =
  "topicCheck: topic-check says who may subscribe, but has no " +
  "publish-acl: anybody may publish to any topic";
const disabled = "topicCheck: topic-check is not enabled: its rules have no " +
  "effect";

const checks: readonly [
  topicCheck: NonNullable<BrokerConfig["topicCheck"]>,
  plugins: string[],
  warnings?: string[],
][] = [
  [{}, []],
  [{ enabled: false }, []],
  [{ enabled: false, acl }, [], [disabled]],
  [{ publishAcl }, [], [disabled]],
  [{ plugins: ["topic_taboo"] }, [], [disabled]],
  [{ enabled: true }, ["topic_taboo {}"]],
  [{ enabled: true, plugins: [] }, []],
  [{ enabled: true, publishAcl }, ["topic_taboo {}", rules({ publishAcl })]],
  [
    { enabled: true, acl },
    ["topic_taboo {}", rules({ acl })],
    [anyPublish],
  ],
  [
    { enabled: true, plugins: ["topic_acl"], subscribeAcl: acl, publishAcl },
    [rules({ subscribeAcl: acl, publishAcl })],
  ],
  [
    { enabled: true, plugins: ["./mine.ts"], receiveAcl: acl },
    ["./mine.ts {}", rules({ receiveAcl: acl })],
  ],
  [
    { enabled: true, plugins: ["topic_acl", "topic_taboo"], acl: {} },
    [rules({ acl: {} }), "topic_taboo {}"],
    [anyPublish],
  ],
];

for (const [topicCheck, plugins, warnings = []] of checks) {
  Deno.test(`topicCheck: ${JSON.stringify(topicCheck)} asks for ${plugins.join(", ") || "nobody"}`, () => {
    assertEquals(asked({ topicCheck }), { plugins, warnings });
  });
}

// plugins

const own = { name: "own", authenticate: () => true };

class Classy {
  readonly name = "classy";
  authenticate(): boolean {
    return true;
  }
}

const lists: readonly [
  plugins: NonNullable<BrokerConfig["plugins"]>,
  expected: string[],
][] = [
  [[], []],
  [{}, []],
  [[own], ["own"]],
  [[new Classy()], ["classy"]],
  [["event_logger_plugin", own], ["event_logger_plugin {}", "own"]],
  [["./a.ts", "npm:x", "file:///y.ts"], [
    "./a.ts {}",
    "npm:x {}",
    "file:///y.ts {}",
  ]],
  [
    [{ "./a.ts": { b: 1 } }, { "packet_logger_plugin": null }],
    ['./a.ts {"b":1}', "packet_logger_plugin {}"],
  ],
  [{ "/a.ts": { b: 1 }, "C:\\b.ts": null }, ['/a.ts {"b":1}', "C:\\b.ts {}"]],
  [
    { "amqtt.plugins.authentication.FileAuthPlugin": { password_file: "p" } },
    ['auth_file {"password_file":"p"}'],
  ],
];

for (const [plugins, expected] of lists) {
  Deno.test(`plugins that ask for ${expected.join(", ") || "nobody"}`, () => {
    assertEquals(asked({ plugins }), { plugins: expected, warnings: [] });
  });
}

Deno.test("plugins stand in the order auth, topicCheck, plugins, sysInterval", () => {
  const { plugins } = asked({
    sysInterval: 5,
    plugins: ["event_logger_plugin", own],
    topicCheck: { enabled: true },
    auth: { allowAnonymous: true },
  });
  assertEquals(plugins, [
    open,
    "topic_taboo {}",
    "event_logger_plugin {}",
    "own",
    'broker_sys {"sysInterval":5}',
  ]);
});

Deno.test("sysInterval adds no broker_sys beside one that plugins has", () => {
  const name = "amqtt.plugins.sys.broker.BrokerSysPlugin";
  const plugins = { [name]: { sys_interval: 7 } };
  assertEquals(asked({ sysInterval: 5, plugins }).plugins, [
    'broker_sys {"sys_interval":7}',
  ]);
});

Deno.test("auth and plugins that only watch, or are not known, go together", () => {
  const { plugins } = asked({
    auth: { allowAnonymous: false },
    plugins: { "./mine.ts": {}, broker_sys: {} },
  });
  assertEquals(plugins, [closed, "./mine.ts {}", "broker_sys {}"]);
});

// What is wrong.

const taboo = "amqtt.plugins.topic_checking.TopicTabooPlugin";

const wrong: readonly [config: unknown, path: string, problem: string][] = [
  [
    { auth: { plugins: ["auth_scram"] } },
    "auth.plugins.0",
    "auth names auth_scram, but no password-file",
  ],
  [
    { auth: { allowAnonymous: true }, plugins: [{ auth_file: {} }] },
    "plugins.0.auth_file",
    "plugins[0].auth_file and auth both configure who may connect; keep one of " +
    "them",
  ],
  [
    { topicCheck: { enabled: false }, plugins: { [taboo]: {} } },
    `plugins.${taboo}`,
    `plugins["${taboo}"] and topicCheck both configure access to topics; keep ` +
    "one of them",
  ],
  [
    { auth: { plugins: ["topic_acl"] } },
    "auth.plugins.0",
    "auth.plugins[0] is topic_acl, which does not authenticate",
  ],
  [
    { auth: { plugins: ["auth_fil"] } },
    "auth.plugins.0",
    "there is no plugin auth_fil; did you mean auth_file? built in are ",
  ],
  [
    { topicCheck: { enabled: true, plugins: ["auth_file"] } },
    "topicCheck.plugins.0",
    "topicCheck.plugins[0] is auth_file, which does not decide on topics",
  ],
  [
    { topicCheck: { enabled: true, plugins: ["topic_acl"] } },
    "topicCheck",
    "topic-check has topic_acl, but no acl, subscribe-acl, publish-acl or " +
    "receive-acl",
  ],
  [
    { topicCheck: { enabled: true, acl, subscribeAcl: acl } },
    "topicCheck.acl",
    "topic-check.acl and topic-check.subscribe-acl are the same; keep one of " +
    "them",
  ],
  [
    { plugins: ["mine.ts"] },
    "plugins.0",
    "there is no plugin mine.ts; built in are ",
  ],
  [
    { plugins: { "amqtt.contrib.ldap.UserAuthLdapPlugin": {} } },
    "plugins.amqtt.contrib.ldap.UserAuthLdapPlugin",
    "there is no plugin amqtt.contrib.ldap.UserAuthLdapPlugin: LDAP comes with " +
    "a later version; built in are ",
  ],
  [
    { plugins: [{ name: "auth_file", options: {} }] },
    "plugins.0",
    "plugins[0] has the keys name and options; a plugin is its name, or its " +
    "name with options: auth_file: {password-file: …}",
  ],
  [
    { plugins: [{ name: "auth_file", on: true }] },
    "plugins.0",
    "plugins[0] has the keys name and on; ",
  ],
  [
    { plugins: null },
    "plugins",
    "plugins is empty; write [] if there are none",
  ],
  [
    { plugins: [null] },
    "plugins.0",
    "plugins[0] is no plugin, no name and no name: options",
  ],
  [
    { plugins: [7] },
    "plugins.0",
    "plugins[0] is no plugin, no name and no name: options",
  ],
  [
    { plugins: "auth_file" },
    "plugins",
    "plugins is no plugin, no name and no name: options",
  ],
];

for (const [config, path, problem] of wrong) {
  Deno.test(`configuration is refused: ${problem}`, () => {
    const error = assertThrows(
      () => asked(config as BrokerConfig),
      SettingsError,
    );
    assertStringIncludes(error.problem, problem);
    assertEquals(error.path.join("."), path);
  });
}

for (
  const [value, expected] of [
    [own, true],
    [new Classy(), true],
    [{ name: "watcher", on: {} }, true],
    [{ name: "auth_file" }, false],
    [{ name: "auth_file", on: true }, false],
    [{ name: "auth_file", on: null }, false],
    [{ name: "auth_file", passwordFile: "p" }, false],
    [{ authenticate: () => true }, false],
    [null, false],
    ["auth_file", false],
  ] as const
) {
  Deno.test(`isPlugin() is ${expected} of ${JSON.stringify(value)}`, () => {
    assertEquals(isPlugin(value), expected);
  });
}
