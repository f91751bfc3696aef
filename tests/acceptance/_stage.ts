/** AmberMQ as its users run it: programs, files, sockets. */

import { BrokerProcess } from "../_broker_process.ts";
import { Process } from "../_process.ts";
import { within } from "../_raw_client.ts";

/** A folder for a test, which goes with it. */
export class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes one with these files; in their text `$DIR` is its path. */
  static async make(
    files: Readonly<Record<string, string>> = {},
  ): Promise<Folder> {
    const folder = new Folder(await Deno.makeTempDir({ prefix: "ambermq_" }));
    for (const [name, text] of Object.entries(files)) {
      await folder.write(name, text);
    }
    return folder;
  }

  /** The path of a file in it. */
  file(name: string): string {
    return `${this.path}/${name}`;
  }

  async write(name: string, text: string): Promise<string> {
    const file = this.file(name);
    await Deno.writeTextFile(file, text.replaceAll("$DIR", this.path));
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** `ambermq broker -c FILE`, with a file that a test wrote. */
export class ConfiguredBroker implements AsyncDisposable {
  readonly folder: Folder;
  readonly process: BrokerProcess;

  private constructor(folder: Folder, process: BrokerProcess) {
    this.folder = folder;
    this.process = process;
  }

  /**
   * Starts it with a configuration and the files that this names, and waits
   * until it listens.
   */
  static async start(
    yaml: string,
    files: Readonly<Record<string, string>> = {},
  ): Promise<ConfiguredBroker> {
    const folder = await Folder.make({ ...files, "broker.yaml": yaml });
    const args = ["-c", folder.file("broker.yaml"), "-d"];
    const broker = new ConfiguredBroker(folder, new BrokerProcess(args));
    try {
      await broker.process.log.find(/DEBUG - Started/);
    } catch (error) {
      await broker[Symbol.asyncDispose]();
      throw error;
    }
    return broker;
  }

  /** The lines of its log. */
  get log(): readonly string[] {
    return this.process.log.all;
  }

  /** The first line like this that has come, or comes. */
  find(pattern: RegExp, from = 0): Promise<string> {
    return this.process.log.find(pattern, from);
  }

  /** The port that a listener is bound to. */
  port(listener = "default"): number {
    const bound = new RegExp(`Listener '${listener}' bind to .*:(\\d+) \\(`);
    for (const line of this.log) {
      const match = bound.exec(line);
      if (match !== null) return Number(match[1]);
    }
    throw new Error(`No listener ${listener} in:\n${this.log.join("\n")}`);
  }

  url(listener = "default", scheme = "mqtt"): string {
    return `${scheme}://localhost:${this.port(listener)}`;
  }

  /** Stops it as a service manager does; gives its exit status. */
  async stop(): Promise<number> {
    this.process.kill("SIGTERM");
    return (await this.process.status()).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** Runs a command of `ambermq`. */
export function ambermq(args: readonly string[], input?: string): Process {
  return new Process(Deno.execPath(), [
    ...["run", "-A", "--quiet", "cli/mod.ts"],
    ...args,
  ], input);
}

/** How a command ended, and what it wrote. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of `ambermq` to its end. */
export async function run(
  args: readonly string[],
  input?: string,
): Promise<Outcome> {
  await using process = ambermq(args, input);
  return await outcome(process);
}

/** The end of a process. */
export async function outcome(process: Process): Promise<Outcome> {
  const { code } = await process.status();
  return {
    code,
    stdout: process.stdout.all.join("\n"),
    stderr: process.stderr.all.join("\n"),
  };
}

/** Tries a configuration that has to stop the broker; gives what it says. */
export async function refusal(
  yaml: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  await using folder = await Folder.make({ ...files, "broker.yaml": yaml });
  const args = ["broker", "-c", folder.file("broker.yaml")];
  const { code, stdout, stderr } = await run(args);
  return { code, stdout, stderr: stderr.replaceAll(folder.path, "DIR") };
}

/** Asks again and again until it is so. */
export function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const abandoned = new AbortController();
  const asking = async (): Promise<void> => {
    while (!abandoned.signal.aborted && !await condition()) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return within(asking(), what).finally(() => abandoned.abort());
}
