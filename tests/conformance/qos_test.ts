/** Quality of Service (5.0 and 3.1.1: section 4.3). */

import { assert, assertEquals, assertFalse } from "@std/assert";
import { type Publish, publish, type RawClient } from "../_raw_client.ts";
import { Bench, every, testIn } from "./_bench.ts";

const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };

/** A client that gets "a" with QoS 2, and one that publishes to it. */
async function pair(
  bench: Bench,
  version: 3 | 4 | 5,
): Promise<[client: RawClient, publisher: RawClient]> {
  const client = await bench.connect(version, "client", kept);
  await client.subscribe({ filter: "a", qos: 2 });
  return [client, await bench.connect(version, "publisher", kept)];
}

testIn(
  every,
  "broker gives each delivery an identifier that is not in use, and DUP 0 [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-2.2.1-2] [MQTT-4.3.1-1] [MQTT-3.3.1-2] [MQTT311-2.3.1-4] [MQTT311-2.3.1-5] [MQTT311-4.3.1-1] [MQTT311-4.3.2-1] [MQTT311-4.3.3-1] [MQTT311-3.3.1-2]",
  async (bench, version) => {
    const [client, publisher] = await pair(bench, version);
    const inUse = new Map<number, Publish>();
    for (let round = 0; round < 300; round++) {
      const qos = round % 3;
      await publisher.publish({ topic: "a", qos });
      const message = await client.next("publish");
      assertFalse(message.dup);
      assertEquals(message.qos, qos);
      if (qos === 0) continue;
      assertFalse(inUse.has(message.packetId), `${message.packetId}`);
      inUse.set(message.packetId, message);
      if (inUse.size < 40) continue;
      // acknowledge one from the middle
      const [id, { qos: asked }] = [...inUse][round % 37]!;
      inUse.delete(id);
      client.acknowledge(asked === 1 ? "puback" : "pubrec", id);
      if (asked === 2) {
        await client.next("pubrel");
        client.acknowledge("pubcomp", id);
      }
    }
  },
);

testIn(
  [4, 5],
  "broker wraps packet identifiers around to 1, past those in use [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT311-2.3.1-4]",
  async (bench, version) => {
    const [client, publisher] = await pair(bench, version);
    await publisher.publish({ topic: "a", qos: 1, payload: "held" });
    await publisher.publish({ topic: "a", qos: 2, payload: "held" });
    const held = [
      (await client.next("publish")).packetId,
      (await client.next("publish")).packetId,
    ];
    const seen = new Map<number, number>();
    const batch = 50;
    const burst: Uint8Array[] = [];
    for (let id = 1; id <= batch; id++) {
      burst.push(publish(version, { topic: "a", qos: 1, packetId: id }));
    }
    for (let sent = 0; sent < 66_000; sent += batch) {
      publisher.send(...burst);
      for (let count = 0; count < batch; count++) {
        await publisher.next("puback");
        const { packetId } = await client.next("publish");
        client.acknowledge("puback", packetId);
        seen.set(packetId, (seen.get(packetId) ?? 0) + 1);
      }
    }
    assert(Math.max(...seen.values()) >= 2, "no wrap-around");
    for (const id of [0, ...held]) assertFalse(seen.has(id), `${id}`);
  },
);

testIn(
  every,
  "broker takes the same identifier after its PUBACK as a new message, whatever DUP says [MQTT-4.3.2-5] [MQTT311-4.3.2-2]",
  async (bench, version) => {
    const [client, publisher] = await pair(bench, version);
    for (const [at, dup] of [false, true, false, true, true].entries()) {
      await publisher.publish({
        topic: "a",
        qos: 1,
        packetId: 5,
        dup,
        payload: `${at}`,
      });
    }
    assertEquals(await client.payloads(), ["0", "1", "2", "3", "4"]);
  },
);

