import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { helpFlag, parseFlags, UsageError } from "../../cli/_flags.ts";
import { repeated, sourceFlags, sourceOf } from "../../cli/_source.ts";
import { FakeTerminal } from "./_fake_terminal.ts";

function source(...args: string[]) {
  return sourceOf(parseFlags({ ...sourceFlags, help: helpFlag }, args));
}

const decoder = new TextDecoder();

async function texts(all: AsyncIterable<Uint8Array>): Promise<string[]> {
  return (await Array.fromAsync(all)).map((bytes) => decoder.decode(bytes));
}

Deno.test("a source has one message, or lines, whose size it tells", async () => {
  const cases: [string[], boolean, string[], number | undefined][] = [
    [["-m", "a\nb"], true, ["a\nb"], undefined],
    [["-m", ""], true, [""], undefined],
    [["-n"], true, [""], undefined],
    [["-f", "f"], false, ["1", "2"], 5],
    [["--file-whole", "f"], true, ["1\n\n2\n"], undefined],
    [["-l"], false, ["x", "y"], undefined],
    [["-s"], true, ["x\n\ny"], undefined],
  ];
  for (const [args, single, expected, expectedSize] of cases) {
    const terminal = new FakeTerminal({ files: { f: "1\n\n2\n" } });
    terminal.type("x\n\ny");
    terminal.endInput();
    const one = source(...args);
    assertEquals(one.single, single);
    let size: number | undefined;
    const { signal } = new AbortController();
    const messages = one.messages(terminal, signal, (bytes) => size = bytes);
    assertEquals(await texts(messages), expected);
    assertEquals(size, expectedSize);
  }
});

Deno.test("exactly one source has to be named", () => {
  for (const args of [[], ["-n", "-l"], ["-f", "a", "--file-whole", "a"]]) {
    assertThrows(
      () => source(...args),
      UsageError,
      "give exactly one of -m, -f, --file-whole, -l, -s and -n",
    );
  }
});

Deno.test("repeated() pauses in between", async () => {
  const { signal } = new AbortController();
  const one = source("-m", "x").messages(new FakeTerminal(), signal, () => {});
  let pauses = 0;
  const pause = () => {
    pauses++;
    return Promise.resolve();
  };
  assertEquals(await texts(repeated(one, 3, pause)), ["x", "x", "x"]);
  assertEquals(pauses, 2);
});

Deno.test("what cannot be opened or read is told by its name, in few words", async () => {
  const error = (message: string) => new Deno.errors.NotFound(message);
  const failing = (message: string) =>
    new ReadableStream({ start: (one) => one.error(error(message)) });
  class Broken extends FakeTerminal {
    override input = failing("Input/output error (os error 5)");
    override open(path: string) {
      return path === "none"
        ? Promise.reject(
          error("No such file or directory (os error 2): open 'none'"),
        )
        : Promise.resolve({
          stream: failing("Is a directory (os error 21)"),
          size: undefined,
        });
    }
  }
  const { signal } = new AbortController();
  for (
    const [args, message] of [
      [["-f", "none"], "Cannot read none: No such file or directory"],
      [["--file-whole", "dir"], "Cannot read dir: Is a directory"],
      [["-l"], "Cannot read standard input: Input/output error"],
    ] as const
  ) {
    const messages = source(...args).messages(new Broken(), signal, () => {});
    const thrown = await assertRejects(() => texts(messages), Error);
    assertEquals(thrown.message, message);
  }
});

Deno.test("an interruption of reading is no failure of the file", async () => {
  const controller = new AbortController();
  const terminal = new FakeTerminal();
  const { signal } = controller;
  const reason = new Error("interrupted");
  const all = texts(source("-l").messages(terminal, signal, () => {}));
  controller.abort(reason);
  assertEquals(await assertRejects(() => all), reason);
});
