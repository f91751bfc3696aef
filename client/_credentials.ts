/** The files of TLS: whom to trust, and who we are. */

import { builtin } from "./_builtin.ts";
import type { TlsOptions } from "./options.ts";

/** What the files hold, in PEM. */
export interface Credentials {
  /** Whom to trust; absent: whom the machine trusts. */
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

/**
 * What a folder of authorities holds: certificates by their usual names, and
 * by the hashes that OpenSSL gives them (`9d66eef0.0`).
 */
const AUTHORITY = /\.(pem|crt|\d)$/;

const CERTIFICATE =
  /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Reads the files that the options name.
 *
 * @throws {TypeError} If one cannot be read, or is not what it should be. An
 * authority that is not understood would be left out in silence by the runtime,
 * and a key that does not fit would be found out by the broker.
 */
export async function readCredentials(
  options: TlsOptions,
): Promise<Credentials> {
  const { certfile, keyfile } = options;
  const ca = await readAuthorities(options);
  const trusted = ca === undefined ? {} : { ca };
  if (certfile === undefined && keyfile === undefined) return trusted;
  if (keyfile === undefined) throw cannot("certfile", "keyfile is missing");
  if (certfile === undefined) throw cannot("keyfile", "certfile is missing");
  const cert = await read("certfile", certfile);
  const key = await read("keyfile", keyfile);
  checkPair(`certfile ${certfile}`, cert, `keyfile ${keyfile}`, key);
  return { ...trusted, cert, key };
}

async function readAuthorities(
  { cafile, capath, cadata }: TlsOptions,
): Promise<string[] | undefined> {
  const found: string[] = [];
  if (cafile !== undefined) {
    const text = await read("cafile", cafile);
    found.push(...certificates(`cafile ${cafile}`, text));
  }
  if (capath !== undefined) found.push(...await readFolder(capath));
  if (cadata !== undefined) found.push(...certificates("cadata", cadata));
  return found.length === 0 ? undefined : [...new Set(found)];
}

/** Files in it that hold no certificate, such as a key, are left out. */
async function readFolder(folder: string): Promise<string[]> {
  const fs = builtin("node:fs/promises");
  const names = await attempt("capath", folder, () => fs.readdir(folder));
  const found: string[] = [];
  for (const name of names.filter((one) => AUTHORITY.test(one)).sort()) {
    const path = `${folder}/${name}`;
    const text = await read("capath", path);
    if (text.match(CERTIFICATE) === null) continue;
    found.push(...certificates(`capath ${path}`, text));
  }
  if (found.length > 0) return found;
  throw cannot(
    `capath ${folder}`,
    "none of its files *.pem, *.crt and *.0 holds a certificate in PEM",
  );
}

/** The certificates in a text. */
function certificates(what: string, text: string): string[] {
  const found = text.match(CERTIFICATE);
  if (found === null) throw cannot(what, "it holds no certificate in PEM");
  for (const [index, one] of found.entries()) {
    parse(what, `its certificate ${index + 1} is damaged`, () => {
      new (builtin("node:crypto").X509Certificate)(one);
    });
  }
  return found;
}

function checkPair(
  certfile: string,
  cert: string,
  keyfile: string,
  key: string,
): void {
  const { X509Certificate, createPrivateKey } = builtin("node:crypto");
  const [own] = certificates(certfile, cert);
  const reason = "it holds no private key in PEM without a password";
  const parsed = parse(keyfile, reason, () => createPrivateKey(key));
  if (!new X509Certificate(own!).checkPrivateKey(parsed)) {
    throw cannot(keyfile, `it is not the key of ${certfile}`);
  }
}

function parse<T>(what: string, reason: string, parser: () => T): T {
  try {
    return parser();
  } catch (cause) {
    throw cannot(what, reason, cause);
  }
}

function read(option: string, path: string): Promise<string> {
  const fs = builtin("node:fs/promises");
  return attempt(option, path, () => fs.readFile(path, "utf8"));
}

async function attempt<T>(
  option: string,
  path: string,
  reading: () => Promise<T>,
): Promise<T> {
  try {
    return await reading();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw cannot(`${option} ${path}`, reason, cause);
  }
}

function cannot(what: string, reason: string, cause?: unknown): TypeError {
  return new TypeError(`Cannot use ${what}: ${reason}`, { cause });
}
