// deno-lint-ignore-file camelcase -- the events keep the names of HBMQTT

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  Broker,
  type BrokerConfig,
  BrokerError,
  type BrokerStatus,
  type Change,
  checkStore,
  type Logger,
  MemoryStore,
  type Plugin,
  type PluginContext,
} from "../../broker/mod.ts";
import { MemoryListener } from "../_memory_transport.ts";
import {
  connect,
  RawClient,
  subscribe,
  text,
  type Version,
} from "../_raw_client.ts";
import { SocketClient } from "../_socket_client.ts";
import { assertDisconnected, every } from "../conformance/_bench.ts";
import { newFile } from "../_sqlite_stores.ts";
import { plugin } from "./_parts.ts";

/** A listener on a port that the system chooses. */
const anyPort = { default: { bind: "127.0.0.1:0" } };

/** The port of a listener. */
function portOf(broker: Broker, name = "default"): number {
  return broker.addresses.find((one) => one.name === name)!.port;
}

/** A broker whose only listener is in memory. */
class Memory implements AsyncDisposable {
  readonly broker: Broker;
  readonly listener = new MemoryListener();
  serving: Promise<void> | undefined;

  constructor(config: BrokerConfig = {}) {
    this.broker = new Broker({ listeners: {}, ...config });
  }

  async start(): Promise<this> {
    await this.broker.start();
    this.serving = this.broker.serve(this.listener);
    return this;
  }

  async client(
    version: Version,
    clientId: string,
    fields = {},
  ): Promise<RawClient> {
    const client = new RawClient(version, this.listener.connect());
    await client.connect({ clientId, ...fields });
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker[Symbol.asyncDispose]();
    await this.serving;
  }
}

/** A plugin that does something when it is started or stopped. */
function acting(what: "start" | "stop", act: () => unknown): Plugin {
  return plugin({ [what]: () => act() });
}

const failing = () => Promise.reject(new Error("no"));

// The states.

/** Brokers in each of the states, and what ends that. */
const states: Record<
  BrokerStatus,
  () => Promise<{ broker: Broker; end(): Promise<unknown> }>
> = {
  new: () =>
    Promise.resolve({
      broker: new Broker({ listeners: {} }),
      end: () => Promise.resolve(),
    }),
  starting: () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const plugins = [acting("start", () => promise)];
    const broker = new Broker({ listeners: {}, plugins });
    const starting = broker.start();
    const end = async () => {
      resolve();
      await starting;
      await broker.shutdown();
    };
    return Promise.resolve({ broker, end });
  },
  started: async () => {
    const broker = new Broker({ listeners: {} });
    await broker.start();
    return { broker, end: () => broker.shutdown() };
  },
  not_started: async () => {
    const plugins = [acting("start", failing)];
    const broker = new Broker({ listeners: {}, plugins });
    await assertRejects(() => broker.start());
    return { broker, end: () => Promise.resolve() };
  },
  stopping: async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const plugins = [acting("stop", () => promise)];
    const broker = new Broker({ listeners: {}, plugins });
    await broker.start();
    const stopping = broker.shutdown();
    const end = async () => {
      resolve();
      await stopping;
    };
    return { broker, end };
  },
  stopped: async () => {
    const broker = new Broker({ listeners: {} });
    await broker.start();
    await broker.shutdown();
    return { broker, end: () => Promise.resolve() };
  },
  not_stopped: async () => {
    const store = new FaultyStore();
    store.failing = "close";
    const broker = new Broker({ listeners: {}, store });
    await broker.start();
    await assertRejects(() => broker.shutdown());
    return { broker, end: () => Promise.resolve() };
  },
};

