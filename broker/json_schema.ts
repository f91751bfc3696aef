/**
 * The JSON schema of a configuration file, for editors.
 *
 * @module
 */

import type { Field, Fields } from "../codec/mod.ts";
import { configFields } from "./fields.ts";

/** A JSON schema, or a part of one. */
export type JsonSchema = { readonly [key: string]: unknown };

/**
 * Makes the JSON schema (draft 2020-12) of a configuration file. Keys are
 * proposed with dashes, and accepted with underscores and in camelCase too.
 *
 * @example
 * ```ts
 * import { configSchema } from "@ambermq/mqtt/broker";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(configSchema().type, "object");
 * ```
 *
 * @returns The schema.
 */
export function configSchema(): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of an AmberMQ broker",
    ...objectOf(configFields),
  };
}

/**
 * The spelling of a key in configuration files.
 *
 * @param key The key in camelCase: `maxConnections`.
 * @returns The key with dashes: `max-connections`.
 */
export function dashed(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function objectOf(fields: Fields): JsonSchema {
  const properties: [string, JsonSchema][] = [];
  const spellings: [string, JsonSchema][] = [];
  for (const [key, field] of Object.entries(fields)) {
    const schema = schemaOf(field);
    properties.push([dashed(key), schema]);
    if (dashed(key) === key) continue;
    const pattern = key.replace(
      /[A-Z]/g,
      (letter) => `(_${letter.toLowerCase()}|${letter})`,
    );
    spellings.push([`^${pattern}$`, schema]);
  }
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    ...(spellings.length === 0
      ? {}
      : { patternProperties: Object.fromEntries(spellings) }),
    additionalProperties: false,
  };
}

/** What YAML 1.2 reads as texts and YAML 1.1 as booleans. */
const switches = "^([Oo][Nn]|[Oo][Ff][Ff]|[Yy][Ee][Ss]|[Nn][Oo]|" +
  "[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$";

function schemaOf(field: Field): JsonSchema {
  const { description, minimum, maximum } = field;
  const common = {
    description,
    ...(field.default === undefined ? {} : { default: field.default }),
  };
  switch (field.type) {
    case "boolean":
      return {
        ...common,
        anyOf: [
          { type: "boolean" },
          { type: "string", pattern: switches },
          { enum: [0, 1] },
        ],
      };
    case "integer":
    case "number":
      return {
        ...common,
        type: field.type,
        ...(minimum === undefined ? {} : { minimum }),
        ...(maximum === undefined ? {} : { maximum }),
      };
    case "text":
      return field.choices
        ? { ...common, enum: field.choices }
        : { ...common, type: ["string", "integer"] };
    case "list":
      return { ...common, type: "array", items: schemaOf(field.values!) };
    case "map":
      return {
        ...common,
        type: "object",
        additionalProperties: schemaOf(field.values!),
      };
    case "object":
      return { ...common, ...objectOf(field.fields!) };
    case "any":
      return common;
  }
}
