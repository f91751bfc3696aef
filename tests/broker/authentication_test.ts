/** What of it no packet shows; the rest is in tests/conformance/auth_test.ts. */

import { assertEquals, assertThrows } from "@std/assert";
import { Authentication, type Claimant } from "../../broker/_authentication.ts";
import type { AuthenticationMethod } from "../../broker/mod.ts";
import { type AuthPacket, ProtocolError, ReasonCode } from "../../codec/mod.ts";
import { clientOf, Parts } from "./_parts.ts";

/** A connected client, and what becomes of it. */
class Peer implements Claimant {
  readonly clientId = "client";
  readonly ended = false;
  readonly sent: AuthPacket[] = [];
  readonly ends: ReasonCode[] = [];
  failure: Error | undefined;
  client: Claimant["client"] = { ...clientOf("client"), username: "alice" };
  attempt: Claimant["attempt"] = undefined;

  readonly output = {
    send: (packet: AuthPacket): void => {
      if (this.failure !== undefined) throw this.failure;
      this.sent.push(packet);
    },
  };

  readonly blamed: ReasonCode[] = [];

  blame(reasonCode: ReasonCode): void {
    this.blamed.push(reasonCode);
  }

  disconnect(reasonCode: ReasonCode): void {
    this.ends.push(reasonCode);
  }
}

function made(begin: AuthenticationMethod): [Authentication, Peer, Parts] {
  const plugin = { name: "own", authenticationMethods: { TEST: begin } };
  const [parts, peer] = [new Parts({}, [plugin]), new Peer()];
  const offer = parts.hooks.offer("TEST")!;
  return [new Authentication(parts, peer, offer), peer, parts];
}

function again(data?: Uint8Array): AuthPacket {
  const properties = {
    authenticationMethod: "TEST",
    ...(data && { authenticationData: data }),
  };
  return { type: "auth", reasonCode: 0x19, properties };
}

Deno.test("authentication gives a method data that are its own", () => {
  const kept: (Uint8Array | undefined)[] = [];
  const [authentication] = made(() => ({
    continue: (data) => {
      kept.push(data);
      return { outcome: "continue" };
    },
  }));
  const buffer = Uint8Array.of(1, 2, 3);
  authentication.again(again(buffer));
  buffer.fill(0);
  assertEquals(kept, [Uint8Array.of(1, 2, 3)]);
});

Deno.test("authentication reports a defect where its answer comes later, and ends the connection", async () => {
  const [authentication, peer, parts] = made(() => ({
    continue: () => Promise.resolve({ outcome: "continue" }),
  }));
  peer.failure = new Error("a defect");
  const ended = new Promise<void>((resolve) => {
    peer.disconnect = (reasonCode) => {
      peer.ends.push(reasonCode);
      resolve();
    };
  });
  assertEquals(authentication.again(again()), undefined);
  await ended;
  assertEquals([...peer.ends], [0x80]);
  assertEquals(parts.metrics.internalErrors, 1);
});

Deno.test("authentication tells a method which attempt it is about, and when it is over", () => {
  const seen: [method: string | undefined, signal: AbortSignal][] = [];
  const [authentication] = made((_, { method, signal }) => {
    seen.push([method, signal]);
    return { continue: () => ({ outcome: "continue" }) };
  });
  authentication.again(again());
  const [[method, signal]] = seen as [[string, AbortSignal]];
  assertEquals([method, signal.aborted], ["TEST", false]);
  authentication.end();
  assertEquals([signal.aborted, authentication.startedAt], [true, undefined]);
});

Deno.test("authentication takes no AUTH while plugins are asked about who has proven its name [MQTT-4.12.0-3]", async () => {
  const verdict = Promise.withResolvers<boolean>();
  let steps = 0;
  const parts = new Parts({}, [{
    name: "own",
    authenticationMethods: {
      TEST: () => ({
        continue: () => {
          steps++;
          return { outcome: "success", username: "alice" };
        },
      }),
    },
    authenticate: () => verdict.promise,
  }]);
  const peer = new Peer();
  const offer = parts.hooks.offer("TEST")!;
  const authentication = new Authentication(parts, peer, offer);
  assertEquals(authentication.again(again()), undefined);
  assertThrows(
    () => authentication.again({ ...again(), reasonCode: 0x18 }),
    ProtocolError,
  );
  verdict.resolve(true);
  await verdict.promise;
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(peer.sent.map(({ reasonCode }) => reasonCode), [0x00]);
  assertEquals(steps, 1);
});

Deno.test("authentication blames an address for who fails to authenticate again, so that nobody guesses passwords that way", () => {
  for (
    const answer of [
      { outcome: "refusal", reasonCode: ReasonCode.BadUserNameOrPassword },
      { outcome: "success", username: "bob" },
    ] as const
  ) {
    const [authentication, peer] = made(() => ({ continue: () => answer }));
    authentication.again(again());
    assertEquals(peer.ends.length, 1);
    assertEquals(peer.blamed, peer.ends);
  }
});
