import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  ConnectionLostError,
  MQTTClient,
  type PublishOptions,
  RequestError,
} from "../../client/mod.ts";
import {
  connack5,
  connect5,
  resume311,
  resume5,
  Stage,
  turn,
} from "./_scripted_broker.ts";

const five = { protocolVersion: 5 } as const;
const connected5 = { connect: connect5, connack: connack5() };

/** A client with a session that is to be resumed. */
function persistent(properties = {}): Stage {
  return new Stage({
    protocolVersion: 5,
    cleanStart: false,
    properties,
  });
}

Deno.test("publish() at QoS 1 ends with PUBACK [MQTT-2.2.1-3] [MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-4.3.2-3] [MQTT311-4.3.2-1] [MQTT311-2.3.1-1]", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  let done = false;
  const published = stage.client.publish("pub/qos1/test", "message", { qos: 1 })
    .finally(() => done = true);
  await broker.expect("32 [<pub/qos1/test> 0001 'message']");
  await broker.expectNothing();
  assertEquals(done, false);
  broker.send("40 [0001]");
  const { packetId, reasonCode } = await published;
  assertEquals([packetId, reasonCode], [1, 0]);
});

Deno.test("publish() at QoS 2 ends with PUBCOMP [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.3.3-3] [MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT311-4.3.3-1] [MQTT311-2.3.1-6]", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  let done = false;
  const published = stage.client.publish("pub/qos2/test", "message", { qos: 2 })
    .finally(() => done = true);
  await broker.expect("34 [<pub/qos2/test> 0001 'message']");
  broker.send("50 [0001]");
  await broker.expect("62 [0001]");
  await broker.expectNothing();
  assertEquals(done, false);
  broker.send("70 [0001]");
  const { packetId, reasonCode } = await published;
  assertEquals([packetId, reasonCode], [1, 0]);
});

Deno.test("publish() takes acknowledgements of every length that 5.0 has [MQTT-2.2.1-5]", async () => {
  await using stage = new Stage(five);
  const broker = await stage.connect(connected5);
  const forms = ["", "00", "00 []", "10 [1f <nobody>]"];
  for (const [index, form] of forms.entries()) {
    const id = `000${index + 1}`;
    const published = stage.client.publish("t", "m", { qos: 1 });
    await broker.expect(`32 [<t> ${id} [] 'm']`);
    broker.send(`40 [${id} ${form}]`);
    const { reasonCode, reasonProperties } = await published;
    assertEquals(reasonCode, index === 3 ? 0x10 : 0);
    assertEquals(
      reasonProperties?.reasonString,
      index === 3 ? "nobody" : undefined,
    );
  }
  for (const [index, form] of ["", "00", "00 []"].entries()) {
    const id = `000${index + 5}`;
    const published = stage.client.publish("t", "m", { qos: 2 });
    await broker.expect(`34 [<t> ${id} [] 'm']`);
    broker.send(`50 [${id} ${form}]`);
    await broker.expect(`62 [${id}]`);
    broker.send(`70 [${id} ${form}]`);
    assertEquals((await published).reasonCode, 0);
  }
});

Deno.test("publish() rejects when PUBACK or PUBREC fail, and sends nothing again [MQTT-4.4.0-2] [MQTT-3.4.2-1] [MQTT-3.5.2-1]", async () => {
  await using stage = persistent();
  let broker = await stage.connect({ connect: resume5, connack: connack5() });
  const first = stage.client.publish("t", "1", { qos: 1 });
  const second = stage.client.publish("t", "2", { qos: 2 });
  await broker.expect("32 [<t> 0001 [] '1'] 34 [<t> 0002 [] '2']");
  broker.send("40 [0001 87]  50 [0002 97 [1f <enough>]]");
  const refused = await assertRejects(
    () => first,
    RequestError,
    "Cannot publish: the broker refused it, Not authorized (0x87)",
  );
  assertEquals(refused.reasonCodes, [0x87]);
  assertEquals(refused.reasonCode, 0x87);
  const full = await assertRejects(
    () => second,
    RequestError,
    "Quota exceeded (0x97): enough",
  );
  assertEquals(full.properties, { reasonString: "enough" });
  await broker.expectNothing(); // no PUBREL
  await stage.lose();
  broker = await stage.connect({ connect: resume5, connack: "20 [01 00 []]" });
  await broker.expectNothing();
});

