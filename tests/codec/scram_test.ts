import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  deriveScramCredentials,
  formatScramCredentials,
  parseScramCredentials,
  scramName,
} from "../../codec/mod.ts";
import { credentials, SALT } from "./_scram.ts";

/** As PostgreSQL 16 has it for "pencil" and the salt of RFC 7677. */
const TEXT = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" +
  "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" +
  "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

Deno.test("deriveScramCredentials() has the keys of RFC 7677, as PostgreSQL writes them", async () => {
  assertEquals(formatScramCredentials(await credentials()), TEXT);
});

Deno.test("parseScramCredentials() reads what formatScramCredentials() writes", async () => {
  assertEquals(parseScramCredentials(TEXT), await credentials());
});

Deno.test("deriveScramCredentials() takes a password however it was typed", async () => {
  assertEquals(
    await deriveScramCredentials("e\u0301\u00ad", SALT, 4096),
    await deriveScramCredentials("\u00e9", SALT, 4096),
  );
});

Deno.test("deriveScramCredentials() refuses what is no password, and unreasonable iterations", async () => {
  for (const password of ["", "\u00ad", "a\nb"]) {
    await assertRejects(
      () => deriveScramCredentials(password, SALT, 4096),
      TypeError,
      "Cannot use SCRAM: the password",
    );
  }
  for (const count of [4095, 1_000_001, NaN, 4096.5]) {
    await assertRejects(
      () => deriveScramCredentials("pencil", SALT, count),
      RangeError,
      "are not from 4096 to 1000000",
    );
  }
});

const keys = TEXT.slice(TEXT.indexOf("$W22"));

for (
  const [wrong, problem] of [
    ["SCRAM-SHA-256$4096", "it is not SCRAM-SHA-256$"],
    [`SCRAM-SHA-1$4096:${keys.slice(1)}`, "it is not SCRAM-SHA-256$"],
    [TEXT.replace("4096", "4095"), "its iterations"],
    [TEXT.replace("4096", "1000001"), "its iterations"],
    [TEXT.replace("W22Z", "W2*Z"), "its salt"],
    [TEXT.replace("WG5d", ""), "its keys"],
    [TEXT.slice(0, -4), "its keys"],
    [`${TEXT}:`, "it is not SCRAM-SHA-256$"],
  ] as const
) {
  Deno.test(`parseScramCredentials() says what is wrong with ${wrong}`, () => {
    const parsed = parseScramCredentials(wrong);
    assert(typeof parsed === "string");
    assert(parsed.startsWith(problem), parsed);
  });
}

Deno.test("scramName() prepares a name, or finds none", () => {
  assertEquals(scramName("I\u00adX"), "IX");
  assertEquals(scramName("\u00ad"), undefined);
  assertEquals(scramName("a\nb"), undefined);
});
