/**
 * The command line: `ambermq broker`, `ambermq pub`, `ambermq sub` and more.
 *
 * ```sh
 * deno run --allow-net --allow-read jsr:@ambermq/mqtt/cli pub -t hello -m world
 * ```
 *
 * @module
 */

import { didYouMean, SettingsError } from "../mod.ts";
import { brokerFlags } from "./_broker_flags.ts";
import type { Commands } from "./_command.ts";
import { completionsCommand } from "./_completions.ts";
import { configCommand } from "./_config.ts";
import { FAILED, USAGE } from "./_exit_status.ts";
import { UsageError } from "./_flags.ts";
import { passwdCommand } from "./_passwd.ts";
import { pubFlags, runPub } from "./_pub.ts";
import { rrFlags, runRr } from "./_rr.ts";
import { storeCommand } from "./_store.ts";
import { runSub, subFlags } from "./_sub.ts";
import {
  OutputError,
  print,
  SystemTerminal,
  type Terminal,
} from "./_terminal.ts";
import { testFlags } from "./_test_flags.ts";
import { version } from "./_version.ts";

// Only who runs a broker has to wait until it is loaded.
const commands: Commands = {
  broker: {
    help: "run an MQTT broker",
    flags: brokerFlags,
    run: async (args, terminal) =>
      (await import("./_broker.ts")).runBroker(args, terminal),
  },
  pub: { help: "publish messages", flags: pubFlags, run: runPub },
  sub: {
    help: "subscribe, and write messages to standard output",
    flags: subFlags,
    run: runSub,
  },
  rr: {
    help: "publish a request, and write its response",
    flags: rrFlags,
    run: runRr,
  },
  test: {
    help: "check whether a broker does what the specification asks for",
    flags: testFlags,
    run: async (args, terminal) =>
      (await import("./_test.ts")).runTest(args, terminal),
  },
  config: configCommand,
  passwd: passwdCommand,
  store: storeCommand,
  completions: completionsCommand(() => commands),
};

const names = Object.keys(commands);
const width = Math.max(...names.map((name) => name.length));

const help = `Usage: ambermq COMMAND [options]

Commands:
${
  Object.entries(commands)
    .map(([name, { help }]) => `  ${name.padEnd(width)}  ${help}`)
    .join("\n")
}

ambermq COMMAND --help tells more; ambermq --version shows the version.
`;

/**
 * Runs a command.
 *
 * @example
 * ```ts
 * import { main } from "@ambermq/mqtt/cli";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["--version"]), 0);
 * ```
 *
 * @param args The arguments, the name of the command first.
 * @returns The exit status: 0 if all went well, 2 if the arguments are wrong.
 */
export async function main(args: string[]): Promise<number> {
  using terminal = new SystemTerminal();
  try {
    return await run(args, terminal);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    const [name = ""] = args;
    const command = Object.hasOwn(commands, name) ? ` ${name}` : "";
    terminal.error(`ambermq${command}: ${error.message}`);
    return FAILED;
  }
}

async function run(
  [name, ...rest]: readonly string[],
  terminal: Terminal,
): Promise<number> {
  switch (name) {
    case "--help":
    case "-h":
      return await print(terminal, help);
    case "--version":
      return await print(terminal, version);
    case undefined:
      terminal.error(help.trimEnd());
      return USAGE;
  }
  if (!Object.hasOwn(commands, name)) {
    terminal.error(
      `ambermq: there is no command ${name}${
        didYouMean(name, names)
      }\n\nambermq --help tells more`,
    );
    return USAGE;
  }
  try {
    return await commands[name]!.run(rest, terminal);
  } catch (error) {
    if (error instanceof SettingsError) {
      terminal.error(`ambermq ${name}: ${error.message}`);
      return FAILED;
    }
    if (!(error instanceof UsageError)) throw error;
    terminal.error(
      `ambermq ${name}: ${error.message}\n\nambermq ${name} --help tells more`,
    );
    return USAGE;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
