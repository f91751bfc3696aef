/**
 * What packets cost, bytes → objects and back. Run with `deno task bench`.
 *
 * Each iteration handles BATCH packets, as one read of a busy connection does:
 * divide by it for the cost of one.
 */

import { decodeString, Writer } from "../codec/_bytes.ts";
import { encodeView } from "../codec/encode.ts";
import {
  encode,
  matches,
  type Packet,
  PacketParser,
  type PublishPacket,
  topicFilterError,
  topicNameError,
} from "../codec/mod.ts";

const BATCH = 100;

const numbers = Array.from({ length: BATCH }, (_, i) => i);

/** Topics of the usual length: all the same, or no two the same. */
const topics = {
  "one topic": numbers.map(() => "site/12/machine/0042/temperature"),
  "random topics": numbers.map((i) =>
    `site/${i * 7919 % 97}/machine/${i * 104_729 % 9973}/temperature`
  ),
};

function publishOf(
  topic: string,
  qos: 0 | 1 | 2,
  size: number,
): PublishPacket {
  return {
    type: "publish",
    topic,
    payload: new Uint8Array(size).fill(0x20),
    qos,
    retain: false,
    dup: false,
    ...(qos === 0 ? {} : { packetId: 1 }),
  };
}

function joined(packets: readonly Packet[], version: 4 | 5): Uint8Array {
  const parts = packets.map((packet) => encode(packet, version));
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(size);
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

/** Parses a batch from one read; returns how many packets it had. */
function parseAll(parser: PacketParser, bytes: Uint8Array): number {
  let count = 0;
  parser.push(bytes);
  while (parser.next() !== undefined) count++;
  return count;
}

for (const qos of [0, 1] as const) {
  for (const [which, names] of Object.entries(topics)) {
    for (const version of [4, 5] as const) {
      const bytes = joined(
        names.map((topic) => publishOf(topic, qos, 64)),
        version,
      );
      const parser = new PacketParser({ version });
      Deno.bench({
        name: `QoS ${qos}, ${which}, version ${version}`,
        group: `parse ${BATCH} PUBLISH of 64 bytes`,
        fn: () => {
          if (parseAll(parser, bytes) !== BATCH) throw new Error("lost some");
        },
      });
    }
  }
}

const others: Readonly<Record<string, Packet>> = {
  "PUBACK": { type: "puback", packetId: 1, reasonCode: 0 },
  "PINGREQ": { type: "pingreq" },
  "SUBSCRIBE": {
    type: "subscribe",
    packetId: 1,
    subscriptions: [{
      filter: "site/+/machine/#",
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    }],
  },
  "PUBLISH with properties": {
    ...publishOf(topics["one topic"][0]!, 1, 64),
    properties: {
      contentType: "application/json",
      messageExpiryInterval: 3600,
      userProperties: [["trace", "0123456789abcdef"], ["unit", "K"]],
    },
  },
};

for (const [name, packet] of Object.entries(others)) {
  const bytes = joined(numbers.map(() => packet), 5);
  const parser = new PacketParser({ version: 5 });
  Deno.bench({
    name,
    group: `parse ${BATCH} other packets`,
    fn: () => {
      if (parseAll(parser, bytes) !== BATCH) throw new Error("lost some");
    },
  });
}

const encoded: Readonly<Record<string, Packet>> = {
  "PUBLISH of 64 bytes, QoS 0": publishOf(topics["one topic"][0]!, 0, 64),
  "PUBLISH of 64 bytes, QoS 1": publishOf(topics["one topic"][0]!, 1, 64),
  "PUBLISH of 4 KiB, QoS 0": publishOf(topics["one topic"][0]!, 0, 4096),
  ...others,
};

for (const [name, packet] of Object.entries(encoded)) {
  Deno.bench({
    name: `${name}, as a view`,
    group: `encode ${BATCH} packets`,
    fn: () => {
      for (let i = 0; i < BATCH; i++) encodeView(packet, 5);
    },
  });
  Deno.bench({
    name: `${name}, in memory of its own`,
    group: `encode ${BATCH} packets`,
    fn: () => {
      for (let i = 0; i < BATCH; i++) encode(packet, 5);
    },
  });
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Lengths around 64, where decodeString() and Writer.string() change. */
for (const length of [8, 32, 64, 65, 200]) {
  for (const [alphabet, unit] of [["ASCII", "a"], ["two-byte", "\u00fc"]]) {
    const text = unit!.repeat(length);
    const bytes = encoder.encode(text);
    const writer = new Writer();
    const group = `${BATCH} strings of ${length}, ${alphabet}`;
    Deno.bench({
      name: "decodeString()",
      group,
      fn: () => {
        for (let i = 0; i < BATCH; i++) decodeString(bytes, 0, bytes.length);
      },
    });
    Deno.bench({
      name: "TextDecoder",
      group,
      baseline: true,
      fn: () => {
        for (let i = 0; i < BATCH; i++) decoder.decode(bytes);
      },
    });
    Deno.bench({
      name: "Writer.string()",
      group,
      fn: () => {
        for (let i = 0; i < BATCH; i++) {
          writer.position = 0;
          writer.string(text, "it");
        }
      },
    });
    Deno.bench({
      name: "TextEncoder",
      group,
      fn: () => {
        for (let i = 0; i < BATCH; i++) {
          encoder.encodeInto(text, writer.buffer);
        }
      },
    });
  }
}

/** Uses the results: work that nobody looks at may be optimized away. */
function benchTopics(name: string, holds: (topic: string) => boolean): void {
  const list = topics["random topics"];
  Deno.bench({
    name,
    group: `${BATCH} topics`,
    fn: () => {
      if (!list.every(holds)) throw new Error("should hold for all");
    },
  });
}

benchTopics("topicNameError()", (topic) => topicNameError(topic) === undefined);
benchTopics(
  "topicFilterError()",
  (topic) => topicFilterError(topic) === undefined,
);
benchTopics("matches()", (topic) => matches("site/+/machine/#", topic));