testIn(
  every,
  "broker delivers a QoS 2 message once, however often it comes before PUBREL [MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT-4.3.3-12] [MQTT311-4.3.3-2]",
  async (bench, version) => {
    const [client, publisher] = await pair(bench, version);
    for (const round of ["first", "second"]) {
      for (const dup of [false, true, false, true]) {
        publisher.send(
          publish(version, {
            topic: "a",
            qos: 2,
            packetId: 8,
            dup,
            payload: round,
          }),
        );
        const pubrec = await publisher.next("pubrec");
        assertEquals([pubrec.packetId, pubrec.code], [8, 0]);
      }
      publisher.acknowledge("pubrel", 8);
      const pubcomp = await publisher.next("pubcomp");
      assertEquals([pubcomp.packetId, pubcomp.code], [8, 0]);
      assertEquals(await client.payloads(), [round]);
    }
  },
);

testIn(
  every,
  "broker keeps QoS 2 messages apart by their identifiers [MQTT-4.3.3-10] [MQTT-2.2.1-5]",
  async (bench, version) => {
    const [client, publisher] = await pair(bench, version);
    const ids = [3, 1, 0xffff, 2];
    for (const packetId of ids) {
      publisher.send(
        publish(version, {
          topic: "a",
          qos: 2,
          packetId,
          payload: `${packetId}`,
        }),
      );
    }
    for (const packetId of ids) {
      assertEquals((await publisher.next("pubrec")).packetId, packetId);
    }
    publisher.acknowledge("pubrel", 1);
    assertEquals((await publisher.next("pubcomp")).packetId, 1);
    for (const packetId of ids) {
      publisher.send(
        publish(version, {
          topic: "a",
          qos: 2,
          packetId,
          dup: true,
          payload: "again",
        }),
      );
      await publisher.next("pubrec");
    }
    assertEquals(await client.payloads(), ["3", "1", "65535", "2", "again"]);
  },
);

testIn(
  every,
  "broker remembers received QoS 2 identifiers with the session [MQTT-4.3.3-10] [MQTT-4.4.0-1] [MQTT311-4.3.3-2]",
  async (bench, version) => {
    const [client, publisher] = await pair(bench, version);
    const message = { topic: "a", qos: 2, packetId: 8, payload: "once" };
    publisher.send(publish(version, message));
    await publisher.next("pubrec");
    publisher.drop();
    const again = await bench.connect(version, "publisher", kept);
    again.send(publish(version, { ...message, dup: true }));
    await again.next("pubrec");
    again.acknowledge("pubrel", 8);
    assertEquals((await again.next("pubcomp")).code, 0);
    assertEquals(await client.payloads(), ["once"]);
    // once released, or with a new session, it is a new message
    again.send(publish(version, { ...message, payload: "next" }));
    await again.next("pubrec");
    again.drop();
    const fresh = await bench.connect(version, "publisher");
    fresh.send(publish(version, { ...message, payload: "fresh" }));
    await fresh.next("pubrec");
    assertEquals(await client.payloads(), ["next", "fresh"]);
  },
);

testIn(
  every,
  "broker does not answer a repeated QoS 2 message before it is decided on [MQTT-4.3.3-8] [MQTT-4.3.3-9] [MQTT-4.3.3-10] [MQTT311-4.3.3-2]",
  async (_, version) => {
    for (const allowed of [true, false]) {
      const gate = Promise.withResolvers<boolean>();
      await using bench = await Bench.start({
        plugins: [{
          name: "slow",
          authorize: (_client, { action }) =>
            action === "publish" ? gate.promise : true,
        }],
      });
      const [client, publisher] = await pair(bench, version);
      const message = { topic: "a", qos: 2, packetId: 8, payload: "once" };
      publisher.send(publish(version, message));
      await client.drain();
      const again = await bench.connect(version, "publisher", kept);
      again.send(publish(version, { ...message, dup: true }));
      for (let round = 0; round < 5; round++) {
        assertEquals(await client.drain(), []);
      }
      assertEquals(again.connection.unreceived, 0, "answered");
      gate.resolve(allowed);
      const { code } = await again.next("pubrec");
      assertEquals(code, allowed || version !== 5 ? 0 : 0x87);
      assertEquals(await client.payloads(), allowed ? ["once"] : []);
      assertEquals(await again.drain(), []);
    }
  },
);

