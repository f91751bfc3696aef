/** The exchange of RFC 7677, section 3. */

import {
  deriveScramCredentials,
  type ScramCredentials,
} from "../../codec/mod.ts";

export const CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO";
export const SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
export const SALT = Uint8Array.fromBase64("W22ZaJ0SNY7soEsUEjb6gQ==");

export const messages = [
  `n,,n=user,r=${CLIENT_NONCE}`,
  `r=${CLIENT_NONCE}${SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
  `c=biws,r=${CLIENT_NONCE}${SERVER_NONCE},` +
  "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
] as const;

export function credentials(password = "pencil"): Promise<ScramCredentials> {
  return deriveScramCredentials(password, SALT, 4096);
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes);
}
