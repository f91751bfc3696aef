/**
 * Configuration files in YAML, as HBMQTT and aMQTT have them.
 *
 * @module
 */

import { parse } from "@std/yaml";
import { pathToFileURL } from "node:url";
import { camelCase, settingPath, SettingsError } from "../codec/mod.ts";
import type { BrokerConfig, ConfigSource } from "./config.ts";
import { readConfig } from "./_configuration.ts";
import { type Outline, placeOf, scanYaml } from "./_yaml.ts";

/**
 * Reads a configuration file: YAML, or JSON, which is YAML too. Files that it
 * names are looked at when the broker starts, not now; they are relative to
 * where the program runs, module specifiers to the configuration file.
 *
 * @example
 * ```ts ignore
 * import { Broker, readConfigFile } from "@ambermq/mqtt/broker";
 *
 * const broker = new Broker(await readConfigFile("broker.yaml"));
 * ```
 *
 * @param path The file.
 * @returns The configuration, checked.
 * @throws {SettingsError} If the file cannot be read, is not YAML, has a key
 * that there is not or a value that is not right; it says at which line and
 * column, and what would be right.
 */
export async function readConfigFile(path: string): Promise<BrokerConfig> {
  let text: string;
  try {
    const bytes = await Deno.readFile(path);
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw wrong([], `${path}: ${unreadable(error)}`);
  }
  return parseConfig(text, path);
}

/**
 * Reads the text of a configuration file.
 *
 * @param text The text.
 * @param file The name of the file, for messages.
 * @returns The configuration, checked.
 * @throws {SettingsError} As `readConfigFile()` does.
 */
export function parseConfig(text: string, file: string): BrokerConfig {
  const warnings: string[] = [];
  const corrected = withoutDuplicates(text, file, warnings);
  const { root } = scanYaml(corrected);
  const value = parsed(corrected, file, warnings);
  if (value === null || value === undefined) {
    const right = "write {} for the configuration that says nothing";
    throw wrong([], `${file}: it is empty; ${right}`);
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    const is = Array.isArray(value) ? "a list" : JSON.stringify(value);
    throw wrong([], `${file}:1:1: it is ${is}, not keys and values`);
  }
  const source: ConfigSource = {
    file,
    url: pathToFileURL(file).href,
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
  for (const key of ["logger", "now", "source", "store"]) {
    if (!Object.hasOwn(value, key)) continue;
    const place = source.locate([key]);
    throw wrong([key], `${place}: ${key} can be said in code only`);
  }
  return readConfig({ ...value, source }).said;
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

/**
 * Of two equal keys the last one holds, as in PyYAML; but the documentation of
 * HBMQTT writes `capath` twice where the second one is `cadata`.
 */
function withoutDuplicates(
  text: string,
  file: string,
  warnings: string[],
): string {
  const { root, duplicates, tab } = scanYaml(text);
  if (tab !== undefined) {
    throw wrong([], `${placed(file, text, tab)}: a tab indents; use spaces`);
  }
  let corrected = text;
  for (const { first, again } of duplicates) {
    const [key, path] = [again.path.at(-1)!, settingPath(again.path)];
    const place = placed(file, text, again.offset);
    const { line } = placeOf(text, first.offset);
    const siblings = find(root, again.path.slice(0, -1)).children;
    if (key === "capath" && !siblings.has("cadata")) {
      // Both have six letters: what stands behind it keeps its place.
      corrected = corrected.slice(0, again.offset) + "cadata" +
        corrected.slice(again.offset + key.length);
      warnings.push(
        `${place}: ${path} is there in line ${line} already: taken as cadata`,
      );
      continue;
    }
    warnings.push(
      `${place}: ${path} is there in line ${line} already: this one holds`,
    );
  }
  return corrected;
}

function placed(file: string, text: string, offset: number): string {
  const { line, column } = placeOf(text, offset);
  return `${file}:${line}:${column}`;
}

function parsed(text: string, file: string, warnings: string[]): unknown {
  try {
    return parse(text, {
      allowDuplicateKeys: true,
      onWarning: ({ line, column, message }) =>
        warnings.push(`${file}:${line}:${column}: ${firstLine(message)}`),
    });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const { line, column } = error as { line?: number; column?: number };
    throw wrong([], `${file}:${line}:${column}: ${syntax(text, error)}`);
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

function wrong(path: readonly string[], problem: string): SettingsError {
  return new SettingsError("the configuration of the broker", path, problem);
}
