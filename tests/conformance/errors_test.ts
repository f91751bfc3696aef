/** Malformed packets and protocol errors (5.0: section 4.13; 3.1.1: 4.8). */

import { assertEquals } from "@std/assert";
import { hex, packet, type Version } from "../_raw_client.ts";
import { assertDisconnected, every, old, testIn } from "./_bench.ts";

type Row = readonly [
  versions: readonly Version[],
  what: string,
  code: number,
  /** The first byte, then the rest; `P` stands for no properties in 5.0. */
  first: number,
  rest: string,
];

const five: readonly Version[] = [5];

// deno-fmt-ignore: a table
const rows: readonly Row[] = [
  // the fixed header
  [every, "packet type 0", 0x81, 0x00, ""],
  [old, "packet type 15", 0x81, 0xf0, ""],
  [every, "flags of PUBACK [MQTT311-2.2.2-1] [MQTT311-2.2.2-2]", 0x81, 0x41, "0001"],
  [every, "flags of PUBREC [MQTT311-2.2.2-2]", 0x81, 0x52, "0001"],
  [every, "flags 0000 of PUBREL [MQTT-3.6.1-1] [MQTT311-3.6.1-1]", 0x81, 0x60, "0001"],
  [every, "flags 0011 of PUBREL [MQTT-3.6.1-1] [MQTT311-3.6.1-1]", 0x81, 0x63, "0001"],
  [every, "flags of PUBCOMP [MQTT311-2.2.2-2]", 0x81, 0x78, "0001"],
  [every, "flags 0000 of SUBSCRIBE [MQTT-3.8.1-1] [MQTT311-3.8.1-1]", 0x81, 0x80, "0001 P 0001 'a' 00"],
  [[4, 5], "flags 1010 of SUBSCRIBE [MQTT-3.8.1-1] [MQTT311-3.8.1-1]", 0x81, 0x8a, "0001 P 0001 'a' 00"],
  [every, "flags 0000 of UNSUBSCRIBE [MQTT-3.10.1-1] [MQTT311-3.10.1-1]", 0x81, 0xa0, "0001 P 0001 'a'"],
  [every, "flags 0110 of UNSUBSCRIBE [MQTT-3.10.1-1] [MQTT311-3.10.1-1]", 0x81, 0xa6, "0001 P 0001 'a'"],
  [every, "flags of PINGREQ [MQTT311-2.2.2-2]", 0x81, 0xc1, ""],
  [every, "flags of DISCONNECT [MQTT-3.14.1-1] [MQTT311-3.14.1-1]", 0x81, 0xe1, ""],
  [five, "flags of AUTH [MQTT-3.15.1-1]", 0x81, 0xf1, ""],
  // packets of a broker
  [every, "a CONNACK of a client", 0x82, 0x20, "00 00 P"],
  [every, "a SUBACK of a client", 0x82, 0x90, "0001 P 00"],
  [old, "an UNSUBACK of a client", 0x82, 0xb0, "0001"],
  [five, "an UNSUBACK of a client", 0x82, 0xb0, "0001 00 00"],
  [every, "a PINGRESP of a client", 0x82, 0xd0, ""],
  // PUBLISH
  [every, "PUBLISH of QoS 3 [MQTT-3.3.1-4] [MQTT311-3.3.1-4]", 0x81, 0x36, "0001 'a' 0001 P"],
  [every, "PUBLISH of QoS 3 with DUP [MQTT-3.3.1-4] [MQTT311-3.3.1-4]", 0x81, 0x3e, "0001 'a' 0001 P"],
  [every, "PUBLISH of QoS 0 with DUP [MQTT-3.3.1-2] [MQTT311-3.3.1-2]", 0x81, 0x38, "0001 'a' P"],
  [every, "PUBLISH of QoS 1 with identifier 0 [MQTT-2.2.1-3] [MQTT311-2.3.1-1]", 0x82, 0x32, "0001 'a' 0000 P"],
  [every, "PUBLISH of QoS 2 with identifier 0 [MQTT-2.2.1-3] [MQTT311-2.3.1-1]", 0x82, 0x34, "0001 'a' 0000 P"],
  [every, "PUBLISH of QoS 1 that ends in the identifier", 0x81, 0x32, "0001 'a' 00"],
  [every, "PUBLISH of QoS 1 without identifier", 0x81, 0x32, "0001 'a'"],
  [every, "PUBLISH of nothing", 0x81, 0x30, ""],
  [every, "PUBLISH whose topic reaches beyond it", 0x81, 0x30, "0005 'a'"],
  [every, "PUBLISH to a topic that is not UTF-8 [MQTT-3.3.2-1] [MQTT-1.5.4-1] [MQTT311-3.3.2-1] [MQTT311-1.5.3-1]", 0x81, 0x30, "0002 'a' ff P"],
  [every, "PUBLISH to a topic with an overlong form [MQTT-1.5.4-1] [MQTT311-1.5.3-1]", 0x81, 0x30, "0002 c0af P"],
  [every, "PUBLISH to a topic with a surrogate [MQTT-1.5.4-1] [MQTT311-1.5.3-1]", 0x81, 0x30, "0003 eda080 P"],
  [every, "PUBLISH to a topic above U+10FFFF [MQTT-1.5.4-1] [MQTT311-1.5.3-1]", 0x81, 0x30, "0004 f4908080 P"],
  [five, "PUBLISH without property length", 0x81, 0x30, "0001 'a'"],
  [five, "a property length longer than it needs to be [MQTT-1.5.5-1]", 0x81, 0x30, "0001 'a' 8000"],
  [five, "a property length of five bytes [MQTT-1.5.5-1]", 0x81, 0x30, "0001 'a' 8080808001"],
  [five, "properties that reach beyond the packet", 0x81, 0x30, "0001 'a' 09 01 00"],
  [five, "Payload Format Indicator twice", 0x82, 0x30, "0001 'a' 04 01 00 01 00"],
  [five, "Payload Format Indicator 2", 0x82, 0x30, "0001 'a' 02 01 02"],
  [five, "Message Expiry Interval twice", 0x82, 0x30, "0001 'a' 0a 02 00000001 02 00000001"],
  [five, "Content Type that is not UTF-8 [MQTT-3.3.2-19] [MQTT-1.5.4-1]", 0x81, 0x30, "0001 'a' 04 03 0001 ff"],
  [five, "Content Type twice", 0x82, 0x30, "0001 'a' 08 03 0001 'a' 03 0001 'a'"],
  [five, "Response Topic that is not UTF-8 [MQTT-3.3.2-13]", 0x81, 0x30, "0001 'a' 04 08 0001 ff"],
  [five, "Response Topic with a wildcard [MQTT-3.3.2-14]", 0x82, 0x30, "0001 'a' 04 08 0001 '#'"],
  [five, "Response Topic twice", 0x82, 0x30, "0001 'a' 08 08 0001 'a' 08 0001 'a'"],
  [five, "Correlation Data twice", 0x82, 0x30, "0001 'a' 08 09 0001 'a' 09 0001 'a'"],
  [five, "Topic Alias twice", 0x82, 0x30, "0001 'a' 06 23 0001 23 0001"],
  [five, "a user property without value [MQTT-1.5.7-1]", 0x81, 0x30, "0001 'a' 04 26 0001 'n'"],
  [five, "a user property that is not UTF-8 [MQTT-1.5.7-1]", 0x81, 0x30, "0001 'a' 07 26 0001 'n' 0001 ff"],
  [five, "a property of CONNECT in PUBLISH", 0x81, 0x30, "0001 'a' 05 11 00000001"],
  [five, "an unknown property", 0x81, 0x30, "0001 'a' 02 70 00"],
  // acknowledgements
  ...[0x40, 0x50, 0x62, 0x70].flatMap((first): Row[] => [
    [every, `acknowledgement ${first.toString(16)} of nothing`, 0x81, first, ""],
    [every, `acknowledgement ${first.toString(16)} of one byte`, 0x81, first, "00"],
    [every, `acknowledgement ${first.toString(16)} with identifier 0`, 0x82, first, "0000"],
    [old, `acknowledgement ${first.toString(16)} with a reason code in 3.x`, 0x81, first, "0001 00"],
    [five, `acknowledgement ${first.toString(16)} with an unknown property`, 0x81, first, "0001 00 02 70 00"],
    [five, `acknowledgement ${first.toString(16)} with a reason string that is not UTF-8`, 0x81, first, "0001 00 04 1f 0001 ff"],
    [five, `acknowledgement ${first.toString(16)} with two reason strings`, 0x82, first, "0001 00 08 1f 0001 'a' 1f 0001 'a'"],
    [five, `acknowledgement ${first.toString(16)} with bytes behind its properties`, 0x81, first, "0001 00 00 00"],
  ]),
  [five, "PUBACK with the code of a PUBREL [MQTT-3.4.2-1]", 0x82, 0x40, "0001 92"],
  [five, "PUBREC with a code that is none [MQTT-3.5.2-1]", 0x82, 0x50, "0001 01"],
  [five, "PUBREL with the code of a PUBACK [MQTT-3.6.2-1]", 0x82, 0x62, "0001 10"],
  [five, "PUBCOMP with the code of a PUBACK [MQTT-3.7.2-1]", 0x82, 0x70, "0001 87"],
  // SUBSCRIBE
  [every, "SUBSCRIBE with identifier 0 [MQTT-2.2.1-3] [MQTT311-2.3.1-1]", 0x82, 0x82, "0000 P 0001 'a' 00"],
  [every, "SUBSCRIBE without filters [MQTT-3.8.3-2] [MQTT311-3.8.3-3]", 0x82, 0x82, "0001 P"],
  [every, "SUBSCRIBE without options", 0x81, 0x82, "0001 P 0001 'a'"],
  [every, "SUBSCRIBE whose second filter is cut off", 0x81, 0x82, "0001 P 0001 'a' 00 0005 'b'"],
  [every, "SUBSCRIBE to a filter that is not UTF-8 [MQTT-3.8.3-1] [MQTT-1.5.4-1] [MQTT311-3.8.3-1]", 0x81, 0x82, "0001 P 0001 80 00"],
  [every, "SUBSCRIBE with QoS 3 [MQTT-3.8.3-5] [MQTT311-3.8.3-4]", 0x82, 0x82, "0001 P 0001 'a' 03"],
  [old, "SUBSCRIBE with reserved bits [MQTT311-3.8.3-4]", 0x81, 0x82, "0001 P 0001 'a' 04"],
  [every, "SUBSCRIBE with the highest reserved bits [MQTT-3.8.3-5] [MQTT311-3.8.3-4]", 0x81, 0x82, "0001 P 0001 'a' 80"],
  [five, "SUBSCRIBE with Retain Handling 3", 0x82, 0x82, "0001 00 0001 'a' 30"],
  [five, "SUBSCRIBE with No Local on a shared filter [MQTT-3.8.3-4]", 0x82, 0x82, "0001 00 000a '$share/g/a' 04"],
  [five, "SUBSCRIBE with a subscription identifier too long", 0x81, 0x82, "0001 06 0b 8080808001 0001 'a' 00"],
  [five, "SUBSCRIBE with a property of PUBLISH", 0x81, 0x82, "0001 03 23 0001 0001 'a' 00"],
  // UNSUBSCRIBE
  [every, "UNSUBSCRIBE with identifier 0 [MQTT-2.2.1-3] [MQTT311-2.3.1-1]", 0x82, 0xa2, "0000 P 0001 'a'"],
  [every, "UNSUBSCRIBE without filters [MQTT-3.10.3-2] [MQTT311-3.10.3-2]", 0x82, 0xa2, "0001 P"],
  [every, "UNSUBSCRIBE from a filter that is not UTF-8 [MQTT-3.10.3-1] [MQTT311-3.10.3-1]", 0x81, 0xa2, "0001 P 0001 fe"],
  [every, "UNSUBSCRIBE whose filter is cut off", 0x81, 0xa2, "0001 P 0005 'a'"],
  // the rest
  [every, "PINGREQ with a body", 0x81, 0xc0, "00"],
  [old, "DISCONNECT with a body in 3.x", 0x81, 0xe0, "00"],
  [five, "DISCONNECT with an unknown property", 0x81, 0xe0, "00 02 70 00"],
  [five, "DISCONNECT with a property of the server [MQTT-3.14.2-1]", 0x81, 0xe0, "00 04 12 0001 'a'"],
  [five, "DISCONNECT with a code that is none [MQTT-3.14.2-1]", 0x82, 0xe0, "01"],
  [five, "DISCONNECT with two session expiry intervals", 0x82, 0xe0, "00 0a 11 00000000 11 00000000"],
];

