import { assertEquals, assertThrows } from "@std/assert";
import type { ClientInfo } from "../../broker/mod.ts";
import { SettingsError } from "../../codec/mod.ts";
import { authAnonymous } from "../../plugins/mod.ts";

const attempt = { method: undefined, signal: new AbortController().signal };

const client: ClientInfo = {
  clientId: "one",
  username: undefined,
  protocolVersion: 5,
  address: undefined,
  listener: "default",
  certificate: undefined,
};

/** What it says of clients: without a user name, with an empty one, with one. */
function opinions(allowAnonymous?: boolean) {
  const { authenticate } = authAnonymous(
    allowAnonymous === undefined ? {} : { allowAnonymous },
  );
  return [undefined, "", "user"].map((username) =>
    authenticate!({ ...client, username }, undefined, attempt)
  );
}

Deno.test("auth_anonymous approves everybody where anonymous clients are allowed", () => {
  assertEquals(opinions(true), [true, true, true]);
  assertEquals(opinions(), [true, true, true]);
});

Deno.test("auth_anonymous denies who has no user name where they are not, and leaves others to others", () => {
  assertEquals(opinions(false), [false, false, undefined]);
});

Deno.test("auth_anonymous does not refuse who authenticates by a method", () => {
  const { authenticate } = authAnonymous({ allowAnonymous: false });
  const by = { ...attempt, method: "SCRAM-SHA-256" };
  assertEquals(authenticate!(client, undefined, by), undefined);
});

Deno.test("auth_anonymous has no other options", () => {
  assertThrows(
    () => authAnonymous({ alow: true } as Record<never, never>),
    SettingsError,
    "the options of auth_anonymous",
  );
});
