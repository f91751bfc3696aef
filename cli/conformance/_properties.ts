/** Properties of messages and of the connection (5.0: 3.1.2.11, 3.2.2.3, 3.3.2.3). */

import type { PublishProperties, UserProperty } from "../../mod.ts";
import { bytesOf, code, packet, string } from "./_bytes.ts";
import { chapter, type Check, check, informative, slow, v5 } from "./_check.ts";
import { holds, same, Skip } from "./_verdict.ts";

/** What a message may have, and how its delivery has it. */
const passedOn: readonly [string, PublishProperties, string][] = [
  [
    "Payload Format Indicator",
    { payloadFormatIndicator: true },
    "[MQTT-3.3.2-4]",
  ],
  [
    "Content Type",
    { contentType: "text/plain; charset=utf-8" },
    "[MQTT-3.3.2-19] [MQTT-3.3.2-20]",
  ],
  [
    "Response Topic",
    { responseTopic: "a/response/topic" },
    "[MQTT-3.3.2-13] [MQTT-3.3.2-15]",
  ],
  [
    "Correlation Data",
    { correlationData: new Uint8Array([0, 255, 128, 0]) },
    "[MQTT-3.3.2-16]",
  ],
  [
    "all User Properties, in their order",
    { userProperties: [["b", "1"], ["a", "2"], ["b", "1"], ["", ""]] },
    "[MQTT-3.3.2-17] [MQTT-3.3.2-18]",
  ],
];

