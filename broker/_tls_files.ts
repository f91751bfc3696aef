/**
 * The files of TLS: certificates and keys in PEM, read and checked before
 * anybody connects, so that what is wrong is said with the name of its file.
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { ResolvedTls } from "./listeners.ts";
import { BrokerError } from "./error.ts";

/** What a listener needs, in PEM. */
export interface TlsMaterial {
  /** The certificate chain, the broker's own first. */
  readonly cert: string;
  /** The private key of the broker's own. */
  readonly key: string;
  /** The certificates of the authorities that clients' certificates are of. */
  readonly ca: readonly string[];
  /** What is odd, for people to read. */
  readonly warnings: readonly string[];
}

/**
 * Reads and checks the files of a listener.
 *
 * @param name The name of the listener.
 * @param tls Its files.
 * @param now Milliseconds since 1970, to tell whether certificates are valid.
 * @returns What is in them.
 * @throws {BrokerError} If one cannot be read or used; it says which and why.
 */
export async function readTlsFiles(
  name: string,
  tls: ResolvedTls,
  now: number,
): Promise<TlsMaterial> {
  const files = new TlsFiles(name, now);
  const [cert, own] = await files.chain(tls.certfile);
  const key = await files.key(tls.keyfile, own, tls.certfile);
  const ca = tls.clientCert === "none" ? [] : await files.authorities(tls);
  return { cert, key, ca, warnings: files.warnings };
}

/** A block of a PEM file (RFC 7468). */
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g;
const CERTIFICATE = /^(X509 |TRUSTED )?CERTIFICATE$/;
const PRIVATE_KEY = /PRIVATE KEY$/;

/** What files with authorities are called; `.0` by OpenSSL's `rehash`. */
const AUTHORITY = /\.(pem|crt|0)$/;

const EXCHANGED = "; are certfile and keyfile exchanged?";

class TlsFiles {
  readonly warnings: string[] = [];

  readonly #name: string;
  readonly #now: number;

  constructor(name: string, now: number) {
    this.#name = name;
    this.#now = now;
  }

  /** The text of a certificate chain, and the first certificate of it. */
  async chain(certfile: string): Promise<[string, X509Certificate]> {
    const what = `certfile ${certfile}`;
    const text = await this.#read(what, certfile);
    const [own] = this.#certificates(what, text);
    if (own !== undefined) {
      this.#watch(what, own);
      return [text, own];
    }
    throw this.#problem(
      what,
      blocks(text, PRIVATE_KEY).length > 0
        ? `it holds a private key and no certificate${EXCHANGED}`
        : "it holds no certificate in PEM",
    );
  }

  /** A private key, which is that of a certificate. */
  async key(
    keyfile: string,
    certificate: X509Certificate,
    certfile: string,
  ): Promise<string> {
    const what = `keyfile ${keyfile}`;
    const text = await this.#read(what, keyfile);
    const [key] = blocks(text, PRIVATE_KEY);
    if (key === undefined) {
      throw this.#problem(
        what,
        blocks(text, CERTIFICATE).length > 0
          ? `it holds a certificate and no private key${EXCHANGED}`
          : "it holds no private key in PEM",
      );
    }
    if (/ENCRYPTED/.test(key)) {
      const remedy = "`openssl pkey` writes it without a pass phrase";
      throw this.#problem(what, `it is encrypted; ${remedy}`);
    }
    const parsed = this.#parse(
      what,
      "its private key is damaged",
      () => createPrivateKey(key),
    );
    if (certificate.checkPrivateKey(parsed)) return key;
    const why = `it does not belong to the certificate in ${certfile}`;
    throw this.#problem(what, why);
  }

  /** The certificates of authorities: of none, and nobody is believed. */
  async authorities(
    { cafile, capath, cadata, clientCert }: ResolvedTls,
  ): Promise<string[]> {
    const found: X509Certificate[] = [];
    const trust = (what: string, text: string): void => {
      const certificates = this.#certificates(what, text);
      if (certificates.length === 0) {
        throw this.#problem(what, "it holds no certificate in PEM");
      }
      for (const one of certificates) this.#watch(what, one);
      found.push(...certificates);
    };
    if (cafile !== undefined) {
      const what = `cafile ${cafile}`;
      trust(what, await this.#read(what, cafile));
    }
    if (capath !== undefined) {
      trust(`capath ${capath}`, await this.#readFolder(capath));
    }
    if (cadata !== undefined) trust("cadata", cadata);
    if (found.length > 0) return found.map(String);
    // Without, the runtime would believe whom its makers believe.
    throw this.#problem(
      `clientCert ${clientCert}`,
      "there is no authority to trust; give cafile, capath or cadata",
    );
  }

  /** All authorities in a folder, as one text. */
  async #readFolder(folder: string): Promise<string> {
    const what = `capath ${folder}`;
    const names: string[] = [];
    try {
      for await (const { name } of Deno.readDir(folder)) names.push(name);
    } catch (error) {
      throw this.#problem(what, reason(error), error);
    }
    const texts: string[] = [];
    for (const name of names.filter((one) => AUTHORITY.test(one)).sort()) {
      const path = `${folder}/${name}`;
      const text = await this.#read(`capath ${path}`, path);
      texts.push(...blocks(text, CERTIFICATE));
    }
    if (texts.length > 0) return texts.join("\n");
    throw this.#problem(
      what,
      "none of its files *.pem, *.crt and *.0 holds a certificate in PEM",
    );
  }

  async #read(what: string, path: string): Promise<string> {
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      throw this.#problem(what, reason(error), error);
    }
  }

  #certificates(what: string, text: string): X509Certificate[] {
    return blocks(text, CERTIFICATE).map((block, index) =>
      this.#parse(
        what,
        `its certificate ${index + 1} is damaged`,
        () => new X509Certificate(block),
      )
    );
  }

  #parse<T>(what: string, problem: string, parser: () => T): T {
    try {
      return parser();
    } catch (error) {
      throw this.#problem(what, problem, error);
    }
  }

  /** Warns of a certificate that nobody will believe. */
  #watch(what: string, { validFrom, validTo }: X509Certificate): void {
    const how = Date.parse(validTo) < this.#now
      ? `has expired on ${validTo}`
      : Date.parse(validFrom) > this.#now
      ? `is not valid before ${validFrom}`
      : undefined;
    if (how === undefined) return;
    const whose = `Listener ${this.#name}: a certificate in ${what}`;
    this.warnings.push(`${whose} ${how}`);
  }

  #problem(what: string, why: string, cause?: unknown): BrokerError {
    return new BrokerError(
      `Cannot use ${what} (listener ${this.#name}): ${why}`,
      { cause },
    );
  }
}

/** The blocks of these kinds, as PEM each. */
function blocks(text: string, kind: RegExp): string[] {
  return Array.from(text.matchAll(BLOCK))
    .filter(([, label]) => kind.test(label!)).map(([block]) => block);
}

function reason(error: unknown): string {
  const { NotFound, PermissionDenied, NotCapable } = Deno.errors;
  if (error instanceof NotFound) return "it does not exist";
  if (error instanceof PermissionDenied) {
    return "permission denied; who runs the broker has to be able to read it";
  }
  if (error instanceof NotCapable) {
    return "Deno may not read it; run with --allow-read";
  }
  return error instanceof Error ? error.message : String(error);
}
