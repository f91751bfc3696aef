import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ClientException,
  ConnectException,
  MQTTClient,
  QOS_0,
  QOS_1,
  QOS_2,
} from "../../client/compat.ts";
import { Broker } from "../../broker/mod.ts";

const listeners = { default: { bind: "127.0.0.1:0" } };

Deno.test("the examples of the reference work with its names", async () => {
  await using broker = new Broker({ listeners });
  await broker.start();
  const uri = `mqtt://127.0.0.1:${broker.addresses[0]!.port}/`;
  const C = new MQTTClient("me", { topics: { "/test": { qos: 1 } } });
  assertEquals(await C.connect(uri), 0);
  assertEquals(C.client.clientId, "me");
  assertEquals(await C.subscribe([["a/b", QOS_1], ["/test", QOS_2]]), [1, 2]);
  const sent = await C.publish("a/b", "TEST MESSAGE WITH QOS_1", QOS_1);
  assert(sent.packet_id! > 0);
  assertEquals(sent.puback_packet?.variable_header.packet_id, sent.packet_id);
  const message = await C.deliver_message();
  const packet = message.publish_packet;
  assertEquals(packet.variable_header.topic_name, "a/b");
  assertEquals(
    new TextDecoder().decode(packet.payload.data),
    "TEST MESSAGE WITH QOS_1",
  );
  assertEquals(message.text(), "TEST MESSAGE WITH QOS_1");
  await C.publish("/test", new Uint8Array([1]), null, null, 10);
  assertEquals((await C.deliver_message(10)).qos, 1);
  await C.publish("/test", "", QOS_0, false);
  assertEquals((await C.deliver_message(10)).qos, 0);
  await C.ping();
  await C.unsubscribe(["a/b", "/test"]);
  await C.disconnect();
  assertEquals(await C.reconnect(true), 0);
  await C.disconnect();
});

Deno.test("ConnectException is a ClientException, and has a return code", async () => {
  const C = new MQTTClient(null, { auto_reconnect: false });
  const error = await assertRejects(
    () => C.connect("mqtt://127.0.0.1:1"),
    ConnectException,
  );
  assert(error instanceof ClientException);
  assertEquals(error.returnCode, undefined);
  await assertRejects(() => C.deliver_message(), ClientException);
});
