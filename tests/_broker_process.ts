/** `ambermq broker` as a process of its own, as its users run it. */

import { type Lines, Process } from "./_process.ts";

/** A running `ambermq broker`. */
export class BrokerProcess extends Process {
  /** Runs it; by default on a port that the system chooses. */
  constructor(args: readonly string[] = ["--bind", "127.0.0.1:0"]) {
    super(Deno.execPath(), [
      ...["run", "-A", "--quiet", "cli/mod.ts", "broker"],
      ...args,
    ]);
  }

  get log(): Lines {
    return this.stderr;
  }

  /** The port that it says it listens on. */
  async port(): Promise<number> {
    const line = await this.log.find(/ bind to /);
    return Number(/:(\d+) \(max_connections=/.exec(line)![1]);
  }
}
