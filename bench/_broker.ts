/**
 * A broker started for one run.
 */

import { delay } from "./_run.ts";

/** How to start a broker, as the brokers file has it. */
export interface BrokerSpec {
  /** Program and arguments; "deno" is the Deno that runs this. */
  readonly cmd: readonly string[];
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  /** Environment variables besides those that are there. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where to start it, from the folder of the brokers file. */
  readonly cwd?: string;
  /** Flags for the load generator, for other transports than TCP. */
  readonly args?: readonly string[];
}

/** The broker cannot be started: there is no point in trying again. */
export class StartError extends Error {
  override readonly name: string = "StartError";
}

/** How long a broker may take to listen; Deno may have to fetch it first. */
const START = 30_000;

/** How long it gets to be idle after that. */
const SETTLE = 300;

/** How long it may take to end before it is killed. */
const STOP = 5000;

/** How much of its error output is kept. */
const TAIL = 500;

/** One process of a broker. */
export class Broker {
  readonly #process: Deno.ChildProcess;
  readonly #output: Promise<void>;
  #tail = "";
  #hasEnded = false;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#output = this.#keepTail(process.stderr);
    process.status.then(() => this.#hasEnded = true);
  }

  /**
   * Starts a broker.
   *
   * @throws {StartError} If it cannot be started.
   */
  static async start(spec: BrokerSpec, folder: URL): Promise<Broker> {
    // Else some other broker would be measured, to the credit of this one.
    if (await listens(spec.port)) {
      throw new StartError(`something else listens on port ${spec.port}`);
    }
    const [program = "", ...args] = spec.cmd;
    const command = new Deno.Command(
      program === "deno" ? Deno.execPath() : program,
      {
        args,
        cwd: new URL(spec.cwd ?? ".", folder),
        env: { ...spec.env },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      },
    );
    try {
      return new Broker(command.spawn());
    } catch (error) {
      throw new StartError(`${program}: ${(error as Error).message}`);
    }
  }

  /**
   * Waits until it listens on a port.
   *
   * @throws {StartError} If it does not.
   */
  async listening(port: number): Promise<void> {
    const end = performance.now() + START;
    while (!await listens(port)) {
      if (this.#hasEnded || performance.now() > end) {
        await this.stop();
        throw new StartError(`it does not listen: ${this.#tail.trim()}`);
      }
      await delay(50);
    }
    await delay(SETTLE);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Ends it, by force where it does not end by itself. */
  async stop(): Promise<void> {
    const kill = (signal: Deno.Signal) => {
      if (!this.#hasEnded) this.#process.kill(signal);
    };
    kill("SIGTERM");
    const timer = setTimeout(() => kill("SIGKILL"), STOP);
    await this.#process.status;
    clearTimeout(timer);
    await this.#output;
  }

  async #keepTail(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#tail = (this.#tail + text).slice(-TAIL);
    }
  }
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
