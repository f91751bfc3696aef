import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  camelCase,
  readSettings,
  settingPath,
  SettingsError,
} from "../../codec/mod.ts";

const description = "For the tests.";

const fields = {
  flag: { type: "boolean", description },
  count: { type: "integer", minimum: 0, maximum: 9, description },
  ratio: { type: "number", minimum: 0, description },
  most: { type: "number", maximum: 2, description },
  free: { type: "integer", description },
  name: { type: "text", description },
  kind: { type: "text", choices: ["tcp", "ws"], description },
  password: {
    type: "text",
    choices: ["a", "b"],
    secret: true,
    description,
  },
  names: {
    type: "list",
    values: { type: "text", description },
    description,
  },
  rules: {
    type: "map",
    values: {
      type: "list",
      values: { type: "text", description },
      description,
    },
    description,
  },
  maxPacketSize: { type: "integer", description },
  section: {
    type: "object",
    fields: { innerFlag: { type: "boolean", description } },
    description,
  },
  listeners: {
    type: "map",
    values: {
      type: "object",
      fields: { bind: { type: "text", description } },
      description,
    },
    description,
  },
  anything: { type: "any", description },
} as const;

function read(value: unknown) {
  return readSettings(value, fields, "the test");
}

// What is right.

Deno.test("readSettings() gives what was said, in camelCase, and no defaults", () => {
  assertEquals(
    read({
      "max-packet-size": 1,
      section: { inner_flag: true },
      rules: { "a-user": ["a/b"], "other_user": [] },
      listeners: { "my-tcp-1": { bind: "x" }, default: {} },
    }),
    {
      maxPacketSize: 1,
      section: { innerFlag: true },
      rules: { "a-user": ["a/b"], other_user: [] },
      listeners: { "my-tcp-1": { bind: "x" }, default: {} },
    },
  );
  assertEquals(read({}), {});
});

for (const key of ["max-packet-size", "max_packet_size", "maxPacketSize"]) {
  Deno.test(`readSettings() takes ${key} for maxPacketSize`, () => {
    assertEquals(read({ [key]: 7 }), { maxPacketSize: 7 });
  });
}

for (
  const [value, expected] of [
    ...[true, 1, "on", "ON", "yes", "Yes", "true", "TRUE"]
      .map((one) => [one, true] as const),
    ...[false, 0, "off", "Off", "no", "NO", "false", "False"]
      .map((one) => [one, false] as const),
  ]
) {
  Deno.test(`readSettings() takes the boolean ${JSON.stringify(value)} for ${expected}`, () => {
    assertEquals(read({ flag: value }), { flag: expected });
  });
}

Deno.test("readSettings() takes an integer for a text, as YAML makes one of a port", () => {
  assertEquals(read({ name: 1883, listeners: { a: { bind: 0 } } }), {
    name: "1883",
    listeners: { a: { bind: "0" } },
  });
});

Deno.test("readSettings() leaves out what is undefined", () => {
  assertEquals(
    read({ flag: undefined, unheardOf: undefined, rules: { a: undefined } }),
    { rules: {} },
  );
});

Deno.test("readSettings() leaves what may be anything as it is", () => {
  for (const anything of [null, [1], { "a-b": null }, () => 0]) {
    assertEquals(read({ anything }), { anything });
  }
});

Deno.test("readSettings() gives objects of its own", () => {
  const value = { names: ["a"], rules: { a: ["b"] } };
  const settings = read(value);
  settings.names?.push("c");
  settings.rules?.a?.push("c");
  assertEquals(value, { names: ["a"], rules: { a: ["b"] } });
});

Deno.test("readSettings() has keys like __proto__ for keys and nothing else", () => {
  const value = JSON.parse('{"rules": {"__proto__": ["a"], "toString": []}}');
  const rules = read(value).rules!;
  assertEquals(Object.keys(rules), ["__proto__", "toString"]);
  assertEquals(Object.getPrototypeOf(rules), Object.prototype);
});

// What is wrong.

const keys = Object.keys(fields).join(", ");
const cyclic: unknown[] = [];
cyclic.push(cyclic);

