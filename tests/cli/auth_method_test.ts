import { assertEquals, assertThrows } from "@std/assert";
import { authenticateBy } from "../../cli/_auth_method.ts";
import { UsageError } from "../../cli/_flags.ts";
import type { ClientOptions } from "../../mod.ts";

const url = "mqtt://box";

/** The first message of the client that the options make. */
function said(options: ClientOptions, method = "SCRAM-SHA-256"): string {
  authenticateBy(method, options);
  const { authentication } = options;
  assertEquals([options.username, options.password], [undefined, undefined]);
  assertEquals(authentication!.name, "SCRAM-SHA-256");
  const first = authentication!.start().first() as Uint8Array;
  return new TextDecoder().decode(first).replace(/r=.*/, "");
}

Deno.test("authenticateBy() takes user name and password from the options, or the URL, and has none sent", () => {
  const password = "secret";
  assertEquals(said({ url, username: "alice", password }), "n,,n=alice,");
  assertEquals(said({ url: "mqtt://b%2Cb:secret@box" }), "n,,n=b=2Cb,");
  const bytes = new TextEncoder().encode(password);
  const one = { url: "mqtt://bob:x@box", username: "alice", password: bytes };
  assertEquals(said(one, "scram-sha-256"), "n,,n=alice,");
});

const who = { username: "alice", password: "secret" };

// deno-fmt-ignore: a table
const wrong: readonly [options: ClientOptions, method: string, message: string][] = [
  [{ url, ...who }, "PLAIN", '--auth-method is "PLAIN", not SCRAM-SHA-256'],
  [{ url }, "SCRAM-SHA-256", "needs a user name and a password"],
  [{ url, username: "alice" }, "SCRAM-SHA-256", "needs a user name and a password"],
  [{ url: "mqtt://a%:x@box" }, "SCRAM-SHA-256", "needs a user name and a password"],
  [{ url, ...who, password: "" }, "SCRAM-SHA-256", "the password is empty"],
  [{ url, ...who, properties: { authenticationMethod: "X" } }, "SCRAM-SHA-256", "both say how"],
];

for (const [options, method, message] of wrong) {
  Deno.test(`authenticateBy() with ${method} and ${JSON.stringify(options)}: ${message}`, () => {
    assertThrows(() => authenticateBy(method, options), UsageError, message);
  });
}
