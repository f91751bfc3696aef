/** What one client does is no concern of the others, nor of the memory. */

import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
} from "@std/assert";
import {
  connect,
  pingreq,
  publish,
  type RawClient,
  subscribe,
  type Version,
} from "../_raw_client.ts";
import { Random } from "../_random.ts";
import { Bench, every, test, testIn } from "./_bench.ts";

const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };

/** Two clients that exchange messages, to see that they still can. */
class Bystanders {
  readonly #from: RawClient;
  readonly #to: RawClient;
  #count = 0;

  private constructor(from: RawClient, to: RawClient) {
    this.#from = from;
    this.#to = to;
  }

  static async join(bench: Bench, version: Version): Promise<Bystanders> {
    const to = await bench.connect(version, "bystander to");
    await to.subscribe({ filter: "bystanders", qos: 2 });
    return new Bystanders(await bench.connect(version, "bystander from"), to);
  }

  /** Sends a message of each QoS and asserts that just these come. */
  async exchange(): Promise<void> {
    const sent: string[] = [];
    for (const qos of [0, 1, 2]) {
      const payload = `${++this.#count}`;
      await this.#from.publish({ topic: "bystanders", payload, qos });
      sent.push(payload);
    }
    assertEquals(await this.#to.payloads(), sent);
  }
}

testIn(
  every,
  "broker serves the others when a client breaks the protocol in any way",
  async (bench, version) => {
    const others = await Bystanders.join(bench, version);
    const random = new Random(version);
    for (let round = 0; round < 300; round++) {
      const client = bench.open(version);
      if (random.percent(70)) {
        client.send(connect(version, { clientId: `bad ${round % 10}` }));
      }
      client.send(random.bytes(random.integer(1, 60)));
      if (random.boolean()) client.drop();
      if (round % 30 === 0) await others.exchange();
    }
    await others.exchange();
    bench.pass(100);
    await others.exchange();
  },
);

testIn(
  every,
  "broker serves the others when 1,000 connections close within a packet",
  async (bench, version) => {
    const others = await Bystanders.join(bench, version);
    const whole = publish(version, {
      topic: "bystanders",
      payload: "x".repeat(100),
      qos: 1,
    });
    const clients: RawClient[] = [];
    for (let count = 0; count < 1000; count++) {
      const client = bench.open(version);
      client.send(
        connect(version, { clientId: `${count}`, will: { topic: "will" } }),
        whole.subarray(0, 1 + count % (whole.length - 1)),
      );
      clients.push(client);
    }
    for (const client of clients) await client.next("connack");
    assertEquals(bench.broker.metrics.connectionsOpen, 1002);
    for (const [at, client] of clients.entries()) {
      if (at % 2 === 0) client.drop();
      else client.connection.reset();
    }
    await others.exchange();
    assertEquals(bench.broker.metrics.connectionsOpen, 2);
    assertEquals(bench.broker.metrics.clientsConnected, 2);
    assertEquals(bench.broker.metrics.willsPublished, 1000);
    assertEquals(bench.broker.metrics.clientsMaximum, 1002);
  },
);

testIn(
  every,
  "broker serves the others while connections stop within a packet, and ends them by their keep alive",
  async (bench, version) => {
    const others = await Bystanders.join(bench, version);
    const silent: RawClient[] = [];
    for (let count = 0; count < 50; count++) {
      const client = await bench.connect(version, `${count}`, {
        keepAlive: 10,
      });
      client.send("30 7f 00");
      silent.push(client);
    }
    await others.exchange();
    bench.pass(14);
    await others.exchange();
    for (const client of silent) {
      assertEquals(client.connection.closedByBroker, false);
    }
    bench.pass(2);
    for (const client of silent) await client.untilClosed();
    await others.exchange();
    assertEquals(bench.broker.metrics.connectionsOpen, 2);
  },
);

testIn(
  every,
  "broker serves the others while a client floods it",
  async (bench, version) => {
    const others = await Bystanders.join(bench, version);
    const flood = await bench.connect(version, "flood");
    for (let round = 0; round < 20; round++) {
      const burst: Uint8Array[] = [];
      for (let id = 1; id <= 500; id++) {
        burst.push(
          publish(version, { topic: `flood/${id}`, qos: id % 2, packetId: id }),
        );
      }
      flood.send(...burst);
      await others.exchange();
    }
    let answers = 0;
    while (answers < 5000) {
      await flood.next("puback");
      answers++;
    }
    assertEquals(await flood.drain(), []);
  },
);

/** A subscriber of "a" that reads nothing any more. */
async function stalled(
  bench: Bench,
  version: Version,
  qos: number,
  fields = {},
): Promise<RawClient> {
  const client = await bench.connect(version, "stalled", fields);
  await client.subscribe({ filter: "a", qos });
  client.connection.stall();
  return client;
}

testIn(
  every,
  "broker drops QoS 0 for a client that does not read, beyond outboundBytes, and serves the others",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { outboundBytes: 50_000 },
    });
    const others = await Bystanders.join(bench, version);
    const keeps = await bench.connect(version, "keeps up");
    await keeps.subscribe("a");
    const client = await stalled(bench, version, 0);
    const publisher = await bench.connect(version, "publisher");
    const payload = "x".repeat(1000);
    for (let at = 0; at < 300; at++) {
      await publisher.publish({ topic: "a", payload });
      assertEquals((await keeps.payloads()).length, 1);
    }
    await others.exchange();
    const { droppedSlow } = bench.broker.metrics;
    assert(droppedSlow > 200, `${droppedSlow}`);
    client.connection.resume();
    const received = (await client.collect()).length;
    assertEquals(received, 300 - droppedSlow);
    assertLessOrEqual(received * 1000, 55_000);
    // and it is served again
    await publisher.publish({ topic: "a", payload: "again" });
    assertEquals(await client.payloads(), ["again"]);
  },
);

