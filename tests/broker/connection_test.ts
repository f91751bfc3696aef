import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type AuthenticationAnswer,
  Broker,
  type BrokerEvents,
  type Change,
  MemoryStore,
} from "../../broker/mod.ts";
import type { PeerCertificate, Transport } from "../../codec/mod.ts";
import { Connection } from "../../broker/_connection.ts";
import { SocketClient } from "../_socket_client.ts";
import {
  auth,
  connect,
  type Packet,
  pingreq,
  publish,
  subscribe,
  text,
  unsubscribe,
  within,
} from "../_raw_client.ts";
import { MemoryListener } from "../_memory_transport.ts";
import {
  assertDisconnected,
  Bench,
  every,
  test,
  testIn,
} from "../conformance/_bench.ts";
import { Parts, plugin } from "./_parts.ts";

// The transport.

testIn(
  every,
  "connection works though every write takes a byte only [MQTT-4.2.0-1]",
  async (bench, version) => {
    const client = bench.open(version, { longestWrite: 1 });
    await client.connect({ clientId: "client" });
    await client.subscribe({ filter: "a", qos: 2 });
    const payload = "x".repeat(20_000);
    await client.publish({ topic: "a", qos: 2, payload });
    assertEquals(await client.payloads(), [payload]);
    const { metrics } = bench.broker;
    assert(metrics.bytesSent > 20_000, `${metrics.bytesSent} bytes`);
  },
);

/** Ends of a transport, and what is told of them. */
const ends = {
  "closes": "the client closed the connection",
  "reset": "The connection was reset",
} as const;

for (const [how, expected] of Object.entries(ends)) {
  testIn(
    every,
    `connection whose transport ${how} ends its client, once`,
    async (bench, version) => {
      told.splice(0);
      const client = await bench.connect(version, "client");
      if (how === "reset") client.connection.reset();
      else client.connection.close();
      const other = await bench.connect(version, "other");
      await other.drain();
      bench.pass(1);
      assertEquals(
        told.map(({ clientId, reasonCode, reason }) => [
          clientId,
          reasonCode,
          reason,
        ]),
        [["client", 0x80, expected]],
      );
      const { metrics } = bench.broker;
      assertEquals(
        [
          metrics.clientsConnected,
          metrics.clientsDisconnected,
          metrics.connectionsOpen,
        ],
        [1, 1, 1],
      );
      assertEquals(client.connection.closedByBroker, true);
    },
    () => ({ plugins: [watching] }),
  );
}

const told: BrokerEvents["broker_client_disconnected"][] = [];
const watching = plugin({
  on: { broker_client_disconnected: (event) => told.push(event) },
});

Deno.test("connection is open again for others when a write fails", async () => {
  await using bench = await Bench.start({ plugins: [watching] });
  told.splice(0);
  const client = await bench.connect(5, "client");
  await client.subscribe("a");
  client.connection.stall();
  const other = await bench.connect(5, "other");
  await other.publish({ topic: "a", qos: 1 });
  // The write is under way; the network fails.
  client.connection.reset();
  await other.drain();
  assertEquals(told.map(({ clientId }) => clientId), ["client"]);
  assertEquals(bench.broker.metrics.connectionsOpen, 1);
});

test("connection whose client does not read is closed some seconds after its end", async (bench) => {
  const client = await bench.connect(5, "client");
  client.connection.stall();
  // The answer to this stays in the transport.
  client.send("c0 00").send("00 00");
  const other = await bench.connect(5, "other");
  await other.drain();
  const { metrics } = bench.broker;
  assertEquals([metrics.clientsConnected, metrics.connectionsOpen], [1, 2]);
  bench.pass(4);
  assertEquals(client.connection.closedByBroker, false);
  bench.pass(2);
  assertEquals(client.connection.closedByBroker, true);
  assertEquals(metrics.connectionsOpen, 1);
});

test("connection that has ended is closed as soon as all is written", async (bench) => {
  const client = await bench.connect(5, "client");
  client.connection.stall();
  client.send("c0 00").send("00 00");
  const other = await bench.connect(5, "other");
  await other.drain();
  client.connection.resume();
  const types = (await client.untilClosed()).map(({ type }) => type);
  assertEquals(types, ["pingresp", "disconnect"]);
});

// Packets.

