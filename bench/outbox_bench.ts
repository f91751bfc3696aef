/**
 * What it costs to have packets wait for a write. Run with `deno task bench`.
 *
 * Each iteration adds BATCH packets and takes them off again, as one turn of a
 * busy connection does: divide by it for the cost of one.
 */

import { encode, Frame, Outbox, type PublishPacket } from "../codec/mod.ts";

const BATCH = 100;

function publishOf(qos: 0 | 1, size: number): PublishPacket {
  return {
    type: "publish",
    topic: "site/12/machine/0042/temperature",
    payload: new Uint8Array(size).fill(0x20),
    qos,
    retain: false,
    dup: false,
    ...(qos === 0 ? {} : { packetId: 1 }),
  };
}

/** Writes everything; returns how many bytes it was. */
function flush(outbox: Outbox): number {
  let size = 0;
  for (let chunk = outbox.take(); chunk !== undefined; chunk = outbox.take()) {
    size += chunk.length;
    outbox.written();
  }
  return size;
}

for (const size of [64, 1024, 15_000, 65_536]) {
  for (const qos of [0, 1] as const) {
    const frame = Frame.encode(publishOf(qos, size), 5);
    const outbox = new Outbox();
    Deno.bench({
      name: `QoS ${qos}`,
      group: `pushFrame() ${BATCH} times, ${size} bytes, one receiver`,
      fn: () => {
        for (let i = 1; i <= BATCH; i++) {
          outbox.pushFrame(frame, qos << 1, qos * i);
        }
        if (flush(outbox) !== BATCH * frame.bytes.length) {
          throw new Error("lost some");
        }
      },
    });
  }
}

for (const size of [64, 1024, 65_536]) {
  const frame = Frame.encode(publishOf(1, size), 5);
  const outboxes = Array.from({ length: BATCH }, () => new Outbox());
  Deno.bench({
    name: `${size} bytes`,
    group: `pushFrame() for ${BATCH} receivers`,
    fn: () => {
      for (const outbox of outboxes) outbox.pushFrame(frame, 2, 1);
      for (const outbox of outboxes) flush(outbox);
    },
  });
}

const group = `push ${BATCH} others`;
const outbox = new Outbox();

Deno.bench({
  name: "pushAcknowledgement()",
  group,
  baseline: true,
  fn: () => {
    for (let i = 1; i <= BATCH; i++) outbox.pushAcknowledgement(0x40, i);
    flush(outbox);
  },
});

Deno.bench({
  name: "push() of PUBACK",
  group,
  fn: () => {
    for (let packetId = 1; packetId <= BATCH; packetId++) {
      outbox.push({ type: "puback", packetId, reasonCode: 0 }, 5);
    }
    flush(outbox);
  },
});

Deno.bench({
  name: "push() of PINGRESP",
  group,
  fn: () => {
    for (let i = 0; i < BATCH; i++) outbox.push({ type: "pingresp" }, 5);
    flush(outbox);
  },
});

for (const size of [64, 1024, 65_536]) {
  const packet = publishOf(1, size);
  const bytes = encode(packet, 5);
  const group = `make ${BATCH} frames of ${size} bytes`;
  Deno.bench({
    name: "Frame.encode()",
    group,
    fn: () => {
      for (let i = 0; i < BATCH; i++) Frame.encode(packet, 5);
    },
  });
  Deno.bench({
    name: "Frame.received()",
    group,
    baseline: true,
    fn: () => {
      for (let i = 0; i < BATCH; i++) Frame.received(bytes);
    },
  });
  Deno.bench({
    name: "Frame.received() and keep()",
    group,
    fn: () => {
      for (let i = 0; i < BATCH; i++) Frame.received(bytes).keep();
    },
  });
}
