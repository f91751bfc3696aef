/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677): both ends prove to each other that they
 * know a password, and neither says it. The end that checks keeps what can be
 * checked against, but not be logged in with.
 *
 * Channel binding is not offered. The messages are the mechanism's own; what
 * carries them is the affair of whoever uses this.
 *
 * @module
 */

import { prepared, saslprep } from "./_saslprep.ts";
import {
  digest,
  fromBase64,
  hmac,
  isIterations,
  LEAST,
  LENGTH,
  MOST,
  saltedPassword,
  toBase64,
} from "./_scram_keys.ts";

/** The name of the mechanism. */
export const SCRAM_SHA_256 = "SCRAM-SHA-256";

/** The exchange cannot go on: what came is wrong, or was not expected. */
export class ScramError extends Error {
  /** The name of the class, for logs. */
  override readonly name: string = "ScramError";
}

/** What a password is checked against. */
export interface ScramCredentials {
  /** How often the password is hashed. */
  readonly iterations: number;
  /** What it is hashed with. */
  readonly salt: Uint8Array;
  /** What the client's key comes to: 32 bytes. */
  readonly storedKey: Uint8Array;
  /** What the server proves itself with: 32 bytes. */
  readonly serverKey: Uint8Array;
}

/**
 * Derives what a password is checked against.
 *
 * @example
 * ```ts
 * import { deriveScramCredentials, formatScramCredentials } from "@ambermq/mqtt/codec";
 * import { assert } from "@std/assert";
 *
 * const salt = crypto.getRandomValues(new Uint8Array(16));
 * const credentials = await deriveScramCredentials("pencil", salt, 4096);
 * assert(formatScramCredentials(credentials).startsWith("SCRAM-SHA-256$4096:"));
 * ```
 *
 * @param password The password.
 * @param salt Bytes by chance: 16 are enough.
 * @param iterations How often it is hashed: 4,096 to 1,000,000.
 * @returns The credentials.
 * @throws {TypeError} If the password has characters that none may have.
 * @throws {RangeError} If it is too few or too many iterations.
 */
export async function deriveScramCredentials(
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<ScramCredentials> {
  if (!isIterations(iterations)) {
    throw new RangeError(
      `Cannot derive credentials: ${iterations} iterations are not from ` +
        `${LEAST} to ${MOST}`,
    );
  }
  const salted = await saltedPassword(
    prepared("password", password),
    salt,
    iterations,
  );
  const clientKey = await hmac(salted, "Client Key");
  return {
    iterations,
    salt,
    storedKey: await digest(clientKey),
    serverKey: await hmac(salted, "Server Key"),
  };
}

/**
 * Credentials as a text, in the form of PostgreSQL:
 * `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`, in base 64.
 *
 * @param credentials The credentials.
 * @returns The text.
 */
export function formatScramCredentials(
  { iterations, salt, storedKey, serverKey }: ScramCredentials,
): string {
  const [salted, stored, server] = [salt, storedKey, serverKey].map(toBase64);
  return `${SCRAM_SHA_256}$${iterations}:${salted}$${stored}:${server}`;
}

/**
 * Takes such a text apart.
 *
 * @param text The text.
 * @returns The credentials, or what is wrong with it, without its text.
 */
export function parseScramCredentials(text: string): ScramCredentials | string {
  const parts = /^SCRAM-SHA-256\$(\d{1,9}):([^$:]+)\$([^$:]+):([^$:]+)$/
    .exec(text);
  if (parts === null) {
    return "it is not SCRAM-SHA-256$iterations:salt$stored-key:server-key";
  }
  const iterations = Number(parts[1]);
  if (!isIterations(iterations)) {
    return `its iterations are not from ${LEAST} to ` +
      `${MOST}`;
  }
  const [salt, storedKey, serverKey] = parts.slice(2).map(fromBase64);
  if (salt === undefined) return "its salt is not right";
  if (storedKey?.length !== LENGTH || serverKey?.length !== LENGTH) {
    return "its keys are not complete";
  }
  return { iterations, salt, storedKey, serverKey };
}

/**
 * A user name in the form in which names are compared (SASLprep, RFC 4013).
 *
 * @param username The user name.
 * @returns The name; `undefined` if it is empty or something in it is not
 * allowed.
 */
export function scramName(username: string): string | undefined {
  return saslprep(username) || undefined;
}
