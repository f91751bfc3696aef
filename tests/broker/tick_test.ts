import { assertEquals } from "@std/assert";
import { Broker } from "../../broker/mod.ts";
import { tick } from "../../broker/_tick.ts";
import type { BrokerState } from "../../broker/_state.ts";
import { pingreq, publish, text } from "../_raw_client.ts";
import {
  assertDisconnected,
  every,
  test,
  testIn,
} from "../conformance/_bench.ts";
import { Parts, plugin } from "./_parts.ts";

/** Keep alives, what is added to them, and the silence that is allowed. */
const keepAlives: readonly [
  keepAlive: number,
  delay: number | undefined,
  allowed: number,
][] = [
  [10, undefined, 15],
  [1, undefined, 1.5],
  [65_535, undefined, 98_302.5],
  [10, 2, 12],
  [10, 0, 10],
  [10, 0.5, 10.5],
];

for (const [keepAlive, timeoutDisconnectDelay, allowed] of keepAlives) {
  testIn(
    every,
    `connection ends after ${allowed} s of silence when the keep alive is ${keepAlive} s and timeoutDisconnectDelay ${timeoutDisconnectDelay} [MQTT-3.1.2-22] [MQTT311-3.1.2-24]`,
    async (bench, version) => {
      const client = await bench.connect(version, "client", { keepAlive });
      const { metrics } = bench.broker;
      for (let i = 0; i < 3; i++) {
        bench.pass(allowed);
        client.send(pingreq);
        await client.next("pingresp");
      }
      bench.pass(allowed);
      assertEquals(metrics.keepAliveTimeouts, 0);
      bench.pass(0.001);
      assertEquals(metrics.keepAliveTimeouts, 1);
      await assertDisconnected(client, 0x8d);
      assertEquals(metrics.clientsConnected, 0);
    },
    () =>
      timeoutDisconnectDelay === undefined ? {} : {
        timeoutDisconnectDelay,
      },
  );
}

testIn(
  every,
  "connection never ends for its silence when the keep alive is 0 [MQTT-3.1.2-22]",
  async (bench, version) => {
    const client = await bench.connect(version, "client", { keepAlive: 0 });
    for (let i = 0; i < 10; i++) bench.pass(1e6);
    assertEquals(await client.drain(), []);
  },
);

test(
  "connection ends without CONNECT after connectTimeout, though bytes come",
  async (bench) => {
    const silent = bench.open();
    const slow = bench.open();
    const other = await bench.connect(5, "other");
    for (let i = 0; i < 4; i++) {
      slow.send(["10", "20", "00", "04"][i]!);
      await other.drain();
      bench.pass(1);
    }
    assertEquals(bench.broker.metrics.connectionsOpen, 3);
    bench.pass(0.001);
    for (const client of [silent, slow]) {
      assertEquals(await client.untilClosed(), []);
    }
    assertEquals(await other.drain(), []);
    assertEquals(bench.broker.metrics.connectionsRefused, 2);
  },
  () => ({ limits: { connectTimeout: 4 } }),
);

test("session ends at its time, and not while its client is connected [MQTT-3.1.2-23] [MQTT-4.1.0-2]", async (bench) => {
  const fields = { clean: false, properties: { sessionExpiryInterval: 60 } };
  const present = async (): Promise<boolean | undefined> => {
    const client = await bench.connect(5, "client", fields);
    bench.pass(1000);
    await client.disconnect();
    return client.connack?.sessionPresent;
  };
  assertEquals(await present(), false);
  bench.pass(59.999);
  assertEquals(await present(), true);
  bench.pass(60);
  assertEquals(bench.broker.metrics.sessionsExpired, 1);
  assertEquals(await present(), false);
});

for (
  const [delay, expiry, expected] of [
    [10, 60, 10],
    [60, 10, 10],
    [10, 0, 0],
    [0, 60, 0],
    [0xffff_ffff, 0xffff_ffff, 0xffff_ffff],
  ] as const
) {
  test(`will is published after ${expected} s when its delay is ${delay} s and the session expiry ${expiry} s [MQTT-3.1.3-9] [MQTT-3.1.2-8]`, async (bench) => {
    const witness = await bench.connect(5, "witness");
    await witness.subscribe("will");
    const client = await bench.connect(5, "client", {
      properties: { sessionExpiryInterval: expiry },
      will: { topic: "will", properties: { willDelayInterval: delay } },
    });
    client.drop();
    await witness.drain();
    if (expected > 0) {
      bench.pass(expected - 0.001);
      assertEquals(await witness.collect(), []);
      bench.pass(0.001);
      assertEquals((await witness.collect()).length, 1);
    }
    const { willsPublished } = bench.broker.metrics;
    assertEquals(willsPublished, 1);
  });
}

