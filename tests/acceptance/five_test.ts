/**
 * What MQTT 5.0 has that was not there before, on the broker's side: a test for
 * each clause of what was promised. The statements one by one are proved in
 * `../conformance/`.
 */

import { assert, assertEquals } from "@std/assert";
import type { BrokerConfig } from "../../broker/mod.ts";
import {
  type Publish,
  publish,
  type RawClient,
  subscribe,
  versionNames,
} from "../_raw_client.ts";
import {
  assertDisconnected,
  type Bench,
  every,
  test,
} from "../conformance/_bench.ts";

const forAnHour = { sessionExpiryInterval: 3600 };
const kept = { clean: false, properties: forAnHour };

function seen(messages: readonly Publish[]): unknown[] {
  return messages.map(({ payload, qos }) => [payload, qos]);
}

test("5.0: DISCONNECT changes the session expiry: shorter, longer, to none, and it lasts over a restart", async (bench) => {
  for (
    const [at, seconds, gone] of [
      [1, 10, 11],
      [2, 10_000, 10_001],
      [3, 0, 0],
    ] as const
  ) {
    const clientId = `client ${at}`;
    const first = await bench.connect(5, clientId, kept);
    await first.subscribe({ filter: "a", qos: 1 });
    await first.disconnect(0, { sessionExpiryInterval: seconds });
    if (seconds > 0) {
      bench.pass(seconds - 1);
      await bench.restart();
      const again = await bench.connect(5, clientId, { clean: false });
      assertEquals(again.connack!.sessionPresent, true, clientId);
      await again.disconnect();
      const third = await bench.connect(5, clientId, kept);
      await third.disconnect(0, { sessionExpiryInterval: seconds });
    }
    bench.pass(gone);
    await bench.restart();
    const last = await bench.connect(5, clientId, { clean: false });
    assertEquals(last.connack!.sessionPresent, false, clientId);
  }
});

test("5.0: the will delay begins anew with each lost connection, and only the last will counts", async (bench) => {
  const watcher = await bench.connect(5, "watcher");
  await watcher.subscribe("will");
  const properties = { willDelayInterval: 60 };
  for (const payload of ["first", "second", "third"]) {
    const client = await bench.connect(5, "client", {
      ...kept,
      will: { topic: "will", payload, properties },
    });
    client.drop();
    await watcher.publish({ topic: "fence", qos: 1 });
    bench.pass(59);
    assertEquals(await watcher.payloads(), [], payload);
  }
  bench.pass(2);
  assertEquals(await watcher.payloads(), ["third"]);
  bench.pass(1000);
  assertEquals(await watcher.payloads(), []);
});

test("5.0: messages in a queue and retained ones say what is left of their lifetime, and go when nothing is", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const client = await bench.connect(5, "client", kept);
  await client.subscribe({ filter: "a", qos: 1 });
  await client.disconnect();
  for (const seconds of [30, 100]) {
    const message = {
      payload: `${seconds}`,
      qos: 1,
      retain: true,
      properties: { messageExpiryInterval: seconds },
    };
    await publisher.publish({ topic: "a", ...message });
    await publisher.publish({ topic: `retained/${seconds}`, ...message });
  }
  bench.pass(40);
  const again = await bench.connect(5, "client", kept);
  const queued = await again.collect();
  await again.subscribe("retained/#");
  const retained = await again.collect();
  for (const messages of [queued, retained]) {
    assertEquals(
      messages.map((one) => [
        one.payload,
        one.properties.messageExpiryInterval,
      ]),
      [["100", 60]],
    );
  }
});

test("5.0: overlapping subscriptions give one copy, with the highest QoS and each subscription's identifier", async (bench) => {
  const client = await bench.connect(5, "client");
  const filters = [["a/b", 0, 7], ["a/+", 2, 8], ["#", 1, 9]] as const;
  for (const [filter, qos, identifier] of filters) {
    const properties = { subscriptionIdentifier: [identifier] };
    await client.subscribeWith(properties, { filter, qos });
  }
  await client.subscribe({ filter: "a/#", qos: 0 });
  await client.publish({ topic: "a/b", payload: "x", qos: 2 });
  const got = await client.collect();
  assertEquals(seen(got), [["x", 2]]);
  const identifiers = got[0]!.properties.subscriptionIdentifier!;
  assertEquals(identifiers.toSorted(), [7, 8, 9]);
});

test("5.0: a shared subscription is balanced, and what a lost member has not acknowledged goes to another", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const members: RawClient[] = [];
  for (const name of ["one", "two", "three"]) {
    const member = await bench.connect(5, name, kept);
    await member.subscribe({ filter: "$share/g/a", qos: 1 });
    members.push(member);
  }
  const sent = Array.from({ length: 30 }, (_, at) => `${at}`);
  for (const payload of sent) {
    await publisher.publish({ topic: "a", payload, qos: 1 });
  }
  const [lost, ...others] = members;
  assertEquals((await lost!.drain()).length, 10);
  lost!.drop();
  await publisher.publish({ topic: "fence", qos: 1 });
  const got: string[] = [];
  for (const one of others) got.push(...await one.payloads());
  assertEquals(got.toSorted(), sent.toSorted());
});

