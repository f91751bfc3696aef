/**
 * The client's end of SCRAM-SHA-256.
 *
 * @module
 */

import { prepared } from "./_saslprep.ts";
import {
  digest,
  equal,
  fromBase64,
  hmac,
  isIterations,
  LEAST,
  MOST,
  newNonce,
  saltedPassword,
  toBase64,
  xor,
} from "./_scram_keys.ts";
import { attributesOf, textOf, writtenName } from "./_scram_messages.ts";
import { ScramError } from "./scram.ts";

const encoder = new TextEncoder();

type Step = "new" | "asked" | "proven" | "over";

/**
 * The client's end of an exchange: `first`, then `answer`, then `finish`.
 */
export class ScramClient {
  readonly #username: string;
  readonly #password: string;
  readonly #nonce: string;
  /** What the server has to prove itself with, once it is known. */
  #signature: Uint8Array | undefined;
  #step: Step = "new";

  /**
   * Begins an exchange.
   *
   * @param username The user name.
   * @param password The password.
   * @param nonce What makes this exchange differ from others; by default by chance.
   * @throws {TypeError} If one has characters that none may have.
   */
  constructor(username: string, password: string, nonce: string = newNonce()) {
    this.#username = prepared("user name", username);
    this.#password = prepared("password", password);
    this.#nonce = nonce;
  }

  get #firstBare(): string {
    return `n=${writtenName(this.#username)},r=${this.#nonce}`;
  }

  /**
   * The first message.
   *
   * @returns What to send.
   */
  first(): Uint8Array {
    this.#goOn("new", "asked");
    return encoder.encode(`n,,${this.#firstBare}`);
  }

  /**
   * Answers the server's challenge. It hashes the password, which takes time.
   *
   * @param message What the server has sent.
   * @returns What to send.
   * @throws {ScramError} If the challenge is not right.
   */
  async answer(message: Uint8Array): Promise<Uint8Array> {
    this.#goOn("asked", "proven");
    const challenge = textOf(message);
    const [nonce, salt, count] = attributesOf(challenge, ["r", "s", "i"]);
    // [RFC 5802, section 5.1] the server's part follows the client's
    if (!nonce!.startsWith(this.#nonce) || nonce === this.#nonce) {
      throw new ScramError("the nonce is not an answer to the client's");
    }
    const saltBytes = fromBase64(salt!);
    if (saltBytes === undefined) throw new ScramError("the salt is not right");
    const iterations = /^[1-9]\d{0,8}$/.test(count!) ? Number(count) : NaN;
    if (!isIterations(iterations)) {
      throw new ScramError(
        `the iterations are ${JSON.stringify(count!.slice(0, 20))}, not from ` +
          `${LEAST} to ${MOST}`,
      );
    }
    const salted = await saltedPassword(this.#password, saltBytes, iterations);
    const clientKey = await hmac(salted, "Client Key");
    const withoutProof = `c=${btoa("n,,")},r=${nonce}`;
    const said = `${this.#firstBare},${challenge},${withoutProof}`;
    const signature = await hmac(await digest(clientKey), said);
    const proof = xor(clientKey, signature);
    this.#signature = await hmac(await hmac(salted, "Server Key"), said);
    return encoder.encode(`${withoutProof},p=${toBase64(proof)}`);
  }

  /**
   * Checks the server's last message, by which it proves that it knows the
   * password too.
   *
   * @param message What the server has sent.
   * @throws {ScramError} If it does not know it, or says that the client does not.
   */
  finish(message: Uint8Array): void {
    this.#goOn("proven", "over");
    const text = textOf(message);
    if (text.startsWith("e=")) {
      throw new ScramError(`the server refuses: ${text.slice(2, 102)}`);
    }
    const signature = fromBase64(attributesOf(text, ["v"])[0]!);
    const expected = this.#signature;
    if (
      signature === undefined || expected === undefined ||
      !equal(signature, expected)
    ) {
      throw new ScramError("the server does not know the password");
    }
  }

  #goOn(from: Step, to: Step): void {
    if (this.#step !== from) throw new ScramError("it is not its turn");
    this.#step = to;
  }
}
