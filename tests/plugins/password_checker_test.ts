import { assertEquals } from "@std/assert";
import type { Hash } from "../../plugins/_hash.ts";
import { PasswordChecker } from "../../plugins/_password_checker.ts";
import { text } from "../_raw_client.ts";

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

/** Lets everything happen that is to happen now. */
const settle = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("checker runs four checks at a time, in their order", async () => {
  const checker = new PasswordChecker();
  const gate = new Gate();
  const results = ["right", "wrong", "right2", "d", "e", "f"].map((password) =>
    checker.check("user", gate, text(password))
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
    await checker.check("user", broken, text("")).catch(() => {});
  }
  const gate = new Gate();
  const result = checker.check("user", gate, text("right"));
  await settle();
  gate.open();
  assertEquals(await result, true);
});

Deno.test("checker is full when 512 checks wait, until one is done", async () => {
  const checker = new PasswordChecker();
  const gate = new Gate();
  const checks: Promise<boolean>[] = [];
  while (!checker.full) checks.push(checker.check("u", gate, text("wrong")));
  assertEquals(checks.length, 4 + 512);
  await settle();
  gate.open();
  await checks[0];
  assertEquals(checker.full, false);
  for (let i = 1; i < checks.length; i++) {
    await settle();
    gate.open();
    await checks[i];
  }
});

Deno.test("checker remembers what was right: of this user, hash and password", async () => {
  const checker = new PasswordChecker();
  const gate = new Gate();
  const check = async (user: string | undefined, password: string) => {
    const result = checker.check(user, gate, text(password));
    await settle();
    gate.open();
    return await result;
  };
  const other = new Gate();
  assertEquals(checker.remembers("a", gate, text("right")), false);
  await check("a", "wrong");
  assertEquals(checker.remembers("a", gate, text("wrong")), false);
  await check("a", "right");
  await check(undefined, "right");
  assertEquals(checker.remembers("a", gate, text("right")), true);
  assertEquals(checker.remembers("a", gate, text("Right")), false);
  assertEquals(checker.remembers("a", other, text("right")), false);
  assertEquals(checker.remembers("b", gate, text("right")), false);
  await check("a", "wrong");
  assertEquals(checker.remembers("a", gate, text("right")), true);
  checker.forget();
  assertEquals(checker.remembers("a", gate, text("right")), false);
});

Deno.test("checker remembers the 10,000 users that were right last", async () => {
  const checker = new PasswordChecker();
  const always: Hash = { digest: "x", derive: () => Promise.resolve("x") };
  for (let i = 0; i <= 10_000; i++) {
    await checker.check(`${i}`, always, text("p"));
  }
  const remembered = (user: string) =>
    checker.remembers(user, always, text("p"));
  assertEquals(["0", "1", "10000"].map(remembered), [false, true, true]);
});

Deno.test("checker takes a copy of the password: the buffer it is in is used again", async () => {
  const checker = new PasswordChecker();
  const gate = new Gate();
  const password = text("right");
  const result = checker.check("user", gate, password);
  password.fill(0);
  await settle();
  gate.open();
  assertEquals(await result, true);
});
