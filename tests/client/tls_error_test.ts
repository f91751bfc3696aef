import { assertEquals, assertStrictEquals } from "@std/assert";
import { PermanentError } from "../../client/_refusal.ts";
import { explainTls } from "../../client/_tls_error.ts";

/** An error as Node.js and Deno make them. */
function failure(code: string, message = "words", rest = {}): Error {
  return Object.assign(new Error(message), { code, ...rest });
}

Deno.test("explainTls() says in words what a code means", () => {
  const untrusted = "the certificate is not trusted: ";
  const client = "; is the client's certificate the right one?";
  const names = { cert: { subjectaltname: "DNS:a, DNS:b" } };
  const cases: [Error, string][] = [
    [
      failure("ERR_TLS_CERT_ALTNAME_INVALID", "", names),
      `${untrusted}it is for DNS:a, DNS:b only`,
    ],
    [
      failure("ERR_TLS_CERT_ALTNAME_INVALID"),
      `${untrusted}it is not for this host`,
    ],
    [failure("CERT_HAS_EXPIRED"), `${untrusted}it has expired`],
    ...[
      "CERT_NOT_YET_VALID",
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "SELF_SIGNED_CERT_IN_CHAIN",
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    ].map((code): [Error, string] => [
      failure(code, "no such issuer"),
      `${untrusted}no such issuer; has it expired, or is its authority none ` +
      "of those that are trusted?",
    ]),
    [
      failure("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"),
      `the broker refused by TLS, certificate required${client}`,
    ],
    [
      failure("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"),
      `the broker refused by TLS, unknown ca${client}`,
    ],
    [
      failure("ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL"),
      "the broker refused by TLS, no application protocol",
    ],
    [
      failure("ERR_SSL_WRONG_VERSION_NUMBER"),
      "TLS is not spoken there; is it the port of another scheme?",
    ],
    [
      failure("ECONNRESET", "disconnected before secure TLS connection"),
      "the connection was closed during the TLS handshake; is TLS spoken there?",
    ],
  ];
  for (const [error, expected] of cases) {
    const explained = explainTls(error) as Error;
    assertEquals(explained.message, expected);
    assertStrictEquals(explained.cause, error);
  }
});

Deno.test("explainTls() leaves other errors as they are", () => {
  for (
    const error of [
      failure("ECONNREFUSED"),
      failure("ECONNRESET"),
      new Error("without a code"),
      "no error",
    ]
  ) {
    assertStrictEquals(explainTls(error), error);
  }
});

Deno.test("explainTls() says what another attempt would not change", () => {
  const cases: [code: string, permanent: boolean][] = [
    ["ERR_TLS_CERT_ALTNAME_INVALID", true],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", true],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", true],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", true],
    ["CERT_HAS_EXPIRED", false],
    ["CERT_NOT_YET_VALID", false],
    ["ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", false],
    ["ERR_SSL_WRONG_VERSION_NUMBER", false],
  ];
  for (const [code, permanent] of cases) {
    const error = explainTls(failure(code));
    assertEquals(error instanceof PermanentError, permanent, code);
  }
});
