/**
 * Configuration files in YAML, as HBMQTT and aMQTT have them.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import { SettingsError } from "../codec/mod.ts";
import type { BrokerConfig, ConfigSource } from "./config.ts";
import { refuseObjects } from "./_active_plugins.ts";
import { located, readConfig } from "./_configuration.ts";
import { parseYaml, readYamlFile, type YamlFile } from "./yaml_file.ts";

const where = "the configuration of the broker";

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
  return configOf(await readYamlFile(path, where));
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
  return configOf(parseYaml(text, file, where));
}

function configOf({ value, ...yaml }: YamlFile): BrokerConfig {
  const source: ConfigSource = { ...yaml, url: pathToFileURL(yaml.file).href };
  for (const key of ["logger", "now", "source", "store"]) {
    if (!Object.hasOwn(value, key)) continue;
    const problem = `${source.locate([key])}: ${key} can be said in code only`;
    throw new SettingsError(where, [key], problem);
  }
  const { said } = readConfig({ ...value, source });
  try {
    refuseObjects(said.plugins);
  } catch (error) {
    throw located(error, source);
  }
  return said;
}
