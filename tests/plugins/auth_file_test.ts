import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type Awaitable,
  Broker,
  type BrokerConfig,
  type Opinion,
  type Plugin,
  type PluginContext,
} from "../../broker/mod.ts";
import { ReasonCode, SettingsError } from "../../codec/mod.ts";
import { PasswordChecker } from "../../plugins/_password_checker.ts";
import { authFile, hashPassword } from "../../plugins/mod.ts";
import { Bench } from "../conformance/_bench.ts";
import { connect, text } from "../_raw_client.ts";
import { SocketClient } from "../_socket_client.ts";
import { RecordingLogger } from "./_log.ts";
import { Folder, hashes } from "./_password_files.ts";

/** Whether clients get in. */
async function enters(
  bench: Bench,
  username?: string,
  password?: string | Uint8Array,
): Promise<boolean> {
  const client = bench.open(4);
  const { code } = await client.connect({
    clientId: "client",
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  client.drop();
  return code === 0;
}

// The table of 1.8.3, by the section `auth` of the configuration.

const abstaining: Plugin = { name: "nobody", authenticate: () => null };
const denying: Plugin = {
  name: "denying",
  authenticate: ({ username }) => username === "test" ? false : undefined,
};

/** Who gets in: without a user name, the right password, a wrong one, unknown. */
const truths: readonly [
  what: string,
  config: (passwordFile: string) => BrokerConfig,
  entering: [boolean, boolean, boolean, boolean],
][] = [
  ["nothing", () => ({}), [true, true, true, true]],
  [
    "allow-anonymous: true",
    () => ({ auth: { allowAnonymous: true } }),
    [true, true, true, true],
  ],
  [
    "allow-anonymous: false",
    () => ({ auth: { allowAnonymous: false } }),
    [false, false, false, false],
  ],
  [
    "a password file",
    (passwordFile) => ({ auth: { passwordFile } }),
    [false, true, false, false],
  ],
  [
    "allow-anonymous: true and a password file",
    (passwordFile) => ({ auth: { allowAnonymous: true, passwordFile } }),
    [true, true, false, false],
  ],
  [
    "allow-anonymous: false and a password file",
    (passwordFile) => ({ auth: { allowAnonymous: false, passwordFile } }),
    [false, true, false, false],
  ],
  [
    "the plugin alone, by name",
    (passwordFile) => ({ plugins: { auth_file: { passwordFile } } }),
    [false, true, false, false],
  ],
  [
    "both plugins of aMQTT",
    (passwordFile) => ({
      plugins: {
        "amqtt.plugins.authentication.AnonymousAuthPlugin": {
          allow_anonymous: true,
        },
        "amqtt.plugins.authentication.FileAuthPlugin": {
          password_file: passwordFile,
        },
      },
    }),
    [true, true, false, false],
  ],
  [
    "the plugin and one that abstains",
    (passwordFile) => ({ plugins: [abstaining, authFile({ passwordFile })] }),
    [false, true, false, false],
  ],
  [
    "the plugin and one that denies its user",
    (passwordFile) => ({ plugins: [authFile({ passwordFile }), denying] }),
    [false, false, false, false],
  ],
  [
    "only one that abstains",
    () => ({ plugins: [abstaining] }),
    [false, false, false, false],
  ],
];

for (const [what, config, entering] of truths) {
  Deno.test(`clients enter as they should with ${what}`, async () => {
    await using folder = await Folder.make();
    const path = await folder.write("passwd", `test:${hashes.argon2id}\n`);
    await using bench = await Bench.start({
      logger: new RecordingLogger(),
      ...config(path),
    });
    assertEquals([
      await enters(bench),
      await enters(bench, "test", "test"),
      await enters(bench, "test", "Test"),
      await enters(bench, "unknown", "test"),
    ], entering);
  });
}

Deno.test("auth_file knows all kinds of hashes", async () => {
  await using folder = await Folder.make();
  const lines = Object.entries(hashes).map(([user, hash]) => `${user}:${hash}`);
  const passwordFile = await folder.write("passwd", lines.join("\n"));
  await using bench = await Bench.start({
    plugins: [authFile({ passwordFile })],
  });
  for (const user of Object.keys(hashes)) {
    assertEquals(await enters(bench, user, "test"), true, user);
    assertEquals(await enters(bench, user, "tes"), false, user);
    assertEquals(await enters(bench, user, "test"), true, user);
  }
});

Deno.test("auth_file checks passwords against hashes for SCRAM, and has no opinion of who authenticates by a method", async () => {
  await using folder = await Folder.make();
  const hash = await hashPassword("test", "scram-sha-256");
  const passwordFile = await folder.write("passwd", `test:${hash}\n`);
  const plugin = authFile({ passwordFile });
  await using bench = await Bench.start({ plugins: [plugin] });
  assertEquals(await enters(bench, "test", "test"), true);
  assertEquals(await enters(bench, "test", "tes"), false);
  const client = {
    clientId: "client",
    username: "test",
    protocolVersion: 5,
    address: undefined,
    listener: "default",
    certificate: undefined,
  } as const;
  const { signal } = new AbortController();
  for (const password of [undefined, text("test"), text("tes")]) {
    const attempt = { method: "SCRAM-SHA-256", signal };
    assertEquals(plugin.authenticate!(client, password, attempt), undefined);
  }
});

Deno.test("auth_file denies who gives no password, or one that is too long", async () => {
  await using folder = await Folder.make();
  const passwordFile = await folder.write("passwd", `test:${hashes.argon2id}`);
  await using bench = await Bench.start({
    plugins: [authFile({ passwordFile })],
  });
  assertEquals(await enters(bench, "test"), false);
  assertEquals(await enters(bench, "test", ""), false);
  assertEquals(await enters(bench, "test", "x".repeat(1025)), false);
  assertEquals(await enters(bench, "unknown", "x".repeat(1025)), false);
  assertEquals(bench.broker.metrics.authenticationFailures, 4);
  assertEquals(bench.broker.metrics.pluginFailures, 0);
});

Deno.test("auth_file lets nobody in without users", async () => {
  await using folder = await Folder.make();
  const passwordFile = await folder.write("passwd", "# nobody yet\n");
  await using bench = await Bench.start({
    plugins: [authFile({ passwordFile })],
  });
  assertEquals(await enters(bench, "test", "test"), false);
});

Deno.test("auth_file works on real sockets, and other clients do not wait for it", async () => {
  await using folder = await Folder.make();
  const passwordFile = await folder.write("passwd", `test:${hashes.sha512}\n`);
  await using broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
    logger: new RecordingLogger(),
    auth: { allowAnonymous: true, passwordFile },
  });
  await broker.start();
  const { port } = broker.addresses[0]!;
  using other = await SocketClient.open(port, 4);
  await other.send(connect(4, { clientId: "other" }));
  await other.next();
  const order: string[] = [];
  const checked = ["test", "wrong"].map(async (password) => {
    using client = await SocketClient.open(port, 4);
    await client.send(
      connect(4, { clientId: password, username: "test", password }),
    );
    const connack = await client.next();
    assert(connack?.type === "connack");
    order.push(password);
    return connack.code;
  });
  await other.send(new Uint8Array([0xc0, 0]));
  assertEquals((await other.next())?.type, "pingresp");
  order.push("ping");
  assertEquals(await Promise.all(checked), [0, 4]);
  assertEquals(order[0], "ping");
});

