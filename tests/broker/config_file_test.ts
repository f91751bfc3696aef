import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type BrokerConfig,
  parseConfig,
  readConfigFile,
} from "../../broker/mod.ts";
import { readConfig } from "../../broker/_configuration.ts";
import { SettingsError } from "../../codec/mod.ts";

const seeds = new URL("../fixtures/seeds/", import.meta.url);

/** The path of a configuration of the reference documentation. */
function seed(name: string): string {
  return decodeURIComponent(new URL(`${name}.yaml`, seeds).pathname);
}

/** What a configuration comes to, but for limits and where it is from. */
function resolved(config: BrokerConfig) {
  const { listeners, plugins, warnings } = readConfig(config);
  return {
    listeners: listeners.map(({ name, hostname, port, maxConnections }) =>
      `${name} ${hostname}:${port} ${maxConnections}`
    ),
    plugins: plugins.map((plugin) =>
      "options" in plugin
        ? `${plugin.name} ${JSON.stringify(plugin.options)}`
        : plugin.name
    ),
    warnings,
  };
}

/** What is wrong with a text. */
function problem(text: string): string {
  const start = "Cannot read the configuration of the broker: ";
  const { message } = assertThrows(
    () => parseConfig(text, "b.yaml"),
    SettingsError,
  );
  assert(message.startsWith(start), message);
  return message.slice(start.length);
}

function warningsOf(text: string): readonly string[] {
  return readConfig(parseConfig(text, "b.yaml")).warnings;
}

// The examples of the reference documentation.

for (
  const [name, line, reason] of [
    [
      "000_003",
      "26:5",
      'auth.allow-anonymous is "true / false", not true or false',
    ],
    [
      "001_002",
      "26:5",
      'auth.allow-anonymous is "true / false", not true or false',
    ],
    [
      "004_library",
      "12:1",
      "there is no my-tcp-ssl-1; if it is to be one of listeners, it is not " +
      "indented far enough",
    ],
    [
      "004_command_example",
      "8:5",
      "there is no listeners.my-tcp-1.my-tcp-2; if it is to be one of " +
      "listeners, it is indented too far",
    ],
  ] as const
) {
  Deno.test(`seed ${name}.yaml is stopped at ${line}: ${reason.slice(0, 60)}`, async () => {
    const file = seed(name);
    const error = await assertRejects(
      () => readConfigFile(file),
      SettingsError,
    );
    assertStringIncludes(error.message, `${file}:${line}: ${reason}`);
  });
}

Deno.test("seeds 000 to 003 load once their reader has decided what they leave open", async () => {
  const file = seed("001_002_decided");
  const acl = {
    username1: ["repositories/+/master", "calendar/#", "data/memes"],
    username2: ["inbox/#"],
    anonymous: [],
  };
  const config = await readConfigFile(file);
  assertEquals(resolved(config), {
    listeners: [
      "my-tcp-1 127.0.0.1:1883 50000",
      "my-tcp-2 1.2.3.4:1884 1000",
      "my-tcp-ssl-1 127.0.0.1:8885 50000",
      "my-ws-1 0.0.0.0:8080 50000",
    ],
    plugins: [
      'auth_anonymous {"allowAnonymous":true}',
      'auth_file {"passwordFile":"/some/passwd_file"}',
      `topic_acl ${JSON.stringify({ acl })}`,
    ],
    warnings: [
      `${file}:16:9: listeners.my-tcp-ssl-1.capath is there in line 15 ` +
      "already: taken as cadata",
      `${file}:26:5: auth.plugins does not name auth_file, but there is a ` +
      "password file: passwords are checked",
      `${file}:27:1: topic-check says who may subscribe, but has no ` +
      "publish-acl: anybody may publish to any topic",
    ],
  });
  assertEquals(config.timeoutDisconnectDelay, 2);
  const tls = readConfig(config).listeners[2]?.tls;
  assertEquals(tls, {
    certfile: "/some/certfile",
    keyfile: "/some/key",
    cafile: "/some/cafile",
    capath: "/some/folder",
    cadata: "certificate data",
    clientCert: "optional",
  });
});

for (const name of ["004_command_default", "hbmqtt_default_broker"]) {
  Deno.test(`${name}.yaml loads as it is`, async () => {
    const file = seed(name);
    assertEquals(resolved(await readConfigFile(file)), {
      listeners: ["default 0.0.0.0:1883 Infinity"],
      plugins: [
        "auth_file",
        'auth_anonymous {"allowAnonymous":true}',
        'broker_sys {"sysInterval":20}',
      ],
      warnings: [
        `${file}:9:1: plugins names auth_file, auth_anonymous: taken as ` +
        "auth.plugins",
        `${file}:7:1: auth names auth_file, but no password-file: whoever ` +
        "gives a user name is refused",
      ],
    });
  });
}

