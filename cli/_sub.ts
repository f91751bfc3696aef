/**
 * `ambermq sub`: subscribes and writes the messages to standard output.
 */

import { type ApplicationMessage, MQTTClient, reasonName } from "../mod.ts";
import {
  clientFlags,
  clientOptions,
  debugLog,
  exitStatus,
  parseQos,
  report,
} from "./_client_flags.ts";
import {
  describeFlags,
  type Flag,
  parseFlags,
  parseInteger,
  UsageError,
} from "./_flags.ts";
import { Output } from "./_output.ts";
import { print, type Terminal } from "./_terminal.ts";
import { version } from "./_version.ts";

const command = "ambermq sub";

const flags = {
  topics: {
    names: ["-t", "--topic"],
    value: "FILTER",
    list: true,
    help: "topic filter to subscribe to; may be given again",
  },
  qos: { names: ["-q", "--qos"], value: "QOS", help: "0 (default), 1 or 2" },
  count: {
    names: ["-n", "-C", "--count"],
    value: "COUNT",
    help: "end after so many messages; 0 (default): never",
  },
  verbose: {
    names: ["-v", "--verbose"],
    help: "write the topic and a space in front of each message",
  },
  timeout: {
    names: ["-W", "--timeout"],
    value: "SECONDS",
    help: "end after so many seconds, with exit status 27",
  },
  ...clientFlags,
} as const satisfies Record<string, Flag>;

/** The help. */
export const subHelp = `Usage: ambermq sub -t FILTER [-t FILTER ...] [options]

Subscribes to topics of an MQTT broker and writes each message and a line feed
to standard output.

Options:
${describeFlags(flags)}
Exit status: 0 after COUNT messages or an interruption, 1 if the connection is
lost or the subscription refused, 2 for a wrong command line, the return code if
the broker refuses the connection, 27 after SECONDS.
`;

/** As mosquitto_sub has it. */
const TIMED_OUT = 27;

const encoder = new TextEncoder();
const LINE_FEED = new Uint8Array([10]);

/**
 * Runs the command.
 *
 * @throws {UsageError} If the command line is wrong.
 */
export async function runSub(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const values = parseFlags(flags, args);
  if (values.help) return await print(terminal, subHelp);
  if (values.version) return await print(terminal, version);
  const { topics } = values;
  if (topics.length === 0) throw new UsageError("-t FILTER is missing");
  const qos = parseQos(flags.qos, values.qos) ?? 0;
  const count = parseInteger(flags.count, values.count, [
    0,
    Number.MAX_SAFE_INTEGER,
  ]) ?? 0;
  const timeout = parseSeconds(values.timeout);
  const client = new MQTTClient(clientOptions(values));
  const debug = debugLog(values, terminal);
  const late = new AbortController();
  const broken = new AbortController();
  const timer = timeout === undefined
    ? undefined
    : setTimeout(() => late.abort(), timeout * 1000);
  const { interrupted } = terminal;
  const signal = AbortSignal.any([interrupted, late.signal, broken.signal]);
  const output = new Output(terminal, (error) => broken.abort(error));
  try {
    debug(`Connecting as ${client.clientId}`);
    const { sessionPresent } = await client.connect({ signal });
    debug(`Connected, ${sessionPresent ? "session resumed" : "new session"}`);
    const codes = await client.subscribe(topics, {
      qos,
      allowFailures: true,
      signal,
    });
    topics.forEach((filter, index) => {
      const code = codes[index]!;
      if (code < 0x80) return debug(`Subscribed to ${filter} with QoS ${code}`);
      terminal.error(
        `${command}: Cannot subscribe to ${JSON.stringify(filter)}: ${
          reasonName(code)
        }`,
      );
    });
    if (codes.every((code) => code >= 0x80)) {
      await client.disconnect();
      return 1;
    }
    let received = 0;
    for await (const message of client.messages({ signal })) {
      await output.add(...lineOf(message, values.verbose));
      if (++received === count) break;
    }
    await output.flush();
    broken.signal.throwIfAborted();
    debug("Disconnecting");
    await client.disconnect();
    return 0;
  } catch (error) {
    await client.disconnect();
    if (interrupted.aborted) return 0;
    if (late.signal.aborted) return TIMED_OUT;
    // Who read the output has had enough of it.
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    report(error, terminal, command);
    return exitStatus(error);
  } finally {
    clearTimeout(timer);
  }
}

function lineOf(message: ApplicationMessage, verbose: boolean): Uint8Array[] {
  return verbose
    ? [encoder.encode(`${message.topic} `), message.payload, LINE_FEED]
    : [message.payload, LINE_FEED];
}

function parseSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 2_000_000) return seconds;
  throw new UsageError(
    `-W is ${JSON.stringify(text)}, not a number of seconds`,
  );
}
