/** M5: `timeout-disconnect-delay`: when a silent client is gone. */

import { assert, assertEquals } from "@std/assert";
import { Broker, type BrokerConfig, MQTTClient } from "../../mod.ts";
import { connect, pingreq } from "../_raw_client.ts";
import { SocketClient } from "../_socket_client.ts";
import { ConfiguredBroker } from "./_stage.ts";

/** A broker whose clock stands until a test sets it. */
async function start(
  config: BrokerConfig,
): Promise<{ broker: Broker; pass: (seconds: number) => void }> {
  let now = 1_000_000;
  const broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
    ...config,
    now: () => now,
  });
  await broker.start();
  return {
    broker,
    pass: (seconds) => {
      now += seconds * 1000;
      broker.sweep();
    },
  };
}

for (
  const [what, config, deadline] of [
    ["absent: one and a half times the keep alive", {}, 15],
    ["2: the keep alive and 2 s", { timeoutDisconnectDelay: 2 }, 12],
    ["0: the keep alive", { timeoutDisconnectDelay: 0 }, 10],
    ["30: the keep alive and 30 s", { timeoutDisconnectDelay: 30 }, 40],
  ] as const
) {
  Deno.test(`M5: timeout-disconnect-delay is ${what}`, async () => {
    const { broker, pass } = await start(config);
    await using _ = broker;
    using client = await SocketClient.open(broker.addresses[0]!.port, 4);
    await client.send(connect(4, { clientId: "c", keepAlive: 10 }));
    assertEquals((await client.next())?.type, "connack");
    for (let i = 0; i < 2; i++) {
      // Each packet starts it anew, as the next look notices.
      pass(0);
      pass(deadline);
      await client.send(pingreq);
      assertEquals((await client.next())?.type, "pingresp");
    }
    assertEquals(broker.metrics.keepAliveTimeouts, 0);
    pass(0);
    pass(deadline + 1);
    assertEquals(await client.next(), undefined);
    assertEquals(broker.metrics.keepAliveTimeouts, 1);
  });
}

for (const config of [{}, { timeoutDisconnectDelay: 2 }]) {
  Deno.test(`M5: a keep alive of 0 has no deadline, with ${JSON.stringify(config)}`, async () => {
    const { broker, pass } = await start(config);
    await using _ = broker;
    using client = await SocketClient.open(broker.addresses[0]!.port, 4);
    await client.send(connect(4, { clientId: "c", keepAlive: 0 }));
    assertEquals((await client.next())?.type, "connack");
    pass(0);
    pass(1_000_000);
    await client.send(pingreq);
    assertEquals((await client.next())?.type, "pingresp");
  });
}

for (const key of ["timeout-disconnect-delay", "timeout_disconnect_delay"]) {
  Deno.test(`M5: ${key}: 1 of a file ends a client after its keep alive and 1 s, and publishes its will`, async () => {
    await using broker = await ConfiguredBroker.start(`
listeners: {default: {bind: "127.0.0.1:0"}}
${key}: 1
`);
    await using heir = new MQTTClient({ url: broker.url() });
    await heir.connect();
    await heir.subscribe("gone");
    using silent = await SocketClient.open(broker.port(), 5);
    const started = performance.now();
    const will = { topic: "gone", payload: "silent is gone" };
    await silent.send(connect(5, { clientId: "silent", keepAlive: 1, will }));
    assertEquals((await silent.next())?.type, "connack");
    const last = await silent.next();
    const took = performance.now() - started;
    // 5.0 says why: keep alive timeout.
    assert(last?.type === "disconnect" && last.code === 0x8d);
    assert(took > 1900 && took < 6000, `after ${took} ms`);
    await broker.find(/WARNING - Disconnected: .*"silent"/);
    assertEquals(await silent.next(), undefined);
    assertEquals((await heir.deliverMessage(10)).text(), "silent is gone");
  });
}
