import "reflect-metadata"; // asked for by @peculiar/x509
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { X509Certificate } from "node:crypto";
import {
  type JsonGeneralName,
  type JsonName,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { describeCertificate } from "../../broker/_certificate.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A certificate for a name and its alternatives. */
async function make(
  name: JsonName,
  alternatives: JsonGeneralName[] = [],
): Promise<X509Certificate> {
  const keys = await crypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: "1a2b",
    name,
    notBefore: new Date("2020-01-02T03:04:05Z"),
    notAfter: new Date("2060-01-02T03:04:05Z"),
    signingAlgorithm: algorithm,
    keys,
    extensions: alternatives.length === 0
      ? []
      : [new SubjectAlternativeNameExtension(alternatives)],
  });
  return new X509Certificate(certificate.toString("pem"));
}

Deno.test("describeCertificate() says who it is of, by whom, and how long", async () => {
  const certificate = await make([{ O: ["Works"] }, { CN: ["sensor 7"] }], [
    { type: "dns", value: "sensor.example" },
    { type: "url", value: "urn:sensor:7" },
    { type: "email", value: "sensor@example.org" },
    { type: "ip", value: "10.0.0.7" },
    { type: "ip", value: "2001:db8::7" },
    { type: "dn", value: "CN=other" },
  ]);
  const described = describeCertificate(certificate, true);
  assertMatch(described.fingerprint256, /^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/);
  assertEquals(described, {
    subject: "CN=sensor 7,O=Works",
    commonName: "sensor 7",
    subjectAltNames: [
      "DNS:sensor.example",
      "URI:urn:sensor:7",
      "email:sensor@example.org",
      "IP:10.0.0.7",
      "IP:2001:db8:0:0:0:0:0:7",
    ],
    issuer: "CN=sensor 7,O=Works",
    serialNumber: "1A2B",
    fingerprint256: described.fingerprint256,
    validFrom: "2020-01-02T03:04:05.000Z",
    validTo: "2060-01-02T03:04:05.000Z",
    authorized: true,
  });
});

Deno.test("describeCertificate() is not misled by a name that looks like several", async () => {
  const certificate = await make([{ CN: ["a,CN=admin"] }, { OU: [" #x+y "] }], [
    { type: "url", value: "urn:x, DNS:admin" },
  ]);
  const { subject, commonName, subjectAltNames } = describeCertificate(
    certificate,
    false,
  );
  assertEquals(commonName, "a,CN=admin");
  assertEquals(subject, "OU=\\ #x\\+y\\ ,CN=a\\,CN=admin");
  assertEquals(subjectAltNames, ["URI:urn:x, DNS:admin"]);
});

Deno.test("describeCertificate() knows names of all alphabets, attributes by number, and no name at all", async () => {
  const named = await make([
    { CN: ["Wörks €"] },
    // Its types do not know that it can be told how to encode.
    { CN: [{ bmpString: "ΩΔ" } as unknown as string] },
    { "2.5.4.97": ["VAT"] },
  ]);
  const { subject, commonName } = describeCertificate(named, true);
  assertEquals(subject, "2.5.4.97=VAT,CN=ΩΔ,CN=Wörks €");
  assertEquals(commonName, "Wörks €");
  const nobody = describeCertificate(await make([]), true);
  assertEquals(
    [nobody.subject, nobody.commonName, nobody.subjectAltNames],
    ["", "", []],
  );
});

Deno.test("describeCertificate() throws when given what is cut", async () => {
  const certificate = await make([{ CN: ["a"] }]);
  for (const length of [2, 100, certificate.raw.length - 1]) {
    const raw = certificate.raw.subarray(0, length);
    const cut = { raw } as unknown as X509Certificate;
    assertThrows(
      () => describeCertificate(cut, true),
      Error,
      "The certificate is malformed",
    );
  }
});
