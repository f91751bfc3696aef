/**
 * Who a certificate (X.509, RFC 5280) is of, read from its DER: what the
 * runtime says of names is one text, in which the name of one kind can pretend
 * to be several.
 */

import type { X509Certificate } from "node:crypto";
import type { PeerCertificate } from "../codec/mod.ts";

/** Names of the attributes that names consist of (RFC 4514, section 3). */
const attributes: Record<string, string> = {
  "2.5.4.3": "CN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "emailAddress",
};

const SUBJECT_ALT_NAME = "2.5.29.17";

/** Tags of ASN.1 that are looked for. */
const OBJECT_IDENTIFIER = 6;
const OCTET_STRING = 4;
const BMP_STRING = 30;
const SEQUENCE = 0x30;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;

/** Kinds of alternative names, by their tag (RFC 5280, section 4.2.1.6). */
const kinds: Record<number, string> = {
  0x81: "email",
  0x82: "DNS",
  0x86: "URI",
  0x87: "IP",
};

/** A value of ASN.1. */
interface Element {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

/**
 * Describes a certificate that a peer has shown.
 *
 * @param certificate The certificate.
 * @param authorized Whether it is valid and of an authority that is trusted.
 * @returns Who it is of.
 * @throws {Error} If it cannot be decoded.
 */
export function describeCertificate(
  certificate: X509Certificate,
  authorized: boolean,
): PeerCertificate {
  const [{ bytes: outer }] = elements(certificate.raw) as [Element];
  const [{ bytes: inner }] = elements(outer) as [Element];
  const fields = elements(inner).filter(({ tag }) => tag !== VERSION);
  // serial number, algorithm, issuer, validity, subject, key
  const issuer = attributesOf(fields[2]!);
  const subject = attributesOf(fields[4]!);
  const { serialNumber, fingerprint256, validFrom, validTo } = certificate;
  return {
    subject: nameOf(subject),
    commonName: subject.find(([type]) => type === "CN")?.[1] ?? "",
    subjectAltNames: alternativeNames(
      fields.find(({ tag }) => tag === EXTENSIONS),
    ),
    issuer: nameOf(issuer),
    serialNumber,
    fingerprint256,
    validFrom: new Date(validFrom).toISOString(),
    validTo: new Date(validTo).toISOString(),
    authorized,
  };
}

/** The elements that bytes consist of. */
function elements(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at]!;
    let length = bytes[at + 1]!;
    at += 2;
    if (length >= 0x80) {
      let count = length & 0x7f;
      for (length = 0; count > 0; count--) length = length * 256 + bytes[at++]!;
    }
    if (!(at + length <= bytes.length)) {
      throw new Error("The certificate is malformed");
    }
    found.push({ tag, bytes: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}

/** The attributes of a name, the most general first. */
function attributesOf({ bytes }: Element): [type: string, value: string][] {
  return elements(bytes).flatMap((set) => elements(set.bytes)).map((pair) => {
    const [type, value] = elements(pair.bytes) as [Element, Element];
    const id = objectIdentifier(type);
    return [attributes[id] ?? id, text(value)];
  });
}

/** A name in the form of RFC 4514. */
function nameOf(parts: readonly [type: string, value: string][]): string {
  return parts.toReversed().map(([type, value]) =>
    `${type}=${
      value.replace(/[,+"\\<>;]|^[ #]| $/g, "\\$&").replaceAll("\0", "\\00")
    }`
  ).join(",");
}

function alternativeNames(extensions: Element | undefined): string[] {
  if (extensions === undefined) return [];
  const [list] = elements(extensions.bytes) as [Element];
  for (const extension of elements(list.bytes)) {
    const [type, ...rest] = elements(extension.bytes);
    if (objectIdentifier(type!) !== SUBJECT_ALT_NAME) continue;
    const value = rest.find(({ tag }) => tag === OCTET_STRING)!;
    const names = elements(value.bytes).filter(({ tag }) => tag === SEQUENCE)
      .flatMap(({ bytes }) => elements(bytes));
    return names.filter(({ tag }) => Object.hasOwn(kinds, tag))
      .map((name) => {
        const value = name.tag === 0x87 ? address(name.bytes) : text(name);
        return `${kinds[name.tag]}:${value}`;
      });
  }
  return [];
}

function address(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: string[] = [];
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    groups.push((bytes[i]! * 256 + bytes[i + 1]!).toString(16));
  }
  return groups.join(":");
}

function objectIdentifier({ tag, bytes }: Element): string {
  if (tag !== OBJECT_IDENTIFIER) {
    throw new Error("The certificate is malformed");
  }
  const numbers: number[] = [];
  let number = 0;
  for (const byte of bytes) {
    number = number * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(number);
      number = 0;
    }
  }
  const first = numbers.shift() ?? 0;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...numbers].join(".");
}

function text({ tag, bytes }: Element): string {
  const encoding = tag === BMP_STRING ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}
