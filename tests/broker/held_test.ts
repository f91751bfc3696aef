import { assertEquals } from "@std/assert";
import { Held } from "../../broker/_held.ts";
import { defaultLimits } from "../../broker/limits.ts";
import { Metrics } from "../../broker/mod.ts";
import { FOREVER } from "../../broker/_session.ts";
import { ProtocolError } from "../../codec/mod.ts";
import { withSeeds } from "../_random.ts";
import { message, Paper, Parts } from "./_parts.ts";

/** Takes an acknowledgement that breaks the protocol for none. */
function forgiving(step: () => unknown): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

Deno.test("what sessions keep counts a message once, and its places", () => {
  const metrics = new Metrics();
  const held = new Held(defaultLimits, metrics);
  const large = message("a", { payload: new Uint8Array(1_000_000) });
  const { size } = large;
  for (let i = 0; i < 10; i++) held.add(large, size);
  const place = (metrics.queuedBytes - size) / 10;
  assertEquals(place, 128);
  for (let i = 0; i < 9; i++) held.remove(large, size);
  assertEquals(metrics.queuedBytes, size + place);
  held.remove(large, size);
  assertEquals([metrics.queuedBytes, large.holders], [0, 0]);
});

Deno.test("what sessions keep has room up to the limit, and more for a message that is there", () => {
  const metrics = new Metrics();
  const one = message("a", { payload: new Uint8Array(1000) });
  const other = message("a", { payload: new Uint8Array(1000) });
  const limits = { ...defaultLimits, totalQueuedBytes: one.size + 2 * 128 };
  const held = new Held(limits, metrics);
  assertEquals([held.hasRoom(one), held.hasRoom(other)], [true, true]);
  held.add(one, one.size);
  assertEquals([held.hasRoom(one), held.hasRoom(other)], [true, false]);
  held.add(one, one.size);
  assertEquals([held.hasRoom(one), held.hasRoom(other)], [false, false]);
  assertEquals(metrics.queuedBytes, limits.totalQueuedBytes);
});

Deno.test("what sessions keep is nothing in the end, whatever became of it", () => {
  withSeeds(50, (random) => {
    const parts = new Parts({
      queuedMessages: 5,
      inflight: 3,
      queueFull: random.boolean() ? "drop-oldest" : "drop-newest",
    });
    const sessions = ["a", "b", "c"].map((id) => parts.session(id, FOREVER));
    const shared = new Set<string>();
    for (let step = 0; step < 100; step++) {
      const session = sessions[random.integer(0, 2)]!;
      const { deliveries } = session;
      const packetId = random.integer(1, 10);
      switch (random.integer(0, 7)) {
        case 0:
          if (deliveries.downlink !== undefined) deliveries.detach();
          break;
        case 1:
          if (deliveries.downlink === undefined) deliveries.attach(new Paper());
          break;
        case 2:
          forgiving(() => deliveries.inflight.puback(packetId));
          break;
        case 3:
          forgiving(() =>
            deliveries.inflight.pubrec(packetId, random.integer(0, 1) * 0x80)
          );
          break;
        case 4:
          forgiving(() => deliveries.inflight.pubcomp(packetId));
          break;
        case 5:
          parts.time += 5000;
          deliveries.dropExpired(parts.time);
          break;
        case 6:
          deliveries.withdraw((_, filter) => shared.has(filter));
          break;
        default: {
          const one = parts.message("t", {
            qos: random.integer(1, 2) as 1 | 2,
            ...(random.boolean()
              ? { properties: { messageExpiryInterval: 12 } }
              : {}),
          });
          for (const { deliveries } of sessions) {
            deliveries.deliver(one, 2, false, undefined);
          }
        }
      }
      deliveries.pump();
    }
    for (const { deliveries } of sessions) deliveries.end();
    assertEquals(parts.metrics.queuedBytes, 0);
  });
});
