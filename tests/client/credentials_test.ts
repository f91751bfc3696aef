import { assert, assertEquals, assertRejects } from "@std/assert";
import { readCredentials } from "../../client/_credentials.ts";
import type { TlsOptions } from "../../client/mod.ts";
import { type Certificates, makeCertificates } from "../_certificates.ts";

function test(
  name: string,
  fn: (certificates: Certificates) => Promise<void>,
): void {
  Deno.test(`readCredentials() ${name}`, async () => {
    await using certificates = await makeCertificates();
    await fn(certificates);
  });
}

/** Expects that these options are refused, in these words. */
async function assertRefuses(
  options: TlsOptions,
  message: string,
): Promise<void> {
  const error = await assertRejects(() => readCredentials(options), TypeError);
  assertEquals(error.message.slice(0, message.length), message);
}

Deno.test("readCredentials() has nothing where nothing is named", async () => {
  assertEquals(await readCredentials({}), {});
});

test("takes authorities from a file, a folder and a text, each once", async ({ ca, otherCa, dir }) => {
  const both = `Some words\n${ca.pem}\n# more\n${otherCa.pem}`;
  await Deno.writeTextFile(`${dir}/both`, both);
  const one = ca.pem.trim();
  const other = otherCa.pem.trim();
  assertEquals(await readCredentials({ cafile: ca.file }), { ca: [one] });
  assertEquals(await readCredentials({ cafile: `${dir}/both` }), {
    ca: [one, other],
  });
  assertEquals(await readCredentials({ cadata: both }), { ca: [one, other] });
  assertEquals(await readCredentials({ capath: dir }), { ca: [one, other] });
  assertEquals(
    await readCredentials({ cafile: otherCa.file, capath: dir, cadata: both }),
    { ca: [other, one] },
  );
});

test("takes *.pem, *.crt and *.0 of a folder, and no keys", async ({ ca, otherCa, client }) => {
  const dir = await Deno.makeTempDir({ prefix: "ambermq_capath_" });
  try {
    await Deno.writeTextFile(`${dir}/key.pem`, client.key);
    await Deno.writeTextFile(`${dir}/ca.txt`, ca.pem);
    await assertRefuses(
      { capath: dir },
      `Cannot use capath ${dir}: none of its files *.pem, *.crt and *.0 holds`,
    );
    const one = ca.pem.trim();
    const other = otherCa.pem.trim();
    await Deno.writeTextFile(`${dir}/9d66eef0.0`, ca.pem);
    assertEquals(await readCredentials({ capath: dir }), { ca: [one] });
    await Deno.writeTextFile(`${dir}/z.crt`, otherCa.pem);
    assertEquals(await readCredentials({ capath: dir }), { ca: [one, other] });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

test("takes a certificate with its key", async ({ client, server, ca }) => {
  const { certfile, keyfile, cert, key } = client;
  assertEquals(await readCredentials({ certfile, keyfile }), { cert, key });
  const chain = `${ca.file}.chain`;
  await Deno.writeTextFile(chain, cert + ca.pem);
  assertEquals(
    await readCredentials({ certfile: chain, keyfile, cafile: ca.file }),
    { ca: [ca.pem.trim()], cert: cert + ca.pem, key },
  );
  await assertRefuses(
    { certfile },
    "Cannot use certfile: keyfile is missing",
  );
  await assertRefuses(
    { keyfile },
    "Cannot use keyfile: certfile is missing",
  );
  await assertRefuses(
    { certfile, keyfile: server.keyfile },
    `Cannot use keyfile ${server.keyfile}: it is not the key of certfile ${certfile}`,
  );
  await assertRefuses(
    { certfile, keyfile: certfile },
    `Cannot use keyfile ${certfile}: it holds no private key in PEM`,
  );
  await assertRefuses(
    { certfile: keyfile, keyfile },
    `Cannot use certfile ${keyfile}: it holds no certificate in PEM`,
  );
});

test("tells what cannot be read, and what is damaged", async ({ ca, dir }) => {
  const none = `${dir}/none`;
  await assertRefuses({ cafile: none }, `Cannot use cafile ${none}: ENOENT`);
  await assertRefuses({ capath: none }, `Cannot use capath ${none}: ENOENT`);
  await assertRefuses(
    { certfile: none, keyfile: none },
    `Cannot use certfile ${none}: ENOENT`,
  );
  await assertRefuses({ cafile: dir }, `Cannot use cafile ${dir}: EISDIR`);
  await assertRefuses(
    { cadata: "no certificate" },
    "Cannot use cadata: it holds no certificate in PEM",
  );
  const lines = ca.pem.split("\n");
  lines[2] = lines[2]!.split("").reverse().join("");
  const damaged = lines.slice(0, 2).concat(lines.slice(3)).join("\n");
  assert(damaged.includes("-----END CERTIFICATE-----"));
  await assertRefuses(
    { cadata: ca.pem + damaged },
    "Cannot use cadata: its certificate 2 is damaged",
  );
});