Deno.test("connection tells watchers of every packet, in and out", async () => {
  const lines: string[] = [];
  await using bench = await Bench.start({
    plugins: [plugin({
      on: {
        mqtt_packet_received: ({ clientId, packet }) =>
          lines.push(`> ${clientId} ${packet.type}`),
        mqtt_packet_sent: ({ clientId, packet }) =>
          lines.push(`< ${clientId} ${packet.type}`),
      },
    })],
  });
  const client = await bench.connect(5, "one");
  await client.subscribe("a");
  await client.publish({ topic: "a", qos: 1 });
  await client.next("publish");
  await client.disconnect();
  assertEquals(lines, [
    ">  connect",
    "< one connack",
    "> one subscribe",
    "< one suback",
    "> one publish",
    "< one publish",
    "< one puback",
    "> one disconnect",
  ]);
});

test("connection handles all packets of one read in one turn, with one write", async (bench) => {
  const client = await bench.connect(4, "client");
  const { connection } = client;
  client.send(
    subscribe(4, 1, ["a"]),
    publish(4, { topic: "a", qos: 1, packetId: 2 }),
    unsubscribe(4, 3, ["a"]),
    "c0 00",
  );
  const bytes = await connection.receive();
  assertEquals(
    [...bytes!.subarray(-2)],
    [0xd0, 0x00],
    "PINGRESP with the same write",
  );
});

testIn(
  every,
  "connection handles nothing behind a packet that ends it [MQTT-3.14.4-1]",
  async (bench, version) => {
    const witness = await bench.connect(version, "witness");
    await witness.subscribe("#");
    const endings = ["e0 00", "00 00", "10 00"];
    for (const ending of endings) {
      const client = await bench.connect(version, "client");
      const topic = "late";
      client.send(ending, publish(version, { topic }), "c0 00");
      const packets = await client.untilClosed();
      const types = packets.map(({ type }) => type);
      assertEquals(types.includes("pingresp"), false);
    }
    assertEquals(await witness.collect(), []);
  },
);

Deno.test("connection shows nobody a password", async () => {
  const shown: string[] = [];
  await using bench = await Bench.start({
    plugins: [plugin({
      on: {
        mqtt_packet_received: ({ packet }) =>
          shown.push(...Object.keys(packet)),
      },
    })],
  });
  await bench.connect(5, "one", { username: "u", password: "secret" });
  assert(shown.includes("username"));
  assertEquals(shown.includes("password"), false);
});

Deno.test("connection shows nobody what authenticates a client", async () => {
  const shown: string[] = [];
  await using bench = await Bench.start({
    plugins: [plugin({
      authenticationMethods: {
        TEST: () => ({
          continue: () => ({ outcome: "success", username: "u" }),
        }),
      },
      on: {
        mqtt_packet_received: ({ packet }) =>
          shown.push(JSON.stringify(packet)),
      },
    })],
  });
  const properties = {
    authenticationMethod: "TEST",
    authenticationData: text("secret"),
  };
  const client = await bench.connect(5, "one", { properties });
  client.send(auth(0x19, properties));
  await client.next("auth");
  assertEquals(shown.filter((one) => one.includes('"TEST"')).length, 2);
  assertEquals(shown.some((one) => one.includes("Data")), false);
});

test(
  "connection goes on, or ends, when a plugin does not answer in time",
  async (bench) => {
    const [patient, gone] = [
      await bench.connect(5, "patient", { keepAlive: 60 }),
      await bench.connect(5, "gone", { keepAlive: 60 }),
    ];
    gone.send(publish(5, { topic: "a", qos: 1, packetId: 1 }));
    const answer = patient.publish({ topic: "a", qos: 1 });
    gone.drop();
    await received(2);
    bench.pass(29);
    assertEquals(bench.broker.metrics.clientsConnected, 2);
    bench.pass(1);
    assertEquals((await answer)?.type, "puback");
    await patient.drain();
    assertEquals(bench.broker.metrics.clientsConnected, 1);
    assertEquals(bench.broker.metrics.pluginFailures, 2);
  },
  () => ({
    plugins: [plugin({
      authorize: () => {
        asked.push(undefined);
        onAsked();
        return new Promise(() => {});
      },
    })],
  }),
);

const asked: undefined[] = [];
let onAsked = () => {};

/** Waits until the plugin was asked so often. */
function received(times: number): Promise<void> {
  return new Promise((resolve) => {
    onAsked = () => asked.length >= times && resolve();
    onAsked();
  });
}