/** From which states one may do what. */
const steps: Record<string, {
  act(broker: Broker): Promise<unknown>;
  from: BrokerStatus[];
  refusal: string;
}> = {
  start: {
    act: (broker) => broker.start(),
    from: ["new", "stopped", "not_started"],
    refusal: "Cannot start the broker: it is",
  },
  shutdown: {
    act: (broker) => broker.shutdown(),
    from: ["started"],
    refusal: "Cannot stop the broker: it is",
  },
  serve: {
    act: (broker) => broker.serve(new MemoryListener()),
    from: ["started"],
    refusal: "Cannot serve: the broker is",
  },
};

for (const [status, make] of Object.entries(states)) {
  Deno.test(`broker is ${status} and says so`, async () => {
    const { broker, end } = await make();
    assertEquals(broker.status, status as BrokerStatus);
    await end();
  });

  for (const [step, { act, from, refusal }] of Object.entries(steps)) {
    if (from.includes(status as BrokerStatus)) continue;
    Deno.test(`broker refuses ${step}() and stays as it is when it is ${status}`, async () => {
      const { broker, end } = await make();
      const { message } = await assertRejects(() => act(broker), BrokerError);
      assertEquals(message, `${refusal} ${status}`);
      assertEquals(broker.status, status as BrokerStatus);
      await end();
    });
  }

  Deno.test(`broker that is disposed of when it is ${status} is not started`, async () => {
    const { broker, end } = await make();
    if (status === "starting" || status === "stopping") await end();
    await broker[Symbol.asyncDispose]();
    assert(broker.status !== "started");
    if (status === "started") assertEquals(broker.status, "stopped");
    else if (status.startsWith("n")) {
      assertEquals(broker.status, status as BrokerStatus);
    }
  });
}

Deno.test("broker can be started and stopped again and again", async () => {
  const broker = new Broker({ listeners: anyPort });
  for (let round = 0; round < 3; round++) {
    await broker.start();
    assertEquals([broker.status, broker.addresses.length], ["started", 1]);
    using client = await SocketClient.open(portOf(broker));
    await client.send(connect(5, { clientId: "client" }));
    assertEquals((await client.next())?.type, "connack");
    await broker.shutdown();
    assertEquals([broker.status, broker.addresses.length], ["stopped", 0]);
  }
});

Deno.test("broker tells of its life in order, and plugins live in it", async () => {
  const lines: string[] = [];
  const recording = (name: string): Plugin => ({
    name,
    start: () => void lines.push(`${name} starts, ${broker.status}`),
    stop: () => void lines.push(`${name} stops, ${broker.status}`),
    on: {
      broker_pre_start: () => lines.push(`${name} pre_start`),
      broker_post_start: () => lines.push(`${name} post_start`),
      broker_pre_shutdown: () => lines.push(`${name} pre_shutdown`),
      broker_post_shutdown: () => lines.push(`${name} post_shutdown`),
    },
  });
  const broker = new Broker({
    listeners: {},
    plugins: [recording("one"), recording("two")],
  });
  await broker.start();
  lines.push("started");
  await broker.shutdown();
  assertEquals(lines, [
    "one pre_start",
    "two pre_start",
    "one starts, starting",
    "two starts, starting",
    "one post_start",
    "two post_start",
    "started",
    "one pre_shutdown",
    "two pre_shutdown",
    "one stops, stopping",
    "two stops, stopping",
    "one post_shutdown",
    "two post_shutdown",
  ]);
});

Deno.test("plugin publishes with what it gets at the start, and has the broker's time", async () => {
  let context: PluginContext | undefined;
  const plugins = [plugin({ start: (given) => void (context = given) })];
  await using memory = await new Memory({ plugins, now: () => 1234 }).start();
  const client = await memory.client(5, "client");
  await client.subscribe("a");
  context!.publish({ topic: "a", payload: text("x") });
  assertEquals((await client.next("publish")).payload, "x");
  assertEquals(context!.now(), 1234);
  client.drop();
});

// A start that fails.