// The file.

/** What cannot be used at the start, and why not. */
const unusable: readonly [
  what: string,
  content: string | Uint8Array | undefined,
  message: RegExp,
][] = [
  ["is not there", undefined, /Cannot read the password file .*passwd: /],
  [
    "has wrong lines",
    `a:${hashes.bcrypt}\nb:geheim\ngeheim\n`,
    /passwd:2: the hash of user "b" .*; .*passwd:3: it is not user:hash$/,
  ],
  [
    "has many wrong lines",
    "geheim\n".repeat(8),
    /passwd:5: it is not user:hash; and 3 more$/,
  ],
  ["is not UTF-8", new Uint8Array([0x61, 0xff]), /it is not UTF-8/],
];

for (const [what, content, message] of unusable) {
  Deno.test(`auth_file stops the start when its file ${what}`, async () => {
    await using folder = await Folder.make();
    const passwordFile = `${folder.path}/passwd`;
    if (content !== undefined) await folder.write("passwd", content);
    const broker = new Broker({
      listeners: {},
      logger: new RecordingLogger(),
      auth: { passwordFile },
    });
    const error = await assertRejects(() => broker.start());
    assert(error instanceof Error);
    assert(message.test(error.message), error.message);
    assertEquals(error.message.includes("geheim"), false);
    assertEquals(broker.status, "not_started");
  });
}

/** The plugin, with a file that a test changes and a clock in its hand. */
class Changing implements AsyncDisposable {
  readonly logger = new RecordingLogger();
  readonly path: string;
  readonly #folder: Folder;
  readonly #plugin: Plugin;
  /** What the plugin does every second. */
  look: () => Awaitable<void> = () => {};
  #version = 0;
  /** The clock. */
  time = 0;

  private constructor(folder: Folder, path: string) {
    this.#folder = folder;
    this.path = path;
    this.#plugin = authFile({ passwordFile: path });
  }

