/**
 * What can go wrong with a store's file while a broker runs on it, or before:
 * it is told, nothing is acknowledged that is not stored, and what was stored
 * stays.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { Process } from "../_process.ts";
import { Random } from "../_random.ts";
import { Client, fill, Folder } from "./_scene.ts";

/** Publishes until something is not acknowledged; gives what was. */
async function untilRefused(client: Client, most: number): Promise<string[]> {
  const stored: string[] = [];
  for (let i = 0; i < most; i++) {
    const payload = `${i} ${"x".repeat(8000)}`;
    if (!await client.put("a/b", payload)) return stored;
    stored.push(payload);
  }
  throw new Error("The disk is never full");
}

/** Connects again and again until the broker takes a message. */
async function untilTaken(port: number, payload: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const client = new Client(`retry${i}`);
    const taken = await client.connect(port) &&
      await client.put("a/b", payload);
    await client.end();
    if (taken) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("The broker does not recover");
}

/** What tells a message from others. */
function head(payload: string): string {
  return `${payload.slice(0, 6)}, ${payload.length}`;
}

async function isRoot(): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  try {
    const options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder];
    const { success } = await new Deno.Command("mount", { args: options })
      .output();
    if (success) await new Deno.Command("umount", { args: [folder] }).output();
    return success;
  } catch {
    return false;
  } finally {
    await Deno.remove(folder);
  }
}

const mayMount = Deno.build.os === "linux" && await isRoot();
if (!mayMount) {
  // deno-lint-ignore no-console -- somebody should know
  console.warn("no full disk is tested: nothing may be mounted here");
}

Deno.test({
  name:
    "a full disk: what is not stored is not acknowledged, what is stays, and the broker goes on once there is room",
  ignore: !mayMount,
  async fn() {
    await using folder = new Folder();
    const mount = new Deno.Command("mount", {
      args: ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder.path],
    });
    assert((await mount.output()).success);
    try {
      const ballast = `${folder.path}/ballast`;
      Deno.writeFileSync(ballast, new Uint8Array(2 << 20));
      await using broker = folder.start();
      const port = await broker.port();
      const away = await Client.connect("away", port);
      await away.subscribe("a/#");
      await away.end(true);
      const publisher = await Client.connect("publisher", port);
      const stored = await untilRefused(publisher, 1000);
      assert(stored.length > 20, `${stored.length} messages`);
      await publisher.end();
      const line = await broker.log.find(/Store failed/);
      assertMatch(line, /the disk is full/);
      // Nobody else is told anything that is not so.
      const other = new Client("other");
      assertEquals(await other.connect(port), false);
      await other.end();
      Deno.removeSync(ballast);
      await untilTaken(port, "last");
      broker.kill("SIGKILL");
      await broker.status();
      await using next = folder.start();
      const reader = await Client.connect("away", await next.port());
      assertEquals(reader.present, true);
      const got: string[] = [];
      while (got.at(-1) !== "last") got.push(...await reader.take(1));
      await reader.end();
      assertEquals(got.slice(0, stored.length).map(head), stored.map(head));
      next.kill("SIGTERM");
      await next.status();
      assertMatch(await folder.store("check", folder.file), /^0: /);
    } finally {
      await new Deno.Command("umount", { args: [folder.path] }).output();
    }
  },
});

Deno.test({
  name:
    "a file that may not grow: what is not stored is not acknowledged, and all that was is there at the next start",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = new Folder();
    // Without the trap the system ends the process.
    const command =
      `trap '' XFSZ; ulimit -f 1500; exec "$0" run -A --quiet cli/mod.ts ` +
      `broker --bind 127.0.0.1:0 --persist "$1"`;
    await using limited = new Process("/bin/sh", [
      ...["-c", command, Deno.execPath(), folder.file],
    ]);
    const line = await limited.stderr.find(/ bind to /);
    const port = Number(/:(\d+) \(max/.exec(line)![1]);
    const away = await Client.connect("away", port);
    await away.subscribe("a/#");
    await away.end(true);
    const publisher = await Client.connect("publisher", port);
    const stored = await untilRefused(publisher, 1000);
    await publisher.end();
    const said = await limited.stderr.find(/Store failed/);
    assertMatch(said, /Cannot write to the store .*: /);
    limited.kill("SIGKILL");
    await limited.status();
    await using broker = folder.start();
    const reader = await Client.connect("away", await broker.port());
    const got = await reader.take(stored.length);
    assertEquals(got.map(head), stored.map(head));
    await reader.end();
    broker.kill("SIGTERM");
    await broker.status();
  },
});

