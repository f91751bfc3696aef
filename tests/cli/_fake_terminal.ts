/** A terminal in the hand of a test. */

import {
  type Instant,
  Interruption,
  type OpenFile,
  type Terminal,
} from "../../cli/_terminal.ts";

/** More about a {@linkcode FakeTerminal}. */
export interface FakeTerminalOptions {
  /** The files there are, by their paths. */
  files?: Readonly<Record<string, Uint8Array | string>>;
  /** Whether there are colours. */
  colours?: boolean;
  /** How wide it is; by default nobody looks. */
  width?: number;
  /** Whether somebody types. */
  typed?: boolean;
}

export class FakeTerminal implements Terminal {
  readonly input: ReadableStream<Uint8Array>;
  readonly pid = 4711;
  readonly hostname = "box";
  readonly colours: boolean;
  readonly errorColours: boolean;
  readonly width: number;
  /** Whether somebody types. */
  readonly typed: boolean;
  /** Whether what is typed is shown. */
  hidden = false;
  /** Lines on standard error. */
  readonly errors: string[] = [];
  /** Lines of status, those that were removed too. */
  readonly statuses: string[] = [];
  /** Whether the stream of input was cancelled. */
  cancelled = false;
  /** What `now` says, in seconds. */
  time = 1_800_000_000;
  /** What `random` says. */
  chance = 0;

  readonly #files: Readonly<Record<string, Uint8Array | string>>;
  readonly #interruption = new AbortController();
  #input: ReadableStreamDefaultController<Uint8Array> | undefined;
  #output = new Uint8Array(0);
  #waiting: { met: () => boolean; resolve: () => void }[] = [];
  #sleepers: { until: number; wake: () => void }[] = [];
  #broken: Error | undefined;
  /** Ends when standard output takes something again. */
  #held: PromiseWithResolvers<void> | undefined;
  /** Whether somebody writes to it meanwhile. */
  #stuck = false;

  constructor(
    { files = {}, colours = false, width = 0, typed = false }:
      FakeTerminalOptions = {},
  ) {
    this.#files = files;
    this.colours = colours;
    this.errorColours = colours;
    this.width = width;
    this.typed = typed;
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

  /** Presses Ctrl-C, or sends another signal. */
  interrupt(signal: Deno.Signal = "SIGINT"): void {
    this.#interruption.abort(new Interruption(signal));
  }

  /** Whoever reads the output goes away. */
  breakPipe(): void {
    this.#broken = new Deno.errors.BrokenPipe("Broken pipe");
  }

  /** Whoever reads the output pauses. */
  hold(): void {
    this.#held = Promise.withResolvers();
  }

  /** Waits until somebody writes while the reader pauses. */
  stuck(): Promise<void> {
    return this.#until(() => this.#stuck);
  }

  /** Whoever reads the output goes on. */
  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** Lets time pass. */
  elapse(seconds: number): void {
    this.time += seconds;
    const due = this.#sleepers.filter(({ until }) => until <= this.time);
    this.#sleepers = this.#sleepers.filter((one) => !due.includes(one));
    for (const { wake } of due) wake();
  }

  /** Waits until somebody sleeps. */
  asleep(): Promise<void> {
    return this.#until(() => this.#sleepers.length > 0);
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

  hide(on: boolean): boolean {
    this.hidden = on && this.typed;
    return this.typed;
  }

  open(path: string): Promise<OpenFile> {
    const file = this.#files[path];
    if (file === undefined) {
      return Promise.reject(new Deno.errors.NotFound(`No such file: ${path}`));
    }
    const bytes = bytesOf(file);
    return Promise.resolve({
      stream: ReadableStream.from([bytes]),
      size: bytes.length,
    });
  }

  /** Takes a thousand bytes at a time, at the most. */
  async write(bytes: Uint8Array): Promise<number> {
    if (this.#held !== undefined) {
      this.#stuck = true;
      this.#happened();
      await this.#held.promise;
      this.#stuck = false;
    }
    if (this.#broken) throw this.#broken;
    const part = bytes.subarray(0, 1000);
    const output = new Uint8Array(this.#output.length + part.length);
    output.set(this.#output);
    output.set(part, this.#output.length);
    this.#output = output;
    this.#happened();
    return part.length;
  }

  error(line: string): void {
    this.errors.push(line);
    this.#happened();
  }

  status(line: string): void {
    this.statuses.push(line);
  }

  now(): Instant {
    const seconds = Math.floor(this.time);
    return { seconds, nanoseconds: Math.round((this.time - seconds) * 1e9) };
  }

  random(): number {
    return this.chance;
  }

  async sleep(seconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      this.#sleepers.push({ until: this.time + seconds, wake: resolve });
      signal.addEventListener("abort", () => reject(signal.reason));
      this.#happened();
    });
  }
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}