testIn(
  every,
  "broker answers PUBREL again after a reconnection [MQTT-4.3.3-11] [MQTT311-4.3.3-2]",
  async (bench, version) => {
    const [client, publisher] = await pair(bench, version);
    publisher.send(publish(version, { topic: "a", qos: 2, packetId: 8 }));
    await publisher.next("pubrec");
    publisher.acknowledge("pubrel", 8);
    publisher.drop();
    const again = await bench.connect(version, "publisher", kept);
    again.acknowledge("pubrel", 8);
    assertEquals((await again.next("pubcomp")).packetId, 8);
    assertEquals((await client.collect()).length, 1);
  },
);

testIn(
  every,
  "broker delivers QoS 2 by PUBLISH, PUBREL and nothing else, each once [MQTT-2.1.3-1] [MQTT311-2.2.2-1] [MQTT-4.3.3-3] [MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.4.0-1] [MQTT311-4.3.3-1]",
  async (bench, version) => {
    const [client, publisher] = await pair(bench, version);
    await publisher.publish({ topic: "a", qos: 2, payload: "x" });
    const { packetId } = await client.next("publish");
    for (let round = 0; round < 3; round++) {
      bench.pass(1000);
      assertEquals(await client.drain(), []);
    }
    client.acknowledge("pubrec", packetId);
    assertEquals((await client.next("pubrel")).packetId, packetId);
    for (let round = 0; round < 3; round++) {
      bench.pass(1000);
      assertEquals(await client.drain(), []);
    }
    // PUBREC again is answered again, and brings no PUBLISH
    client.acknowledge("pubrec", packetId);
    const pubrel = await client.next("pubrel");
    assertEquals([pubrel.packetId, pubrel.code], [packetId, 0]);
    assertEquals(await client.drain(), []);
    client.acknowledge("pubcomp", packetId);
    assertEquals(await client.drain(), []);
  },
);

testIn(
  every,
  "broker keeps a delivery until the right acknowledgement comes [MQTT-4.3.2-3] [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT311-4.3.2-1] [MQTT311-4.3.3-1]",
  async (bench, version) => {
    const [client, publisher] = await pair(bench, version);
    await publisher.publish({ topic: "a", qos: 1, payload: "1" });
    await publisher.publish({ topic: "a", qos: 2, payload: "2" });
    const first = await client.next("publish");
    const second = await client.next("publish");
    client.acknowledge("puback", second.packetId);
    client.acknowledge("pubcomp", second.packetId);
    client.acknowledge("pubcomp", first.packetId);
    client.acknowledge("puback", 0x7777);
    client.send("c0 00");
    // whatever the broker makes of it, nothing is lost
    for (;;) {
      const packet = await client.nextOrEnd();
      if (packet === undefined || packet.type === "pingresp") break;
    }
    client.drop();
    const again = await bench.connect(version, "client", kept);
    assertEquals(
      (await again.collect()).map(({ payload, dup }) => [payload, dup]),
      [["1", true], ["2", true]],
    );
  },
);

testIn(
  [5],
  "broker finishes a QoS 2 exchange though the message has expired [MQTT-4.3.3-7] [MQTT-4.3.3-13]",
  async (bench, version) => {
    const [client, publisher] = await pair(bench, version);
    const properties = { messageExpiryInterval: 10 };
    publisher.send(
      publish(version, {
        topic: "a",
        qos: 2,
        packetId: 8,
        payload: "x",
        properties,
      }),
    );
    await publisher.next("pubrec");
    const { packetId } = await client.next("publish");
    bench.pass(100);
    // as the receiver
    publisher.send(
      publish(version, {
        topic: "a",
        qos: 2,
        packetId: 8,
        dup: true,
        properties,
      }),
    );
    await publisher.next("pubrec");
    publisher.acknowledge("pubrel", 8);
    assertEquals((await publisher.next("pubcomp")).code, 0);
    // as the sender: it is sent again, as it was begun
    client.drop();
    const again = await bench.connect(version, "client", kept);
    const resent = await again.next("publish");
    assertEquals([resent.packetId, resent.dup, resent.payload], [
      packetId,
      true,
      "x",
    ]);
    again.acknowledge("pubrec", packetId);
    assertEquals((await again.next("pubrel")).code, 0);
    bench.pass(100);
    again.acknowledge("pubcomp", packetId);
    assertEquals(await again.drain(), []);
  },
);
