/**
 * Whether the files that a configuration names can be used.
 */

import type { Configuration } from "./_configuration.ts";
import { BrokerError } from "./error.ts";
import type { ListenOptions } from "./listen.ts";
import { readTlsFiles } from "./_tls_files.ts";

/**
 * Reads certificates and keys, and looks at the password file.
 *
 * @throws {BrokerError} If one cannot be used.
 */
export async function checkFiles(
  { listeners, settings: { auth, source } }: Configuration,
  { now, warn }: ListenOptions,
): Promise<void> {
  for (const { name, tls } of listeners) {
    if (tls === undefined) continue;
    const { warnings } = await readTlsFiles(name, tls, now);
    warnings.forEach(warn);
  }
  const file = auth?.passwordFile;
  if (file === undefined) return;
  try {
    (await Deno.open(file)).close();
  } catch (error) {
    const place = source === undefined
      ? ""
      : ` (${source.locate(["auth", "passwordFile"])})`;
    const why = error instanceof Error ? error.message : error;
    throw new BrokerError(`Cannot read the password file${place}: ${why}`);
  }
}
