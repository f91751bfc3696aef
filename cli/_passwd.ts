/** `ambermq passwd`: manages password files. */

import {
  hashPassword,
  PasswordFile,
  type PasswordScheme,
  passwordSchemes,
  verifyPassword,
} from "../mod.ts";
import type { Command } from "./_command.ts";
import { FAILED } from "./_exit_status.ts";
import {
  describeFlags,
  parseFlags,
  shortHelpFlag,
  UsageError,
  type Values,
} from "./_flags.ts";
import { SecretInput } from "./_secret.ts";
import { Interruption, print, type Terminal } from "./_terminal.ts";

const flags = {
  create: {
    names: ["-c", "--create"],
    help: "make a new file; one that is there is not touched",
  },
  batch: {
    names: ["-b", "--batch"],
    help: "take the password from the command line, where\n" +
      "others on the machine can see it",
  },
  delete: { names: ["-D", "--delete"], help: "remove the user" },
  upgrade: {
    names: ["-U", "--upgrade"],
    help: "hash all passwords that stand there in the clear",
  },
  verify: {
    names: ["--verify"],
    help: "only say whether the password is right",
  },
  scheme: {
    names: ["-H", "--hash"],
    value: "SCHEME",
    help: "how to hash: argon2id (default), bcrypt, scrypt,\n" +
      "sha512-crypt; scram-sha-256: for the plugin auth_scram",
    choices: passwordSchemes,
  },
  help: shortHelpFlag,
} as const;

const help = `Usage: ambermq passwd [options] FILE USER
       ambermq passwd -b [options] FILE USER PASSWORD
       ambermq passwd -D FILE USER
       ambermq passwd -U [options] FILE
       ambermq passwd --verify [-b] FILE USER [PASSWORD]

Adds a user to the password file of a broker, or changes a password. It asks for
the password, or reads a line of standard input where that is no terminal. Other
lines of the file stay as they are; a broker that runs notices the change.

${describeFlags({ Options: flags })}
Exit status: 0 if it is done, and for --verify if the password is right; 1 if
not; 2 for a wrong command line.
`;

/** The command. */
export const passwdCommand: Command = {
  help: "manage password files",
  flags,
  path: "file",
  run: runPasswd,
};

/** Something that went wrong, in words for who typed the command. */
class PasswdError extends Error {
  override readonly name: string = "PasswdError";
}