Deno.test("broker whose port is in use names it and the cause, leaves nothing bound, and starts when it is free", async () => {
  const lines: string[] = [];
  const occupant = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = occupant.addr;
  const broker = new Broker({
    listeners: {
      first: { bind: "127.0.0.1:0" },
      second: { bind: `127.0.0.1:${port}` },
      third: { bind: "127.0.0.1:0" },
    },
    plugins: ["one", "two"].map((name) =>
      plugin({
        start: () => void lines.push(`${name} starts`),
        stop: () => void lines.push(`${name} stops`),
      })
    ),
  });
  const error = await assertRejects(() => broker.start(), BrokerError);
  assertEquals(
    error.message,
    `Cannot listen on 127.0.0.1:${port} (listener second): ` +
      "the port is in use; is another broker running?",
  );
  assertInstanceOf(error.cause, Deno.errors.AddrInUse);
  assertEquals([broker.status, broker.addresses], ["not_started", []]);
  assertEquals(lines.splice(0), [
    "one starts",
    "two starts",
    "two stops",
    "one stops",
  ]);
  occupant.close();
  await broker.start();
  assertEquals(broker.addresses.map(({ name }) => name), [
    "first",
    "second",
    "third",
  ]);
  assertEquals(broker.addresses[1], {
    name: "second",
    hostname: "127.0.0.1",
    port,
  });
  await broker.shutdown();
});

/** A store that yields these, and fails when told to. */
class FaultyStore extends MemoryStore {
  readonly calls: string[] = [];
  failing: "load" | "commit" | "close" | undefined;

  async *loadAsync(): AsyncIterable<Change> {
    yield* super.load();
    if (this.failing === "load") throw new Error("the file is damaged");
  }

  override load(): Iterable<Change> {
    this.calls.push("load");
    return this.loadAsync() as unknown as Iterable<Change>;
  }

  override commit(): void {
    if (this.failing === "commit") throw new Error("the disk is full");
    this.calls.push("commit");
    super.commit();
  }

  override close(): void {
    this.calls.push("close");
    if (this.failing === "close") throw new Error("the file is gone");
    super.close();
  }
}

Deno.test("broker is not started when its store cannot be loaded, and forgets what was", async () => {
  const store = new FaultyStore();
  const broker = new Broker({ listeners: anyPort, store });
  await broker.start();
  broker.publish({ topic: "a", payload: text("kept"), retain: true });
  await broker.shutdown();
  store.failing = "load";
  const { message } = await assertRejects(() => broker.start(), Error);
  assertEquals([message, broker.status], [
    "the file is damaged",
    "not_started",
  ]);
  store.failing = undefined;
  await broker.start();
  await broker.shutdown();
});

Deno.test("broker is not started when a plugin cannot be, though another cannot be stopped either", async () => {
  const lines: string[] = [];
  const broker = new Broker({
    listeners: {},
    plugins: [
      acting("stop", () => lines.push("one stops")),
      plugin({ stop: failing }),
      plugin({
        start: () => Promise.reject(new Error("the reason")),
        stop: () => void lines.push("never started"),
      }),
    ],
  });
  const { message } = await assertRejects(() => broker.start(), Error);
  assertEquals([message, broker.status], ["the reason", "not_started"]);
  assertEquals(lines, ["one stops"]);
});

// What is kept.

