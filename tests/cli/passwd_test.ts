import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { UsageError } from "../../cli/_flags.ts";
import { passwdCommand } from "../../cli/_passwd.ts";
import { PasswordFile, verifyPassword } from "../../plugins/mod.ts";
import { FakeTerminal } from "./_fake_terminal.ts";

/** A folder with a password file, and the command in it. */
class Bench implements AsyncDisposable {
  readonly folder: string;
  terminal = new FakeTerminal();

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param content What is in the file; absent, there is none. */
  static async make(content?: string): Promise<Bench> {
    const bench = new Bench(await Deno.makeTempDir());
    if (content !== undefined) await Deno.writeTextFile(bench.path, content);
    return bench;
  }

  get path(): string {
    return `${this.folder}/passwd`;
  }

  /** Runs the command: `FILE` is the file. */
  run(...args: string[]): Promise<number> {
    const words = args.map((word) => word === "FILE" ? this.path : word);
    return passwdCommand.run(words, this.terminal);
  }

  async file(): Promise<PasswordFile> {
    return new PasswordFile(await Deno.readTextFile(this.path));
  }

  /** Whether a user has a password. */
  async accepts(user: string, password: string): Promise<boolean> {
    const hash = (await this.file()).get(user);
    return hash !== undefined && await verifyPassword(password, hash);
  }

