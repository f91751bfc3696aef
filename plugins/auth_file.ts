/**
 * Users and passwords from a file.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import type {
  Awaitable,
  ClientInfo,
  ConnectAttempt,
  Logger,
  Opinion,
  Plugin,
  PluginContext,
} from "../broker/mod.ts";
import {
  type Fields,
  readSettings,
  ReasonCode,
  SettingsError,
} from "../codec/mod.ts";
import { type Hash, randomBytes } from "./_hash.ts";
import { LONGEST_PASSWORD, parseHash } from "./password.ts";
import { type Check, PasswordChecker } from "./_password_checker.ts";
import type { PasswordFile } from "./password_file.ts";
import { sourceOf } from "./_source.ts";
import { quote } from "./_text.ts";
import { UserFile } from "./_user_file.ts";

/** Options of {@linkcode authFile}. */
export interface AuthFileOptions {
  /** The path of the password file. */
  passwordFile: string;
}

/** The options of the plugin, as data. */
export const options = {
  passwordFile: {
    type: "text",
    description: "The path of the password file: user:hash lines.",
  },
} as const satisfies Fields;

/**
 * Makes a plugin that approves the users of a password file.
 *
 * It has no opinion of clients without a user name, and denies users who are not
 * in the file or whose password is wrong; how long that takes does not tell which.
 * A line of the file is `user:hash`, where the hash is Argon2id, bcrypt, scrypt or
 * SHA-crypt (`$5$`, `$6$`); `#` begins a comment, and blank lines are skipped. Of
 * lines with the same user the last one counts. `ambermq passwd` writes such files.
 * Hashes of `authScram` are taken too: one file may be for both.
 *
 * It has no opinion of clients that authenticate by a method (5.0).
 *
 * Changes of the file are noticed within two seconds. What cannot be used, at the
 * start, stops it: no file, or a line that is wrong. Later it is logged, and what
 * was there before goes on.
 *
 * Checks do not stall the broker, but some are slow by intention: four are done at
 * a time, in threads of their own, and addresses that clients come from have their
 * turns, one after the other. Of more than 512 that wait, the newest of the address
 * that has most are told to come again (0x89, before 5.0 code 3); checks of clients
 * that have gone are dropped. A password that was right is remembered until the file
 * changes.
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { authFile } from "@ambermq/mqtt/plugins";
 *
 * const broker = new Broker({
 *   plugins: [authFile({ passwordFile: "/etc/ambermq/passwd" })],
 * });
 * ```
 *
 * @param given Where the file is.
 * @returns The plugin.
 * @throws {SettingsError} If an option is not right.
 */
export function authFile(given: AuthFileOptions): Plugin {
  const where = `the options of ${NAME}`;
  const { passwordFile } = readSettings(given, options, where);
  if (!passwordFile) {
    const problem = "password-file is not there: the path of the password file";
    throw new SettingsError(where, ["passwordFile"], problem);
  }
  const users = new Users(passwordFile);
  return {
    name: NAME,
    start: (context) => users.start(context),
    check: (context) => users.check(context),
    stop: () => users.stop(),
    authenticate: (client, password, attempt) =>
      client.username && attempt.method === undefined
        ? users.authenticate(client, client.username, password, attempt)
        : undefined,
  };
}

/** The factory, by the name that configurations look for. */
export const plugin = authFile;

const NAME = "auth_file";

/** Seconds after which threads that are not needed are ended, or twice that. */
const REST = 60;

/** Milliseconds between two lines about passwords that are not checked. */
const PAUSE = 60_000;

/** The users of a file, as it is now. */
class Users {
  readonly #file: UserFile;
  readonly #checker = new PasswordChecker();
  #hashes: ReadonlyMap<string, Hash> = new Map();
  /** One of them stands for the hash of a user who is not there. */
  #decoys: readonly Hash[] = [];
  readonly #key = randomBytes(32);
  #stopped = false;
  /** Clients told to come again, since that was logged. */
  #putOffs = 0;
  #complainedAt = -Infinity;
  #logger: Logger | undefined;
  #now: () => number = () => 0;

  constructor(path: string) {
    this.#file = new UserFile(NAME, path, (file) => this.#use(file));
  }

  /** Reads the file, or says why it cannot. */
  async check(context: PluginContext): Promise<void> {
    this.#logger = context.logger;
    await this.#file.check(context);
  }

  async start(context: PluginContext): Promise<void> {
    this.#logger = context.logger;
    this.#now = context.now;
    this.#stopped = false;
    await this.#file.start(context);
    context.every(REST, () => this.#checker.rest());
  }

  stop(): void {
    this.#stopped = true;
    this.#checker.stop();
  }

  #use(file: PasswordFile): number {
    this.#hashes = new Map(
      Array.from(file.users, (user) => [user, parsed(file.get(user)!)]),
    );
    this.#decoys = [...this.#hashes.values()];
    this.#checker.forget();
    return this.#hashes.size;
  }

  authenticate(
    client: ClientInfo,
    user: string,
    password: Uint8Array | undefined,
    { signal }: ConnectAttempt,
  ): Awaitable<Opinion | ReasonCode> {
    if (password === undefined || password.length > LONGEST_PASSWORD) {
      return false;
    }
    const hash = this.#hashes.get(user);
    if (hash !== undefined && this.#checker.remembers(user, hash, password)) {
      return true;
    }
    const checked = hash ?? this.#decoyFor(user);
    if (checked === undefined) return false;
    return this.#check({
      user: hash && user,
      hash: checked,
      password,
      source: sourceOf(client),
      signal,
    });
  }

  /** Always the same one of a user: that none is there is not to show. */
  #decoyFor(user: string): Hash | undefined {
    const mac = createHmac("sha256", this.#key).update(user).digest();
    return this.#decoys[mac.readUInt32BE() % this.#decoys.length];
  }

  async #check(check: Check): Promise<Opinion | ReasonCode> {
    const right = await this.#checker.check(check);
    if (right === undefined) return this.#putOff(check);
    const { user, hash } = check;
    // Whoever was removed, or has another password, while it waited is not let in.
    return right && user !== undefined &&
      this.#hashes.get(user)?.digest === hash.digest;
  }

  /** The password is not wrong, nor right: the client is to come again. */
  #putOff({ source, signal }: Check): ReasonCode {
    if (signal.aborted || this.#stopped) return ReasonCode.ServerBusy; // nobody reads it
    this.#putOffs++;
    const now = this.#now();
    if (now - this.#complainedAt >= PAUSE) {
      this.#complainedAt = now;
      this.#logger?.warn(
        `${NAME}: too many passwords wait to be checked: clients are told to ` +
          `come again later: ${this.#putOffs}, the last from ${quote(source)}`,
      );
      this.#putOffs = 0;
    }
    return ReasonCode.ServerBusy;
  }
}

/** A hash that is known to be right. */
function parsed(text: string): Hash {
  const hash = parseHash(text);
  if (typeof hash === "string") throw new TypeError(hash);
  return hash;
}
