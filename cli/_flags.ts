/**
 * Flags of a command, by one table: parsing, types and help come from it.
 *
 * Not `@std/cli`'s `parseArgs`, which takes `-m -1` for two flags: a message, a
 * topic or a password may begin with a dash.
 */

/** One flag. */
export interface Flag {
  /** Its names, with dashes; the first one is the one shown in messages. */
  readonly names: readonly string[];
  /** What its value is, for the help; absent if it takes none. */
  readonly value?: string;
  /** Whether it may be given more than once. */
  readonly list?: true;
  /** Whether it asks for help where no value follows. */
  readonly orHelp?: true;
  /** What it does, in a few words. */
  readonly help: string;
}

/** The flags of a command by what the program calls them. */
export type Flags = Readonly<Record<string, Flag>>;

/** What was given: a list, a text if any, or whether. */
export type Values<F extends Flags> = {
  [K in keyof F]: F[K] extends { list: true } ? string[]
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

/**
 * Parses a command line.
 *
 * @throws {UsageError} If a flag is not known or its value is missing.
 */
export function parseFlags<const F extends Flags & { help: Flag }>(
  flags: F,
  args: readonly string[],
): Values<F> {
  const values: Record<string, string | boolean | string[] | undefined> = {};
  const keys = new Map<string, string>();
  for (const [key, flag] of Object.entries(flags)) {
    for (const name of flag.names) keys.set(name, key);
    values[key] = flag.list ? [] : flag.value === undefined ? false : undefined;
  }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const [name, inline] = split(arg);
    const key = keys.get(name);
    if (key === undefined) throw unknown(arg, name, [...keys.keys()]);
    const flag: Flag = flags[key]!;
    if (flag.value === undefined) {
      if (inline !== undefined) throw new UsageError(`${name} takes no value`);
      values[key] = true;
      continue;
    }
    const next = args[i + 1];
    if (
      flag.orHelp && inline === undefined && !(next && !next.startsWith("-"))
    ) {
      values.help = true;
      continue;
    }
    const value = inline ?? next;
    if (value === undefined) {
      throw new UsageError(`${name} needs a value: ${flag.value}`);
    }
    if (inline === undefined) i++;
    if (flag.list) (values[key] as string[]).push(value);
    else values[key] = value;
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

function unknown(arg: string, name: string, names: string[]): UsageError {
  if (!arg.startsWith("-")) {
    return new UsageError(`${JSON.stringify(arg)} is not expected`);
  }
  return new UsageError(`there is no flag ${name}${hint(name, names)}`);
}

/** ", did you mean …?" where a name is close to one that there is. */
export function hint(name: string, names: readonly string[]): string {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const distance = editDistance(name, candidate);
    if (distance < least) [least, best] = [distance, candidate];
  }
  return best === undefined ? "" : `; did you mean ${best}?`;
}

/** How many letters to insert, remove or change to get from one to the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(
        row[j]! + 1,
        next[j - 1]! + 1,
        row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length]!;
}

/**
 * A number on the command line.
 *
 * @throws {UsageError} If it is none, or out of range.
 */
export function parseInteger(
  flag: Flag,
  text: string | undefined,
  [minimum, maximum]: readonly [number, number],
): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= minimum && number <= maximum) return number;
  throw new UsageError(
    `${flag.names[0]} is ${
      JSON.stringify(text)
    }, not a number from ${minimum} to ${maximum}`,
  );
}

/** The flags, one a line, for the help. */
export function describeFlags(flags: Flags): string {
  const rows = Object.values(flags).map((flag) => [
    [flag.names.join(", "), flag.value].filter(Boolean).join(" "),
    flag.help,
  ]);
  const width = Math.min(30, Math.max(...rows.map(([left]) => left!.length)));
  return rows.map(([left, right]) =>
    left!.length > width
      ? `  ${left}\n  ${"".padEnd(width)}  ${right}\n`
      : `  ${left!.padEnd(width)}  ${right}\n`
  ).join("");
}
