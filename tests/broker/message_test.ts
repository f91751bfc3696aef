import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Message, type MessageInit } from "../../broker/mod.ts";
import {
  encode,
  type Frame,
  PacketParser,
  type ProtocolVersion,
  type PublishPacket,
  type PublishProperties,
} from "../../codec/mod.ts";
import { text } from "../_raw_packets.ts";

const versions: readonly ProtocolVersion[] = [3, 4, 5];

/** A PUBLISH as a parser hands it out, with the buffer that it is a view of. */
class Arrival {
  readonly message: Message;
  readonly packet: PublishPacket;
  readonly #buffer: ArrayBufferLike;

  constructor(
    version: ProtocolVersion,
    fields: Partial<PublishPacket> = {},
    now = 0,
  ) {
    const parser = new PacketParser({ version });
    const qos = fields.qos ?? 0;
    parser.push(encode({
      type: "publish",
      topic: "some/topic",
      payload: text("a payload"),
      qos,
      retain: false,
      dup: false,
      ...(qos > 0 ? { packetId: 77 } : {}),
      ...fields,
    }, version));
    this.packet = parser.next() as PublishPacket;
    this.#buffer = parser.frame!.buffer;
    const { topic } = this.packet;
    this.message = Message.received(
      this.packet,
      topic === "" ? "some/topic" : topic,
      parser.frame,
      version,
      () => now,
    );
  }

