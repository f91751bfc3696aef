/**
 * SCRAM-SHA-256 (RFC 7677): clients of MQTT 5.0 prove that they know their
 * password, and the broker that it knows it too, and nobody says it.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import type {
  AuthenticationAnswer,
  AuthenticationExchange,
  Logger,
  Plugin,
  PluginContext,
} from "../broker/mod.ts";
import {
  type Fields,
  parseScramCredentials,
  readSettings,
  ReasonCode,
  SCRAM_SHA_256,
  type ScramCredentials,
  ScramError,
  scramName,
  ScramServer,
  SettingsError,
} from "../codec/mod.ts";
import { fromBase64, randomBytes } from "./_hash.ts";
import type { PasswordFile } from "./password_file.ts";
import { UserFile } from "./_user_file.ts";

/** Options of {@linkcode authScram}. */
export interface AuthScramOptions {
  /** The path of the password file. */
  passwordFile: string;
  /**
   * Whether clients that give a user name, but not by this method, are left to
   * other plugins; by default they are refused.
   */
  allowPasswords?: boolean;
}

/** The options of the plugin, as data. */
export const options = {
  passwordFile: {
    type: "text",
    description: "The path of the password file: user:hash lines.",
  },
  allowPasswords: {
    type: "boolean",
    description: "Whether clients that give a user name, but not by this " +
      "method, are left to other plugins.",
    default: false,
  },
} as const satisfies Fields;

/**
 * Makes a plugin that offers the authentication method `SCRAM-SHA-256` (5.0).
 *
 * The users are those of a password file, as `authFile` has it, whose hash is of
 * the form `SCRAM-SHA-256$…`; `ambermq passwd --hash scram-sha-256` writes it,
 * and PostgreSQL has the same. Others cannot authenticate this way. Changes of
 * the file are noticed within two seconds.
 *
 * The broker has little to do for it: what takes time is done by the client. It
 * says the same to users who are not there as to others. What it takes for that
 * stands in the file, in the comment `decoy-key`, so that it is the same after a
 * restart; without it the answers are others then.
 *
 * Clients that give a user name, but not by this method, are refused, so that
 * nobody passes for one of these users where `authAnonymous` lets everybody in.
 * Beside a plugin that checks passwords, such as `authFile`, say
 * `allowPasswords`. Of clients without a user name it has no opinion.
 *
 * Channel binding is not offered: use TLS as well, so that nobody on the way can
 * read or change what follows.
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { authScram } from "@ambermq/mqtt/plugins";
 *
 * const broker = new Broker({
 *   plugins: [authScram({ passwordFile: "/etc/ambermq/passwd" })],
 * });
 * ```
 *
 * @param given Where the file is.
 * @returns The plugin.
 * @throws {SettingsError} If an option is not right.
 */
export function authScram(given: AuthScramOptions): Plugin {
  const where = `the options of ${NAME}`;
  const { passwordFile, allowPasswords = false } = readSettings(
    given,
    options,
    where,
  );
  if (!passwordFile) {
    const problem = "password-file is not there: the path of the password file";
    throw new SettingsError(where, ["passwordFile"], problem);
  }
  const users = new Users(passwordFile);
  return {
    name: NAME,
    start: (context) => users.start(context),
    check: (context) => users.check(context),
    authenticate: ({ username }, _, { method }) =>
      method === undefined && username && !allowPasswords ? false : undefined,
    authenticationMethods: { [SCRAM_SHA_256]: () => new Exchange(users) },
  };
}

/** The factory, by the name that configurations look for. */
export const plugin = authScram;

const NAME = "auth_scram";

/** Bytes of a salt, where no user has one. */
const SALT = 16;

/** Iterations, where no user has any. */
const ITERATIONS = 15_000;

/** A user of the file, or nobody. */
interface User {
  /** The user name as the file has it; absent: there is none of that name. */
  readonly name: string | undefined;
  /** The hash as the file has it. */
  readonly hash: string;
  readonly credentials: ScramCredentials;
}

/** The users of a file, as it is now. */
class Users {
  readonly #file: UserFile;
  #users: ReadonlyMap<string, User> = new Map();
  /** What most users have: nobody is to differ by it. */
  #iterations = ITERATIONS;
  #salt = SALT;
  /** Of this process, where the file has none. */
  readonly #ownKey = randomBytes(32);
  #key: Uint8Array = this.#ownKey;
  #logger: Logger | undefined;

