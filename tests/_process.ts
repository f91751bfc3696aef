/** Processes that tests start, and what they say. */

import { within } from "./_raw_client.ts";

/** Lines of a stream, as they come. */
export class Lines {
  /** All lines so far. */
  readonly all: string[] = [];
  /** When the stream has ended. */
  readonly ended: Promise<void>;
  #wake: (() => void)[] = [];
  #over = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#read(stream);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true }))
        .split("\n");
      rest = lines.pop()!;
      this.all.push(...lines);
      this.#notify();
    }
    if (rest !== "") this.all.push(rest);
    this.#over = true;
    this.#notify();
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** The first line like this from a line number on, once it has come. */
  find(pattern: RegExp, from = 0): Promise<string> {
    const searching = async (): Promise<string> => {
      for (let i = from;;) {
        for (; i < this.all.length; i++) {
          if (pattern.test(this.all[i]!)) return this.all[i]!;
        }
        if (this.#over) {
          throw new Error(`No ${pattern}, but:\n${this.all.join("\n")}`);
        }
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
    };
    return within(searching(), `a line like ${pattern}`);
  }
}

/** A process, which ends with its test at the latest. */
export class Process implements AsyncDisposable {
  readonly stdout: Lines;
  readonly stderr: Lines;
  readonly #name: string;
  readonly #child: Deno.ChildProcess;

  /** Runs a command in the project's folder; its input is this text. */
  constructor(
    command: string,
    args: readonly string[],
    input?: string | ReadableStream<string>,
  ) {
    this.#name = command.slice(command.lastIndexOf("/") + 1);
    this.#child = new Deno.Command(command, {
      args: [...args],
      cwd: new URL("../", import.meta.url),
      env: { NO_COLOR: "1" },
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.stdout = new Lines(this.#child.stdout);
    this.stderr = new Lines(this.#child.stderr);
    if (input !== undefined) this.#write(input);
  }

  async #write(input: string | ReadableStream<string>): Promise<void> {
    const text = typeof input === "string"
      ? ReadableStream.from([input])
      : input;
    await text.pipeThrough(new TextEncoderStream()).pipeTo(this.#child.stdin);
  }

  get pid(): number {
    return this.#child.pid;
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** How it ended, once all it wrote is read. */
  async status(): Promise<Deno.CommandStatus> {
    const what = `the end of ${this.#name}`;
    const status = await within(this.#child.status, what);
    await Promise.all([this.stdout.ended, this.stderr.ended]);
    return status;
  }

  /** Waits for its end, which has to be a good one; gives what it wrote. */
  async lines(): Promise<string[]> {
    const { code } = await this.status();
    if (code === 0) return this.stdout.all;
    const said = [...this.stdout.all, ...this.stderr.all].join("\n");
    throw new Error(`${this.#name} ended with ${code}: ${said}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.status();
  }
}