Deno.test("broker keeps sessions and retained messages over a restart, and no others", async () => {
  for (const version of every) {
    const memory = new Memory();
    const { broker } = memory;
    await broker.start();
    let listener = new MemoryListener();
    let serving = broker.serve(listener);
    const open = async (clientId: string, clean: boolean) => {
      const client = new RawClient(version, listener.connect());
      await client.connect({
        clientId,
        clean,
        properties: { sessionExpiryInterval: clean ? 0 : 100 },
      });
      return client;
    };
    const kept = await open("kept", false);
    await kept.subscribe({ filter: "a/#", qos: 2 });
    await kept.subscribe({ filter: "$share/group/s", qos: 1 });
    const clean = await open("clean", true);
    await clean.subscribe({ filter: "a/#", qos: 2 });
    for (const qos of [1, 2]) {
      await clean.publish({ topic: "a/r", qos, retain: true, payload: "r" });
      await clean.publish({ topic: "a/b", qos, payload: `unread ${qos}` });
    }
    await broker.shutdown();
    await serving;
    await broker.start();
    listener = new MemoryListener();
    serving = broker.serve(listener);
    const publisher = await open("publisher", true);
    await publisher.publish({ topic: "a/c", qos: 1, payload: "new" });
    for (const payload of ["s1", "s2"]) {
      await publisher.publish({ topic: "s", qos: 1, payload });
    }
    const again = await open("kept", false);
    if (version > 3) assertEquals(again.connack?.sessionPresent, true);
    assertEquals(await again.payloads(), [
      "r",
      "unread 1",
      "r",
      "unread 2",
      "new",
      "s1",
      "s2",
    ]);
    const cleanAgain = await open("clean", false);
    assertEquals(cleanAgain.connack?.sessionPresent, false);
    await cleanAgain.subscribe("a/r");
    assertEquals(await cleanAgain.payloads(), ["r"]);
    await broker.shutdown();
    await serving;
  }
});

Deno.test("broker commits and closes its store last", async () => {
  const store = new FaultyStore();
  const plugins = [acting("stop", () => store.calls.push("plugin stops"))];
  const broker = new Broker({ listeners: {}, store, plugins });
  await broker.start();
  await broker.shutdown();
  assertEquals(store.calls[0], "load");
  assertEquals(store.calls.slice(-3), ["plugin stops", "commit", "close"]);
});

// Shutdown.

Deno.test("broker tells 5.0 clients that it shuts down, and closes all connections [MQTT-3.14.2-1]", async () => {
  const memory = await new Memory().start();
  const silent = memory.listener.connect();
  const clients: RawClient[] = [];
  for (const version of every) {
    clients.push(await memory.client(version, `client ${version}`));
  }
  await memory.broker.shutdown();
  await memory.serving;
  for (const client of clients) await assertDisconnected(client, 0x8b);
  assertEquals(await silent.receive(), null);
  const { connectionsOpen, clientsConnected } = memory.broker.metrics;
  assertEquals([connectionsOpen, clientsConnected], [0, 0]);
});

Deno.test("broker publishes no will when it shuts down", async () => {
  const memory = await new Memory().start();
  const witness = await memory.client(5, "witness");
  await witness.subscribe("will");
  await memory.client(5, "client", { will: { topic: "will" } });
  await memory.broker.shutdown();
  assertEquals((await witness.untilClosed()).map(({ type }) => type), [
    "disconnect",
  ]);
});

Deno.test("broker writes what waits before it has shut down", async () => {
  const memory = await new Memory().start();
  const client = await memory.client(5, "client");
  await client.subscribe({ filter: "a", qos: 0 });
  client.connection.stall();
  for (let i = 0; i < 3; i++) {
    memory.broker.publish({ topic: "a", payload: text(`${i}`) });
  }
  const stopped = memory.broker.shutdown();
  client.connection.resume();
  await stopped;
  const types = (await client.untilClosed()).map(({ type }) => type);
  assertEquals(types, ["publish", "publish", "publish", "disconnect"]);
});

Deno.test("broker shuts down within shutdownTimeout though a client never reads", async () => {
  const memory = await new Memory({ limits: { shutdownTimeout: 0 } }).start();
  const client = await memory.client(5, "client");
  const other = await memory.client(5, "other");
  client.connection.stall();
  await memory.broker.shutdown();
  assertEquals(memory.broker.status, "stopped");
  assertEquals(client.connection.closedByBroker, true);
  await assertDisconnected(other, 0x8b);
});

