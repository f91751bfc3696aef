import { assertEquals } from "@std/assert";
import {
  type BrokerConfig,
  type Change,
  MemoryStore,
  Metrics,
} from "../../broker/mod.ts";
import {
  pingreq,
  publish,
  type RawClient,
  subscribe,
  text,
} from "../_raw_client.ts";
import { Bench } from "../conformance/_bench.ts";
import { plugin } from "./_parts.ts";

type Counts = Partial<Record<keyof Metrics, number>>;

/** Those that follow the bytes and packets of whatever happens. */
const traffic = [
  "bytesReceived",
  "bytesSent",
  "packetsReceived",
  "packetsSent",
  "publishReceived",
  "publishSent",
  "queuedBytes",
] as const;

function snapshot(metrics: Metrics): Record<keyof Metrics, number> {
  return { ...metrics };
}

/** What has changed, without the traffic. */
function changes(
  before: Record<keyof Metrics, number>,
  metrics: Metrics,
): Counts {
  const counts: Counts = {};
  for (const key of Object.keys(before) as (keyof Metrics)[]) {
    const change = metrics[key] - before[key];
    const isTraffic = (traffic as readonly string[]).includes(key);
    if (change !== 0 && !isTraffic) counts[key] = change;
  }
  return counts;
}

/** A client that stays is there from the beginning: "other". */
interface Scenario {
  readonly config?: () => BrokerConfig;
  /** What happens before it is counted. */
  readonly before?: (bench: Bench) => Promise<unknown>;
  readonly act: (bench: Bench) => Promise<unknown> | void;
  readonly counts: Counts;
}

const kept = { clean: false, properties: { sessionExpiryInterval: 60 } };

/** A connection from an address. */
function visit(bench: Bench): RawClient {
  return bench.open(5, { remoteAddr: { hostname: "192.0.2.1", port: 1 } });
}

/** Subscribes a client that has stopped to read. */
async function stalled(bench: Bench, qos: number): Promise<void> {
  const client = await bench.connect(5, "stalled");
  await client.subscribe({ filter: "a", qos });
  client.connection.stall();
}

function say(bench: Bench, qos: 0 | 1 | 2, count = 1): void {
  const payload = text("x".repeat(100));
  for (let i = 0; i < count; i++) {
    bench.broker.publish({ topic: "a", payload, qos });
  }
}

const expiring = { messageExpiryInterval: 10 };

class BrokenStore extends MemoryStore {
  override record(change: Change): void {
    if (change.type === "subscribe") throw new Error("a defect");
    super.record(change);
  }
}

/** A store that cannot commit when it is told so. */
class FullStore extends MemoryStore {
  full = false;
  override commit(): void {
    if (this.full) throw new Error("the disk is full");
    super.commit();
  }
}

let full: FullStore;

/** Bytes of memory in use. */
let used = 0;