test("5.0: a shared message that is too large for one member goes to another, and is counted", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const small = await bench.connect(5, "small", {
    properties: { maximumPacketSize: 100 },
  });
  const large = await bench.connect(5, "large");
  for (const one of [small, large]) {
    await one.subscribe({ filter: "$share/g/a", qos: 1 });
  }
  const payload = "x".repeat(100);
  for (const qos of [0, 1, 0, 1]) {
    await publisher.publish({ topic: "a", payload, qos });
  }
  assertEquals(await small.payloads(), []);
  assertEquals(await large.payloads(), [payload, payload, payload, payload]);
  // Once each time that it was the small one's turn.
  assert(bench.broker.metrics.droppedTooLarge > 0);
  // A group of those who cannot take it drops it.
  await large.unsubscribe("$share/g/a");
  await publisher.publish({ topic: "a", payload, qos: 1 });
  await publisher.publish({ topic: "a", payload: "y", qos: 1 });
  assertEquals(await small.payloads(), ["y"]);
});

test("5.0: a message too large for one receiver is dropped for it and counted, others get it", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const small = await bench.connect(5, "small", {
    properties: { maximumPacketSize: 100 },
  });
  const others = [await bench.connect(5, "five"), await bench.connect(4, "v4")];
  for (const one of [small, ...others]) {
    await one.subscribe({ filter: "a", qos: 2 });
  }
  const payload = "x".repeat(100);
  for (const qos of [0, 1, 2]) {
    await publisher.publish({ topic: "a", payload, qos });
  }
  assertEquals(await small.payloads(), []);
  for (const one of others) assertEquals((await one.payloads()).length, 3);
  assertEquals(bench.broker.metrics.droppedTooLarge, 3);
});

test("5.0: $share with No Local ends the connection", async (bench) => {
  const client = await bench.connect(5, "client");
  client.send(subscribe(5, 1, [{ filter: "$share/g/a", noLocal: true }]));
  await assertDisconnected(client, 0x82);
});

test("5.0: Retain Handling 0 sends retained messages each time, 1 for a new subscription, 2 never", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  await publisher.publish({ topic: "a", payload: "x", retain: true });
  for (
    const [retainHandling, first, second] of [
      [0, 1, 1],
      [1, 1, 0],
      [2, 0, 0],
    ]
  ) {
    const client = await bench.connect(5, `client ${retainHandling}`);
    for (const count of [first, second]) {
      await client.subscribe({ filter: "a", retainHandling: retainHandling! });
      assertEquals((await client.collect()).length, count, `${retainHandling}`);
    }
  }
});

test(
  "5.0: Receive Maximum holds for both ends: more waits here, and is an error there",
  async (bench) => {
    const publisher = await bench.connect(5, "publisher");
    const client = await bench.connect(5, "client", {
      properties: { receiveMaximum: 2 },
    });
    await client.subscribe({ filter: "a", qos: 2 });
    for (const payload of ["1", "2", "3", "4", "5"]) {
      await publisher.publish({ topic: "a", payload, qos: 1 });
    }
    assertEquals((await client.drain()).length, 2);
    client.acknowledge("puback", 1);
    const [third, ...more] = await client.drain();
    assertEquals([third!.type, more.length], ["publish", 0]);
    // The other way: the broker has announced 3.
    const most = publisher.connack!.properties.receiveMaximum!;
    assertEquals(most, 3);
    for (let packetId = 1; packetId <= most + 1; packetId++) {
      publisher.send(publish(5, { topic: "b", qos: 2, packetId }));
    }
    const packets = await publisher.untilClosed();
    assertEquals(packets.slice(0, -1).map(({ type }) => type), [
      "pubrec",
      "pubrec",
      "pubrec",
    ]);
    const last = packets.at(-1)!;
    assertEquals(last.type === "disconnect" && last.code, 0x93);
  },
  () => ({ limits: { receiveMaximum: 3 } }),
);

test("5.0: where no problem information is wanted, only CONNACK and DISCONNECT have a reason", async (bench) => {
  const client = await bench.connect(5, "client", {
    properties: { requestProblemInformation: 0 },
  });
  const answers = [
    await client.publish({ topic: "$SYS/a", qos: 1 }),
    await client.publish({ topic: "$SYS/a", qos: 2 }),
    await client.subscribeWith({}, `a${"/".repeat(300)}`),
    await client.unsubscribe("a"),
  ];
  client.acknowledge("pubrel", 99);
  answers.push(await client.answer("pubcomp", 99));
  for (const answer of answers) assertEquals(answer!.properties, {});
});

