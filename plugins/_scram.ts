/**
 * SCRAM-SHA-256 as PostgreSQL writes it. It is for the plugin `auth_scram`; a
 * password can be checked against it as against any other hash.
 */

import {
  deriveScramCredentials,
  formatScramCredentials,
  parseScramCredentials,
} from "../codec/mod.ts";
import { type Hash, randomBytes, type Scheme, toBase64 } from "./_hash.ts";

/** Of new hashes: clients have to do that each time, small ones too. */
const ITERATIONS = 15_000;

const decoder = new TextDecoder("utf-8", { fatal: true });

export const scram: Scheme = {
  name: "scram-sha-256",
  prefixes: ["SCRAM-SHA-256$"],

  parse(text: string): Hash | string {
    const credentials = parseScramCredentials(text);
    if (typeof credentials === "string") return credentials;
    const { salt, iterations, storedKey } = credentials;
    return {
      digest: toBase64(storedKey),
      derive: async (password) => {
        try {
          const derived = await deriveScramCredentials(
            decoder.decode(password),
            salt,
            iterations,
          );
          return toBase64(derived.storedKey);
        } catch {
          // It is not text, or nothing that can be a password.
          return toBase64(randomBytes(storedKey.length));
        }
      },
    };
  },

  async create(password: Uint8Array): Promise<string> {
    const salt = randomBytes(16);
    return formatScramCredentials(
      await deriveScramCredentials(decoder.decode(password), salt, ITERATIONS),
    );
  },
};
