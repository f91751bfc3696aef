/** Enhanced authentication by SCRAM; to its end with a password (5.0: 4.12). */

import { ScramClient } from "../../mod.ts";
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

const SCRAM_SHA_256 = "SCRAM-SHA-256";

/**
 * An exchange to its end: CONNECT or AUTH 0x19, a challenge, the answer.
 *
 * @param begin Sends the first message.
 * @returns The last packet: CONNACK or AUTH.
 */
async function prove(
  stage: Stage,
  peer: Peer,
  begin: (first: Uint8Array) => Promise<void>,
) {
  const { username, password } = stage.credentials!;
  const scram = new ScramClient(username, password);
  await begin(scram.first());
  const challenge = await peer.nextOrEnd("AUTH");
  if (challenge?.type !== "auth") return challenge;
  same(challenge.reasonCode, 0x18, "code of AUTH");
  const { authenticationMethod, authenticationData } = challenge.properties ??
    {};
  same(authenticationMethod, SCRAM_SHA_256, "method of AUTH");
  const answer = await scram.answer(authenticationData ?? new Uint8Array());
  const data = exchange(SCRAM_SHA_256, answer);
  await peer.sendBytes(packet(0xf0, 0x18, data));
  const last = await peer.nextOrEnd("CONNACK or AUTH");
  if (last?.type !== "connack" && last?.type !== "auth") return last;
  same(last.reasonCode, 0, `code of ${last.type.toUpperCase()}`);
  same(last.properties?.authenticationMethod, SCRAM_SHA_256, "method");
  scram.finish(last.properties?.authenticationData ?? new Uint8Array());
  return last;
}

/** A client that has proved who it is. */
async function proven(stage: Stage): Promise<Peer> {
  if (stage.credentials === undefined) {
    throw new Skip("there are no user name and password to prove");
  }
  const peer = await stage.open();
  const last = await prove(stage, peer, (first) =>
    peer.sendBytes(packet(
      0x10,
      ...[string("MQTT"), 5, 2, uint16(60)],
      exchange(SCRAM_SHA_256, first),
      string(stage.clientId("s")),
    )));
  if (last?.type === "connack" && last.reasonCode === 0) {
    peer.connack = last;
    return peer;
  }
  if (last?.type === "connack" && last.reasonCode === 0x8c) {
    throw new Skip(`the broker does not have ${SCRAM_SHA_256}`);
  }
  throw new Failure("CONNACK 0x00", describe(last));
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
  check(
    v5,
    "a client that proves who it is by SCRAM-SHA-256 is let in, and the broker proves itself [MQTT-4.12.0-5] [MQTT-3.1.4-5]",
    async (stage) => {
      const peer = await proven(stage);
      await peer.subscribe(stage.topic("a"));
      await peer.quiet("it is let in");
    },
  ),
  check(
    v5,
    "it may prove it again, while other packets go to and fro [MQTT-4.12.0-5] [MQTT-4.12.1-1]",
    async (stage) => {
      const peer = await proven(stage);
      const topic = stage.topic("a");
      await peer.subscribe(topic);
      const last = await prove(
        stage,
        peer,
        (first) =>
          peer.sendBytes(packet(0xf0, 0x19, exchange(SCRAM_SHA_256, first))),
      );
      same(last?.type, "auth", "the last packet");
      await peer.publish(topic, "x");
      await peer.next("publish");
    },
  ),
  check(
    v5,
    "an authentication of a connected client that fails ends the connection [MQTT-4.12.1-2] [MQTT-4.12.1-1]",
    async (stage) => {
      const data = bytesOf("n,,n=ambermq-test,r=nonce");
      for (const what of ["another method", "no first message"]) {
        const peer = await proven(stage);
        await peer.sendBytes(
          what === "another method"
            ? packet(0xf0, 0x19, exchange("another", data))
            : packet(0xf0, 0x19, exchange(SCRAM_SHA_256, "wrong")),
        );
        peer.connack = undefined; // packets go on until it has failed
        await stage.closed(peer, what, [0x82, 0x87, 0x8c]);
      }
    },
  ),
);