const scenarios: Record<string, Scenario> = {
  "a client connects": {
    act: (bench) => bench.connect(5, "client"),
    counts: {
      connectionsAccepted: 1,
      clientsConnected: 1,
      clientsMaximum: 1,
    },
  },
  "a client leaves": {
    before: (bench) => bench.connect(5, "client"),
    act: async (bench) => {
      await (await bench.connect(5, "client two")).disconnect();
    },
    counts: {
      connectionsAccepted: 1,
      clientsMaximum: 1,
      clientsDisconnected: 1,
    },
  },
  "a connection is refused by a limit": {
    config: () => ({ limits: { connections: 1 } }),
    act: (bench) => bench.open().untilClosed(),
    counts: { connectionsRefused: 1 },
  },
  "an address has too many connections": {
    config: () => ({ limits: { connectionsPerAddress: 1 } }),
    before: (bench) => visit(bench).connect(),
    act: (bench) => visit(bench).untilClosed(),
    counts: { connectionsRefused: 1, connectionsTooMany: 1 },
  },
  "an address comes too often": {
    config: () => ({ limits: { connectionRate: 1, connectionBurst: 1 } }),
    before: (bench) => visit(bench).connect(),
    act: (bench) => visit(bench).untilClosed(),
    counts: { connectionsRefused: 1, connectionsTooOften: 1 },
  },
  "an address fails too often": {
    config: () => ({ limits: { failures: 1 } }),
    act: async (bench) => {
      for (let i = 0; i < 2; i++) {
        await visit(bench).send("00 00").untilClosed();
      }
      await visit(bench).untilClosed();
    },
    counts: {
      connectionsAccepted: 2,
      connectionsRefused: 3,
      protocolErrors: 2,
      addressesBanned: 1,
      connectionsBanned: 1,
    },
  },
  "a client has bad credentials": {
    config: () => ({
      plugins: [plugin({ authenticate: ({ username }) => username !== "u" })],
    }),
    act: async (bench) => {
      const client = bench.open();
      await client.connect({ username: "u", password: "p" });
      await client.untilClosed();
    },
    counts: {
      connectionsAccepted: 1,
      connectionsRefused: 1,
      authenticationFailures: 1,
    },
  },
  "a connection begins with nonsense": {
    act: (bench) => bench.open().send("00 00").untilClosed(),
    counts: {
      connectionsAccepted: 1,
      connectionsRefused: 1,
      protocolErrors: 1,
    },
  },
  "a client breaks the protocol": {
    before: (bench) => bench.connect(5, "client"),
    act: async (bench) => {
      const client = await bench.connect(5, "client two");
      await client.send("00 00").untilClosed();
    },
    counts: {
      connectionsAccepted: 1,
      clientsMaximum: 1,
      clientsDisconnected: 1,
      protocolErrors: 1,
    },
  },
  "a keep alive is over": {
    before: (bench) => bench.connect(5, "client", { keepAlive: 10 }),
    act: (bench) => bench.pass(16),
    counts: {
      clientsConnected: -1,
      clientsDisconnected: 1,
      keepAliveTimeouts: 1,
    },
  },
  "a session is taken over": {
    before: (bench) => bench.connect(5, "client"),
    act: (bench) => bench.connect(5, "client"),
    counts: { connectionsAccepted: 1, clientsDisconnected: 1, takeovers: 1 },
  },
  "a session expires": {
    before: async (bench) =>
      await (await bench.connect(5, "client", kept)).disconnect(),
    act: (bench) => bench.pass(61),
    counts: { sessionsExpired: 1 },
  },
  "a message is not allowed": {
    config: () => ({ plugins: [plugin({ authorize: () => false })] }),
    act: async (bench) => {
      const client = await bench.connect(5, "other two");
      await client.publish({ topic: "a", qos: 2 });
      await client.publish({ topic: "a" });
    },
    counts: {
      connectionsAccepted: 1,
      clientsConnected: 1,
      clientsMaximum: 1,
      publishRefused: 2,
    },
  },
  "a receiver is denied messages": {
    config: () => ({ plugins: [plugin({ authorizeDelivery: () => false })] }),
    before: async (bench) => {
      bench.broker.publish({ topic: "a", payload: text("x"), retain: true });
      const client = await bench.connect(5, "client");
      await client.subscribe({ filter: "a", retainHandling: 2 });
      await client.subscribe({ filter: "b", retainHandling: 2 });
    },
    act: (bench) => say(bench, 0, 3),
    counts: { deliveriesDenied: 3 },
  },
  "a receiver is denied a retained message": {
    config: () => ({ plugins: [plugin({ authorizeDelivery: () => false })] }),
    before: async (bench) => {
      bench.broker.publish({ topic: "a", payload: text("x"), retain: true });
      await Promise.resolve();
    },
    act: async (bench) => await (await bench.connect(5, "c")).subscribe("a"),
    counts: {
      connectionsAccepted: 1,
      clientsConnected: 1,
      clientsMaximum: 1,
      deliveriesDenied: 1,
    },
  },
  "a client does not read": {
    config: () => ({ limits: { outboundBytes: 1 } }),
    before: async (bench) => {
      await stalled(bench, 0);
      say(bench, 0); // This is being written.
    },
    act: (bench) => say(bench, 0, 3),
    counts: { droppedSlow: 3 },
  },
  "a queue is full": {
    config: () => ({ limits: { queuedMessages: 2, inflight: 1 } }),
    before: async (bench) => {
      await stalled(bench, 1);
      say(bench, 1);
    },
    act: (bench) => say(bench, 1, 5),
    counts: { droppedQueueFull: 3 },
  },
  "a queue is full, and that ends the connection": {
    config: () => ({
      limits: { queuedMessages: 2, inflight: 1, queueFull: "disconnect" },
    }),
    before: async (bench) => {
      await stalled(bench, 1);
      say(bench, 1);
    },
    act: (bench) => say(bench, 1, 5),
    counts: {
      droppedQueueFull: 3,
      queueDisconnects: 1,
      clientsConnected: -1,
      clientsDisconnected: 1,
    },
  },
  "a client sends too fast": {
    config: () => ({ limits: { messageRate: 2 } }),
    before: (bench) => bench.connect(5, "client"),
    act: async (bench) => {
      const client = await bench.connect(5, "client two");
      client.send(
        ...Array.from({ length: 3 }, () => publish(5, { topic: "a" })),
      );
      await (await bench.connect(5, "client")).drain();
    },
    counts: {
      connectionsAccepted: 2,
      clientsConnected: 1,
      clientsMaximum: 1,
      clientsDisconnected: 1,
      takeovers: 1,
      throttled: 1,
    },
  },
  "the broker is short of memory": {
    config: () => ({
      limits: { memory: 100, outboundBytes: 1 },
      memoryUsed: () => used,
    }),
    before: async (bench) => {
      await stalled(bench, 0);
      say(bench, 0); // This is being written.
    },
    act: async (bench) => {
      used = 101;
      bench.pass(1);
      say(bench, 0, 3);
      used = 0;
      await bench.open().connect({ clientId: "new" });
      bench.pass(1);
    },
    counts: {
      droppedMemory: 3,
      overloads: 1,
      connectionsAccepted: 1,
      connectionsRefused: 1,
    },
  },
  "messages expire in a queue": {
    config: () => ({ limits: { inflight: 1 } }),
    before: async (bench) => {
      const client = await bench.connect(5, "client", kept);
      await client.subscribe({ filter: "a", qos: 1 });
      await client.disconnect();
      const message = { topic: "a", payload: text("x"), qos: 1 } as const;
      for (let i = 0; i < 2; i++) {
        bench.broker.publish({ ...message, properties: expiring });
      }
    },
    act: (bench) => bench.pass(11),
    counts: { droppedExpired: 2 },
  },
  "messages are too large": {
    before: async (bench) => {
      const client = await bench.connect(5, "client", {
        properties: { maximumPacketSize: 50 },
      });
      await client.subscribe({ filter: "a", qos: 1 });
    },
    act: (bench) => {
      say(bench, 0);
      say(bench, 1);
    },
    counts: { droppedTooLarge: 2 },
  },
  "subscriptions are refused": {
    config: () => ({
      limits: { topicLevels: 2 },
      plugins: [plugin({ authorize: (_, { topic }) => topic !== "secret" })],
    }),
    before: (bench) => bench.connect(5, "client"),
    act: async (bench) => {
      const client = await bench.connect(5, "client");
      await client.subscribe("a/b/c", "secret", "a");
    },
    counts: {
      connectionsAccepted: 1,
      clientsDisconnected: 1,
      takeovers: 1,
      subscriptionsRefused: 2,
    },
  },
  "a client reads nothing for too long": {
    config: () => ({ limits: { stallTimeout: 60 } }),
    before: async (bench) => {
      await stalled(bench, 0);
      say(bench, 0);
    },
    act: (bench) => {
      bench.pass(30);
      bench.pass(31);
    },
    counts: { clientsConnected: -1, clientsDisconnected: 1, stalled: 1 },
  },
  "the store fails": {
    config: () => ({ store: full = new FullStore() }),
    act: async (bench) => {
      full.full = true;
      bench.broker.publish({ topic: "a", payload: text("x") });
      await Promise.resolve(); // the end of the turn
      full.full = false;
    },
    counts: { storeFailures: 1 },
  },
  "a retained message expires": {
    before: (bench) => {
      bench.broker.publish({
        topic: "a",
        payload: text("x"),
        retain: true,
        properties: expiring,
      });
      return Promise.resolve();
    },
    act: (bench) => bench.pass(11),
    counts: { retainedExpired: 1 },
  },
  "a will is published": {
    before: (bench) =>
      bench.connect(5, "client", {
        ...kept,
        will: { topic: "a", properties: { willDelayInterval: 10 } },
      }).then((client) => client.disconnect(4)),
    act: (bench) => bench.pass(11),
    counts: { willsPublished: 1 },
  },
  "plugins fail": {
    config: () => ({
      plugins: [plugin({
        authorize: () => {
          throw new Error("no");
        },
      })],
    }),
    before: (bench) => bench.connect(5, "client"),
    act: async (bench) => {
      const client = await bench.connect(5, "client");
      await client.publish({ topic: "a", qos: 1 });
      await client.subscribe("a");
    },
    counts: {
      connectionsAccepted: 1,
      clientsDisconnected: 1,
      takeovers: 1,
      publishRefused: 1,
      subscriptionsRefused: 1,
      pluginFailures: 2,
    },
  },
  "the broker has a defect": {
    config: () => ({ store: new BrokenStore() }),
    before: (bench) => bench.connect(5, "client", kept),
    act: async (bench) => {
      const client = await bench.connect(5, "client", kept);
      await client.send(subscribe(5, 1, ["a"])).untilClosed();
    },
    counts: {
      connectionsAccepted: 1,
      clientsConnected: -1,
      clientsDisconnected: 2,
      takeovers: 1,
      internalErrors: 1,
    },
  },
};

