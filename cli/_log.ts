/**
 * Log lines to stderr, many with one write, and never in the way: if nobody
 * reads them, lines are dropped and counted, and the broker goes on.
 */

import type { Logger } from "../mod.ts";

/** Lines that may wait to be written. */
const CAPACITY = 10_000;

const encoder = new TextEncoder();

/** Writes lines to a stream that may be slow. */
export class Log {
  readonly #write: (bytes: Uint8Array) => Promise<number>;
  #lines: string[] = [];
  #dropped = 0;
  #writing: Promise<void> | undefined;

  constructor(
    write: (bytes: Uint8Array) => Promise<number> = (bytes) =>
      Deno.stderr.write(bytes),
  ) {
    this.#write = write;
  }

  /** Adds a line with the time and the level in front. */
  line(level: string, text: string): void {
    if (this.#lines.length >= CAPACITY) {
      this.#dropped++;
      return;
    }
    this.#lines.push(`${prefix(level)}${text}\n`);
    this.#writing ??= this.#drain();
  }

  /** A logger for the broker; it takes debug lines only if they are wanted. */
  logger(debug: boolean): Logger {
    return {
      debug: (line) => {
        if (debug) this.line("DEBUG", line);
      },
      info: (line) => this.line("INFO", line),
      warn: (line) => this.line("WARNING", line),
      error: (line) => this.line("ERROR", line),
      enabled: (level) => debug || level !== "debug",
    };
  }

  /** Waits until everything is written. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // what the same turn adds goes with the same write
    try {
      while (this.#lines.length > 0) {
        if (this.#dropped > 0) {
          const text = `${this.#dropped} lines were dropped\n`;
          this.#lines.push(prefix("WARNING") + text);
          this.#dropped = 0;
        }
        let bytes = encoder.encode(this.#lines.join(""));
        this.#lines = [];
        while (bytes.length > 0) {
          bytes = bytes.subarray(await this.#write(bytes));
        }
      }
    } catch {
      this.#lines = []; // stderr is closed: there is nobody to tell
    } finally {
      this.#writing = undefined;
    }
  }
}

function prefix(level: string): string {
  const time = new Date().toISOString();
  return `[${time.slice(0, 10)} ${time.slice(11, 23)}] :: ${level} - `;
}
