import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type AuthenticationAnswer,
  type AuthenticationExchange,
  type Awaitable,
  Broker,
  type BrokerConfig,
  type Plugin,
  type PluginContext,
} from "../../broker/mod.ts";
import { ScramClient, SettingsError } from "../../codec/mod.ts";
import { authScram, hashPassword, PasswordFile } from "../../plugins/mod.ts";
import { assertRefused, Bench } from "../conformance/_bench.ts";
import { auth, connect, type RawClient, text } from "../_raw_client.ts";
import { RecordingLogger } from "./_log.ts";
import { Folder, hashes } from "./_password_files.ts";

const decoder = new TextDecoder();

/** The plugin, with a file that a test changes. */
class Stage implements AsyncDisposable {
  readonly logger = new RecordingLogger();
  readonly folder: Folder;
  plugin!: Plugin;
  look: () => Awaitable<void> = () => {};
  #version = 0;

  private constructor(folder: Folder) {
    this.folder = folder;
  }

  static async start(content: string): Promise<Stage> {
    const stage = new Stage(await Folder.make());
    await stage.folder.write("passwd", content);
    await stage.begin();
    return stage;
  }

  /** The broker starts, or starts again. */
  async begin(): Promise<void> {
    this.plugin = authScram({ passwordFile: `${this.folder.path}/passwd` });
    await this.plugin.start!({
      logger: this.logger,
      every: (_: number, task: () => Awaitable<void>) => this.look = task,
    } as unknown as PluginContext);
  }

  async replace(content: string): Promise<void> {
    const path = await this.folder.write("passwd", content);
    const time = 1_600_000_000 + ++this.#version;
    await Deno.utime(path, time, time);
    await this.look();
    await this.look();
  }

  exchange(): AuthenticationExchange {
    const begin = this.plugin.authenticationMethods!["SCRAM-SHA-256"]!;
    return begin(undefined as never, undefined as never);
  }

  /** What the plugin says at the end of an exchange. */
  async ask(
    username: string,
    password: string,
    meanwhile: () => Promise<void> = async () => {},
  ): Promise<AuthenticationAnswer> {
    const client = new ScramClient(username, password);
    const exchange = this.exchange();
    const challenge = await exchange.continue(client.first());
    assertEquals(challenge.outcome, "continue");
    await meanwhile();
    const answer = await client.answer(challenge.data!);
    const end = await exchange.continue(answer);
    if (end.outcome === "success") client.finish(end.data!);
    return end;
  }

  /** Salt and iterations that somebody of this name is told. */
  async salt(username: string): Promise<string> {
    const client = new ScramClient(username, "x", "nonce");
    const { data } = await this.exchange().continue(client.first());
    return decoder.decode(data).replace(/^[^,]*,/, "");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.folder[Symbol.asyncDispose]();
  }
}

const alice = await hashPassword("secret", "scram-sha-256");
const bob = await hashPassword("geheim", "scram-sha-256");

/** A password file as `ambermq passwd` makes it. */
function fileOf(users: Record<string, string>): string {
  const file = new PasswordFile();
  for (const [name, hash] of Object.entries(users)) file.set(name, hash);
  return file.toString();
}

Deno.test("auth_scram lets users in whose password is right, and proves that it knows it", async () => {
  await using stage = await Stage.start(fileOf({ alice, "b,=b": bob }));
  const { outcome, username } = await stage.ask("alice", "secret") as {
    outcome: string;
    username: string;
  };
  assertEquals([outcome, username], ["success", "alice"]);
  assertEquals((await stage.ask("b,=b", "geheim")).outcome, "success");
});

Deno.test("auth_scram gives a user the name that the file has, however it was typed", async () => {
  await using stage = await Stage.start(fileOf({ "e\u0301": alice }));
  const answer = await stage.ask("\u00e9", "secret");
  assert(answer.outcome === "success");
  assertEquals(answer.username, "e\u0301");
});

Deno.test("auth_scram refuses wrong passwords and unknown users alike", async () => {
  await using stage = await Stage.start(
    fileOf({ alice, other: hashes.argon2id }),
  );
  for (
    const [name, password] of [
      ["alice", "Secret"],
      ["nobody", "secret"],
      ["other", "test"],
    ] as const
  ) {
    assertEquals(await stage.ask(name, password), {
      outcome: "refusal",
      reasonCode: 0x86,
      username: name,
    });
  }
});

