/** Shared subscriptions (5.0: section 4.8.2). */

import { packet, string, textOf, uint16 } from "./_bytes.ts";
import { chapter, type Check, check, v5 } from "./_check.ts";
import { Failure, holds, same } from "./_verdict.ts";
import type { Peer } from "./_peer.ts";
import type { Stage } from "./_stage.ts";

/** Filters that begin like those of shared subscriptions, and are none. */
const invalid = [
  "$share/",
  "$share/g",
  "$share//a",
  "$share/g/",
  "$share/a+b/a",
  "$share/#/a",
];

/** Clients that share a subscription. */
async function group(stage: Stage, filter: string, count = 2): Promise<Peer[]> {
  stage.needs("sharedSubscriptionAvailable");
  const members: Peer[] = [];
  for (let i = 0; i < count; i++) {
    const member = await stage.connect(`m${i}`);
    await member.subscribe(filter);
    members.push(member);
  }
  return members;
}

/** What each has received. */
async function gotten(
  stage: Stage,
  members: readonly Peer[],
  publisher: Peer,
): Promise<string[][]> {
  const lists: string[][] = [];
  for (const one of members) lists.push(await stage.payloads(one, publisher));
  return lists;
}

/** Publishes numbers; gives them as they will be received. */
async function publish(publisher: Peer, topic: string, count = 20) {
  const sent = Array.from(
    { length: count },
    (_, at) => `${at}`.padStart(3, "0"),
  );
  for (const one of sent) await publisher.publish(topic, one, { qos: 1 });
  return sent;
}