Deno.test("amqtt_default_broker.yaml loads as it is", async () => {
  assertEquals(resolved(await readConfigFile(seed("amqtt_default_broker"))), {
    listeners: ["default 0.0.0.0:1883 Infinity"],
    plugins: [
      "amqtt.plugins.logging_amqtt.EventLoggerPlugin {}",
      "amqtt.plugins.logging_amqtt.PacketLoggerPlugin {}",
      "amqtt.plugins.authentication.AnonymousAuthPlugin " +
      '{"allow_anonymous":true}',
      'amqtt.plugins.sys.broker.BrokerSysPlugin {"sys_interval":20}',
    ],
    warnings: [],
  });
});

// The traps of the reference documentation.

const tls = `
listeners:
  one:
    bind: 1
    ssl: on
    certfile: c
    keyfile: k
`;

Deno.test("trap 1: the second capath of a listener is cadata, and the first one stays", () => {
  const text = `${tls}    capath: /folder\n    capath: certificate data\n`;
  const { listeners } = parseConfig(text, "b.yaml");
  const { capath, cadata } = listeners!["one"]!;
  assertEquals([capath, cadata], ["/folder", "certificate data"]);
  assertEquals(warningsOf(text), [
    "b.yaml:9:5: listeners.one.capath is there in line 8 already: taken as " +
    "cadata",
  ]);
});

for (const value of ["certificate data", '"-----BEGIN CERTIFICATE-----\\nx"']) {
  Deno.test(`trap 1: capath: ${value} is cadata`, () => {
    const text = `${tls}    capath: ${value}\n`;
    const { listeners } = readConfig(parseConfig(text, "b.yaml"));
    const { capath, cadata } = listeners[0]!.tls!;
    assertEquals([capath, cadata], [
      undefined,
      value.replaceAll('"', "").replace("\\n", "\n"),
    ]);
    assertEquals(warningsOf(text), [
      "b.yaml:8:5: listeners.one.capath is a certificate: taken as cadata",
    ]);
  });
}

Deno.test("trap 1: other keys that stand twice stop the broker, which names both lines", () => {
  const text = "sys_interval: 1\nlimits: {}\nsys_interval: 2\n";
  assertEquals(
    problem(text),
    "b.yaml:3:1: sys_interval is there in line 1 already; keep one of them",
  );
});

Deno.test("a section that stands twice does not open the broker", () => {
  const text = "auth:\n  allow-anonymous: false\nsys_interval: 1\nauth: {}\n";
  assertEquals(
    problem(text),
    "b.yaml:4:1: auth is there in line 1 already; keep one of them",
  );
});

for (
  const [word, expected] of [["on", true], ["OFF", false], [
    "Yes",
    true,
  ]] as const
) {
  Deno.test(`trap 2: ssl: ${word} is ${expected}`, () => {
    const { listeners } = parseConfig(
      tls.replace("ssl: on", `ssl: ${word}`),
      "b.yaml",
    );
    assertEquals(listeners!["one"]!.ssl, expected);
  });
}

Deno.test("trap 3: allow-anonymous: true / false is no boolean", () => {
  assertEquals(
    problem("auth:\n  allow-anonymous: true / false\n"),
    'b.yaml:2:3: auth.allow-anonymous is "true / false", not true or false',
  );
});

Deno.test("trap 4: auth.anonymous and auth.file are auth_anonymous and auth_file", () => {
  const text = "auth:\n  plugins: [auth.file, auth.anonymous]\n" +
    "  password-file: p\n  allow-anonymous: on\n";
  assertEquals(resolved(parseConfig(text, "b.yaml")).plugins, [
    'auth_file {"passwordFile":"p"}',
    'auth_anonymous {"allowAnonymous":true}',
  ]);
});

Deno.test("trap 4: a name that is not known stops the broker", () => {
  const text = problem("auth:\n  plugins: [auth_anonymus]\n");
  assertStringIncludes(
    text,
    "b.yaml:2:13: there is no plugin auth_anonymus; did you mean " +
      "auth_anonymous?",
  );
  assertStringIncludes(text, "./my_plugin.ts");
  assertStringIncludes(
    problem("topic-check:\n  enabled: on\n  plugins: [topic_akl]\n"),
    "b.yaml:3:13: there is no plugin topic_akl; did you mean topic_acl?",
  );
});

