/**
 * `ambermq broker`: runs a broker until a signal stops it.
 */

import {
  Broker,
  type BrokerConfig,
  defaultConfig,
  readConfigFile,
} from "../mod.ts";
import { brokerFlags } from "./_broker_flags.ts";
import { FAILED } from "./_exit_status.ts";
import { describeFlags, parseFlags, UsageError } from "./_flags.ts";
import { Log } from "./_log.ts";
import { print, type Terminal } from "./_terminal.ts";
import { version } from "./_version.ts";

const help = `Usage: ambermq broker [options]

Runs an MQTT broker (3.1, 3.1.1 and 5.0) until SIGINT or SIGTERM. Without -c it
listens on 0.0.0.0:1883, lets anybody in, and has $SYS topics each 20 seconds.

${describeFlags({ Options: brokerFlags })}
Exit status: 0 after a signal, and if --test-config finds nothing wrong; 1 if the
configuration is wrong or the broker cannot start; 2 for a wrong command line.
`;

/** A signal repeated within this many milliseconds is the same one. */
const REPEATED = 1000;

/**
 * Runs the command.
 *
 * @returns The exit status.
 * @throws {UsageError} If the arguments are wrong.
 */
export async function runBroker(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const flags = parseFlags(brokerFlags, args);
  if (flags.help) return await print(terminal, help);
  if (flags.version) return await print(terminal, version);
  if (flags.bind !== undefined && flags.config !== undefined) {
    throw new UsageError("--bind is for a broker without -c");
  }
  if (flags.persist === "") throw new UsageError("--persist needs a file");
  if (flags.bind === "") throw new UsageError("--bind needs an address");
  const log = new Log();
  try {
    const said = persisted(
      await configOf(flags.config, flags.bind),
      flags.persist,
    );
    const logger = log.logger(flags.debug);
    const broker = new Broker({ ...withEventLogger(said), logger });
    if (flags.test) {
      await broker.check();
      await log.flush();
      const what = flags.config ?? "the default configuration";
      return await print(terminal, `${what} is good\n`);
    }
    await run(broker, log);
    return 0;
  } catch (error) {
    await log.flush();
    const why = error instanceof Error ? error.message : String(error);
    terminal.error(`ambermq broker: ${why}`);
    return FAILED;
  }
}

async function configOf(
  file: string | undefined,
  bind: string | undefined,
): Promise<BrokerConfig> {
  if (file !== undefined) return await readConfigFile(file);
  const config = defaultConfig();
  return bind === undefined
    ? config
    : { ...config, listeners: { default: { bind } } };
}

/** The flag takes the place of what the configuration says of the file. */
function persisted(
  config: BrokerConfig,
  file: string | undefined,
): BrokerConfig {
  if (file === undefined) return config;
  return { ...config, persistence: { ...config.persistence, file } };
}

/** Who comes and goes is logged, unless the configuration does it itself. */
function withEventLogger(config: BrokerConfig): BrokerConfig {
  const { plugins = [] } = config;
  const name = "event_logger_plugin";
  if (JSON.stringify(plugins).match(/event_logger_plugin|EventLoggerPlugin/)) {
    return config;
  }
  return {
    ...config,
    plugins: Array.isArray(plugins)
      ? [...plugins, name]
      : { ...plugins, [name]: {} },
  };
}

async function run(broker: Broker, log: Log): Promise<void> {
  const stopped = signalled();
  await broker.start();
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