for (
  const [what, { config, before, act, counts }] of Object.entries(scenarios)
) {
  Deno.test(`metrics count what happens when ${what}, and nothing else`, async () => {
    await using bench = await Bench.start(config?.());
    const other = await bench.connect(5, "other");
    await before?.(bench);
    await other.drain();
    const { metrics } = bench.broker;
    const start = snapshot(metrics);
    await act(bench);
    await other.drain();
    // A connection that has ended is closed when all is written.
    bench.pass(6);
    const { clientsConnected } = counts;
    assertEquals(changes(start, metrics), {
      ...counts,
      // Whoever is connected in the end is a client.
      ...(clientsConnected ? { connectionsOpen: clientsConnected } : {}),
    });
    metrics.internalErrors = 0; // None but those that were provoked.
  });
}

Deno.test("metrics count bytes and packets in both directions", async () => {
  await using bench = await Bench.start();
  const client = await bench.connect(4, "client");
  await client.subscribe({ filter: "a", qos: 1 });
  const start = snapshot(bench.broker.metrics);
  const bytes = publish(4, { topic: "a", qos: 1, payload: "x", packetId: 7 });
  client.send(bytes, pingreq);
  await client.next("publish");
  await client.next("puback");
  await client.next("pingresp");
  const counted = traffic.filter((key) => key !== "queuedBytes").map((key) =>
    bench.broker.metrics[key] - start[key]
  );
  const received = bytes.length + 2;
  // the same PUBLISH, a PUBACK and a PINGRESP
  const sent = bytes.length + 4 + 2;
  assertEquals(counted, [received, sent, 2, 3, 1, 1]);
});

Deno.test("metrics are all 0 at first, and all are counted in these tests", () => {
  const metrics = new Metrics();
  assertEquals(new Set(Object.values(metrics)), new Set([0]));
  const covered = new Set<string>([
    ...Object.values(scenarios).flatMap(({ counts }) => Object.keys(counts)),
    ...traffic,
    "connectionsOpen",
    "acceptFailures", // acceptor_test.ts
    "handshakesFailed", // connection_test.ts
  ]);
  assertEquals([...covered].sort(), Object.keys(metrics).sort());
});
