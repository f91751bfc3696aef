/** The broker's transports with the clients of others. */

import { assertEquals, assertMatch } from "@std/assert";
import { Broker, type ListenerConfig } from "../../broker/mod.ts";
import { type Certificates, makeCertificates } from "../_certificates.ts";
import { Process } from "../_process.ts";
import { within } from "../_raw_client.ts";

/** How a listener is reached: with which certificate, if with any. */
interface Way {
  readonly what: string;
  readonly type: "tcp" | "ws";
  readonly scheme: "mqtt" | "mqtts" | "ws" | "wss";
  readonly clientCert?: "none" | "optional" | "required";
  readonly identity?: "client" | "stranger";
}

const ways: readonly Way[] = [
  { what: "TCP", type: "tcp", scheme: "mqtt" },
  { what: "TLS", type: "tcp", scheme: "mqtts" },
  {
    what: "TLS with an optional certificate, without one",
    type: "tcp",
    scheme: "mqtts",
    clientCert: "optional",
  },
  {
    what: "TLS with an optional certificate",
    type: "tcp",
    scheme: "mqtts",
    clientCert: "optional",
    identity: "client",
  },
  {
    what: "TLS with a required certificate",
    type: "tcp",
    scheme: "mqtts",
    clientCert: "required",
    identity: "client",
  },
  { what: "WebSocket", type: "ws", scheme: "ws" },
  { what: "secure WebSocket", type: "ws", scheme: "wss" },
  {
    what: "secure WebSocket with a required certificate",
    type: "ws",
    scheme: "wss",
    clientCert: "required",
    identity: "client",
  },
];

/** Ways that lead nowhere. */
const refused: readonly Way[] = [
  {
    what: "TLS without the certificate that is required",
    type: "tcp",
    scheme: "mqtts",
    clientCert: "required",
  },
  {
    what: "TLS with the certificate of a stranger",
    type: "tcp",
    scheme: "mqtts",
    clientCert: "required",
    identity: "stranger",
  },
  {
    what: "TLS with an optional certificate, of a stranger",
    type: "tcp",
    scheme: "mqtts",
    clientCert: "optional",
    identity: "stranger",
  },
];

/** A broker that is reached in one way. */
class Stage implements AsyncDisposable {
  readonly certificates: Certificates;
  readonly broker: Broker;
  readonly way: Way;
  /** The common names of its clients, if they have shown certificates. */
  readonly names: (string | undefined)[] = [];
  /** Why connections were refused. */
  readonly reasons: string[] = [];

  constructor(certificates: Certificates, way: Way) {
    const { type, scheme, clientCert } = way;
    const { server: { certfile, keyfile }, ca } = certificates;
    const listener: ListenerConfig = {
      bind: "127.0.0.1:0",
      type,
      ...(scheme.endsWith("s") && scheme !== "ws"
        ? { ssl: true, certfile, keyfile }
        : {}),
      ...(clientCert === undefined ? {} : { clientCert, cafile: ca.file }),
    };
    this.certificates = certificates;
    this.way = way;
    this.broker = new Broker({
      listeners: { default: listener },
      plugins: [{
        name: "witness",
        authenticate: ({ certificate }) => {
          this.names.push(certificate?.commonName);
          return true;
        },
        on: {
          broker_connection_refused: ({ reason }) => this.reasons.push(reason),
        },
      }],
    });
  }

  get port(): number {
    return this.broker.addresses[0]!.port;
  }

  /** What clients of this way are called. */
  get expected(): string | undefined {
    return this.way.identity === undefined ? undefined : "sensor-7";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker[Symbol.asyncDispose]();
    await this.certificates[Symbol.asyncDispose]();
  }
}

async function start(way: Way): Promise<Stage> {
  const stage = new Stage(await makeCertificates(), way);
  await stage.broker.start();
  return stage;
}

// Mosquitto.

/** Whether a program is there. */
function has(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["--help"] }).outputSync();
    return true;
  } catch {
    return false;
  }
}

const mosquitto = has("mosquitto_pub") && has("mosquitto_sub");