  static async start(content: string): Promise<Changing> {
    const folder = await Folder.make();
    const path = await folder.write("passwd", content);
    const changing = new Changing(folder, path);
    await changing.#plugin.start!({
      logger: changing.logger,
      now: () => changing.time,
      every: (seconds: number, task: () => Awaitable<void>) => {
        if (seconds === 1) changing.look = task;
      },
    } as unknown as PluginContext);
    return changing;
  }

  /** Replaces the file as editors do, at a time of its own. */
  async replace(content: string): Promise<void> {
    const path = await this.#folder.write("passwd.new", content);
    const time = 1_600_000_000 + ++this.#version;
    await Deno.utime(path, time, time);
    await Deno.rename(path, this.path);
  }

  /** What the plugin says of a user with the password `test`. */
  ask(
    username: string,
    password = "test",
    hostname = "192.0.2.1",
  ): Awaitable<Opinion | ReasonCode> {
    return this.#plugin.authenticate!(
      {
        clientId: "client",
        username,
        protocolVersion: 4,
        address: { hostname },
        listener: "default",
        certificate: undefined,
      },
      text(password),
      { method: undefined, signal: new AbortController().signal },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#plugin.stop!();
    return this.#folder[Symbol.asyncDispose]();
  }
}

Deno.test("auth_file reads a file that has changed, when it has been so for a second", async () => {
  await using changing = await Changing.start(`a:${hashes.argon2id}\n`);
  assertEquals(await changing.ask("a"), true);
  await changing.replace(`b:${hashes.argon2id}\nb:${hashes.bcrypt}\n`);
  await changing.look();
  assertEquals(await changing.ask("b"), false);
  await changing.look();
  assertEquals(await changing.ask("b"), true);
  // also what was remembered
  assertEquals(await changing.ask("a"), false);
  await changing.look();
  assertEquals(changing.logger.take(), [
    `WARNING auth_file: ${changing.path}:1: user "b" is there again in line 2`,
    `INFO auth_file: ${changing.path} has changed: users: 1`,
  ]);
});

Deno.test("auth_file does not read a file that is still being written", async () => {
  await using changing = await Changing.start(`a:${hashes.argon2id}\n`);
  for (let i = 0; i < 4; i++) {
    await changing.replace(`b${i}:${hashes.argon2id}\n`);
    await changing.look();
  }
  assertEquals(await changing.ask("a"), true);
  await changing.look();
  assertEquals(await changing.ask("b3"), true);
});

Deno.test("auth_file keeps its users when the file becomes unusable, and says so once", async () => {
  await using changing = await Changing.start(`a:${hashes.argon2id}\n`);
  const { logger, path } = changing;
  await changing.replace("geheim\n");
  for (let i = 0; i < 4; i++) await changing.look();
  assertEquals(await changing.ask("a"), true);
  assertEquals(logger.take(), [
    `WARNING auth_file: the users stay as they were: Cannot use the password file ${path}; ${path}:1: it is not user:hash`,
  ]);
  await Deno.remove(path);
  for (let i = 0; i < 4; i++) await changing.look();
  assertEquals(await changing.ask("a"), true);
  const [line, ...more] = logger.take();
  assertStringIncludes(line!, `Cannot read the password file ${path}: `);
  assertEquals(more, []);
  await changing.replace(`b:${hashes.argon2id}\n`);
  for (let i = 0; i < 2; i++) await changing.look();
  assertEquals(await changing.ask("a"), false);
  assertEquals(await changing.ask("b"), true);
});

Deno.test("auth_file tells clients to come again when too many passwords wait, and says so once a minute", async () => {
  await using changing = await Changing.start(
    `known:${hashes.argon2id}\na:${hashes.scrypt}`,
  );
  assertEquals(await changing.ask("known"), true);
  const flood = () =>
    Array.from(
      { length: 600 },
      (_, i) => changing.ask(i % 2 ? "unknown" : "a", "wrong"),
    );
  const first = flood();
  // who was right a moment ago does not wait, who is elsewhere not long
  assertEquals(changing.ask("known"), true);
  assertEquals(await changing.ask("a", "test", "192.0.2.2"), true);
  const answers = await Promise.all(first);
  const busy = answers.filter((one) => one === ReasonCode.ServerBusy);
  assertEquals(busy.length, 600 - 516 + 1);
  assertEquals(answers.filter((one) => one === false).length, 515);
  assertEquals(changing.logger.take(), [
    'WARNING auth_file: too many passwords wait to be checked: clients are told to come again later: 1, the last from "192.0.2.1"',
  ]);
  changing.time += 59_999;
  await Promise.all(flood());
  assertEquals(changing.logger.take(), []);
  changing.time += 1;
  await Promise.all(flood());
  assertEquals(changing.logger.take(), [
    'WARNING auth_file: too many passwords wait to be checked: clients are told to come again later: 169, the last from "192.0.2.1"',
  ]);
});

