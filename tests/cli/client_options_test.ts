import { assertEquals, assertThrows } from "@std/assert";
import { clientFlags } from "../../cli/_client_flags.ts";
import {
  type ClientSettings,
  clientSettings,
} from "../../cli/_client_options.ts";
import { parseFlags, UsageError } from "../../cli/_flags.ts";
import type { ClientOptions } from "../../mod.ts";

const sender = { command: "pub", pid: 4711, hostname: "box" } as const;

function settings(...args: string[]): ClientSettings {
  return clientSettings(parseFlags(clientFlags, args), sender);
}

function options(...args: string[]): ClientSettings["options"] {
  return settings(...args).options;
}

function assertUsage(args: string[], message: string): void {
  assertThrows(() => settings(...args), UsageError, message);
}

const usual = {
  url: "mqtt://localhost:1883",
  protocolVersion: 4,
  autoReconnect: false,
  cleanStart: true,
  clientId: "ambermq_pub/4711-box",
} as const;

Deno.test("clientSettings() has the local broker and MQTT 3.1.1 by default", () => {
  assertEquals(settings(), {
    options: usual,
    topic: undefined,
    properties: {},
  });
});

Deno.test("clientSettings() uses TLS where a flag or the port says so", () => {
  assertEquals(options("-p", "8883").url, "mqtts://localhost:8883");
  for (const name of ["--cafile", "--ca-file"]) {
    assertEquals(options(name, "ca.pem", "-h", "box"), {
      ...usual,
      url: "mqtts://box:8883",
      cafile: "ca.pem",
    });
  }
  assertEquals(options("--insecure", "-p", "18"), {
    ...usual,
    url: "mqtts://localhost:18",
    checkHostname: false,
  });
  assertEquals(
    options(
      ...["--url", "wss://box", "--ca-path", "cas", "--ca-data", "PEM"],
      ...["--cert", "me.pem", "--key", "me.key", "--tls-alpn", "mqtt"],
    ),
    {
      ...usual,
      url: "wss://box",
      capath: "cas",
      cadata: "PEM",
      certfile: "me.pem",
      keyfile: "me.key",
      alpn: true,
    },
  );
  // Nobody is to believe that this is safe.
  assertUsage(
    ["--url", "mqtt://box", "--ca-file", "x"],
    "--cafile is for a URL of mqtts:// or wss://",
  );
  assertUsage(["--url", "WS://box", "--insecure"], "--insecure is for a URL");
  assertUsage(["--cert", "x"], "--cert and --key need each other");
  assertUsage(["--key", "x"], "--cert and --key need each other");
  assertUsage(["--tls-alpn", "http/1.1"], '--tls-alpn is "http/1.1", not mqtt');
});

Deno.test("clientSettings() has user, password and keep alive", () => {
  assertEquals(options("-u", "me", "-P", "-secret", "-k", "5", "--nodelay"), {
    ...usual,
    username: "me",
    password: "-secret",
    keepAlive: 5,
  });
  assertUsage(["-k", "65536"], "-k is");
});

Deno.test("clientSettings() makes a client identifier", () => {
  assertEquals(options("-I", "gate").clientId, "gate4711");
  // One of MQTT 3.1 is short, and a random one without the machine's name.
  assertEquals(options("-V", "31").clientId, undefined);
  const alone = clientSettings(parseFlags(clientFlags, []), {
    command: "sub",
    pid: 1,
    hostname: undefined,
  });
  assertEquals(alone.options.clientId, undefined);
  assertUsage(["-i", "a", "-I", "b"], "give -i or -I, not both");
});

