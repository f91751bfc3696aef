/**
 * Tries, before a listener starts, whether TLS does what it is for: whether its
 * certificate and key work, and client certificates are looked at. Runtimes
 * have ignored that they were asked for: such a listener would let anybody in,
 * and nobody would notice.
 */

import { type Duplex, duplexPair } from "node:stream";
import { connect } from "node:tls";
import { secure, type Secured, type TlsOptions } from "./_tls_handshake.ts";

/** Makes a stream the server's end of TLS, as `secure` does. */
export type Secure = (stream: Duplex, options: TlsOptions) => Promise<Secured>;

/** Milliseconds that a handshake within the process may take. */
const TIMEOUT = 10_000;

/**
 * A certificate that is of nobody's authority, with its key, which is no
 * secret: a broker that finds it valid finds everything valid. It can be made
 * anew at any time, as `openssl req -x509` makes them.
 */
const stranger = {
  cert: pem(
    "CERTIFICATE",
    `MIIBjzCCATWgAwIBAgIUNWFbwq7VwIZdrurdSG9QzmOjSXswCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRQW1iZXJNUSBzZWxmLXRlc3QwIBcNMjYxMTIxMDM0NDI5WhgP
OTk2NjEwMjcwMzQ0MjlaMBwxGjAYBgNVBAMMEUFtYmVyTVEgc2VsZi10ZXN0MFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2I0ppbn4jS/e1hHzJV0cmBamGfql156W
/JVViJsSsvwMfoc2OCaG+o5PX6g30zF8+ER8trWdFdPeycrrSubDV6NTMFEwHQYD
VR0OBBYEFC9Ppg8IJD7tCj1F/NTApzNpE9vxMB8GA1UdIwQYMBaAFC9Ppg8IJD7t
Cj1F/NTApzNpE9vxMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIg
TKZAQ2zdgMI6uu/j990d9Y9zEkBxO/u72ohBz2nvisoCIQDtievCidTFmZ8uN82J
WgDoKPDxJ/fXOkYL61Z7bZ4KOQ==`,
  ),
  key: pem(
    "PRIVATE KEY",
    `MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg97rnWN6ubDRvuHPU
KXQpHYo8oe99445KjBcuh/S8/1ShRANCAATYjSmlufiNL97WEfMlXRyYFqYZ+qXX
npb8lVWImxKy/Ax+hzY4Job6jk9fqDfTMXz4RHy2tZ0V097JyutK5sNX`,
  ),
};

function pem(label: string, base64: string): string {
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}

/** What becomes of a client. */
type Outcome = "anonymous" | "identified" | Error;

/**
 * Has clients without a certificate and with one of nobody's authority try
 * their luck.
 *
 * @param options What the listener's handshakes are made with.
 * @param server What makes them.
 * @returns What is wrong; `undefined`: nothing.
 */
export async function selfTest(
  options: TlsOptions,
  server: Secure = secure,
): Promise<string | undefined> {
  const { clientCert } = options;
  // That all else is well shows that refusals are for what they should be.
  const lax = clientCert === "required"
    ? { ...options, clientCert: "optional" as const }
    : options;
  const anybody = await attempt(lax, server, {});
  if (anybody instanceof Error) return `a handshake fails: ${anybody.message}`;
  if (anybody !== "anonymous") {
    return "who shows no certificate is taken for somebody";
  }
  if (clientCert === "none") return undefined;
  if (clientCert === "required") {
    const bare = await attempt(options, server, {});
    if (!(bare instanceof Error)) {
      return "who shows no certificate is let in, though one is required";
    }
  }
  const strange = await attempt(options, server, stranger);
  if (!(strange instanceof Error)) {
    return "a certificate that no trusted authority has issued is let in";
  }
  return undefined;
}

async function attempt(
  options: TlsOptions,
  server: Secure,
  identity: { cert?: string; key?: string },
): Promise<Outcome> {
  const [near, far] = duplexPair();
  const outcome = server(near, options).then(
    ({ socket, certificate }): Outcome => {
      socket.destroy();
      return certificate === undefined ? "anonymous" : "identified";
    },
    (error): Outcome => error,
  );
  const client = connect({
    socket: far,
    rejectUnauthorized: false, // it is ours, whatever its name
    ALPNProtocols: [options.protocol],
    ...identity,
  });
  client.on("error", () => {}); // that it is refused, in its words
  client.resume();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => resolve(new Error("it does not end")), TIMEOUT);
  });
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
    client.destroy();
    near.destroy();
  }
}