for (const level of ["03", "04", "05", "06", "ff"]) {
  testIn(
    every,
    `connection ends at a second CONNECT, of the level ${level} [MQTT-3.1.0-2]`,
    async (bench, version) => {
      const client = await bench.connect(version, "client");
      client.send(`10 0d 0004 'MQTT' ${level} 02 0000 0001 'x'`);
      await assertDisconnected(client, 0x82);
      const other = await bench.connect(version, "other");
      await other.drain();
    },
  );
}

// What it says at the end.

/** Filters and topics that are wrong, and longer than a reason may be. */
const endless: Record<string, string> = {
  "long": "x".repeat(65_000),
  "long in JSON": "\x01".repeat(65_000),
  "long in UTF-8": "€".repeat(21_000),
  "made of pairs": "a" + "😀".repeat(16_000),
};

for (const [what, text] of Object.entries(endless)) {
  const packets: Record<string, (version: 4 | 5) => Uint8Array> = {
    SUBSCRIBE: (version) => subscribe(version, 1, [`#${text}`]),
    UNSUBSCRIBE: (version) => unsubscribe(version, 1, [`#${text}`]),
    PUBLISH: (version) => publish(version, { topic: `#${text}` }),
  };
  for (const [name, packet] of Object.entries(packets)) {
    testIn(
      [4, 5],
      `connection ends with a reason of bearable length when ${name} has a wrong topic that is ${what}`,
      async (bench, version) => {
        told.splice(0);
        const client = await bench.connect(version, "client");
        client.send(packet(version as 4 | 5));
        const disconnect = await client.disconnected();
        const { reasonString = "" } = disconnect?.properties ?? {};
        if (version === 5) assertMatch(reasonString, /"#.*…$/);
        assert(reasonString.length < 2000, `${reasonString.length}`);
        const [event] = told;
        assert(event!.reason.length < 2000, `${event!.reason.length}`);
        assertEquals(bench.broker.metrics.protocolErrors, 1);
      },
      () => ({ plugins: [watching] }),
    );
  }
}

test("connection is refused with a reason of bearable length when its method is long", async (bench) => {
  for (const character of ["m", "\x01", "€"]) {
    const client = bench.open(5);
    const authenticationMethod = character.repeat(21_000);
    const { code, properties } = await client.connect({
      properties: { authenticationMethod },
    });
    assertEquals(code, 0x8c);
    assert(properties.reasonString!.length < 2000);
  }
});

/** A store with a defect. */
class BrokenStore extends MemoryStore {
  override record(change: Change): void {
    if (change.type === "subscribe") throw new Error("a defect");
    super.record(change);
  }
}

testIn(
  every,
  "defect ends its connection only, is counted and told, and is not the client's fault",
  async (bench, version) => {
    const other = await bench.connect(version, "other");
    const client = await bench.connect(version, "client", {
      clean: false,
      properties: { sessionExpiryInterval: 100 },
    });
    client.send(subscribe(version, 1, ["a"]));
    await assertDisconnected(client, 0x80);
    await other.drain();
    const { metrics } = bench.broker;
    assertEquals([metrics.internalErrors, metrics.protocolErrors], [1, 0]);
    metrics.internalErrors = 0; // It was provoked.
    const [defect, ...more] = defects.splice(0);
    assertEquals(defect?.clientId, "client");
    assertMatch(String(defect?.error), /a defect/);
    assertEquals(more, []);
  },
  () => ({
    store: new BrokenStore(),
    plugins: [plugin({
      on: { broker_internal_error: (event) => defects.push(event) },
    })],
  }),
);

const defects: BrokerEvents["broker_internal_error"][] = [];

/** A store that cannot commit when it is told so. */
class FullStore extends MemoryStore {
  full = false;
  override commit(): void {
    if (this.full) throw new Error("the disk is full");
    super.commit();
  }
}

testIn(
  every,
  "connection ends without any acknowledgement when the turn cannot be committed",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    full.full = true;
    client.send(publish(version, { topic: "a", qos: 1 }));
    assertEquals(await client.untilClosed(), []);
    full.full = false;
    const { storeFailures } = bench.broker.metrics;
    assertEquals(storeFailures > 0, true);
    // The broker goes on.
    const again = await bench.connect(version, "client");
    assertEquals((await again.publish({ topic: "a", qos: 1 }))?.type, "puback");
  },
  () => ({ store: full = new FullStore() }),
);

