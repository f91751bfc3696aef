/** Completions for zsh. */

import type { Command, Commands } from "./_command.ts";
import type { Flag } from "./_flags.ts";

/** The script. */
export function zshScript(commands: Commands): string {
  const entries = Object.entries(commands);
  const described = entries.map(([name, { help }]) =>
    `    ${quoted(`${name}:${help}`)}\n`
  );
  const branches = entries.map(([name]) =>
    `    ${name}) _ambermq_${name} ;;\n`
  );
  return `#compdef ambermq ambermq_pub ambermq_sub
# Completions of ambermq for zsh.

${entries.map(commandFunction).join("\n")}
_ambermq() {
  case $service in
    ambermq_pub) _ambermq_pub; return ;;
    ambermq_sub) _ambermq_sub; return ;;
  esac
  local -a commands
  commands=(
${described.join("")}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    _arguments '--help[show the help]' '--version[show the version]'
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${branches.join("")}  esac
}

if [ "$funcstack[1]" = _ambermq ]; then
  _ambermq "$@"
else
  compdef _ambermq ambermq ambermq_pub ambermq_sub
fi
`;
}

function commandFunction([name, command]: [string, Command]): string {
  const { flags = {}, words = {}, path } = command;
  const specs = Object.values(flags).flatMap(flagSpecs);
  const first = Object.keys(words);
  if (first.length > 0) specs.push(quoted(`1:word:(${first.join(" ")})`));
  const files = first.filter((word) => words[word] === "file");
  if (files.length > 0) {
    specs.push(
      quoted(`2:file:{[[ $words[2] == (${files.join("|")}) ]] && _files}`),
    );
  }
  if (path !== undefined) specs.push("'1:file:_files'");
  // Without flags it is not known what it takes: files, perhaps.
  if (specs.length === 0) specs.push("'*:file:_files'");
  return `_ambermq_${name}() {
  _arguments \\
${specs.map((spec) => `    ${spec}`).join(" \\\n")}
}
`;
}

/** One for each name. A flag that may be given again has a star. */
function flagSpecs(flag: Flag): string[] {
  const again = flag.list || flag.words;
  const others = again ? "*" : `(${flag.names.join(" ")})`;
  const help = escaped(flag.help.replaceAll("\n", " "));
  return flag.names.map((name) =>
    quoted(`${others}${name}[${help}]${valueOf(flag)}`)
  );
}

function valueOf({ value, choices, path }: Flag): string {
  if (value === undefined) return "";
  const label = `:${escaped(value)}:`;
  if (choices) return `${label}(${choices.join(" ")})`;
  if (path === "file") return `${label}_files`;
  if (path === "folder") return `${label}_files -/`;
  return label;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\[\]:]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
