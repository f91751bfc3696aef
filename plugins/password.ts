/**
 * Passwords and their hashes.
 *
 * @module
 */

import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { argon2id } from "./_argon2.ts";
import { bcrypt } from "./_bcrypt.ts";
import type { Hash, Scheme } from "./_hash.ts";
import { scram } from "./_scram.ts";
import { scrypt } from "./_scrypt.ts";
import { shaCrypt } from "./_sha_crypt.ts";

/** How new passwords can be hashed. */
export type PasswordScheme =
  | "argon2id"
  | "bcrypt"
  | "scrypt"
  | "sha512-crypt"
  | "scram-sha-256";

/** The names of {@linkcode PasswordScheme}. */
export const passwordSchemes: readonly PasswordScheme[] = [
  "argon2id",
  "bcrypt",
  "scrypt",
  "sha512-crypt",
  "scram-sha-256",
];

const schemes: readonly Scheme[] = [
  argon2id,
  bcrypt,
  scrypt,
  shaCrypt,
  scram,
];

/** Bytes of the longest password: what takes long grows with its square. */
export const LONGEST_PASSWORD = 1024;

const encoder = new TextEncoder();

/**
 * Hashes a password for a password file.
 *
 * @example
 * ```ts
 * import { hashPassword, verifyPassword } from "@ambermq/mqtt/plugins";
 * import { assert } from "@std/assert";
 *
 * const hash = await hashPassword("correct horse");
 * assert(hash.startsWith("$argon2id$"));
 * assert(await verifyPassword("correct horse", hash));
 * ```
 *
 * @param password The password.
 * @param scheme How; by default `"argon2id"`.
 * @returns The hash.
 * @throws {RangeError} If the password is too long: 1,024 bytes, for bcrypt 72.
 * @throws {TypeError} If the password has characters that SCRAM does not allow.
 */
export async function hashPassword(
  password: string,
  scheme: PasswordScheme = "argon2id",
): Promise<string> {
  const bytes = encoder.encode(password);
  if (bytes.length > LONGEST_PASSWORD) {
    throw new RangeError(
      `Cannot hash the password: it has more than ${LONGEST_PASSWORD} bytes`,
    );
  }
  return await schemes.find(({ name }) => name === scheme)!.create(bytes);
}

/**
 * Whether a password is the one that was hashed. It takes as long as the hash is
 * meant to take, and does not stall the event loop meanwhile.
 *
 * @param password The password; as bytes it may be anything.
 * @param hash The hash: Argon2id, bcrypt, scrypt, SHA-crypt (`$5$`, `$6$`) or
 * SCRAM-SHA-256.
 * @returns Whether it is.
 * @throws {TypeError} If the hash is none of these.
 */
export async function verifyPassword(
  password: string | Uint8Array,
  hash: string,
): Promise<boolean> {
  const parsed = parseHash(hash);
  if (typeof parsed === "string") {
    throw new TypeError(
      `Cannot verify a password: its hash is wrong: ${parsed}`,
    );
  }
  const bytes = typeof password === "string"
    ? encoder.encode(password)
    : password;
  if (bytes.length > LONGEST_PASSWORD) return false;
  return await verify(bytes, parsed);
}

/** Whether a password that is not too long is the one that was hashed. */
export async function verify(
  password: Uint8Array,
  hash: Hash,
): Promise<boolean> {
  return matches(hash, await hash.derive(password));
}

/** Whether what was derived of a password is what the hash has. */
export function matches({ digest }: Hash, derived: string): boolean {
  return timingSafeEqual(encoder.encode(derived), encoder.encode(digest));
}

/** Takes a hash apart; what is wrong with it does not show it. */
export function parseHash(text: string): Hash | string {
  for (const { prefixes, parse } of schemes) {
    if (prefixes.some((prefix) => text.startsWith(prefix))) return parse(text);
  }
  return isHash(text) ? "it is of a kind that is not known" : "it is no hash";
}

/** Whether a text is a hash, if perhaps one of a kind that is not known. */
export function isHash(text: string): boolean {
  return /^(?:\$[\w-]+|SCRAM-[\w-]+)\$/.test(text);
}
