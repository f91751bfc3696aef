/** Attacks by who is not a client yet. */

import { assert, assertEquals } from "@std/assert";
import { makeCertificates } from "../_certificates.ts";
import { connect, hex, join, packet, publish } from "../_raw_client.ts";
import { request } from "../_websocket_peer.ts";
import { growth, ROOM, Siege } from "./_siege.ts";

const quick = { limits: { connectTimeout: 2 } };

/** What sends a little at a time, for ever. */
const slow: readonly [what: string, bytes: Uint8Array][] = [
  ["nothing", new Uint8Array()],
  ["CONNECT a byte at a time", connect(5, { clientId: "x".repeat(100) })],
];

for (const [what, bytes] of slow) {
  Deno.test(`hostile: who sends ${what} is closed by the connect timeout`, async () => {
    await using siege = await Siege.lay(quick);
    const attackers = await Promise.all(
      Array.from({ length: 100 }, () => siege.open()),
    );
    await siege.until(
      "they are accepted",
      () => siege.broker.metrics.connectionsOpen === 102,
    );
    for (let i = 0; i < 7; i++) {
      await Promise.all(
        attackers.map((one) => one.send(bytes.slice(i, i + 1))),
      );
      siege.pass(0.25);
    }
    assertEquals(siege.reasons, []);
    siege.pass(0.5);
    await Promise.all(attackers.map((one) => one.verdict()));
    assertEquals(
      siege.reasons,
      Array(100).fill("no CONNECT within 2 s"),
    );
    assertEquals(siege.broker.metrics.connectionsRefused, 100);
  });
}

Deno.test("hostile: who sends the request for a WebSocket a byte at a time is closed by the connect timeout", async () => {
  await using siege = await Siege.lay(quick, { type: "ws" });
  const attacker = await siege.open(5, siege.otherPort);
  for (const byte of request().subarray(0, 7)) {
    await attacker.send(Uint8Array.of(byte));
    siege.pass(0.25);
  }
  assertEquals(siege.reasons, []);
  siege.pass(0.5);
  assertEquals(await attacker.verdict(), undefined);
  assertEquals(siege.reasons, ["the handshake was not complete within 2 s"]);
  assertEquals(siege.broker.metrics.handshakesFailed, 1);
});

Deno.test("hostile: who goes on with its headers for ever is refused when they are too long", async () => {
  await using siege = await Siege.lay({}, { type: "ws" });
  const attacker = await siege.open(5, siege.otherPort);
  await attacker.send(request().slice(0, -2));
  const header = new TextEncoder().encode(`X: ${"x".repeat(1000)}\r\n`);
  while (await attacker.send(header) && siege.reasons.length === 0) {
    await siege.peace(1);
  }
  const answer = new TextDecoder().decode(await attacker.read());
  assert(answer.startsWith("HTTP/1.1 431 "), answer);
});

Deno.test("hostile: who makes the handshake of TLS slowly is closed by the connect timeout", async () => {
  await using certificates = await makeCertificates();
  const { certfile, keyfile } = certificates.server;
  await using siege = await Siege.lay(quick, { ssl: true, certfile, keyfile });
  // The beginning of a ClientHello.
  const hello = hex("16 03 01 02 00 01 00 01 fc 03 03");
  const attackers = [];
  for (let i = 0; i < 20; i++) {
    attackers.push(await siege.open(5, siege.otherPort));
  }
  await siege.peace(2);
  for (let i = 0; i < 7; i++) {
    for (const one of attackers) await one.send(hello.slice(i, i + 1));
    siege.pass(0.25);
  }
  siege.pass(0.5);
  await Promise.all(attackers.map((one) => one.verdict()));
  assertEquals(
    siege.reasons,
    Array(20).fill("the handshake was not complete within 2 s"),
  );
});

Deno.test("hostile: two thousand connections with CONNECT at once all get their answer, and leave nothing behind", async () => {
  await using siege = await Siege.lay();
  const { metrics } = siege.broker;
  const grown = await growth(async () => {
    for (let i = 0; i < 2000; i += 200) {
      await Promise.all(Array.from({ length: 200 }, async (_, k) => {
        using attacker = await siege.open();
        await attacker.send(connect(5, { clientId: `flood ${i + k}` }));
        await attacker.until("connack");
      }));
    }
  });
  await siege.until("they are gone", () => metrics.connectionsOpen === 2);
  assert(grown < ROOM, `${grown} MB`);
  assertEquals(metrics.connectionsAccepted, 2002);
});

Deno.test("hostile: above the limit on connections others are closed at once, and those there are go on", async () => {
  await using siege = await Siege.lay({ limits: { connections: 100 } });
  for (let i = 0; i < 300; i++) await siege.open();
  await siege.until(
    "202 are refused",
    () => siege.broker.metrics.connectionsRefused === 202,
  );
  assertEquals(
    new Set(siege.reasons),
    new Set(["too many connections: the broker has 100"]),
  );
});

