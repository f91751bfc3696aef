import { assertEquals, assertThrows } from "@std/assert";
import {
  Message,
  type MessageProperties,
  type StoredWill,
} from "../../broker/mod.ts";
import {
  restoredMessage,
  restoredWill,
  storedMessage,
  storedWill,
} from "../../broker/_stored_message.ts";
import { encode, type Packet, PacketParser } from "../../codec/mod.ts";

const properties: MessageProperties = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 77,
  contentType: "text/plain",
  responseTopic: "answers/1",
  correlationData: new Uint8Array([0, 255, 1]),
  userProperties: [["b", "1"], ["a", "2"], ["b", "1"], ["", ""]],
};

/** What one can see of a message. */
function seen(message: Message) {
  const { topic, payload, qos, retain, properties, expiresAt } = message;
  return { topic, payload: [...payload], qos, retain, properties, expiresAt };
}

function received(packet: Packet, version: 4 | 5): Message {
  const parser = new PacketParser({ version });
  parser.push(encode(packet, version));
  const publish = parser.next();
  if (publish?.type !== "publish") throw new Error("no PUBLISH");
  return Message.received(
    publish,
    publish.topic,
    parser.frame,
    version,
    () => 1_700_000_000_000,
  );
}

Deno.test("storedMessage() and restoredMessage() change nothing of a message", () => {
  const payload = Uint8Array.from({ length: 300 }, (_, i) => i);
  for (const qos of [0, 1, 2] as const) {
    for (const retain of [false, true]) {
      const made = [
        new Message({ topic: "ä/b", payload, qos, retain }, 5),
        new Message({
          topic: "a",
          payload: new Uint8Array(),
          qos,
          retain,
          properties: structuredClone(properties),
        }, 1_700_000_000_123),
      ];
      for (const version of [4, 5] as const) {
        made.push(received({
          type: "publish",
          topic: "a/b",
          payload,
          qos,
          retain,
          dup: qos > 0,
          ...(qos > 0 ? { packetId: 9 } : {}),
          ...(version === 5 ? { properties: structuredClone(properties) } : {}),
        }, version));
      }
      for (const message of made) {
        const before = seen(message);
        const restored = restoredMessage(storedMessage(message));
        assertEquals(seen(restored), before);
        assertEquals(seen(restoredMessage(storedMessage(restored))), before);
        assertEquals(
          restored.frame(5, qos > 0).bytes.subarray(1),
          message.frame(5, qos > 0).bytes.subarray(1),
        );
      }
    }
  }
});

Deno.test("storedMessage() rounds the end of a message up to milliseconds", () => {
  const message = new Message({
    topic: "a",
    payload: new Uint8Array(),
    properties: { messageExpiryInterval: 1 },
  }, 10.25);
  assertEquals(restoredMessage(storedMessage(message)).expiresAt, 1011);
});

Deno.test("restoredMessage() refuses what is no PUBLISH", () => {
  const bytes = new Uint8Array([0xc0, 0]);
  assertThrows(
    () => restoredMessage({ flags: 0, expiresAt: null, bytes }),
    Error,
  );
});

Deno.test("storedWill() and restoredWill() change nothing of a will", () => {
  const payload = new Uint8Array([1, 0, 255]);
  const wills: StoredWill[] = [
    {
      will: { topic: "a", payload, qos: 2, retain: true },
      dueAt: undefined,
    },
    {
      will: {
        topic: "a/ü",
        payload: new Uint8Array(),
        qos: 0,
        retain: false,
        properties: {},
      },
      dueAt: 0,
    },
    {
      will: {
        topic: "a",
        payload,
        qos: 1,
        retain: false,
        properties: {
          ...structuredClone(properties),
          willDelayInterval: 0xffff_ffff,
        },
      },
      dueAt: 1_700_000_000_000.5,
    },
  ];
  for (const will of wills) {
    assertEquals(restoredWill(storedWill(will)), will);
  }
});

Deno.test("restoredMessage() counts as much against limits as what was stored", () => {
  const payload = new Uint8Array(5);
  const all: (MessageProperties & { topicAlias?: number })[] = [
    properties,
    {},
    { topicAlias: 1 }, // of the connection it came by: nothing is left of it
    { contentType: "" },
    { payloadFormatIndicator: false },
    { userProperties: [] },
  ];
  for (const properties of all) {
    const message = Message.received(
      {
        type: "publish",
        topic: "a",
        payload,
        qos: 1,
        retain: false,
        dup: false,
        packetId: 1,
        properties,
      },
      "a",
      undefined,
      5,
      () => 0,
    );
    assertEquals(restoredMessage(storedMessage(message)).size, message.size);
  }
});