Deno.test("broker shuts down within shutdownTimeout though a socket is not read", async () => {
  const limits = { shutdownTimeout: 0 };
  const broker = new Broker({ listeners: anyPort, limits });
  await broker.start();
  using client = await SocketClient.open(portOf(broker));
  await client.send(connect(5, { clientId: "client" }));
  assertEquals((await client.next())?.type, "connack");
  // Far more than what the system keeps for a socket.
  const { metrics } = broker;
  const subscribing = new Uint8Array([0x82, 7, 0, 1, 0, 0, 1, 0x61, 0]);
  await client.send(subscribing);
  assertEquals((await client.next())?.type, "suback");
  const payload = new Uint8Array(1_000_000);
  for (let i = 0; i < 20; i++) broker.publish({ topic: "a", payload });
  await broker.shutdown();
  assertEquals(broker.status, "stopped");
  assert(metrics.bytesSent < 20_000_000, `${metrics.bytesSent}`);
});

Deno.test("broker stops though a plugin cannot be stopped, which is counted and told, and starts again", async () => {
  for (
    const stop of [failing, () => {
      throw new Error("no");
    }]
  ) {
    const lines: string[] = [];
    const { broker } = new Memory({
      plugins: [
        plugin({ stop }, "stuck"),
        acting("stop", () => lines.push("other")),
        plugin({
          on: {
            broker_plugin_failed: ({ plugin, hook, error }) =>
              lines.push(`${plugin} ${hook} ${error}`),
          },
        }),
      ],
    });
    for (let i = 1; i <= 2; i++) {
      await broker.start();
      await broker.shutdown();
      assertEquals(broker.status, "stopped");
      assertEquals(lines.splice(0), ["stuck stop Error: no", "other"]);
      assertEquals(broker.metrics.pluginFailures, i);
    }
  }
});

/** Parts whose end may fail, and what is told. */
const failures: Record<string, [
  config: () => BrokerConfig & { plugins?: readonly Plugin[] },
  reason: string,
]> = {
  "the store cannot commit": [() => {
    const store = new FaultyStore();
    return { store, plugins: [acting("stop", () => store.failing = "commit")] };
  }, "the disk is full"],
  "the store cannot be closed": [() => {
    const store = new FaultyStore();
    return { store, plugins: [acting("stop", () => store.failing = "close")] };
  }, "the file is gone"],
};

for (const [what, [config, reason]] of Object.entries(failures)) {
  Deno.test(`broker is not_stopped when ${what}, but closes and stops all the rest`, async () => {
    const lines: string[] = [];
    const { plugins = [], store = new FaultyStore() } = config();
    const memory = await new Memory({
      store,
      plugins: [
        acting("stop", () => lines.push("one")),
        ...plugins,
        acting("stop", () => lines.push("two")),
      ],
    }).start();
    const client = await memory.client(5, "client");
    const { message } = await assertRejects(
      () => memory.broker.shutdown(),
      Error,
    );
    await memory.serving;
    assertEquals([message, memory.broker.status], [reason, "not_stopped"]);
    assertEquals(lines, ["one", "two"]);
    assert((store as FaultyStore).calls.includes("close"));
    await assertDisconnected(client, 0x8b);
    assertEquals(memory.broker.addresses, []);
  });
}

// Several brokers, several listeners.

Deno.test("two brokers in one process have nothing in common", async () => {
  await using one = await new Memory().start();
  const other = await new Memory().start();
  const clients = [await one.client(5, "same"), await other.client(5, "same")];
  for (const client of clients) await client.subscribe("#");
  await clients[0]!.publish({ topic: "a", payload: "1", retain: true, qos: 1 });
  assertEquals(await clients[0]!.payloads(), ["1"]);
  assertEquals(await clients[1]!.payloads(), []);
  await clients[1]!.subscribe("a");
  assertEquals(await clients[1]!.payloads(), []);
  assertEquals(other.broker.metrics.publishReceived, 0);
  await other.broker.shutdown();
  await other.serving;
  assertEquals(await clients[0]!.drain(), []);
  clients[0]!.drop();
});

