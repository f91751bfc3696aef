/** M12: the class `MQTTClient`, and the names of HBMQTT. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as compat from "../../client/compat.ts";
import {
  Broker,
  type BrokerConfig,
  clientOptions,
  type Clock,
  ConnectError,
  ConnectionLostError,
  MQTTClient,
  SettingsError,
  systemClock,
} from "../../mod.ts";
import { Relay } from "./_relay.ts";
import { ConfiguredBroker, until } from "./_stage.ts";

/** A broker on a port of its own, or on this one. */
async function start(
  config: BrokerConfig = {},
  port = 0,
): Promise<Broker> {
  const broker = new Broker({
    listeners: { default: { bind: `127.0.0.1:${port}` } },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    ...config,
  });
  await broker.start();
  return broker;
}

function urlOf(broker: Broker): string {
  return `mqtt://127.0.0.1:${broker.addresses[0]!.port}`;
}

Deno.test("M12: connect, publish, subscribe, deliverMessage, unsubscribe, ping, reconnect, disconnect", async () => {
  await using broker = await start();
  const client = new MQTTClient("me");
  const { reasonCode, sessionPresent } = await client.connect(urlOf(broker));
  assertEquals([reasonCode, sessionPresent], [0, false]);
  assertEquals(await client.subscribe([["a/#", 1], ["b", 2]]), [1, 2]);
  const sent = await client.publish("a/1", new Uint8Array([1, 2]), { qos: 1 });
  assertEquals(sent.pubackPacket?.type, "puback");
  const got = await client.deliverMessage({ timeout: 10 });
  assertEquals([got.topic, [...got.data]], ["a/1", [1, 2]]);
  await client.ping();
  await client.unsubscribe(["a/#", "b"]);
  await client.publish("a/1", "not for me", { qos: 1 });
  await assertRejects(
    () => client.deliverMessage({ timeout: 0.01 }),
    DOMException,
  ).then(({ name }) => assertEquals(name, "TimeoutError"));
  await client.disconnect();
  assertEquals(client.connected, false);
  await client.reconnect();
  await client.ping();
  await client.disconnect();
  await assertRejects(() => client.ping(), ConnectionLostError);
});

for (
  const [explicit, topics, defaults, expected] of [
    // What is said of a call, of the topic, of the client.
    [{}, {}, {}, [0, false]],
    [{}, {}, { defaultQos: 2, defaultRetain: true }, [2, true]],
    [{}, { qos: 1 }, { defaultQos: 2 }, [1, false]],
    [{}, { qos: 0, retain: false }, { defaultQos: 2, defaultRetain: true }, [
      0,
      false,
    ]],
    [{ qos: 2 }, { qos: 1, retain: true }, {}, [2, true]],
    [{ qos: 0, retain: false }, { qos: 2, retain: true }, {}, [0, false]],
    [
      { qos: 0, retain: false },
      {},
      { defaultQos: 1, defaultRetain: true },
      [0, false],
    ],
  ] as const
) {
  const said = [explicit, topics, defaults].map((one) => JSON.stringify(one));
  Deno.test(`M12: call ${said[0]}, topic ${said[1]}, client ${said[2]}: ${expected}`, async () => {
    await using broker = await start();
    await using client = new MQTTClient({
      url: urlOf(broker),
      topics: { t: topics },
      ...defaults,
    });
    await client.connect();
    const { qos, retain } = await client.publish("t", "x", explicit);
    assertEquals([qos, retain], [...expected]);
    // It is only for that topic.
    const other = await client.publish("t/1", "x");
    const { defaultQos = 0, defaultRetain = false } = defaults as {
      defaultQos?: number;
      defaultRetain?: boolean;
    };
    assertEquals([other.qos, other.retain], [defaultQos, defaultRetain]);
  });
}

for (
  const [what, config, login, returnCode] of [
    [
      "5: anonymous",
      { auth: { allowAnonymous: false } },
      {},
      5,
    ],
    [
      "4: a password",
      { auth: { allowAnonymous: false } },
      { username: "ann", password: "pw" },
      4,
    ],
    ["2: an identifier that is too long", { limits: { clientIdLength: 2 } }, {
      clientId: "long",
    }, 2],
  ] as const
) {
  Deno.test(`M12: ConnectError.returnCode is ${what}; it is not tried again`, async () => {
    await using broker = await start(config);
    const attempts: number[] = [];
    const client = new MQTTClient({
      url: urlOf(broker),
      ...login,
      on: { reconnecting: (attempt) => attempts.push(attempt) },
    });
    const error = await assertRejects(() => client.connect(), ConnectError);
    assertEquals([error.returnCode, attempts], [returnCode, []]);
  });
}