test("will is not published when its client comes back in time [MQTT-3.1.3-9]", async (bench) => {
  const fields = { clean: false, properties: { sessionExpiryInterval: 60 } };
  const will = { topic: "will", properties: { willDelayInterval: 10 } };
  const witness = await bench.connect(5, "witness");
  await witness.subscribe("will");
  (await bench.connect(5, "client", { ...fields, will })).drop();
  await witness.drain();
  bench.pass(9.999);
  await bench.connect(5, "client", fields);
  bench.pass(1000);
  assertEquals(await witness.collect(), []);
});

test("retained message expires in memory and is counted [MQTT-3.3.2-5]", async (bench) => {
  bench.broker.publish({
    topic: "a",
    payload: text("x"),
    retain: true,
    properties: { messageExpiryInterval: 10 },
  });
  bench.pass(9.999);
  assertEquals(bench.broker.metrics.retainedExpired, 0);
  bench.pass(0.001);
  assertEquals(bench.broker.metrics.retainedExpired, 1);
  const client = await bench.connect(5, "client");
  await client.subscribe("a");
  assertEquals(await client.collect(), []);
});

Deno.test("tick looks at everything and has the turn committed", async () => {
  const parts = new Parts();
  const seen: number[] = [];
  const peer = { tick: (now: number) => seen.push(now) };
  (parts.connections as Set<unknown>).add(peer);
  const session = parts.session("client", 10);
  session.expiresAt = parts.time;
  parts.retained.update(parts.message("a", {
    properties: { messageExpiryInterval: 0 },
  }));
  const state: BrokerState = parts;
  tick(state);
  assertEquals(seen, [parts.time]);
  assertEquals([parts.sessions.size, parts.retained.size], [0, 0]);
  assertEquals(parts.store.commits, 0);
  await Promise.resolve();
  assertEquals(parts.store.commits, 1);
});

Deno.test("tick goes on when a client's state brings out a defect, which is told", () => {
  const parts = new Parts();
  const seen: string[] = [];
  const peer = (clientId: string, act: () => void) => ({ clientId, tick: act });
  const connections = parts.connections as Set<unknown>;
  connections.add(peer("one", () => {
    throw new Error("a defect");
  }));
  connections.add(peer("two", () => seen.push("two")));
  tick(parts);
  assertEquals([seen, parts.metrics.internalErrors], [["two"], 1]);
});

const answer = Promise.withResolvers<boolean>();

test(
  "connection does not end for its silence while a plugin makes it wait",
  async (bench) => {
    const client = await bench.connect(5, "client", { keepAlive: 10 });
    const other = await bench.connect(5, "other");
    client.send(publish(5, { topic: "slow", qos: 1 }));
    await other.drain();
    bench.pass(100);
    client.send(pingreq);
    answer.resolve(true);
    await client.next("puback");
    await client.next("pingresp");
    bench.pass(10);
    assertEquals(bench.broker.metrics.keepAliveTimeouts, 0);
  },
  () => ({
    plugins: [plugin({
      authorize: (_, { topic }) => topic === "slow" ? answer.promise : true,
    })],
  }),
);

Deno.test("broker looks at the deadlines twice a second by itself, from start to shutdown", async () => {
  const timers = new Map<number, [callback: () => void, delay: number]>();
  const real = { setInterval, clearInterval };
  let swept = 0;
  const broker = new Broker({
    listeners: {},
    now: () => {
      swept++;
      return 0;
    },
  });
  Object.assign(globalThis, {
    setInterval: (callback: () => void, delay: number) => {
      timers.set(timers.size + 1, [callback, delay]);
      return timers.size;
    },
    clearInterval: (id: number) => timers.delete(id),
  });
  try {
    await broker.start();
    const [[callback, delay]] = [...timers.values()] as [[() => void, number]];
    assertEquals([timers.size, delay], [1, 500]);
    const before = swept;
    callback();
    assertEquals(swept > before, true);
    await broker.shutdown();
    assertEquals(timers.size, 0);
  } finally {
    Object.assign(globalThis, real);
  }
});