Deno.test("publish() rejects when PUBCOMP fails [MQTT-3.7.2-1]", async () => {
  await using stage = new Stage(five);
  const broker = await stage.connect(connected5);
  const published = stage.client.publish("t", "m", { qos: 2 });
  await broker.expect("34 [<t> 0001 [] 'm']");
  broker.send("50 [0001]");
  await broker.expect("62 [0001]");
  broker.send("70 [0001 92]");
  const { reasonCode } = await assertRejects(() => published, RequestError);
  assertEquals(reasonCode, 0x92);
});

Deno.test("publish() of one message does not wait for that of another [MQTT-3.3.4-8]", async () => {
  // 03-publish-c2b-qos2-pubrec-error
  await using stage = new Stage(five);
  const broker = await stage.connect(connected5);
  const rejected = stage.client.publish("topic", "rejected", { qos: 2 });
  const accepted = stage.client.publish("topic", "accepted", { qos: 2 });
  await broker.expect("34 [<topic> 0001 [] 'rejected']");
  await broker.expect("34 [<topic> 0002 [] 'accepted']");
  broker.send("50 [0001 80]  50 [0002]");
  await assertRejects(() => rejected, RequestError);
  await broker.expect("62 [0002]");
  broker.send("70 [0002]");
  await accepted;
});

Deno.test("acknowledgements that belong to nothing are answered, or ignored [MQTT-3.6.2-1]", async () => {
  for (const version of [4, 5] as const) {
    await using stage = new Stage({ protocolVersion: version });
    const broker = await stage.connect(
      version === 5 ? connected5 : {},
    );
    broker.send("40 [0007]  70 [0007]");
    await broker.expectNothing();
    broker.send("50 [0007]");
    // who sent PUBREC goes on waiting for PUBREL else
    await broker.expect(version === 5 ? "62 [0007 92]" : "62 [0007]");
    if (version === 5) broker.send("50 [0007 80]");
    await broker.expectNothing();
  }
});

Deno.test("acknowledgements of another kind than is due end the connection", async () => {
  for (const wrong of ["50 [0001]", "70 [0001]", "40 [0002]", "70 [0002]"]) {
    await using stage = new Stage();
    const broker = await stage.connect();
    const settled: string[] = [];
    for (const qos of [1, 2] as const) {
      stage.client.publish("t", `${qos}`, { qos }).then(
        () => settled.push("confirmed"),
        () => settled.push("refused"),
      );
    }
    await broker.expect("32 [<t> 0001 '1'] 34 [<t> 0002 '2']");
    broker.send(wrong);
    await broker.expectEnd();
    assertEquals(settled.includes("confirmed"), false);
  }
});

Deno.test("PUBRELs go out in the order of the PUBRECs [MQTT-4.6.0-4] [MQTT311-4.6.0-4]", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const all = [1, 2, 3].map((n) =>
    stage.client.publish("t", `${n}`, { qos: 2 })
  );
  await broker.expect("34 [<t> 0001 '1'] 34 [<t> 0002 '2'] 34 [<t> 0003 '3']");
  broker.send("50 [0003]  50 [0001]  50 [0002]");
  await broker.expect("62 [0003] 62 [0001] 62 [0002]");
  broker.send("70 [0001]  70 [0002]  70 [0003]");
  await Promise.all(all);
});

for (const [qos, maximum] of [[1, 3], [2, 1], [2, 2]] as const) {
  Deno.test(`publish() keeps to Receive Maximum ${maximum} at QoS ${qos}, in order [MQTT-3.3.4-7] [MQTT-4.9.0-1] [MQTT-4.9.0-2]`, async () => {
    await using stage = new Stage(five);
    const broker = await stage.connect({
      connect: connect5,
      connack: connack5(`21 000${maximum}`),
    });
    const total = 6;
    const all = Array.from(
      { length: total },
      (_, n) => stage.client.publish("topic", `${n}`, { qos }),
    );
    const publish = (n: number) =>
      `3${qos * 2} [<topic> 000${n + 1} [] '${n}']`;
    for (let n = 0; n < maximum; n++) await broker.expect(publish(n));
    for (let n = 0; n < total; n++) {
      await broker.expectNothing();
      const id = `000${n + 1}`;
      if (qos === 1) broker.send(`40 [${id}]`);
      else {
        broker.send(`50 [${id}]`);
        await broker.expect(`62 [${id}]`);
        await broker.expectNothing();
        broker.send(`70 [${id}]`);
      }
      if (n + maximum < total) await broker.expect(publish(n + maximum));
    }
    await Promise.all(all);
  });
}