  constructor(path: string) {
    this.#file = new UserFile(NAME, path, (file) => this.#use(file, path));
  }

  /** Reads the file, or says why it cannot. */
  async check(context: PluginContext): Promise<void> {
    this.#logger = context.logger;
    await this.#file.check(context);
  }

  async start(context: PluginContext): Promise<void> {
    this.#logger = context.logger;
    await this.#file.start(context);
  }

  #use(file: PasswordFile, path: string): number {
    const users = new Map<string, User>();
    for (const name of file.users) {
      const hash = file.get(name)!;
      const credentials = parseScramCredentials(hash);
      const key = scramName(name);
      if (typeof credentials === "string" || key === undefined) continue;
      users.set(key, { name, hash, credentials });
    }
    if (users.size === 0) {
      this.#logger?.warn(
        `${NAME}: ${path}: nobody has a hash for ${SCRAM_SHA_256}: ambermq ` +
          "passwd --hash scram-sha-256 makes one",
      );
    }
    const all = [...users.values()].map(({ credentials }) => credentials);
    this.#iterations = usual(all.map(({ iterations }) => iterations)) ??
      ITERATIONS;
    this.#salt = usual(all.map(({ salt }) => salt.length)) ?? SALT;
    this.#key = fromBase64(file.decoyKey ?? "") ?? this.#ownKey;
    if (this.#key.length < SALT) this.#key = this.#ownKey;
    this.#users = users;
    return users.size;
  }

  /** The user of a name, or who stands for one who is not there. */
  find(name: string): User {
    const nobody = this.#nobody(name); // in any case: it takes time
    return this.#users.get(name) ?? nobody;
  }

  /** Whether a user is still who it was when the exchange began. */
  has({ hash }: User, name: string): boolean {
    return this.#users.get(name)?.hash === hash;
  }

  #nobody(name: string): User {
    const salt = new Uint8Array(
      createHmac("sha512", this.#key).update(name).digest(),
    );
    const credentials = {
      iterations: this.#iterations,
      salt: salt.subarray(0, this.#salt),
      // Whose key that is nobody knows.
      storedKey: randomBytes(32),
      serverKey: randomBytes(32),
    };
    return { name: undefined, hash: "", credentials };
  }
}

/** What there is most often. */
function usual(numbers: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const one of numbers) counts.set(one, (counts.get(one) ?? 0) + 1);
  const [first] = [...counts].sort(([, one], [, other]) => other - one);
  return first?.[0];
}

/** An exchange with one client. */
class Exchange implements AuthenticationExchange {
  readonly #users: Users;
  readonly #server = new ScramServer();
  #begun = false;
  /** Who the client says to be. */
  #username: string | undefined;
  #user: User | undefined;

  constructor(users: Users) {
    this.#users = users;
  }

  async continue(data: Uint8Array | undefined): Promise<AuthenticationAnswer> {
    const begins = !this.#begun;
    this.#begun = true;
    try {
      // CONNECT may have none: the client is asked for its first message.
      if (data === undefined && begins) return { outcome: "continue" };
      return this.#user === undefined
        ? this.#challenge(data ?? new Uint8Array())
        : await this.#check(this.#user, data ?? new Uint8Array());
    } catch (error) {
      if (!(error instanceof ScramError)) throw error;
      return { outcome: "refusal", username: this.#username };
    }
  }

  #challenge(message: Uint8Array): AuthenticationAnswer {
    const { username, challenge } = this.#server.first(message);
    this.#username = username;
    this.#user = this.#users.find(username);
    return { outcome: "continue", data: challenge(this.#user.credentials) };
  }

  async #check(
    user: User,
    message: Uint8Array,
  ): Promise<AuthenticationAnswer> {
    const signature = await this.#server.check(message);
    const username = this.#username!;
    if (signature === undefined || !this.#users.has(user, username)) {
      const reasonCode = ReasonCode.BadUserNameOrPassword;
      return { outcome: "refusal", reasonCode, username };
    }
    return { outcome: "success", username: user.name, data: signature };
  }
}
