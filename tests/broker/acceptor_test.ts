// deno-lint-ignore-file camelcase -- the events keep the names of HBMQTT

import { assertEquals } from "@std/assert";
import { Acceptor } from "../../broker/_acceptor.ts";
import type { BrokerEvents, Limits, Listener } from "../../broker/mod.ts";
import type { Transport } from "../../codec/mod.ts";
import { type MemoryConnection, MemoryListener } from "../_memory_transport.ts";
import { Parts, plugin } from "./_parts.ts";

/** An acceptor of a listener in memory. */
class Stage {
  readonly parts: Parts;
  readonly listener = new MemoryListener();
  readonly acceptor: Acceptor;
  readonly done: Promise<void>;
  readonly refused: BrokerEvents["broker_connection_refused"][] = [];
  /** How often a connection was said to be closed. */
  closed = 0;

  constructor(
    maxConnections = Infinity,
    limits: Partial<Limits> = {},
    listener: (memory: MemoryListener) => Listener = (memory) => memory,
  ) {
    this.parts = new Parts(limits, [plugin({
      on: {
        broker_connection_refused: (event) => this.refused.push(event),
      },
    })]);
    this.acceptor = new Acceptor(
      this.parts,
      listener(this.listener),
      "some",
      maxConnections,
      () => this.closed++,
    );
    this.done = this.acceptor.run();
  }

  async connect(): Promise<MemoryConnection> {
    const remoteAddr = { hostname: "10.0.0.1", port: 1234 };
    const connection = this.listener.connect({ remoteAddr });
    await settled();
    return connection;
  }

  async end(): Promise<void> {
    this.acceptor.stop();
    await this.done;
    for (const connection of this.parts.connections) connection.close();
  }
}

