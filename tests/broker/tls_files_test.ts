import { assertEquals, assertRejects } from "@std/assert";
import type { ResolvedTls } from "../../broker/listeners.ts";
import { BrokerError } from "../../broker/mod.ts";
import { readTlsFiles } from "../../broker/_tls_files.ts";
import { type Certificates, makeCertificates } from "../_certificates.ts";

const NOW = Date.now();

/** A test that has certificates. */
function test(
  name: string,
  run: (certificates: Certificates) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using certificates = await makeCertificates();
    await run(certificates);
  });
}

function files(
  { certfile, keyfile }: { certfile: string; keyfile: string },
  more: Partial<ResolvedTls> = {},
): ResolvedTls {
  return { certfile, keyfile, clientCert: "none", ...more };
}

/** PEM without the white space that does not matter. */
function compact(pem: readonly string[]): string[] {
  return pem.map((one) => one.replace(/\s/g, ""));
}

test("readTlsFiles() reads a certificate and its key", async ({ server }) => {
  const { key, cert, ca, warnings } = await readTlsFiles(
    "some",
    files(server),
    NOW,
  );
  assertEquals(cert, server.cert);
  assertEquals(key, server.key.trim());
  assertEquals([ca, warnings], [[], []]);
});

test("readTlsFiles() reads authorities from a file, a folder and the configuration, if clients are asked", async ({ server, ca, otherCa, dir }) => {
  const both = [ca.pem, otherCa.pem];
  const sources: [Partial<ResolvedTls>, string[]][] = [
    [{ cafile: ca.file }, [ca.pem]],
    [{ cadata: both.join("\n") }, both],
    [{ capath: dir }, both],
    [{ cafile: otherCa.file, cadata: ca.pem }, [otherCa.pem, ca.pem]],
  ];
  for (const [more, expected] of sources) {
    for (const clientCert of ["optional", "required"] as const) {
      const tls = files(server, { clientCert, ...more });
      const found = await readTlsFiles("some", tls, NOW);
      assertEquals(compact(found.ca), compact(expected));
    }
    const unasked = await readTlsFiles("some", files(server, more), NOW);
    assertEquals(unasked.ca, []);
  }
});

test("readTlsFiles() warns of certificates that are not valid at this time", async ({ expired, server, ca }) => {
  const { warnings } = await readTlsFiles("some", files(expired), NOW);
  assertEquals(warnings.map((one) => one.replace(/ on .*/, "")), [
    `Listener some: a certificate in certfile ${expired.certfile} has expired`,
  ]);
  const tls = files(server, { clientCert: "required", cafile: ca.file });
  const early = await readTlsFiles("some", tls, 0);
  assertEquals(early.warnings.map((one) => one.replace(/ before .*/, "")), [
    `Listener some: a certificate in certfile ${server.certfile} is not valid`,
    `Listener some: a certificate in cafile ${ca.file} is not valid`,
  ]);
});

/** What can be wrong: the files, and what is said of which. */
const wrong: Record<
  string,
  (
    certificates: Certificates,
    put: (name: string, text: string) => Promise<string>,
  ) => Promise<[tls: ResolvedTls, what: string, why: string]>
