/**
 * Password files: a user and the hash of a password in each line.
 *
 * @module
 */

import { randomBytes, toBase64 } from "./_hash.ts";
import { isHash, parseHash } from "./password.ts";
import { scram } from "./_scram.ts";
import { quote } from "./_text.ts";

/** Something about a password file that somebody should know. */
export interface PasswordFileProblem {
  /** The number of the line, from 1. */
  readonly line: number;
  /** What is wrong; no hash and no password is shown. */
  readonly problem: string;
}

interface Entry {
  readonly user: string;
  readonly secret: string;
}

/**
 * A password file: lines `user:hash`, comments after `#`, blank lines. What is
 * changed keeps the other lines as they are.
 *
 * @example
 * ```ts
 * import { PasswordFile } from "@ambermq/mqtt/plugins";
 * import { assertEquals } from "@std/assert";
 *
 * const file = new PasswordFile("# people\nalice:secret\n");
 * assertEquals([...file.users], ["alice"]);
 * assertEquals(file.errors, [
 *   { line: 2, problem: 'the hash of user "alice" is not right: it is no hash' },
 * ]);
 * ```
 */
export class PasswordFile {
  readonly #lines: string[];
  /** Index of the line of each user: of the last, where there are more. */
  readonly #users = new Map<string, number>();

  /**
   * Reads a password file.
   *
   * @param text What is in it; by default nothing.
   */
  constructor(text = "") {
    this.#lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
    if (this.#lines.at(-1) === "") this.#lines.pop();
    this.#lines.forEach((line, i) => {
      const entry = parseLine(line);
      if (entry !== undefined) this.#users.set(entry.user, i);
    });
  }

  /** The users, in the order of the file. */
  get users(): IterableIterator<string> {
    return this.#users.keys();
  }

  /** Lines that say nothing: those without a user, and those without a hash. */
  get errors(): PasswordFileProblem[] {
    const problems: PasswordFileProblem[] = [];
    this.#lines.forEach((line, i) => {
      const problem = problemOf(line);
      if (problem !== undefined) problems.push({ line: i + 1, problem });
    });
    return problems;
  }

  /** Lines that do not count, because their user has another one below. */
  get duplicates(): PasswordFileProblem[] {
    const problems: PasswordFileProblem[] = [];
    this.#lines.forEach((line, i) => {
      const { user } = parseLine(line) ?? {};
      const last = user === undefined ? i : this.#users.get(user)!;
      if (last === i) return;
      const problem = `user ${quote(user!)} is there again in line ${last + 1}`;
      problems.push({ line: i + 1, problem });
    });
    return problems;
  }

  /** Users behind whose name there is a password itself, no hash. */
  get plain(): string[] {
    return [...this.users].filter((user) => {
      const secret = this.get(user)!;
      return !isHash(secret) && !isLocked(secret);
    });
  }

  /**
   * Lines of users who have no password, not even in the clear: there is nothing,
   * or what begins with `*` or `!`, by which `crypt(3)` locks an account.
   */
  get locked(): PasswordFileProblem[] {
    return [...this.#users].flatMap(([user, index]) => {
      const secret = this.get(user)!;
      if (!isLocked(secret)) return [];
      const what = secret === "" ? "has no password" : "is locked";
      return [{ line: index + 1, problem: `user ${quote(user)} ${what}` }];
    }).sort((one, other) => one.line - other.line);
  }

  /**
   * What stands behind the name of a user.
   *
   * @param user The user.
   * @returns The hash, or what is in its place; `undefined` if there is no such
   * user.
   */
  get(user: string): string | undefined {
    const index = this.#users.get(user);
    return index === undefined
      ? undefined
      : parseLine(this.#lines[index]!)!.secret;
  }

  /**
   * What hashes for SCRAM come with: from it comes what a broker tells those
   * who ask for a user who is not there, the same each time. It stands in a
   * comment; `undefined` if there is none.
   */
  get decoyKey(): string | undefined {
    for (const line of this.#lines) {
      const [, key] = /^\s*#\s*decoy-key:\s*(\S+)/.exec(line) ?? [];
      if (key !== undefined) return key;
    }
    return undefined;
  }

  /**
   * Adds a user, or changes the hash of one. The first hash for SCRAM brings a
   * `decoyKey` with it.
   *
   * @param user The user.
   * @param hash The hash.
   * @throws {TypeError} If the name cannot stand in a file.
   */
  set(user: string, hash: string): void {
    const line = `${user}:${hash}`;
    const read = parseLine(line);
    // deno-lint-ignore no-control-regex -- these are what is looked for
    if (read?.user !== user || /[\u0000-\u001f\u007f]/.test(user)) {
      throw new TypeError(
        `Cannot add user ${
          quote(user)
        }: a name may not be empty, have ":", spaces at its ends or control characters, or begin with "#"`,
      );
    }
    if (hash.startsWith(scram.prefixes[0]!) && this.decoyKey === undefined) {
      const key = toBase64(randomBytes(32));
      this.#lines.push(`# decoy-key: ${key} (keep it, and keep it secret)`);
    }
    const index = this.#users.get(user);
    if (index === undefined) this.#users.set(user, this.#lines.length);
    this.#lines[index ?? this.#lines.length] = line;
  }

  /**
   * Removes a user.
   *
   * @param user The user.
   * @returns Whether it was there.
   */
  delete(user: string): boolean {
    if (!this.#users.has(user)) return false;
    const kept = this.#lines.filter((line) => parseLine(line)?.user !== user);
    this.#lines.splice(0, Infinity, ...kept);
    this.#users.clear();
    kept.forEach((line, i) => {
      const entry = parseLine(line);
      if (entry !== undefined) this.#users.set(entry.user, i);
    });
    return true;
  }

  /**
   * The file as text.
   *
   * @returns All lines, each with an end.
   */
  toString(): string {
    return this.#lines.map((line) => `${line}\n`).join("");
  }
}

function parseLine(line: string): Entry | undefined {
  const text = line.trim();
  const colon = text.indexOf(":");
  if (text.startsWith("#") || colon < 1) return undefined;
  return {
    user: text.slice(0, colon).trimEnd(),
    secret: text.slice(colon + 1).trim(),
  };
}

function isLocked(secret: string): boolean {
  return /^(?:$|[*!])/.test(secret);
}

function problemOf(line: string): string | undefined {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return undefined;
  const entry = parseLine(line);
  if (entry === undefined) return "it is not user:hash";
  const parsed = parseHash(entry.secret);
  return typeof parsed === "string"
    ? `the hash of user ${quote(entry.user)} is not right: ${parsed}`
    : undefined;
}
