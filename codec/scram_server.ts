/**
 * The server's end of SCRAM-SHA-256.
 *
 * @module
 */

import {
  digest,
  equal,
  fromBase64,
  hmac,
  LENGTH,
  newNonce,
  toBase64,
  xor,
} from "./_scram_keys.ts";
import { attributesOf, readName, textOf } from "./_scram_messages.ts";
import { type ScramCredentials, ScramError } from "./scram.ts";

const encoder = new TextEncoder();

type Step = "new" | "asked" | "challenged" | "over";

/** What a server says to the client's first message. */
export interface ScramChallenge {
  /** Who the client says to be, in the form in which names are compared. */
  readonly username: string;
  /**
   * Makes the challenge.
   *
   * @param credentials Those of the user. For users who are not there give some
   * that nobody has the password for: the client is not to see the difference.
   * @returns What to send.
   */
  challenge(credentials: ScramCredentials): Uint8Array;
}

/**
 * The server's end of an exchange: `first`, `challenge`, then `check`.
 */
export class ScramServer {
  readonly #nonce: string;
  /** How the first message began, in base 64. */
  #header = "";
  /** What was said so far, as both ends have to have heard it. */
  #said = "";
  #clientNonce = "";
  #credentials: ScramCredentials | undefined;
  #step: Step = "new";

  /**
   * Begins an exchange.
   *
   * @param nonce The server's part of the nonce; by default by chance.
   */
  constructor(nonce: string = newNonce()) {
    this.#nonce = nonce;
  }

  /**
   * Reads the client's first message.
   *
   * @param message What the client has sent.
   * @returns Who it says to be, and how to go on.
   * @throws {ScramError} If it is not right, or wants what is not offered.
   */
  first(message: Uint8Array): ScramChallenge {
    this.#goOn("new", "asked");
    const text = textOf(message);
    const parts = /^([ny]|p=[^,]*),(?:a=([^,]*))?,(.*)$/s.exec(text);
    if (parts === null) throw new ScramError("the first message is not right");
    const [, binding, authzid, bare] = parts as unknown as [
      string,
      string,
      string | undefined,
      string,
    ];
    if (binding.startsWith("p")) {
      throw new ScramError("channel binding is not offered");
    }
    const [name, nonce] = attributesOf(bare, ["n", "r"]) as [string, string];
    const username = readName(name);
    if (authzid !== undefined && readName(authzid) !== username) {
      throw new ScramError("nobody may act for another user");
    }
    this.#header = toBase64(encoder.encode(text.slice(0, -bare.length)));
    this.#clientNonce = nonce;
    this.#said = bare;
    return { username, challenge: (of) => this.#challenge(of) };
  }

  #challenge(credentials: ScramCredentials): Uint8Array {
    this.#goOn("asked", "challenged");
    this.#credentials = credentials;
    const { salt, iterations } = credentials;
    const text = `r=${this.#clientNonce}${this.#nonce},s=${
      toBase64(salt)
    },i=${iterations}`;
    this.#said += `,${text}`;
    return encoder.encode(text);
  }

  /**
   * Checks the client's proof.
   *
   * @param message What the client has sent.
   * @returns What to send so that the client knows the server; `undefined` if
   * the proof is wrong.
   * @throws {ScramError} If the message is not right.
   */
  async check(message: Uint8Array): Promise<Uint8Array | undefined> {
    this.#goOn("challenged", "over");
    const text = textOf(message);
    const [binding, nonce] = attributesOf(text, ["c", "r"]);
    const end = /^(.*),p=([^,]+)$/s.exec(text);
    const proof = end === null ? undefined : fromBase64(end[2]!);
    if (proof?.length !== LENGTH) {
      throw new ScramError("the proof is not right");
    }
    // Whoever changed the header on its way is found out here.
    if (binding !== this.#header) {
      throw new ScramError("the channel binding is not that of the beginning");
    }
    if (nonce !== this.#clientNonce + this.#nonce) {
      throw new ScramError("the nonce is not that of this exchange");
    }
    const { storedKey, serverKey } = this.#credentials!;
    const said = `${this.#said},${end![1]}`;
    const clientKey = xor(proof, await hmac(storedKey, said));
    const right = equal(await digest(clientKey), storedKey);
    // Made in any case: how long it takes is not to tell.
    const signature = await hmac(serverKey, said);
    return right ? encoder.encode(`v=${toBase64(signature)}`) : undefined;
  }

  #goOn(from: Step, to: Step): void {
    if (this.#step !== from) throw new ScramError("it is not its turn");
    this.#step = to;
  }
}
