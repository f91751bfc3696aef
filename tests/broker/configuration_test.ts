import { assertEquals, assertThrows } from "@std/assert";
import {
  Broker,
  type BrokerConfig,
  configFields,
  defaultConfig,
  defaultLimits,
} from "../../broker/mod.ts";
import { readConfig } from "../../broker/_configuration.ts";
import { SettingsError } from "../../codec/mod.ts";

/** A configuration as it could come from JavaScript or a file. */
function configured(config: unknown): () => Broker {
  return () => new Broker(config as BrokerConfig);
}

const keys = Object.keys(configFields).join(", ");
const listenerKeys = Object.keys(configFields.listeners!.values!.fields!)
  .join(", ");
const limitKeys = Object.keys(defaultLimits).join(", ");

const wrong: readonly [config: unknown, problem: string][] = [
  [null, "it is empty, not an object with keys"],
  [[], "it is a list, not an object with keys"],
  ["x", 'it is "x", not an object with keys'],
  [
    { listener: {} },
    `there is no listener; did you mean listeners? known are ${keys}`,
  ],
  [{ maxQuality: 1 }, `there is no maxQuality; known are ${keys}`],
  // listeners
  [{ listeners: null }, "listeners is empty, not an object with keys"],
  [{ listeners: ["1883"] }, "listeners is a list, not an object with keys"],
  [{ listeners: 1883 }, "listeners is 1883, not an object with keys"],
  [
    { listeners: { default: null } },
    "listeners.default is empty, not an object with keys",
  ],
  [
    { listeners: { default: { max_connection: 1 } } },
    "there is no listeners.default.max_connection; did you mean " +
    "max_connections? known are " +
    listenerKeys.replace(/[A-Z]/g, (one) => `_${one.toLowerCase()}`),
  ],
  [
    { listeners: { one: { bind: "0", two: { bind: "1" } } } },
    "there is no listeners.one.two; if it is to be one of listeners, it is " +
    `indented too far; known are ${listenerKeys}`,
  ],
  [
    { listeners: { default: { bind: "0", type: "udp" } } },
    'listeners.default.type is "udp", not "tcp" or "ws"',
  ],
  [
    { listeners: { default: { bind: "0", maxConnections: "1" } } },
    'listeners.default.maxConnections is "1", not an integer',
  ],
  [
    { listeners: { default: { bind: null } } },
    "listeners.default.bind is empty, not a text",
  ],
  // auth
  [{ auth: [] }, "auth is a list, not an object with keys"],
  [
    { auth: { allowAnonymous: "true / false" } },
    'auth.allowAnonymous is "true / false", not true or false',
  ],
  [
    { auth: { allowAnonymous: null } },
    "auth.allowAnonymous is empty, not true or false",
  ],
  [
    { auth: { plugins: "auth_file" } },
    'auth.plugins is "auth_file", not a list',
  ],
  // topicCheck
  [
    { topicCheck: { enabled: "true / false" } },
    'topicCheck.enabled is "true / false", not true or false',
  ],
  [
    { "topic-check": { acl: { username2: "..." } } },
    'topic-check.acl.username2 is "...", not a list',
  ],
  // intervals
  [
    { timeoutDisconnectDelay: -1 },
    "timeoutDisconnectDelay is -1, not a number of at least 0",
  ],
  [
    { "timeout-disconnect-delay": "2" },
    'timeout-disconnect-delay is "2", not a number of at least 0',
  ],
  [
    { sys_interval: true },
    "sys_interval is true, not an integer from 0 to 2147483",
  ],
  [
    { sessionExpiryInterval: 1, limits: { sessionExpiryInterval: 2 } },
    "session-expiry-interval and limits.session-expiry-interval are the same; " +
    "keep one of them",
  ],
  // limits
  [{ limits: null }, "limits is empty, not an object with keys"],
  [
    { limits: { inFlight: 1 } },
    "there is no limits.inFlight; did you mean inflight? known are " +
    limitKeys,
  ],
  // trusted addresses
  [
    { trustedAddresses: ["::1", "192.0.2"] },
    'trusted-addresses[1] is "192.0.2", not an address or network such as ' +
    "192.0.2.1, 192.0.2.0/24 or 2001:db8::/32",
  ],
];

for (const [config, problem] of wrong) {
  Deno.test(`broker is not made when ${problem.split(";")[0]}`, () => {
    const error = assertThrows(configured(config), SettingsError);
    assertEquals(
      error.message,
      `Cannot read the configuration of the broker: ${problem}`,
    );
  });
}