/** Pauses between attempts are over at once; deadlines stay. */
const hurried: Clock = {
  ...systemClock,
  setTimeout: (task, ms) => systemClock.setTimeout(task, ms > 10_000 ? ms : 0),
};

Deno.test("M12: a first connection that cannot be made is tried again, with growing pauses, and given up", async () => {
  const delays: number[] = [];
  const client = new MQTTClient({
    dial: () => Promise.reject(new Error("no road")),
    reconnectRetries: 4,
    reconnectMaxInterval: 3,
    clock: hurried,
    on: { reconnecting: (_attempt, delay) => delays.push(delay) },
  });
  const error = await assertRejects(
    () => client.connect("mqtt://broker.example"),
    ConnectError,
  );
  assert(error.message.includes("broker.example:1883: no road"), error.message);
  // min(3, 2ⁿ), up to half earlier; the fifth failure is the last.
  const most = [2, 3, 3, 3];
  assertEquals(delays.length, most.length);
  delays.forEach((delay, i) => {
    assert(delay >= most[i]! / 2 && delay <= most[i]!, `${delays}`);
  });
});

Deno.test("M12: a lost connection comes back with its subscriptions, though the broker has forgotten them", async () => {
  let broker = await start();
  const { port } = broker.addresses[0]!;
  const options = { url: urlOf(broker), reconnectRetries: -1 };
  await using client = new MQTTClient("c", {
    ...options,
    reconnectMaxInterval: 0.05,
  });
  await client.connect();
  await client.subscribe([["a/#", 1], ["b", 0]]);
  await broker.shutdown();
  // What is published while there is no broker waits for it.
  const waiting = client.publish("a/1", "from before", { qos: 1 });
  broker = await start({}, port);
  await using _ = broker;
  await waiting;
  assertEquals((await client.deliverMessage(10)).text(), "from before");
  broker.publish({ topic: "b", payload: new TextEncoder().encode("after") });
  assertEquals((await client.deliverMessage(10)).text(), "after");
});

Deno.test("M12: a broker that is killed and started again finds the client, over and over", async () => {
  const yaml = (port: number) =>
    `listeners: {default: {bind: "127.0.0.1:${port}"}}\n`;
  let broker = await ConfiguredBroker.start(yaml(0));
  const port = broker.port();
  await using client = new MQTTClient("c", {
    url: broker.url(),
    reconnectRetries: -1,
    reconnectMaxInterval: 0.05,
  });
  await client.connect();
  await client.subscribe("a", { qos: 1 });
  for (let i = 0; i < 2; i++) {
    broker.process.kill("SIGKILL");
    await broker[Symbol.asyncDispose]();
    broker = await ConfiguredBroker.start(yaml(port));
    await client.publish("a", `${i}`, { qos: 1 });
    assertEquals((await client.deliverMessage(10)).text(), `${i}`);
  }
  await broker[Symbol.asyncDispose]();
});

Deno.test("M12: when reconnection is given up, everything that waits is told", async () => {
  await using broker = await start();
  await using relay = new Relay(broker.addresses[0]!.port);
  const client = new MQTTClient({
    url: relay.url,
    reconnectRetries: 1,
    reconnectMaxInterval: 0.05,
  });
  await client.connect();
  const lost = assertRejects(
    () => client.deliverMessage(),
    ConnectionLostError,
  );
  relay.down = true;
  relay.cut();
  await until("the loss", () => !client.connected);
  const calls = [
    client.publish("a", "x", { qos: 1 }),
    client.subscribe("a"),
    client.unsubscribe("a"),
    client.ping(),
  ];
  for (const call of calls) await assertRejects(() => call);
  await lost;
  assertInstanceOf(await client.closed, Error);
  // It can be had back by hand.
  relay.down = false;
  await client.reconnect();
  await client.ping();
  await client.disconnect();
});

Deno.test("M12: without auto-reconnect a loss is the end", async () => {
  await using broker = await start();
  await using relay = new Relay(broker.addresses[0]!.port);
  const client = new MQTTClient({ url: relay.url, autoReconnect: false });
  await client.connect();
  relay.cut();
  await assertRejects(() => client.deliverMessage(), ConnectionLostError);
  assertInstanceOf(await client.closed, ConnectionLostError);
  await assertRejects(
    () => client.publish("a", "x"),
    ConnectionLostError,
  );
});

