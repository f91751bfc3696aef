import { assert, assertEquals } from "@std/assert";
import { HashWorkers } from "../../plugins/_hash_workers.ts";
import type { Hash } from "../../plugins/_hash.ts";
import { matches, parseHash } from "../../plugins/password.ts";
import { text } from "../_raw_client.ts";
import { hashes } from "./_password_files.ts";

function parsed(hash: string): Hash {
  const found = parseHash(hash);
  assert(typeof found !== "string");
  return found;
}

/** A hash whose own thread is not to be taken. */
function workersOnly(hash: Hash): Hash {
  return { ...hash, derive: () => Promise.reject(new Error("it was sliced")) };
}

Deno.test("workers derive what takes long", async () => {
  const workers = new HashWorkers();
  for (const hash of [hashes.bcrypt, hashes.sha256, hashes.sha512]) {
    const one = workersOnly(parsed(hash));
    const [right, wrong] = await Promise.all([
      workers.derive(one, text("test")),
      workers.derive(one, text("Test")),
    ]);
    assertEquals([matches(one, right!), matches(one, wrong!)], [true, false]);
  }
  workers.close();
});

Deno.test("workers are not asked for what has threads of its own", async () => {
  const workers = new HashWorkers(() => {
    throw new Error("not needed");
  });
  for (const hash of [hashes.argon2id, hashes.scrypt].map(parsed)) {
    assert(matches(hash, (await workers.derive(hash, text("test")))!));
  }
});

Deno.test("workers are used again, as long as there is something to do", async () => {
  let made = 0;
  const url = new URL("../../plugins/_hash_worker.ts", import.meta.url);
  const workers = new HashWorkers(() => {
    made++;
    return new Worker(url, { type: "module" });
  });
  const hash = parsed(hashes.sha256);
  for (let i = 0; i < 3; i++) await workers.derive(hash, text("test"));
  assertEquals(made, 1);
  workers.rest();
  await workers.derive(hash, text("test"));
  workers.rest();
  await workers.derive(hash, text("test"));
  assertEquals(made, 1);
  workers.rest();
  workers.rest();
  await workers.derive(hash, text("test"));
  assertEquals(made, 2);
  workers.close();
});

const without: Record<string, () => Worker> = {
  "cannot be made": () => {
    throw new Error("no permission");
  },
  "cannot be loaded": () =>
    new Worker(new URL("./not_there.ts", import.meta.url), { type: "module" }),
};

for (const [what, make] of Object.entries(without)) {
  Deno.test(`where a worker ${what} the thread of the broker derives`, async () => {
    let tried = 0;
    const workers = new HashWorkers(() => {
      tried++;
      return make();
    });
    const hash = parsed(hashes.sha256);
    for (let i = 0; i < 2; i++) {
      assert(matches(hash, (await workers.derive(hash, text("test")))!));
    }
    assertEquals(tried, 1);
    workers.close();
  });
}

Deno.test("workers end in the middle of their work, and begin anew", async () => {
  const workers = new HashWorkers();
  const endless = parsed(hashes.sha512.replace("$6$", "$6$rounds=5000000$"));
  const answer = workers.derive(workersOnly(endless), text("test"));
  workers.close();
  assertEquals(await answer, undefined);
  const hash = workersOnly(parsed(hashes.sha256));
  assert(matches(hash, (await workers.derive(hash, text("test")))!));
  workers.close();
});