const wrong: readonly [value: unknown, path: string[], problem: string][] = [
  [null, [], "it is empty, not an object with keys"],
  [undefined, [], "it is undefined, not an object with keys"],
  [[], [], "it is a list, not an object with keys"],
  ["x", [], 'it is "x", not an object with keys'],
  [new Date(0), [], `it is ${new Date(0)}, not an object with keys`],
  // keys
  [
    { flga: true },
    ["flga"],
    `there is no flga; did you mean flag? known are ${keys}`,
  ],
  [
    { unheardOf: true },
    ["unheardOf"],
    `there is no unheardOf; known are ${keys}`,
  ],
  [
    { toString: 1 },
    ["toString"],
    `there is no toString; known are ${keys}`,
  ],
  [
    { section: { Innerflag: 1 } },
    ["section", "Innerflag"],
    "there is no section.Innerflag; did you mean innerFlag? " +
    "known are innerFlag",
  ],
  [
    { section: { "inner-flga": 1 } },
    ["section", "inner-flga"],
    "there is no section.inner-flga; did you mean inner-flag? " +
    "known are inner-flag",
  ],
  [
    { section: { inner_flga: 1 } },
    ["section", "inner_flga"],
    "there is no section.inner_flga; did you mean inner_flag? " +
    "known are inner_flag",
  ],
  [
    { "max-packet-size": 1, max_packet_size: 1 },
    ["max_packet_size"],
    "max_packet_size and max-packet-size are one key; keep one of them",
  ],
  [
    { listeners: { one: { bind: "1", two: { bind: "2" } } } },
    ["listeners", "one", "two"],
    "there is no listeners.one.two; if it is to be one of listeners, it is " +
    "indented too far; known are bind",
  ],
  [
    { listeners: {}, two: { bind: "2" } },
    ["two"],
    "there is no two; if it is to be one of listeners, it is not indented far " +
    `enough; known are ${keys}`,
  ],
  [{ two: {} }, ["two"], `there is no two; known are ${keys}`],
  [
    { listeners: { one: { bnd: "1" } } },
    ["listeners", "one", "bnd"],
    "there is no listeners.one.bnd; did you mean bind? known are bind",
  ],
  // values
  [
    { flag: "true / false" },
    ["flag"],
    'flag is "true / false", not true or false',
  ],
  [{ flag: null }, ["flag"], "flag is empty, not true or false"],
  [{ flag: 2 }, ["flag"], "flag is 2, not true or false"],
  [{ flag: {} }, ["flag"], "flag is an object, not true or false"],
  [{ count: "1" }, ["count"], 'count is "1", not an integer from 0 to 9'],
  [{ count: 1.5 }, ["count"], "count is 1.5, not an integer from 0 to 9"],
  [{ count: 10 }, ["count"], "count is 10, not an integer from 0 to 9"],
  [{ count: -1 }, ["count"], "count is -1, not an integer from 0 to 9"],
  [{ count: 1n }, ["count"], "count is 1, not an integer from 0 to 9"],
  [{ free: NaN }, ["free"], "free is NaN, not an integer"],
  [{ ratio: -1 }, ["ratio"], "ratio is -1, not a number of at least 0"],
  [
    { ratio: Infinity },
    ["ratio"],
    "ratio is Infinity, not a number of at least 0",
  ],
  [{ most: 3 }, ["most"], "most is 3, not a number of at most 2"],
  [{ name: true }, ["name"], "name is true, not a text"],
  [{ name: 1.5 }, ["name"], "name is 1.5, not a text"],
  [{ name: cyclic }, ["name"], "name is a list, not a text"],
  [{ name: () => 0 }, ["name"], "name is a function, not a text"],
  [{ kind: "udp" }, ["kind"], 'kind is "udp", not "tcp" or "ws"'],
  [
    { kind: "x".repeat(200) },
    ["kind"],
    `kind is "${"x".repeat(79)}…, not "tcp" or "ws"`,
  ],
  [{ names: "a" }, ["names"], 'names is "a", not a list'],
  [{ names: ["a", null] }, ["names", "1"], "names[1] is empty, not a text"],
  [{ rules: [] }, ["rules"], "rules is a list, not an object with keys"],
  [
    { rules: { "a user": ["x", false] } },
    ["rules", "a user", "1"],
    'rules["a user"][1] is false, not a text',
  ],
  [{ section: null }, ["section"], "section is empty, not an object with keys"],
  [
    { listeners: { default: null } },
    ["listeners", "default"],
    "listeners.default is empty, not an object with keys",
  ],
];

for (const [value, path, problem] of wrong) {
  Deno.test(`readSettings() throws when ${problem.split(";")[0]}`, () => {
    const error = assertThrows(() => read(value), SettingsError);
    assertEquals(error.path, path);
    assertEquals(error.problem, problem);
    assertEquals(error.message, `Cannot read the test: ${problem}`);
  });
}

Deno.test("readSettings() does not show a secret that is wrong", () => {
  const error = assertThrows(() => read({ password: "hunter2" }));
  assert(error instanceof TypeError);
  assertEquals(
    error.message,
    'Cannot read the test: password is not shown, not "a" or "b"',
  );
});

// Names.

for (
  const [key, expected] of [
    ["a", "a"],
    ["max-connections", "maxConnections"],
    ["max_connections", "maxConnections"],
    ["maxConnections", "maxConnections"],
    ["a-b_c", "aBC"],
    ["-x", "-x"],
    ["x-", "x-"],
    ["", ""],
  ] as const
) {
  Deno.test(`camelCase() makes ${JSON.stringify(expected)} of ${JSON.stringify(key)}`, () => {
    assertEquals(camelCase(key), expected);
  });
}

Deno.test("settingPath() shows keys as JavaScript would reach them", () => {
  const path = ["acl", "a.b", "my-user", "0", "x"];
  assertEquals(settingPath(path), 'acl["a.b"].my-user[0].x');
  assertEquals(settingPath([]), "");
});
