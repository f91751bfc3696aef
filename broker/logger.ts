/**
 * Where the broker and its plugins say what happens.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- who passes no logger is told there

/** Takes lines of text by how much they matter. */
export interface Logger {
  /** What helps to find a defect. */
  debug(message: string): void;
  /** What happens. */
  info(message: string): void;
  /** What somebody should look at. */
  warn(message: string): void;
  /** What went wrong. */
  error(message: string): void;
}

/** Where no logger is passed: warnings and errors, on the console. */
export const consoleLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (message) => console.warn(message),
  error: (message) => console.error(message),
};
