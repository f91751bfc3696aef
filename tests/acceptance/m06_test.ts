/** M6: `auth`: anonymous access, password files, plugins. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Process } from "../_process.ts";
import { connect, type Version } from "../_raw_client.ts";
import { SocketClient } from "../_socket_client.ts";
import { has, mosquitto, mosquittoPub, testWith } from "./_foreign.ts";
import { ConfiguredBroker, Folder, refusal, run, until } from "./_stage.ts";

/** User `test` with password `test`, as the documentation of HBMQTT has it. */
const SEED =
  "test:$6$l4zQEHEcowc1Pnv4$HHrh8xnsZoLItQ8BmpFHM4r6q5UqK3DnXp2GaTm" +
  "5zp5buQ7NheY3Xt9f6godVKbEtA.hOC7IEDwnok3pbAOip.\n";

const listener = 'listeners: {default: {bind: "127.0.0.1:0"}}\n';

/** What CONNACK says to who gives these. */
async function connack(
  port: number,
  username?: string,
  password?: string,
  version: Version = 4,
): Promise<number> {
  using client = await SocketClient.open(port, version);
  await client.send(connect(version, {
    clientId: "c",
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  }));
  const answer = await client.next();
  assert(answer?.type === "connack");
  return answer.code;
}

/** Who comes in, in the order of the columns. */
const people = [
  [undefined, undefined], // nobody
  ["test", "test"], // known, right
  ["test", "wrong"],
  ["test", undefined],
  ["unknown", "test"],
] as const;

const file = "password-file: $DIR/passwd";
const yes = "allow-anonymous: true";
const no = "allow-anonymous: false";

for (
  const [auth, codes] of [
    // With both plugins.
    [[yes, file], [0, 0, 4, 4, 4]],
    [[no, file], [5, 0, 4, 4, 4]],
    // A password file alone closes the broker.
    [[file], [5, 0, 4, 4, 4]],
    // Without passwords everybody is anonymous, or nobody is known.
    [[yes], [0, 0, 0, 0, 0]],
    [[no], [5, 4, 4, 4, 4]],
    // Nothing is said.
    [[], [0, 0, 0, 0, 0]],
    // Plugins by name.
    [["plugins: [auth_anonymous]"], [0, 0, 0, 0, 0]],
    [["plugins: ['auth.anonymous']", no], [5, 4, 4, 4, 4]],
    [["plugins: [auth_file]", file], [5, 0, 4, 4, 4]],
    [["plugins: [auth.file, auth.anonymous]", file, yes], [0, 0, 4, 4, 4]],
    [["plugins: [auth_anonymous]", file], [5, 0, 4, 4, 4]],
    // On and off are booleans.
    [["allow_anonymous: off", "password_file: $DIR/passwd"], [5, 0, 4, 4, 4]],
  ] as const
) {
  const said = auth.length === 0 ? "no auth" : auth.join("; ");
  Deno.test(`M6: ${said}: ${codes.join(" ")}`, async () => {
    const section = auth.length === 0
      ? ""
      : `auth:\n${auth.map((line) => `  ${line}\n`).join("")}`;
    await using broker = await ConfiguredBroker.start(listener + section, {
      passwd: SEED,
    });
    const got: number[] = [];
    for (const [username, password] of people) {
      got.push(await connack(broker.port(), username, password));
    }
    assertEquals(got, [...codes]);
    // The same in 5.0: 0x87 not authorized, 0x86 bad user name or password.
    const five = { 0: 0, 4: 0x86, 5: 0x87 };
    for (const [i, [username, password]] of people.entries()) {
      const code = await connack(broker.port(), username, password, 5);
      assertEquals(code, five[codes[i] as 0 | 4 | 5]);
    }
    if (auth.length === 0) await broker.find(/WARNING|INFO - .* is open/);
  });
}

for (
  const [auth, line, problem] of [
    ["plugins: [auth_anonymus]", "3:13", "there is no plugin auth_anonymus"],
    ["plugins: ['my.own']", "3:13", "there is no plugin my.own"],
    [
      "allow-anonymous: true / false",
      "3:3",
      'auth.allow-anonymous is "true / false", not true or false',
    ],
    ["password-file: [a]", "3:3", "auth.password-file is a list"],
    ["passwordfile: a", "3:3", "there is no auth.passwordfile"],
    ["plugins: auth_file", "3:3", 'auth.plugins is "auth_file", not a list'],
  ] as const
) {
  Deno.test(`M6: auth with ${auth} does not start`, async () => {
    const { code, stderr } = await refusal(`${listener}auth:\n  ${auth}\n`);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, `DIR/broker.yaml:${line}: ${problem}`);
    assert(!stderr.includes(" bind to "));
  });
}

Deno.test("M6: a password file that is missing or wrong stops the start", async () => {
  const yaml = `${listener}auth:\n  password-file: $DIR/passwd\n`;
  for (
    const [text, problem] of [
      [undefined, "Cannot read the password file DIR/passwd: "],
      ["one\n", "DIR/passwd:1: "],
      [`# fine\n${SEED}two:clear text\n`, "DIR/passwd:3: "],
      ["one:$1$abc$def\n", "DIR/passwd:1: "],
    ] as const
  ) {
    const files: Record<string, string> = {};
    if (text !== undefined) files["passwd"] = text;
    const { code, stderr } = await refusal(yaml, files);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, problem);
    assert(!stderr.includes(" bind to "));
  }
});

