import { assertEquals, assertRejects } from "@std/assert";
import { packet } from "../../../cli/conformance/_bytes.ts";
import { Failure } from "../../../cli/conformance/_verdict.ts";
import {
  codes,
  complete,
  describe,
  Peer,
} from "../../../cli/conformance/_peer.ts";
import type { ProtocolVersion, Transport } from "../../../mod.ts";
import { agreeable } from "./_agreeable_broker.ts";

/** A client that has sent CONNECT to a broker that says yes to everything. */
async function connected(version: ProtocolVersion = 4): Promise<Peer> {
  const peer = new Peer(version, "the client", agreeable(), 1_000);
  await peer.sendBytes(packet(0x10, 0, 4, 77, 81, 84, 84, version, 2, 0, 0));
  peer.connack = await peer.next("connack");
  return peer;
}

/** A transport that gives these bytes, and then the end or nothing. */
function giving(bytes: number[], end: boolean): Transport {
  const closed = Promise.withResolvers<null>();
  let given = false;
  return {
    read(buffer) {
      if (given) return end ? Promise.resolve(null) : closed.promise;
      given = true;
      buffer.set(bytes);
      return Promise.resolve(bytes.length);
    },
    write: (bytes) => Promise.resolve(bytes.length),
    close: () => closed.resolve(null),
  };
}

Deno.test("a peer makes requests, and has their answers", async () => {
  for (const version of [4, 5] as const) {
    await using peer = await connected(version);
    assertEquals(await peer.subscribe("a"), [0]);
    assertEquals((await peer.unsubscribe("a")).packetId, 2);
    for (const qos of [0, 1, 2] as const) {
      assertEquals(await peer.publish("a", "x", { qos }), 0);
    }
    await peer.quiet("nothing was delivered");
    await peer.disconnect();
  }
});

Deno.test("a peer that waits for the end sees at once that there is none", async () => {
  await using peer = await connected();
  const failure = await assertRejects(() => peer.ended("a reason"), Failure);
  assertEquals(failure.expected, "the end of the connection: a reason");
  assertEquals(failure.actual, "PINGRESP");
});

Deno.test("what comes instead of a packet is told", async () => {
  await using other = new Peer(4, "one", giving([0xd0, 0], true), 1_000);
  const first = await assertRejects(() => other.next("connack"), Failure);
  assertEquals(first.message, "Expected CONNACK for one, got PINGRESP {}");
  const second = await assertRejects(() => other.next("connack"), Failure);
  assertEquals(second.actual, "the end of the connection");
  assertEquals(other.bytes, new Uint8Array([0xd0, 0]));
});

Deno.test("bytes that are no packet are told as digits", async () => {
  await using peer = new Peer(4, "one", giving([0x21, 0], false), 1_000);
  const failure = await assertRejects(() => peer.next("connack"), Failure);
  assertEquals(/what is no packet \(.*\): 21 00$/.test(failure.actual), true);
});

Deno.test("a peer does not wait for ever", async () => {
  await using peer = new Peer(4, "one", giving([], false), 5);
  const failure = await assertRejects(() => peer.next("connack"), Failure);
  assertEquals(failure.actual, "nothing within 0.005 s");
});

Deno.test("packets and codes are named in messages", () => {
  const text = describe({ type: "disconnect", reasonCode: 0x8e });
  assertEquals(
    text,
    'DISCONNECT (Session taken over (0x8e)) {"reasonCode":142}',
  );
  assertEquals(codes([1, 0x81]), "0x01 or 0x81");
  assertEquals(complete("a").qos, 2);
});
