/** M3: `max-connections`: one more is refused at once, and counted. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Broker, ConnectError, MQTTClient } from "../../mod.ts";
import { makeCertificates } from "../_certificates.ts";
import { connect } from "../_raw_client.ts";
import { SocketClient } from "../_socket_client.ts";
import { isSecure, type Scheme, schemes } from "./_everywhere.ts";
import { mosquitto, mosquittoPub, testWith } from "./_foreign.ts";
import { ConfiguredBroker, until } from "./_stage.ts";

for (const scheme of schemes) {
  Deno.test(`M3: over ${scheme} the third of two is refused at once, and comes in when one has left`, async () => {
    await using certificates = await makeCertificates();
    const { ca, server: { certfile, keyfile } } = certificates;
    const tls = isSecure(scheme) ? { ssl: true, certfile, keyfile } : {};
    await using broker = new Broker({
      listeners: {
        default: {
          type: scheme.startsWith("ws") ? "ws" : "tcp",
          bind: "127.0.0.1:0",
          maxConnections: 2,
          ...tls,
        },
      },
    });
    await broker.start();
    const client = (): MQTTClient => newClient(scheme, broker, ca.file);
    await using one = client();
    await using two = client();
    await one.connect();
    await two.connect();
    assertEquals(broker.metrics.connectionsRefused, 0);
    for (let i = 0; i < 2; i++) {
      const before = broker.metrics.connectionsRefused;
      const third = client();
      const started = performance.now();
      await assertRejects(() => third.connect(), ConnectError);
      const took = performance.now() - started;
      assert(took < 3000, `it took ${took} ms`);
      // Deno's WebSocket tries it once more over TLS, with HTTP/2.
      const refused = broker.metrics.connectionsRefused - before;
      assert(refused === 1 || scheme === "wss" && refused === 2);
    }
    assertEquals(broker.metrics.clientsConnected, 2);
    await one.ping();
    await one.disconnect();
    await until("room", () => broker.metrics.connectionsOpen === 1);
    await using fourth = client();
    await fourth.connect();
    await two.ping();
  });
}

function newClient(scheme: Scheme, broker: Broker, cafile: string): MQTTClient {
  return new MQTTClient({
    url: `${scheme}://localhost:${broker.addresses[0]!.port}`,
    autoReconnect: false,
    ...(isSecure(scheme) ? { cafile } : {}),
  });
}

for (const key of ["max-connections", "max_connections"]) {
  testWith(
    "mosquitto-clients",
    mosquitto,
    `M3: ${key} holds for each listener alone; the log counts who is refused`,
    async () => {
      await using broker = await ConfiguredBroker.start(`
listeners:
  default: {${key}: 1}
  one: {bind: "127.0.0.1:0"}
  two: {bind: "127.0.0.1:0"}
  unlimited: {bind: "127.0.0.1:0", ${key}: 0}
  negative: {bind: "127.0.0.1:0", ${key}: -1}
`);
      const held: MQTTClient[] = [];
      const hold = async (listener: string, count: number): Promise<void> => {
        for (let i = 0; i < count; i++) {
          const client = new MQTTClient({ url: broker.url(listener) });
          held.push(client);
          await client.connect();
        }
      };
      try {
        await hold("one", 1);
        await hold("two", 1);
        await hold("unlimited", 20);
        await hold("negative", 20);
        const args = ["-t", "a", "-m", "x", "-V", "mqttv5"];
        for (const listener of ["one", "two"]) {
          const { code } = await mosquittoPub(broker.port(listener), args);
          assert(code !== 0);
        }
        const refusals = () =>
          broker.log.filter((line) => line.includes("Refused:"));
        await until("two lines", () => refusals().length >= 2);
        const refused = refusals();
        assertEquals(refused.length, 2);
        for (const line of refused) {
          assertStringIncludes(line, "WARNING - Refused: 127.0.0.1:");
          assertStringIncludes(
            line,
            "too many connections: the listener has 1",
          );
        }
      } finally {
        for (const client of held) await client.disconnect();
      }
    },
  );
}

Deno.test("M3: a connection that never becomes a client gives its place back", async () => {
  await using broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0", maxConnections: 1 } },
  });
  await broker.start();
  const { port } = broker.addresses[0]!;
  const { metrics } = broker;
  for (let i = 1; i <= 3; i++) {
    // No CONNECT at all, and one that is wrong.
    (await SocketClient.open(port))[Symbol.dispose]();
    await until("the end", () => metrics.connectionsAccepted === 2 * i - 1);
    await until("the end", () => metrics.connectionsOpen === 0);
    {
      using wrong = await SocketClient.open(port);
      await wrong.send(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
      assertEquals(await wrong.next(), undefined);
    }
    await until("the end", () => metrics.connectionsOpen === 0);
  }
  using client = await SocketClient.open(port);
  await client.send(connect(5, { clientId: "last" }));
  assertEquals((await client.next())?.type, "connack");
});

Deno.test("M3: who is refused gets an end and no silence, though it says nothing", async () => {
  await using broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0", maxConnections: 1 } },
  });
  await broker.start();
  const { port } = broker.addresses[0]!;
  using first = await SocketClient.open(port);
  await first.send(connect(5));
  assertEquals((await first.next())?.type, "connack");
  using second = await SocketClient.open(port);
  const end = await second.next();
  // A word about it is allowed: 0x97, quota exceeded.
  if (end !== undefined) {
    assert(end.type === "connack" && end.code === 0x97);
    assertEquals(await second.next(), undefined);
  }
});
