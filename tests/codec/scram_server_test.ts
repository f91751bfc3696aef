import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ScramClient, ScramError, ScramServer } from "../../codec/mod.ts";
import { bytes, credentials, messages, SERVER_NONCE, text } from "./_scram.ts";

const [first, challenge, proof, signature] = messages;

async function challenged(of = credentials()): Promise<ScramServer> {
  const server = new ScramServer(SERVER_NONCE);
  server.first(bytes(first)).challenge(await of);
  return server;
}

Deno.test("ScramServer says what RFC 7677 says", async () => {
  const server = new ScramServer(SERVER_NONCE);
  const asked = server.first(bytes(first));
  assertEquals(asked.username, "user");
  assertEquals(text(asked.challenge(await credentials())), challenge);
  assertEquals(text(await server.check(bytes(proof))), signature);
});

Deno.test("ScramServer refuses the proof of another password", async () => {
  const server = await challenged(credentials("pencils"));
  assertEquals(await server.check(bytes(proof)), undefined);
});

Deno.test("ScramServer and ScramClient agree, with names of all kinds", async () => {
  for (const name of ["user", "a=b,c", "=2C", "é", "👩‍🚀", "a b"]) {
    const client = new ScramClient(name, "pencil");
    const server = new ScramServer();
    const asked = server.first(client.first());
    assertEquals(asked.username, name.replaceAll("\u200d", ""));
    const answer = await client.answer(asked.challenge(await credentials()));
    client.finish((await server.check(answer))!);
  }
});

// deno-fmt-ignore: a table
const firsts: readonly [what: string, message: string, username: string | undefined][] = [
  ["a client that would bind the channel if it could", "y,,n=user,r=x", "user"],
  ["a client that acts for itself", "n,a=user,n=user,r=x", "user"],
  ["an extension", "n,,n=user,r=x,e=more", "user"],
  ["channel binding", "p=tls-unique,,n=user,r=x", undefined],
  ["a client that acts for another one", "n,a=root,n=user,r=x", undefined],
  ["an extension that has to be known", "n,,m=x,n=user,r=x", undefined],
  ["no name", "n,,n=,r=x", undefined],
  ["a name of nothing", "n,,n=\u00ad,r=x", undefined],
  ["a name with a control character", "n,,n=a\nb,r=x", undefined],
  ["a name with an equals sign", "n,,n=a=b,r=x", undefined],
  ["no nonce", "n,,n=user", undefined],
  ["an empty nonce", "n,,n=user,r=", undefined],
  ["a nonce with a space", "n,,n=user,r=a b", undefined],
  ["no header", "n=user,r=x", undefined],
  ["another header", "q,,n=user,r=x", undefined],
  ["nothing", "", undefined],
  ["far too much", `n,,n=${"x".repeat(20_000)},r=x`, undefined],
];

for (const [what, message, username] of firsts) {
  const does = username === undefined ? "refuses" : "takes";
  Deno.test(`ScramServer ${does} a first message with ${what}`, () => {
    const begin = () => new ScramServer().first(bytes(message));
    if (username === undefined) assertThrows(begin, ScramError);
    else assertEquals(begin().username, username);
  });
}

// deno-fmt-ignore: a table
const proofs: readonly [what: string, message: string][] = [
  ["another header than the first message", proof.replace("biws", "eSws")],
  ["another nonce", proof.replace("rOprNG", "rOprNH")],
  ["the nonce of the client only", proof.replace(SERVER_NONCE, "")],
  ["no proof", proof.replace(/,p=.*/, "")],
  ["a proof that is too short", proof.replace("dHzb", "")],
  ["a proof that is no base 64", proof.replace("dHzb", "****")],
  ["something behind the proof", `${proof},x=y`],
  ["nothing", ""],
];

for (const [what, message] of proofs) {
  Deno.test(`ScramServer refuses a last message with ${what}`, async () => {
    const server = await challenged();
    await assertRejects(() => server.check(bytes(message)), ScramError);
  });
}

Deno.test("ScramServer signs what was said, extensions too", async () => {
  const server = await challenged();
  const changed = proof.replace(",p=", ",x=y,p=");
  assertEquals(await server.check(bytes(changed)), undefined);
});

Deno.test("ScramServer checks one proof only, and none before its challenge", async () => {
  const server = new ScramServer(SERVER_NONCE);
  await assertRejects(() => server.check(bytes(proof)), ScramError, "its turn");
  const asked = server.first(bytes(first));
  asked.challenge(await credentials());
  const of = await credentials();
  assertThrows(() => asked.challenge(of), ScramError, "its turn");
  assertThrows(() => server.first(bytes(first)), ScramError, "its turn");
  await server.check(bytes(proof));
  await assertRejects(() => server.check(bytes(proof)), ScramError, "its turn");
});