let full: FullStore;

// Flooding.

Deno.test("connection reads no more while its client does not read what it asked for", async () => {
  const listener = new MemoryListener();
  await using broker = new Broker({
    listeners: {},
    limits: { outboundBytes: 1000, maximumPacketSize: 1000 },
  });
  await broker.start();
  const serving = broker.serve(listener);
  const connection = listener.connect();
  connection.send(connect(4, { clientId: "flood" }));
  await connection.receive();
  connection.stall();
  const pings = new Uint8Array(500).map((_, i) => i % 2 === 0 ? 0xc0 : 0);
  // The broker stops reading at some time: then bytes stay unread.
  while (connection.unread === 0) {
    connection.send(pings);
    await settled();
  }
  const { packetsReceived } = broker.metrics;
  assert(packetsReceived < 2000, `${packetsReceived} packets`);
  connection.send(pings);
  await settled();
  assertEquals(broker.metrics.packetsReceived, packetsReceived);
  connection.resume();
  await settled();
  assertEquals(connection.unread, 0);
  connection.close();
  await broker.shutdown();
  await serving;
});

/** Waits for all that is to happen without any I/O. */
async function settled(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

test(
  "connection ends when its client reads nothing for stallTimeout, and not before",
  async (bench) => {
    told.splice(0);
    const client = await bench.connect(5, "client");
    await client.subscribe("a");
    const publish = async (): Promise<void> => {
      client.connection.stall();
      bench.broker.publish({ topic: "a", payload: new Uint8Array(10) });
      await settled();
    };
    bench.pass(1000);
    await publish();
    bench.pass(60);
    // It reads a little.
    client.connection.resume();
    await client.next("publish");
    await publish();
    bench.pass(60);
    assertEquals(client.connection.closedByBroker, false);
    bench.pass(0.001);
    assertEquals(client.connection.closedByBroker, true);
    assertEquals(told[0]?.reason, "the client has read nothing for 60 s");
    assertEquals(bench.broker.metrics.stalled, 1);
  },
  () => ({ limits: { stallTimeout: 60 }, plugins: [watching] }),
);

test(
  "connection that is read no further does not end for its silence",
  async (bench) => {
    const client = await bench.connect(5, "client", { keepAlive: 10 });
    client.connection.stall();
    const pings = new Uint8Array(1000).map((_, i) => i % 2 === 0 ? 0xc0 : 0);
    while (client.connection.unread === 0) {
      client.send(pings);
      await settled();
    }
    bench.pass(20);
    bench.pass(20);
    assertEquals(bench.broker.metrics.keepAliveTimeouts, 0);
    assertEquals(bench.broker.metrics.clientsConnected, 1);
  },
  () => ({ limits: { outboundBytes: 1000, maximumPacketSize: 1000 } }),
);

Deno.test("connection that is read no further stops running when it ends", async () => {
  const parts = new Parts({ outboundBytes: 1000, maximumPacketSize: 1000 });
  const listener = new MemoryListener();
  const client = listener.connect();
  const connection = new Connection(
    parts,
    await listener.accept(),
    "memory",
    undefined,
    () => {},
  );
  let running = true;
  const run = connection.run().then(() => running = false);
  client.send(connect(4, { clientId: "client" }));
  await client.receive();
  client.stall();
  const pings = new Uint8Array(1000).map((_, i) => i % 2 === 0 ? 0xc0 : 0);
  while (client.unread === 0) {
    client.send(pings);
    await settled();
  }
  assertEquals(running, true);
  connection.disconnect(0x8b, "the end");
  await settled();
  assertEquals(running, false);
  await run;
  connection.close();
});

test("connection that is flooded ends when it is taken over", async (bench) => {
  const client = await bench.connect(5, "client");
  client.connection.stall();
  const pings = new Uint8Array(1000).map((_, i) => i % 2 === 0 ? 0xc0 : 0);
  while (client.connection.unread === 0) {
    client.send(pings);
    await settled();
  }
  await bench.connect(5, "client");
  client.connection.resume();
  const packets: Packet[] = await client.untilClosed();
  assertEquals(packets.at(-1)?.type, "disconnect");
}, () => ({ limits: { outboundBytes: 1000, maximumPacketSize: 1000 } }));

// Handshakes of the transport.

/** A connection whose transport has a handshake in the hand of the test. */
class Shaking {
  readonly handshake = Promise.withResolvers<void>();
  readonly refused: string[] = [];
  readonly parts = new Parts({}, [
    plugin({
      authenticate: (client) => {
        this.certificate = client.certificate;
        return true;
      },
      on: {
        broker_connection_refused: ({ reason }) => this.refused.push(reason),
      },
    }),
  ]);
  readonly listener = new MemoryListener();
  readonly client = this.listener.connect();
  certificate: PeerCertificate | undefined;
  connection!: Connection;
  running!: Promise<void>;
  reads = 0;

  static async begin(): Promise<Shaking> {
    const stage = new Shaking();
    const lower = await stage.listener.accept();
    const transport: Transport = {
      read: (buffer) => {
        stage.reads++;
        return lower.read(buffer);
      },
      write: (bytes) => lower.write(bytes),
      close: () => {
        lower.close();
        stage.handshake.reject(new Error("closed"));
      },
      handshake: () => stage.handshake.promise,
      get certificate() {
        return { commonName: "sensor 7" } as PeerCertificate;
      },
    };
    const { parts } = stage;
    const connection = new Connection(
      parts,
      transport,
      "memory",
      undefined,
      () => {},
    );
    stage.connection = connection;
    stage.running = connection.run();
    stage.client.send(connect(5, { clientId: "client" }));
    await settled();
    return stage;
  }
}

Deno.test("connection reads nothing before the handshake, and knows the certificate after it", async () => {
  const stage = await Shaking.begin();
  assertEquals(stage.reads, 0);
  stage.handshake.resolve();
  const connack = await within(stage.client.receive(), "CONNACK");
  assertEquals(connack![0], 0x20);
  assertEquals(stage.certificate?.commonName, "sensor 7");
  assertEquals(stage.parts.metrics.handshakesFailed, 0);
  stage.connection.close();
  await stage.running;
});

Deno.test("connection whose handshake fails is refused, counted and closed", async () => {
  const stage = await Shaking.begin();
  stage.handshake.reject(new Error("TLS: the client has no certificate"));
  await within(stage.running, "the end");
  await settled();
  assertEquals(stage.refused, ["TLS: the client has no certificate"]);
  const { handshakesFailed, connectionsRefused } = stage.parts.metrics;
  assertEquals([handshakesFailed, connectionsRefused], [1, 1]);
  assertEquals(stage.client.closedByBroker, true);
  assertEquals(stage.reads, 0);
});

Deno.test("connection whose handshake takes too long is refused, counted and closed", async () => {
  const stage = await Shaking.begin();
  stage.connection.tick(stage.parts.time + 10_000);
  assertEquals(stage.refused, []);
  stage.connection.tick(stage.parts.time + 10_001);
  await within(stage.running, "the end");
  assertEquals(stage.refused, ["the handshake was not complete within 10 s"]);
  const { handshakesFailed, connectionsRefused } = stage.parts.metrics;
  assertEquals([handshakesFailed, connectionsRefused], [1, 1]);
  assertEquals(stage.client.closedByBroker, true);
});

// Last words, over real sockets: in memory nothing is lost.

/** A broker with a clock in the hand of the test, and a client. */
async function real(
  run: (
    broker: Broker,
    client: Deno.TcpConn,
    pass: (seconds: number) => void,
  ) => Promise<void>,
): Promise<void> {
  let time = 1_700_000_000_000;
  await using broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
    now: () => time,
  });
  await broker.start();
  const { port } = broker.addresses[0]!;
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  await run(broker, client, (seconds) => {
    time += seconds * 1000;
    broker.sweep();
  });
}