> = {
  "does not exist": (
    { server, dir },
  ) => {
    const certfile = `${dir}/none`;
    return Promise.resolve([
      files({ ...server, certfile }),
      `certfile ${certfile}`,
      "it does not exist",
    ]);
  },
  "is a folder": ({ server, dir }) =>
    Promise.resolve([
      files({ ...server, keyfile: dir }),
      `keyfile ${dir}`,
      "Is a directory (os error 21)",
    ]),
  "is no folder": ({ server, ca }) =>
    Promise.resolve([
      files(server, { clientCert: "required", capath: ca.file }),
      `capath ${ca.file}`,
      "Not a directory (os error 20)",
    ]),
  "holds no certificate": async ({ server }, put) => {
    const certfile = await put("text", "nothing of interest");
    return [
      files({ ...server, certfile }),
      `certfile ${certfile}`,
      "it holds no certificate in PEM",
    ];
  },
  "holds a key instead of a certificate": ({ server }) =>
    Promise.resolve([
      files({ ...server, certfile: server.keyfile }),
      `certfile ${server.keyfile}`,
      "it holds a private key and no certificate; are certfile and keyfile " +
      "exchanged?",
    ]),
  "holds a certificate instead of a key": ({ server }) =>
    Promise.resolve([
      files({ ...server, keyfile: server.certfile }),
      `keyfile ${server.certfile}`,
      "it holds a certificate and no private key; are certfile and keyfile " +
      "exchanged?",
    ]),
  "holds no key": async ({ server }, put) => {
    const keyfile = await put("text", "");
    return [
      files({ ...server, keyfile }),
      `keyfile ${keyfile}`,
      "it holds no private key in PEM",
    ];
  },
  "holds a damaged certificate": async ({ server, ca }, put) => {
    const damaged = server.cert.replace(/MII.{8}/, "MIIAAAAAAAA");
    const certfile = await put("damaged", `${ca.pem}\n${damaged}`);
    return [
      files({ ...server, certfile }),
      `certfile ${certfile}`,
      "its certificate 2 is damaged",
    ];
  },
  "holds a damaged key": async ({ server }, put) => {
    const keyfile = await put(
      "damaged",
      server.key.replace(/\n.{8}/, "\nAAAAAAAA"),
    );
    return [
      files({ ...server, keyfile }),
      `keyfile ${keyfile}`,
      "its private key is damaged",
    ];
  },
  "holds an encrypted key": async ({ server }, put) => {
    const keyfile = await put(
      "encrypted",
      server.key.replaceAll("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
    );
    return [
      files({ ...server, keyfile }),
      `keyfile ${keyfile}`,
      "it is encrypted; `openssl pkey` writes it without a pass phrase",
    ];
  },
  "holds the key of another certificate": ({ server, client }) =>
    Promise.resolve([
      files({ ...server, keyfile: client.keyfile }),
      `keyfile ${client.keyfile}`,
      `it does not belong to the certificate in ${server.certfile}`,
    ]),
  "holds no authority": ({ server, client }) =>
    Promise.resolve([
      files(server, { clientCert: "required", cafile: client.keyfile }),
      `cafile ${client.keyfile}`,
      "it holds no certificate in PEM",
    ]),
  "is a folder without authorities": async ({ server, dir }) => {
    const capath = `${dir}/empty`;
    await Deno.mkdir(capath);
    return [
      files(server, { clientCert: "required", capath }),
      `capath ${capath}`,
      "none of its files *.pem, *.crt and *.0 holds a certificate in PEM",
    ];
  },
  "is not given, for authorities": ({ server }) =>
    Promise.resolve([
      files(server, { clientCert: "required" }),
      "clientCert required",
      "there is no authority to trust; give cafile, capath or cadata",
    ]),
};

for (const [what, prepare] of Object.entries(wrong)) {
  test(`readTlsFiles() says which file ${what}`, async (certificates) => {
    const [tls, file, why] = await prepare(certificates, async (name, text) => {
      const path = `${certificates.dir}/${name}`;
      await Deno.writeTextFile(path, text);
      return path;
    });
    const { message } = await assertRejects(
      () => readTlsFiles("some", tls, NOW),
      BrokerError,
    );
    assertEquals(
      message.replace(/: read(file|dir).*/, ""),
      `Cannot use ${file} (listener some): ${why}`,
    );
  });
}

for (
  const [error, why] of [
    [
      new Deno.errors.PermissionDenied("x"),
      "permission denied; who runs the broker has to be able to read it",
    ],
    [
      new Deno.errors.NotCapable("x"),
      "Deno may not read it; run with --allow-read",
    ],
    ["odd", "odd"],
  ] as const
) {
  Deno.test(`readTlsFiles() says ${why}`, async () => {
    const real = Deno.readTextFile;
    Object.assign(Deno, { readTextFile: () => Promise.reject(error) });
    try {
      const tls = files({ certfile: "c", keyfile: "k" });
      const { message } = await assertRejects(
        () => readTlsFiles("some", tls, NOW),
        BrokerError,
      );
      assertEquals(message, `Cannot use certfile c (listener some): ${why}`);
    } finally {
      Object.assign(Deno, { readTextFile: real });
    }
  });
}
