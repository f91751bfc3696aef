import { assertEquals } from "@std/assert";
import {
  connectPacket,
  MAGIC,
  padded,
  placeholder,
  PublishTemplate,
  subscribePacket,
  type TemplateOptions,
  unsubscribePacket,
  variableByteInteger,
} from "../../bench/_packets.ts";
import { type Packet, PacketParser } from "../../codec/mod.ts";

function parse(bytes: Uint8Array, version?: 4 | 5): Packet | undefined {
  const parser = new PacketParser(version === undefined ? {} : { version });
  parser.push(bytes);
  return parser.next();
}

const options: TemplateOptions = {
  version: 4,
  topic: "bench/7",
  qos: 0,
  retain: false,
  size: 64,
  publisher: 7,
};

Deno.test("lengths have as few bytes as they need", () => {
  const cases: [number, number[]][] = [
    [0, [0]],
    [127, [0x7f]],
    [128, [0x80, 0x01]],
    [16_384, [0x80, 0x80, 0x01]],
    [268_435_455, [0xff, 0xff, 0xff, 0x7f]],
  ];
  for (const [value, bytes] of cases) {
    assertEquals(variableByteInteger(value), bytes);
  }
});

Deno.test("CONNECT, SUBSCRIBE and UNSUBSCRIBE are what the codec reads", () => {
  for (const version of [4, 5] as const) {
    const connect = parse(connectPacket(version, "load1", 300));
    assertEquals(connect?.type === "connect" && connect.clientId, "load1");
    assertEquals(connect?.type === "connect" && connect.keepAlive, 300);
    assertEquals(connect?.type === "connect" && connect.cleanStart, true);
    const durable = parse(connectPacket(version, "load1", 300, true));
    assertEquals(durable?.type === "connect" && durable.cleanStart, false);
    if (version === 5) {
      assertEquals(durable?.type === "connect" && durable.properties, {
        sessionExpiryInterval: 3600,
      });
    }
    const filters = ["a/+", "b/#"];
    const subscribe = parse(subscribePacket(version, 258, filters, 1), version);
    assertEquals(
      subscribe?.type === "subscribe" &&
        subscribe.subscriptions.map(({ filter, qos }) => [filter, qos]),
      [["a/+", 1], ["b/#", 1]],
    );
    const unsubscribe = parse(unsubscribePacket(version, 3, "a/+"), version);
    assertEquals(unsubscribe?.type, "unsubscribe");
  }
});

Deno.test("a stamped template is a PUBLISH that says which one it is", () => {
  for (const version of [4, 5] as const) {
    for (const qos of [0, 1, 2] as const) {
      for (const size of [20, 64, 65_000]) {
        const template = new PublishTemplate({
          ...options,
          version,
          qos,
          size,
        });
        const at = 3;
        const copy = new Uint8Array(at + template.bytes.length);
        copy.set(template.bytes, at);
        const view = new DataView(copy.buffer);
        if (qos > 0) view.setUint16(at + template.packetIdAt, 777);
        template.stamp(view, at, 4_000_000_000, 1234.5);
        const packet = parse(copy.subarray(at), version);
        if (packet?.type !== "publish") throw new Error("no PUBLISH");
        assertEquals(packet.topic, "bench/7");
        assertEquals(packet.qos, qos);
        assertEquals("packetId" in packet && packet.packetId, qos > 0 && 777);
        const { buffer, byteOffset, length } = packet.payload;
        assertEquals(length, size);
        const payload = new DataView(buffer, byteOffset, length);
        assertEquals(payload.getUint32(0), MAGIC);
        assertEquals(payload.getUint32(4), 7);
        assertEquals(payload.getUint32(8), 4_000_000_000);
        assertEquals(payload.getFloat64(12), 1234.5);
      }
    }
  }
});

Deno.test("numbers in a topic are patched at their place", () => {
  const topic = `r/${placeholder(100)}/dev/${placeholder(10_000)}/x`;
  const template = new PublishTemplate({ ...options, topic });
  const copy = template.bytes.slice();
  template.patchTopic(copy, 0, 0, 7);
  template.patchTopic(copy, 0, 1, 1234);
  const packet = parse(copy, 4);
  assertEquals(packet?.type === "publish" && packet.topic, "r/07/dev/1234/x");
  assertEquals(padded(7, 100), "07");
  assertEquals(padded(0, 1), "0");
});

Deno.test("a message may be empty, to clear what is retained", () => {
  const template = new PublishTemplate({ ...options, size: 0, retain: true });
  const packet = parse(template.bytes, 4);
  assertEquals(packet?.type === "publish" && packet.payload.length, 0);
  assertEquals(packet?.type === "publish" && packet.retain, true);
});
