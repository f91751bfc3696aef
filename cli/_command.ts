/** A command of the command line. */

import type { Flags } from "./_flags.ts";
import type { Terminal } from "./_terminal.ts";

/** One command. */
export interface Command {
  /** What it does, in a few words. */
  readonly help: string;
  /** Its flags, to complete them. */
  readonly flags?: Flags;
  /** The words it takes that are no flags, to complete them. */
  readonly words?: readonly string[];
  /** Runs it; returns the exit status, throws a `UsageError`. */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** The commands by their names. */
export type Commands = Readonly<Record<string, Command>>;
