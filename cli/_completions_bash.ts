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
  const values = flags.filter((flag) => flag.value !== undefined)
    .map((flag) => `    ${flag.names.join("|")}) ${valuesOf(flag)} ;;\n`);
  const cases = values.length === 0
    ? ""
    : `  case "\${COMP_WORDS[COMP_CWORD - 1]}" in
${values.join("")}  esac
`;
  return `_ambermq_${name}() {
  COMPREPLY=()
${cases}${operandsOf(command)}}
`;
}

function operandsOf({ flags, words, path }: Command): string {
  if (words) {
    const files = Object.keys(words).filter((word) => words[word] === "file");
    const behind = files.length === 0
      ? ""
      : `  case "\${COMP_WORDS[2]}" in ${files.join("|")}) ${FILES} ;; esac\n`;
    return `  if [ "$COMP_CWORD" -eq 2 ]; then
    _ambermq_words "${Object.keys(words).join(" ")}"
    return
  fi
${behind}`;
  }
  // Without flags it is not known what it takes: files, perhaps.
  if (flags === undefined) return `  ${FILES}\n`;
  const names = Object.values(flags).flatMap((flag) => flag.names);
  const offer = `_ambermq_words "${names.join(" ")}"`;
  return path === undefined
    ? `  ${offer}\n`
    : `  case "\${COMP_WORDS[COMP_CWORD]}" in
    -*) ${offer} ;;
    *) ${FILES} ;;
  esac
`;
}

const FILES = "_ambermq_paths -f";

function valuesOf({ choices, path }: Flag): string {
  if (choices) return `_ambermq_words "${choices.join(" ")}"; return`;
  if (path === "file") return `${FILES}; return`;
  if (path === "folder") return "_ambermq_paths -d; return";
  return "return"; // anything
}
