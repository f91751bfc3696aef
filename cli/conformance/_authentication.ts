/** Enhanced authentication, as far as it goes without a secret (5.0: 4.12). */

import { bytesOf, packet, properties, string, uint16 } from "./_bytes.ts";
import { chapter, type Check, check, v5 } from "./_check.ts";
import type { Peer } from "./_peer.ts";
import type { Stage } from "./_stage.ts";
import { describe } from "./_peer.ts";
import { Failure, same, Skip } from "./_verdict.ts";

/** Methods that brokers may have. */
const methods = ["SCRAM-SHA-256", "SCRAM-SHA-512", "SCRAM-SHA-1"];

/** The method and its data as properties. */
function exchange(method: string, data: Uint8Array | string) {
  return properties(0x15, string(method), 0x16, string(data));
}

/** A CONNECT with the first message of SCRAM (RFC 5802). */
function connect(stage: Stage, method: string): Uint8Array {
  return packet(
    0x10,
    ...[string("MQTT"), 5, 2, uint16(60)],
    exchange(method, `n,,n=ambermq-test,r=${stage.clientId("nonce")}`),
    string(stage.clientId("s")),
  );
}

/** A client that has been asked for more by AUTH. */
async function asked(stage: Stage): Promise<[Peer, string]> {
  for (const method of methods) {
    const peer = await stage.open();
    await peer.sendBytes(connect(stage, method));
    const answer = await peer.nextOrEnd("AUTH, CONNACK or the end");
    if (answer?.type === "auth") {
      peer.hold([answer]);
      return [peer, method];
    }
    if (answer?.type !== "connack" && answer !== undefined) {
      throw new Failure("AUTH, CONNACK or the end", describe(answer));
    }
    if (answer?.reasonCode === 0) {
      const { authenticationMethod } = answer.properties ?? {};
      same(authenticationMethod, method, "method in CONNACK");
      throw new Skip(`${method} is over with one message`);
    }
  }
  throw new Skip(`the broker has none of ${methods.join(", ")}`);
}

/** The checks. */
export const authenticationChecks: readonly Check[] = chapter(
  "Enhanced authentication",
  check(
    v5,
    "AUTH of a broker that asks for more has code 0x18 and the client's method [MQTT-4.12.0-2] [MQTT-4.12.0-5] [MQTT-3.2.0-1]",
    async (stage) => {
      const [peer, method] = await asked(stage);
      const { reasonCode, properties } = await peer.next("auth");
      same(reasonCode, 0x18, "code of AUTH");
      same(properties?.authenticationMethod, method, "method of AUTH");
    },
  ),
  check(
    v5,
    "a client that cannot go on is refused, and its connection ended [MQTT-4.12.0-4] [MQTT-3.2.2-7]",
    async (stage) => {
      const [peer, method] = await asked(stage);
      await peer.next("auth");
      const proof = bytesOf("c=biws,r=wrong,p=AAAA");
      await peer.sendBytes(packet(0xf0, 0x18, exchange(method, proof)));
      await stage.refused(peer, "the proof is wrong", [0x86, 0x87, 0x8c]);
    },
  ),
  check(
    v5,
    "AUTH with another method, or another code, ends the authentication [MQTT-4.12.0-5] [MQTT-4.12.0-3]",
    async (stage) => {
      for (const what of ["method", "code"]) {
        const [peer, method] = await asked(stage);
        await peer.next("auth");
        const bytes = what === "method"
          ? packet(0xf0, 0x18, exchange("another", "x"))
          : packet(0xf0, 0x19, exchange(method, "x"));
        await peer.sendBytes(bytes);
        await stage.refused(peer, `another ${what}`, [0x82, 0x8c]);
      }
    },
  ),
  check(
    v5,
    "a packet that may not come during the authentication ends it [MQTT-3.1.2-30]",
    async (stage) => {
      const [peer] = await asked(stage);
      await peer.next("auth");
      await peer.sendBytes(packet(0xc0));
      await stage.refused(peer, "PINGREQ before CONNACK", [0x82]);
    },
  ),
);