Deno.test("two brokers, one file: the second says so and ends, the first does not notice", async () => {
  await using folder = new Folder();
  await using first = folder.start();
  const port = await first.port();
  assertEquals(
    await folder.refusal(),
    `1: ambermq broker: Cannot open the store ${folder.file}: another broker ` +
      "uses it",
  );
  assertEquals(
    await folder.store("compact", folder.file),
    `1: ambermq store: Cannot compact the store ${folder.file}: another ` +
      "broker uses it",
  );
  await using client = await Client.connect("client", port);
  assertEquals(await client.put("a", "still here", true), true);
  // Whoever reads disturbs nobody.
  assertMatch(await folder.store("check", folder.file), /^0: .* is in order: /);
  const copy = `${folder.path}/copy.db`;
  assertMatch(await folder.store("backup", folder.file, copy), /^0: /);
  assertEquals(await client.put("a", "and now", true), true);
  await client.end();
  first.kill("SIGTERM");
  await first.status();
  // The copy is restored by putting it in the place of the other.
  await Deno.rename(copy, folder.file);
  await using restored = folder.start();
  const reader = await Client.connect("reader", await restored.port());
  await reader.subscribe("a");
  assertEquals(await reader.take(1), ["still here"]);
  await reader.end();
  restored.kill("SIGTERM");
  await restored.status();
});

