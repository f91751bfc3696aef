/** With what a command ends, for scripts: documented in its help. */

import { ConnectError, SettingsError } from "../mod.ts";

/** Something went wrong. */
export const FAILED = 1;
/** The command line is wrong. */
export const USAGE = 2;
/** The time was over: as mosquitto_sub has it. */
export const TIMED_OUT = 27;

/**
 * The exit status for an error: the code of a refusing CONNACK; 2 for what the
 * library takes for a mistake, such as a URL that is none; else 1, as for a
 * wrong configuration.
 */
export function exitStatus(error: unknown): number {
  if (error instanceof ConnectError) return error.returnCode ?? FAILED;
  if (error instanceof SettingsError) return FAILED;
  const mistake = error instanceof TypeError || error instanceof RangeError;
  return mistake ? USAGE : FAILED;
}
