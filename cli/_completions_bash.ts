/** Completions for bash, from version 3.2 on. */

import type { Command, Commands } from "./_command.ts";
import type { Flag } from "./_flags.ts";

/** The script. */
export function bashScript(commands: Commands): string {
  const names = Object.keys(commands);
  const branches = names.map((name) => `    ${name}) _ambermq_${name} ;;\n`);
  return `# Completions of ambermq for bash.

_ambermq_words() {
  COMPREPLY=($(compgen -W "$1" -- "\${COMP_WORDS[COMP_CWORD]}"))
}

_ambermq_paths() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$1" -- "\${COMP_WORDS[COMP_CWORD]}"))
}

${Object.entries(commands).map(commandFunction).join("\n")}
_ambermq() {
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    _ambermq_words "${[...names, "--help", "--version"].join(" ")}"
    return
  fi
  case "\${COMP_WORDS[1]}" in
${branches.join("")}  esac
}

complete -F _ambermq ambermq
complete -F _ambermq_pub ambermq_pub
complete -F _ambermq_sub ambermq_sub
`;
}

function commandFunction([name, command]: [string, Command]): string {
  const flags = Object.values(command.flags ?? {});
  const words = [
    ...flags.flatMap((flag) => flag.names),
    ...(command.words ?? []),
  ];
  // Without flags it is not known what it takes: files, perhaps.
  const rest = words.length === 0
    ? "_ambermq_paths -f"
    : `_ambermq_words "${words.join(" ")}"`;
  const values = flags.filter((flag) => flag.value !== undefined)
    .map((flag) => `    ${flag.names.join("|")}) ${valuesOf(flag)} ;;\n`);
  const cases = values.length === 0
    ? ""
    : `  case "\${COMP_WORDS[COMP_CWORD - 1]}" in
${values.join("")}  esac
`;
  return `_ambermq_${name}() {
  COMPREPLY=()
${cases}  ${rest}
}
`;
}

function valuesOf({ choices, path }: Flag): string {
  if (choices) return `_ambermq_words "${choices.join(" ")}"; return`;
  if (path === "file") return "_ambermq_paths -f; return";
  if (path === "folder") return "_ambermq_paths -d; return";
  return "return"; // anything
}
