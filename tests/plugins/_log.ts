/** A logger that keeps what it was told. */

import type { Logger, PluginContext } from "../../broker/mod.ts";

/** The levels, as a log shows them. */
export type Level = "DEBUG" | "INFO" | "WARNING" | "ERROR";

export class RecordingLogger implements Logger {
  readonly entries: [level: Level, line: string][] = [];
  /** Whether debug lines are wanted. */
  verbose = true;

  debug(line: string): void {
    this.entries.push(["DEBUG", line]);
  }

  info(line: string): void {
    this.entries.push(["INFO", line]);
  }

  warn(line: string): void {
    this.entries.push(["WARNING", line]);
  }

  error(line: string): void {
    this.entries.push(["ERROR", line]);
  }

  enabled(level: string): boolean {
    return this.verbose || level !== "debug";
  }

  /** All lines, each with its level in front. */
  get lines(): string[] {
    return this.entries.map((entry) => entry.join(" "));
  }

  /** Takes the lines out. */
  take(): string[] {
    const { lines } = this;
    this.entries.length = 0;
    return lines;
  }
}

/** A context of which a plugin uses nothing but the logger. */
export function contextWith(logger: Logger): PluginContext {
  return { logger } as PluginContext;
}
