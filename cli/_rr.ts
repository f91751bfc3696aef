/** `ambermq rr`: publishes a request and writes its response. */

import { MQTTClient, type PublishOptions } from "../mod.ts";
import { readClientConfig } from "./_client_config.ts";
import {
  brokerFlags,
  clientFlags,
  clientGroups,
  qosValue,
  refusedFlags,
} from "./_client_flags.ts";
import { type ClientSettings, clientSettings } from "./_client_options.ts";
import {
  describeFlags,
  type Flag,
  parseFlags,
  UsageError,
  type Values,
} from "./_flags.ts";
import { Journal } from "./_journal.ts";
import { jsonHelp } from "./_json_line.ts";
import {
  formatHelp,
  presentation,
  presentationFlags,
} from "./_presentation.ts";
import { selectionFlags } from "./_selection.ts";
import { ask, type Plan } from "./_rr_run.ts";
import { sourceFlags, sourceOf } from "./_source.ts";
import { subscriptionFlags } from "./_subscription.ts";
import { print, type Terminal } from "./_terminal.ts";
import { version } from "./_version.ts";

const requestFlags = {
  topic: {
    names: ["-t", "--topic"],
    value: "TOPIC",
    help: "topic of the request, if the URL has none",
  },
  responseTopic: {
    names: ["-e", "--response-topic"],
    value: "TOPIC",
    help: "topic of the response; by default one that nobody\n" +
      "guesses (5.0)",
  },
  message: sourceFlags.message,
  file: {
    ...sourceFlags.fileWhole,
    names: ["-f", "--file", "--file-whole"],
  },
  stdin: sourceFlags.stdin,
  empty: sourceFlags.empty,
  qos: {
    names: ["-q", "--qos"],
    ...qosValue,
    help: "0 (default), 1 or 2; but for 0 a broker of 5.0\n" +
      "tells if nobody gets the request",
  },
  noRetained: {
    ...selectionFlags.noRetained,
    help: "take no message that was retained before",
  },
  timeout: subscriptionFlags.timeout,
} as const satisfies Record<string, Flag>;

const groups = {
  ...clientGroups,
  Broker: {
    ...brokerFlags,
    protocol: {
      ...brokerFlags.protocol,
      help: "mqttv31, mqttv311, mqttv5 (default)",
    },
  },
} as const;

/** The flags of the command. */
export const rrFlags = {
  ...requestFlags,
  ...presentationFlags,
  ...clientFlags,
  ...groups.Broker,
} as const;

/** The help. */
export const rrHelp =
  `Usage: ambermq rr -t TOPIC [-e TOPIC] (-m TEXT | -f FILE | -s | -n) [options]

Publishes a request to an MQTT broker, waits for the response and writes it and
a line feed to standard output.

${
    describeFlags({
      Request: requestFlags,
      Output: presentationFlags,
      ...groups,
    })
  }
${formatHelp}

${jsonHelp}

The request has the Response Topic and Correlation Data of MQTT 5.0. A response
that has Correlation Data has to have the same. Before 5.0 both sides have to
know the topic of -e.

What differs from mosquitto_rr: -e may be left out; -c is a configuration file;
-i alone goes on with the session of that identifier, where mosquitto_rr needs
-c; it ends where nobody gets the request (-q 1 and -q 2, in 5.0).

Exit status: 0 with a response; 27 if none came within SECONDS; 1 if nobody gets
the request, the broker refuses it, the connection is lost or the configuration
is wrong; 2 for a wrong command line; the return code if the broker refuses the
connection; 130 if interrupted (143 by SIGTERM).
`;

type RrValues = Values<typeof rrFlags>;

/**
 * Runs the command.
 *
 * @throws {UsageError} If the command line is wrong.
 */
export async function runRr(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const values = parseFlags(rrFlags, args, refusedFlags);
  if (values.help) return await print(terminal, rrHelp);
  if (values.version) return await print(terminal, version);
  const journal = new Journal(terminal, "ambermq rr", values);
  const { pid, hostname } = terminal;
  const settings = clientSettings(
    values,
    {
      command: "rr",
      pid,
      hostname,
      protocolVersion: 5,
      packets: ["publish"],
    },
    await readClientConfig(values.config, journal),
  );
  const plan = planOf(values, settings);
  return await ask(plan, {
    client: new MQTTClient(settings.options),
    journal,
    present: presentation(values, terminal),
    terminal,
  });
}

function planOf(
  values: RrValues,
  { topic: topicOfUrl, properties, options }: ClientSettings,
): Plan {
  if (values.topic !== undefined && topicOfUrl !== undefined) {
    throw new UsageError("--url says the topic already");
  }
  const topic = values.topic ?? topicOfUrl;
  if (topic === undefined) throw new UsageError("-t TOPIC is missing");
  const { message, file, stdin, empty, responseTopic, qos } = values;
  const { protocolVersion } = options;
  const { publish } = properties;
  if (publish?.responseTopic !== undefined) {
    throw new UsageError("-e says the response topic, not -D");
  }
  if (responseTopic === undefined) {
    if (protocolVersion < 5) {
      throw new UsageError(
        "-e TOPIC is missing: before 5.0 it has to be named",
      );
    }
    if (publish?.correlationData !== undefined) {
      throw new UsageError("-D publish correlation-data needs -e");
    }
  }
  const publishOptions: PublishOptions = {};
  if (qos !== undefined) publishOptions.qos = qos;
  if (publish !== undefined) publishOptions.properties = publish;
  return {
    topic,
    source: sourceOf(
      {
        ...(message === undefined ? {} : { message }),
        ...(file === undefined ? {} : { fileWhole: file }),
        stdin,
        empty,
      },
      "-m, -f, -s and -n",
    ),
    options: publishOptions,
    responseTopic,
    noRetained: values.noRetained,
    timeout: values.timeout,
    protocolVersion,
    disconnect: properties.disconnect,
  };
}
