/** Client identifiers (section 3.1.3.1). */

import {
  chapter,
  type Check,
  check,
  every,
  informative,
  oasis,
  v311,
  v5,
} from "./_check.ts";
import { describe } from "./_peer.ts";
import { endsWithCode } from "./_refusal.ts";
import { holds } from "./_verdict.ts";

/** The checks. */
export const identifierChecks: readonly Check[] = chapter(
  "Client identifiers",
  check(
    oasis,
    "identifiers of 1 to 23 digits and letters are accepted [MQTT-3.1.3-5] [MQTT311-3.1.3-5]",
    async (stage) => {
      const start = stage.clientId("");
      const ids = ["", "0Az"].map((end) => `${start}${end}`);
      ids.push(start.padEnd(23, "zyxwvutsrqponmlkjihgfedcba"));
      for (const clientId of ids) await stage.connect("a", { clientId });
    },
  ),
  informative(
    every,
    "whether longer identifiers are accepted",
    async (stage) => {
      for (const length of [24, 128, 1024, 65_535]) {
        const clientId = stage.clientId("").padEnd(length, "x");
        const peer = await stage.open();
        await peer.send(stage.connectPacket("", { clientId }));
        const packet = await peer.nextOrEnd("CONNACK");
        if (packet?.type !== "connack" || packet.reasonCode !== 0) {
          return stage.note(`${length} characters: ${describe(packet)}`);
        }
        stage.note(`${length} characters: yes`);
      }
    },
  ),
  check(
    v5,
    "an empty identifier is answered with an assigned one that is unique [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]",
    async (stage) => {
      const [a, b] = [
        await stage.connect("a", { clientId: "" }),
        await stage.connect("b", { clientId: "" }),
      ].map(({ connack }) => connack?.properties?.assignedClientIdentifier);
      holds(!!a && !!b, "Assigned Client Identifier", [a, b]);
      holds(a !== b, "identifiers that differ", [a, b]);
    },
  ),
  check(
    v311,
    "clients with empty identifiers are told apart [MQTT311-3.1.3-6]",
    async (stage) => {
      const a = await stage.connect("a", { clientId: "" });
      const b = await stage.connect("b", { clientId: "" });
      await a.quiet("another client has another identifier");
      await b.quiet("another client has another identifier");
    },
  ),
  check(
    v311,
    "an empty identifier without Clean Session is refused with 0x02 [MQTT311-3.1.3-7] [MQTT311-3.1.3-8] [MQTT311-3.1.3-9] [MQTT311-3.2.2-5]",
    async (stage) => {
      const peer = await stage.open();
      await peer.send({
        ...stage.connectPacket("", { clientId: "" }),
        cleanStart: false,
      });
      await endsWithCode(peer, [0x02], "no identifier", true);
    },
  ),
  check(
    oasis,
    "a second client with an identifier takes the place of the first [MQTT-3.1.4-3] [MQTT-3.1.3-2] [MQTT311-3.1.4-2] [MQTT311-3.1.3-2]",
    async (stage) => {
      const first = await stage.connect("a");
      const second = await stage.connect("a");
      first.connack = undefined; // it may be closed already: no PINGREQ
      await stage.closed(first, "the identifier is used again", [0x8e]);
      await second.quiet("it is connected");
    },
  ),
);
