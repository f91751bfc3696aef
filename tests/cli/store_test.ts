import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Message, SqliteStore } from "../../mod.ts";
import { UsageError } from "../../cli/_flags.ts";
import { storeCommand } from "../../cli/_store.ts";
import { newFile } from "../_sqlite_stores.ts";
import { FakeTerminal } from "./_fake_terminal.ts";

async function run(args: string[], input: string | Uint8Array = "") {
  const terminal = new FakeTerminal();
  terminal.type(input);
  terminal.endInput();
  const status = await storeCommand.run(args, terminal);
  return { status, out: terminal.text, errors: terminal.errors };
}

/** A store with a retained message. */
function newStore(): string {
  const file = newFile();
  const store = new SqliteStore({ file });
  assertEquals([...store.load()], []);
  const init = { topic: "a", payload: new Uint8Array([1]), retain: true };
  store.record({ type: "retain", message: Message.from(init, 0) });
  store.commit();
  store.close();
  return file;
}

const dumped = `{"type":"ambermq-store","format":1}
{"type":"retained","message":{"topic":"a","payload":"AQ==","qos":0,"retain":true}}
{"type":"end","lines":1}
`;

Deno.test("ambermq store check says what a store has", async () => {
  const file = newStore();
  const { status, out, errors } = await run(["check", file]);
  assertEquals([status, errors], [0, []]);
  assertMatch(
    out,
    /is in order: 0 sessions, 0 subscriptions, 0 deliveries, 1 messages, 1 of them retained, \d+ bytes\n$/,
  );
});

Deno.test("ambermq store dump writes what import makes a store of", async () => {
  const { status, out, errors } = await run(["dump", newStore()]);
  assertEquals([status, errors], [0, []]);
  assertEquals(out, dumped);
  const file = newFile();
  const made = await run(["import", file], out);
  assertEquals([made.status, made.errors], [0, []]);
  assertEquals((await run(["dump", file])).out, dumped);
});

Deno.test("ambermq store import says where a dump is wrong, and makes nothing", async () => {
  const file = newFile();
  const { status, errors } = await run(
    ["import", file],
    dumped.replace("AQ==", "?"),
  );
  assertEquals(status, 1);
  assertEquals(errors, [
    'ambermq store: Cannot read the dump: line 2: message: payload is "?", ' +
    "not base64",
  ]);
  assertEquals((await run(["import", file], Uint8Array.of(0xff))).errors, [
    "ambermq store: Cannot read the dump: it is not UTF-8",
  ]);
  assertEquals((await run(["check", file])).errors, [
    `ambermq store: Cannot check the store ${file}: it is not there`,
  ]);
});

Deno.test("ambermq store backup makes a copy, and compact a smaller file", async () => {
  const file = newStore();
  const copy = newFile();
  assertEquals(await run(["backup", file, copy]), {
    status: 0,
    out: `${copy} is a copy of ${file}\n`,
    errors: [],
  });
  assertEquals((await run(["dump", copy])).out, dumped);
  const { status, out } = await run(["compact", copy]);
  assertEquals(status, 0);
  assertMatch(out, /: \d+ bytes, now \d+\n$/);
});

Deno.test("ambermq store says what is wrong with a file, with status 1", async () => {
  const file = newFile();
  await Deno.writeTextFile(file, "Dear diary, ".repeat(1000));
  for (const what of ["check", "dump", "compact"]) {
    const { status, errors } = await run([what, file]);
    assertEquals(status, 1);
    assertMatch(
      errors.join(),
      /^ambermq store: Cannot \w+ the store .*: it is not a store$/,
    );
  }
});

const mistakes: readonly [args: string[], error: string][] = [
  [[], "give one of check, backup, compact, dump, import"],
  [["look"], "give one of check, backup, compact, dump, import"],
  [["check"], "check needs FILE"],
  [["backup", "a"], "backup needs COPY"],
  [["dump", "a", "b"], '"b" is not expected'],
  [["check", ""], "a file has no name"],
];

for (const [args, error] of mistakes) {
  Deno.test(`ambermq store ${args.join(" ")}: ${error}`, async () => {
    await assertRejects(() => run(args), UsageError, error);
  });
}

Deno.test("ambermq store --help shows its help", async () => {
  const { status, out } = await run(["check", "--help"]);
  assertEquals(status, 0);
  assertMatch(out, /^Usage: ambermq store check FILE\n/);
});