Deno.test("hostile: half-open connections are given up, though they say nothing of their end", async () => {
  await using siege = await Siege.lay();
  const { metrics } = siege.broker;
  const keepAlive = 10;
  for (let i = 0; i < 50; i++) {
    await siege.client({ clientId: `half ${i}`, keepAlive });
  }
  siege.pass(14);
  assertEquals(metrics.clientsConnected, 52);
  siege.pass(2);
  assertEquals(metrics.clientsConnected, 2);
  assertEquals(metrics.keepAliveTimeouts, 50);
  // They do not close their ends: the broker does not wait for that.
  await siege.peace(2);
  siege.pass(10);
  assertEquals(metrics.connectionsOpen, 2);
});

Deno.test("hostile: an address that breaks the protocol again and again is banned, and told of once", async () => {
  await using siege = await Siege.lay({
    trustedAddresses: [],
    limits: { failures: 20, banTime: 10 },
  });
  const { metrics } = siege.broker;
  // The two clients of the address may fail too: it has 60 attempts.
  for (let i = 0; i < 61; i++) await siege.verdictOn(hex("00 00"));
  assertEquals(siege.banned, [{
    address: "127.0.0.1",
    seconds: 10,
    reason: "Packet type 0 is reserved",
  }]);
  for (let i = 0; i < 100; i++) {
    assertEquals(await siege.verdictOn(connect(5)), undefined);
  }
  assertEquals(siege.banned.length, 1);
  assertEquals([metrics.addressesBanned, metrics.connectionsBanned], [1, 100]);
  assertEquals(metrics.connectionsAccepted, 63);
  siege.pass(10);
  await siege.client({ clientId: "sorry" });
});

Deno.test("hostile: who guesses passwords is banned, whoever knows one and is connected stays", async () => {
  await using siege = await Siege.lay({
    trustedAddresses: [],
    limits: { failures: 10 },
    plugins: [{
      name: "door",
      authenticate: ({ username }) => username === undefined,
    }],
  });
  const guess = connect(5, { username: "root", password: "1234" });
  for (let i = 0; i < 31; i++) assertEquals(await siege.verdictOn(guess), 0x86);
  assertEquals(await siege.verdictOn(guess), undefined);
  assertEquals(siege.broker.metrics.connectionsBanned, 1);
});

/** What is no CONNECT, and the CONNACK that says so; none where it may not be. */
const nonsense: readonly [what: string, bytes: Uint8Array, code?: number][] = [
  ["a PUBLISH", publish(5, { topic: "a" })],
  ["random bytes", hex("fe dc ba 98 76 54 32 10")],
  ["HTTP", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")],
  ["TLS", hex("16 03 01 02 00 01 00 01 fc 03 03")],
  ["a CONNECT of 256 MB", hex("10 ff ff ff 7f")],
  ["a remaining length of five bytes", hex("10 ff ff ff ff 01")],
  [
    "a client identifier that is not UTF-8",
    packet(0x10, hex("00 04 4d 51 54 54 05 02 00 00 00 00 02 c3 28")),
    0x81,
  ],
  [
    "a client identifier of 1,025 characters",
    connect(5, { clientId: "x".repeat(1025) }),
    0x85,
  ],
  [
    "properties that are longer than the packet",
    packet(0x10, hex("00 04 4d 51 54 54 05 02 00 00 ff ff 7f")),
    0x81,
  ],
];

for (const [what, bytes, code] of nonsense) {
  Deno.test(`hostile: ${what} instead of a good CONNECT ends the connection, ${code ? `with CONNACK 0x${code.toString(16)}` : "without a word"}`, async () => {
    await using siege = await Siege.lay();
    assertEquals(await siege.verdictOn(bytes), code);
    assertEquals(siege.reasons.length, 1);
    assertEquals(siege.broker.metrics.connectionsRefused, 1);
  });
}

Deno.test("hostile: a client identifier of 1,024 characters and a user name of 64 KiB are good", async () => {
  await using siege = await Siege.lay();
  const username = "u".repeat(65_535);
  await siege.client({ clientId: "x".repeat(1024), username, password: "p" });
});

Deno.test("hostile: a hundred CONNECTs of 256 MB that come byte by byte take no memory", async () => {
  await using siege = await Siege.lay({ limits: { connectTimeout: 5 } });
  const grown = await growth(async () => {
    for (let i = 0; i < 100; i++) {
      const attacker = await siege.open();
      // The largest that is not refused by its length.
      await attacker.send(
        join(hex("10 f0 ff 1f"), hex("00 04 4d 51 54 54 05")),
      );
    }
    await siege.peace(3);
  });
  assert(grown < 50, `${grown} MB`);
  siege.pass(6);
  assertEquals(siege.reasons.length, 100);
});
