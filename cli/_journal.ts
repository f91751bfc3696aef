/** What a command tells on standard error. */

import type { Terminal } from "./_terminal.ts";

const RED = "\x1b[31m";
const PLAIN = "\x1b[39m";

export class Journal {
  readonly #terminal: Terminal;
  readonly #command: string;
  readonly #quiet: boolean;
  readonly #verbose: boolean;

  /**
   * @param terminal Where it is told.
   * @param command The name of the command, in front of each error.
   * @param options Whether errors are not told, and whether all that happens is.
   */
  constructor(
    terminal: Terminal,
    command: string,
    options: { quiet?: boolean; debug?: boolean } = {},
  ) {
    this.#terminal = terminal;
    this.#command = command;
    this.#quiet = options.quiet ?? false;
    this.#verbose = options.debug ?? false;
  }

  /** Tells an error. */
  error(error: unknown): void {
    if (this.#quiet) return;
    const text = error instanceof Error ? error.message : String(error);
    const name = this.#terminal.errorColours
      ? `${RED}${this.#command}${PLAIN}`
      : this.#command;
    this.#terminal.error(`${name}: ${text}`);
  }

  /** Tells what somebody else has to say. */
  log(line: string): void {
    this.#terminal.error(line);
  }

  /** Tells what happens, if that is wanted. */
  debug(line: string): void {
    if (this.#verbose) this.#terminal.error(line);
  }
}
