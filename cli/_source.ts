/** Where the messages of `pub` and `rr` come from. */

import { type Flag, UsageError, type Values } from "./_flags.ts";
import { chunks, lines, whole } from "./_input.ts";
import type { OpenFile, Terminal } from "./_terminal.ts";

/** Exactly one of these is given. */
export const sourceFlags = {
  message: { names: ["-m", "--message"], value: "TEXT", help: "publish this" },
  file: {
    names: ["-f", "--file"],
    value: "FILE",
    path: "file",
    help: "publish each line of a file, blank ones aside",
  },
  fileWhole: {
    names: ["--file-whole"],
    value: "FILE",
    path: "file",
    help: "publish a file as one message",
  },
  lines: {
    names: ["-l", "--lines", "--stdin-line"],
    help: "publish each line of standard input, the same way",
  },
  stdin: {
    names: ["-s", "--stdin", "--stdin-file"],
    help: "publish standard input as one message",
  },
  empty: {
    names: ["-n", "--no-message", "--null-message"],
    help: "publish an empty message",
  },
} as const satisfies Record<string, Flag>;

/** Messages to publish, one after the other. */
export interface Source {
  /** Whether it is one message. */
  readonly single: boolean;
  /**
   * The messages.
   *
   * @param terminal Where files and standard input are.
   * @param signal Ends the wait for input.
   * @param sized Is called with the size of the input in bytes, if it has one.
   */
  messages(
    terminal: Terminal,
    signal: AbortSignal,
    sized: (bytes: number) => void,
  ): AsyncIterable<Uint8Array>;
}

/**
 * The source that was named.
 *
 * @param values What was given.
 * @param names The flags there are.
 * @throws {UsageError} If there is none, or more than one.
 */
export function sourceOf(
  values: Partial<Values<typeof sourceFlags>>,
  names = "-m, -f, --file-whole, -l, -s and -n",
): Source {
  const { message, file, fileWhole } = values;
  const sources: Source[] = [];
  if (message !== undefined) {
    sources.push(one(new TextEncoder().encode(message)));
  }
  if (file !== undefined) {
    sources.push(read(false, file, (terminal) => terminal.open(file)));
  }
  if (fileWhole !== undefined) {
    sources.push(read(true, fileWhole, (terminal) => terminal.open(fileWhole)));
  }
  if (values.lines) sources.push(read(false, "standard input", standardInput));
  if (values.stdin) sources.push(read(true, "standard input", standardInput));
  if (values.empty) sources.push(one(new Uint8Array(0)));
  const [source] = sources;
  if (source === undefined || sources.length > 1) {
    throw new UsageError(`give exactly one of ${names}`);
  }
  return source;
}

function one(message: Uint8Array): Source {
  return {
    single: true,
    async *messages() {
      yield message;
    },
  };
}

function standardInput(terminal: Terminal): OpenFile {
  return { stream: terminal.input, size: undefined };
}

function read(
  single: boolean,
  name: string,
  open: (terminal: Terminal) => OpenFile | Promise<OpenFile>,
): Source {
  return {
    single,
    async *messages(terminal, signal, sized) {
      try {
        const { stream, size } = await open(terminal);
        if (!single && size !== undefined) sized(size);
        const input = chunks(stream, signal);
        yield* single ? whole(input) : lines(input);
      } catch (error) {
        if (signal.aborted) throw error;
        throw new Error(`Cannot read ${name}: ${reasonOf(error)}`, {
          cause: error,
        });
      }
    },
  };
}

/** What the system says, without its number and the path again. */
function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return message.replace(/ \(os error \d+\).*$/s, "");
}

/**
 * The messages again and again.
 *
 * @param messages They.
 * @param count How many times.
 * @param pause Waits between two times.
 */
export async function* repeated(
  messages: AsyncIterable<Uint8Array>,
  count: number,
  pause: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const all = await Array.fromAsync(messages);
  for (let time = 0; time < count; time++) {
    if (time > 0) await pause();
    yield* all;
  }
}
