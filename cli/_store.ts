/** `ambermq store`: what there is to do with the file of a broker's store. */

import {
  backupStore,
  BrokerError,
  checkStore,
  compactStore,
  dumpLines,
  makeStore,
  readDump,
  readStore,
} from "../mod.ts";
import type { Command } from "./_command.ts";
import { FAILED } from "./_exit_status.ts";
import { UsageError } from "./_flags.ts";
import { print, type Terminal } from "./_terminal.ts";

const help = `Usage: ambermq store check FILE
       ambermq store backup FILE COPY
       ambermq store compact FILE
       ambermq store dump FILE
       ambermq store import FILE

Does something with the file that a broker keeps sessions and retained messages
in, as --persist and persistence.file name it.

check    says whether all of it is in order, and what is not.
backup   makes a copy, which is a store too: to restore it, put it in the place
         of the other while no broker runs.
compact  gives back the room that nothing needs any more. No broker may use it.
dump     writes what it has to standard output: one thing a line, in JSON.
import   makes a new file of what dump has written, from standard input.

check, backup and dump do not mind a broker that is running on the file. check and
dump need room for a copy of it in the folder for temporary files (TMPDIR).

Exit status: 0; 1 if something is wrong with the file or cannot be done; 2 for a
wrong command line.
`;

/** Bytes of output that are collected. */
const CHUNK = 65_536;

type Action = (
  terminal: Terminal,
  file: string,
  second: string,
) => number | Promise<number>;

/** What can be done, and what a second operand is. */
const actions: Readonly<
  Record<string, { readonly second?: string; readonly run: Action }>
> = {
  check: { run: check },
  backup: { second: "COPY", run: backup },
  compact: { run: compact },
  dump: { run: dump },
  import: { run: make },
};

/** The command. */
export const storeCommand: Command = {
  help: "check, copy, compact, dump or make the file of a broker's store",
  words: Object.fromEntries(Object.keys(actions).map((one) => [one, "file"])),
  run: runStore,
};

async function runStore(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    return await print(terminal, help);
  }
  const [what = "", ...operands] = args;
  if (!Object.hasOwn(actions, what)) {
    throw new UsageError(`give one of ${Object.keys(actions).join(", ")}`);
  }
  const { second, run } = actions[what]!;
  const names = ["FILE", ...(second === undefined ? [] : [second])];
  const missing = names[operands.length];
  if (missing !== undefined) throw new UsageError(`${what} needs ${missing}`);
  if (operands.length > names.length) {
    const more = JSON.stringify(operands[names.length]);
    throw new UsageError(`${more} is not expected`);
  }
  if (operands.includes("")) throw new UsageError("a file has no name");
  try {
    return await run(terminal, operands[0]!, operands[1]!);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "BrokerError") throw error;
    terminal.error(`ambermq store: ${error.message}`);
    return FAILED;
  }
}

async function check(terminal: Terminal, file: string): Promise<number> {
  const report = checkStore(file);
  for (const problem of report.problems) {
    terminal.error(`ambermq store: ${file}: ${problem}`);
  }
  if (report.problems.length > 0) {
    terminal.error(
      `ambermq store: ${file} is not in order: restore a backup`,
    );
    return FAILED;
  }
  const { sessions, subscriptions, deliveries, messages, retained, bytes } =
    report;
  return await print(
    terminal,
    `${file} is in order: ${sessions} sessions, ${subscriptions} ` +
      `subscriptions, ${deliveries} deliveries, ${messages} messages, ` +
      `${retained} of them retained, ${bytes} bytes\n`,
  );
}

async function backup(
  terminal: Terminal,
  file: string,
  target: string,
): Promise<number> {
  backupStore(file, target);
  return await print(terminal, `${target} is a copy of ${file}\n`);
}

async function compact(terminal: Terminal, file: string): Promise<number> {
  const { before, after } = compactStore(file);
  return await print(terminal, `${file}: ${before} bytes, now ${after}\n`);
}

async function dump(terminal: Terminal, file: string): Promise<number> {
  let text = "";
  for (const line of dumpLines(readStore(file))) {
    text += `${line}\n`;
    if (text.length < CHUNK) continue;
    await print(terminal, text);
    text = "";
  }
  return await print(terminal, text);
}

async function make(terminal: Terminal, file: string): Promise<number> {
  await makeStore(file, readDump(linesOf(terminal.input)));
  return await print(terminal, `${file} is made\n`);
}

/** The lines of a stream; a last one without an end is one too. */
async function* linesOf(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  let rest = "";
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const bytes of stream) {
    const lines = (rest + decoded(decoder, bytes)).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

function decoded(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes, { stream: true });
  } catch (error) {
    throw new BrokerError("Cannot read the dump: it is not UTF-8", {
      cause: error,
    });
  }
}
