/** M11: the class `Broker`: its states, its start and its end. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  Broker,
  BrokerError,
  type BrokerStatus,
  defaultConfig,
  MemoryStore,
  MQTTClient,
  type Plugin,
} from "../../mod.ts";
import type { Process } from "../_process.ts";
import { ambermq } from "./_stage.ts";

const listeners = { default: { bind: "127.0.0.1:0" } };
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

function urlOf(broker: Broker): string {
  return `mqtt://127.0.0.1:${broker.addresses[0]!.port}`;
}

Deno.test("M11: a broker goes from new to started and stopped, and again", async () => {
  const states: BrokerStatus[] = [];
  const note = (): void => void states.push(broker.status);
  const plugin: Plugin = {
    name: "states",
    on: {
      broker_pre_start: note,
      broker_post_start: note,
      broker_pre_shutdown: note,
      broker_post_shutdown: note,
    },
  };
  const broker = new Broker({ listeners, plugins: [plugin], logger: quiet });
  note();
  for (let i = 0; i < 2; i++) {
    await broker.start();
    await using client = new MQTTClient({ url: urlOf(broker) });
    await client.connect();
    await client.disconnect();
    await broker.shutdown();
  }
  const round: BrokerStatus[] = ["starting", "started", "stopping", "stopped"];
  assertEquals(states, ["new", ...round, ...round]);
});

Deno.test("M11: a transition that is not possible is an error that names the state", async () => {
  const broker = new Broker({ listeners, logger: quiet });
  const stop = await assertRejects(() => broker.shutdown(), BrokerError);
  assertEquals(stop.message, "Cannot stop the broker: it is new");
  const starting = broker.start();
  const again = await assertRejects(() => broker.start(), BrokerError);
  assertEquals(again.message, "Cannot start the broker: it is starting");
  await starting;
  const started = await assertRejects(() => broker.start(), BrokerError);
  assertEquals(started.message, "Cannot start the broker: it is started");
  const stopping = broker.shutdown();
  const twice = await assertRejects(() => broker.shutdown(), BrokerError);
  assertEquals(twice.message, "Cannot stop the broker: it is stopping");
  await stopping;
  const after = await assertRejects(() => broker.shutdown(), BrokerError);
  assertEquals(after.message, "Cannot stop the broker: it is stopped");
});

Deno.test("M11: a start that fails is not_started, releases its ports, and can be repeated", async () => {
  const occupied = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ports = [free.addr.port, occupied.addr.port] as const;
  free.close();
  let stopped = 0;
  const broker = new Broker({
    listeners: {
      first: { bind: `127.0.0.1:${ports[0]}` },
      second: { bind: `127.0.0.1:${ports[1]}` },
    },
    plugins: [{ name: "p", start() {}, stop: () => void stopped++ }],
    logger: quiet,
  });
  const error = await assertRejects(() => broker.start(), BrokerError);
  assertStringIncludes(error.message, "listener second");
  assertEquals([broker.status, stopped], ["not_started", 1]);
  Deno.listen({ hostname: "127.0.0.1", port: ports[0] }).close();
  const stop = await assertRejects(() => broker.shutdown(), BrokerError);
  assertEquals(stop.message, "Cannot stop the broker: it is not_started");
  occupied.close();
  await broker.start();
  assertEquals(broker.status, "started");
  await using client = new MQTTClient({ url: urlOf(broker) });
  await client.connect();
  await client.disconnect();
  await broker.shutdown();
});

/** A store that cannot be closed. */
class StubbornStore extends MemoryStore {
  override close(): void {
    throw new Error("not now");
  }
}

Deno.test("M11: a shutdown that fails is not_stopped, and yet everything is closed", async () => {
  const broker = new Broker({
    listeners,
    logger: quiet,
    store: new StubbornStore(),
  });
  await broker.start();
  const { port } = broker.addresses[0]!;
  await assertRejects(() => broker.shutdown(), Error, "not now");
  assertEquals(broker.status, "not_stopped");
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});

Deno.test("M11: shutdown closes all clients, and tells those of 5.0 why", async () => {
  const broker = new Broker({ listeners, logger: quiet });
  await broker.start();
  const clients = [];
  for (const protocolVersion of [3, 4, 5] as const) {
    const url = urlOf(broker);
    const client = new MQTTClient({
      url,
      protocolVersion,
      autoReconnect: false,
    });
    await client.connect();
    clients.push(client);
  }
  await broker.shutdown();
  const reasons: string[] = [];
  for (const client of clients) {
    const error = await client.closed;
    assert(error !== undefined);
    reasons.push(error.message);
    assertEquals(client.connected, false);
  }
  assertStringIncludes(reasons[2]!, "Server shutting down");
});

Deno.test("M11: new Broker() has the documented default configuration", () => {
  assertEquals(new Broker().status, "new");
  assertEquals(defaultConfig(), {
    listeners: { default: { type: "tcp", bind: "0.0.0.0:1883" } },
    auth: { allowAnonymous: true },
    sysInterval: 20,
  });
});

Deno.test("M11: the program has the default configuration too, and says that it is open", async () => {
  await using program: Process = ambermq(["broker", "--bind", "127.0.0.1:0"]);
  await program.stderr.find(
    /INFO - Listener 'default' bind to 127\.0\.0\.1:\d+ \(max_connections=-1\)/,
  );
  await program.stderr.find(/Anonymous access is open/);
  program.kill("SIGINT");
  assertEquals((await program.status()).code, 0);
});
