import { assertEquals, assertRejects } from "@std/assert";
import { bcrypt } from "../../plugins/_bcrypt.ts";
import { createsWhatItVerifies, refuses, verified } from "./_verify.ts";

/** Made by crypt(3) of libxcrypt. */
const vectors: readonly [password: string, hash: string][] = [
  ["", "$2b$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq"],
  ["U*U", "$2b$04$abcdefghijklmnopqrstuuCFaEytnzrfaPZJKbS76hh9vqd9r8v2S"],
  ["pässwörd", "$2b$04$abcdefghijklmnopqrstuuyx2n0Zzopyr9QuYTMCfOJJOj526QVoC"],
  [
    "a".repeat(71),
    "$2b$04$abcdefghijklmnopqrstuuMCu.k1vM/ywQwiONaEn3oEMlZoCVBd6",
  ],
  [
    "b".repeat(72),
    "$2b$04$abcdefghijklmnopqrstuuUJf9qAIqFFWObw4K4AvdtuO.PaE5J/W",
  ],
  ["U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  ["pässwörd", "$2y$04$......................qnB8eqNMuizEQ3mLqW93JYyN8aQz3iO"],
];

for (const [password, hash] of vectors) {
  Deno.test(`bcrypt verifies ${password.length} characters by ${hash.slice(0, 29)}`, async () => {
    assertEquals(await verified(bcrypt, password, hash), true);
    assertEquals(await verified(bcrypt, `.${password}`, hash), false);
  });
}

Deno.test("bcrypt takes the first 72 bytes of a password", async () => {
  const hash = "$2b$04$abcdefghijklmnopqrstuuogRL5VQwGjcLu2sTFXkuj.Qf1F2dCtK";
  assertEquals(await verified(bcrypt, "c".repeat(80), hash), true);
  assertEquals(await verified(bcrypt, "c".repeat(72), hash), true);
  assertEquals(await verified(bcrypt, "c".repeat(71), hash), false);
});

Deno.test("bcrypt verifies what it creates", () =>
  createsWhatItVerifies(bcrypt));

Deno.test("bcrypt does not hash what it would not hash all of", async () => {
  await assertRejects(
    () => bcrypt.create(new Uint8Array(73)),
    RangeError,
    "it has more than 72 bytes",
  );
});

Deno.test("bcrypt says what is wrong with a hash", () => {
  const [, hash = ""] = vectors[0]!;
  refuses(bcrypt, [
    [hash.slice(0, -1), "it is not complete"],
    [`${hash}.`, "it is not complete"],
    [hash.replace("$04$", "$03$"), "its cost is not from 4 to 18"],
    [hash.replace("$04$", "$19$"), "its cost is not from 4 to 18"],
    [hash.replace("$04$", "$4$"), "it is not complete"],
  ]);
});
