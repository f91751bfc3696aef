import { assertEquals, assertThrows } from "@std/assert";
import {
  clientFields,
  type ClientOptions,
  clientOptions,
  MQTTClient,
} from "../../client/mod.ts";
import { SettingsError } from "../../codec/mod.ts";
import { turn } from "./_scripted_broker.ts";
import { MemoryListener } from "../_memory_transport.ts";

/** Configurations as the documents of the reference have them. */
const configurations: [string, unknown, ClientOptions][] = [
  ["nothing", {}, {}],
  [
    "the library's example",
    {
      keep_alive: 10,
      ping_delay: 1,
      default_qos: 0,
      default_retain: false,
      auto_reconnect: true,
      reconnect_max_interval: 5,
      reconnect_retries: 10,
      topics: {
        "/test": { qos: 1 },
        "/some_topic": { qos: 2, retain: true },
      },
    },
    {
      keepAlive: 10,
      pingDelay: 1,
      defaultQos: 0,
      defaultRetain: false,
      autoReconnect: true,
      reconnectMaxInterval: 5,
      reconnectRetries: 10,
      topics: {
        "/test": { qos: 1 },
        "/some_topic": { qos: 2, retain: true },
      },
    },
  ],
  [
    "a broker, a will and certificates of HBMQTT",
    {
      broker: { uri: "mqtts://box", cafile: "a", capath: "b", cadata: "c" },
      certfile: "d",
      keyfile: "e",
      check_hostname: "off",
      cleansession: "no",
      will: { topic: "t", message: "gone", qos: 1, retain: 1 },
    },
    {
      url: "mqtts://box",
      cafile: "a",
      capath: "b",
      cadata: "c",
      certfile: "d",
      keyfile: "e",
      checkHostname: false,
      cleanStart: false,
      will: { topic: "t", payload: "gone", qos: 1, retain: true },
    },
  ],
  [
    "a connection and plugins of aMQTT, with dashes",
    {
      connection: { uri: "mqtt://127.0.0.1:1883", certfile: "d", keyfile: "e" },
      "connection-timeout": 60,
      "verify-cert": false,
      "reconnect-retries": -1,
      plugins: {
        "amqtt.plugins.logging_amqtt.PacketLoggerPlugin": { config: null },
      },
    },
    {
      url: "mqtt://127.0.0.1:1883",
      certfile: "d",
      keyfile: "e",
      connectTimeout: 60,
      verifyCert: false,
      reconnectRetries: -1,
    },
  ],
  [
    "what is ours",
    {
      uri: "ws://box/mqtt",
      clientId: "me",
      password: "p",
      headers: { authorization: "x" },
      offlineQueue: { messages: 5 },
      will: { topic: "t" },
      plugins: ["packet_logger_plugin"],
    },
    {
      url: "ws://box/mqtt",
      clientId: "me",
      password: "p",
      headers: { authorization: "x" },
      offlineQueue: { messages: 5 },
      will: { topic: "t" },
    },
  ],
];

for (const [name, config, options] of configurations) {
  Deno.test(`clientOptions() reads ${name}`, () => {
    assertEquals(clientOptions(config), options);
    new MQTTClient(clientOptions(config));
  });
}

const mistakes: [unknown, string][] = [
  [null, "it is empty, not an object with keys"],
  [{ keep_alife: 1 }, "there is no keep_alife; did you mean keep_alive?"],
  [{ default_qos: 3 }, "default_qos is 3, not an integer from 0 to 2"],
  [{ auto_reconnect: "true / false" }, 'auto_reconnect is "true / false"'],
  [{ topics: { a: { qos: "1" } } }, 'topics.a.qos is "1", not an integer'],
  [{ will: { message: "x" } }, "will has no topic"],
  [{ uri: "a", broker: { uri: "b" } }, "uri and broker.uri are one"],
  [{ broker: {}, connection: {} }, "broker and connection are one"],
  [
    { plugins: ["packet_loger"] },
    'there is no plugin "packet_loger" for clients; did you mean packet_logger?',
  ],
  [{ plugins: 5 }, "plugins is neither a list of names nor a mapping"],
];

for (const [config, problem] of mistakes) {
  Deno.test(`clientOptions() refuses ${JSON.stringify(config)}`, () => {
    assertThrows(
      () => clientOptions(config),
      SettingsError,
      `Cannot read the configuration of the client: ${problem}`,
    );
  });
}

Deno.test("clientOptions() warns of a ping_delay of 0", () => {
  const lines: string[] = [];
  clientOptions({ ping_delay: 0 }, { log: (line) => lines.push(line) });
  assertEquals(lines.length, 1);
  assertEquals(clientOptions({ ping_delay: 0 }), { pingDelay: 0 });
});

Deno.test("the packet logger logs packets, without passwords and payloads", async () => {
  const lines: string[] = [];
  const listener = new MemoryListener();
  const broker = listener.connect();
  const options = clientOptions({
    plugins: ["packet_logger_plugin"],
    clientId: "me",
    username: "u",
    password: "secret",
    auto_reconnect: false,
  }, { log: (line) => lines.push(line) });
  const client = new MQTTClient({ ...options, dial: () => listener.accept() });
  const connected = client.connect();
  broker.send(new Uint8Array([0x20, 2, 0, 0]));
  await connected;
  await client.publish("t", "payload");
  await turn();
  broker.end();
  await client.closed;
  assertEquals(lines, [
    '-out-> CONNECT {"protocolVersion":4,"cleanStart":true,"keepAlive":10,' +
    '"clientId":"me","username":"u"}',
    '<-in-- CONNACK {"sessionPresent":false,"reasonCode":0}',
    '-out-> PUBLISH {"topic":"t","payload":"7 bytes","qos":0,"retain":false,' +
    '"dup":false}',
  ]);
});

Deno.test("clientFields describes every key", () => {
  for (const field of Object.values(clientFields)) {
    assertEquals(field.description.endsWith("."), true, field.description);
  }
});
