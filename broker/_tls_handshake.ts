/**
 * Handshakes of TLS: what they are made with, who a client is, and why one
 * failed.
 *
 * What the runtime says of a certificate is believed to nobody's advantage: who
 * is not authorized is refused here, whatever the runtime has let through, and
 * `_tls_self_test.ts` tries all of it before a listener starts. When a session is
 * resumed the runtime looks at nothing, and its sessions are those of all
 * listeners; neither can be switched off. Then the certificate is looked at here.
 */

import { X509Certificate } from "node:crypto";
import type { Duplex } from "node:stream";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { PeerCertificate } from "../codec/mod.ts";
import { describeCertificate } from "./_certificate.ts";
import { certificatesOf, isTrusted, outdated } from "./_certificate_path.ts";
import type { ClientCert } from "./listeners.ts";

/** What a handshake is made with. */
export interface TlsOptions {
  readonly context: SecureContext;
  /** Whether clients show a certificate. */
  readonly clientCert: ClientCert;
  /** The application protocol (ALPN). */
  readonly protocol: string;
  /** Those that certificates of clients are of. */
  readonly authorities: readonly X509Certificate[];
  /** The clock: milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Prepares handshakes.
 *
 * @param material Keys and certificates, in PEM.
 * @param clientCert Whether clients show a certificate.
 * @param protocol The application protocol (ALPN).
 * @returns The options.
 */
export function tlsOptions(
  { cert, key, ca }: { cert: string; key: string; ca: readonly string[] },
  clientCert: ClientCert,
  protocol: string,
): TlsOptions {
  const context = createSecureContext({ cert, key, ca: [...ca] });
  const authorities = ca.flatMap(certificatesOf);
  return { context, clientCert, protocol, authorities, now: Date.now };
}

/** A handshake that has succeeded. */
export interface Secured {
  readonly socket: TLSSocket;
  /** Who the peer is, if it has shown a certificate: one that is valid. */
  readonly certificate: PeerCertificate | undefined;
}

/**
 * Makes a stream the server's end of TLS.
 *
 * @param stream The stream.
 * @param options What with.
 * @returns The end, once the handshake is over; rejects with why it failed.
 */
export async function secure(
  stream: Duplex,
  options: TlsOptions,
): Promise<Secured> {
  const { context, clientCert, protocol } = options;
  const socket = new TLSSocket(
    // The types want a socket; any stream will do.
    stream as ConstructorParameters<typeof TLSSocket>[0],
    {
      isServer: true,
      secureContext: context,
      requestCert: clientCert !== "none",
      rejectUnauthorized: clientCert === "required",
      ALPNProtocols: [protocol],
    },
  );
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secure", resolve);
      // For good: none may go unheard.
      socket.on("error", reject);
      stream.on("error", reject);
      // The runtime does not tell the one of the other's end.
      const end = (): void => reject(new Error("unexpected end of file"));
      for (const one of [socket, stream]) one.once("close", end);
      stream.once("end", end);
    });
    const shown = socket.getPeerX509Certificate();
    const certificate = shown && authorize(socket, shown, options);
    if (certificate === undefined && clientCert === "required") {
      throw new Error("peer sent no certificates");
    }
    return { socket, certificate };
  } catch (error) {
    socket.destroy();
    throw tlsError(error);
  }
}

/** Who the certificate is of; throws if it is not valid. */
function authorize(
  socket: TLSSocket,
  shown: X509Certificate,
  { authorities, now }: TlsOptions,
): PeerCertificate {
  // It is how `authorized` is found for the sockets of a `tls.Server`.
  const { ssl } = socket as { ssl?: { verifyError?(): unknown } };
  let problem = ssl?.verifyError === undefined
    ? "the runtime does not say whether it is valid"
    : ssl.verifyError();
  const time = now();
  if (
    !problem && socket.isSessionReused() &&
    !isTrusted(shown, shownWith(socket), authorities, time)
  ) {
    problem = "its session began elsewhere";
  }
  const certificate = describeCertificate(shown, !problem);
  const code = String((problem as { code?: string })?.code ?? problem);
  const why = outdated(certificate, time) ??
    (problem &&
      `is of no authority that is trusted, or not for this use (${code})`);
  if (!why) return certificate;
  throw new Error(`the certificate of ${certificate.subject} ${why}`);
}

/** The certificates that a peer has shown behind its own. */
function shownWith(socket: TLSSocket): X509Certificate[] {
  const others: X509Certificate[] = [];
  let one = socket.getPeerCertificate(true);
  // The last one is its own issuer, or has none.
  while (one.issuerCertificate && one.issuerCertificate !== one) {
    one = one.issuerCertificate;
    others.push(new X509Certificate(one.raw));
  }
  return others;
}

/** What goes wrong in handshakes, and what it means to who runs a broker. */
const explanations: readonly [what: RegExp, meaning: string][] = [
  [/InvalidContentType|wrong version number/, "the client does not speak TLS"],
  [
    /UnknownCA|unknown ca/i,
    "the client does not trust the broker's certificate",
  ],
  [/CertificateExpired/, "the client finds the broker's certificate expired"],
  [
    /BadCertificate|CertificateUnknown/,
    "the client rejects the broker's certificate",
  ],
  [/sent no certificates/, "the client has no certificate"],
  [/known protocol/, "the client offers other protocols only (ALPN)"],
  [
    /incompatible|ProtocolVersion|HandshakeFailure/,
    "client and broker have no version or cipher in common",
  ],
  [/end of file|hang up|reset/i, "the client left during the handshake"],
];

/** An error of a handshake for people to read, with the other as its cause. */
function tlsError(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  const [, meaning] = explanations.find(([what]) => what.test(message)) ?? [];
  const text = meaning === undefined ? message : `${meaning} (${message})`;
  return new Error(`TLS: ${text}`, { cause: error });
}
