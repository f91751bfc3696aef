/** Argon2id (RFC 9106), which the system's cryptography computes in a thread. */

import {
  fromBase64,
  type Hash,
  randomBytes,
  type Scheme,
  toBase64,
} from "./_hash.ts";

interface Costs {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** Of new hashes: what OWASP recommends at least; a device connects often. */
const COSTS: Costs = { memory: 19_456, passes: 2, parallelism: 1 };

/** More is a slip, or would take the memory of the broker. */
const HIGHEST: Costs = { memory: 2 ** 20, passes: 100, parallelism: 64 };

export const argon2id: Scheme = {
  name: "argon2id",
  prefixes: ["$argon2id$"],

  parse(text: string): Hash | string {
    const parts =
      /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(
        text,
      );
    if (parts === null) return "it is not $argon2id$v=19$m=…,t=…,p=…$salt$hash";
    const [memory, passes, parallelism] = parts.slice(1, 4).map(Number) as [
      number,
      number,
      number,
    ];
    const [salt, digest] = [fromBase64(parts[4]!), fromBase64(parts[5]!)];
    if (salt === undefined || salt.length < 8) return "its salt is not right";
    if (digest === undefined || digest.length < 16 || digest.length > 64) {
      return "its last part is not complete";
    }
    if (
      passes < 1 || passes > HIGHEST.passes ||
      parallelism < 1 || parallelism > HIGHEST.parallelism ||
      memory < 8 * parallelism || memory > HIGHEST.memory
    ) {
      return `its costs are not up to m=${HIGHEST.memory},t=${HIGHEST.passes},p=${HIGHEST.parallelism}`;
    }
    const costs = { memory, passes, parallelism };
    return {
      digest: toBase64(digest),
      derive: async (password) =>
        toBase64(await compute(password, salt, costs, digest.length)),
    };
  },

  async create(password: Uint8Array): Promise<string> {
    const salt = randomBytes(16);
    const digest = await compute(password, salt, COSTS, 32);
    const { memory, passes, parallelism } = COSTS;
    return [
      "$argon2id$v=19",
      `m=${memory},t=${passes},p=${parallelism}`,
      toBase64(salt),
      toBase64(digest),
    ].join("$");
  },
};

async function compute(
  password: Uint8Array,
  nonce: Uint8Array,
  costs: Costs,
  length: number,
): Promise<Uint8Array> {
  const { subtle } = crypto;
  const key = await subtle.importKey(
    // The types of Web Cryptography do not have the formats of today.
    "raw-secret" as "raw",
    new Uint8Array(password),
    "Argon2id",
    false,
    ["deriveBits"],
  );
  const algorithm = { name: "Argon2id", nonce, version: 0x13, ...costs };
  return new Uint8Array(await subtle.deriveBits(algorithm, key, 8 * length));
}
