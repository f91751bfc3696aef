/**
 * `ambermq pub`: publishes a message, or a line of its input after the other.
 */

import { MQTTClient, type PublishOptions } from "../mod.ts";
import {
  clientFlags,
  clientGroups,
  qosValue,
  refusedFlags,
} from "./_client_flags.ts";
import { readClientConfig } from "./_client_config.ts";
import { clientSettings } from "./_client_options.ts";
import { exitStatus, FAILED } from "./_exit_status.ts";
import {
  describeFlags,
  type Flag,
  parseFlags,
  UsageError,
  type Values,
} from "./_flags.ts";
import { Flight } from "./_flight.ts";
import { Journal } from "./_journal.ts";
import { Progress } from "./_progress.ts";
import { repeated, type Source, sourceFlags, sourceOf } from "./_source.ts";
import { type Interruption, print, type Terminal } from "./_terminal.ts";
import { count, integer, seconds } from "./_value.ts";
import { version } from "./_version.ts";

const command = "ambermq pub";

const messageFlags = {
  topic: {
    names: ["-t", "--topic"],
    value: "TOPIC",
    help: "topic to publish to, if the URL has none",
  },
  ...sourceFlags,
  qos: {
    names: ["-q", "--qos"],
    ...qosValue,
    help: "0 (default), 1 or 2",
  },
  retain: { names: ["-r", "--retain"], help: "have the broker retain it" },
  repeat: {
    names: ["--repeat"],
    value: "COUNT",
    kind: count(1),
    help: "publish a single message so many times",
  },
  repeatDelay: {
    names: ["--repeat-delay"],
    value: "SECONDS",
    kind: seconds(0),
    help: "and wait in between, from its arrival on",
  },
  maxInflight: {
    names: ["-M", "--max-inflight"],
    value: "COUNT",
    kind: integer<number>(1, 65_535),
    help: "have so many messages under way; by default 20, or\n" +
      "in 5.0 as many as the broker takes, up to 1000",
  },
} as const satisfies Record<string, Flag>;

/** The flags of the command. */
export const pubFlags = { ...messageFlags, ...clientFlags } as const;

/** The help. */
export const pubHelp =
  `Usage: ambermq pub -t TOPIC (-m TEXT | -f FILE | -l | -s | -n) [options]

Publishes messages to an MQTT broker.

${describeFlags({ Message: messageFlags, ...clientGroups })}
What differs from mosquitto_pub: -c is a configuration file; -f publishes line
by line (--file-whole does not); -l leaves out blank lines, and cuts off a
carriage return at the end of a line; -i alone goes on with the session of that
identifier, where mosquitto_pub needs --disable-clean-session.

Exit status: 0 if all was published; 1 if not, or if the configuration is wrong;
2 for a wrong command line; the return code if the broker refuses the
connection; 130 if interrupted (143 by SIGTERM).
`;

type PubValues = Values<typeof pubFlags>;

/** What is to be published, and how. */
interface Plan {
  readonly topic: string;
  readonly source: Source;
  readonly options: PublishOptions;
  readonly repeat: number | undefined;
  readonly delay: number;
  readonly limit: number | undefined;
}

/**
 * Runs the command.
 *
 * @throws {UsageError} If the command line is wrong.
 */
export async function runPub(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const values = parseFlags(pubFlags, args, refusedFlags);
  if (values.help) return await print(terminal, pubHelp);
  if (values.version) return await print(terminal, version);
  const journal = new Journal(terminal, command, values);
  const { pid, hostname } = terminal;
  const settings = clientSettings(
    values,
    { command: "pub", pid, hostname, packets: ["publish"] },
    await readClientConfig(values.config, journal),
  );
  const { publish, disconnect } = settings.properties;
  const plan = planOf(values, settings.topic);
  if (publish !== undefined) plan.options.properties = publish;
  const { limit } = plan;
  const client = new MQTTClient({
    ...settings.options,
    ...(limit === undefined ? {} : { maxInflight: limit }),
  });
  // Input may not come for long: both of these end the wait for it.
  const lost = new AbortController();
  const { interrupted } = terminal;
  const signal = AbortSignal.any([interrupted, lost.signal]);
  const progress = new Progress(terminal);
  try {
    journal.debug(`Connecting as ${client.clientId}`);
    await client.connect({ signal });
    journal.debug("Connected");
    client.closed.then((error) => lost.abort(error));
    const flight = await publishAll(
      client,
      plan,
      { terminal, journal, progress, signal },
    );
    progress.end();
    journal.debug(`Published ${flight.published}, disconnecting`);
    await client.disconnect(
      disconnect === undefined ? {} : { properties: disconnect },
    );
    return flight.refused > 0 ? FAILED : 0;
  } catch (error) {
    progress.end();
    await client.disconnect();
    if (interrupted.aborted) return (interrupted.reason as Interruption).status;
    journal.error(error);
    return exitStatus(error);
  }
}

/** What `publishAll` works with. */
interface Surroundings {
  readonly terminal: Terminal;
  readonly journal: Journal;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

async function publishAll(
  client: MQTTClient,
  { topic, source, options, repeat, delay, limit }: Plan,
  { terminal, journal, progress, signal }: Surroundings,
): Promise<Flight> {
  const flight = new Flight(client, journal, {
    ...(limit === undefined ? {} : { limit }),
    // A line feed was read with each line.
    landed: ({ length }) => progress.add(repeat === undefined ? length + 1 : 1),
  });
  progress.total = repeat;
  const messages = source.messages(terminal, signal, (size) => {
    progress.total = size;
  });
  const pause = async () => {
    if (delay === 0) return;
    await flight.land();
    await terminal.sleep(delay, signal);
  };
  const all = repeat === undefined
    ? messages
    : repeated(messages, repeat, pause);
  for await (const message of all) {
    await flight.publish(topic, message, { ...options, signal });
  }
  await flight.land();
  return flight;
}

function planOf(values: PubValues, topicOfUrl: string | undefined): Plan {
  if (values.topic !== undefined && topicOfUrl !== undefined) {
    throw new UsageError("--url says the topic already");
  }
  const topic = values.topic ?? topicOfUrl;
  if (topic === undefined) throw new UsageError("-t TOPIC is missing");
  const source = sourceOf(values);
  const { repeat, repeatDelay: delay, maxInflight: limit, qos } = values;
  if (repeat !== undefined && !source.single) {
    throw new UsageError("--repeat is for a single message, not for lines");
  }
  if (delay !== undefined && repeat === undefined) {
    throw new UsageError("--repeat-delay needs --repeat");
  }
  // What is not given is not said: a configuration may say it.
  const options: PublishOptions = {};
  if (qos !== undefined) options.qos = qos;
  if (values.retain) options.retain = true;
  return {
    topic,
    source,
    options,
    repeat,
    delay: delay ?? 0,
    limit,
  };
}
