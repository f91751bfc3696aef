import { assertEquals } from "@std/assert";
import type { Awaitable, Message } from "../../broker/mod.ts";
import { ReasonCode } from "../../codec/mod.ts";
import { publish } from "../_raw_client.ts";
import { Bench, every, testIn } from "../conformance/_bench.ts";
import { plugin } from "./_parts.ts";

Deno.test("topic alias is resolved before anybody is asked about the message", async () => {
  const asked: string[] = [];
  await using bench = await Bench.start({
    plugins: [plugin({
      authorize: (_, { topic }) => {
        asked.push(`authorize ${topic}`);
        return undefined;
      },
      transform: (_, { topic }) => void asked.push(`transform ${topic}`),
      on: {
        broker_message_received: ({ message }) =>
          asked.push(`received ${message.topic}`),
      },
    })],
  });
  const client = await bench.connect(5, "client");
  const properties = { topicAlias: 1 };
  for (const topic of ["secret", ""]) {
    await client.publish({ topic, qos: 1, properties });
    assertEquals(asked.splice(0), [
      "received secret",
      "authorize secret",
      "transform secret",
    ]);
  }
});

Deno.test("repetition of a QoS 2 message is not asked about again, but assigns its alias", async () => {
  let asked = 0;
  await using bench = await Bench.start({
    plugins: [plugin({ authorize: () => void asked++ })],
  });
  const client = await bench.connect(5, "client");
  const fields = { qos: 2, packetId: 1, payload: "x" };
  client.send(publish(5, { topic: "a", ...fields }));
  client.send(publish(5, {
    topic: "a",
    dup: true,
    ...fields,
    properties: { topicAlias: 1 },
  }));
  client.send(publish(5, {
    topic: "",
    qos: 1,
    packetId: 2,
    properties: { topicAlias: 1 },
  }));
  const codes = (await client.drain()).map((one) =>
    "code" in one ? [one.type, one.code] : one.type
  );
  assertEquals(codes, [["pubrec", 0x10], ["pubrec", 0], ["puback", 0x10]]);
  assertEquals(asked, 2);
});

/** Outcomes of policies, and the code of the answer in 5.0. */
const outcomes: readonly [
  what: string,
  code: number,
  hooks: () => Parameters<typeof plugin>[0],
][] = [
  ["is allowed", 0, () => ({ authorize: () => true })],
  ["is not allowed", 0x87, () => ({ authorize: () => false })],
  ["is not allowed later", 0x87, () => ({
    authorize: () => Promise.resolve(false),
  })],
  ["is refused", 0x99, () => ({
    transform: () => ReasonCode.PayloadFormatInvalid,
  })],
  ["is refused later", 0x97, () => ({
    transform: () => Promise.resolve(ReasonCode.QuotaExceeded),
  })],
  ["makes a plugin throw", 0x87, () => ({
    authorize: () => {
      throw new Error("no");
    },
  })],
  ["makes a plugin's transform throw", 0x80, () => ({
    transform: () => Promise.reject(new Error("no")),
  })],
];

for (const [what, code, hooks] of outcomes) {
  testIn(
    every,
    `message that ${what} is answered with ${code} and delivered accordingly`,
    async (bench, version) => {
      const client = await bench.connect(version, "client");
      await client.subscribe({ filter: "#", qos: 2 });
      const { metrics } = bench.broker;
      for (const qos of [0, 1, 2]) {
        const before = metrics.publishRefused;
        const answer = await client.publish({ topic: "a", qos, retain: true });
        if (qos > 0) assertEquals(answer?.code, version === 5 ? code : 0);
        const got = await client.collect();
        assertEquals(got.length, code === 0 ? 1 : 0);
        assertEquals(metrics.publishRefused - before, code === 0 ? 0 : 1);
      }
      // Nor was it retained.
      await client.unsubscribe("#");
      await client.subscribe("#");
      assertEquals(await client.collect(), []);
    },
    () => ({
      plugins: [
        plugin({
          authorize: (_, { action }) => action === "subscribe" || undefined,
        }),
        plugin(onlyFor("publish", hooks())),
      ],
    }),
  );
}

