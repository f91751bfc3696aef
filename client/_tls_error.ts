/** What went wrong with TLS, in words: the codes are those of Node.js. */

import { PermanentError } from "./_refusal.ts";

/** A handshake that failed; Node.js adds the certificate if that is why. */
interface TlsError extends Error {
  readonly code?: string;
  readonly cert?: { readonly subjectaltname?: string };
}

/** One side does not trust the other, or has refused it. */
const decided =
  /^(CERT|CRL|DEPTH|ERR_TLS_CERT|INVALID|PATH|SELF_SIGNED|UNABLE)_|_ALERT_/;

/** What time mends: certificates are renewed, clocks are set. */
const passing = /EXPIRED|NOT_YET_VALID|ALERT_INTERNAL_ERROR/;

/**
 * Says what an error means.
 *
 * @param error What the handshake, a read or a write ended with.
 * @returns It, or one in words that has it as its cause.
 */
export function explainTls(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const reason = meaning(error);
  if (reason === undefined) return error;
  const { code = "" } = error as TlsError;
  const type = decided.test(code) && !passing.test(code)
    ? PermanentError
    : Error;
  return new type(reason, { cause: error });
}

function meaning(error: TlsError): string | undefined {
  const { code = "", cert, message } = error;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const names = cert?.subjectaltname;
    return "the certificate is not trusted: it is " +
      (names ? `for ${names} only` : "not for this host");
  }
  if (code === "CERT_HAS_EXPIRED") {
    return "the certificate is not trusted: it has expired";
  }
  if (/^(CERT|CRL|DEPTH|INVALID|PATH|SELF_SIGNED|UNABLE)_/.test(code)) {
    return `the certificate is not trusted: ${message}; has it expired, or ` +
      "is its authority none of those that are trusted?";
  }
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return "TLS is not spoken there; is it the port of another scheme?";
  }
  if (code === "ECONNRESET" && message.includes("before secure")) {
    return "the connection was closed during the TLS handshake; is TLS " +
      "spoken there?";
  }
  const [, name] = /^ERR_SSL_\w+_ALERT_(\w+)$/.exec(code) ?? [];
  if (name === undefined) return undefined;
  const said = name.toLowerCase().replaceAll("_", " ");
  return `the broker refused by TLS, ${said}` +
    (/cert|unknown ca/.test(said)
      ? "; is the client's certificate the right one?"
      : "");
}
