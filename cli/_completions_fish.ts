/** Completions for fish. */

import type { Command, Commands } from "./_command.ts";
import type { Flag } from "./_flags.ts";

/** The script. */
export function fishScript(commands: Commands): string {
  const entries = Object.entries(commands);
  const programs = ["pub", "sub"].filter((name) =>
    Object.hasOwn(commands, name)
  );
  return [
    "# Completions of ambermq for fish.",
    "complete -c ambermq -f",
    ...entries.map(([name, { help }]) =>
      `complete -c ambermq -n __fish_use_subcommand -a ${name} -d ${
        quoted(help)
      }`
    ),
    ...entries.flatMap(([name, command]) =>
      commandLines(
        `complete -c ambermq -n '__fish_seen_subcommand_from ${name}'`,
        command,
      )
    ),
    ...programs.flatMap((name) => [
      `complete -c ambermq_${name} -f`,
      ...commandLines(`complete -c ambermq_${name}`, commands[name]!),
    ]),
    "",
  ].join("\n");
}

function commandLines(start: string, command: Command): string[] {
  const { flags, words, path } = command;
  // Without flags it is not known what it takes: files, perhaps.
  if (flags === undefined && words === undefined) return [`${start} -F`];
  return [
    ...(words === undefined ? [] : wordLines(start, words)),
    ...(path === undefined ? [] : [`${start} -F`]),
    ...Object.values(flags ?? {}).map((flag) => `${start} ${flagOf(flag)}`),
  ];
}

/** What the first word may be; behind it comes a file, or nothing. */
function wordLines(
  start: string,
  words: NonNullable<Command["words"]>,
): string[] {
  const all = Object.keys(words).join(" ");
  const files = Object.keys(words).filter((word) => words[word] === "file");
  // Of more than one -n only fish 3.4 and later know.
  const and = (condition: string) => start.replace(/'$/, `; and ${condition}'`);
  const seen = "__fish_seen_subcommand_from";
  return [
    `${and(`not ${seen} ${all}`)} -a ${quoted(all)}`,
    ...files.map((word) => `${and(`${seen} ${word}`)} -F`),
  ];
}

function flagOf(flag: Flag): string {
  const names = flag.names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`
  );
  const help = quoted(flag.help.replaceAll("\n", " "));
  return [...names, ...valueOf(flag), "-d", help].join(" ");
}

function valueOf({ value, choices, path }: Flag): string[] {
  if (value === undefined) return [];
  if (choices) return ["-x", "-a", quoted(choices.join(" "))];
  if (path === "file") return ["-r", "-F"];
  if (path === "folder") {
    return ["-x", "-a", "'(__fish_complete_directories)'"];
  }
  return ["-x"];
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
