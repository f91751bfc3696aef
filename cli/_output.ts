/**
 * Messages on standard output: written at once, those that come while a write
 * is under way together with the next one.
 */

import { Outbox } from "../mod.ts";
import type { Terminal } from "./_terminal.ts";

/** With so many bytes waiting no more messages are taken. */
const HIGH_WATER = 65_536;

export class Output {
  readonly #terminal: Terminal;
  readonly #outbox = new Outbox();
  readonly #failed: (error: unknown) => void;
  #writing: Promise<void> | undefined;

  /** @param failed Is called when nothing can be written any more. */
  constructor(terminal: Terminal, failed: (error: unknown) => void) {
    this.#terminal = terminal;
    this.#failed = failed;
  }

  /** Adds the parts of a line; await it before adding more. */
  async add(...parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) this.#outbox.pushBytes(part);
    this.#writing ??= this.#write();
    if (this.#outbox.size >= HIGH_WATER) await this.#writing;
  }

  /** Waits until all is written. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    await undefined; // what else is there is added first
    try {
      for (;;) {
        const bytes = this.#outbox.take();
        if (bytes === undefined) break;
        for (let count = 0; count < bytes.length;) {
          count += await this.#terminal.write(bytes.subarray(count));
        }
        this.#outbox.written();
      }
      this.#writing = undefined;
    } catch (error) {
      this.#failed(error);
    }
  }
}