Deno.test("a PUBREC that fails makes room for another message [MQTT-4.9.0-2]", async () => {
  await using stage = new Stage(five);
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5("21 0001"),
  });
  const first = stage.client.publish("t", "1", { qos: 2 });
  const second = stage.client.publish("t", "2", { qos: 1 });
  await broker.expect("34 [<t> 0001 [] '1']");
  broker.send("50 [0001 97]");
  await assertRejects(() => first, RequestError);
  await broker.expect("32 [<t> 0002 [] '2']");
  broker.send("40 [0002]");
  await second;
});

Deno.test("other packets are not held back by Receive Maximum [MQTT-3.3.4-8] [MQTT-4.9.0-3]", async () => {
  await using stage = new Stage(five);
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5("21 0001"),
  });
  const first = stage.client.publish("t", "1", { qos: 2 });
  const second = stage.client.publish("t", "2", { qos: 1 });
  await broker.expect("34 [<t> 0001 [] '1']");
  await stage.client.publish("t", "0");
  await broker.expect("30 [<t> [] '0']");
  const pinged = stage.client.ping();
  await broker.expect("c0 []");
  broker.send("d0 []");
  await pinged;
  broker.send("32 [<x> 0001 [] 'x']  50 [0001]");
  await broker.expect("40 [0001] 62 [0001]");
  broker.send("70 [0001]");
  await broker.expect("32 [<t> 0002 [] '2']");
  broker.send("40 [0002]");
  await Promise.all([first, second]);
});

Deno.test("publish() that waits for its turn can be given up", async () => {
  await using stage = new Stage(five);
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5("21 0001"),
  });
  const controller = new AbortController();
  const { signal } = controller;
  const first = stage.client.publish("t", "1", { qos: 1, signal });
  const second = stage.client.publish("t", "2", { qos: 1, signal });
  const third = stage.client.publish("t", "3", { qos: 1 });
  await broker.expect("32 [<t> 0001 [] '1']");
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => first), reason);
  assertStrictEquals(await assertRejects(() => second), reason);
  // The first was sent: it still is unacknowledged. The second never is.
  await broker.expectNothing();
  broker.send("40 [0001]");
  await broker.expect("32 [<t> 0002 [] '3']");
  broker.send("40 [0002]");
  await third;
});

Deno.test("packet identifiers of SUBSCRIBE are not used for PUBLISH, nor the other way round [MQTT-2.2.1-3] [MQTT311-2.3.1-2]", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const subscribed = stage.client.subscribe("s");
  await broker.expect("82 [0001 <s> 00]");
  const kept = stage.client.publish("t", "kept", { qos: 1 });
  await broker.expect("32 [<t> 0002 'kept']");
  // All other identifiers, once: a PUBACK for another would settle nothing.
  for (let id = 3; id < 65_536; id += 5000) {
    const count = Math.min(5000, 65_536 - id);
    const all = Array.from(
      { length: count },
      () => stage.client.publish("t", "", { qos: 1 }),
    );
    const pubacks = new DataView(new ArrayBuffer(4 * count));
    for (let n = 0; n < count; n++) {
      pubacks.setUint32(4 * n, 0x40020000 | id + n);
    }
    broker.send(new Uint8Array(pubacks.buffer).toHex());
    await broker.skip(7 * count);
    await Promise.all(all);
  }
  const next = stage.client.publish("t", "next", { qos: 1 });
  await broker.expect("32 [<t> 0003 'next']");
  broker.send("40 [0003]  40 [0002]  90 [0001 00]");
  await Promise.all([kept, next, subscribed]);
});

