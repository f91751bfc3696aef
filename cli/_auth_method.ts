/** `--auth-method`: user name and password prove who it is, and are not sent. */

import { type ClientOptions, scram } from "../mod.ts";
import { UsageError } from "./_flags.ts";

/**
 * Has a client authenticate by a method, with the user name and password that
 * it would have sent.
 *
 * @throws {UsageError} If there is no such method, or the two are missing.
 */
export function authenticateBy(method: string, options: ClientOptions): void {
  if (method.toUpperCase() !== "SCRAM-SHA-256") {
    throw new UsageError(
      `--auth-method is ${JSON.stringify(method)}, not SCRAM-SHA-256`,
    );
  }
  if (options.properties?.authenticationMethod !== undefined) {
    throw new UsageError("--auth-method and -D both say how to authenticate");
  }
  const url = URL.parse(options.url!);
  const username = options.username ?? decoded(url?.username);
  const password = options.password ?? decoded(url?.password);
  if (!username || password === undefined) {
    throw new UsageError("--auth-method needs a user name and a password");
  }
  delete options.username;
  delete options.password;
  const text = typeof password === "string"
    ? password
    : new TextDecoder().decode(password);
  try {
    options.authentication = scram(username, text);
  } catch (error) {
    throw new UsageError(`--auth-method: ${(error as Error).message}`);
  }
}

/** A part of a URL, if it has it. */
function decoded(text = ""): string | undefined {
  try {
    return text === "" ? undefined : decodeURIComponent(text);
  } catch {
    return undefined; // the client tells of it
  }
}
