/**
 * The command line: `ambermq broker`, `ambermq pub` and `ambermq sub`.
 *
 * ```sh
 * deno run --allow-net --allow-read jsr:@ambermq/mqtt/cli pub -t hello -m world
 * ```
 *
 * @module
 */

import { hint, UsageError } from "./_flags.ts";
import { runPub } from "./_pub.ts";
import { runSub } from "./_sub.ts";
import { print, SystemTerminal, type Terminal } from "./_terminal.ts";
import { version } from "./_version.ts";

const help = `Usage: ambermq COMMAND [options]

Commands:
  broker  run an MQTT broker
  pub     publish messages
  sub     subscribe, and write messages to standard output
  test    check whether a broker does what the specification asks for

ambermq COMMAND --help tells more; ambermq --version shows the version.
`;

const commands: Readonly<
  Record<
    string,
    (args: readonly string[], terminal: Terminal) => Promise<number>
  >
> = {
  pub: runPub,
  sub: runSub,
  // Only who tests a broker has to wait until the checks are loaded.
  test: async (args, terminal) =>
    await (await import("./_test.ts")).runTest(args, terminal),
};

const names = ["broker", ...Object.keys(commands)];

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
  const [name, ...rest] = args;
  if (name === "broker") {
    // Only who runs a broker has to wait until it is loaded.
    const { runBroker } = await import("./_broker.ts");
    return await runBroker(rest);
  }
  using terminal = new SystemTerminal();
  switch (name) {
    case "--help":
    case "-h":
      return await print(terminal, help);
    case "--version":
      return await print(terminal, version);
    case undefined:
      terminal.error(help.trimEnd());
      return 2;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    terminal.error(
      `ambermq: there is no command ${name}${
        hint(name, names)
      }\n\nambermq --help tells more`,
    );
    return 2;
  }
  try {
    return await command(rest, terminal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.error(
      `ambermq ${name}: ${error.message}\n\nambermq ${name} --help tells more`,
    );
    return 2;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