/** The checks. */
export const sharedChecks: readonly Check[] = chapter(
  "Shared subscriptions",
  check(
    v5,
    "each message goes to one member [MQTT-4.8.2-1] [MQTT-4.8.2-2]",
    async (stage) => {
      const topic = stage.topic("a");
      const members = await group(stage, `$share/g/${topic}`, 3);
      const publisher = await stage.connect("p");
      const sent = await publish(publisher, topic);
      const lists = await gotten(stage, members, publisher);
      same(lists.flat().toSorted(), sent, "payloads of all members");
      stage.note(`of 20: ${lists.map(({ length }) => length).join(", ")}`);
    },
  ),
  check(
    v5,
    "groups, and subscriptions that are not shared, get each message [MQTT-4.8.2-1] [MQTT-4.5.0-1]",
    async (stage) => {
      const topic = stage.topic("a");
      const [first] = await group(stage, `$share/g/${topic}`, 1);
      const second = await stage.connect("n");
      await second.subscribe(`$share/h/${topic}`);
      const third = await stage.connect("o");
      await third.subscribe(topic);
      const publisher = await stage.connect("p");
      const sent = await publish(publisher, topic, 5);
      const lists = await gotten(stage, [first!, second, third], publisher);
      same(lists, [sent, sent, sent], "payloads");
    },
  ),
  check(
    v5,
    "the QoS granted to a member holds for it [MQTT-4.8.2-3]",
    async (stage) => {
      stage.needs("sharedSubscriptionAvailable");
      stage.needs("maximumQos", 2);
      const topic = stage.topic("a");
      const members: Peer[] = [];
      for (const qos of [0, 1, 2] as const) {
        const member = await stage.connect(`m${qos}`);
        await member.subscribe({ filter: `$share/g/${topic}`, qos });
        members.push(member);
      }
      const publisher = await stage.connect("p");
      for (let i = 0; i < 9; i++) {
        await publisher.publish(topic, "", { qos: 2 });
      }
      for (const [granted, member] of members.entries()) {
        const got = await stage.received(member, publisher);
        holds(got.every(({ qos }) => qos === granted), `QoS ${granted}`, got);
      }
    },
  ),
  ...invalid.map((filter) =>
    check(
      v5,
      `the filter ${filter} is not subscribed to [MQTT-4.8.2-1] [MQTT-4.8.2-2]`,
      async (stage) => {
        stage.needs("sharedSubscriptionAvailable");
        const peer = await stage.connect("s");
        await peer.sendBytes(packet(0x82, uint16(1), 0, string(filter), 0));
        const answer = await peer.nextOrEnd("SUBACK or the end");
        if (answer?.type === "suback") {
          const [code = 0] = answer.reasonCodes;
          if (code < 0x80) {
            throw new Failure("a failure", `QoS ${code} granted`);
          }
          return;
        }
        if (answer?.type === "disconnect") peer.hold([answer]);
        await stage.closed(peer, `filter ${filter}`, [0x8f, 0x81, 0x82]);
      },
    )
  ),
  check(
    v5,
    "No Local with a shared subscription ends the connection [MQTT-3.8.3-4]",
    async (stage) => {
      stage.needs("sharedSubscriptionAvailable");
      const peer = await stage.connect("s");
      const filter = string(`$share/g/${stage.topic("a")}`);
      await peer.sendBytes(packet(0x82, uint16(1), 0, filter, 0x04));
      await stage.closed(peer, "No Local for $share", [0x82]);
    },
  ),
  check(
    v5,
    "retained messages are not sent for a shared subscription [MQTT-3.3.1-9]",
    async (stage) => {
      stage.needs("retainAvailable");
      const topic = stage.topic("a");
      const publisher = await stage.connect("p");
      await stage.retain(publisher, topic, "x");
      const [member] = await group(stage, `$share/g/${topic}`, 1);
      same(await stage.payloads(member!, publisher), [], "payloads");
    },
  ),
  check(
    v5,
    "a member that unsubscribes leaves the messages to the others [MQTT-3.10.4-2]",
    async (stage) => {
      const topic = stage.topic("a");
      const members = await group(stage, `$share/g/${topic}`);
      const { reasonCodes } = await members[0]!.unsubscribe(
        `$share/g/${topic}`,
      );
      same(reasonCodes, [0], "codes of UNSUBACK");
      const publisher = await stage.connect("p");
      const sent = await publish(publisher, topic, 6);
      const lists = await gotten(stage, members, publisher);
      same(lists, [[], sent], "payloads");
    },
  ),
  check(
    v5,
    "a member that goes away leaves the messages to the others [MQTT-4.8.2-1]",
    async (stage) => {
      const topic = stage.topic("a");
      const members = await group(stage, `$share/g/${topic}`);
      await members[0]!.disconnect();
      const publisher = await stage.connect("p");
      const sent = await publish(publisher, topic, 6);
      same(await stage.payloads(members[1]!, publisher), sent, "payloads");
    },
  ),
  check(
    v5,
    "a QoS 2 delivery that has begun is finished with the same member [MQTT-4.8.2-4]",
    async (stage) => {
      stage.needs("sharedSubscriptionAvailable");
      const topic = stage.topic("a");
      const first = await stage.connect("m0", { session: true });
      await first.subscribe(`$share/g/${topic}`);
      const publisher = await stage.connect("p");
      await publisher.publish(topic, "x", { qos: 2 });
      const message = await first.next("publish");
      await first.acknowledge(message);
      await first.next("pubrel");
      const second = await stage.connect("m1");
      await second.subscribe(`$share/g/${topic}`);
      await first.drop();
      const again = await stage.connect("m0", { session: true });
      const { packetId } = await again.next("pubrel");
      same(packetId, message.packetId, "identifier");
      await again.send({ type: "pubcomp", packetId, reasonCode: 0 });
      same(await stage.payloads(second, publisher), [], "of the other member");
    },
  ),
  check(
    v5,
    "a message that a member refuses goes to nobody else [MQTT-4.8.2-6]",
    async (stage) => {
      const topic = stage.topic("a");
      const members = await group(stage, `$share/g/${topic}`);
      const publisher = await stage.connect("p");
      await publisher.publish(topic, "x", { qos: 1 });
      for (const [at, member] of members.entries()) {
        const [message] = await member.drain();
        if (message?.type !== "publish") continue;
        const { packetId = 0 } = message;
        await member.send({ type: "puback", packetId, reasonCode: 0x83 });
        const other = members[1 - at]!;
        same(await stage.payloads(member, publisher), [], "of the member");
        same(await stage.payloads(other, publisher), [], "of the other");
        return;
      }
      throw new Failure("a message for one member", "none");
    },
  ),
  check(
    v5,
    "a shared subscription passes on properties and payload [MQTT-3.3.2-17]",
    async (stage) => {
      const topic = stage.topic("a");
      const [member] = await group(stage, `$share/g/${topic}`, 1);
      const publisher = await stage.connect("p");
      const userProperties: [string, string][] = [["a", "1"]];
      await publisher.publish(topic, "x", { properties: { userProperties } });
      const message = await member!.next("publish");
      same(textOf(message.payload), "x", "payload");
      same(message.properties?.userProperties, userProperties, "properties");
    },
  ),
  check(
    v5,
    "a QoS 2 delivery that has begun goes to nobody else when its session ends [MQTT-4.8.2-5]",
    async (stage) => {
      stage.needs("sharedSubscriptionAvailable");
      const topic = stage.topic("a");
      const first = await stage.connect("m0", { session: true });
      await first.subscribe(`$share/g/${topic}`);
      const publisher = await stage.connect("p");
      await publisher.publish(topic, "x", { qos: 2 });
      await first.acknowledge(await first.next("publish"));
      await first.next("pubrel");
      const second = await stage.connect("m1");
      await second.subscribe(`$share/g/${topic}`);
      const properties = { sessionExpiryInterval: 0 };
      await first.leave({ type: "disconnect", reasonCode: 0, properties });
      same(await stage.payloads(second, publisher), [], "of the other member");
    },
  ),
  check(
    v5,
    "what a member has not acknowledged at QoS 1 is not lost with its session [MQTT-4.8.2-3]",
    async (stage) => {
      const topic = stage.topic("a");
      const members = await group(stage, `$share/g/${topic}`);
      const publisher = await stage.connect("p");
      const sent = await publish(publisher, topic, 6);
      const kept: string[] = [];
      for (const packet of await members[0]!.drain()) {
        if (packet.type === "publish") kept.push(textOf(packet.payload));
      }
      await members[0]!.drop();
      const got = await stage.payloads(members[1]!, publisher);
      const lost = sent.filter((one) => !got.includes(one));
      // The standard leaves it open what becomes of them.
      holds(lost.every((one) => kept.includes(one)), "its own only", lost);
      stage.note(
        `of ${kept.length} not acknowledged, ${lost.length} are lost`,
      );
    },
  ),
);
