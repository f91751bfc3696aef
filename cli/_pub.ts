/**
 * `ambermq pub`: publishes a message, or a line of its input after the other.
 */

import { MQTTClient } from "../mod.ts";
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
  UsageError,
  type Values,
} from "./_flags.ts";
import { Flight } from "./_flight.ts";
import { chunks, lines, whole } from "./_input.ts";
import { print, type Terminal } from "./_terminal.ts";
import { version } from "./_version.ts";

const command = "ambermq pub";

const flags = {
  topic: {
    names: ["-t", "--topic"],
    value: "TOPIC",
    help: "topic to publish to",
  },
  message: { names: ["-m", "--message"], value: "TEXT", help: "publish this" },
  file: {
    names: ["-f", "--file"],
    value: "FILE",
    help: "publish each line of a file, blank ones aside",
  },
  fileWhole: {
    names: ["--file-whole"],
    value: "FILE",
    help: "publish a file as one message",
  },
  lines: {
    names: ["-l", "--lines", "--stdin-line"],
    help: "publish each line of standard input, blank ones aside",
  },
  stdin: {
    names: ["-s", "--stdin", "--stdin-file"],
    help: "publish standard input as one message",
  },
  empty: {
    names: ["-n", "--no-message", "--null-message"],
    help: "publish an empty message",
  },
  qos: { names: ["-q", "--qos"], value: "QOS", help: "0 (default), 1 or 2" },
  retain: { names: ["-r", "--retain"], help: "have the broker retain it" },
  ...clientFlags,
} as const satisfies Record<string, Flag>;

/** The help. */
export const pubHelp =
  `Usage: ambermq pub -t TOPIC (-m TEXT | -f FILE | -l | -s | -n) [options]

Publishes messages to an MQTT broker.

Options:
${describeFlags(flags)}
Exit status: 0 if all was published, 1 if not, 2 for a wrong command line, the
return code if the broker refuses the connection, 130 if interrupted.
`;

type PubValues = Values<typeof flags>;

/**
 * Runs the command.
 *
 * @throws {UsageError} If the command line is wrong.
 */
export async function runPub(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const values = parseFlags(flags, args);
  if (values.help) return await print(terminal, pubHelp);
  if (values.version) return await print(terminal, version);
  if (values.topic === undefined) throw new UsageError("-t TOPIC is missing");
  const source = sourceOf(values);
  const qos = parseQos(flags.qos, values.qos) ?? 0;
  const client = new MQTTClient(clientOptions(values));
  const debug = debugLog(values, terminal);
  // Input may not come for long: both of these end the wait for it.
  const lost = new AbortController();
  const { interrupted } = terminal;
  const signal = AbortSignal.any([interrupted, lost.signal]);
  const options = { qos, retain: values.retain, signal };
  try {
    debug(`Connecting as ${client.clientId}`);
    await client.connect({ signal });
    debug("Connected");
    client.closed.then((error) => lost.abort(error));
    const flight = new Flight(client, values.topic, options, terminal);
    for await (const message of source(terminal, signal)) {
      await flight.publish(message);
    }
    await flight.land();
    debug(`Published ${flight.published}, disconnecting`);
    await client.disconnect();
    return flight.refused > 0 ? 1 : 0;
  } catch (error) {
    await client.disconnect();
    if (interrupted.aborted) return 130;
    report(error, terminal, command);
    return exitStatus(error);
  }
}

/** What is published, one message after the other. */
type Source = (
  terminal: Terminal,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

function sourceOf(values: PubValues): Source {
  const { message, file, fileWhole } = values;
  const sources: Source[] = [];
  if (message !== undefined) {
    sources.push(() => [new TextEncoder().encode(message)]);
  }
  if (file !== undefined) {
    sources.push((terminal, signal) =>
      lines(chunks(() => terminal.open(file), signal))
    );
  }
  if (fileWhole !== undefined) {
    sources.push((terminal, signal) =>
      whole(chunks(() => terminal.open(fileWhole), signal))
    );
  }
  if (values.lines) {
    sources.push((terminal, signal) =>
      lines(chunks(() => terminal.input, signal))
    );
  }
  if (values.stdin) {
    sources.push((terminal, signal) =>
      whole(chunks(() => terminal.input, signal))
    );
  }
  if (values.empty) sources.push(() => [new Uint8Array(0)]);
  const [source] = sources;
  if (source === undefined || sources.length > 1) {
    throw new UsageError(
      "give exactly one of -m, -f, --file-whole, -l, -s and -n",
    );
  }
  return source;
}
