/** What a broker does not offer (5.0: section 3.2.2.3). */

import { assertEquals } from "@std/assert";
import type { Capabilities } from "../../broker/mod.ts";
import { publish, subscribe } from "../_raw_client.ts";
import { assertDisconnected, Bench, every } from "./_bench.ts";

function offering(capabilities: Partial<Capabilities>): Promise<Bench> {
  return Bench.start({ capabilities });
}

Deno.test("broker says nothing of what it offers when it offers everything", async () => {
  await using bench = await offering({});
  const { connack } = await bench.connect(5, "client");
  for (
    const name of [
      "maximumQos",
      "retainAvailable",
      "wildcardSubscriptionAvailable",
      "sharedSubscriptionAvailable",
      "subscriptionIdentifierAvailable",
      "serverKeepAlive",
      "responseInformation",
    ] as const
  ) assertEquals(connack!.properties[name], undefined, name);
});

for (const maximumQos of [0, 1] as const) {
  Deno.test(`broker of QoS ${maximumQos} says so, and ends clients that publish with more [MQTT-3.2.2-9] [MQTT-3.2.2-11]`, async () => {
    await using bench = await offering({ maximumQos });
    for (let qos = maximumQos + 1; qos <= 2; qos++) {
      const client = await bench.connect(5, "client");
      assertEquals(client.connack!.properties.maximumQos, maximumQos);
      await client.publish({ topic: "a", qos: maximumQos });
      client.send(publish(5, { topic: "a", qos, packetId: 1 }));
      await assertDisconnected(client, 0x9b);
    }
  });

  Deno.test(`broker of QoS ${maximumQos} grants no more [MQTT-3.2.2-10]`, async () => {
    await using bench = await offering({ maximumQos });
    for (const version of every) {
      const client = await bench.connect(version, "client");
      for (const qos of [0, 1, 2]) {
        const codes = await client.subscribe({ filter: "a", qos });
        assertEquals(codes, [Math.min(qos, maximumQos)]);
      }
    }
  });

  Deno.test(`broker of QoS ${maximumQos} acknowledges what clients of 3.x publish with more, and lowers it`, async () => {
    for (const version of [3, 4] as const) {
      await using bench = await offering({ maximumQos });
      const watcher = await bench.connect(5, "watcher");
      await watcher.subscribe({ filter: "#", qos: 2 });
      const client = await bench.connect(version, "client");
      for (const qos of [0, 1, 2]) {
        await client.publish({ topic: "a", payload: `${qos}`, qos });
      }
      const got = await watcher.collect();
      assertEquals(
        got.map(({ payload, qos }) => [payload, qos]),
        [0, 1, 2].map((qos) => [`${qos}`, Math.min(qos, maximumQos)]),
      );
    }
  });

  Deno.test(`broker of QoS ${maximumQos} refuses wills with more [MQTT-3.2.2-12]`, async () => {
    await using bench = await offering({ maximumQos });
    for (const qos of [0, 1, 2]) {
      const client = bench.open(5);
      const { code } = await client.connect({
        clientId: "client",
        will: { topic: "a", payload: "x", qos },
      });
      assertEquals(code, qos <= maximumQos ? 0 : 0x9b);
    }
  });
}

Deno.test("broker that retains nothing says so, ends clients that want it, and refuses such wills [MQTT-3.2.2-13] [MQTT-3.2.2-14]", async () => {
  await using bench = await offering({ retain: false });
  const client = await bench.connect(5, "client");
  assertEquals(client.connack!.properties.retainAvailable, 0);
  client.send(publish(5, { topic: "a", payload: "x", retain: true }));
  await assertDisconnected(client, 0x9a);
  const other = bench.open(5);
  const { code } = await other.connect({
    clientId: "other",
    will: { topic: "a", payload: "x", retain: true },
  });
  assertEquals(code, 0x9a);
});

Deno.test("broker that retains nothing passes on what clients of 3.x want retained, and forgets it", async () => {
  await using bench = await offering({ retain: false });
  const watcher = await bench.connect(5, "watcher");
  await watcher.subscribe({ filter: "#", retainAsPublished: true });
  for (const version of [3, 4] as const) {
    const client = await bench.connect(version, "client");
    await client.publish({ topic: "a", payload: "x", retain: true });
  }
  const got = await watcher.collect();
  assertEquals(got.map(({ retain }) => retain), [false, false]);
  await watcher.subscribe("a");
  assertEquals(await watcher.collect(), []);
});

const notOffered = [
  ["wildcardSubscriptions", "wildcardSubscriptionAvailable", "a/+", 0xa2],
  ["wildcardSubscriptions", "wildcardSubscriptionAvailable", "#", 0xa2],
  [
    "wildcardSubscriptions",
    "wildcardSubscriptionAvailable",
    "$share/g/#",
    0xa2,
  ],
  ["sharedSubscriptions", "sharedSubscriptionAvailable", "$share/g/a", 0x9e],
] as const;

