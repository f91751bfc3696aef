/**
 * Certificates for tests: made anew for each, in a folder that goes with it.
 * `await using certificates = await makeCertificates();`, then listen with the
 * `certfile` and `keyfile` of `server`, and trust `ca.file`.
 */

import "reflect-metadata"; // asked for by @peculiar/x509
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const HOUR = 3_600_000;

/** A certificate with its key: as files, and as PEM. */
export interface Certificate {
  readonly certfile: string;
  readonly keyfile: string;
  /** What `certfile` holds. */
  readonly cert: string;
  /** What `keyfile` holds. */
  readonly key: string;
}

/** An authority: its certificate is what others trust. */
export interface Authority {
  /** The file with its certificate. */
  readonly file: string;
  /** What the file holds. */
  readonly pem: string;
}

/** All of them. Their files are removed at the end of an `await using` block. */
export interface Certificates extends AsyncDisposable {
  /** The folder of the files. */
  readonly dir: string;
  /** Signed all but `stranger`. */
  readonly ca: Authority;
  /** Signed `stranger`. */
  readonly otherCa: Authority;
  /** A broker's, for localhost, 127.0.0.1 and ::1. */
  readonly server: Certificate;
  /** A broker's, for `broker.example` and no other name. */
  readonly misnamed: Certificate;
  /** A broker's, for localhost, 127.0.0.1 and ::1, until an hour ago. */
  readonly expired: Certificate;
  /**
   * A client's: its common name is `sensor-7`, its alternative name
   * `urn:ambermq:sensor-7`.
   */
  readonly client: Certificate;
  /** As `client`, but until an hour ago. */
  readonly expiredClient: Certificate;
  /** A client's, with the name of `client`, signed by `otherCa`. */
  readonly stranger: Certificate;
}

/** Who signs. */
interface Issuer {
  readonly certificate: X509Certificate;
  readonly keys: CryptoKeyPair;
}

/** What a certificate is to say. */
interface Wish {
  readonly name: string;
  readonly alternatives: JsonGeneralName[];
  readonly usage: ExtendedKeyUsage;
  readonly expired?: boolean;
}

const local: JsonGeneralName[] = [
  { type: "dns", value: "localhost" },
  { type: "ip", value: "127.0.0.1" },
  { type: "ip", value: "::1" },
];

const server: Wish = {
  name: "localhost",
  alternatives: local,
  usage: ExtendedKeyUsage.serverAuth,
};

const client: Wish = {
  name: "sensor-7",
  alternatives: [{ type: "url", value: "urn:ambermq:sensor-7" }],
  usage: ExtendedKeyUsage.clientAuth,
};

const misnamed: Wish = {
  name: "broker.example",
  alternatives: [{ type: "dns", value: "broker.example" }],
  usage: ExtendedKeyUsage.serverAuth,
};

/** Makes all of them. */
export async function makeCertificates(): Promise<Certificates> {
  const dir = await Deno.makeTempDir({ prefix: "ambermq_certificates_" });
  const put = async (name: string, text: string): Promise<string> => {
    await Deno.writeTextFile(`${dir}/${name}`, text);
    return `${dir}/${name}`;
  };
  const authority = async (
    name: string,
    { certificate }: Issuer,
  ): Promise<Authority> => {
    const pem = `${certificate.toString("pem")}\n`;
    return { file: await put(`${name}.pem`, pem), pem };
  };
  const signed = async (
    name: string,
    wish: Wish,
    issuer: Issuer,
  ): Promise<Certificate> => {
    const { certificate, keys } = await issue(wish, issuer);
    const cert = `${certificate.toString("pem")}\n`;
    const der = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    const key = `${PemConverter.encode(der, "PRIVATE KEY")}\n`;
    // Not .pem: who is told the folder for its authorities finds only these.
    return {
      certfile: await put(`${name}.cert`, cert),
      keyfile: await put(`${name}.key`, key),
      cert,
      key,
    };
  };
  const ca = await makeAuthority("AmberMQ test CA");
  const otherCa = await makeAuthority("Another CA");
  return {
    dir,
    ca: await authority("ca", ca),
    otherCa: await authority("other_ca", otherCa),
    server: await signed("server", server, ca),
    misnamed: await signed("misnamed", misnamed, ca),
    expired: await signed("expired", { ...server, expired: true }, ca),
    client: await signed("client", client, ca),
    expiredClient: await signed(
      "expired_client",
      { ...client, expired: true },
      ca,
    ),
    stranger: await signed("stranger", client, otherCa),
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

async function makeKeys(): Promise<CryptoKeyPair> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, [
    "sign",
    "verify",
  ]);
  return keys as CryptoKeyPair;
}

async function makeAuthority(name: string): Promise<Issuer> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    ...validity(false),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(
        KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign,
        true,
      ),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

async function issue(wish: Wish, issuer: Issuer): Promise<Issuer> {
  const keys = await makeKeys();
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([wish.usage]),
    new SubjectAlternativeNameExtension(wish.alternatives),
    await SubjectKeyIdentifierExtension.create(keys.publicKey),
    await AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
  ];
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${wish.name}`,
    issuer: issuer.certificate.subject,
    ...validity(wish.expired ?? false),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    extensions,
  });
  return { certificate, keys };
}

function validity(expired: boolean): { notBefore: Date; notAfter: Date } {
  const end = Date.now() + (expired ? -HOUR : 24 * HOUR);
  return { notBefore: new Date(end - 48 * HOUR), notAfter: new Date(end) };
}
