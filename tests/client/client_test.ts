import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type ApplicationMessage,
  type ClientOptions,
  ConnectionLostError,
  MQTTClient,
  OutgoingApplicationMessage,
  type PublishOptions,
  type WillOptions,
} from "../../client/mod.ts";
import { Broker } from "../../broker/mod.ts";
import { connack5, connect5, Stage, turn } from "./_scripted_broker.ts";

const connected5 = { connect: connect5, connack: connack5() };

const publishes: [
  name: string,
  payload: Uint8Array | string,
  options: PublishOptions | undefined,
  bytes: string,
][] = [
  ["text [MQTT-3.3.2-1] [MQTT311-3.3.2-1]", "é", undefined, "30 [<a/b> 'é']"],
  ["bytes", new Uint8Array([0, 255]), {}, "30 [<a/b> 00ff]"],
  ["nothing", "", {}, "30 [<a/b>]"],
  ["RETAIN", "x", { retain: true }, "31 [<a/b> 'x']"],
  // 3.1.1 has no properties
  ["properties", "x", { properties: { contentType: "t" } }, "30 [<a/b> 'x']"],
];
for (const [name, payload, options, bytes] of publishes) {
  Deno.test(`publish() at QoS 0 sends ${name} [MQTT-2.2.1-2] [MQTT-4.3.1-1] [MQTT311-2.3.1-5] [MQTT311-4.3.1-1]`, async () => {
    // 03-publish-qos0, 03-publish-qos0-no-payload, 04-retain-qos0
    await using stage = new Stage();
    const broker = await stage.connect();
    const result = await stage.client.publish("a/b", payload, options);
    assertInstanceOf(result, OutgoingApplicationMessage);
    assertEquals(result.reasonCode, 0);
    assertEquals(result.packetId, undefined);
    await broker.expect(bytes);
  });
}

Deno.test("publish() sends properties [MQTT-3.3.2-13] [MQTT-3.3.2-19]", async () => {
  // 11-prop-send-content-type, 11-prop-send-payload-format
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  await stage.client.publish("prop/qos0", "message", {
    properties: {
      payloadFormatIndicator: true,
      contentType: "application/json",
      responseTopic: "response/topic",
      correlationData: new TextEncoder().encode("corridor"),
    },
  });
  await broker.expect(
    "30 [<prop/qos0> [01 01 03 <application/json> 08 <response/topic> " +
      "09 <corridor>] 'message']",
  );
});

Deno.test("publish() copies the payload before it returns", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const payload = new Uint8Array([1]);
  const large = new Uint8Array(20_000).fill(1);
  const all = [
    stage.client.publish("t", payload),
    stage.client.publish("t", payload, { qos: 1 }),
    stage.client.publish("t", large, { qos: 1 }),
  ];
  payload[0] = 2;
  large.fill(2);
  await broker.expect("30 [<t> 01] 32 [<t> 0001 01]");
  await broker.expect("32 a59c01 <t> 0002", "01".repeat(20_000));
  broker.send("40 [0001]  40 [0002]");
  await Promise.all(all);
});

Deno.test("publish() refuses what is wrong, and sends nothing [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT-3.3.4-6] [MQTT-3.2.2-17] [MQTT-3.2.2-18] [MQTT-3.3.2-9] [MQTT-3.3.2-14] [MQTT311-4.7.1-1]", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  const { client } = stage;
  const bad = (properties: Record<string, unknown>) => () =>
    client.publish("t", "", { properties });
  for (
    const attempt of [
      () => client.publish("", ""),
      () => client.publish("a/#", ""),
      () => client.publish("a\0", "", { qos: 1 }),
      () => client.publish("t", 5 as unknown as string),
      bad({ topicAlias: 1 }),
      bad({ subscriptionIdentifiers: [1] }),
      bad({ responseTopic: "a/+" }),
    ]
  ) await assertRejects(attempt, TypeError);
  for (const qos of [3, -1, 1.5]) {
    await assertRejects(
      () => client.publish("t", "", { qos: qos as 0 }),
      RangeError,
    );
  }
  await assertRejects(
    () => client.publish("t", "", { signal: AbortSignal.abort("no") }),
  );
  await broker.expectNothing();
  const published = client.publish("t", "", { qos: 1 });
  await broker.expect("32 [<t> 0001 []]"); // no identifier was lost
  broker.send("40 [0001]");
  await published;
});

