/**
 * What a broker keeps in its store, and when: the contract of `Store`, seen
 * from outside, for each kind of store.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Broker,
  type BrokerConfig,
  type Change,
  type Store,
} from "../../broker/mod.ts";
import { publish, type RawClient, type Version } from "../_raw_client.ts";
import { Bench, every, testIn as testWith } from "../conformance/_bench.ts";

const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } };

/** A store whose commits can be watched and made to fail. */
class FragileStore implements Store {
  readonly #inner: Store;
  /** The types of what was recorded since the last commit. */
  turn: Change["type"][] = [];
  broken = false;
  onCommit: ((turn: readonly Change["type"][]) => void) | undefined;

  constructor(inner: Store) {
    this.#inner = inner;
  }

  load(): ReturnType<Store["load"]> {
    return this.#inner.load();
  }

  record(change: Change): void {
    this.turn.push(change.type);
    this.#inner.record(change);
  }

  commit(): void {
    if (this.broken) throw new Error("The disk is full");
    this.onCommit?.(this.turn);
    this.turn = [];
    this.#inner.commit();
  }

  close(): ReturnType<Store["close"]> {
    return this.#inner.close();
  }
}

/** Requests that change what a store keeps, and what confirms them. */
const requests: readonly [
  what: string,
  request: (version: Version) => Uint8Array | string,
  change: Change["type"],
][] = [
  [
    "PUBLISH of QoS 1",
    (version) =>
      publish(version, { topic: "a", qos: 1, packetId: 7, payload: "x" }),
    "enqueue",
  ],
  [
    "PUBLISH of QoS 2",
    (version) =>
      publish(version, { topic: "b", qos: 2, packetId: 7, payload: "x" }),
    "receive",
  ],
  [
    "retained PUBLISH",
    (version) =>
      publish(version, {
        topic: "b",
        qos: 1,
        packetId: 7,
        payload: "x",
        retain: true,
      }),
    "retain",
  ],
  [
    "SUBSCRIBE",
    (version) =>
      version === 5 ? "82 07 0007 00 0001 'z' 01" : "82 06 0007 0001 'z' 01",
    "subscribe",
  ],
  [
    "UNSUBSCRIBE",
    (version) =>
      version === 5 ? "a2 06 0007 00 0001 'y'" : "a2 05 0007 0001 'y'",
    "unsubscribe",
  ],
  ["PUBREC", () => "50 02 0001", "release"],
];

/** A client whose requests all change the store, and one that is away. */
async function prepare(bench: Bench, version: Version): Promise<RawClient> {
  const away = await bench.connect(version, "away", kept);
  await away.subscribe({ filter: "a", qos: 1 });
  await away.disconnect();
  const client = await bench.connect(version, "client", kept);
  await client.subscribe({ filter: "y", qos: 2 });
  await client.publish({ topic: "y", qos: 2 });
  assertEquals((await client.next("publish")).packetId, 1);
  return client;
}