Deno.test("M12: the will is published when the client is lost, and not when it leaves", async () => {
  await using broker = await start();
  await using heir = new MQTTClient({ url: urlOf(broker) });
  await heir.connect();
  await heir.subscribe("will/#", { qos: 2 });
  await using relay = new Relay(broker.addresses[0]!.port);
  for (const [name, lost] of [["leaves", false], ["is lost", true]] as const) {
    const client = new MQTTClient({
      url: relay.url,
      autoReconnect: false,
      will: { topic: `will/${name}`, payload: name, qos: 2, retain: true },
    });
    await client.connect();
    if (lost) relay.cut();
    else await client.disconnect();
    await client.closed;
  }
  const { topic, qos } = await heir.deliverMessage(10);
  assertEquals([topic, qos], ["will/is lost", 2]);
});

Deno.test("M12: keys of the reference configuration mean the same, in any spelling", () => {
  const uri = "mqtts://localhost";
  const config = {
    keep_alive: 5,
    "ping-delay": 2,
    defaultQos: 1,
    default_retain: "on",
    auto_reconnect: false,
    reconnect_max_interval: 5,
    reconnect_retries: 10,
    cleansession: false,
    connection_timeout: 3,
    check_hostname: false,
    topics: { "/test": { qos: 1 }, "/some_topic": { qos: 2, retain: true } },
    will: { topic: "w", message: "gone", qos: 1, retain: false },
    broker: { uri, cafile: "ca", certfile: "c", keyfile: "k" },
  };
  const options = {
    keepAlive: 5,
    pingDelay: 2,
    defaultQos: 1,
    defaultRetain: true,
    autoReconnect: false,
    reconnectMaxInterval: 5,
    reconnectRetries: 10,
    cleanStart: false,
    connectTimeout: 3,
    checkHostname: false,
    topics: { "/test": { qos: 1 }, "/some_topic": { qos: 2, retain: true } },
    will: { topic: "w", payload: "gone", qos: 1, retain: false },
    url: uri,
    cafile: "ca",
    certfile: "c",
    keyfile: "k",
  } as const;
  assertEquals(clientOptions(config), { ...options, topics: options.topics });
  const { broker, ...rest } = config;
  assertEquals(
    clientOptions({ ...rest, connection: broker }),
    clientOptions(config),
  );
  for (
    const [wrong, problem] of [
      [{ default_qos: 3 }, "default_qos is 3"],
      [{ auto_reconnect: "perhaps" }, "auto_reconnect"],
      [{ keepalive: 3 }, "did you mean keepAlive?"],
      [{ will: { message: "x" } }, "will has no topic"],
      [{ topics: { a: { qos: 5 } } }, "topics.a.qos is 5"],
    ] as const
  ) {
    assertThrows(() => clientOptions(wrong), SettingsError, problem);
  }
});

Deno.test("M12: trap 19: ping_delay 0 turns pings off, and is warned about", () => {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  assertEquals(clientOptions({ ping_delay: 0 }, { log }), { pingDelay: 0 });
  assertEquals(lines.length, 1);
  assert(lines[0]!.startsWith("ping_delay is 0"));
});

Deno.test("M12: the compat entry has all of it by the names of HBMQTT", async () => {
  await using broker = await start();
  const C = new compat.MQTTClient("c", { default_qos: 1 });
  assertEquals(await C.connect(`${urlOf(broker)}/`, true), 0);
  assertEquals(
    await C.subscribe([["a/b", compat.QOS_1], ["a/c", compat.QOS_2]]),
    [1, 2],
  );
  await C.publish("a/b", new TextEncoder().encode("one"));
  await C.publish("a/c", "two", compat.QOS_2, false, 10);
  const one = await C.deliver_message(10);
  assertEquals(one.publish_packet.variable_header.topic_name, "a/b");
  assertEquals(
    new TextDecoder().decode(one.publish_packet.payload.data),
    "one",
  );
  assertEquals([one.qos, one.packet_id], [1, 1]);
  assertEquals((await C.deliver_message()).qos, 2);
  await C.ping();
  await C.unsubscribe(["a/b", "a/c"]);
  await assertRejects(() => C.deliver_message(0.01), DOMException);
  await C.disconnect();
  assertEquals(await C.reconnect(), 0);
  await C.disconnect();
  const nobody = new compat.MQTTClient(null, { auto_reconnect: false });
  await assertRejects(
    () => nobody.connect("mqtt://127.0.0.1:1"),
    compat.ConnectException,
  );
});
