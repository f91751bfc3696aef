import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { Log } from "../../cli/_log.ts";

/** A stream whose writes a test lets happen. */
class Sink {
  /** What was asked for, write by write. */
  readonly writes: string[] = [];
  #pending: PromiseWithResolvers<number> | undefined;
  #last: Uint8Array = new Uint8Array();

  readonly write = (bytes: Uint8Array): Promise<number> => {
    this.writes.push(new TextDecoder().decode(bytes));
    this.#last = bytes;
    this.#pending = Promise.withResolvers();
    return this.#pending.promise;
  };

  /** Lets the write take so many bytes, all by default. */
  async take(count = this.#last.length): Promise<void> {
    this.#pending!.resolve(count);
    await settled();
  }

  async fail(): Promise<void> {
    this.#pending!.reject(new Error("Broken pipe"));
    await settled();
  }

  /** The texts of a write, without times and levels. */
  texts(index: number): string[] {
    return this.writes[index]!.trimEnd().split("\n")
      .map((line) => line.replace(/^.* - /, ""));
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

Deno.test("log line has the time, the level and the text", async () => {
  const sink = new Sink();
  const log = new Log(sink.write);
  const before = Date.now();
  log.line("INFO", "a text – with more");
  await settled();
  const pattern =
    /^\[(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})\] :: INFO - a text – with more\n$/;
  assertMatch(sink.writes[0]!, pattern);
  const [, day, time] = pattern.exec(sink.writes[0]!)!;
  const passed = Date.parse(`${day}T${time}Z`) - before;
  assertEquals(passed >= 0 && passed < 10_000, true, `${passed} ms`);
  await sink.take();
});

Deno.test("log writes the lines of a turn at once, and those that come meanwhile with the next write", async () => {
  const sink = new Sink();
  const log = new Log(sink.write);
  log.line("INFO", "one");
  log.line("DEBUG", "two");
  assertEquals(sink.writes, []);
  await settled();
  for (const text of ["three", "four", "five"]) {
    log.line("INFO", text);
    await settled();
  }
  assertEquals(sink.writes.length, 1);
  assertEquals(sink.texts(0), ["one", "two"]);
  await sink.take();
  assertEquals(sink.texts(1), ["three", "four", "five"]);
  await sink.take();
  assertEquals(sink.writes.length, 2);
  log.line("INFO", "six");
  await settled();
  assertEquals(sink.texts(2), ["six"]);
  await sink.take();
});

Deno.test("log goes on where a write took only a part", async () => {
  const sink = new Sink();
  const log = new Log(sink.write);
  log.line("INFO", "a line");
  await settled();
  const [whole] = sink.writes as [string];
  await sink.take(10);
  await sink.take(1);
  assertEquals(sink.writes, [whole, whole.slice(10), whole.slice(11)]);
  await sink.take();
});

Deno.test("log is flushed when all is written, at once if nothing is to be", async () => {
  const sink = new Sink();
  const log = new Log(sink.write);
  await log.flush();
  let flushed = false;
  log.line("INFO", "one");
  const flushing = log.flush().then(() => flushed = true);
  await settled();
  log.line("INFO", "two");
  await sink.take();
  assertEquals(flushed, false);
  await sink.take();
  await flushing;
  assertEquals(sink.writes.length, 2);
});

Deno.test("log drops lines when nobody reads them, and tells how many when somebody does", async () => {
  const sink = new Sink();
  const log = new Log(sink.write);
  log.line("INFO", "first");
  await settled();
  const kept = 10_000;
  for (let i = 0; i < kept + 7; i++) log.line("INFO", `line ${i}`);
  await sink.take();
  const lines = sink.texts(1);
  assertEquals(lines.length, kept + 1);
  assertEquals(lines.slice(-2), [`line ${kept - 1}`, "7 lines were dropped"]);
  await sink.take();
  log.line("INFO", "last");
  await settled();
  assertEquals(sink.texts(2), ["last"]);
  await sink.take();
});

Deno.test("log goes on without a stream that is closed", async () => {
  const sink = new Sink();
  const log = new Log(sink.write);
  log.line("INFO", "lost");
  await settled();
  log.line("INFO", "lost too");
  await sink.fail();
  await log.flush();
  assertEquals(sink.writes.length, 1);
  log.line("INFO", "new");
  await settled();
  assertGreater(sink.writes.length, 1);
  assertEquals(sink.texts(1), ["new"]);
  await sink.take();
});
