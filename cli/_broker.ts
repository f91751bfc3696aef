/**
 * `ambermq broker`: runs a broker until a signal stops it.
 */

// deno-lint-ignore-file no-console -- a command line prints

import { parseArgs } from "@std/cli/parse-args";
import { Broker, eventLogger } from "../mod.ts";
import { Log } from "./_log.ts";

const usage = `Usage: ambermq broker [options]

Runs an MQTT broker (3.1, 3.1.1 and 5.0) until SIGINT or SIGTERM.

Options:
      --bind ADDRESS  Where to listen: host:port, [IPv6]:port, :port or port
                      (default 0.0.0.0:1883)
  -d                  Log subscriptions too
  -h, --help          Show this help`;

/** A signal repeated within this many milliseconds is the same one. */
const REPEATED = 1000;

/** Runs the subcommand; returns the exit status. */
export async function runBroker(args: string[]): Promise<number> {
  const unknown: string[] = [];
  const flags = parseArgs(args, {
    boolean: ["d", "help"],
    string: ["bind"],
    alias: { help: "h" },
    unknown: (arg) => {
      unknown.push(arg);
      return false;
    },
  });
  if (flags.help) {
    console.log(usage);
    return 0;
  }
  if (unknown.length > 0) {
    console.error(`ambermq broker: unknown argument ${unknown[0]}\n\n${usage}`);
    return 2;
  }
  if (flags.bind === "") {
    console.error(`ambermq broker: --bind needs an address\n\n${usage}`);
    return 2;
  }
  const log = new Log();
  try {
    const broker = new Broker({
      listeners: { default: { bind: flags.bind ?? "0.0.0.0:1883" } },
      plugins: [eventLogger()],
      logger: log.logger(flags.d),
    });
    await run(broker, log);
    return 0;
  } catch (error) {
    await log.flush();
    console.error(
      `ambermq broker: ${error instanceof Error ? error.message : error}`,
    );
    return 1;
  }
}

async function run(broker: Broker, log: Log): Promise<void> {
  const stopped = signalled();
  await broker.start();
  for (const { name, hostname, port } of broker.addresses) {
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    log.line("INFO", `Listener '${name}' bind to ${host}:${port}`);
  }
  log.line(
    "WARNING",
    "Anonymous access is open: anybody who reaches these addresses may " +
      "publish and subscribe to everything",
  );
  log.line("INFO", `Stopping: ${await stopped}`);
  await broker.shutdown();
  log.line("INFO", "Stopped");
  await log.flush();
}

/**
 * Waits for a signal to stop. `deno task` passes Ctrl-C on to a program that
 * the terminal has told already, so a repetition means nothing; but one that
 * comes later is somebody who does not want to wait.
 */
function signalled(): Promise<string> {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  return new Promise((resolve) => {
    let first: number | undefined;
    for (const signal of signals) {
      Deno.addSignalListener(signal, () => {
        const now = performance.now();
        first ??= now;
        if (now - first > REPEATED) Deno.exit(130);
        resolve(signal);
      });
    }
  });
}