testIn(
  every,
  "broker queues QoS 1 for a client that does not read, within its limits, and serves the others",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { outboundBytes: 5_000, queuedMessages: 20, inflight: 1000 },
    });
    const others = await Bystanders.join(bench, version);
    const client = await stalled(bench, version, 1, kept);
    const publisher = await bench.connect(version, "publisher");
    for (let at = 0; at < 100; at++) {
      const payload = `${at}`.padEnd(1000);
      await publisher.publish({ topic: "a", payload, qos: 1 });
    }
    await others.exchange();
    const { droppedQueueFull } = bench.broker.metrics;
    assert(droppedQueueFull >= 70, `${droppedQueueFull}`);
    assertLess(droppedQueueFull, 80);
    client.connection.resume();
    const received = (await client.payloads()).map(Number);
    assertEquals(
      received,
      Array.from({ length: 100 - droppedQueueFull }, (_, at) => at),
    );
  },
);

testIn(
  every,
  "broker reads no more from a client that does not read its answers",
  async (_, version) => {
    await using bench = await Bench.start({
      limits: { outboundBytes: 10_000, maximumPacketSize: 10_000 },
    });
    const others = await Bystanders.join(bench, version);
    const requests: [string, Uint8Array][] = [
      ["PINGREQ", pingreq],
      ["PUBLISH", publish(version, { topic: "b", qos: 1, packetId: 1 })],
      ["SUBSCRIBE", subscribe(version, 1, ["b"])],
      ["PUBREL", new Uint8Array([0x62, 2, 0, 1])],
    ];
    for (const [what, request] of requests) {
      const client = await bench.connect(version, what);
      client.connection.stall();
      const burst = new Uint8Array(request.length * 1000);
      for (let at = 0; at < 1000; at++) burst.set(request, at * request.length);
      for (let round = 0; round < 100; round++) {
        client.send(burst);
        if (round % 20 === 0) await others.exchange();
      }
      await others.exchange();
      // it was not read to the end, or the connection was given up
      const { connection } = client;
      assert(
        connection.closedByBroker || connection.unread > 0,
        `all of ${what} was read`,
      );
      connection.resume();
      if (!connection.closedByBroker) await client.drain();
    }
    await others.exchange();
  },
);

testIn(
  every,
  "broker ends a connection that does not read by its keep alive",
  async (bench, version) => {
    const others = await Bystanders.join(bench, version);
    const client = await stalled(bench, version, 1, { keepAlive: 10 });
    const publisher = await bench.connect(version, "publisher");
    await publisher.publish({ topic: "a", qos: 1, payload: "x" });
    bench.pass(16);
    bench.pass(16);
    await others.exchange();
    assertEquals(client.connection.closedByBroker, true);
    assertEquals(bench.broker.metrics.connectionsOpen, 3);
  },
);

testIn(
  every,
  "broker lets a new connection take over from one that does not read",
  async (bench, version) => {
    const others = await Bystanders.join(bench, version);
    const client = await stalled(bench, version, 1, kept);
    const publisher = await bench.connect(version, "publisher");
    await publisher.publish({ topic: "a", qos: 1, payload: "x" });
    const again = await bench.connect(version, "stalled", kept);
    assertEquals(await again.payloads(), ["x"]);
    await others.exchange();
    bench.pass(60);
    bench.pass(60);
    await others.exchange();
    assertEquals(client.connection.closedByBroker, true);
  },
);

testIn(
  every,
  "broker closes a connection that breaks the protocol and does not read",
  async (bench, version) => {
    const others = await Bystanders.join(bench, version);
    const client = await stalled(bench, version, 1);
    const publisher = await bench.connect(version, "publisher");
    await publisher.publish({ topic: "a", qos: 1, payload: "x" });
    client.send("f8 00");
    await others.exchange();
    bench.pass(60);
    bench.pass(60);
    await others.exchange();
    assertEquals(client.connection.closedByBroker, true);
  },
);

