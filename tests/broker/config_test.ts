import { assertEquals, assertThrows } from "@std/assert";
import {
  Broker,
  type BrokerConfig,
  defaultLimits,
  type Limits,
  parseBind,
} from "../../broker/mod.ts";
import {
  checkConfig,
  resolveLimits,
  resolveListeners,
} from "../../broker/config.ts";

// Bind.

const binds: readonly [bind: string, hostname: string, port: number][] = [
  ["127.0.0.1:1884", "127.0.0.1", 1884],
  ["localhost:1884", "localhost", 1884],
  ["broker.example.org:8883", "broker.example.org", 8883],
  ["[::1]:1884", "::1", 1884],
  ["[::]:0", "::", 0],
  ["[2001:db8::a:1]:65535", "2001:db8::a:1", 65_535],
  ["[fe80::1%eth0]:1", "fe80::1%eth0", 1],
  // without a port
  ["[::1]", "::1", 1883],
  ["localhost", "localhost", 1883],
  ["10.0.0.1", "10.0.0.1", 1883],
  // without a host
  [":1884", "0.0.0.0", 1884],
  ["1884", "0.0.0.0", 1884],
  ["0", "0.0.0.0", 0],
  [":0", "0.0.0.0", 0],
  ["65535", "0.0.0.0", 65_535],
  // without anything
  ["", "0.0.0.0", 1883],
  ["  ", "0.0.0.0", 1883],
  // as people write it
  [" 127.0.0.1:1884\n", "127.0.0.1", 1884],
  ["01884", "0.0.0.0", 1884],
];

for (const [bind, hostname, port] of binds) {
  Deno.test(`parseBind() takes ${JSON.stringify(bind)} apart`, () => {
    assertEquals(parseBind(bind), { hostname, port });
  });
}

const badBinds = [
  "65536",
  ":65536",
  "localhost:99999",
  "localhost:",
  "localhost:http",
  "localhost:-1",
  ":",
  "::",
  "::1",
  "::1:1883",
  "[::1",
  "::1]:1883",
  "[]:1883",
  "[::1]1883",
  "[::1]:",
  "mqtt://localhost:1883",
  "a:b:1",
];

for (const bind of badBinds) {
  Deno.test(`parseBind() throws when given ${JSON.stringify(bind)}`, () => {
    const { message } = assertThrows(() => parseBind(bind), TypeError);
    assertEquals(
      message,
      `Cannot bind to ${JSON.stringify(bind)}: it is not host:port, ` +
        "[IPv6]:port, :port or a port from 0 to 65535",
    );
  });
}

// Listeners.

Deno.test("resolveListeners() makes one on 0.0.0.0:1883 when nothing is said", () => {
  assertEquals(resolveListeners(), [{
    name: "default",
    type: "tcp",
    hostname: "0.0.0.0",
    port: 1883,
    maxConnections: Infinity,
  }]);
});

Deno.test("resolveListeners() makes none when there are none", () => {
  assertEquals(resolveListeners({}), []);
});

Deno.test("resolveListeners() gives listeners what default says and they do not", () => {
  const listeners = resolveListeners({
    default: { type: "tcp", maxConnections: 7 },
    inherits: { bind: "1" },
    overrides: { bind: "localhost:2", maxConnections: 8 },
    unlimited: { bind: "[::1]:3", maxConnections: 0 },
    template: {},
  });
  assertEquals(
    listeners.map(({ name, hostname, port, maxConnections }) =>
      [name, hostname, port, maxConnections].join()
    ),
    [
      "inherits,0.0.0.0,1,7",
      "overrides,localhost,2,8",
      "unlimited,::1,3,Infinity",
    ],
  );
});

Deno.test("resolveListeners() starts default itself when it has a bind, which nobody inherits", () => {
  const listeners = resolveListeners({
    other: { bind: "2" },
    default: { bind: "1", maxConnections: 3 },
    silent: { maxConnections: 5 },
  });
  assertEquals(
    listeners.map(({ name, port, maxConnections }) =>
      [name, port, maxConnections].join()
    ),
    ["other,2,3", "default,1,3"],
  );
});

for (
  const [maxConnections, expected] of [
    [1, 1],
    [50_000, 50_000],
    [0, Infinity],
    [-1, Infinity],
    [undefined, Infinity],
  ] as const
) {
  Deno.test(`resolveListeners() has ${expected} as the limit when maxConnections is ${maxConnections}`, () => {
    const config = maxConnections === undefined ? {} : { maxConnections };
    const [listener] = resolveListeners({ default: { bind: "0", ...config } });
    assertEquals(listener?.maxConnections, expected);
  });
}

