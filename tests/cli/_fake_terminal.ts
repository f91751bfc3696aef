/** A terminal in the hand of a test. */

import type { Terminal } from "../../cli/_terminal.ts";

export class FakeTerminal implements Terminal {
  readonly input: ReadableStream<Uint8Array>;
  /** Lines on standard error. */
  readonly errors: string[] = [];
  /** Whether the stream of input was cancelled. */
  cancelled = false;

  readonly #files: Readonly<Record<string, Uint8Array | string>>;
  readonly #interruption = new AbortController();
  #input: ReadableStreamDefaultController<Uint8Array> | undefined;
  #output = new Uint8Array(0);
  #waiting: { met: () => boolean; resolve: () => void }[] = [];
  #broken: Error | undefined;

  /** @param files The files there are, by their paths. */
  constructor(files: Readonly<Record<string, Uint8Array | string>> = {}) {
    this.#files = files;
    this.input = new ReadableStream({
      start: (controller) => {
        this.#input = controller;
      },
      cancel: () => {
        this.cancelled = true;
      },
    });
  }

  get interrupted(): AbortSignal {
    return this.#interruption.signal;
  }

  /** What was written to standard output. */
  get output(): Uint8Array {
    return this.#output;
  }

  /** The same as text. */
  get text(): string {
    return new TextDecoder().decode(this.#output);
  }

  /** Types something. */
  type(text: string | Uint8Array): void {
    this.#input!.enqueue(bytesOf(text));
  }

  /** Ends standard input. */
  endInput(): void {
    this.#input!.close();
  }

  /** Presses Ctrl-C. */
  interrupt(): void {
    this.#interruption.abort();
  }

  /** Whoever reads the output goes away. */
  breakPipe(): void {
    this.#broken = new Deno.errors.BrokenPipe("Broken pipe");
  }

  /** Waits for a line on standard error. */
  line(start: string): Promise<void> {
    return this.#until(() =>
      this.errors.some((line) => line.startsWith(start))
    );
  }

  /** Waits for so many bytes on standard output. */
  written(length: number): Promise<void> {
    return this.#until(() => this.#output.length >= length);
  }

  #until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ met, resolve }));
  }

  #happened(): void {
    this.#waiting = this.#waiting.filter(({ met, resolve }) => {
      if (met()) resolve();
      return !met();
    });
  }

  // What a terminal is to a command:

  open(path: string): Promise<ReadableStream<Uint8Array>> {
    const file = this.#files[path];
    return file === undefined
      ? Promise.reject(new Deno.errors.NotFound(`No such file: ${path}`))
      : Promise.resolve(ReadableStream.from([bytesOf(file)]));
  }

  /** Takes a thousand bytes at a time, at the most. */
  write(bytes: Uint8Array): Promise<number> {
    if (this.#broken) return Promise.reject(this.#broken);
    const part = bytes.subarray(0, 1000);
    const output = new Uint8Array(this.#output.length + part.length);
    output.set(this.#output);
    output.set(part, this.#output.length);
    this.#output = output;
    this.#happened();
    return Promise.resolve(part.length);
  }

  error(line: string): void {
    this.errors.push(line);
    this.#happened();
  }
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}
