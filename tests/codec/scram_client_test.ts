import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ScramClient, ScramError } from "../../codec/mod.ts";
import { bytes, CLIENT_NONCE, messages, text } from "./_scram.ts";

const [first, challenge, proof, signature] = messages;

function client(): ScramClient {
  return new ScramClient("user", "pencil", CLIENT_NONCE);
}

async function proven(): Promise<ScramClient> {
  const one = client();
  one.first();
  await one.answer(bytes(challenge));
  return one;
}

Deno.test("ScramClient says what RFC 7677 says, and knows the server", async () => {
  const one = client();
  assertEquals(text(one.first()), first);
  assertEquals(text(await one.answer(bytes(challenge))), proof);
  one.finish(bytes(signature));
});

Deno.test("ScramClient writes commas and equals signs of a name otherwise", () => {
  const one = new ScramClient("a=b,c\u00ad", "pencil", "x");
  assertEquals(text(one.first()), "n,,n=a=3Db=2Cc,r=x");
});

Deno.test("ScramClient has another nonce each time", () => {
  const [one, other] = [1, 2].map(() => new ScramClient("user", "pencil"));
  assertEquals(text(one!.first()) === text(other!.first()), false);
});

// deno-fmt-ignore: a table
const challenges: readonly [what: string, challenge: string, reason: string][] = [
  ["a nonce of somebody else", challenge.replace(CLIENT_NONCE, "x"), "the nonce"],
  ["no nonce of the server", `r=${CLIENT_NONCE},s=AAAA,i=4096`, "the nonce"],
  ["a salt that is not base 64", challenge.replace("W22", "*22"), "the salt"],
  ["no salt", challenge.replace(/s=[^,]*,/, ""), "the attribute s"],
  ["few iterations", challenge.replace("4096", "4095"), 'the iterations are "4095"'],
  ["iterations for ever", challenge.replace("4096", "4000000000"), 'the iterations are "4000000000"'],
  ["more than the most", challenge.replace("4096", "1000001"), "the iterations"],
  ["iterations that are no number", challenge.replace("4096", "0x1000"), "the iterations"],
  ["an extension that has to be known", `m=x,${challenge}`, "the attribute r"],
  ["an error", "e=unknown-user", "the attribute r"],
  ["nothing", "", "the attribute r"],
  ["far too much", `${challenge},x=${"x".repeat(20_000)}`, "the message is too long"],
];

for (const [what, message, reason] of challenges) {
  Deno.test(`ScramClient gives up at a challenge with ${what}`, async () => {
    const one = client();
    one.first();
    await assertRejects(() => one.answer(bytes(message)), ScramError, reason);
  });
}

Deno.test("ScramClient overlooks extensions that it may overlook", async () => {
  const one = client();
  one.first();
  await one.answer(bytes(`${challenge},x=more`));
});

Deno.test("ScramClient gives up at what is no UTF-8", async () => {
  const one = client();
  one.first();
  await assertRejects(
    () => one.answer(Uint8Array.of(0xff)),
    ScramError,
    "the message is not UTF-8",
  );
});

// deno-fmt-ignore: a table
const endings: readonly [what: string, message: string, reason: string][] = [
  ["of somebody who does not know the password", signature.replace("6rri", "7rri"), "the server does not know the password"],
  ["that is cut off", signature.slice(0, -8), "the server does not know the password"],
  ["that is an error", "e=other-error", "the server refuses: other-error"],
  ["that is empty", "", "the attribute v"],
];

for (const [what, message, reason] of endings) {
  Deno.test(`ScramClient does not take a signature ${what}`, async () => {
    const one = await proven();
    assertThrows(() => one.finish(bytes(message)), ScramError, reason);
  });
}

Deno.test("ScramClient is asked in its order only", async () => {
  const early = client();
  assertThrows(() => early.finish(bytes(signature)), ScramError, "its turn");
  await assertRejects(
    () => early.answer(bytes(challenge)),
    ScramError,
    "its turn",
  );
  const one = await proven();
  await assertRejects(() => one.answer(bytes(challenge)), ScramError);
  one.finish(bytes(signature));
  assertThrows(() => one.finish(bytes(signature)), ScramError, "its turn");
});