testIn(
  every,
  "broker shuts down though clients do not read",
  async (_, version) => {
    await using bench = await Bench.start({ limits: { shutdownTimeout: 0 } });
    const client = await stalled(bench, version, 1);
    client.send(publish(version, { topic: "a", payload: "x" }));
    const other = await bench.connect(version, "other");
    await bench.broker.shutdown();
    assertEquals(client.connection.closedByBroker, true);
    assertEquals((await other.untilClosed()).length, version === 5 ? 1 : 0);
  },
);

testIn(
  every,
  "broker serves the others while a policy makes a client wait, and holds its bytes back",
  async (_, version) => {
    const gate = Promise.withResolvers<boolean>();
    await using bench = await Bench.start({
      plugins: [{
        name: "slow",
        authorize: ({ clientId }) =>
          clientId === "slow" ? gate.promise : undefined,
      }],
    });
    const others = await Bystanders.join(bench, version);
    const slow = await bench.connect(version, "slow");
    const burst = publish(version, { topic: "a", payload: "x".repeat(60_000) });
    for (let round = 0; round < 100; round++) {
      slow.send(burst);
      if (round % 25 === 0) await others.exchange();
    }
    assert(slow.connection.unread > 4_000_000, "it was read into the memory");
    gate.resolve(true);
    assertEquals(await slow.drain(), []);
    await others.exchange();
  },
);

testIn(
  every,
  "broker gives every client its part of a large fan-out though some do not read",
  async (bench, version) => {
    const clients: RawClient[] = [];
    for (let count = 0; count < 200; count++) {
      const client = await bench.connect(version, `client ${count}`);
      await client.subscribe({ filter: "a", qos: count % 3 });
      if (count % 10 === 0) client.connection.stall();
      clients.push(client);
    }
    const publisher = await bench.connect(version, "publisher");
    for (const payload of ["1", "2", "3"]) {
      await publisher.publish({ topic: "a", qos: 2, payload });
    }
    for (const [at, client] of clients.entries()) {
      if (at % 10 > 0) assertEquals(await client.payloads(), ["1", "2", "3"]);
    }
    for (const [at, client] of clients.entries()) {
      if (at % 10 > 0) continue;
      client.connection.resume();
      assertEquals(await client.payloads(), ["1", "2", "3"]);
    }
  },
);

test("broker forgets all of what comes and goes", async (bench) => {
  for (let round = 0; round < 300; round++) {
    const client = await bench.connect(5, `client ${round}`, {
      will: { topic: "will", properties: { willDelayInterval: 5 } },
      properties: { sessionExpiryInterval: round % 3 * 10 },
    });
    await client.subscribe({ filter: `a/${round}/#`, qos: 2 });
    await client.publish({ topic: `a/${round}/b`, qos: 2, payload: "x" });
    client.drop();
  }
  const last = await bench.connect(5, "last");
  await last.drain();
  bench.pass(100);
  const { metrics } = bench.broker;
  assertEquals(metrics.connectionsOpen, 1);
  assertEquals(metrics.clientsConnected, 1);
  assertEquals(metrics.sessionsExpired, 200);
  assertEquals(metrics.willsPublished, 300);
  // nobody is subscribed any more
  const answer = await last.publish({ topic: "a/7/b", qos: 1 });
  assertEquals(answer!.code, 0x10);
});

for (const version of every) {
  Deno.test(`broker gives the session of a user to no other: neither its subscriptions nor what waits (${version})`, async () => {
    await using bench = await Bench.start();
    const fields = version === 5
      ? { clean: false, properties: { sessionExpiryInterval: 1000 } }
      : { clean: false };
    const alice = await bench.connect(version, "device", {
      ...fields,
      username: "alice",
      password: "x",
    });
    await alice.subscribe({ filter: "secret/#", qos: 1 });
    await alice.disconnect();
    const publisher = await bench.connect(version, "publisher");
    await publisher.publish({ topic: "secret/a", payload: "waits", qos: 1 });
    for (const username of ["bob", undefined]) {
      const other = await bench.connect(version, "device", {
        ...fields,
        ...(username === undefined ? {} : { username, password: "y" }),
      });
      assertEquals(other.connack!.sessionPresent, false);
      await publisher.publish({ topic: "secret/a", payload: "live", qos: 1 });
      assertEquals(await other.payloads(), []);
      await other.disconnect();
    }
  });
}

Deno.test("broker keeps the session of a user whose password has changed", async () => {
  await using bench = await Bench.start();
  const fields = { clean: false, username: "alice" };
  const before = await bench.connect(4, "device", { ...fields, password: "x" });
  await before.subscribe({ filter: "a", qos: 1 });
  await before.disconnect();
  const after = await bench.connect(4, "device", { ...fields, password: "y" });
  assertEquals(after.connack!.sessionPresent, true);
});
