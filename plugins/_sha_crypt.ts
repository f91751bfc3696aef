/**
 * SHA-crypt (Drepper, "Unix crypt using SHA-256 and SHA-512"): `$5$` and `$6$`,
 * which HBMQTT's password files have.
 */

import { createHash } from "node:crypto";
import {
  CRYPT_ALPHABET,
  type Hash,
  randomBytes,
  type Scheme,
} from "./_hash.ts";
import { inSlices } from "./_slices.ts";

/** Rounds where a hash does not say how many. */
const DEFAULT_ROUNDS = 5000;

/** More take minutes: nobody means that. */
const MOST_ROUNDS = 5_000_000;

/** Rounds of a step: some hundredths of a millisecond. */
const STEP = 16;

const encoder = new TextEncoder();

interface Variant {
  readonly algorithm: "sha256" | "sha512";
  /** Where the bytes of the first group stand, and those of the next two. */
  readonly order: readonly (readonly [number, number, number])[];
  /** Groups of three bytes. */
  readonly groups: number;
  /** The last group, which is not full. */
  readonly tail: readonly number[];
  readonly digest: RegExp;
}

const variants: Readonly<Record<string, Variant>> = {
  5: {
    algorithm: "sha256",
    order: [[0, 10, 20], [20, 0, 10], [10, 20, 0]],
    groups: 10,
    tail: [31, 30],
    digest: /^[./0-9A-Za-z]{43}$/,
  },
  6: {
    algorithm: "sha512",
    order: [[0, 21, 42], [21, 42, 0], [42, 0, 21]],
    groups: 21,
    tail: [63],
    digest: /^[./0-9A-Za-z]{86}$/,
  },
};

export const shaCrypt: Scheme = {
  name: "sha512-crypt",
  prefixes: ["$5$", "$6$"],

  parse(text: string): Hash | string {
    const parts = /^\$([56])\$(?:rounds=(\d+)\$)?([^$]{0,16})\$([^$]+)$/
      .exec(text);
    if (parts === null) return "it is not $6$salt$hash";
    const [, id, given, salt, digest] = parts as unknown as string[];
    const variant = variants[id!]!;
    if (!variant.digest.test(digest!)) return "its last part is not complete";
    const rounds = given === undefined ? DEFAULT_ROUNDS : Number(given);
    if (rounds < 1000 || rounds > MOST_ROUNDS) {
      return `its rounds are not from 1000 to ${MOST_ROUNDS}`;
    }
    const steps = (password: Uint8Array) =>
      compute(variant, password, encoder.encode(salt), rounds);
    return {
      digest: digest!,
      derive: (password) => inSlices(steps(password)),
      long: { text, steps },
    };
  },

  async create(password: Uint8Array): Promise<string> {
    const salt = Array.from(
      randomBytes(16),
      (byte) => CRYPT_ALPHABET[byte & 63],
    ).join("");
    const hash = `$6$${salt}$`;
    const digest = await inSlices(
      compute(variants[6]!, password, encoder.encode(salt), DEFAULT_ROUNDS),
    );
    return hash + digest;
  },
};

function* compute(
  variant: Variant,
  key: Uint8Array,
  salt: Uint8Array,
  rounds: number,
): Generator<undefined, string> {
  const sha = (parts: readonly Uint8Array[]): Uint8Array => {
    const hash = createHash(variant.algorithm);
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const inner = sha([key, salt, key]);
  const parts = [key, salt, repeated(inner, key.length)];
  for (let n = key.length; n > 0; n >>= 1) parts.push(n & 1 ? inner : key);
  let digest = sha(parts);
  yield;
  const keys = repeated(sha(Array(key.length).fill(key)), key.length);
  yield;
  const salts = repeated(
    sha(Array(16 + digest[0]!).fill(salt)),
    salt.length,
  );
  for (let i = 0; i < rounds; i++) {
    if (i % STEP === 0) yield;
    const odd = (i & 1) === 1;
    const round = [odd ? keys : digest];
    if (i % 3 !== 0) round.push(salts);
    if (i % 7 !== 0) round.push(keys);
    round.push(odd ? digest : keys);
    digest = sha(round);
  }
  return encode(digest, variant);
}

/** So many bytes of a block that is repeated. */
function repeated(block: Uint8Array, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => block[i % block.length]!);
}

function encode(digest: Uint8Array, { order, groups, tail }: Variant): string {
  let text = "";
  for (let i = 0; i < groups; i++) {
    const [a, b, c] = order[i % 3]!;
    text += encodeGroup([digest[a + i]!, digest[b + i]!, digest[c + i]!]);
  }
  return text + encodeGroup(tail.map((i) => digest[i]!));
}

/** The first byte has the highest bits; a group that is not full has fewer. */
function encodeGroup(bytes: readonly number[]): string {
  let bits = bytes.reduce((bits, byte) => bits << 8 | byte, 0);
  let text = "";
  for (let i = 0; i <= bytes.length; i++, bits >>= 6) {
    text += CRYPT_ALPHABET[bits & 63];
  }
  return text;
}
