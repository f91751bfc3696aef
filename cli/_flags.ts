/**
 * Flags of a command, by one table: parsing, types, help and completions come
 * from it.
 *
 * Not `@std/cli`'s `parseArgs`, which takes `-m -1` for two flags: a message, a
 * topic or a password may begin with a dash.
 */

import { didYouMean } from "../mod.ts";
import type { ValueKind } from "./_value.ts";

/** One flag. */
export interface Flag {
  /** Its names, with dashes; the first one is the one shown in messages. */
  readonly names: readonly string[];
  /** What its value is, for the help; absent if it takes none. */
  readonly value?: string;
  /** What its value has to be; absent, any text. */
  readonly kind?: ValueKind<unknown>;
  /** Whether it may be given more than once. */
  readonly list?: true;
  /**
   * How many words of the command line its value is, given those that follow:
   * the value is a list of words then.
   */
  readonly words?: (following: readonly string[]) => number;
  /** Whether it asks for help where no value follows. */
  readonly orHelp?: true;
  /** What it does, in a few words. */
  readonly help: string;
  /** What its value may be, to complete it. */
  readonly choices?: readonly string[];
  /** The value is the path of a file, or of a folder: to complete it. */
  readonly path?: "file" | "folder";
}

/** The flags of a command by what the program calls them. */
export type Flags = Readonly<Record<string, Flag>>;

/** What was given: a list, a value if any, or whether. */
export type Values<F extends Flags> = {
  [K in keyof F]: F[K] extends { words: unknown } ? string[][]
    : F[K] extends { list: true } ? string[]
    : F[K] extends { kind: ValueKind<infer T> } ? T | undefined
    : F[K] extends { value: string } ? string | undefined
    : boolean;
};

/** The command line is not as it should be: exit status 2. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** The flag that every command has. */
export const helpFlag = {
  names: ["--help"],
  help: "show this help",
} as const satisfies Flag;

/** The same where -h is not the host. */
export const shortHelpFlag = {
  ...helpFlag,
  names: ["-h", "--help"],
} as const satisfies Flag;

/** Flags of other programs that cannot be had here: by their names, why. */
export type Refused = Readonly<Record<string, string>>;

/**
 * Parses a command line.
 *
 * @param flags The flags there are.
 * @param args The words of the command line.
 * @param refused Flags that are known, but not to be had.
 * @throws {UsageError} If a flag is not known, or its value is missing or
 * wrong.
 */
export function parseFlags<const F extends Flags & { help: Flag }>(
  flags: F,
  args: readonly string[],
  refused: Refused = {},
): Values<F> {
  const values: Record<string, unknown> = {};
  const keys = new Map<string, string>();
  for (const [key, flag] of Object.entries(flags)) {
    for (const name of flag.names) keys.set(name, key);
    values[key] = flag.list || flag.words
      ? []
      : flag.value === undefined
      ? false
      : undefined;
  }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const [name, inline] = split(arg);
    const key = keys.get(name);
    if (key === undefined) throw unknown(arg, name, [...keys.keys()], refused);
    const flag: Flag = flags[key]!;
    if (flag.value === undefined) {
      if (inline !== undefined) throw new UsageError(`${name} takes no value`);
      values[key] = true;
      continue;
    }
    // `--name=value` is its first word.
    const following = [
      ...(inline === undefined ? [] : [inline]),
      ...args.slice(i + 1),
    ];
    if (flag.orHelp && inline === undefined && !isValue(following[0])) {
      values.help = true;
      continue;
    }
    const count = flag.words?.(following) ?? 1;
    if (following.length < count) {
      throw new UsageError(`${name} needs a value: ${flag.value}`);
    }
    i += inline === undefined ? count : count - 1;
    const value = following.slice(0, count);
    if (flag.words) (values[key] as string[][]).push(value);
    else if (flag.list) (values[key] as string[]).push(value[0]!);
    else values[key] = flag.kind ? read(name, flag.kind, value[0]!) : value[0];
  }
  return values as Values<F>;
}

/** Takes `--name=value` apart. */
function split(arg: string): [name: string, value: string | undefined] {
  const equals = arg.startsWith("--") ? arg.indexOf("=") : -1;
  return equals < 0
    ? [arg, undefined]
    : [arg.slice(0, equals), arg.slice(equals + 1)];
}

function isValue(word: string | undefined): boolean {
  return word !== undefined && word !== "" && !word.startsWith("-");
}

function read<T>(name: string, kind: ValueKind<T>, text: string): T {
  const value = kind.read(text);
  if (value !== undefined) return value;
  throw new UsageError(
    `${name} is ${JSON.stringify(text)}, not ${kind.name}`,
  );
}

function unknown(
  arg: string,
  name: string,
  names: string[],
  refused: Refused,
): UsageError {
  if (!arg.startsWith("-")) {
    return new UsageError(`${JSON.stringify(arg)} is not expected`);
  }
  return new UsageError(
    Object.hasOwn(refused, name)
      ? `${name} is not supported: ${refused[name]}`
      : `there is no flag ${name}${didYouMean(name, names)}`,
  );
}

/** The flags in groups, one a line, for the help. */
export function describeFlags(groups: Readonly<Record<string, Flags>>): string {
  return Object.entries(groups)
    .map(([title, flags]) => `${title}:\n${rows(flags)}`)
    .join("\n");
}

/** What is left of the help text of a flag. */
const COLUMN = 26;

function rows(flags: Flags): string {
  return Object.values(flags).map((flag) => {
    const left = [flag.names.join(", "), flag.value].filter(Boolean).join(" ");
    const [first, ...more] = flag.help.split("\n");
    const start = left.length > COLUMN
      ? `  ${left}\n  ${"".padEnd(COLUMN)}`
      : `  ${left.padEnd(COLUMN)}`;
    const rest = more.map((line) => `  ${"".padEnd(COLUMN)}  ${line}\n`);
    return `${start}  ${first}\n${rest.join("")}`;
  }).join("");
}
