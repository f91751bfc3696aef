/** `ambermq completions`: what a shell needs to complete a command line. */

import type { Command, Commands } from "./_command.ts";
import { bashScript } from "./_completions_bash.ts";
import { fishScript } from "./_completions_fish.ts";
import { zshScript } from "./_completions_zsh.ts";
import { UsageError } from "./_flags.ts";
import { print } from "./_terminal.ts";

const scripts: Readonly<Record<string, (commands: Commands) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

const shells = Object.keys(scripts);

const help = `Usage: ambermq completions bash|zsh|fish

Prints a script that has a shell complete the commands and flags of ambermq,
ambermq_pub and ambermq_sub. To have it in every shell:

  bash  echo 'source <(ambermq completions bash)' >> ~/.bashrc
  zsh   echo 'source <(ambermq completions zsh)' >> ~/.zshrc, behind compinit
  fish  ambermq completions fish > ~/.config/fish/completions/ambermq.fish

Exit status: 0; 2 for a wrong command line.
`;

/**
 * The command.
 *
 * @param commands All commands, this one too.
 */
export function completionsCommand(commands: () => Commands): Command {
  return {
    help: "print a script for your shell",
    words: Object.fromEntries(shells.map((shell) => [shell, undefined])),
    async run(args, terminal) {
      const [shell, more] = args;
      if (shell === "--help" || shell === "-h") {
        return await print(terminal, help);
      }
      if (shell === undefined || !Object.hasOwn(scripts, shell)) {
        throw new UsageError(`give one of ${shells.join(", ")}`);
      }
      if (more !== undefined) {
        throw new UsageError(`${JSON.stringify(more)} is not expected`);
      }
      return await print(terminal, scripts[shell]!(commands()));
    },
  };
}
