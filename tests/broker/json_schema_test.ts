import { assert, assertEquals } from "@std/assert";
import {
  configFields,
  configSchema,
  dashed,
  type JsonSchema,
} from "../../broker/mod.ts";
import { camelCase } from "../../codec/mod.ts";

type Properties = Record<string, JsonSchema>;

function part(...path: string[]): JsonSchema {
  let schema = configSchema();
  for (const key of path) schema = schema[key] as JsonSchema;
  return schema;
}

for (
  const [key, expected] of [
    ["bind", "bind"],
    ["maxConnections", "max-connections"],
    ["timeoutDisconnectDelay", "timeout-disconnect-delay"],
  ] as const
) {
  Deno.test(`dashed() makes ${expected} of ${key}`, () => {
    assertEquals(dashed(key), expected);
    assertEquals(camelCase(expected), key);
  });
}

Deno.test("schema has every key with dashes, and knows its other spellings", () => {
  const { properties, patternProperties, additionalProperties } =
    configSchema();
  assertEquals(
    Object.keys(properties as Properties),
    Object.keys(configFields).map(dashed),
  );
  assertEquals(additionalProperties, false);
  const patterns = Object.keys(patternProperties as Properties)
    .map((one) => new RegExp(one));
  for (const key of ["sys_interval", "sysInterval", "topic_check"]) {
    assertEquals(patterns.filter((one) => one.test(key)).length, 1, key);
  }
  for (const key of ["sysinterval", "sys__interval", "xsysInterval"]) {
    assertEquals(patterns.filter((one) => one.test(key)), [], key);
  }
});

Deno.test("schema says of each type what it may be", () => {
  const { description: _, ...type } = part(
    ...["properties", "listeners", "additionalProperties", "properties"],
    "type",
  );
  assertEquals(type, { default: "tcp", enum: ["tcp", "ws"] });
  const { description: __, ...bind } = part(
    ...["properties", "listeners", "additionalProperties", "properties"],
    "bind",
  );
  assertEquals(bind, { type: ["string", "integer"] });
  const inflight = part("properties", "limits", "properties", "inflight");
  assertEquals(
    [inflight.type, inflight.minimum, inflight.maximum, inflight.default],
    ["integer", 1, 65_535, 100],
  );
  const acl = part("properties", "topic-check", "properties", "acl");
  assertEquals(
    (acl.additionalProperties as JsonSchema).items,
    { description: "A topic filter.", type: ["string", "integer"] },
  );
  assertEquals(part("properties", "plugins").type, undefined);
});

Deno.test("schema takes booleans as the broker does", () => {
  const { anyOf } = part(
    ...["properties", "auth", "properties", "allow-anonymous"],
  );
  const [boolean, text, number] = anyOf as JsonSchema[];
  assertEquals(boolean, { type: "boolean" });
  assertEquals(number, { enum: [0, 1] });
  const pattern = new RegExp(text!.pattern as string);
  for (const word of ["on", "OFF", "Yes", "no", "True", "false"]) {
    assert(pattern.test(word), word);
  }
  assertEquals(pattern.test("true / false"), false);
});

Deno.test("schema is JSON", () => {
  const schema = configSchema();
  assertEquals(JSON.parse(JSON.stringify(schema)), schema);
});