for (const version of [4, 5] as const) {
  Deno.test(`auth_file checks nothing for who has gone, and tells who is too many to come again in ${version}`, async () => {
    await using folder = await Folder.make();
    const passwordFile = await folder.write("passwd", `a:${slow}`);
    await using bench = await Bench.start({
      plugins: [authFile({ passwordFile })],
    });
    const ask = (i: number) => {
      const client = bench.open(version);
      const fields = { clientId: `${i}`, username: "a", password: "wrong" };
      return [client, client.connect(fields)] as const;
    };
    const clients = Array.from({ length: 4 + 512 }, (_, i) => ask(i));
    const [, refused] = ask(-1);
    assertEquals((await refused).code, version === 5 ? 0x89 : 3);
    for (const [client] of clients) client.drop();
    await Promise.allSettled(clients.map(([, answer]) => answer));
    const [, answer] = ask(-2);
    assertEquals((await answer).code, version === 5 ? 0x86 : 4);
  });
}

/** A hash that takes a tenth of a second. */
const slow = hashes.sha512.replace("$6$", "$6$rounds=30000$");

Deno.test("auth_file takes as long for who is unknown: a password is checked", async () => {
  await using changing = await Changing.start(`a:${hashes.sha512}`);
  const answer = changing.ask("unknown");
  assert(answer instanceof Promise);
  // it is right, for somebody else
  assertEquals(await answer, false);
});

Deno.test("auth_file checks the hash of somebody for who is unknown: always the same, and not of the same for all", async () => {
  const rounds = Array.from({ length: 16 }, (_, i) => 1000 + i);
  await using changing = await Changing.start(
    rounds.map((n) =>
      `u${n}:${hashes.sha256.replace("rounds=1000", `rounds=${n}`)}\n`
    ).join(""),
  );
  const checked: string[] = [];
  using _ = spied(checked);
  const decoyOf = async (user: string) => {
    checked.length = 0;
    assertEquals(await changing.ask(user), false);
    return checked.join();
  };
  const found = new Set<string>();
  for (let i = 0; i < 16; i++) {
    const decoy = await decoyOf(`unknown${i}`);
    assertEquals(await decoyOf(`unknown${i}`), decoy);
    found.add(decoy);
  }
  assert(found.size > 1, [...found].join());
});

/** Notes which hash is checked. */
function spied(checked: string[]): Disposable {
  const { check } = PasswordChecker.prototype;
  const seen: unknown[] = [];
  PasswordChecker.prototype.check = function (asked) {
    const { hash } = asked;
    if (!seen.includes(hash)) seen.push(hash);
    checked.push(String(seen.indexOf(hash)));
    return check.call(this, asked);
  };
  return {
    [Symbol.dispose]: () => void (PasswordChecker.prototype.check = check),
  };
}

for (
  const [what, line] of [
    ["is removed", "b"],
    ["gets another password", "a"],
  ]
) {
  Deno.test(`auth_file does not let a user in who ${what} while the password is checked`, async () => {
    await using changing = await Changing.start(`a:${hashes.sha512}\n`);
    const answer = changing.ask("a");
    await changing.replace(`${line}:${hashes.argon2id}\n`);
    const looks = Promise.all([changing.look(), changing.look()]);
    await looks;
    await changing.look();
    assertEquals(changing.logger.take().length, 1);
    assertEquals(await answer, false);
  });
}

Deno.test("auth_file lets a user in whose line stays the same while the password is checked", async () => {
  await using changing = await Changing.start(`a:${hashes.sha512}\n`);
  const answer = changing.ask("a");
  await changing.replace(`a:${hashes.sha512}\nb:${hashes.argon2id}\n`);
  await changing.look();
  await changing.look();
  assertEquals(changing.logger.take().length, 1);
  assertEquals(await answer, true);
});

Deno.test("auth_file reads its file anew when the broker starts again", async () => {
  await using folder = await Folder.make();
  const passwordFile = await folder.write("passwd", `a:${hashes.argon2id}`);
  await using bench = await Bench.start({
    plugins: [authFile({ passwordFile })],
  });
  await folder.write("passwd", `b:${hashes.argon2id}`);
  await bench.restart();
  assertEquals(await enters(bench, "a", "test"), false);
  assertEquals(await enters(bench, "b", "test"), true);
});

Deno.test("auth_file needs the path of its file", () => {
  for (const given of [{}, { passwordFile: "" }]) {
    assertThrows(
      () => authFile(given as { passwordFile: string }),
      SettingsError,
      "password-file is not there",
    );
  }
});
