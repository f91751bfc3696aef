/**
 * Settings as somebody wrote them, checked and in one spelling.
 *
 * @module
 */

import { didYouMean } from "./did_you_mean.ts";
import type { Field, Fields, Settings } from "./schema.ts";

/** A setting is not as it should be. */
export class SettingsError extends TypeError {
  /** The name of the class, for logs. */
  override readonly name: string = "SettingsError";
  /** What was read: `"the configuration of the broker"`. */
  readonly where: string;
  /** The keys that lead to the setting, as they were written. */
  readonly path: readonly string[];
  /** What is wrong and what would be right: the message without its start. */
  readonly problem: string;

  /**
   * Makes an error.
   *
   * @param where What was read: `"the configuration of the broker"`.
   * @param path The keys that lead to the setting, as they were written.
   * @param problem What is wrong and what would be right.
   */
  constructor(where: string, path: readonly string[], problem: string) {
    super(`Cannot read ${where}: ${problem}`);
    this.where = where;
    this.path = path;
    this.problem = problem;
  }
}

/**
 * Reads settings: checks every key and value, and gives the keys the spelling
 * of the fields. `max-connections`, `max_connections` and `maxConnections` are
 * one key. A boolean is also `"on"`, `"off"`, `"yes"`, `"no"`, `"true"`,
 * `"false"` in any case, 1 or 0; a text may be an integer, which YAML makes of
 * a port. A key whose value is `undefined` is not there; `null` is no value.
 *
 * @example
 * ```ts
 * import { readSettings } from "@ambermq/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const fields = {
 *   verifyCert: { type: "boolean", description: "Whether to verify." },
 *   retries: { type: "integer", minimum: 0, description: "How many times." },
 * } as const;
 *
 * assertEquals(
 *   readSettings({ "verify-cert": "off", retries: 2 }, fields, "the options"),
 *   { verifyCert: false, retries: 2 },
 * );
 * ```
 *
 * @param value The settings as somebody wrote them.
 * @param fields What there may be.
 * @param where What this is, for the message: `"the options of the client"`.
 * @returns The settings that were said, in an object of its own; no defaults.
 * @throws {SettingsError} If a key is not known or a value is not right.
 */
export function readSettings<const F extends Fields>(
  value: unknown,
  fields: F,
  where: string,
): Settings<F> {
  const reading = new Reading(where);
  return reading.object(value, fields, [], undefined) as Settings<F>;
}

/**
 * The spelling of a key in code.
 *
 * @param key The key with dashes or underscores: `max-connections`.
 * @returns The key in camelCase: `maxConnections`.
 */
export function camelCase(key: string): string {
  return key.replace(/(?<=.)[-_](.)/g, (_, letter) => letter.toUpperCase());
}

/**
 * The keys that lead to a setting, for a message.
 *
 * @param path The keys: `["listeners", "default", "bind"]`.
 * @returns The keys as one text: `listeners.default.bind`.
 */
export function settingPath(path: readonly string[]): string {
  return path.map((key, i) => {
    if (/^\d+$/.test(key)) return `[${key}]`;
    if (!/^[\w$-]+$/.test(key)) return `[${JSON.stringify(key)}]`;
    return i === 0 ? key : `.${key}`;
  }).join("");
}

const booleans: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...[true, 1, "true", "on", "yes"].map((one) => [one, true] as const),
  ...[false, 0, "false", "off", "no"].map((one) => [one, false] as const),
]);

type Path = readonly string[];

