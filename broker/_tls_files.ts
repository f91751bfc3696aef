/**
 * The files of TLS: certificates and keys in PEM, read and checked before
 * anybody connects, so that what is wrong is said with the name of its file.
 */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { ResolvedTls } from "./listeners.ts";
import { BrokerError } from "./error.ts";

/** What a listener needs, in PEM. */
export interface TlsMaterial {
  /** The certificate chain, the broker's own first. */
  readonly cert: string;
  /** The private key of the broker's own. */
  readonly key: string;
  /** The certificates that clients' certificates are of. */
  readonly ca: readonly string[];
  /** What is odd, for people to read. */
  readonly warnings: readonly string[];
}

/** A block of a PEM file (RFC 7468). */
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g;

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
  const { certfile, keyfile, cafile, capath, cadata, clientCert } = tls;
  const warnings: string[] = [];
  const fail = (what: string, reason: string, cause?: unknown): never => {
    throw new BrokerError(
      `Cannot use ${what} (listener ${name}): ${reason}`,
      { cause },
    );
  };
  const read = async (what: string, path: string): Promise<string> => {
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      return fail(what, reasonOf(error), error);
    }
  };
  const certificates = (what: string, text: string): X509Certificate[] =>
    blocks(text, /^(X509 |TRUSTED )?CERTIFICATE$/).map((block, index) => {
      try {
        return new X509Certificate(block);
      } catch (error) {
        return fail(what, `its certificate ${index + 1} is damaged`, error);
      }
    });
  const watch = (what: string, { validFrom, validTo }: X509Certificate) => {
    const expired = Date.parse(validTo) < now;
    if (!expired && Date.parse(validFrom) <= now) return;
    warnings.push(
      `Listener ${name}: the certificate in ${what} ` +
        (expired
          ? `has expired on ${validTo}`
          : `is not valid before ${validFrom}`),
    );
  };

  const certWhat = `certfile ${certfile}`;
  const cert = await read(certWhat, certfile);
  const chain = certificates(certWhat, cert);
  if (chain.length === 0) {
    fail(
      certWhat,
      blocks(cert, /PRIVATE KEY$/).length > 0
        ? "it holds a private key and no certificate; are certfile and keyfile exchanged?"
        : "it holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----",
    );
  }
  watch(certWhat, chain[0]!);

  const keyWhat = `keyfile ${keyfile}`;
  const key = await read(keyWhat, keyfile);
  const [block] = blocks(key, /PRIVATE KEY$/);
  if (block === undefined) {
    fail(
      keyWhat,
      blocks(key, /CERTIFICATE$/).length > 0
        ? "it holds a certificate and no private key; are certfile and keyfile exchanged?"
        : "it holds no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----",
    );
  }
  if (/ENCRYPTED/.test(block!)) {
    fail(
      keyWhat,
      "it is encrypted; `openssl pkey` writes it without a pass phrase",
    );
  }
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(block!);
  } catch (error) {
    privateKey = fail(keyWhat, "its private key is damaged", error);
  }
  if (!chain[0]!.checkPrivateKey(privateKey)) {
    fail(keyWhat, `it does not belong to the certificate in ${certfile}`);
  }

  const ca: X509Certificate[] = [];
  const trust = (what: string, text: string): void => {
    const found = certificates(what, text);
    if (found.length === 0) fail(what, "it holds no certificate in PEM");
    for (const one of found) watch(what, one);
    ca.push(...found);
  };
  if (clientCert !== "none") {
    if (cafile !== undefined) {
      trust(`cafile ${cafile}`, await read(`cafile ${cafile}`, cafile));
    }
    if (cadata !== undefined) trust("cadata", cadata);
    if (capath !== undefined) {
      trust(`capath ${capath}`, await readFolder(capath, fail));
    }
    if (ca.length === 0) {
      // Without, the runtime would trust who its makers trust.
      fail(
        `clientCert ${clientCert}`,
        "there is no authority to trust; give cafile, capath or cadata",
      );
    }
  }
  return { cert, key: block!, ca: ca.map(String), warnings };
}

/** All files of a folder that hold certificates, as one text. */
async function readFolder(
  capath: string,
  fail: (what: string, reason: string, cause?: unknown) => never,
): Promise<string> {
  const texts: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(capath)) {
      if (isDirectory) continue;
      const text = await Deno.readTextFile(`${capath}/${name}`);
      // A folder may hold keys and lists too.
      if (blocks(text, /CERTIFICATE$/).length > 0) texts.push(text);
    }
  } catch (error) {
    fail(`capath ${capath}`, reasonOf(error), error);
  }
  return texts.join("\n");
}

/** The blocks of these kinds, as PEM each. */
function blocks(text: string, kind: RegExp): string[] {
  return Array.from(text.matchAll(BLOCK))
    .filter(([, label]) => kind.test(label!)).map(([block]) => block);
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "permission denied; the user that runs the broker has to read it";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno may not read it; run with --allow-read";
  }
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (error instanceof Deno.errors.NotADirectory) return "it is no folder";
  return error instanceof Error ? error.message : String(error);
}