Deno.test("M6: the file may have comments, blank lines, and hashes of every kind", async () => {
  await using folder = await Folder.make();
  const passwd = await folder.write(
    "passwd",
    `# Test user with 'test' password encrypted with sha-512\n\n${SEED}\n`,
  );
  const starts = {
    "argon2id": "$argon2id$",
    "bcrypt": "$2b$",
    "scrypt": "$scrypt$",
    "sha512-crypt": "$6$",
  };
  for (const scheme of Object.keys(starts)) {
    const args = ["passwd", "-b", "-H", scheme, passwd, scheme, "pass word"];
    const { code, stderr } = await run(args);
    assertEquals([code, stderr], [0, ""]);
  }
  const text = await Deno.readTextFile(passwd);
  assertStringIncludes(text, "# Test user");
  for (const [scheme, start] of Object.entries(starts)) {
    assertStringIncludes(text, `\n${scheme}:${start}`);
  }
  await using broker = await ConfiguredBroker.start(
    `${listener}auth:\n  password-file: ${passwd}\n`,
  );
  for (const line of text.split("\n").filter((one) => /^[a-z]/.test(one))) {
    const [user] = line.split(":") as [string];
    const right = user === "test" ? "test" : "pass word";
    assertEquals(await connack(broker.port(), user, right), 0, user);
    assertEquals(await connack(broker.port(), user, `${right} `), 4, user);
  }
});

testWith(
  "openssl",
  has("openssl"),
  "M6: hashes that openssl makes are right",
  async () => {
    const lines: string[] = [];
    for (const flag of ["-5", "-6"]) {
      await using process = new Process("openssl", ["passwd", flag, "secret"]);
      const [hash] = await process.lines();
      lines.push(`user${flag}:${hash}`);
    }
    await using broker = await ConfiguredBroker.start(
      `${listener}auth: {password-file: $DIR/passwd}\n`,
      { passwd: `${lines.join("\n")}\n` },
    );
    for (const user of ["user-5", "user-6"]) {
      assertEquals(await connack(broker.port(), user, "secret"), 0);
      assertEquals(await connack(broker.port(), user, "Secret"), 4);
    }
  },
);

Deno.test("M6: a running broker notices that the file changes, and keeps the users if it is wrong", async () => {
  await using broker = await ConfiguredBroker.start(
    `${listener}auth: {password-file: $DIR/passwd}\n`,
    { passwd: SEED },
  );
  const port = broker.port();
  const passwd = broker.folder.file("passwd");
  assertEquals(await connack(port, "new", "pw"), 4);
  assertEquals((await run(["passwd", "-b", passwd, "new", "pw"])).code, 0);
  await until(
    "the new user",
    async () => await connack(port, "new", "pw") === 0,
  );
  assertEquals((await run(["passwd", "-D", passwd, "test"])).code, 0);
  await until(
    "no old user",
    async () => await connack(port, "test", "test") === 4,
  );
  const before = broker.log.length;
  await Deno.writeTextFile(passwd, "broken\n");
  const line = await broker.find(
    /WARNING - .*the users stay as they were/,
    before,
  );
  assertStringIncludes(line, `${passwd}:1: `);
  assertEquals(await connack(port, "new", "pw"), 0);
});

testWith(
  "mosquitto-clients",
  mosquitto,
  "M6: who is refused is told so: mosquitto_pub, ambermq pub and sub, and the log",
  async () => {
    await using broker = await ConfiguredBroker.start(
      `${listener}auth: {password-file: $DIR/passwd}\n`,
      { passwd: SEED },
    );
    const message = ["-t", "a", "-m", "x"];
    const port = broker.port();
    const right = ["-u", "test", "-P", "test"];
    const wrong = ["-u", "test", "-P", "nonsense"];
    assertEquals((await mosquittoPub(port, [...message, ...right])).code, 0);
    const { code, stderr } = await mosquittoPub(port, [...message, ...wrong]);
    assertEquals(code, 4, stderr);
    assertEquals((await mosquittoPub(port, message)).code, 5);
    const where = ["-h", "localhost", "-p", `${port}`];
    const ours = await run(["pub", ...where, ...message, ...wrong]);
    assertEquals(ours.code, 4);
    assertStringIncludes(ours.stderr, "ambermq pub: Cannot connect to ");
    const sub = await run(["sub", ...where, "-t", "a"]);
    assertEquals(sub.code, 5);
    const good = await run([
      "pub",
      "--url",
      `mqtt://test:test@localhost:${port}`,
      ...message,
    ]);
    assertEquals([good.code, good.stderr], [0, ""]);
    await broker.find(
      /WARNING - Refused: .* user "test": .*user name or password/i,
    );
    assert(!broker.log.some((line) => /nonsense|\$6\$/.test(line)));
  },
);