Deno.test("trap 5: names of auth plugins at the top are those of auth, but not beside others", () => {
  const text = "plugins: [auth_file, auth_anonymous]\n" +
    "auth: {password-file: p}\n";
  assertEquals(resolved(parseConfig(text, "b.yaml")).plugins, [
    'auth_file {"passwordFile":"p"}',
    'auth_anonymous {"allowAnonymous":false}',
  ]);
  const other = "plugins:\n- ./mine.ts\n- auth_file\n";
  assertStringIncludes(
    problem(other),
    "b.yaml:3:1: plugins has auth_file without options, beside plugins of " +
      "another style",
  );
});

Deno.test("trap 6: a listener in a listener is an indentation slip", () => {
  const text = "listeners:\n  a:\n    bind: 1\n    b:\n      bind: 2\n";
  assertStringIncludes(
    problem(text),
    "b.yaml:4:5: there is no listeners.a.b; if it is to be one of listeners, " +
      "it is indented too far",
  );
});

Deno.test("trap 9: ssl needs certfile and keyfile, and no certificates of authorities", () => {
  const { listeners } = readConfig(parseConfig(tls, "b.yaml"));
  assertEquals(listeners[0]?.tls, {
    certfile: "c",
    keyfile: "k",
    clientCert: "none",
  });
  assertEquals(
    problem(tls.replace("    keyfile: k\n", "    cafile: ca\n")),
    "b.yaml:5:5: listeners.one has ssl, but no keyfile",
  );
});

for (
  const [key, most, expected] of [
    ["max-connections", 7, 7],
    ["max_connections", 7, 7],
    ["max-connections", 0, Infinity],
    ["max_connections", -1, Infinity],
  ] as const
) {
  Deno.test(`trap 10: ${key}: ${most} is a limit of ${expected}`, () => {
    const text = `listeners: {a: {bind: 1, ${key}: ${most}}}`;
    const { listeners } = readConfig(parseConfig(text, "b.yaml"));
    assertEquals(listeners[0]?.maxConnections, expected);
  });
}

Deno.test("trap 11: sys_interval of the documented default file is 20", async () => {
  const config = await readConfigFile(seed("004_command_default"));
  assertEquals(config.sysInterval, 20);
});

for (const rules of ["acl", "subscribe-acl"]) {
  Deno.test(`trap 21: ${rules} without publish-acl is warned about`, () => {
    const text = `topic-check:\n  enabled: on\n  ${rules}: {u: [a]}\n`;
    const warning = "b.yaml:1:1: topic-check says who may subscribe, but has " +
      "no publish-acl: anybody may publish to any topic";
    assertEquals(warningsOf(text), [warning]);
    assertEquals(warningsOf(`${text}  publish-acl: {u: [a]}\n`), []);
  });
}

// What is no configuration.

for (
  const [what, text, expected] of [
    [
      "empty",
      "",
      "b.yaml: it is empty; write {} for the configuration that " +
      "says nothing",
    ],
    [
      "nothing but a comment",
      "# x\n",
      "b.yaml: it is empty; write {} for the " +
      "configuration that says nothing",
    ],
    [
      "a text",
      "listeners",
      'b.yaml:1:1: it is "listeners", not keys and values',
    ],
    ["a list", "- a", "b.yaml:1:1: it is a list, not keys and values"],
    [
      "not YAML",
      "listeners:\n  a: [1\n",
      "b.yaml:3:1: it is not YAML: Cannot read flow collection: unexpected " +
      "end of the stream within a flow collection",
    ],
    [
      "two documents",
      "auth: {}\n---\nauth: {}\n",
      "b.yaml:2:1: it is not YAML: Found more than 1 document in the stream: " +
      "expected a single document",
    ],
    [
      "something for code only",
      "auth: {}\nstore: x\n",
      "b.yaml:2:1: store can be said in code only",
    ],
    [
      "wrong in one key",
      "auth: {}\nlimits:\n  inflight: 0\n",
      "b.yaml:3:3: limits.inflight is 0, not an integer from 1 to 65535",
    ],
    [
      "wrong in a section that is empty",
      "auth:\n  # allow-anonymous: false\n",
      "b.yaml:1:1: auth is empty, not an object with keys",
    ],
    [
      "written twice in two spellings",
      "sys_interval: 1\nsys-interval: 2\n",
      "b.yaml:2:1: sys-interval and sys_interval are one key; keep one of them",
    ],
  ] as const
) {
  Deno.test(`a file that is ${what} is no configuration`, () => {
    assertEquals(problem(text), expected);
  });
}