const bad: readonly [
  what: string,
  make: (folder: Folder) => void,
  reason: RegExp,
][] = [
  [
    "a database of something else",
    ({ file }) => {
      const db = new DatabaseSync(file);
      db.exec("PRAGMA application_id = 7; CREATE TABLE a(b)");
      db.close();
    },
    /Cannot open the store .*: it is a database of something else/,
  ],
  [
    "a database of nobody",
    ({ file }) => {
      const db = new DatabaseSync(file);
      db.exec("CREATE TABLE a(b)");
      db.close();
    },
    /Cannot open the store .*: it is a database of something else/,
  ],
  [
    "no database at all",
    ({ file }) => Deno.writeTextFileSync(file, "Dear diary\n".repeat(1000)),
    /Cannot open the store .*: it is not a store/,
  ],
  [
    "of a newer version",
    ({ file }) => {
      const db = new DatabaseSync(file);
      db.exec(`PRAGMA application_id = ${0x416d_624d}; CREATE TABLE a(b);
        PRAGMA user_version = 99`);
      db.close();
    },
    /Cannot open the store .*: it was written by a newer version of AmberMQ \(schema 99, /,
  ],
  [
    "a folder",
    ({ file }) => Deno.mkdirSync(file),
    /Cannot open the store .*: it cannot be opened: look whether it is a file/,
  ],
  [
    "in a folder that is not there",
    ({ path }) => Deno.removeSync(path),
    /Cannot open the store .*: .*folder is there/,
  ],
];

for (const [what, make, reason] of bad) {
  Deno.test(`a file that is ${what} is refused, and left as it is`, async () => {
    await using folder = new Folder();
    make(folder);
    const bytes = () => {
      try {
        return Deno.readFileSync(folder.file);
      } catch {
        return undefined;
      }
    };
    const before = bytes();
    const refusal = await folder.refusal();
    assertMatch(refusal, /^1: ambermq broker: /);
    assertMatch(refusal, reason);
    assertEquals(bytes(), before);
    assertMatch(await folder.store("check", folder.file), /^1: .*Cannot check/);
    if (what.includes("not there")) await Deno.mkdir(folder.path);
  });
}

Deno.test("the first page that a broker left which was killed while making its file is a new file", async () => {
  await using folder = new Folder();
  const db = new DatabaseSync(folder.file);
  db.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL");
  db.close();
  await using broker = folder.start();
  await broker.port();
  broker.kill("SIGTERM");
  assertEquals((await broker.status()).code, 0);
});

Deno.test({
  name: "a file or a folder that may not be written is refused",
  // Root may write everything; setpriv, where it is, makes it somebody else.
  ignore: Deno.build.os !== "linux" || !mayMount,
  async fn() {
    await using folder = new Folder();
    await fill(folder, 1);
    const mount = async (...options: string[]) => {
      const { success } = await new Deno.Command("mount", {
        args: [...options, folder.path],
      }).output();
      assert(success);
    };
    await mount("--bind", folder.path);
    try {
      await mount("-o", "remount,ro,bind");
      const refusal = await folder.refusal();
      assertMatch(refusal, /^1: ambermq broker: Cannot open the store /);
      assertMatch(refusal, /may not be written|may be written|read-only/i);
      // What only reads can do it.
      assertMatch(await folder.store("check", folder.file), /^[01]: /);
    } finally {
      await new Deno.Command("umount", { args: [folder.path] }).output();
    }
    assertMatch(await folder.store("check", folder.file), /^0: /);
  },
});

for (const seed of [1, 2, 3, 4]) {
  Deno.test(`a damaged file is told of, and nothing of it is lost in silence (seed ${seed})`, async () => {
    await using folder = new Folder();
    await fill(folder, 60);
    const random = new Random(seed);
    const bytes = await Deno.readFile(folder.file);
    if (seed === 4) {
      await Deno.writeFile(folder.file, bytes.subarray(0, bytes.length >> 1));
    } else {
      // In the middle of a page, and its beginning.
      const page = random.integer(1, bytes.length / 4096 - 1);
      bytes.set(random.bytes(300), page * 4096);
      await Deno.writeFile(folder.file, bytes);
    }
    const check = await folder.store("check", folder.file);
    assertMatch(check, /^1: /);
    assertMatch(check, /broker\.db/);
    const damaged = await Deno.readFile(folder.file);
    const dump = await folder.store("dump", folder.file);
    assertMatch(dump, /^1: .*Cannot read the store .*: it is damaged/);
    assertEquals(await Deno.readFile(folder.file), damaged);
    await using broker = folder.start();
    const starts = await broker.port().catch(() => undefined);
    if (starts === undefined) {
      const said = broker.log.all.join("\n");
      assertMatch(said, /Cannot (open|load) the store .*: it is damaged/);
      assertMatch(said, /backup/);
      assertEquals((await broker.status()).code, 1);
      assertEquals(await Deno.readFile(folder.file), damaged);
      return;
    }
    const reader = await Client.connect("away", starts);
    const got = await reader.take(60, true);
    assertEquals(got.map((text) => parseInt(text)), [...got.keys()]);
    await reader.end();
    // What waits is read when its turn comes: what is damaged may be there.
    if (got.length < 60) {
      await broker.log.find(/Store failed.*Cannot read.*it is damaged/);
    }
  });
}

Deno.test("a write-ahead log that is torn anywhere: the broker starts, with all commits before that", async () => {
  await using folder = new Folder();
  const random = new Random(1);
  {
    await using broker = folder.start();
    const port = await broker.port();
    await using client = await Client.connect("publisher", port);
    for (let i = 0; i < 30; i++) await client.put("a", String(i), true);
    await client.end();
    broker.kill("SIGKILL");
    await broker.status();
  }
  const [file, log] = ["", "-wal"].map((end) =>
    Deno.readFileSync(folder.file + end)
  ) as [Uint8Array, Uint8Array];
  let last = 0;
  const cuts = Array.from({ length: 5 }, () => random.integer(0, log.length));
  for (const cut of [...cuts.toSorted((a, b) => a - b), log.length]) {
    await Deno.writeFile(folder.file, file);
    await Deno.writeFile(`${folder.file}-wal`, log.subarray(0, cut));
    await using broker = folder.start();
    const reader = await Client.connect(`reader${cut}`, await broker.port());
    await reader.subscribe("a");
    reader.send({ type: "pingreq" });
    const packet = await reader.next();
    const found = packet?.type === "publish"
      ? Number(new TextDecoder().decode(packet.payload))
      : -1;
    assert(found >= last || found === -1 && last === 0, `${found} at ${cut}`);
    last = Math.max(found, 0);
    await reader.end();
    broker.kill("SIGTERM");
    await broker.status();
    assertMatch(await folder.store("check", folder.file), /^0: /);
  }
  assertEquals(last, 29);
});

Deno.test("a file that another program has locked: nothing is acknowledged that is not stored, and the broker goes on afterwards", async () => {
  await using folder = new Folder();
  await using broker = folder.start();
  const port = await broker.port();
  const publisher = await Client.connect("publisher", port);
  assertEquals(await publisher.put("a", "1", true), true);
  const other = new DatabaseSync(folder.file);
  other.exec("BEGIN IMMEDIATE");
  assertEquals(await publisher.put("a", "2", true), false);
  await publisher.end();
  assertMatch(
    await broker.log.find(/Store failed/),
    /another program has it locked/,
  );
  other.exec("ROLLBACK");
  other.close();
  await untilTaken(port, "3");
  broker.kill("SIGTERM");
  assertEquals((await broker.status()).code, 0);
});
