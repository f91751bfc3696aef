import { assertEquals } from "@std/assert";
import { Progress } from "../../cli/_progress.ts";
import { FakeTerminal } from "./_fake_terminal.ts";

Deno.test("progress is shown after a second, ten times a second", () => {
  const terminal = new FakeTerminal({ width: 80 });
  const progress = new Progress(terminal);
  progress.total = 100;
  progress.add(10);
  terminal.elapse(0.5);
  progress.add(10);
  assertEquals(terminal.statuses, []);
  terminal.elapse(1.5);
  progress.add(30);
  progress.add(1);
  terminal.elapse(0.5);
  progress.add(49);
  progress.end();
  assertEquals(terminal.statuses, [
    "[############------------] 50 %  3 messages, 2 per second",
    "[########################] 100 %  5 messages, 2 per second",
    "",
  ]);
});

Deno.test("progress has no bar where nobody knows how much there is", () => {
  const terminal = new FakeTerminal({ width: 20 });
  const progress = new Progress(terminal);
  terminal.elapse(2);
  progress.add(7);
  assertEquals(terminal.statuses, ["1 messages, 1 per s"]); // cut to the width
});

Deno.test("progress is for terminals", () => {
  const terminal = new FakeTerminal();
  const progress = new Progress(terminal);
  terminal.elapse(2);
  progress.add(7);
  progress.end();
  assertEquals(terminal.statuses, []);
});