/** Waits for all that is to happen without any I/O. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("acceptor makes a connection of each transport, and counts it while it is open", async () => {
  const stage = new Stage();
  const { metrics, connections } = stage.parts;
  const clients = [await stage.connect(), await stage.connect()];
  assertEquals([metrics.connectionsAccepted, metrics.connectionsOpen], [2, 2]);
  assertEquals(Array.from(connections, ({ listener }) => listener), [
    "some",
    "some",
  ]);
  clients[0]!.close();
  await settled();
  assertEquals([metrics.connectionsAccepted, metrics.connectionsOpen], [2, 1]);
  assertEquals([connections.size, stage.closed], [1, 1]);
  await stage.end();
  assertEquals([metrics.connectionsOpen, stage.closed], [0, 2]);
});

for (
  const [what, maxConnections, limits, reason] of [
    ["maxConnections", 2, {}, "too many connections: the listener has 2"],
    [
      "the limit connections",
      5,
      { connections: 2 },
      "too many connections: the broker has 2",
    ],
  ] as const
) {
  Deno.test(`acceptor closes connections above ${what} at once, tells of them, and takes others when some have gone`, async () => {
    const stage = new Stage(maxConnections, limits);
    const { metrics } = stage.parts;
    const first = await stage.connect();
    await stage.connect();
    for (let i = 1; i <= 3; i++) {
      const refused = await stage.connect();
      assertEquals(refused.closedByBroker, true);
      assertEquals([metrics.connectionsRefused, metrics.connectionsOpen], [
        i,
        2,
      ]);
    }
    assertEquals(stage.refused[0], {
      address: { hostname: "10.0.0.1", port: 1234 },
      clientId: undefined,
      username: undefined,
      reasonCode: 0x97,
      reason,
    });
    first.close();
    await settled();
    const next = await stage.connect();
    assertEquals(next.closedByBroker, false);
    await stage.end();
  });
}

Deno.test("acceptor goes on when the system could not give it a connection", async () => {
  const errors = [new Error("Too many open files"), "odd"];
  const stage = new Stage(Infinity, {}, (memory) => ({
    accept: () =>
      errors.length > 0 ? Promise.reject(errors.shift()) : memory.accept(),
    close: () => memory.close(),
  }));
  const accepted = Promise.withResolvers<void>();
  const { connections } = stage.parts;
  const add = connections.add.bind(connections);
  connections.add = (connection) => {
    accepted.resolve();
    return add(connection);
  };
  stage.listener.connect();
  await accepted.promise; // it pauses twice before
  const { acceptFailures, connectionsOpen } = stage.parts.metrics;
  assertEquals([acceptFailures, connectionsOpen], [2, 1]);
  await stage.end();
});

for (const name of ["BadResource", "Interrupted"]) {
  Deno.test(`acceptor ends when its listener says ${name}, and its connections go on`, async () => {
    const closed = Promise.withResolvers<Transport>();
    const stage = new Stage(Infinity, {}, (memory) => ({
      accept: () => Promise.race([memory.accept(), closed.promise]),
      close: () => memory.close(),
    }));
    const client = await stage.connect();
    closed.reject(Object.assign(new Error("closed"), { name }));
    await stage.done;
    assertEquals(stage.parts.metrics.acceptFailures, 0);
    assertEquals(client.closedByBroker, false);
    await stage.end();
  });
}

Deno.test("acceptor closes a connection that comes while it stops", async () => {
  const arrival = Promise.withResolvers<Transport>();
  let closed = 0;
  const late: Transport = {
    read: () => new Promise(() => {}),
    write: (bytes) => Promise.resolve(bytes.length),
    close: () => void closed++,
  };
  // One that has accepted a connection already when it is closed.
  const stage = new Stage(Infinity, {}, () => ({
    accept: () => arrival.promise,
    close: () => arrival.resolve(late),
  }));
  await stage.end();
  assertEquals([closed, stage.parts.metrics.connectionsAccepted], [1, 0]);
});

Deno.test("acceptor stops though its listener is closed already", async () => {
  const stage = new Stage(Infinity, {}, (memory) => ({
    accept: () => memory.accept(),
    close: () => {
      throw new Deno.errors.BadResource("Bad resource ID");
    },
  }));
  stage.acceptor.stop();
  stage.listener.close();
  await stage.done;
});

Deno.test("acceptor lets a transport say itself that there is no room, and closes it when it has", async () => {
  const said: string[] = [];
  const gone = Promise.withResolvers<void>();
  let closed = 0;
  const stage = new Stage(0, {}, (memory) => ({
    accept: async () => {
      const transport = await memory.accept();
      return Object.assign(transport, {
        turnAway: (reason: string) => {
          said.push(reason);
          return gone.promise;
        },
        close: () => void closed++,
      });
    },
    close: () => memory.close(),
  }));
  await stage.connect();
  assertEquals(said, ["too many connections: the listener has 0"]);
  assertEquals([closed, stage.parts.metrics.connectionsRefused], [0, 1]);
  gone.resolve();
  await settled();
  assertEquals(closed, 1);
  await stage.end();
});

Deno.test("acceptor gives at most a hundred at a time the time to be told, and none when it stops", async () => {
  let told = 0;
  let closed = 0;
  const stage = new Stage(0, {}, (memory) => ({
    accept: async () => {
      const transport = await memory.accept();
      const gone = Promise.withResolvers<void>();
      return Object.assign(transport, {
        turnAway: () => {
          told++;
          return gone.promise;
        },
        close: () => {
          closed++;
          gone.resolve();
        },
      });
    },
    close: () => memory.close(),
  }));
  for (let i = 0; i < 105; i++) await stage.connect();
  assertEquals([told, closed], [100, 5]);
  assertEquals(stage.parts.metrics.connectionsRefused, 105);
  await stage.end();
  await settled();
  assertEquals(closed >= 105, true);
});

Deno.test("acceptor has transports send at once, and the system look after their peers", async () => {
  const calls: string[] = [];
  const stage = new Stage(Infinity, {}, (memory) => ({
    accept: async () =>
      Object.assign(await memory.accept(), {
        setNoDelay: (noDelay: boolean) => calls.push(`no delay ${noDelay}`),
        setKeepAlive: (keepAlive: boolean) =>
          calls.push(`keep-alive ${keepAlive}`),
      }),
    close: () => memory.close(),
  }));
  await stage.connect();
  await settled();
  assertEquals(calls, ["no delay true", "keep-alive true"]);
  await stage.end();
});

Deno.test("acceptor closes connections of an address that has too many, comes too often or is banned, and tells why", async () => {
  const stage = new Stage(Infinity, {
    connectionsPerAddress: 2,
    connectionRate: 1,
    connectionBurst: 3,
    failures: 1,
  });
  const clients = [await stage.connect(), await stage.connect()];
  await stage.connect();
  await stage.connect();
  clients[0]!.send(Uint8Array.of(0xff)); // no CONNECT
  clients[1]!.send(Uint8Array.of(0xff));
  await settled();
  await stage.connect();
  assertEquals(
    stage.refused.map(({ reasonCode, reason }) => [reasonCode, reason]),
    [
      [0x97, "too many connections: the address has 2"],
      [0x9f, "too many connections: the address makes over 1 a second"],
      [0x81, "Packet type 15 is reserved"],
      [0x81, "Packet type 15 is reserved"],
      [0x8a, "the address is banned for 10 s more"],
    ],
  );
  const { metrics } = stage.parts;
  assertEquals(
    [metrics.connectionsAccepted, metrics.connectionsRefused],
    [2, 5],
  );
  await stage.end();
});

Deno.test("acceptor gives somebody banned no time to be told", async () => {
  let told = 0;
  const stage = new Stage(Infinity, { failures: 1 }, (memory) => ({
    accept: async () =>
      Object.assign(await memory.accept(), {
        turnAway: () => Promise.resolve(void told++),
      }),
    close: () => memory.close(),
  }));
  const visitor = stage.parts.visitors.find({ hostname: "10.0.0.1" })!;
  visitor.fail("once");
  visitor.fail("twice");
  const client = await stage.connect();
  assertEquals([told, client.closedByBroker], [0, true]);
  await stage.end();
});