for (
  const [text, expected] of [
    [
      "plugins:\n# auth_file:\n#   password-file: x\n",
      "b.yaml:1:1: plugins is empty; write [] if there are none",
    ],
    [
      "plugins:\n- name: auth_file\n  on: true\n  password-file: p\n",
      "b.yaml:2:1: plugins[0] has the keys name and on; a plugin is its name, " +
      "or its name with options: auth_file: {password-file: …}",
    ],
    [
      "plugins:\n- event_logger_plugin\n- name: auth_file\n  on: {}\n",
      "b.yaml:3:1: plugins[1] has the keys name and on; a plugin is its name, " +
      "or its name with options: auth_file: {password-file: …}",
    ],
    [
      "plugins:\n- name: ./x.ts\n  options: {}\n",
      "b.yaml:2:1: plugins[0] has the keys name and options; a plugin is its " +
      "name, or its name with options: auth_file: {password-file: …}",
    ],
  ] as const
) {
  Deno.test(`no plugin is lost in ${JSON.stringify(text)}`, () => {
    assertEquals(problem(text), expected);
  });
}

Deno.test("an IPv6 address without quotes is explained", () => {
  const text = problem("listeners:\n  a:\n    bind: [::]:1883\n");
  assert(text.endsWith('; an IPv6 address needs quotes: "[::]:1883"'), text);
  const { listeners } = readConfig(
    parseConfig('listeners: {a: {bind: "[::1]:1"}}', "b.yaml"),
  );
  assertEquals(listeners[0]?.hostname, "::1");
});

Deno.test("a tab in front of a key is explained", () => {
  assertEquals(
    problem("auth:\n\tallow-anonymous: on\n"),
    "b.yaml:2:1: a tab indents; use spaces",
  );
});

Deno.test("JSON is a configuration too, with its lines", () => {
  assertEquals(parseConfig('{"sys_interval": 3}', "b.json").sysInterval, 3);
  assertEquals(
    problem('{\n  "limits": {\n    "inflight": "x"\n  }\n}'),
    'b.yaml:3:5: limits.inflight is "x", not an integer from 1 to 65535',
  );
});

// The source.

Deno.test("source of a configuration knows where settings stand, in any spelling", () => {
  const text =
    "listeners:\n  my-tcp:\n    max_connections: 3\nplugins: [a.ts]\n";
  const { source } = parseConfig(
    text.replace("a.ts", "./a.ts"),
    "/etc/broker.yaml",
  );
  const path = ["listeners", "my-tcp", "maxConnections"];
  assertEquals(source?.locate(path), "/etc/broker.yaml:3:5");
  assertEquals(source?.written(path)?.at(-1), "max_connections");
  assertEquals(source?.written(["listeners", "my-tcp", "bind"]), undefined);
  assertEquals(
    source?.locate(["listeners", "my-tcp", "bind"]),
    "/etc/broker.yaml:2:3",
  );
  assertEquals(source?.locate(["plugins", "0"]), "/etc/broker.yaml:4:11");
  assertEquals(source?.locate(["auth"]), "/etc/broker.yaml");
  assertEquals(source?.url, "file:///etc/broker.yaml");
});

// The file.

Deno.test("file that cannot be read is named", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const broken = `${folder}/latin1.yaml`;
    await Deno.writeFile(broken, Uint8Array.of(0x61, 0xe4, 0x3a));
    for (
      const [file, reason] of [
        [`${folder}/none.yaml`, "there is no such file"],
        [broken, "it is not UTF-8 text"],
      ]
    ) {
      const { message } = await assertRejects(
        () => readConfigFile(file!),
        SettingsError,
      );
      assertEquals(
        message,
        `Cannot read the configuration of the broker: ${file}: ${reason}`,
      );
    }
    await assertRejects(() => readConfigFile(folder), SettingsError, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("configuration of a file goes with what code adds", async () => {
  const config = await readConfigFile(seed("amqtt_default_broker"));
  const { listeners, warnings } = readConfig({
    ...config,
    listeners: { default: { bind: "127.0.0.1:0" } },
    plugins: [{ name: "watching", on: {} }, { name: "own", stop: () => {} }],
    now: () => 0,
  });
  assertEquals([listeners.length, warnings], [1, []]);
});