Deno.test("resolveListeners() passes on what is said of WebSocket, TLS and Unix sockets", () => {
  const tls = { certfile: "c.pem", keyfile: "k.pem" };
  const listeners = resolveListeners({
    default: { ssl: true, ...tls },
    plain: { bind: "unix:/run/mqtt.sock", ssl: false },
    ws: { bind: "1", type: "ws", path: "/mqtt", origins: ["null"] },
    asks: { bind: "2", cafile: "ca.pem" },
    demands: { bind: "3", cadata: "PEM", clientCert: "required" },
  });
  const any = { hostname: "0.0.0.0", maxConnections: Infinity, type: "tcp" };
  assertEquals<unknown[]>(listeners, [
    {
      ...any,
      name: "plain",
      hostname: "",
      port: 0,
      unixPath: "/run/mqtt.sock",
    },
    {
      ...any,
      name: "ws",
      type: "ws",
      port: 1,
      path: "/mqtt",
      origins: ["null"],
      tls: { ...tls, clientCert: "none" },
    },
    {
      ...any,
      name: "asks",
      port: 2,
      tls: { ...tls, cafile: "ca.pem", clientCert: "optional" },
    },
    {
      ...any,
      name: "demands",
      port: 3,
      tls: { ...tls, cadata: "PEM", clientCert: "required" },
    },
  ]);
});

// What is wrong.

/** A configuration as it could come from JavaScript or a file. */
function configured(config: unknown): () => Broker {
  return () => new Broker(config as BrokerConfig);
}

const keys =
  "listeners, auth, plugins, store, limits, timeoutDisconnectDelay, now";
const limitKeys = Object.keys(defaultLimits).join(", ");

const wrong: readonly [config: unknown, problem: string][] = [
  [null, "the configuration is null, not an object"],
  [[], "the configuration is [], not an object"],
  ["x", 'the configuration is "x", not an object'],
  [{ listener: {} }, `there is no listener; known are ${keys}`],
  [{ Listeners: {} }, `there is no Listeners; known are ${keys}`],
  [
    { "timeout-disconnect-delay": 2 },
    `there is no timeout-disconnect-delay; known are ${keys}`,
  ],
  // listeners
  [{ listeners: null }, "listeners is null, not an object"],
  [{ listeners: ["1883"] }, 'listeners is ["1883"], not an object'],
  [{ listeners: 1883 }, "listeners is 1883, not an object"],
  [
    { listeners: { default: null } },
    "listeners.default is null, not an object",
  ],
  [
    { listeners: { default: "1883" } },
    'listeners.default is "1883", not an object',
  ],
  [
    { listeners: { default: { bind: "0", "max-connections": 1 } } },
    "there is no listeners.default.max-connections; " +
    "known are type, bind, maxConnections, path, origins, ssl, certfile, keyfile, cafile, capath, cadata, clientCert",
  ],
  [
    // an indentation slip
    { listeners: { one: { bind: "0", two: { bind: "1" } } } },
    "there is no listeners.one.two; known are type, bind, maxConnections, path, origins, ssl, certfile, keyfile, cafile, capath, cadata, clientCert",
  ],
  [
    { listeners: { default: { bind: "0", type: "udp" } } },
    'listeners.default.type is "udp", not "tcp" or "ws"',
  ],
  [
    { listeners: { default: { bind: "0", maxConnections: "1" } } },
    'listeners.default.maxConnections is "1", not a number',
  ],
  [
    { listeners: { default: { bind: null } } },
    'listeners.default.bind is null, not a text such as "localhost:1883"',
  ],
  [
    { listeners: { default: { bind: true } } },
    'listeners.default.bind is true, not a text such as "localhost:1883"',
  ],
  // auth
  [{ auth: [] }, "auth is [], not an object"],
  [
    { auth: { "allow-anonymous": false } },
    "there is no auth.allow-anonymous; known are allowAnonymous",
  ],
  [
    { auth: { allowAnonymous: "true / false" } },
    'auth.allowAnonymous is "true / false", not true or false',
  ],
  [
    { auth: { allowAnonymous: 0 } },
    "auth.allowAnonymous is 0, not true or false",
  ],
  [
    { auth: { allowAnonymous: null } },
    "auth.allowAnonymous is null, not true or false",
  ],
  // timeoutDisconnectDelay
  [
    { timeoutDisconnectDelay: -1 },
    "timeoutDisconnectDelay is -1, not a number of seconds",
  ],
  [
    { timeoutDisconnectDelay: "2" },
    'timeoutDisconnectDelay is "2", not a number of seconds',
  ],
  [
    { timeoutDisconnectDelay: NaN },
    "timeoutDisconnectDelay is NaN, not a number of seconds",
  ],
  // limits
  [{ limits: null }, "limits is null, not an object"],
  [
    { limits: { inFlight: 1 } },
    `there is no limits.inFlight; known are ${limitKeys}`,
  ],
  [
    { limits: { inflight: "1" } },
    'limits.inflight is "1", not an integer from 1 to 65535',
  ],
  [
    { limits: { inflight: 1.5 } },
    "limits.inflight is 1.5, not an integer from 1 to 65535",
  ],
  [
    { limits: { inflight: NaN } },
    "limits.inflight is NaN, not an integer from 1 to 65535",
  ],
  [
    { limits: { connections: Infinity } },
    "limits.connections is Infinity, not an integer from 1 to 9007199254740991",
  ],
  [
    { limits: { connections: 1n } },
    "limits.connections is 1, not an integer from 1 to 9007199254740991",
  ],
];

