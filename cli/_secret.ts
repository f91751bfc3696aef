/**
 * Passwords that somebody types, unseen, or that come by a pipe.
 *
 * Not `@std/cli`'s `promptSecret`: its backspace takes a byte of a letter,
 * Ctrl-D and Ctrl-U become part of the password, Ctrl-C leaves the terminal
 * without an echo, and the question goes to standard output.
 */

import type { Terminal } from "./_terminal.ts";

/** Reads lines that are not shown. */
export class SecretInput implements Disposable {
  readonly #terminal: Terminal;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** Read, and not used. */
  #rest = "";
  readonly #decoder = new TextDecoder();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#reader = terminal.input.getReader();
  }

  /**
   * Asks for a line.
   *
   * @returns The line, and whether it was typed; `undefined` at the end of the
   * input.
   * @throws {Interruption} If there is one.
   */
  async ask(
    question: string,
  ): Promise<{ text: string; typed: boolean } | undefined> {
    const typed = this.#terminal.hide(true);
    if (typed) this.#terminal.status(question);
    try {
      const text = await this.#line(typed);
      return text === undefined ? undefined : { text, typed };
    } finally {
      if (typed) {
        this.#terminal.hide(false);
        this.#terminal.error(question);
      }
    }
  }

  async #line(typed: boolean): Promise<string | undefined> {
    const { interrupted } = this.#terminal;
    let line = "";
    for (;;) {
      const units = [...this.#rest];
      for (const [i, unit] of units.entries()) {
        if (unit === "\n" || (typed && unit === "\r")) {
          this.#rest = units.slice(i + 1).join("");
          return typed ? line : line.replace(/\r$/, "");
        }
        if (typed && unit === "\u0004") return undefined; // Ctrl-D
        line = typed ? edited(line, unit) : line + unit;
      }
      this.#rest = "";
      const { value, done } = await aborted(this.#reader.read(), interrupted);
      if (done) return line === "" ? undefined : line;
      this.#rest = this.#decoder.decode(value, { stream: true });
    }
  }

  [Symbol.dispose](): void {
    // A read that is under way would keep the stream: it ends with the program.
    this.#reader.cancel().catch(() => {});
  }
}

/** What a key makes of a line. */
function edited(line: string, key: string): string {
  switch (key) {
    case "\b":
    case "\u007f":
      return [...line].slice(0, -1).join("");
    case "\u0015": // Ctrl-U
      return "";
    default:
      return line + key;
  }
}

/** Waits for something, or throws why it is given up. */
async function aborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const { promise: gone, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, gone]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