Deno.test("calls without a connection reject with a ConnectionLostError", async () => {
  const stage = new Stage();
  const { client } = stage;
  const calls: [string, () => Promise<unknown>][] = [
    ["publish", () => client.publish("t", "", { qos: 1 })],
    ["publish", () => client.publish("t", "")],
    ["subscribe", () => client.subscribe("t")],
    ["unsubscribe", () => client.unsubscribe("t")],
    ["ping", () => client.ping()],
  ];
  const assertAll = async () => {
    for (const [action, call] of calls) {
      await assertRejects(
        call,
        ConnectionLostError,
        `Cannot ${action}: the client is not connected`,
      );
    }
  };
  await assertAll();
  await stage.connect();
  await stage.lose();
  await assertAll();
});

Deno.test("ping() ends with PINGRESP", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const pinged = stage.client.ping();
  await broker.expect("c0 []");
  broker.send("d0 []");
  assertEquals(await pinged, undefined);
});

Deno.test("deliverMessage() waits for a message, even before the connection", async () => {
  await using stage = new Stage();
  const waiting = stage.client.deliverMessage();
  const broker = await stage.connect();
  await turn();
  broker.send("30 [<a> '1']  30 [<a> '2']");
  assertEquals((await waiting).text(), "1");
  assertEquals((await stage.client.deliverMessage()).text(), "2");
});

Deno.test("deliverMessage() gives up after its timeout", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const late = stage.client.deliverMessage({ timeout: 0.1 });
  stage.clock.pass(100);
  const error = await assertRejects(() => late, DOMException);
  assertEquals(error.name, "TimeoutError");
  assertEquals(
    error.message,
    "Cannot deliver a message: none came within 0.1 s",
  );
  // and takes no message with it
  const { signal } = new AbortController();
  const next = stage.client.deliverMessage({ timeout: 0.1, signal });
  broker.send("30 [<a> '1']");
  assertEquals((await next).text(), "1");
  assertEquals(stage.clock.timers, 0);
});

Deno.test("deliverMessage() gives up when its signal fires", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const controller = new AbortController();
  const { signal } = controller;
  const both = [
    stage.client.deliverMessage({ signal }),
    stage.client.deliverMessage({ signal, timeout: 5 }),
  ].map((promise) => assertRejects(() => promise, Error, "enough"));
  controller.abort(new Error("enough"));
  await Promise.all(both);
  await assertRejects(() => stage.client.deliverMessage({ signal }));
  broker.send("30 [<a> '1']");
  assertEquals((await stage.client.deliverMessage()).text(), "1");
});

Deno.test("deliverMessage() rejects after disconnect(), when all is taken", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.send("30 [<a> '1']");
  await turn();
  broker.end();
  await stage.client.closed;
  await stage.connect();
  const left = stage.client.disconnect();
  stage.broker.end();
  await left;
  assertEquals((await stage.client.deliverMessage()).text(), "1");
  await assertRejects(
    () => stage.client.deliverMessage(),
    ConnectionLostError,
    "Cannot deliver a message: the client has disconnected",
  );
});

Deno.test("messages() ends with disconnect()", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const topics: string[] = [];
  const reading = (async () => {
    for await (const message of stage.client.messages()) {
      topics.push(message.topic);
    }
  })();
  broker.send("30 [<a>]  30 [<b>]");
  await turn();
  broker.send("30 [<c>]");
  await turn();
  const left = stage.client.disconnect();
  await broker.expect("e0 []");
  broker.end();
  await left;
  await reading;
  assertEquals(topics, ["a", "b", "c"]);
});

Deno.test("messages() ends when its signal fires, or by break", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.send("30 [<a>]  30 [<b>]  30 [<c>]");
  const { client } = stage;
  for await (const { topic } of client.messages()) {
    assertEquals(topic, "a");
    break;
  }
  const controller = new AbortController();
  const reason = new Error("enough");
  const seen: string[] = [];
  const error = await assertRejects(async () => {
    for await (
      const { topic } of client.messages({ signal: controller.signal })
    ) {
      seen.push(topic);
      controller.abort(reason);
    }
  });
  assertStrictEquals(error, reason);
  assertEquals(seen, ["b"]);
  assertEquals((await client.deliverMessage()).topic, "c");
});

Deno.test("each message goes to one of those who wait, in order", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const { client } = stage;
  const all: Promise<ApplicationMessage>[] = [
    client.deliverMessage(),
    client.deliverMessage(),
    client.deliverMessage(),
  ];
  broker.send("30 [<a>]  30 [<b>]  30 [<c>]");
  assertEquals((await Promise.all(all)).map(({ topic }) => topic), [
    "a",
    "b",
    "c",
  ]);
});

Deno.test("closed waits for the connection there is to be, and then for the next", async () => {
  await using stage = new Stage();
  const first = stage.client.closed;
  await stage.connect();
  assertStrictEquals(stage.client.closed, first);
  await stage.lose();
  const error = await first;
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(await stage.client.closed, error);
  await stage.connect();
  const second = stage.client.closed;
  const left = stage.client.disconnect();
  stage.broker.end();
  await left;
  assertEquals(await second, undefined);
});

