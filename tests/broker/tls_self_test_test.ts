import { assertEquals } from "@std/assert";
import { secure, tlsOptions } from "../../broker/_tls.ts";
import { type Secure, selfTest } from "../../broker/_tls_self_test.ts";
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

function optionsOf({ server, ca }: Certificates, required: boolean) {
  const material = { cert: server.cert, key: server.key, ca: [ca.pem] };
  return tlsOptions(material, required, "mqtt");
}

test("selfTest() finds nothing wrong with this runtime", async (certificates) => {
  for (const required of [false, true]) {
    assertEquals(await selfTest(optionsOf(certificates, required)), undefined);
  }
});

/** Runtimes that cannot be trusted, and what is found. */
const runtimes: readonly [
  what: string,
  required: boolean,
  runtime: Secure,
  problem: string,
][] = [
  [
    "asks nobody for a certificate",
    true,
    (stream, options) => secure(stream, { ...options, required: false }),
    "who shows no certificate is let in, though one is required",
  ],
  ...[true, false].map((required) =>
    [
      `believes every certificate, ${required ? "required" : "optional"}`,
      required,
      async (stream, options) => {
        try {
          return await secure(stream, options);
        } catch (error) {
          // It is the stranger that is named.
          if (!/self-test/.test((error as Error).message)) throw error;
          const { socket } = await secure(stream, options).catch(() =>
            ({ socket: { destroy: () => {} } }) as unknown as Awaited<
              ReturnType<Secure>
            >
          );
          return { socket, certificate: {} as PeerCertificate };
        }
      },
      "a certificate that no trusted authority has issued is let in",
    ] as [string, boolean, Secure, string]
  ),
  [
    "takes nobody for somebody",
    false,
    async (stream, options) => {
      const { socket } = await secure(stream, options);
      return { socket, certificate: {} as PeerCertificate };
    },
    "who shows no certificate is taken for somebody",
  ],
  [
    "cannot shake hands",
    true,
    () => Promise.reject(new Error("TLS: no cipher in common")),
    "a handshake fails: TLS: no cipher in common",
  ],
];

for (const [what, required, runtime, problem] of runtimes) {
  test(`selfTest() finds a runtime that ${what}`, async (certificates) => {
    const options = optionsOf(certificates, required);
    assertEquals(await selfTest(options, runtime), problem);
  });
}
