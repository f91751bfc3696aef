/** What the schemes of password hashes have in common. */

/** A password hash taken apart. */
export interface Hash {
  /** What the right password comes to, encoded. */
  readonly digest: string;
  /** What a password comes to; without stalling the event loop. */
  derive(password: Uint8Array): Promise<string>;
  /** Set where deriving keeps a thread busy: another one may do it. */
  readonly long?: LongWork;
}

/** Deriving, as work of a thread. */
export interface LongWork {
  /** The hash as it was read: whoever parses it finds the same work. */
  readonly text: string;
  /** Derives, in steps of a fraction of a millisecond. */
  steps(password: Uint8Array): Iterator<undefined, string>;
}

/** A kind of password hashes. */
export interface Scheme {
  /** Its name for people. */
  readonly name: string;
  /** What its hashes begin with. */
  readonly prefixes: readonly string[];
  /**
   * Takes a hash apart that begins with a prefix of it.
   *
   * @returns The hash; or what is wrong with it, without its text.
   */
  parse(text: string): Hash | string;
  /** Hashes a password with a new salt and the costs of today. */
  create(password: Uint8Array): Promise<string>;
}

/** Base 64 as in RFC 4648, without padding. */
export function toBase64(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true });
}

/** The bytes of such a text, or `undefined` if it is none. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

/** Bytes that nobody can foresee. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** The alphabet of `crypt(3)`. */
export const CRYPT_ALPHABET =
  "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