Deno.test("broker listens on several addresses, with a name for each", async () => {
  const names: string[] = [];
  await using broker = new Broker({
    listeners: {
      default: { bind: "127.0.0.1:0", maxConnections: 1 },
      other: { bind: "localhost:0" },
      silent: {},
    },
    plugins: [plugin({
      authenticate: ({ listener, address }) => {
        names.push(listener);
        assertEquals(typeof address?.port, "number");
        return true;
      },
    })],
  });
  await broker.start();
  assertEquals(broker.addresses.map(({ name }) => name), ["default", "other"]);
  for (const { name, port } of broker.addresses) {
    assert(port > 0);
    using client = await SocketClient.open(portOf(broker, name), 4);
    await client.send(connect(4, { clientId: name }));
    assertEquals((await client.next())?.type, "connack");
  }
  assertEquals(names, ["default", "other"]);
});

for (
  const [what, config, reason] of [
    [
      "maxConnections of their listener",
      { listeners: { default: { bind: "127.0.0.1:0", maxConnections: 2 } } },
      "too many connections: the listener has 2",
    ],
    [
      "the broker's limit",
      { listeners: anyPort, limits: { connections: 2 } },
      "too many connections: the broker has 2",
    ],
  ] as const
) {
  Deno.test(`broker closes connections above ${what} at once, and takes others when some have gone`, async () => {
    const reasons: string[] = [];
    const gone: PromiseWithResolvers<void> = Promise.withResolvers();
    await using broker = new Broker({
      ...config,
      plugins: [plugin({
        on: {
          broker_connection_refused: ({ reason, reasonCode, address }) => {
            assertEquals(address?.hostname, "127.0.0.1");
            reasons.push(`${reasonCode} ${reason}`);
          },
          broker_client_disconnected: () => gone.resolve(),
        },
      })],
    });
    await broker.start();
    const enter = async (clientId: string): Promise<SocketClient> => {
      const client = await SocketClient.open(portOf(broker));
      await client.send(connect(5, { clientId }));
      return client;
    };
    using one = await enter("one");
    assertEquals((await one.next())?.type, "connack");
    const two = await enter("two");
    assertEquals((await two.next())?.type, "connack");
    {
      using three = await enter("three");
      assertEquals(await three.next(), undefined);
    }
    assertEquals(reasons, [`151 ${reason}`]);
    assertEquals(broker.metrics.connectionsRefused, 1);
    assertEquals(broker.metrics.connectionsAccepted, 2);
    two[Symbol.dispose]();
    await gone.promise;
    using four = await enter("four");
    assertEquals((await four.next())?.type, "connack");
  });
}

// A listener of one's own.

Deno.test("broker serves a listener until it is closed, and keeps its connections", async () => {
  await using broker = new Broker({ listeners: {} });
  await broker.start();
  const listener = new MemoryListener();
  const serving = broker.serve(listener, "mine");
  const client = new RawClient(5, listener.connect());
  await client.connect({ clientId: "client" });
  listener.close();
  await serving;
  assertEquals(await client.drain(), []);
  assertEquals(broker.addresses, []);
  client.drop();
});

Deno.test("broker shuts down when a listener that it serves was closed just before", async () => {
  const broker = new Broker({ listeners: {} });
  await broker.start();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = broker.serve(listener);
  listener.close();
  await broker.shutdown();
  await serving;
  assertEquals(broker.status, "stopped");
});

