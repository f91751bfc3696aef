/** Configurations of brokers, as text that somebody has edited. */

import { assert } from "@std/assert";
import { accessOf } from "../../broker/_access.ts";
import { Attempt } from "../../broker/_attempt.ts";
import { readConfig } from "../../broker/_configuration.ts";
import { Deadlines } from "../../broker/_deadlines.ts";
import { Hooks } from "../../broker/_hooks.ts";
import { loadPlugins } from "../../broker/_load_plugins.ts";
import { type BrokerConfig, Metrics, parseConfig } from "../../broker/mod.ts";
import { SettingsError } from "../../codec/mod.ts";
import type { Random } from "../_random.ts";
import { clientOf } from "../broker/_parts.ts";
import { mutateText } from "./_mutate.ts";
import { simplerText } from "./_shrink.ts";
import type { Target } from "./_target.ts";

const FILE = "broker.yaml";

/** What people write: what is closed, what has rules, all kinds of YAML. */
const valid = [
  `listeners:
  default:
    type: tcp
    bind: 0.0.0.0:1883
    max-connections: 500
  web:
    type: ws
    bind: 127.0.0.1:8080
    path: /mqtt
auth:
  allow-anonymous: false
  password-file: /etc/ambermq/passwd
sys_interval: 10
`,
  `listeners: {default: {bind: "127.0.0.1:1883"}}
auth:
  allow-anonymous: off
  password-file: passwd
  plugins: [auth_file, auth_anonymous]
topic-check:
  enabled: on
  plugins:
    - topic_acl
  acl:
    alice: [home/#, "$SYS/#"]
    anonymous: ['public/+']
  publish-acl:
    alice:
      - home/alice/#
`,
  `# HBMQTT
listeners:
    default:
        max-connections: 50000
        type: tcp
    my-tcp-1:
        bind: 127.0.0.1:1883
timeout-disconnect-delay: 2
auth:
    plugins: ['auth.file']
    password-file: /some/passwd_file
`,
  `limits:
  maximum-packet-size: 65536
  queued-messages: 100
  session-expiry-interval: 3600
capabilities: {maximum-qos: 1, retain-available: true}
max-qos: ~
plugins:
  - event_logger
  - broker_sys: {sys-interval: 5}
  - auth_anonymous: {allow-anonymous: false}
`,
  `auth: &closed
  allow-anonymous: false
plugins: {packet_logger: null}
`,
];

const words = [
  ...["true", "false", "on", "off", "null", "~", "{}", "[]", "''", "-1", "0"],
  ...[
    "1e9",
    "0x10",
    "'",
    '"',
    ":",
    ": ",
    "- ",
    "#",
    "&a ",
    "*a",
    "!!str ",
    "|",
  ],
  ...["\n", "  ", "\t", "[", "]", "{", "}", ",", "allow-anonymous", "auth"],
  ...["password-file", "plugins", "auth_anonymous", "auth_file", "topic_acl"],
  ...["allow-anonymous: true", "__proto__", "constructor", "<<", "? ", "%"],
  ...["bind: 0.0.0.0:1", "1.5", ".inf", ".nan", "2001-01-01", "yes", "no"],
];

async function check(text: string): Promise<void> {
  let config: BrokerConfig;
  try {
    config = parseConfig(text, FILE);
  } catch (error) {
    return checkError(error);
  }
  const settled = readConfig(config);
  // What is named by a path would be imported.
  if (settled.plugins.some((one) => !("builtin" in one || "plugin" in one))) {
    return;
  }
  let plugins;
  try {
    plugins = await loadPlugins(settled.plugins, config.source);
  } catch (error) {
    return checkError(error, true);
  }
  const access = accessOf(settled, plugins);
  const metrics = new Metrics();
  const deadlines = new Deadlines(30, () => 0);
  const hooks = new Hooks(plugins, access.byDefault, metrics, deadlines);
  const client = clientOf("stranger");
  const verdict = await hooks.authenticate(client, undefined, new Attempt());
  if (verdict === true) {
    assert(access.anybody, "It is open, and nobody is told");
  }
}

/** Errors say which file, and where in it. */
function checkError(error: unknown, loading = false): void {
  assert(error instanceof SettingsError, `${(error as Error)?.stack}`);
  const placed = new RegExp(`${FILE}(:\\d+:\\d+)?: \\S`);
  if (!loading) assert(placed.test(error.message), error.message);
  assert(!/undefined/.test(error.problem), error.message);
}

/** `broker/config_file.ts`, and all that it stands on. */
export const config: Target<string> = {
  name: "config",
  about: "configurations are read or refused with their place; none opens",
  generate: (random: Random) =>
    mutateText(random, random.pick(valid), words, 6),
  check,
  shrink: simplerText,
  show: (text) => `${JSON.stringify(text)}\n${text}`,
};
