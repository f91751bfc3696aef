/** Messages of SCRAM: attributes of one letter, with commas between them. */

import { ScramError, scramName } from "./scram.ts";

/** Bytes of the longest message that is looked at. */
const LONGEST = 16_384;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text of a message. */
export function textOf(message: Uint8Array): string {
  if (message.length > LONGEST) throw new ScramError("the message is too long");
  try {
    return decoder.decode(message);
  } catch {
    throw new ScramError("the message is not UTF-8");
  }
}

/** The first attributes of a message, which have to be these; others may follow. */
export function attributesOf(text: string, names: readonly string[]): string[] {
  const parts = text.split(",", names.length);
  return names.map((name, i) => {
    const part = parts[i];
    // `m=` stands first: an extension that has to be known, and none is.
    const value = part?.startsWith(`${name}=`) ? part.slice(2) : "";
    if (value === "" || (name === "r" && !/^[!-~]+$/.test(value))) {
      throw new ScramError(`the attribute ${name} is missing or not right`);
    }
    return value;
  });
}

/** A user name, in which `=` and `,` are written otherwise. */
export function writtenName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

/** The name that was written so. */
export function readName(written: string): string {
  const name = /^(?:[^=]|=2C|=3D)+$/.test(written)
    ? scramName(written.replaceAll("=2C", ",").replaceAll("=3D", "="))
    : undefined;
  if (name === undefined) throw new ScramError("the user name is not right");
  return name;
}
