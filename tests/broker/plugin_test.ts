/** The events that plugins watch, from a whole broker: which, when, in which order. */

import { assertEquals } from "@std/assert";
import type { BrokerEventName, Plugin } from "../../broker/mod.ts";
import { Bench } from "../conformance/_bench.ts";
import { text } from "../_raw_client.ts";

/** Watches events, and notes them in short. */
function watcher(names: readonly BrokerEventName[]) {
  const seen: string[] = [];
  const on = Object.fromEntries(names.map((name) => [
    name,
    (event: Record<string, unknown>) => {
      const { clientId, topic, qos, message, packet } = event as {
        clientId?: string;
        topic?: string;
        qos?: number;
        message?: { topic: string; payload: Uint8Array };
        packet?: { type: string };
      };
      const parts = [
        clientId,
        topic,
        qos,
        message?.topic,
        message && new TextDecoder().decode(message.payload),
        packet?.type,
      ];
      seen.push([name, ...parts.filter((one) => one !== undefined)].join(" "));
    },
  ]));
  const plugin: Plugin = { name: "watcher", on };
  return {
    plugin,
    /** What was seen since the last look. */
    take: () => seen.splice(0),
  };
}

Deno.test("events of a client come in the order of what happens", async () => {
  const { plugin, take } = watcher([
    "broker_pre_start",
    "broker_post_start",
    "broker_pre_shutdown",
    "broker_post_shutdown",
    "broker_client_connected",
    "broker_client_disconnected",
    "broker_client_subscribed",
    "broker_client_unsubscribed",
    "broker_message_received",
    "broker_message_broadcast",
    "broker_retained_message",
  ]);
  const bench = await Bench.start({ plugins: [plugin] });
  const one = await bench.connect(5, "one");
  await one.subscribe({ filter: "a/#", qos: 1 }, { filter: "$share/g/b" });
  await one.publish({ topic: "c", payload: "x", retain: true });
  await one.unsubscribe("a/#");
  await one.disconnect();
  await bench[Symbol.asyncDispose]();
  assertEquals(take(), [
    "broker_pre_start",
    "broker_post_start",
    "broker_client_connected one",
    "broker_client_subscribed one a/# 1",
    "broker_client_subscribed one $share/g/b 0",
    "broker_message_received one c x",
    "broker_message_broadcast one c x",
    "broker_retained_message c x",
    "broker_client_unsubscribed one a/#",
    "broker_client_disconnected one",
    "broker_pre_shutdown",
    "broker_post_shutdown",
  ]);
});

Deno.test("mqtt_packet_received and mqtt_packet_sent tell of each packet", async () => {
  const { plugin, take } = watcher([
    "mqtt_packet_received",
    "mqtt_packet_sent",
  ]);
  await using bench = await Bench.start({ plugins: [plugin] });
  const one = await bench.connect(4, "one");
  await one.subscribe({ filter: "a" });
  await one.publish({ topic: "a", payload: "" });
  assertEquals(take(), [
    "mqtt_packet_received  connect",
    "mqtt_packet_sent one connack",
    "mqtt_packet_received one subscribe",
    "mqtt_packet_sent one suback",
    "mqtt_packet_received one publish",
    "mqtt_packet_sent one publish",
    "mqtt_packet_received one pingreq",
    "mqtt_packet_sent one pingresp",
  ]);
});

Deno.test("broker_retained_message tells what is retained, and what no longer is", async () => {
  const { plugin, take } = watcher(["broker_retained_message"]);
  await using bench = await Bench.start({ plugins: [plugin] });
  const one = await bench.connect(5, "one");
  await one.publish({ topic: "a", payload: "1", qos: 1, retain: true });
  await one.publish({ topic: "a", payload: "2", qos: 1, retain: false });
  bench.broker.publish({ topic: "b", payload: text("3"), retain: true });
  await one.publish({ topic: "a", qos: 1, payload: "", retain: true });
  assertEquals(take(), [
    "broker_retained_message a 1",
    "broker_retained_message b 3",
    "broker_retained_message a ",
  ]);
});

Deno.test("broker_retained_message tells what waits for a client that is away", async () => {
  const { plugin, take } = watcher(["broker_retained_message"]);
  await using bench = await Bench.start({ plugins: [plugin] });
  const away = await bench.connect(4, "away", { clean: false });
  await away.subscribe({ filter: "a", qos: 1 });
  const publish = (content: string) =>
    bench.broker.publish({ topic: "a", payload: text(content), qos: 1 });
  publish("1");
  await away.collect();
  await away.disconnect();
  publish("2");
  assertEquals(take(), ["broker_retained_message away a 2"]);
});

Deno.test("broker_message_broadcast tells of wills, if they were allowed", async () => {
  const { plugin, take } = watcher(["broker_message_broadcast"]);
  const guard: Plugin = {
    name: "guard",
    authorize: (_, { topic }) => topic !== "forbidden",
  };
  await using bench = await Bench.start({ plugins: [guard, plugin] });
  for (const topic of ["forbidden", "allowed"]) {
    const one = await bench.connect(5, "one", {
      will: { topic, payload: "gone" },
    });
    await one.send("f3 00").untilClosed(); // no packet
  }
  assertEquals(take(), ["broker_message_broadcast one allowed gone"]);
});
