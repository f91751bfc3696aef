import { assertEquals } from "@std/assert";
import type { TLSSocket } from "node:tls";
import { secure, tlsOptions } from "../../broker/_tls_handshake.ts";
import { type Secure, selfTest } from "../../broker/_tls_self_test.ts";
import type { ClientCert } from "../../broker/mod.ts";
import type { PeerCertificate } from "../../codec/mod.ts";
import { type Certificates, makeCertificates } from "../_certificates.ts";

function test(
  name: string,
  run: (certificates: Certificates) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using certificates = await makeCertificates();
    await run(certificates);
  });
}

function optionsOf({ server, ca }: Certificates, clientCert: ClientCert) {
  const material = { cert: server.cert, key: server.key, ca: [ca.pem] };
  return tlsOptions(material, clientCert, "mqtt");
}

test("selfTest() finds nothing wrong with this runtime", async (certificates) => {
  for (const clientCert of ["none", "optional", "required"] as const) {
    const options = optionsOf(certificates, clientCert);
    assertEquals(await selfTest(options), undefined);
  }
});

/** Runtimes that cannot be trusted, and what is found. */
const runtimes: readonly [
  what: string,
  clientCert: ClientCert,
  runtime: Secure,
  problem: string,
][] = [
  [
    "asks nobody for a certificate",
    "required",
    (stream, options) => secure(stream, { ...options, clientCert: "none" }),
    "who shows no certificate is let in, though one is required",
  ],
  ...(["required", "optional"] as const).map((clientCert) =>
    [
      `believes every certificate, ${clientCert}`,
      clientCert,
      async (stream, options) => {
        try {
          return await secure(stream, options);
        } catch (error) {
          // It is the stranger that is named.
          if (!/self-test/.test((error as Error).message)) throw error;
          const socket = { destroy: () => {} } as TLSSocket;
          return { socket, certificate: {} as PeerCertificate };
        }
      },
      "a certificate that no trusted authority has issued is let in",
    ] as [string, ClientCert, Secure, string]
  ),
  [
    "takes nobody for somebody",
    "optional",
    async (stream, options) => {
      const { socket } = await secure(stream, options);
      return { socket, certificate: {} as PeerCertificate };
    },
    "who shows no certificate is taken for somebody",
  ],
  [
    "cannot shake hands",
    "none",
    () => Promise.reject(new Error("TLS: no cipher in common")),
    "a handshake fails: TLS: no cipher in common",
  ],
];

for (const [what, clientCert, runtime, problem] of runtimes) {
  test(`selfTest() finds a runtime that ${what}`, async (certificates) => {
    const options = optionsOf(certificates, clientCert);
    assertEquals(await selfTest(options, runtime), problem);
  });
}
