import { assert, assertEquals } from "@std/assert";
import type { Hash } from "../../plugins/_hash.ts";
import {
  type Check,
  PasswordChecker,
} from "../../plugins/_password_checker.ts";
import { parseHash } from "../../plugins/password.ts";
import { text } from "../_raw_client.ts";
import { hashes } from "./_password_files.ts";

/** A hash whose checks end when the test says so. */
class Gate implements Hash {
  readonly digest = "right";
  readonly asked: string[] = [];
  readonly #answers: (() => void)[] = [];

  readonly derive = (password: Uint8Array): Promise<string> => {
    this.asked.push(new TextDecoder().decode(password));
    return new Promise((resolve) =>
      this.#answers.push(() => {
        const digest = new TextDecoder().decode(password);
        resolve(digest.slice(0, 5).padEnd(5));
      })
    );
  };

  /** Ends the check that has run longest. */
  open(): void {
    this.#answers.shift()!();
  }
}

const { signal } = new AbortController();

/** What is checked, from one source and for as long as it takes. */
function check(
  checker: PasswordChecker,
  user: string | undefined,
  hash: Hash,
  password: string,
  more: Partial<Check> = {},
): Promise<boolean | undefined> {
  const bytes = text(password);
  return checker.check({
    user,
    hash,
    password: bytes,
    source: "a",
    signal,
    ...more,
  });
}

/** Lets everything happen that is to happen now. */
const settle = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("checker runs four checks at a time, in their order", async () => {
  const checker = new PasswordChecker();
  const gate = new Gate();
  const results = ["right", "wrong", "right2", "d", "e", "f"].map((password) =>
    check(checker, "user", gate, password)
  );
  await settle();
  assertEquals(gate.asked, ["right", "wrong", "right2", "d"]);
  gate.open();
  assertEquals(await results[0], true);
  gate.open();
  assertEquals(await results[1], false);
  await settle();
  assertEquals(gate.asked.slice(4), ["e", "f"]);
  for (let i = 0; i < 4; i++) gate.open();
  assertEquals(await Promise.all(results.slice(2)), [
    true,
    false,
    false,
    false,
  ]);
});

Deno.test("checker goes on after a check that threw", async () => {
  const checker = new PasswordChecker();
  const broken: Hash = {
    digest: "",
    derive: () => Promise.reject(new Error("it broke")),
  };
  for (let i = 0; i < 9; i++) {
    await check(checker, "user", broken, "").catch(() => {});
  }
  const gate = new Gate();
  const result = check(checker, "user", gate, "right");
  await settle();
  gate.open();
  assertEquals(await result, true);
});

Deno.test("checker does not check the newest of a source when more than 512 wait", async () => {
  const checker = new PasswordChecker();
  const gate = new Gate();
  const ask = (password: string, source: string) =>
    check(checker, "u", gate, password, { source });
  const many = Array.from({ length: 4 + 512 }, () => ask("wrong", "many"));
  const one = ask("right", "one");
  assertEquals(await many.at(-1), undefined);
  assertEquals(await ask("wrong", "many"), undefined);
  for (let i = 0; i < 6; i++) {
    await settle();
    gate.open();
  }
  // it has its turn after the first of those who came before
  assertEquals(await one, true);
  for (const result of many.slice(5, -1)) {
    await settle();
    gate.open();
    assertEquals(await result, false);
  }
});

Deno.test("checker does not check for clients that have gone", async () => {
  const checker = new PasswordChecker();
  const gate = new Gate();
  const client = new AbortController();
  const ask = (password: string, signal: AbortSignal) =>
    check(checker, "u", gate, password, { signal });
  const results = ["a", "b", "c", "d"].map((one) => ask(one, client.signal));
  const gone = ask("gone", client.signal);
  const here = ask("right", signal);
  await settle();
  client.abort();
  assertEquals(await gone, undefined);
  for (let i = 0; i < 4; i++) gate.open();
  await Promise.all(results);
  await settle();
  gate.open();
  assertEquals(await here, true);
  assertEquals(gate.asked.includes("gone"), false);
});

Deno.test("checker remembers what was right: of this user, hash and password", async () => {
  const checker = new PasswordChecker();
  const gate = new Gate();
  const ask = async (user: string | undefined, password: string) => {
    const result = check(checker, user, gate, password);
    await settle();
    gate.open();
    return await result;
  };
  const other = new Gate();
  assertEquals(checker.remembers("a", gate, text("right")), false);
  await ask("a", "wrong");
  assertEquals(checker.remembers("a", gate, text("wrong")), false);
  await ask("a", "right");
  await ask(undefined, "right");
  assertEquals(checker.remembers("a", gate, text("right")), true);
  assertEquals(checker.remembers("a", gate, text("Right")), false);
  assertEquals(checker.remembers("a", other, text("right")), false);
  assertEquals(checker.remembers("b", gate, text("right")), false);
  await ask("a", "wrong");
  assertEquals(checker.remembers("a", gate, text("right")), true);
  checker.forget();
  assertEquals(checker.remembers("a", gate, text("right")), false);
});

Deno.test("checker remembers the 10,000 users that were right last", async () => {
  const checker = new PasswordChecker();
  const always: Hash = { digest: "x", derive: () => Promise.resolve("x") };
  for (let i = 0; i <= 10_000; i++) {
    await check(checker, `${i}`, always, "p");
  }
  const remembered = (user: string) =>
    checker.remembers(user, always, text("p"));
  assertEquals(["0", "1", "10000"].map(remembered), [false, true, true]);
});

Deno.test("checker takes a copy of the password: the buffer it is in is used again", async () => {
  const checker = new PasswordChecker();
  const gate = new Gate();
  const password = text("right");
  const result = checker.check({
    user: "user",
    hash: gate,
    password,
    source: "",
    signal,
  });
  password.fill(0);
  await settle();
  gate.open();
  assertEquals(await result, true);
});

Deno.test("checker that stops gives up what runs and what waits, and can be used again", async () => {
  const checker = new PasswordChecker();
  const endless = parseHash(hashes.sha512.replace("$6$", "$6$rounds=5000000$"));
  assert(typeof endless !== "string");
  const results = Array.from(
    { length: 9 },
    () => check(checker, "u", endless, "test"),
  );
  await settle();
  checker.stop();
  assertEquals(await Promise.all(results), Array(9).fill(undefined));
  const gate = new Gate();
  const result = check(checker, "u", gate, "right");
  await settle();
  gate.open();
  assertEquals(await result, true);
});
