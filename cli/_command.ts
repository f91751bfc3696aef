/** A command of the command line. */

import type { Flags } from "./_flags.ts";
import type { Terminal } from "./_terminal.ts";

/** One command. What it takes is there to complete it. */
export interface Command {
  /** What it does, in a few words. */
  readonly help: string;
  /** Its flags. */
  readonly flags?: Flags;
  /** What its first word may be, and whether a file follows it. */
  readonly words?: Readonly<Record<string, "file" | undefined>>;
  /** Whether it takes a file besides its flags. */
  readonly path?: "file";
  /** Runs it; returns the exit status, throws a `UsageError`. */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** The commands by their names. */
export type Commands = Readonly<Record<string, Command>>;
