/** M1: MQTT 3.1.1 is complete, QoS 0, 1 and 2 on both sides. */

import { assertEquals } from "@std/assert";
import { MQTTClient, type Qos } from "../../mod.ts";
import { makeCertificates } from "../_certificates.ts";
import { Process } from "../_process.ts";
import { Everywhere, isSecure, type Scheme, schemes } from "./_everywhere.ts";
import {
  has,
  hasMqttJs,
  JsClient,
  mosquitto,
  mosquittoPub,
  mosquittoSub,
  testWith,
} from "./_foreign.ts";
import { Relay } from "./_relay.ts";
import { ambermq, Folder, outcome } from "./_stage.ts";

const levels = [0, 1, 2] as const satisfies readonly Qos[];

/** What a message is, in one line. */
function line(
  { topic, qos, text }: { topic: string; qos: number; text: string },
): string {
  return `${topic} ${qos} ${text}`;
}

testWith(
  "MQTT.js or mosquitto-clients",
  hasMqttJs && mosquitto,
  "M1: every client over every transport gets what every other one publishes at each QoS, once",
  async () => {
    await using stage = await Everywhere.start();
    const { broker, certificates: { ca } } = stage;
    await using closing = new AsyncDisposableStack();

    const ours = new Map<Scheme, MQTTClient>();
    const js = new Map<Scheme, JsClient>();
    for (const scheme of schemes) {
      const client = new MQTTClient(`ours-${scheme}`, {
        url: stage.url(scheme),
        ...(isSecure(scheme) ? { cafile: ca.file } : {}),
      });
      ours.set(scheme, closing.use(client));
      await client.connect();
      await client.subscribe("m/#", { qos: 2 });
      const theirs = await JsClient.connect(stage.url(scheme), {
        clientId: `js-${scheme}`,
        ...(isSecure(scheme) ? { ca: ca.pem } : {}),
      });
      js.set(scheme, closing.use(theirs));
      await theirs.subscribe("m/#", { qos: 2 });
    }
    const tcp: Scheme[] = ["mqtt", "mqtts"];
    const flags = (scheme: Scheme): string[] =>
      isSecure(scheme) ? ["--cafile", ca.file] : [];
    const count = 3 * (schemes.length * 2 + tcp.length + schemes.length);
    const shown = ["-q", "2", "-t", "m/#", "-C", `${count}`];
    const subs: Process[] = [];
    for (const scheme of tcp) {
      const id = `mosquitto-${scheme}`;
      subs.push(closing.use(mosquittoSub(broker.port(scheme), [
        ...flags(scheme),
        ...shown,
        ...["-i", id, "-F", "%t %q %p"],
      ])));
      await broker.find(new RegExp(`Subscribed: client "${id}"`));
    }
    for (const scheme of schemes) {
      const id = `command-${scheme}`;
      subs.push(closing.use(ambermq([
        ...["sub", "--url", stage.url(scheme), ...flags(scheme)],
        ...shown,
        ...["-i", id, "--clean-session", "-F", "%t %q %p"],
      ])));
      await broker.find(new RegExp(`Subscribed: client "${id}"`));
    }

    const expected: string[] = [];
    const topicOf = (who: string, scheme: string, qos: number): string => {
      const topic = `m/${who}/${scheme}/${qos}`;
      expected.push(`${topic} ${qos} from ${who}`);
      return topic;
    };
    for (const qos of levels) {
      const published: Promise<unknown>[] = [];
      for (const [scheme, client] of ours) {
        const topic = topicOf("ours", scheme, qos);
        published.push(client.publish(topic, "from ours", { qos }));
      }
      for (const [scheme, client] of js) {
        const topic = topicOf("js", scheme, qos);
        published.push(client.publish(topic, "from js", { qos }));
      }
      const args = (topic: string, who: string): string[] => [
        ...["-t", topic, "-m", `from ${who}`, "-q", `${qos}`],
      ];
      for (const scheme of tcp) {
        published.push(
          mosquittoPub(broker.port(scheme), [
            ...flags(scheme),
            ...args(topicOf("mosquitto", scheme, qos), "mosquitto"),
          ]).then(({ code, stderr }) => assertEquals(code, 0, stderr)),
        );
      }
      for (const scheme of schemes) {
        const process = closing.use(ambermq([
          ...["pub", "--url", stage.url(scheme), ...flags(scheme)],
          ...args(topicOf("command", scheme, qos), "command"),
        ]));
        published.push(
          outcome(process).then(({ code, stderr }) =>
            assertEquals(code, 0, stderr)
          ),
        );
      }
      await Promise.all(published);
    }

    expected.sort();
    assertEquals(expected.length, count);
    for (const [scheme, client] of ours) {
      const got: string[] = [];
      while (got.length < count) {
        const message = await client.deliverMessage(10);
        got.push(line({
          topic: message.topic,
          qos: message.qos,
          text: message.text(),
        }));
      }
      assertEquals(got.sort(), expected, `ours over ${scheme}`);
    }
    for (const [scheme, client] of js) {
      const got = (await client.take(count)).map(line);
      assertEquals(got.sort(), expected, `MQTT.js over ${scheme}`);
    }
    for (const sub of subs) {
      assertEquals((await sub.lines()).sort(), expected);
    }
  },
);

