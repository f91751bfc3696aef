/** What a client is told: URLs, and configurations that somebody has edited. */

import { assert, assertEquals } from "@std/assert";
import { parseYaml } from "../../broker/mod.ts";
import { hostOf, parseBrokerUrl, portOf } from "../../client/_url.ts";
import { clientOptions, MQTTClient } from "../../client/mod.ts";
import { SettingsError } from "../../codec/mod.ts";
import type { Random } from "../_random.ts";
import { mutateText } from "./_mutate.ts";
import { simplerText } from "./_shrink.ts";
import type { Target } from "./_target.ts";

/** What no message may show. */
const SECRET = "s3cr3tpassword";

const urls = [
  "mqtt://localhost",
  "mqtt://test.example:1884",
  `mqtts://alice:${SECRET}@broker.example:8883`,
  "ws://[::1]:8080/mqtt?token=1",
  `wss://bob:${SECRET}@bücher.example/mqtt`,
  "mqtt://127.0.0.1:65535/",
];

const urlWords = [
  ...["://", ":", "@", "/", "?", "#", "%", "%2", "%zz", "%00", "[", "]", "::1"],
  ...[
    "mqtt:",
    "mqtts:",
    "http:",
    "0",
    "65536",
    "-1",
    " ",
    "\n",
    "\\",
    "..",
    "*",
  ],
  ...["\u200b", "xn--", "999.1.1.1", "ü"],
];

function checkUrl(text: string): void {
  let parsed;
  try {
    parsed = parseBrokerUrl(text);
  } catch (error) {
    assert(error instanceof TypeError, `${(error as Error)?.stack}`);
    // A secret that stands where a password does.
    const said = /:\/\/[^/]*:s3cr3tpassword@/.test(text) &&
      text.split(SECRET).length === 2 &&
      error.message.includes(SECRET);
    assert(!said, error.message);
    return;
  }
  const { url } = parsed;
  const port = portOf(url);
  assert(Number.isInteger(port) && port > 0 && port < 65_536, `port ${port}`);
  const host = hostOf(url);
  assert(host !== "" && !/[\s/@\[\]]/.test(host), `host ${host}`);
  assert(!parsed.address.includes(SECRET) || url.hostname.includes(SECRET));
  const { username, password } = parseBrokerUrl(url.href);
  assertEquals([username, password], [parsed.username, parsed.password]);
}

/** `client/_url.ts`. */
export const url: Target<string> = {
  name: "url",
  about: "URLs are used or refused, and no password is shown",
  generate: (random) => mutateText(random, random.pick(urls), urlWords),
  check: checkUrl,
  shrink: simplerText,
  show: (text) => JSON.stringify(text),
};

const configs = [
  `keep_alive: 10
ping_delay: 1
default_qos: 0
default_retain: false
auto_reconnect: on
reconnect_max_interval: 5
reconnect_retries: 10
topics:
  '/test':
    qos: 1
    retain: true
broker:
  uri: mqtt://localhost
  cafile: ca.pem
`,
  `will: {topic: will/me, message: gone, qos: 1, retain: true}
cleansession: false
connection: {uri: "mqtts://broker.example"}
plugins: [packet_logger_plugin]
`,
];

const configWords = [
  ...["true", "false", "null", "~", "{}", "[]", "-1", "1.5", "1e99", ".inf"],
  ...[": ", "- ", "\n", "  ", "#", "'", '"', "[", "{", "qos: 3", "__proto__"],
  ...["uri", "mqtt:", "will", "topics", "keep_alive: 70000", "constructor"],
];

function checkConfig(text: string): void {
  try {
    const { value } = parseYaml(text, "client.yaml", "the configuration");
    const options = clientOptions(value, { log: () => {} });
    // Without a URL it is for somebody who gives one.
    new MQTTClient({ url: "mqtt://localhost", ...options });
  } catch (error) {
    const fine = error instanceof SettingsError || error instanceof TypeError ||
      error instanceof RangeError;
    const why = `${(error as Error)?.stack}`;
    assert(fine, why);
    // What the runtime says of its own accord is no answer to a mistake.
    assert(!/is not a function|of undefined|of null/.test(why), why);
  }
}

/** `client/config.ts`. */
export const clientConfig: Target<string> = {
  name: "client-config",
  about: "configurations of clients are used or refused",
  generate: (random: Random) =>
    mutateText(random, random.pick(configs), configWords, 6),
  check: checkConfig,
  shrink: simplerText,
  show: (text) => `${JSON.stringify(text)}\n${text}`,
};