for (const [config, problem] of wrong) {
  Deno.test(`broker is not made when ${problem.split(";")[0]}`, () => {
    const { message } = assertThrows(configured(config), TypeError);
    assertEquals(message, `Cannot configure the broker: ${problem}`);
  });
}

Deno.test("broker is made when all that may be said is said, or nothing", () => {
  checkConfig({});
  checkConfig({ auth: {} });
  checkConfig({
    listeners: {},
    auth: { allowAnonymous: false },
    plugins: [],
    limits: {},
    timeoutDisconnectDelay: 0,
    now: () => 0,
  });
  assertEquals(new Broker().status, "new");
});

Deno.test("broker takes a bind that is a number, as YAML makes it", () => {
  const config = { default: { bind: 1884 as unknown as string } };
  assertEquals(resolveListeners(config)[0]?.port, 1884);
});

// Limits.

/** Every limit, with the least and the greatest value it may have. */
const ranges: Record<keyof Limits, [least: number, most: number]> = {
  connections: [1, Number.MAX_SAFE_INTEGER],
  connectTimeout: [1, Number.MAX_SAFE_INTEGER],
  maximumPacketSize: [1, 268_435_460],
  clientIdLength: [1, Number.MAX_SAFE_INTEGER],
  topicLength: [1, 65_535],
  topicLevels: [1, Number.MAX_SAFE_INTEGER],
  topicAliasMaximum: [0, 65_535],
  subscriptions: [1, Number.MAX_SAFE_INTEGER],
  subscriptionBytes: [1, Number.MAX_SAFE_INTEGER],
  inflight: [1, 65_535],
  receiveMaximum: [1, 65_535],
  queuedMessages: [0, Number.MAX_SAFE_INTEGER],
  queuedBytes: [0, Number.MAX_SAFE_INTEGER],
  outboundBytes: [1, Number.MAX_SAFE_INTEGER],
  stallTimeout: [1, Number.MAX_SAFE_INTEGER],
  sessions: [0, Number.MAX_SAFE_INTEGER],
  sessionExpiryInterval: [0, 0xffff_ffff],
  retainedMessages: [0, Number.MAX_SAFE_INTEGER],
  retainedBytes: [0, Number.MAX_SAFE_INTEGER],
  shutdownTimeout: [0, 2_147_483],
};

Deno.test("this table of ranges has every limit", () => {
  assertEquals(Object.keys(ranges).sort(), Object.keys(defaultLimits).sort());
});

for (const [name, [least, most]] of Object.entries(ranges)) {
  Deno.test(`resolveLimits() takes ${name} from ${least} to ${most}`, () => {
    const key = name as keyof Limits;
    for (const value of [least, most, defaultLimits[key]]) {
      assertEquals(resolveLimits({ [key]: value }), {
        ...defaultLimits,
        [key]: value,
      });
    }
    for (const value of [least - 1, most + 1, -Infinity, least + 0.5]) {
      const { message } = assertThrows(
        () => resolveLimits({ [key]: value }),
        TypeError,
      );
      assertEquals(
        message,
        `Cannot configure the broker: limits.${name} is ${value}, ` +
          `not an integer from ${least} to ${most}`,
      );
    }
  });
}

Deno.test("resolveLimits() leaves the default where a limit is undefined", () => {
  assertEquals(
    resolveLimits({ inflight: undefined as unknown as number }),
    defaultLimits,
  );
});

Deno.test("resolveLimits() gives every caller limits of its own", () => {
  const one = resolveLimits();
  one.inflight = 1;
  assertEquals(resolveLimits(), defaultLimits);
});