/** Tests what a store of this kind does for a broker. */
export function storeContract(name: string, make: () => Store): void {
  const testIn = (
    versions: readonly Version[],
    what: string,
    run: (bench: Bench, version: Version) => Promise<void>,
  ): void => testWith(versions, what, run, () => ({ store: make() }));
  testIn(
    every,
    `${name} brings sessions and their subscriptions back`,
    async (bench, version) => {
      const client = await bench.connect(version, "client", kept);
      await client.subscribe({ filter: "a/+", qos: 2 }, "b", "c", "$share/g/s");
      await client.subscribe({ filter: "b", qos: 1 });
      await client.unsubscribe("c");
      const brief = await bench.connect(version, "brief");
      await brief.subscribe({ filter: "#", qos: 1 });
      for (let round = 0; round < 2; round++) {
        await bench.restart();
        const publisher = await bench.connect(version, "publisher");
        for (const topic of ["a/x", "b", "c", "s"]) {
          await publisher.publish({ topic, qos: 2, payload: topic });
        }
        const again = await bench.connect(version, "client", kept);
        if (version > 3) assertEquals(again.connack!.sessionPresent, true);
        assertEquals(
          (await again.collect()).map(({ topic, qos }) => [topic, qos]),
          [["a/x", 2], ["b", 1]],
        );
        await publisher.publish({ topic: "a/y", payload: "live" });
        assertEquals(await again.payloads(), ["live"]);
      }
      const back = await bench.connect(version, "brief", { clean: false });
      assertEquals(back.connack!.sessionPresent, false);
      await back.publish({ topic: "a", payload: "x" });
      assertEquals(await back.payloads(), []);
    },
  );

  Deno.test(`${name} brings the options of subscriptions back`, async () => {
    await using bench = await Bench.start({ store: make() });
    const client = await bench.connect(5, "client", kept);
    await client.subscribeWith({ subscriptionIdentifier: [300] }, {
      filter: "a",
      qos: 1,
      noLocal: true,
      retainAsPublished: true,
    });
    await client.subscribe({ filter: "b", qos: 1 });
    await bench.restart();
    const publisher = await bench.connect(5, "publisher");
    const again = await bench.connect(5, "client", kept);
    for (const topic of ["a", "b"]) {
      for (const from of [publisher, again]) {
        await from.publish({
          topic,
          qos: 2,
          payload: from.version + "",
          retain: true,
        });
      }
    }
    assertEquals(
      (await again.collect()).map(({ topic, qos, retain, properties }) => [
        topic,
        qos,
        retain,
        properties.subscriptionIdentifier,
      ]),
      [
        ["a", 1, true, [300]],
        ["b", 1, false, undefined],
        ["b", 1, false, undefined],
      ],
    );
    // it is the same subscription that exists: Retain Handling 1
    await again.subscribe({ filter: "b", retainHandling: 1 });
    assertEquals(await again.payloads(), []);
  });

  testIn(
    every,
    `${name} brings queued messages and those on their way back, these with DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.6.0-1] [MQTT311-4.4.0-1]`,
    async (_, version) => {
      await using bench = await Bench.start({ limits: { inflight: 6 } });
      const publisher = await bench.connect(version, "publisher");
      const client = await bench.connect(version, "client", kept);
      await client.subscribe({ filter: "a", qos: 2 });
      const ids: number[] = [];
      for (let at = 0; at < 10; at++) {
        await publisher.publish({
          topic: "a",
          qos: 1 + at % 2,
          payload: `${at}`,
        });
        if (at < 6) ids.push((await client.next("publish")).packetId);
      }
      // 0 is done, so 6 is on its way; 1 is released
      client.acknowledge("puback", ids[0]!);
      ids.push((await client.next("publish")).packetId);
      client.acknowledge("pubrec", ids[1]!);
      await client.next("pubrel");
      for (let round = 0; round < 2; round++) {
        await bench.restart();
        const again = await bench.connect(version, "client", kept);
        const packets = await again.drain();
        assertEquals(
          packets.map((one) =>
            one.type === "publish"
              ? [one.payload, one.qos, one.packetId, one.dup]
              : [one.type, "packetId" in one && one.packetId]
          ),
          [
            ["pubrel", ids[1]!],
            ...[2, 3, 4, 5, 6].map((
              at,
            ) => [`${at}`, 1 + at % 2, ids[at]!, true]),
          ],
        );
        assertEquals(await again.drain(), []);
      }
      const again = await bench.connect(version, "client", kept);
      assertEquals(await again.payloads(), [
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
      ]);
      await bench.restart();
      const last = await bench.connect(version, "client", kept);
      assertEquals(await last.drain(), []);
    },
  );

  testIn(
    [5],
    `${name} forgets a delivery that the client refuses, before or after it has released it [MQTT-4.4.0-2]`,
    async (bench, version) => {
      const client = await bench.connect(version, "client", kept);
      await client.subscribe({ filter: "a", qos: 2 });
      for (const late of [false, true]) {
        await client.publish({ topic: "a", qos: 2 });
        const { packetId } = await client.next("publish");
        if (late) {
          client.acknowledge("pubrec", packetId);
          await client.next("pubrel");
        }
        client.acknowledge("pubrec", packetId, 0x80);
        assertEquals(await client.drain(), []);
      }
      await bench.restart();
      const again = await bench.connect(version, "client", kept);
      assertEquals(await again.drain(), []);
    },
  );

  Deno.test(`${name} forgets a message that is too large for its client [MQTT-3.1.2-25]`, async () => {
    await using bench = await Bench.start({ store: make() });
    const client = await bench.connect(5, "client", kept);
    await client.subscribe({ filter: "a", qos: 2 });
    const publisher = await bench.connect(5, "publisher");
    // one is on its way, the other waits
    await publisher.publish({ topic: "a", qos: 2, payload: "x".repeat(200) });
    await client.next("publish");
    await client.disconnect();
    await publisher.publish({ topic: "a", qos: 1, payload: "y".repeat(200) });
    const small = await bench.connect(5, "client", {
      clean: false,
      properties: { sessionExpiryInterval: 1000, maximumPacketSize: 100 },
    });
    assertEquals(await small.drain(), []);
    await bench.restart();
    const again = await bench.connect(5, "client", kept);
    assertEquals(await again.drain(), []);
  });

  Deno.test(`${name} forgets messages that have expired [MQTT-3.3.2-5]`, async () => {
    const store = make();
    await using bench = await Bench.start({ store });
    const client = await bench.connect(5, "client", kept);
    await client.subscribe({ filter: "#", qos: 1 });
    await client.disconnect();
    const publisher = await bench.connect(5, "publisher");
    for (const topic of ["a", "b"]) {
      await publisher.publish({
        topic,
        qos: 1,
        payload: "x",
        retain: true,
        properties: { messageExpiryInterval: 10 },
      });
    }
    const types = (): Promise<string[]> =>
      Array.fromAsync(store.load(), ({ type }) => type);
    const one = [
      "retain",
      "retain",
      "session",
      "subscribe",
      "enqueue",
      "enqueue",
    ];
    assertEquals(await types(), one);
    bench.pass(11);
    const again = await bench.connect(5, "client", kept);
    assertEquals(await again.drain(), []);
    assertEquals(await types(), ["session", "subscribe"]);
  });

  testIn(
    every,
    `${name} gives no new message the identifier of one on its way [MQTT-2.2.1-4]`,
    async (bench, version) => {
      const client = await bench.connect(version, "client", kept);
      await client.subscribe({ filter: "a", qos: 1 });
      const publisher = await bench.connect(version, "publisher");
      for (const payload of ["1", "2", "3"]) {
        await publisher.publish({ topic: "a", qos: 1, payload });
      }
      const old = (await client.drain()).map((one) =>
        one.type === "publish" ? one.packetId : 0
      );
      client.acknowledge("puback", old[2]!);
      await client.drain();
      await bench.restart();
      const again = await bench.connect(version, "client", kept);
      assertEquals((await again.drain()).length, 2);
      const other = await bench.connect(version, "publisher");
      for (let at = 0; at < 20; at++) {
        await other.publish({ topic: "a", qos: 1 });
        const { packetId, dup } = await again.next("publish");
        assert(!dup && !old.slice(0, 2).includes(packetId), `${packetId}`);
      }
    },
  );

  testIn(
    every,
    `${name} brings received QoS 2 identifiers back [MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT311-4.3.3-2]`,
    async (bench, version) => {
      const watcher = await bench.connect(version, "watcher", kept);
      await watcher.subscribe({ filter: "a", qos: 1 });
      const client = await bench.connect(version, "client", kept);
      for (const packetId of [5, 6, 7]) {
        const payload = `${packetId}`;
        client.send(
          publish(version, { topic: "a", qos: 2, packetId, payload }),
        );
        await client.next("pubrec");
      }
      client.acknowledge("pubrel", 6);
      await client.next("pubcomp");
      await bench.restart();
      const again = await bench.connect(version, "client", kept);
      for (const packetId of [5, 6, 7]) {
        const message = { topic: "a", qos: 2, packetId, dup: packetId !== 6 };
        again.send(
          publish(version, { ...message, payload: `${packetId} again` }),
        );
        await again.next("pubrec");
        again.acknowledge("pubrel", packetId);
        assertEquals((await again.next("pubcomp")).code, 0);
      }
      const back = await bench.connect(version, "watcher", kept);
      assertEquals(await back.payloads(), ["5", "6", "7", "6 again"]);
    },
  );

  testIn(
    every,
    `${name} brings retained messages back, with their properties [MQTT-3.3.1-5]`,
    async (bench, version) => {
      const properties = {
        messageExpiryInterval: 100,
        contentType: "text",
        correlationData: Uint8Array.of(1, 0, 2),
        userProperty: [["b", "1"], ["a", "2"]] as [string, string][],
      };
      const client = await bench.connect(version, "client");
      for (
        const [topic, payload, qos] of [
          ["a", "1", 2],
          ["b", "2", 1],
          ["c", "3", 0],
          ["b", "", 0],
          ["a", "4", 1],
        ] as const
      ) {
        await client.publish({ topic, payload, qos, retain: true, properties });
      }
      await bench.restart();
      bench.pass(30);
      const late = await bench.connect(version, "late");
      await late.subscribe({ filter: "#", qos: 2 });
      assertEquals(
        (await late.collect()).map((
          { topic, payload, qos, retain, properties: p },
        ) => [topic, payload, qos, retain, p]).toSorted(),
        [["a", "4", 1], ["c", "3", 0]].map((one) => [
          ...one,
          true,
          version === 5 ? { ...properties, messageExpiryInterval: 70 } : {},
        ]),
      );
      await late.publish({ topic: "a", retain: true });
      await bench.restart();
      bench.pass(80);
      const last = await bench.connect(version, "last");
      await last.subscribe("#");
      assertEquals(
        await last.payloads(),
        version === 5 ? [] : ["3"],
      );
    },
  );

  Deno.test(`${name} keeps the time of sessions and messages running while the broker is down [MQTT-4.1.0-2] [MQTT-3.3.2-5]`, async () => {
    await using bench = await Bench.start({ store: make() });
    const publisher = await bench.connect(5, "publisher");
    for (
      const [id, sessionExpiryInterval] of [["short", 10], [
        "long",
        100,
      ]] as const
    ) {
      const client = await bench.connect(5, id, {
        properties: { sessionExpiryInterval },
      });
      await client.subscribe({ filter: "a", qos: 1 });
      await client.disconnect();
    }
    const connected = await bench.connect(5, "connected", {
      properties: { sessionExpiryInterval: 10 },
    });
    for (const messageExpiryInterval of [5, 50]) {
      await publisher.publish({
        topic: "a",
        qos: 1,
        payload: `${messageExpiryInterval}`,
        properties: { messageExpiryInterval },
      });
    }
    assertEquals(await connected.drain(), []);
    bench.time += 1000;
    await bench.restart();
    bench.pass(10);
    const present = async (id: string): Promise<RawClient | undefined> => {
      const client = await bench.connect(5, id, kept);
      return client.connack!.sessionPresent ? client : undefined;
    };
    assertEquals(await present("short"), undefined);
    const long = await present("long");
    assertEquals(
      (await long!.collect()).map((
        { payload, properties },
      ) => [payload, properties]),
      [["50", { messageExpiryInterval: 39 }]],
    );
    await bench.restart();
    bench.pass(2000);
    assertEquals(await present("long"), undefined);
  });

  Deno.test(`${name} ends a session that was connected when the broker stopped by its expiry interval [MQTT-4.1.0-2]`, async () => {
    for (const [away, lives] of [[9, true], [11, false]] as const) {
      await using bench = await Bench.start({ store: make() });
      await bench.connect(5, "client", {
        properties: { sessionExpiryInterval: 10 },
      });
      await bench.restart();
      bench.pass(away);
      const { connack } = await bench.connect(5, "client", kept);
      assertEquals(connack!.sessionPresent, lives);
    }
  });

  Deno.test(`${name} brings a will back that waits for its delay [MQTT-3.1.2-8]`, async () => {
    await using bench = await Bench.start({ store: make() });
    const client = await bench.connect(5, "client", {
      will: {
        topic: "will",
        payload: "gone",
        qos: 1,
        properties: { willDelayInterval: 60, contentType: "text" },
      },
      properties: { sessionExpiryInterval: 1000 },
    });
    client.drop();
    const watcher = await bench.connect(5, "watcher", kept);
    await watcher.subscribe({ filter: "will", qos: 1 });
    bench.pass(10);
    await bench.restart();
    const again = await bench.connect(5, "watcher", kept);
    bench.pass(45);
    assertEquals(await again.drain(), []);
    bench.pass(10);
    assertEquals(
      (await again.collect()).map((one) => [one.payload, one.properties]),
      [["gone", { contentType: "text" }]],
    );
    await bench.restart();
    const last = await bench.connect(5, "watcher", kept);
    bench.pass(100);
    assertEquals(await last.drain(), []);
  });

  testIn(
    every,
    `${name} forgets a session that a Clean Start ended [MQTT-3.1.2-4]`,
    async (bench, version) => {
      const client = await bench.connect(version, "client", kept);
      await client.subscribe({ filter: "a", qos: 1 });
      await client.disconnect();
      await (await bench.connect(version, "client")).disconnect();
      await bench.restart();
      const again = await bench.connect(version, "client", kept);
      assertEquals(again.connack!.sessionPresent, false);
      await again.publish({ topic: "a", qos: 1 });
      assertEquals(await again.drain(), []);
    },
  );

  Deno.test(`${name} and a broker that is stopped and started again: the same object serves`, async () => {
    await using bench = await Bench.start({ store: make() });
    const client = await bench.connect(5, "client", kept);
    await client.subscribe({ filter: "a", qos: 1 });
    client.drop();
    const { broker } = bench;
    await broker.shutdown();
    await broker.start();
    assertEquals(broker.status, "started");
    broker.publish({ topic: "a", payload: new Uint8Array(1), qos: 1 });
    await bench.restart();
    const again = await bench.connect(5, "client", kept);
    assertEquals((await again.collect()).length, 1);
  });

  testIn(
    [4, 5],
    `${name} does not take a QoS 2 message for received that a policy has not decided on [MQTT-4.3.3-10] [MQTT-4.5.0-1]`,
    async (_, version) => {
      let gate = Promise.withResolvers<boolean>();
      await using bench = await Bench.start({
        plugins: [{
          name: "slow",
          authorize: ({ clientId }) =>
            clientId === "slow" ? gate.promise : undefined,
        }],
        limits: { shutdownTimeout: 0 },
      });
      const watcher = await bench.connect(version, "watcher", kept);
      await watcher.subscribe({ filter: "a", qos: 2 });
      const slow = await bench.connect(version, "slow", kept);
      const message = { topic: "a", qos: 2, packetId: 9, payload: "once" };
      slow.send(publish(version, message));
      await watcher.drain();
      await bench.restart();
      // it was never acknowledged: it comes again
      gate.resolve(true);
      gate = Promise.withResolvers();
      gate.resolve(true);
      const again = await bench.connect(version, "slow", kept);
      again.send(publish(version, { ...message, dup: true }));
      await again.next("pubrec");
      again.acknowledge("pubrel", 9);
      await again.next("pubcomp");
      const back = await bench.connect(version, "watcher", kept);
      assertEquals(await back.payloads(), ["once"]);
    },
  );

  testIn(
    [4, 5],
    `${name} keeps what a policy decides late out of a session that came after [MQTT-4.3.3-10] [MQTT-3.1.2-4]`,
    async (_, version) => {
      const gate = Promise.withResolvers<boolean>();
      await using bench = await Bench.start({
        plugins: [{
          name: "slow",
          authorize: (_client, { topic }) =>
            topic === "slow" ? gate.promise : undefined,
        }],
      });
      const watcher = await bench.connect(version, "watcher", kept);
      await watcher.subscribe({ filter: "#", qos: 2 });
      const first = await bench.connect(version, "client", kept);
      first.send(publish(version, { topic: "slow", qos: 2, packetId: 9 }));
      await watcher.drain();
      const ended = await bench.connect(version, "client");
      await ended.disconnect();
      await bench.connect(version, "client", kept);
      gate.resolve(true);
      assertEquals((await watcher.next("publish")).topic, "slow");
      await bench.restart();
      const again = await bench.connect(version, "client", kept);
      await again.publish({ topic: "new", qos: 2, packetId: 9 });
      const back = await bench.connect(version, "watcher", kept);
      assertEquals((await back.collect()).map(({ topic }) => topic), [
        "slow",
        "new",
      ]);
    },
  );

  for (const [what, request, change] of requests) {
    testIn(
      every,
      `${name} commits before the broker confirms a ${what}`,
      async (_, version) => {
        const store = new FragileStore(make());
        await using bench = await Bench.start({ store });
        const client = await prepare(bench, version);
        const turns: (readonly Change["type"][])[] = [];
        store.onCommit = (turn) => {
          turns.push(turn);
          assertEquals(client.connection.unreceived, 0, "confirmed before");
        };
        client.send(request(version));
        const answer = await client.nextOrEnd();
        store.onCommit = undefined;
        assertEquals("packetId" in answer! && answer.packetId > 0, true);
        assert(turns.some((turn) => turn.includes(change)), `no ${change}`);
      },
    );

    testIn(
      every,
      `${name} that fails: the broker closes without confirming a ${what}, and goes on when the store does [MQTT311-4.8.0-2]`,
      async (_, version) => {
        const store = new FragileStore(make());
        await using bench = await Bench.start({ store });
        const client = await prepare(bench, version);
        const idle = await bench.connect(version, "idle");
        store.broken = true;
        client.send(request(version));
        assertEquals(await client.untilClosed(), []);
        store.broken = false;
        assertEquals(await idle.drain(), []);
        assert(bench.broker.metrics.storeFailures > 0, "it is not counted");
        const again = await bench.connect(version, "client", kept);
        await again.collect();
        await again.publish({ topic: "z", qos: 1 });
        await again.collect();
        assertEquals(await idle.drain(), []);
      },
    );
  }

  testIn(
    every,
    `${name} that fails takes the receivers of the turn with it, not the others`,
    async (_, version) => {
      const store = new FragileStore(make());
      await using bench = await Bench.start({ store });
      const client = await bench.connect(version, "client", kept);
      const receiver = await bench.connect(version, "receiver", kept);
      await receiver.subscribe({ filter: "a", qos: 1 });
      const other = await bench.connect(version, "other", kept);
      await other.subscribe({ filter: "b", qos: 1 });
      store.broken = true;
      client.send(publish(version, { topic: "a", qos: 1, payload: "x" }));
      assertEquals(await client.untilClosed(), []);
      assertEquals(await receiver.untilClosed(), []);
      store.broken = false;
      await other.publish({ topic: "b", qos: 1, payload: "y" });
      assertEquals(await other.payloads(), ["y"]);
    },
  );

  testIn(
    every,
    `${name} that fails for a while has everything in the end, once [MQTT-4.3.3-10] [MQTT-4.5.0-1]`,
    async (_, version) => {
      const store = new FragileStore(make());
      await using bench = await Bench.start({ store });
      const away = await bench.connect(version, "away", kept);
      await away.subscribe({ filter: "a", qos: 2 });
      await away.disconnect();
      const message = { topic: "a", qos: 2, packetId: 9, payload: "once" };
      const client = await bench.connect(version, "client", kept);
      store.broken = true;
      client.send(publish(version, message));
      assertEquals(await client.untilClosed(), []);
      store.broken = false;
      const again = await bench.connect(version, "client", kept);
      again.send(publish(version, { ...message, dup: true }));
      await again.next("pubrec");
      again.acknowledge("pubrel", 9);
      await again.next("pubcomp");
      await bench.restart();
      const back = await bench.connect(version, "away", kept);
      assertEquals(await back.payloads(), ["once"]);
    },
  );

  testIn(
    every,
    `${name} that fails: no session is confirmed that it has not`,
    async (_, version) => {
      const store = new FragileStore(make());
      await using bench = await Bench.start({ store });
      store.broken = true;
      const client = bench.open(version);
      await assertRejects(() =>
        client.connect({ clientId: "client", ...kept })
      );
      store.broken = false;
      await bench.connect(version, "client", kept);
    },
  );

  testIn(
    every,
    `${name} is not told of what does not outlive a connection`,
    async (_, version) => {
      const store = new FragileStore(make());
      await using bench = await Bench.start({ store });
      const client = await bench.connect(version, "client", {
        will: { topic: "will" },
      });
      await client.subscribe({ filter: "a", qos: 2 });
      for (const qos of [0, 1, 2]) await client.publish({ topic: "a", qos });
      await client.collect();
      await client.unsubscribe("a");
      client.drop();
      const other = await bench.connect(version, "other");
      await other.drain();
      const seen: string[] = [];
      store.onCommit = (turn) => void seen.push(...turn);
      await other.subscribe({ filter: "a", qos: 2 });
      await other.publish({ topic: "a", qos: 2 });
      await other.collect();
      assertEquals(seen, []);
    },
  );

  Deno.test(`${name} that cannot be read keeps the broker from starting`, async () => {
    const states: BrokerConfig["store"][] = [
      Object.assign(new FragileStore(make()), {
        load: () => {
          throw new Error("unreadable");
        },
      }),
      Object.assign(new FragileStore(make()), {
        async *load(): AsyncGenerator<Change> {
          await Promise.resolve();
          yield { type: "session_end", clientId: "nobody" };
          throw new Error("unreadable");
        },
      }),
    ];
    for (const store of states) {
      const broker = new Broker({ listeners: {}, store: store! });
      await assertRejects(() => broker.start(), Error, "unreadable");
      assertEquals(broker.status, "not_started");
    }
  });

  Deno.test(`${name} may be read asynchronously`, async () => {
    const inner = make();
    {
      await using bench = await Bench.start({ store: inner });
      const client = await bench.connect(5, "client", kept);
      await client.subscribe({ filter: "a", qos: 1 });
      await client.publish({ topic: "b", payload: "x", retain: true });
    }
    const store: Store = {
      async *load() {
        for await (const change of inner.load()) {
          await Promise.resolve();
          yield change;
        }
      },
      record: (change) => inner.record(change),
      commit: () => inner.commit(),
      close: () => inner.close(),
    };
    await using bench = await Bench.start({ store });
    const again = await bench.connect(5, "client", kept);
    assertEquals(again.connack!.sessionPresent, true);
    await again.subscribe("b");
    assertEquals(await again.payloads(), ["x"]);
  });
}