function mosquittoTest(
  way: Way,
  name: string,
  run: (stage: Stage, args: readonly string[]) => Promise<void>,
): void {
  const title = `mosquitto over ${way.what}: ${name}`;
  Deno.test({
    name: mosquitto
      ? title
      : `skipped: mosquitto-clients is not installed: ${title}`,
    ignore: !mosquitto,
    fn: async () => {
      await using stage = await start(way);
      const { certificates } = stage;
      const identity = way.identity && certificates[way.identity];
      await run(stage, [
        ...["-h", "127.0.0.1", "-p", `${stage.port}`, "-q", "1", "-t", "a"],
        ...(way.scheme === "mqtts"
          ? ["--cafile", certificates.ca.file, "--tls-alpn", "mqtt"]
          : []),
        ...(identity === undefined
          ? []
          : ["--cert", identity.certfile, "--key", identity.keyfile]),
      ]);
    },
  });
}

for (const way of ways.filter(({ type }) => type === "tcp")) {
  mosquittoTest(way, "publishes and subscribes", async (stage, args) => {
    await using pub = new Process("mosquitto_pub", [...args, "-r", "-s"], LONG);
    await pub.lines();
    await using sub = new Process("mosquitto_sub", [...args, "-C", "1"]);
    assertEquals(await sub.lines(), [LONG]);
    const { expected } = stage;
    assertEquals(stage.names, [expected, expected]);
    assertEquals(stage.reasons, []);
  });
}

/** A payload that is more than one record of TLS or frame of WebSocket. */
const LONG = "0123456789".repeat(20_000);

for (const way of refused) {
  mosquittoTest(way, "is refused", async (stage, args) => {
    await using pub = new Process("mosquitto_pub", [...args, "-m", "x"]);
    const { code } = await pub.status();
    assertEquals([code === 0, stage.names], [false, []]);
    assertMatch(stage.reasons[0]!, /^TLS: the (client|certificate)/);
    assertEquals(stage.broker.metrics.handshakesFailed, 1);
  });
}

// MQTT.js.

// What is used of MQTT.js; not a literal, so that checking needs no download.
const specifier: string = "npm:mqtt@5.14.1";

interface MqttJs {
  connect(url: string, options: object): JsClient;
}

interface JsClient {
  on(event: string, listener: (...args: never[]) => void): void;
  publishAsync(
    topic: string,
    payload: string,
    options: object,
  ): Promise<unknown>;
  subscribeAsync(filter: string, options: object): Promise<unknown>;
  endAsync(force?: boolean): Promise<void>;
}

const mqttJs: MqttJs | undefined = await import(specifier).then(
  (module) => module.default,
  () => undefined,
);

for (const way of ways) {
  const title = `MQTT.js over ${way.what}: publishes and subscribes`;
  Deno.test({
    name: mqttJs === undefined
      ? `skipped: MQTT.js cannot be downloaded: ${title}`
      : title,
    ignore: mqttJs === undefined,
    // Its timers and sockets are its own.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      await using stage = await start(way);
      const { ca, ...certificates } = stage.certificates;
      const identity = way.identity && certificates[way.identity];
      const secrets = {
        ca: ca.pem,
        ...(identity === undefined
          ? {}
          : { cert: identity.cert, key: identity.key }),
      };
      const client = mqttJs!.connect(
        `${way.scheme}://127.0.0.1:${stage.port}/mqtt`,
        {
          protocolVersion: 5,
          reconnectPeriod: 0,
          ...secrets,
          ...(way.type === "ws" ? { wsOptions: secrets } : {}),
        },
      );
      const arrived = Promise.withResolvers<string>();
      const listener = (_topic: string, payload: Uint8Array): void =>
        arrived.resolve(new TextDecoder().decode(payload));
      client.on("message", listener as (...args: never[]) => void);
      client.on("error", arrived.reject as (...args: never[]) => void);
      try {
        const subscribed = client.subscribeAsync("a", { qos: 2 });
        await within(Promise.race([subscribed, arrived.promise]), "SUBACK");
        const published = client.publishAsync("a", LONG, { qos: 2 });
        await within(published, "PUBCOMP");
        const payload = await within(arrived.promise, "the message");
        assertEquals(payload === LONG, true);
        assertEquals(stage.names, [stage.expected]);
      } finally {
        await client.endAsync(true);
      }
    },
  });
}