Deno.test("broker is made when all that may be said is said, or nothing", () => {
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  for (
    const config of [{}, { auth: {} }, { topicCheck: {} }, { plugins: {} }]
  ) {
    assertEquals(new Broker(config).status, "new");
  }
  new Broker({
    listeners: {},
    auth: { allowAnonymous: false },
    topicCheck: { enabled: false },
    plugins: [],
    limits: {},
    trustedAddresses: [],
    sysInterval: 0,
    timeoutDisconnectDelay: 0,
    sessionExpiryInterval: 0,
    logger,
    now: () => 0,
  });
});

Deno.test("broker without a configuration has the documented one: 0.0.0.0:1883, anybody, $SYS each 20 seconds", () => {
  const { listeners, plugins, warnings } = readConfig(defaultConfig());
  assertEquals(listeners, [{
    name: "default",
    type: "tcp",
    hostname: "0.0.0.0",
    port: 1883,
    maxConnections: Infinity,
  }]);
  const names = plugins.map(({ name }) => name);
  assertEquals(names, ["auth_anonymous", "broker_sys"]);
  assertEquals(warnings, []);
});

Deno.test("broker reads what YAML gives as what is typed", () => {
  const typed: BrokerConfig = {
    listeners: {
      default: { maxConnections: 50_000, ssl: false },
      "my-tcp-1": { bind: "1884", clientCert: "none" },
    },
    auth: { allowAnonymous: true, passwordFile: "passwd" },
    topicCheck: { enabled: false, publishAcl: { "a-user": ["a/#"] } },
    timeoutDisconnectDelay: 2,
    sysInterval: 20,
    sessionExpiryInterval: 60,
    limits: { queuedMessages: 5 },
  };
  for (const join of ["-", "_"]) {
    const spelled = (value: unknown, depth = 0): unknown =>
      typeof value !== "object" || value === null || Array.isArray(value)
        ? value
        : Object.fromEntries(
          Object.entries(value).map(([key, own]) => [
            key.replace(/[A-Z]/g, (c) => join + c.toLowerCase()),
            spelled(own, depth + 1),
          ]),
        );
    const plain = spelled(typed) as Record<string, Record<string, unknown>>;
    plain.listeners!["my-tcp-1"] = {
      bind: 1884,
      [`client${join}cert`]: "none",
    };
    plain.listeners!.default = {
      [`max${join}connections`]: 50_000,
      ssl: "OFF",
    };
    assertEquals(readConfig(plain as BrokerConfig), {
      ...readConfig(typed),
    });
  }
});

Deno.test("nothing of a configuration leaks into another broker's", () => {
  const config = {
    listeners: { default: { bind: "1" } },
    auth: { plugins: ["auth_file"] },
    limits: { inflight: 3 },
    sysInterval: 5,
  };
  const before = structuredClone(config);
  const read = readConfig(config);
  read.limits.inflight = 9;
  read.settings.listeners!["default"]!.bind = "2";
  assertEquals(config, before);
  assertEquals(readConfig({}).limits, defaultLimits);
  assertEquals(readConfig({}).plugins, []);
  assertEquals(readConfig(defaultConfig()).listeners[0]?.port, 1883);
});

Deno.test("trap 11: $SYS is off where a configuration does not say an interval", () => {
  assertEquals(readConfig({}).plugins, []);
  assertEquals(readConfig({ sysInterval: 0 }).plugins, []);
  assertEquals(
    readConfig({ sysInterval: 7 }).plugins.map(({ name }) => name),
    ["broker_sys"],
  );
});

Deno.test("trap 17: a broker is made without a configuration", () => {
  assertEquals(new Broker().status, "new");
});

Deno.test("sessionExpiryInterval is the limit of that name", () => {
  const { limits } = readConfig({ sessionExpiryInterval: 60 });
  assertEquals(limits, { ...defaultLimits, sessionExpiryInterval: 60 });
});

for (
  const [what, listeners, warnings] of [
    ["no listener has a bind", { default: {} }, [
      "no listener has a bind: the broker listens nowhere",
    ]],
    ["there are no listeners at all", {}, []],
  ] as const
) {
  Deno.test(`readConfig() warns ${warnings.length > 0 ? "" : "of nothing "}when ${what}`, () => {
    assertEquals(readConfig({ listeners }).warnings, warnings);
  });
}