Deno.test("clientSettings() goes on with the session of a client with a name", () => {
  const named = { ...usual, clientId: "me", cleanStart: false };
  assertEquals(options("-i", "me"), named);
  assertEquals(options("-i", "me", "--disable-clean-session"), named);
  assertEquals(options("-i", "me", "--clean-session").cleanStart, true);
  assertEquals(options("-i", "").cleanStart, true);
  assertEquals(options("-I", "gate").cleanStart, true);
  assertUsage(["--disable-clean-session"], "--disable-clean-session needs -i");
  assertUsage(
    ["-i", "me", "--clean-session", "--disable-clean-session"],
    "not both",
  );
});

Deno.test("clientSettings() knows how long the session is kept", () => {
  const expiry = (...args: string[]) =>
    options(...args).properties?.sessionExpiryInterval;
  assertEquals(expiry("-i", "me", "-V", "5"), 0xffff_ffff);
  assertEquals(expiry("-i", "me", "-V", "5", "--clean-session"), undefined);
  assertEquals(expiry("-i", "me", "-x", "60"), 60);
  assertEquals(expiry("-x", "60"), 60);
  for (const ever of ["-1", "∞", "4294967295"]) {
    assertEquals(expiry("-i", "me", "-x", ever), 0xffff_ffff);
    assertUsage(["-x", ever], "a session that does not expire needs -i");
  }
  const property = ["-D", "connect", "session-expiry-interval", "7"];
  assertEquals(expiry("-i", "me", ...property), 7);
  assertEquals(expiry("-i", "me", ...property, "-x", "8"), 8);
  assertEquals(options("-x", "60").protocolVersion, 5);
  assertUsage(["-x", "60", "-V", "311"], "-x needs -V mqttv5");
  assertUsage(["-x", "-2"], "-x is");
});

Deno.test("clientSettings() knows the protocol versions by all their names", () => {
  const names = {
    3: ["3", "31", "3.1", "mqttv31", "MQTTv31"],
    4: ["4", "311", "3.1.1", "mqttv311"],
    5: ["5", "5.0", "mqttv5"],
  };
  for (const [version, all] of Object.entries(names)) {
    for (const name of all) {
      assertEquals(options("-V", name).protocolVersion, Number(version) as 5);
    }
  }
  assertUsage(["-V", "6"], '-V is "6", not mqttv31, mqttv311 or mqttv5');
  assertUsage(["-V", "toString"], "-V is");
});

Deno.test("clientSettings() reads headers, and refuses what is no JSON", () => {
  assertEquals(
    options("--extra-headers", '{"Authorization": "Bearer x"}').headers,
    { Authorization: "Bearer x" },
  );
  assertUsage(["--extra-headers", "{"], "--extra-headers is not JSON: ");
  for (const json of ["[]", "null", '"x"', '{"a": 1}']) {
    assertUsage(
      ["--extra-headers", json],
      "--extra-headers is not an object of texts",
    );
  }
});

Deno.test("clientSettings() has a will as soon as there is its topic", () => {
  assertEquals(options("--will-topic", "t").will, {
    topic: "t",
    payload: "",
    qos: 0,
    retain: false,
  });
  for (const name of ["--will-message", "--will-payload"]) {
    const more = [name, "m", "--will-qos", "2", "--will-retain"];
    assertEquals(options("--will-topic", "t", ...more).will, {
      topic: "t",
      payload: "m",
      qos: 2,
      retain: true,
    });
  }
  for (
    const args of [
      ["--will-message", "m"],
      ["--will-qos", "0"],
      ["--will-retain"],
      ["-D", "will", "content-type", "text/plain"],
    ]
  ) {
    assertUsage(args, "a will needs --will-topic");
  }
  assertUsage(["--will-topic", "t", "--will-qos", "3"], "--will-qos is");
});

Deno.test("clientSettings() has the properties of MQTT 5.0, which it is then", () => {
  const found = settings(
    ...["-D", "connect", "receive-maximum", "7"],
    ...["-D", "will", "will-delay-interval", "9", "--will-topic", "w"],
    ...["-D", "disconnect", "user-property", "a", "b"],
  );
  assertEquals(found.options.protocolVersion, 5);
  assertEquals(found.options.properties, { receiveMaximum: 7 });
  assertEquals(found.options.will?.properties, { willDelayInterval: 9 });
  assertEquals(found.properties.disconnect, { userProperties: [["a", "b"]] });
  assertUsage(
    ["-V", "311", "-D", "connect", "receive-maximum", "7"],
    "-D needs -V mqttv5",
  );
});

