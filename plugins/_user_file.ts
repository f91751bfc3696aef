/**
 * A password file as the plugins have it: read at the start, which fails if it
 * cannot be used, and again whenever it is another one.
 */

import type { Logger, PluginContext } from "../broker/mod.ts";
import { PasswordFile } from "./password_file.ts";

/** Seconds between two looks at the file. */
const INTERVAL = 1;

/** Wrong lines that are shown. */
const SHOWN = 5;

export class UserFile {
  readonly #plugin: string;
  readonly #path: string;
  readonly #use: (file: PasswordFile) => number;
  /** What tells the file that was read last from another one. */
  #read = "";
  /** The same of the file that was there at the last look. */
  #seen = "";
  #logger: Logger | undefined;

  /**
   * @param plugin Whose it is, for the log.
   * @param use Takes what is read, and says how many users there are.
   */
  constructor(
    plugin: string,
    path: string,
    use: (file: PasswordFile) => number,
  ) {
    this.#plugin = plugin;
    this.#path = path;
    this.#use = use;
  }

  /** Reads the file, or says why it cannot. */
  async check({ logger }: PluginContext): Promise<void> {
    this.#logger = logger;
    this.#seen = await this.#stamp();
    await this.#load();
  }

  /** The same; from now on changes are noticed. */
  async start(context: PluginContext): Promise<void> {
    await this.check(context);
    context.every(INTERVAL, () => this.#look());
  }

  /** Reads the file again if it is another one, and has been since the last look. */
  async #look(): Promise<void> {
    const stamp = await this.#stamp();
    const settled = stamp === this.#seen;
    this.#seen = stamp;
    if (stamp === this.#read || !settled) return;
    try {
      const users = await this.#load();
      this.#logger?.info(
        `${this.#plugin}: ${this.#path} has changed: users: ${users}`,
      );
    } catch (error) {
      this.#read = stamp; // it is not read again before it is yet another one
      const reason = error instanceof Error ? error.message : String(error);
      this.#logger?.warn(
        `${this.#plugin}: the users stay as they were: ${reason}`,
      );
    }
  }

  /** What tells this file from another one; empty if there is none. */
  async #stamp(): Promise<string> {
    try {
      const { mtime, size, ino } = await Deno.stat(this.#path);
      return [mtime?.getTime(), size, ino].join();
    } catch {
      return "";
    }
  }

  async #load(): Promise<number> {
    const file = new PasswordFile(await this.#text());
    const { errors } = file;
    if (errors.length > 0) {
      const more = errors.length - SHOWN;
      throw new TypeError([
        `Cannot use the password file ${this.#path}`,
        ...errors.slice(0, SHOWN).map(({ line, problem }) =>
          `${this.#path}:${line}: ${problem}`
        ),
        ...(more > 0 ? [`and ${more} more`] : []),
      ].join("; "));
    }
    for (const { line, problem } of file.duplicates) {
      this.#logger?.warn(`${this.#plugin}: ${this.#path}:${line}: ${problem}`);
    }
    const users = this.#use(file);
    this.#read = this.#seen;
    return users;
  }

  async #text(): Promise<string> {
    try {
      const bytes = await Deno.readFile(this.#path);
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch (error) {
      const reason = error instanceof TypeError
        ? "it is not UTF-8"
        : error instanceof Error
        ? error.message
        : String(error);
      throw new TypeError(
        `Cannot read the password file ${this.#path}: ${reason}`,
        { cause: error },
      );
    }
  }
}
