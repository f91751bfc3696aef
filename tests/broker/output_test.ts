import { assertEquals } from "@std/assert";
import type { BrokerEvents, Limits, Plugin } from "../../broker/mod.ts";
import { Output, type OutputOwner } from "../../broker/_output.ts";
import {
  type Packet,
  PacketParser,
  type ProtocolVersion,
  type Transport,
} from "../../codec/mod.ts";
import { message, Parts, plugin } from "./_parts.ts";

/** A transport whose writes a test lets happen one by one. */
class Writes implements Transport {
  /** Sizes of the writes, each as the broker asked for it. */
  readonly asked: number[] = [];
  readonly #parser: PacketParser;
  #pending: { bytes: Uint8Array; done: PromiseWithResolvers<number> }[] = [];

  constructor(version: ProtocolVersion) {
    this.#parser = new PacketParser({ version });
  }

  read(): Promise<null> {
    return Promise.resolve(null);
  }

  write(bytes: Uint8Array): Promise<number> {
    assertEquals(this.#pending.length, 0, "two writes at a time");
    this.asked.push(bytes.length);
    const done = Promise.withResolvers<number>();
    this.#pending.push({ bytes, done });
    return done.promise;
  }

  close(): void {}

  /** Whether a write is under way. */
  get busy(): boolean {
    return this.#pending.length > 0;
  }

  /** Lets the write take so many bytes, all by default. */
  async take(count?: number): Promise<void> {
    const { bytes, done } = this.#pending.shift()!;
    this.#parser.push(bytes.subarray(0, count));
    done.resolve(count ?? bytes.length);
    await settled();
  }

  /** Has the write fail. */
  async fail(error: unknown): Promise<void> {
    this.#pending.shift()!.done.reject(error);
    await settled();
  }

  /** The packets that have left, by type and topic or identifier. */
  packets(): Packet[] {
    const packets: Packet[] = [];
    for (let one; (one = this.#parser.next()) !== undefined;) packets.push(one);
    assertEquals(this.#parser.pending, 0, "half a packet has left");
    return packets;
  }

  types(): string[] {
    return this.packets().map(({ type }) => type);
  }
}

/** Waits for all that is to happen without any I/O. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

/** An output and its surroundings. */
class Stage {
  readonly parts: Parts;
  readonly transport: Writes;
  readonly output: Output;
  readonly calls: string[] = [];

  constructor(
    version: ProtocolVersion = 5,
    limits: Partial<Limits> = {},
    plugins: readonly Plugin[] = [],
  ) {
    this.parts = new Parts(limits, plugins);
    this.transport = new Writes(version);
    const owner: OutputOwner = {
      clientId: "client",
      onWritten: () => this.calls.push("written"),
      onBroken: (reason) => this.calls.push(`broken: ${reason}`),
      onFinished: () => this.calls.push("finished"),
      disconnect: (code, reason) => this.calls.push(`end ${code}: ${reason}`),
    };
    this.output = new Output(this.parts, this.transport, owner);
    this.output.version = version;
  }

  publish(topic: string, length = 1): boolean {
    const payload = new Uint8Array(length);
    return this.output.publish(
      message(topic, { payload }),
      0,
      false,
      false,
      0,
      undefined,
    );
  }
}

const pingresp = { type: "pingresp" } as const;

// The turn.

Deno.test("output writes nothing before the end of the turn, and then all with one write", async () => {
  const { output, transport, parts } = new Stage();
  output.send(pingresp);
  output.send({ type: "puback", packetId: 1, reasonCode: 0 });
  output.send(pingresp);
  assertEquals(transport.asked, []);
  assertEquals(output.size, 8);
  await settled();
  assertEquals([transport.asked, parts.store.commits], [[8], 1]);
  await transport.take();
  assertEquals(transport.types(), ["pingresp", "puback", "pingresp"]);
  assertEquals(output.size, 0);
});

Deno.test("output collects what comes while a write is under way", async () => {
  const { output, transport, calls } = new Stage();
  output.send(pingresp);
  await settled();
  output.send(pingresp);
  await settled();
  output.send(pingresp);
  await settled();
  assertEquals(transport.asked, [2]);
  await transport.take();
  assertEquals(transport.asked, [2, 4]);
  await transport.take();
  assertEquals(transport.types(), ["pingresp", "pingresp", "pingresp"]);
  assertEquals([calls, transport.busy], [["written", "written"], false]);
});

Deno.test("output does not write what the turn that is under way has added", async () => {
  const { output, transport, parts } = new Stage();
  output.send(pingresp);
  await settled();
  const { store } = parts;
  store.failure = new Error("the disk is full");
  // The write settles, and in the same turn something is added.
  const taken = transport.take();
  output.send(pingresp);
  await taken;
  assertEquals(transport.asked, [2]);
});

Deno.test("output writes nothing of a turn whose commit fails", async () => {
  const { output, transport, parts, calls } = new Stage();
  parts.store.failure = new Error("the disk is full");
  output.send(pingresp);
  await settled();
  assertEquals(transport.asked, []);
  assertEquals(calls, [
    "broken: the store failed: Error: the disk is full",
  ]);
});

// The transport.

Deno.test("output goes on where a write took only a part", async () => {
  const { output, transport, parts, calls } = new Stage();
  for (let i = 0; i < 5; i++) output.send(pingresp);
  await settled();
  await transport.take(1);
  await transport.take(6);
  assertEquals(transport.asked, [10, 9, 3]);
  assertEquals([calls, output.size], [[], 10]);
  await transport.take();
  assertEquals(transport.types().length, 5);
  assertEquals([calls, output.size], [["written"], 0]);
  assertEquals(parts.metrics.bytesSent, 10);
});

Deno.test("output writes a large message behind its head, byte for byte", async () => {
  const { output, transport } = new Stage(4);
  const payload = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
  output.send(pingresp);
  const large = message("a", { payload, qos: 1 });
  output.publish(large, 1, true, true, 0x1234, undefined);
  output.send(pingresp);
  await settled();
  while (transport.busy) await transport.take();
  const [first, publish, last] = transport.packets();
  assertEquals([first?.type, last?.type], ["pingresp", "pingresp"]);
  assertEquals(publish, {
    type: "publish",
    topic: "a",
    payload,
    qos: 1,
    retain: true,
    dup: true,
    packetId: 0x1234,
  });
});

Deno.test("output tells its owner when a write fails", async () => {
  for (
    const [error, reason] of [
      [new Error("The connection was reset"), "The connection was reset"],
      ["odd", "odd"],
    ]
  ) {
    const { output, transport, calls } = new Stage();
    output.send(pingresp);
    await settled();
    await transport.fail(error);
    assertEquals(calls, [`broken: ${reason}`]);
  }
});

Deno.test("output tells its owner when a write throws", async () => {
  const { output, transport, calls } = new Stage();
  transport.write = () => {
    throw new TypeError("no");
  };
  output.send(pingresp);
  await settled();
  assertEquals(calls, ["broken: no"]);
});

// The end.

Deno.test("output writes what was sent before finish(), and nothing more", async () => {
  const { output, transport, calls } = new Stage();
  output.send({ type: "disconnect", reasonCode: 0x8b });
  output.finish();
  output.send(pingresp);
  await settled();
  assertEquals(calls, []);
  await transport.take();
  assertEquals(transport.types(), ["disconnect"]);
  assertEquals(calls, ["written", "finished"]);
});

Deno.test("output is finished at the end of the turn when nothing waits", async () => {
  const { output, calls } = new Stage();
  output.finish();
  assertEquals(calls, []);
  await settled();
  assertEquals(calls, ["finished"]);
});

Deno.test("output that finishes while a write is under way writes the rest", async () => {
  const { output, transport, calls } = new Stage();
  output.send(pingresp);
  await settled();
  output.send(pingresp);
  output.finish();
  await settled();
  await transport.take(1);
  assertEquals(calls, []);
  await transport.take();
  await transport.take();
  assertEquals(transport.types(), ["pingresp", "pingresp"]);
  assertEquals(calls, ["written", "written", "finished"]);
});

// Keeping up.

Deno.test("output is writable as long as less than the limit waits", async () => {
  const { output, transport } = new Stage(5, { outboundBytes: 5 });
  output.send(pingresp);
  output.send(pingresp);
  assertEquals(output.writable, true);
  output.send(pingresp);
  assertEquals(output.writable, false);
  await settled();
  assertEquals(output.writable, false);
  await transport.take();
  assertEquals(output.writable, true);
});

// Packets that the client does not take.

const reason = {
  reasonString: "a reason",
  userProperties: [["name", "value"]] as [string, string][],
};

/** Packets with reasons, their sizes without, and the statements. */
const reasoned: readonly [packet: Packet, without: number, ids: string][] = [
  [
    { type: "puback", packetId: 1, reasonCode: 0x87, properties: reason },
    5,
    "[MQTT-3.4.2-2] [MQTT-3.4.2-3]",
  ],
  [
    { type: "pubrec", packetId: 1, reasonCode: 0x87, properties: reason },
    5,
    "[MQTT-3.5.2-2] [MQTT-3.5.2-3]",
  ],
  [
    { type: "pubrel", packetId: 1, reasonCode: 0x92, properties: reason },
    5,
    "[MQTT-3.6.2-2] [MQTT-3.6.2-3]",
  ],
  [
    { type: "pubcomp", packetId: 1, reasonCode: 0x92, properties: reason },
    5,
    "[MQTT-3.7.2-2] [MQTT-3.7.2-3]",
  ],
  [
    { type: "suback", packetId: 1, reasonCodes: [1], properties: reason },
    6,
    "[MQTT-3.9.2-1] [MQTT-3.9.2-2]",
  ],
  [
    { type: "unsuback", packetId: 1, reasonCodes: [0], properties: reason },
    6,
    "[MQTT-3.11.2-1] [MQTT-3.11.2-2]",
  ],
  [
    { type: "disconnect", reasonCode: 0x8b, properties: reason },
    3,
    "[MQTT-3.14.2-3] [MQTT-3.14.2-4]",
  ],
  [
    {
      type: "auth",
      reasonCode: 0x18,
      properties: { ...reason, authenticationMethod: "x" },
    },
    8,
    "[MQTT-3.15.2-2] [MQTT-3.15.2-3]",
  ],
  [
    {
      type: "connack",
      sessionPresent: true,
      reasonCode: 0,
      properties: { ...reason, receiveMaximum: 9 },
    },
    8,
    "[MQTT-3.2.2-19] [MQTT-3.2.2-20]",
  ],
];

for (const [packet, without, ids] of reasoned) {
  const name = packet.type;

  Deno.test(`output sends the reason where the client takes it: ${name}`, async () => {
    const { output, transport } = new Stage();
    output.send(packet);
    await settled();
    await transport.take();
    assertEquals(transport.packets(), [packet]);
  });

  Deno.test(`output leaves the reason out where the client does not take it: ${name} ${ids}`, async () => {
    const { output, transport, calls } = new Stage();
    output.maximumPacketSize = without;
    output.send(packet);
    await settled();
    assertEquals(transport.asked, [without]);
    await transport.take();
    const [sent] = transport.packets() as Extract<
      Packet,
      { type: "connack" }
    >[];
    const { reasonString, userProperties } = sent?.properties ?? {};
    assertEquals([sent?.type, reasonString, userProperties], [
      packet.type,
      undefined,
      undefined,
    ]);
    if (packet.type === "connack") {
      assertEquals(sent?.properties, { receiveMaximum: 9 });
    }
    assertEquals(calls, ["written"]);
  });

  Deno.test(`output gives up where the client does not take even that: ${name}`, async () => {
    const { output, transport, parts, calls } = new Stage();
    output.maximumPacketSize = without - 1;
    output.send(packet);
    await settled();
    assertEquals([transport.asked, parts.metrics.packetsSent], [[], 0]);
    assertEquals(calls, [
      "broken: the client does not accept packets of this size",
    ]);
  });
}

for (const version of [4, 5] as const) {
  Deno.test(`output sends a message of the largest size that the client takes, and no larger one (${version}) [MQTT-3.1.2-24]`, async () => {
    const stage = new Stage(version);
    const overhead = version === 5 ? 6 : 5;
    stage.output.maximumPacketSize = overhead + 100;
    assertEquals(stage.publish("a", 101), false);
    assertEquals(stage.parts.metrics.droppedTooLarge, 1);
    assertEquals(stage.parts.metrics.publishSent, 0);
    await settled();
    assertEquals(stage.transport.busy, false);
    assertEquals(stage.publish("a", 100), true);
    await settled();
    assertEquals(stage.transport.asked, [overhead + 100]);
    assertEquals(stage.parts.metrics.droppedTooLarge, 1);
  });
}

Deno.test("output does not send a message that its subscription identifiers make too large", () => {
  const { output, parts } = new Stage();
  const small = message("a", { payload: new Uint8Array(1) });
  output.maximumPacketSize = 7;
  const send = (identifiers: number[] | undefined) =>
    output.publish(small, 0, false, false, 0, identifiers);
  assertEquals([send([1]), send(undefined)], [false, true]);
  assertEquals(parts.metrics.droppedTooLarge, 1);
});

// Messages.

const properties = { contentType: "x", messageExpiryInterval: 60 };

Deno.test("output sends subscription identifiers to 5.0 clients [MQTT-3.3.4-3]", async () => {
  for (const version of [3, 4, 5] as const) {
    const { output, transport } = new Stage(version);
    const one = message("a", { qos: 1 });
    output.publish(one, 1, false, false, 7, [2, 268_435_455]);
    await settled();
    await transport.take();
    const [packet] = transport.packets();
    assertEquals(packet, {
      type: "publish",
      topic: "a",
      payload: one.payload,
      qos: 1,
      retain: false,
      dup: false,
      packetId: 7,
      ...(version === 5
        ? { properties: { subscriptionIdentifiers: [2, 268_435_455] } }
        : {}),
    });
  }
});

Deno.test("output sends what is left of the expiry interval [MQTT-3.3.2-6]", async () => {
  const { output, transport, parts } = new Stage();
  const one = parts.message("a", { properties });
  const send = async (): Promise<unknown> => {
    output.publish(one, 0, false, false, 0, undefined);
    await settled();
    await transport.take();
    const [packet] = transport.packets();
    return packet?.type === "publish" ? packet.properties : undefined;
  };
  assertEquals(await send(), properties);
  parts.time += 20_000;
  assertEquals(await send(), { ...properties, messageExpiryInterval: 40 });
  parts.time += 50_000;
  assertEquals(await send(), { ...properties, messageExpiryInterval: 0 });
});

Deno.test("output tells watchers what goes out, as it does", async () => {
  const seen: BrokerEvents["mqtt_packet_sent"][] = [];
  const watching = plugin({
    on: { mqtt_packet_sent: (event) => seen.push(event) },
  });
  const stage = new Stage(5, {}, [watching]);
  stage.output.maximumPacketSize = 20;
  stage.output.send(pingresp);
  const one = message("a", { properties, qos: 2 });
  stage.output.publish(one, 1, true, true, 7, [3]);
  stage.publish("too large", 20);
  await settled();
  await stage.transport.take();
  assertEquals(stage.transport.types(), ["pingresp"]);
  assertEquals(seen, [{ clientId: "client", packet: pingresp }]);
  stage.output.maximumPacketSize = Infinity;
  stage.output.publish(one, 1, true, true, 7, [3]);
  await settled();
  await stage.transport.take();
  const [packet] = stage.transport.packets();
  assertEquals(seen.slice(1), [{ clientId: "client", packet: packet! }]);
});

Deno.test("output tells watchers nothing of what is said in an authentication", async () => {
  const seen: BrokerEvents["mqtt_packet_sent"][] = [];
  const stage = new Stage(5, {}, [plugin({
    on: { mqtt_packet_sent: (event) => seen.push(event) },
  })]);
  const properties = {
    authenticationMethod: "TEST",
    authenticationData: Uint8Array.of(1),
  };
  stage.output.send({ type: "auth", reasonCode: 0x18, properties });
  stage.output.send({
    type: "connack",
    sessionPresent: false,
    reasonCode: 0,
    properties,
  });
  await settled();
  await stage.transport.take();
  assertEquals(seen.map(({ packet }) => packet.type), ["auth", "connack"]);
  for (const { packet } of seen) {
    assertEquals("properties" in packet && packet.properties, {
      authenticationMethod: "TEST",
    });
  }
});

Deno.test("output counts packets and bytes", async () => {
  const stage = new Stage();
  stage.output.send(pingresp);
  stage.publish("a");
  await settled();
  const { metrics } = stage.parts;
  assertEquals(metrics.bytesSent, 0);
  await stage.transport.take();
  assertEquals(
    [metrics.packetsSent, metrics.publishSent, metrics.bytesSent],
    [2, 1, 2 + 7],
  );
});

Deno.test("output ends the connection by its owner", () => {
  const { output, calls } = new Stage();
  output.disconnect(0x8e, "taken over");
  assertEquals(calls, ["end 142: taken over"]);
});