Deno.test("connection's last packet is read though the client has sent what nobody will read [MQTT-4.13.1-1]", async () => {
  await real(async (broker, client) => {
    // Behind what is wrong comes more than any buffer on the way holds.
    const flood = new Uint8Array(500_000);
    await client.write(connect(5, { clientId: "client" }));
    const buffer = new Uint8Array(4096);
    await client.read(buffer);
    const sending = (async () => {
      for (let sent = 0; sent < flood.length;) {
        sent += await client.write(flood.subarray(sent));
      }
    })();
    await within(sending, "the broker to read on");
    const count = await within(client.read(buffer), "DISCONNECT");
    assertEquals([buffer[0], buffer[2]], [0xe0, 0x81]);
    assert(count! > 4);
    assertEquals(await within(client.read(buffer), "the end"), null);
    assertEquals(broker.metrics.protocolErrors, 1);
    // Nor does what comes later reset the connection.
    for (let i = 0; i < 100; i++) await client.write(flood.subarray(0, 1000));
  });
});

Deno.test("connection does not read on for a client that never stops", async () => {
  await real(async (_, client) => {
    await client.write(connect(5, { clientId: "client" }));
    const flood = new Uint8Array(65_536);
    const sending = (async () => {
      for (;;) await client.write(flood);
    })();
    const failed = sending.then(() => "", (error) => error.name);
    const error = await within(failed, "the end");
    assertMatch(error, /^(ConnectionReset|BrokenPipe)$/);
  });
});