for (const [versions, what, code, first, rest] of rows) {
  testIn(
    versions,
    `broker ends the connection at ${what} [MQTT-4.13.1-1] [MQTT311-4.8.0-1]`,
    async (bench, version) => {
      const watcher = await bench.connect(version, "watcher");
      await watcher.subscribe({ filter: "#", qos: 2 });
      const client = await bench.connect(version, "client", {
        will: { topic: "will" },
      });
      const none = version === 5 ? "00" : "";
      client.send(packet(first, hex(rest.replace("P", none))));
      // what follows counts no more
      client.send("30 04 0001 'z' 00");
      await assertDisconnected(client, code);
      const { topic } = await watcher.next("publish");
      assertEquals(topic, "will");
      assertEquals(await watcher.drain(), []);
      assertEquals(bench.broker.metrics.protocolErrors, 1);
    },
  );
}

/** Bytes whose length is wrong; `packet` makes no such packets. */
// deno-fmt-ignore: a table
const lengths: readonly [readonly Version[], what: string, notation: string][] = [
  [every, "a remaining length of five bytes [MQTT-1.5.5-1]", "30 8080808001"],
  [every, "a remaining length that does not end [MQTT-1.5.5-1]", "30 ffffffff"],
  [five, "a remaining length longer than it needs to be [MQTT-1.5.5-1]", "c0 8000"],
];

for (const [versions, what, notation] of lengths) {
  testIn(
    versions,
    `broker ends the connection at ${what} [MQTT-4.13.1-1] [MQTT311-4.8.0-1]`,
    async (bench, version) => {
      const client = await bench.connect(version, "client");
      client.send(notation);
      await assertDisconnected(client, 0x81);
    },
  );
}

testIn(
  every,
  "broker handles what came before an error, and answers it [MQTT-4.13.1-1] [MQTT311-4.8.0-1]",
  async (bench, version) => {
    const watcher = await bench.connect(version, "watcher");
    await watcher.subscribe("a");
    const client = await bench.connect(version, "client");
    const none = version === 5 ? "00" : "";
    client.send(
      packet(0x32, hex(`0001 'a' 0007 ${none} 'x'`)),
      "f8 00",
      packet(0x30, hex(`0001 'a' ${none} 'y'`)),
    );
    assertEquals((await client.next("puback")).packetId, 7);
    await assertDisconnected(client, 0x81);
    assertEquals(await watcher.payloads(), ["x"]);
  },
);