/** The hooks, with an authorize that is asked about one action only. */
function onlyFor(
  action: string,
  hooks: Parameters<typeof plugin>[0],
): Parameters<typeof plugin>[0] {
  const { authorize } = hooks;
  return authorize === undefined ? hooks : {
    ...hooks,
    authorize: (client, request) =>
      request.action === action ? authorize(client, request) : true,
  };
}

testIn(
  every,
  "message that a plugin replaces is delivered and retained so",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe({ filter: "#", qos: 2 });
    await client.publish({ topic: "a", payload: "x", qos: 2 });
    const [message] = await client.collect();
    assertEquals(
      [message?.topic, message?.payload, message?.qos, message?.retain],
      ["moved/a", "x, they said", 1, false],
    );
    const later = await bench.connect(version, "later");
    await later.subscribe("#");
    const [retained] = await later.collect();
    assertEquals([retained?.topic, retained?.retain], ["moved/a", true]);
  },
  () => ({ plugins: [moving] }),
);

const moving = plugin({
  transform: (_, { topic, payload }) => ({
    topic: `moved/${topic}`,
    payload: new TextEncoder().encode(
      `${new TextDecoder().decode(payload)}, they said`,
    ),
    qos: 1,
    retain: true,
  }),
});

Deno.test("events tell of a message before and after it is allowed", async () => {
  const lines: string[] = [];
  const line = (
    what: string,
  ) =>
  ({ clientId, message }: { clientId: string; message: Message }) =>
    lines.push(`${what} ${clientId} ${message.topic}`);
  await using bench = await Bench.start({
    plugins: [plugin({
      authorize: (_, { topic }) => {
        lines.push(`asked ${topic}`);
        return topic !== "secret";
      },
      on: {
        broker_message_received: line("received"),
        broker_message_broadcast: line("broadcast"),
      },
    })],
  });
  const client = await bench.connect(5, "client");
  await client.publish({ topic: "a", qos: 0 });
  await client.publish({ topic: "secret", qos: 1 });
  assertEquals(lines, [
    "received client a",
    "asked a",
    "broadcast client a",
    "received client secret",
    "asked secret",
  ]);
});

testIn(
  every,
  "messages of a client stay in their order when a plugin takes its time, and others do not wait [MQTT-4.6.0-5]",
  async (bench, version) => {
    waiting.splice(0);
    const witness = await bench.connect(version, "witness");
    await witness.subscribe("#");
    const slow = await bench.connect(version, "slow");
    const other = await bench.connect(version, "other");
    for (const payload of ["1", "2", "3"]) {
      slow.send(publish(version, { topic: "slow", payload }));
    }
    await other.publish({ topic: "fast", payload: "0", qos: 1 });
    const payloads: string[] = await witness.payloads();
    assertEquals([payloads, waiting.length], [["0"], 1]);
    for (let i = 0; i < 3; i++) {
      waiting.shift()!(true);
      payloads.push((await witness.next("publish")).payload);
    }
    assertEquals(payloads, ["0", "1", "2", "3"]);
  },
  () => ({
    plugins: [plugin({
      authorize: (_, { topic }): Awaitable<boolean> =>
        topic === "slow"
          ? new Promise((resolve) => waiting.push(resolve))
          : true,
    })],
  }),
);

const waiting: ((allowed: boolean) => void)[] = [];

testIn(
  [5],
  "message that waits for a plugin keeps its bytes while more arrives",
  async (bench, version) => {
    waiting.splice(0);
    const witness = await bench.connect(version, "witness");
    await witness.subscribe("#");
    const slow = await bench.connect(version, "slow");
    slow.send(publish(version, { topic: "slow", payload: "a".repeat(400) }));
    await witness.drain();
    for (let i = 0; i < 20; i++) {
      slow.send(publish(version, { topic: "b", payload: "b".repeat(400) }));
    }
    await witness.drain();
    waiting.shift()!(true);
    const { topic, payload } = await witness.next("publish");
    assertEquals([topic, payload], ["slow", "a".repeat(400)]);
  },
  () => ({
    plugins: [plugin({
      authorize: (_, { topic }): Awaitable<boolean> =>
        topic === "slow"
          ? new Promise((resolve) => waiting.push(resolve))
          : true,
    })],
  }),
);

