import { assertEquals, assertRejects } from "@std/assert";
import { scram } from "../../plugins/_scram.ts";
import { hashPassword } from "../../plugins/mod.ts";
import { createsWhatItVerifies, refuses, verified } from "./_verify.ts";

// of PostgreSQL, for the salt of RFC 7677
const pencil = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" +
  "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" +
  "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

Deno.test("scram verifies what PostgreSQL has made", async () => {
  assertEquals(await verified(scram, "pencil", pencil), true);
  assertEquals(await verified(scram, "pencils", pencil), false);
});

Deno.test("scram verifies what it creates", () => createsWhatItVerifies(scram));

Deno.test("scram takes what is no text for a wrong password", async () => {
  for (const bytes of [[0xff], [0x07], []]) {
    assertEquals(await verified(scram, Uint8Array.from(bytes), pencil), false);
  }
});

Deno.test("scram hashes no password that nobody could give", async () => {
  await assertRejects(
    () => hashPassword("a\u0007", "scram-sha-256"),
    TypeError,
    "Cannot use SCRAM: the password has control characters",
  );
});

Deno.test("scram says what is wrong with a hash", () => {
  refuses(scram, [
    [
      "SCRAM-SHA-256$4096",
      "it is not SCRAM-SHA-256$iterations:salt$stored-key:server-key",
    ],
    [
      pencil.replace("4096", "1"),
      "its iterations are not from 4096 to 1000000",
    ],
  ]);
});
