/**
 * Files in YAML, and where in them each value stands.
 *
 * @module
 */

import { parse } from "@std/yaml";
import { camelCase, settingPath, SettingsError } from "../codec/mod.ts";
import { type Duplicate, type Outline, placeOf, scanYaml } from "./_yaml.ts";

/** What a file in YAML holds. */
export interface YamlFile {
  /** Its name, for messages. */
  readonly file: string;
  /** The keys and values. */
  readonly value: Readonly<Record<string, unknown>>;
  /** What is odd about it, a line each, with the place. */
  readonly warnings: string[];

  /**
   * Where a setting stands.
   *
   * @param path The keys that lead to it, in any spelling.
   * @returns `file:line:column`, or the file if it is not there.
   */
  locate(path: readonly string[]): string;

  /**
   * How a setting was written.
   *
   * @param path The keys that lead to it, in any spelling.
   * @returns The same keys as they are written; `undefined` if it is not there.
   */
  written(path: readonly string[]): readonly string[] | undefined;
}

/**
 * Reads a file in YAML, or in JSON, which is YAML too. Needs the permission
 * `--allow-read`.
 *
 * @param path The file.
 * @param where What it is: `"the configuration of the broker"`.
 * @returns What it holds.
 * @throws {SettingsError} If it cannot be read or is no YAML with keys and
 * values; it says at which line and column.
 */
export async function readYamlFile(
  path: string,
  where: string,
): Promise<YamlFile> {
  let text: string;
  try {
    const bytes = await Deno.readFile(path);
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new SettingsError(where, [], `${path}: ${unreadable(error)}`);
  }
  return parseYaml(text, path, where);
}

/**
 * Reads a text in YAML. A key that stands twice is an error, but for `capath`:
 * its second one is `cadata`, with a warning.
 *
 * @example
 * ```ts
 * import { parseYaml } from "@ambermq/mqtt/broker";
 * import { assertEquals } from "@std/assert";
 *
 * const yaml = parseYaml("will:\n  qos: 1\n", "my.yaml", "my configuration");
 * assertEquals(yaml.value, { will: { qos: 1 } });
 * assertEquals(yaml.locate(["will", "qos"]), "my.yaml:2:3");
 * ```
 *
 * @param text The text.
 * @param file The name of the file, for messages.
 * @param where What it is: `"the configuration of the broker"`.
 * @returns What it holds.
 * @throws {SettingsError} As `readYamlFile()` does.
 */
export function parseYaml(
  text: string,
  file: string,
  where: string,
): YamlFile {
  const warnings: string[] = [];
  const { value, root } = read(text, file, where, warnings);
  if (value === null || value === undefined) {
    const right = "write {} for the configuration that says nothing";
    throw new SettingsError(where, [], `${file}: it is empty; ${right}`);
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    const is = Array.isArray(value) ? "a list" : JSON.stringify(value);
    const problem = `${file}:1:1: it is ${is}, not keys and values`;
    throw new SettingsError(where, [], problem);
  }
  return {
    file,
    value: value as Record<string, unknown>,
    warnings,
    locate: (path) => {
      const found = find(root, path);
      return found === root ? file : placed(file, text, found.offset);
    },
    written: (path) => {
      const found = find(root, path);
      return found.path.length === path.length ? found.path : undefined;
    },
  };
}

/** The outline of a path, or of the nearest key above it that there is. */
function find(root: Outline, path: readonly string[]): Outline {
  let outline = root;
  for (const key of path) {
    const children = [...outline.children];
    const [, next] = children.find(([own]) => own === key) ??
      children.find(([own]) => camelCase(own) === key) ?? [];
    if (next === undefined) break;
    outline = next;
  }
  return outline;
}

/** The values of a text, and where they stand. */
function read(
  text: string,
  file: string,
  where: string,
  warnings: string[],
): { value: unknown; root: Outline } {
  try {
    const corrected = withCadata(text, file, where, warnings);
    const { root, duplicates } = scanYaml(corrected);
    return {
      value: parsed(corrected, file, where, warnings, duplicates),
      root,
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SettingsError(where, [], `${file}: it is nested too deep`);
  }
}

/**
 * The documentation of HBMQTT writes `capath` twice where the second one is
 * `cadata`.
 */
function withCadata(
  text: string,
  file: string,
  where: string,
  warnings: string[],
): string {
  const { root, duplicates, tab } = scanYaml(text);
  if (tab !== undefined) {
    const problem = `${placed(file, text, tab)}: a tab indents; use spaces`;
    throw new SettingsError(where, [], problem);
  }
  let corrected = text;
  for (const { first, again } of duplicates) {
    const siblings = find(root, again.path.slice(0, -1)).children;
    const written = /["']?capath/y;
    written.lastIndex = again.offset;
    if (siblings.has("cadata") || !written.test(text)) continue;
    if (again.path.at(-1) !== "capath") continue;
    // Both have six letters: what stands behind it keeps its place.
    const end = written.lastIndex;
    corrected = corrected.slice(0, end - 6) + "cadata" + corrected.slice(end);
    warnings.push(
      `${placed(file, text, again.offset)}: ${settingPath(again.path)} ${
        isThere(text, first)
      }: taken as cadata`,
    );
  }
  return corrected;
}

function isThere(text: string, { offset }: Outline): string {
  return `is there in line ${placeOf(text, offset).line} already`;
}

function placed(file: string, text: string, offset: number): string {
  const { line, column } = placeOf(text, offset);
  return `${file}:${line}:${column}`;
}

/** What the parser finds; the outline only knows where equal keys stand. */
function parsed(
  text: string,
  file: string,
  where: string,
  warnings: string[],
  duplicates: readonly Duplicate[],
): unknown {
  try {
    return parse(text, {
      onWarning: ({ line, column, message }) =>
        warnings.push(`${file}:${line}:${column}: ${firstLine(message)}`),
    });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const { line, column = 1 } = error as { line?: number; column?: number };
    // Of a key behind an anchor the parser gives a column in front of the line.
    let place = `${file}:${line}:${Math.max(column, 1)}`;
    let problem = syntax(text, error);
    if (/duplicated key/.test(error.message)) {
      const [known] = duplicates;
      problem = "a key is there already; keep one of them";
      if (known !== undefined) {
        const { first, again } = known;
        place = placed(file, text, again.offset);
        problem = `${settingPath(again.path)} ${isThere(text, first)}; keep ` +
          "one of them";
      }
    }
    throw new SettingsError(where, [], `${place}: ${problem}`);
  }
}

/** What is not YAML, and what would be right where that is known. */
function syntax(text: string, error: SyntaxError): string {
  const problem = `it is not YAML: ${firstLine(error.message)}`;
  const [address] = /(?<=:[ \t]+)\[[\da-f:.%]*:[\da-f:.%]*\]:?\d*(?=[\s,}]|$)/im
    .exec(text) ?? [];
  if (address !== undefined) {
    return `${problem}; an IPv6 address needs quotes: "${address}"`;
  }
  return problem;
}

function firstLine(message: string): string {
  return message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, "");
}

function unreadable(error: unknown): string {
  if (error instanceof TypeError) return "it is not UTF-8 text";
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return error instanceof Error ? error.message : String(error);
}
