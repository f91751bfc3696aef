/** Verifies passwords with one scheme. */

import { assertEquals } from "@std/assert";
import type { Scheme } from "../../plugins/_hash.ts";
import { verify } from "../../plugins/password.ts";

/** Whether a password is the one that a scheme's hash is of. */
export async function verified(
  { parse }: Scheme,
  password: string | Uint8Array,
  hash: string,
): Promise<boolean> {
  const parsed = parse(hash);
  if (typeof parsed === "string") throw new Error(parsed);
  const bytes = typeof password === "string"
    ? new TextEncoder().encode(password)
    : password;
  return await verify(bytes, parsed);
}

/** Tests that a scheme verifies what it creates, and salts it. */
export async function createsWhatItVerifies(scheme: Scheme): Promise<void> {
  const password = new TextEncoder().encode("pässwörd");
  const hash = await scheme.create(password);
  assertEquals(await verified(scheme, password, hash), true);
  assertEquals(await verified(scheme, "pässwörD", hash), false);
  assertEquals(await scheme.create(password) === hash, false);
}

/** Tests what a scheme says of hashes that are wrong. */
export function refuses(
  { parse }: Scheme,
  wrong: readonly [hash: string, problem: string][],
): void {
  for (const [hash, problem] of wrong) {
    assertEquals(parse(hash), problem, hash);
  }
}
