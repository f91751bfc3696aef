import { assertEquals, assertRejects } from "@std/assert";
import { SecretInput } from "../../cli/_secret.ts";
import { Interruption } from "../../cli/_terminal.ts";
import { FakeTerminal } from "./_fake_terminal.ts";

/** What somebody types for one question, and what comes of it. */
const typed: readonly [keys: string, text: string | undefined][] = [
  ["geheim\r", "geheim"],
  ["geheim\n", "geheim"],
  ["gx\u007feheil\bm\r", "geheim"],
  ["😀\u007f\u007f\u007fä\r", "ä"],
  ["falsch\u0015richtig\r", "richtig"],
  ["\r", ""],
  ["geh\u0004", undefined],
];

for (const [keys, text] of typed) {
  Deno.test(`secret typed as ${JSON.stringify(keys)} is ${JSON.stringify(text)}`, async () => {
    const terminal = new FakeTerminal({ typed: true });
    using input = new SecretInput(terminal);
    const answer = input.ask("Password: ");
    assertEquals(terminal.hidden, true);
    // in pieces, as keys come
    for (const byte of new TextEncoder().encode(keys)) {
      terminal.type(new Uint8Array([byte]));
    }
    assertEquals((await answer)?.text, text);
    assertEquals(terminal.hidden, false);
    assertEquals(terminal.statuses, ["Password: "]);
    assertEquals(terminal.errors, ["Password: "]);
  });
}

Deno.test("secrets are asked for one after the other", async () => {
  const terminal = new FakeTerminal({ typed: true });
  using input = new SecretInput(terminal);
  terminal.type("one\rtwo\r");
  assertEquals((await input.ask("1: "))?.text, "one");
  assertEquals((await input.ask("2: "))?.text, "two");
});

Deno.test("secret comes from a pipe as it is, without a prompt", async () => {
  const terminal = new FakeTerminal();
  using input = new SecretInput(terminal);
  terminal.type("ge\u007fheim\u0004\r\nlast");
  terminal.endInput();
  assertEquals(await input.ask("Password: "), {
    text: "ge\u007fheim\u0004",
    typed: false,
  });
  assertEquals((await input.ask("Password: "))?.text, "last");
  assertEquals(await input.ask("Password: "), undefined);
  assertEquals([terminal.statuses, terminal.errors], [[], []]);
});

Deno.test("secret is given up at an interruption, and what is typed is shown again", async () => {
  const terminal = new FakeTerminal({ typed: true });
  using input = new SecretInput(terminal);
  const answer = input.ask("Password: ");
  terminal.type("ge");
  terminal.interrupt();
  await assertRejects(() => answer, Interruption);
  assertEquals(terminal.hidden, false);
  await assertRejects(() => input.ask("Password: "), Interruption);
});
