/** What a broker does with what it says that it does not offer (5.0: 3.2.2.3). */

import { packet, string, uint16 } from "./_bytes.ts";
import { allCapabilities, type Capabilities } from "./_capabilities.ts";
import { chapter, type Check, check, v311, v5 } from "./_check.ts";
import type { Stage } from "./_stage.ts";
import { Failure, same, Skip } from "./_verdict.ts";

/** Goes no further if the broker offers something in full. */
function lacks(stage: Stage, what: keyof Capabilities): void {
  if (stage.capabilities[what] < allCapabilities[what]) return;
  throw new Skip("the broker offers it");
}

/** A PUBLISH with QoS and RETAIN, by hand. */
function publish(stage: Stage, qos: number, retain = false): Uint8Array {
  const id = qos > 0 ? [uint16(1)] : [];
  const first = 0x30 | qos << 1 | (retain ? 1 : 0);
  return packet(first, string(stage.topic("a")), ...id, 0);
}

/** Sends a CONNECT with a will that has to be refused. */
async function refusesWill(
  stage: Stage,
  flags: number,
  codes: readonly number[],
): Promise<void> {
  const peer = await stage.open();
  await peer.sendBytes(packet(
    0x10,
    ...[string("MQTT"), 5, 0x06 | flags, uint16(60), 0],
    ...[string(stage.clientId("a")), 0],
    ...[string(stage.topic("will")), string("x")],
  ));
  await stage.refused(peer, "the will is not offered", codes);
}

/** Sends a SUBSCRIBE that must not be granted. */
async function refusesFilter(
  stage: Stage,
  filter: string,
  properties: readonly number[],
  codes: readonly number[],
): Promise<void> {
  const peer = await stage.connect("s");
  const body = [uint16(1), properties.length, ...properties, string(filter), 0];
  await peer.sendBytes(packet(0x82, ...body));
  const answer = await peer.nextOrEnd("SUBACK or the end");
  if (answer?.type === "suback") {
    const [code = 0] = answer.reasonCodes;
    if (code < 0x80) throw new Failure("a failure", `QoS ${code} granted`);
    return;
  }
  if (answer?.type === "disconnect") peer.hold([answer]);
  await stage.closed(peer, "it is not offered", codes);
}

/** The checks. */
export const unofferedChecks: readonly Check[] = chapter(
  "What is not offered",
  check(
    v5,
    "a PUBLISH above Maximum QoS ends the connection [MQTT-3.2.2-11] [MQTT-3.2.2-9]",
    async (stage) => {
      lacks(stage, "maximumQos");
      const peer = await stage.connect("s");
      await peer.sendBytes(publish(stage, stage.capabilities.maximumQos + 1));
      await stage.closed(peer, "QoS is not supported", [0x9b]);
    },
  ),
  check(
    v5,
    "a SUBSCRIBE is accepted with any QoS, and none above Maximum QoS granted [MQTT-3.2.2-10]",
    async (stage) => {
      lacks(stage, "maximumQos");
      const peer = await stage.connect("s");
      const { maximumQos } = stage.capabilities;
      for (const qos of [0, 1, 2] as const) {
        const [granted = 3] = await peer.subscribe({
          filter: stage.topic("a"),
          qos,
        });
        if (granted > maximumQos) {
          throw new Failure(`QoS ${maximumQos} at most`, `QoS ${granted}`);
        }
      }
    },
  ),
  check(
    v5,
    "a will above Maximum QoS is refused with 0x9B [MQTT-3.2.2-12]",
    async (stage) => {
      lacks(stage, "maximumQos");
      const qos = stage.capabilities.maximumQos + 1;
      await refusesWill(stage, qos << 3, [0x9b]);
    },
  ),
  check(
    v5,
    "a retained PUBLISH ends the connection where nothing is retained [MQTT-3.2.2-14]",
    async (stage) => {
      lacks(stage, "retainAvailable");
      const peer = await stage.connect("s");
      await peer.sendBytes(publish(stage, 0, true));
      await stage.closed(peer, "nothing is retained", [0x9a]);
    },
  ),
  check(
    v5,
    "a retained will is refused with 0x9A where nothing is retained [MQTT-3.2.2-13]",
    async (stage) => {
      lacks(stage, "retainAvailable");
      await refusesWill(stage, 0x20, [0x9a]);
    },
  ),
  check(
    v5,
    "a filter with wildcards is not granted where there are none [MQTT-4.13.1-1]",
    async (stage) => {
      lacks(stage, "wildcardSubscriptionAvailable");
      await refusesFilter(stage, stage.topic("+"), [], [0xa2]);
    },
  ),
  check(
    v5,
    "a shared subscription is not granted where there are none [MQTT-4.13.1-1]",
    async (stage) => {
      lacks(stage, "sharedSubscriptionAvailable");
      await refusesFilter(stage, `$share/g/${stage.topic("a")}`, [], [0x9e]);
    },
  ),
  check(
    v5,
    "a subscription identifier is not granted where there are none [MQTT-4.13.1-1]",
    async (stage) => {
      lacks(stage, "subscriptionIdentifiersAvailable");
      await refusesFilter(stage, stage.topic("a"), [0x0b, 1], [0xa1]);
    },
  ),
  check(
    v311,
    "filters with wildcards are refused where there are none [MQTT311-3.8.3-2]",
    async (stage) => {
      lacks(stage, "wildcardSubscriptionAvailable");
      const peer = await stage.connect("s");
      const filter = string(stage.topic("+"));
      await peer.sendBytes(packet(0x82, uint16(1), filter, 0));
      const { reasonCodes } = await peer.next("suback");
      same(reasonCodes, [0x80], "codes of SUBACK");
    },
  ),
);
