import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type BrokerConfig,
  configFields,
  defaultLimits,
} from "../../broker/mod.ts";
import { camelCase, type Field } from "../../codec/mod.ts";

/** All fields, with the keys that lead to them. */
function* all(
  fields: Readonly<Record<string, Field>>,
  above: readonly string[] = [],
): Generator<[path: string, field: Field]> {
  for (const [key, field] of Object.entries(fields)) {
    const path = [...above, key];
    yield [path.join("."), field];
    const inner = field.fields ?? field.values?.fields;
    if (inner !== undefined) yield* all(inner, path);
  }
}

Deno.test("fields are the keys of BrokerConfig that a file can have", () => {
  const config: Required<BrokerConfig> = {} as Required<BrokerConfig>;
  const keys: Record<keyof typeof config, boolean> = {
    listeners: true,
    auth: true,
    topicCheck: true,
    persistence: true,
    plugins: true,
    sysInterval: true,
    timeoutDisconnectDelay: true,
    sessionExpiryInterval: true,
    limits: true,
    trustedAddresses: true,
    capabilities: true,
    maxQos: true,
    store: false,
    logger: false,
    now: false,
    memoryUsed: false,
    source: false,
  };
  const expected = Object.entries(keys).filter(([, inFile]) => inFile);
  assertEquals(Object.keys(configFields), expected.map(([key]) => key));
});

Deno.test("fields of limits are the limits, with their defaults", () => {
  const { fields } = configFields.limits!;
  const defaults = Object.entries(fields!).map(([key, field]) => [
    key,
    field.default,
  ]);
  assertEquals(Object.fromEntries(defaults), defaultLimits);
});

Deno.test("every field is described in sentences, and named in camelCase", () => {
  for (const [path, { description }] of all(configFields)) {
    assertMatch(description, /^[A-Z$].*\.$/, path);
    assertEquals(path.split(".").map(camelCase).join("."), path);
  }
});

Deno.test("every field of a collection says what that holds", () => {
  for (const [path, { type, values, fields }] of all(configFields)) {
    assertEquals(values !== undefined, type === "map" || type === "list", path);
    assertEquals(fields !== undefined, type === "object", path);
  }
});

Deno.test("default of a field is among what it may be", () => {
  for (const [path, field] of all(configFields)) {
    const { default: own, choices, minimum = 0, maximum = Infinity } = field;
    if (own === undefined) continue;
    if (choices) assert(choices.includes(String(own)), path);
    if (typeof own !== "number" || path.startsWith("listeners")) continue;
    assert(own >= minimum && own <= maximum, path);
  }
});
