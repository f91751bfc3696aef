/** scrypt (RFC 7914) as passlib writes it, computed in a thread. */

import { scrypt as deriveKey } from "node:crypto";
import {
  fromBase64,
  type Hash,
  randomBytes,
  type Scheme,
  toBase64,
} from "./_hash.ts";

interface Costs {
  /** The logarithm of the number of blocks. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** Of new hashes: 64 MiB. */
const COSTS: Costs = { ln: 16, r: 8, p: 1 };

/** Bytes: more would take the memory of the broker. */
const MOST_MEMORY = 2 ** 30;

export const scrypt: Scheme = {
  name: "scrypt",
  prefixes: ["$scrypt$"],

  parse(text: string): Hash | string {
    const parts = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/
      .exec(text);
    if (parts === null) return "it is not $scrypt$ln=…,r=…,p=…$salt$hash";
    const [ln, r, p] = parts.slice(1, 4).map(Number) as [
      number,
      number,
      number,
    ];
    const [salt, digest] = [fromBase64(parts[4]!), fromBase64(parts[5]!)];
    if (salt === undefined) return "its salt is not right";
    if (digest === undefined || digest.length < 16 || digest.length > 64) {
      return "its last part is not complete";
    }
    if (
      ln < 1 || ln > 30 || r < 1 || p < 1 || p > 64 ||
      128 * r * 2 ** ln > MOST_MEMORY
    ) {
      return "its costs are out of range, or take more than 1 GiB";
    }
    return {
      digest: toBase64(digest),
      derive: async (password) =>
        toBase64(await compute(password, salt, { ln, r, p }, digest.length)),
    };
  },

  async create(password: Uint8Array): Promise<string> {
    const salt = randomBytes(16);
    const digest = await compute(password, salt, COSTS, 32);
    const { ln, r, p } = COSTS;
    return `$scrypt$ln=${ln},r=${r},p=${p}$${toBase64(salt)}$${
      toBase64(digest)
    }`;
  },
};

function compute(
  password: Uint8Array,
  salt: Uint8Array,
  { ln, r, p }: Costs,
  length: number,
): Promise<Uint8Array> {
  const N = 2 ** ln;
  // What node:crypto wants to be told is a little more than the blocks.
  const maxmem = 2 * 128 * r * (N + p + 2);
  return new Promise((resolve, reject) =>
    deriveKey(
      password,
      salt,
      length,
      { N, r, p, maxmem },
      (error, key) =>
        error === null ? resolve(new Uint8Array(key)) : reject(error),
    )
  );
}