Deno.test("packet identifier of a QoS 2 message that is refused is free at once [MQTT-4.3.3-9]", async () => {
  let asked = 0;
  await using bench = await Bench.start({
    plugins: [plugin({ authorize: () => ++asked > 2 })],
  });
  const client = await bench.connect(5, "client");
  const codes: number[] = [];
  for (let i = 0; i < 4; i++) {
    client.send(publish(5, { topic: "a", qos: 2, packetId: 7 }));
    codes.push((await client.next("pubrec")).code);
  }
  // The fourth is a repetition of the third, which was allowed.
  assertEquals([codes, asked], [[0x87, 0x87, 0x10, 0], 3]);
});

/** What a plugin decides late, and the answer to the message. */
const verdicts = [[true, 0x10], [false, 0x87]] as const;

for (const [verdict, code] of verdicts) {
  Deno.test(`repetition of a QoS 2 message, by another connection, waits for what a plugin decides about it: ${verdict} [MQTT-4.3.3-10]`, async () => {
    const answer = Promise.withResolvers<boolean>();
    let asked = 0;
    await using bench = await Bench.start({
      plugins: [plugin({
        authorize: () => {
          asked++;
          return answer.promise;
        },
      })],
    });
    const kept = { clean: false, properties: { sessionExpiryInterval: 60 } };
    const first = await bench.connect(5, "client", kept);
    const message = { topic: "a", qos: 2, packetId: 7 };
    first.send(publish(5, message));
    const other = await bench.connect(5, "other");
    await other.drain();
    const again = await bench.connect(5, "client", kept);
    again.send(publish(5, { ...message, dup: true }));
    await other.drain();
    answer.resolve(verdict);
    assertEquals((await again.next("pubrec")).code, code);
    assertEquals(asked, 1);
  });
}

Deno.test("QoS 2 message that is released while a plugin thinks about it is not received again after a restart", async () => {
  const answer = Promise.withResolvers<boolean>();
  let asked = 0;
  await using bench = await Bench.start({
    plugins: [plugin({
      authorize: () => asked++ === 0 ? answer.promise : true,
    })],
  });
  const kept = { clean: false, properties: { sessionExpiryInterval: 60 } };
  const message = { topic: "a", qos: 2, packetId: 7 };
  const first = await bench.connect(5, "client", kept);
  first.send(publish(5, message));
  const other = await bench.connect(5, "other");
  await other.drain();
  const second = await bench.connect(5, "client", kept);
  second.acknowledge("pubrel", 7);
  assertEquals((await second.next("pubcomp")).code, 0);
  answer.resolve(true);
  await second.drain();
  await bench.restart();
  const third = await bench.connect(5, "client", kept);
  third.send(publish(5, message));
  // It is another message.
  assertEquals((await third.next("pubrec")).code, 0x10);
});

Deno.test("message whose client is gone when a plugin has allowed it is delivered", async () => {
  const answer = Promise.withResolvers<boolean>();
  await using bench = await Bench.start({
    plugins: [plugin({
      authorize: (_, { topic }) => topic === "slow" ? answer.promise : true,
    })],
  });
  const witness = await bench.connect(5, "witness");
  await witness.subscribe("#");
  const client = await bench.connect(5, "client");
  client.send(publish(5, { topic: "slow", qos: 1, payload: "x" }));
  await witness.drain();
  // Another takes the session over, which the waiting one does not notice.
  await bench.connect(5, "client");
  answer.resolve(true);
  assertEquals((await witness.next("publish")).payload, "x");
  assertEquals((await client.disconnected())?.code, 0x8e);
});
