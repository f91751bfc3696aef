/** The arithmetic of SCRAM-SHA-256, and base 64 as every runtime has it. */

/** Bytes of what the hash comes to. */
export const LENGTH = 32;

/** The fewest iterations that are accepted (RFC 7677, section 4). */
export const LEAST = 4096;

/** The most: whoever asks for more wants to keep the other end busy. */
export const MOST = 1_000_000;

/** Bytes of a nonce: nobody guesses it. */
const NONCE = 24;

const encoder = new TextEncoder();

/** Whether a password may be hashed so often. */
export function isIterations(count: number): boolean {
  return Number.isInteger(count) && count >= LEAST && count <= MOST;
}

/** What makes an exchange differ from all others. */
export function newNonce(): string {
  return toBase64(crypto.getRandomValues(new Uint8Array(NONCE)));
}

/** Hi() of RFC 5802: PBKDF2, in a thread of the runtime. */
export async function saltedPassword(
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey(
    "raw",
    encoder.encode(password),
    "PBKDF2",
    false,
    ["deriveBits"],
  );
  const bits = await crypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-256", salt: own(salt), iterations },
    key,
    LENGTH * 8,
  );
  return new Uint8Array(bits);
}

export async function hmac(key: Uint8Array, text: string): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey(
    "raw",
    own(key),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const mac = await crypto.subtle.sign("HMAC", imported, encoder.encode(text));
  return new Uint8Array(mac);
}

export async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", own(bytes)));
}

export function xor(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, i) => byte ^ other[i]!);
}

/** Whether they are equal: how long it takes does not tell how much is. */
export function equal(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) difference |= one[i]! ^ other[i]!;
  return difference === 0;
}

/** Base 64 of RFC 4648, with padding. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** The bytes of such a text; `undefined` if it is none, or empty. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 > 0) {
    return undefined;
  }
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** WebCrypto takes no bytes that are shared with another thread. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
