import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { PasswordFile } from "../../plugins/mod.ts";

const hash =
  "$6$l4zQEHEcowc1Pnv4$HHrh8xnsZoLItQ8BmpFHM4r6q5UqK3DnXp2GaTm5zp5buQ7NheY3Xt9f6godVKbEtA.hOC7IEDwnok3pbAOip.";

Deno.test("password file has users, comments and blank lines", () => {
  const file = new PasswordFile(
    `# people\r\n\r\ntest:${hash}\r\n  # more\n \n  zoe : ${hash} \n#x:y`,
  );
  assertEquals([...file.users], ["test", "zoe"]);
  assertEquals(file.get("test"), hash);
  assertEquals(file.get("zoe"), hash);
  assertEquals(file.get("#x"), undefined);
  assertEquals(file.get("constructor"), undefined);
  assertEquals(file.errors, []);
  assertEquals(file.duplicates, []);
});

Deno.test("password file may begin with a byte order mark, and be empty", () => {
  assertEquals([...new PasswordFile(`\ufefftest:${hash}`).users], ["test"]);
  assertEquals([...new PasswordFile().users], []);
  assertEquals(new PasswordFile("").toString(), "");
});

Deno.test("password file tells which lines are wrong, and shows no secret", () => {
  const file = new PasswordFile([
    "geheim",
    ":geheim",
    "plain:geheim",
    "empty:",
    `good:${hash}`,
    "old:$7$101$geheim$geheim",
    `cut:${hash.slice(0, -1)}`,
  ].join("\n"));
  assertEquals(file.errors, [
    { line: 1, problem: "it is not user:hash" },
    { line: 2, problem: "it is not user:hash" },
    {
      line: 3,
      problem: 'the hash of user "plain" is not right: it is no hash',
    },
    {
      line: 4,
      problem: 'the hash of user "empty" is not right: it is no hash',
    },
    {
      line: 6,
      problem:
        'the hash of user "old" is not right: it is of a kind that is not known',
    },
    {
      line: 7,
      problem:
        'the hash of user "cut" is not right: its last part is not complete',
    },
  ]);
});

Deno.test("password file takes the last line of a user, and tells of the others", () => {
  const file = new PasswordFile(
    `a:one\nb:${hash}\na:two\nb:three\na:${hash}\n`,
  );
  assertEquals([file.get("a"), file.get("b")], [hash, "three"]);
  assertEquals(file.duplicates, [
    { line: 1, problem: 'user "a" is there again in line 5' },
    { line: 2, problem: 'user "b" is there again in line 4' },
    { line: 3, problem: 'user "a" is there again in line 5' },
  ]);
});

Deno.test("password file keeps what is not changed", () => {
  const file = new PasswordFile("# people\n\na:1\n  b:2\nc:3");
  file.set("b", "20");
  file.set("d", "4");
  assertEquals(file.delete("a"), true);
  assertEquals(file.delete("a"), false);
  file.set("c", "30");
  assertEquals(file.toString(), "# people\n\nb:20\nc:30\nd:4\n");
  assertEquals([...file.users], ["b", "c", "d"]);
});

Deno.test("password file deletes all lines of a user", () => {
  const file = new PasswordFile("a:1\nb:2\na:3\n");
  file.delete("a");
  assertEquals(file.toString(), "b:2\n");
});

for (
  const user of ["", "a:b", " a", "a ", "#a", "a\nb", "a\u0000", "a\u007f"]
) {
  Deno.test(`password file has no user ${JSON.stringify(user)}`, () => {
    const error = assertThrows(
      () => new PasswordFile().set(user, "geheim"),
      TypeError,
    );
    assertStringIncludes(error.message, "Cannot add user ");
    assertEquals(error.message.includes("geheim"), false);
  });
}

Deno.test("password file tells whose password is not hashed", () => {
  const file = new PasswordFile(`a:geheim\nb:${hash}\nc:$7$1$x$y\nd:\n`);
  assertEquals(file.plain, ["a"]);
});

Deno.test("password file tells which users have no password, not even in the clear", () => {
  const file = new PasswordFile(
    "a:geheim\nempty:\nroot:*\nempty:x\nold:!$6$x\nspace:  \n",
  );
  assertEquals(file.plain, ["a", "empty"]);
  assertEquals(file.locked, [
    { line: 3, problem: 'user "root" is locked' },
    { line: 5, problem: 'user "old" is locked' },
    { line: 6, problem: 'user "space" has no password' },
  ]);
});

Deno.test("password file has a key for decoys from the first hash for SCRAM on", () => {
  const file = new PasswordFile("# people\n");
  file.set("a", "$6$x$y");
  assertEquals(file.decoyKey, undefined);
  file.set("b", "SCRAM-SHA-256$4096:x$y:z");
  const key = file.decoyKey!;
  assertEquals(key.length, 43);
  file.set("c", "SCRAM-SHA-256$4096:x$y:z");
  assertEquals(file.toString().split("\n"), [
    "# people",
    "a:$6$x$y",
    `# decoy-key: ${key} (keep it, and keep it secret)`,
    "b:SCRAM-SHA-256$4096:x$y:z",
    "c:SCRAM-SHA-256$4096:x$y:z",
    "",
  ]);
  const again = new PasswordFile(file.toString());
  again.delete("b");
  assertEquals(again.decoyKey, key);
  assertEquals(again.plain, []);
  const other = new PasswordFile();
  other.set("b", "SCRAM-SHA-256$4096:x$y:z");
  assertEquals(other.decoyKey === key, false);
});
