import { assertEquals } from "@std/assert";
import {
  certificatesOf,
  isTrusted,
  outdated,
} from "../../broker/_certificate_path.ts";
import { makeCertificates } from "../_certificates.ts";

Deno.test("certificatesOf() takes certificates from what stands between", async () => {
  await using certificates = await makeCertificates();
  const { ca, otherCa } = certificates;
  const text = `# ours\n${ca.pem}\n# theirs\r\n${otherCa.pem}`;
  assertEquals(certificatesOf(text).map(({ ca }) => ca), [true, true]);
  assertEquals(certificatesOf("none"), []);
});

Deno.test("outdated() tells when a certificate begins and ends", () => {
  const validFrom = "2026-01-01T00:00:00.000Z";
  const validTo = "2027-01-01T00:00:00.000Z";
  const at = (time: string) =>
    outdated({ validFrom, validTo }, Date.parse(time));
  assertEquals(at("2026-01-01T00:00:00Z"), undefined);
  assertEquals(at("2027-01-01T00:00:00Z"), undefined);
  assertEquals(at("2027-01-01T00:00:01Z"), `has expired on ${validTo}`);
  assertEquals(at("2025-12-31T23:59:59Z"), `is not valid before ${validFrom}`);
  const never = { validFrom: "x", validTo: "x" };
  assertEquals(outdated(never, 0), "has expired on x");
});

Deno.test("isTrusted() is of certificates that an authority has issued", async () => {
  await using certificates = await makeCertificates();
  const { ca, otherCa, client, stranger } = certificates;
  const [ours, theirs] = [ca, otherCa].flatMap(({ pem }) =>
    certificatesOf(pem)
  );
  const [own] = certificatesOf(client.cert);
  const [strange] = certificatesOf(stranger.cert);
  const now = Date.now();
  assertEquals(isTrusted(own!, [], [ours!], now), true);
  assertEquals(isTrusted(own!, [], [theirs!, ours!], now), true);
  assertEquals(isTrusted(own!, [], [theirs!], now), false);
  assertEquals(isTrusted(own!, [], [], now), false);
  assertEquals(isTrusted(strange!, [ours!], [ours!], now), false);
  // Who shows an authority has not made it one that is trusted.
  assertEquals(isTrusted(own!, [ours!, own!, ours!], [theirs!], now), false);
});
