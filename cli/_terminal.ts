/** What a command has to do with the world: an interface, for the tests. */

/** A file that is open. */
export interface OpenFile {
  readonly stream: ReadableStream<Uint8Array>;
  /** Its size in bytes, if it has one. */
  readonly size: number | undefined;
}

/** A point in time. */
export interface Instant {
  /** Whole seconds since 1970. */
  readonly seconds: number;
  /** The nanoseconds of the current one. */
  readonly nanoseconds: number;
}

/** Why a command is to end. */
export class Interruption extends Error {
  override readonly name: string = "Interruption";
  /** The exit status that tells of the signal. */
  readonly status: number;

  constructor(signal: Deno.Signal) {
    super(`Interrupted by ${signal}`);
    this.status = signal === "SIGTERM" ? 143 : 130;
  }
}

/** Nothing can be written to standard output any more. */
export class OutputError extends Error {
  override readonly name: string = "OutputError";
}

/** Input, output, time and interruptions of a command. */
export interface Terminal {
  /** Standard input. */
  readonly input: ReadableStream<Uint8Array>;
  /** Fires when the command is to end, with an {@linkcode Interruption}. */
  readonly interrupted: AbortSignal;
  /** The process identifier. */
  readonly pid: number;
  /** The name of the machine, if it may be known. */
  readonly hostname: string | undefined;
  /** Whether somebody looks at standard output, and wants it coloured. */
  readonly colours: boolean;
  /** The same of standard error. */
  readonly errorColours: boolean;
  /** How many characters a line on standard error has; 0 if nobody looks. */
  readonly width: number;
  /** Has what is typed not shown, or shown again; `false` if nobody types. */
  hide(on: boolean): boolean;
  /** Opens a file to read. */
  open(path: string): Promise<OpenFile>;
  /**
   * Writes to standard output, at least one byte.
   *
   * @throws {Deno.errors.BrokenPipe} If who read it has had enough.
   * @throws {OutputError} If it cannot be written.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Writes a line to standard error. */
  error(line: string): void;
  /** Shows a line on standard error in place of the last one; "" removes it. */
  status(line: string): void;
  /** What time it is. */
  now(): Instant;
  /** A number from 0 to less than 1. */
  random(): number;
  /** Waits; the signal's reason is thrown when it fires. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>;
}

/** The real one, as long as it is not disposed of. */
export class SystemTerminal implements Terminal, Disposable {
  readonly #controller = new AbortController();
  /** Again and again: `deno task` delivers Ctrl-C twice. */
  readonly #interrupts = signals.map((signal) => ({
    signal,
    listener: () => this.#controller.abort(new Interruption(signal)),
  }));
  /** Whether signals are listened to: from when on somebody asks for them. */
  #listening = false;
  /** Whether a line of `status` is shown. */
  #shown = false;

  get input(): ReadableStream<Uint8Array> {
    return Deno.stdin.readable;
  }

  get interrupted(): AbortSignal {
    if (!this.#listening) {
      this.#listening = true;
      for (const { signal, listener } of this.#interrupts) {
        Deno.addSignalListener(signal, listener);
      }
    }
    return this.#controller.signal;
  }

  get pid(): number {
    return Deno.pid;
  }

  get hostname(): string | undefined {
    const { state } = Deno.permissions.querySync({
      name: "sys",
      kind: "hostname",
    });
    return state === "granted" ? Deno.hostname() : undefined;
  }

  get colours(): boolean {
    return !Deno.noColor && Deno.stdout.isTerminal();
  }

  get errorColours(): boolean {
    return !Deno.noColor && Deno.stderr.isTerminal();
  }

  get width(): number {
    return Deno.stderr.isTerminal() ? Deno.consoleSize().columns : 0;
  }

  hide(on: boolean): boolean {
    if (!Deno.stdin.isTerminal()) return false;
    Deno.stdin.setRaw(on, { cbreak: true });
    return true;
  }

  async open(path: string): Promise<OpenFile> {
    const file = await Deno.open(path);
    const { isFile, size } = await file.stat();
    return { stream: file.readable, size: isFile ? size : undefined };
  }

  async write(bytes: Uint8Array): Promise<number> {
    try {
      return await Deno.stdout.write(bytes);
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw error;
      const { message } = error as Error;
      throw new OutputError(`Cannot write to standard output: ${message}`);
    }
  }

  error(line: string): void {
    this.status("");
    say(`${line}\n`);
  }

  status(line: string): void {
    if (line === "" && !this.#shown) return;
    say(`\r\x1b[K${line}`);
    this.#shown = line !== "";
  }

  now(): Instant {
    const { epochNanoseconds } = Temporal.Now.instant();
    return {
      seconds: Number(epochNanoseconds / 1_000_000_000n),
      nanoseconds: Number(epochNanoseconds % 1_000_000_000n),
    };
  }

  random(): number {
    return Math.random();
  }

  async sleep(seconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", abort);
        resolve();
      }, seconds * 1000);
      const abort = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  [Symbol.dispose](): void {
    this.status("");
    if (!this.#listening) return;
    for (const { signal, listener } of this.#interrupts) {
      Deno.removeSignalListener(signal, listener);
    }
  }
}

/** Windows has no SIGTERM. */
const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

function say(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch {
    // Standard error is closed: there is nobody to tell.
  }
}

/** Prints a text that was asked for; to who has enough of it, only a part. */
export async function print(terminal: Terminal, text: string): Promise<0> {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let count = 0; count < bytes.length;) {
      count += await terminal.write(bytes.subarray(count));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  return 0;
}