async function runPasswd(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const { options, operands } = parse(args);
  if (options.help) return await print(terminal, help);
  const [path, user, given] = operands as [string, string, string | undefined];
  try {
    if (options.upgrade) {
      return await upgrade(path, schemeOf(options), terminal);
    }
    if (options.delete) return await remove(path, user);
    if (options.verify) return await check(path, user, given, terminal);
    return await set(options, operands, terminal);
  } catch (error) {
    if (error instanceof Interruption) return error.status;
    if (error instanceof UsageError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    terminal.error(`ambermq passwd: ${why}`);
    return FAILED;
  }
}

type Options = Values<typeof flags>;

/** Flags are taken from anywhere but behind `--`, and a password is none. */
function parse(
  args: readonly string[],
): { options: Options; operands: string[] } {
  const words = [...args];
  const flagWords: string[] = [];
  const operands: string[] = [];
  for (let word; (word = words.shift()) !== undefined;) {
    const batch = flagWords.some((one) =>
      flags.batch.names.some((name) => name === one)
    );
    if (word === "--") operands.push(...words.splice(0));
    else if (batch && operands.length === 2) operands.push(word);
    else if (!word.startsWith("-")) operands.push(word);
    else {
      flagWords.push(word);
      const takesValue = flags.scheme.names.some((name) => name === word);
      if (takesValue) flagWords.push(...words.splice(0, 1));
    }
  }
  const options = parseFlags(flags, flagWords);
  if (!options.help) checkOperands(options, operands);
  return { options, operands };
}

function checkOperands(options: Options, operands: readonly string[]): void {
  const { create, batch, delete: remove, upgrade, verify, scheme } = options;
  const modes = [remove, upgrade, verify, create].filter(Boolean);
  if (modes.length > 1) {
    throw new UsageError("only one of -c, -D, -U and --verify can be done");
  }
  if (batch && (remove || upgrade)) {
    throw new UsageError("-b is for setting or verifying a password");
  }
  if (scheme !== undefined && (remove || verify)) {
    throw new UsageError("--hash is for setting passwords");
  }
  schemeOf(options);
  const names = ["FILE", "USER", "PASSWORD"]
    .slice(0, upgrade ? 1 : batch ? 3 : 2);
  const missing = names[operands.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing`);
  const more = operands[names.length];
  if (more === undefined) return;
  throw new UsageError(
    names.length === 2
      ? "there is one word too many: a password needs -b before it"
      : `${JSON.stringify(more)} is not expected`,
  );
}

function schemeOf({ scheme = "argon2id" }: Options): PasswordScheme {
  const found = passwordSchemes.find((one) => one === scheme);
  if (found !== undefined) return found;
  throw new UsageError(
    `--hash is ${JSON.stringify(scheme)}, not one of ${
      passwordSchemes.join(", ")
    }`,
  );
}

async function set(
  options: Options,
  [path, user, given]: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const file = options.create ? new PasswordFile() : await read(path!);
  if (options.create && await exists(path!)) {
    throw new PasswdError(
      `${path} is there already; leave -c out to change it`,
    );
  }
  file.set(user!, ""); // before somebody types a password in vain
  const password = given ?? await askTwice(user!, terminal);
  if (password === "") throw new PasswdError("the password is empty");
  file.set(user!, await hashPassword(password, schemeOf(options)));
  await write(path!, file, options.create);
  return 0;
}

async function askTwice(user: string, terminal: Terminal): Promise<string> {
  using input = new SecretInput(terminal);
  const first = await input.ask(`Password of ${user}: `);
  if (first === undefined) throw new PasswdError("no password was given");
  if (!first.typed) return first.text;
  const second = await input.ask("The same again: ");
  if (first.text === second?.text) return first.text;
  throw new PasswdError("the two passwords are not the same");
}

async function remove(path: string, user: string): Promise<number> {
  const file = await read(path);
  if (!file.delete(user)) throw noUser(path, user);
  await write(path, file, false);
  return 0;
}

async function check(
  path: string,
  user: string,
  given: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const hash = (await read(path)).get(user);
  if (hash === undefined) throw noUser(path, user);
  let password = given;
  if (password === undefined) {
    using input = new SecretInput(terminal);
    password = (await input.ask(`Password of ${user}: `))?.text;
  }
  if (password !== undefined && await verifyPassword(password, hash)) return 0;
  throw new PasswdError("the password is wrong");
}

async function upgrade(
  path: string,
  scheme: PasswordScheme,
  terminal: Terminal,
): Promise<number> {
  const file = await read(path);
  const { plain, locked } = file;
  if (locked.length > 0) {
    const lines = locked.map(({ line, problem }) =>
      `${path}:${line}: ${problem}`
    );
    throw new PasswdError(
      `nothing is changed: give them a password, or remove them: ${
        lines.join("; ")
      }`,
    );
  }
  for (const user of plain) {
    file.set(user, await hashPassword(file.get(user)!, scheme));
  }
  if (plain.length > 0) await write(path, file, false);
  return await print(terminal, `${path}: passwords hashed: ${plain.length}\n`);
}

function noUser(path: string, user: string): PasswdError {
  return new PasswdError(`${path} has no user ${JSON.stringify(user)}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function read(path: string): Promise<PasswordFile> {
  try {
    const bytes = await Deno.readFile(path);
    return new PasswordFile(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new PasswdError(`there is no ${path}; -c makes it`);
    }
    if (error instanceof TypeError) {
      throw new PasswdError(`${path} is not UTF-8`);
    }
    throw error;
  }
}

/** Replaces a file in one go: nobody sees half of it, nor after a power cut. */
async function write(
  path: string,
  file: PasswordFile,
  create: boolean,
): Promise<void> {
  // A link stays one.
  const target = create ? path : await Deno.realPath(path);
  const old = create ? undefined : await Deno.stat(target);
  const folder = target.replace(/[^/\\]*$/, "") || ".";
  const temporary = await Deno.makeTempFile({ dir: folder }); // 0600
  try {
    await Deno.writeTextFile(temporary, file.toString());
    using written = await Deno.open(temporary);
    await written.sync();
    if (old !== undefined) await keepAccess(temporary, old);
    await Deno.rename(temporary, target);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** Who could read the old file, the broker among them, can read the new one. */
async function keepAccess(path: string, old: Deno.FileInfo): Promise<void> {
  const { uid, gid } = await Deno.stat(path);
  if (uid !== old.uid || gid !== old.gid) {
    try {
      await Deno.chown(path, old.uid, old.gid);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new PasswdError(
        `nothing is changed: the file belongs to user ${old.uid}, group ` +
          `${old.gid}, and would not any more: ${why}`,
      );
    }
  }
  if (old.mode !== null) await Deno.chmod(path, old.mode & 0o777);
}