/** The same with a configuration. */
function configured(
  config: ClientOptions,
  ...args: string[]
): ClientSettings["options"] {
  return clientSettings(parseFlags(clientFlags, args), sender, config).options;
}

Deno.test("clientSettings() takes from the configuration what no flag says", () => {
  const config: ClientOptions = {
    url: "wss://box/mqtt",
    clientId: "me",
    cleanStart: false,
    protocolVersion: 5,
    keepAlive: 7,
    autoReconnect: true,
    reconnectRetries: 3,
    topics: { t: { qos: 1 } },
    cafile: "ca.pem",
    headers: { a: "1", b: "2" },
    will: { topic: "w" },
    username: "u",
    password: "p",
  };
  assertEquals(
    configured(config),
    {
      ...config,
      properties: { sessionExpiryInterval: 0xffff_ffff },
    } as ClientSettings["options"],
  );
  assertEquals(
    configured(
      config,
      ...["-L", "mqtts://other", "-i", "you", "--clean-session", "-V", "311"],
      ...["-k", "9", "-u", "v", "-P", "q", "--cafile", "x", "--insecure"],
      ...["--extra-headers", '{"b": "3"}', "--will-topic", "v"],
    ),
    {
      ...config,
      url: "mqtts://other",
      clientId: "you",
      cleanStart: true,
      protocolVersion: 4,
      keepAlive: 9,
      username: "v",
      password: "q",
      cafile: "x",
      checkHostname: false,
      headers: { a: "1", b: "3" },
      will: { topic: "v", payload: "", qos: 0, retain: false },
    },
  );
  assertEquals(
    configured({ protocolVersion: 4 }, "-x", "1").protocolVersion,
    5,
  );
});

Deno.test("clientSettings() has no password that is another user's", () => {
  const bob: ClientOptions = { username: "bob", password: "secret" };
  assertEquals(configured(bob, "-u", "bob").password, "secret");
  assertEquals(configured(bob, "-u", "alice").password, undefined);
  assertEquals(configured(bob, "-u", "alice", "-P", "x").password, "x");
  assertEquals(configured(bob, "-P", "x").username, "bob");
});

Deno.test("clientSettings() has the session of the configuration", () => {
  const clean = (config: ClientOptions, ...args: string[]) =>
    configured(config, ...args).cleanStart;
  assertEquals(clean({ clientId: "me" }), false);
  assertEquals(clean({ clientId: "me", cleanStart: true }), true);
  assertEquals(clean({ cleanStart: true }, "-i", "me"), true);
  assertEquals(clean({ cleanStart: false }), false);
  assertEquals(
    clean({ cleanStart: true }, "-i", "me", "--disable-clean-session"),
    false,
  );
  assertEquals(clean({ cleanStart: false }, "--clean-session"), true);
});

Deno.test("--auth-method takes MQTT 5.0, user name and password", () => {
  const one = options("--auth-method", "SCRAM-SHA-256", "-u", "u", "-P", "p");
  assertEquals(one.protocolVersion, 5);
  assertEquals(one.authentication?.name, "SCRAM-SHA-256");
  assertEquals([one.username, one.password], [undefined, undefined]);
  assertUsage(
    ["--auth-method", "SCRAM-SHA-256", "-V", "311"],
    "--auth-method needs -V mqttv5",
  );
  assertUsage(
    [
      ...["--auth-method", "SCRAM-SHA-256", "-u", "u", "-P", "p"],
      ...["-D", "connect", "authentication-method", "X"],
    ],
    "--auth-method and -D both say how to authenticate",
  );
});
