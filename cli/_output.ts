/**
 * Messages on standard output: written at once, those that come while a write
 * is under way together with the next one.
 */

import { Outbox, Queue } from "../mod.ts";
import type { Terminal } from "./_terminal.ts";

/** With so many bytes waiting no more messages are taken. */
const HIGH_WATER = 65_536;

/** Whom to tell when so many bytes are written. */
interface Mark {
  readonly position: number;
  readonly written: () => void;
}

export class Output {
  readonly #terminal: Terminal;
  readonly #outbox = new Outbox();
  readonly #failed: (error: unknown) => void;
  readonly #marks = new Queue<Mark>();
  /** How many bytes were added, and how many are written. */
  #added = 0;
  #written = 0;
  #writing: Promise<void> | undefined;

  /** @param failed Is called when nothing can be written any more. */
  constructor(terminal: Terminal, failed: (error: unknown) => void) {
    this.#terminal = terminal;
    this.#failed = failed;
  }

  /**
   * Adds a line; await it before adding more.
   *
   * @param parts The parts of the line.
   * @param written Is called when it is written.
   */
  async add(
    parts: readonly Uint8Array[],
    written: () => void = () => {},
  ): Promise<void> {
    for (const part of parts) {
      this.#outbox.pushBytes(part);
      this.#added += part.length;
    }
    this.#marks.push({ position: this.#added, written });
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
        this.#tell();
        const bytes = this.#outbox.take();
        if (bytes === undefined) break;
        for (let count = 0; count < bytes.length;) {
          count += await this.#terminal.write(bytes.subarray(count));
        }
        this.#written += bytes.length;
        this.#outbox.written();
      }
      this.#writing = undefined;
    } catch (error) {
      this.#failed(error);
    }
  }

  #tell(): void {
    for (;;) {
      const mark = this.#marks.peek();
      if (mark === undefined || mark.position > this.#written) return;
      this.#marks.shift();
      mark.written();
    }
  }
}