  /** What was said on standard error, with the file's own path shortened. */
  get errors(): string[] {
    return this.terminal.errors.map((line) =>
      line.replaceAll(this.path, "FILE")
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const names = await Array.fromAsync(Deno.readDir(this.folder));
    await Deno.remove(this.folder, { recursive: true });
    // nothing half done is left
    assertEquals(names.filter(({ name }) => !/^(passwd|link)$/.test(name)), []);
  }
}

const unix = { ignore: Deno.build.os === "windows" };

async function modeOf(path: string): Promise<number> {
  return (await Deno.stat(path)).mode! & 0o777;
}

Deno.test(
  "ambermq passwd -c makes a file that only its owner can read",
  unix,
  async () => {
    await using bench = await Bench.make();
    assertEquals(await bench.run("-c", "-b", "FILE", "alice", "geheim"), 0);
    assertEquals(await modeOf(bench.path), 0o600);
    assertMatch(
      await Deno.readTextFile(bench.path),
      /^alice:\$argon2id\$v=19\$[^\n]+\n$/,
    );
    assertEquals(await bench.accepts("alice", "geheim"), true);
  },
);

Deno.test("ambermq passwd -c does not touch a file that is there", async () => {
  await using bench = await Bench.make("alice:x\n");
  assertEquals(await bench.run("-c", "-b", "FILE", "bob", "geheim"), 1);
  assertEquals(bench.errors, [
    "ambermq passwd: FILE is there already; leave -c out to change it",
  ]);
  assertEquals(await Deno.readTextFile(bench.path), "alice:x\n");
});

Deno.test(
  "ambermq passwd changes one line, and keeps the others and the mode",
  unix,
  async () => {
    await using bench = await Bench.make("# people\nalice:x\n\nbob:y\n");
    await Deno.chmod(bench.path, 0o640);
    assertEquals(await bench.run("-b", "FILE", "alice", "-geheim"), 0);
    assertEquals(await bench.accepts("alice", "-geheim"), true);
    assertEquals(await bench.run("-b", "FILE", "carol", "--", "geheim"), 0);
    const text = await Deno.readTextFile(bench.path);
    assertMatch(text, /^# people\nalice:\$[^\n]+\n\nbob:y\ncarol:\$[^\n]+\n$/);
    assertEquals(await modeOf(bench.path), 0o640);
  },
);

Deno.test("ambermq passwd follows a link to the file", unix, async () => {
  await using bench = await Bench.make("alice:x\n");
  const link = `${bench.folder}/link`;
  await Deno.symlink(bench.path, link);
  assertEquals(await bench.run("-b", link, "bob", "geheim"), 0);
  assertEquals((await Deno.lstat(link)).isSymlink, true);
  assertEquals(await bench.accepts("bob", "geheim"), true);
});

Deno.test("ambermq passwd asks twice for what somebody types", async () => {
  await using bench = await Bench.make("");
  bench.terminal = new FakeTerminal({ typed: true });
  bench.terminal.type("geheim\rgeheim\r");
  assertEquals(await bench.run("FILE", "alice"), 0);
  assertEquals(bench.terminal.statuses, [
    "Password of alice: ",
    "The same again: ",
  ]);
  assertEquals(await bench.accepts("alice", "geheim"), true);
});

/** What somebody types, and why it comes to nothing. */
const inVain: readonly [keys: string, reason: string][] = [
  ["one\rtwo\r", "the two passwords are not the same"],
  ["\r\r", "the password is empty"],
  ["\u0004", "no password was given"],
  ["one\r\u0004", "the two passwords are not the same"],
  [
    `${"x".repeat(2000)}\r${"x".repeat(2000)}\r`,
    "Cannot hash the password: it has more than 1024 bytes",
  ],
];

for (const [keys, reason] of inVain) {
  Deno.test(`ambermq passwd changes nothing when ${reason}, typed ${JSON.stringify(keys).slice(0, 20)}`, async () => {
    await using bench = await Bench.make("alice:x\n");
    bench.terminal = new FakeTerminal({ typed: true });
    bench.terminal.type(keys);
    assertEquals(await bench.run("FILE", "alice"), 1);
    assertEquals(bench.errors.at(-1), `ambermq passwd: ${reason}`);
    assertEquals(await Deno.readTextFile(bench.path), "alice:x\n");
  });
}

Deno.test("ambermq passwd changes nothing at an interruption", async () => {
  await using bench = await Bench.make("alice:x\n");
  bench.terminal = new FakeTerminal({ typed: true });
  bench.terminal.interrupt("SIGINT");
  assertEquals(await bench.run("FILE", "alice"), 130);
  assertEquals(await Deno.readTextFile(bench.path), "alice:x\n");
});

Deno.test("ambermq passwd reads one line where nobody types", async () => {
  await using bench = await Bench.make("");
  bench.terminal.type("ge heim\r\nmore\n");
  assertEquals(await bench.run("--hash=bcrypt", "FILE", "alice"), 0);
  assertEquals(await bench.accepts("alice", "ge heim"), true);
  assert((await bench.file()).get("alice")!.startsWith("$2b$"));
});

Deno.test("ambermq passwd does not ask for the password of a user there cannot be", async () => {
  await using bench = await Bench.make("");
  assertEquals(await bench.run("FILE", "a:b"), 1);
  assertMatch(bench.errors[0]!, /^ambermq passwd: Cannot add user "a:b": /);
});

Deno.test("ambermq passwd -D removes a user", async () => {
  await using bench = await Bench.make("# people\nalice:x\nbob:y\n");
  assertEquals(await bench.run("-D", "FILE", "alice"), 0);
  assertEquals(await Deno.readTextFile(bench.path), "# people\nbob:y\n");
  assertEquals(await bench.run("-D", "FILE", "alice"), 1);
  assertEquals(bench.errors, ['ambermq passwd: FILE has no user "alice"']);
});

Deno.test("ambermq passwd -U does not open accounts that are locked or have no password", async () => {
  const content = "anna:secret\ncarl:\nroot:*\nold:!\n";
  await using bench = await Bench.make(content);
  assertEquals(await bench.run("-U", "FILE"), 1);
  assertEquals(bench.errors, [
    'ambermq passwd: nothing is changed: give them a password, or remove them: FILE:2: user "carl" has no password; FILE:3: user "root" is locked; FILE:4: user "old" is locked',
  ]);
  assertEquals(await Deno.readTextFile(bench.path), content);
});

const root = { ignore: Deno.build.os === "windows" || Deno.uid() !== 0 };

Deno.test(
  "ambermq passwd leaves the file to its owner and group",
  root,
  async () => {
    await using bench = await Bench.make("");
    await Deno.chown(bench.path, 4321, 1234);
    await Deno.chmod(bench.path, 0o640);
    assertEquals(await bench.run("-b", "FILE", "user", "secret"), 0);
    const { uid, gid, mode } = await Deno.stat(bench.path);
    assertEquals([uid, gid, mode! & 0o777], [4321, 1234, 0o640]);
  },
);

Deno.test(
  "ambermq passwd changes nothing when the file would not be its owner's any more",
  root,
  async () => {
    await using bench = await Bench.make("");
    await Deno.chmod(bench.folder, 0o755);
    await Deno.chmod(bench.path, 0o640);
    const { chown } = Deno;
    await Deno.chown(bench.path, 4321, 1234);
    Deno.chown = () => Promise.reject(new Deno.errors.PermissionDenied("no"));
    try {
      assertEquals(await bench.run("-b", "FILE", "user", "secret"), 1);
    } finally {
      Deno.chown = chown;
    }
    assertEquals(bench.errors, [
      "ambermq passwd: nothing is changed: the file belongs to user 4321, group 1234, and would not any more: no",
    ]);
    assertEquals(await Deno.readTextFile(bench.path), "");
  },
);

Deno.test("ambermq passwd -U hashes what is in the clear, and nothing else", async () => {
  const other = "$7$101$salt$hash";
  await using bench = await Bench.make(`# c\nalice:geheim\nbob:${other}\n`);
  assertEquals(await bench.run("-U", "FILE", "-H", "sha512-crypt"), 0);
  const file = await bench.file();
  assertEquals(await bench.accepts("alice", "geheim"), true);
  assert(file.get("alice")!.startsWith("$6$"));
  assertEquals(file.get("bob"), other);
  assertEquals(bench.terminal.text, `${bench.path}: passwords hashed: 1\n`);
  const before = await Deno.readTextFile(bench.path);
  assertEquals(await bench.run("-U", "FILE"), 0);
  assertEquals(await Deno.readTextFile(bench.path), before);
});

Deno.test("ambermq passwd --verify says whether a password is right", async () => {
  await using bench = await Bench.make("plain:geheim\n");
  await bench.run("-b", "FILE", "alice", "geheim");
  assertEquals(await bench.run("--verify", "-b", "FILE", "alice", "geheim"), 0);
  assertEquals(await bench.run("-b", "--verify", "FILE", "alice", "Geheim"), 1);
  assertEquals(await bench.run("--verify", "-b", "FILE", "bob", "geheim"), 1);
  assertEquals(await bench.run("--verify", "-b", "FILE", "plain", "geheim"), 1);
  bench.terminal.type("geheim\n");
  assertEquals(await bench.run("--verify", "FILE", "alice"), 0);
  assertEquals(bench.errors, [
    "ambermq passwd: the password is wrong",
    'ambermq passwd: FILE has no user "bob"',
    "ambermq passwd: Cannot verify a password: its hash is wrong: it is no hash",
  ]);
});

Deno.test("ambermq passwd says what is wrong with a file", async () => {
  await using bench = await Bench.make();
  assertEquals(await bench.run("-b", "FILE", "alice", "geheim"), 1);
  await Deno.writeFile(bench.path, new Uint8Array([0xff]));
  assertEquals(await bench.run("-b", "FILE", "alice", "geheim"), 1);
  assertEquals(bench.errors, [
    "ambermq passwd: there is no FILE; -c makes it",
    "ambermq passwd: FILE is not UTF-8",
  ]);
});

/** Command lines that are wrong, and why. */
const wrong: readonly [args: string, reason: string][] = [
  ["", "FILE is missing"],
  ["f", "USER is missing"],
  ["-b f u", "PASSWORD is missing"],
  ["f u p", "there is one word too many: a password needs -b before it"],
  ["-b f u p more", '"more" is not expected'],
  ["-U f u", '"u" is not expected'],
  ["-c -D f u", "only one of -c, -D, -U and --verify can be done"],
  ["-b -D f u p", "-b is for setting or verifying a password"],
  ["--hash bcrypt -D f u", "--hash is for setting passwords"],
  [
    "--hash md5 f u",
    '--hash is "md5", not one of argon2id, bcrypt, scrypt, sha512-crypt',
  ],
  ["f u --hash", "--hash needs a value: SCHEME"],
  ["-x f u", "there is no flag -x"],
];

for (const [args, reason] of wrong) {
  Deno.test(`ambermq passwd ${args} is refused: ${reason}`, async () => {
    const words = args.split(" ").filter((word) => word !== "");
    const error = await assertRejects(
      () => passwdCommand.run(words, new FakeTerminal()),
      UsageError,
    );
    assert(error.message.startsWith(reason), error.message);
  });
}

Deno.test("ambermq passwd --help tells how it is used", async () => {
  const terminal = new FakeTerminal();
  assertEquals(await passwdCommand.run(["--help"], terminal), 0);
  assertMatch(terminal.text, /^Usage: ambermq passwd /);
});