Deno.test("await using disconnects", async () => {
  const stage = new Stage();
  const broker = await stage.connect();
  const block = (async () => {
    await using client = stage.client;
    assert(client.connected);
  })();
  await broker.expect("e0 []");
  broker.end();
  await block;
  assert(!stage.client.connected);
});

Deno.test("a request is answered at its response topic", async () => {
  // 03-request-response-1, -2 and -correlation-1
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  broker.send("30 [<request/topic> [08 <response/topic> 09 <corridor>] 'do']");
  const { properties } = await stage.client.deliverMessage();
  await stage.client.publish(properties!.responseTopic!, "a response", {
    properties: { correlationData: properties!.correlationData! },
  });
  await broker.expect("30 [<response/topic> [09 <corridor>] 'a response']");
});

Deno.test("a client that is never connected leaves nothing behind", () => {
  new MQTTClient();
});

Deno.test("time limits are 0 or more", async () => {
  for (const name of ["connectTimeout", "pingTimeout", "pingDelay"] as const) {
    for (const seconds of [NaN, -1]) {
      assertThrows(
        () => new MQTTClient({ [name]: seconds }),
        RangeError,
        `Cannot make a client: ${name} ${seconds} is not 0 or more`,
      );
    }
  }
  await using stage = new Stage({ connectTimeout: Infinity });
  await stage.connect();
  for (const seconds of [NaN, -1]) {
    await assertRejects(() => stage.client.deliverMessage(seconds), RangeError);
  }
});

Deno.test("return() of an iterator ends a next() that waits, and takes no message", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const messages = stage.client.messages();
  const next = messages.next();
  assertEquals((await messages.return()).done, true);
  assertEquals((await next).done, true);
  broker.send("30 [<t> '1']");
  assertEquals((await stage.client.deliverMessage()).text(), "1");
  assertEquals((await messages.next()).done, true);
});

Deno.test("what is no argument is told in words", async () => {
  await using stage = new Stage();
  await stage.connect();
  const { client } = stage;
  const anything = <T>(value: unknown) => value as T;
  const wrong: [() => Promise<unknown>, string][] = [
    [
      () => client.subscribe(anything(["a", 1])),
      "Cannot subscribe: 1 is not a topic filter",
    ],
    [
      () => client.subscribe(anything(5)),
      "Cannot subscribe: 5 is not a topic filter",
    ],
    [
      () => client.subscribe(anything({})),
      "Cannot subscribe: [object Object] is not a topic filter",
    ],
    [
      () => client.unsubscribe(anything(null)),
      "Cannot unsubscribe: null is not a topic filter",
    ],
    [
      () => client.publish(anything(undefined), ""),
      "Cannot publish: the topic undefined is no text",
    ],
  ];
  for (const [call, message] of wrong) {
    await assertRejects(call, TypeError, message);
  }
  assertThrows(
    () => new MQTTClient({ will: anything<WillOptions>({}) }),
    TypeError,
    "Cannot make a client: will.topic undefined is no text",
  );
  const options: [ClientOptions, string][] = [
    [{ defaultQos: anything(5) }, "defaultQos 5"],
    [{ topics: { a: { qos: anything(3) } } }, 'topics["a"].qos 3'],
  ];
  for (const [option, message] of options) {
    assertThrows(
      () => new MQTTClient(option),
      RangeError,
      `Cannot make a client: ${message} is not 0, 1 or 2`,
    );
  }
});

Deno.test("disconnect() with the reason 0x04 has the broker publish the will, and without it does not [MQTT-3.14.4-3]", async () => {
  await using broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
  });
  await broker.start();
  const url = `mqtt://127.0.0.1:${broker.addresses[0]!.port}`;
  await using watcher = new MQTTClient({ url, protocolVersion: 5 });
  await watcher.connect();
  await watcher.subscribe("#", { qos: 1 });
  for (const reasonCode of [0x00, 0x04] as const) {
    const client = new MQTTClient({
      url,
      protocolVersion: 5,
      will: { topic: "will", payload: "gone", qos: 1 },
    });
    await client.connect();
    await client.disconnect({ reasonCode });
    await watcher.publish("end", "", { qos: 1 });
    const topics = [(await watcher.deliverMessage(5)).topic];
    if (reasonCode === 0x04) {
      topics.push((await watcher.deliverMessage(5)).topic);
    }
    assertEquals(
      topics.sort(),
      reasonCode === 0x04 ? ["end", "will"] : ["end"],
    );
  }
});
