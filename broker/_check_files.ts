/**
 * Whether the files that a configuration names can be read.
 */

import type { Configuration } from "./_configuration.ts";
import { BrokerError } from "./error.ts";

/**
 * Looks at certificates, keys and the password file.
 *
 * @throws {BrokerError} If one cannot be read.
 */
export async function checkFiles(config: Configuration): Promise<void> {
  const { listeners, settings: { auth, source } } = config;
  for (const { name, tls } of listeners) {
    for (const key of ["certfile", "keyfile", "cafile", "capath"] as const) {
      const file = tls?.[key];
      if (file !== undefined) await check(file, ["listeners", name, key]);
    }
  }
  const file = auth?.passwordFile;
  if (file !== undefined) await check(file, ["auth", "passwordFile"]);

  async function check(file: string, path: readonly string[]): Promise<void> {
    try {
      await Deno.stat(file);
    } catch (error) {
      const place = source === undefined ? "" : ` (${source.locate(path)})`;
      const why = error instanceof Error ? error.message : error;
      throw new BrokerError(`Cannot read ${file}${place}: ${why}`);
    }
  }
}
