/**
 * bcrypt (Provos and Mazières, "A future-adaptable password scheme", 1999).
 *
 * Of our own because the packages there are compute for up to a tenth of a second
 * without a break, and a broker has other things to do.
 */

import { type Hash, randomBytes, type Scheme } from "./_hash.ts";
import { inSlices } from "./_slices.ts";

/** The cost of new hashes: 2 to the power of it rounds. */
const COST = 10;

/** More take minutes: nobody means that. */
const HIGHEST_COST = 18;

/** Bytes of a password that count. */
const LONGEST = 72;

const ALPHABET =
  "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

export const bcrypt: Scheme = {
  name: "bcrypt",
  prefixes: ["$2a$", "$2b$", "$2y$"],

  parse(text: string): Hash | string {
    const parts = /^\$2[aby]\$(\d\d)\$([./0-9A-Za-z]{22})([./0-9A-Za-z]{31})$/
      .exec(text);
    if (parts === null) return "it is not complete";
    const [, given, salt, digest] = parts as unknown as string[];
    const cost = Number(given);
    if (cost < 4 || cost > HIGHEST_COST) {
      return `its cost is not from 4 to ${HIGHEST_COST}`;
    }
    const steps = (password: Uint8Array) =>
      compute(password, decode(salt!), cost);
    return {
      digest: digest!,
      derive: (password) => inSlices(steps(password)),
      long: { text, steps },
    };
  },

  async create(password: Uint8Array): Promise<string> {
    if (password.length > LONGEST) {
      throw new RangeError(
        `Cannot hash the password with bcrypt: it has more than ${LONGEST} bytes`,
      );
    }
    const salt = randomBytes(16);
    const digest = await inSlices(compute(password, salt, COST));
    return `$2b$${COST}$${encode(salt)}${digest}`;
  },
};

/** The state of Blowfish: its subkeys, and its four boxes in a row. */
interface State {
  readonly keys: Int32Array;
  readonly boxes: Int32Array;
}

/** Words of the subkeys. */
const KEYS = 18;

/** Words of the boxes. */
const BOXES = 1024;

let initial: State | undefined;

function* compute(
  password: Uint8Array,
  salt: Uint8Array,
  cost: number,
): Generator<undefined, string> {
  initial ??= yield* fractionOfPi();
  const state: State = {
    keys: initial.keys.slice(),
    boxes: initial.boxes.slice(),
  };
  // The password with the zero that ends a string in C.
  const key = words([...password, 0].slice(0, LONGEST), KEYS);
  const salts = words([...salt], KEYS);
  expand(state, key, salts);
  for (let i = 0; i < 2 ** cost; i++) {
    expand(state, key, undefined);
    expand(state, salts, undefined);
    yield;
  }
  const blocks = words([...new TextEncoder().encode(MAGIC)], 6);
  for (let i = 0; i < 6; i += 2) {
    for (let round = 0; round < 64; round++) encipher(state, blocks, i);
  }
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  blocks.forEach((word, i) => view.setInt32(4 * i, word));
  return encode(bytes.subarray(0, 23));
}

const MAGIC = "OrpheanBeholderScryDoubt";

/** So many big-endian words of bytes that are repeated. */
function words(bytes: readonly number[], count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => {
    let word = 0;
    for (let k = 0; k < 4; k++) {
      word = word << 8 | bytes[(4 * i + k) % bytes.length]!;
    }
    return word;
  });
}

/** The key schedule; the salt has four words, which repeat. */
function expand(
  state: State,
  key: Int32Array,
  salt: Int32Array | undefined,
): void {
  const { keys, boxes } = state;
  for (let i = 0; i < KEYS; i++) keys[i]! ^= key[i]!;
  const block = new Int32Array(2);
  let next = 0;
  for (const words of [keys, boxes]) {
    for (let i = 0; i < words.length; i += 2) {
      if (salt !== undefined) {
        block[0]! ^= salt[next]!;
        block[1]! ^= salt[next + 1]!;
        next = (next + 2) % 4;
      }
      encipher(state, block, 0);
      words[i] = block[0]!;
      words[i + 1] = block[1]!;
    }
  }
}

/** Blowfish: enciphers two words in place. */
function encipher({ keys, boxes }: State, block: Int32Array, at: number): void {
  let left = block[at]! ^ keys[0]!;
  let right = block[at + 1]!;
  for (let i = 1; i <= 16; i += 2) {
    right ^= mixed(boxes, left) ^ keys[i]!;
    left ^= mixed(boxes, right) ^ keys[i + 1]!;
  }
  block[at] = right ^ keys[17]!;
  block[at + 1] = left;
}

function mixed(boxes: Int32Array, word: number): number {
  const sum = boxes[word >>> 24]! + boxes[256 + (word >>> 16 & 255)]!;
  return (sum ^ boxes[512 + (word >>> 8 & 255)]!) +
      boxes[768 + (word & 255)]! | 0;
}

/**
 * Blowfish begins with the fractional part of pi, in words of 32 bits. By
 * Machin's formula: pi = 16 arctan 1/5 - 4 arctan 1/239.
 */
function* fractionOfPi(): Generator<undefined, State> {
  const guard = 64n;
  const bits = BigInt(32 * (KEYS + BOXES)) + guard;
  const pi = 16n * (yield* arctan(5n, bits)) - 4n * (yield* arctan(239n, bits));
  const digits = (pi >> guard).toString(16).slice(1); // without the 3
  const word = (i: number) => parseInt(digits.slice(8 * i, 8 * i + 8), 16);
  return {
    keys: Int32Array.from({ length: KEYS }, (_, i) => word(i)),
    boxes: Int32Array.from({ length: BOXES }, (_, i) => word(KEYS + i)),
  };
}

/** The arctangent of 1/x in units of 2 to the power of -bits. */
function* arctan(x: bigint, bits: bigint): Generator<undefined, bigint> {
  let power = (1n << bits) / x;
  let sum = 0n;
  for (let n = 1n; power !== 0n; n += 4n) {
    sum += power / n;
    power /= x * x;
    sum -= power / (n + 2n);
    power /= x * x;
    if (n % 32n === 1n) yield;
  }
  return sum;
}

/** Base 64 of bcrypt's own: another alphabet, no padding. */
function encode(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits = (bits << 8 | byte) & 0xfff;
    for (count += 8; count >= 6; count -= 6) {
      text += ALPHABET[bits >> (count - 6) & 63];
    }
  }
  return count > 0 ? text + ALPHABET[bits << (6 - count) & 63] : text;
}

function decode(text: string): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let count = 0;
  for (const letter of text) {
    bits = (bits << 6 | ALPHABET.indexOf(letter)) & 0xfff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push(bits >> count & 255);
  }
  return new Uint8Array(bytes);
}