Deno.test("auth_scram tells who is unknown the same each time, also after a restart, and not the same as others", async () => {
  await using stage = await Stage.start(fileOf({ alice, bob }));
  const before = await Promise.all(
    ["x", "y", "alice"].map((name) => stage.salt(name)),
  );
  assertEquals(new Set(before).size, 3);
  for (const salt of before) assert(/^s=[\w+/]{22}==,i=15000$/.test(salt));
  const file = await Deno.readTextFile(`${stage.folder.path}/passwd`);
  await stage.replace(`${file}carol:${alice}\n`);
  await stage.begin();
  const after = await Promise.all(
    ["x", "y", "alice"].map((name) => stage.salt(name)),
  );
  assertEquals(after, before);
});

Deno.test("auth_scram has a key of its own where the file has none, or one that is too short", async () => {
  for (const comment of ["", "# decoy-key: QUJD\n", "# decoy-key: ***\n"]) {
    await using stage = await Stage.start(`${comment}alice:${alice}\n`);
    const salt = await stage.salt("x");
    assertEquals(await stage.salt("x"), salt);
    await stage.begin();
    assertEquals(await stage.salt("x") === salt, false);
  }
});

Deno.test("auth_scram tells who is unknown what most users are told", async () => {
  const few = alice.replace("$15000:", "$4096:");
  await using stage = await Stage.start(
    fileOf({ a: few, b: alice, c: few }),
  );
  assert((await stage.salt("x")).endsWith("i=4096"));
});

Deno.test("auth_scram asks for the first message where CONNECT has none", async () => {
  await using stage = await Stage.start(fileOf({ alice }));
  const exchange = stage.exchange();
  assertEquals(await exchange.continue(undefined), { outcome: "continue" });
  const client = new ScramClient("alice", "secret");
  const { data } = await exchange.continue(client.first());
  const end = await exchange.continue(await client.answer(data!));
  assertEquals(end.outcome, "success");
});

Deno.test("auth_scram refuses what is no message, whenever it comes", async () => {
  await using stage = await Stage.start(fileOf({ alice }));
  const silent = stage.exchange();
  await silent.continue(undefined);
  assertEquals((await silent.continue(undefined)).outcome, "refusal");
  const bound = stage.exchange();
  const binding = await bound.continue(text("p=tls-exporter,,n=alice,r=x"));
  assertEquals(binding.outcome, "refusal");
  const late = stage.exchange();
  await late.continue(new ScramClient("alice", "x").first());
  assertEquals(await late.continue(text("c=biws")), {
    outcome: "refusal",
    username: "alice",
  });
});

for (
  const [what, users] of [
    ["is removed", { bob }],
    ["gets another password", { alice: bob }],
  ] as const
) {
  Deno.test(`auth_scram does not let a user in who ${what} meanwhile`, async () => {
    await using stage = await Stage.start(fileOf({ alice }));
    const { outcome } = await stage.ask(
      "alice",
      "secret",
      () => stage.replace(fileOf(users)),
    );
    assertEquals(outcome, "refusal");
  });
}

Deno.test("auth_scram lets a user in whose line stays, though the file changes meanwhile", async () => {
  await using stage = await Stage.start(fileOf({ alice }));
  const change = () => stage.replace(fileOf({ bob, alice }));
  const { outcome } = await stage.ask("alice", "secret", change);
  assertEquals(outcome, "success");
});

Deno.test("auth_scram warns where nobody has a hash for it", async () => {
  await using stage = await Stage.start(fileOf({ alice: hashes.argon2id }));
  assertEquals(stage.logger.entries, [[
    "WARNING",
    `auth_scram: ${stage.folder.path}/passwd: nobody has a hash for ` +
    "SCRAM-SHA-256: ambermq passwd --hash scram-sha-256 makes one",
  ]]);
});

Deno.test("auth_scram needs the path of its file", () => {
  assertThrows(
    () => authScram({ passwordFile: "" }),
    SettingsError,
    "password-file is not there",
  );
});

// With a broker.

/** What a client comes to by SCRAM. */
async function scram(
  client: RawClient,
  username: string,
  password: string,
): Promise<number> {
  const one = new ScramClient(username, password);
  const by = (data: Uint8Array) => ({
    authenticationMethod: "SCRAM-SHA-256",
    authenticationData: data,
  });
  client.send(connect(5, { clientId: "c", properties: by(one.first()) }));
  const { properties } = await client.next("auth");
  const answer = await one.answer(properties.authenticationData!);
  client.send(auth(0x18, by(answer)));
  const connack = await client.next("connack");
  if (connack.code === 0) one.finish(connack.properties.authenticationData!);
  return connack.code;
}

