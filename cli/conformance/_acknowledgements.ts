/** PUBACK, PUBREC, PUBREL and PUBCOMP (sections 3.4 to 3.7). */

import {
  chapter,
  type Check,
  check,
  every,
  informative,
  oasis,
  v5,
} from "./_check.ts";
import { pair } from "./_qos.ts";
import { holds, same } from "./_verdict.ts";

/** The checks. */
export const acknowledgementChecks: readonly Check[] = chapter(
  "Acknowledgements",
  check(
    every,
    "QoS 1 is answered with one PUBACK of its identifier [MQTT-4.3.2-4] [MQTT-2.2.1-5] [MQTT-3.3.4-1] [MQTT-3.4.2-1] [MQTT311-4.3.2-2] [MQTT311-2.3.1-6] [MQTT311-3.3.4-1]",
    async (stage) => {
      const peer = await stage.connect("p");
      for (const packetId of [1, 0x1234, 0xffff]) {
        await peer.send(
          peer.message(stage.topic("a"), "x", { qos: 1, packetId }),
        );
        const puback = await peer.next("puback");
        same(puback.packetId, packetId, "identifier");
        holds(puback.reasonCode < 0x80, "success", puback);
      }
      await peer.quiet("all is answered");
    },
  ),
  check(
    every,
    "QoS 2 is answered with PUBREC, and PUBREL with PUBCOMP [MQTT-4.3.3-8] [MQTT-4.3.3-11] [MQTT-2.2.1-5] [MQTT-3.5.2-1] [MQTT-3.7.2-1] [MQTT311-4.3.3-2] [MQTT311-2.3.1-6]",
    async (stage) => {
      const peer = await stage.connect("p");
      for (const packetId of [1, 0x1234, 0xffff]) {
        await peer.send(
          peer.message(stage.topic("a"), "x", { qos: 2, packetId }),
        );
        same((await peer.next("pubrec")).packetId, packetId, "PUBREC's");
        await peer.quiet("there was no PUBREL yet");
        await peer.send({ type: "pubrel", packetId, reasonCode: 0 });
        const pubcomp = await peer.next("pubcomp");
        same([pubcomp.packetId, pubcomp.reasonCode], [packetId, 0], "PUBCOMP");
      }
    },
  ),
  check(
    every,
    "the broker's QoS 2 delivery goes on with PUBREL after PUBREC and ends with PUBCOMP [MQTT-4.3.3-4] [MQTT-3.6.2-1] [MQTT-4.3.3-5] [MQTT311-4.3.3-1] [MQTT311-2.3.1-6]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      await publisher.publish(topic, "x", { qos: 2 });
      const message = await subscriber.next("publish");
      await subscriber.quiet("there was no PUBREC yet");
      await subscriber.acknowledge(message);
      const { packetId, reasonCode } = await subscriber.next("pubrel");
      same([packetId, reasonCode], [message.packetId, 0], "PUBREL");
      await subscriber.send({ type: "pubcomp", packetId, reasonCode: 0 });
      await subscriber.quiet("the exchange is over");
    },
  ),
  check(
    every,
    "PUBREL of a message that is not known is answered with PUBCOMP [MQTT-4.3.3-11] [MQTT-3.7.2-1] [MQTT311-4.3.3-2]",
    async (stage) => {
      const peer = await stage.connect("p");
      await peer.send({ type: "pubrel", packetId: 99, reasonCode: 0 });
      const { packetId, reasonCode } = await peer.next("pubcomp");
      same(packetId, 99, "identifier");
      if (stage.version === 5 && reasonCode !== 0x92) {
        stage.note("the code is 0x00, where 0x92 would say more");
      }
    },
  ),
  check(
    oasis,
    "acknowledgements of messages that are not known change nothing [MQTT-4.9.0-3] [MQTT311-4.8.0-1]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      for (const type of ["puback", "pubcomp"] as const) {
        await subscriber.send({ type, packetId: 99, reasonCode: 0 });
      }
      await subscriber.quiet("nothing was sent");
      await publisher.publish(topic, "x", { qos: 1 });
      same(await stage.payloads(subscriber, publisher), ["x"], "payloads");
    },
  ),
  check(
    v5,
    "PUBACK and PUBREC with a code of failure end the delivery [MQTT-4.4.0-2] [MQTT-4.3.3-4]",
    async (stage) => {
      const topic = stage.topic("a");
      const client = await stage.connect("s", { session: true });
      await client.subscribe(topic);
      const publisher = await stage.connect("p");
      for (const qos of [1, 2] as const) {
        await publisher.publish(topic, "refused", { qos });
        const { packetId = 0 } = await client.next("publish");
        const type = qos === 1 ? "puback" : "pubrec";
        await client.send({ type, packetId, reasonCode: 0x80 });
        await client.quiet("the delivery is over");
      }
      await client.drop();
      const again = await stage.connect("s", { session: true });
      await again.quiet("the deliveries are over");
    },
  ),
  check(
    v5,
    "a client may send acknowledgements in their long form [MQTT-2.2.2-1]",
    async (stage) => {
      const { topic, subscriber, publisher } = await pair(stage);
      await publisher.publish(topic, "x", { qos: 2 });
      const { packetId = 0 } = await subscriber.next("publish");
      const properties = { reasonString: "because" };
      const more = { packetId, reasonCode: 0, properties };
      await subscriber.send({ type: "pubrec", ...more });
      same((await subscriber.next("pubrel")).packetId, packetId, "PUBREL's");
      await subscriber.send({ type: "pubcomp", ...more });
      await subscriber.quiet("the exchange is over");
    },
  ),
  informative(
    v5,
    "the code for a message without subscribers",
    async (stage) => {
      const peer = await stage.connect("p");
      for (const qos of [1, 2] as const) {
        const code = await peer.publish(stage.topic("nobody"), "", { qos });
        stage.note(`QoS ${qos}: 0x${code.toString(16).padStart(2, "0")}`);
      }
    },
  ),
);
