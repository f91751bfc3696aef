import { assertEquals } from "@std/assert";
import { Journal } from "../../cli/_journal.ts";
import { FakeTerminal } from "./_fake_terminal.ts";

Deno.test("the journal has the command in front of errors", () => {
  const terminal = new FakeTerminal();
  const journal = new Journal(terminal, "ambermq x");
  journal.error(new Error("Cannot do it"));
  journal.error("nor this");
  journal.debug("not wanted");
  assertEquals(terminal.errors, [
    "ambermq x: Cannot do it",
    "ambermq x: nor this",
  ]);
});

Deno.test("the journal tells what happens with -d, and no errors with --quiet", () => {
  const terminal = new FakeTerminal();
  const journal = new Journal(terminal, "x", { debug: true, quiet: true });
  journal.error("an error");
  journal.debug("something");
  assertEquals(terminal.errors, ["something"]);
});

Deno.test("the journal has colours on a terminal", () => {
  const terminal = new FakeTerminal({ colours: true });
  new Journal(terminal, "x").error("an error");
  assertEquals(terminal.errors, ["\x1b[31mx\x1b[39m: an error"]);
});