test("5.0: clients of 3.1, 3.1.1 and 5.0 on one topic get what each may get", async (bench) => {
  const clients: RawClient[] = [];
  for (const version of every) {
    const client = await bench.connect(version, `client ${version}`);
    await client.subscribe({
      filter: "a",
      qos: version - 3, // 3.1: 0, 3.1.1: 1, 5.0: 2
      ...(version === 5 && { retainAsPublished: true }),
    });
    clients.push(client);
  }
  const properties = {
    contentType: "text/plain",
    messageExpiryInterval: 100,
    userProperty: [["a", "b"]] as [string, string][],
  };
  for (const from of clients) {
    // An alias is between a publisher and the broker.
    const own = from.version === 5
      ? { properties: { ...properties, topicAlias: 1 } }
      : {};
    const message = { payload: "x", qos: 2, retain: true };
    await from.publish({ topic: "a", ...message, ...own });
    for (const to of clients) {
      const [got, ...more] = await to.collect();
      const what = `${versionNames[from.version]} to ${to.version}`;
      assertEquals(more, [], what);
      assertEquals([got!.topic, got!.payload], ["a", "x"], what);
      assertEquals(got!.qos, to.version - 3, what);
      assertEquals(got!.retain, to.version === 5, what);
      const both = from.version === 5 && to.version === 5;
      assertEquals(got!.properties, both ? properties : {}, what);
    }
  }
});

test("5.0: a client of 3.1.1 gets no message whose time is over, and hears nothing of why its connection ends", async (bench) => {
  const publisher = await bench.connect(5, "publisher");
  const client = await bench.connect(4, "client", { clean: false });
  await client.subscribe({ filter: "a", qos: 1 });
  await client.disconnect();
  for (const seconds of [10, 100]) {
    const properties = { messageExpiryInterval: seconds };
    const payload = `${seconds}`;
    await publisher.publish({ topic: "a", payload, qos: 1, properties });
  }
  bench.pass(20);
  const again = await bench.connect(4, "client", { clean: false });
  assertEquals(await again.payloads(), ["100"]);
  again.send("30 00"); // a PUBLISH without a topic
  await assertDisconnected(again, 0x81);
});

/** Why the broker ends connections of clients, and what it says then. */
const causes: readonly [
  code: number,
  cause: string,
  make: (client: RawClient, bench: Bench) => unknown,
][] = [
  [0x81, "a packet that is malformed", (client) => client.send("30 00")],
  [
    0x82,
    "a packet that may not come",
    (client) => client.send("20 03 00 00 00"),
  ],
  [0x8b, "the broker stops", (_, bench) => bench.broker.shutdown()],
  [0x8d, "nothing came for 1.5 keep alives", (_, bench) => bench.pass(16)],
  [
    0x8e,
    "another connection has its identifier",
    (_, bench) => bench.connect(5, "client"),
  ],
  [
    0x93,
    "more than Receive Maximum",
    (client) => {
      for (const packetId of [1, 2]) {
        client.send(publish(5, { topic: "a", qos: 2, packetId }));
      }
    },
  ],
  [
    0x94,
    "a topic alias above the maximum",
    (client) => {
      const properties = { topicAlias: 33 };
      client.send(publish(5, { topic: "a", properties }));
    },
  ],
  [
    0x95,
    "a packet above Maximum Packet Size",
    (client) => client.send("30 ff ff 7f"),
  ],
  [
    0x99,
    "a payload that is not the UTF-8 it says, at QoS 0",
    (client) => {
      const properties = { payloadFormatIndicator: 1 };
      const payload = Uint8Array.of(0xff);
      client.send(publish(5, { topic: "a", payload, properties }));
    },
  ],
  [
    0x9a,
    "RETAIN where nothing is retained",
    (client) => client.send(publish(5, { topic: "a", retain: true })),
  ],
  [
    0x9b,
    "a QoS that is not offered",
    (client) => client.send(publish(5, { topic: "a", qos: 2, packetId: 1 })),
  ],
];

/** What is offered, so that the cause can be given. */
function configFor(code: number): BrokerConfig {
  return {
    limits: { receiveMaximum: 1, maximumPacketSize: 10_000 },
    capabilities: {
      validatePayload: true,
      retain: code !== 0x9a,
      maximumQos: code === 0x9b ? 1 : 2,
    },
  };
}

for (const [code, cause, make] of causes) {
  const name = `0x${code.toString(16).toUpperCase()}`;
  test(
    `5.0: the broker's DISCONNECT says ${name} and why: ${cause}`,
    async (bench) => {
      const client = await bench.connect(5, "client", { keepAlive: 10 });
      const done = make(client, bench);
      const last = (await client.untilClosed()).at(-1)!;
      await done;
      assertEquals(last.type === "disconnect" && last.code, code);
      const { reasonString } = last.properties;
      assert(reasonString !== undefined && reasonString.length > 10);
    },
    () => configFor(code),
  );
}
