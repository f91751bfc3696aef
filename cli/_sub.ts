/**
 * `ambermq sub`: subscribes and writes the messages to standard output.
 */

import { MQTTClient } from "../mod.ts";
import { clientFlags, clientGroups, refusedFlags } from "./_client_flags.ts";
import { readClientConfig } from "./_client_config.ts";
import { clientSettings } from "./_client_options.ts";
import { describeFlags, parseFlags } from "./_flags.ts";
import { Journal } from "./_journal.ts";
import { jsonHelp } from "./_json_line.ts";
import {
  formatHelp,
  presentation,
  presentationFlags,
} from "./_presentation.ts";
import { Selection, selectionFlags } from "./_selection.ts";
import { Run } from "./_sub_run.ts";
import { subscriptionFlags, subscriptionOf } from "./_subscription.ts";
import { print, type Terminal } from "./_terminal.ts";
import { version } from "./_version.ts";

/** The flags of the command. */
export const subFlags = {
  ...subscriptionFlags,
  ...selectionFlags,
  ...presentationFlags,
  ...clientFlags,
} as const;

/** The help. */
export const subHelp = `Usage: ambermq sub -t FILTER [-t FILTER ...] [options]

Subscribes to topics of an MQTT broker and writes each message and a line feed
to standard output, as soon as it comes.

${
  describeFlags({
    Subscription: subscriptionFlags,
    Selection: selectionFlags,
    Output: presentationFlags,
    ...clientGroups,
  })
}
${formatHelp}

${jsonHelp}

What differs from mosquitto_sub: -c is a configuration file; -n is a COUNT, as
-C is; -i alone goes on with the session of that identifier, where
mosquitto_sub needs --disable-clean-session.

Exit status: 0 after COUNT messages, or if interrupted with at least one and no
COUNT; 130 if interrupted otherwise (143 by SIGTERM); 1 if the connection is
lost, all subscriptions are refused or the configuration is wrong; 2 for a wrong
command line; the return code if the broker refuses the connection; 27 after
SECONDS.
`;

/**
 * Runs the command.
 *
 * @throws {UsageError} If the command line is wrong.
 */
export async function runSub(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const values = parseFlags(subFlags, args, refusedFlags);
  if (values.help) return await print(terminal, subHelp);
  if (values.version) return await print(terminal, version);
  const journal = new Journal(terminal, "ambermq sub", values);
  const { pid, hostname } = terminal;
  const settings = clientSettings(
    values,
    { command: "sub", pid, hostname, packets: ["subscribe", "unsubscribe"] },
    await readClientConfig(values.config, journal),
  );
  const subscription = subscriptionOf(values, settings);
  const selection = new Selection(values, () => terminal.random());
  const present = presentation(values, terminal);
  // What is not written stays with the broker.
  const client = new MQTTClient({ ...settings.options, manualAck: true });
  return await new Run(subscription, {
    client,
    journal,
    selection,
    present,
    terminal,
  }).run();
}