Deno.test("connection is closed a second after its last packet if the client does not close", async () => {
  await real(async (broker, client, pass) => {
    const buffer = new Uint8Array(4096);
    await client.write(connect(5, { clientId: "client" }));
    await client.read(buffer);
    await client.write(connect(5, { clientId: "client" }));
    await client.read(buffer);
    // It is told that nothing follows, and stays all the same.
    assertEquals(await within(client.read(buffer), "the end"), null);
    assertEquals(broker.metrics.connectionsOpen, 1);
    pass(0.9);
    assertEquals(broker.metrics.connectionsOpen, 1);
    pass(0.2);
    assertEquals(broker.metrics.connectionsOpen, 0);
  });
});

Deno.test("connection of a client that says DISCONNECT is closed at once", async () => {
  await real(async (broker, client) => {
    const buffer = new Uint8Array(4096);
    await client.write(connect(5, { clientId: "client" }));
    await client.read(buffer);
    await client.write(Uint8Array.of(0xe0, 0));
    assertEquals(await within(client.read(buffer), "the end"), null);
    assertEquals(broker.metrics.connectionsOpen, 0);
  });
});

Deno.test("connections that are not closed do not hold a shutdown up for long", async () => {
  await using broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
    limits: { shutdownTimeout: 3600 },
  });
  await broker.start();
  using client = await SocketClient.open(broker.addresses[0]!.port);
  await client.send(connect(5, { clientId: "client" }));
  await client.next();
  await client.send(pingreq);
  await client.next();
  await within(broker.shutdown(), "the shutdown");
});

Deno.test("connection whose packets are dear to handle lets others come between", async () => {
  await using bench = await Bench.start();
  const dear = await bench.connect(5, "dear");
  const other = await bench.connect(5, "other");
  // Each level as it is, or a wildcard: all of them match the topic.
  const filters = Array.from(
    { length: 2048 },
    (_, i) =>
      Array.from({ length: 11 }, (_, bit) => i >> bit & 1 ? "+" : "a")
        .join("/"),
  );
  await dear.subscribe(...filters);
  const topic = Array(10).fill("a").join("/");
  const count = 100;
  dear.send(...Array.from(
    { length: count },
    (_, i) => publish(5, { topic: `${topic}/${i}` }),
  ));
  await other.drain();
  const { publishReceived } = bench.broker.metrics;
  assertEquals(publishReceived > 0 && publishReceived < count, true);
  assertEquals((await dear.collect()).length, count);
});

Deno.test("connection that authenticates and then says nothing counts against its address, and one that a plugin keeps waiting does not", async () => {
  for (const [answers, banned] of [[true, 1], [false, 0]] as const) {
    const never = Promise.withResolvers<AuthenticationAnswer>();
    const all = Promise.withResolvers<void>();
    let asked = 0;
    await using bench = await Bench.start({
      limits: { failures: 1, connectTimeout: 10 },
      plugins: [plugin({
        authenticationMethods: {
          TEST: () => ({
            continue: () => {
              if (++asked === 3) all.resolve();
              return answers ? { outcome: "continue" } : never.promise;
            },
          }),
        },
      })],
    });
    const remoteAddr = { hostname: "192.0.2.7", port: 1 };
    const clients = [1, 2, 3].map((i) => {
      const client = bench.open(5, { remoteAddr });
      const properties = { authenticationMethod: "TEST" };
      return client.send(connect(5, { clientId: `c${i}`, properties }));
    });
    await all.promise;
    if (answers) { for (const client of clients) await client.next("auth"); }
    bench.pass(11);
    for (const client of clients) await client.untilClosed();
    assertEquals(bench.broker.metrics.addressesBanned, banned);
    never.resolve({ outcome: "refusal" });
  }
});
