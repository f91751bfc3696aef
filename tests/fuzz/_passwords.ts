/** Password files that somebody has edited. */

import { assert, assertEquals } from "@std/assert";
import { PasswordFile } from "../../plugins/mod.ts";
import { parseHash } from "../../plugins/password.ts";
import type { Random } from "../_random.ts";
import { mutateText } from "./_mutate.ts";
import { simplerText } from "./_shrink.ts";
import type { Target } from "./_target.ts";

const hashes = [
  "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$" +
  "0/rVPhf0pM5F1jdWoCMRcB5tG7fvHxtxjVdRuXtbBfo",
  "$2b$10$CwTycUXWue0Thq9StjUM0uJ8.uFnUqkd8q6ZcTWyyGkxyGm3bX0Yq",
  "$scrypt$ln=14,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$" +
  "FnQmcLHtFY7WFn0PzM3ea2fjcyjBvWqDPEh5z7m3eUg",
  "$6$rounds=5000$saltsalt$" + "a".repeat(86),
  "$5$saltsalt$" + "b".repeat(43),
  "plain",
  "*",
  "!",
  "",
];

const words = [
  ...[":", "#", "$", "$6$", "$2b$31$", "$argon2id$", "$scrypt$", "=", ","],
  ...["\n", "\r\n", "\r", " ", "\t", "\0", "\ufeff", "rounds=999999999$"],
  ...["m=4294967295", "t=99999999", "ln=63", "p=0", "v=16", "-1", "NaN", "1e9"],
  ...["alice", "bob", "__proto__", "constructor"],
];

function generate(random: Random): string {
  const lines = random.array(random.integer(0, 6), () => {
    const user = random.pick(["alice", "bob", "carol", "# dave", "__proto__"]);
    return `${user}:${random.pick(hashes)}`;
  });
  return mutateText(random, lines.join("\n") + "\n", words);
}

function entries(file: PasswordFile): [string, string | undefined][] {
  return [...file.users].map((user) => [user, file.get(user)]);
}

function check(text: string): void {
  const file = new PasswordFile(text);
  const before = entries(file);
  const count = text.split("\n").length;
  for (const list of [file.errors, file.duplicates, file.locked]) {
    for (const { line, problem } of list) {
      assert(line >= 1 && line <= count, `line ${line} of ${count}`);
      assert(!/[\r\n]/.test(problem), "A problem is one line");
    }
  }
  for (const [user, secret] of before) {
    assert(user !== "" && secret !== undefined);
    const parsed = parseHash(secret);
    // The text of a hash, or of a password, is nothing for a log.
    const shown = typeof parsed === "string" && secret.length > 20 &&
      parsed.includes(secret);
    assert(!shown, `${parsed} shows ${secret}`);
  }
  assertEquals(entries(new PasswordFile(file.toString())), before);
  // One user is changed, one is removed, the others stay.
  file.set("new user", "$6$x$y");
  assertEquals(
    entries(new PasswordFile(file.toString())).length,
    before.length +
      (before.some(([user]) => user === "new user") ? 0 : 1),
  );
  const [first] = before;
  if (first === undefined) return;
  assert(file.delete(first[0]));
  assertEquals(new PasswordFile(file.toString()).get(first[0]), undefined);
}

/** `plugins/password_file.ts` and the schemes of hashes. */
export const passwords: Target<string> = {
  name: "passwords",
  about: "password files are read whatever they hold, and written as they were",
  generate,
  check,
  shrink: simplerText,
  show: (text) => JSON.stringify(text),
};
