import { assert, assertEquals } from "@std/assert";
import {
  encode,
  Frame,
  Outbox,
  type Personal,
  type PublishPacket,
  type PublishProperties,
} from "../../codec/mod.ts";
import { type Random, withSeeds } from "../_random.ts";
import { somePacket } from "./_random_packets.ts";
import { concat, parse } from "./_wire.ts";

/** A PUBLISH as the broker has it: nothing in it is for one receiver. */
function someMessage(random: Random): PublishPacket {
  const drawn = somePacket(random, "publish", 5) as PublishPacket;
  const { properties: all, ...packet } = drawn;
  const { topicAlias: _, subscriptionIdentifiers: __, ...properties } = all ??
    {};
  return {
    ...packet,
    topic: packet.topic === "" ? "a/b" : packet.topic,
    payload: random.bytes(random.pick([0, 1, 100, 16_383, 16_384, 70_000])),
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
  };
}

function somePersonal(random: Random): Personal {
  const identifiers = random.pick([[], [1], [127, 128, 268_435_455]]);
  return {
    topicAlias: random.pick([0, 1, 65_535]),
    aliasOnly: random.pick([true, false]),
    identifiers: identifiers.length === 0 ? undefined : identifiers,
    expiry: random.pick([undefined, 0, 0xffff_ffff]),
  };
}

function written(outbox: Outbox): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (let one = outbox.take(); one !== undefined; one = outbox.take()) {
    chunks.push(one.slice());
    outbox.written();
  }
  return concat(...chunks);
}

Deno.test("a personal PUBLISH says what the shared one says, and what is the receiver's own [MQTT-3.3.4-3] [MQTT-3.3.2-6]", () => {
  withSeeds(300, (random) => {
    const packet = someMessage(random);
    const { topicAlias, identifiers, expiry, ...drawn } = somePersonal(random);
    const aliasOnly = drawn.aliasOnly && topicAlias > 0;
    const properties: PublishProperties = { ...packet.properties };
    if (topicAlias > 0) properties.topicAlias = topicAlias;
    if (identifiers !== undefined) {
      properties.subscriptionIdentifiers = [...identifiers];
    }
    if (
      expiry !== undefined && properties.messageExpiryInterval !== undefined
    ) {
      properties.messageExpiryInterval = expiry;
    }
    const packetId = packet.qos > 0 ? 0x1234 : 0;
    const expected: PublishPacket = {
      ...packet,
      topic: aliasOnly ? "" : packet.topic,
      ...(packet.qos > 0 ? { packetId } : {}),
    };
    if (Object.keys(properties).length > 0) expected.properties = properties;
    const flags = (packet.dup ? 8 : 0) | packet.qos << 1 |
      (packet.retain ? 1 : 0);
    const personal = { topicAlias, aliasOnly, identifiers, expiry };

    const whole = encode(packet, 5);
    for (const frame of [Frame.received(whole), Frame.encode(packet, 5)]) {
      const outbox = new Outbox();
      const length = encode(expected, 5).length;
      assert(
        !outbox.pushPersonal(frame, flags, packetId, personal, length - 1),
      );
      assertEquals(outbox.size, 0);
      assert(outbox.pushPersonal(frame, flags, packetId, personal, length));
      assertEquals(outbox.size, length);
      const bytes = written(outbox);
      assertEquals(bytes.length, length);
      assertEquals(parse([bytes], { version: 5 }).packets, [expected]);
      assertEquals(outbox.size, 0);
    }
  });
});