Deno.test("unacknowledged messages are sent again with DUP, in order and with their identifiers [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1] [MQTT311-4.4.0-1] [MQTT311-4.6.0-1] [MQTT311-3.3.1-1] [MQTT311-2.3.1-3]", async () => {
  await using stage = new Stage({ cleanStart: false });
  let broker = await stage.connect({ connect: resume311 });
  const { client } = stage;
  const all = [
    client.publish("t", "1", { qos: 1 }),
    client.publish("t", "2", { qos: 2, retain: true }),
    client.publish("t", "3", { qos: 2 }),
  ].map((published) => assertRejects(() => published, ConnectionLostError));
  const acknowledged = client.publish("t", "4", { qos: 1 });
  await broker.expect("32 [<t> 0001 '1'] 35 [<t> 0002 '2']");
  await broker.expect("34 [<t> 0003 '3'] 32 [<t> 0004 '4']");
  broker.send("50 [0003]  40 [0004]");
  await broker.expect("62 [0003]");
  await acknowledged;
  await stage.lose();
  await Promise.all(all);

  broker = await stage.connect({ connect: resume311, connack: "20 [01 00]" });
  // [MQTT-4.3.3-6] no PUBLISH 3 after its PUBREL
  await broker.expect("62 [0003] 3a [<t> 0001 '1'] 3d [<t> 0002 '2']");
  await broker.expectNothing();
  broker.send("70 [0003]  40 [0001]  50 [0002]");
  await broker.expect("62 [0002]");
  await stage.lose();

  broker = await stage.connect({ connect: resume311, connack: "20 [01 00]" });
  await broker.expect("62 [0002]");
  broker.send("70 [0002]");
  await stage.lose();
  broker = await stage.connect({ connect: resume311, connack: "20 [01 00]" });
  await broker.expectNothing();
});

Deno.test("MQTT 3.1 sends again too, though its CONNACK cannot speak of a session", async () => {
  await using stage = new Stage({ cleanStart: false, protocolVersion: 3 });
  const connect = "10 [<MQIsdp> 03 00 0000 <me>]";
  let broker = await stage.connect({ connect });
  const lost = assertRejects(
    () => stage.client.publish("t", "1", { qos: 1 }),
    ConnectionLostError,
  );
  await broker.expect("32 [<t> 0001 '1']");
  await stage.lose();
  await lost;
  broker = await stage.connect({ connect });
  await broker.expect("3a [<t> 0001 '1']");
});

Deno.test("messages are sent again within Receive Maximum, before new ones [MQTT-4.9.0-1] [MQTT-3.3.4-7]", async () => {
  await using stage = persistent();
  let broker = await stage.connect({ connect: resume5, connack: connack5() });
  const lost = ["1", "2", "3"].map((text) =>
    assertRejects(() => stage.client.publish("t", text, { qos: 1 }))
  );
  await broker.expect("32 [<t> 0001 [] '1'] 32 [<t> 0002 [] '2']");
  await broker.expect("32 [<t> 0003 [] '3']");
  await stage.lose();
  await Promise.all(lost);
  broker = await stage.connect({
    connect: resume5,
    connack: "20 [01 00 [21 0001]]",
  });
  const published = stage.client.publish("t", "4", { qos: 1 });
  for (const n of [1, 2, 3]) {
    await broker.expect(`3a [<t> 000${n} [] '${n}']`);
    await broker.expectNothing();
    broker.send(`40 [000${n}]`);
  }
  await broker.expect("32 [<t> 0004 [] '4']");
  broker.send("40 [0004]");
  await published;
});

Deno.test("what was not sent before the loss is not sent after it", async () => {
  await using stage = persistent();
  let broker = await stage.connect({
    connect: resume5,
    connack: connack5("21 0001"),
  });
  const lost = ["1", "2"].map((text) =>
    assertRejects(
      () => stage.client.publish("t", text, { qos: 1 }),
      ConnectionLostError,
    )
  );
  await broker.expect("32 [<t> 0001 [] '1']");
  await stage.lose();
  await Promise.all(lost);
  broker = await stage.connect({ connect: resume5, connack: "20 [01 00 []]" });
  await broker.expect("3a [<t> 0001 [] '1']");
  broker.send("40 [0001]");
  await broker.expectNothing();
});

Deno.test("what was settled before it could be sent again is not sent again", async () => {
  await using stage = persistent();
  let broker = await stage.connect({ connect: resume5, connack: connack5() });
  const lost = ["1", "2"].map((text) =>
    assertRejects(() => stage.client.publish("t", text, { qos: 1 }))
  );
  await broker.expect("32 [<t> 0001 [] '1'] 32 [<t> 0002 [] '2']");
  await stage.lose();
  await Promise.all(lost);
  broker = await stage.connect({
    connect: resume5,
    connack: "20 [01 00 [21 0001]]",
  });
  await broker.expect("3a [<t> 0001 [] '1']");
  broker.send("40 [0002]  40 [0001]");
  await broker.expectNothing();
});