/** A broker of Eclipse Mosquitto, over TCP and TLS. */
class Mosquitto implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly ports: { mqtt: number; mqtts: number };
  readonly cafile: string;

  private constructor(
    stack: AsyncDisposableStack,
    ports: { mqtt: number; mqtts: number },
    cafile: string,
  ) {
    this.#stack = stack;
    this.ports = ports;
    this.cafile = cafile;
  }

  static async start(): Promise<Mosquitto> {
    await using stack = new AsyncDisposableStack();
    const { server, ca } = stack.use(await makeCertificates());
    const ports = { mqtt: freePort(), mqtts: freePort() };
    const folder = stack.use(
      await Folder.make({
        "mosquitto.conf": [
          "user root", // where root starts it, its files are root's
          "allow_anonymous true",
          `listener ${ports.mqtt} 127.0.0.1`,
          `listener ${ports.mqtts} 127.0.0.1`,
          `certfile ${server.certfile}`,
          `keyfile ${server.keyfile}`,
          "",
        ].join("\n"),
      }),
    );
    const args = ["-v", "-c", folder.file("mosquitto.conf")];
    const process = stack.use(new Process(program, args));
    await process.stderr.find(/running/);
    return new Mosquitto(stack.move(), ports, ca.file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

const program = has("mosquitto") ? "mosquitto" : "/usr/sbin/mosquitto";

/** A port that was free a moment ago: mosquitto does not say which it has. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

for (const scheme of ["mqtt", "mqtts"] as const) {
  testWith(
    "mosquitto",
    has(program),
    `M1: the client does all of 3.1.1 with mosquitto's broker over ${scheme}`,
    async () => {
      await using theirs = await Mosquitto.start();
      const options = {
        url: `${scheme}://localhost:${theirs.ports[scheme]}`,
        autoReconnect: false,
        ...(scheme === "mqtts" ? { cafile: theirs.cafile } : {}),
      };
      // Each QoS, retained and not.
      await using client = new MQTTClient("one", options);
      await client.connect();
      assertEquals(
        await client.subscribe([["a/+", 2], ["b/#", 1], ["c", 0]]),
        [2, 1, 0],
      );
      for (const qos of levels) {
        await client.publish(`a/${qos}`, `at ${qos}`, { qos });
        const { topic, qos: got } = await client.deliverMessage(10);
        assertEquals([topic, got], [`a/${qos}`, qos]);
      }
      await client.publish("r", "kept", { qos: 1, retain: true });
      await client.subscribe("r", { qos: 2 });
      const kept = await client.deliverMessage(10);
      assertEquals([kept.text(), kept.qos, kept.retain], ["kept", 1, true]);
      await client.ping();
      await client.unsubscribe(["a/+", "r"]);
      await client.publish("a/1", "unseen", { qos: 1 });
      await client.publish("c", "seen", { qos: 1 });
      assertEquals((await client.deliverMessage(10)).text(), "seen");

      // A session that goes on.
      const lasting = { ...options, cleanStart: false };
      const first = new MQTTClient("two", lasting);
      assertEquals((await first.connect()).sessionPresent, false);
      await first.subscribe("s", { qos: 2 });
      await first.disconnect();
      for (const qos of [1, 2] as const) {
        await client.publish("s", `${qos}`, { qos });
      }
      await using second = new MQTTClient("two", lasting);
      assertEquals((await second.connect()).sessionPresent, true);
      assertEquals(
        [
          (await second.deliverMessage(10)).text(),
          (await second.deliverMessage(10)).text(),
        ].sort(),
        ["1", "2"],
      );

      // A will, which comes when its client is killed.
      await client.subscribe("w", { qos: 1 });
      const mortal = ambermq([
        ...["sub", "--url", options.url, "-t", "x", "-d"],
        ...(scheme === "mqtts" ? ["--cafile", theirs.cafile] : []),
        ...["--will-topic", "w", "--will-message", "gone", "--will-qos", "1"],
      ]);
      await using _ = mortal;
      await mortal.stderr.find(/Subscribed to x/);
      mortal.kill("SIGKILL");
      assertEquals((await client.deliverMessage(10)).text(), "gone");
    },
  );
}

for (
  const [what, first] of [["PUBREC", 0x50], ["PUBCOMP", 0x70]] as const
) {
  Deno.test(`M1: a QoS 2 message arrives once, though its ${what} is lost with the connection`, async () => {
    await using stage = await Everywhere.start();
    const url = stage.url("mqtt");
    await using receiver = new MQTTClient("receiver", { url });
    await receiver.connect();
    await receiver.subscribe("q", { qos: 2 });
    await using relay = new Relay(stage.broker.port("mqtt"));
    await using sender = new MQTTClient("sender", {
      url: relay.url,
      cleanStart: false,
    });
    await sender.connect();
    relay.cutAt = first;
    await sender.publish("q", "once", { qos: 2 });
    assertEquals(relay.cuts, 1);
    await sender.publish("q", "end", { qos: 2 });
    const got = [
      (await receiver.deliverMessage(10)).text(),
      (await receiver.deliverMessage(10)).text(),
    ];
    assertEquals(got, ["once", "end"]);
  });
}