/** Who gets in: by SCRAM, by a password, with nothing. */
async function entries(
  config: (passwordFile: string) => BrokerConfig,
): Promise<number[]> {
  await using folder = await Folder.make();
  const path = await folder.write(
    "passwd",
    fileOf({ alice, bob: hashes.argon2id }),
  );
  await using bench = await Bench.start(config(path));
  const codes = [
    await scram(bench.open(5), "alice", "secret"),
    await scram(bench.open(5), "alice", "wrong"),
  ];
  for (
    const fields of [
      { username: "alice", password: "secret" },
      { username: "bob", password: "test" },
      { username: "alice", password: "wrong" },
      {},
    ]
  ) {
    codes.push((await bench.open(5).connect(fields)).code);
  }
  assertEquals(
    bench.broker.metrics.authenticationFailures,
    codes.filter((code) => code > 0).length,
  );
  return codes;
}

// deno-fmt-ignore: a table
const ways: readonly [what: string, config: (path: string) => BrokerConfig, codes: number[]][] = [
  ["alone, nobody else gets in", (passwordFile) => ({
    auth: { passwordFile, plugins: ["auth_scram"] },
  }), [0, 0x86, 0x86, 0x86, 0x86, 0x87]],
  ["with auth_file, passwords are checked too", (passwordFile) => ({
    auth: { passwordFile, plugins: ["auth_file", "auth_scram"] },
  }), [0, 0x86, 0, 0, 0x86, 0x87]],
  ["with auth_anonymous, who has no user name gets in", (passwordFile) => ({
    auth: { passwordFile, plugins: ["auth_scram"], allowAnonymous: true },
  }), [0, 0x86, 0x86, 0x86, 0x86, 0]],
  ["with an auth_anonymous that refuses, it does not refuse users of SCRAM", (passwordFile) => ({
    auth: { passwordFile, plugins: ["auth_file", "auth_scram"], allowAnonymous: false },
  }), [0, 0x86, 0, 0, 0x86, 0x87]],
  ["in plugins, it is not open to everybody", (passwordFile) => ({
    plugins: [{ auth_scram: { "password-file": passwordFile } }],
  }), [0, 0x86, 0x86, 0x86, 0x86, 0x87]],
  ["in plugins, with auth_file", (passwordFile) => ({
    plugins: [{ auth_scram: { passwordFile, "allow-passwords": true } }, { auth_file: { passwordFile } }],
  }), [0, 0x86, 0, 0, 0x86, 0x87]],
  ["with a plugin that denies, that counts", (passwordFile) => ({
    plugins: [{ auth_scram: { passwordFile } }, { name: "no", authenticate: () => false }],
  }), [0x87, 0x86, 0x86, 0x86, 0x86, 0x87]],
];

for (const [what, config, codes] of ways) {
  Deno.test(`auth_scram in a broker: ${what}`, async () => {
    assertEquals(await entries(config), codes);
  });
}

Deno.test("auth_scram: rules and sessions go by the name that was proven", async () => {
  await using folder = await Folder.make();
  const passwordFile = await folder.write("passwd", fileOf({ alice, bob }));
  await using bench = await Bench.start({
    plugins: [{ auth_scram: { passwordFile } }, {
      topic_acl: { publishAcl: { alice: ["a"] } },
    }],
  });
  const client = bench.open(5);
  assertEquals(await scram(client, "alice", "secret"), 0);
  assertEquals((await client.publish({ topic: "a", qos: 1 }))?.code, 0x10);
  assertEquals((await client.publish({ topic: "b", qos: 1 }))?.code, 0x87);
});

Deno.test("auth_scram stops the start when its file is not there", async () => {
  await using folder = await Folder.make();
  const passwordFile = `${folder.path}/passwd`;
  const broker = new Broker({
    listeners: {},
    logger: new RecordingLogger(),
    auth: { passwordFile, plugins: ["auth_scram"] },
  });
  let message = "";
  await broker.start().catch((error) => message = error.message);
  assert(message.includes(`Cannot read the password file ${passwordFile}`));
});

Deno.test("a broker without auth_scram does not know its method", async () => {
  await using bench = await Bench.start();
  const client = bench.open(5);
  const properties = { authenticationMethod: "SCRAM-SHA-256" };
  client.send(connect(5, { properties }));
  await assertRefused(client, 0x8c);
});
