/** What of it no packet shows; the rest is in tests/conformance/auth_test.ts. */

import { assertEquals } from "@std/assert";
import { Authentication, type Claimant } from "../../broker/_authentication.ts";
import type { AuthenticationMethod } from "../../broker/mod.ts";
import type { AuthPacket, ReasonCode } from "../../codec/mod.ts";
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