Deno.test("a message that has become too large for the broker is not sent again [MQTT-3.2.2-15]", async () => {
  await using stage = persistent();
  let broker = await stage.connect({ connect: resume5, connack: connack5() });
  const lost = ["long", ""].map((text) =>
    assertRejects(() => stage.client.publish("t", text, { qos: 1 }))
  );
  await broker.expect("32 [<t> 0001 [] 'long'] 32 [<t> 0002 []]");
  await stage.lose();
  await Promise.all(lost);
  broker = await stage.connect({
    connect: resume5,
    connack: "20 [01 00 [27 0000000a]]",
  });
  await broker.expect("3a [<t> 0002 []]");
  await broker.expectNothing();
});

Deno.test("publish() takes QoS and RETAIN from its call, else from the topic, else from the client, also for 0 and false", async () => {
  await using stage = new Stage({
    defaultQos: 1,
    defaultRetain: true,
    topics: {
      two: { qos: 2 },
      off: { qos: 0, retain: false },
      none: {},
    },
  });
  const broker = await stage.connect();
  const { client } = stage;
  const cases: [topic: string, options: PublishOptions, flags: string][] = [
    ["other", {}, "33"],
    ["none", {}, "33"],
    ["constructor", {}, "33"],
    ["two", {}, "35"],
    ["off", {}, "30"],
    ["two", { qos: 0 }, "31"],
    ["two", { qos: 1, retain: false }, "32"],
    ["off", { retain: true }, "31"],
    ["other", { qos: 0, retain: false }, "30"],
  ];
  let id = 0;
  for (const [topic, options, flags] of cases) {
    client.publish(topic, "", options);
    const packetId = /[01]$/.test(flags)
      ? ""
      : (++id).toString(16).padStart(4, "0");
    await broker.expect(`${flags} [<${topic}> ${packetId}]`);
  }
});

for (
  const [name, options, window] of [
    ["20 before 5.0", { protocolVersion: 4 }, 20],
    ["maxInflight before 5.0", { protocolVersion: 4, maxInflight: 2 }, 2],
    ["maxInflight in 5.0", { protocolVersion: 5, maxInflight: 2 }, 2],
    ["Receive Maximum in 5.0", { protocolVersion: 5, maxInflight: 9 }, 3],
    ["what the broker says in 5.0", { protocolVersion: 5 }, 3],
  ] as const
) {
  Deno.test(`at most so many messages are on their way: ${name}`, async () => {
    await using stage = new Stage({ ...options });
    const five = options.protocolVersion === 5;
    const broker = five
      ? await stage.connect({ connect: connect5, connack: connack5("21 0003") })
      : await stage.connect();
    for (let n = 0; n < 30; n++) stage.client.publish("t", "", { qos: 2 });
    const id = (n: number) => n.toString(16).padStart(4, "0");
    const properties = five ? "[]" : "";
    for (let n = 1; n <= window; n++) {
      await broker.expect(`34 [<t> ${id(n)} ${properties}]`);
    }
    await broker.expectNothing();
    broker.send("50 [0001]");
    await broker.expect("62 [0001]");
    broker.send("70 [0001]");
    await broker.expect(`34 [<t> ${id(window + 1)} ${properties}]`);
  });
}

Deno.test("maxInflight is 1 to 65,535", () => {
  for (const maxInflight of [0, -1, 1.5, NaN, 65_536]) {
    assertThrows(
      () => new MQTTClient({ maxInflight }),
      RangeError,
      "Cannot make a client: maxInflight",
    );
  }
});

const aliases = { connect: connect5, connack: connack5("22 0002") };

Deno.test("topic names that are used again become aliases, as many as the broker takes [MQTT-3.2.2-17] [MQTT-3.3.2-9] [MQTT-3.3.2-8]", async () => {
  await using stage = new Stage(five);
  const broker = await stage.connect(aliases);
  const { client } = stage;
  await client.publish("a/long/name", "1");
  await broker.expect("30 [<a/long/name> [23 0001] '1']");
  await client.publish("a/long/name", "2", {
    properties: { contentType: "x" },
  });
  // The properties of the application are where they were.
  await broker.expect("30 [<> [03 <x> 23 0001] '2']");
  const published = client.publish("a/long/name", "3", {
    qos: 1,
    retain: true,
  });
  await broker.expect("33 [<> 0001 [23 0001] '3']");
  broker.send("40 [0001]");
  const { topic, properties } = await published;
  assertEquals([topic, properties], ["a/long/name", undefined]);
  const other = client.publish("another/name", "4", { qos: 2 });
  await broker.expect("34 [<another/name> 0002 [23 0002] '4']");
  await client.publish("another/name", "5");
  await broker.expect("30 [<> [23 0002] '5']");
  // A third one gets the alias that was not used for longest.
  await client.publish("a/third/name", "6");
  await broker.expect("30 [<a/third/name> [23 0001] '6']");
  await client.publish("a/long/name", "7");
  await broker.expect("30 [<a/long/name> [23 0002] '7']");
  // An alias would be longer than this name.
  await client.publish("abc", "8");
  await broker.expect("30 [<abc> [] '8']");
  broker.send("50 [0002]");
  await broker.expect("62 [0002]");
  broker.send("70 [0002]");
  await other;
});

