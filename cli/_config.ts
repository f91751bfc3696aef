/** `ambermq config`: what a configuration comes to, and what there is to say. */

import { configSchema, explainConfig, readConfigFile } from "../mod.ts";
import type { Command } from "./_command.ts";
import { FAILED } from "./_exit_status.ts";
import { UsageError } from "./_flags.ts";
import { print, type Terminal } from "./_terminal.ts";

const help = `Usage: ambermq config explain FILE
       ambermq config schema

Tells what a configuration file of a broker comes to.

explain  prints all that holds with a configuration file, as YAML, and behind
         each value where it is from: file:line:column, the listener default, or
         default. Passwords are not shown.
schema   prints the JSON schema of configuration files, for editors.

ambermq broker -c FILE --test-config checks a file and all that it names.

Exit status: 0; 1 if the configuration is wrong; 2 for a wrong command line.
`;

/** The command. */
export const configCommand: Command = {
  help: "explain a configuration file, or print the JSON schema",
  words: { explain: "file", schema: undefined },
  run: runConfig,
};

async function runConfig(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const [what, file, ...others] = args;
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    return await print(terminal, help);
  }
  const more = what === "explain" ? others[0] : file;
  if (what !== "explain" && what !== "schema") {
    throw new UsageError("give explain FILE or schema");
  }
  if (more !== undefined) {
    throw new UsageError(`${JSON.stringify(more)} is not expected`);
  }
  if (what === "schema") {
    const schema = JSON.stringify(configSchema(), undefined, 2);
    return await print(terminal, `${schema}\n`);
  }
  if (file === undefined) throw new UsageError("explain needs a FILE");
  let text: string;
  try {
    text = explainConfig(await readConfigFile(file));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    terminal.error(`ambermq config: ${error.message}`);
    return FAILED;
  }
  return await print(terminal, text);
}
