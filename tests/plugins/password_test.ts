import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseHash } from "../../plugins/password.ts";
import {
  hashPassword,
  passwordSchemes,
  verifyPassword,
} from "../../plugins/mod.ts";

const starts = {
  "argon2id": "$argon2id$v=19$m=19456,t=2,p=1$",
  "bcrypt": "$2b$10$",
  "scrypt": "$scrypt$ln=16,r=8,p=1$",
  "sha512-crypt": "$6$",
  "scram-sha-256": "SCRAM-SHA-256$15000:",
};

Deno.test("hashPassword() has these schemes", () => {
  assertEquals([...passwordSchemes], Object.keys(starts));
});

for (const scheme of passwordSchemes) {
  Deno.test(`hashPassword() makes hashes with ${scheme}`, async () => {
    const hash = await hashPassword("secret", scheme);
    assert(hash.startsWith(starts[scheme]), hash);
    assertEquals(await verifyPassword("secret", hash), true);
    assertEquals(
      await verifyPassword(new TextEncoder().encode("secret"), hash),
      true,
    );
    assertEquals(await verifyPassword("Secret", hash), false);
  });
}

Deno.test("hashPassword() does not hash what is too long to be verified", async () => {
  const hash = await hashPassword("ä".repeat(512), "argon2id");
  assertEquals(await verifyPassword("ä".repeat(512), hash), true);
  await assertRejects(
    () => hashPassword("x".repeat(1025)),
    RangeError,
    "it has more than 1024 bytes",
  );
  assertEquals(await verifyPassword("x".repeat(1025), hash), false);
});

/** What is no hash, and what it is instead. */
const wrong: readonly [text: string, problem: string][] = [
  ["", "it is no hash"],
  ["secret", "it is no hash"],
  ["$ecret", "it is no hash"],
  ["$7$101$salt$hash", "it is of a kind that is not known"],
  ["$argon2i$v=19$m=8,t=1,p=1$x$y", "it is of a kind that is not known"],
  ["$6$", "it is not $6$salt$hash"],
];

for (const [text, problem] of wrong) {
  Deno.test(`parseHash() says of ${JSON.stringify(text)} that ${problem}`, async () => {
    assertEquals(parseHash(text), problem);
    await assertRejects(
      () => verifyPassword("x", text),
      TypeError,
      `Cannot verify a password: its hash is wrong: ${problem}`,
    );
  });
}
