/** PINGREQ, keep alive, DISCONNECT and AUTH (sections 3.1.2.10, 3.12 to 3.15). */

import { packet, properties, string, uint16 } from "./_bytes.ts";
import {
  chapter,
  type Check,
  check,
  every,
  oasis,
  slow,
  v311,
  v5,
} from "./_check.ts";
import { Failure, same, Skip } from "./_verdict.ts";
import { describe } from "./_peer.ts";

/** A CONNECT of 5.0 with properties. */
function connect(id: string, ...parts: readonly (Uint8Array | number)[]) {
  const start = [string("MQTT"), 5, 2, uint16(60), properties(...parts)];
  return packet(0x10, ...start, string(id));
}

/** The checks. */
export const controlChecks: readonly Check[] = chapter(
  "PINGREQ, keep alive, DISCONNECT and AUTH",
  check(
    every,
    "each PINGREQ is answered with PINGRESP [MQTT-3.12.4-1] [MQTT311-3.12.4-1]",
    async (stage) => {
      const peer = await stage.connect("s");
      for (let i = 0; i < 3; i++) await peer.send({ type: "pingreq" });
      for (let i = 0; i < 3; i++) await peer.next("pingresp");
      await peer.quiet("all is answered");
    },
  ),
  slow(
    every,
    "a client that says nothing for one and a half times its keep alive is disconnected [MQTT-3.1.2-22] [MQTT-3.2.2-22] [MQTT311-3.1.2-24]",
    async (stage) => {
      const peer = await stage.connect("s", { keepAlive: 1 });
      const seconds = peer.connack?.properties?.serverKeepAlive ?? 1;
      if (seconds > 5) throw new Skip(`the broker asks for ${seconds} s`);
      await stage.wait(1.2 * seconds);
      await peer.quiet("less than one and a half times has passed");
      await stage.wait(3 * seconds);
      peer.connack = undefined; // a PINGREQ would be too late
      await stage.closed(peer, "nothing was said", [0x8d]);
    },
  ),
  slow(
    oasis,
    "a client without keep alive is not disconnected [MQTT-3.1.2-22] [MQTT311-3.1.2-24]",
    async (stage) => {
      const peer = await stage.connect("s", { keepAlive: 0 });
      await stage.wait(4);
      await peer.quiet("there is no keep alive");
    },
  ),
  slow(
    oasis,
    "any packet keeps a client alive [MQTT-3.1.2-22] [MQTT311-3.1.2-24]",
    async (stage) => {
      const peer = await stage.connect("s", { keepAlive: 2 });
      for (let i = 0; i < 4; i++) {
        await stage.wait(1.5);
        await peer.publish(stage.topic("a"), "", { qos: 1 });
      }
      await peer.quiet("it has sent packets");
    },
  ),
  check(
    every,
    "after DISCONNECT the broker sends nothing and closes [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT311-3.14.4-1]",
    async (stage) => {
      const peer = await stage.connect("s");
      await peer.send({ type: "disconnect", reasonCode: 0 });
      same((await peer.ended("DISCONNECT")).map(describe), [], "packets");
    },
  ),
  check(
    v311,
    "a DISCONNECT that is not empty does no harm to others [MQTT311-4.8.0-1]",
    async (stage) => {
      const other = await stage.connect("o");
      const peer = await stage.connect("s");
      await peer.sendBytes(packet(0xe0, 0));
      await peer.ended("DISCONNECT of one byte");
      await other.quiet("nothing was asked for");
    },
  ),
  check(
    v5,
    "DISCONNECT in all its forms is understood [MQTT-3.14.2-1] [MQTT-3.14.1-1]",
    async (stage) => {
      const forms = [
        packet(0xe0, 0),
        packet(0xe0, 0, 0),
        packet(0xe0, 0, properties(0x1f, string("bye"))),
        packet(0xe0, 0, properties(0x26, string("a"), string("b"))),
        packet(0xe0, 0, properties(0x11, 0, 0, 0, 0)),
      ];
      for (const bytes of forms) {
        const peer = await stage.connect("s");
        await peer.sendBytes(bytes);
        same((await peer.ended("DISCONNECT")).map(describe), [], "packets");
      }
    },
  ),
  check(
    v5,
    "DISCONNECT with a code that is not its own is malformed: the will is published [MQTT-3.14.2-1]",
    async (stage) => {
      const topic = stage.topic("will");
      const looking = await stage.connect("w");
      await looking.subscribe(topic);
      for (const code of [0x01, 0x03, 0x8c]) {
        const peer = await stage.connect("s", { will: { topic } });
        await peer.sendBytes(packet(0xe0, code));
        await stage.closed(peer, `DISCONNECT 0x${code.toString(16)}`);
        await looking.next("publish");
      }
    },
  ),
  check(
    v5,
    "a broker's DISCONNECT has no Session Expiry Interval [MQTT-3.14.2-2]",
    async (stage) => {
      const first = await stage.connect("s", { session: true });
      await stage.connect("s", { session: true });
      first.connack = undefined; // it may be closed already: no PINGREQ
      const [packet] = await first.ended("the identifier is used again");
      if (packet === undefined) return stage.note("there is no DISCONNECT");
      if (packet.type !== "disconnect") {
        throw new Failure("DISCONNECT", describe(packet));
      }
      const interval = packet.properties?.sessionExpiryInterval;
      same(interval ?? null, null, "Session Expiry Interval");
    },
  ),
  check(
    v5,
    "AUTH of a client that has no method ends the connection [MQTT-4.12.0-7] [MQTT-4.12.0-6]",
    async (stage) => {
      const method = properties(0x15, string("x"));
      const forms = [
        packet(0xf0),
        packet(0xf0, 0x18, method),
        packet(0xf0, 0x19, method),
      ];
      for (const bytes of forms) {
        const peer = await stage.connect("s");
        const { authenticationMethod } = peer.connack?.properties ?? {};
        same(authenticationMethod ?? null, null, "method in CONNACK");
        await peer.sendBytes(bytes);
        await stage.closed(peer, "AUTH without a method", [0x82, 0x81, 0x8c]);
      }
    },
  ),
  check(
    v5,
    "AUTH with flags that are not its own ends the connection [MQTT-3.15.1-1]",
    async (stage) => {
      const peer = await stage.connect("s");
      await peer.sendBytes(packet(0xf1));
      await stage.closed(peer, "flags 1");
    },
  ),
  check(
    v5,
    "AUTH with a code that is not its own ends the connection [MQTT-3.15.2-1]",
    async (stage) => {
      for (const code of [0x01, 0x80]) {
        const peer = await stage.connect("s");
        const method = properties(0x15, string("x"));
        await peer.sendBytes(packet(0xf0, code, method));
        await stage.closed(peer, `AUTH 0x${code.toString(16)}`);
      }
    },
  ),
  check(
    v5,
    "an authentication method that is not known is refused [MQTT-4.12.0-1] [MQTT-4.12.0-4]",
    async (stage) => {
      const peer = await stage.open();
      const method = [0x15, string("no such method")];
      await peer.sendBytes(connect(stage.clientId("s"), ...method));
      await stage.refused(peer, "method", [0x8c, 0x87]);
    },
  ),
  check(
    v5,
    "nothing but AUTH and DISCONNECT is taken before the authentication is over [MQTT-3.1.2-30] [MQTT-3.1.4-6]",
    async (stage) => {
      const topic = stage.topic("a");
      const looking = await stage.connect("w");
      await looking.subscribe(topic);
      const peer = await stage.open();
      const method = [0x15, string("no such method")];
      await peer.sendBytes(
        connect(stage.clientId("s"), ...method),
        packet(0x30, string(topic), 0),
      );
      await stage.refused(peer, "method", [0x8c, 0x87]);
      const other = await stage.connect("o");
      same(await stage.payloads(looking, other), [], "payloads");
    },
  ),
  check(
    oasis,
    "a client that was refused is not heard [MQTT-3.1.4-6] [MQTT311-3.1.4-5]",
    async (stage) => {
      const topic = stage.topic("a");
      const looking = await stage.connect("w");
      await looking.subscribe(topic);
      const peer = await stage.open();
      const none = stage.version === 5 ? [0] : [];
      const start = [string("MQTT"), stage.version, 3, uint16(60), ...none];
      await peer.sendBytes(
        packet(0x10, ...start, string(stage.clientId("s"))),
        packet(0x30, string(topic), ...none),
      );
      await stage.refused(peer, "reserved flag");
      const other = await stage.connect("o");
      same(await stage.payloads(looking, other), [], "payloads");
    },
  ),
);
