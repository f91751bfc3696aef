import { assertEquals } from "@std/assert";
import { argon2id } from "../../plugins/_argon2.ts";
import { createsWhatItVerifies, refuses, verified } from "./_verify.ts";

/** From the tests of the reference implementation. */
const vectors: readonly string[] = [
  "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
  "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
  "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
];

for (const hash of vectors) {
  Deno.test(`Argon2id verifies ${hash.split("$")[3]}`, async () => {
    assertEquals(await verified(argon2id, "password", hash), true);
    assertEquals(await verified(argon2id, "Password", hash), false);
    assertEquals(await verified(argon2id, "", hash), false);
  });
}

Deno.test("Argon2id verifies what it creates", () =>
  createsWhatItVerifies(argon2id));

Deno.test("Argon2id says what is wrong with a hash", () => {
  const hash = vectors[1]!;
  const form = "it is not $argon2id$v=19$m=…,t=…,p=…$salt$hash";
  const costs = "its costs are not up to m=1048576,t=100,p=64";
  refuses(argon2id, [
    ["$argon2id$", form],
    [hash.replace("v=19", "v=16"), form],
    [hash.replace("m=256,t=2", "t=2,m=256"), form],
    [hash.replace("c29tZXNhbHQ", "c29t"), "its salt is not right"],
    [hash.replace("c29tZXNhbHQ", "!"), "its salt is not right"],
    [hash.slice(0, -30), "its last part is not complete"],
    [`${hash}!`, "its last part is not complete"],
    [hash.replace("m=256", "m=7"), costs],
    [hash.replace("m=256", "m=1048577"), costs],
    [hash.replace("t=2", "t=0"), costs],
    [hash.replace("t=2", "t=101"), costs],
    [hash.replace("p=1", "p=65"), costs],
  ]);
});
