/** Attacks by WebSocket: frames that are cheap to make and mean nothing. */

import { assert, assertEquals } from "@std/assert";
import { connect, join, pingreq } from "../_raw_client.ts";
import {
  frame,
  type FrameFields,
  opcodes,
  request,
} from "../_websocket_peer.ts";
import { type Attacker, growth, ROOM, Siege } from "./_siege.ts";

function lay(limits: Record<string, number> = {}): Promise<Siege> {
  return Siege.lay({ limits }, { type: "ws" });
}

/** A WebSocket on which nothing was said yet. */
async function open(siege: Siege): Promise<Attacker> {
  const attacker = await siege.open(5, siege.otherPort);
  await attacker.send(request());
  await attacker.read();
  return attacker;
}

/** One whose CONNECT was accepted. */
async function connected(siege: Siege, keepAlive = 0): Promise<Attacker> {
  const attacker = await open(siege);
  const payload = connect(5, { clientId: "attacker", keepAlive });
  await attacker.send(frame({ payload }));
  await attacker.read();
  return attacker;
}

/** The code of the close frame that bytes end with. */
function closeCode(bytes: Uint8Array): number {
  return bytes.at(-2)! * 256 + bytes.at(-1)!;
}

/** Frames that may not be sent, and the code that the WebSocket is closed with. */
const wrong: readonly [what: string, fields: FrameFields, code: number][] = [
  ["is not masked", { mask: undefined }, 1002],
  ["is text", { opcode: opcodes.text }, 1003],
  ["has reserved bits", { reserved: 4 }, 1002],
  ["is of an unknown kind", { opcode: 3 }, 1002],
  ["is a ping of 126 bytes", { opcode: 9, payload: new Uint8Array(126) }, 1002],
  ["is a ping in parts", { opcode: 9, final: false }, 1002],
  ["continues nothing", { opcode: 0 }, 1002],
  ["has 2^63 bytes", { length: 2n ** 63n, lengthBytes: 8 }, 1002],
  ["has 2^60 bytes", { length: 2n ** 60n, lengthBytes: 8 }, 1009],
];

for (const [what, fields, code] of wrong) {
  Deno.test(`hostile: a WebSocket whose frame ${what} is closed with ${code}`, async () => {
    await using siege = await lay();
    const attacker = await connected(siege);
    await attacker.send(frame(fields));
    const answer = await attacker.read();
    assertEquals(closeCode(answer!), code);
    await siege.until("it is told", () => siege.reasons.length === 1);
    assertEquals(siege.reasons[0]!.startsWith("WebSocket: "), true);
  });
}

Deno.test("hostile: a hundred frames that announce 2^50 bytes take no memory", async () => {
  await using siege = await lay();
  const grown = await growth(async () => {
    for (let i = 0; i < 100; i++) {
      const attacker = await open(siege);
      await attacker.send(
        frame({ payload: connect(5), length: 2n ** 50n, lengthBytes: 8 }),
      );
      await attacker.read();
    }
  });
  assert(grown < 50, `${grown} MB`);
});

Deno.test("hostile: a message in a million empty fragments is no message, and no life sign", async () => {
  await using siege = await lay();
  const attacker = await connected(siege, 10);
  const empty = frame({ opcode: opcodes.continuation, final: false });
  await attacker.send(frame({ final: false }));
  const many = join(...Array(10_000).fill(empty));
  const grown = await growth(async () => {
    for (let i = 0; i < 20; i++) await attacker.send(many);
    await siege.peace(3);
  });
  assert(grown < ROOM, `${grown} MB`);
  siege.pass(1);
  await attacker.send(many);
  siege.pass(16);
  await siege.until("it is told", () => siege.reasons.length === 1);
  assertEquals(siege.reasons, ["no packet came for 15 s"]);
});

Deno.test("hostile: MQTT in fragments of a byte is MQTT", async () => {
  await using siege = await lay();
  const attacker = await connected(siege);
  const [first, second] = pingreq;
  await attacker.send(
    frame({ payload: Uint8Array.of(first!), final: false }),
    frame({ opcode: opcodes.continuation, final: false }),
    frame({ opcode: opcodes.continuation, payload: Uint8Array.of(second!) }),
  );
  const answer = await attacker.read();
  assertEquals(answer!.slice(-2), Uint8Array.of(0xd0, 0));
});

Deno.test("hostile: a flood of pings, whose pongs nobody reads, is taken in stride", async () => {
  await using siege = await lay();
  const attacker = await connected(siege, 10);
  const ping = frame({ opcode: opcodes.ping, payload: new Uint8Array(125) });
  const many = join(...Array(1000).fill(ping));
  const grown = await growth(async () => {
    for (let i = 0; i < 200; i++) await attacker.send(many);
    await siege.peace(3);
  });
  assert(grown < ROOM, `${grown} MB`);
  // Pings of a WebSocket are no packets.
  siege.pass(1);
  siege.pass(16);
  await siege.until("it is told", () => siege.reasons.length === 1);
  assertEquals(siege.reasons, ["no packet came for 15 s"]);
});

Deno.test("hostile: a frame a byte at a time does not make the broker wait for CONNECT any longer", async () => {
  await using siege = await lay({ connectTimeout: 5 });
  const attacker = await open(siege);
  const bytes = frame({ payload: connect(5) });
  for (let i = 0; i < 6; i++) {
    await attacker.send(bytes.slice(i, i + 1));
    await siege.peace(1);
    siege.pass(1);
  }
  await siege.until("it is told", () => siege.reasons.length === 1);
  assertEquals(siege.reasons, ["no CONNECT within 5 s"]);
});