for (const [capability, property, filter, code] of notOffered) {
  Deno.test(`broker without ${capability} says so, and refuses ${filter} [MQTT311-3.8.3-2]`, async () => {
    await using bench = await offering({ [capability]: false });
    for (const version of every) {
      const client = await bench.connect(version, "client");
      if (version === 5) assertEquals(client.connack!.properties[property], 0);
      const codes = await client.subscribe(filter, "plain");
      assertEquals(codes, [
        version === 5 ? code : version === 4 ? 0x80 : codes[0]!,
        0,
      ]);
      await client.publish({ topic: "a/b", payload: "x" });
      await client.publish({ topic: "plain", payload: "y" });
      assertEquals(await client.payloads(), ["y"]);
    }
  });
}

Deno.test("broker without subscriptionIdentifiers says so, and refuses them", async () => {
  await using bench = await offering({ subscriptionIdentifiers: false });
  const client = await bench.connect(5, "client");
  const { properties } = client.connack!;
  assertEquals(properties.subscriptionIdentifierAvailable, 0);
  client.send(
    subscribe(5, 1, [{ filter: "a", qos: 0 }], { subscriptionIdentifier: [5] }),
  );
  const { codes } = await client.next("suback");
  assertEquals(codes, [0xa1]);
});

Deno.test("broker that has a maximumKeepAlive tells it, and keeps to it [MQTT-3.2.2-21] [MQTT-3.2.2-22]", async () => {
  for (
    const [asked, told] of [[0, 30], [60, 30], [30, undefined], [
      20,
      undefined,
    ]] as const
  ) {
    await using bench = await offering({ maximumKeepAlive: 30 });
    const client = await bench.connect(5, "client", { keepAlive: asked });
    assertEquals(client.connack!.properties.serverKeepAlive, told);
    const seconds = told ?? asked;
    bench.pass(seconds * 1.5 - 1);
    assertEquals(bench.broker.metrics.keepAliveTimeouts, 0);
    bench.pass(2);
    await assertDisconnected(client, 0x8d);
  }
});

Deno.test("broker leaves the keep alive to clients that it cannot tell", async () => {
  await using bench = await offering({ maximumKeepAlive: 30 });
  const client = await bench.connect(4, "client", { keepAlive: 60 });
  bench.pass(80);
  await client.publish({ topic: "a", qos: 1 });
});

Deno.test("broker gives Response Information to who asks for it [MQTT-3.1.2-28]", async () => {
  await using bench = await offering({ responseInformation: "answers/%c/" });
  for (const [asked, told] of [[1, "answers/me/"], [0, undefined]] as const) {
    const client = await bench.connect(5, "me", {
      properties: { requestResponseInformation: asked },
    });
    assertEquals(client.connack!.properties.responseInformation, told);
  }
});

/** Bytes that are no UTF-8. */
const noText = Uint8Array.of(0x61, 0xff);

Deno.test("broker that validates payloads refuses those that are not the UTF-8 they say with 0x99, at QoS 0 with DISCONNECT", async () => {
  await using bench = await offering({ validatePayload: true });
  const watcher = await bench.connect(5, "watcher");
  await watcher.subscribe({ filter: "a", qos: 2 });
  const client = await bench.connect(5, "client");
  const text = { payloadFormatIndicator: 1 };
  for (const qos of [1, 2]) {
    const wrong = { topic: "a", payload: noText, qos, properties: text };
    assertEquals((await client.publish(wrong))?.code, 0x99, `QoS ${qos}`);
    // What is right, and what claims nothing, is taken; the identifier is free.
    await client.publish({ topic: "a", payload: "ä", qos, properties: text });
    const other = { payloadFormatIndicator: 0 };
    await client.publish({ topic: "a", payload: noText, qos });
    await client.publish({
      topic: "a",
      payload: noText,
      qos,
      properties: other,
    });
  }
  client.send(publish(5, { topic: "a", payload: noText, properties: text }));
  await assertDisconnected(client, 0x99);
  const got = (await watcher.collect()).map(({ qos, content }) =>
    `${qos} ${content.toHex()}`
  );
  const each = (qos: number) => [`${qos} c3a4`, `${qos} 61ff`, `${qos} 61ff`];
  assertEquals(got, [...each(1), ...each(2)]);
  assertEquals(bench.broker.metrics.publishRefused, 3);
});

Deno.test("broker that validates payloads refuses wills with 0x99 too", async () => {
  await using bench = await offering({ validatePayload: true });
  for (const [payload, code] of [[noText, 0x99], ["text", 0]] as const) {
    const client = bench.open(5);
    const connack = await client.connect({
      clientId: "client",
      will: { topic: "a", payload, properties: { payloadFormatIndicator: 1 } },
    });
    assertEquals(connack.code, code);
  }
});

Deno.test("broker that does not validate payloads passes on what is no UTF-8 as it came [MQTT-3.3.2-4]", async () => {
  await using bench = await offering({});
  const client = await bench.connect(5, "client");
  await client.subscribe({ filter: "a", qos: 1 });
  for (const qos of [0, 1]) {
    const properties = { payloadFormatIndicator: 1 };
    await client.publish({ topic: "a", payload: noText, qos, properties });
    const [message] = await client.collect();
    assertEquals(message!.content, noText);
    assertEquals(message!.properties, properties);
  }
});