Deno.test("broker serves a listener of Deno's, whose address it knows", async () => {
  const names: string[] = [];
  await using broker = new Broker({
    listeners: {},
    plugins: [plugin({
      authenticate: ({ listener }) => {
        names.push(listener);
        return true;
      },
    })],
  });
  await broker.start();
  const serving = broker.serve(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  assertEquals(broker.addresses[0]?.name, "external");
  assert(broker.addresses[0]!.port > 0);
  {
    using client = await SocketClient.open(portOf(broker, "external"));
    await client.send(connect(5, { clientId: "client" }));
    assertEquals((await client.next())?.type, "connack");
  }
  assertEquals(names, ["external"]);
  await broker.shutdown();
  await serving;
});

// Publishing.

Deno.test("broker publishes what its program publishes, with QoS, RETAIN and properties", async () => {
  await using memory = await new Memory().start();
  const client = await memory.client(5, "client");
  await client.subscribe({ filter: "a", qos: 2 });
  for (const qos of [0, 1, 2] as const) {
    memory.broker.publish({
      topic: "a",
      payload: text("x"),
      qos,
      retain: qos === 2,
      properties: { contentType: "text/plain" },
    });
  }
  assertEquals(
    (await client.collect()).map(({ payload, qos, properties }) => [
      payload,
      qos,
      properties,
    ]),
    [0, 1, 2].map((qos) => ["x", qos, { contentType: "text/plain" }]),
  );
  const later = await memory.client(4, "later");
  await later.subscribe("#");
  assertEquals(await later.payloads(), ["x"]);
  for (const each of [client, later]) each.drop();
});

Deno.test("broker publishes to $SYS for its program only, and to those who ask for it [MQTT-4.7.2-1]", async () => {
  await using memory = await new Memory().start();
  const client = await memory.client(5, "client");
  await client.subscribe("#", "$SYS/#");
  memory.broker.publish({ topic: "$SYS/a", payload: text("x") });
  assertEquals(await client.payloads(), ["x"]);
  const answer = await client.publish({ topic: "$SYS/a", qos: 1 });
  assertEquals(answer?.code, 0x90);
  assertEquals(await client.payloads(), []);
  client.drop();
});

Deno.test("broker does not publish to an invalid topic", async () => {
  await using memory = await new Memory().start();
  for (const topic of ["", "a/#", "+", "a\0b"]) {
    const { message } = assertThrows(
      () => memory.broker.publish({ topic, payload: text("x") }),
      TypeError,
    );
    assertMatch(message, /^Cannot encode topic name ".*": it /);
  }
});

Deno.test("broker keeps what is published before it is started, when it is to be retained", async () => {
  const memory = new Memory();
  memory.broker.publish({ topic: "a", payload: text("x"), retain: true });
  await Promise.resolve(); // the end of the turn
  await memory.start();
  const client = await memory.client(5, "client");
  await client.subscribe("a");
  assertEquals(await client.payloads(), ["x"]);
  client.drop();
  await memory.broker.shutdown();
  await memory.serving;
});

Deno.test("broker has what is published while it is not started in its store, when it is to be retained", async () => {
  const file = newFile();
  const started = async () => {
    const broker = new Broker({
      listeners: {},
      persistence: { file },
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    });
    broker.publish({ topic: "b", payload: text("old"), retain: true });
    broker.publish({ topic: "b", payload: text(""), retain: true });
    broker.publish({ topic: "c", payload: text("nobody gets it"), qos: 1 });
    await broker.start();
    return broker;
  };
  const first = await started();
  await first.shutdown();
  first.publish({ topic: "a", payload: text("late"), retain: true });
  await Promise.resolve(); // the end of the turn
  await first.start();
  await first.shutdown();
  assertEquals(first.metrics.storeFailures, 0);
  const second = await started();
  await second.shutdown();
  const { retained, problems } = checkStore(file);
  assertEquals([retained, problems], [1, []]);
});

// What it says, and checks.

/** A logger, and what it was told. */
function recorder(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const note = (level: string) => (line: string) =>
    void lines.push(`${level} ${line.replace(/:\d{4,5} /, ":PORT ")}`);
  const logger = {
    debug: note("debug"),
    info: note("info"),
    warn: note("warn"),
    error: note("error"),
  };
  return { logger, lines };
}

const anybody =
  "Anonymous access is open: anybody who reaches these addresses " +
  "may connect; auth.allow-anonymous: false ends that";
const nobody =
  "warn Nobody can connect: anonymous access is not allowed, and " +
  "no plugin approves anybody; auth.password-file has users";
const local = "info Listener 'one' bind to 127.0.0.1:PORT (max_connections=-1)";

for (
  const [what, config, expected] of [
    ["anybody may come, from this machine", {}, [local, `info ${anybody}`]],
    [
      "anybody may come, from anywhere",
      { listeners: { one: { bind: "0.0.0.0:0", maxConnections: 2 } } },
      [
        "info Listener 'one' bind to 0.0.0.0:PORT (max_connections=2)",
        `warn ${anybody}`,
      ],
    ],
    ["nobody may come", { auth: { allowAnonymous: false } }, [local, nobody]],
    [
      "somebody may come",
      { plugins: [{ name: "own", authenticate: () => true }] },
      [local],
    ],
    [
      "the configuration is odd",
      { auth: { allowAnonymous: false }, topicCheck: { acl: {} } },
      [
        "warn topic-check is not enabled: its rules have no effect",
        local,
        nobody,
      ],
    ],
  ] as const
) {
  Deno.test(`broker says that ${what}`, async () => {
    const { logger, lines } = recorder();
    const listeners = { one: { bind: "127.0.0.1:0" } };
    await using broker = new Broker({ listeners, ...config, logger });
    await broker.start();
    assertEquals<readonly string[]>(lines, expected);
  });
}

Deno.test("broker.check() loads plugins and has them look, and neither starts them nor listens", async () => {
  const { logger, lines } = recorder();
  const asked: string[] = [];
  const broker = new Broker({
    listeners: { one: { bind: "127.0.0.1:0" } },
    logger,
    plugins: [plugin({
      check: (context) => void asked.push(`check ${context.sessions.size}`),
      start: () => void asked.push("start"),
      stop: () => void asked.push("stop"),
    })],
  });
  await broker.check();
  assertEquals([broker.status, broker.addresses], ["new", []]);
  assertEquals(asked, ["check 0"]);
  assertEquals(lines, [`info ${anybody}`]);
});

for (
  const [what, config, reason] of [
    ["a plugin cannot be loaded", { plugins: ["./none.ts"] }, "./none.ts"],
    [
      "a plugin says so",
      { plugins: [plugin({ check: failing })] },
      "no",
    ],
    [
      "there is no certificate",
      {
        listeners: {
          one: { bind: "0", ssl: true, certfile: "none.pem", keyfile: "none" },
        },
      },
      "Cannot use certfile none.pem (listener one): ",
    ],
    [
      "there is no password file",
      { auth: { passwordFile: "none" } },
      "none",
    ],
  ] as const
) {
  Deno.test(`broker.check() throws when ${what}`, async () => {
    const { logger } = recorder();
    const broker = new Broker({ listeners: {}, ...config, logger });
    await assertRejects(() => broker.check(), Error, reason);
    assertEquals(broker.status, "new");
  });
}

for (const waits of [true, false]) {
  Deno.test(`nothing is handled any more when a broker is shut down, nor of a packet whose handling was resting: ${waits ? "also later" : "no timer is left"}`, async () => {
    let asked = 0;
    const authorize = () => {
      asked++;
      return true;
    };
    await using memory = await new Memory({
      plugins: [plugin({ authorize })],
    }).start();
    const client = await memory.client(5, "many");
    const filters = Array.from({ length: 6000 }, (_, n) => `a/${n}`);
    client.send(subscribe(5, 1, filters));
    while (asked === 0) await Promise.resolve();
    await memory.broker.shutdown();
    const until = asked;
    assert(until < filters.length, `${until}`);
    // Without it the sanitizer looks for what is left.
    if (waits) await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals(asked, until);
  });
}
