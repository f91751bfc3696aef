import { assertEquals, assertThrows } from "@std/assert";
import { type ListenerConfig, parseBind } from "../../broker/mod.ts";
import { bindLine, inherit, resolveListeners } from "../../broker/listeners.ts";
import { SettingsError } from "../../codec/mod.ts";

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

Deno.test("resolveListeners() makes one of a bind", () => {
  const listeners = { default: { bind: "0.0.0.0:1883" } };
  assertEquals(resolveListeners(listeners), [{
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

for (
  const [config, port] of [
    [{}, 1883],
    [{ type: "tcp", ssl: false }, 1883],
    [{ ssl: true }, 8883],
    [{ type: "ws" }, 8080],
    [{ type: "ws", ssl: true }, 8443],
  ] as const
) {
  const files = "ssl" in config && config.ssl
    ? { certfile: "c.pem", keyfile: "k.pem" }
    : {};
  Deno.test(`resolveListeners() takes port ${port} where a bind of ${JSON.stringify(config)} has none`, () => {
    for (const bind of ["", "localhost", "[::1]"]) {
      const [listener] = resolveListeners({ a: { ...files, ...config, bind } });
      assertEquals(listener?.port, port);
    }
    const [other] = resolveListeners({ a: { ...files, ...config, bind: "7" } });
    assertEquals(other?.port, 7);
  });
}

Deno.test("inherit() lets a listener say what default says too, also false and 0", () => {
  const listeners: Record<string, ListenerConfig> = {
    default: { bind: "1", ssl: true, maxConnections: 5 },
    one: { ssl: false, maxConnections: 0 },
  };
  assertEquals(inherit(listeners, "one"), { ssl: false, maxConnections: 0 });
  assertEquals(inherit(listeners, "default"), listeners["default"]);
});

// What contradicts itself.

const ssl = { bind: "0", ssl: true };
const files = { certfile: "c.pem", keyfile: "k.pem" };

const contradictions: readonly [
  config: ListenerConfig,
  key: string,
  problem: string,
][] = [
  [ssl, "ssl", "listeners.one has ssl, but no certfile"],
  [{ ...ssl, keyfile: "k" }, "ssl", "listeners.one has ssl, but no certfile"],
  [{ ...ssl, certfile: "c" }, "ssl", "listeners.one has ssl, but no keyfile"],
  [
    { ...ssl, ...files, clientCert: "required" },
    "clientCert",
    "listeners.one asks for certificates of clients, but has no cafile, capath " +
    "or cadata to check them with",
  ],
  ...(["required", "optional"] as const).map((
    clientCert,
  ): (typeof contradictions)[number] => [
    { bind: "0", ssl: false, cafile: "ca.pem", clientCert },
    "clientCert",
    `listeners.one has client-cert: ${clientCert}, but not ssl: on: nobody ` +
    "would be asked for a certificate",
  ]),
  ...(["certfile", "keyfile", "cafile", "capath", "cadata"] as const).map((
    key,
  ): (typeof contradictions)[number] => [
    { bind: "0", [key]: "x" },
    key,
    `listeners.one has ${key}, but not ssl: on; say ssl: off if connections ` +
    "are not to be encrypted",
  ]),
  [
    { bind: "0", path: "/mqtt" },
    "path",
    "listeners.one has path, which only type: ws has",
  ],
  [
    { bind: "0", type: "tcp", origins: [] },
    "origins",
    "listeners.one has origins, which only type: ws has",
  ],
  ...(["mqtt", "/mqtt?x", "/a b", "/#a", ""] as const).map((
    path,
  ): (typeof contradictions)[number] => [
    { bind: "0", type: "ws", path },
    "path",
    `listeners.one.path is ${JSON.stringify(path)}, which no request is for: ` +
    "a path begins with / and has no ?, # or space",
  ]),
  ...([
    "*",
    "example.org",
    "https://example.org/",
    "https://example.org/x",
    "https://example.org:443",
  ] as const).map((origin): (typeof contradictions)[number] => [
    { bind: "0", type: "ws", origins: ["https://a.example", origin] },
    "origins.1",
    `listeners.one.origins[1] is ${JSON.stringify(origin)}, which no page is ` +
    "of: an origin is like https://example.org or http://localhost:8000, or null",
  ]),
  [
    { bind: "1883:localhost" },
    "bind",
    'listeners.one.bind is "1883:localhost", not host:port, [IPv6]:port, :port ' +
    "or a port from 0 to 65535",
  ],
];

for (const [config, key, problem] of contradictions) {
  Deno.test(`resolveListeners() throws when ${problem}`, () => {
    const error = assertThrows(
      () => resolveListeners({ one: config }),
      SettingsError,
    );
    assertEquals(error.path, ["listeners", "one", ...key.split(".")]);
    assertEquals(error.problem, problem);
  });
}

for (
  const [what, listeners, path] of [
    ["said nowhere that connections are encrypted", {
      default: { certfile: "c", keyfile: "k" },
      one: { bind: "0" },
    }, "listeners.default.certfile"],
    ["said in the template alone that they are not", {
      default: { ssl: false },
      one: { bind: "0", certfile: "c", keyfile: "k" },
    }, "listeners.one.certfile"],
    ["said where certificates are asked for that they are not", {
      default: { ssl: false, clientCert: "required" },
      one: { bind: "0" },
    }, "listeners.default.clientCert"],
    ["not said that a path is for WebSocket", {
      default: { path: "/mqtt" },
      one: { bind: "0" },
    }, "listeners.default.path"],
  ] as const
) {
  Deno.test(`resolveListeners() throws when it is ${what}`, () => {
    const error = assertThrows(
      () => resolveListeners(listeners as Record<string, ListenerConfig>),
      SettingsError,
    );
    assertEquals(error.path.join("."), path);
  });
}

Deno.test("resolveListeners() lets a listener turn off what the template is for, and files wait for ssl: on", () => {
  const template = { ssl: true, ...files, cafile: "ca", path: "/mqtt" };
  const listeners = resolveListeners({
    default: { ...template, type: "ws", clientCert: "required" },
    plain: { bind: "1", type: "tcp", ssl: false },
    waiting: { bind: "2", ssl: false, ...files, clientCert: "none" },
  });
  assertEquals(listeners.map(({ tls }) => tls), [undefined, undefined]);
});

Deno.test("resolveListeners() takes origins as browsers send them", () => {
  const origins = [
    ...["https://example.org", "HTTP://Localhost:8000", "http://[::1]:81"],
    ...["null", "capacitor://localhost", "chrome-extension://abc"],
  ];
  const [listener] = resolveListeners({
    a: { bind: "1", type: "ws", origins },
  });
  assertEquals(listener?.origins, origins);
});

// The log.

for (
  const [config, addr, expected] of [
    [{ bind: ":1883" }, undefined, "0.0.0.0:1883 (max_connections=-1)"],
    [
      { bind: "localhost:0", maxConnections: 7 },
      { hostname: "127.0.0.1", port: 4242 },
      "127.0.0.1:4242 (max_connections=7)",
    ],
    [{ bind: "[::1]:9" }, {}, "[::1]:9 (max_connections=-1)"],
    [{ bind: "unix:/run/x" }, {}, "unix:/run/x (max_connections=-1)"],
  ] as const
) {
  Deno.test(`bindLine() says ${expected}`, () => {
    const [listener] = resolveListeners({ "my-tcp": config });
    const line = bindLine(listener!, addr === undefined ? {} : { addr });
    assertEquals(line, `Listener 'my-tcp' bind to ${expected}`);
  });
}
