import { assertEquals, assertThrows } from "@std/assert";
import { Backlog, type Publication } from "../../client/_backlog.ts";
import { QueueFullError } from "../../client/mod.ts";
import { Pending } from "../../client/_pending.ts";
import { Frame, type PublishPacket } from "../../codec/mod.ts";

/** A publication whose frame has 10 bytes. */
function publication(name: string): Publication {
  const packet: PublishPacket = {
    type: "publish",
    topic: name,
    payload: new Uint8Array(6 - name.length),
    qos: 0,
    retain: false,
    dup: false,
  };
  return {
    packet,
    frame: Frame.encode(packet, 4),
    flags: 0,
    exchange: {},
    pending: new Pending(undefined),
    waiting: false,
  };
}

function rest(backlog: Backlog): string {
  let names = "";
  for (;;) {
    const next = backlog.shift();
    if (next === undefined) return names;
    names += next.packet.topic;
  }
}

Deno.test("Backlog keeps the order, and puts in front what comes back", () => {
  const backlog = new Backlog();
  const [a, b, c, d] = ["a", "b", "c", "d"].map(publication);
  for (const one of [a!, b!, c!]) backlog.push(one);
  assertEquals(backlog.shift(), a);
  backlog.restore([d!, a!]);
  assertEquals(backlog.size, 4);
  assertEquals(rest(backlog), "dabc");
  assertEquals(backlog.size, 0);
});

Deno.test("Backlog has room again when one leaves, in whatever way", () => {
  const backlog = new Backlog({ messages: 2 });
  const [a, b, c] = ["a", "b", "c"].map(publication);
  const full = () =>
    assertThrows(
      () => backlog.check(c!.frame),
      QueueFullError,
      "Cannot publish: there is no connection, and 2 messages wait for one",
    );
  backlog.push(a!);
  backlog.push(b!);
  full();
  backlog.drop(a!);
  backlog.check(c!.frame);
  backlog.drop(a!); // the second time it is not there
  backlog.push(c!);
  full();
  backlog.shift();
  backlog.check(a!.frame);
  backlog.clear();
  assertEquals(backlog.size, 0);
});

Deno.test("Backlog counts bytes", () => {
  const backlog = new Backlog({ bytes: 25 });
  const all = ["a", "b", "c"].map(publication);
  assertEquals(all[0]!.frame.bytes.length, 10);
  backlog.push(all[0]!);
  backlog.check(all[1]!.frame);
  backlog.push(all[1]!);
  assertThrows(
    () => backlog.check(all[2]!.frame),
    QueueFullError,
    "with 10 more than 25 bytes would wait for one",
  );
  backlog.drop(all[1]!);
  backlog.check(all[2]!.frame);
});

Deno.test("Backlog does not grow with what has left it", () => {
  const backlog = new Backlog();
  backlog.push(publication("a"));
  for (let n = 0; n < 1000; n++) {
    const one = publication("x");
    backlog.push(one);
    backlog.drop(one);
  }
  backlog.push(publication("b"));
  assertEquals(backlog.size, 2);
  assertEquals(rest(backlog), "ab");
});

Deno.test("Backlog refuses limits that are none", () => {
  assertThrows(
    () => new Backlog({ bytes: -1 }),
    RangeError,
    "Cannot make a client: offlineQueue.bytes -1 is not 0 or more",
  );
  assertThrows(() => new Backlog({ messages: NaN }), RangeError);
});
