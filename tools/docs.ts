/**
 * Writes what the documentation says of the configuration, from the table that
 * the broker reads it with, and of flags, from the help of the commands.
 *
 * ```sh
 * deno task docs
 * ```
 */

import {
  configFields,
  configSchema,
  dashed,
  type Field,
  type Fields,
} from "../mod.ts";

const ROOT = new URL("../", import.meta.url);

/** What stands around the part of a file that is made here. */
const BEGIN = "<!-- made by `deno task docs`, from broker/fields.ts -->";
const END = "<!-- end -->";

/** A file that is made here, or a part of it. */
export interface Made {
  /** Its path in the project. */
  readonly path: string;
  /**
   * Makes what is to stand in it.
   *
   * @param text What stands in it.
   * @returns The whole file.
   */
  make(text: string): string;
}

/** The files that are made here. */
export const files: readonly Made[] = [
  {
    path: "docs/config.schema.json",
    make: () => `${JSON.stringify(configSchema(), undefined, 2)}\n`,
  },
  {
    path: "docs/configuration.md",
    make: (text) => between(text, reference(configFields)),
  },
  { path: "docs/command_line.md", make: (text) => withHelp(text, helpOf) },
];

/** Fills the blocks `text help=COMMAND`. */
export function withHelp(
  text: string,
  help: (command: string) => string,
): string {
  return text.replace(
    /(^```text help=(\w+)\n)[^]*?(?=^```$)/gm,
    (_, fence: string, command: string) => `${fence}${help(command)}`,
  );
}

function helpOf(command: string): string {
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "cli/mod.ts", command, "--help"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).outputSync();
  return new TextDecoder().decode(stdout);
}

/** Puts a text between the marks of a file. */
export function between(text: string, made: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END, begin);
  if (begin < 0 || end < 0) {
    throw new Error(`There are no lines ${BEGIN} and ${END}`);
  }
  return `${text.slice(0, begin + BEGIN.length)}\n\n${made}\n${
    text.slice(end)
  }`;
}

/** A table for the keys of a file, and one for those of each section. */
export function reference(fields: Fields): string {
  return sections("At the top", fields).join("\n");
}

function sections(title: string, fields: Fields): string[] {
  const rows = Object.entries(fields).map(([key, field]) =>
    `| \`${dashed(key)}\` | ${typeOf(field)} | ${defaultOf(field)} | ${
      cell(field.description)
    } |`
  );
  const table = [
    `### ${title}`,
    "",
    "| Key | Value | Default | Meaning |",
    "| --- | ----- | ------- | ------- |",
    ...rows,
    "",
  ].join("\n");
  const inner = Object.entries(fields).flatMap(([key, { fields, values }]) => {
    if (fields !== undefined) return sections(`\`${dashed(key)}\``, fields);
    const own = values?.fields;
    return own === undefined ? [] : sections(`\`${dashed(key)}.<name>\``, own);
  });
  return [table, ...inner];
}

function typeOf(field: Field): string {
  const { type, choices, values, minimum, maximum } = field;
  if (choices) return choices.map((one) => `\`${one}\``).join(", ");
  switch (type) {
    case "list":
      return `list: ${typeOf(values!)}`;
    case "map":
      return `map to: ${typeOf(values!)}`;
    case "object":
      return "section";
    case "any":
      return "see below";
    default: {
      if (minimum === undefined) return type;
      const most = maximum === undefined ? "or more" : `to ${maximum}`;
      return `${type}, ${minimum} ${most}`;
    }
  }
}

function defaultOf(field: Field): string {
  return field.default === undefined ? "" : `\`${String(field.default)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

if (import.meta.main) {
  for (const { path, make } of files) {
    const url = new URL(path, ROOT);
    const text = await Deno.readTextFile(url).catch(() => "");
    await Deno.writeTextFile(url, make(text));
    await new Deno.Command(Deno.execPath(), {
      args: ["fmt", "--quiet", decodeURIComponent(url.pathname)],
    }).output();
  }
}