for (
  const [name, options, connack] of [
    ["the broker takes none", {}, connack5()],
    ["the broker takes 0 of them", {}, connack5("22 0000")],
    ["the client is to use none", { topicAliases: false }, connack5("22 00ff")],
  ] as const
) {
  Deno.test(`topic names are sent in full where ${name} [MQTT-3.2.2-18]`, async () => {
    await using stage = new Stage({ ...five, ...options });
    const broker = await stage.connect({ connect: connect5, connack });
    for (const qos of [0, 0, 1, 1] as const) {
      stage.client.publish("a/long/name", "x", { qos });
    }
    await broker.expect("30 [<a/long/name> [] 'x'] 30 [<a/long/name> [] 'x']");
    await broker.expect("32 [<a/long/name> 0001 [] 'x']");
    await broker.expect("32 [<a/long/name> 0002 [] 'x']");
    broker.send("40 [0001] 40 [0002]");
  });
}

Deno.test("what is sent again has its topic name, and aliases begin anew with the connection [MQTT-3.3.2-7] [MQTT-4.4.0-1]", async () => {
  await using stage = persistent();
  let broker = await stage.connect({ ...aliases, connect: resume5 });
  const { client } = stage;
  client.publish("a/long/name", "1", { qos: 1 });
  client.publish("a/long/name", "2", { qos: 2 });
  await broker.expect("32 [<a/long/name> 0001 [23 0001] '1']");
  await broker.expect("34 [<> 0002 [23 0001] '2']");
  await stage.lose();
  const again = client.reconnect();
  broker = stage.broker;
  await broker.expect(resume5);
  broker.send("20 [01 00 [22 0002]]");
  await again;
  await broker.expect("3a [<a/long/name> 0001 [] '1']");
  await broker.expect("3c [<a/long/name> 0002 [] '2']");
  client.publish("a/long/name", "3");
  await broker.expect("30 [<a/long/name> [23 0001] '3']");
  broker.send("40 [0001] 50 [0002]");
  await broker.expect("62 [0002]");
  broker.send("70 [0002]");
});

Deno.test("a packet that an alias would make too large goes without [MQTT-3.2.2-15]", async () => {
  await using stage = new Stage(five);
  const broker = await stage.connect({
    connect: connect5,
    connack: connack5("22 0002 27 0000000e"), // 14 bytes
  });
  const { client } = stage;
  for (let times = 0; times < 2; times++) {
    await client.publish("name", "12345");
    await broker.expect("30 [<name> [] '12345']");
  }
  await assertRejects(() => client.publish("name", "123456"), RequestError);
  const published = client.publish("name", "123", { qos: 1 });
  await broker.expect("32 [<name> 0001 [] '123']");
  broker.send("40 [0001]");
  await published;
  await client.publish("name", "1");
  await broker.expect("30 [<name> [23 0001] '1']");
  await client.publish("name", "123456"); // shorter than with the name
  await broker.expect("30 [<> [23 0001] '123456']");
});

Deno.test("a PUBREL that the broker has answered before is no failure", async () => {
  await using stage = new Stage({
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 60 },
    autoReconnect: true,
  });
  const properties = "[11 0000003c]";
  const broker = await stage.connect({
    connect: `10 [<MQTT> 05 02 0000 ${properties} <me>]`,
    connack: connack5(),
  });
  const published = stage.client.publish("a/b", "x", { qos: 2 });
  await broker.expect("34 [<a/b> 0001 [] 'x']");
  broker.send("50 [0001]");
  await broker.expect("62 [0001]");
  broker.end(); // and PUBCOMP is lost
  await turn();
  stage.clock.pass(10_000);
  await turn();
  await stage.broker.expect(`10 [<MQTT> 05 00 0000 ${properties} <me>]`);
  stage.broker.send("20 [01 00 []]");
  await stage.broker.expect("62 [0001]");
  stage.broker.send("70 [0001 92]");
  assertEquals((await published).topic, "a/b");
});
