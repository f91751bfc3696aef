/** What a command has to do with the world: an interface, for the tests. */

/** Input, output and interruptions of a command. */
export interface Terminal {
  /** Standard input. */
  readonly input: ReadableStream<Uint8Array>;
  /** Fires when the command is to end: Ctrl-C, SIGTERM. */
  readonly interrupted: AbortSignal;
  /** Opens a file to read. */
  open(path: string): Promise<ReadableStream<Uint8Array>>;
  /** Writes to standard output, at least one byte. */
  write(bytes: Uint8Array): Promise<number>;
  /** Writes a line to standard error. */
  error(line: string): void;
}

/** The real one, as long as it is not disposed of. */
export class SystemTerminal implements Terminal, Disposable {
  readonly #controller = new AbortController();
  /** Again and again: `deno task` delivers Ctrl-C twice. */
  readonly #interrupt = () => this.#controller.abort();

  constructor() {
    for (const signal of signals) {
      Deno.addSignalListener(signal, this.#interrupt);
    }
  }

  get input(): ReadableStream<Uint8Array> {
    return Deno.stdin.readable;
  }

  get interrupted(): AbortSignal {
    return this.#controller.signal;
  }

  async open(path: string): Promise<ReadableStream<Uint8Array>> {
    return (await Deno.open(path)).readable;
  }

  write(bytes: Uint8Array): Promise<number> {
    return Deno.stdout.write(bytes);
  }

  error(line: string): void {
    Deno.stderr.writeSync(new TextEncoder().encode(line + "\n"));
  }

  [Symbol.dispose](): void {
    for (const signal of signals) {
      Deno.removeSignalListener(signal, this.#interrupt);
    }
  }
}

/** Windows has no SIGTERM. */
const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** Prints a text that was asked for. */
export async function print(terminal: Terminal, text: string): Promise<0> {
  const bytes = new TextEncoder().encode(text);
  for (let count = 0; count < bytes.length;) {
    count += await terminal.write(bytes.subarray(count));
  }
  return 0;
}