/** The checks. */
export const propertyChecks: readonly Check[] = chapter(
  "Properties",
  ...passedOn.map(([what, properties, ids]) =>
    check(v5, `${what} is passed on unaltered ${ids}`, async (stage) => {
      const topic = stage.topic("a");
      const peer = await stage.connect("s");
      await peer.subscribe(topic);
      for (const qos of [0, 1] as const) {
        await peer.publish(topic, "x", { qos, properties });
        const message = await peer.next("publish");
        await peer.acknowledge(message);
        const got = message.properties ?? {};
        for (const name of Object.keys(properties)) {
          const key = name as keyof PublishProperties;
          same(got[key], properties[key], name);
        }
      }
    })
  ),
  check(
    v5,
    "a message without properties is delivered without [MQTT-2.2.2-1]",
    async (stage) => {
      const topic = stage.topic("a");
      const peer = await stage.connect("s");
      await peer.subscribe(topic);
      await peer.publish(topic, "x");
      same(
        Object.keys((await peer.next("publish")).properties ?? {}),
        [],
        "properties",
      );
    },
  ),
  check(
    v5,
    "a Response Topic with wildcards ends the connection [MQTT-3.3.2-14]",
    async (stage) => {
      for (const responseTopic of ["a/#", "+"]) {
        const peer = await stage.connect("s");
        const property = [0x08, ...string(responseTopic)];
        await peer.sendBytes(packet(
          0x30,
          ...[string(stage.topic("a")), property.length, ...property],
        ));
        await stage.closed(peer, `Response Topic ${responseTopic}`, [
          ...[0x81, 0x82, 0x90],
        ]);
      }
    },
  ),
  check(
    v5,
    "a request finds its responder, and the response the requester [MQTT-3.3.2-15] [MQTT-3.3.2-16]",
    async (stage) => {
      const [requester, responder] = [
        await stage.connect("q"),
        await stage.connect("r"),
      ];
      const [service, answers] = [
        stage.topic("service"),
        stage.topic("answers"),
      ];
      await responder.subscribe(service);
      await requester.subscribe(answers);
      await requester.publish(service, "2+2", {
        properties: { responseTopic: answers, correlationData: bytesOf("17") },
      });
      const { properties } = await responder.next("publish");
      const { responseTopic = "", correlationData } = properties ?? {};
      await responder.publish(responseTopic, "4", {
        properties: correlationData ? { correlationData } : {},
      });
      const answer = await requester.next("publish");
      same(answer.payload, bytesOf("4"), "payload");
      same(answer.properties?.correlationData, bytesOf("17"), "correlation");
    },
  ),
  check(
    v5,
    "Message Expiry Interval is passed on, less the time waited [MQTT-3.3.2-6]",
    async (stage) => {
      const topic = stage.topic("a");
      const peer = await stage.connect("s");
      await peer.subscribe(topic);
      await peer.publish(topic, "x", {
        properties: { messageExpiryInterval: 600 },
      });
      const left = (await peer.next("publish")).properties
        ?.messageExpiryInterval;
      holds(
        left !== undefined && left <= 600 && left >= 590,
        "600 s or hardly less",
        left,
      );
    },
  ),
  slow(
    v5,
    "a message that expires while it waits is not delivered; another says what is left [MQTT-3.3.2-5] [MQTT-3.3.2-6]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await stage.connect("s", { session: true });
      await client.subscribe(topic);
      await client.disconnect();
      const publisher = await stage.connect("p");
      for (const messageExpiryInterval of [1, 600]) {
        const properties = { messageExpiryInterval };
        const payload = `${messageExpiryInterval}`;
        await publisher.publish(topic, payload, { qos: 1, properties });
      }
      await stage.wait(3);
      const again = await stage.connect("s", { session: true });
      const got = await stage.received(again, publisher);
      same(got.map((one) => one.payload), [bytesOf("600")], "payloads");
      const left = got[0]?.properties?.messageExpiryInterval ?? 0;
      holds(left >= 590 && left <= 598, "600 s less 3", left);
    },
  ),
  check(
    v5,
    "Request Problem Information 0 keeps reason strings and user properties from acknowledgements [MQTT-3.1.2-29]",
    async (stage) => {
      const peer = await stage.connect("s", {
        properties: { requestProblemInformation: false },
      });
      const answers = [
        await peer.request([stage.topic("a")]),
        await peer.request(["$share/x"]).catch(() => undefined),
      ];
      for (const answer of answers) {
        const { reasonString, userProperties } = answer?.properties ?? {};
        same([reasonString, userProperties], [null, null], "properties");
      }
    },
  ),
  check(
    v5,
    "without Request Response Information there is no Response Information [MQTT-3.1.2-28]",
    async (stage) => {
      for (const one of [undefined, false]) {
        const peer = await stage.connect("s", {
          properties: one === false
            ? { requestResponseInformation: false }
            : {},
        });
        const got = peer.connack?.properties?.responseInformation;
        same(got ?? null, null, "Response Information");
        await peer.disconnect();
      }
    },
  ),
  check(
    v5,
    "what a client says of itself in CONNECT is accepted [MQTT-3.1.4-5]",
    async (stage) => {
      const userProperties: UserProperty[] = [["a", "1"], ["a", "1"]];
      await stage.connect("s", {
        properties: {
          receiveMaximum: 65_535,
          maximumPacketSize: 0xffff_ffff,
          topicAliasMaximum: 65_535,
          requestResponseInformation: true,
          requestProblemInformation: true,
          userProperties,
        },
      });
    },
  ),
  informative(v5, "what the broker says of itself", async (stage) => {
    const { connack } = await stage.connect("s", {
      properties: { requestResponseInformation: true },
    });
    for (const [name, value] of Object.entries(connack?.properties ?? {})) {
      stage.note(`${name}: ${value}`);
    }
  }),
  check(
    v5,
    "a packet above the broker's Maximum Packet Size ends the connection [MQTT-4.13.1-1]",
    async (stage) => {
      const peer = await stage.connect("s");
      const maximum = peer.connack?.properties?.maximumPacketSize;
      if (maximum === undefined || maximum > 16_777_216) {
        throw new Skip("the broker has none below 16 MiB");
      }
      const payload = new Uint8Array(maximum);
      // It may be closed while it is being sent.
      const sending = peer.send(peer.message(stage.topic("a"), payload));
      peer.connack = undefined;
      await stage.closed(peer, "a packet too large", [0x95]);
      await sending;
    },
  ),
  check(
    v5,
    "a client gets no packet larger than it takes, and no harm from it [MQTT-3.1.2-24] [MQTT-3.1.2-25]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await stage.connect("s", {
        properties: { maximumPacketSize: 150 },
      });
      const other = await stage.connect("o");
      for (const peer of [client, other]) await peer.subscribe(topic);
      const publisher = await stage.connect("p");
      const large = "x".repeat(200);
      for (const qos of [0, 1, 2] as const) {
        await publisher.publish(topic, large, { qos });
        await publisher.publish(topic, `${qos}`, { qos });
      }
      const small = ["0", "1", "2"];
      const expected = small.flatMap((one) => [large, one]);
      same(await stage.payloads(other, publisher), expected, "of the other");
      same(await stage.payloads(client, publisher), small, "payloads");
    },
  ),
  informative(
    v5,
    "the code for a payload that is not the UTF-8 that it says",
    async (stage) => {
      const peer = await stage.connect("s");
      const properties = { payloadFormatIndicator: true };
      const payload = new Uint8Array([0xff]);
      const got = await peer.publish(stage.topic("a"), payload, {
        qos: 1,
        properties,
      });
      stage.note(code(got));
    },
  ),
);
