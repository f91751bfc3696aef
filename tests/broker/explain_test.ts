import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type BrokerConfig,
  explainConfig,
  parseConfig,
} from "../../broker/mod.ts";
import { readConfig } from "../../broker/_configuration.ts";
import { SettingsError } from "../../codec/mod.ts";

/** The lines that explain a text, without the limits that are not said. */
function explained(text: string): string[] {
  return explainConfig(parseConfig(text, "b.yaml")).trimEnd().split("\n")
    .filter((line) => !/^ {2}[a-z-]+: \d+ {2}# default$/.test(line));
}

const text = `listeners:
  default:
    max_connections: 50000
    bind: 0.0.0.0:1883
  my-tcp:
    bind: "[::1]:1884"
  "my tls":
    bind: 8883
    ssl: on
    max-connections: 0
    certfile: c.pem
    keyfile: k.pem
    capath: certificate data
sys_interval: 20
session-expiry-interval: 60
limits:
  queued_messages: 5
auth:
  allow-anonymous: off
  password-file: passwd
topic-check:
  enabled: true
  publish-acl: {user: [a/#]}
plugins:
  - ./mine.ts: {api-key: hunter2, uri: "redis://me:hunter2@host/1", n: 1}
`;

Deno.test("explainConfig() tells of each value where it is from", () => {
  assertEquals(
    explained(text),
    [
      "listeners:",
      "  default:",
      "    type: tcp  # default",
      '    bind: "0.0.0.0:1883"  # b.yaml:4:5',
      "    max-connections: 50000  # b.yaml:3:5, written max_connections",
      "    ssl: false  # default",
      "  my-tcp:",
      "    type: tcp  # default",
      '    bind: "[::1]:1884"  # b.yaml:6:5',
      "    max-connections: 50000  # from listeners.default, b.yaml:3:5, " +
      "written max_connections",
      "    ssl: false  # default",
      '  "my tls":',
      "    type: tcp  # default",
      '    bind: "8883"  # b.yaml:8:5',
      "    max-connections: 0  # b.yaml:10:5",
      "    ssl: true  # b.yaml:9:5",
      "    certfile: c.pem  # b.yaml:11:5",
      "    keyfile: k.pem  # b.yaml:12:5",
      '    cadata: "certificate data"  # b.yaml:7:3, by what stands there',
      "auth:",
      "  allow-anonymous: false  # b.yaml:19:3",
      "  password-file: passwd  # b.yaml:20:3",
      "topic-check:",
      "  enabled: true  # b.yaml:22:3",
      '  publish-acl: {"user":["a/#"]}  # b.yaml:23:3',
      "plugins:",
      '  - {"./mine.ts":{"api-key":"(not shown)","uri":' +
      '"redis://(not shown)@host/1","n":1}}  # b.yaml:25:3',
      "sys-interval: 20  # b.yaml:14:1, written sys_interval",
      "limits:",
      "  queued-messages: 5  # b.yaml:17:3, written queued_messages",
      "  queue-full: drop-newest  # default",
      "  session-expiry-interval: 60  # b.yaml:15:1",
      "# The plugins, in the order in which they are asked:",
      '#   auth_anonymous {"allowAnonymous":false}  (b.yaml:18:1)',
      '#   auth_file {"passwordFile":"passwd"}  (b.yaml:18:1)',
      "#   topic_taboo  (b.yaml:21:1)",
      '#   topic_acl {"publishAcl":{"user":["a/#"]}}  (b.yaml:21:1)',
      '#   ./mine.ts {"api-key":"(not shown)","uri":' +
      '"redis://(not shown)@host/1","n":1}  (b.yaml:25:5)',
      '#   broker_sys {"sysInterval":20}  (b.yaml:14:1, written sys_interval)',
      "# Warning: b.yaml:13:5: listeners.my tls.capath is a certificate: taken as " +
      "cadata",
    ].map((line) => line.replace("listeners.my tls.", 'listeners["my tls"].')),
  );
});

Deno.test("explainConfig() gives YAML that comes to the same", () => {
  const config = parseConfig(
    text.replace(
      '- ./mine.ts: {api-key: hunter2, uri: "redis://me:hunter2@host/1", n: 1}',
      "- broker_sys: {}",
    ),
    "b.yaml",
  );
  const before = readConfig(config);
  const after = readConfig(parseConfig(explainConfig(config), "c.yaml"));
  assertEquals(after.listeners, before.listeners);
  assertEquals(after.limits, before.limits);
  const asked = ({ plugins }: typeof before) =>
    plugins.map((one) => "options" in one && [one.name, one.options]);
  assertEquals(asked(after), asked(before));
});

Deno.test("explainConfig() of nothing is the defaults", () => {
  const lines = explainConfig({}).split("\n");
  assertEquals(lines.slice(0, 11), [
    "listeners:",
    "  default:",
    "    type: tcp  # default",
    '    bind: "0.0.0.0:1883"  # default',
    "    max-connections: 0  # default",
    "    ssl: false  # default",
    "auth:",
    "  allow-anonymous: true  # default",
    "topic-check:",
    "  enabled: false  # default",
    "plugins: []",
  ]);
  assertEquals(lines.some((line) => line.includes("given")), false);
});

for (
  const [auth, expected] of [
    [{}, "true  # default"],
    [{ passwordFile: "p" }, "false  # default"],
    [{ plugins: [] }, "false  # default"],
    [{ plugins: ["auth_anonymous"] }, "true  # default"],
    [{ allowAnonymous: false }, "false  # given"],
  ] as const
) {
  Deno.test(`explainConfig() of auth ${JSON.stringify(auth)} has allow-anonymous: ${expected}`, () => {
    const config: BrokerConfig = { auth };
    const line = `  allow-anonymous: ${expected}\n`;
    assertStringIncludes(explainConfig(config), line);
  });
}

Deno.test("explainConfig() names plugins that are objects, and lists those of a map", () => {
  const own = { name: "own", on: {} };
  const list = explainConfig({ plugins: [own, "broker_sys"] });
  assertStringIncludes(list, "  # - own, an object  # given\n");
  assertStringIncludes(list, "#   own  (given)\n");
  const map = explained("plugins:\n  event_logger_plugin:\n  broker_sys: {}\n");
  assert(map.includes("  event_logger_plugin: null  # b.yaml:2:3"), `${map}`);
});

Deno.test("explainConfig() shows nothing that may be secret, however deep and whatever it is called", () => {
  const text = [
    "plugins:",
    "- ./mine.ts:",
    "    api_tokens: [hunter2]",
    "    secret: {value: hunter2, more: [{deep: hunter2}]}",
    "    pwd: hunter2",
    "    key: hunter2",
    "    signing-key: hunter2",
    "    dsn: user=u host=hunter2",
    "    connection: postgres://u:hun/ter2hunter2@host/db",
    "    other: user=u password=hunter2",
    "    uri: https://host/?n=1&access_token=hunter2",
    "    password: 2222",
    "    password-file: /shown",
    "    keyfile: /shown.too",
    "- https://me:hunter2@host/x.ts",
    "- ./secret_tokens.ts: {greeting: hello}",
  ].join("\n") + "\n";
  const map = 'plugins:\n  "https://me:hunter2@host/x.ts": {pwd: hunter2}\n';
  const shown = [...explained(text), ...explained(map)].join("\n");
  assertEquals(/^.*(?:ter2|2222).*$/m.exec(shown)?.[0], undefined);
  for (const word of ["/shown", "/shown.too", "n=1", "hello", "user=u"]) {
    assertStringIncludes(shown, word);
  }
});

Deno.test("explainConfig() shows the options of built-in plugins, whatever users are called", () => {
  const acl = '{"publish_acl":{"secretary":["a/#"]}}';
  const list = explained(`plugins:\n- topic_acl: ${acl}\n`).join("\n");
  const map = explained(`plugins:\n  topic_acl: ${acl}\n`).join("\n");
  for (const shown of [list, map]) {
    assertEquals(shown.split(acl).length, 3);
  }
});

Deno.test("explainConfig() throws what is wrong", () => {
  assertThrows(
    () => explainConfig({ sysInterval: -1 }),
    SettingsError,
    "sysInterval is -1",
  );
});