  /** The next packets overwrite the buffer. */
  overwrite(): void {
    new Uint8Array(this.#buffer).fill(0xff);
  }
}

/** What a receiver of a frame gets, after the patch that an outbox makes. */
function decode(
  frame: Frame,
  version: ProtocolVersion,
  qos: 0 | 1 | 2,
): PublishPacket {
  const bytes = frame.bytes.slice();
  bytes[0] = 0x30 | qos << 1;
  if (qos > 0) bytes.set([0, 9], frame.packetIdOffset);
  const parser = new PacketParser({ version });
  parser.push(bytes);
  const packet = parser.next() as PublishPacket;
  assertEquals(parser.pending, 0);
  return packet;
}

const initial: MessageInit = { topic: "a", payload: text("x") };

Deno.test("message has QoS 0 and is not retained when nothing else is said", () => {
  const message = new Message(initial, 0);
  assertEquals(
    [message.topic, message.qos, message.retain, message.properties],
    ["a", 0, false, undefined],
  );
  assertEquals(message.payload, text("x"));
  assertEquals([message.expires, message.empty], [false, false]);
});

Deno.test("message is empty when its payload is", () => {
  assertEquals(new Message({ topic: "a", payload: text("") }, 0).empty, true);
});

Deno.test("message counts its topic, its payload and something for itself", () => {
  const size = (topic: string, length: number) =>
    new Message({ topic, payload: new Uint8Array(length) }, 0).size;
  assertEquals(size("a", 1000) - size("a", 0), 1000);
  assertEquals(size("a".repeat(101), 0) - size("a", 0), 100);
  assertEquals(size("a", 0) >= 100, true);
});

Deno.test("message counts its properties once, however many queues it is for", () => {
  let counted = 0;
  const name = {
    get length(): number {
      return ++counted;
    },
  };
  const userProperties = [[name as string, "value"]] as [string, string][];
  const properties = { userProperties };
  const one = new Message({ topic: "a", payload: text("x"), properties }, 0);
  const { size } = one;
  assertEquals([one.size, counted], [size, 1]);
});

/** What nobody can send, and what is said about it. */
const invalid: readonly [init: object, message: string][] = [
  [{ topic: "" }, 'Cannot encode topic name "": it is empty'],
  [{ topic: "a/+" }, 'Cannot encode topic name "a/+": it has a wildcard'],
  [{ topic: "#" }, 'Cannot encode topic name "#": it has a wildcard'],
  [{ topic: "a\0" }, 'Cannot encode topic name "a\\u0000": it contains U+0000'],
  [{ topic: "a\ud800" }, "Cannot encode topic name: it has a lone surrogate"],
  [
    { topic: "é".repeat(32_768) },
    "Cannot encode topic name: 65536 bytes of UTF-8 are more than 65,535",
  ],
  [{ topic: 5 }, "Cannot encode topic name: it is not a string"],
  [{ qos: 3 }, 'Cannot publish to "a": QoS 3 is not 0, 1 or 2'],
  [{ payload: "x" }, "Cannot encode publish: its payload is not bytes"],
  [
    { properties: { contentType: "a\0" } },
    "Cannot encode property contentType: it contains U+0000",
  ],
  [
    { properties: { messageExpiryInterval: -1 } },
    "Cannot encode property messageExpiryInterval: " +
    "-1 is not an integer from 0 to 4294967295",
  ],
  [
    { properties: { topicAlias: 1 } },
    'Cannot publish to "a": topicAlias is not for a message',
  ],
  [
    { properties: { subscriptionIdentifiers: [1] } },
    'Cannot publish to "a": subscriptionIdentifiers is not for a message',
  ],
];

for (const [init, expected] of invalid) {
  Deno.test(`Message.from() says: ${expected}`, () => {
    const error = assertThrows(() => Message.from({ ...initial, ...init }, 0));
    assertInstanceOf(error, Error);
    assertMatch(error.name, /^(TypeError|RangeError)$/);
    assertEquals(error.message, expected);
  });
}

Deno.test("Message.from() makes a message that is independent of what it was made of", () => {
  for (const qos of [0, 1] as const) {
    const payload = text("payload");
    const correlationData = text("which");
    const properties = { correlationData, contentType: "x" };
    const message = Message.from(
      { topic: "a", payload, qos, properties },
      0,
    );
    payload.fill(0);
    correlationData.fill(0);
    properties.contentType = "y";
    assertEquals(message.payload, text("payload"));
    message.keep();
    for (const version of versions) {
      const frame = message.frame(version, qos > 0);
      assertEquals(decode(frame, version, qos).payload, text("payload"));
    }
    const { properties: passed } = decode(message.frame(5, qos > 0), 5, qos);
    assertEquals(passed, message.properties);
    assertEquals(passed, { correlationData: text("which"), contentType: "x" });
  }
});

Deno.test("message passes on bytes whose header is longer than it needs to be in a shorter form", () => {
  // Remaining length 6 in two bytes, as 3.1.1 allows.
  const bytes = Uint8Array.of(0x30, 0x86, 0x00, 0, 1, 0x61, 0x78, 0x79, 0x7a);
  const parser = new PacketParser({ version: 4 });
  parser.push(bytes);
  const packet = parser.next() as PublishPacket;
  const message = Message.received(packet, "a", parser.frame, 4, () => 0);
  assertEquals([...message.frame(4, false).bytes.subarray(0, 2)], [0x30, 6]);
  assertEquals(decode(message.frame(5, false), 5, 0).payload, text("xyz"));
  message.keep();
  assertEquals(message.payload, text("xyz"));
});

Deno.test("Message.from() takes the longest topic there can be", () => {
  for (const topic of ["a".repeat(65_535), "é".repeat(32_767) + "a"]) {
    const frame = Message.from({ ...initial, topic }, 0).frame(5, true);
    assertEquals(decode(frame, 5, 1).topic, topic);
  }
});

// Frames.

for (const version of versions) {
  for (const acknowledged of [false, true]) {
    const kind = `${version} ${acknowledged ? "with" : "without"} packet id`;
    Deno.test(`message has one frame for all receivers of a kind: ${kind}`, () => {
      const message = new Message({ ...initial, qos: 2 }, 0);
      const frame = message.frame(version, acknowledged);
      assertStrictEquals(message.frame(version, acknowledged), frame);
      const packet = decode(frame, version, acknowledged ? 2 : 0);
      assertEquals(
        [packet.topic, packet.payload, packet.packetId],
        ["a", text("x"), acknowledged ? 9 : undefined],
      );
    });
  }
}

Deno.test("message has a frame for 3.1 and 3.1.1, another for 5.0", () => {
  const message = new Message(initial, 0);
  assertStrictEquals(message.frame(3, false), message.frame(4, false));
  assertNotStrictEquals(message.frame(4, false), message.frame(5, false));
  assertNotStrictEquals(message.frame(4, false), message.frame(4, true));
});

Deno.test("message's frame has its properties in 5.0 only", () => {
  const properties = {
    contentType: "text/plain",
    payloadFormatIndicator: true,
  };
  const message = new Message({ ...initial, properties }, 0);
  assertEquals(decode(message.frame(5, true), 5, 1).properties, properties);
  assertEquals(decode(message.frame(4, true), 4, 1).properties, undefined);
});

for (const version of versions) {
  for (const qos of [0, 1, 2] as const) {
    Deno.test(`message passes on the very bytes that came in to receivers that speak alike: ${version}, QoS ${qos}`, () => {
      const properties = version === 5 ? { contentType: "x" } : undefined;
      const { message, packet } = new Arrival(version, {
        qos,
        ...(properties ? { properties } : {}),
      });
      const frame = message.frame(version, qos > 0);
      assertEquals(frame.bytes.buffer, packet.payload.buffer);
      const received = decode(frame, version, qos);
      assertEquals(received.payload, text("a payload"));
      assertEquals(received.properties, properties);
      // other receivers get others
      const other = message.frame(version === 5 ? 4 : 5, qos === 0);
      assertNotStrictEquals(other, frame);
      const otherPacket = decode(
        other,
        version === 5 ? 4 : 5,
        qos === 0 ? 1 : 0,
      );
      assertEquals(otherPacket.payload, text("a payload"));
    });
  }
}

Deno.test("message does not pass on its publisher's topic alias [MQTT-3.3.2-7]", () => {
  for (const topic of ["", "some/topic"]) {
    const { message } = new Arrival(5, {
      topic,
      properties: { topicAlias: 3, contentType: "x" },
    });
    assertEquals(message.properties as PublishProperties, { contentType: "x" });
    const packet = decode(message.frame(5, false), 5, 0);
    assertEquals(packet.topic, "some/topic");
    assertEquals(packet.properties, { contentType: "x" });
  }
});

// Independence of the receive buffer.

const sizes = [1, 1000, 1025, 20_000, 100_000];

for (const version of versions) {
  for (const size of sizes) {
    Deno.test(`message is independent of the receive buffer after keep(): ${version}, ${size} bytes`, () => {
      const payload = Uint8Array.from({ length: size }, (_, i) => i % 251);
      const arrival = new Arrival(version, { payload, qos: 1 });
      const { message } = arrival;
      const early = message.frame(version, true);
      message.keep();
      message.keep();
      arrival.overwrite();
      assertEquals(message.payload, payload);
      assertStrictEquals(message.frame(version, true), early);
      for (const receiver of versions) {
        for (const qos of [0, 1] as const) {
          const frame = message.frame(receiver, qos > 0);
          assertEquals(decode(frame, receiver, qos).payload, payload);
        }
      }
    });
  }
}

Deno.test("message with a topic alias is independent of the receive buffer after keep()", () => {
  const arrival = new Arrival(5, { topic: "", properties: { topicAlias: 3 } });
  arrival.message.keep();
  arrival.overwrite();
  assertEquals(arrival.message.payload, text("a payload"));
  const packet = decode(arrival.message.frame(5, false), 5, 0);
  assertEquals([packet.topic, packet.payload], [
    "some/topic",
    text("a payload"),
  ]);
});

Deno.test("message's correlation data is independent of the receive buffer after keep()", () => {
  const properties = { correlationData: text("which"), contentType: "x" };
  for (const qos of [0, 1] as const) {
    const arrival = new Arrival(5, { qos, properties });
    arrival.message.keep();
    arrival.overwrite();
    assertEquals(arrival.message.properties, properties);
    const packet = decode(arrival.message.frame(5, true), 5, 1);
    assertEquals(packet.properties, properties);
  }
});

Deno.test("message of the broker's own is independent of its maker's bytes after keep()", () => {
  const payload = text("x");
  const correlationData = text("which");
  const properties = { correlationData };
  const message = new Message({ topic: "a", payload, properties }, 0);
  message.keep();
  payload.fill(0);
  correlationData.fill(0);
  assertEquals(message.payload, text("x"));
  assertEquals(message.properties?.correlationData, text("which"));
});

Deno.test("message leaves its maker's properties as they were", () => {
  const correlationData = text("which");
  const properties = { correlationData };
  new Message({ ...initial, properties }, 0).keep();
  assertStrictEquals(properties.correlationData, correlationData);
});

// Expiry.

Deno.test("message expires so many seconds after it came in", () => {
  const properties = { messageExpiryInterval: 60 };
  const message = new Message({ ...initial, properties }, 5000);
  assertEquals([message.expires, message.expiresAt], [true, 65_000]);
  const { message: received } = new Arrival(5, { properties }, 5000);
  assertEquals([received.expires, received.expiresAt], [true, 65_000]);
});

Deno.test("message that expires at once is one that expires", () => {
  const properties = { messageExpiryInterval: 0 };
  assertEquals(new Message({ ...initial, properties }, 5000).expiresAt, 5000);
});

for (
  const [passed, left] of [
    [0, 60],
    [1, 60],
    [999, 60],
    [1000, 59],
    [1001, 59],
    [59_001, 1],
    [60_000, 0],
    [100_000, 0],
  ] as const
) {
  Deno.test(`message has ${left} of 60 s left after ${passed} ms [MQTT-3.3.2-6]`, () => {
    const properties = { messageExpiryInterval: 60, contentType: "x" };
    const message = new Message({ ...initial, properties }, 5000);
    assertEquals(message.propertiesAt(5000 + passed), {
      messageExpiryInterval: left,
      contentType: "x",
    });
    assertEquals(message.properties?.messageExpiryInterval, 60);
  });
}

Deno.test("message has the same properties as long as no second has passed", () => {
  const properties = { messageExpiryInterval: 60 };
  const message = new Message({ ...initial, properties }, 0);
  assertStrictEquals(message.propertiesAt(999), message.properties);
  const forEver = new Message({ ...initial, properties: {} }, 0);
  assertStrictEquals(forEver.propertiesAt(1e9), forEver.properties);
  assertEquals(new Message(initial, 0).propertiesAt(1e9), undefined);
});
