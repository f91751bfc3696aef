/** Where the broker and its plugins say what happens if no logger is passed. */

// deno-lint-ignore-file no-console -- who passes no logger is told there

import type { Logger } from "./plugin.ts";

/** Warnings and errors, on the console. */
export const consoleLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (line) => console.warn(line),
  error: (line) => console.error(line),
  enabled: (level) => level === "warn" || level === "error",
};
