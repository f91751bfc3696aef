/** `-c`: the configuration of a client, as hbmqtt_pub reads it. */

import {
  type ClientEvents,
  type ClientOptions,
  clientOptions,
  readYamlFile,
  SettingsError,
} from "../mod.ts";
import type { Journal } from "./_journal.ts";

/**
 * Reads the configuration.
 *
 * @param path The file; `undefined`: there is none.
 * @param journal What is odd about it, and what its plugins say, goes there.
 * @throws {SettingsError} If it is not as it should be; it says where.
 */
export async function readClientConfig(
  path: string | undefined,
  journal: Journal,
): Promise<ClientOptions> {
  if (path === undefined) return {};
  const where = "the configuration of the client";
  const { value, warnings, locate } = await readYamlFile(path, where);
  for (const warning of warnings) journal.error(warning);
  try {
    const options = clientOptions(value, { log: (line) => journal.log(line) });
    return { ...options, on: { ...options.on, ...told(journal) } };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const { where, path, problem } = error;
    throw new SettingsError(where, path, `${locate(path)}: ${problem}`);
  }
}

/** What is told while the client goes on: only a configuration makes it. */
function told(journal: Journal): ClientEvents {
  return {
    reconnecting: (_attempt, delay, { message }) =>
      journal.error(`${message}; trying again in ${delay.toFixed(1)} s`),
    subscriptionLost: (_filter, error) => journal.error(error),
  };
}