/** One reading: every step knows the path to where it is. */
class Reading {
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }

  /** @param siblings What an object stands in, if that is a map. */
  object(
    value: unknown,
    fields: Fields,
    path: Path,
    siblings: string | undefined,
  ): Record<string, unknown> {
    const spellings = new Map<string, string>();
    const entries: [string, unknown][] = [];
    for (const [written, own] of this.#entries(value, path)) {
      if (own === undefined) continue;
      const here = [...path, written];
      const key = camelCase(written);
      if (!Object.hasOwn(fields, key)) {
        const names = spelledAs(
          [written, ...Object.keys(value as object)],
          Object.keys(fields),
        );
        const slip = indentation(own, fields, siblings) ??
          didYouMean(written, names);
        const known = names.join(", ") || "none";
        const problem = `there is no ${settingPath(here)}${slip}`;
        const end = slip.endsWith("?") ? " known" : "; known";
        throw this.#error(here, `${problem}${end} are ${known}`);
      }
      const twin = spellings.get(key);
      if (twin !== undefined) {
        const other = settingPath([...path, twin]);
        const problem = `${settingPath(here)} and ${other} are one key`;
        throw this.#error(here, `${problem}; keep one of them`);
      }
      spellings.set(key, written);
      entries.push([key, this.#value(own, fields[key]!, here)]);
    }
    return Object.fromEntries(entries);
  }

  #value(value: unknown, field: Field, path: Path): unknown {
    switch (field.type) {
      case "boolean": {
        const boolean = booleans.get(
          typeof value === "string" ? value.toLowerCase() : value,
        );
        if (boolean !== undefined) return boolean;
        break;
      }
      case "integer":
      case "number": {
        const { minimum = -Infinity, maximum = Infinity } = field;
        const isNumber = field.type === "integer"
          ? Number.isInteger(value)
          : Number.isFinite(value);
        const number = value as number;
        if (isNumber && number >= minimum && number <= maximum) return number;
        break;
      }
      case "text": {
        const text = Number.isInteger(value) ? String(value) : value;
        const choices = field.choices ?? [text];
        if (typeof text === "string" && choices.includes(text)) return text;
        break;
      }
      case "list":
        if (!Array.isArray(value)) break;
        return value.map((one, i) =>
          this.#value(one, field.values!, [...path, String(i)])
        );
      case "map":
        return Object.fromEntries(
          this.#entries(value, path).filter(([, own]) => own !== undefined)
            .map(([key, own]) => {
              const here = [...path, key];
              const { fields, type } = field.values!;
              if (type !== "object") {
                return [key, this.#value(own, field.values!, here)];
              }
              const name = settingPath(path);
              return [key, this.object(own, fields!, here, name)];
            }),
        );
      case "object":
        return this.object(value, field.fields!, path, undefined);
      case "any":
        return value;
    }
    const shown = field.secret ? "not shown" : show(value);
    const problem = `${settingPath(path)} is ${shown}, not ${right(field)}`;
    throw this.#error(path, problem);
  }

  #entries(value: unknown, path: Path): [string, unknown][] {
    if (isMapping(value)) return Object.entries(value);
    const name = settingPath(path);
    const problem = `${name ? `${name} is` : "it is"} ${show(value)}`;
    throw this.#error(path, `${problem}, not an object with keys`);
  }

  #error(path: Path, problem: string): SettingsError {
    return new SettingsError(this.#where, path, problem);
  }
}

/** Names, spelled as the first of these keys that has dashes or underscores. */
function spelledAs(
  keys: readonly string[],
  names: readonly string[],
): readonly string[] {
  const separator = keys.map((key) => /(?<=.)[-_]/.exec(key)?.[0])
    .find((one) => one !== undefined);
  if (separator === undefined) return names;
  return names.map((name) =>
    name.replace(/[A-Z]/g, (letter) => `${separator}${letter.toLowerCase()}`)
  );
}

function isMapping(value: unknown): value is object {
  // Neither a list nor the Date that YAML makes of 2001-01-01.
  return Object.prototype.toString.call(value) === "[object Object]";
}

/** An object under a wrong key may have been written too far right or left. */
function indentation(
  value: unknown,
  fields: Fields,
  siblings: string | undefined,
): string | undefined {
  if (!isMapping(value)) return undefined;
  if (siblings !== undefined) {
    return `; if it is to be one of ${siblings}, it is indented too far`;
  }
  const keys = Object.keys(value).map(camelCase);
  const [home] =
    Object.entries(fields).find(([, { type, values }]) =>
      type === "map" && values?.fields !== undefined && keys.length > 0 &&
      keys.every((key) => Object.hasOwn(values.fields!, key))
    ) ?? [];
  if (home === undefined) return undefined;
  return `; if it is to be one of ${home}, it is not indented far enough`;
}

/** What a value should have been. */
function right(field: Field): string {
  const { type, choices, minimum, maximum } = field;
  if (choices) {
    return choices.map((one) => JSON.stringify(one)).join(" or ");
  }
  const range = minimum === undefined
    ? maximum === undefined ? "" : ` of at most ${maximum}`
    : maximum === undefined
    ? ` of at least ${minimum}`
    : ` from ${minimum} to ${maximum}`;
  switch (type) {
    case "boolean":
      return "true or false";
    case "integer":
      return `an integer${range}`;
    case "number":
      return `a number${range}`;
    case "text":
      return "a text";
    default:
      return "a list";
  }
}

/** Characters of a value that a message shows. */
const LONGEST = 80;

function show(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "function") return "a function";
  if (isMapping(value)) return "an object";
  const text = typeof value === "string"
    ? JSON.stringify(value)
    : String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
