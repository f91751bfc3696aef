/**
 * Whether a certificate is of an authority that is trusted (RFC 5280, section
 * 6). It is for TLS sessions that are resumed: the runtime looks at no
 * certificate then, and takes sessions of listeners that trust others. What a
 * certificate is for was looked at when its session began.
 */

import { X509Certificate } from "node:crypto";

/** Certificates between one and its authority. */
const LONGEST_PATH = 8;

/**
 * Takes a text apart.
 *
 * @param pem Certificates in PEM, with what may stand between them.
 * @returns The certificates.
 */
export function certificatesOf(pem: string): X509Certificate[] {
  const each = /-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g;
  return (pem.match(each) ?? []).map((one) => new X509Certificate(one));
}

/** Why a certificate does not hold at a time; `undefined`: it does. */
export function outdated(
  { validFrom, validTo }: { readonly validFrom: string; validTo: string },
  now: number,
): string | undefined {
  if (!(now <= Date.parse(validTo))) return `has expired on ${validTo}`;
  if (now >= Date.parse(validFrom)) return undefined;
  return `is not valid before ${validFrom}`;
}

/**
 * Whether a path leads from a certificate to an authority.
 *
 * @param certificate The certificate.
 * @param others Those that were shown with it.
 * @param authorities Those that are trusted.
 * @param now Milliseconds since 1970.
 * @param longest How many others may stand between.
 */
export function isTrusted(
  certificate: X509Certificate,
  others: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  now: number,
  longest = LONGEST_PATH,
): boolean {
  const isIssuer = (issuer: X509Certificate): boolean =>
    certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  if (authorities.some(isIssuer)) return true;
  return longest > 0 &&
    others.some((issuer) =>
      issuer.ca && outdated(issuer, now) === undefined && isIssuer(issuer) &&
      isTrusted(
        issuer,
        others.filter((other) => other !== issuer),
        authorities,
        now,
        longest - 1,
      )
    );
}
